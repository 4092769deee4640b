"""Expression trees as plain tuples: size, values, derivatives, and which constants are linear.

A tree is ``("x", i)`` for feature i, ``("c", k)`` for constant k, ``(op, a)`` for ``log`` and
``exp``, or ``(op, a, b)`` for ``+``, ``*`` and ``/``. Tuples hash and compare, so that engines can
make and sort hundreds of thousands of them; `Expression` is what users see.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np

from htmu.arguments import FloatArray

Tree: TypeAlias = tuple[Any, ...]

BINARY = ("+", "*", "/")
UNARY = ("log", "exp")


def size(tree: Tree) -> int:
    """Number of nodes: the complexity of PySR's default, where each node counts 1.

    Examples
    --------
    >>> from htmu.symbolic.trees import size
    >>> size(("+", ("x", 0), ("log", ("c", 0))))
    4
    """
    return 1 if tree[0] in "xc" else 1 + sum(size(branch) for branch in tree[1:])


def leaves(tree: Tree) -> Iterator[Tree]:
    """Leaves from left to right."""
    if tree[0] in "xc":
        yield tree
    else:
        for branch in tree[1:]:
            yield from leaves(branch)


def constants_of(tree: Tree) -> list[int]:
    """Indices of the constants, from left to right."""
    return [leaf[1] for leaf in leaves(tree) if leaf[0] == "c"]


def numbered(tree: Tree) -> Tree:
    """Same tree with its constants numbered from left to right.

    Examples
    --------
    >>> from htmu.symbolic.trees import numbered
    >>> numbered(("+", ("c", 5), ("c", 5)))
    ('+', ('c', 0), ('c', 1))
    """
    count = 0

    def walk(node: Tree) -> Tree:
        nonlocal count
        if node[0] == "c":
            count += 1
            return ("c", count - 1)
        return node if node[0] == "x" else (node[0], *(walk(branch) for branch in node[1:]))

    return walk(tree)


def evaluate(tree: Tree, columns: Sequence[Any], constants: Sequence[Any]) -> Any:
    """Value of a tree; columns and constants broadcast against each other.

    Outside its domain (a logarithm of a negative number) the value is NaN, without a warning if
    the caller has silenced NumPy's.
    """
    kind = tree[0]
    if kind == "x":
        return columns[tree[1]]
    if kind == "c":
        return constants[tree[1]]
    a = evaluate(tree[1], columns, constants)
    if kind == "log":
        return np.log(a)
    if kind == "exp":
        return np.exp(a)
    b = evaluate(tree[2], columns, constants)
    if kind == "+":
        return a + b
    return a * b if kind == "*" else a / b


def gradient(
    tree: Tree, columns: Sequence[Any], constants: Sequence[Any], wanted: frozenset[int]
) -> tuple[Any, dict[int, Any]]:
    """Value of a tree, and its derivatives by the constants in `wanted` (forward mode)."""
    kind = tree[0]
    if kind == "x":
        return columns[tree[1]], {}
    if kind == "c":
        return constants[tree[1]], {tree[1]: 1.0} if tree[1] in wanted else {}
    a, da = gradient(tree[1], columns, constants, wanted)
    if kind == "log":
        return np.log(a), {k: d / a for k, d in da.items()}
    if kind == "exp":
        value = np.exp(a)
        return value, {k: d * value for k, d in da.items()}
    b, db = gradient(tree[2], columns, constants, wanted)
    if kind == "+":
        return a + b, {**da, **db}
    if kind == "*":
        return a * b, {**{k: d * b for k, d in da.items()}, **{k: a * d for k, d in db.items()}}
    value = a / b
    return value, {
        **{k: d / b for k, d in da.items()},
        **{k: -value / b * d for k, d in db.items()},
    }


def linear_constants(tree: Tree) -> frozenset[int]:
    """Constants in which the tree is jointly affine, the others held fixed.

    Of a product of two factors with such constants the larger set is taken.

    Examples
    --------
    >>> from htmu.symbolic.trees import linear_constants
    >>> c0, c1, x = ("c", 0), ("c", 1), ("x", 0)
    >>> sorted(linear_constants(("+", c0, ("/", c1, x))))
    [0, 1]
    >>> sorted(linear_constants(("+", c0, ("log", ("+", c1, x)))))
    [0]
    """
    kind = tree[0]
    if kind == "c":
        return frozenset((tree[1],))
    if kind == "x" or kind in UNARY:
        return frozenset()
    first = linear_constants(tree[1])
    if kind == "/":
        return first
    second = linear_constants(tree[2])
    if kind == "+" or not first or not second:
        return first | second
    return first if len(first) >= len(second) else second


def domain_silenced() -> Any:
    """Context in which values outside a domain become NaN or inf without a warning."""
    return np.errstate(all="ignore")


def values(tree: Tree, columns: Sequence[FloatArray], constants: Sequence[float]) -> FloatArray:
    """Values on columns of one shape, as a float64 array of that shape."""
    shape = np.shape(columns[0]) if len(columns) else ()
    with domain_silenced():
        value = evaluate(tree, columns, [np.float64(c) for c in constants])
    return np.array(np.broadcast_to(np.asarray(value, dtype=np.float64), shape))
