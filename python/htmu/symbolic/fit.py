"""Constants of one expression: their best values, their errors, and what they miss by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from htmu.arguments import FloatArray
from htmu.symbolic.batches import fit_shape
from htmu.symbolic.least_squares import profile, refine, sum_of_squares
from htmu.symbolic.problem import Problem
from htmu.symbolic.trees import (
    Tree,
    constants_of,
    domain_silenced,
    gradient,
    linear_constants,
    values,
)

#: Beyond so many nonlinear constants a grid of starts is too coarse to be of use.
_MAX_GRID = 2


def fit_constants(
    tree: Tree, problem: Problem, start: Sequence[float] | None = None
) -> tuple[tuple[float, ...], float]:
    """Constants of least chi^2 = sum w (y - f)^2, and chi^2; inf where f is undefined at a row.

    Linear constants are exact. Others start at `start`, if given, and else from a grid.
    """
    count = len(constants_of(tree))
    columns = [column[None, :] for column in problem.columns]
    y, w = problem.y, problem.weights
    linear = linear_constants(tree)
    if count == 0:
        return (), float(sum_of_squares(tree, columns, y, w, np.zeros((1, 0)))[0])
    if len(linear) == count:
        found, chi2 = profile(tree, columns, y, w, [np.zeros(1)] * count, sorted(linear))
    elif start is not None:
        found, chi2 = refine(tree, columns, y, w, np.array([start], dtype=np.float64))
    elif count - len(linear) <= _MAX_GRID:
        found, chi2 = fit_shape(tree, columns, y, w)
    else:
        found, chi2 = refine(tree, columns, y, w, np.ones((1, count)))
    return tuple(float(c) for c in found[0]), float(chi2[0])


def constant_errors(
    tree: Tree, problem: Problem, constants: Sequence[float], chi2: float
) -> tuple[float, ...]:
    """Standard errors of the constants from the curvature of chi^2 at its minimum.

    Where chi^2 per degree of freedom is above 1, or the rows have no errors, they are scaled by
    its root: what the law misses counts as noise.
    """
    if not constants:
        return ()
    with domain_silenced():
        value, slopes = gradient(
            tree,
            list(problem.columns),
            [np.float64(c) for c in constants],
            frozenset(range(len(constants))),
        )
        shape = np.broadcast_shapes(np.shape(value), problem.y.shape)
        rows = np.stack([np.broadcast_to(slopes[k], shape) for k in range(len(constants))])
        rows = rows * np.sqrt(problem.weights)
        length = np.linalg.norm(rows, axis=1)
    if not np.isfinite(rows).all() or (length == 0).any():
        return tuple(float("nan") for _ in constants)
    dof = max(1, problem.n_rows - len(constants))
    factor = chi2 / dof if problem.stderr is None else max(1.0, chi2 / dof)
    # From singular values: the squares in a covariance would lose half of the digits.
    _, s, vt = np.linalg.svd((rows / length[:, None]).T, full_matrices=False)
    with domain_silenced():
        variances = np.sum((vt / s[:, None]) ** 2, axis=0) / length**2
    return tuple(float(e) for e in np.sqrt(factor * variances))


def residuals(tree: Tree, problem: Problem, constants: Sequence[float]) -> FloatArray:
    """Y - f at each row."""
    return problem.y - values(tree, list(problem.columns), constants)
