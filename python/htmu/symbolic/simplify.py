"""Formulas of other engines made small: constants folded, absorbed, and tried without.

Works on *valued* trees, where a constant's leaf holds its value, ``("c", 0.5)``, so that what is
folded is a good start of a later fit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from htmu.errors import InvalidInputError
from htmu.symbolic.expression import Expression, import_sympy
from htmu.symbolic.trees import Tree, leaves, numbered


def to_valued(expression: Expression) -> Tree:
    """Valued tree of an expression."""

    def walk(tree: Tree) -> Tree:
        if tree[0] == "c":
            return ("c", expression.constants[tree[1]])
        return tree if tree[0] == "x" else (tree[0], *(walk(branch) for branch in tree[1:]))

    return walk(expression.tree)


def from_valued(tree: Tree, features: tuple[str, ...]) -> Expression:
    """Expression of a valued tree."""
    constants = tuple(float(leaf[1]) for leaf in leaves(tree) if leaf[0] == "c")
    return Expression(numbered(tree), constants, features)


def reduced(tree: Tree) -> Tree:
    """Equal valued tree with constants folded into one another, and quotients outermost.

    Examples
    --------
    >>> from htmu.symbolic.simplify import reduced
    >>> x, y = ("x", 0), ("x", 1)
    >>> reduced(("/", ("*", ("c", 3.0), x), ("*", ("c", 2.0), y)))
    ('/', ('*', ('x', 0), ('c', 1.5)), ('x', 1))
    >>> reduced(("*", ("c", 2.0), ("+", ("c", 1.0), ("*", ("c", 3.0), x))))
    ('+', ('*', ('x', 0), ('c', 6.0)), ('c', 2.0))
    """
    kind = tree[0]
    if kind in "xc":
        return tree
    if kind in ("log", "exp"):
        return _reduced_function(kind, reduced(tree[1]))
    a, b = reduced(tree[1]), reduced(tree[2])
    if kind == "+":
        return _sum([*_operands(a, "+"), *_operands(b, "+")])
    above_a, below_a = _fraction(a)
    above_b, below_b = _fraction(b)
    if kind == "*":
        return _quotient([*above_a, *above_b], [*below_a, *below_b])
    return _quotient([*above_a, *below_b], [*below_a, *above_b])


def without_constants(tree: Tree) -> Iterator[Tree]:
    """Valued trees that lack one constant which is a factor or a term, reduced."""
    if tree[0] in "xc":
        return
    for index, branch in enumerate(tree[1:], 1):
        if branch[0] == "c" and tree[0] in "+*":
            yield tree[3 - index]
        for smaller in without_constants(branch):
            yield reduced((*tree[:index], smaller, *tree[index + 1 :]))


def simplified_by_sympy(expression: Expression) -> Expression:
    """What SymPy's automatic and rational simplification make of it, if that is smaller."""
    sympy = import_sympy()
    formula = expression.to_sympy()
    best = expression
    for attempt in (formula, sympy.together(formula), sympy.expand(formula)):
        try:
            found = Expression.from_sympy(attempt, expression.features)
        except InvalidInputError:
            continue  # a constant that became infinite or complex
        if found.complexity < best.complexity:
            best = found
    return best


def _operands(tree: Tree, op: str) -> list[Tree]:
    if tree[0] != op:
        return [tree]
    return [*_operands(tree[1], op), *_operands(tree[2], op)]


def _fraction(tree: Tree) -> tuple[list[Tree], list[Tree]]:
    if tree[0] == "/":
        return _operands(tree[1], "*"), _operands(tree[2], "*")
    return _operands(tree, "*"), []


def _fold(op: str, parts: list[Tree]) -> Tree:
    tree = parts[0]
    for part in parts[1:]:
        tree = (op, tree, part)
    return tree


def _sum(terms: list[Tree]) -> Tree:
    numbers = [term[1] for term in terms if term[0] == "c"]
    others = sorted((term for term in terms if term[0] != "c"), key=repr)
    if numbers or not others:
        others.append(("c", math.fsum(numbers)))
    return _fold("+", others)


def _quotient(above: list[Tree], below: list[Tree]) -> Tree:
    number = 1.0
    for factor in above:
        number *= factor[1] if factor[0] == "c" else 1.0
    for factor in below:
        if factor[0] == "c":
            number = number / factor[1] if factor[1] else math.inf
    has_number = any(factor[0] == "c" for factor in (*above, *below))
    top = sorted((factor for factor in above if factor[0] != "c"), key=repr)
    bottom = sorted((factor for factor in below if factor[0] != "c"), key=repr)
    for factor in list(bottom):
        if factor in top:
            top.remove(factor)
            bottom.remove(factor)
    if has_number:
        for index, factor in enumerate(top):
            scaled = _scaled(factor, number) or _multiplied_out(factor, number)
            if scaled is not None:
                top[index], has_number = scaled, False
                break
    if has_number or not top:
        top.append(("c", number))
    over = _fold("*", top)
    return ("/", over, _fold("*", bottom)) if bottom else over


def _scaled(tree: Tree, number: float) -> Tree | None:
    """Tree times a number if one of its own constants can take the number up, else None."""
    if tree[0] == "c":
        return ("c", tree[1] * number)
    if tree[0] == "+":
        parts = [_scaled(branch, number) for branch in tree[1:]]
        return None if None in parts else ("+", *parts)
    if tree[0] in "*/":
        for index, branch in enumerate(tree[1:], 1):
            if tree[0] == "/" and index == 2:
                break
            part = _scaled(branch, number)
            if part is not None:
                return (*tree[:index], part, *tree[index + 1 :])
    return None


def _multiplied_out(tree: Tree, number: float) -> Tree | None:
    """Sum times a number where that takes no more nodes: ``c (u + c)`` as ``c u + c``."""
    terms = _operands(tree, "+")
    scaled = [(term, _scaled(term, number)) for term in terms]
    if len(terms) == 1 or sum(new is None for _, new in scaled) != 1:
        return None
    return _sum(
        [_quotient([term, ("c", number)], []) if new is None else new for term, new in scaled]
    )


def _reduced_function(kind: str, inner: Tree) -> Tree:
    if inner[0] == "c":
        try:
            return ("c", math.log(inner[1]) if kind == "log" else math.exp(inner[1]))
        except (ValueError, OverflowError):
            return (kind, inner)
    if {kind, inner[0]} == {"log", "exp"}:
        return inner[1]  # type: ignore[no-any-return]
    terms = _operands(inner, "+")
    numbers = [term for term in terms if term[0] == "c"]
    if kind == "exp" and numbers and len(terms) > 1 and numbers[0][1] < 700:
        rest = _fold("+", [term for term in terms if term[0] != "c"])
        return _quotient([("c", math.exp(numbers[0][1])), ("exp", rest)], [])
    return (kind, inner)
