"""The Marchenko-Pastur law."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from htmu.arguments import FloatArray
from htmu.special.distribution import LawGenerator, Shapes
from htmu.special.htmp_law import htmp
from htmu.special.tables import SMALLEST_GAMMA, law_table

__all__ = ["MarchenkoPasturGenerator", "marchenko_pastur"]


class MarchenkoPasturGenerator(LawGenerator):
    r"""The Marchenko-Pastur law of mean 1, as a SciPy distribution.

    The limit of the eigenvalues of W W^T / M for W of shape N x M with independent entries of unit
    variance, N/M -> gamma; `htmu.htmp` with kappa = inf. On (1 - r)^2 < x < (1 + r)^2, r =
    sqrt(gamma), its density is sqrt(((1 + r)^2 - x)(x - (1 - r)^2)) / (2 pi gamma x).

    Parameters
    ----------
    gamma : float
        Aspect ratio N/M, from 1e-16 to 1e16. Above 1 there is an atom of mass 1 - 1/gamma at 0:
        `pdf` is the density of the rest, and `cdf` counts the atom.
    loc, scale : float
        As everywhere in SciPy.

    References
    ----------
    Marchenko and Pastur, Math. USSR Sb. 1, 457 (1967).

    Examples
    --------
    >>> import htmu
    >>> [float(end) for end in htmu.marchenko_pastur.support(0.25)]
    [0.25, 2.25]
    >>> round(float(htmu.marchenko_pastur.cdf(1.0, 0.25)), 6)
    0.55339
    """

    extra_methods = ("stieltjes", "jacobi_coefficients", "quadrature")

    def _is_valid(self, shapes: Shapes) -> bool:
        return SMALLEST_GAMMA <= shapes[0] <= 1.0 / SMALLEST_GAMMA

    def _value(self, quantity: str, x: FloatArray, shapes: Shapes) -> FloatArray:
        found: FloatArray = getattr(law_table(math.inf, shapes[0]), quantity)(x)
        return found

    def _get_support(self, *shapes: Any) -> tuple[Any, Any]:
        return htmp._get_support(np.inf, *shapes)

    def _munp(self, n: int, *shapes: Any) -> Any:
        return htmp._munp(n, np.inf, *shapes)

    def _nodes(self, shapes: Shapes, low: float, high: float) -> tuple[FloatArray, FloatArray]:
        return htmp._nodes((math.inf, shapes[0]), low, high)

    def fit(self, data: Any, *args: Any, **kwds: Any) -> Any:
        """Fit by SciPy's simplex; `floc` is 0 if not given. `htmu.fit_spectrum` takes kappa=inf."""
        return super().fit(data, *args, **{"floc": 0, **kwds})

    def _stats(self, gamma: Any) -> tuple[Any, Any, Any, Any]:
        return htmp._stats(np.inf, gamma)

    def _entropy_of(self, shapes: Shapes) -> float:
        return htmp._entropy_of((math.inf, shapes[0]))

    def stieltjes(self, z: Any, gamma: float, loc: float = 0, scale: float = 1) -> Any:
        """Stieltjes transform m(z) = E 1/(X - z): as `htmu.htmp.stieltjes`."""
        return htmp.stieltjes(z, math.inf, gamma, loc, scale)

    def jacobi_coefficients(
        self, k: int, gamma: float, loc: float = 0, scale: float = 1
    ) -> tuple[FloatArray, FloatArray]:
        """Jacobi matrix, its leading k x k part: as `htmu.htmp.jacobi_coefficients`."""
        return htmp.jacobi_coefficients(k, math.inf, gamma, loc, scale)

    def quadrature(
        self, n: int, gamma: float, loc: float = 0, scale: float = 1
    ) -> tuple[FloatArray, FloatArray]:
        """Gauss quadrature with n nodes: as `htmu.htmp.quadrature`."""
        return htmp.quadrature(n, math.inf, gamma, loc, scale)


marchenko_pastur: MarchenkoPasturGenerator = MarchenkoPasturGenerator(
    name="marchenko_pastur", shapes="gamma", a=0.0
)
