"""``htmu fit``."""

from __future__ import annotations

import csv
import json
import math
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest

import htmu
from htmu.arguments import FloatArray
from htmu.cli.eigenvalues import read_eigenvalues
from htmu.errors import InvalidInputError, RunFileError

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def values() -> FloatArray:
    a = 5 / 2 * (1 / 0.4 - 1 + 1 / 120) - 1
    return htmu.LaguerreEnsemble(120, beta=5 / 120, a=a).eigenvalues(1, seed=1).ravel()


@pytest.fixture
def files(run: Run, values: FloatArray) -> dict[str, Path]:
    """The same eigenvalues in each format, in the folder that commands run in."""
    np.save("a.npy", values)
    np.savez("b.npz", values)
    np.savez("c.npz", spectrum=values, other=np.arange(3.0))
    np.savetxt("d.txt", values, fmt="%.17g")
    Path("e.csv").write_text("eigenvalue\n" + "".join(f"{v!r}\n" for v in values.tolist()))
    Path("f.csv").write_text(
        "# two columns\nlayer;eigenvalue\n\n" + "".join(f"1;{v!r}\n" for v in values.tolist())
    )
    return {path.name: path for path in Path().iterdir()}


def fields(line: str) -> list[str]:
    return [cell for cell in line.split("  ") if cell]


def test_table_has_the_fits_numbers(run: Run, files: object, values: FloatArray) -> None:
    outcome = run("fit", "a.npy", "--gamma", "0.4")
    assert (outcome.code, outcome.err) == (0, "")
    fit = htmu.fit_spectrum(values, gamma=0.4)
    head, row, _, about = outcome.out.splitlines()
    assert head.split() == [
        "file",
        "used",
        "zeros",
        "spikes",
        "kappa",
        "interval",
        "gamma",
        "scale",
        "KS",
        "p",
        "model",
    ]
    cells = [cell.strip() for cell in fields(row)]
    assert cells[:4] == ["a.npy", "120", "0", "0"]
    kappa, error = (float(part) for part in cells[4].split(" ± "))
    assert abs(kappa - fit.kappa) < 0.01 * fit.kappa
    assert error == pytest.approx(fit.errors["kappa"], rel=0.1)
    low, high = (float(end) for end in cells[5].split(" to "))
    assert (low, high) == pytest.approx(fit.intervals["kappa"], rel=0.01)
    assert cells[6] == "0.4"
    assert cells[8:10] == [f"{fit.ks:.3g}", f"{fit.p_value:.2g}"]
    assert cells[10] == {"htmp": "HTMP", "gamma": "Gamma law"}[fit.comparison[0].name]
    assert about == "law of the eigenvalues (--weights), method mle, 95 % intervals, seed 0"


@pytest.mark.parametrize(
    "line",
    [
        "a.npy",
        "b.npz",
        "c.npz --key spectrum",
        "d.txt",
        "e.csv",
        "f.csv --column eigenvalue",
        "f.csv --column 2",
        "e.csv --column eigenvalue",
    ],
)
def test_every_format_is_the_same_spectrum(
    line: str, run: Run, files: object, values: FloatArray
) -> None:
    file, *options = line.split()
    options = ["--gamma", "0.4", *options]
    outcome = run("fit", file, *options, "--json")
    assert (outcome.code, outcome.err) == (0, "")
    found = json.loads(outcome.out)
    assert found["file"] == file
    assert found["kappa"] == htmu.fit_spectrum(values, gamma=0.4).kappa


def test_options_are_passed_on(run: Run, files: object, values: FloatArray) -> None:
    line = "--inverse --kappa 3 --method ks --window 0.1,3 --spikes none --confidence 0.8 --seed 4"
    np.save("i.npy", 1 / values)
    outcome = run("fit", "i.npy", *line.split(), "--threads", "1", "--json")
    assert outcome.code == 0, outcome.err
    found = json.loads(outcome.out)
    expected = htmu.fit_spectrum(
        1 / values,
        inverse=True,
        kappa=3.0,
        method="ks",
        window=(0.1, 3.0),
        spikes=None,
        confidence=0.8,
        seed=4,
    ).to_dict()
    del found["file"], found["elapsed"], expected["elapsed"]
    assert found == json.loads(json.dumps(expected))
    assert (found["inverse"], found["kappa"], found["window"]) == (True, 3.0, [0.1, 3.0])


