"""A picture of a fit: histograms with the fitted density, quantiles, and what is left over."""

from __future__ import annotations

import dataclasses
import math
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from htmu.arguments import FloatArray, as_int
from htmu.files import check_drawable, save_figure
from htmu.fits.band import Band, make_band
from htmu.fits.laws import Law, MarchenkoPasturLaw

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

    from htmu.fits.result import SpectrumFit

__all__ = ["draw_fit"]

_DATA, _EDGE = "#c9d3df", "#8496aa"
_FIT, _MP, _SPIKE, _BAND = "#0b3c8c", "#d9730d", "#c2185b", "#0b3c8c"
_TITLE_SIZE = 13
#: Quantile-quantile and residual panels show at most so many points.
_MOST_POINTS = 1500
#: Spectra that spread less than this are drawn without logarithms of quantiles.
_WIDE = 8.0


@dataclasses.dataclass(frozen=True)
class Curve:
    """A law of eigenvalues, of x / scale or (inverse) scale / x, conditioned to a window."""

    law: Law
    scale: float
    inverse: bool
    low: float = 0.0
    high: float = math.inf

    def whole_cdf(self, x: FloatArray) -> FloatArray:
        """Return the distribution function without the window; 0 and inf are allowed."""
        x = np.asarray(x, dtype=float)
        with np.errstate(divide="ignore", over="ignore"):
            return self.law.sf(self.scale / x) if self.inverse else self.law.cdf(x / self.scale)

    @property
    def ends(self) -> tuple[float, float]:
        """Distribution function at the ends of the window."""
        below = float(self.whole_cdf(np.array([self.low]))[0]) if self.low > 0 else 0.0
        above = float(self.whole_cdf(np.array([self.high]))[0]) if self.high < math.inf else 1.0
        return below, above

    def pdf(self, x: FloatArray) -> FloatArray:
        """Return the density in the window at x > 0."""
        y = self.scale / x if self.inverse else x / self.scale
        below, above = self.ends
        with np.errstate(over="ignore", divide="ignore"):
            density = np.exp(self.law.logpdf(y)) * y / x / (above - below)
        return np.where((x > self.low) & (x < self.high), density, 0.0)

    def cdf(self, x: FloatArray) -> FloatArray:
        """Return the distribution function in the window."""
        below, above = self.ends
        return np.asarray(np.clip((self.whole_cdf(x) - below) / (above - below), 0, 1))

    def ppf(self, p: FloatArray) -> FloatArray:
        """Return the quantiles in the window."""
        below, above = self.ends
        whole = below + (above - below) * np.asarray(p, dtype=float)
        with np.errstate(divide="ignore"):
            return np.asarray(
                self.scale / self.law.isf(whole) if self.inverse else self.law.ppf(whole) * self.scale
            )


def draw_fit(
    fit: SpectrumFit, path: str | os.PathLike[str] | None = None, *, dpi: int = 200
) -> Figure:
    """Draw a fit; see `SpectrumFit.plot`."""
    check_drawable(path)
    dpi = as_int("dpi", dpi, minimum=10, maximum=2400)
    from matplotlib.figure import Figure

    law, scale = fit._law()
    low, high = fit.window or (0.0, math.inf)
    curve = Curve(law, scale, fit.inverse, low, high)
    reference = _reference(fit, curve)
    band = make_band(fit, curve.whole_cdf)
    figure = Figure(figsize=(10.4, 8.0), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08, hspace=0.03, wspace=0.03)
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
    first, second = _title(fit)
    # The empty second line makes room for the smaller one.
    figure.suptitle(f"{first}\n", fontsize=_TITLE_SIZE)
    below = 0.98 - 1.7 * _TITLE_SIZE / 72 / figure.get_figheight()
    figure.text(0.5, below, second, ha="center", va="top", fontsize=10, color="0.35")
    if path is not None:
        save_figure(figure, path, dpi)
    return figure


def _reference(fit: SpectrumFit, curve: Curve) -> tuple[str, Curve] | None:
    """Return Marchenko-Pastur: the likeliest, or if none holds the data, that of the same gamma."""
    if math.isinf(fit.kappa):
        return None
    for model in fit.comparison:
        if model.name == "marchenko-pastur" and math.isfinite(model.loglik):
            law = MarchenkoPasturLaw(model.parameters["gamma"])
            scale = model.parameters["scale"]
            return "Marchenko-Pastur, best fit", dataclasses.replace(curve, law=law, scale=scale)
    gamma = min(fit.gamma, 1 / fit.gamma) if fit.gamma > 0 else 0.0
    if not 1e-12 < gamma <= 1:
        return None
    same = dataclasses.replace(curve, law=MarchenkoPasturLaw(gamma))
    below, above = same.ends
    if above - below < 1e-6:
        return None
    return r"Marchenko-Pastur of the same $\gamma$ and scale", same


