"""Progress of a training: live on a terminal, plain lines elsewhere, or nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from htmu.cli.output import console, duration_text

if TYPE_CHECKING:
    from htmu.networks import TrainingProgress

    TrainingReporter = Callable[[TrainingProgress], None]

#: Least number of seconds between two plain lines.
_LINE_SECONDS = 1.0
_BAR_WIDTH = 24


@contextmanager
def training_reporter(*, quiet: bool) -> Iterator[TrainingReporter | None]:
    """Reporter for `htmu.networks.train`, on the standard error stream."""
    if quiet:
        yield None
    elif sys.stderr.isatty():
        with _live() as report:
            yield report
    else:
        yield _Plain()


def status_text(progress: TrainingProgress) -> str:
    """Epoch, loss, accuracy and time left, on one line."""
    parts = [
        f"epoch {progress.epoch}/{progress.epochs}",
        f"loss {progress.loss:.4g}",
        f"accuracy {100 * progress.accuracy:.1f} %",
    ]
    if progress.seconds_left:
        parts.append(f"at most {duration_text(progress.seconds_left)} left")
    return ", ".join(parts)


class _Plain:
    """A line when an epoch is over, at most about one a second."""

    def __init__(self) -> None:
        self._at = -_LINE_SECONDS

    def __call__(self, progress: TrainingProgress) -> None:
        now = time.monotonic()
        over = progress.batch == progress.batches
        due = now - self._at >= _LINE_SECONDS or progress.epoch == progress.epochs
        if over and due:
            self._at = now
            print(status_text(progress), file=sys.stderr, flush=True)


@contextmanager
def _live() -> Iterator[TrainingReporter]:
    from rich.live import Live
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    def picture(progress: TrainingProgress) -> Table:
        line = Table.grid(padding=(0, 1))
        done = (progress.epoch - 1) * progress.batches + progress.batch
        total = progress.epochs * progress.batches
        line.add_row(
            ProgressBar(total=total, completed=done, width=_BAR_WIDTH),
            Text(status_text(progress), no_wrap=True, overflow="ellipsis"),
        )
        return line

    with Live(console=console(stderr=True), transient=True, auto_refresh=False) as live:
        yield lambda progress: live.update(picture(progress), refresh=True)
