"""A picture of a fit: histograms with the fitted density, quantiles, and what is left over."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from htmu.arguments import FloatArray, as_int
from htmu.files import check_drawable, save_figure
from htmu.fits.band import Band, make_band
from htmu.fits.captions import counted, name_of, title_of
from htmu.fits.curve import Curve, make_reference

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    from htmu.fits.result import SpectrumFit

__all__ = ["draw_fit"]

_DATA, _EDGE = "#c9d3df", "#8496aa"
_FIT, _MP, _SPIKE, _BAND = "#0b3c8c", "#d9730d", "#c2185b", "#0b3c8c"
_FITTED: dict[str, Any] = {"color": _FIT, "linewidth": 1.8}
_OTHER: dict[str, Any] = {"color": _MP, "linewidth": 1.5, "linestyle": (0, (5, 2))}
_TITLE_SIZE = 13
#: Quantile-quantile and residual panels show at most so many points.
_MOST_POINTS = 1500
#: Spectra that spread less than this are drawn without logarithms of quantiles.
_WIDE = 8.0


def draw_fit(
    fit: SpectrumFit, path: str | os.PathLike[str] | None = None, *, dpi: int = 200
) -> Figure:
    """Draw a fit; see `SpectrumFit.plot`."""
    check_drawable(path)
    dpi = as_int("dpi", dpi, minimum=10, maximum=2400)
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    law, scale = fit._law()
    low, high = fit.window or (0.0, math.inf)
    curve = Curve(law, scale, fit.inverse, low, high)
    reference = make_reference(fit, curve)
    band = make_band(fit, curve.whole_cdf)
    figure = Figure(figsize=(10.4, 8.0), layout=ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08))
    panels = figure.subplots(2, 2)
    for axes in panels.ravel():
        axes.tick_params(labelsize=9)
        axes.grid(color="0.92", linewidth=0.6)
        axes.set_axisbelow(True)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    _draw_linear(panels[0, 0], fit, curve, reference)
    _draw_logarithmic(panels[0, 1], fit, curve, reference)
    _draw_quantiles(panels[1, 0], fit, curve, band)
    _draw_residuals(panels[1, 1], fit, curve, band)
    first, second = title_of(fit)
    # The empty second line makes room for the smaller one.
    figure.suptitle(f"{first}\n", fontsize=_TITLE_SIZE)
    below = 0.98 - 1.7 * _TITLE_SIZE / 72 / figure.get_figheight()
    figure.text(0.5, below, second, ha="center", va="top", fontsize=10, color="0.35")
    if path is not None:
        save_figure(figure, path, dpi)
    return figure


def _edges(values: FloatArray, most: int) -> FloatArray:
    """Return edges of equal bins by the rule of Freedman and Diaconis (1981), 4 to `most`."""
    low, high = float(values.min()), float(values.max())
    quarter = np.quantile(values, [0.25, 0.75])
    width = 2 * float(quarter[1] - quarter[0]) / len(values) ** (1 / 3)
    count = (high - low) / width if width > 0 else most
    least = min(8, max(4, len(values) // 3))
    return np.linspace(low, high, int(np.clip(math.ceil(count), least, most)) + 1)


def _draw_linear(
    axes: Axes, fit: SpectrumFit, curve: Curve, reference: tuple[str, Curve] | None
) -> None:
    """Draw the bulk: up to where a long tail would press it into a few bins."""
    values = fit.values
    upper, far = (float(q) for q in np.quantile(values, [0.75, 0.97]))
    end = min(float(values[-1]), far, 5 * upper)
    if values[-1] < 1.6 * end:
        end = float(values[-1])
    start = 0.0 if values[0] < 0.3 * end else float(values[0])
    shown = values[values <= end]
    edges = _edges(np.concatenate([[start], shown]), 80)
    heights = np.histogram(shown, edges)[0] / (fit.n_used * np.diff(edges))
    margin = 0.06 * (end - start)
    left = max(start - margin, 0.0)
    right = end + margin if end == values[-1] else end
    x = np.linspace(left, right, 1201)[1:]
    density = curve.pdf(x)
    _draw_bars(axes, fit, heights, edges, 0.0)
    axes.plot(x, density, label=name_of(fit), **_FITTED)
    if reference is not None:
        axes.plot(x, reference[1].pdf(x), label=reference[0], **_OTHER)
    axes.set_xlim(left, right)
    peak = float(heights.max())
    axes.set_ylim(0, 1.2 * max(peak, min(float(density.max()), 1.6 * peak)))
    axes.locator_params(axis="x", nbins=7)
    inside = fit.spikes[fit.spikes <= right]
    if len(inside):
        _draw_spikes(axes, inside)
    beyond = [
        counted(int((values > end).sum()), "eigenvalue"),
        counted(len(fit.spikes) - len(inside), "spike"),
    ]
    if any(beyond):
        axes.plot([], [], " ", label=rf"{' and '.join(filter(None, beyond))} beyond $\rightarrow$")
    axes.set_xlabel("eigenvalue", fontsize=10)
    axes.set_ylabel("density", fontsize=10)
    axes.legend(frameon=False, fontsize=9, loc="upper right")


def _draw_logarithmic(
    axes: Axes, fit: SpectrumFit, curve: Curve, reference: tuple[str, Curve] | None
) -> None:
    """Draw the density of log10 x on logarithmic axes, where a power law is a straight line."""
    logs = np.log10(fit.values)
    edges = _edges(logs, 60)
    heights = np.histogram(logs, edges)[0] / (fit.n_used * np.diff(edges))
    # Less than one eigenvalue in a bin.
    floor = 0.4 / (fit.n_used * float(edges[1] - edges[0]))
    axes.set_xscale("log")
    axes.set_yscale("log")
    _draw_bars(axes, fit, np.maximum(heights, floor), 10**edges, floor)
    top = np.log10(fit.spikes[-1]) if len(fit.spikes) else logs[-1]
    margin = 0.06 * (top - logs[0])
    x = 10 ** np.linspace(logs[0] - margin, top + margin, 1500)

    def density(shape: Curve) -> FloatArray:
        # A line to below the axis shows an edge of the support as a drop.
        return np.maximum(x * math.log(10) * shape.pdf(x), floor / 1e3)

    axes.plot(x, density(curve), **_FITTED)
    if reference is not None:
        axes.plot(x, density(reference[1]), **_OTHER)
    axes.set_xlim(x[0], x[-1])
    axes.set_ylim(floor, 3 * float(heights.max()))
    if len(fit.spikes):
        marks = _draw_spikes(axes, fit.spikes)
        axes.legend(handles=[marks], frameon=False, fontsize=9, loc="upper left")
    _name_ticks(axes.xaxis, x[0], x[-1])
    axes.set_xlabel("eigenvalue", fontsize=10)
    axes.set_ylabel(r"density of $\log_{10}$ eigenvalue", fontsize=10)


def _draw_bars(
    axes: Axes, fit: SpectrumFit, heights: FloatArray, edges: FloatArray, floor: float
) -> None:
    axes.stairs(
        heights,
        edges,
        baseline=floor,
        fill=True,
        facecolor=_DATA,
        edgecolor=_EDGE,
        linewidth=0.6,
        label=f"eigenvalues ({fit.n_used:,})",
    )


def _draw_spikes(axes: Axes, spikes: FloatArray) -> Line2D:
    (marks,) = axes.plot(
        spikes,
        np.full(len(spikes), 0.035),
        transform=axes.get_xaxis_transform(),
        linestyle="none",
        marker="v",
        markersize=7,
        color=_SPIKE,
        markeredgecolor="white",
        markeredgewidth=0.6,
        zorder=5,
        clip_on=False,
        label=counted(len(spikes), "spike"),
    )
    return marks


def _ranks(n: int, first: int) -> NDArray[np.int64]:
    """Return ranks from first to n: all of a few, else dense at both ends."""
    if n - first < _MOST_POINTS:
        return np.arange(first, n + 1)
    half = np.unique(np.geomspace(1, (n - first) / 2, _MOST_POINTS // 4).astype(int)) - 1
    even = np.linspace(first, n, _MOST_POINTS // 2).astype(int)
    return np.unique(np.concatenate([first + half, n - half, even]))


def _draw_quantiles(axes: Axes, fit: SpectrumFit, curve: Curve, band: Band | None) -> None:
    first = fit.n_used - len(fit.values) + 1
    ranks = _ranks(fit.n_used, first)
    found = fit.values[ranks - first]
    expected = curve.ppf((ranks - 0.5) / fit.n_used)
    shown = (expected > 0) & np.isfinite(expected)
    ranks, found, expected = ranks[shown], found[shown], expected[shown]
    log = bool(fit.values[-1] / fit.values[0] > _WIDE)
    if log:
        axes.set_xscale("log")
        axes.set_yscale("log")
    if band is not None:
        below, above = (curve.ppf(p) for p in band.of_ranks(ranks))
        axes.fill_between(
            expected,
            np.maximum(below, 5e-324) if log else below,
            above,
            color=_BAND,
            alpha=0.16,
            linewidth=0,
            label=band.label,
        )
    ends = [min(expected[0], found[0]), max(expected[-1], found[-1])]
    axes.plot(ends, ends, color="0.35", linewidth=0.9)
    size = 4 if len(found) > 100 else 7
    axes.plot(expected, found, ".", color=_FIT, markersize=size, markeredgewidth=0)
    for axis, limits, values in (
        (axes.xaxis, axes.set_xlim, expected),
        (axes.yaxis, axes.set_ylim, found),
    ):
        low, high = float(values[0]), float(values[-1])
        if log:
            margin = (high / low) ** 0.05
            limits(low / margin, high * margin)
            _name_ticks(axis, low / margin, high * margin)
        else:
            limits(low - 0.05 * (high - low), high + 0.05 * (high - low))
    if not log:
        axes.locator_params(nbins=6)
    axes.set_xlabel("quantile of the fitted law", fontsize=10)
    axes.set_ylabel("eigenvalue", fontsize=10)
    if band is not None:
        axes.legend(frameon=False, fontsize=9, loc="upper left")


def _draw_residuals(axes: Axes, fit: SpectrumFit, curve: Curve, band: Band | None) -> None:
    n, first = fit.n_used, fit.n_used - len(fit.values)
    u = curve.cdf(fit.values)
    ranks = np.arange(first + 1, n + 1)
    kept = np.unique(
        np.concatenate(
            [
                np.linspace(0, len(u) - 1, min(len(u), _MOST_POINTS)).astype(int),
                [np.argmax(ranks / n - u), np.argmax(u - (ranks - 1) / n)],
            ]
        )
    )
    steps = np.stack([(ranks[kept] - 1) / n, ranks[kept] / n], axis=1)
    if band is not None:
        p, width = band.of_shares()
        axes.fill_between(p, -width, width, color=_BAND, alpha=0.16, linewidth=0, label=band.label)
    axes.axhline(0, color="0.35", linewidth=0.9)
    axes.plot(np.repeat(u[kept], 2), (steps - u[kept, None]).ravel(), color=_FIT, linewidth=1.1)
    axes.set_xlim(0, 1)
    top = float(np.abs(steps - u[kept, None]).max())
    if band is not None:
        top = max(top, float(width.max()))
    axes.set_ylim(-1.25 * top, 1.25 * top)
    axes.set_xlabel("share below, fitted law", fontsize=10)
    axes.set_ylabel("share below, eigenvalues minus law", fontsize=10)
    if band is not None:
        axes.legend(frameon=False, fontsize=9, loc="upper left")


def _name_ticks(axis: Axis, low: float, high: float) -> None:
    """Name round numbers on a logarithmic axis of less than three decades."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    decades = math.log10(high / low)
    if decades > 3:
        return
    if decades < 0.7:
        axis.set_major_locator(MaxNLocator(6))
    else:
        subs = (1.0, 3.0) if decades > 1.6 else (1.0, 2.0, 5.0)
        axis.set_major_locator(LogLocator(base=10, subs=subs, numticks=20))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())
