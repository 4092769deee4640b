"""``htmu fit``: the HTMP law fitted to files of eigenvalues."""

from __future__ import annotations

import csv as csv_module
import math
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from htmu.arguments import as_choice, as_float, as_int, as_seed, as_threads
from htmu.cli import options
from htmu.cli.eigenvalues import read_eigenvalues
from htmu.cli.exits import ExitCode, complain
from htmu.cli.output import console, decimals, plain_table, print_json
from htmu.errors import HtmuError, InvalidInputError
from htmu.files import check_drawable, check_place, whole_file

if TYPE_CHECKING:
    from rich.table import Table

    from htmu.fits import SpectrumFit

_COLUMNS = (
    "file",
    "used",
    "zeros",
    "spikes",
    "kappa",
    "interval",
    "gamma",
    "scale",
    "KS",
    "p",
    "model",
)
_PARAMETERS = ("kappa", "gamma", "scale", "delta")
_LAWS = {"htmp": "HTMP", "gamma": "Gamma law", "marchenko-pastur": "Marchenko-Pastur"}
_PLACE = "{}"


def fit(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE", help="Eigenvalues: .npy, .npz, .csv or .txt."),
    ],
    inverse: Annotated[
        bool,
        typer.Option(
            "--inverse/--weights",
            help="Law of 1 / eigenvalue, for feature and kernel matrices; or of the eigenvalue, "
            "for weights W^T W.",
        ),
    ] = False,
    gamma: Annotated[
        float | None,
        options.option(
            "--gamma",
            text="Number of eigenvalues over degrees of freedom; fitted if none.",
            parser=options.number,
        ),
    ] = None,
    kappa: Annotated[
        float | None,
        options.option(
            "--kappa",
            text="Fitted if none; 0 is the Gamma law, inf is Marchenko-Pastur.",
            parser=options.number,
        ),
    ] = None,
    method: Annotated[
        str | None,
        options.option("--method", text="mle (if none), joint, ks, moments or stieltjes."),
    ] = None,
    window: Annotated[
        str | None,
        options.option("--window", text="Fit only eigenvalues in LO,HI."),
    ] = None,
    spikes: Annotated[
        str | None,
        options.option(
            "--spikes",
            text="Largest eigenvalues set apart as signal: auto (if none), none, or their number.",
        ),
    ] = None,
    key: Annotated[
        str | None, options.option("--key", text="Name of the array in .npz files.")
    ] = None,
    column: Annotated[
        str | None,
        options.option(
            "--column", text="Name or number (from 1) of the column in .csv and .txt files."
        ),
    ] = None,
    confidence: options.Confidence = None,
    seed: options.Seed = None,
    threads: options.Threads = None,
    csv: Annotated[
        str | None, options.option("--csv", text="Write the table to this file too.")
    ] = None,
    plot: Annotated[
        str | None,
        options.option(
            "--plot",
            text="Draw to this PNG, PDF or SVG file; for several FILEs its "
            "name has {}, which becomes the FILE's name.",
        ),
    ] = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> ExitCode:
    """Fit the high-temperature Marchenko-Pastur (HTMP) law to eigenvalues: kappa with its error.

    A file that cannot be fitted is named on the error stream; the others still are.

    Example: htmu fit ntk.npy --inverse --plot ntk.png
    """
    settings = _settings(inverse, gamma, kappa, method, window, spikes, confidence, seed, threads)
    pictures = _pictures(files, plot)
    if csv is not None:
        check_place(csv)
    for written in (csv, *pictures):
        if written is not None and os.path.realpath(written) in map(os.path.realpath, files):
            raise InvalidInputError(f"{written} is a file of eigenvalues; write to another")
    found: list[tuple[str, SpectrumFit]] = []
    entries: list[dict[str, Any]] = []
    code = ExitCode.OK
    for file, picture in zip(files, pictures, strict=True):
        try:
            result = _fit(file, key, column, settings)
            if picture is not None:
                result.plot(picture)
        except HtmuError as error:
            message = str(error)
            message = message if file in message else f"{file}: {message}"
            complain(message)
            wrong = ExitCode.USAGE if isinstance(error, InvalidInputError) else ExitCode.FAILURE
            code = max(code, wrong)
            entries.append({"file": file, "error": message})
            continue
        found.append((file, result))
        entries.append({"file": file, **result.to_dict()})
    if found and csv is not None:
        _write_csv(csv, found)
    if json and found:
        print_json(entries if len(files) > 1 else entries[0])
    elif quiet:
        for file, result in found:
            print(f"{file}: kappa = {_short(result)}")
    elif found:
        _print_table(found)
        _print_notes(found)
    return code


