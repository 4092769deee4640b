"""High-precision Jacobi ensembles for the tests: mpmath only, nothing from htmu.

Density proportional to prod l_i^a (1 - l_i)^b prod |l_i - l_j|^beta on (0, 1)^n; S = sum over i<j
of log|l_i - l_j|.

* The density is an exponential family in (beta, a, b) with statistics (S, sum log l,
  sum log(1 - l)), so derivatives of the logarithm of Selberg's integral are their cumulants.
* For even beta the density is a polynomial times the weight: moments of sum l are finite sums of
  beta functions, without Selberg's integral or Jack polynomials.
"""

from __future__ import annotations

import itertools
from typing import Any

import mpmath as mp  # type: ignore[import-untyped]

Real = Any  # mpmath.mpf, int or float: mpmath ships no types


def log_selberg(n: int, beta: Real, a: Real, b: Real) -> Real:
    """Logarithm of Selberg's integral (Forrester and Warnaar, 2008, eq. 1.1)."""
    half, first, second = mp.mpf(beta) / 2, mp.mpf(a) + 1, mp.mpf(b) + 1
    total = mp.mpf(0)
    for j in range(n):
        total += mp.loggamma(first + j * half) + mp.loggamma(second + j * half)
        total += mp.loggamma(1 + (j + 1) * half) - mp.loggamma(1 + half)
        total -= mp.loggamma(first + second + (n + j - 1) * half)
    return total


def log_vandermonde_cumulant(n: int, beta: Real, a: Real, b: Real, order: int) -> Real:
    """Mean (order 1) or variance (order 2) of S, by numerical differentiation."""
    return mp.diff(lambda t: log_selberg(n, t, a, b), mp.mpf(beta), order)


def log_determinant_cumulant(n: int, beta: Real, a: Real, b: Real, order: int) -> Real:
    """Mean or variance of sum log l, by numerical differentiation."""
    return mp.diff(lambda t: log_selberg(n, beta, t, b), mp.mpf(a), order)


def log_complement_cumulant(n: int, beta: Real, a: Real, b: Real, order: int) -> Real:
    """Mean or variance of sum log(1 - l), by numerical differentiation."""
    return mp.diff(lambda t: log_selberg(n, beta, a, t), mp.mpf(b), order)


def _repulsion(n: int, beta: int) -> dict[tuple[int, ...], int]:
    """prod_{i<j} (l_i - l_j)^beta as {exponents: coefficient}."""
    polynomial = {(0,) * n: 1}
    for i, j in itertools.combinations(range(n), 2):
        for _ in range(beta):
            product: dict[tuple[int, ...], int] = {}
            for exponents, coefficient in polynomial.items():
                for index, sign in ((i, 1), (j, -1)):
                    raised = tuple(e + (k == index) for k, e in enumerate(exponents))
                    product[raised] = product.get(raised, 0) + sign * coefficient
            polynomial = product
    return polynomial


def trace_moments_even(n: int, beta: int, a: Real, b: Real) -> tuple[Real, Real]:
    """Mean and variance of sum l for even beta, term by term."""
    first, second = mp.mpf(a) + 1, mp.mpf(b) + 1
    degree = (n - 1) * beta + 3
    moments = [mp.beta(first + k, second) for k in range(degree)]
    sums = [mp.mpf(0)] * 3
    for exponents, coefficient in _repulsion(n, beta).items():
        factors = [moments[e] for e in exponents]
        raised = [moments[e + 1] / moments[e] for e in exponents]
        twice = [moments[e + 2] / moments[e] for e in exponents]
        weight = coefficient * mp.fprod(factors)
        total = mp.fsum(raised)
        # Cross terms of (sum l)^2: each pair twice.
        squares = mp.fsum(twice) + total**2 - mp.fsum(r**2 for r in raised)
        for order, value in enumerate((1, total, squares)):
            sums[order] += weight * value
    mean = sums[1] / sums[0]
    return mean, sums[2] / sums[0] - mean**2
