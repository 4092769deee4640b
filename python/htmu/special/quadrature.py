"""Integrals against a law: panels of Gauss's rule in log x between far quantiles."""

from __future__ import annotations

import math

import numpy as np

from htmu.arguments import FloatArray
from htmu.special.tables import LawTable

__all__ = ["entropy", "law_nodes"]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)
_LEAST = 1e-25


def law_nodes(table: LawTable, panels: int = 400) -> tuple[FloatArray, FloatArray]:
    """Points x and weights w with sum w g(x) = E g(X) up to a mass of 1e-25 in either tail.

    Panel ends are quantiles, evenly spread in a variable that is log p in the lower tail and log q
    in the upper one, so that every scale of the law gets its share.
    """
    reach = math.log(_LEAST)
    lower = np.exp(np.linspace(reach, math.log(0.5), panels // 2 + 1))
    ends = np.r_[table.ppf(lower), table.isf(lower[-2::-1])]
    ends = ends[(ends > 0) & np.isfinite(ends)]
    s = np.unique(np.log(ends))
    half = 0.5 * np.diff(s)
    points = 0.5 * (s[1:] + s[:-1])[:, None] + half[:, None] * _NODES
    x = np.exp(points).ravel()
    with np.errstate(divide="ignore"):
        log_density = table.logpdf(x)
    weights = (half[:, None] * _WEIGHTS).ravel() * np.exp(log_density + points.ravel())
    return x, weights


def entropy(table: LawTable, exponent: float, *, inverse: bool = False) -> float:
    """-E log f, or that of the law of 1/X, for a density that behaves as x^exponent at 0.

    Below the least point of the rule, where very small exponents leave a mass F, log x is that of
    the point less an exponential variate of mean 1/(exponent + 1); for exponent = -1 its mean is
    infinite.
    """
    power = 2.0 if inverse else 0.0  # log of the density of 1/X at 1/x is log f(x) + 2 log x
    x, weights = law_nodes(table)
    surprise = np.where(weights > 0.0, -(table.logpdf(x) + power * np.log(x)), 0.0)
    mean = float(weights @ surprise)
    mass = float(table.cdf(x[:1])[0])
    if mass < 1e-20:
        return mean
    if exponent == -1.0:
        return math.copysign(math.inf, power - 1.0)
    return mean + mass * (float(surprise[0]) + (exponent + power) / (exponent + 1.0))
