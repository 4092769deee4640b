"""Consoles, numbers and tables on the terminal."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table

from htmu.sweeps import CellResult, SweepResult

#: Width of tables that are written to a file or a pipe, where nothing must be cut.
_PIPE_WIDTH = 200
#: Sweeps of up to so many cells are listed cell by cell, larger ones summed up by alpha.
_LISTED = 16


class _PipeConsole(Console):
    """Console that leaves a broken pipe to its caller."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def console(*, stderr: bool = False) -> Console:
    """Console on the standard output or error stream as it is now."""
    stream = sys.stderr if stderr else sys.stdout
    return _PipeConsole(
        file=stream,
        highlight=False,
        markup=False,
        emoji=False,
        width=None if stream.isatty() else _PIPE_WIDTH,
    )


def print_json(value: Any) -> None:
    """Print a value as standard JSON, where NaN and infinities are null."""
    print(json.dumps(finite(value), indent=2, allow_nan=False))


def finite(value: Any) -> Any:
    """Same value with None for NaN and infinities, which standard JSON lacks."""
    if isinstance(value, dict):
        return {key: finite(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def interval_text(kappa: float, half_width: float) -> str:
    """Estimate and half-width, to two digits of the half-width.

    Examples
    --------
    >>> from htmu.cli.output import interval_text
    >>> interval_text(9.10132, 0.00099)
    '9.10132 ± 0.00099'
    >>> interval_text(0.0, 0.00213)
    '0 (at most 0.0021)'
    >>> interval_text(2.0, 4e-14)
    '2 ± 4e-14'
    """
    if kappa <= 0:
        return f"0 (at most {half_width:.2g})"
    if not 1e-9 < half_width < math.inf:
        # Exact but for rounding, or unbounded.
        return f"{kappa:.10g} ± {half_width:.2g}"
    digits = decimals(half_width)
    return f"{kappa:.{digits}f} ± {half_width:.{digits}f}"


def decimals(half_width: float) -> int:
    """Decimals that show two digits of a half-width.

    Examples
    --------
    >>> from htmu.cli.output import decimals
    >>> [decimals(width) for width in (12.0, 0.25, 0.0010, 0.00099)]
    [0, 2, 4, 5]
    """
    if not 0 < half_width < math.inf:
        return 6
    # The exponent after rounding to two digits: 0.00099999 has that of 0.0010.
    return max(0, 1 - int(f"{half_width:.1e}".split("e")[1]))


def duration_text(seconds: float) -> str:
    """Length of time for people.

    Examples
    --------
    >>> from htmu.cli.output import duration_text
    >>> [duration_text(seconds) for seconds in (0.0123, 4.56, 75, 3725)]
    ['0.012 s', '4.6 s', '1:15', '1:02:05']
    """
    if seconds < 60:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def plain_table(columns: Iterable[str]) -> Table:
    """Table with right-aligned columns and a rule below the head."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def cells_table(result: SweepResult) -> Table:
    """Table with a row a cell."""
    shown = [axis for axis in ("m", "n", "alpha") if axis in result.grid.axes]
    table = plain_table([*shown, "kappa", "samples", "time"])
    for cell in result:
        table.add_row(
            *(f"{getattr(cell, axis):g}" for axis in shown),
            interval_text(cell.kappa, cell.half_width) + ("" if cell.converged else " !"),
            f"{cell.n_samples:,}",
            duration_text(cell.elapsed),
        )
    return table


def summary_table(result: SweepResult) -> Table:
    """Cells of a small sweep, or a row for each alpha of a large one."""
    if len(result) <= _LISTED:
        return cells_table(result)
    table = plain_table(
        ["alpha", "cells", "least kappa", "greatest kappa", "largest half-width", "samples", "time"]
    )
    for alpha in result.grid.alpha:
        cells = [cell for cell in result if cell.alpha == alpha]
        if cells:
            table.add_row(f"{alpha:g}", *_summary(cells))
    return table


def _summary(cells: list[CellResult]) -> list[str]:
    return [
        f"{len(cells)}",
        f"{min(cell.kappa for cell in cells):.5g}",
        f"{max(cell.kappa for cell in cells):.5g}",
        f"{max(cell.half_width for cell in cells):.2g}",
        f"{sum(cell.n_samples for cell in cells):,}",
        duration_text(sum(cell.elapsed for cell in cells)),
    ]


def describe(result: SweepResult) -> str:
    """Grid and settings of a run, on two lines."""
    grid, settings = result.grid, result.settings
    lists = ", ".join(
        f"{axis} = {' '.join(f'{value:g}' for value in values)}"
        for axis, values in grid.axes.items()
    )
    entries = {2: "complex ", 4: "quaternion "}.get(grid.block_beta or 1, "")
    return (
        f"{entries}{grid.structure}: {lists}\n"
        f"{len(result)} of {len(grid)} cells, half-width {settings.tol:g} at "
        f"{100 * settings.confidence:g} %, method {settings.method}, reference "
        f"{settings.reference}, seed {settings.seed}"
    )


def not_converged_text(result: SweepResult) -> str:
    """Which cells missed the tolerance, on one line."""
    missed = [cell for cell in result if not cell.converged]
    return (
        f"{len(missed)} of {len(result)} cells did not reach {result.settings.tol:g} within "
        f"{result.settings.max_samples} samples (marked !): first {missed[0].cell}"
    )
