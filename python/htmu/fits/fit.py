"""`fit_spectrum`: the HTMP law fitted to the eigenvalues of one matrix."""

from __future__ import annotations

import dataclasses
import math
import time
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special as scipy_special

from htmu.arguments import (
    Seed,
    as_bool,
    as_choice,
    as_float,
    as_int,
    as_seed,
    as_threads,
)
from htmu.errors import InvalidInputError
from htmu.fits.comparison import compare
from htmu.fits.distance import ks_distance, simulated_distances
from htmu.fits.estimators import METHODS, Estimate, estimate
from htmu.fits.family import Family, as_family
from htmu.fits.likelihood import loglik
from htmu.fits.result import SpectrumFit
from htmu.fits.selection import Selected, select
from htmu.fits.spectrum import MINIMUM, as_window, read_spectrum
from htmu.fits.units import as_given, normalised

__all__ = ["fit_spectrum"]


def fit_spectrum(
    eigenvalues: ArrayLike,
    *,
    gamma: float | None = None,
    kappa: float | None = None,
    scale: float | None = None,
    inverse: bool = False,
    method: str = "mle",
    spikes: str | int | None = "auto",
    window: tuple[float, float] | None = None,
    zero_tol: float | None = None,
    confidence: float = 0.95,
    n_simulations: int = 96,
    seed: Seed = 0,
    n_threads: int | None = None,
) -> SpectrumFit:
    """Fit the high-temperature Marchenko-Pastur (HTMP) law to a spectrum, with honest errors.

    Parameters
    ----------
    eigenvalues : array_like, shape (n,)
        Eigenvalues of a positive semidefinite matrix, in any order: at least 10 above 0.
    gamma : float or None
        n / (degrees of freedom), greater than 0; None fits it, up to 1. Above 1 the nonzero
        eigenvalues are fitted by duality, as HTMP of kappa / gamma and 1 / gamma.
    kappa : float or None
        None fits it. 0 is the limit at fixed delta, Gamma(delta) (inverse Gamma for an inverse
        fit); inf is Marchenko-Pastur.
    scale : float or None
        Mean of the law (for an inverse fit, 1 / mean of 1 / eigenvalue); None fits it.
    inverse : bool
        Whether 1 / eigenvalue has the law: for feature and kernel matrices. False is for weights,
        W^T W.
    method : str
        "mle" maximises the density; "joint" the exact likelihood of the beta-Laguerre ensemble,
        which also uses the repulsion of eigenvalues; "ks" minimises the Kolmogorov-Smirnov
        distance; "moments" and "stieltjes" match moments and the Stieltjes transform.
    spikes : "auto", int or None
        Largest eigenvalues that are signal, not bulk: those that the bulk's law reaches in one
        spectrum of a hundred at most; so many; none. They are not sought at
        kappa = inf.
    window : (float, float) or None
        Fit only the eigenvalues in this range, by the truncated likelihood ("mle", "ks").
    zero_tol : float or None
        Values at or below it are zeros or rounding noise; None is n eps max, 0 trusts every value
        above 0.
    confidence : float
        Level of the intervals, between 0 and 1.
    n_simulations : int
        Spectra drawn at the fit to calibrate errors and the p-value; 0 for neither: errors are
        then those of independent eigenvalues.
    seed : int, SeedSequence, Generator or None
        Of the simulation. None takes fresh entropy.
    n_threads : int or None
        None takes every CPU; the result does not depend on it.

    Returns
    -------
    SpectrumFit

    Raises
    ------
    InvalidInputError
        If an argument has the wrong type or lies outside its domain (NonFiniteError for NaN).
    ConvergenceError
        If the spectrum does not determine the free parameters.

    Notes
    -----
    Exact zeros, and values below n eps max that the law does not expect there, are counted in
    `n_zero` and not fitted; values there that it does expect are censored. [1] is the law, [2] the
    joint likelihood's normalisation.

    References
    ----------
    [1] Hodgkinson, Wang and Mahoney, ICML 2025, Theorem 4.1. [2] Forrester and Warnaar, Bull. Amer.
    Math. Soc. 45, 489 (2008).

    Examples
    --------
    >>> import htmu
    >>> n, kappa, gamma = 500, 5.5, 0.3255
    >>> a = kappa / 2 * (1 / gamma - 1 + 1 / n) - 1
    >>> spectrum = htmu.LaguerreEnsemble(n, beta=kappa / n, a=a).eigenvalues(1, seed=1)[0]
    >>> fit = htmu.fit_spectrum(spectrum, gamma=gamma)
    >>> low, high = fit.intervals["kappa"]
    >>> bool(low < kappa < high)
    True
    """
    began = time.perf_counter()
    tolerance = None if zero_tol is None else as_float("zero_tol", zero_tol, minimum=0)
    spectrum = read_spectrum(eigenvalues, tolerance)
    inverse = as_bool("inverse", inverse)
    method = as_choice("method", method, METHODS)
    limits = as_window(window)
    confidence = as_float("confidence", confidence, exclusive_minimum=0, exclusive_maximum=1)
    n_simulations = as_int("n_simulations", n_simulations, minimum=0, maximum=100_000)
    if 0 < n_simulations < 20:
        raise InvalidInputError(f"n_simulations must be 0 or at least 20, got {n_simulations}")
    if scale is not None:
        scale = as_float("scale", scale, exclusive_minimum=0)
    spectrum, scale = normalised(spectrum, scale)
    inside = None if limits is None else (limits[0] / spectrum.unit, limits[1] / spectrum.unit)
    family = as_family(kappa, gamma, scale, inverse)
    counted = _as_spikes(spikes, len(spectrum.values))
    if limits is not None and method not in ("mle", "ks"):
        raise InvalidInputError(f"window needs method 'mle' or 'ks', got {method!r}")
    if math.isinf(family.b or 0):
        if limits is not None:
            raise InvalidInputError("window must be None for kappa = inf; got both")
        if method != "mle":
            raise InvalidInputError(f"method must be 'mle' for kappa = inf, got {method!r}")
    key, threads = as_seed(seed), as_threads(n_threads)

    chosen = select(spectrum, family, counted, inside, censors=method in ("mle", "ks"))
    found = estimate(method, chosen, family, confidence, n_simulations, key, threads)
    fit = _result(
        found, chosen, family, method, confidence, limits, n_simulations, key, began, threads
    )
    return as_given(fit, spectrum.unit, limits)


