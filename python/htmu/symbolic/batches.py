"""Best constants of many trees, batch by batch of one shape."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

import numpy as np

from htmu.arguments import FloatArray
from htmu.symbolic.canonical import Item
from htmu.symbolic.least_squares import CHUNK, profile, refine
from htmu.symbolic.starts import starting_values
from htmu.symbolic.trees import Tree, domain_silenced, linear_constants

#: Members of a batch that is fitted at once.
_MAX_MEMBERS = 512


def shape_of(item: Item) -> tuple[Tree, list[Item]]:
    """Tree with its largest parts without constants replaced by placeholders, and those parts."""
    parts: list[Item] = []
    count = 0

    def walk(node: Item) -> Tree:
        nonlocal count
        if node.n_constants == 0:
            parts.append(node)
            return ("x", len(parts) - 1)
        if node.op == "c":
            count += 1
            return ("c", count - 1)
        branches = [walk(branch) for branch in (node.left, node.right) if branch is not None]
        return (node.op, *branches)

    return walk(item), parts


def fit_all(
    items: Iterable[Item], y: FloatArray, w: FloatArray
) -> Iterator[tuple[list[Item], FloatArray, FloatArray]]:
    """Yield (items of one batch, their constants, their sums of squares)."""
    free: list[Item] = []
    shapes: dict[Tree, list[tuple[Item, list[Item]]]] = defaultdict(list)
    for item in items:
        if item.n_constants == 0:
            free.append(item)
        else:
            shape, parts = shape_of(item)
            shapes[shape].append((item, parts))
    n = len(y)
    step = max(1, CHUNK // n)
    for low in range(0, len(free), step):
        batch = free[low : low + step]
        with domain_silenced():
            value = np.stack([item.values[:n] for item in batch if item.values is not None])
            chi2 = np.sum(w * (y - value) ** 2, axis=1)
        yield batch, np.zeros((len(batch), 0)), np.where(np.isfinite(chi2), chi2, np.inf)
    for shape, members in shapes.items():
        for low in range(0, len(members), _MAX_MEMBERS):
            part = members[low : low + _MAX_MEMBERS]
            if part[0][1]:
                columns = [
                    np.stack([parts[j].values[:n] for _, parts in part])  # type: ignore[index]
                    for j in range(len(part[0][1]))
                ]
            else:
                columns = [np.zeros((len(part), n))]  # the constant alone
            constants, chi2 = fit_shape(shape, columns, y, w)
            yield [item for item, _ in part], constants, chi2


def fit_shape(
    tree: Tree, columns: list[FloatArray], y: FloatArray, w: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Best constants (members, constants) and sums (members,) of one shape.

    Columns have shape (members, rows). If all constants are linear the solution is exact.
    """
    linear = linear_constants(tree)
    n_constants = _count(tree)
    if len(linear) == n_constants:
        return profile(tree, columns, y, w, [np.zeros(1)] * n_constants, sorted(linear))
    starts = starting_values(tree, columns, y, w)
    n_starts, n_members = starts.shape[:2]
    constants, chi2 = refine(
        tree,
        [np.tile(column, (n_starts, 1)) for column in columns],
        y,
        w,
        starts.reshape(n_starts * n_members, n_constants),
    )
    chi2 = chi2.reshape(n_starts, n_members)
    constants = constants.reshape(n_starts, n_members, n_constants)
    best = np.argmin(chi2, axis=0)
    member = np.arange(n_members)
    return constants[best, member], chi2[best, member]


def _count(tree: Tree) -> int:
    if tree[0] in "xc":
        return int(tree[0] == "c")
    return sum(_count(branch) for branch in tree[1:])