def test_window_in_words_and_spikes_by_number(run: Run, files: object, values: FloatArray) -> None:
    for window in ("0.5,inf", "0.5 inf", "0.5, inf"):
        outcome = run("fit", "a.npy", "--gamma", "0.4", "--window", window, "--json")
        assert outcome.code == 0, outcome.err
        assert json.loads(outcome.out)["n_used"] == int((values > 0.5).sum())
    np.save("s.npy", np.concatenate([values, [1e3, 2e3, 3e3]]))
    outcome = run("fit", "s.npy", "--gamma", "0.4", "--json", "--spikes", "3")
    assert json.loads(outcome.out)["spikes"] == [1e3, 2e3, 3e3]
    outcome = run("fit", "s.npy", "--gamma", "0.4")
    assert fields(outcome.out.splitlines()[1])[3].strip() == "3"


def test_limits(run: Run, files: object) -> None:
    outcome = run("fit", "a.npy", "--kappa", "0")
    assert outcome.code == 0
    assert "0 (delta " in outcome.out
    assert "given" in outcome.out
    outcome = run("fit", "a.npy", "--kappa", "inf", "--json")
    found = json.loads(outcome.out)
    assert (outcome.code, found["kappa"], found["boundary"]) == (0, "inf", "kappa = inf")


