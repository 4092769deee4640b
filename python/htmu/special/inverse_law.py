"""The inverse HTMP law: that of 1/X, the model of feature and tangent-kernel matrices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from htmu.arguments import FloatArray
from htmu.special import jacobi
from htmu.special.distribution import LawGenerator, Shapes
from htmu.special.htmp_law import checked_place, checked_shapes, htmp, shapes_are_valid
from htmu.special.maximum_likelihood import fit_law
from htmu.special.quadrature import entropy
from htmu.special.tables import core_parameters, law_table

__all__ = ["InverseHtmpGenerator", "inverse_htmp"]

#: What stands for a quantity of 1/X at x, at the point 1/x of X.
_MIRRORED = {"cdf": "sf", "sf": "cdf", "logcdf": "logsf", "logsf": "logcdf"}


class InverseHtmpGenerator(LawGenerator):
    r"""The law of 1/X for X of the HTMP law of mean 1, as a SciPy distribution.

    Its density f(1/x)/x^2 falls off as x^-(1 + delta), delta = (kappa/2)(1/gamma - 1): a power law,
    where the HTMP law has an exponential tail. kappa -> 0 at fixed delta is the inverse Gamma law.

    Parameters
    ----------
    kappa : float
        Eigenvalue repulsion, from 2e-6 to 2e8, or inf.
    gamma : float
        Aspect ratio, in (0, 1], with kappa/gamma at most 2e15.
    loc, scale : float
        As everywhere in SciPy: X/scale is 1 over a variable of mean 1.

    Notes
    -----
    Accuracy is that of `htmu.htmp`. Moments of order n are exact, and infinite where delta <= n.

    References
    ----------
    Hodgkinson, Wang and Mahoney, ICML 2025, section 4.

    Examples
    --------
    >>> import htmu
    >>> law = htmu.inverse_htmp(5.5, 0.3255)
    >>> round(law.tail_exponent(), 4)
    6.6985
    >>> bool(abs(law.cdf(2.0) - htmu.htmp.sf(0.5, 5.5, 0.3255)) < 1e-15)
    True
    """

    extra_methods = ("stieltjes", "quadrature", "tail_exponent")

    def _is_valid(self, shapes: Shapes) -> bool:
        return shapes[1] <= 1.0 and shapes_are_valid(*shapes)

    def _value(self, quantity: str, x: FloatArray, shapes: Shapes) -> FloatArray:
        table = law_table(*shapes)
        if quantity in ("ppf", "isf"):
            with np.errstate(divide="ignore"):
                return 1.0 / (table.isf(x) if quantity == "ppf" else table.ppf(x))
        x = np.asarray(x, dtype=np.float64)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            mirrored = 1.0 / np.where(x > 0.0, x, np.where(np.isnan(x), x, 0.0))
            if quantity in _MIRRORED:
                found: FloatArray = getattr(table, _MIRRORED[quantity])(mirrored)
                return found
            log_density = table.logpdf(mirrored) - 2.0 * np.log(np.where(x > 0.0, x, 1.0))
            log_density = np.where(np.isposinf(x), -np.inf, log_density)
            return log_density if quantity == "logpdf" else np.exp(log_density)

    def _get_support(self, *shapes: Any) -> tuple[Any, Any]:
        kappa, gamma = np.broadcast_arrays(*(np.asarray(s, dtype=np.float64) for s in shapes))
        root = np.sqrt(np.where((gamma > 0) & (gamma <= 1), gamma, 1.0))
        limit = np.isinf(kappa)
        with np.errstate(divide="ignore"):
            upper = np.where(limit, ((1 + root) / (1 - root * root)) ** 2, np.inf)
        return np.where(limit, (1 + root) ** -2, 0.0)[()], upper[()]

    def _munp(self, n: int, *shapes: Any) -> Any:
        with np.errstate(over="ignore", invalid="ignore"):
            return np.vectorize(jacobi.inverse_moment)(int(n), *shapes)

    def _nodes(self, shapes: Shapes, low: float, high: float) -> tuple[FloatArray, FloatArray]:
        with np.errstate(divide="ignore"):
            ends = [float(1.0 / np.maximum(end, 0.0)) for end in (high, low)]
        x, w = htmp._nodes(shapes, *ends)
        return 1.0 / x, w

    def _stats(self, kappa: Any, gamma: Any) -> tuple[Any, Any, None, None]:
        first, second = (np.vectorize(jacobi.inverse_moment)(k, kappa, gamma) for k in (1, 2))
        with np.errstate(invalid="ignore"):
            variance = np.where(np.isinf(second), np.inf, second - first**2)
        return first, variance, None, None

    def _entropy_of(self, shapes: Shapes) -> float:
        return entropy(law_table(*shapes), self.tail_exponent(*shapes) - 2.0, inverse=True)

    def stieltjes(
        self, z: Any, kappa: float, gamma: float, loc: float = 0, scale: float = 1
    ) -> Any:
        """Stieltjes transform m(z) = E 1/(X - z): as `htmu.htmp.stieltjes`, for gamma up to 1."""
        kappa, gamma = checked_shapes(kappa, gamma, without_atom=True)
        loc, scale = checked_place(loc, scale)
        with np.errstate(invalid="ignore", divide="ignore"):
            points = (np.asarray(z, dtype=np.complex128) - loc) / scale
            # 1/(1/y - z) = -1/z - 1/(z^2 (y - 1/z))
            direct = np.asarray(htmp.stieltjes(1.0 / points, kappa, gamma))
            found = -1.0 / points - direct / points**2
        return (np.where(np.isinf(points), 0.0, found) / scale)[()]

    def quadrature(
        self, n: int, kappa: float, gamma: float, loc: float = 0, scale: float = 1
    ) -> tuple[FloatArray, FloatArray]:
        """Gauss quadrature of the HTMP law, its nodes turned over: exact for powers of 1/x."""
        kappa, gamma = checked_shapes(kappa, gamma, without_atom=True)
        loc, scale = checked_place(loc, scale)
        x, w = htmp.quadrature(n, kappa, gamma)
        return loc + scale / x[::-1], w[::-1]

    def tail_exponent(self, kappa: float, gamma: float, loc: float = 0, scale: float = 1) -> float:
        """Exponent 1 + delta of the upper tail, f(x) ~ x^-(1 + delta).

        inf for kappa = inf and gamma < 1, where the support is bounded; 3/2 for gamma = 1 there.
        `loc` and `scale` do not matter.
        """
        kappa, gamma = checked_shapes(kappa, gamma, without_atom=True)
        if math.isinf(kappa):
            return math.inf if gamma < 1.0 else 1.5
        return 1.0 + core_parameters(kappa, gamma)[1]

    def fit(self, data: Any, *args: Any, **kwds: Any) -> tuple[float, float, float, float]:
        """Fit by maximum likelihood: as `htmu.htmp.fit`, for the inverse law."""
        return fit_law(data, args, kwds, inverse=True)


inverse_htmp: InverseHtmpGenerator = InverseHtmpGenerator(
    name="inverse_htmp", shapes="kappa, gamma", a=0.0
)
