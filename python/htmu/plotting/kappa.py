"""kappa over a grid, with error bars."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from htmu.arguments import as_int
from htmu.errors import InvalidInputError, MissingExtraError
from htmu.plotting.scales import is_log_spaced, is_wide, set_ticks
from htmu.sweeps import CellResult, SweepResult
from htmu.sweeps.atomic import check_place, whole_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MAX_COLUMNS = 5
_SYMBOLS = {"m": "$m$", "n": "$n$", "alpha": r"$\alpha$"}
_TITLES = {
    "block-diagonal": "block-diagonal matrices, $m$ blocks of size $n$",
    "kronecker": "Kronecker products of factors of size $m$ and $n$",
    "full": "full matrices of size $n$",
    "diagonal": "diagonal matrices of size $n$",
}
_ENTRIES = {2: "complex ", 4: "quaternion "}


@dataclass(frozen=True)
class _Row:
    """A row of panels: its horizontal axis, what its colours tell apart, and its quantity."""

    axis: str
    colour: str | None
    excess: bool = False

    def value(self, cell: CellResult) -> float:
        return cell.kappa - (cell.n - 1) * self.excess

    @property
    def height(self) -> float:
        """Inches; differences, where lines lie close, get more."""
        return 2.7 if self.excess else 2.1

    @property
    def label(self) -> str:
        return r"$\kappa - (n - 1)$" if self.excess else r"$\kappa$"


def plot_kappa(
    result: SweepResult,
    path: str | os.PathLike[str] | None = None,
    *,
    dpi: int = 200,
) -> Figure:
    """Plot kappa against n and against m with its confidence intervals, a panel for each alpha.

    Lines of one colour are cells of one m, or n. On a logarithmic axis cells of kappa = 0 are
    triangles at the lower edge. Many real blocks come close to kappa = n - 1: for real
    block-diagonal matrices dashed lines show it, and a third row shows kappa - (n - 1).

    Parameters
    ----------
    result : SweepResult
        Finished cells; missing ones are left out.
    path : path, optional
        File to write, whole or not at all: PNG, PDF or SVG by its suffix.
    dpi : int, default 200
        Resolution of a PNG file, from 10 to 2400.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InvalidInputError
        There is no finished cell, the suffix is not one that Matplotlib writes, or `dpi` is out of
        range.
    MissingExtraError
        Matplotlib is not installed.
    RunFileError
        The file cannot be written.

    Examples
    --------
    >>> import htmu
    >>> from htmu.plotting import plot_kappa
    >>> result = htmu.sweep("block-diagonal", m=[2, 4], n=[2, 3], alpha=1, tol=0.05)
    >>> figure = plot_kappa(result)
    >>> [axes.get_xlabel() for axes in figure.axes]
    ['$n$', '$m$', '$m$']
    """
    check_drawable(path)
    dpi = as_int("dpi", dpi, minimum=10, maximum=2400)
    from matplotlib.figure import Figure

    if not len(result):
        raise InvalidInputError(f"{result!r} has no finished cell to plot; run the sweep first")
    alphas = [a for a in result.grid.alpha if any(cell.alpha == a for cell in result)]
    rows = _rows(result)
    n_bands = math.ceil(len(alphas) / _MAX_COLUMNS)
    n_columns = math.ceil(len(alphas) / n_bands)
    heights = [row.height for row in rows for _ in range(n_bands)]
    figure = Figure(
        figsize=(1.4 + 2.1 * max(n_columns, 2), 0.6 + sum(heights)), layout="constrained"
    )
    panels = figure.subplots(
        len(heights), n_columns, squeeze=False, gridspec_kw={"height_ratios": heights}
    )
    for index, row in enumerate(rows):
        bands = panels[index * n_bands : (index + 1) * n_bands]
        used = list(bands.ravel()[: len(alphas)])
        for axes in bands.ravel()[len(alphas) :]:
            axes.set_visible(False)
        _draw_row(used, result, row, alphas)
        for place, (axes, alpha) in enumerate(zip(used, alphas, strict=True)):
            if index == 0 or n_bands > 1:
                axes.set_title(rf"$\alpha$ = {alpha:g}", fontsize=9, pad=4)
            if place + n_columns >= len(alphas):
                axes.set_xlabel(_SYMBOLS[row.axis])
            if place % n_columns == 0:
                axes.set_ylabel(row.label)
            else:
                axes.tick_params(labelleft=False)
        _draw_legend(bands[0, -1], used, row)
    figure.suptitle(_title(result), fontsize=10)
    if path is not None:
        save_figure(figure, path, dpi)
    return figure


def check_drawable(path: str | os.PathLike[str] | None) -> None:
    """Refuse a picture that cannot be drawn before the work for it is done.

    Raises
    ------
    MissingExtraError
        Matplotlib is not installed.
    InvalidInputError
        The suffix is not one that Matplotlib writes.
    RunFileError
        The path names a folder, or is in no folder.

    Examples
    --------
    >>> from htmu.plotting import check_drawable
    >>> check_drawable("kappa.pdf")
    """
    try:
        from matplotlib.backend_bases import FigureCanvasBase
    except ImportError:
        raise MissingExtraError(
            'pictures need Matplotlib, which is not installed; run: pip install "htmu[plot]"'
        ) from None
    if (
        path is not None
        and _format(check_place(path)) not in FigureCanvasBase.get_supported_filetypes()
    ):
        raise InvalidInputError(
            f"cannot draw to {os.fspath(path)!r}; name a file that ends in .png, .pdf or .svg"
        )


def _has_reference(result: SweepResult) -> bool:
    """Whether kappa = n - 1 is the limit of many blocks, as it is for real ones only."""
    return result.grid.structure == "block-diagonal" and result.grid.block_beta == 1


def _rows(result: SweepResult) -> list[_Row]:
    if result.grid.m is None:
        return [_Row("n", None)]
    rows = [_Row("n", "m"), _Row("m", "n")]
    return [*rows, _Row("m", "n", excess=True)] if _has_reference(result) else rows


def _draw_row(
    panels: Sequence[Axes], result: SweepResult, row: _Row, alphas: Sequence[float]
) -> None:
    grid_axes = result.grid.axes
    values = [row.value(cell) for cell in result]
    # A difference may have either sign, and its error bars are to be seen.
    log = is_wide(values) and not row.excess
    log_x = is_log_spaced(grid_axes[row.axis])
    for axes, alpha in zip(panels, alphas, strict=True):
        if axes is not panels[0]:
            axes.sharey(panels[0])
        axes.set_xscale("log" if log_x else "linear")
        axes.set_yscale("log" if log else "linear")
        _draw_panel(axes, result, row, alpha, log=log)
        set_ticks(axes.xaxis, grid_axes[row.axis], log=log_x)
        axes.tick_params(labelsize=8)
        axes.grid(color="0.9", linewidth=0.5)
        axes.set_axisbelow(True)
    if log:
        set_ticks(panels[0].yaxis, [value for value in values if value > 0], log=True)


def _draw_panel(axes: Axes, result: SweepResult, row: _Row, alpha: float, *, log: bool) -> None:
    levels: Sequence[Any] = (None,) if row.colour is None else result.grid.axes[row.colour]
    colours = _colours(len(levels))
    _draw_reference(axes, result, row, levels, colours)
    for index, (level, colour) in enumerate(zip(levels, colours, strict=True)):
        cells = [
            cell
            for cell in result
            if cell.alpha == alpha and (level is None or getattr(cell, str(row.colour)) == level)
        ]
        above = [cell for cell in cells if not log or row.value(cell) > 0]
        at_zero = [cell for cell in cells if log and row.value(cell) <= 0]
        if above:
            label = None if level is None else f"{level:g}"
            values = result.grid.axes[row.axis]
            places = _places(above, row, values, index, len(levels))
            _draw_cells(axes, above, places, row, colour, label)
        if at_zero:
            axes.plot(
                [getattr(cell, row.axis) for cell in at_zero],
                [0.04] * len(at_zero),
                transform=axes.get_xaxis_transform(),
                linestyle="none",
                marker="v",
                markersize=4.5,
                markerfacecolor="none",
                color=colour,
                label=r"$\kappa = 0$",
            )


def _places(
    cells: Sequence[CellResult], row: _Row, values: Sequence[float], index: int, count: int
) -> list[float]:
    """Horizontal places of cells; a level's are moved a little, so that its error bars show."""
    places = [float(getattr(cell, row.axis)) for cell in cells]
    if not row.excess or count < 2 or len(values) < 2:
        return places
    share = min(0.03, 0.015 * (count - 1)) * (index / (count - 1) - 0.5)
    if is_log_spaced(values):
        return [place * (values[-1] / values[0]) ** share for place in places]
    return [place + (values[-1] - values[0]) * share for place in places]


