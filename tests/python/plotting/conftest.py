"""Fixtures of the tests of pictures: results with made-up numbers, so that no core runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from htmu.sweeps import Cell, CellResult, Grid, SweepResult, SweepSettings


def made_up(cell: Cell, kappa: float, half_width: float) -> CellResult:
    return CellResult(
        structure=cell.structure,
        m=cell.m,
        n=cell.n,
        alpha=cell.alpha,
        block_beta=cell.block_beta,
        kappa=kappa,
        stderr=half_width / 2,
        # Not symmetric, so that ends which change places are seen.
        lower=max(0.0, kappa - half_width / 2),
        upper=kappa + half_width,
        beta=kappa / cell.size,
        n_samples=100,
        n_steps=1,
        converged=True,
        variance_reduction=2.0,
        seed=0,
        version="0",
        cpu="",
        elapsed=0.1,
        finished_at="",
    )


@pytest.fixture(scope="session")
def make_result() -> Callable[..., SweepResult]:
    """Make a result from the lists of a grid and a formula of kappa."""

    def make(
        structure: str,
        kappa: Callable[[Cell], float] = lambda cell: float(cell.n - 1),
        half_width: float = 0.1,
        **lists: Any,
    ) -> SweepResult:
        grid = Grid(structure, **lists)
        settings = SweepSettings(half_width, 0.95, "selberg", "weight", 0, 10**6)
        return SweepResult(
            grid, settings, (made_up(cell, kappa(cell), half_width) for cell in grid)
        )

    return make
