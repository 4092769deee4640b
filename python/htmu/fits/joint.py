"""The exact likelihood of a beta-Laguerre spectrum, which uses the repulsion of eigenvalues.

An exponential family in (beta, a, r) with statistics S = sum_{i<j} log|l_i - l_j|, sum log l and
-sum l (Selberg's integral; Forrester and Warnaar, Bull. Amer. Math. Soc. 45, 489 (2008)). The fit's
coordinates are affine in them at fixed scale: beta = kappa / N and a + 1 = delta + kappa / (2 N);
the rate is maximised in closed form.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from scipy import special as scipy_special

from htmu._core import special as _special
from htmu.arguments import FloatArray
from htmu.errors import ConvergenceError
from htmu.fits.likelihood import EDGE, Fitted, Parameters, bounded_step
from htmu.linalg import log_vandermonde

__all__ = ["JointStatistics", "fit_joint", "joint_loglik", "joint_slopes"]


@dataclasses.dataclass(frozen=True)
class JointStatistics:
    """Sufficient statistics of a spectrum of n eigenvalues, or arrays of them for many."""

    n: int
    log_vandermonde: Any
    log_determinant: Any
    trace: Any

    @classmethod
    def of(cls, x: FloatArray, n_threads: int) -> JointStatistics:
        """Return the statistics of spectra along the last axis."""
        with np.errstate(divide="ignore"):
            logs = np.log(x).sum(axis=-1)
        return cls(x.shape[-1], log_vandermonde(x, n_threads=n_threads), logs, x.sum(axis=-1))


def _moments(n: int, beta: float, a: float) -> tuple[FloatArray, FloatArray]:
    """Return gradient and Hessian of log Z at rate 1 in (beta, a)."""
    j = np.arange(n)
    first, second = 1 + (j + 1) * beta / 2, a + 1 + j * beta / 2
    one = 1 + beta / 2
    psi1, psi2 = np.asarray(_special.digamma(first)), np.asarray(_special.digamma(second))
    tri1, tri2 = np.asarray(_special.trigamma(first)), np.asarray(_special.trigamma(second))
    u, v = (j + 1) / 2, j / 2
    gradient = np.array(
        [(u @ psi1 + v @ psi2 - n / 2 * float(scipy_special.digamma(one))), psi2.sum()]
    )
    corner = u**2 @ tri1 + v**2 @ tri2 - n / 4 * float(scipy_special.polygamma(1, one))
    hessian = np.array([[corner, v @ tri2], [v @ tri2, tri2.sum()]])
    return gradient, hessian


def joint_loglik(stats: JointStatistics, b: float, delta: float, scale: float) -> float:
    """Return the log density of the unordered spectrum."""
    n = stats.n
    beta, a = 2 * b / n, delta + b / n - 1
    j = np.arange(n)
    log_z = float(
        np.sum(
            scipy_special.gammaln(1 + (j + 1) * beta / 2)
            + scipy_special.gammaln(a + 1 + j * beta / 2)
            - math.lgamma(1 + beta / 2)
        )
    )
    rate = (b + delta) / scale
    shape = n * (a + 1) + beta * n * (n - 1) / 2
    weight = beta * stats.log_vandermonde if beta else 0.0
    total = weight + a * stats.log_determinant - rate * stats.trace - log_z + shape * math.log(rate)
    return float(total)


def joint_slopes(
    stats: JointStatistics, b: float, delta: float, scale: float
) -> tuple[FloatArray, FloatArray]:
    """Return the gradient in (log b, log delta, log scale), shape (3, ...), and the information.

    The statistics may be arrays of many spectra; the information is exact, by trigammas.
    """
    n = stats.n
    beta, a = 2 * b / n, delta + b / n - 1
    mean, covariance = _moments(n, beta, a)
    rate, pairs = (b + delta) / scale, n * (n - 1) / 2
    shape = n * (a + 1) + beta * pairs
    log_rate = math.log(rate)
    information = np.empty((3, 3))
    information[:2, :2] = covariance
    information[:2, 2] = information[2, :2] = [-pairs / rate, -n / rate]
    information[2, 2] = shape / rate**2
    # Natural parameters (beta, a, rate), whose statistics are (S, log det, -trace).
    jacobian = np.array([[2 * b / n, 0, 0], [b / n, delta, 0], [b / scale, delta / scale, -rate]])
    in_beta = stats.log_vandermonde - (mean[0] - pairs * log_rate) if b else 0 * stats.trace
    in_a = stats.log_determinant - (mean[1] - n * log_rate)
    natural = np.stack([np.asarray(in_beta), in_a, shape / rate - stats.trace])
    return np.tensordot(jacobian.T, natural, axes=1), jacobian.T @ information @ jacobian


def fit_joint(stats: JointStatistics, parameters: Parameters, start: FloatArray) -> Fitted:
    """Maximise by Newton steps; the family is exponential, so that they are also Fisher scoring.

    Raises
    ------
    ConvergenceError
        If the iteration does not converge.
    """
    matrix = parameters.matrix
    below, above = parameters.bounds
    t = np.clip(np.array(start, dtype=float), below, above)

    def coordinates(at: FloatArray) -> tuple[float, float, float]:
        b, delta, scale = np.exp(parameters.base + matrix @ at)
        return float(b), float(delta), float(scale)

    value = joint_loglik(stats, *coordinates(t))
    for iteration in range(1, 201):
        full, information = joint_slopes(stats, *coordinates(t))
        gradient, information = matrix.T @ full, matrix.T @ information @ matrix
        fitted = Fitted(t, value, information, parameters, iteration)
        step = bounded_step(information, gradient, t <= below + EDGE, t >= above - EDGE)
        decrement = float(gradient @ step)
        if decrement < 1e-9:
            return fitted
        step *= min(1.0, 1.5 / float(np.abs(step).max()))
        factor = 1.0
        while factor > 1e-8:
            trial = np.clip(t + factor * step, below, above)
            found = joint_loglik(stats, *coordinates(trial))
            if found > value:
                break
            factor /= 2
        else:
            # The rounding of the sums hides the rise.
            if decrement < 1e-9 * abs(value) + 1e-6:
                return fitted
            break
        t, value = trial, found
    raise ConvergenceError("the joint likelihood did not converge; fix gamma, or use method='mle'")
