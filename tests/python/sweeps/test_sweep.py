"""`htmu.sweep`: the same numbers however a grid is run, and what happens when something fails."""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from htmu import estimate_kappa
from htmu.errors import (
    AccuracyWarning,
    ConvergenceError,
    InvalidInputError,
    RunError,
    RunFileError,
    RunSettingsError,
)
from htmu.sweeps import Cell, SweepProgress, SweepResult, SweepSettings, resume_sweep, sweep

Numbers = Callable[[SweepResult], list[dict[str, Any]]]

SMALL: dict[str, Any] = {"m": [2, 3, 5], "n": [2, 4], "alpha": [0.5, 1], "tol": 0.05, "seed": 11}


@pytest.fixture(scope="module")
def small() -> SweepResult:
    return sweep(**SMALL, n_threads=1)


def test_numbers_do_not_depend_on_the_number_of_threads(
    small: SweepResult, numbers: Numbers
) -> None:
    for n_threads in (2, 5, 40):
        assert numbers(sweep(**SMALL, n_threads=n_threads)) == numbers(small)


def test_numbers_do_not_depend_on_the_rest_of_the_grid(
    small: SweepResult, numbers: Numbers
) -> None:
    part = sweep(**{**SMALL, "m": 3, "alpha": 1}, n_threads=2)
    assert [cell for cell in numbers(small) if cell["m"] == 3 and cell["alpha"] == 1] == numbers(
        part
    )


def test_a_cell_is_one_estimate_with_its_own_seed(small: SweepResult) -> None:
    for result in small.cells[:3]:
        estimate = estimate_kappa(result.cell.build(), tol=0.05, seed=result.cell.seed(11))
        assert (result.kappa, result.lower, result.upper) == (estimate.kappa, *estimate.interval)
        assert result.seed == estimate.seed


def test_another_seed_gives_other_numbers(small: SweepResult) -> None:
    other = sweep(**{**SMALL, "seed": 12})
    assert not {cell.kappa for cell in other} & {cell.kappa for cell in small}


def test_run_file_holds_what_is_returned(
    small: SweepResult, numbers: Numbers, tmp_path: Path
) -> None:
    path = tmp_path / "run.htmu"
    result = sweep(**SMALL, out=path)
    assert numbers(result) == numbers(small)
    assert SweepResult.load(path).cells == result.cells
    assert SweepResult.load(path).grid == result.grid
    assert SweepResult.load(path).settings == result.settings
    assert os.listdir(tmp_path) == ["run.htmu"]


class StopError(Exception):
    """Raised by a progress callback."""


def stop_after(n_finished: int) -> Callable[[SweepProgress], None]:
    def report(progress: SweepProgress) -> None:
        if progress.n_finished - progress.n_resumed >= n_finished:
            raise StopError

    return report


def test_stopped_run_goes_on_where_it_stopped(
    small: SweepResult, numbers: Numbers, tmp_path: Path
) -> None:
    path = tmp_path / "run.htmu"
    saved: dict[str, str] = {}
    for _ in range(len(small)):
        with pytest.raises(StopError):
            sweep(**SMALL, out=path, n_threads=2, progress=stop_after(1))
        now = {cell.cell.key: cell.finished_at for cell in SweepResult.load(path)}
        assert len(now) > len(saved)
        assert saved.items() <= now.items(), "a finished cell was run again"
        saved = now
        if len(saved) == len(small):
            break
    result = sweep(**SMALL, out=path)
    assert numbers(result) == numbers(small)
    assert saved == {cell.cell.key: cell.finished_at for cell in result}


def test_resume_sweep_needs_only_the_file(
    small: SweepResult, numbers: Numbers, tmp_path: Path
) -> None:
    path = tmp_path / "run.htmu"
    with pytest.raises(StopError):
        sweep(**SMALL, out=path, n_threads=1, progress=stop_after(2))
    reports: list[SweepProgress] = []
    result = resume_sweep(path, progress=reports.append)
    assert numbers(result) == numbers(small)
    assert reports[0].n_resumed == reports[0].n_finished >= 2
    assert reports[-1].n_finished == len(small)


