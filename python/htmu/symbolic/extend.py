"""Laws made longer: the best small formula for what a law misses, added or multiplied to it.

A genetic search of long formulas loses small terms, whose gain is little beside the whole. What is
left over by a law is all that such a term is about, and small formulas can all be tried on it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from htmu.arguments import FloatArray
from htmu.symbolic.batches import fit_all
from htmu.symbolic.canonical import Item
from htmu.symbolic.enumeration import Enumeration
from htmu.symbolic.expression import Expression
from htmu.symbolic.fit import fit_constants
from htmu.symbolic.law import pareto_front
from htmu.symbolic.problem import Problem
from htmu.symbolic.simplify import from_valued, reduced, to_valued
from htmu.symbolic.trees import Tree, domain_silenced, numbered

#: Largest size of what is added.
_MAX_ADDED = 5
_N_ROUNDS = 2
#: Best formulas of each size that are tried.
_N_TRIED = 2


def extended(
    found: Sequence[Expression], problem: Problem, maxsize: int, deadline: float = float("inf")
) -> list[Expression]:
    """Front of the formulas and of their extensions up to a size."""
    front = pareto_front(found, problem)
    if time.monotonic() > deadline:
        return front
    enumeration = Enumeration(problem.columns)
    levels = [enumeration.grow() for _ in range(min(_MAX_ADDED, maxsize - 2))]
    for _ in range(_N_ROUNDS):
        more: list[Expression] = []
        for law in front:
            most = min(len(levels), maxsize - law.complexity - 1)
            if most > 0:
                more += _extensions(law, levels[:most], problem, deadline)
        front = pareto_front([*front, *(e for e in more if e.complexity <= maxsize)], problem)
    return front


def _extensions(
    law: Expression, levels: Sequence[list[Item]], problem: Problem, deadline: float
) -> list[Expression]:
    value = law.evaluate(problem.arrays())
    weights = problem.weights
    found: list[Expression] = []
    base = to_valued(law)
    with domain_silenced():
        tasks = [("+", problem.y - value, weights), ("*", problem.y / value, weights * value**2)]
    for op, target, weight in tasks:
        if not (np.isfinite(target).all() and np.isfinite(weight).all()):
            continue
        for items in levels:
            for added in _best(items, target, weight, deadline):
                start = from_valued(reduced((op, base, added)), problem.features)
                constants, chi2 = fit_constants(start.tree, problem, start.constants)
                if np.isfinite(chi2):
                    found.append(Expression(start.tree, constants, problem.features))
    return found


def _best(items: list[Item], target: FloatArray, weight: FloatArray, deadline: float) -> list[Tree]:
    """Valued trees that fit the target best; none, so that they are the best, if it is too late."""
    ranked: list[tuple[float, Expression]] = []
    names = tuple(f"x{i}" for i in range(_n_features(items)))
    for members, constants, chi2 in fit_all(items, target, weight):
        if time.monotonic() > deadline:
            return []
        for k in np.argsort(chi2, kind="stable")[:_N_TRIED]:
            if np.isfinite(chi2[k]):
                values = tuple(float(c) for c in constants[k])
                ranked.append(
                    (float(chi2[k]), Expression(numbered(members[k].tree), values, names))
                )
    ranked.sort(key=lambda entry: entry[0])
    return [to_valued(expression) for _, expression in ranked[:_N_TRIED]]


def _n_features(items: list[Item]) -> int:
    return 1 + max((_largest(item.tree) for item in items), default=0)


def _largest(tree: Tree) -> int:
    if tree[0] == "x":
        return int(tree[1])
    return 0 if tree[0] == "c" else max(_largest(branch) for branch in tree[1:])