def _settings(
    inverse: bool,
    gamma: float | None,
    kappa: float | None,
    method: str | None,
    window: str | None,
    spikes: str | None,
    confidence: float | None,
    seed: int | None,
    threads: int | None,
) -> dict[str, Any]:
    """Arguments of `fit_spectrum`; what is wrong with any file is said before one is read."""
    from htmu.fits.estimators import METHODS
    from htmu.fits.family import as_family
    from htmu.fits.spectrum import as_window

    limits = None
    if window is not None:
        numbers = options.number_list("--window", ",".join(window.replace(",", " ").split()), float)
        limits = as_window(tuple(numbers or ()))
    count: str | int | None = "auto" if spikes is None else spikes
    if count == "none":
        count = None
    elif count != "auto":
        try:
            count = as_int("--spikes", int(str(count)), minimum=0)
        except ValueError:
            raise InvalidInputError(
                f"--spikes must be auto, none or a number at least 0, got {spikes!r}"
            ) from None
    as_family(kappa, gamma, None, inverse)
    level = 0.95 if confidence is None else confidence
    return {
        "inverse": inverse,
        "gamma": gamma,
        "kappa": kappa,
        "method": as_choice("--method", "mle" if method is None else method, METHODS),
        "window": limits,
        "spikes": count,
        "confidence": as_float("confidence", level, exclusive_minimum=0, exclusive_maximum=1),
        "seed": as_seed(0 if seed is None else seed),
        "n_threads": as_threads(threads),
    }


def _fit(file: str, key: str | None, column: str | None, settings: dict[str, Any]) -> SpectrumFit:
    from htmu.fits import fit_spectrum

    return fit_spectrum(read_eigenvalues(file, key=key, column=column), **settings)


def _pictures(files: Sequence[str], plot: str | None) -> list[str | None]:
    """Name of each file's picture."""
    if plot is None:
        return [None] * len(files)
    if len(files) > 1 and _PLACE not in plot:
        raise InvalidInputError(
            f"--plot draws one picture a file, got {plot!r} for {len(files)} files; put {{}} in "
            "its name, which becomes each file's name: 'fit-{}.png'"
        )
    names = [plot.replace(_PLACE, os.path.splitext(os.path.basename(file))[0]) for file in files]
    for name in names:
        check_drawable(name)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InvalidInputError(
            f"--plot would draw two files to {twice[0]}; give files of different names"
        )
    return list(names)


def _value(fit: SpectrumFit, name: str) -> str:
    """Parameter and standard error, to two digits of the error."""
    value = float(getattr(fit, name))
    error = fit.errors.get(name)
    if error is None or not 0 < error < math.inf:
        return f"{value:.4g}"
    if not 1e-6 < error < 1e6:
        return f"{value:.4g} ± {error:.2g}"
    return f"{value:.{decimals(error)}f} ± {error:.{decimals(error)}f}"


def _short(fit: SpectrumFit) -> str:
    """Kappa where no interval stands beside it."""
    if fit.kappa == 0 and "kappa" in fit.intervals:
        return f"0 (at most {fit.intervals['kappa'][1]:.2g})"
    return _value(fit, "kappa")


