"""``htmu sweep``: runs, their files, and going on with them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from htmu.cli.progress import last_text, status_text
from htmu.sweeps import Grid, SweepProgress, SweepResult, SweepSettings, sweep

Run = Callable[..., Any]

LISTS = ("--m", "2,3", "--n", "2,4", "--alpha", "1,2")
QUICK = (*LISTS, "--tol", "0.1")


@pytest.fixture
def expected() -> SweepResult:
    return sweep(m=[2, 3], n=[2, 4], alpha=[1, 2], tol=0.1)


def kappas(path: str | os.PathLike[str]) -> list[float]:
    return [cell.kappa for cell in SweepResult.load(path)]


def test_run_prints_a_table_and_leaves_its_files(
    run: Run, expected: SweepResult, tmp_path: Path
) -> None:
    outcome = run("sweep", *QUICK, "--csv", "a.csv", "--plot", "a.png")
    assert outcome.code == 0
    assert sorted(os.listdir(tmp_path)) == ["a.csv", "a.png", "sweep.htmu"]
    assert kappas("sweep.htmu") == [cell.kappa for cell in expected]
    lines = outcome.out.splitlines()
    assert lines[0] == "block-diagonal: m = 2 3, n = 2 4, alpha = 1 2"
    assert lines[1] == (
        "8 of 8 cells, half-width 0.1 at 95 %, method selberg, reference weight, seed 0"
    )
    rows = [line.split() for line in lines[4:12]]
    assert [row[:3] for row in rows] == [
        [str(cell.m), str(cell.n), f"{cell.alpha:g}"] for cell in expected
    ]
    assert [float(row[3]) for row in rows] == pytest.approx(
        [cell.kappa for cell in expected], abs=1e-3
    )
    assert lines[-1].endswith("saved in sweep.htmu, a.csv, a.png")


def test_progress_is_plain_lines_where_there_is_no_terminal(run: Run) -> None:
    lines = run("sweep", *QUICK, "--threads", "1").err.splitlines()
    assert lines[0].startswith("1/8 cells")
    assert lines[-1].startswith("8/8 cells")
    assert all("kappa = " in line and "\x1b" not in line for line in lines)


def test_quiet_and_json(run: Run, expected: SweepResult) -> None:
    assert run("sweep", *QUICK, "--quiet") == (0, "", "")
    outcome = run("sweep", *QUICK, "--json", "--quiet")
    assert (outcome.code, outcome.err) == (0, "")
    values = json.loads(outcome.out)
    assert values["path"] == "sweep.htmu"
    assert values["complete"] is True
    assert values["settings"]["tol"] == 0.1
    assert [cell["kappa"] for cell in values["cells"]] == [cell.kappa for cell in expected]


def test_large_sweeps_are_summed_up_by_alpha(run: Run) -> None:
    outcome = run("sweep", "--structure", "full", "--n", "2,3,4,5,6,7", "--alpha", "0,1,2")
    rows = [line.split() for line in outcome.out.splitlines()[4:7]]
    assert [row[:4] for row in rows] == [[alpha, "6", "2", "7"] for alpha in "012"]


def test_same_command_goes_on(run: Run) -> None:
    first = run("sweep", *QUICK)
    second = run("sweep", *QUICK)
    assert (second.code, second.err) == (0, "")
    assert second.out.splitlines()[:12] == first.out.splitlines()[:12]


@pytest.mark.parametrize("resume", [(), ("--resume",)])
def test_run_file_alone_goes_on(resume: tuple[str, ...], run: Run) -> None:
    run("sweep", *QUICK, "--seed", "5", "--reference", "shape", "--out", "a.htmu")
    before = kappas("a.htmu")
    outcome = run("sweep", "--out", "a.htmu", *resume)
    assert outcome.code == 0
    assert "half-width 0.1 at 95 %, method selberg, reference shape, seed 5" in outcome.out
    assert kappas("a.htmu") == before


def test_resume_without_a_name_takes_the_default_run(run: Run) -> None:
    run("sweep", *QUICK)
    assert run("sweep", "--resume", "--quiet").code == 0
    missing = run("sweep", "--resume", "--out", "b.htmu")
    assert missing.code == 1
    assert "no run at b.htmu to resume; name one with --out (here: sweep.htmu)" in missing.err


def test_no_resume_refuses_an_existing_run(run: Run) -> None:
    assert run("sweep", *QUICK, "--no-resume").code == 0
    refused = run("sweep", *QUICK, "--no-resume")
    assert refused.code == 1
    assert "sweep.htmu exists" in refused.err


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ((*LISTS, "--tol", "0.2"), "tol was 0.1, now 0.2"),
        (LISTS, "tol was 0.1, now 0.001"),
        (("--tol", "0.2"), "tol was 0.1, now 0.2"),
        ((*QUICK, "--seed", "1"), "seed was 0, now 1"),
        ((*QUICK, "--confidence", "0.9"), "confidence was 0.95, now 0.9"),
        ((*QUICK, "--reference", "shape"), "reference was weight, now shape"),
        ((*QUICK, "--block-beta", "2"), "block_beta was 1, now 2"),
        ((*QUICK[2:], "--m", "2"), "m was 2,3, now 2"),
    ],
)
def test_changed_setting_is_refused_by_name(line: tuple[str, ...], message: str, run: Run) -> None:
    run("sweep", *QUICK, "--quiet", "--out", "a.htmu")
    before = Path("a.htmu").read_bytes()
    outcome = run("sweep", *line, "--out", "a.htmu")
    assert outcome.code == 2
    (text,) = outcome.err.splitlines()
    assert text.startswith("htmu: error: a.htmu holds a run with other settings: ")
    assert message in text
    assert Path("a.htmu").read_bytes() == before


def test_grid_may_grow_and_threads_may_differ(run: Run) -> None:
    run("sweep", *QUICK, "--quiet")
    grown = ("--m", "2,3,5", "--n", "2,4", "--alpha", "1,2", "--tol", "0.1", "--threads", "3")
    outcome = run("sweep", *grown)
    assert outcome.code == 0
    assert "12 of 12 cells" in outcome.out
    assert outcome.err.startswith("9/12 cells")


@pytest.mark.parametrize(
    ("line", "path"),
    [
        (("--preset", "quick"), "quick.htmu"),
        (("--preset", "quick", "--structure", "kronecker"), "quick-kronecker.htmu"),
        (("--preset", "quick", "--structure", "block-diagonal"), "quick.htmu"),
        (("--structure", "full", "--n", "2,3", "--alpha", "1"), "sweep-full.htmu"),
    ],
)
def test_default_name_of_the_run_file(line: tuple[str, ...], path: str, run: Run) -> None:
    assert run("sweep", *line, "--tol", "5", "--quiet").code == 0
    assert len(SweepResult.load(path)) > 1


def test_tolerance_that_is_not_reached(run: Run) -> None:
    outcome = run("sweep", *LISTS, "--tol", "1e-5", "--max-samples", "50", "--csv", "a.csv")
    assert outcome.code == 3
    assert outcome.err.splitlines()[-1] == (
        "htmu: error: 8 of 8 cells did not reach 1e-05 within 50 samples (marked !): "
        "first m=2 n=2 alpha=1; raise --max-samples or --tol"
    )
    assert outcome.out.count(" !") == 8
    assert len(Path("a.csv").read_text().splitlines()) == 9


def test_missing_matplotlib_is_said_before_the_run(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.backend_bases", None)
    outcome = run("sweep", *QUICK, "--plot", "a.png")
    assert outcome.code == 1
    assert 'pip install "htmu[plot]"' in outcome.err
    assert os.listdir(tmp_path) == []


def test_texts_of_the_progress() -> None:
    grid = Grid("full", n=[2, 3], alpha=1)
    settings = SweepSettings(0.1, 0.95, "selberg", "weight", 0, 10**6)
    result = sweep("full", n=[2, 3], alpha=1, tol=0.1)
    assert (result.grid, result.settings.tol) == (grid, settings.tol)
    start = SweepProgress(500, 0, 0, 0.0, 0.0, None, None)
    assert status_text(start) == "0/500 cells"
    assert last_text(start) == "no cell finished yet"
    middle = SweepProgress(500, 120, 20, 50.0, 2.0, 3725.0, result.cells[0])
    assert status_text(middle) == "120/500 cells, 2 cells/s, 1:02:05 left"
    assert last_text(middle).startswith("n=2 alpha=1: kappa = 2 ± ")
    assert status_text(SweepProgress(5, 5, 0, 2.5, 2.0, 0.0, None)) == "5/5 cells, 2 cells/s"