def _edges(values: FloatArray, least: int, most: int) -> FloatArray:
    """Return edges of equal bins by the rule of Freedman and Diaconis (1981)."""
    low, high = float(values.min()), float(values.max())
    quarter = np.quantile(values, [0.25, 0.75])
    width = 2 * float(quarter[1] - quarter[0]) / len(values) ** (1 / 3)
    count = (high - low) / width if width > 0 else most
    return np.linspace(low, high, int(np.clip(math.ceil(count), least, most)) + 1)


def _bars(axes: Axes, fit: SpectrumFit, values: FloatArray, edges: FloatArray, floor: float) -> Any:
    """Draw a histogram of density among the fitted eigenvalues; return its heights."""
    heights = np.histogram(values, edges)[0] / (fit.n_used * np.diff(edges))
    return heights, axes.stairs(
        heights,
        edges,
        baseline=floor,
        fill=True,
        facecolor=_DATA,
        edgecolor=_EDGE,
        linewidth=0.6,
        label=f"eigenvalues ({fit.n_used:,})",
    )


def _draw_linear(
    axes: Axes, fit: SpectrumFit, curve: Curve, reference: tuple[str, Curve] | None
) -> None:
    """Draw the bulk: up to where a long tail would press it into a few bins."""
    values = fit.values
    quartiles = np.quantile(values, [0.25, 0.75, 0.97])
    end = min(float(values[-1]), max(float(quartiles[2]), float(quartiles[1]) * 1.05))
    if values[-1] < 1.6 * end:
        end = float(values[-1])
    start = 0.0 if values[0] < 0.3 * end else float(values[0])
    shown = values[values <= end]
    least = min(8, max(4, len(shown) // 3))
    edges = _edges(np.concatenate([[start], shown]), least, 80)
    heights, _ = _bars(axes, fit, shown, edges, 0.0)
    margin = 0.06 * (end - start)
    left = max(start - margin, 0.0)
    right = end + margin if end == values[-1] else end
    x = np.linspace(left, right, 1201)[1:]
    axes.plot(x, curve.pdf(x), color=_FIT, linewidth=1.8, label=_name(fit))
    if reference is not None:
        axes.plot(
            x, reference[1].pdf(x), color=_MP, linewidth=1.5, linestyle=(0, (5, 2)),
            label=reference[0],
        )
    axes.set_xlim(left, right)
    axes.set_ylim(0, 1.3 * float(heights.max()))
    inside = fit.spikes[fit.spikes <= right]
    if len(inside):
        _mark_spikes(axes, inside)
    beyond = int((values > end).sum())
    notes = [f"{beyond:,} eigenvalues" if beyond != 1 else "1 eigenvalue"] if beyond else []
    outside = len(fit.spikes) - len(inside)
    if outside:
        notes.append(f"{outside} spike{'' if outside == 1 else 's'}")
    if notes:
        axes.plot([], [], " ", label=rf"{' and '.join(notes)} beyond $\rightarrow$")
    axes.set_xlabel("eigenvalue", fontsize=10)
    axes.set_ylabel("density", fontsize=10)
    axes.legend(frameon=False, fontsize=9, loc="upper right")


def _draw_logarithmic(
    axes: Axes, fit: SpectrumFit, curve: Curve, reference: tuple[str, Curve] | None
) -> None:
    """Draw the density of log10 x on logarithmic axes, where a power law is a straight line."""
    values, spikes = fit.values, fit.spikes
    logs = np.log10(values)
    edges = _edges(logs, min(8, max(4, len(logs) // 3)), 60)
    floor = 0.4 / (fit.n_used * float(edges[1] - edges[0]))
    axes.set_xscale("log")
    axes.set_yscale("log")
    heights = np.histogram(logs, edges)[0] / (fit.n_used * np.diff(edges))
    axes.stairs(
        np.maximum(heights, floor), 10**edges, baseline=floor, fill=True, facecolor=_DATA,
        edgecolor=_EDGE, linewidth=0.6,
    )
    left, right = logs[0], max(logs[-1], math.log10(spikes[-1]) if len(spikes) else -math.inf)
    margin = 0.06 * (right - left)
    x = 10 ** np.linspace(left - margin, right + margin, 1500)
    for shape, style in (
        (curve, {"color": _FIT, "linewidth": 1.8}),
        *([(reference[1], {"color": _MP, "linewidth": 1.5, "linestyle": (0, (5, 2))})]
          if reference is not None else []),
    ):
        y = x * math.log(10) * shape.pdf(x)
        # A line to below the axis shows an edge of the support as a drop.
        axes.plot(x, np.maximum(y, floor / 1e3), **style)
    axes.set_xlim(x[0], x[-1])
    axes.set_ylim(floor, 3 * float(heights.max()))
    if len(spikes):
        _mark_spikes(axes, spikes)
        axes.legend(frameon=False, fontsize=9, loc="upper left")
    _name_ticks(axes.xaxis, x[0], x[-1])
    axes.set_xlabel("eigenvalue", fontsize=10)
    axes.set_ylabel(r"density of $\log_{10}$ eigenvalue", fontsize=10)


def _mark_spikes(axes: Axes, spikes: FloatArray) -> None:
    axes.plot(
        spikes, np.full(len(spikes), 0.035), transform=axes.get_xaxis_transform(),
        linestyle="none", marker="v", markersize=7, color=_SPIKE, markeredgecolor="white",
        markeredgewidth=0.6, zorder=5, clip_on=False, label=f"spikes ({len(spikes)})",
    )


def _ranks(n: int, first: int) -> FloatArray:
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
            expected, np.maximum(below, 5e-324) if log else below, above, color=_BAND, alpha=0.16,
            linewidth=0, label=band.label,
        )
    ends = [min(expected[0], found[0]), max(expected[-1], found[-1])]
    axes.plot(ends, ends, color="0.35", linewidth=0.9)
    axes.plot(expected, found, ".", color=_FIT, markersize=4, markeredgewidth=0)
    for axis, limits, values in (
        (axes.xaxis, axes.set_xlim, expected), (axes.yaxis, axes.set_ylim, found)
    ):
        low, high = float(values[0]), float(values[-1])
        if log:
            margin = (high / low) ** 0.05
            limits(low / margin, high * margin)
            _name_ticks(axis, low / margin, high * margin)
        else:
            limits(low - 0.05 * (high - low), high + 0.05 * (high - low))
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


def _name(fit: SpectrumFit) -> str:
    limit = {0.0: "Gamma", math.inf: "Marchenko-Pastur"}.get(fit.kappa, "HTMP")
    return f"{'inverse ' if fit.inverse else ''}{limit}, fitted"


def _parameter(fit: SpectrumFit, name: str, symbol: str) -> str:
    value = getattr(fit, name)
    if math.isinf(value):
        return rf"${symbol} = \infty$"
    shown = f"{symbol} = {value:.4g}"
    error = fit.errors.get(name)
    if name not in fit.free and error is None:
        return f"${shown}$ (given)" if name != "delta" else f"${shown}$"
    if error is None or not 0 < error < math.inf:
        low, high = fit.intervals.get(name, (value, math.inf))
        return f"${shown}$, at most {high:.3g}" if low <= 0 and high < math.inf else f"${shown}$"
    digits = max(0, 1 - int(f"{error:.1e}".split("e")[1]))
    if digits > 6 or value >= 1e6:
        return rf"${symbol} = {value:.4g} \pm {error:.2g}$"
    return rf"${symbol} = {value:.{digits}f} \pm {error:.{digits}f}$"


def _title(fit: SpectrumFit) -> tuple[str, str]:
    limit = {0.0: "Gamma", math.inf: "Marchenko-Pastur"}.get(fit.kappa, "HTMP")
    law = f"Inverse {limit} law" if fit.inverse else f"{limit} law"
    parts = [_parameter(fit, "kappa", r"\kappa")]
    if fit.kappa == 0:
        parts.append(_parameter(fit, "delta", r"\delta"))
    else:
        parts.append(_parameter(fit, "gamma", r"\gamma"))
    parts.append(f"KS {fit.ks:.3g}")
    if fit.p_value is not None:
        least = 1.001 / (1 + fit.n_simulations)
        parts.append(f"$p$ {'=' if fit.p_value > least else '≤'} {fit.p_value:.2g}")
    counts = [f"{fit.n_used:,} of {fit.n:,} eigenvalues fitted"]
    if fit.window is not None:
        low, high = fit.window
        counts.append(f"window {low:g} to {high:g}" if high < math.inf else f"above {low:g}")
    if fit.n_zero:
        counts.append(f"{fit.n_zero:,} zero{'' if fit.n_zero == 1 else 's'}")
    if len(fit.spikes):
        counts.append(f"{len(fit.spikes)} spike{'' if len(fit.spikes) == 1 else 's'}")
    if "kappa" in fit.intervals:
        low, high = fit.intervals["kappa"]
        top = f"{high:.3g}" if math.isfinite(high) else r"$\infty$"
        counts.append(rf"{100 * fit.confidence:g} % interval of $\kappa$: {low:.3g} to {top}")
    return f"{law}: {',  '.join(parts)}", ",  ".join(counts)
