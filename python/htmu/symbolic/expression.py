"""An expression with its constants: what it is worth, and how it is written."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from htmu.arguments import FloatArray, as_real_array
from htmu.errors import InvalidInputError, MissingExtraError
from htmu.symbolic.printing import Style, render
from htmu.symbolic.trees import Tree, constants_of, leaves, numbered, size, values


@dataclass(frozen=True)
class Expression:
    """Formula of named features, made of ``+ * / log exp`` and constants.

    Parameters
    ----------
    tree : Tree
        Nested tuples, see `htmu.symbolic.trees`; constants are numbered from left to right.
    constants : tuple of float
        Their values.
    features : tuple of str
        Names of the features that the tree's indices mean.

    Raises
    ------
    InvalidInputError
        The number of constants, or a feature's index, is not the tree's.

    Examples
    --------
    >>> from htmu.symbolic import Expression
    >>> law = Expression(("+", ("x", 1), ("/", ("c", 0), ("x", 0))), (-0.5,), ("m", "n"))
    >>> law.text, law.complexity
    ('n - 0.5/m', 5)
    >>> law(m=[1.0, 2.0], n=3.0)
    array([2.5 , 2.75])
    >>> law.to_sympy()
    n - 0.5/m
    """

    tree: Tree
    constants: tuple[float, ...]
    features: tuple[str, ...]

    def __post_init__(self) -> None:
        found = constants_of(self.tree)
        if found != list(range(len(self.constants))):
            raise InvalidInputError(
                f"a tree with constants {found} needs as many values numbered from left to right, "
                f"got {len(self.constants)}; number them with htmu.symbolic.trees.numbered"
            )
        used = {leaf[1] for leaf in leaves(self.tree) if leaf[0] == "x"}
        if not used <= set(range(len(self.features))):
            raise InvalidInputError(
                f"the tree uses feature {max(used)}, features has {len(self.features)}; "
                f"name them all"
            )

    @property
    def complexity(self) -> int:
        """Number of nodes, PySR's default complexity."""
        return size(self.tree)

    @property
    def text(self) -> str:
        """Formula that Python reads, constants to 6 digits."""
        return self.format(6)

    @property
    def latex(self) -> str:
        """Formula in LaTeX's mathematical mode, constants to 6 digits."""
        return self.format(6, latex=True)

    def format(self, digits: int | Sequence[int], *, latex: bool = False) -> str:
        """Formula with so many significant digits in its constants, or in each of them."""
        return render(self.tree, self.constants, self.features, Style(digits, latex=latex))

    def __call__(self, **features: ArrayLike) -> FloatArray:
        """Values for arrays of the features, which broadcast; NaN outside the formula's domain.

        Raises
        ------
        InvalidInputError
            A feature that the formula uses is missing, or one is unknown.
        """
        unknown = sorted(set(features) - set(self.features))
        if unknown:
            raise InvalidInputError(
                f"unknown feature {unknown[0]!r}; the law's are {', '.join(self.features)}"
            )
        given = {name: as_real_array(name, value) for name, value in features.items()}
        try:
            arrays = dict(zip(given, np.broadcast_arrays(*given.values()), strict=True))
        except ValueError:
            shapes = ", ".join(f"{name} {array.shape}" for name, array in given.items())
            raise InvalidInputError(f"features do not broadcast: {shapes}") from None
        return self.evaluate(arrays)

    def evaluate(self, arrays: Mapping[str, FloatArray]) -> FloatArray:
        """Values for arrays of one shape, by name."""
        used = {leaf[1] for leaf in leaves(self.tree) if leaf[0] == "x"}
        missing = [self.features[i] for i in sorted(used) if self.features[i] not in arrays]
        if missing:
            raise InvalidInputError(
                f"{self.text} needs {missing[0]!r}, which is missing; give all of "
                f"{', '.join(self.features[i] for i in sorted(used))}"
            )
        shape = next((array.shape for array in arrays.values()), ())
        columns = [arrays.get(name, np.zeros(shape)) for name in self.features]
        return values(self.tree, columns, self.constants)

    def to_sympy(self) -> Any:
        """SymPy expression with positive symbols; needs the extra ``htmu[symbolic]``."""
        sympy = import_sympy()
        symbols = [sympy.Symbol(name, positive=True) for name in self.features]
        combine = {"+": sympy.Add, "*": sympy.Mul, "log": sympy.log, "exp": sympy.exp}

        def build(tree: Tree) -> Any:
            if tree[0] == "x":
                return symbols[tree[1]]
            if tree[0] == "c":
                return sympy.Float(self.constants[tree[1]])
            branches = [build(branch) for branch in tree[1:]]
            return branches[0] / branches[1] if tree[0] == "/" else combine[tree[0]](*branches)

        return build(self.tree)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able dictionary, from which `from_dict` makes an equal expression."""
        return {
            "tree": _as_lists(self.tree),
            "constants": list(self.constants),
            "features": list(self.features),
        }

    @classmethod
    def from_dict(cls, parts: Mapping[str, Any]) -> Expression:
        """Expression from what `to_dict` gave."""
        return cls(_as_tuples(parts["tree"]), tuple(parts["constants"]), tuple(parts["features"]))

    @classmethod
    def from_sympy(cls, formula: Any, features: Sequence[str]) -> Expression:
        """Expression with the fewest nodes that this reading of a SymPy formula finds.

        Raises
        ------
        InvalidInputError
            The formula has a symbol that is no feature, or a function other than log and exp.
        """
        found: list[float] = []
        tree = _from_sympy(formula, list(features), found)
        order = constants_of(tree)
        return cls(numbered(tree), tuple(found[k] for k in order), tuple(features))

    def __str__(self) -> str:
        return self.text


def import_sympy() -> Any:
    """SymPy, or one line on how to get it."""
    try:
        import sympy
    except ImportError:
        raise MissingExtraError(
            'SymPy is not installed; run: pip install "htmu[symbolic]"'
        ) from None
    return sympy


def _as_lists(tree: Tree) -> list[Any]:
    return [_as_lists(part) if isinstance(part, tuple) else part for part in tree]


def _as_tuples(tree: Sequence[Any]) -> Tree:
    return tuple(_as_tuples(part) if isinstance(part, (list, tuple)) else part for part in tree)


def _from_sympy(formula: Any, features: list[str], found: list[float]) -> Tree:
    sympy = import_sympy()

    def constant(value: float) -> Tree:
        found.append(value)
        return ("c", len(found) - 1)

    def read(node: Any) -> Tree:
        if node.is_Symbol:
            if node.name not in features:
                raise InvalidInputError(
                    f"{node.name!r} is no feature; the features are {', '.join(features)}"
                )
            return ("x", features.index(node.name))
        if node.is_number:
            value = complex(node)
            if value.imag or not math.isfinite(value.real):
                raise InvalidInputError(f"{node} is no finite real number; simplify the formula")
            return constant(value.real)
        if node.func in (sympy.log, sympy.exp):
            return ("log" if node.func is sympy.log else "exp", read(node.args[0]))
        if node.is_Add:
            return _fold("+", [read(term) for term in node.as_ordered_terms()])
        if node.is_Mul or (node.is_Pow and node.exp.is_Integer):
            above, below = _split(node)
            top = _fold("*", above) if above else constant(1.0)
            return ("/", top, _fold("*", below)) if below else top
        if node.is_Pow:
            # u^p = exp(p log u); SymPy's own E^u is an exp.
            return ("exp", ("*", read(node.exp), ("log", read(node.base))))
        raise InvalidInputError(f"{node.func.__name__} is not one of + * / log exp")

    def _split(node: Any) -> tuple[list[Tree], list[Tree]]:
        above: list[Tree] = []
        below: list[Tree] = []
        number, others = node.as_coeff_Mul()
        if number != 1:
            above.append(read(number))
        for factor in others.as_ordered_factors():
            base, power = factor.as_base_exp()
            if factor.func is sympy.exp or not power.is_Integer or base.is_number:
                above.append(read(factor))
            else:
                (above if power > 0 else below).extend([read(base)] * abs(int(power)))
        return above, below

    def _fold(op: str, parts: list[Tree]) -> Tree:
        tree = parts[0]
        for part in parts[1:]:
            tree = (op, tree, part)
        return tree

    return read(formula)
