"""The exhaustive engine against brute force: every tree there is, fitted by SciPy."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from scipy.optimize import least_squares

from htmu.symbolic.enumeration import Enumeration
from htmu.symbolic.exhaustive import exhaustive_search
from htmu.symbolic.fit import fit_constants
from htmu.symbolic.law import pareto_front
from htmu.symbolic.problem import Problem
from htmu.symbolic.trees import constants_of, domain_silenced, evaluate, numbered

NAMES = ("u", "v")


@lru_cache
def all_trees(size: int) -> list[Any]:
    """Every tree of a size over two features, without any rule."""
    if size == 1:
        return [("c", 0), ("x", 0), ("x", 1)]
    found: list[Any] = [(op, a) for op in ("log", "exp") for a in all_trees(size - 1)]
    for left in range(1, size - 1):
        for a in all_trees(left):
            for b in all_trees(size - 1 - left):
                found += [(op, a, b) for op in ("+", "*", "/")]
    return found


def problem(seed: int, law: Any = None, rows: int = 24) -> Problem:
    rng = np.random.default_rng(seed)
    columns = rng.uniform(0.3, 4.0, (2, rows))
    y = rng.normal(size=rows) if law is None else law(*columns) + 1e-3 * rng.normal(size=rows)
    return Problem(NAMES, "y", columns, y, np.full(rows, 1e-3), "")


def brute_force(task: Problem, size: int) -> float:
    """Least chi^2 over all trees of a size, by SciPy from many starts."""
    root = np.sqrt(task.weights)
    starts = [-30.0, -5.0, -1.0, -0.3, 0.3, 1.0, 5.0, 30.0]
    least = np.inf
    for tree in map(numbered, all_trees(size)):
        count = len(constants_of(tree))

        def missed(c: Any, tree: Any = tree) -> Any:
            with domain_silenced():
                value = evaluate(tree, list(task.columns), list(c))
                residual = (task.y - value) * root
            return np.where(np.abs(residual) < 1e8, residual, 1e8)

        if count == 0:
            least = min(least, float(np.sum(missed([]) ** 2)))
        elif count < len(task.columns) + 1:
            for start in starts:
                best = least_squares(missed, np.full(count, start), method="lm", max_nfev=60)
                least = min(least, 2 * float(best.cost))
    return least


@pytest.mark.parametrize(
    ("size", "seed", "law"),
    [
        (1, 0, None),
        (2, 0, None),
        (3, 1, None),
        (4, 2, None),
        (4, 3, lambda u, v: np.exp(-0.7 / u)),
        pytest.param(5, 4, None, marks=pytest.mark.slow),
        pytest.param(5, 5, lambda u, v: 2.5 / (v - 0.1), marks=pytest.mark.slow),
        pytest.param(6, 6, lambda u, v: 1.5 * np.log(u + 2.0), marks=pytest.mark.slow),
    ],
)
def test_no_tree_of_a_size_fits_better(size: int, seed: int, law: Any) -> None:
    task = problem(seed, law)
    reference = min(brute_force(task, s) for s in range(1, size + 1))
    found, proved = exhaustive_search(task, size, np.inf, lambda fraction, message: None)
    assert proved == size
    front = pareto_front(found, task)
    missed = task.y - front[-1].evaluate(task.arrays())
    assert float(np.sum(task.weights * missed**2)) <= reference * (1 + 1e-6)


def random_tree(rng: np.random.Generator, size: int, n_features: int) -> Any:
    """A tree of a size: each kind of root, and each split of the nodes, is as likely."""
    if size == 1:
        leaf = int(rng.integers(n_features + 1))
        return ("c", 0) if leaf == n_features else ("x", leaf)
    if size == 2 or rng.random() < 0.3:
        return (str(rng.choice(["log", "exp"])), random_tree(rng, size - 1, n_features))
    left = int(rng.integers(1, size - 1))
    op = str(rng.choice(["+", "*", "/"]))
    branches = [random_tree(rng, nodes, n_features) for nodes in (left, size - 1 - left)]
    return (op, *branches)


def planted_tree(rng: np.random.Generator, size: int) -> tuple[Any, Problem]:
    """A random tree, and noisy rows of its function for constants away from 0."""
    while True:
        tree = numbered(random_tree(rng, size, len(NAMES)))
        count = len(constants_of(tree))
        signs, sizes = rng.choice([-1.0, 1.0], count), rng.uniform(0.4, 2.5, count)
        columns = rng.uniform(0.3, 4.0, (2, 24))
        with domain_silenced():
            y = evaluate(tree, list(columns), list(signs * sizes)) * np.ones(24)
        if 0 < count < size and np.isfinite(y).all() and 1e-2 < np.std(y) < 1e3:
            error = 1e-3 * float(np.std(y))
            return tree, Problem(
                NAMES, "y", columns, y + error * rng.normal(size=24), np.full(24, error), ""
            )


@pytest.mark.parametrize(
    ("size", "seed"),
    [
        *((5, seed) for seed in range(12)),
        *((6, seed) for seed in range(8)),
        *((7, seed) for seed in range(3)),
        *(pytest.param(7, seed, marks=pytest.mark.slow) for seed in range(3, 40)),
    ],
)
def test_any_planted_tree_is_found_or_beaten(size: int, seed: int) -> None:
    # Brute force is out of reach at these sizes, so trees are drawn: the front must fit the rows
    # of each as well as SciPy fits the tree itself, from many starts.
    rng = np.random.default_rng((size, seed))
    tree, task = planted_tree(rng, size)
    root = np.sqrt(task.weights)

    def missed_by(c: Any) -> Any:
        with domain_silenced():
            residual = (task.y - evaluate(tree, list(task.columns), list(c))) * root
        return np.where(np.abs(residual) < 1e8, residual, 1e8) * np.ones(len(root))

    count = len(constants_of(tree))
    starts = [rng.uniform(0.4, 2.5, count) * rng.choice([-1.0, 1.0], count) for _ in range(20)]
    reference = min(
        float(np.sum(least_squares(missed_by, start, method="lm").fun ** 2)) for start in starts
    )
    found, proved = exhaustive_search(task, size, np.inf, lambda fraction, message: None)
    assert proved == size
    best = pareto_front(found, task)[-1]
    missed = task.y - best.evaluate(task.arrays())
    assert float(np.sum(task.weights * missed**2)) <= reference * (1 + 1e-6), (tree, best)


def test_each_family_is_there_once() -> None:
    # No two trees without constants agree on other points than those that they were compared at.
    rng = np.random.default_rng(7)
    enumeration = Enumeration(rng.uniform(0.5, 3.0, (2, 30)))
    items = [item for _ in range(6) for item in enumeration.grow() if not item.n_constants]
    points = rng.uniform(0.6, 2.9, (2, 40))
    with domain_silenced():
        rows = np.array([evaluate(item.tree, list(points), []) for item in items])
    rows = rows[np.isfinite(rows).all(axis=1) & (np.abs(rows) < 1e6).all(axis=1)]
    ordered = rows[np.argsort(rows[:, 0])]
    close = np.isclose(ordered[1:], ordered[:-1], rtol=1e-11, atol=0).all(axis=1)
    assert not close.any()


@pytest.mark.parametrize(
    ("tree", "law", "truth"),
    [
        (("+", ("c", 0), ("*", ("c", 1), ("x", 0))), lambda u, v: 2 + 3 * u, (2, 3)),
        (("/", ("c", 0), ("+", ("x", 0), ("c", 1))), lambda u, v: 4 / (u + 0.2), (4, 0.2)),
        (("*", ("c", 0), ("exp", ("*", ("c", 1), ("x", 0)))), lambda u, v: np.exp(-2 * u), (1, -2)),
        (
            ("+", ("c", 0), ("log", ("+", ("c", 1), ("x", 1)))),
            lambda u, v: 1 + np.log(v + 3),
            (1, 3),
        ),
        (
            ("exp", ("*", ("c", 0), ("log", ("+", ("x", 0), ("c", 1))))),
            lambda u, v: (u + 1) ** 1.7,
            (1.7, 1),
        ),
        (
            ("log", ("+", ("c", 0), ("*", ("c", 1), ("x", 0)))),
            lambda u, v: np.log(9 - 2 * u),
            (9, -2),
        ),
    ],
)
def test_constants_are_found_with_their_errors(tree: Any, law: Any, truth: Any) -> None:
    from htmu.symbolic.fit import constant_errors

    task = problem(11, law, rows=60)
    constants, chi2 = fit_constants(tree, task)
    errors = constant_errors(tree, task, constants, chi2)
    assert chi2 < 100  # 58 degrees of freedom
    # Five standard errors: a false alarm in 1e6.
    assert all(abs(c - t) < 5 * e for c, t, e in zip(constants, truth, errors, strict=True))


def test_errors_of_constants_are_those_of_many_draws() -> None:
    from htmu.symbolic.fit import constant_errors

    tree = ("/", ("c", 0), ("+", ("x", 0), ("c", 1)))
    draws = []
    for seed in range(200):
        task = problem(12, lambda u, v: 4 / (u + 0.2), rows=40)
        noise = 1e-3 * np.random.default_rng(seed).normal(size=40)
        y = 4 / (task.columns[0] + 0.2) + noise
        task = Problem(NAMES, "y", task.columns, y, task.stderr, "")
        constants, _ = fit_constants(tree, task)
        draws.append(constants)
    errors = constant_errors(tree, task, constants, 38.0)
    # The standard deviation of 200 draws is known to 5 %; the bound is six times that.
    np.testing.assert_allclose(np.std(draws, axis=0), errors, rtol=0.3)
