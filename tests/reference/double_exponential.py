"""A second way to the same numbers in float64: joint densities and double-exponential quadrature.

Shares nothing with ``laguerre.py`` beyond Selberg's closed form: densities come from Laguerre
functions (beta = 2) or from integrating the joint density of 2 or 3 eigenvalues directly, and
the double integral of rho(x) sigma(y) log|x - y| is nested quadrature with the singular line as
an end of the panels, where the double-exponential map (Takahasi and Mori 1974) resolves it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import eval_genlaguerre, gamma, gammainc, gammaln, roots_genlaguerre

Array = NDArray[np.float64]
Density = Callable[[Array], Array]


def half_line(count: int = 160) -> tuple[Array, Array]:
    """Nodes and weights on (0, inf) for integrands that decay like e^-x."""
    t, h = np.linspace(-4.4, 4.9, count, retstep=True)
    x = np.exp(t - np.exp(-t))
    return x, h * x * (1 + np.exp(-t))


def unit_interval(count: int = 160) -> tuple[Array, Array, Array]:
    """Nodes s, complements 1 - s (both to full relative accuracy) and weights on (0, 1)."""
    t, h = np.linspace(-4.0, 4.0, count, retstep=True)
    u = np.pi / 2 * np.sinh(t)
    s, complement = 1 / (1 + np.exp(-2 * u)), 1 / (1 + np.exp(2 * u))
    return s, complement, h * np.pi * np.cosh(t) * s * complement


def unitary_density(n: int, a: float) -> Density:
    """Sum of n squared Laguerre functions (Christoffel-Darboux on the diagonal)."""

    def density(x: Array) -> Array:
        total = np.zeros_like(x)
        for k in range(n):
            log_norm = gammaln(k + 1) - gammaln(k + a + 1)
            total += np.exp(log_norm) * eval_genlaguerre(k, a, x) ** 2
        return np.asarray(total * x**a * np.exp(-x))

    return density


def joint_density(n: int, beta: int, a: float) -> Density:
    """One-point density (mass n) of n = 1, 2 or 3 eigenvalues by integrating the joint one."""
    if n not in (1, 2, 3):
        raise ValueError(f"n must be 1, 2 or 3, got {n}")

    def unnormalised(x: Array) -> Array:
        return np.asarray(_integrate_others(n, beta, a, x.ravel()).reshape(x.shape))

    nodes, weights = half_line()
    mass = float(np.sum(weights * unnormalised(nodes)))

    def density(x: Array) -> Array:
        return n / mass * unnormalised(x)

    return density


def _integrate_others(n: int, beta: int, a: float, x: Array) -> Array:
    own = x**a * np.exp(-x)
    if n == 1:
        return np.asarray(own)
    total = np.zeros_like(x)
    for y, gap, weight in _split_line(x):
        part = weight * gap**beta * y**a * np.exp(-y)
        if n == 3:
            part = part * _integrate_third(beta, a, np.broadcast_to(x[:, None], y.shape), y)
        total += np.sum(part, axis=-1)
    return np.asarray(own * total)


def _split_line(x: Array) -> list[tuple[Array, Array, Array]]:
    """Panels (0, x) and (x, inf) for each x: nodes y, |x - y|, weights, shape (x, nodes)."""
    s, complement, ws = unit_interval(100)
    v, wv = half_line(100)
    column = x[:, None]
    below = (column * s, column * complement, column * ws)
    return [below, (column + v, v[None, :], wv[None, :])]


def _integrate_third(beta: int, a: float, x: Array, y: Array) -> Array:
    """Integral over z of |x - z|^beta |y - z|^beta z^a e^-z."""
    # Even beta: a polynomial, which Gauss-Laguerre with 12 nodes integrates exactly.
    z, w = roots_genlaguerre(12, a)
    total = np.zeros(x.shape)
    for node, weight in zip(z, w, strict=True):
        total += weight * ((x - node) * (y - node)) ** beta
    if beta == 1:
        # The product is negative between x and y: take that part off twice.
        low, high = np.minimum(x, y), np.maximum(x, y)
        for power, factor in ((0, low * high), (1, -(low + high)), (2, 1.0)):
            shape = a + 1 + power
            share = gammainc(shape, high) - gammainc(shape, low)
            total -= 2 * factor * gamma(shape) * share
    return total


def pair_log_distance(first: Density, second: Density, count: int = 160) -> float:
    """Double integral of first(x) second(y) log|x - y|."""
    x, wx = half_line(count)
    s, complement, ws = unit_interval(count)
    v, wv = half_line(count)
    column = x[:, None]
    potential = np.sum(column * ws * second(column * s) * np.log(column * complement), axis=-1)
    potential += np.sum(wv * second(column + v) * np.log(v), axis=-1)
    return float(np.sum(wx * first(x) * potential))
