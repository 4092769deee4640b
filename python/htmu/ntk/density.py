"""Stochastic Lanczos quadrature: a kernel's density and log-determinant, with error bars.

For a random unit vector v, N v^T f(K) v has mean tr f(K), and the Lanczos method gives it by
quadrature (Ubaru, Chen and Saad, SIAM J. Matrix Anal. Appl. 38, 1075, 2017).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.stats
from numpy.typing import ArrayLike
from scipy.sparse.linalg import LinearOperator
from torch import nn

from htmu.arguments import FloatArray, as_float, as_int, as_real_array, as_seed
from htmu.errors import ConvergenceError, InvalidInputError
from htmu.ntk.lanczos import Progress, Tridiagonal, as_operator, lanczos, operator_eps
from htmu.ntk.product import product
from htmu.random import normal

__all__ = ["LogDeterminant", "SpectralDensity", "log_determinant", "spectral_density"]

_GRID_POINTS = 200


@dataclasses.dataclass(frozen=True)
class LogDeterminant:
    """Estimate of log det(K + shift).

    Attributes
    ----------
    value, standard_error : float
        Estimate, and its standard error over the probes; 0 for as many probes as rows.
    quadrature_error : float
        Bound of what the finite number of steps adds, in the mean over the probes: the estimate is
        at most so much too large. inf for a shift at the level of rounding, where there is none.
    shift : float
        What was added to the eigenvalues.
    n_vectors, n_steps : int
        Probes, and most steps for one.
    """

    value: float
    standard_error: float
    quadrature_error: float
    shift: float
    n_vectors: int
    n_steps: int

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Return the Student interval over the probes, its lower end moved by the quadrature."""
        half = _student(confidence, self.n_vectors) * self.standard_error
        return self.value - half - self.quadrature_error, self.value + half


@dataclasses.dataclass(frozen=True, repr=False)
class SpectralDensity:
    """Spectrum of a positive semi-definite operator, by stochastic Lanczos quadrature.

    Standard errors are over the probes. They hold what chance does; what the finite number of
    steps does is held by the bounds of `cumulative`.

    Attributes
    ----------
    n : int
        Number of eigenvalues, N.
    nodes, weights : tuple of ndarray
        Quadrature of each probe: Ritz values, ascending, and weights of sum 1.
    grid : (g,) ndarray
        Eigenvalues, ascending, at which the next are given.
    density, density_error : (g,) ndarray
        Share of the eigenvalues for each unit of log10(eigenvalue), smoothed by a normal law of
        standard deviation `width` in log10, and standard error.
    cumulative, cumulative_error : (g,) ndarray
        Number of eigenvalues at or below each point, and standard error.
    cumulative_lower, cumulative_upper : (g,) ndarray
        Between these lies the number that infinitely many steps with the same probes would give
        (Chebyshev, Markov and Stieltjes).
    n_zero, n_zero_error : float
        Number of eigenvalues below `rounding`, and standard error; not in `density`.
    trace, trace_error : float
        Sum of the eigenvalues, and standard error.
    largest, largest_error : float
        Largest Ritz value, and a bound of its distance to an eigenvalue, rounding included; but for
        rounding the largest eigenvalue is no less.
    smallest, smallest_error : float
        The same of the smallest; the smallest eigenvalue is no more.
    width : float
        Of the smoothing, in decades.
    rounding : float
        N eps times the largest Ritz value: eigenvalues below are zero to rounding.
    n_vectors, n_steps : int
        Probes, and most steps for one.
    exact : bool
        Whether each probe's Krylov space was exhausted: the quadrature then has no error.
    seed : int
        Seed that reproduces it.
    runs : tuple of Tridiagonal
        Lanczos run of each probe.
    """

    n: int
    nodes: tuple[FloatArray, ...]
    weights: tuple[FloatArray, ...]
    grid: FloatArray
    density: FloatArray
    density_error: FloatArray
    cumulative: FloatArray
    cumulative_error: FloatArray
    cumulative_lower: FloatArray
    cumulative_upper: FloatArray
    n_zero: float
    n_zero_error: float
    trace: float
    trace_error: float
    largest: float
    largest_error: float
    smallest: float
    smallest_error: float
    width: float
    rounding: float
    n_vectors: int
    n_steps: int
    exact: bool
    seed: int
    runs: tuple[Tridiagonal, ...]

    def __repr__(self) -> str:
        return (
            f"SpectralDensity(n={self.n}, n_vectors={self.n_vectors}, n_steps={self.n_steps}, "
            f"largest={self.largest:.4g}, smallest={self.smallest:.4g}, trace={self.trace:.4g}, "
            f"trace_error={self.trace_error:.2g}, seed={self.seed})"
        )

    def sum_of(self, function: Callable[[FloatArray], ArrayLike]) -> tuple[float, float]:
        """Return the sum of a function over the eigenvalues, and its standard error.

        Parameters
        ----------
        function : callable
            Of an array of eigenvalues; finite at all nodes.
        """
        found = [w @ np.asarray(function(t)) for t, w in zip(self.nodes, self.weights, strict=True)]
        if not np.isfinite(found).all():
            raise ConvergenceError(
                f"the function is not finite at every node ({self.smallest:.3g} to "
                f"{self.largest:.3g}); choose one that is"
            )
        value, error = _mean(np.array(found)[:, None], self.n)
        return float(value[0]), float(error[0])

    def to_dict(self) -> dict[str, Any]:
        """Return all but the quadratures, as numbers and lists."""
        values = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name not in ("nodes", "weights", "runs")
        }
        return {
            key: value.tolist() if isinstance(value, np.ndarray) else value
            for key, value in values.items()
        }


