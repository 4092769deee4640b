"""Families of tridiagonal and bidiagonal matrices on which eigenvalue solvers are known to differ.

Every generator takes the size and a NumPy generator and returns (d, e), float64, finite. Prescribed
spectra are the types 1 to 9 of Marques, Voemel, Demmel and Parlett (ACM TOMS 35, 8, 2008), after
LAPACK's DLATMS; their matrices are rounded, so a reference must take the entries, not the spectrum.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.linalg
from numpy.typing import NDArray
from scipy import special

Float = NDArray[np.float64]
Matrix = tuple[Float, Float]
Family = Callable[[int, np.random.Generator], Matrix]

EPS = float(np.finfo(float).eps)
BETAS = ("0", "1e-6", "2/N", "1", "2", "1e3")


def beta_of(name: str, n: int) -> float:
    """The value of a name in BETAS; "2/N" is the high-temperature regime kappa / N."""
    return 2.0 / n if name == "2/N" else float(name)


def gram(d: Float, e: Float) -> Matrix:
    """B^T B of an upper bidiagonal B."""
    squares = d**2
    squares[1:] += e**2
    return squares, d[:-1] * e


# Beta-ensembles (Dumitriu and Edelman 2002; Killip and Nenciu 2004; Edelman and Sutton 2008).


def laguerre_bidiagonal(beta: str, a: float = 0.0) -> Family:
    def family(n: int, rng: np.random.Generator) -> Matrix:
        half = beta_of(beta, n) / 2
        k = np.arange(n, dtype=float)
        return np.sqrt(rng.gamma(a + 1 + half * k[::-1])), np.sqrt(rng.gamma(half * k[:0:-1]))

    return family


def laguerre(beta: str) -> Family:
    return lambda n, rng: gram(*laguerre_bidiagonal(beta)(n, rng))


def hermite(beta: str) -> Family:
    def family(n: int, rng: np.random.Generator) -> Matrix:
        half = beta_of(beta, n) / 2
        return rng.normal(size=n), np.sqrt(rng.gamma(half * np.arange(n - 1, 0, -1.0)))

    return family


def jacobi_bidiagonal(beta: str) -> Family:
    def family(n: int, rng: np.random.Generator) -> Matrix:
        half = beta_of(beta, n) / 2
        k = np.arange(n, 0, -1.0)
        cosine = rng.beta(0.5 + half * k, 1.0 + half * k)
        inner = np.zeros(n - 1)
        if half > 0:
            inner = rng.beta(half * k[1:], 1.5 + half * k[1:])
        d = np.sqrt(cosine)
        d[1:] *= np.sqrt(1 - inner)
        return d, -np.sqrt((1 - cosine[:-1]) * inner)

    return family


def jacobi(beta: str) -> Family:
    return lambda n, rng: gram(*jacobi_bidiagonal(beta)(n, rng))


# Matrices with known eigenvalues.


def toeplitz(n: int, rng: np.random.Generator) -> Matrix:
    return np.full(n, 2.0), np.full(n - 1, -1.0)


def toeplitz_eigenvalues(n: int) -> Float:
    return 4 * np.sin(np.arange(1, n + 1) * np.pi / (2 * n + 2)) ** 2


def clement(n: int, rng: np.random.Generator) -> Matrix:
    """Eigenvalues 1 - n, 3 - n, ..., n - 1."""
    k = np.arange(1.0, n)
    return np.zeros(n), np.sqrt(k * (n - k))


def legendre_jacobi(n: int, rng: np.random.Generator) -> Matrix:
    """Eigenvalues are the zeros of the Legendre polynomial (Golub and Welsch 1969)."""
    k = np.arange(1.0, n)
    return np.zeros(n), k / np.sqrt(4 * k**2 - 1)


def hermite_jacobi(n: int, rng: np.random.Generator) -> Matrix:
    return np.zeros(n), np.sqrt(np.arange(1.0, n) / 2)


def laguerre_jacobi_bidiagonal(n: int, rng: np.random.Generator) -> Matrix:
    """Squared singular values are the zeros of the Laguerre polynomial."""
    return np.sqrt(np.arange(1.0, n + 1)), np.sqrt(np.arange(1.0, n))


def laguerre_jacobi(n: int, rng: np.random.Generator) -> Matrix:
    return np.arange(1.0, 2 * n, 2), np.arange(1.0, n)


def quadrature_nodes(name: str, n: int) -> Float:
    """Zeros of the orthogonal polynomial, ascending."""
    rule = {
        "legendre": special.roots_legendre,
        "hermite": special.roots_hermite,
        "laguerre": special.roots_laguerre,
    }[name]
    return np.asarray(rule(n)[0], dtype=np.float64)


# Prescribed spectra, made tridiagonal by Householder reflections.


def _cluster_low(n: int, rng: np.random.Generator) -> Float:
    return np.concatenate([[1.0], np.full(n - 1, EPS)])


def _cluster_high(n: int, rng: np.random.Generator) -> Float:
    return np.concatenate([np.ones(n - 1), [EPS]])


def _geometric(n: int, rng: np.random.Generator) -> Float:
    return np.geomspace(1.0, EPS, n)


def _arithmetic(n: int, rng: np.random.Generator) -> Float:
    return np.linspace(1.0, EPS, n)


def _log_uniform(n: int, rng: np.random.Generator) -> Float:
    return np.exp(rng.uniform(np.log(EPS), 0.0, n))


def _uniform(n: int, rng: np.random.Generator) -> Float:
    return rng.uniform(-1.0, 1.0, n)


def _multiples_of_eps(n: int, rng: np.random.Generator) -> Float:
    return np.concatenate([EPS * np.arange(1, n), [1.0]])


def _near_one(n: int, rng: np.random.Generator) -> Float:
    values: Float = 1 + EPS**0.5 * np.arange(n, dtype=np.float64)
    values[0], values[-1] = EPS, 2.0
    return values


def _hundred_eps_apart(n: int, rng: np.random.Generator) -> Float:
    return 1 + 100 * EPS * np.arange(n, dtype=np.float64)


SPECTRA: dict[str, Callable[[int, np.random.Generator], Float]] = {
    "cluster low": _cluster_low,
    "cluster high": _cluster_high,
    "geometric": _geometric,
    "arithmetic": _arithmetic,
    "log-uniform": _log_uniform,
    "uniform": _uniform,
    "multiples of eps": _multiples_of_eps,
    "near one": _near_one,
    "100 eps apart": _hundred_eps_apart,
}


def prescribed(name: str, signs: bool = False) -> Family:
    def family(n: int, rng: np.random.Generator) -> Matrix:
        values = SPECTRA[name](n, rng)
        if signs:
            values = values * rng.choice([-1.0, 1.0], n)
        q, _ = np.linalg.qr(rng.normal(size=(n, n)))
        dense = (q * values) @ q.T
        reduced = scipy.linalg.hessenberg((dense + dense.T) / 2)
        return np.diag(reduced).copy(), np.diag(reduced, -1).copy()

    return family


# Graded, glued, split and repeated.


def wilkinson(n: int, rng: np.random.Generator) -> Matrix:
    """W+ of size n; n = 21 is Wilkinson's own, with pairs that agree to 15 digits."""
    return np.abs(np.arange(n) - (n - 1) / 2), np.ones(n - 1)


