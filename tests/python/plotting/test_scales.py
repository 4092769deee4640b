"""Scales and ticks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from htmu.plotting.scales import is_log_spaced, is_wide, set_ticks
from htmu.sweeps import PRESETS


@pytest.mark.parametrize("name", PRESETS)
def test_sizes_of_the_presets_are_log_spaced(name: str) -> None:
    assert is_log_spaced(PRESETS[name]["m"])
    assert is_log_spaced(PRESETS[name]["n"])


@given(st.integers(1, 100), st.integers(1, 100), st.integers(3, 20))
def test_arithmetic_lists_are_not_log_spaced(first: int, step: int, count: int) -> None:
    assert not is_log_spaced([first + step * index for index in range(count)])


@given(st.floats(0.1, 100), st.floats(1.1, 10), st.integers(3, 12))
def test_geometric_lists_are_log_spaced(first: float, ratio: float, count: int) -> None:
    assert is_log_spaced([first * ratio**index for index in range(count)])


def test_short_lists_and_lists_with_zero() -> None:
    assert not is_log_spaced([5])
    assert not is_log_spaced([0, 1, 10, 100])
    assert is_log_spaced([3, 100])
    assert not is_log_spaced([3, 10])


def test_wide_values() -> None:
    assert is_wide([0, 1, 8])
    assert not is_wide([0, 1, 7.9])
    assert not is_wide([0.0, 0.0])
    assert not is_wide([])


@pytest.mark.parametrize(
    ("values", "log", "names"),
    [
        ([3, 10, 31, 100], True, ["3", "10", "31", "100"]),
        (list(np.geomspace(3, 100, 10).round()), True, ["3", "10", "30", "100"]),
        (list(np.geomspace(2, 20, 10)), True, ["2", "5", "10", "20"]),
        ([1, 2, 3, 4, 5], False, ["1", "2", "3", "4", "5"]),
    ],
)
def test_ticks(values: list[float], log: bool, names: list[str]) -> None:
    figure = Figure()
    axes = figure.subplots()
    axes.plot(values, values)
    axes.set_xscale("log" if log else "linear")
    set_ticks(axes.xaxis, values, log=log)
    figure.draw_without_rendering()
    low, high = axes.get_xlim()
    shown = [
        label.get_text()
        for label, place in zip(axes.get_xticklabels(), axes.get_xticks(), strict=True)
        if low <= place <= high
    ]
    assert shown == names
