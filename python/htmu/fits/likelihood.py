"""The likelihood of points under a scaled law, truncated and censored, and its maximum."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

from htmu.arguments import FloatArray
from htmu.errors import ConvergenceError
from htmu.fits.laws import Law, conditional_nodes, make_law

__all__ = [
    "EDGE",
    "Fitted",
    "Parameters",
    "Points",
    "bounded_step",
    "evaluate",
    "loglik",
    "maximise",
    "observed_information",
    "point_scores",
]

#: Coordinates (log b, log delta, log scale) stay inside; on a side the limit law takes over.
LOWER = np.array([math.log(1e-5), math.log(1e-7), -690.0])
UPPER = np.array([math.log(5e4), math.log(5e6), 690.0])

#: A logarithm so close to its bound lies on it: kappa < 2.2e-5 cannot be told from 0.
EDGE = 0.1


@dataclasses.dataclass(frozen=True)
class Points:
    """Points of one spectrum; the law is conditioned to (low, high), `n_below` lie under `cut`."""

    x: FloatArray
    low: float = 0.0
    high: float = math.inf
    n_below: int = 0
    cut: float = 0.0

    @property
    def n(self) -> int:
        """Number of points, the censored ones included."""
        return len(self.x) + self.n_below


@dataclasses.dataclass(frozen=True)
class Parameters:
    """Family of coordinates base + matrix @ t, the matrix of zeros and ones.

    gamma known ties log delta to log b: one column with two ones. log b stays below `most`.
    """

    base: FloatArray
    matrix: FloatArray
    most: float = float(UPPER[0])

    @property
    def size(self) -> int:
        """Number of free parameters."""
        return int(self.matrix.shape[1])

    @property
    def bounds(self) -> tuple[FloatArray, FloatArray]:
        """Return the lowest and the highest t that keep every coordinate inside its box."""
        below, above = np.full(self.size, -np.inf), np.full(self.size, np.inf)
        highest = np.array([self.most, *UPPER[1:]])
        for row, column in zip(*np.nonzero(self.matrix), strict=True):
            if np.isfinite(self.base[row]):
                below[column] = max(below[column], LOWER[row] - self.base[row])
                above[column] = min(above[column], highest[row] - self.base[row])
        return below, above

    def law(self, t: FloatArray, *, gradient: bool = False) -> tuple[Law, float]:
        """Return the law and the scale at t."""
        b, delta, scale = np.exp(self.base + self.matrix @ t)
        return make_law(float(b), float(delta), gradient=gradient), float(scale)

    def without(self, column: int, t: FloatArray) -> Parameters:
        """Return the family with one free parameter fixed at its value in t."""
        kept = np.delete(self.matrix, column, axis=1)
        return Parameters(self.base + self.matrix[:, column] * t[column], kept)


@dataclasses.dataclass(frozen=True)
class Fitted:
    """A maximum: parameters t, log-likelihood, expected information of all points."""

    t: FloatArray
    loglik: float
    information: FloatArray
    parameters: Parameters
    n_iterations: int


def _value(points: Points, law: Law, scale: float) -> float:
    """Return the log-likelihood without its gradient."""
    total = float(law.logpdf(points.x / scale).sum()) - len(points.x) * math.log(scale)
    with np.errstate(divide="ignore"):
        if points.n_below:
            total += points.n_below * float(np.log(law.cdf(np.array([points.cut / scale]))[0]))
        if points.low > 0 or points.high < math.inf:
            mass = conditional_nodes(law, points.low / scale, points.high / scale)[2]
            total -= points.n * math.log(mass) if mass > 0 else -math.inf
    return total if not math.isnan(total) else -math.inf


def loglik(points: Points, parameters: Parameters, t: FloatArray) -> float:
    """Return the log-likelihood at t."""
    law, scale = parameters.law(t)
    return _value(points, law, scale)


def evaluate(
    points: Points, parameters: Parameters, t: FloatArray
) -> tuple[float, FloatArray, FloatArray]:
    """Return the log-likelihood at t, its gradient and the expected information."""
    law, scale = parameters.law(t, gradient=True)
    logs, scores = law.scores(points.x / scale)
    value = float(logs.sum()) - len(points.x) * math.log(scale)
    gradient = scores.sum(axis=1)
    nodes, weights, mass = conditional_nodes(law, points.low / scale, points.high / scale)
    if not mass > 0:
        return -math.inf, np.zeros(parameters.size), np.eye(parameters.size)
    at_nodes = law.scores(nodes)[1]
    mean = at_nodes @ weights
    centred = at_nodes - mean[:, None]
    information = points.n * (centred * weights) @ centred.T
    if points.low > 0 or points.high < math.inf:
        value -= points.n * math.log(mass)
        gradient = gradient - points.n * mean
    if points.n_below:
        below, w, share = conditional_nodes(law, 0.0, points.cut / scale)
        value += points.n_below * math.log(share) if share > 0 else -math.inf
        gradient = gradient + points.n_below * (law.scores(below)[1] @ w)
    matrix = parameters.matrix
    if math.isnan(value):
        value = -math.inf
    return value, matrix.T @ gradient, matrix.T @ information @ matrix


def observed_information(
    points: Points, parameters: Parameters, t: FloatArray, expected: FloatArray
) -> FloatArray:
    """Return minus the Hessian, by central differences of the analytic gradient.

    Steps of a hundredth of a standard error by the `expected` information, 1e-4 at most.
    """
    hessian = np.empty((len(t), len(t)))
    for column in range(len(t)):
        shift = np.zeros(len(t))
        shift[column] = min(1e-4, 0.01 / math.sqrt(max(float(expected[column, column]), 1e-300)))
        up = evaluate(points, parameters, t + shift)[1]
        down = evaluate(points, parameters, t - shift)[1]
        hessian[column] = (up - down) / (2 * shift[column])
    return -(hessian + hessian.T) / 2


def _direction(matrix: FloatArray, gradient: FloatArray) -> FloatArray:
    """Return the Newton step with the matrix made positive definite."""
    values, vectors = np.linalg.eigh(matrix)
    floor = 1e-10 * max(float(values[-1]), 1e-300)
    return np.asarray(vectors @ ((vectors.T @ gradient) / np.maximum(np.abs(values), floor)))


def bounded_step(
    curvature: FloatArray,
    gradient: FloatArray,
    at_lower: NDArray[np.bool_],
    at_upper: NDArray[np.bool_],
) -> FloatArray:
    """Return the Newton step that holds each parameter which it would push out of its bounds.

    By the step, not the gradient: along the ridge kappa -> inf the two have different signs.
    """
    free = np.ones(len(gradient), dtype=bool)
    step = np.zeros_like(gradient)
    while free.any():
        step[:] = 0
        step[free] = _direction(curvature[np.ix_(free, free)], gradient[free])
        outward = free & ((at_lower & (step < 0)) | (at_upper & (step > 0)))
        if not outward.any():
            break
        free &= ~outward
        step[:] = 0
    return step


def maximise(
    points: Points,
    parameters: Parameters,
    start: FloatArray,
    *,
    max_iterations: int = 60,
    tolerance: float = 1e-8,
) -> Fitted:
    """Maximise by Fisher scoring, then Newton steps with the observed information.

    Scoring contracts at the rate N^(-1/2) where the law fits; where it does not, the observed
    information takes over after six steps. Steps are halved until the likelihood rises.

    Raises
    ------
    ConvergenceError
        If no maximum is found: the points hold too little information for the parameters.
    """
    t = np.array(start, dtype=float)
    if parameters.size == 0:
        return Fitted(t, loglik(points, parameters, t), np.zeros((0, 0)), parameters, 0)
    below, above = parameters.bounds
    t = np.clip(t, below, above)
    value, gradient, information = evaluate(points, parameters, t)
    stalled = 0
    for iteration in range(1, max_iterations + 1):
        curvature = information
        if iteration > 6:
            curvature = observed_information(points, parameters, t, information)
        if not (np.isfinite(curvature).all() and np.isfinite(gradient).all()):
            break
        step = bounded_step(curvature, gradient, t <= below + EDGE, t >= above - EDGE)
        decrement = float(gradient @ step)
        # In log-likelihood: 1e-8 is 1e-4 standard errors.
        if decrement < tolerance:
            return Fitted(t, value, information, parameters, iteration)
        step *= min(1.0, 2.0 / float(np.abs(step).max()))
        factor, found = 1.0, None
        while factor > 1e-6:
            trial = np.clip(t + factor * step, below, above)
            found = evaluate(points, parameters, trial)
            if found[0] >= value + 1e-4 * float(gradient @ (trial - t)):
                break
            factor *= 0.5 if factor > 0.1 else 0.2
            found = None
        if found is None:
            # The rounding of the sum hides the rise: this is the maximum, to that accuracy.
            if decrement < 1e-9 * max(1.0, abs(value)):
                return Fitted(t, value, information, parameters, iteration)
            stalled += 1
            if stalled > 1:
                break
            continue
        t = trial
        value, gradient, information = found
    raise ConvergenceError(
        f"the fit did not converge in {max_iterations} steps; {points.n} points hold too little "
        "information for its free parameters: fix gamma or scale, or widen the window"
    )


def point_scores(
    points: Points, parameters: Parameters, t: FloatArray, x: FloatArray
) -> FloatArray:
    """Return the scores at t of other spectra x, shape (size, n), as (p, size, n).

    Truncation and censoring are those of `points`: a point outside the window scores 0, one below
    the cut the mean score there.
    """
    law, scale = parameters.law(t, gradient=True)
    scores = law.scores(np.maximum(x / scale, 1e-300))[1]
    if points.low > 0 or points.high < math.inf:
        nodes, weights, _ = conditional_nodes(law, points.low / scale, points.high / scale)
        scores -= (law.scores(nodes)[1] @ weights)[:, None, None]
        scores *= (x > points.low) & (x < points.high)
    if points.n_below:
        nodes, weights, _ = conditional_nodes(law, 0.0, points.cut / scale)
        below = law.scores(nodes)[1] @ weights
        scores = np.where(x < points.cut, below[:, None, None], scores)
    if parameters.size == 1 and parameters.matrix.sum() == 1:
        return np.asarray(scores[parameters.matrix[:, 0] == 1])
    return np.asarray(np.tensordot(parameters.matrix.T, scores, axes=1))
