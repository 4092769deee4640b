"""The beta-Hermite (Gaussian) ensemble."""

from __future__ import annotations

import dataclasses

from htmu._core import ensembles as _ensembles
from htmu.arguments import FloatArray, Seed, as_float, as_int
from htmu.ensembles.base import MAX_N, Ensemble

__all__ = ["HermiteEnsemble"]


@dataclasses.dataclass(frozen=True)
class HermiteEnsemble(Ensemble):
    r"""The beta-Hermite (Gaussian) ensemble.

    Joint density of the eigenvalues proportional to
    ``prod exp(-rate l_i^2 / 2) prod_{i<j} |l_i - l_j|^beta`` on R^n.

    Parameters
    ----------
    n : int
        Matrix size, from 1 to 10,000,000.
    beta : float
        Dyson index, at least 0. 1, 2 and 4 are the Gaussian orthogonal, unitary and symplectic
        ensembles; 0 is the limit of n independent N(0, 1/rate) eigenvalues.
    rate : float
        Inverse variance of the weight, greater than 0.

    Raises
    ------
    InvalidInputError
        If a parameter has the wrong type or lies outside its domain.

    Notes
    -----
    sum_i log|l_i| has no closed form in gamma functions at general beta, so there is no
    ``mean_log_determinant``.

    References
    ----------
    Dumitriu and Edelman, J. Math. Phys. 43, 5830 (2002); Mehta, Random Matrices, 3rd ed. (2004),
    section 17.6.

    Examples
    --------
    >>> import htmu
    >>> ensemble = htmu.HermiteEnsemble(50, beta=2.0)
    >>> spectra = ensemble.eigenvalues(1000, seed=1)
    >>> spectra.shape
    (1000, 50)
    >>> bool(abs((spectra**2).sum(axis=1).mean() / ensemble.mean_sum_squares() - 1) < 0.01)
    True
    """

    n: int
    beta: float = 1.0
    rate: float = 1.0

    def __post_init__(self) -> None:
        checked = {
            "n": as_int("n", self.n, minimum=1, maximum=MAX_N),
            "beta": as_float("beta", self.beta, minimum=0),
            "rate": as_float("rate", self.rate, exclusive_minimum=0),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @property
    def _parameters(self) -> tuple[int, float, float]:
        return self.n, self.beta, self.rate

    def _model(self) -> _ensembles.MatrixModel:
        return _ensembles.HermiteModel(*self._parameters)

    def sample_tridiagonal(
        self, size: int, *, seed: Seed = None, n_threads: int | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Draw the entries of the symmetric tridiagonal model.

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
        off_diagonal : ndarray, shape (size, n - 1)

        Raises
        ------
        InvalidInputError
            If an argument has the wrong type or lies outside its domain.
        """
        return self._sample_model(size, seed, n_threads)

    def mean_log_vandermonde(self) -> float:
        """Exact mean of S = sum_{i<j} log|l_i - l_j|."""
        return float(_ensembles.hermite_log_vandermonde_moments(*self._parameters)[0])

    def var_log_vandermonde(self) -> float:
        """Exact variance of S."""
        return float(_ensembles.hermite_log_vandermonde_moments(*self._parameters)[1])

    def mean_trace(self) -> float:
        """Exact mean of sum_i l_i, which is N(0, n / rate)."""
        return float(_ensembles.hermite_trace_moments(*self._parameters)[0])

    def var_trace(self) -> float:
        """Exact variance of sum_i l_i."""
        return float(_ensembles.hermite_trace_moments(*self._parameters)[1])

    def mean_sum_squares(self) -> float:
        """Exact mean of sum_i l_i^2, which is 2/rate times a Gamma(n/2 + beta n(n-1)/4)."""
        return float(_ensembles.hermite_sum_squares_moments(*self._parameters)[0])

    def var_sum_squares(self) -> float:
        """Exact variance of sum_i l_i^2."""
        return float(_ensembles.hermite_sum_squares_moments(*self._parameters)[1])
