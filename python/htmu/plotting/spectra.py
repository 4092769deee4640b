"""Spectra side by side, each with the laws fitted to it."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from htmu.arguments import FloatArray, as_int, as_real_array
from htmu.errors import InvalidInputError
from htmu.files import check_drawable, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DATA, _EDGE = "#c9d3df", "#8496aa"
_STYLES = (("#0b3c8c", "-"), ("#d9730d", (0, (5, 2))), ("#2a7f4f", (0, (1, 1.5))))
#: Inches of a panel.
_WIDTH, _HEIGHT = 3.6, 2.9
_MOST_BINS = 70
_POINTS = 600
#: A narrower axis names three times the powers of ten too.
_DECADES = 1.8


@dataclasses.dataclass(frozen=True)
class SpectrumPanel:
    """One spectrum and the densities drawn over it.

    Attributes
    ----------
    title : str
        Above the panel.
    eigenvalues : ndarray, shape (n,), or None
        In any order; zeros and negative values are left out of a logarithmic panel. With None the
        panel is its title alone.
    densities : tuple of (str, callable)
        Label and density in the eigenvalue, already multiplied by its share of the spectrum; at
        most three.
    logarithmic : bool
        Density of log10 of the eigenvalue on logarithmic axes, or of the eigenvalue as it is.
    shaded : (float, float) or None
        Range of eigenvalues that was fitted.
    limits : (float, float) or None
        Range of eigenvalues shown; all if None.
    """

    title: str
    eigenvalues: FloatArray | None
    densities: tuple[tuple[str, Callable[[FloatArray], FloatArray]], ...] = ()
    logarithmic: bool = False
    shaded: tuple[float, float] | None = None
    limits: tuple[float, float] | None = None


def plot_spectra(
    rows: Sequence[Sequence[SpectrumPanel]],
    path: str | os.PathLike[str] | None = None,
    *,
    title: str | None = None,
    dpi: int = 160,
) -> Figure:
    """Plot spectra in rows and columns, as histograms with densities over them.

    Parameters
    ----------
    rows : sequence of sequences of SpectrumPanel
        A row with fewer than the others ends in empty places.
    path : path, optional
        File to write, whole or not at all: PNG, PDF or SVG by its suffix.
    title : str, optional
        Above the panels.
    dpi : int, default 160
        Resolution of a PNG file, from 10 to 2400.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InvalidInputError
        There is nothing to draw, a panel has no eigenvalues that it can show or more than
        three densities, the suffix is not one that Matplotlib writes, or `dpi` is out of range.
    NonFiniteError
        An eigenvalue is NaN or infinite.
    MissingExtraError
        Matplotlib is not installed.
    RunFileError
        The file cannot be written.

    Examples
    --------
    >>> import htmu
    >>> from htmu.plotting import SpectrumPanel, plot_spectra
    >>> spectrum = htmu.htmp(5.0, 0.5).rvs(size=300, random_state=0)
    >>> law = ("HTMP", htmu.htmp(5.0, 0.5).pdf)
    >>> figure = plot_spectra([[SpectrumPanel("linear", spectrum, (law,)),
    ...                         SpectrumPanel("logarithmic", spectrum, (law,), logarithmic=True)]])
    >>> len(figure.axes)
    2
    """
    check_drawable(path)
    dpi = as_int("dpi", dpi, minimum=10, maximum=2400)
    rows = _checked(rows)
    width = max((len(row) for row in rows), default=0)
    if not width:
        raise InvalidInputError("there is no spectrum to draw; give a panel at least")
    from matplotlib.figure import Figure

    size = (_WIDTH * width, _HEIGHT * len(rows) + (0.5 if title else 0.0))
    figure = Figure(figsize=size, layout="constrained")
    axes = np.asarray(figure.subplots(len(rows), width, squeeze=False))
    for row, places in zip(rows, axes, strict=True):
        for panel, place in zip(row, places, strict=False):
            _draw(place, panel)
        for place in places[len(row) :]:
            place.set_axis_off()
    if title:
        figure.suptitle(title, fontsize=12)
    if path is not None:
        save_figure(figure, path, dpi)
    return figure


def _checked(rows: Any) -> list[list[SpectrumPanel]]:
    """Return the rows with eigenvalues ascending, or refuse what cannot be drawn."""
    try:
        grid = [list(row) for row in rows]
    except TypeError:
        grid = [[None]]
    return [[_checked_panel(panel) for panel in row] for row in grid]


def _checked_panel(panel: Any) -> SpectrumPanel:
    if not isinstance(panel, SpectrumPanel):
        raise InvalidInputError(
            "rows must be a sequence of sequences of SpectrumPanel, got a "
            f"{type(panel).__name__} for a panel"
        )
    if panel.eigenvalues is None:
        return panel
    name = f"eigenvalues of panel {panel.title!r}"
    values = as_real_array(name, panel.eigenvalues)
    if values.ndim != 1:
        raise InvalidInputError(f"{name} must have one dimension, got the shape {values.shape}")
    if len(panel.densities) > len(_STYLES):
        raise InvalidInputError(
            f"panel {panel.title!r} has {len(panel.densities)} densities; give at most "
            f"{len(_STYLES)}"
        )
    return dataclasses.replace(panel, eigenvalues=np.sort(values))


def _draw(axes: Axes, panel: SpectrumPanel) -> None:
    values = panel.eigenvalues
    if values is None:
        axes.set_title(panel.title, fontsize=10)
        axes.set_xticks([])
        axes.set_yticks([])
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        return
    n = len(values)
    low, high = panel.limits or (-math.inf, math.inf)
    shown = values[(values >= low) & (values <= high)]
    if panel.logarithmic:
        shown = shown[shown > 0]
    if len(shown) < 2 or shown[0] == shown[-1]:
        raise InvalidInputError(f"panel {panel.title!r} has no two eigenvalues to show")
    if panel.logarithmic:
        _draw_logarithmic(axes, panel, shown, n)
    else:
        _draw_linear(axes, panel, shown, n)
    if panel.shaded is not None:
        left, right = axes.get_xlim()
        axes.axvspan(
            max(panel.shaded[0], left), min(panel.shaded[1], right), color="0.95", lw=0, zorder=0
        )
        axes.set_xlim(left, right)
    axes.set_title(panel.title, fontsize=10)
    axes.set_xlabel("eigenvalue", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.grid(color="0.92", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if panel.densities:
        axes.legend(fontsize=7.5, frameon=False)


def _bins(values: FloatArray) -> FloatArray:
    """Return edges of equal bins, half as wide as by the rule of Freedman and Diaconis (1981).

    Their rule is for smooth densities, and a law of eigenvalues has edges.
    """
    low, high = float(values[0]), float(values[-1])
    quarter = np.quantile(values, [0.25, 0.75])
    width = float(quarter[1] - quarter[0]) / len(values) ** (1 / 3)
    count = math.ceil((high - low) / width) if width > 0 else _MOST_BINS
    return np.linspace(low, high, min(max(count, 8), _MOST_BINS) + 1)


def _draw_linear(axes: Axes, panel: SpectrumPanel, shown: FloatArray, n: int) -> None:
    edges = _bins(shown)
    heights = np.histogram(shown, edges)[0] / (n * np.diff(edges))
    axes.stairs(heights, edges, fill=True, color=_DATA, edgecolor=_EDGE, linewidth=0.5)
    start = max(float(edges[0]), float(edges[-1]) * 1e-6)
    x = np.linspace(start, float(edges[-1]), _POINTS)
    for (label, density), (color, line) in zip(panel.densities, _STYLES, strict=False):
        axes.plot(x, density(x), color=color, linestyle=line, linewidth=1.6, label=label)
    axes.set_ylim(0, 1.35 * float(heights.max()))
    axes.set_xlim(min(float(edges[0]), 0.0), float(edges[-1]))
    axes.set_ylabel("density", fontsize=9)


def _draw_logarithmic(axes: Axes, panel: SpectrumPanel, shown: FloatArray, n: int) -> None:
    logs = np.log10(shown)
    edges = _bins(logs)
    heights = np.histogram(logs, edges)[0] / (n * np.diff(edges))
    axes.stairs(heights, 10**edges, fill=True, color=_DATA, edgecolor=_EDGE, linewidth=0.5)
    from matplotlib.ticker import LogFormatterSciNotation, LogLocator, NullFormatter

    axes.set_xscale("log")
    axes.set_yscale("log")
    # Between powers of ten only where there are less than two.
    subs = (1.0,) if edges[-1] - edges[0] > _DECADES else (1.0, 3.0)
    axes.xaxis.set_major_locator(LogLocator(subs=subs, numticks=12))
    axes.xaxis.set_major_formatter(LogFormatterSciNotation(labelOnlyBase=False))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_formatter(NullFormatter())
    x = np.logspace(float(edges[0]), float(edges[-1]), _POINTS)
    for (label, density), (color, line) in zip(panel.densities, _STYLES, strict=False):
        y = density(x) * x * math.log(10)
        axes.plot(x, y, color=color, linestyle=line, linewidth=1.6, label=label)
    positive = heights[heights > 0]
    axes.set_ylim(0.4 * float(positive.min()), 4 * float(positive.max()))
    axes.set_xlim(10 ** float(edges[0]), 10 ** float(edges[-1]))
    axes.set_ylabel("density of log10", fontsize=9)
