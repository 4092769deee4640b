"""Starting values of constants that enter a tree nonlinearly.

Outer operations whose other operand has no constants are undone on the target: the constants of
``u / (c + c v)`` are those of ``c + c v`` fitted to ``u / y``, to first order in the residuals.
What is then still nonlinear is laid out on a dense grid, with the linear constants profiled out.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from htmu.arguments import FloatArray
from htmu.symbolic.least_squares import CHUNK, Columns, profile
from htmu.symbolic.trees import (
    Tree,
    constants_of,
    domain_silenced,
    linear_constants,
)

#: Rows on which grids are compared; the refinement that follows takes all.
_MAX_ROWS = 96
#: Starting points that are kept for each member, and grid points an axis.
_N_STARTS = 4
_N_GEOMETRIC = 36
_N_BETWEEN = 24
_N_COARSE = 9
#: Beyond this a target is not exponentiated.
_MAX_EXPONENT = 300.0


def starting_values(tree: Tree, columns: Columns, y: FloatArray, w: FloatArray) -> FloatArray:
    """Starting values of all constants, shape (starts, members, constants); NaN where none.

    `columns` are arrays of shape (members, rows), one for each placeholder.
    """
    every = max(1, -(-len(y) // _MAX_ROWS))
    # The extremes of each column decide where the function is defined: they are always there.
    few = [column[:, ::every] for column in columns]
    found = [_by_grid(tree, few, columns, y[::every], w[::every])]
    peeled = _peel(tree, columns, y, w)
    if peeled is not None:
        inner, target, weight = peeled
        if inner is not tree:
            found.append(_by_grid(inner, few, columns, target[:, ::every], weight[:, ::every]))
    return np.concatenate(found)


def _by_grid(
    tree: Tree, few: Columns, columns: Columns, y: FloatArray, w: FloatArray
) -> FloatArray:
    """Best points of a grid over the nonlinear constants of (possibly a subtree of) the tree."""
    linear = sorted(linear_constants(tree))
    mine = sorted(constants_of(tree))
    nonlinear = [k for k in mine if k not in linear]
    n_members = len(columns[0])
    axes = [_axis(tree, k, columns) for k in nonlinear]
    if len(axes) > 1:
        axes = [axis[:, :: -(-axis.shape[1] // _N_COARSE)] for axis in axes]
    picks = list(itertools.product(*(range(axis.shape[1]) for axis in axes)))
    shape = tuple(axis.shape[1] for axis in axes)
    grid = (
        np.stack([axis[:, [pick[i] for pick in picks]] for i, axis in enumerate(axes)], axis=-1)
        if axes
        else np.zeros((n_members, 1, 0))
    )
    chi2 = np.empty(grid.shape[:2])
    best = np.empty((*grid.shape[:2], len(linear)))
    step = max(1, CHUNK // (grid.shape[1] * y.shape[-1]))
    target, weight = np.atleast_2d(y)[:, None, :], np.atleast_2d(w)[:, None, :]
    for low in range(0, n_members, step):
        part = slice(low, low + step)
        constants = [np.zeros(1)] * (max(mine) + 1)
        for i, k in enumerate(nonlinear):
            constants[k] = grid[part, :, i, None]
        t, v = (a[part] if len(a) > 1 else a for a in (target, weight))
        solved, sums = profile(tree, [c[part, None, :] for c in few], t, v, constants, linear)
        chi2[part] = sums
        best[part] = solved
    order = _lowest_minima(chi2.reshape(n_members, *shape) if shape else chi2)
    starts = np.full((order.shape[1], n_members, max(mine) + 1), np.nan)
    member = np.arange(n_members)
    for s in range(order.shape[1]):
        for i, k in enumerate(nonlinear):
            starts[s, :, k] = grid[member, order[:, s], i]
        for i, k in enumerate(linear):
            starts[s, :, k] = best[member, order[:, s], i]
    return starts


def _lowest_minima(chi2: FloatArray) -> np.ndarray[tuple[int, int], np.dtype[np.intp]]:
    """Flat grid indices of the lowest local minima of each member, (members, starts)."""
    flat = chi2.reshape(len(chi2), -1)
    is_minimum = np.ones(chi2.shape, dtype=bool)
    for axis in range(1, chi2.ndim):
        padded = np.pad(
            chi2,
            [(1, 1) if a == axis else (0, 0) for a in range(chi2.ndim)],
            constant_values=np.inf,
        )
        before = np.take(padded, range(chi2.shape[axis]), axis=axis)
        after = np.take(padded, range(2, chi2.shape[axis] + 2), axis=axis)
        is_minimum &= (chi2 <= before) & (chi2 <= after)
    ranked = np.where(is_minimum.reshape(flat.shape), flat, np.inf)
    count = min(_N_STARTS, flat.shape[1])
    return np.argsort(ranked, axis=1, kind="stable")[:, :count]


def _axis(tree: Tree, k: int, columns: Columns) -> FloatArray:
    """Grid of one constant, (members, points), on the scale of what it is combined with."""
    n_members = len(columns[0])
    geometric = np.geomspace(1e-4, 1e4, _N_GEOMETRIC)
    op, sibling = _partner(tree, k)
    if sibling is None or sibling[0] != "x":
        return np.broadcast_to(np.concatenate([-geometric[::-1], geometric]), (n_members, 72))
    with domain_silenced():
        column = columns[sibling[1]]
        sound = np.isfinite(column)
        low = np.where(sound, column, np.inf).min(axis=1)[:, None]
        high = np.where(sound, column, -np.inf).max(axis=1)[:, None]
        low, high = np.where(low > high, 0.0, low), np.where(low > high, 0.0, high)
        size = np.maximum(np.abs(low), np.abs(high))
        size = np.where(size > 0, size, 1.0)
        if op == "+":
            # Singular where c = -u: points on both sides of the column's range, dense next to it,
            # and some inside for poles between the rows.
            spread = np.maximum(high - low, 1e-3 * size)
            inside = np.linspace(0, 1, _N_BETWEEN + 2)[1:-1]
            return np.concatenate(
                [
                    -high - geometric[::-1] * spread,
                    -high + inside * (high - low),
                    -low + geometric * spread,
                ],
                axis=1,
            )
        scale = 1 / size if op == "*" else size
        points = [-geometric[::-1] * scale, geometric * scale]
        term = _beside_product(tree, k) if op == "*" else None
        if term is not None:
            # w + c u is 0 where c = -w / u: points between the rows' own, for poles that lie there.
            roots = np.sort(-columns[term[1]] / column, axis=1)
            between = 0.5 * (roots[:, 1:] + roots[:, :-1])
            places = np.linspace(0, between.shape[1] - 1, _N_BETWEEN).round().astype(int)
            points.append(np.nan_to_num(between[:, places], posinf=0.0, neginf=0.0))
        return np.concatenate(points, axis=1)


def _partner(tree: Tree, k: int) -> tuple[str, Tree | None]:
    """Operator that constant k stands under, and the operand beside it."""
    for branch in tree[1:] if tree[0] not in "xc" else ():
        if branch == ("c", k):
            others = [b for b in tree[1:] if b is not branch]
            return tree[0], others[0] if others else None
        op, found = _partner(branch, k)
        if op:
            return op, found
    return "", None


def _beside_product(tree: Tree, k: int) -> Tree | None:
    """The feature w of ``w + c u`` for constant k, or None."""
    if tree[0] in "xc":
        return None
    if tree[0] == "+":
        for branch, other in ((tree[1], tree[2]), (tree[2], tree[1])):
            if branch[0] == "*" and ("c", k) in branch[1:] and other[0] == "x":
                beside: Tree = other
                return beside
    found = [_beside_product(branch, k) for branch in tree[1:]]
    return next((w for w in found if w is not None), None)


def _peel(
    tree: Tree, columns: Columns, y: FloatArray, w: FloatArray
) -> tuple[Tree, FloatArray, FloatArray] | None:
    """Inner tree, target and weights once operations without constants are undone."""
    shape = columns[0].shape
    target, weight = np.broadcast_to(y, shape), np.broadcast_to(w, shape)
    with domain_silenced():
        while tree[0] not in "xc":
            op = tree[0]
            free: Sequence[int] = [i for i, b in enumerate(tree[1:], 1) if b[0] == "x"]
            if op == "log":
                if not np.where(np.isnan(target), 0, np.abs(target)).max() < _MAX_EXPONENT:
                    break
                weight, target = weight * np.exp(-2 * target), np.exp(target)
                tree = tree[1]
                continue
            if op == "exp":
                weight, target = weight * target**2, np.log(target)
                tree = tree[1]
                continue
            if not free:
                break
            u = columns[tree[free[0]][1]]
            if op == "+":
                target = target - u
            elif op == "*":
                weight, target = weight * u**2, target / u
            elif free[0] == 2:
                weight, target = weight / u**2, target * u
            else:
                weight, target = weight * (target**2 / u) ** 2, u / target
            tree = tree[3 - free[0]]
        sound = np.isfinite(target) & np.isfinite(weight)
    return tree, np.where(sound, target, 0.0), np.where(sound, weight, 0.0)
