"""Trees as text that Python reads, and as LaTeX."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from htmu.symbolic.trees import Tree, constants_of

_GREEK = frozenset(
    [
        "alpha",
        "beta",
        "gamma",
        "delta",
        "epsilon",
        "zeta",
        "eta",
        "theta",
        "iota",
        "kappa",
        "lambda",
        "mu",
        "nu",
        "xi",
        "rho",
        "sigma",
        "tau",
        "phi",
        "chi",
        "psi",
        "omega",
    ]
)


@dataclass(frozen=True)
class Style:
    """How numbers, names, products and quotients are written.

    `digits` are the significant digits of all constants, or of each.
    """

    digits: int | Sequence[int]
    latex: bool

    def number(self, value: float, index: int) -> str:
        """A number for the constant of an index, without a sign where it is not negative."""
        digits = self.digits if isinstance(self.digits, int) else self.digits[index]
        text = number_text(value, digits)
        if not self.latex or "e" not in text:
            return text
        mantissa, exponent = text.split("e")
        return rf"{mantissa} \times 10^{{{int(exponent)}}}"

    def name(self, name: str) -> str:
        """A feature's name."""
        if not self.latex:
            return name
        if name in _GREEK:
            return f"\\{name}"
        return name if len(name) == 1 else rf"\mathrm{{{name}}}".replace("_", r"\_")

    def call(self, function: str, inner: str) -> str:
        """log(...) or exp(...)."""
        return rf"\{function}\left({inner}\right)" if self.latex else f"{function}({inner})"

    def group(self, inner: str) -> str:
        """Inner text in brackets."""
        return rf"\left({inner}\right)" if self.latex else f"({inner})"


def number_text(value: float, digits: int) -> str:
    """A number with so many significant digits; below a million without an exponent.

    Examples
    --------
    >>> from htmu.symbolic.printing import number_text
    >>> number_text(123456.7, 3), number_text(2.5e6, 3)
    ('123000', '2.5e+06')
    """
    text = f"{value:.{digits}g}"
    return f"{float(text):.0f}" if "e+" in text and abs(value) < 1e6 else text


def render(tree: Tree, constants: Sequence[float], names: Sequence[str], style: Style) -> str:
    r"""Text of a tree; a constant's sign becomes that of its term.

    Examples
    --------
    >>> from htmu.symbolic.printing import Style, render
    >>> tree = ("+", ("x", 0), ("/", ("c", 0), ("x", 1)))
    >>> render(tree, [-0.25], ["n", "m"], Style(3, latex=False))
    'n - 0.25/m'
    >>> render(tree, [-0.25], ["n", "m"], Style(3, latex=True))
    'n - \\frac{0.25}{m}'
    """
    # The terms without constants first, as the exhaustive engine has them.
    chain = sorted(_chain(tree, "+"), key=lambda term: bool(constants_of(term)))
    terms = [_product(term, constants, names, style) for term in chain]
    # A leading minus reads worse than a sum that starts with what is added.
    terms.sort(key=lambda term: (term[0] < 0, not re.search(r"[^\W\d]", term[1])))
    first, *rest = terms
    text = ("-" if first[0] < 0 else "") + first[1]
    for sign, term in rest:
        text += f" {'-' if sign < 0 else '+'} {term}"
    return text


def _chain(tree: Tree, op: str) -> list[Tree]:
    if tree[0] != op:
        return [tree]
    return [*_chain(tree[1], op), *_chain(tree[2], op)]


def _product(
    tree: Tree, constants: Sequence[float], names: Sequence[str], style: Style
) -> tuple[int, str]:
    """Sign and text of a term."""
    if tree[0] != "/":
        return _factors(tree, constants, names, style)
    above, below = tree[1], tree[2]
    if style.latex:  # the bar groups
        top, bottom = (
            (1, render(part, constants, names, style))
            if part[0] == "+"
            else _factors(part, constants, names, style)
            for part in (above, below)
        )
        return top[0] * bottom[0], rf"\frac{{{top[1]}}}{{{bottom[1]}}}"
    sign, over = _factors(above, constants, names, style)
    other, under = _factors(below, constants, names, style)
    if below[0] == "*":
        under = f"({under})"
    return sign * other, f"{over}/{under}"


def _factors(
    tree: Tree, constants: Sequence[float], names: Sequence[str], style: Style
) -> tuple[int, str]:
    sign, numbers, others = 1, [], []
    for factor in _chain(tree, "*"):
        if factor[0] == "c":
            value = float(constants[factor[1]])
            sign *= -1 if value < 0 else 1
            numbers.append(style.number(abs(value), factor[1]))
        else:
            others.append(_atom(factor, constants, names, style))
    if style.latex:
        return sign, r" \, ".join([*numbers, *others])
    return sign, "*".join([*numbers, *others])


def _atom(tree: Tree, constants: Sequence[float], names: Sequence[str], style: Style) -> str:
    if tree[0] == "x":
        return style.name(names[tree[1]])
    inner = render(tree[1] if tree[0] in ("log", "exp") else tree, constants, names, style)
    if tree[0] in ("log", "exp"):
        return style.call(tree[0], inner)
    return style.group(inner)