def spectral_density(
    model: Any,
    x: Any = None,
    *,
    n_vectors: int = 10,
    n_steps: int = 100,
    seed: Any = 0,
    grid: ArrayLike | None = None,
    width: float = 0.1,
    progress: Progress | None = None,
    **options: Any,
) -> SpectralDensity:
    """Estimate the spectrum of a model's kernel from products with it.

    Parameters
    ----------
    model : torch.nn.Module, matrix or LinearOperator
        Model whose kernel at `x` is meant; or, without x, a symmetric positive semi-definite
        matrix or operator.
    x : tensor, optional
        Samples, for a model.
    n_vectors : int, default 10
        Random probes, at least 2; N at most are used. They are orthogonal, so that N probes leave
        nothing to chance.
    n_steps : int, default 100
        Most Lanczos steps for each, N at most; n_vectors * n_steps products are made, or fewer.
    seed : int, SeedSequence, Generator or None
        Of the probes.
    grid : array_like, optional
        Eigenvalues > 0, ascending; if None, 200 that span the Ritz values above rounding.
    width : float, default 0.1
        Standard deviation of the smoothing, in decades of the eigenvalue.
    progress : callable, optional
        Called with the number of products done and their total.
    **options
        Of `product`.

    Returns
    -------
    SpectralDensity

    Raises
    ------
    InvalidInputError
        An argument lies outside its domain, or the operator is not symmetric and positive
        semi-definite.
    NonFiniteError, EngineError
        As from `product`.

    Notes
    -----
    Probes are columns of a random orthogonal matrix. Their values v^T f(K) v are exchangeable and
    the N of them sum to the trace, so that the variance of the mean of k is estimated without bias
    by s^2 / k times (1 - k / N), as for a sample from a finite population. A sum that a few large
    eigenvalues carry, such as a network's trace, has a skewed estimate: there Student's 95 %
    interval held the truth in 91.5 % of 200 seeds (10 probes, LeNet, N = 300), and in 97 % for the
    log-determinant. More probes help both.

    Examples
    --------
    >>> import numpy as np
    >>> from htmu.ntk import spectral_density
    >>> found = spectral_density(np.diag(np.arange(1.0, 101)), n_vectors=20, n_steps=30)
    >>> bool(abs(found.trace - 5050) < 3 * found.trace_error)
    True
    >>> round(found.largest, 2), found.largest_error < 0.1
    (100.0, True)
    """
    operator = _operator(model, x, options)
    size = operator.shape[0]
    seed = as_seed(seed)
    width = as_float("width", width, exclusive_minimum=0)
    points = None if grid is None else _as_grid(grid)
    if size < 2:
        raise InvalidInputError("the operator has one row: its eigenvalue is its entry")
    count = min(as_int("n_vectors", n_vectors, minimum=2), size)
    steps = min(as_int("n_steps", n_steps, minimum=1), size)
    runs = lanczos(operator, _probes(size, count, seed), steps, progress=progress)
    return _summarise(runs, size, operator_eps(operator), steps, points, width, seed)


