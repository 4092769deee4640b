"""High-precision Hermite ensembles for the tests: mpmath only, nothing from htmu.

Density proportional to prod e^(-rate l_i^2 / 2) prod |l_i - l_j|^beta; S = sum over i<j of
log|l_i - l_j|.  The density is an exponential family in (beta, rate) with statistics
(S, -sum l^2 / 2), so derivatives of the logarithm of its integral are their cumulants.
"""

from __future__ import annotations

from typing import Any

import mpmath as mp  # type: ignore[import-untyped]

Real = Any  # mpmath.mpf, int or float: mpmath ships no types


def log_mehta(n: int, beta: Real, rate: Real) -> Real:
    """Logarithm of Mehta's integral (Mehta, Random Matrices, 3rd ed., 17.6.7)."""
    half = mp.mpf(beta) / 2
    total = mp.mpf(n) / 2 * mp.log(2 * mp.pi)
    for j in range(1, n + 1):
        total += mp.loggamma(1 + j * half) - mp.loggamma(1 + half)
    return total - (mp.mpf(n) / 2 + half * n * (n - 1) / 2) * mp.log(rate)


def log_vandermonde_cumulant(n: int, beta: Real, rate: Real, order: int) -> Real:
    """Mean (order 1) or variance (order 2) of S, by numerical differentiation."""
    return mp.diff(lambda t: log_mehta(n, t, rate), mp.mpf(beta), order)


def sum_squares_cumulant(n: int, beta: Real, rate: Real, order: int) -> Real:
    """Mean or variance of sum l^2, by numerical differentiation."""
    return (-2) ** order * mp.diff(lambda t: log_mehta(n, beta, t), mp.mpf(rate), order)
