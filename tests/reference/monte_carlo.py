"""Plain Monte Carlo of Laguerre ensembles in NumPy: the coarse check of every reference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
SEED = 20250603


def laguerre_eigenvalues(
    rng: np.random.Generator, n: int, beta: float, a: float, samples: int
) -> Array:
    """Eigenvalues, shape (samples, n), by the bidiagonal model of Dumitriu and Edelman (2002)."""
    rest = beta / 2 * np.arange(n - 1, -1, -1)
    bidiagonal = np.zeros((samples, n, n))
    rows = np.arange(n)
    bidiagonal[:, rows, rows] = np.sqrt(rng.gamma(a + 1 + rest, size=(samples, n)))
    bidiagonal[:, rows[1:], rows[:-1]] = np.sqrt(rng.gamma(rest[:-1], size=(samples, n - 1)))
    return np.asarray(np.linalg.svd(bidiagonal, compute_uv=False) ** 2)


def mean_and_stderr(values: Array) -> tuple[float, float]:
    """Sample mean and its standard error."""
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(values.size))


def pair_log_distance(
    n1: int, n2: int, beta: float, a: float, samples: int = 20_000
) -> tuple[float, float]:
    """Sum of log|x_i - y_j| over two independent blocks: mean and standard error."""
    rng = np.random.default_rng(SEED)
    x = laguerre_eigenvalues(rng, n1, beta, a, samples)
    y = laguerre_eigenvalues(rng, n2, beta, a, samples)
    return mean_and_stderr(np.log(np.abs(x[:, :, None] - y[:, None, :])).sum(axis=(1, 2)))


def kronecker_log_vandermonde(
    dims: Sequence[int], exponents: Sequence[float], samples: int = 100_000
) -> tuple[float, float]:
    """S of the products of the factors' normalised eigenvalues: mean and standard error."""
    rng = np.random.default_rng(SEED)
    products = np.ones((samples, 1))
    for n, a in zip(dims, exponents, strict=True):
        values = laguerre_eigenvalues(rng, n, 1, a, samples)
        values /= values.sum(axis=1, keepdims=True)
        products = (products[:, :, None] * values[:, None, :]).reshape(samples, -1)
    i, j = np.triu_indices(products.shape[1], 1)
    return mean_and_stderr(np.log(np.abs(products[:, i] - products[:, j])).sum(axis=1))
