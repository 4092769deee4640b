"""High-precision Laguerre ensembles for the reference tables: mpmath only, nothing from htmu.

Density proportional to prod l_i^a e^(-l_i) prod |l_i - l_j|^beta; S = sum over i<j of
log|l_i - l_j|.

* Selberg's integral gives E S and Var S for every beta (Mehta, Random Matrices, 3rd ed., 17.6.5).
* For beta = 1, 2, 4 the generating function E prod f(l_i) is a Pfaffian or a determinant of
  one- and two-fold moments (de Bruijn 1955), so its derivative in f at f = 1, the one-point
  density, is a finite sum of terms x^(p-1) e^(-r x): a signed mixture of gamma densities.
* Two independent gamma variables X / r, Y / s have X + Y independent of X / (X + Y), a beta
  variable, so E log|X/r - Y/s| = psi(p + q) + E log|B / r - (1 - B) / s|, B ~ Beta(p, q).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mpmath as mp  # type: ignore[import-untyped]

Real = Any  # mpmath.mpf, int or float: mpmath ships no types


@dataclass(frozen=True)
class GammaTerm:
    """Mass times the Gamma(shape, rate) density; masses of a density may be negative."""

    mass: Real
    shape: Real
    rate: int


def mean_log_vandermonde(n: int, beta: Real, a: Real) -> Real:
    """E S of the n-point ensemble."""
    b = mp.mpf(beta) / 2
    total = mp.mpf(0)
    for j in range(n):
        total += mp.mpf(j + 1) / 2 * mp.digamma(1 + (j + 1) * b)
        total += mp.mpf(j) / 2 * mp.digamma(mp.mpf(a) + 1 + j * b)
        total -= mp.digamma(1 + b) / 2
    return total


def var_log_vandermonde(n: int, beta: Real, a: Real) -> Real:
    """Var S of the n-point ensemble."""
    b = mp.mpf(beta) / 2
    total = mp.mpf(0)
    for j in range(n):
        total += (mp.mpf(j + 1) / 2) ** 2 * mp.polygamma(1, 1 + (j + 1) * b)
        total += (mp.mpf(j) / 2) ** 2 * mp.polygamma(1, mp.mpf(a) + 1 + j * b)
        total -= mp.polygamma(1, 1 + b) / 4
    return total


def trace_shape(n: int, beta: Real, a: Real) -> Real:
    """The trace of the n-point ensemble is a Gamma variable with this shape."""
    return n * (mp.mpf(a) + 1) + mp.mpf(beta) * n * (n - 1) / 2


def mean_log_vandermonde_shape(n: int, beta: Real, a: Real) -> Real:
    """E S of l / sum(l): the sum is independent of the shape."""
    return mean_log_vandermonde(n, beta, a) - mp.mpf(n * (n - 1)) / 2 * mp.digamma(
        trace_shape(n, beta, a)
    )


def var_log_vandermonde_shape(n: int, beta: Real, a: Real) -> Real:
    """Var S of l / sum(l)."""
    pairs = mp.mpf(n * (n - 1)) / 2
    return var_log_vandermonde(n, beta, a) - pairs**2 * mp.polygamma(1, trace_shape(n, beta, a))


def projected_beta(n: int, a: Real, mean_s: Real, reference: str) -> Real:
    """Beta of the Laguerre ensemble nearest in Kullback-Leibler divergence.

    Solves E_{q_beta} S = mean_s; the left side increases in beta (an exponential family), so the
    root is unique, and 0 is returned when mean_s is at or below the value at beta = 0.
    """
    mean = {"weight": mean_log_vandermonde, "shape": mean_log_vandermonde_shape}[reference]
    var = {"weight": var_log_vandermonde, "shape": var_log_vandermonde_shape}[reference]
    # Independent eigenvalues have E S equal to the beta = 0 value up to rounding.
    if mean_s <= mean(n, 0, a) + mp.mpf(10) ** (-mp.mp.dps // 2):
        return mp.mpf(0)
    low, high = mp.mpf(0), mp.mpf(1)
    while mean(n, high, a) < mean_s:
        low, high = high, 2 * high
    beta = (low + high) / 2
    for _ in range(200):
        gap = mean(n, beta, a) - mean_s
        low, high = (low, beta) if gap > 0 else (beta, high)
        following = beta - gap / var(n, beta, a)  # d(E S) / d beta = Var S
        if not low < following < high:
            following = (low + high) / 2
        if abs(following - beta) < mp.mpf(10) ** (8 - mp.mp.dps):
            return following
        beta = following
    raise ArithmeticError(f"no root for n={n}, a={a}, E S={mp.nstr(mean_s, 15)}")


def _moments(count: int, a: Real) -> list[Real]:
    return [mp.gamma(mp.mpf(a) + k + 1) for k in range(count)]


def _density_unitary(n: int, a: Real) -> list[GammaTerm]:
    """beta = 2: rho = w sum_ij (A^-1)_ij x^(i+j), A the Hankel matrix of moments."""
    moments = _moments(2 * n - 1, a)
    inverse = mp.matrix(n, n)
    for i in range(n):
        for j in range(n):
            inverse[i, j] = moments[i + j]
    inverse = inverse**-1
    masses = [mp.mpf(0)] * (2 * n - 1)
    for i in range(n):
        for j in range(n):
            masses[i + j] += inverse[i, j] * moments[i + j]
    return [GammaTerm(mass, mp.mpf(a) + k + 1, 1) for k, mass in enumerate(masses)]


def _density_symplectic(n: int, a: Real) -> list[GammaTerm]:
    """beta = 4: the Pfaffian of (j - i) integral x^(i+j-1) w, i, j < 2 n."""
    size = 2 * n
    moments = _moments(2 * size, a)
    skew = mp.matrix(size, size)
    for i in range(size):
        for j in range(size):
            if i != j:
                skew[i, j] = (j - i) * moments[i + j - 1]
    inverse = skew**-1
    masses = [mp.mpf(0)] * (2 * size - 2)
    for i in range(size):
        for j in range(size):
            if i != j:
                masses[i + j - 1] += inverse[j, i] * skew[i, j] / 2
    return [GammaTerm(mass, mp.mpf(a) + k + 1, 1) for k, mass in enumerate(masses)]


def _density_orthogonal(n: int, a: int) -> list[GammaTerm]:
    """beta = 1, integer a: de Bruijn's Pfaffian of the sign kernel, bordered for odd n.

    A_ij = integral of sgn(y - x) x^i y^j w(x) w(y), and the x-integrated kernel
    G_j(x) = integral of sgn(y - x) y^j w(y) = Gamma(s) (2 Q(s, x) - 1), s = a + j + 1, where
    Q(s, x) = e^-x (1 + x + .. + x^(s-1) / (s-1)!) for integer s: terms of rates 1 and 2.
    """
    if a != int(a):
        raise ValueError(f"a must be an integer, got {a}")
    a = int(a)
    size = n + n % 2
    moments = _moments(n, a)
    skew = mp.matrix(size, size)
    for i in range(n):
        for j in range(n):
            if i != j:
                half = mp.betainc(a + i + 1, a + j + 1, 0, mp.mpf(1) / 2, regularized=True)
                skew[i, j] = moments[i] * moments[j] * (2 * half - 1)
        if n % 2:
            skew[i, n], skew[n, i] = moments[i], -moments[i]
    inverse = skew**-1
    # Coefficients of x^power e^(-rate x) in the density.
    coefficients: dict[tuple[int, int], Real] = {}

    def add(power: int, rate: int, value: Real) -> None:
        coefficients[power, rate] = coefficients.get((power, rate), mp.mpf(0)) + value

    for i in range(n):
        for j in range(n):
            if i == j:
                continue
            weight = inverse[j, i] * moments[j]
            add(a + i, 1, -weight)
            for k in range(a + j + 1):
                add(a + i + k, 2, 2 * weight / mp.factorial(k))
        if n % 2:
            # Both triangles of the border contribute; the trace carries 1/2.
            add(a + i, 1, inverse[n, i])
    terms = []
    for (power, rate), value in sorted(coefficients.items()):
        mass = value * mp.gamma(power + 1) / mp.mpf(rate) ** (power + 1)
        terms.append(GammaTerm(mass, mp.mpf(power + 1), rate))
    return terms


def one_point_density(n: int, beta: int, a: Real) -> list[GammaTerm]:
    """Density of the eigenvalues, total mass n, as a mixture of gamma densities."""
    makers = {1: _density_orthogonal, 2: _density_unitary, 4: _density_symplectic}
    return makers[beta](n, a)


def density_at(terms: Sequence[GammaTerm], x: Real) -> Real:
    """Value of the mixture at x > 0."""
    x = mp.mpf(x)
    return mp.fsum(
        t.mass
        * mp.mpf(t.rate) ** t.shape
        * x ** (t.shape - 1)
        * mp.exp(-t.rate * x)
        / mp.gamma(t.shape)
        for t in terms
    )


def pair_log_distance(first: Sequence[GammaTerm], second: Sequence[GammaTerm]) -> Real:
    """Double integral of f(x) g(y) log|x - y| over two mixtures of gamma densities.

    One quadrature in B for each pair of rates; its only singularities are the ends and the
    logarithm at B = r / (r + s), which tanh-sinh panels with those ends resolve.
    """
    total = mp.mpf(0)
    for r in sorted({t.rate for t in first}):
        for s in sorted({t.rate for t in second}):
            left = [t for t in first if t.rate == r]
            right = [t for t in second if t.rate == s]
            total += mp.fsum(
                t.mass * u.mass * mp.digamma(t.shape + u.shape) for t in left for u in right
            )
            total += _beta_log_integral(left, right, r, s)
    return total


def _beta_log_integral(
    left: Sequence[GammaTerm], right: Sequence[GammaTerm], r: int, s: int
) -> Real:
    p0, q0 = left[0].shape, right[0].shape
    powers_left = [int(mp.nint(t.shape - p0)) for t in left]
    powers_right = [int(mp.nint(u.shape - q0)) for u in right]
    # Coefficients of b^i (1-b)^j, to be summed by Horner's rule.
    table = [[mp.mpf(0)] * (max(powers_right) + 1) for _ in range(max(powers_left) + 1)]
    for t, i in zip(left, powers_left, strict=True):
        for u, j in zip(right, powers_right, strict=True):
            table[i][j] += t.mass * u.mass / mp.beta(t.shape, u.shape)

    def integrand(b: Real, c: Real, log_distance: Real) -> Real:
        outer = mp.mpf(0)
        for row in reversed(table):
            inner = mp.mpf(0)
            for value in reversed(row):
                inner = inner * c + value
            outer = outer * b + inner
        return outer * b ** (p0 - 1) * c ** (q0 - 1) * log_distance

    middle = mp.mpf(r) / (r + s)
    scale = mp.mpf(1) / r + mp.mpf(1) / s

    # t measures from the singularity, so that the logarithm keeps its digits there.
    def below(t: Real) -> Real:
        return integrand(middle - t, 1 - middle + t, mp.log(t * scale))

    def above(t: Real) -> Real:
        return integrand(middle + t, 1 - middle - t, mp.log(t * scale))

    rest = 1 - middle
    return mp.quad(below, [0, middle / 2, middle]) + mp.quad(above, [0, rest / 2, rest])