def _interval(fit: SpectrumFit) -> str:
    if "kappa" not in fit.intervals:
        return "given"
    low, high = fit.intervals["kappa"]
    half_width = (high - low) / 2
    if not 1e-6 < half_width < 1e6:
        return f"{low:.3g} to {high:.3g}"
    digits = decimals(half_width)
    return f"{low:.{digits}f} to {high:.{digits}f}"


def _gamma(fit: SpectrumFit) -> str:
    """Gamma; where kappa = 0 makes it 0, the parameter delta that the law then has."""
    if fit.kappa == 0:
        return f"0 (delta {_value(fit, 'delta')})"
    return _value(fit, "gamma")


def _preferred(fit: SpectrumFit) -> str:
    """Name of the law of least AIC, "" if none was compared."""
    return fit.comparison[0].name if fit.comparison else ""


def _row(file: str, fit: SpectrumFit) -> list[str]:
    return [
        file,
        f"{fit.n_used:,}",
        f"{fit.n_zero:,}",
        f"{len(fit.spikes):,}",
        _value(fit, "kappa"),
        _interval(fit),
        _gamma(fit),
        _value(fit, "scale"),
        f"{fit.ks:.3g}",
        "" if fit.p_value is None else f"{fit.p_value:.2g}",
        _LAWS.get(_preferred(fit), ""),
    ]


def _print_table(found: Sequence[tuple[str, SpectrumFit]]) -> None:
    """One row a file; on a terminal too narrow for that, one line a quantity."""
    screen = console()
    rows = [_row(file, fit) for file, fit in found]
    table = plain_table(_COLUMNS)
    table.columns[0].justify = "left"
    for row in rows:
        table.add_row(*row)
    if screen.measure(table).minimum <= screen.width and _width(rows) <= screen.width:
        screen.print(table)
        return
    for index, row in enumerate(rows):
        if index:
            screen.print()
        screen.print(_upright(row))


def _width(rows: Sequence[Sequence[str]]) -> int:
    columns = zip(_COLUMNS, *rows, strict=True)
    return sum(max(map(len, column)) + 2 for column in columns) - 2


def _upright(row: Sequence[str]) -> Table:
    table = plain_table(["", ""])
    table.show_header = False
    for column in table.columns:
        column.justify, column.no_wrap = "left", False
    for name, text in zip(_COLUMNS, row, strict=True):
        table.add_row(name, text)
    return table


def _print_notes(found: Sequence[tuple[str, SpectrumFit]]) -> None:
    """What to know before the numbers are used."""
    screen = console()
    settings = found[0][1]
    law = "1 / eigenvalue (--inverse)" if settings.inverse else "the eigenvalues (--weights)"
    screen.print(
        f"\nlaw of {law}, method {settings.method}, {100 * settings.confidence:g} % intervals, "
        f"seed {settings.seed}"
    )
    for file, fit in found:
        for warning in fit.warnings:
            screen.print(f"{file}: {warning}", soft_wrap=True)


def _write_csv(path: str, found: Sequence[tuple[str, SpectrumFit]]) -> None:
    columns = ["file", "n", "n_used", "n_zero", "n_censored", "n_spikes"]
    for name in _PARAMETERS:
        columns += [name, f"{name}_error", f"{name}_low", f"{name}_high"]
    rest = (
        "ks",
        "p_value",
        "loglik",
        "model",
        "boundary",
        "method",
        "inverse",
        "confidence",
        "seed",
    )
    with whole_file(path) as name, open(name, "w", newline="", encoding="utf-8") as output:
        writer = csv_module.writer(output)
        writer.writerow([*columns, *rest])
        for file, fit in found:
            row: list[Any] = [file, fit.n, fit.n_used, fit.n_zero, fit.n_censored, len(fit.spikes)]
            for parameter in _PARAMETERS:
                low, high = fit.intervals.get(parameter, ("", ""))
                error = fit.errors.get(parameter, "")
                row += [getattr(fit, parameter), error, low, high]
            row += [_preferred(fit) if name == "model" else getattr(fit, name) for name in rest]
            writer.writerow(row)
