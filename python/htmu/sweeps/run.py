"""`htmu.sweep`: estimate kappa over a grid."""

from __future__ import annotations

import os
import queue
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from htmu._core.common import CancelToken
from htmu.arguments import as_threads
from htmu.errors import (
    AccuracyWarning,
    CancelledError,
    HtmuError,
    InvalidInputError,
    RunError,
    RunFileError,
)
from htmu.kappa import ProgressReport
from htmu.sweeps.cells import Cell
from htmu.sweeps.grid import Grid
from htmu.sweeps.records import CellResult
from htmu.sweeps.result import SweepResult
from htmu.sweeps.schedule import TimeLeft, predicted_cost, representative_order
from htmu.sweeps.settings import SweepSettings
from htmu.sweeps.store import RunStore, read_run

#: Seconds between two progress reports when no cell finishes.
_TICK = 0.2


@dataclass(frozen=True)
class SweepProgress:
    """State of a running sweep.

    Attributes
    ----------
    n_cells : int
        Cells of the grid.
    n_finished : int
        Cells that are finished, those of earlier runs included.
    n_resumed : int
        Cells that were finished when this run began.
    elapsed : float
        Seconds since this run began.
    rate : float
        Cells that this run has finished a second.
    seconds_left : float or None
        Estimate; None before anything is known.
    last : CellResult or None
        The cell that this run finished last.
    """

    n_cells: int
    n_finished: int
    n_resumed: int
    elapsed: float
    rate: float
    seconds_left: float | None
    last: CellResult | None


def sweep(
    structure: str = "block-diagonal",
    *,
    preset: str | None = None,
    m: int | Iterable[int] | None = None,
    n: int | Iterable[int] | None = None,
    alpha: float | Iterable[float] | None = None,
    block_beta: int = 1,
    tol: float = 1e-3,
    confidence: float = 0.95,
    method: str = "selberg",
    reference: str | None = None,
    seed: Any = 0,
    n_threads: int | None = None,
    max_samples: int = 100_000_000,
    out: str | os.PathLike[str] | None = None,
    resume: bool = True,
    progress: Callable[[SweepProgress], object] | None = None,
) -> SweepResult:
    """Estimate kappa for every structured matrix of a grid.

    A cell's numbers depend on `seed`, on the settings and on its own parameters only: not on the
    other cells, the order, or `n_threads`.

    Parameters
    ----------
    structure : {"block-diagonal", "kronecker", "full", "diagonal"}
        Family of structures.
    preset : {"paper", "quick", "laws"}, optional
        Grid of a name (see `Grid.preset`), instead of `m`, `n` and `alpha`.
    m, n, alpha : number or iterable of numbers
        Lists whose product is the grid (see `Grid`).
    block_beta : {1, 2, 4}, default 1
        Real, complex or quaternion entries; block-diagonal and full only.
    tol, confidence, method, reference, max_samples
        As for `estimate_kappa`.
    seed : int, SeedSequence, Generator or None
        Seed of the run; None draws one, or takes that of the run that is resumed.
    n_threads : int, optional
        Cells that run at a time; all CPUs that this process may use by default.
    out : path, optional
        Run file. Finished cells are saved there one by one, and a run that was interrupted or
        killed goes on where it stopped. By default nothing is written.
    resume : bool, default True
        Go on with `out` if it exists. The settings must be the same; the grid may have grown.
    progress : callable, optional
        Called with a `SweepProgress` from the calling thread when a cell has finished and about
        five times a second.

    Returns
    -------
    SweepResult

    Raises
    ------
    InvalidInputError
        A parameter is of the wrong type or out of range. Nothing was run or written.
    RunSettingsError
        `out` holds a run with other settings.
    RunLockedError
        Another process writes `out`.
    RunFileError
        `out` is not a run, or is damaged, or cannot be written (finished cells stay saved).
    RunError
        Some cells failed; the others are saved.

    Warns
    -----
    AccuracyWarning
        Some cells did not reach `tol` within `max_samples`.

    Examples
    --------
    >>> import htmu
    >>> result = htmu.sweep("block-diagonal", m=[2, 4], n=3, alpha=1, tol=0.05)
    >>> len(result)
    2
    """
    grid = _grid(structure, preset, m, n, alpha, block_beta)
    if seed is None and out is not None and resume and os.path.exists(out):
        seed = read_run(out).settings.seed
    settings = SweepSettings.checked(
        grid,
        tol=tol,
        confidence=confidence,
        method=method,
        reference=reference,
        seed=seed,
        max_samples=max_samples,
    )
    n_threads = as_threads(n_threads)
    for cell in grid:
        cell.build()
    return _sweep(grid, settings, n_threads, out, resume, progress)