def _draw_cells(
    axes: Axes,
    cells: Sequence[CellResult],
    places: Sequence[float],
    row: _Row,
    colour: Any,
    label: str | None,
) -> None:
    below = [cell.kappa - cell.lower for cell in cells]
    above = [cell.upper - cell.kappa for cell in cells]
    axes.errorbar(
        places,
        [row.value(cell) for cell in cells],
        yerr=np.clip([below, above], 0, None),
        color=colour,
        label=label,
        marker="o",
        markersize=3,
        linewidth=0.9,
        elinewidth=0.9,
        capsize=1.8,
        capthick=0.9,
    )


def _draw_reference(
    axes: Axes, result: SweepResult, row: _Row, levels: Sequence[Any], colours: Sequence[Any]
) -> None:
    if not _has_reference(result):
        return
    dashes: Any = (0, (4, 3))
    if row.excess:
        axes.axhline(0, color="0.25", linestyle=dashes, linewidth=0.8)
    elif row.axis == "n":
        n = np.geomspace(max(result.grid.n[0], 1.01), max(result.grid.n[-1], 1.02), 200)
        axes.plot(n, n - 1, color="0.25", linestyle=dashes, linewidth=0.8, label="$n - 1$")
    else:
        for n_level, colour in zip(levels, colours, strict=True):
            if n_level > 1:
                axes.axhline(n_level - 1, color=colour, linestyle=dashes, linewidth=0.6)


