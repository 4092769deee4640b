"""``htmu results``: look at a run, export it, draw it."""

from __future__ import annotations

from typing import Annotated

import typer

from htmu.cli import options
from htmu.cli.exits import ExitCode
from htmu.cli.output import cells_table, console, describe, not_converged_text, print_json
from htmu.plotting import plot_kappa
from htmu.sweeps import SweepResult

Run = Annotated[str, typer.Argument(metavar="RUN", help="Run file of htmu sweep.")]


def show(run: Run, json: options.Json = False) -> ExitCode:
    """Print a run's settings and its finished cells; the run may still be going on."""
    result = SweepResult.load(run)
    if json:
        print_json(result.to_dict())
        return ExitCode.OK
    screen = console()
    screen.print(describe(result))
    if len(result):
        screen.print()
        screen.print(cells_table(result))
    if not result.converged:
        screen.print(not_converged_text(result))
    return ExitCode.OK


def export(
    run: Run,
    path: Annotated[str, typer.Argument(metavar="FILE", help="File to write: .parquet or .csv.")],
) -> ExitCode:
    """Write a run's table to a Parquet or CSV file."""
    result = SweepResult.load(run)
    result.export(path)
    print(f"{len(result)} of {len(result.grid)} cells written to {path}")
    return ExitCode.OK


def plot(
    run: Run,
    path: Annotated[str, typer.Argument(metavar="FILE", help="File to write: .png, .pdf or .svg.")],
    dpi: Annotated[
        int, typer.Option("--dpi", parser=options.integer, help="Resolution of a PNG file.")
    ] = 200,
) -> ExitCode:
    """Draw a run's kappa against n and m with error bars, a panel for each alpha."""
    result = SweepResult.load(run)
    plot_kappa(result, path, dpi=dpi)
    print(f"{len(result)} of {len(result.grid)} cells drawn to {path}")
    return ExitCode.OK
