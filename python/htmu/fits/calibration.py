"""Errors calibrated for eigenvalues that repel: spectra simulated at the fit.

Eigenvalues are not independent, so the information of the likelihood is not the precision of its
maximum. The score of a fit is a linear statistic; its mean m and covariance J over beta-Laguerre
spectra at the fit give the sandwich H^-1 J H^-1 and the bias H^-1 m of finite N. At fixed kappa,
J grows like N and m stays bounded, so that N' <= N eigenvalues serve for N.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import numpy as np
from scipy import special as scipy_special

from htmu.arguments import FloatArray
from htmu.ensembles import LaguerreEnsemble
from htmu.errors import ConvergenceError
from htmu.fits.likelihood import EDGE, Fitted, Parameters, Points, evaluate, maximise, point_scores

__all__ = [
    "Calibrated",
    "NoSpreadError",
    "Simulator",
    "calibrate",
    "profile_interval",
    "unbiased_inverse",
    "weak_kappa",
]

#: Maximises over a family from a start.
Maximiser: TypeAlias = Callable[[Parameters, FloatArray], Fitted]

#: Above this standard error of log kappa the interval is found by inverting the score test.
WEAK = 0.2


@dataclasses.dataclass(frozen=True)
class Simulator:
    """Spectra of the ensemble whose limit is the law of (b, delta), of mean 1 times scale."""

    n: int
    size: int
    seed: int
    n_threads: int
    ratio: float = 1.0  # size of the spectrum at hand over n

    def spectra(self, b: float, delta: float, scale: float) -> FloatArray:
        """Draw spectra, shape (size, n); common random numbers for every (b, delta)."""
        a = delta + b / self.n - 1
        ensemble = LaguerreEnsemble(self.n, beta=2 * b / self.n, a=max(a, -1 + 1e-12))
        drawn = ensemble.eigenvalues(self.size, seed=self.seed, n_threads=self.n_threads)
        drawn *= scale / (b + delta)
        return drawn

    def at(self, parameters: Parameters, t: FloatArray) -> FloatArray:
        """Draw spectra at the parameters t."""
        b, delta, scale = np.exp(parameters.base + parameters.matrix @ t)
        return self.spectra(float(b), float(delta), float(scale))


@dataclasses.dataclass(frozen=True)
class Calibrated:
    """Corrected parameters, their covariance, and a Student quantile's degrees of freedom."""

    t: FloatArray
    covariance: FloatArray
    spectra: FloatArray
    influence: FloatArray


def calibrate(points: Points, fitted: Fitted, simulator: Simulator) -> Calibrated:
    """Return the fit corrected for the bias of finite N, and its sandwich covariance.

    `influence` holds the linearised deviations of the parameters for each simulated spectrum,
    at the size of the simulation.
    """
    spectra = simulator.at(fitted.parameters, fitted.t)
    sums = point_scores(points, fitted.parameters, fitted.t, spectra).sum(axis=2).T
    inverse = np.linalg.pinv(fitted.information, hermitian=True)
    ratio = simulator.ratio
    deviations = sums @ inverse
    covariance = np.atleast_2d(np.cov(deviations.T)) * ratio
    shift = deviations.mean(axis=0)
    # A correction of more than a standard error says that the expansion fails: keep its sign.
    limit = np.sqrt(np.diag(covariance))
    t = np.clip(fitted.t - np.clip(shift, -limit, limit), *fitted.parameters.bounds)
    return Calibrated(t, covariance, spectra, deviations * ratio)


def unbiased_inverse(value: float, sigma: float) -> float:
    """Return the unbiased estimate of 1 / mu, mu > 0, from a normal (mu, sigma^2) value.

    The Mills ratio of value / sigma over sigma (Voinov, Theory Probab. Appl. 30, 354 (1985)); about
    (1 / value) (1 - (sigma / value)^2) for small sigma, and finite for every value.
    """
    z = value / sigma
    return math.sqrt(math.pi / 2) * float(scipy_special.erfcx(z / math.sqrt(2))) / sigma


