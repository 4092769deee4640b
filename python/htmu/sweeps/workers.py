"""The threads that work through the cells of a sweep."""

from __future__ import annotations

import math
import queue
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from htmu._core.common import CancelToken
from htmu.errors import AccuracyWarning, CancelledError, HtmuError, RunFileError
from htmu.kappa import ProgressReport
from htmu.sweeps.cells import Cell
from htmu.sweeps.grid import Grid
from htmu.sweeps.records import CellResult
from htmu.sweeps.schedule import TimeLeft, predicted_cost, representative_order
from htmu.sweeps.settings import SweepSettings

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


class Sweeper:
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
            # The half-width falls as one over the root of the samples. The report's own fraction
            # is of the current stage and starts again with the next.
            if 0 < report.half_width < math.inf:
                share = (self._settings.tol / report.half_width) ** 2
                self._fractions[cell.key] = min(share, 1.0)

        estimate = self._settings.estimate(
            cell.build(),
            seed=cell.seed(self._settings.seed),
            n_threads=self._threads_per_cell,
            cancel=self._cancel,
            progress=note,
        )
        return CellResult.from_estimate(cell, estimate)
