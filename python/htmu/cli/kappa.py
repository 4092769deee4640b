"""``htmu kappa``: one estimate."""

from __future__ import annotations

import warnings
from typing import Annotated, Any

from htmu.arguments import as_choice, as_threads
from htmu.cli import options
from htmu.cli.exits import ExitCode, complain
from htmu.cli.output import decimals, duration_text, interval_text, print_json
from htmu.cli.progress import estimate_reporter
from htmu.errors import AccuracyWarning, InvalidInputError
from htmu.kappa import KappaEstimate, estimate_kappa
from htmu.structures import Structure, from_parameters
from htmu.sweeps.cells import CELL_PARAMETERS


def kappa(
    structure: options.StructureName = None,
    m: Annotated[
        int | None,
        options.option(
            "-m", "--m", parser=options.integer, text="Number of blocks, or first factor's size."
        ),
    ] = None,
    n: Annotated[
        int | None,
        options.option(
            "-n", "--n", parser=options.integer, text="Size of a block, factor or matrix."
        ),
    ] = None,
    alpha: Annotated[
        float | None,
        options.option(
            "--alpha",
            parser=options.number,
            text="Exponent of the Laguerre weight, above -1; 1 if none.",
        ),
    ] = None,
    dims: Annotated[
        str | None,
        options.option("--dims", text="Sizes of all factors of a Kronecker product: 3,3,3."),
    ] = None,
    block_beta: options.BlockBeta = None,
    tol: options.Tol = None,
    confidence: options.Confidence = None,
    method: options.Method = None,
    reference: options.Reference = None,
    seed: options.Seed = None,
    threads: options.Threads = None,
    max_samples: options.MaxSamples = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> ExitCode:
    """Estimate the eigenvalue-repulsion parameter kappa of one structured matrix.

    Example: htmu kappa --structure block-diagonal -m 10 -n 10 --alpha 1
    """
    given: dict[str, Any] = {
        "tol": tol,
        "confidence": confidence,
        "method": method,
        "reference": reference,
        "max_samples": max_samples,
    }
    exponent = 1.0 if alpha is None else alpha
    family = "block-diagonal" if structure is None else structure
    matrix = _structure(family, m, n, exponent, dims, block_beta)
    n_threads = as_threads(threads)
    with warnings.catch_warnings(), estimate_reporter(quiet=quiet or json) as progress:
        # What the warning says is said below, in the program's own voice.
        warnings.simplefilter("ignore", AccuracyWarning)
        estimate = estimate_kappa(
            matrix,
            seed=0 if seed is None else seed,
            n_threads=n_threads,
            progress=progress,
            **{name: value for name, value in given.items() if value is not None},
        )
    if json:
        print_json(estimate.to_dict())
    else:
        print(_text(estimate, short=quiet))
    if estimate.converged:
        return ExitCode.OK
    complain(
        f"the half-width {estimate.half_width:.2g} is above tol = {estimate.tol:g} after "
        f"{estimate.n_samples} samples; raise --max-samples or --tol"
    )
    return ExitCode.NOT_CONVERGED


def _structure(
    family: str,
    m: int | None,
    n: int | None,
    alpha: float,
    dims: str | None,
    block_beta: int | None,
) -> Structure:
    names = CELL_PARAMETERS[as_choice("--structure", family, tuple(CELL_PARAMETERS))]
    given = {"m": m, "n": n, "block_beta": block_beta}
    sizes = options.number_list("--dims", dims, int)
    if sizes is not None:
        wrong = [name for name, value in given.items() if value is not None]
        if family != "kronecker" or wrong:
            raise InvalidInputError(
                f"--dims gives all sizes of a Kronecker product, got it with "
                f"{' and '.join(wrong) or family}; leave one out"
            )
        return from_parameters(family, dims=tuple(sizes), alpha=alpha)
    for name, value in given.items():
        option = f"--{name.replace('_', '-')}"
        if value is not None and name not in names:
            raise InvalidInputError(
                f"{family} structures have no {name}, got {option} {value}; leave it out"
            )
        if value is None and name in names and name != "block_beta":
            raise InvalidInputError(f"{family} structures need {name}; give {option}")
    parameters = {name: value for name, value in given.items() if value is not None}
    return from_parameters(family, **parameters, alpha=alpha)


def _text(estimate: KappaEstimate, *, short: bool) -> str:
    lower, upper = estimate.interval
    kappa = f"kappa = {interval_text(estimate.kappa, estimate.half_width)}"
    if short:
        return kappa
    digits = decimals(estimate.half_width)
    return (
        f"{kappa}   ({100 * estimate.confidence:g} % interval {lower:.{digits}f} to "
        f"{upper:.{digits}f})\n"
        f"{estimate.structure!r}, N = {estimate.structure.N}, method {estimate.method}, "
        f"reference {estimate.reference}\n"
        f"{estimate.n_samples:,} samples in {duration_text(estimate.elapsed)}, variance reduced "
        f"{estimate.variance_reduction:.3g} times, seed {estimate.seed}"
    )
