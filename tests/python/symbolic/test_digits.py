"""Printed formulas: read back by Python and from LaTeX they are as good as the law itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sympy

from htmu import discover_law
from htmu.symbolic import Law, LawSearch

Truth = Callable[[Any, Any], Any]


def search(truth: Truth, noise: float, *, maxsize: int = 5, errors: bool = True) -> LawSearch:
    n, alpha = (axis.ravel() for axis in np.meshgrid([3.0, 5, 9, 17, 33], [1.0, 2, 3, 4, 5]))
    kappa = truth(n, alpha) + noise * np.random.default_rng(0).normal(size=len(n))
    table = pd.DataFrame({"n": n, "alpha": alpha, "kappa": kappa, "stderr": noise})
    return discover_law(
        table, features=("n", "alpha"), maxsize=maxsize, stderr="stderr" if errors else None
    )


def read_latex(text: str) -> str:
    r"""Python's form of the LaTeX that laws are written in."""
    text = re.sub(r"([\d.]+) \\times 10\^\{(-?\d+)\}", r"\1e\2", text)
    text = re.sub(r"\\left\(|\\right\)", lambda bracket: bracket[0][-1], text)
    text = text.replace(r" \, ", "*").replace("\\alpha", "alpha")
    while r"\frac" in text:
        start = text.rindex(r"\frac")
        place, parts = start + len(r"\frac"), []
        for _ in range(2):
            depth, end = 1, place + 1
            while depth:
                depth += {"{": 1, "}": -1}.get(text[end], 0)
                end += 1
            parts.append(text[place + 1 : end - 1])
            place = end
        text = f"{text[:start]}(({parts[0]})/({parts[1]})){text[place:]}"
    return text.replace("\\", "")


def chi2(found: LawSearch, text: str) -> float:
    problem = found.problem
    scope: dict[str, Any] = {"log": np.log, "exp": np.exp, **problem.arrays()}
    return float(np.sum(problem.weights * (problem.y - eval(text, scope)) ** 2))


def chi2_of(found: LawSearch, law: Law) -> float:
    values = law(**found.problem.arrays())
    return float(np.sum(found.problem.weights * (found.problem.y - values) ** 2))


CASES: list[tuple[Truth, float, int]] = [
    (lambda n, alpha: 1e5 + 0.01 * n, 1e-4, 7),
    (lambda n, alpha: 2 + 0.5 * n, 1e-2, 5),
    (lambda n, alpha: 0.7 * n + 0.2 * alpha - 40, 1e-2, 7),
    (lambda n, alpha: n / (n + 300), 1e-4, 5),
    (lambda n, alpha: 100000 + 0.010000942 * n, 1e-6, 5),
    (lambda n, alpha: 3e-7 * n / alpha, 1e-9, 5),
    (lambda n, alpha: n * np.exp(-0.2 * alpha) + n**1.5, 1e-3, 7),
]


@pytest.mark.parametrize("errors", [True, False])
@pytest.mark.parametrize(("truth", "noise", "maxsize"), CASES)
def test_what_is_printed_is_the_law(truth: Truth, noise: float, maxsize: int, errors: bool) -> None:
    found = search(truth, noise, maxsize=maxsize, errors=errors)
    for law in found:
        reference = chi2_of(found, law)
        for text in (law.text, read_latex(law.latex)):
            assert chi2(found, text) == pytest.approx(reference, rel=0.01)
        symbols = [sympy.Symbol(name, positive=True) for name in found.features]
        numeric = sympy.lambdify(symbols, law.to_sympy())(*found.problem.columns)
        missed = found.problem.y - numeric
        assert np.sum(found.problem.weights * missed**2) == pytest.approx(reference, rel=1e-6)


def test_no_digit_is_needless() -> None:
    # Standard errors of 0.005 and 0.0003: a digit beyond each.
    law = search(lambda n, alpha: 2 + 0.5 * n, 1e-2).best
    assert law.complexity == 5
    assert len(law.text) <= len("0.50001*n + 2.001")
    assert max(law.digits) <= 5
    # The larger its share of the row, the more digits a constant has.
    law = search(lambda n, alpha: 1e5 + 0.01 * n, 1e-4).best
    assert law.digits[0] > law.digits[1] >= 3 or law.digits[1] > law.digits[0] >= 3
    assert ", 100000" in law.constants_text


def test_an_exact_law_has_few_digits() -> None:
    n = np.arange(3.0, 12.0)
    found = discover_law({"n": n, "kappa": 0.25 * n - 0.9}, features="n", maxsize=5, stderr=None)
    assert set(found.best.text) == set("0.25*n - 0.9")
