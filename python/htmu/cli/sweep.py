"""``htmu sweep``: kappa over a grid, in a run file that survives."""

from __future__ import annotations

import os
import shlex
import sys
import time
import warnings
from typing import Annotated, Any

from htmu.cli import options
from htmu.cli.exits import ExitCode, complain
from htmu.cli.output import (
    console,
    describe,
    duration_text,
    not_converged_text,
    print_json,
    summary_table,
)
from htmu.cli.progress import sweep_reporter
from htmu.errors import AccuracyWarning, InvalidInputError, RunFileError
from htmu.files import check_drawable, check_place
from htmu.plotting import plot_kappa
from htmu.sweeps import PRESETS, SweepResult, sweep
from htmu.sweeps.store import read_run

_GRID_OPTIONS = ("preset", "structure", "m", "n", "alpha", "block_beta")


def run_sweep(
    preset: Annotated[
        str | None, options.option("--preset", text=f"Grid of a name: {', '.join(PRESETS)}.")
    ] = None,
    structure: options.StructureName = None,
    m: Annotated[
        str | None,
        options.option(
            "--m", "-m", text="Numbers of blocks, or sizes of the first factor: 3,10,30."
        ),
    ] = None,
    n: Annotated[
        str | None,
        options.option("--n", "-n", text="Sizes of the blocks, factors or matrices: 3,10,30."),
    ] = None,
    alpha: Annotated[
        str | None, options.option("--alpha", text="Exponents of the Laguerre weight: 1,2.")
    ] = None,
    block_beta: options.BlockBeta = None,
    tol: options.Tol = None,
    confidence: options.Confidence = None,
    method: options.Method = None,
    reference: options.Reference = None,
    seed: options.Seed = None,
    threads: options.Threads = None,
    max_samples: options.MaxSamples = None,
    out: Annotated[
        str | None,
        options.option("--out", "-o", text="Run file; PRESET.htmu or sweep.htmu if none."),
    ] = None,
    resume: Annotated[
        bool | None,
        options.option(
            "--resume/--no-resume",
            text="The run file must exist, or must not; if none, it may, and the run goes on.",
        ),
    ] = None,
    csv: Annotated[
        str | None, options.option("--csv", text="Write the table to this file too.")
    ] = None,
    plot: Annotated[
        str | None, options.option("--plot", text="Draw kappa to this PNG, PDF or SVG file too.")
    ] = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> ExitCode:
    """Estimate kappa over a grid of structured matrices.

    Finished cells are saved one by one. The same command again goes on where it stopped, and so
    does the run file alone: htmu sweep --out RUN. The grid may grow; other settings must agree.

    Example: htmu sweep --preset quick --plot quick.png
    """
    given: dict[str, Any] = {
        "preset": preset,
        "structure": structure,
        "m": options.number_list("--m", m, int),
        "n": options.number_list("--n", n, int),
        "alpha": options.number_list("--alpha", alpha, float),
        "block_beta": block_beta,
        "tol": tol,
        "confidence": confidence,
        "method": method,
        "reference": reference,
        "seed": seed,
        "max_samples": max_samples,
    }
    given = {name: value for name, value in given.items() if value is not None}
    out = out if out is not None else _default_run(preset, structure)
    given = _completed(given, out, resume)
    if csv is not None:
        check_place(csv)
    if plot is not None:
        check_drawable(plot)

    began = time.monotonic()
    try:
        with (
            warnings.catch_warnings(),
            sweep_reporter(quiet=quiet) as progress,
        ):
            warnings.simplefilter("ignore", AccuracyWarning)
            result = sweep(
                **given, n_threads=threads, out=out, resume=resume is not False, progress=progress
            )
    except KeyboardInterrupt:
        _say_how_to_go_on(out)
        return ExitCode.INTERRUPTED
    if csv is not None:
        result.to_csv(csv)
    if plot is not None:
        plot_kappa(result, plot)
    if json:
        print_json(result.to_dict())
    elif not quiet:
        _print_summary(result, time.monotonic() - began, [csv, plot])
    if result.converged:
        return ExitCode.OK
    complain(f"{not_converged_text(result)}; raise --max-samples or --tol")
    return ExitCode.NOT_CONVERGED


def _default_run(preset: str | None, structure: str | None) -> str:
    stem = preset if preset in PRESETS else "sweep"
    family = "" if structure in (None, "block-diagonal") else f"-{structure}"
    return f"{stem}{family}.htmu"


def _completed(given: dict[str, Any], out: str, resume: bool | None) -> dict[str, Any]:
    """What was given; without a grid, what the run at `out` has, overlaid by what was given."""
    exists = os.path.exists(out) and (not os.path.isfile(out) or os.path.getsize(out) > 0)
    if resume and not exists:
        runs = sorted(name for name in os.listdir() if name.endswith(".htmu"))
        found = f" (here: {', '.join(runs)})" if runs else ""
        raise RunFileError(f"there is no run at {out} to resume; name one with --out{found}")
    if any(name in given for name in _GRID_OPTIONS):
        return given
    if not exists:
        raise InvalidInputError(
            "no grid given; name one with --preset (quick, paper, laws), or give --m, --n and "
            "--alpha, or go on with a run with --out RUN"
        )
    stored = read_run(out)
    grid = {name: value for name, value in stored.grid.to_dict().items() if value is not None}
    return {**grid, **stored.settings.to_dict(), **given}


def _say_how_to_go_on(out: str) -> None:
    try:
        stored = read_run(out)
    except RunFileError:  # interrupted before there was a run
        print("htmu: interrupted; nothing is saved", file=sys.stderr)
        return
    print(
        f"htmu: interrupted; {len(stored.results)} of {len(stored.grid)} cells are saved in {out}; "
        f"go on with: htmu sweep --out {shlex.quote(out)}",
        file=sys.stderr,
    )


def _print_summary(result: SweepResult, seconds: float, files: list[str | None]) -> None:
    screen = console()
    screen.print(describe(result))
    screen.print()
    screen.print(summary_table(result))
    screen.print()
    names = [name for name in (result.path, *files) if name is not None]
    cells = "1 cell" if len(result) == 1 else f"{len(result)} cells"
    screen.print(f"{cells} in {duration_text(seconds)}; saved in {', '.join(names)}")
