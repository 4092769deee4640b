"""``htmu reproduce``: the paper's figures, from data to picture."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from rich.table import Table

from htmu.cli import options
from htmu.cli.exits import ExitCode
from htmu.cli.output import console, plain_table, print_json
from htmu.errors import InvalidInputError

_FIGURES = ("figure1", "figure2")


def reproduce(
    figure: Annotated[
        str,
        typer.Argument(
            metavar="FIGURE",
            help="figure1 (tangent kernels) or figure2 (weights and batch size).",
        ),
    ],
    scale: Annotated[
        str, typer.Option("--scale", help="small: minutes on a laptop; paper: the figure itself.")
    ] = "small",
    out: Annotated[
        str | None,
        options.option("--out", text="Folder of the result; FIGURE-SCALE if none."),
    ] = None,
    data: Annotated[
        str | None,
        options.option(
            "--data", text="Data set: digits (small), cifar10 (paper), mnist, svhn or gaussian."
        ),
    ] = None,
    data_dir: Annotated[
        str | None, options.option("--data-dir", text="Folder of the data set.")
    ] = None,
    download: Annotated[
        bool, typer.Option("--download", help="Fetch the data set if it is not there.")
    ] = False,
    device: Annotated[str, typer.Option("--device", help="auto, cpu, cuda or mps.")] = "auto",
    memory: Annotated[
        str | None,
        options.option("--memory", text="Most memory of a kernel's assembly, such as 8GB."),
    ] = None,
    seed: options.Seed = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> ExitCode:
    """Make a figure of the paper again: train, compute spectra, fit, draw.

    The same command goes on where an earlier one stopped.

    Example: htmu reproduce figure2 --scale small
    """
    if figure not in _FIGURES:
        raise InvalidInputError(f"FIGURE must be {' or '.join(_FIGURES)}, got {figure!r}")
    if memory is not None and figure != "figure1":
        raise InvalidInputError("--memory is of the kernels of figure1")
    from htmu import reproduction

    arguments: dict[str, Any] = {
        "data": data,
        "data_dir": data_dir,
        "download": download,
        "device": device,
        "seed": 0 if seed is None else seed,
        "report": None if quiet or json else _say,
    }
    folder = f"{figure}-{scale}" if out is None else out
    if figure == "figure1":
        found = reproduction.reproduce_figure1(folder, scale, memory=memory, **arguments)
    else:
        found = reproduction.reproduce_figure2(folder, scale, **arguments)
    for warning in found.warnings:
        print(f"htmu: warning: {warning}", file=sys.stderr)
    if json:
        print_json(
            {
                "rows": list(found.rows),
                "verdict": found.verdict,
                "picture": str(found.picture),
                "table": str(found.table),
                "warnings": list(found.warnings),
            }
        )
        return ExitCode.OK
    if not quiet:
        console().print(_table(found.rows))
        print()
    print(found.verdict)
    print(f"picture {found.picture}, table {found.table}")
    return ExitCode.OK


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _table(rows: tuple[dict[str, Any], ...]) -> Table:
    """Rows with their columns, numbers to four digits."""
    table = plain_table(name.replace("_", " ") for name in rows[0])
    for row in rows:
        table.add_row(*(_shown(value) for value in row.values()))
    return table


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
