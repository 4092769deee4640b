"""The laws that a fit compares, with their scores: HTMP, and its limits kappa = 0 and inf.

Every law has mean 1. Scores are derivatives of log f with respect to the coordinates
(log b, log delta, log scale) of the density f(x / scale) / scale, where b = kappa / 2 and
delta = b (1 / gamma - 1); for Marchenko-Pastur the second coordinate is log(1 / gamma - 1).
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
from scipy import special as scipy_special

from htmu._core import special as _special
from htmu.arguments import FloatArray
from htmu.special.marchenko_pastur_table import MarchenkoPasturTable

__all__ = ["GammaLaw", "HtmpLaw", "Law", "MarchenkoPasturLaw", "conditional_nodes", "make_law"]


class Law(Protocol):
    """A law on (0, inf) of mean 1; arrays in, arrays of the same shape out."""

    def logpdf(self, x: FloatArray) -> FloatArray:
        """Return log f."""

    def cdf(self, x: FloatArray) -> FloatArray:
        """Return F."""

    def sf(self, x: FloatArray) -> FloatArray:
        """Return 1 - F, to full relative accuracy."""

    def ppf(self, p: FloatArray) -> FloatArray:
        """Return the point where F = p."""

    def isf(self, q: FloatArray) -> FloatArray:
        """Return the point where 1 - F = q."""

    def scores(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return log f and its derivatives in the three coordinates, shape (3, n)."""


class HtmpLaw:
    """The HTMP law of a table (Hodgkinson, Wang and Mahoney 2025, Theorem 4.1)."""

    def __init__(self, b: float, delta: float, gradient: bool = False) -> None:
        self._table = _special.HtmpTable(b, delta, gradient)
        self._b, self._delta = b, delta

    def logpdf(self, x: FloatArray) -> FloatArray:
        """Return log f."""
        return np.asarray(self._table.logpdf(x))

    def cdf(self, x: FloatArray) -> FloatArray:
        """Return F."""
        return np.asarray(self._table.cdf(x))

    def sf(self, x: FloatArray) -> FloatArray:
        """Return 1 - F."""
        return np.asarray(self._table.sf(x))

    def ppf(self, p: FloatArray) -> FloatArray:
        """Return the point where F = p."""
        return np.asarray(self._table.ppf(p))

    def isf(self, q: FloatArray) -> FloatArray:
        """Return the point where 1 - F = q."""
        return np.asarray(self._table.isf(q))

    def scores(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return log f and its scores; the table must have been built with its gradient."""
        rows = np.asarray(self._table.gradient(x))
        rows[1] *= self._b
        rows[2] *= self._delta
        rows[3] += 1
        np.negative(rows[3], out=rows[3])
        return rows[0], rows[1:]


class GammaLaw:
    """Gamma(delta) of mean 1: the limit kappa = 0 at fixed delta."""

    def __init__(self, delta: float) -> None:
        self._delta = delta

    def logpdf(self, x: FloatArray) -> FloatArray:
        """Return log f."""
        d = self._delta
        with np.errstate(divide="ignore"):
            return np.asarray(
                d * math.log(d) - math.lgamma(d) + scipy_special.xlogy(d - 1, x) - d * x
            )

    def cdf(self, x: FloatArray) -> FloatArray:
        """Return F."""
        return np.asarray(scipy_special.gammainc(self._delta, self._delta * x))

    def sf(self, x: FloatArray) -> FloatArray:
        """Return 1 - F."""
        return np.asarray(scipy_special.gammaincc(self._delta, self._delta * x))

    def ppf(self, p: FloatArray) -> FloatArray:
        """Return the point where F = p."""
        return np.asarray(scipy_special.gammaincinv(self._delta, p) / self._delta)

    def isf(self, q: FloatArray) -> FloatArray:
        """Return the point where 1 - F = q."""
        return np.asarray(scipy_special.gammainccinv(self._delta, q) / self._delta)

    def scores(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return log f and its scores."""
        d = self._delta
        # A quantile of a small delta underflows to 0; its weight is negligible there.
        x = np.maximum(x, 1e-300)
        in_delta = d * (math.log(d) + 1 - float(scipy_special.digamma(d)) + np.log(x) - x)
        return self.logpdf(x), np.stack([np.zeros_like(x), in_delta, d * (x - 1)])


class MarchenkoPasturLaw(MarchenkoPasturTable):
    """Marchenko-Pastur(gamma), gamma <= 1: the limit kappa = inf."""

    def scores(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return log f and its scores; infinite at the edges of the support."""
        g = self.gamma
        with np.errstate(divide="ignore", invalid="ignore"):
            inside = 4 * g - (x - 1 - g) ** 2
            in_gamma = (2 + (x - 1 - g)) / inside - 1 / g
            in_log_x = -(x - 1 - g) * x / inside - 1
        rows = np.stack([np.zeros_like(x), -g * (1 - g) * in_gamma, -in_log_x - 1])
        return self.logpdf(x), rows


def make_law(b: float, delta: float, *, gradient: bool = False) -> Law:
    """Return the law of (b, delta); b = 0 is Gamma(delta), and at b = inf delta is 1/gamma - 1."""
    if b == 0:
        return GammaLaw(delta)
    if math.isinf(b):
        return MarchenkoPasturLaw(1 / (1 + delta))
    return HtmpLaw(b, delta, gradient)


# w(t) = t^3 (10 - 15 t + 6 t^2) flattens the logarithmic singularities of the scores at the ends.
_T, _W = np.polynomial.legendre.leggauss(64)
_T, _W = (_T + 1) / 2, _W / 2
_STEP, _WEIGHTS = _T**3 * (10 - 15 * _T + 6 * _T**2), _W * 30 * (_T * (1 - _T)) ** 2
_REST = (1 - _T) ** 3 * (10 - 15 * (1 - _T) + 6 * (1 - _T) ** 2)


def conditional_nodes(
    law: Law, low: float = 0.0, high: float = math.inf
) -> tuple[FloatArray, FloatArray, float]:
    """Return nodes, weights (of sum 1) and mass of the law conditioned to (low, high).

    Quantiles at transformed Gauss-Legendre points: 64 nodes give means of scores to about 1e-9.
    """
    ends = np.array([low, high])
    below, above = law.cdf(ends), law.sf(ends)
    if below[0] < 0.5:
        mass = float(below[1] - below[0]) if below[1] < 0.5 else float(1 - below[0] - above[1])
        # Upper nodes from the upper tail, so that they keep their relative accuracy.
        lower = _STEP < 0.5
        x = np.empty_like(_STEP)
        x[lower] = law.ppf(below[0] + mass * _STEP[lower])
        x[~lower] = law.isf(above[1] + mass * _REST[~lower])
    else:
        mass = float(above[0] - above[1])
        x = law.isf(above[1] + mass * _REST)
    # Quantiles of a small delta underflow; their weight is negligible.
    return np.clip(x, 1e-300, 1e300), _WEIGHTS / _WEIGHTS.sum(), mass
