"""Grids and presets."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from htmu.errors import InvalidInputError
from htmu.sweeps import PRESETS, Cell, Grid
from htmu.sweeps.cells import CELL_PARAMETERS

sizes = st.lists(st.integers(1, 10**4), min_size=1, max_size=5)
exponents = st.lists(st.floats(-0.99, 100, allow_nan=False), min_size=1, max_size=4)


@given(sizes, st.lists(st.integers(2, 10**4), min_size=1, max_size=5), exponents)
def test_grid_is_the_product_of_its_lists(m: list[int], n: list[int], alpha: list[float]) -> None:
    grid = Grid("kronecker", m=m, n=n, alpha=alpha)
    cells = list(grid)
    assert len(grid) == len(cells) == len({cell.key for cell in cells})
    assert set(cells) == {
        Cell("kronecker", b, c + 0.0, a, None) for a in m for b in n for c in alpha
    }
    assert grid.shape == tuple(len(values) for values in grid.axes.values())


@given(sizes, exponents, st.randoms(use_true_random=False))
def test_order_and_repetition_do_not_matter(n: list[int], alpha: list[float], random: Any) -> None:
    grid = Grid("block-diagonal", m=[2, 3], n=n, alpha=alpha)
    shuffled = n + n
    random.shuffle(shuffled)
    assert Grid("block-diagonal", m=(3, 2), n=shuffled, alpha=alpha[::-1]) == grid


@given(sizes, exponents, st.sampled_from([1, 2, 4]))
def test_dictionary_gives_the_grid_back(n: list[int], alpha: list[float], beta: int) -> None:
    grid = Grid("block-diagonal", m=2, n=n, alpha=alpha, block_beta=beta)
    assert Grid.from_dict(json.loads(json.dumps(grid.to_dict()))) == grid


def test_forms_of_a_list() -> None:
    grid = Grid("block-diagonal", m=np.array([3, 10]), n=10, alpha=range(1, 3))
    whole: list[Any] = [3.0, np.int16(10)]
    assert grid == Grid("block-diagonal", m=whole, n=(10,), alpha=np.array([1.0, 2.0]))
    assert repr(grid) == "Grid('block-diagonal', m=(3, 10), n=(10,), alpha=(1.0, 2.0))"


def test_negative_zero_is_zero() -> None:
    (cell,) = Grid("diagonal", n=2, alpha=-0.0)
    assert cell.key == Cell("diagonal", n=2, alpha=0.0).key


def test_paper_preset_is_the_papers_grid() -> None:
    grid = Grid.preset("paper")
    assert len(grid) == 500
    assert grid.m == grid.n == tuple(int(x) for x in np.geomspace(3, 100, 10).round())
    assert grid.alpha == (1, 2, 3, 4, 5)


def test_quick_preset_is_a_corner_of_the_papers_grid() -> None:
    assert set(Grid.preset("quick")) < set(Grid.preset("paper"))


@pytest.mark.parametrize("structure", CELL_PARAMETERS)
@pytest.mark.parametrize("name", PRESETS)
def test_every_cell_of_every_preset_is_valid(name: str, structure: str) -> None:
    grid = Grid.preset(name, structure)
    assert len(grid) > 1
    assert all(cell.build().N == cell.size >= 2 for cell in grid)


def test_preset_takes_block_beta() -> None:
    assert {cell.block_beta for cell in Grid.preset("quick", block_beta=4)} == {4}


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ({"m": 3, "n": 3}, "needs alpha"),
        ({"m": 3, "alpha": 1}, "needs n"),
        ({"n": 3, "alpha": 1}, "needs m"),
        ({"m": [], "n": 3, "alpha": 1}, "m is an empty list"),
        ({"m": [3, 0], "n": 3, "alpha": 1}, "m must be an integer at least 1, got 0"),
        ({"m": [3, 2.5], "n": 3, "alpha": 1}, "got 2.5"),
        ({"m": "ab", "n": 3, "alpha": 1}, "got 'ab'"),
        ({"m": [[1, 2], [3, 4]], "n": 3, "alpha": 1}, "m must be an integer"),
        ({"m": np.ones((2, 2)), "n": 3, "alpha": 1}, "shape (2, 2)"),
        ({"m": 3, "n": 3, "alpha": -1}, "alpha must be"),
        ({"m": 3, "n": 3, "alpha": [1, float("nan")]}, "nan"),
        ({"m": [1, 3], "n": [1, 3], "alpha": 1}, "1 x 1"),
        ({"m": 3, "n": 3, "alpha": 1, "block_beta": 3}, "got 3"),
        ({"structure": "kronecker", "m": 3, "n": 3, "alpha": 1, "block_beta": 2}, "no block_beta"),
        ({"structure": "full", "m": 3, "n": 3, "alpha": 1}, "no m"),
        ({"structure": "full", "n": 1, "alpha": 1}, "1 x 1"),
        ({"structure": "sampled", "n": 3, "alpha": 1}, "'sampled'"),
    ],
)
def test_bad_lists_are_refused_by_name(lists: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        Grid(**lists)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
