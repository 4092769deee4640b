"""Integrals against a law: panels of Gauss's rule in log x between far quantiles."""

from __future__ import annotations

import math

import numpy as np

from htmu.arguments import FloatArray
from htmu.special.tables import LawTable

__all__ = ["entropy", "law_nodes", "lost_mass"]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)
_LEAST = 1e-25
_SMALLEST = 1e-300


def law_nodes(
    table: LawTable, low: float = 0.0, high: float = math.inf, panels: int = 400
) -> tuple[FloatArray, FloatArray]:
    """Points x and weights w with sum w g(x) = E g(X) over [low, high].

    Panel ends are quantiles, evenly spread in a variable that is log p in the lower tail and log q
    in the upper one, so that every scale of the law gets its share: down to a mass of 1e-25 in
    either tail.
    """
    # What lies below the smallest doubles has no panels, and costs none.
    edge = np.array([_SMALLEST])
    below, above = float(table.cdf(edge)[0]), float(table.sf(edge)[0])
    reach = math.log(_LEAST)
    q = np.exp(np.linspace(reach, math.log(min(0.5, above)), panels // 2 + 1))
    ends = table.isf(q[::-1])
    if below < 0.5:
        p = np.exp(np.linspace(max(reach, math.log(below + 1e-300)), math.log(0.5), panels // 2))
        ends = np.r_[table.ppf(p), ends]
    ends = np.maximum(ends[np.isfinite(ends)], _SMALLEST)
    first, last = max(low, float(ends[0])), min(high, float(ends[-1]))
    if not first < last:
        return np.zeros(0), np.zeros(0)
    # Distances from the first end: a narrow law keeps its digits.
    origin = first
    inner = ends[(ends > first) & (ends < last)]
    s = np.log1p((np.unique(np.r_[first, inner, last]) - origin) / origin)
    # A panel over many decades would miss where the density bends.
    parts = np.maximum(1, np.ceil(np.diff(s))).astype(np.int64)
    steps = np.repeat(np.diff(s) / parts, parts)
    s = np.r_[0.0, np.cumsum(steps)]
    half = 0.5 * np.diff(s)
    points = (0.5 * (s[1:] + s[:-1])[:, None] + half[:, None] * _NODES).ravel()
    x = origin * np.exp(points)
    with np.errstate(divide="ignore"):
        density = np.exp(table.logpdf(x) + np.log(x))
    return x, (half[:, None] * _WEIGHTS).ravel() * density


def lost_mass(table: LawTable) -> float:
    """Mass below every node: a small exponent at 0 leaves it below every double."""
    return float(table.cdf(np.array([_SMALLEST]))[0])


def entropy(table: LawTable, exponent: float, *, inverse: bool = False) -> float:
    """-E log f, or that of the law of 1/X, for a density that behaves as x^exponent at 0.

    Below the rule's range, where very small exponents leave a mass F, log x is that of its end less
    an exponential variate of mean 1/(exponent + 1); for exponent = -1 its mean is infinite.
    """
    power = 2.0 if inverse else 0.0  # log of the density of 1/X at 1/x is log f(x) + 2 log x

    def surprise(x: FloatArray) -> FloatArray:
        return -(table.logpdf(x) + power * np.log(x))

    x, weights = law_nodes(table)
    mean = float(weights @ np.where(weights > 0.0, surprise(x), 0.0))
    mass = lost_mass(table)
    if mass < 1e-20:
        return mean
    if exponent == -1.0:
        return math.copysign(math.inf, power - 1.0)
    at_end = float(surprise(np.array([_SMALLEST]))[0])
    return mean + mass * (at_end + (exponent + power) / (exponent + 1.0))