def _draw_legend(place: Axes, panels: Sequence[Axes], row: _Row) -> None:
    """One entry for each label of the row: the levels first, then what is named in symbols."""
    handles: dict[str, Any] = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            # Of a container of error bars the line is enough.
            handles.setdefault(label, getattr(handle, "lines", (handle,))[0])
    levels = [label for label in handles if not label.startswith("$")]
    labels = [*sorted(levels, key=float), *(label for label in handles if label not in levels)]
    if labels:
        place.legend(
            [handles[label] for label in labels],
            labels,
            title=_SYMBOLS[row.colour] if row.colour and levels else None,
            loc="center left",
            bbox_to_anchor=(1.02, 0.5),
            frameon=False,
            fontsize=8,
            title_fontsize=9,
        )


def _colours(count: int) -> list[Any]:
    from matplotlib import colormaps

    return list(colormaps["viridis"](np.linspace(0, 0.88, count)))


def _title(result: SweepResult) -> str:
    grid, settings = result.grid, result.settings
    entries = _ENTRIES.get(grid.block_beta or 1, "")
    share = "" if result.complete else f", {len(result)} of {len(result.grid)} cells"
    return (
        rf"$\kappa$ of {entries}{_TITLES[grid.structure]}"
        f" ({100 * settings.confidence:g} % intervals{share})"
    )


def _format(path: str | os.PathLike[str]) -> str:
    return os.path.splitext(os.fspath(path))[1].lower().lstrip(".")


def save_figure(figure: Figure, path: str | os.PathLike[str], dpi: int) -> None:
    """Write a picture, whole or not at all; the same picture gives the same file."""
    # Without dates the same result gives the same file.
    undated = {"png": {"Software": None}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}
    with whole_file(path) as name:
        figure.savefig(name, format=_format(path), dpi=dpi, metadata=undated.get(_format(path)))