def log_determinant(
    model: Any, x: Any = None, *, shift: float = 0.0, **options: Any
) -> LogDeterminant:
    """Estimate log det(K + shift) from products with K.

    Parameters
    ----------
    model : torch.nn.Module, matrix, LinearOperator or SpectralDensity
        As for `spectral_density`, or what that gave: then no product is made.
    x : tensor, optional
        Samples, for a model.
    shift : float, default 0
        At least 0; added to every eigenvalue.
    **options
        Of `spectral_density` and `product`.

    Returns
    -------
    LogDeterminant

    Raises
    ------
    InvalidInputError
        As from `spectral_density`.
    ConvergenceError
        K + shift is singular to rounding: the value asked for is -inf, or all noise.

    Notes
    -----
    Gauss quadrature overestimates the logarithm and Gauss-Radau quadrature with a node at the lower
    end of the spectrum underestimates it (Bai, Fahey and Golub, J. Comput. Appl. Math. 74, 71,
    1996); their difference is the quadrature's error bound.

    Examples
    --------
    >>> import numpy as np
    >>> from htmu.ntk import log_determinant
    >>> found = log_determinant(np.diag(np.arange(1.0, 51)), n_vectors=50, n_steps=50)
    >>> round(found.value, 6), found.standard_error           # log 50!
    (148.477767, 0.0)
    """
    shift = as_float("shift", shift, minimum=0)
    if isinstance(model, SpectralDensity):
        if x is not None or options:
            raise InvalidInputError(
                "a SpectralDensity has its products already; leave out x and other options"
            )
        density = model
    else:
        density = spectral_density(model, x, **options)
    least = density.smallest + shift
    if least <= density.rounding:
        raise ConvergenceError(
            f"the kernel is singular to rounding: its smallest eigenvalue plus shift is at most "
            f"{least:.3g}, below {density.rounding:.3g}; give a larger shift"
        )
    value, error = density.sum_of(lambda t: np.log(t + shift))
    if density.exact:
        bound = 0.0
    elif shift <= density.rounding:
        bound = math.inf
    else:
        # Rounding may leave an eigenvalue just below 0.
        end = -density.rounding
        lower = np.mean([w @ np.log(t + shift) for t, w in (r.radau(end) for r in density.runs)])
        bound = max(0.0, value - density.n * float(lower))
    return LogDeterminant(value, error, bound, shift, density.n_vectors, density.n_steps)


def _operator(model: Any, x: Any, options: dict[str, Any]) -> LinearOperator:
    if x is not None:
        if not isinstance(model, nn.Module):
            raise InvalidInputError(
                f"model must be a torch.nn.Module, got {type(model).__name__}; for a matrix or an "
                f"operator leave out x"
            )
        return product(model, x, **options)
    if options:
        raise InvalidInputError(
            f"{sorted(options)[0]} is an option for a model and its samples x; leave it out"
        )
    if hasattr(model, "forward"):
        raise InvalidInputError("a model needs samples: give x")
    return as_operator(model)


def _as_grid(grid: ArrayLike) -> FloatArray:
    points = as_real_array("grid", grid)
    if points.ndim != 1 or len(points) == 0 or points[0] <= 0 or (np.diff(points) <= 0).any():
        raise InvalidInputError("grid must be a list of eigenvalues > 0 in ascending order")
    return points


