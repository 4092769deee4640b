"""One cell of a sweep at half-width 1e-3 against the paper's literal recipe.

The recipe's time is extrapolated: seconds a step times the steps that its own central limit
theorem asks for. It starts at the answer and gets SciPy's fastest driver.
"""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import literal_recipe
import numpy as np
import pytest
from comparison import Compare

import htmu

HALF_WIDTH = 1e-3
SEEDS = range(5)
REFERENCE = Path(__file__).resolve().parents[1] / "tests" / "reference" / "block_diagonal.json"


@dataclass(frozen=True)
class CellWorkload:
    """A cell, the steps of the recipe that are timed, and the ratio to reach."""

    family: str
    m: int
    n: int
    alpha: float
    n_steps: int
    goal: float | None

    @property
    def structure(self) -> htmu.structures.Structure:
        if self.family == "kronecker":
            return htmu.structures.Kronecker(self.m, self.n, self.alpha)
        return htmu.structures.BlockDiagonal(self.m, self.n, self.alpha)

    def recipe(self, kappa: float) -> literal_recipe.LiteralRecipe:
        beta = kappa / (self.m * self.n)
        if self.family == "kronecker":
            return literal_recipe.kronecker_recipe(self.m, self.n, self.alpha, beta=beta)
        return literal_recipe.block_diagonal_recipe(self.m, self.n, self.alpha, beta=beta)


CELLS = [
    CellWorkload("blocks", 10, 10, 1, n_steps=30, goal=3_000),
    CellWorkload("blocks", 30, 30, 1, n_steps=6, goal=10_000),
    CellWorkload("kronecker", 10, 10, 1, n_steps=30, goal=None),
]


def exact_kappa(cell: CellWorkload) -> float | None:
    """The exact value, where the reference table has the cell."""
    if cell.family != "blocks":
        return None
    wanted = {"m": cell.m, "n": cell.n, "alpha": cell.alpha, "block_beta": 1}
    for row in json.loads(REFERENCE.read_text()):
        if row["parameters"] == wanted:
            return float(row["weight"]["kappa"])
    return None


@pytest.mark.parametrize("n_threads", [1, 2], ids=["1-thread", "2-threads"])
@pytest.mark.parametrize("cell", CELLS, ids=lambda c: f"{c.family}-{c.m}-{c.n}-{c.alpha}")
def test_kappa_cell(benchmark: Any, compare: Compare, cell: CellWorkload, n_threads: int) -> None:
    estimates = []

    def ours(seed: int) -> None:
        estimates.append(
            htmu.estimate_kappa(cell.structure, tol=HALF_WIDTH, seed=seed, n_threads=n_threads)
        )

    seeds = iter(SEEDS)
    benchmark.pedantic(ours, setup=lambda: ((next(seeds),), {}), rounds=len(SEEDS))
    kappa = statistics.mean(estimate.kappa for estimate in estimates)
    assert all(estimate.converged for estimate in estimates)
    exact = exact_kappa(cell)
    if exact is not None:  # 4 standard errors in five runs: false alarms 3e-4
        assert all(abs(one.kappa - exact) < 4 * one.stderr for one in estimates)
    assert max(estimate.half_width for estimate in estimates) <= HALF_WIDTH

    recipe = cell.recipe(kappa)
    rng = np.random.default_rng(7)
    for _ in range(cell.n_steps):
        recipe.step(rng)
    # The two agree: 4 standard errors of the recipe, false alarms 6e-5.
    assert abs(recipe.kappa - kappa) < 4 * recipe.stderr(cell.n_steps) + 2 * HALF_WIDTH

    n_steps = recipe.steps_for(HALF_WIDTH)
    samples = statistics.mean(estimate.n_samples for estimate in estimates)
    compare.record(
        benchmark.stats.stats.median,
        recipe.seconds_per_step * n_steps,
        work=samples,
        unit="samples",
        goal=cell.goal,
        kappa=round(kappa, 4),
        baseline_steps=round(n_steps),
        baseline_seconds_per_step=round(recipe.seconds_per_step, 5),
    )
