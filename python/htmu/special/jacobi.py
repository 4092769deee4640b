"""Jacobi matrices of the laws: exact moments, Gauss quadrature, the Stieltjes transform."""

from __future__ import annotations

import math

import numpy as np
from scipy.linalg import eigh_tridiagonal

from htmu.arguments import FloatArray

__all__ = ["coefficients", "gauss_rule", "inverse_moment", "moment"]


def coefficients(kappa: float, gamma: float, count: int) -> tuple[FloatArray, FloatArray]:
    """Diagonal a_0 .. a_{count-1} and off-diagonal b_1 .. b_{count-1} for the law of mean 1.

    In y = (b + delta) x: a_0 = b + delta, a_k = 2 (k + b) + delta, b_k^2 = (k + b)(k + b + delta
    - 1), the associated Laguerre polynomials of model II (Ismail, Letessier and Valent, J. Approx.
    Theory 55, 337 (1988)). They hold for gamma > 1 too, where the law has an atom at 0.
    """
    a: FloatArray = np.ones(count)
    off: FloatArray = np.full(max(0, count - 1), math.sqrt(gamma))
    k: FloatArray = np.arange(1, count, dtype=np.float64)
    if math.isinf(kappa):
        a[1:] = 1.0 + gamma
        return a, off
    b = 0.5 * kappa
    total = b / gamma  # b + delta
    # (2 (k + b) + delta) / (b + delta) and its like, arranged so that large kappa cancels nowhere.
    a[1:] = 1.0 + gamma * (1.0 + 2.0 * k / b)
    off[:] = np.sqrt(gamma * (1.0 + k / b) * (1.0 + (k - 1.0) / total))
    return a, off


def gauss_rule(kappa: float, gamma: float, n: int) -> tuple[FloatArray, FloatArray]:
    """Nodes, ascending, and weights of the n-point Gauss rule (Golub and Welsch 1969)."""
    a, off = coefficients(kappa, gamma, n)
    if n == 1:
        return a, np.ones(1)
    found = eigh_tridiagonal(a, off)
    nodes, vectors = (np.asarray(part, dtype=np.float64) for part in found)
    weights = vectors[0] ** 2
    return nodes, weights / weights.sum()


def moment(order: int, kappa: float, gamma: float) -> float:
    """E X^order, exact up to rounding: the corner of a power of the Jacobi matrix.

    Every term is positive, so that nothing cancels.
    """
    size = order // 2 + 1
    a, off = coefficients(kappa, gamma, size)

    def times_jacobi(v: FloatArray) -> FloatArray:
        product: FloatArray = a * v
        product[:-1] += off * v[1:]
        product[1:] += off * v[:-1]
        return product

    left = np.zeros(size)
    left[0] = 1.0
    right = left
    for _ in range(order // 2):
        right = times_jacobi(right)
    left = times_jacobi(right) if order % 2 else right
    return float(left @ right)


def inverse_moment(order: int, kappa: float, gamma: float) -> float:
    """E X^-order; infinite where delta <= order.

    With v = U'/U of Tricomi's function, E 1/(y + z) = -v(z)/b, and the Riccati equation
    z v' + z v^2 + (1 - delta - z) v = b gives its power series at 0.
    """
    if order == 0:
        return 1.0
    if math.isinf(kappa):
        # The same recurrence for E 1/(x + z) = m: gamma z m^2 + (1 - gamma + z) m = 1.
        if gamma == 1.0:
            return math.inf
        series = [1.0 / (1.0 - gamma)]
        for k in range(1, order):
            products = sum(series[i] * series[k - 1 - i] for i in range(k))
            series.append(-(series[k - 1] + gamma * products) / (1.0 - gamma))
        return abs(series[order - 1])
    b = 0.5 * kappa
    delta = b * (1.0 - gamma) / gamma
    if delta <= order:
        return math.inf
    # In u_k = (-1)^k E y^-(k+1) every sum is of one sign.
    series = [1.0 / (delta - 1.0)]
    for k in range(1, order):
        products = sum(series[i] * series[k - 1 - i] for i in range(k))
        series.append((series[k - 1] + b * products) / (delta - 1.0 - k))
    return series[order - 1] * (b + delta) ** order
