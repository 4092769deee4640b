"""Laws: an expression, and how well it does on the rows it is fitted to and on held-out ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaincc

from htmu.arguments import FloatArray
from htmu.symbolic.expression import Expression
from htmu.symbolic.fit import constant_errors, fit_constants
from htmu.symbolic.holdout import Fold, held_out_errors
from htmu.symbolic.printing import number_text
from htmu.symbolic.problem import Problem
from htmu.symbolic.trees import domain_silenced, values

#: A law is refused by its chi^2 below this probability.
MIN_P_VALUE = 1e-3
_MIN_DIGITS = 3
#: Relative residuals below this are rounding.
_ROUNDING = 1e-13


@dataclass(frozen=True)
class Law:
    """One law of a search.

    Attributes
    ----------
    expression : Expression
        Formula and constants.
    constant_errors : tuple of float
        Standard errors of the constants, from left to right; scaled by the root of `chi2_dof` where
        that is above 1.
    loss : float
        Weighted mean square of the residuals, ``sum w (y - f)^2 / sum w``: PySR's loss.
    rms : float
        Its root, in the target's units.
    chi2_dof : float
        chi^2 per degree of freedom against the rows' errors; NaN without errors.
    p_value : float
        Probability of a chi^2 as large if the law is exact; NaN without errors.
    interpolation, extrapolation : float
        Root of the weighted mean square at held-out rows (see `htmu.symbolic.holdout`), in the
        target's units: inner levels of the grid, and its ends. NaN if there are none.
    digits : tuple of int
        Significant digits of each constant in `text` and `latex`: so many that the rounded
        constants have the law's chi^2 (see `shown_digits`).
    """

    expression: Expression
    constant_errors: tuple[float, ...]
    loss: float
    chi2_dof: float
    p_value: float
    interpolation: float
    extrapolation: float
    fold_errors: tuple[float, ...]
    digits: tuple[int, ...]

    @property
    def complexity(self) -> int:
        """Number of nodes."""
        return self.expression.complexity

    @property
    def rms(self) -> float:
        """Root of the loss."""
        return float(np.sqrt(self.loss))

    @property
    def constants(self) -> tuple[float, ...]:
        """Constants from left to right in the tree."""
        return self.expression.constants

    @property
    def text(self) -> str:
        """Formula that Python reads, with as many digits as its chi^2 needs."""
        return self.expression.format(self.digits)

    @property
    def latex(self) -> str:
        """Formula in LaTeX's mathematical mode, with the same digits."""
        return self.expression.format(self.digits, latex=True)

    @property
    def constants_text(self) -> str:
        """Constants from left to right in the tree, each with its standard error."""
        return ", ".join(
            f"{number_text(c, digits)} ± {e:.2g}"
            for c, e, digits in zip(self.constants, self.constant_errors, self.digits, strict=True)
        )

    def to_sympy(self) -> Any:
        """SymPy expression; needs the extra ``htmu[symbolic]``."""
        return self.expression.to_sympy()

    def __call__(self, **features: ArrayLike) -> FloatArray:
        """Values for arrays of the features, which broadcast."""
        return self.expression(**features)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able dictionary."""
        return {
            "text": self.text,
            "latex": self.latex,
            "complexity": self.complexity,
            "constants": list(self.constants),
            "constant_errors": list(self.constant_errors),
            "loss": self.loss,
            "rms": self.rms,
            "chi2_dof": self.chi2_dof,
            "p_value": self.p_value,
            "interpolation": self.interpolation,
            "extrapolation": self.extrapolation,
            "expression": self.expression.to_dict(),
        }

    def __repr__(self) -> str:
        return (
            f"Law({self.text!r}, complexity={self.complexity}, rms={self.rms:.3g}, "
            f"extrapolation={self.extrapolation:.3g})"
        )


def make_law(expression: Expression, problem: Problem, parts: Sequence[Fold]) -> Law:
    """Measure an expression; its constants are taken as they are."""
    tree, constants = expression.tree, expression.constants
    weights = problem.weights
    missed = problem.y - expression.evaluate(problem.arrays())
    chi2 = float(np.sum(weights * missed**2))
    dof = problem.n_rows - len(constants)
    errors = held_out_errors(tree, constants, problem, parts)
    known = problem.stderr is not None and dof > 0
    return Law(
        expression=expression,
        constant_errors=constant_errors(tree, problem, constants, chi2),
        loss=chi2 / float(np.sum(weights)),
        chi2_dof=chi2 / dof if known else float("nan"),
        p_value=float(gammaincc(dof / 2, chi2 / 2)) if known else float("nan"),
        interpolation=_pooled(errors, [not fold.extrapolates for fold in parts]),
        extrapolation=_pooled(errors, [fold.extrapolates for fold in parts]),
        fold_errors=tuple(float(error) for error in errors),
        digits=shown_digits(expression, problem),
    )


def shown_digits(expression: Expression, problem: Problem) -> tuple[int, ...]:
    """Fewest significant digits of each constant, at least 3, that keep the law what it is.

    Rounding may change chi^2 by 1 % and by a tenth of chi^2 per degree of freedom (a tenth where
    that is below 1), which moves no constant by more than a third of its error. It is chi^2 that
    is asked, for the constants' errors do not tell: those of correlated constants are larger than
    what the law allows each of them alone.
    """
    constants = expression.constants
    columns, weights = list(problem.columns), problem.weights
    exact = float(np.sum(weights * (problem.y - values(expression.tree, columns, constants)) ** 2))
    unit = exact / max(1, problem.n_rows - len(constants))
    # Below this a change is rounding, or nothing beside the rows' errors.
    least = float(np.sum(weights * (_ROUNDING * problem.y) ** 2))
    if problem.stderr is not None:
        unit, least = max(1.0, unit), 0.01

    def enough(digits: Sequence[int]) -> bool:
        rounded = [float(f"{c:.{d}g}") for c, d in zip(constants, digits, strict=True)]
        missed = problem.y - values(expression.tree, columns, rounded)
        with domain_silenced():
            change = abs(float(np.sum(weights * missed**2)) - exact)
        return change <= max(least, min(0.01 * exact, 0.1 * unit))

    common = next((d for d in range(_MIN_DIGITS, 17) if enough([d] * len(constants))), 17)
    digits = [common] * len(constants)
    for k in range(len(digits)):
        for fewer in range(_MIN_DIGITS, common):
            if enough([*digits[:k], fewer, *digits[k + 1 :]]):
                digits[k] = fewer
                break
    return tuple(digits)


def _pooled(errors: NDArray[np.float64], use: Sequence[bool]) -> float:
    chosen = errors[np.array(use, dtype=bool)]
    return float(np.sqrt(np.mean(chosen))) if len(chosen) else float("nan")


def best_law(front: Sequence[Law]) -> tuple[Law, str]:
    """Law that is recommended, and why.

    1. The simplest law that the rows' errors do not refuse (p-value at least 0.001).
    2. If they refuse all, or there are none: the simplest law whose held-out error is that of the
       best within one standard error of their difference over the folds.
    """
    for law in front:
        if law.p_value >= MIN_P_VALUE:
            return law, f"the simplest law that the errors admit (p = {law.p_value:.2g})"
    errors = np.array([law.fold_errors for law in front])
    means = errors.mean(axis=1)
    winner = int(np.argmin(means))
    for law, mine in zip(front, errors, strict=True):
        with np.errstate(invalid="ignore"):
            excess = mine - errors[winner]
            mean, spread = float(np.mean(excess)), float(np.std(excess, ddof=1))
        if law is front[winner] or mean <= spread / np.sqrt(len(excess)):
            break
    refused = "the errors refuse every law; " if not np.isnan(front[0].p_value) else ""
    return law, refused + "the simplest law within one standard error of the least held-out error"


def pareto_front(expressions: Sequence[Expression], problem: Problem) -> list[Expression]:
    """Expressions, simplest first, each with a smaller loss than all simpler ones.

    Of equal losses the one with fewer constants is kept. Differences that rounding can make do not
    count.
    """
    rounding = float(np.sum(problem.weights * (_ROUNDING * problem.y) ** 2))
    ranked = []
    for expression in expressions:
        missed = problem.y - expression.evaluate(problem.arrays())
        chi2 = float(np.sum(problem.weights * missed**2))
        if np.isfinite(chi2):
            ranked.append((expression.complexity, max(chi2, rounding), expression))
    ranked.sort(key=lambda entry: entry[0])
    front: list[Expression] = []
    least = np.inf
    for complexity in sorted({entry[0] for entry in ranked}):
        mine = [entry for entry in ranked if entry[0] == complexity]
        low = min(chi2 for _, chi2, _ in mine)
        if low < least * (1 - 1e-9):
            ties = [e for _, chi2, e in mine if chi2 <= low * (1 + 1e-9)]
            front.append(min(ties, key=lambda e: (len(e.constants), e.text)))
            least = low
    return front


def refitted(expression: Expression, problem: Problem) -> Expression:
    """Same formula with the constants of least chi^2, never worse than the given ones."""
    constants, _ = fit_constants(expression.tree, problem, expression.constants)
    return Expression(expression.tree, constants, expression.features)