def test_csv_and_json_of_several(run: Run, files: object, values: FloatArray) -> None:
    outcome = run("fit", "a.npy", "e.csv", "--gamma", "0.4", "--csv", "out.csv", "--json")
    assert (outcome.code, outcome.err) == (0, "")
    first, second = json.loads(outcome.out)
    assert (first["file"], second["file"]) == ("a.npy", "e.csv")
    with open("out.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    fit = htmu.fit_spectrum(values, gamma=0.4)
    assert [row["file"] for row in rows] == ["a.npy", "e.csv"]
    for row in rows:
        assert float(row["kappa"]) == fit.kappa
        assert float(row["kappa_error"]) == fit.errors["kappa"]
        assert (float(row["kappa_low"]), float(row["kappa_high"])) == fit.intervals["kappa"]
        assert (float(row["gamma"]), row["gamma_error"]) == (fit.gamma, "")
        assert float(row["p_value"]) == fit.p_value
        assert (row["model"], row["n_used"]) == (fit.comparison[0].name, "120")


def test_quiet_is_a_line_a_file(run: Run, files: object) -> None:
    outcome = run("fit", "a.npy", "e.csv", "--gamma", "0.4", "--quiet")
    first, second = outcome.out.splitlines()
    assert first.startswith("a.npy: kappa = ")
    assert second == first.replace("a.npy", "e.csv")
    np.save("gamma.npy", np.random.default_rng(0).gamma(0.5, size=500))
    assert re.fullmatch(
        r"gamma.npy: kappa = 0 \(at most 0\.\d+\)\n", run("fit", "gamma.npy", "-q").out
    )


def test_pictures(run: Run, files: object) -> None:
    assert run("fit", "a.npy", "--gamma", "0.4", "--plot", "one.png", "-q").code == 0
    assert matplotlib.image.imread("one.png").shape[:2] == (1600, 2080)
    assert run("fit", "a.npy", "e.csv", "--plot", "fit-{}.svg", "-q").code == 0
    assert {"fit-a.svg", "fit-e.svg"} < {path.name for path in Path().iterdir()}
    outcome = run("fit", "a.npy", "e.csv", "--plot", "two.png")
    assert outcome.code == 2
    assert "put {} in its name" in outcome.err
    outcome = run("fit", "a.npy", "./a.npy", "--plot", "fit-{}.png")
    assert (outcome.code, outcome.out) == (2, "")
    assert "would draw two files to fit-a.png" in outcome.err
    assert not Path("two.png").exists()
    assert not Path("fit-a.png").exists()


def test_input_is_never_written_over(run: Run, files: object) -> None:
    before = Path("e.csv").read_bytes()
    outcome = run("fit", "e.csv", "--csv", "./e.csv")
    assert outcome.code == 2
    assert outcome.err == "htmu: error: ./e.csv is a file of eigenvalues; write to another\n"
    assert Path("e.csv").read_bytes() == before


def test_one_bad_file_of_several(run: Run, files: object) -> None:
    Path("bad.txt").write_text("1\ntwo\n")
    outcome = run("fit", "a.npy", "bad.txt", "none.npy", "e.csv", "--gamma", "0.4", "--json")
    assert outcome.code == 2
    first, second = outcome.err.splitlines()
    assert first.startswith("htmu: error: bad.txt, line 2: 'two' is no number")
    assert second.startswith("htmu: error: cannot read none.npy: No such file")
    found = json.loads(outcome.out)
    assert [entry["file"] for entry in found] == ["a.npy", "bad.txt", "none.npy", "e.csv"]
    assert ["error" in entry for entry in found] == [False, True, True, False]
    outcome = run("fit", "none.npy", "a.npy", "--gamma", "0.4", "--csv", "out.csv")
    assert outcome.code == 1
    assert Path("out.csv").read_text().count("\n") == 2
    assert outcome.out.splitlines()[1].startswith("a.npy")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.npy", np.array([{}, 1], dtype=object), "a.npy: Python objects, not numbers"),
        ("a.npy", np.eye(12), "a.npy: eigenvalues must have one axis, got an array of shape "
         "(12, 12); this looks like a matrix"),
        ("a.npy", np.ones(12) * 1j, "a.npy: eigenvalues must be real, got complex"),
        ("a.npy", np.array([np.nan] * 3 + [1.0] * 12), "a.npy: eigenvalues hold 3 values"),
        ("a.npy", -np.ones(12), "a.npy: eigenvalues must not be negative, got -1"),
        ("a.npy", np.ones(12), "a.npy: eigenvalues must not be all equal"),
        ("a.npy", np.arange(5.0), "a.npy: eigenvalues must hold at least 10 values above 0"),
        ("a.npy", np.array(["x"] * 12), "a.npy: eigenvalues must be an array of real numbers"),
        ("a.npy", b"", "a.npy: the file is empty"),
        ("a.npy", b"not a NumPy file\n", "a.npy: "),
        ("a.npy", b"\x93NUMPY\x01\x00", "a.npy: not a whole file of NumPy's format"),
        ("a.npz", b"PK\x03\x04 and no more", "a.npz: not a whole file of NumPy's format"),
        ("a.npz", {"x": np.ones(3), "y": np.ones(3)}, "a.npz: 2 arrays; choose one with --key: "
         "x, y"),
        ("a.npz", {}, "a.npz: the file holds no array"),
        ("a.csv", b"", "a.csv: the file is empty"),
        ("a.csv", b"\n\n# nothing\n", "a.csv: no numbers in it"),
        ("a.csv", b"x,y\n", "a.csv: names of columns, but no numbers below them"),
        ("a.csv", b"x,y\n1,2\n", "a.csv: 2 columns; choose one with --column: x, y"),
        ("a.csv", b"1,2,3\n4,5,6\n", "a.csv: 3 columns; choose one with --column (1 to 3)"),
        ("a.csv", b"1,2\n3,4\n", "a.csv: 2 rows and columns look like a matrix"),
        ("a.csv", b"x\n1\n2\n3x\n", "a.csv, line 4: '3x' is no number"),
        ("a.csv", b"x,y\n1,2\n1\n", "a.csv, line 3: 1 columns, 2 in line 1"),
        ("a.txt", b"1+2j\n3\n", "a.txt, line 1: '1+2j' is a complex number"),
        ("a.txt", b"words\n", "a.txt, line 1: 'words' is no number"),
        ("a.txt", b"\xff\xfe\x00\x01", "a.txt: not a text in UTF-8"),
        ("a.txt", b"nan\n" * 12, "a.txt: eigenvalues hold 12 values that are not finite"),
        ("a.dat", b"1\n2\n", "a.dat: the suffix '.dat' names no format"),
        ("a", b"1\n2\n", "a: the suffix '' names no format"),
    ],
)  # fmt: skip
def test_bad_content(name: str, content: Any, message: str, run: Run) -> None:
    if isinstance(content, bytes):
        Path(name).write_bytes(content)
    elif isinstance(content, dict):
        np.savez(name, **content)
    else:
        np.save(name, content)
    outcome = run("fit", name, "--csv", "out.csv")
    assert (outcome.code, outcome.out) == (2, "")
    (line,) = outcome.err.splitlines()
    assert line.startswith(f"htmu: error: {message}")
    assert [path.name for path in Path().iterdir()] == [name]


