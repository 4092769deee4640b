"""Engine on Operon's genetic programming (pyoperon): seconds, at any size of formula.

Operon finds the shapes. All shapes of its last population are then taken, their constants fitted by
weighted least squares, and tried without each of their constants: its own fit knows no weights, and
each of its variables carries a coefficient. The best are then extended by small terms and factors
(`htmu.symbolic.extend`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from htmu.arguments import FloatArray
from htmu.errors import MissingExtraError
from htmu.symbolic.expression import Expression
from htmu.symbolic.extend import extended
from htmu.symbolic.fit import fit_constants
from htmu.symbolic.problem import Problem
from htmu.symbolic.simplify import from_valued, reduced, without_constants
from htmu.symbolic.trees import Tree, numbered, size

#: Operators of the paper's grammar.
SYMBOLS = "add,mul,div,log,exp,constant,variable"
_POPULATION = 500
_GENERATIONS = 30
_OPTIMIZER_STEPS = 5
#: Independent populations; each draws from its own seed.
_N_ISLANDS = 3
#: A row of large weight is repeated up to so many times.
_MAX_REPEATS = 4
#: Share of the time, where it is limited, that is for the populations; the rest is for the fits.
_SHARE = 0.6
#: Formulas up to this size are taken even if it is too late.
_ALWAYS = 3


def operon_search(
    problem: Problem,
    maxsize: int,
    seed: int,
    n_threads: int,
    deadline: float,
    progress: Callable[[float, str], None],
) -> list[Expression]:
    """Expressions up to a size, with fitted constants.

    The numbers depend on the seed alone, not on `n_threads`. A deadline (of `time.monotonic`) ends
    the search early: a population after whole seconds, the fits, smallest formulas first, after
    each.

    Raises
    ------
    MissingExtraError
        pyoperon is not installed.
    """
    regressor = import_operon()
    columns, y = _repeated(problem)
    shapes: dict[Tree, Tree] = {}
    seeds = np.random.SeedSequence(seed).generate_state(_N_ISLANDS, np.uint32)
    # Sizes beyond the paper's have more shapes to find.
    generations = int(_GENERATIONS * max(1.0, maxsize / 7) ** 2)
    begun = time.monotonic()
    for island, island_seed in enumerate(seeds):
        seconds = begun + _SHARE * (deadline - begun) - time.monotonic()
        if island and seconds < 0:
            break
        progress(island / (_N_ISLANDS + 1), f"population {island + 1} of {_N_ISLANDS}")
        search = regressor(
            allowed_symbols=SYMBOLS,
            objectives=["r2", "length"],
            max_length=maxsize,
            max_depth=maxsize,
            initialization_max_length=maxsize,
            population_size=_POPULATION,
            generations=generations,
            max_evaluations=10**9,
            optimizer_iterations=_OPTIMIZER_STEPS,
            epsilon=1e-12,
            n_threads=n_threads,
            random_state=int(island_seed),
            max_time=None if np.isinf(seconds) else max(1, round(seconds)),
        )
        search.fit(columns.T, y)
        order = {key: index for index, key in enumerate(search.variables_)}
        # The smallest first: those are read and fitted even if it is too late.
        for nodes in sorted((i.Genotype.Nodes for i in search.individuals_), key=len):
            if len(nodes) > _ALWAYS and time.monotonic() > deadline:
                break
            tree = reduced(read_nodes(nodes, order))
            for smaller in _all_without(tree):
                if size(smaller) <= maxsize:
                    shapes.setdefault(numbered(smaller), smaller)
    progress(_N_ISLANDS / (_N_ISLANDS + 1), f"constants of {len(shapes)} formulas")
    found = _fitted(sorted(shapes.values(), key=size), problem, deadline)
    return extended(found, problem, maxsize, deadline) if maxsize > 2 else found


def import_operon() -> Callable[..., Any]:
    """Operon's regressor, or one line on how to get it."""
    try:
        from pyoperon.sklearn import SymbolicRegressor
    except ImportError:
        raise MissingExtraError(
            'pyoperon is not installed; run: pip install "htmu[symbolic]"'
        ) from None
    regressor: Callable[..., Any] = SymbolicRegressor
    return regressor


def read_nodes(nodes: Sequence[Any], order: dict[int, int]) -> Tree:
    """Valued tree of Operon's nodes, which are in postfix order, a node's first operand last."""
    position = len(nodes)

    def read() -> Tree:
        nonlocal position
        position -= 1
        node = nodes[position]
        if node.IsVariable:
            return ("*", ("c", float(node.Value)), ("x", order[node.HashValue]))
        if node.IsConstant:
            return ("c", float(node.Value))
        return (node.Name, *(read() for _ in range(node.Arity)))

    return read()


def _repeated(problem: Problem) -> tuple[FloatArray, FloatArray]:
    """Rows, those of large weight several times: Operon knows no weights."""
    weights = problem.weights / np.median(problem.weights)
    repeats = np.clip(np.round(weights), 1, _MAX_REPEATS).astype(int)
    return np.repeat(problem.columns, repeats, axis=1), np.repeat(problem.y, repeats)


def _all_without(tree: Tree) -> list[Tree]:
    """The tree, and those that lack any of its constants which are factors or terms."""
    found = {numbered(tree): tree}
    queue = [tree]
    while queue and len(found) < 64:
        for smaller in without_constants(queue.pop()):
            if numbered(smaller) not in found:
                found[numbered(smaller)] = smaller
                queue.append(smaller)
    return list(found.values())


def _fitted(trees: Sequence[Tree], problem: Problem, deadline: float) -> list[Expression]:
    found: list[Expression] = []
    for tree in trees:
        if size(tree) > _ALWAYS and time.monotonic() > deadline:
            break
        start = from_valued(tree, problem.features)
        constants, chi2 = fit_constants(start.tree, problem)
        if not np.isfinite(chi2):
            constants, chi2 = fit_constants(start.tree, problem, start.constants)
        if np.isfinite(chi2):
            found.append(Expression(start.tree, constants, problem.features))
    return found
