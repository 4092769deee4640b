"""Pictures of kappa: what is drawn is what the result holds."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer

from htmu.errors import InvalidInputError, MissingExtraError, RunFileError
from htmu.plotting import check_drawable, plot_kappa
from htmu.sweeps import Grid, SweepResult

Make = Callable[..., SweepResult]


def visible(figure: Any) -> list[Axes]:
    return [axes for axes in figure.axes if axes.get_visible()]


def bars(axes: Axes) -> list[ErrorbarContainer]:
    return [c for c in axes.containers if isinstance(c, ErrorbarContainer)]


def points(axes: Axes) -> set[tuple[float, float]]:
    return {
        (round(float(x), 9), round(float(y), 9))
        for container in bars(axes)
        for x, y in container[0].get_xydata()
    }


def ends(axes: Axes) -> set[tuple[float, float]]:
    """Lower and upper end of every error bar."""
    return {
        (round(float(low), 9), round(float(high), 9))
        for container in bars(axes)
        for (_, low), (_, high) in container[2][0].get_segments()
    }


def test_every_cell_is_drawn_with_its_interval(make_result: Make) -> None:
    result = make_result("kronecker", lambda c: c.n / c.m, m=[2, 3], n=[2, 3, 4], alpha=[1, 2])
    panels = visible(plot_kappa(result))
    assert len(panels) == 4
    for panel, (axis, alpha) in zip(panels, [("n", 1), ("n", 2), ("m", 1), ("m", 2)], strict=True):
        cells = [cell for cell in result if cell.alpha == alpha]
        assert points(panel) == {(getattr(cell, axis), round(cell.kappa, 9)) for cell in cells}
        assert ends(panel) == {(round(c.lower, 9), round(c.upper, 9)) for c in cells}
        assert panel.get_xlabel() == f"${axis}$"
    assert [panel.get_ylabel() for panel in panels] == [r"$\kappa$", "", r"$\kappa$", ""]
    assert [panel.get_title() for panel in panels] == [r"$\alpha$ = 1", r"$\alpha$ = 2", "", ""]


def test_reference_stands_for_real_blocks_only(make_result: Make) -> None:
    lists = {"m": [2, 3], "n": [2, 4], "alpha": 1}

    def labels(figure: Any) -> set[str]:
        return {
            text.get_text()
            for axes in visible(figure)
            if (legend := axes.get_legend()) is not None
            for text in legend.get_texts()
        }

    real = plot_kappa(make_result("block-diagonal", **lists))
    assert "$n - 1$" in labels(real)
    assert visible(real)[-1].get_ylabel() == r"$\kappa - (n - 1)$"
    for other in (
        make_result("block-diagonal", **lists, block_beta=2),
        make_result("kronecker", **lists),
        make_result("full", n=[2, 4], alpha=1),
    ):
        figure = plot_kappa(other)
        assert "$n - 1$" not in labels(figure)
        assert {axes.get_ylabel() for axes in visible(figure)} == {r"$\kappa$"}


def test_reference_is_n_minus_1(make_result: Make) -> None:
    figure = plot_kappa(make_result("block-diagonal", m=[2, 3], n=[2, 4, 8], alpha=1))
    (line,) = [ln for ln in visible(figure)[0].get_lines() if ln.get_label() == "$n - 1$"]
    x, y = np.asarray(line.get_data())
    np.testing.assert_allclose(y, x - 1)
    assert (x[0], x[-1]) == pytest.approx((2, 8))


def test_axes_are_logarithmic_where_the_grid_is(make_result: Make) -> None:
    wide = visible(plot_kappa(make_result("kronecker", m=[3, 10, 31], n=[3, 10, 31, 100], alpha=1)))
    assert [(a.get_xscale(), a.get_yscale()) for a in wide] == [("log", "log")] * 2
    narrow = visible(plot_kappa(make_result("kronecker", m=[3, 4, 5], n=[3, 4, 5], alpha=1)))
    assert [(a.get_xscale(), a.get_yscale()) for a in narrow] == [("linear", "linear")] * 2


def test_zeros_on_a_logarithmic_axis_are_marked_and_named(make_result: Make) -> None:
    def kappa(cell: Any) -> float:
        return 0.0 if cell.n == 2 else float(cell.n)

    figure = plot_kappa(make_result("kronecker", kappa, m=[2, 3], n=[2, 8, 64], alpha=1))
    upper = visible(figure)[0]
    assert upper.get_yscale() == "log"
    marks = [line for line in upper.get_lines() if line.get_label() == r"$\kappa = 0$"]
    assert [list(np.asarray(line.get_xdata())) for line in marks] == [[2], [2]]
    legend = upper.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["2", "3", r"$\kappa = 0$"]


def test_many_alphas_are_wrapped(make_result: Make) -> None:
    figure = plot_kappa(make_result("kronecker", m=[2, 3], n=[2, 3], alpha=range(1, 8)))
    panels = visible(figure)
    assert len(panels) == 14
    assert len(figure.axes) == 16
    assert [axes.get_title() for axes in panels[:7]] == [rf"$\alpha$ = {a}" for a in range(1, 8)]


@pytest.mark.parametrize(
    ("structure", "lists"),
    [
        ("block-diagonal", {"m": 5, "n": 3, "alpha": 1}),
        ("block-diagonal", {"m": [1, 2], "n": [2, 3], "alpha": [-0.5, 0]}),
        ("diagonal", {"n": [2, 3], "alpha": 1}),
        ("full", {"n": 2, "alpha": 1}),
    ],
)
def test_small_results_can_be_drawn(
    structure: str, lists: dict[str, Any], make_result: Make, tmp_path: Path
) -> None:
    figure = plot_kappa(
        make_result(structure, lambda cell: 0.0, **lists), tmp_path / "a.png", dpi=50
    )
    assert all(points(axes) for axes in visible(figure))


def test_paper_grid_is_drawn_whole_and_nothing_overlaps(make_result: Make, tmp_path: Path) -> None:
    paper = Grid.preset("paper")
    lists = {"m": paper.m, "n": paper.n, "alpha": paper.alpha}
    result = make_result("block-diagonal", lambda c: c.n - 1 + 1 / c.m, 1e-3, **lists)
    figure = plot_kappa(result, tmp_path / "paper.png", dpi=60)
    panels = visible(figure)
    assert [len(points(axes)) for axes in panels] == [100] * 15
    figure.draw_without_rendering()
    boxes = [axes.get_tightbbox() for axes in panels]
    assert not any(
        one is not None and other is not None and one.shrunk(0.99, 0.99).overlaps(other)
        for index, one in enumerate(boxes)
        for other in boxes[:index]
    )
    image = matplotlib.image.imread(tmp_path / "paper.png")
    assert image.shape[0] > 300
    assert len(np.unique(image.reshape(-1, image.shape[2]), axis=0)) > 100


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_formats(suffix: str, make_result: Make, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    plot_kappa(make_result("full", n=[2, 3], alpha=1), path)
    start = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}[suffix]
    assert path.read_bytes().startswith(start)
    assert os.listdir(tmp_path) == [path.name]


def test_same_result_gives_the_same_picture(make_result: Make, tmp_path: Path) -> None:
    result = make_result("full", n=[2, 3], alpha=1)
    plot_kappa(result, tmp_path / "a.png", dpi=50)
    plot_kappa(result, tmp_path / "b.png", dpi=50)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize("name", ["a.xyz", "a", "a.csv"])
def test_suffix_that_cannot_be_drawn(name: str, make_result: Make, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"ends in \.png, \.pdf or \.svg"):
        check_drawable(name)
    with pytest.raises(InvalidInputError, match=name):
        plot_kappa(make_result("full", n=[2, 3], alpha=1), tmp_path / name)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("dpi", [0, -1, 10**6, 99.5])
def test_bad_resolution(dpi: Any, make_result: Make) -> None:
    with pytest.raises(InvalidInputError, match=f"dpi .*{dpi}"):
        plot_kappa(make_result("full", n=[2, 3], alpha=1), dpi=dpi)


def test_result_without_cells(make_result: Make) -> None:
    result = make_result("full", n=[2, 3], alpha=1)
    with pytest.raises(InvalidInputError, match="no finished cell"):
        plot_kappa(SweepResult(result.grid, result.settings, []))


def test_place_that_cannot_be_written(make_result: Make, tmp_path: Path) -> None:
    result = make_result("full", n=[2, 3], alpha=1)
    with pytest.raises(RunFileError, match="there is no folder"):
        plot_kappa(result, tmp_path / "none" / "a.png")


def test_full_disk_leaves_nothing(make_result: Make, tmp_path: Path) -> None:
    if os.name != "posix":
        pytest.skip("needs a limit on the size of files")
    import resource

    result = make_result("full", n=[2, 3], alpha=1)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(RunFileError, match="cannot write"):
            plot_kappa(result, tmp_path / "a.png")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert os.listdir(tmp_path) == []


def test_missing_matplotlib_names_the_extra(
    make_result: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.backend_bases", None)
    with pytest.raises(MissingExtraError, match=r'pip install "htmu\[plot\]"'):
        plot_kappa(make_result("full", n=[2, 3], alpha=1))


def test_no_global_state_and_no_display() -> None:
    program = (
        "import sys, htmu.sweeps, htmu.plotting\n"
        "assert 'matplotlib' not in sys.modules\n"
        "r = htmu.sweeps.sweep('full', n=[2, 3], alpha=1, tol=0.5)\n"
        "htmu.plotting.plot_kappa(r)\n"
        "assert 'matplotlib.figure' in sys.modules\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
