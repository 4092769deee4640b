"""Order of the cells and the time left."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from htmu.sweeps import Grid, SweepSettings
from htmu.sweeps.cells import CELL_PARAMETERS
from htmu.sweeps.schedule import TimeLeft, predicted_cost, representative_order

SETTINGS = SweepSettings(1e-3, 0.95, "selberg", "weight", 0, 10**8)


@given(st.lists(st.floats(0.001, 100), min_size=1, max_size=60))
def test_order_is_a_permutation(costs: list[float]) -> None:
    cells = list(Grid("diagonal", n=range(2, 2 + len(costs)), alpha=1))
    order = representative_order(
        cells, {cell.key: cost for cell, cost in zip(cells, costs, strict=True)}
    )
    assert sorted(cell.n for cell in order) == [cell.n for cell in cells]


def test_every_prefix_is_representative() -> None:
    cells = list(Grid.preset("paper"))
    costs = {cell.key: predicted_cost(cell, SETTINGS) for cell in cells}
    order = representative_order(cells, costs)
    ranked = {
        cell.key: rank / len(cells)
        for rank, cell in enumerate(sorted(cells, key=lambda cell: costs[cell.key]))
    }
    for length in (25, 50, 100, 250, 400):
        ranks = sorted(ranked[cell.key] for cell in order[:length])
        # Discrepancy of the first `length` multiples of the golden ratio: below 2 log(length) /
        # length (Niederreiter 1992, theorem 3.3); random subsets reach 1.4 / sqrt(length).
        discrepancy = max(abs(rank - index / length) for index, rank in enumerate(ranks))
        assert discrepancy < 4 / length


@pytest.mark.parametrize("structure", CELL_PARAMETERS)
@pytest.mark.parametrize("name", ["paper", "laws"])
def test_costs_are_positive_and_bounded_by_max_samples(structure: str, name: str) -> None:
    for cell in Grid.preset(name, structure):
        costs = [
            predicted_cost(cell, SweepSettings(1e-3, 0.95, "selberg", "weight", 0, limit))
            for limit in (100, 10**4, 10**8)
        ]
        assert 0 < costs[0] <= costs[1] <= costs[2] < 1e6


@given(
    st.lists(st.floats(0.01, 10), min_size=2, max_size=30),
    st.floats(0.1, 10),
    st.integers(0, 2**32),
)
def test_time_left_is_exact_for_exact_costs(costs: list[float], slowness: float, seed: int) -> None:
    named = {str(index): cost for index, cost in enumerate(costs)}
    clock = TimeLeft(named, workers=1)
    order = list(named)
    random.Random(seed).shuffle(order)
    left = sum(costs)
    for key in order[:-1]:
        clock.advance(slowness * named[key])
        clock.finish(key)
        left -= named[key]
        assert clock.seconds({}) == pytest.approx(slowness * left, rel=1e-9, abs=1e-9)
    half = {order[-1]: 0.5}
    clock.advance(slowness * named[order[-1]] / 2)
    assert clock.seconds(half) == pytest.approx(slowness * left / 2, rel=1e-9, abs=1e-9)


def test_the_last_cell_has_one_worker() -> None:
    clock = TimeLeft({"a": 1.0, "b": 1.0, "c": 6.0}, workers=2)
    clock.advance(1.0)
    clock.finish("a")
    clock.finish("b")
    assert clock.seconds({}) == pytest.approx(6.0)


def test_time_left_is_unknown_at_first_and_zero_at_last() -> None:
    clock = TimeLeft({"a": 1.0}, workers=2)
    assert clock.seconds({}) is None
    clock.advance(1.0)
    assert clock.seconds({"a": 0.5}) is None  # too early to guess from an unfinished cell
    clock.finish("a")
    assert clock.seconds({}) == 0.0