def test_grown_grid_keeps_what_is_there(tmp_path: Path, numbers: Numbers) -> None:
    path = tmp_path / "run.htmu"
    first = sweep(**{**SMALL, "m": [2, 5]}, out=path)
    grown = sweep(**SMALL, out=path)
    kept = {cell.cell.key: cell for cell in grown if cell.m in (2, 5)}
    assert kept == {cell.cell.key: cell for cell in first}
    assert len(SweepResult.load(path)) == len(grown) == 12
    with pytest.raises(RunSettingsError, match="m was 2,3,5, now 2,5"):
        sweep(**{**SMALL, "m": [2, 5]}, out=path)


def test_changed_setting_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "run.htmu"
    sweep(**SMALL, out=path)
    before = path.read_bytes()
    with pytest.raises(RunSettingsError, match=r"tol was 0\.05, now 0\.1; seed was 11, now 3"):
        sweep(**{**SMALL, "tol": 0.1, "seed": 3}, out=path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["run.htmu"]


def test_seed_none_is_fresh_and_is_kept_by_the_run(tmp_path: Path) -> None:
    path = tmp_path / "run.htmu"
    lists: dict[str, Any] = {"structure": "full", "n": [2, 3], "alpha": 1, "tol": 0.1}
    first = sweep(**lists, seed=None, out=path)
    assert first.settings.seed != sweep(**lists, seed=None).settings.seed
    assert sweep(**lists, seed=None, out=path).cells == first.cells


def test_no_resume_refuses_an_existing_run(tmp_path: Path) -> None:
    path = tmp_path / "run.htmu"
    sweep(**SMALL, out=path)
    with pytest.raises(RunFileError, match="exists"):
        sweep(**SMALL, out=path, resume=False)


@pytest.mark.parametrize("structure", ["kronecker", "full", "diagonal"])
def test_other_families(structure: str) -> None:
    lists: dict[str, Any] = {"n": [2, 3], "alpha": 1.0, "tol": 0.2}
    if structure == "kronecker":
        lists["m"] = 2
    result = sweep(structure, **lists)
    assert result.complete
    assert {cell.structure for cell in result} == {structure}
    if structure == "full":
        assert all(cell.kappa == pytest.approx(cell.n, rel=1e-12) for cell in result)
    if structure == "diagonal":
        assert all(cell.lower == 0 for cell in result)


def test_preset_and_lists_exclude_each_other() -> None:
    with pytest.raises(InvalidInputError, match="preset 'quick' comes with its own lists, got m"):
        sweep(preset="quick", m=3)


@pytest.mark.parametrize(
    "bad",
    [
        {"tol": float("nan")},
        {"m": [3, 0]},
        {"n": 10**9},
        {"seed": -1},
        {"n_threads": 0},
        {"max_samples": 2},
        {"reference": "nearest"},
        {"alpha": -1},
        {"progress": "yes"},
    ],
)
def test_bad_input_writes_nothing(bad: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError):
        sweep(**{**SMALL, **bad}, out=tmp_path / "run.htmu")
    assert os.listdir(tmp_path) == []


def test_one_warning_for_all_cells_that_missed_the_tolerance() -> None:
    with pytest.warns(AccuracyWarning) as caught:
        result = sweep(**{**SMALL, "tol": 1e-4}, max_samples=50, n_threads=3)
    (warning,) = caught
    assert str(warning.message).startswith("12 of 12 cells did not reach tol=0.0001")
    assert warning.filename == __file__
    assert not result.converged
    assert all(cell.half_width > 1e-4 for cell in result)


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception, int], None]:
    """Make the estimates of one n fail."""

    def make(error: Exception, n: int) -> None:
        real = SweepSettings.estimate

        def estimate(self: SweepSettings, structure: Any, **rest: Any) -> Any:
            if structure.parameters["n"] == n and not rest["cancel"].cancelled:
                raise error
            return real(self, structure, **rest)

        monkeypatch.setattr(SweepSettings, "estimate", estimate)

    return make