def _as_spikes(spikes: Any, n: int) -> int | None:
    """Return the number of spikes, None for a search."""
    if spikes is None:
        return 0
    if isinstance(spikes, str):
        if spikes == "auto":
            return None
        raise InvalidInputError(f"spikes must be 'auto', an integer or None, got {spikes!r}")
    return as_int("spikes", spikes, minimum=0, maximum=max(n - MINIMUM, 0))


def _result(
    found: Estimate,
    chosen: Selected,
    family: Family,
    method: str,
    confidence: float,
    limits: tuple[float, float] | None,
    n_simulations: int,
    key: int,
    began: float,
    threads: int,
) -> SpectrumFit:
    points = chosen.points
    parameters = family.parameters
    law, unit = parameters.law(found.mle)
    distance = ks_distance(law, unit, points)
    p_value = None
    if found.spectra is not None and found.moves is not None:
        simulated = found.distances
        if simulated is None:
            simulated = simulated_distances(
                points, parameters, found.mle, found.spectra, found.moves
            )
        beyond = int((simulated >= distance * math.sqrt(points.n)).sum())
        p_value = (1 + beyond) / (1 + len(simulated))
    # A density's likelihood in 1 / x, back in x: |dy/dx| = y^2.
    jacobian = 2 * float(np.log(points.x).sum()) if family.inverse else 0.0
    named = family.values(found.t)
    at_maximum = family.values(found.mle)
    density = loglik(points, parameters, found.mle) if method != "mle" else found.loglik
    models = (
        compare(
            points,
            (
                {name: at_maximum[name] for name in ("kappa", "gamma", "scale")},
                density,
                parameters.size,
            ),
            gamma=family.gamma,
            scale=None if family.scale is None else family.scale,
            inflation=found.inflation,
            power=-1 if family.inverse else 1,
        )
        if family.b is None
        else ()
    )
    models = tuple(
        dataclasses.replace(
            model,
            loglik=model.loglik + jacobian,
            aic=model.aic - 2 * jacobian,
            bic=model.bic - 2 * jacobian,
        )
        for model in models
    )
    quantile = float(
        -scipy_special.stdtrit(n_simulations - 1, (1 - confidence) / 2)
        if found.spectra is not None and method != "joint"
        else -scipy_special.ndtri((1 - confidence) / 2)
    )
    errors, intervals = family.errors(found.centre, found.covariance, quantile)
    if found.kappa is not None:
        value, error, interval = family.kappa_of(*found.kappa)
        if value == 0 and "gamma" in intervals and math.isfinite(interval[1]):
            most = interval[1] / 2 / (interval[1] / 2 + named["delta"])
            intervals["gamma"] = (0.0, most)
        # The unbiased estimate of a strongly skewed one may leave the inverted test's interval.
        interval = (min(interval[0], value), max(interval[1], value))
        named["kappa"], errors["kappa"], intervals["kappa"] = value, error, interval
    values = chosen.values
    return SpectrumFit(
        kappa=named["kappa"],
        gamma=named["gamma"],
        scale=named["scale"],
        delta=named["delta"],
        maximum={name: at_maximum[name] for name in ("kappa", "gamma", "scale", "delta")},
        errors=errors,
        observed_errors=family.errors(found.mle, found.observed, quantile)[0],
        intervals=intervals,
        confidence=confidence,
        ks=distance,
        p_value=p_value,
        loglik=found.loglik + jacobian,
        n=chosen.n,
        n_used=points.n,
        n_zero=chosen.n_zero,
        n_censored=points.n_below,
        spikes=chosen.spikes,
        values=values,
        comparison=models,
        boundary=family.boundary(found.mle),
        method=method,
        inverse=family.inverse,
        window=limits,
        free=family.free,
        n_simulations=0 if found.spectra is None else n_simulations,
        warnings=(*chosen.warnings, *found.warnings, *family.warnings(found.mle, chosen)),
        seed=key,
        elapsed=time.perf_counter() - began,
    )
