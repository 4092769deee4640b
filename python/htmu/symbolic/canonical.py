"""Rules of canonical trees: which ones are left out because another gives the same functions.

Each rule names the tree that is kept instead. ``u, v`` stand for any trees, ``c`` for a constant
with a value of its own at each place. A tree is *scale-closed* if its family is closed under
multiplication with numbers: ``c``, ``c u``, ``c + c u``, ``u / (c + c v)``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from htmu.arguments import FloatArray
from htmu.symbolic.trees import Tree


@dataclass(eq=False, slots=True)
class Item:
    """A canonical tree, with what the rules need to know of it.

    `rank` orders the operands of sums and products: first those without constants, then those
    with, last the bare constant. `values` are at rows and probes, for trees without constants.
    """

    tree: Tree
    size: int
    rank: tuple[int, int]
    n_constants: int
    values: FloatArray | None = None
    left: Item | None = None
    right: Item | None = None

    @property
    def op(self) -> str:
        """Kind of the root."""
        return str(self.tree[0])

    def operands(self, op: str) -> Iterator[Item]:
        """Operands of the chain of `op` at the root, from left to right."""
        if self.op == op and self.left is not None and self.right is not None:
            yield from self.left.operands(op)
            yield self.right
        else:
            yield self

    def last(self, op: str) -> Item:
        """Last operand of the chain of `op` at the root."""
        return self.right if self.op == op and self.right is not None else self


def scale_closed(item: Item) -> bool:
    """Whether every multiple of a function of the family is in the family too."""
    if item.n_constants == 0:
        return False
    if item.op == "c":
        return True
    if item.op == "+":
        return all(scale_closed(operand) for operand in item.operands("+"))
    if item.op in "*/" and item.left is not None and item.right is not None:
        return scale_closed(item.left) or scale_closed(item.right)
    return False


def sum_is_new(a: Item, b: Item) -> bool:
    """Whether ``a + b`` is kept: terms in order, no like terms, no constant that is absorbed."""
    last = a.last("+")
    if b.op == "+" or not last.rank < b.rank:
        return False  # ((u + v) + w), sorted; u + u is in c u, c + c is c
    terms = [term.tree for term in a.operands("+")]
    if b.op == "*" and b.right is not None and b.right.op == "c" and b.tree[1] in terms:
        return False  # u + c u is c u
    if b.op == "c":
        for term in a.operands("+"):
            if term.op == "log" and term.left is not None and scale_closed(term.left):
                return False  # c + log(c u) is log(c u)
    return True


def product_is_new(a: Item, b: Item) -> bool:
    """Whether ``a b`` is kept: factors in order, quotients outermost, constants not absorbed."""
    last = a.last("*")
    if b.op == "*" or b.op == "/" or a.op == "/" or last.rank > b.rank:
        return False  # ((u v) w), sorted; (u / v) w is (u w) / v
    if b.op == "exp" and any(factor.op == "exp" for factor in a.operands("*")):
        return False  # exp(u) exp(v) is exp(u + v)
    if b.op != "c":
        return True
    for factor in a.operands("*"):
        if scale_closed(factor):
            return False  # c (c + c u) is c + c u
        if factor.op == "+":
            fixed = sum(not scale_closed(term) for term in factor.operands("+"))
            if fixed == 1 and factor.n_constants:
                return False  # c (u + c) is c u + c, of the same size
    return True


def quotient_is_new(a: Item, b: Item) -> bool:
    """Whether ``a / b`` is kept: one quotient, nothing to cancel, constants above the line."""
    if a.op == "/" or b.op == "/":
        return False  # (u / v) / w is u / (v w), u / (v / w) is (u w) / v
    below = list(b.operands("*"))
    if below[-1].op == "c":
        return False  # u / (c v) is c u / v
    above = list(a.operands("*"))
    if {factor.tree for factor in above if not factor.n_constants} & {f.tree for f in below}:
        return False  # u v / (u w) is v / w
    if scale_closed(b):
        if scale_closed(a):
            return False  # c u / (c + c v) is u / (c + c v)
        if any(_has_free_factor(term) for factor in below for term in factor.operands("+")):
            return False  # u / (c + c v) is c u / (c + v), of the same size
    for factor in below:
        if factor.op == "exp" and factor.left is not None and scale_closed(factor.left):
            return False  # u / exp(c v) is u exp(c v)
    return True


def _has_free_factor(item: Item) -> bool:
    return item.op == "*" and item.right is not None and item.right.op == "c"


def log_is_new(a: Item, n_rows: int) -> bool:
    """Whether ``log(a)`` is kept."""
    if a.op in ("c", "exp"):
        return False  # log(c) is c, log(exp(u)) is u
    if a.op == "*" and any(factor.op == "exp" for factor in a.operands("*")):
        return False  # log(u exp(v)) is log(u) + v
    rest = _values_beside_constant(a)
    # log(c u) is c + log(u), of the same size, where u > 0; it is needed where u < 0.
    return rest is None or bool((rest[:n_rows] < 0).all())


def _values_beside_constant(a: Item) -> FloatArray | None:
    """Values of u if the tree is ``c u`` or ``c u / v`` and u (u / v) has no constants."""
    if a.op == "*" and a.left is not None and a.right is not None and a.right.op == "c":
        return a.left.values
    if a.op == "/" and a.left is not None and a.right is not None and a.right.values is not None:
        above = _values_beside_constant(a.left) if a.left.op == "*" else None
        return None if above is None else above / a.right.values
    return None


def exp_is_new(a: Item) -> bool:
    """Whether ``exp(a)`` is kept."""
    # exp(c) is in c, exp(log(u)) is u where it is defined;
    # exp(c + u) is in c exp(u), of the same size; exp(u + log(v)) is v exp(u).
    return not any(term.op in ("c", "log") for term in a.operands("+"))


#: Test of each binary operator.
RULES: dict[str, Callable[[Item, Item], bool]] = {
    "+": sum_is_new,
    "*": product_is_new,
    "/": quotient_is_new,
}