def test_no_pickle_is_loaded(run: Run) -> None:
    """A pickle that would write a file when it is loaded."""

    class Writes:
        def __reduce__(self) -> Any:
            return Path.touch, (Path("loaded"),)

    np.save("a.npy", np.array([Writes()], dtype=object))
    np.savez("b.npz", np.array([Writes()], dtype=object))
    for name in ("a.npy", "b.npz"):
        assert run("fit", name).code == 2
    assert not Path("loaded").exists()


def test_missing_columns_keys_and_folders(run: Run, files: object) -> None:
    Path("folder.npy").mkdir()
    for line, code, message in (
        ("c.npz --key none", 2, "c.npz: no array 'none'; it has: spectrum, other"),
        ("a.npy --key x", 2, "a.npy: --key names an array of an .npz file"),
        ("a.npy --column x", 2, "a.npy: --column is for .csv and .txt files"),
        ("f.csv --column x", 2, "f.csv: no column 'x'; it has 2: layer, eigenvalue"),
        ("f.csv --column 3", 2, "f.csv: no column '3'"),
        ("folder.npy", 1, "folder.npy is a folder"),
    ):
        outcome = run("fit", *line.split())
        assert (outcome.code, outcome.out) == (code, "")
        assert outcome.err.startswith(f"htmu: error: {message}")


def test_one_row_and_one_column_are_flat(run: Run) -> None:
    Path("row.txt").write_text("1 2 3\n")
    Path("quoted.csv").write_text('"my value"\n"1.5"\n2\n')
    np.save("column.npy", np.ones((3, 1)))
    for name, expected in (
        ("row.txt", [1, 2, 3]),
        ("quoted.csv", [1.5, 2]),
        ("column.npy", [1, 1, 1]),
    ):
        assert read_eigenvalues(name, key=None, column=None).tolist() == expected
    with pytest.raises(RunFileError, match="cannot read none"):
        read_eigenvalues("none.txt", key=None, column=None)
    with pytest.raises(InvalidInputError, match="names no format"):
        read_eigenvalues("none.json", key=None, column=None)


def test_narrow_terminal_gets_a_line_a_quantity(
    run: Run, files: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("htmu.cli.output._PIPE_WIDTH", 60)
    outcome = run("fit", "a.npy", "e.csv", "--gamma", "0.4")
    lines = [line.split() for line in outcome.out.splitlines() if line]
    assert [words[:2] for words in lines if words[0] == "file"] == [
        ["file", "a.npy"],
        ["file", "e.csv"],
    ]
    assert ["gamma", "0.4"] in lines
    assert all("…" not in line for line in outcome.out.splitlines())


def test_warnings_follow_the_table(run: Run, values: FloatArray) -> None:
    np.save("z.npy", np.concatenate([np.zeros(30), values]))
    outcome = run("fit", "z.npy")
    assert outcome.code == 0
    assert fields(outcome.out.splitlines()[1])[2].strip() == "30"
    assert "z.npy: 30 of 150 eigenvalues are 0 (rank deficient)" in outcome.out


def test_plots_need_matplotlib(run: Run, files: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.backend_bases", None)
    outcome = run("fit", "a.npy", "--plot", "a.png")
    assert (outcome.code, outcome.out) == (1, "")
    assert "htmu[plot]" in outcome.err
    assert math.isfinite(json.loads(run("fit", "a.npy", "--json").out)["ks"])
