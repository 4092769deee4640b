"""The five ways to estimate, with one form of result."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any

import numpy as np

from htmu.arguments import FloatArray
from htmu.errors import ConvergenceError, InvalidInputError
from htmu.fits.bootstrap import null_parameters, refitted_distances
from htmu.fits.calibration import (
    WEAK,
    NoSpreadError,
    Simulator,
    calibrate,
    profile_interval,
    unbiased_inverse,
    weak_kappa,
)
from htmu.fits.comparison import fit_marchenko_pastur
from htmu.fits.distance import minimise_ks
from htmu.fits.family import Family
from htmu.fits.joint import JointStatistics, fit_joint, joint_slopes
from htmu.fits.laws import conditional_nodes
from htmu.fits.likelihood import (
    EDGE,
    Fitted,
    Points,
    loglik,
    maximise,
    observed_information,
)
from htmu.fits.moments import match, power_sums, resolvents
from htmu.fits.selection import Selected

__all__ = ["METHODS", "Estimate", "estimate"]

#: Below this kappa a weakly determined one is bounded by kappa = 0 rather than by infinity.
SMALL = 2.0

#: Below so many points, or above a standard error of WEAK, the refits of the null are full ones.
FEW = 100

#: Above this b a maximum says no more than that kappa is large.
WEAK_MOST = 2e3

METHODS = ("mle", "joint", "ks", "moments", "stieltjes")


@dataclasses.dataclass(frozen=True)
class Estimate:
    """Parameters t (unbiased), `centre` (of the intervals) and `mle` (as found), and covariances.

    `spectra` and `moves` are simulated spectra, and how their own estimates deviate; `inflation`
    is the calibrated variance of log kappa over that of independent values; `kappa` is the
    estimate, error and interval of an inverted score test; `distances` is the null of the KS
    distance, times sqrt(n), where linearised refits would not do.
    """

    t: FloatArray
    centre: FloatArray
    mle: FloatArray
    loglik: float
    covariance: FloatArray
    observed: FloatArray
    spectra: FloatArray | None = None
    moves: FloatArray | None = None
    inflation: float = 1.0
    kappa: tuple[float, float, tuple[float, float]] | None = None
    warnings: tuple[str, ...] = ()
    distances: FloatArray | None = None


def _inverse(information: FloatArray) -> FloatArray:
    if information.size == 0:
        return information
    return np.asarray(np.linalg.pinv(information, hermitian=True))


def _unbiased(t: FloatArray, covariance: FloatArray) -> FloatArray:
    """Return t with the bias of kappa of second order taken off, about kappa times variance of log.

    1 / kappa is close to normal for the density's estimate; the joint likelihood's information
    falls like 1 / kappa^2, and an exponential family then has the same bias.
    """
    corrected = t.copy()
    corrected[0] += math.log(unbiased_inverse(1.0, math.sqrt(float(covariance[0, 0]))))
    return corrected


def _simulator(
    points: Points, fitted: Fitted, size: int, seed: int, threads: int, most: int
) -> Simulator:
    """Return the simulator of a spectrum whose window holds the points."""
    law, scale = fitted.parameters.law(fitted.t)
    mass = 1.0
    if points.low > 0 or points.high < math.inf:
        mass = conditional_nodes(law, points.low / scale, points.high / scale)[2]
    total = points.n / mass
    n = int(min(most, max(round(total), 10)))
    return Simulator(n, size, seed, threads, total / n)


def estimate(
    method: str,
    chosen: Selected,
    family: Family,
    confidence: float,
    n_simulations: int,
    seed: int,
    threads: int,
) -> Estimate:
    """Return the estimate of one method.

    Raises
    ------
    ConvergenceError
        If the spectrum does not determine the free parameters.
    """
    try:
        found = _estimate(method, chosen, family, confidence, n_simulations, seed, threads)
    except np.linalg.LinAlgError:
        raise ConvergenceError(
            f"method {method!r} met a singular system: the spectrum does not determine the free "
            "parameters; fix gamma or scale, or use method='mle'"
        ) from None
    if method == "mle" or found.moves is None:
        return found
    if chosen.points.n >= FEW and not _loose(found.covariance):
        return found
    # Their refits are linearised, which holds for errors below WEAK only.
    warning = f"no p-value by {method!r} where parameters are weakly determined: use method='mle'"
    return dataclasses.replace(found, moves=None, warnings=(*found.warnings, warning))


def _loose(covariance: FloatArray) -> bool:
    """Whether a standard error is too large for an expansion about the fit."""
    return bool(covariance.size) and float(np.diag(covariance).max()) > WEAK**2


def _estimate(
    method: str,
    chosen: Selected,
    family: Family,
    confidence: float,
    n_simulations: int,
    seed: int,
    threads: int,
) -> Estimate:
    points, parameters = chosen.points, family.parameters
    if family.b is not None and math.isinf(family.b):
        return _marchenko_pastur(points, family)
    arguments = (confidence, n_simulations, seed, threads)
    if method == "joint" and parameters.size:
        return _joint(points, family, chosen.start, *arguments)
    fitted = maximise(points, parameters, chosen.start)
    # With nothing to fit every method is the law's comparison with the spectrum.
    if method == "mle" or not parameters.size:
        return _likelihood(points, family, fitted, *arguments)
    if method == "ks":
        return _least_distance(points, family, fitted, *arguments[1:])
    return _matched(method, points, family, fitted, *arguments[1:])


def _marchenko_pastur(points: Points, family: Family) -> Estimate:
    gamma, scale, value = fit_marchenko_pastur(
        points.x, family.gamma, family.scale and float(np.exp(family.parameters.base[2]))
    )
    named = {"delta": math.log(1 / gamma - 1) if gamma < 1 else -700.0, "scale": math.log(scale)}
    t = np.array([named[name] for name in family.columns])
    nothing = np.full((len(t), len(t)), np.nan)
    warnings = ["kappa = inf: no errors, its eigenvalues have no law at finite n"]
    if math.isinf(value):
        warnings.append("no Marchenko-Pastur law of this family holds every eigenvalue")
    return Estimate(t, t, t, value, nothing, nothing, warnings=tuple(warnings))


def _likelihood(
    points: Points,
    family: Family,
    fitted: Fitted,
    *arguments: Any,
) -> Estimate:
    _, size, seed, threads = arguments
    t = fitted.t
    if family.b is None or family.b == 0:
        limit = family.values(t)
        gone = limit["kappa"] == 0 and limit["delta"] < 1e-4
    else:
        gone = False
    if gone:
        raise ConvergenceError(
            "no Gamma law fits: the likelihood rises down to delta = 0, where none is left; narrow "
            "the window"
        )
    observed = fitted.information
    if len(t):
        exact = observed_information(points, fitted.parameters, t, fitted.information)
        if np.all(np.isfinite(exact)) and np.all(np.linalg.eigvalsh(exact) > 0):
            observed = exact
    plain = _inverse(observed)
    if size == 0 or not len(t):
        return Estimate(t, t, t, fitted.loglik, plain, plain)
    simulator = _simulator(points, fitted, size, seed, threads, 512)
    calibrated = calibrate(points, fitted, simulator)
    inflation, kappa, corrected, centre = 1.0, None, calibrated.t, None
    covariance = calibrated.covariance
    if family.b is None:
        independent = max(float(_inverse(fitted.information)[0, 0]), 1e-300)
        inflation = float(covariance[0, 0]) / independent
        spread = math.sqrt(max(float(covariance[0, 0]), independent))
        kappa = _weak(points, fitted, spread, inflation, *arguments)
        if kappa is not None and 2 * math.exp(t[0]) > SMALL:
            below, above = fitted.parameters.bounds
            at = np.clip(math.log(kappa[0] / 2), below[0], above[0])
            held = fitted.parameters.without(0, np.concatenate([[at], t[1:]]))
            corrected = np.concatenate([[at], maximise(points, held, corrected[1:]).t])
        elif kappa is not None:
            corrected = t
        elif family.gamma is not None:
            centre, corrected = corrected, _unbiased(corrected, covariance)
    found = Estimate(
        corrected,
        corrected if centre is None else centre,
        t,
        fitted.loglik,
        covariance,
        plain,
        calibrated.spectra,
        calibrated.influence,
        inflation,
        kappa,
    )
    if kappa is not None and kappa[0] > SMALL and _doubtful(points, fitted):
        warning = "kappa is weakly determined: its estimate and interval are approximate"
        found = dataclasses.replace(found, warnings=(*found.warnings, warning))
    at_zero = kappa is not None and kappa[0] == 0
    if points.n < FEW or (not at_zero and (kappa is not None or _loose(covariance))):
        return _with_null(found, points, family, fitted, *arguments)
    return found


def _with_null(
    found: Estimate, points: Points, family: Family, fitted: Fitted, *arguments: Any
) -> Estimate:
    """Return the estimate with a null of full refits in place of linearised ones."""
    _, size, seed, threads = arguments
    parameters = fitted.parameters
    at = np.clip(found.t, *parameters.bounds)
    if family.b is None:
        if found.kappa is not None:
            low, high = (math.log(max(end, 1e-300) / 2) for end in found.kappa[2])
        else:
            reach = 2 * math.sqrt(max(float(found.covariance[0, 0]), 0.0))
            low, high = at[0] - reach, at[0] + reach
        at = null_parameters(points, parameters, at, (low, high))
    simulator = _simulator(points, dataclasses.replace(fitted, t=at), size, seed, threads, 1024)
    distances = refitted_distances(points, parameters, at, simulator)
    if distances is not None:
        return dataclasses.replace(found, distances=distances)
    warning = "no p-value: more than a tenth of the simulated spectra determine no fit"
    return dataclasses.replace(found, moves=None, warnings=(*found.warnings, warning))


def _doubtful(points: Points, fitted: Fitted) -> bool:
    """Whether the score test alone gives too short an interval of a weakly determined kappa.

    Its null depends on the other parameters: a free gamma, or a maximum near kappa = inf, from
    where there is no expansion, or few points. The interval is then its union with the profile's.
    """
    free = bool((fitted.parameters.matrix[1] > fitted.parameters.matrix[0]).any())
    return free or points.n < FEW or fitted.t[0] > math.log(WEAK_MOST)


def _weak(
    points: Points,
    fitted: Fitted,
    spread: float,
    inflation: float,
    confidence: float,
    size: int,
    seed: int,
    threads: int,
) -> tuple[float, float, tuple[float, float]] | None:
    """Return kappa, error and interval where a Wald interval of log kappa would not do."""
    t = fitted.t
    below, above = fitted.parameters.bounds
    edge = t[0] <= below[0] + EDGE or t[0] >= above[0] - EDGE
    if not edge and spread < WEAK:
        return None
    kappa = 2 * math.exp(t[0])
    if kappa > SMALL:
        simulator = _simulator(points, fitted, size, seed, threads, 1024)
        try:
            value, error, (low, high) = weak_kappa(points, fitted, 0, simulator, confidence)
            if _doubtful(points, fitted):
                best = functools.partial(maximise, points)
                ends = profile_interval(best, fitted, 0, 1.0, confidence)
                low, high = min(low, ends[0]), max(high, ends[1])
            return value, error, (low, high)
        except NoSpreadError:
            # No null to calibrate with: the profile's interval of independent values, below.
            inflation = 1.0
    at_zero = t[0] <= below[0] + EDGE
    interval = profile_interval(
        functools.partial(maximise, points), fitted, 0, 1.0 if at_zero else inflation, confidence
    )
    return (0.0 if at_zero else kappa, math.nan if at_zero else kappa * spread, interval)


def _joint(
    points: Points,
    family: Family,
    start: FloatArray,
    confidence: float,
    size: int,
    seed: int,
    threads: int,
) -> Estimate:
    parameters = family.parameters
    if family.b == 0:
        raise InvalidInputError("method 'joint' needs kappa > 0: at kappa = 0 it is 'mle'")
    statistics = JointStatistics.of(points.x, threads)
    if not math.isfinite(statistics.log_vandermonde):
        raise InvalidInputError(
            "eigenvalues repeat, so that their joint density is 0 for every kappa > 0; use "
            "method='mle'"
        )
    fitted = fit_joint(statistics, parameters, start)
    covariance = _inverse(fitted.information)
    kappa = None
    if family.b is None:
        best = functools.partial(fit_joint, statistics)
        low, high = profile_interval(best, fitted, 0, 1.0, confidence)
        value = 2 * math.exp(fitted.t[0]) if low > 0 else family.values(fitted.t)["kappa"]
        kappa = (value, value * math.sqrt(max(covariance[0, 0], 0.0)) or math.nan, (low, high))
    corrected = fitted.t
    if kappa is not None and family.gamma is not None and kappa[2][0] > 0:
        corrected = _unbiased(fitted.t, covariance)
        kappa = (2 * math.exp(corrected[0]), *kappa[1:])
    found = Estimate(
        corrected, fitted.t, fitted.t, fitted.loglik, covariance, covariance, kappa=kappa
    )
    if size == 0:
        return found
    simulator = _simulator(points, fitted, size, seed, threads, 512)
    spectra = simulator.at(parameters, fitted.t)
    b, delta, scale = (float(v) for v in np.exp(parameters.base + parameters.matrix @ fitted.t))
    drawn = JointStatistics.of(spectra, threads)
    if not np.all(np.isfinite(drawn.log_vandermonde) & np.isfinite(drawn.log_determinant)):
        return found
    gradient, information = joint_slopes(drawn, b, delta, scale)
    matrix = parameters.matrix
    moves = (matrix.T @ gradient).T @ _inverse(matrix.T @ information @ matrix)
    return dataclasses.replace(found, spectra=spectra, moves=moves)


def _inside(method: str, family: Family, t: FloatArray) -> None:
    """Raise an error if a method without a likelihood ends on a bound of kappa."""
    if family.b is not None:
        return
    below, above = family.parameters.bounds
    if below[0] + EDGE < t[0] < above[0] - EDGE:
        return
    end = "0" if t[0] <= below[0] + EDGE else "inf"
    raise ConvergenceError(
        f"method {method!r} ends at the boundary kappa = {end}, where it has no error; use "
        "method='mle', whose interval is one-sided there"
    )


def _matched(
    method: str,
    points: Points,
    family: Family,
    fitted: Fitted,
    size: int,
    seed: int,
    threads: int,
) -> Estimate:
    parameters = fitted.parameters
    if method == "moments":
        unit = float(points.x.mean())
        # Every law has mean 1: at a fixed scale the first moment determines nothing.
        order = len(fitted.t) + (family.scale is not None)
        functions = functools.partial(power_sums, unit=unit, order=order)
    else:
        # Where the transform has its bends: at quantiles of the spectrum.
        z = np.quantile(points.x, [0.05, 0.2, 0.4, 0.6, 0.8, 0.95])
        functions = functools.partial(resolvents, z=np.maximum(z, 1e-12 * points.x[-1]))
    means = functions(points.x).mean(axis=1)
    matched = match(means, functions, parameters, fitted.t)
    _inside(method, family, matched.t)
    value = loglik(points, parameters, matched.t)
    at = functools.partial(_simulator, points, seed=seed, threads=threads, most=512)
    found = dataclasses.replace(fitted, t=matched.t)
    simulator = at(found, size=max(size, 64))
    spectra = simulator.at(parameters, matched.t)
    moves = (functions(spectra).mean(axis=2) - matched.expected[:, None]).T @ matched.influence.T
    covariance = np.atleast_2d(np.cov(moves.T)) / simulator.ratio
    plain = _inverse(fitted.information)
    # As in `calibrate`: of a correction beyond a standard error only the sign is sure.
    limit = np.sqrt(np.diag(covariance))
    shift = np.clip(moves.mean(axis=0) / simulator.ratio, -limit, limit)
    corrected = np.clip(matched.t - shift, *parameters.bounds)
    if size == 0:
        return Estimate(matched.t, matched.t, matched.t, value, covariance, plain)
    return Estimate(corrected, corrected, matched.t, value, covariance, plain, spectra, moves)


def _least_distance(
    points: Points, family: Family, fitted: Fitted, size: int, seed: int, threads: int
) -> Estimate:
    parameters = fitted.parameters
    t = minimise_ks(points, parameters, fitted.t)
    _inside("ks", family, t)
    value = loglik(points, parameters, t)
    plain = _inverse(fitted.information)
    if size == 0:
        return Estimate(t, t, t, value, plain, plain)
    simulator = _simulator(
        points, dataclasses.replace(fitted, t=t), min(size, 48), seed, threads, 512
    )
    spectra = simulator.at(parameters, t)
    moves = np.empty((len(spectra), len(t)))
    for row, spectrum in enumerate(spectra):
        inside = spectrum[(spectrum > max(points.low, points.cut)) & (spectrum < points.high)]
        below = int((spectrum <= points.cut).sum()) if points.n_below else 0
        drawn = dataclasses.replace(points, x=inside, n_below=below)
        moves[row] = minimise_ks(drawn, parameters, t) - t
    covariance = np.atleast_2d(np.cov(moves.T)) / simulator.ratio
    return Estimate(t, t, t, value, covariance, plain, spectra, moves)
