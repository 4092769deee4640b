"""The beta-Jacobi (MANOVA) ensemble."""

from __future__ import annotations

import dataclasses

from htmu._core import ensembles as _ensembles
from htmu.arguments import as_float, as_int
from htmu.ensembles.base import MAX_N, BidiagonalEnsemble

__all__ = ["JacobiEnsemble"]


@dataclasses.dataclass(frozen=True)
class JacobiEnsemble(BidiagonalEnsemble):
    r"""The beta-Jacobi (MANOVA) ensemble.

    Joint density of the eigenvalues proportional to
    ``prod l_i^a (1 - l_i)^b prod_{i<j} |l_i - l_j|^beta`` on (0, 1)^n.

    Parameters
    ----------
    n : int
        Matrix size, from 1 to 10,000,000.
    beta : float
        Dyson index, at least 0. 0 is the limit of n independent Beta(a + 1, b + 1) eigenvalues.
    a, b : float
        Exponents of the weight at 0 and at 1, greater than -1. For Wishart matrices W_1, W_2 of
        M_1, M_2 degrees of freedom, the eigenvalues of W_1 (W_1 + W_2)^(-1) have
        a = beta (M_1 - n + 1)/2 - 1 and b = beta (M_2 - n + 1)/2 - 1.

    Raises
    ------
    InvalidInputError
        If a parameter has the wrong type or lies outside its domain.

    Notes
    -----
    Eigenvalues near 0 have high relative accuracy. Their distances from 1 have absolute accuracy
    only, so that for b near -1, where eigenvalues crowd at 1, differences are lost to rounding and
    ``log_vandermonde`` may be -inf. S has the same law with a and b exchanged: put the smaller
    exponent first.

    References
    ----------
    Killip and Nenciu, Int. Math. Res. Not. 2004, 2665; Edelman and Sutton, Found. Comput. Math. 8,
    259 (2008); Forrester and Warnaar, Bull. Amer. Math. Soc. 45, 489 (2008).

    Examples
    --------
    >>> import htmu
    >>> ensemble = htmu.JacobiEnsemble(50, beta=0.1, a=1.0, b=0.5)
    >>> spectra = ensemble.eigenvalues(1000, seed=1)
    >>> spectra.shape
    (1000, 50)
    >>> bool(abs(spectra.mean() / ensemble.mean() - 1) < 0.01)
    True
    """

    n: int
    beta: float = 1.0
    a: float = 0.0
    b: float = 0.0

    def __post_init__(self) -> None:
        checked = {
            "n": as_int("n", self.n, minimum=1, maximum=MAX_N),
            "beta": as_float("beta", self.beta, minimum=0),
            "a": as_float("a", self.a, exclusive_minimum=-1),
            "b": as_float("b", self.b, exclusive_minimum=-1),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @property
    def _parameters(self) -> tuple[int, float, float, float]:
        return self.n, self.beta, self.a, self.b

    def _model(self) -> _ensembles.MatrixModel:
        return _ensembles.JacobiModel(*self._parameters)

    def mean_log_vandermonde(self) -> float:
        """Exact mean of S = sum_{i<j} log|l_i - l_j|."""
        return float(_ensembles.jacobi_log_vandermonde_moments(*self._parameters)[0])

    def var_log_vandermonde(self) -> float:
        """Exact variance of S."""
        return float(_ensembles.jacobi_log_vandermonde_moments(*self._parameters)[1])

    def mean_log_determinant(self) -> float:
        """Exact mean of sum_i log l_i."""
        return float(_ensembles.jacobi_log_determinant_moments(*self._parameters)[0])

    def var_log_determinant(self) -> float:
        """Exact variance of sum_i log l_i."""
        return float(_ensembles.jacobi_log_determinant_moments(*self._parameters)[1])

    def mean_log_complement(self) -> float:
        """Exact mean of sum_i log(1 - l_i)."""
        return float(_ensembles.jacobi_log_complement_moments(*self._parameters)[0])

    def var_log_complement(self) -> float:
        """Exact variance of sum_i log(1 - l_i)."""
        return float(_ensembles.jacobi_log_complement_moments(*self._parameters)[1])

    def mean_trace(self) -> float:
        """Exact mean of sum_i l_i (Aomoto's integral)."""
        return float(_ensembles.jacobi_trace_moments(*self._parameters)[0])

    def var_trace(self) -> float:
        """Exact variance of sum_i l_i, from Jack polynomials of degree 2 (Kadell 1997)."""
        return float(_ensembles.jacobi_trace_moments(*self._parameters)[1])
