"""The baseline: Algorithm 1 of Hodgkinson, Wang and Mahoney (ICML 2025) in NumPy and SciPy.

Written as a careful user would: vectorised draws, eigenvalues from the tridiagonal matrix, block
by block for block diagonals, a log-Vandermonde without a Python loop over pairs. Settings of the
paper: p = 50 matrices of the structure and 50 of the beta-ensemble a step, gain 1.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigvalsh_tridiagonal

Array = NDArray[np.float64]
BATCH = 50
NORMAL_QUANTILE = 1.959963984540054


def laguerre_eigenvalues(rng: np.random.Generator, n: int, beta: float, a: float) -> Array:
    """One draw of the beta-Laguerre ensemble: Algorithm 2 of the paper and the eigenvalues."""
    rest = beta / 2 * np.arange(n - 1, -1, -1)
    diagonal = rng.gamma(a + 1 + rest)
    below = rng.gamma(rest[:-1]) if beta > 0 else np.zeros(n - 1)
    # B B^T for the lower bidiagonal B with these squared entries. SciPy's default driver (stemr)
    # takes about twice as long as sterf, so the baseline gets the faster one.
    d = diagonal.copy()
    d[1:] += below
    e = np.sqrt(diagonal[:-1] * below)
    return np.asarray(eigvalsh_tridiagonal(d, e, lapack_driver="sterf"))


def log_vandermonde(x: Array, pairs: tuple[NDArray[np.intp], NDArray[np.intp]]) -> float:
    """Sum of log|x_i - x_j| over the pairs i < j."""
    return float(np.log(np.abs(x[pairs[0]] - x[pairs[1]])).sum())


def block_diagonal_eigenvalues(
    rng: np.random.Generator, m: int, n: int, alpha: float, block_beta: float
) -> Array:
    """Eigenvalues of m independent n x n blocks."""
    blocks = [laguerre_eigenvalues(rng, n, block_beta, alpha) for _ in range(m)]
    return np.concatenate(blocks)


def kronecker_eigenvalues(rng: np.random.Generator, m: int, n: int, alpha: float) -> Array:
    """Eigenvalues of a Kronecker product of factors m and n, divided by their sum."""
    x = laguerre_eigenvalues(rng, m, 1, alpha * n)
    y = laguerre_eigenvalues(rng, n, 1, alpha * m)
    return np.outer(x / x.sum(), y / y.sum()).ravel()


@dataclass
class LiteralRecipe:
    """Algorithm 1 for one structured matrix.

    Parameters
    ----------
    size : int
        N.
    a : float
        Exponent of the Laguerre weight, alpha.
    draw : callable
        Eigenvalues of one structured matrix.
    normalised : bool
        Compare l / sum(l), for structures without a scale.
    """

    size: int
    a: float
    draw: Callable[[np.random.Generator], Array]
    normalised: bool = False
    beta: float = 0.0

    def __post_init__(self) -> None:
        self._pairs = np.triu_indices(self.size, 1)
        self._step = 0
        self.structure_values: list[float] = []
        self.ensemble_values: list[float] = []
        self.seconds = 0.0

    def _statistic(self, x: Array) -> float:
        return log_vandermonde(x / x.sum() if self.normalised else x, self._pairs)

    def step(self, rng: np.random.Generator) -> None:
        """One step of the algorithm; its time is added to `seconds`."""
        start = time.perf_counter()
        of_q = [self._statistic(self.draw(rng)) for _ in range(BATCH)]
        of_ensemble = [
            self._statistic(laguerre_eigenvalues(rng, self.size, self.beta, self.a))
            for _ in range(BATCH)
        ]
        self._step += 1
        move = (np.mean(of_q) - np.mean(of_ensemble)) / np.var(of_ensemble, ddof=1)
        self.beta = max(0.0, self.beta + float(move) / self._step)
        self.seconds += time.perf_counter() - start
        self.structure_values += of_q
        self.ensemble_values += of_ensemble

    @property
    def seconds_per_step(self) -> float:
        """Mean time of a step."""
        return self.seconds / self._step

    @property
    def kappa(self) -> float:
        """Present estimate."""
        return self.size * self.beta

    def stderr(self, n_steps: float) -> float:
        """Standard error of kappa after `n_steps` steps (Proposition G.5 with gain 1)."""
        slope = np.var(self.ensemble_values, ddof=1)
        noise = np.var(self.structure_values, ddof=1) + slope
        return float(self.size * np.sqrt(noise / (BATCH * n_steps)) / slope)

    def steps_for(self, half_width: float) -> float:
        """Steps until the 95 % interval has this half-width."""
        return (NORMAL_QUANTILE * self.stderr(1) / half_width) ** 2


def block_diagonal_recipe(
    m: int, n: int, alpha: float, *, beta: float, block_beta: float = 1
) -> LiteralRecipe:
    """Algorithm 1 for a block diagonal matrix, started at `beta`."""
    return LiteralRecipe(
        m * n,
        alpha,
        lambda rng: block_diagonal_eigenvalues(rng, m, n, alpha, block_beta),
        beta=beta,
    )


def kronecker_recipe(m: int, n: int, alpha: float, *, beta: float) -> LiteralRecipe:
    """Algorithm 1 for a Kronecker product, started at `beta`."""
    return LiteralRecipe(
        m * n,
        alpha,
        lambda rng: kronecker_eigenvalues(rng, m, n, alpha),
        normalised=True,
        beta=beta,
    )
