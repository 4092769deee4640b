"""All expressions up to a size, each family of equal ones once.

The *family* of a tree is the set of functions that it gives over all values of its constants. A
tree is left out only where the family of a kept one of the same or a smaller size holds all of its
own, so the best fit of each size is not lost. Subtrees without constants are compared by their
values on the rows and at points of the features' box, which finds every identity; trees with
constants by the rules of `htmu.symbolic.canonical`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

import numpy as np

from htmu.arguments import FloatArray
from htmu.symbolic import canonical
from htmu.symbolic.canonical import Item
from htmu.symbolic.trees import domain_silenced

#: Points of the features' box, beside the rows, at which subtrees are compared.
_N_PROBES = 16
#: Bits of the significand in which equal subtrees agree and others do not.
_BITS = 33


class Enumeration:
    """Canonical trees by size, over the rows' own features.

    A tree without constants that is undefined at a row is left out, with all that contain it.

    Parameters
    ----------
    columns : array, shape (features, rows)
        Feature values.

    Examples
    --------
    >>> import numpy as np
    >>> from htmu.symbolic.enumeration import Enumeration
    >>> found = Enumeration(np.array([[1.0, 2.0, 3.0]]))
    >>> [len(found.grow()) for size in range(1, 6)]
    [2, 2, 6, 21, 60]
    """

    def __init__(self, columns: FloatArray) -> None:
        self._n_rows = columns.shape[1]
        low, high = columns.min(axis=1), columns.max(axis=1)
        # Points in general position, always the same.
        probes = np.random.default_rng(20250603).uniform(size=(len(columns), _N_PROBES))
        self._points = np.concatenate(
            [columns, low[:, None] + (high - low)[:, None] * probes], axis=1
        )
        self._sizes: list[list[Item]] = []
        self._seen: set[bytes] = set()
        self._counter = 0

    def grow(self, deadline: float = math.inf) -> list[Item]:
        """Canonical trees of the next size, from 1 on.

        Raises
        ------
        TimeoutError
            It is later than `deadline`, a value of `time.monotonic`.
        """
        size = len(self._sizes) + 1
        found: list[Item] = []
        self._sizes.append(found)
        if size == 1:
            found.append(Item(("c", 0), 1, (2, 0), 1))
            for index, column in enumerate(self._points):
                self._keep(Item(("x", index), 1, (0, 0), 0, column), found)
            return found
        with domain_silenced():
            for a in self._sizes[size - 2]:
                for item in self._unary(a, size):
                    self._keep(item, found)
            for left in range(1, size - 1):
                for a in self._sizes[left - 1]:
                    if time.monotonic() > deadline:
                        raise TimeoutError
                    for b in self._sizes[size - 2 - left]:
                        for item in self._binary(a, b, size):
                            self._keep(item, found)
        return found

    def _unary(self, a: Item, size: int) -> Iterator[Item]:
        if canonical.log_is_new(a, self._n_rows):
            values = None if a.values is None else np.log(a.values)
            yield Item(("log", a.tree), size, (0, 0), a.n_constants, values, a)
        if canonical.exp_is_new(a):
            values = None if a.values is None else np.exp(a.values)
            yield Item(("exp", a.tree), size, (0, 0), a.n_constants, values, a)

    def _binary(self, a: Item, b: Item, size: int) -> Iterator[Item]:
        u, v = a.values, b.values
        n_constants = a.n_constants + b.n_constants
        for op, is_new in canonical.RULES.items():
            if is_new(a, b):
                values = None
                if u is not None and v is not None:
                    values = u + v if op == "+" else u * v if op == "*" else u / v
                yield Item((op, a.tree, b.tree), size, (0, 0), n_constants, values, a, b)

    def _keep(self, item: Item, found: list[Item]) -> None:
        if item.values is not None:
            # NaN stays NaN in whatever it is part of; inf does not: 1/inf is 0.
            if np.isnan(item.values[: self._n_rows]).any():
                return
            key = _rounded(item.values)
            if key in self._seen:
                return
            self._seen.add(key)
        self._counter += 1
        item.rank = (int(item.n_constants > 0), self._counter)
        found.append(item)


def _rounded(values: FloatArray) -> bytes:
    """Bytes of the values, alike for values that differ by rounding only."""
    mantissa, exponent = np.frexp(
        np.nan_to_num(values, nan=1.2345e301, posinf=1e302, neginf=-1e302)
    )
    # An offset keeps short fractions, such as those of integers, away from rounding's edges.
    digits = np.floor(np.ldexp(mantissa, _BITS) + 0.29)
    return np.asarray(np.ldexp(digits, exponent - _BITS)).tobytes()
