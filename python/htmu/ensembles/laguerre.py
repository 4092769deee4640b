"""The beta-Laguerre (Wishart) ensemble."""

from __future__ import annotations

import dataclasses

import numpy as np

from htmu._core import ensembles as _ensembles
from htmu.arguments import FloatArray, Seed, as_float, as_int, as_seed, as_threads, core_key
from htmu.ensembles.base import MAX_N, BidiagonalEnsemble

__all__ = ["LaguerreEnsemble"]


@dataclasses.dataclass(frozen=True)
class LaguerreEnsemble(BidiagonalEnsemble):
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
            "n": as_int("n", self.n, minimum=1, maximum=MAX_N),
            "beta": as_float("beta", self.beta, minimum=0),
            "a": as_float("a", self.a, exclusive_minimum=-1),
            "rate": as_float("rate", self.rate, exclusive_minimum=0),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @property
    def _parameters(self) -> tuple[int, float, float, float]:
        return self.n, self.beta, self.a, self.rate

    def _model(self) -> _ensembles.LaguerreModel:
        return _ensembles.LaguerreModel(*self._parameters)

    def log_eigenvalues(
        self, size: int, *, seed: Seed = None, n_threads: int | None = None
    ) -> FloatArray:
        """Draw the natural logarithms of spectra, ascending: for eigenvalues that underflow.

        With beta = kappa / n and a near -1, or n large, the smallest eigenvalues lie far below the
        range of doubles, 1e-5000 and less. Entries are drawn in logarithms and the eigenvalues
        found with the exponents kept apart, to 1e-14 max(1, |log l|); slower than `eigenvalues`.

        Arguments as for `eigenvalues`, and the spectra of the same matrices.
        """
        count = self._checked_size(size, self.n)
        key, threads = core_key(as_seed(seed)), as_threads(n_threads)
        return self._model().log_eigenvalues(count, key, threads)

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

    def mean_power_sums(self) -> FloatArray:
        """Exact means of sum_i l_i^k for k = 1, 2, 3, from the bidiagonal model."""
        return np.asarray(_ensembles.laguerre_mean_power_sums(*self._parameters))
