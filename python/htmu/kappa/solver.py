"""`estimate_kappa`: checks, defaults, one call into the core."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import NamedTuple

from htmu._core import kappa as _kappa
from htmu._core.common import CancelToken
from htmu.arguments import Seed, as_choice, as_float, as_int, as_seed, as_threads, core_key
from htmu.errors import AccuracyWarning, InvalidInputError
from htmu.kappa.estimate import KappaEstimate
from htmu.structures import Structure

__all__ = ["ProgressReport", "estimate_kappa"]

_METHODS = ("selberg", "robbins-monro")
_MAX_SAMPLES = 10**15


class ProgressReport(NamedTuple):
    """State of a running estimate.

    `fraction` is the share drawn of the samples that the current plan asks for.
    """

    n_samples: int
    kappa: float
    half_width: float
    fraction: float


def _checked_reference(structure: Structure, reference: str | None, method: str) -> str:
    if not isinstance(structure, Structure):
        raise InvalidInputError(
            "structure must be one of htmu.structures (Full, Diagonal, BlockDiagonal, Kronecker, "
            f"Sampled), got {type(structure).__name__}"
        )
    if structure.N < 2:
        raise InvalidInputError(
            f"kappa needs a matrix size N of at least 2, got N = {structure.N} from {structure!r}"
        )
    if reference is None:
        reference = structure.default_reference
    reference = as_choice(f"reference of {structure.name}", reference, structure.references)
    if method == "robbins-monro" and reference == "full":
        raise InvalidInputError(
            "method 'robbins-monro' keeps the exponent fixed, got reference 'full'; give alpha "
            "and reference 'weight' or 'shape', or use method 'selberg'"
        )
    return reference


def _reporter(
    progress: Callable[[ProgressReport], object] | None,
) -> Callable[[int, float, float, float], None] | None:
    """Return the core's callback for the user's."""
    if progress is None:
        return None

    def report(n_samples: int, kappa: float, half_width: float, fraction: float) -> None:
        progress(ProgressReport(n_samples, kappa, half_width, fraction))

    return report


def estimate_kappa(
    structure: Structure,
    *,
    tol: float | None = 1e-3,
    confidence: float = 0.95,
    method: str = "selberg",
    reference: str | None = None,
    seed: Seed = None,
    n_threads: int | None = None,
    max_samples: int = 100_000_000,
    progress: Callable[[ProgressReport], object] | None = None,
    batch: int = 50,
    gain: float = 1.0,
    stop: str = "interval",
    _cancel: CancelToken | None = None,
) -> KappaEstimate:
    """Estimate the eigenvalue-repulsion parameter kappa of a structured matrix.

    kappa = N beta, where beta minimises the Kullback-Leibler divergence from the structure's law of
    eigenvalues to the beta-Laguerre laws of the same weight (Hodgkinson, Wang and Mahoney, ICML
    2025).

    Parameters
    ----------
    structure : Structure
        One of `htmu.structures`.
    tol : float or None
        Half-width of the confidence interval to reach, > 0. None draws `max_samples` samples.
    confidence : float
        Level of the interval, in (0, 1).
    method : {"selberg", "robbins-monro"}
        "selberg" samples the structure only: the reference's mean log-Vandermonde is exact, the
        structure's is estimated with control variates, and beta is a deterministic root.
        "robbins-monro" is the paper's Algorithm 1.
    reference : {"weight", "shape", "full"} or None
        What "the same weight" means: same exponent and rate; same exponent, scale disregarded;
        exponent and rate free. None takes the structure's default.
    seed : int, SeedSequence, Generator or None
        None takes fresh entropy; the result names the seed that reproduces it.
    n_threads : int or None
        None takes every CPU; the result does not depend on it.
    max_samples : int
        Most spectra of the structure to draw.
    progress : callable, optional
        Called with a `ProgressReport` at most ten times a second.
    batch, gain, stop : int, float, {"interval", "step"}
        Algorithm 1 only: samples a step, gain (> 1/2; 1 is optimal), and the stopping rule: the
        half-width, or the paper's literal one (a step of kappa below tol), whose interval is not to
        be trusted.

    Returns
    -------
    KappaEstimate

    Raises
    ------
    InvalidInputError
        If an argument has the wrong type or lies outside its domain; RepeatedEigenvalueError if a
        spectrum repeats an eigenvalue; NonFiniteError if one is not finite.
    ConvergenceError
        If kappa is infinite: the spectra repel more than any beta-ensemble of this weight.

    Warns
    -----
    AccuracyWarning
        If `tol` is not reached within `max_samples`: the interval is then honest but wider.

    Notes
    -----
    The sampling plan is a group-sequential fixed-width interval (Chow and Robbins, 1965) with a
    minimal first stage and Student's t; the controls follow Lavenberg and Welch (1981). The
    interval's ends are roots themselves, and are cut off at kappa = 0.

    Examples
    --------
    >>> import htmu
    >>> estimate = htmu.estimate_kappa(htmu.structures.BlockDiagonal(10, 10, alpha=1.0), seed=1)
    >>> round(estimate.kappa, 2)
    9.1
    >>> estimate.half_width <= 1e-3
    True
    """
    method = as_choice("method", method, _METHODS)
    reference = _checked_reference(structure, reference, method)
    tolerance = 0.0 if tol is None else as_float("tol", tol, exclusive_minimum=0)
    level = as_float("confidence", confidence, exclusive_minimum=0, exclusive_maximum=1)
    n_batch = as_int("batch", batch, minimum=2, maximum=10**6)
    step_gain = as_float("gain", gain, exclusive_minimum=0.5, maximum=100)
    stop_rule = as_choice("stop", stop, ("interval", "step"))
    smallest = n_batch if method == "robbins-monro" else 8
    limit = as_int("max_samples", max_samples, minimum=smallest, maximum=_MAX_SAMPLES)
    threads = as_threads(n_threads)
    number = as_seed(seed)
    if progress is not None and not callable(progress):
        raise InvalidInputError(f"progress must be callable, got {type(progress).__name__}")
    if method != "robbins-monro" and (n_batch, step_gain, stop_rule) != (50, 1.0, "interval"):
        raise InvalidInputError(
            "batch, gain and stop belong to method 'robbins-monro', got method 'selberg'"
        )

    law = structure._law(number)
    exponent = structure.weight_exponent
    started = time.perf_counter()
    common = (
        law,
        reference,
        0.0 if exponent is None else exponent,
        tolerance,
        level,
        core_key(number),
        limit,
        threads,
        _reporter(progress),
        _cancel,
    )
    if method == "selberg":
        solution = _kappa.solve_selberg(*common)
    else:
        solution = _kappa.solve_robbins_monro(*common, n_batch, step_gain, stop_rule == "step")
    estimate = KappaEstimate(
        kappa=solution.kappa,
        beta=solution.beta,
        stderr=solution.standard_error,
        interval=(solution.lower, solution.upper),
        confidence=level,
        tol=None if tol is None else tolerance,
        n_samples=solution.n_samples,
        n_steps=solution.n_steps,
        converged=solution.converged,
        variance_reduction=solution.variance_reduction,
        method=method,
        reference=reference,
        structure=structure,
        seed=number,
        elapsed=time.perf_counter() - started,
    )
    if not estimate.converged:
        warnings.warn(
            f"tol = {tolerance:g} was not reached within {estimate.n_samples} samples: the half-"
            f"width is {estimate.half_width:.3g}; raise max_samples or tol",
            AccuracyWarning,
            stacklevel=2,
        )
    return estimate
