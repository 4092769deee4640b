"""A law and the rows it was fitted to: residuals and predictions."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from htmu.arguments import FloatArray, as_int
from htmu.errors import InvalidInputError
from htmu.files import check_drawable, save_figure
from htmu.plotting.scales import is_log_spaced, is_wide, set_ticks
from htmu.symbolic import Law, LawSearch

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SYMBOLS = {"kappa": r"$\kappa$", "alpha": r"$\alpha$", "m": "$m$", "n": "$n$"}
#: Formulas longer than this are set smaller.
_LONG = 60
_Z95 = 1.96


def plot_law(
    search: LawSearch,
    path: str | os.PathLike[str] | None = None,
    *,
    law: Law | None = None,
    dpi: int = 110,
) -> Figure:
    r"""Plot a law's residuals against each feature, and predicted against measured values.

    Error bars are 95 % intervals of the rows. Colours tell the levels of another feature apart, and
    points of one level are moved a little sideways, so that their bars show.

    Parameters
    ----------
    search : LawSearch
        Laws and rows.
    path : path, optional
        File to write, whole or not at all: PNG, PDF or SVG by its suffix.
    law : Law, optional
        Law of the search to draw; its best if none.
    dpi : int, default 110
        Resolution of a PNG file, from 10 to 2400.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InvalidInputError
        `search` is none, the suffix is not one that Matplotlib writes, or `dpi` is out of range.
    MissingExtraError
        Matplotlib is not installed.
    RunFileError
        The file cannot be written.

    Examples
    --------
    >>> import htmu
    >>> from htmu.plotting import plot_law
    >>> sweep = htmu.sweep(m=[2, 3, 5, 9], n=[2, 3, 5, 9], alpha=1, tol=0.02)
    >>> figure = plot_law(htmu.discover_law(sweep, maxsize=3))
    >>> [axes.get_xlabel() for axes in figure.axes]
    ['$m$', '$n$', 'measured $\\kappa$']
    """
    if not isinstance(search, LawSearch):
        raise InvalidInputError(
            f"search must be a LawSearch, got {type(search).__name__}; call htmu.discover_law"
        )
    check_drawable(path)
    dpi = as_int("dpi", dpi, minimum=10, maximum=2400)
    law = search.best if law is None else law
    if not any(law is other for other in search):
        raise InvalidInputError(f"{law!r} is not one of the search's laws; draw one of its front")
    from matplotlib.figure import Figure

    problem = search.problem
    count = len(search.features) + 1
    columns = min(count, 2 if count <= 4 else 3)
    rows = -(-count // columns)
    figure = Figure(figsize=(0.6 + 3.6 * columns, 0.7 + 2.7 * rows), layout="constrained")
    panels = list(figure.subplots(rows, columns, squeeze=False).ravel())
    for axes in panels[count:]:
        axes.remove()
    predicted = law.expression.evaluate(problem.arrays())
    for index, axes in enumerate(panels[: count - 1]):
        _draw_residuals(axes, search, index, problem.y - predicted)
    _draw_predictions(panels[count - 1], search, predicted)
    formula = f"{_symbol(search.target)} = ${law.latex}$"
    figure.suptitle(formula, fontsize=10 if len(law.text) <= _LONG else 7)
    if path is not None:
        save_figure(figure, path, dpi)
    return figure


def _symbol(name: str) -> str:
    return _SYMBOLS.get(name, name)


def _draw_residuals(axes: Axes, search: LawSearch, index: int, missed: FloatArray) -> None:
    problem = search.problem
    column = problem.columns[index]
    levels = sorted(set(column.tolist()))
    log = is_log_spaced(levels)
    other = _colouring(search, index)
    values = np.zeros(1) if other is None else np.unique(problem.columns[other])
    places = _spread(column, problem.columns[other], values, log) if other is not None else column
    for number, value in enumerate(values):
        chosen = (
            np.ones(len(column), dtype=bool) if other is None else problem.columns[other] == value
        )
        axes.errorbar(
            places[chosen],
            missed[chosen],
            yerr=None if problem.stderr is None else _Z95 * problem.stderr[chosen],
            linestyle="none",
            marker="o",
            markersize=2.2,
            elinewidth=0.7,
            color=_colour(number, len(values)),
            label=f"{value:.3g}",
        )
    axes.axhline(0, color="0.25", linewidth=0.8, linestyle=(0, (4, 3)))
    if log:
        axes.set_xscale("log")
    set_ticks(axes.xaxis, levels, log=log)
    _finish(axes, _symbol(search.features[index]), f"measured - law, {_symbol(search.target)}")
    if other is not None:
        _draw_legend(axes, _symbol(search.features[other]), len(values))


def _colouring(search: LawSearch, index: int) -> int | None:
    """Feature that colours a panel: the one after it, which is another one."""
    count = len(search.features)
    return None if count < 2 else (index + 1) % count


def _spread(column: FloatArray, other: FloatArray, values: FloatArray, log: bool) -> FloatArray:
    """Places that set the levels of the other feature apart."""
    share = np.searchsorted(values, other) / max(1, len(values) - 1) - 0.5
    if log:
        return np.asarray(column * (column.max() / column.min()) ** (0.05 * share))
    return np.asarray(column + 0.05 * np.ptp(column) * share)


def _draw_predictions(axes: Axes, search: LawSearch, predicted: FloatArray) -> None:
    problem = search.problem
    both = np.concatenate([problem.y, predicted])
    low, high = float(both.min()), float(both.max())
    axes.errorbar(
        problem.y,
        predicted,
        xerr=None if problem.stderr is None else _Z95 * problem.stderr,
        linestyle="none",
        marker="o",
        markersize=2.2,
        elinewidth=0.7,
        color=_colour(0, 2),
    )
    axes.plot([low, high], [low, high], color="0.25", linewidth=0.8, linestyle=(0, (4, 3)))
    if low > 0 and is_wide(both.tolist()):
        axes.set_xscale("log")
        axes.set_yscale("log")
        set_ticks(axes.xaxis, [low, *both.tolist()], log=True)
        set_ticks(axes.yaxis, [low, *both.tolist()], log=True)
    _finish(axes, f"measured {_symbol(search.target)}", f"law, {_symbol(search.target)}")


def _finish(axes: Axes, x: str, y: str) -> None:
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.tick_params(labelsize=8)
    axes.grid(color="0.9", linewidth=0.5)
    axes.set_axisbelow(True)


def _draw_legend(axes: Axes, title: str, count: int) -> None:
    handles, labels = axes.get_legend_handles_labels()
    every = -(-count // 10)
    axes.legend(
        # Of a container of error bars the marker is enough.
        [getattr(handle, "lines", (handle,))[0] for handle in handles[::every]],
        [str(label) for label in labels[::every]],
        title=title,
        loc="center left",
        bbox_to_anchor=(1.01, 0.5),
        frameon=False,
        fontsize=7,
        title_fontsize=8,
        handletextpad=0.1,
    )


def _colour(index: int, count: int) -> Any:
    from matplotlib import colormaps

    return colormaps["viridis"](0.88 * index / max(1, count - 1))