@pytest.mark.parametrize("error", [ConvergenceError("kappa is infinite"), MemoryError("too big")])
def test_cells_that_fail_do_not_stop_the_others(
    error: Exception, failing: Callable[[Exception, int], None], tmp_path: Path
) -> None:
    failing(error, 4)
    with pytest.raises(RunError) as caught:
        sweep(**SMALL, out=tmp_path / "run.htmu", n_threads=2)
    text = str(caught.value)
    assert text.startswith("6 of 12 cells failed, first m=")
    assert str(error) in text
    assert "the other 6 are finished and saved in" in text
    assert {cell.n for cell in SweepResult.load(tmp_path / "run.htmu")} == {2}


def test_a_bug_in_a_cell_is_raised_as_it_is(failing: Callable[[Exception, int], None]) -> None:
    failing(ZeroDivisionError("a bug"), 4)
    with pytest.raises(ZeroDivisionError, match="a bug"):
        sweep(**SMALL)
    assert threading.active_count() == 1


def test_error_in_the_callback_stops_long_cells_within_a_second(tmp_path: Path) -> None:
    path = tmp_path / "run.htmu"
    stopped: list[float] = []

    def report(progress: SweepProgress) -> None:
        if progress.last is not None:
            stopped.append(time.monotonic())
            raise StopError

    # The cell m = 1 is exact and done at once; m = 2 would take minutes.
    with pytest.raises(StopError):
        sweep(m=[1, 2], n=3, alpha=1, tol=1e-7, n_threads=2, out=path, progress=report)
    assert time.monotonic() - stopped[0] < 1.0
    assert [cell.m for cell in SweepResult.load(path)] == [1]
    assert threading.active_count() == 1


def test_cells_that_finish_while_the_run_is_stopped_are_saved(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "run.htmu"
    first_reported, second_done = threading.Event(), threading.Event()
    real = SweepSettings.estimate

    def estimate(self: SweepSettings, structure: Any, **rest: Any) -> Any:
        if rest["cancel"].cancelled or structure.N == 2:
            return real(self, structure, **rest)
        assert first_reported.wait(30)
        try:
            return real(self, structure, **rest)
        finally:
            second_done.set()

    def report(progress: SweepProgress) -> None:
        if progress.last is not None:
            first_reported.set()
            assert second_done.wait(30)
            raise StopError

    monkeypatch.setattr(SweepSettings, "estimate", estimate)
    with pytest.raises(StopError):
        sweep("full", n=[2, 3], alpha=1, tol=0.1, n_threads=2, out=path, progress=report)
    assert [cell.n for cell in SweepResult.load(path)] == [2, 3]


def test_progress_reports() -> None:
    reports: list[SweepProgress] = []
    caller = threading.get_ident()

    def report(progress: SweepProgress) -> None:
        assert threading.get_ident() == caller
        reports.append(progress)

    sweep(**SMALL, progress=report)
    assert [r.n_finished for r in reports] == sorted(r.n_finished for r in reports)
    assert (reports[0].n_finished, reports[0].last, reports[0].seconds_left) == (0, None, None)
    last = reports[-1]
    assert (last.n_cells, last.n_finished, last.n_resumed) == (12, 12, 0)
    assert last.seconds_left == 0
    assert last.rate == pytest.approx(12 / last.elapsed)
    assert last.last is not None


def test_fewer_cells_than_threads_share_them(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[int] = []
    real = SweepSettings.estimate

    def estimate(self: SweepSettings, structure: Any, **rest: Any) -> Any:
        used.append(rest["n_threads"])
        return real(self, structure, **rest)

    monkeypatch.setattr(SweepSettings, "estimate", estimate)
    lists: dict[str, Any] = {"structure": "full", "alpha": 1.0, "tol": 0.1}
    sweep(**lists, n=[2, 3], n_threads=7)
    # The first call is the check of the settings.
    assert used == [1, 3, 3]
    used.clear()
    sweep(**lists, n=[2, 3, 4], n_threads=2)
    assert used == [1, 1, 1, 1]


def test_warning_filters_are_left_as_they_were() -> None:
    before = list(warnings.filters)
    sweep(**SMALL)
    assert warnings.filters == before


def test_cell_round_trip(small: SweepResult) -> None:
    assert small.cells[0].cell == Cell("block-diagonal", n=2, alpha=0.5, m=2, block_beta=1)
