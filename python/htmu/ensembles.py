"""Beta-ensembles: sampling at any Dyson index beta, and closed forms from Selberg's integral."""

from __future__ import annotations

import dataclasses

import numpy as np

from htmu._core import ensembles as _ensembles
from htmu.arguments import (
    FloatArray,
    Seed,
    as_float,
    as_int,
    as_seed,
    as_threads,
    check_memory,
    core_key,
)

__all__ = ["LaguerreEnsemble"]

_MAX_N = 10_000_000


@dataclasses.dataclass(frozen=True)
class LaguerreEnsemble:
    r"""The beta-Laguerre (Wishart) ensemble.

    Joint density of the eigenvalues proportional to
    ``prod l_i^a exp(-rate l_i) prod_{i<j} |l_i - l_j|^beta`` on (0, inf)^n.

    Parameters
    ----------
    n : int
        Matrix size, from 1 to 10,000,000.
    beta : float
        Dyson index, at least 0. 0 is the limit of n independent Gamma(a + 1) eigenvalues; the
        paper's kappa is beta n.
    a : float
        Exponent of the weight, greater than -1. With M degrees of freedom,
        a = beta (M - n + 1)/2 - 1.
    rate : float
        Rate of the weight, greater than 0.

    Raises
    ------
    InvalidInputError
        If a parameter has the wrong type or lies outside its domain.

    References
    ----------
    Dumitriu and Edelman, J. Math. Phys. 43, 5830 (2002); Hodgkinson, Wang and Mahoney, ICML 2025,
    Algorithm 2; Forrester and Warnaar, Bull. Amer. Math. Soc. 45, 489 (2008).

    Examples
    --------
    >>> import htmu
    >>> ensemble = htmu.LaguerreEnsemble(50, beta=0.1, a=1.0)
    >>> spectra = ensemble.eigenvalues(1000, seed=1)
    >>> spectra.shape
    (1000, 50)
    >>> bool(abs(spectra.mean() / ensemble.mean() - 1) < 0.01)
    True
    """

    n: int
    beta: float = 1.0
    a: float = 0.0
    rate: float = 1.0

    def __post_init__(self) -> None:
        checked = {
            "n": as_int("n", self.n, minimum=1, maximum=_MAX_N),
            "beta": as_float("beta", self.beta, minimum=0),
            "a": as_float("a", self.a, exclusive_minimum=-1),
            "rate": as_float("rate", self.rate, exclusive_minimum=0),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @property
    def _parameters(self) -> tuple[int, float, float, float]:
        return self.n, self.beta, self.a, self.rate

    def _checked_size(self, size: int, entries_each: int) -> int:
        count = as_int("size", size, minimum=0)
        check_memory(count * entries_each, f"size = {count} of n = {self.n}")
        return count

    def sample_bidiagonal(
        self, size: int, *, seed: Seed = None, n_threads: int | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Draw the entries of the lower bidiagonal model B; the eigenvalues are those of B B^T.

        Parameters
        ----------
        size : int
            Number of matrices. Matrix k is a function of (seed, k) alone.
        seed : int, SeedSequence, Generator or None
            None takes fresh entropy.
        n_threads : int or None
            None takes every CPU; the numbers do not depend on it.

        Returns
        -------
        diagonal : ndarray, shape (size, n)
        subdiagonal : ndarray, shape (size, n - 1)

        Raises
        ------
        InvalidInputError
            If an argument has the wrong type or lies outside its domain.
        """
        count = self._checked_size(size, 2 * self.n)
        diagonal, subdiagonal = _ensembles.laguerre_bidiagonal(
            *self._parameters, count, core_key(as_seed(seed)), as_threads(n_threads)
        )
        return diagonal, subdiagonal

    def sample_tridiagonal(
        self, size: int, *, seed: Seed = None, n_threads: int | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Draw the tridiagonal matrices B B^T as (diagonal, off-diagonal).

        Arguments and shapes as for `sample_bidiagonal`, and the same matrices for equal seeds.
        Squared entries below 1e-308 underflow to 0: for small beta prefer the bidiagonal form.
        """
        diagonal, subdiagonal = self.sample_bidiagonal(size, seed=seed, n_threads=n_threads)
        off_diagonal = diagonal[:, :-1] * subdiagonal
        squares = diagonal**2
        squares[:, 1:] += subdiagonal**2
        return squares, off_diagonal

    def eigenvalues(
        self, size: int, *, seed: Seed = None, n_threads: int | None = None
    ) -> FloatArray:
        """Draw spectra, ascending, as an array of shape (size, n).

        Each eigenvalue has high relative accuracy (they are squared singular values of B);
        arguments as for `sample_bidiagonal`, and the spectra of the same matrices.
        """
        count = self._checked_size(size, self.n)
        return _ensembles.laguerre_eigenvalues(
            *self._parameters, count, core_key(as_seed(seed)), as_threads(n_threads)
        )

    def log_vandermonde(
        self, size: int, *, seed: Seed = None, n_threads: int | None = None
    ) -> FloatArray:
        """Draw S = sum_{i<j} log|l_i - l_j| of `size` spectra, without keeping them.

        Arguments as for `sample_bidiagonal`, and the spectra of the same matrices.
        """
        count = self._checked_size(size, 1)
        return _ensembles.laguerre_log_vandermonde(
            *self._parameters, count, core_key(as_seed(seed)), as_threads(n_threads)
        )

    def mean_log_vandermonde(self) -> float:
        """Exact mean of S = sum_{i<j} log|l_i - l_j|."""
        return float(_ensembles.laguerre_log_vandermonde_moments(*self._parameters)[0])

    def var_log_vandermonde(self) -> float:
        """Exact variance of S."""
        return float(_ensembles.laguerre_log_vandermonde_moments(*self._parameters)[1])

    def mean_log_determinant(self) -> float:
        """Exact mean of sum_i log l_i."""
        return float(_ensembles.laguerre_log_determinant_moments(*self._parameters)[0])

    def var_log_determinant(self) -> float:
        """Exact variance of sum_i log l_i."""
        return float(_ensembles.laguerre_log_determinant_moments(*self._parameters)[1])

    def mean_trace(self) -> float:
        """Exact mean of sum_i l_i, which is Gamma(n(a+1) + beta n(n-1)/2) over the rate."""
        return float(_ensembles.laguerre_trace_moments(*self._parameters)[0])

    def var_trace(self) -> float:
        """Exact variance of sum_i l_i."""
        return float(_ensembles.laguerre_trace_moments(*self._parameters)[1])

    def mean(self) -> float:
        """Exact mean of an eigenvalue: `mean_trace` over n."""
        return self.mean_trace() / self.n

    def mean_log(self) -> float:
        """Exact mean of the logarithm of an eigenvalue: `mean_log_determinant` over n."""
        return self.mean_log_determinant() / self.n

    def mean_power_sums(self) -> FloatArray:
        """Exact means of sum_i l_i^k for k = 1, 2, 3, from the bidiagonal model."""
        return np.asarray(_ensembles.laguerre_mean_power_sums(*self._parameters))
