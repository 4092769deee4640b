"""Every command refuses bad input: an exit code, one line on the error stream, nothing written."""

from __future__ import annotations

from pathlib import Path

import pytest

from htmu.cli import main

FAILURE, USAGE = 1, 2

#: Files that are neither runs nor eigenvalues.
FOREIGN = ["foreign.htmu", "foreign.npy", "foreign.csv"]
CONTENT = b"not a run\n" * 1000

BAD = ["ten", "2.5", "nan", "inf", "0", "-1", "1000000000", "", "3;4"]
CELL = ["-m", "2", "-n", "3", "--alpha", "1", "--tol", "0.5"]
KAPPA = ["kappa", *CELL]
SWEEP = ["sweep", *CELL, "--out", "run.htmu"]
FIT = ["fit", "foreign.npy"]
FIT_OPTIONS = {
    "--gamma": ["ten", "nan", "inf", "0", "-1", ""],
    "--kappa": ["ten", "nan", "-inf", "-1", "1e9", ""],
    "--method": ["", "nope"],
    "--window": ["", "1", "2,1", "1,2,3", "a,b", "-1,2", "nan,1", "1,1"],
    "--spikes": ["", "all", "-1", "2.5"],
    "--confidence": ["ten", "nan", "0", "1", "-1", "2"],
    "--seed": ["ten", "2.5", "-1", "nan"],
    "--threads": ["ten", "2.5", "0", "-1", "1000000000"],
    "--key": ["x"],
    "--column": ["x"],
    "--plot": ["out.xyz", "out"],
}
OPTIONS = {
    "-m": BAD,
    "-n": BAD,
    "--alpha": ["ten", "nan", "inf", "-1", "-2", ""],
    "--tol": ["ten", "nan", "inf", "0", "-1", ""],
    "--confidence": ["ten", "nan", "0", "1", "-1", "2"],
    "--seed": ["ten", "2.5", "-1", "nan"],
    "--threads": ["ten", "2.5", "0", "-1", "1000000000"],
    "--max-samples": ["ten", "2.5", "0", "-1", "1" + "0" * 30],
    "--block-beta": ["ten", "0", "-1", "nan"],
    "--structure": ["", "nope", "FULL"],
    "--method": ["", "nope"],
    "--reference": ["", "nope"],
}
LINES = [
    *([*KAPPA, option, bad] for option, values in OPTIONS.items() for bad in values),
    *([*SWEEP, option, bad] for option, values in OPTIONS.items() for bad in values),
    *([*FIT, option, bad] for option, values in FIT_OPTIONS.items() for bad in values),
    *([*SWEEP, option, "3,,x"] for option in ("--m", "--n", "--alpha")),
    ["nope"],
    ["kappa", "extra"],
    ["kappa", "--nope"],
    ["kappa", "-m", "3"],
    ["kappa", "--structure", "full", "-m", "3", "-n", "3"],
    ["kappa", "--structure", "kronecker", "--dims", "3,x"],
    ["kappa", "--structure", "kronecker", "--dims", "3,3", "-m", "3"],
    ["sweep"],
    ["sweep", "--preset", "nope"],
    ["sweep", "--preset", "quick", "--m", "3"],
    ["fit"],
    ["fit", "run.htmu"],
    ["fit", "missing"],
    FIT,
    [*FIT, "missing.npy", "--plot", "out.png"],
    [*FIT, "--csv", "foreign.npy"],
    ["fit", "foreign.csv"],
    ["fit", "foreign.csv", "--column", "2"],
    ["fit", "foreign.csv", "--key", "x"],
    ["results", "nope"],
    ["results", "show"],
    ["results", "export", "run.htmu"],
    ["law"],
    *(["law", "run.htmu", "--maxsize", bad] for bad in ("ten", "2.5")),
    *(["law", "run.htmu", option, "ten"] for option in ("--floor", "--timeout", "--seed")),
    ["law", "run.htmu", "--out", "law.pdf"],
    ["law", "run.htmu", "--plot", "law.txt"],
    ["info", "extra"],
]
#: Files that are missing, foreign or cannot be written: the input is good, the machine refuses.
FILES = [
    ["results", "show", "missing.htmu"],
    ["results", "export", "missing.htmu", "out.csv"],
    ["results", "plot", "missing.htmu", "out.png"],
    ["law", "missing.htmu"],
    ["law", "foreign.htmu"],
    ["law", "missing.htmu", "--out", "missing/law.json"],
    ["results", "show", "foreign.htmu"],
    ["results", "show", "."],
    ["sweep", "--out", "missing.htmu", "--resume"],
    [*SWEEP[:-1], "missing/run.htmu"],
    [*SWEEP[:-1], "foreign.htmu"],
    [*SWEEP, "--csv", "missing/out.csv"],
    [*SWEEP, "--plot", "missing/out.png"],
    ["fit", "missing.npy"],
    ["fit", "missing/a.csv"],
    ["fit", "folder.npy"],
    [*FIT, "--csv", "missing/out.csv"],
    [*FIT, "--csv", "."],
    [*FIT, "--plot", "missing/out.png"],
]


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("htmu: error: ")
    assert err.count("\n") == 1
    return err


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in FOREIGN:
        (tmp_path / name).write_bytes(CONTENT)
    (tmp_path / "folder.npy").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def assert_nothing_written(folder: Path) -> None:
    assert sorted(file.name for file in folder.iterdir()) == sorted([*FOREIGN, "folder.npy"])
    assert [(folder / name).read_bytes() for name in FOREIGN] == [CONTENT] * len(FOREIGN)
    assert list((folder / "folder.npy").iterdir()) == []


@pytest.mark.parametrize("line", LINES, ids=" ".join)
def test_bad_usage(line: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(line) == USAGE
    one_line(capsys)
    assert_nothing_written(folder)


@pytest.mark.parametrize("line", FILES, ids=" ".join)
def test_bad_files(line: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(line) == FAILURE
    one_line(capsys)
    assert_nothing_written(folder)
