"""``htmu law``."""

from __future__ import annotations

import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from htmu.errors import AccuracyWarning, EngineError
from htmu.sweeps import SweepResult, sweep

Run = Callable[..., Any]


@pytest.fixture
def result(tmp_path: Path) -> SweepResult:
    return sweep(m=[2, 3, 5, 9], n=[2, 3, 5, 9], alpha=[1, 2], tol=0.05, out=tmp_path / "run.htmu")


@pytest.mark.usefixtures("result")
def test_table_and_law(run: Run) -> None:
    outcome = run("law", "run.htmu", "--maxsize", "3")
    assert (outcome.code, outcome.err) == (0, "")
    lines = outcome.out.splitlines()
    assert lines[0].split() == ["size", "chi2/dof", "rms", "inside", "beyond", "law"]
    assert lines[1].split()[0] == "1"
    assert sum(line.endswith(" *") for line in lines) == 1
    (law,) = (line for line in lines if line.startswith("kappa = "))
    assert f"{law.removeprefix('kappa = ')} *" in outcome.out
    assert "domain: m 2 to 9, n 2 to 9, alpha 1 to 2" in lines
    assert "all formulas up to size 3" in lines[-1]
    assert run("law", "run.htmu", "--maxsize", "3", "--quiet").out == f"{law}\n"


@pytest.mark.usefixtures("result")
def test_files(run: Run) -> None:
    outcome = run("law", "run.htmu", "--maxsize", "3", "--out", "law.json", "--json")
    written = json.loads(Path("law.json").read_text())
    assert json.loads(outcome.out)["front"] == written["front"]
    best = written["front"][written["best"]]

    assert run("law", "run.htmu", "--maxsize", "3", "--out", "law.tex").code == 0
    latex = Path("law.tex").read_text()
    assert f"\\kappa = {best['latex']}\n" in latex
    assert latex.count("\\\\") == len(written["front"]) + 1
    assert latex.count("{") == latex.count("}")

    assert run("law", "run.htmu", "--maxsize", "3", "--out", "law.html").code == 0
    page = Path("law.html").read_text()
    HTMLParser().feed(page)
    assert f"<code>{best['text']}</code>" in page
    assert page.count("<tr") == len(written["front"]) + 1
    assert "<svg" in page
    assert "<script" not in page


@pytest.mark.usefixtures("result")
def test_picture_and_options(run: Run) -> None:
    line = "law run.htmu --features n --engine operon --maxsize 3 --seed 1 --threads 1 --floor 0.01"
    outcome = run(*line.split(), "--plot", "law.png")
    assert (outcome.code, outcome.err) == (0, "")
    assert "engine operon, seed 1" in outcome.out
    assert Path("law.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("result")
@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("--engine nope", 2, "engine must be one of"),
        ("--maxsize 0", 2, "maxsize must be"),
        ("--engine exhaustive --maxsize 20", 2, "operon"),
        ("--features m,k", 2, "no column 'k'"),
        ("--floor -1", 2, "floor"),
        ("--out law.txt", 2, "ends in .html, .json or .tex"),
        ("--out none/law.tex", 1, "there is no folder none"),
        ("--out=", 1, "an empty name"),
        ("--plot law.txt", 2, "ends in .png, .pdf or .svg"),
    ],
)
def test_mistakes(line: str, code: int, message: str, run: Run, tmp_path: Path) -> None:
    outcome = run("law", "run.htmu", *line.split())
    assert (outcome.code, outcome.out) == (code, "")
    (text,) = outcome.err.splitlines()
    assert message in text
    assert [path.name for path in tmp_path.iterdir()] == ["run.htmu"]


def test_unfinished_run_is_used_with_a_warning(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "run.htmu"
    with pytest.warns(AccuracyWarning):
        sweep(m=[2, 3], n=[2, 3, 4], alpha=1, tol=1e-4, max_samples=2000, out=path)
    outcome = run("law", "run.htmu", "--maxsize", "1")
    assert outcome.code == 0
    assert "cells did not reach the tolerance 0.0001" in outcome.err


def test_warnings_are_shown_with_an_error(run: Run, tmp_path: Path) -> None:
    sweep(m=[1, 2], n=[2, 3, 4], alpha=1, tol=0.05, out=tmp_path / "run.htmu")
    outcome = run("law", "run.htmu", "--timeout", "1e-9")
    assert (outcome.code, outcome.out) == (1, "")
    warning, error = outcome.err.splitlines()
    assert "warning: 3 of 6 cells are exact" in warning
    assert "ran out of its 1e-09 s" in error


@pytest.mark.usefixtures("result")
def test_blanks_between_features(run: Run) -> None:
    outcome = run("law", "run.htmu", "--maxsize", "1", "--features", "m, n")
    assert outcome.code == 0
    assert "domain: m 2 to 9, n 2 to 9" in outcome.out


@pytest.mark.parametrize(
    ("name", "message"), [(".", "it is a folder"), ("", "no run at ''"), ("x.htmu", "no run at x")]
)
def test_no_run(name: str, message: str, run: Run) -> None:
    outcome = run("law", name)
    assert (outcome.code, outcome.out) == (1, "")
    (text,) = outcome.err.splitlines()
    assert message in text
    assert "write" not in text


@pytest.mark.usefixtures("result")
def test_julia_that_does_not_start_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise EngineError("Julia did not start; take --engine operon")

    monkeypatch.setattr("htmu.symbolic.pysr._import_pysr", fail)
    outcome = run("law", "run.htmu", "--engine", "pysr")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == "htmu: error: Julia did not start; take --engine operon\n"