def resume_sweep(
    path: str | os.PathLike[str],
    *,
    n_threads: int | None = None,
    progress: Callable[[SweepProgress], object] | None = None,
) -> SweepResult:
    """Go on with the run at `path`, with its own grid and settings.

    Parameters
    ----------
    path : path
        Run file.
    n_threads, progress
        As for `sweep`.

    Returns
    -------
    SweepResult

    Raises
    ------
    RunFileError, RunLockedError, RunError
        As for `sweep`.

    Examples
    --------
    >>> import htmu, os, tempfile
    >>> from htmu.sweeps import resume_sweep
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "run.htmu")
    ...     first = htmu.sweep(m=2, n=2, alpha=1, tol=0.05, out=path)
    ...     second = resume_sweep(path)
    >>> second.cells == first.cells
    True
    """
    stored = read_run(path)
    return _sweep(stored.grid, stored.settings, as_threads(n_threads), path, True, progress)


def _grid(
    structure: str, preset: str | None, m: Any, n: Any, alpha: Any, block_beta: int
) -> Grid:
    if preset is None:
        return Grid(structure, m=m, n=n, alpha=alpha, block_beta=block_beta)
    given = [name for name, value in (("m", m), ("n", n), ("alpha", alpha)) if value is not None]
    if given:
        raise InvalidInputError(
            f"preset {preset!r} comes with its own lists, got {' and '.join(given)} too; "
            f"give either"
        )
    return Grid.preset(preset, structure, block_beta=block_beta)


def _sweep(
    grid: Grid,
    settings: SweepSettings,
    n_threads: int,
    out: str | os.PathLike[str] | None,
    resume: bool,
    progress: Callable[[SweepProgress], object] | None,
) -> SweepResult:
    results: dict[str, CellResult] = {}

    def save(result: CellResult) -> None:
        results[result.cell.key] = result

    with ExitStack() as stack:
        if out is not None:
            store = stack.enter_context(RunStore(out, grid, settings, resume=resume))
            results, save = store.results, store.save
        sweeper = _Sweeper(grid, settings, n_threads, results, save, progress)
        sweeper.run()
    _report_failures(sweeper.failures, len(results), out)
    result = SweepResult(grid, settings, results.values(), out)
    unconverged = [cell for cell in result if not cell.converged]
    if unconverged:
        warnings.warn(
            f"{len(unconverged)} of {len(result)} cells did not reach tol={settings.tol:g} within "
            f"{settings.max_samples} samples, first {unconverged[0].cell}; their intervals are "
            f"wider",
            AccuracyWarning,
            stacklevel=3,
        )
    return result


def _report_failures(
    failures: Sequence[tuple[Cell, Exception]], n_finished: int, out: str | os.PathLike[str] | None
) -> None:
    if not failures:
        return
    cell, error = failures[0]
    where = "" if out is None else f" and saved in {os.fspath(out)}"
    raise RunError(
        f"{len(failures)} of {len(failures) + n_finished} cells failed, first {cell}: {error}; "
        f"the other {n_finished} are finished{where}"
    ) from error


