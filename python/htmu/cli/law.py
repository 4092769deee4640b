"""``htmu law``: a formula for the kappa of a run."""

from __future__ import annotations

import math
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.table import Table

from htmu.cli import options
from htmu.cli.exits import ExitCode
from htmu.cli.law_files import WRITERS, write_law
from htmu.cli.output import console, duration_text, plain_table, print_json
from htmu.errors import AccuracyWarning, InvalidInputError
from htmu.files import check_place
from htmu.plotting import check_drawable, plot_law
from htmu.sweeps import SweepResult
from htmu.symbolic import ENGINES, LawSearch, SearchProgress, discover_law
from htmu.symbolic.problem import FEATURES


def law(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Run file of htmu sweep.")],
    engine: Annotated[
        str,
        typer.Option(
            "--engine",
            help="exhaustive (every formula up to --maxsize, at most 8), operon, pysr (needs "
            "Julia), or auto: exhaustive up to 7, else operon.",
        ),
    ] = ENGINES[0],
    maxsize: Annotated[
        int,
        typer.Option(
            "--maxsize",
            parser=options.integer,
            help="Most nodes of a formula: each operator, feature and constant is one.",
        ),
    ] = 7,
    features: Annotated[
        str | None,
        options.option("--features", text="Comma-separated columns; those of m,n,alpha that vary."),
    ] = None,
    floor: Annotated[
        float,
        typer.Option(
            "--floor", parser=options.number, help="Error added in quadrature to each cell's."
        ),
    ] = 0.0,
    out: Annotated[
        str | None,
        options.option("--out", text="File to write the laws to: .html, .json or .tex."),
    ] = None,
    plot: Annotated[
        str | None,
        options.option("--plot", text="Picture of the law's residuals: .png, .pdf or .svg."),
    ] = None,
    timeout: Annotated[
        float | None,
        options.option("--timeout", parser=options.number, text="Seconds to stop after."),
    ] = None,
    seed: options.Seed = None,
    threads: options.Threads = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> ExitCode:
    """Find a formula in m, n and alpha for the kappa of a run, with its errors.

    Example: htmu law paper.htmu --plot law.png --out law.html
    """
    _check_places(out, plot)
    result = SweepResult.load(run)
    names = FEATURES if features is None else [name.strip() for name in features.split(",")]
    with _warnings_as_lines(), _reporter(quiet=quiet or json) as progress:
        search = discover_law(
            result,
            features=names,
            engine=engine,
            maxsize=maxsize,
            floor=floor,
            seed=0 if seed is None else seed,
            n_threads=threads,
            timeout=timeout,
            progress=progress,
        )
    if json:
        print_json(search.to_dict())
    else:
        _show(search, short=quiet)
    if plot is not None:
        plot_law(search, plot)
    if out is not None:
        write_law(search, out)
    return ExitCode.OK


@contextmanager
def _warnings_as_lines() -> Iterator[None]:
    """Print the block's warnings once it ends, with an error too."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", AccuracyWarning)
        try:
            yield
        finally:
            for warning in caught:
                if issubclass(warning.category, AccuracyWarning):
                    print(f"htmu: warning: {warning.message}", file=sys.stderr)


def _check_places(out: str | None, plot: str | None) -> None:
    """Refuse what cannot be written before the search."""
    if out is not None:
        suffix = os.path.splitext(check_place(out))[1].lower()
        if suffix not in WRITERS:
            raise InvalidInputError(
                f"cannot tell the format of {out!r}; name a file that ends in "
                f"{', '.join(list(WRITERS)[:-1])} or {list(WRITERS)[-1]}"
            )
        if suffix == ".html":
            check_drawable(None)
    if plot is not None:
        check_drawable(plot)


def _show(search: LawSearch, *, short: bool) -> None:
    screen = console()
    best = search.best
    if not short:
        screen.print(laws_table(search))
        screen.print()
    screen.print(f"{search.target} = {best.text}")
    if short:
        return
    screen.print(f"rule: {search.reason}")
    if best.constants:
        screen.print(f"constants: {best.constants_text}")
    box = ", ".join(f"{name} {low:g} to {high:g}" for name, (low, high) in search.domain.items())
    screen.print(f"domain: {box}")
    screen.print(_provenance(search))


def _provenance(search: LawSearch) -> str:
    proved = f", all formulas up to size {search.proved_size}" if search.proved_size else ""
    return (
        f"{search.problem.n_rows} rows, engine {search.engine}{proved}, seed {search.seed}, "
        f"{duration_text(search.elapsed)}"
    )


def laws_table(search: LawSearch) -> Table:
    """Pareto front: a row a law, the recommended one marked."""
    table = plain_table(["size", "chi2/dof", "rms", "inside", "beyond"])
    table.add_column("law", justify="left", no_wrap=True)
    for law in search:
        table.add_row(
            f"{law.complexity}",
            *(
                "" if math.isnan(value) else f"{value:.3g}"
                for value in (law.chi2_dof, law.rms, law.interpolation, law.extrapolation)
            ),
            law.text + (" *" if law is search.best else ""),
        )
    return table


@contextmanager
def _reporter(*, quiet: bool) -> Iterator[Callable[[SearchProgress], object] | None]:
    """Progress on a terminal's error stream, nothing elsewhere."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.status import Status

    with Status("searching", console=console(stderr=True)) as status:

        def report(progress: SearchProgress) -> None:
            status.update(f"{progress.fraction:4.0%}  {progress.message}")

        yield report