def _profile(
    best: Maximiser, fitted: Fitted, column: int
) -> Callable[[float], tuple[float, FloatArray]]:
    """Return log b -> (fall of the profile log-likelihood, t), each from the nearest before."""
    seen: dict[float, FloatArray] = {float(fitted.t[column]): fitted.t}

    def fallen(log_b: float) -> tuple[float, FloatArray]:
        start = seen[min(seen, key=lambda at: abs(at - log_b))].copy()
        start[column] = log_b
        held = fitted.parameters.without(column, start)
        found = best(held, np.delete(start, column))
        seen[log_b] = np.insert(found.t, column, log_b)
        return fitted.loglik - found.loglik, seen[log_b]

    return fallen


def _fall_to(
    best: Maximiser, fitted: Fitted, column: int, drop: float, sign: float
) -> tuple[float, FloatArray]:
    """Return where the profile has fallen by `drop` on one side; +-inf if it never does."""
    fallen = _profile(best, fitted, column)
    edge = float(fitted.parameters.bounds[(1 + int(sign)) // 2][column])
    inner, outer, reach = float(fitted.t[column]), 0.0, 0.35
    while True:
        outer = inner + sign * reach
        if sign * (outer - edge) >= 0:
            return sign * math.inf, fitted.t
        found, t = fallen(outer)
        if found > drop:
            break
        inner, reach = outer, 2 * reach
    for _ in range(7):
        middle = (inner + outer) / 2
        found, t = fallen(middle)
        if found > drop:
            outer = middle
        else:
            inner = middle
    return outer, t


def profile_interval(
    best: Maximiser, fitted: Fitted, column: int, inflation: float, confidence: float
) -> tuple[float, float]:
    """Return the profile-likelihood interval of kappa; its ends may be 0 and inf.

    Twice the fall is `inflation` times chi-squared (1), the calibrated variance of log kappa over
    that of independent eigenvalues. At the boundary kappa = 0 it is one-sided.
    """
    below = float(fitted.parameters.bounds[0][column])
    at_boundary = fitted.t[column] <= below + EDGE
    level = (2 if at_boundary else 1) * (1 - confidence)
    drop = 0.5 * max(inflation, 0.5) * float(scipy_special.chdtri(1, min(level, 1.0)))
    high = _fall_to(best, fitted, column, drop, 1.0)[0]
    low = -math.inf if at_boundary else _fall_to(best, fitted, column, drop, -1.0)[0]
    return 2 * math.exp(low), 2 * math.exp(high)


class NoSpreadError(ConvergenceError):
    """The simulated scores do not vary: a window that their spectra hardly enter."""

    def __init__(self) -> None:
        super().__init__("the simulated spectra hold nothing in the window: widen it")


def _score_test(
    points: Points, fitted: Fitted, column: int, simulator: Simulator
) -> Callable[[float, FloatArray], tuple[float, float, FloatArray]]:
    """Return the calibrated score test of log b: (log b, start) -> (z, -dz/dlog b, profile t).

    The statistic is S / (1 + Q / 3 E Q), S and Q the sums of the efficient scores and of their
    squares: at large kappa a few eigenvalues at the edges skew S, and this makes it symmetric
    (skewness -0.2 in place of -1.6 at kappa = 200, N = 1000).
    """
    ratio = simulator.ratio
    censored = np.full(points.n_below, points.cut / 2)
    data = np.concatenate([points.x, censored])[None]
    parameters = fitted.parameters

    def test(log_b: float, start: FloatArray) -> tuple[float, float, FloatArray]:
        t = start.copy()
        t[column] = log_b
        inner = maximise(points, parameters.without(column, t), np.delete(t, column))
        t = np.insert(inner.t, column, log_b)
        information = evaluate(points, parameters, t)[2]
        others = [i for i in range(len(t)) if i != column]
        weights = np.zeros(len(t))
        weights[column] = 1
        if others:
            block = information[np.ix_(others, others)]
            weights[others] = -np.linalg.pinv(block, hermitian=True) @ information[others, column]
        efficient = float(weights @ information @ weights)

        def statistic(x: FloatArray, share: float) -> FloatArray:
            # Far outside the law's bulk scores overflow: the spread below is then not a number.
            with np.errstate(invalid="ignore", over="ignore"):
                scores = np.tensordot(weights, point_scores(points, parameters, t, x), axes=1)
                squares = (scores**2).sum(axis=1)
            return np.asarray(scores.sum(axis=1) / (1 + squares / (3 * efficient * share)))

        drawn = statistic(simulator.at(parameters, t), 1 / ratio)
        spread = float(drawn.std(ddof=1)) * math.sqrt(ratio)
        if not spread > 0:
            raise NoSpreadError
        z = (float(statistic(data, 1.0)[0]) - float(drawn.mean())) / spread
        return z, 0.75 * efficient / spread, t

    return test


def weak_kappa(
    points: Points, fitted: Fitted, column: int, simulator: Simulator, confidence: float
) -> tuple[float, float, tuple[float, float]]:
    """Return kappa, its standard error and interval where the spectrum hardly determines it.

    The score test is inverted in eta = 1 / kappa, in which the estimate is close to normal, down
    to eta = 0 (Marchenko-Pastur). kappa is the unbiased estimate of 1 / eta.
    """
    test = _score_test(points, fitted, column, simulator)
    quantile = -float(scipy_special.stdtrit(simulator.size - 1, (1 - confidence) / 2))
    log_b, t = float(fitted.t[column]), fitted.t
    if log_b > math.log(2e3) or np.linalg.pinv(fitted.information)[column, column] > 0.5:
        log_b, t = _fall_to(partial(maximise, points), fitted, column, 0.5, -1.0)
        if not math.isfinite(log_b):
            raise ConvergenceError(
                "the spectrum holds no information about kappa; fix gamma or scale, or widen "
                "the window"
            )
    eta = [math.exp(-log_b) / 2]
    z, slope, t = test(log_b, t)
    values = [z]
    width = eta[0] / slope
    # z rises with eta, the steeper the closer to eta = 0.
    for aim in (0.0, quantile, -quantile):
        near = int(np.argmin(np.abs(values))) if aim else 0
        step = (aim - values[near]) * width * (0.7 if aim < 0 else 1.0)
        at = float(np.clip(eta[near] + step, eta[near] / 3, 3 * eta[near]))
        z, slope, t = test(-math.log(2 * at), t)
        eta.append(at)
        values.append(z)
        if not aim:
            width = at / slope
    low, middle, high = _roots(np.array(eta), np.array(values), quantile, width)
    # The spread at smaller kappa, from where an estimate this large would have come.
    sigma = max((high - middle) / quantile, 1e-300)
    kappa = unbiased_inverse(middle, sigma)
    upper = 1 / low if low > 0 else math.inf
    return kappa, sigma * kappa**2, (1 / high if high > 0 else math.inf, upper)


def _roots(
    eta: FloatArray, z: FloatArray, quantile: float, width: float
) -> tuple[float, float, float]:
    """Return where z(eta) rises through -quantile, 0 and quantile.

    Crossings nearest to the centre count: far below it the statistic saturates at about -3. Where
    there is none, the line through the centre of slope 1 / width stands in.
    """
    order = np.argsort(eta)
    eta, z = eta[order], z[order]
    centre = int(np.argmin(np.abs(z)))
    found = []
    for level in (-quantile, 0.0, quantile):
        rises = np.flatnonzero((z[:-1] < level) & (z[1:] >= level))
        if len(rises):
            i = int(rises[np.argmin(np.abs(rises + 0.5 - centre))])
        else:
            i = 0 if level < z[0] else len(z) - 2
        rise = float(z[i + 1] - z[i])
        if rise > 0:
            found.append(float(eta[i] + (level - z[i]) / rise * (eta[i + 1] - eta[i])))
        else:
            found.append(float(eta[centre] + (level - z[centre]) * width))
    return found[0], found[1], found[2]
