"""Expressions: values, sizes, text, LaTeX, SymPy, and what cannot be one."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
import sympy

from htmu.errors import InvalidInputError
from htmu.symbolic import Expression
from htmu.symbolic.simplify import from_valued, reduced, simplified_by_sympy, to_valued
from htmu.symbolic.trees import gradient, linear_constants, size

NAMES = ("m", "n", "alpha")
M, N, A = (("x", i) for i in range(3))
C = [("c", k) for k in range(4)]

#: Tree, constants, its size, its text and its LaTeX.
CASES: list[tuple[Any, tuple[float, ...], int, str, str]] = [
    (("+", N, C[0]), (-0.94,), 3, "n - 0.94", "n - 0.94"),
    (("*", A, C[0]), (-2.0,), 3, "-2*alpha", r"-2 \, \alpha"),
    (("+", C[0], ("*", C[1], M)), (1.0, -0.5), 5, "1 - 0.5*m", r"1 - 0.5 \, m"),
    (
        ("*", N, ("+", ("/", C[0], M), C[1])),
        (-0.3, 1.0),
        7,
        "n*(1 - 0.3/m)",
        r"n \, \left(1 - \frac{0.3}{m}\right)",
    ),
    (
        ("/", N, ("*", M, ("exp", A))),
        (),
        6,
        "n/(m*exp(alpha))",
        r"\frac{n}{m \, \exp\left(\alpha\right)}",
    ),
    (("log", ("+", M, C[0])), (1e-7,), 4, "log(m + 1e-07)", None),  # type: ignore[list-item]
    (
        ("/", ("+", M, N), ("+", A, C[0])),
        (2.5,),
        7,
        "(m + n)/(alpha + 2.5)",
        r"\frac{m + n}{\alpha + 2.5}",
    ),
]


@pytest.mark.parametrize(("tree", "constants", "nodes", "text", "latex"), CASES)
def test_forms(tree: Any, constants: Any, nodes: int, text: str, latex: str | None) -> None:
    law = Expression(tree, constants, NAMES)
    assert (law.complexity, law.text, str(law)) == (nodes, text, text)
    if latex is not None:
        assert law.latex == latex
    rng = np.random.default_rng(0)
    point = {name: rng.uniform(1, 5, 4) for name in NAMES}
    # Python's own reading of the text, and SymPy's of the tree, are the references.
    scope: dict[str, Any] = {"log": np.log, "exp": np.exp, **point}
    np.testing.assert_allclose(law(**point), eval(law.format(17), scope), rtol=1e-13)
    numeric = sympy.lambdify([sympy.Symbol(n, positive=True) for n in NAMES], law.to_sympy())
    np.testing.assert_allclose(law(**point), numeric(*point.values()), rtol=1e-13)
    assert Expression.from_dict(json.loads(json.dumps(law.to_dict()))) == law
    again = Expression.from_sympy(law.to_sympy(), NAMES)
    np.testing.assert_allclose(again(**point), law(**point), rtol=1e-13)


def test_values_broadcast_and_are_nan_outside_the_domain() -> None:
    law = Expression(("log", ("+", M, C[0])), (-2.0,), NAMES)
    values = law(m=[[1.0], [3.0]], n=[0.0, 0.0])
    assert values.shape == (2, 2)
    assert np.isnan(values[0]).all()
    assert values[1, 0] == 0.0


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({"n": 1.0}, "needs 'm'"),
        ({"m": 1.0, "k": 1.0}, "unknown feature 'k'"),
        ({"m": [1.0, 2.0], "n": [1.0, 2.0, 3.0]}, "do not broadcast"),
        ({"m": ["a"]}, "real numbers"),
    ],
)
def test_bad_features(features: Any, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        Expression(("log", M), (), NAMES)(**features)


@pytest.mark.parametrize("text", ["sin(m)", "m + k", "m + I", "1/(m - m)"])
def test_formulas_that_are_not_of_the_grammar(text: str) -> None:
    with pytest.raises(InvalidInputError):
        Expression.from_sympy(sympy.sympify(text), NAMES)


def test_constants_must_be_the_trees() -> None:
    with pytest.raises(InvalidInputError, match="as many values"):
        Expression(("+", M, C[0]), (), NAMES)
    with pytest.raises(InvalidInputError, match="feature 2, features has 1"):
        Expression(A, (), ("m",))


def test_derivatives_are_those_of_differences() -> None:
    tree = ("/", ("*", C[0], ("exp", ("*", C[1], M))), ("+", ("log", ("+", N, C[2])), C[3]))
    x = [np.linspace(1, 2, 5), np.linspace(2, 5, 5)]
    c = np.array([0.7, -0.3, 1.5, 2.0])
    value, slopes = gradient(tree, x, list(c), frozenset(range(4)))
    for k in range(4):
        step = np.zeros(4)
        step[k] = 1e-6
        above = gradient(tree, x, list(c + step), frozenset())[0]
        below = gradient(tree, x, list(c - step), frozenset())[0]
        np.testing.assert_allclose(slopes[k], (above - below) / 2e-6, rtol=1e-8)
    assert linear_constants(tree) == {0}
    assert value.shape == (5,)


@pytest.mark.parametrize(
    "text",
    [
        "2*(3*m)",
        "(2*m)/(3*n)",
        "2*(1 + 3*m)",
        "2*(m + 3)",
        "2*(3 + m/n)/alpha",
        "2*(m + n + 3)",
        "exp(1 + m)",
        "log(exp(m))",
        "exp(log(m))*n",
        "m*n/m",
        "1 + (m + 2)",
        "(m/n)/(alpha/m)",
        "log(2)*m + exp(0.5)",
        "2/(3/m)",
        "m/n/alpha",
    ],
)
def test_reduction_keeps_the_function(text: str) -> None:
    from htmu.symbolic.pysr import read_formula

    for name, other in zip(NAMES, ("x0", "x1", "x2"), strict=True):
        text = text.replace(name, other) if name != "m" else text
    text = text.replace("m", "x0")
    tree = read_formula(text, 3)
    small = reduced(tree)
    assert size(small) <= size(tree)
    point = {"m": 1.3, "n": 2.1, "alpha": 0.7}
    before, after = from_valued(tree, NAMES), from_valued(small, NAMES)
    np.testing.assert_allclose(after(**point), before(**point), rtol=1e-14)
    assert to_valued(after) == small


def test_a_line_has_one_form() -> None:
    slope = ("*", ("c", 2.0), ("+", N, ("c", -0.5)))
    assert from_valued(reduced(slope), NAMES).text == "2*n - 1"
    assert Expression(("+", ("/", C[0], M), N), (0.5,), NAMES).text == "n + 0.5/m"


def test_sympy_makes_formulas_smaller() -> None:
    # m/n + alpha/n is (m + alpha)/n.
    law = Expression(("+", ("/", M, N), ("/", A, N)), (), NAMES)
    assert simplified_by_sympy(law).complexity == 5
    assert math.isclose(simplified_by_sympy(law)(m=2, n=4, alpha=6).item(), 2.0)
