"""Pictures of laws: every row is drawn, with its residual and its error bar."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.container import ErrorbarContainer
from planted import PLANTED, table

from htmu import LawSearch, discover_law
from htmu.errors import InvalidInputError
from htmu.plotting import plot_law


@pytest.fixture(scope="module")
def search() -> LawSearch:
    return discover_law(table(PLANTED["shift"].law, 0, [3, 5, 10, 30]), maxsize=3)


def bars(axes: Any) -> list[ErrorbarContainer]:
    return [c for c in axes.containers if isinstance(c, ErrorbarContainer)]


def test_residuals_and_their_bars(search: LawSearch) -> None:
    figure = plot_law(search)
    problem = search.problem
    missed = problem.y - search.predict(problem.arrays())
    *panels, predicted = figure.axes
    assert [axes.get_xlabel() for axes in panels] == ["$m$", "$n$", r"$\alpha$"]
    assert [axes.get_xscale() for axes in panels] == ["log", "log", "linear"]
    for axes in panels:
        drawn = np.concatenate([bar[0].get_ydata() for bar in bars(axes)])
        np.testing.assert_allclose(np.sort(drawn), np.sort(missed))
        lengths = np.concatenate(
            [[high - low for (_, low), (_, high) in bar[2][0].get_segments()] for bar in bars(axes)]
        )
        assert problem.stderr is not None
        np.testing.assert_allclose(np.sort(lengths), np.sort(2 * 1.96 * problem.stderr))
    (bar,) = bars(predicted)
    np.testing.assert_allclose(bar[0].get_xdata(), problem.y)
    np.testing.assert_allclose(bar[0].get_ydata(), search.predict(problem.arrays()))
    figure.draw_without_rendering()
    assert search.best.latex in figure.get_suptitle()


def test_any_law_of_the_front(search: LawSearch, tmp_path: Path) -> None:
    figure = plot_law(search, tmp_path / "a.svg", law=search.front[0])
    assert "$n$" in figure.get_suptitle()
    assert (tmp_path / "a.svg").read_text().startswith("<?xml")
    other = discover_law(table(PLANTED["shift"].law, 1, [3, 5, 10, 30]), maxsize=1)
    with pytest.raises(InvalidInputError, match="not one of the search's laws"):
        plot_law(search, law=other.best)


@pytest.mark.parametrize(("count", "panels"), [(1, 2), (2, 3)])
def test_few_features_and_no_errors(count: int, panels: int) -> None:
    rows = table(PLANTED["shift"].law, 0, [3, 5, 10, 30])
    found = discover_law(rows, features=["n", "alpha"][:count], stderr=None, maxsize=3)
    assert len(plot_law(found).axes) == panels


def test_what_is_no_search() -> None:
    with pytest.raises(InvalidInputError, match="must be a LawSearch, got int"):
        plot_law(3)  # type: ignore[arg-type]
