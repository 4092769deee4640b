"""Out-of-sample error: whole levels of the grid held out, constants fitted to the rest.

A random split of a grid's rows tests interpolation between neighbours that are all there. Here a
*fold* is one level of a feature, with all its rows; or its lowest, or its highest levels, which the
rest must extrapolate to. The form of the law is kept, its constants are not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from htmu.symbolic.fit import fit_constants, residuals
from htmu.symbolic.problem import Problem
from htmu.symbolic.trees import Tree

#: Levels of a feature beyond which neighbours make one fold.
_MAX_LEVELS = 10
#: Share of the levels at each end that is held out at once, rounded.
_END = 0.25
_N_INTERLEAVED = 5


@dataclass(frozen=True)
class Fold:
    """Rows that are held out, and whether the rest must extrapolate to them."""

    name: str
    extrapolates: bool
    held: NDArray[np.bool_]


def folds(problem: Problem) -> list[Fold]:
    """Folds of a table: for each feature its inner levels, and its ends.

    Beyond ten levels neighbours are pooled into ten. An end is about a quarter of the levels: one
    of 4 or 5, two of 6 to 10. A feature with less than four levels has none. Where no feature has
    more, each fifth row is held out, in five folds.
    """
    found = [
        fold
        for name, column in zip(problem.features, problem.columns, strict=True)
        for fold in _folds_of(name, column)
        if problem.n_rows - fold.held.sum() >= len(problem.features) + 2
    ]
    if found:
        return found
    count = min(_N_INTERLEAVED, problem.n_rows)
    row = np.arange(problem.n_rows) % count
    return [Fold("row", False, row == k) for k in range(count)]


def _folds_of(name: str, column: NDArray[np.float64]) -> Iterator[Fold]:
    levels, level = np.unique(column, return_inverse=True)
    if len(levels) < 4:
        return
    if len(levels) > _MAX_LEVELS:  # neighbours together, about equally many rows in each
        rank = np.cumsum(np.bincount(level)) - np.bincount(level) / 2
        level = np.minimum((rank / len(column) * _MAX_LEVELS).astype(int), _MAX_LEVELS - 1)[level]
        level = np.unique(level, return_inverse=True)[1]
    count = int(level.max()) + 1
    if count < 4:
        return
    end = max(1, round(_END * count))
    yield Fold(f"{name} low", True, level < end)
    yield Fold(f"{name} high", True, level >= count - end)
    for k in range(1, count - 1):
        yield Fold(name, False, level == k)


def held_out_errors(
    tree: Tree, constants: Sequence[float], problem: Problem, parts: Sequence[Fold]
) -> NDArray[np.float64]:
    """Weighted mean square of the residuals at the rows of each fold, shape (folds,)."""
    errors = np.empty(len(parts))
    for k, fold in enumerate(parts):
        fitted, _ = fit_constants(tree, problem.rows(~fold.held), constants)
        held = problem.rows(fold.held)
        missed = residuals(tree, held, fitted)
        weights = held.weights
        error = float(np.sum(weights * missed**2) / np.sum(weights))
        errors[k] = error if np.isfinite(error) else np.inf
    return errors
