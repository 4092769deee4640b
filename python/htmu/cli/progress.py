"""Progress of a sweep or an estimate: live on a terminal, plain lines elsewhere, or nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from htmu.cli.output import console, duration_text, interval_text
from htmu.kappa import ProgressReport
from htmu.sweeps import SweepProgress

#: Least number of seconds between two plain lines.
_LINE_SECONDS = 1.0
#: An estimate that takes less than this shows no progress.
_PATIENCE_SECONDS = 0.5
_BAR_WIDTH = 24

SweepReporter = Callable[[SweepProgress], None]
EstimateReporter = Callable[[ProgressReport], None]


@contextmanager
def sweep_reporter(*, quiet: bool) -> Iterator[SweepReporter | None]:
    """Reporter for `htmu.sweep`, on the standard error stream."""
    if quiet:
        yield None
    elif sys.stderr.isatty():
        with _live_sweep() as report:
            yield report
    else:
        yield _PlainSweep()


def status_text(progress: SweepProgress) -> str:
    """Cells done, rate and time left, on one line."""
    left = progress.seconds_left
    parts = [f"{progress.n_finished}/{progress.n_cells} cells"]
    if progress.rate > 0:
        parts.append(f"{progress.rate:.3g} cells/s")
    if left is not None and progress.n_finished < progress.n_cells:
        parts.append(f"{duration_text(left)} left")
    return ", ".join(parts)


def last_text(progress: SweepProgress) -> str:
    """The cell that finished last, on one line."""
    if progress.last is None:
        return "no cell finished yet"
    last = progress.last
    kappa = interval_text(last.kappa, last.half_width)
    return f"{last.cell}: kappa = {kappa} in {duration_text(last.elapsed)}"


class _PlainSweep:
    """A line when a cell has finished, at most about one a second."""

    def __init__(self) -> None:
        self._written = -1
        self._at = -_LINE_SECONDS

    def __call__(self, progress: SweepProgress) -> None:
        done = progress.n_finished == progress.n_cells
        due = progress.elapsed - self._at >= _LINE_SECONDS or done
        if progress.last is None or progress.n_finished == self._written or not due:
            return
        self._written = progress.n_finished
        self._at = progress.elapsed
        print(f"{status_text(progress)}; {last_text(progress)}", file=sys.stderr, flush=True)


@contextmanager
def _live_sweep() -> Iterator[SweepReporter]:
    from rich.console import Group
    from rich.live import Live
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    def picture(progress: SweepProgress) -> Group:
        line = Table.grid(padding=(0, 1))
        line.add_row(
            ProgressBar(total=progress.n_cells, completed=progress.n_finished, width=_BAR_WIDTH),
            Text(status_text(progress), no_wrap=True, overflow="ellipsis"),
        )
        return Group(line, Text(last_text(progress), no_wrap=True, overflow="ellipsis"))

    with Live(console=console(stderr=True), transient=True, auto_refresh=False) as live:
        yield lambda progress: live.update(picture(progress), refresh=True)


@contextmanager
def estimate_reporter(*, quiet: bool) -> Iterator[EstimateReporter | None]:
    """Reporter for `htmu.estimate_kappa`: a bar on a terminal once the estimate takes a while."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.progress import BarColumn, Progress, TaskID, TextColumn

    bar = Progress(
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %  kappa = {task.fields[kappa]}"),
        console=console(stderr=True),
        transient=True,
    )
    began = time.monotonic()
    tasks: list[TaskID] = []

    def report(progress: ProgressReport) -> None:
        text = interval_text(progress.kappa, progress.half_width)
        if not tasks and time.monotonic() - began > _PATIENCE_SECONDS:
            bar.start()
            tasks.append(bar.add_task("", total=1.0, kappa=text))
        for task in tasks:
            bar.update(task, completed=progress.fraction, kappa=text)

    try:
        yield report
    finally:
        bar.stop()