class _Sweeper:
    """Runs the cells that are still to do in threads of its own and saves from the caller's."""

    def __init__(
        self,
        grid: Grid,
        settings: SweepSettings,
        n_threads: int,
        results: dict[str, CellResult],
        save: Callable[[CellResult], None],
        progress: Callable[[SweepProgress], object] | None,
    ) -> None:
        cells = [cell for cell in grid if cell.key not in results]
        costs = {cell.key: predicted_cost(cell, settings) for cell in cells}
        self.failures: list[tuple[Cell, Exception]] = []
        self._settings = settings
        self._save = save
        self._progress = progress
        self._n_cells = len(grid)
        self._n_resumed = len(grid) - len(cells)
        self._n_left = len(cells)
        self._n_saved = 0
        self._last: CellResult | None = None
        self._todo = deque(representative_order(cells, costs))
        self._workers = max(1, min(n_threads, len(cells)))
        self._threads_per_cell = max(1, n_threads // self._workers)
        self._time_left = TimeLeft(costs, self._workers)
        self._fractions: dict[str, float] = {}
        self._cancel = CancelToken()
        self._outcomes: queue.SimpleQueue[tuple[Cell, CellResult | BaseException]] = (
            queue.SimpleQueue()
        )

    def run(self) -> None:
        """Return when all cells have finished or failed; on any error stop within a second."""
        threads = [
            threading.Thread(target=self._work, name=f"htmu-sweep-{index}")
            for index in range(self._workers)
        ]
        self._started = self._counted = time.monotonic()
        self._report()
        # One warning for all cells comes at the end. The filters belong to the whole process, so
        # they are set here, around all workers.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AccuracyWarning)
            try:
                for thread in threads:
                    thread.start()
                while self._n_left:
                    self._receive(_TICK)
                    self._report()
            except RunFileError:
                self._stop(threads)
                raise
            except BaseException:
                self._stop(threads)
                self._save_waiting()
                raise
            self._stop(threads)

    def _stop(self, threads: Sequence[threading.Thread]) -> None:
        self._cancel.cancel()
        for thread in threads:
            if thread.ident is not None:  # it was started
                thread.join()

    def _save_waiting(self) -> None:
        """Save what had finished but was not yet received."""
        while not self._outcomes.empty():
            _, outcome = self._outcomes.get()
            if isinstance(outcome, CellResult):
                self._save(outcome)

    def _receive(self, timeout: float) -> None:
        try:
            cell, outcome = self._outcomes.get(timeout=timeout)
        except queue.Empty:
            self._count_time()
            return
        self._count_time()
        self._time_left.finish(cell.key)
        self._n_left -= 1
        if isinstance(outcome, CellResult):
            self._save(outcome)
            self._n_saved += 1
            self._last = outcome
        elif isinstance(outcome, (HtmuError, MemoryError)):
            self.failures.append((cell, outcome))
        else:
            raise outcome

    def _count_time(self) -> None:
        now = time.monotonic()
        self._time_left.advance(now - self._counted)
        self._counted = now

    def _report(self) -> None:
        if self._progress is None:
            return
        elapsed = self._counted - self._started
        self._progress(
            SweepProgress(
                n_cells=self._n_cells,
                n_finished=self._n_resumed + self._n_saved,
                n_resumed=self._n_resumed,
                elapsed=elapsed,
                rate=self._n_saved / elapsed if elapsed > 0 else 0.0,
                seconds_left=self._time_left.seconds(dict(self._fractions)),
                last=self._last,
            )
        )

    def _work(self) -> None:
        while not self._cancel.cancelled:
            try:
                cell = self._todo.popleft()
            except IndexError:
                return
            try:
                self._outcomes.put((cell, self._estimate(cell)))
            except CancelledError:
                return
            except BaseException as error:
                self._outcomes.put((cell, error))
            finally:
                self._fractions.pop(cell.key, None)

    def _estimate(self, cell: Cell) -> CellResult:
        def note(report: ProgressReport) -> None:
            self._fractions[cell.key] = report.fraction

        estimate = self._settings.estimate(
            cell.build(),
            seed=cell.seed(self._settings.seed),
            n_threads=self._threads_per_cell,
            cancel=self._cancel,
            progress=note,
        )
        return CellResult.from_estimate(cell, estimate)
