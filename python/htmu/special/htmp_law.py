"""The high-temperature Marchenko-Pastur law."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from htmu.arguments import FloatArray, as_float, as_int, as_real_array
from htmu.errors import InvalidInputError
from htmu.special import jacobi
from htmu.special.distribution import LawGenerator, Shapes
from htmu.special.maximum_likelihood import fit_law
from htmu.special.quadrature import entropy, law_nodes, lost_mass
from htmu.special.stieltjes import stieltjes_transform
from htmu.special.tables import (
    LARGEST_DELTA,
    LARGEST_KAPPA,
    SMALLEST_GAMMA,
    SMALLEST_KAPPA,
    core_parameters,
    gradient_table,
    law_table,
)

__all__ = ["HtmpGenerator", "checked_shapes", "htmp"]


def shapes_are_valid(kappa: float, gamma: float) -> bool:
    """Whether the law of these shapes can be computed."""
    if not (kappa > 0.0 and 0.0 < gamma < math.inf):
        return False
    if gamma > 1.0:
        kappa, gamma = kappa / gamma, 1.0 / gamma
    if math.isinf(kappa):
        return gamma >= SMALLEST_GAMMA
    delta = core_parameters(kappa, gamma)[1]
    return SMALLEST_KAPPA <= kappa <= LARGEST_KAPPA and delta <= LARGEST_DELTA


def checked_place(loc: Any, scale: Any) -> tuple[float, float]:
    """Location and scale as numbers in their domain."""
    return as_float("loc", loc), as_float("scale", scale, exclusive_minimum=0)


def checked_shapes(kappa: Any, gamma: Any, *, without_atom: bool = False) -> tuple[float, float]:
    """Shapes as numbers in their domain."""
    if without_atom:
        as_float("gamma", gamma, exclusive_minimum=0, maximum=1)
    if not (isinstance(kappa, float) and math.isinf(kappa)):
        kappa = as_float("kappa", kappa, exclusive_minimum=0)
    gamma = as_float("gamma", gamma, exclusive_minimum=0)
    if not shapes_are_valid(kappa, gamma):
        raise InvalidInputError(
            f"kappa must lie in [{SMALLEST_KAPPA:g}, {LARGEST_KAPPA:g}] or be inf, and kappa/gamma "
            f"below {2 * LARGEST_DELTA:g}, got kappa = {kappa:g} and gamma = {gamma:g}; take the "
            "nearest limit"
        )
    return float(kappa), gamma


class HtmpGenerator(LawGenerator):
    r"""The high-temperature Marchenko-Pastur law (HTMP), of mean 1, as a SciPy distribution.

    The limit of the eigenvalues of the beta-Laguerre ensemble, N -> inf with beta = kappa/N and
    N/M = gamma. With b = kappa/2, delta = b (1/gamma - 1) and y = (b/gamma) x its density is

        f(x) = (b/gamma) y^(delta-1) e^-y / (Gamma(b+1) Gamma(b+delta) |U(b, 1-delta, -y)|^2),

    U Tricomi's function. Every method of `scipy.stats` distributions is there, `kappa` and `gamma`
    broadcast, and `htmp(kappa, gamma)` is a frozen law. Beyond them: `stieltjes`,
    `jacobi_coefficients`, `quadrature`, `logpdf_gradient` and `tail_exponent`.

    Parameters
    ----------
    kappa : float
        Eigenvalue repulsion, from 2e-6 to 2e8, or inf: the Marchenko-Pastur law. kappa -> 0 with
        delta fixed is the Gamma(delta) law of mean 1.
    gamma : float
        Aspect ratio N/M, greater than 0, with kappa/gamma at most 2e15. Above 1 there is an atom
        of mass 1 - 1/gamma at 0: `pdf` is the density of the rest, `cdf` counts the atom, and
        `fit` wants gamma at most 1.
    loc, scale : float
        As everywhere in SciPy; `scale` is the mean where `loc` is 0.

    Notes
    -----
    Outside the domain values are NaN, as SciPy has it. Relative errors: density 2e-13 (kappa up to
    1e3) to 5e-12 (1e5) where |log f| <= 30, distribution function and survival function each
    5e-13 to 5e-12, down to 1e-290. The first value of a law makes its table (0.1 to 0.3 ms); the
    last 256 laws are kept.

    References
    ----------
    Hodgkinson, Wang and Mahoney, ICML 2025, Theorem 4.1. Allez, Bouchaud, Majumdar and Vivo,
    J. Phys. A 46, 015001 (2013). Olver et al., DLMF, chapter 13.

    Examples
    --------
    >>> import htmu
    >>> law = htmu.htmp(5.5, 0.3255)
    >>> law.cdf([0.5, 1.0, 2.0]).round(6).tolist()
    [0.280833, 0.576221, 0.904201]
    >>> round(float(law.var()), 6)
    0.443864
    """

    extra_methods = (
        "stieltjes",
        "jacobi_coefficients",
        "quadrature",
        "tail_exponent",
        "logpdf_gradient",
    )

    def _is_valid(self, shapes: Shapes) -> bool:
        return shapes_are_valid(*shapes)

    def _value(self, quantity: str, x: FloatArray, shapes: Shapes) -> FloatArray:
        found: FloatArray = getattr(law_table(*shapes), quantity)(x)
        return found

    def _get_support(self, *shapes: Any) -> tuple[Any, Any]:
        kappa, gamma = np.broadcast_arrays(*(np.asarray(s, dtype=np.float64) for s in shapes))
        root = np.sqrt(np.where(gamma > 0, gamma, 1.0))
        limit = np.isinf(kappa)
        gap = np.where(limit & (gamma < 1), 1 - gamma, 0.0)
        lower = (gap / (1 + root)) ** 2
        return lower[()], np.where(limit, (1 + root) ** 2, np.inf)[()]

    def _munp(self, n: int, *shapes: Any) -> Any:
        with np.errstate(over="ignore", invalid="ignore"):
            return np.vectorize(jacobi.moment)(int(n), *shapes)

    def _nodes(self, shapes: Shapes, low: float, high: float) -> tuple[FloatArray, FloatArray]:
        kappa, gamma = shapes
        if gamma > 1.0:  # the atom at 0, and the dual law stretched
            x, w = self._nodes((kappa / gamma, 1.0 / gamma), low / gamma, high / gamma)
            x, w = gamma * x, w / gamma
            return (np.r_[0.0, x], np.r_[1.0 - 1.0 / gamma, w]) if low <= 0.0 <= high else (x, w)
        table = law_table(kappa, gamma)
        x, w = law_nodes(table, low, high)
        lost = lost_mass(table) if low <= 0.0 else 0.0
        return (np.r_[x[0], x], np.r_[lost, w]) if lost > 0.0 else (x, w)

    def _stats(self, kappa: Any, gamma: Any) -> tuple[Any, Any, Any, Any]:
        mean = np.ones(np.broadcast(kappa, gamma).shape)
        # Moments of the recurrence x = 1 + b_1 p_1 + ..: a_k and b_k^2 of the Jacobi matrix.
        with np.errstate(invalid="ignore", divide="ignore"):
            half = np.where(np.isinf(kappa), np.inf, 0.5 * kappa)
            variance = gamma * (1 + 1 / half)
            shift = gamma * (1 + 2 / half)  # a_1 - a_0
            second = gamma * (1 + 2 / half) * (1 + gamma / half)  # b_2^2
            skewness = shift / np.sqrt(variance)
            excess = (variance + shift**2 + second) / variance - 3.0
        return mean, variance, skewness, excess

    def _entropy_of(self, shapes: Shapes) -> float:
        kappa, gamma = shapes
        if gamma > 1.0:
            return -math.inf  # an atom
        return entropy(law_table(kappa, gamma), self.tail_exponent(kappa, gamma))

    def stieltjes(
        self, z: Any, kappa: float, gamma: float, loc: float = 0, scale: float = 1
    ) -> Any:
        """Stieltjes transform m(z) = E 1/(X - z).

        Parameters
        ----------
        z : complex array_like
            Points off the support, [0, inf) for finite kappa.
        kappa, gamma : float
            Shapes of one law.
        loc, scale : float
            Location and scale.

        Returns
        -------
        ndarray of complex, the shape of z
            Relative error about 1e-12; NaN on the support.

        Raises
        ------
        InvalidInputError
            If a parameter lies outside its domain.
        ConvergenceError
            If a point is so near the support that the continued fraction does not converge.

        Examples
        --------
        >>> import htmu
        >>> round(float(htmu.htmp.stieltjes(-1.0, 2.0, 0.5).real), 10)
        0.6056465925
        """
        kappa, gamma = checked_shapes(kappa, gamma)
        loc, scale = checked_place(loc, scale)
        with np.errstate(invalid="ignore"):  # complex infinities
            points = (np.asarray(z, dtype=np.complex128) - loc) / scale
        return (stieltjes_transform(points, kappa, gamma) / scale)[()]

    def jacobi_coefficients(
        self, k: int, kappa: float, gamma: float, loc: float = 0, scale: float = 1
    ) -> tuple[FloatArray, FloatArray]:
        """Jacobi matrix of the orthonormal polynomials, its leading k x k part.

        Parameters
        ----------
        k : int
            Size, from 1 to 1,000,000.
        kappa, gamma : float
            Shapes of one law.
        loc, scale : float
            Location and scale; below they are 0 and 1.

        Returns
        -------
        a : ndarray, shape (k,)
            Diagonal; a[0] = 1 is the mean.
        b : ndarray, shape (k - 1,)
            Off-diagonal; b[0]^2 = gamma (1 + 2/kappa) is the variance.

        Raises
        ------
        InvalidInputError
            If an argument lies outside its domain.
        """
        kappa, gamma = checked_shapes(kappa, gamma)
        loc, scale = checked_place(loc, scale)
        a, b = jacobi.coefficients(kappa, gamma, as_int("k", k, minimum=1, maximum=1_000_000))
        return loc + scale * a, scale * b

    def quadrature(
        self, n: int, kappa: float, gamma: float, loc: float = 0, scale: float = 1
    ) -> tuple[FloatArray, FloatArray]:
        """Gauss quadrature: sum(w * g(x)) = E g(X), exact for polynomials below degree 2n.

        Parameters
        ----------
        n : int
            Number of nodes, from 1 to 5,000.
        kappa, gamma : float
            Shapes of one law.
        loc, scale : float
            Location and scale.

        Returns
        -------
        x, w : ndarray, shape (n,)
            Nodes, ascending, and weights, whose sum is 1.

        Raises
        ------
        InvalidInputError
            If an argument lies outside its domain.

        Examples
        --------
        >>> import htmu
        >>> x, w = htmu.htmp.quadrature(3, 5.5, 0.3255)
        >>> round(float(w @ (x - 1) ** 2), 6)
        0.443864
        """
        kappa, gamma = checked_shapes(kappa, gamma)
        loc, scale = checked_place(loc, scale)
        x, w = jacobi.gauss_rule(kappa, gamma, as_int("n", n, minimum=1, maximum=5000))
        return loc + scale * x, w

    def tail_exponent(self, kappa: float, gamma: float, loc: float = 0, scale: float = 1) -> float:
        """Exponent delta - 1 of the density at 0, f(x) ~ x^(delta - 1); for gamma up to 1.

        inf for kappa = inf and gamma < 1, where there is a gap at 0; -1/2 for gamma = 1 there.
        `loc` and `scale` do not matter.
        """
        kappa, gamma = checked_shapes(kappa, gamma, without_atom=True)
        if math.isinf(kappa):
            return math.inf if gamma < 1.0 else -0.5
        return core_parameters(kappa, gamma)[1] - 1.0

    def logpdf_gradient(
        self, x: Any, kappa: float, gamma: float, loc: float = 0, scale: float = 1
    ) -> tuple[FloatArray, FloatArray]:
        """Log density and its gradient by the parameters, analytic.

        Parameters
        ----------
        x : array_like
            Points.
        kappa, gamma : float
            Shapes of one law, finite, gamma at most 1.
        loc, scale : float
            Location and scale.

        Returns
        -------
        logpdf : ndarray, the shape of x
        gradient : ndarray, shape (3, *x.shape)
            Derivatives of logpdf by kappa, gamma and scale; NaN where the density is 0 or inf.

        Raises
        ------
        InvalidInputError
            If a parameter lies outside its domain.
        """
        kappa, gamma = checked_shapes(kappa, gamma)
        if math.isinf(kappa) or gamma > 1.0:
            raise InvalidInputError(
                f"the gradient wants a finite kappa and gamma at most 1, got kappa = {kappa:g} and "
                f"gamma = {gamma:g}; use the dual law (kappa/gamma, 1/gamma) for gamma above 1"
            )
        loc, scale = checked_place(loc, scale)
        points = (as_real_array("x", x, finite=False) - loc) / scale
        log_density, by_b, by_delta, by_log_x = gradient_table(kappa, gamma).gradient(points)
        gradient = np.stack(
            [
                0.5 * (by_b + (1.0 - gamma) / gamma * by_delta),
                -0.5 * kappa / gamma**2 * by_delta,
                -(1.0 + by_log_x) / scale,
            ]
        )
        return log_density - math.log(scale), gradient

    def fit(self, data: Any, *args: Any, **kwds: Any) -> tuple[float, float, float, float]:
        """Fit by maximum likelihood, with the analytic gradient.

        Parameters
        ----------
        data : array_like
            Positive numbers.
        fkappa, fgamma, floc, fscale : float, optional
            Parameters to hold fixed (also f0 and f1, as in SciPy); `floc` is 0 if not given.

        Returns
        -------
        kappa, gamma, loc, scale : float
            For error bars, boundary models and spectra with outliers see `htmu.fit_spectrum`.

        Raises
        ------
        InvalidInputError
            If the data or a fixed parameter lie outside their domain.
        ConvergenceError
            If the likelihood has no maximum inside the domain.
        """
        return fit_law(data, args, kwds, inverse=False)


htmp: HtmpGenerator = HtmpGenerator(name="htmp", shapes="kappa, gamma", a=0.0)
