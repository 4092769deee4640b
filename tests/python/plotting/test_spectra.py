"""Spectra side by side: what is drawn, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import integrate

import htmu
from htmu.errors import InvalidInputError
from htmu.plotting import SpectrumPanel, plot_spectra

LAW = htmu.htmp(5.0, 0.5)
SPECTRUM = np.asarray(LAW.rvs(size=400, random_state=1))


def test_histograms_have_the_mass_of_what_is_shown() -> None:
    panels = [
        SpectrumPanel("linear", SPECTRUM, (("law", LAW.pdf),)),
        SpectrumPanel("logarithmic", SPECTRUM, (("law", LAW.pdf),), logarithmic=True),
        SpectrumPanel("half", SPECTRUM, limits=(0.0, float(np.median(SPECTRUM)))),
    ]
    figure = plot_spectra([panels], title="three")
    masses = []
    for axes, panel in zip(figure.axes, panels, strict=True):
        stairs: Any = axes.patches[0]
        data = stairs.get_data()
        edges = np.log10(data.edges) if panel.logarithmic else np.asarray(data.edges)
        masses.append(float(np.sum(data.values * np.diff(edges))))
        assert axes.get_title() == panel.title
    assert masses == pytest.approx([1.0, 1.0, 0.5], abs=0.01)


def test_density_of_the_logarithm() -> None:
    panel = SpectrumPanel("logarithmic", SPECTRUM, (("law", LAW.pdf),), logarithmic=True)
    (line,) = plot_spectra([[panel]]).axes[0].lines
    x, y = (np.asarray(values, dtype=float) for values in line.get_data())
    share = LAW.cdf(x[-1]) - LAW.cdf(x[0])
    assert integrate.trapezoid(y, np.log10(x)) == pytest.approx(float(share), rel=1e-4)


def test_rows_of_different_lengths(tmp_path: Path) -> None:
    panel = SpectrumPanel("one", SPECTRUM)
    figure = plot_spectra([[panel, panel], [panel]], tmp_path / "spectra.png")
    assert [axes.axison for axes in figure.axes] == [True, True, True, False]
    assert (tmp_path / "spectra.png").stat().st_size > 5000


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "no spectrum to draw"),
        ([[]], "no spectrum to draw"),
        ([[SpectrumPanel("none", np.array([]))]], "'none' has no two eigenvalues"),
        ([[SpectrumPanel("equal", np.ones(9))]], "'equal' has no two eigenvalues"),
        ([[SpectrumPanel("zero", np.zeros(9), logarithmic=True)]], "'zero' has no two"),
        ([[SpectrumPanel("far", SPECTRUM, limits=(1e6, 1e7))]], "'far' has no two"),
    ],
)
def test_nothing_to_draw(rows: list[list[SpectrumPanel]], message: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=message):
        plot_spectra(rows, tmp_path / "spectra.png")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("panel", "message"),
    [
        (SpectrumPanel("nan", np.array([1.0, np.nan])), "'nan' has a value that is not finite"),
        (SpectrumPanel("inf", np.array([1.0, np.inf])), "'inf' has a value that is not finite"),
        (SpectrumPanel("text", np.array(["a", "b"])), "'text' must be an array of real numbers"),
        (SpectrumPanel("matrix", np.eye(3)), "'matrix' must have one dimension"),
        (SpectrumPanel("many", SPECTRUM, (("law", LAW.pdf),) * 4), "has 4 densities; give at most"),
        (SPECTRUM, "got a ndarray for a panel"),
        (None, "got a NoneType for a panel"),
    ],
)
def test_what_is_no_panel_is_refused(panel: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=message) as caught:
        plot_spectra([[panel]], tmp_path / "spectra.png")
    assert "\n" not in str(caught.value)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("rows", [5, [5], SpectrumPanel("one", SPECTRUM)])
def test_what_are_no_rows_is_refused(rows: Any) -> None:
    with pytest.raises(InvalidInputError, match="rows must be a sequence of sequences"):
        plot_spectra(rows)


def test_a_panel_without_a_spectrum_is_its_title() -> None:
    figure = plot_spectra([[SpectrumPanel("one", SPECTRUM), SpectrumPanel("diverged", None)]])
    assert figure.axes[1].get_title() == "diverged"
    assert not figure.axes[1].patches
    assert not figure.axes[1].lines


def test_bad_resolution_and_suffix(tmp_path: Path) -> None:
    panel = SpectrumPanel("one", SPECTRUM)
    with pytest.raises(InvalidInputError, match="dpi"):
        plot_spectra([[panel]], dpi=5)
    with pytest.raises(InvalidInputError, match="cannot draw"):
        plot_spectra([[panel]], tmp_path / "spectra.xyz")