def glued_wilkinson(glue: float) -> Family:
    def family(n: int, rng: np.random.Generator) -> Matrix:
        k = np.arange(n)
        return np.abs(k % 21 - 10.0), np.where(k[1:] % 21 == 0, glue, 1.0)

    return family


def graded(decades: float, down: bool) -> Family:
    """Diagonal over that many orders of magnitude, off-diagonal half its geometric means."""

    def family(n: int, rng: np.random.Generator) -> Matrix:
        d = np.logspace(0, -decades, n)
        e = 0.5 * np.sqrt(d[:-1]) * np.sqrt(d[1:])
        return (d, e) if down else (d[::-1].copy(), e[::-1].copy())

    return family


def split(n: int, rng: np.random.Generator) -> Matrix:
    e = rng.normal(size=n - 1)
    return rng.normal(size=n), np.where(rng.random(n - 1) < 0.4, 0.0, e)


def subnormal_couplings(n: int, rng: np.random.Generator) -> Matrix:
    tiny = np.array([5e-324, 1e-310, 1e-200, 1e-160, 1e-20, 1.0])
    return rng.normal(size=n), rng.choice(tiny, n - 1)


def identity(n: int, rng: np.random.Generator) -> Matrix:
    return np.ones(n), np.zeros(n - 1)


def zero(n: int, rng: np.random.Generator) -> Matrix:
    return np.zeros(n), np.zeros(n - 1)


def repeated(n: int, rng: np.random.Generator) -> Matrix:
    """The same 2 by 2 block over and over: eigenvalues 0 and 2, many times."""
    return np.ones(n), np.where(np.arange(n - 1) % 2 == 0, 1.0, 0.0)


def nearly_repeated(n: int, rng: np.random.Generator) -> Matrix:
    return np.ones(n), 1e-9 * rng.normal(size=n - 1)


def few_values(n: int, rng: np.random.Generator) -> Matrix:
    """Entries from a few values, many of them 0: equal blocks beside nearly equal ones."""
    values = rng.choice([0.0, 1.0, -1.0, 2.0, 49.0, 1e-8, 941.0, 1e-3], 4)
    zeros_d, zeros_e = rng.random(2)
    d = np.where(rng.random(n) < zeros_d, 0.0, rng.choice(values, n))
    return d, np.where(rng.random(n - 1) < zeros_e, 0.0, rng.choice(values, n - 1))


def two_scales(n: int, rng: np.random.Generator) -> Matrix:
    """Entries of 1 and 1e-280 side by side, coupled by 1e-140."""
    return np.where(np.arange(n) % 2 == 0, 1.0, 1e-280), np.full(n - 1, 1e-140)


def scaled(family: Family, factor: float) -> Family:
    def scaled_family(n: int, rng: np.random.Generator) -> Matrix:
        d, e = family(n, rng)
        return d * factor, e * factor

    return scaled_family


def log_uniform_entries(decades: float) -> Family:
    def family(n: int, rng: np.random.Generator) -> Matrix:
        return 10 ** rng.uniform(-decades, 0, n), 10 ** rng.uniform(-decades, 0, n - 1)

    return family


def dominant_superdiagonal(n: int, rng: np.random.Generator) -> Matrix:
    """Ones below tens: the smallest singular value falls like 10^-n, far below every entry."""
    return np.ones(n), np.full(n - 1, 10.0)
