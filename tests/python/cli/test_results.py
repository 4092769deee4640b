"""``htmu results``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from htmu.sweeps import SweepResult, sweep
from htmu.sweeps.store import RunStore

Run = Callable[..., Any]


@pytest.fixture
def result(tmp_path: Path) -> SweepResult:
    return sweep(m=[2, 3], n=[2, 4], alpha=[1, 2], tol=0.1, out=tmp_path / "run.htmu")


@pytest.mark.usefixtures("result")
def test_show(run: Run) -> None:
    outcome = run("results", "show", "run.htmu")
    assert (outcome.code, outcome.err) == (0, "")
    lines = outcome.out.splitlines()
    assert lines[0] == "block-diagonal: m = 2 3, n = 2 4, alpha = 1 2"
    assert lines[3].split() == ["m", "n", "alpha", "kappa", "samples", "time"]
    assert len(lines) == 12


def test_show_as_json(run: Run, result: SweepResult) -> None:
    values = json.loads(run("results", "show", "run.htmu", "--json").out)
    assert [cell["kappa"] for cell in values["cells"]] == [cell.kappa for cell in result]


def test_show_a_run_that_has_just_begun(run: Run, result: SweepResult) -> None:
    with RunStore("new.htmu", result.grid, result.settings) as store:
        store.save(result.cells[3])
        outcome = run("results", "show", "new.htmu")
    assert "1 of 8 cells" in outcome.out
    with RunStore("empty.htmu", result.grid, result.settings):
        pass
    outcome = run("results", "show", "empty.htmu")
    assert (outcome.code, len(outcome.out.splitlines())) == (0, 2)
    assert run("results", "plot", "empty.htmu", "a.png").code == 2


def test_export(run: Run, result: SweepResult) -> None:
    outcome = run("results", "export", "run.htmu", "a.parquet")
    assert outcome == (0, "8 of 8 cells written to a.parquet\n", "")
    assert pd.read_parquet("a.parquet")["kappa"].tolist() == [cell.kappa for cell in result]
    assert run("results", "export", "run.htmu", "a.csv").code == 0
    assert pd.read_csv("a.csv")["n_samples"].tolist() == [cell.n_samples for cell in result]


@pytest.mark.usefixtures("result")
def test_plot(run: Run) -> None:
    outcome = run("results", "plot", "run.htmu", "a.png", "--dpi", "50")
    assert outcome == (0, "8 of 8 cells drawn to a.png\n", "")
    assert Path("a.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("result")
@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("export run.htmu a.xlsx", 2, "ends in .csv or .parquet"),
        ("export run.htmu none/a.csv", 1, "there is no folder none"),
        ("plot run.htmu a.txt", 2, "ends in .png, .pdf or .svg"),
        ("plot run.htmu none/a.png", 1, "there is no folder none"),
        ("plot run.htmu a.png --dpi 0", 2, "dpi"),
    ],
)
def test_mistakes(line: str, code: int, message: str, run: Run, tmp_path: Path) -> None:
    outcome = run("results", *line.split())
    assert (outcome.code, outcome.out) == (code, "")
    (text,) = outcome.err.splitlines()
    assert message in text
    assert [path.name for path in tmp_path.iterdir()] == ["run.htmu"]
