"""Engine that fits every expression up to a size.

At PySR's default grammar and size 7 there are some 14,500 families of expressions of three
features; all are fitted, so that the front is that of all expressions, not of those that a search
came across. The one step that is numerical and no proof is the least squares of a constant that
enters nonlinearly: a dense grid, then a descent from the best points of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from htmu.symbolic.batches import fit_all
from htmu.symbolic.enumeration import Enumeration
from htmu.symbolic.expression import Expression
from htmu.symbolic.problem import Problem
from htmu.symbolic.trees import numbered

#: Largest size that is enumerated: memory and time grow sixfold with each node.
MAX_SIZE = 8
#: Families of one size whose losses are within rounding of the least are all handed on.
_MAX_TIES = 4


def exhaustive_search(
    problem: Problem,
    maxsize: int,
    deadline: float,
    progress: Callable[[float, str], None],
) -> tuple[list[Expression], int]:
    """Best expressions of each size, and the largest size that was finished in time.

    `deadline` is a value of `time.monotonic`. A size that cannot be finished by then contributes
    nothing, so that the result is the same on every machine that finishes it.
    """
    enumeration = Enumeration(problem.columns)
    y, w = problem.y, problem.weights
    best: list[Expression] = []
    for size in range(1, maxsize + 1):
        found: list[tuple[float, Expression]] = []
        try:
            items = enumeration.grow(deadline)
        except TimeoutError:
            return best, size - 1
        seen = 0
        for members, constants, chi2 in fit_all(items, y, w):
            if time.monotonic() > deadline:
                return best, size - 1
            for k in np.argsort(chi2, kind="stable")[:_MAX_TIES]:
                if np.isfinite(chi2[k]):
                    tree = numbered(members[k].tree)
                    values = tuple(float(c) for c in constants[k])
                    found.append((float(chi2[k]), Expression(tree, values, problem.features)))
            seen += len(members)
            progress(
                6.0 ** (size - maxsize) * seen / max(1, len(items)),
                f"size {size}: {seen} of {len(items)} formulas",
            )
        found.sort(key=lambda entry: entry[0])
        best += [expression for _, expression in found[:_MAX_TIES]]
    return best, maxsize