def _probes(size: int, count: int, seed: int) -> FloatArray:
    """Columns of a random orthogonal matrix, by Haar's measure (Mezzadri, Notices AMS 54, 592)."""
    q, r = np.linalg.qr(normal((size, count), seed=seed))
    return np.asarray(q * np.where(np.diag(r) < 0, -1.0, 1.0))


def _summarise(
    runs: Sequence[Tridiagonal],
    size: int,
    eps: float,
    n_steps: int,
    grid: FloatArray | None,
    width: float,
    seed: int,
) -> SpectralDensity:
    quadratures = [run.quadrature() for run in runs]
    ritz = [run.ritz() for run in runs]
    top = max(ritz, key=lambda pair: float(pair[0][-1]))
    bottom = min(ritz, key=lambda pair: float(pair[0][0]))
    largest, smallest = float(top[0][-1]), float(bottom[0][0])
    rounding = size * eps * max(largest, -smallest)
    if smallest < -2 * rounding:
        raise InvalidInputError(
            f"the operator is not positive semi-definite: an eigenvalue is at most {smallest:.3g} "
            f"(largest {largest:.3g}); a kernel J J^T is"
        )
    if grid is None:
        low = min((float(t[t > rounding].min(initial=math.inf)) for t, _ in quadratures))
        if not low < math.inf:
            raise InvalidInputError("the operator is zero: it has no density to estimate")
        edge = 10 ** (4 * width)
        grid = np.geomspace(low / edge, largest * edge, _GRID_POINTS)
    rows: dict[str, list[Any]] = {k: [] for k in ("density", "at", "lower", "upper", "few", "sum")}
    for run, (nodes, weights) in zip(runs, quadratures, strict=True):
        positive = nodes > rounding
        logs = np.log10(nodes[positive])
        z = (np.log10(grid)[:, None] - logs) / width
        kernel = np.exp(-z * z / 2) / (width * math.sqrt(2 * math.pi))
        rows["density"].append(kernel @ weights[positive])
        sums = np.concatenate([[0.0], np.cumsum(weights)])
        at = np.searchsorted(nodes, grid, side="right")
        rows["at"].append(sums[at])
        if run.exhausted:
            rows["lower"].append(sums[at])
            rows["upper"].append(sums[at])
        else:
            rows["lower"].append(sums[np.maximum(at - 1, 0)])
            rows["upper"].append(sums[np.minimum(at + 1, len(nodes))])
        rows["few"].append([weights[~positive].sum()])
        rows["sum"].append([weights @ nodes])
    mean = {name: _mean(np.array(values), size) for name, values in rows.items()}
    return SpectralDensity(
        n=size,
        nodes=tuple(t for t, _ in quadratures),
        weights=tuple(w for _, w in quadratures),
        grid=grid,
        density=mean["density"][0] / size,
        density_error=mean["density"][1] / size,
        cumulative=mean["at"][0],
        cumulative_error=mean["at"][1],
        cumulative_lower=mean["lower"][0],
        cumulative_upper=mean["upper"][0],
        n_zero=float(mean["few"][0][0]),
        n_zero_error=float(mean["few"][1][0]),
        trace=float(mean["sum"][0][0]),
        trace_error=float(mean["sum"][1][0]),
        largest=largest,
        largest_error=float(top[1][-1]) + rounding,
        smallest=smallest,
        smallest_error=float(bottom[1][0]) + rounding,
        width=width,
        rounding=rounding,
        n_vectors=len(runs),
        n_steps=n_steps,
        exact=all(run.exhausted for run in runs),
        seed=seed,
        runs=tuple(runs),
    )


def _mean(values: FloatArray, size: int) -> tuple[FloatArray, FloatArray]:
    """N times the mean over the probes, the rows, and its standard error."""
    count = len(values)
    error = values.std(axis=0, ddof=1) * math.sqrt((1 - count / size) / count)
    return size * values.mean(axis=0), size * error


def _student(confidence: float, count: int) -> float:
    level = as_float("confidence", confidence, exclusive_minimum=0, exclusive_maximum=1)
    return float(scipy.stats.t.ppf((1 + level) / 2, count - 1))
