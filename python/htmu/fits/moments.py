"""Fits that match means of functions of the eigenvalues: moments, and the Stieltjes transform."""

from __future__ import annotations

import dataclasses

import numpy as np

from htmu.arguments import FloatArray
from htmu.errors import ConvergenceError
from htmu.fits.laws import conditional_nodes
from htmu.fits.likelihood import Parameters

__all__ = ["MatchedFit", "match", "power_sums", "resolvents"]


@dataclasses.dataclass(frozen=True)
class MatchedFit:
    """Parameters t, and the matrix that takes deviations of the means to those of t."""

    t: FloatArray
    influence: FloatArray
    expected: FloatArray


def power_sums(x: FloatArray, unit: float, order: int) -> FloatArray:
    """Return (x / unit)^k, k = 1 .. order, along a new first axis."""
    scaled = x / unit
    return np.stack([scaled**k for k in range(1, order + 1)])


def resolvents(x: FloatArray, z: FloatArray) -> FloatArray:
    """Return z / (x + z) for every z, along a new first axis: -z m(-z) of the spectrum."""
    return np.stack([point / (x + point) for point in z])


def match(
    values: FloatArray, functions: object, parameters: Parameters, start: FloatArray
) -> MatchedFit:
    """Solve for the law's means of functions, weighted by their covariance: Gauss-Newton.

    Parameters
    ----------
    values : ndarray, shape (q,)
        Means over the spectrum, q at least the number of parameters.
    functions : callable
        x -> (q, ...).
    parameters, start
        The family, and where to begin.

    Raises
    ------
    ConvergenceError
        If no parameters match: the spectrum is not of this family.
    """
    assert callable(functions)
    below, above = parameters.bounds
    t = np.clip(start, below, above)
    shrink = 1.0
    previous = np.inf
    for _ in range(100):
        law, scale = parameters.law(t, gradient=True)
        nodes, weights, _ = conditional_nodes(law)
        at = np.asarray(functions(nodes * scale))
        scores = parameters.matrix.T @ law.scores(nodes)[1]
        expected = at @ weights
        centred = at - expected[:, None]
        jacobian = (centred * weights) @ scores.T
        covariance = (centred * weights) @ centred.T
        weight = np.linalg.pinv(covariance, rcond=1e-9, hermitian=True)
        influence = np.linalg.pinv(jacobian.T @ weight @ jacobian) @ jacobian.T @ weight
        residual = values - expected
        step = influence @ residual
        size = float(np.abs(step).max())
        if size < 1e-8:
            return MatchedFit(t, influence, expected)
        # A step that grows again is too long: the law is not yet close.
        shrink = max(0.1, shrink / 2) if size > previous else min(1.0, 1.5 * shrink)
        previous = size
        moved = np.clip(t + shrink * np.clip(step, -1, 1), below, above)
        if np.array_equal(moved, t):
            return MatchedFit(t, influence, expected)
        t = moved
    raise ConvergenceError(
        "no law of the family matches the spectrum's means; use method='mle', or fix gamma"
    )
