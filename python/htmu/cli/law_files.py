"""Laws as files: HTML with a picture, JSON, LaTeX."""

from __future__ import annotations

import html
import io
import json
import math
import os
from collections.abc import Callable

from htmu.cli.output import finite
from htmu.files import whole_file
from htmu.plotting import plot_law
from htmu.symbolic import Law, LawSearch

_HEADS = ("size", "chi^2/dof", "rms", "held out, inside", "held out, beyond", "law")


def write_law(search: LawSearch, path: str) -> None:
    """Write a search to a file in the format of its suffix, whole or not at all.

    Raises
    ------
    RunFileError
        The file cannot be written.
    """
    text = WRITERS[os.path.splitext(path)[1].lower()](search)
    with whole_file(path) as name, open(name, "w", encoding="utf-8") as file:
        file.write(text)


def as_json(search: LawSearch) -> str:
    """Everything, with constants to all digits; NaN is null."""
    return json.dumps(finite(search.to_dict()), indent=2, allow_nan=False) + "\n"


def as_latex(search: LawSearch) -> str:
    """Table of the front, and the law as an equation; needs no package."""
    mark = r" $\star$"
    rows = "".join(
        f"  {law.complexity} & {' & '.join(_numbers(law))} & ${law.latex}$"
        + (mark if law is search.best else "")
        + " \\\\\n"
        for law in search
    )
    symbol = f"\\{search.target}" if search.target == "kappa" else rf"\mathrm{{{search.target}}}"
    heads = " & ".join(
        ("size", r"$\chi^2$/dof", "rms", "held out, inside", "held out, beyond", "law")
    )
    return (
        f"% {_provenance(search)}\n\\begin{{equation}}\n  {symbol} = {search.best.latex}\n"
        f"\\end{{equation}}\n\n\\begin{{tabular}}{{rrrrrl}}\n  {heads} \\\\\n  \\hline\n{rows}"
        "\\end{tabular}\n"
    )


def as_html(search: LawSearch) -> str:
    """One page with the table, the law, and its picture inside."""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in _HEADS)
    rows = "".join(
        ('<tr class="best">' if law is search.best else "<tr>")
        + f"<td>{law.complexity}</td>"
        + "".join(f"<td>{value}</td>" for value in _numbers(law))
        + f"<td><code>{html.escape(law.text)}</code></td></tr>\n"
        for law in search
    )
    box = ", ".join(f"{name} {low:g} to {high:g}" for name, (low, high) in search.domain.items())
    constants = search.best.constants_text
    picture = io.StringIO()
    plot_law(search).savefig(picture, format="svg", metadata={"Date": None})
    svg = picture.getvalue()
    title = html.escape(f"{search.target} = {search.best.text}")
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>'
        "\n<style>body{font-family:sans-serif;max-width:60em;margin:2em auto;padding:0 1em}"
        "table{border-collapse:collapse}td,th{padding:.2em .8em;text-align:right}"
        "td:last-child,th:last-child{text-align:left}.best{font-weight:bold;background:#eef}"
        "svg{max-width:100%;height:auto}</style>\n</head>\n<body>\n"
        f"<h1><code>{title}</code></h1>\n<p>{html.escape(search.reason)}</p>\n"
        f"<p>Constants: {html.escape(constants or 'none')}. Domain: {html.escape(box)}.</p>\n"
        f"<table>\n<tr>{head}</tr>\n{rows}</table>\n{svg[svg.index('<svg') :]}\n"
        f"<p>{html.escape(_provenance(search))}</p>\n</body>\n</html>\n"
    )


def _numbers(law: Law) -> list[str]:
    return [
        "" if math.isnan(value) else f"{value:.3g}"
        for value in (law.chi2_dof, law.rms, law.interpolation, law.extrapolation)
    ]


def _provenance(search: LawSearch) -> str:
    proved = f"all formulas up to size {search.proved_size}, " if search.proved_size else ""
    return (
        f"{search.problem.n_rows} rows of {search.problem.source}; engine {search.engine}, "
        f"{proved}seed {search.seed}"
    )


#: Writers by suffix.
WRITERS: dict[str, Callable[[LawSearch], str]] = {
    ".html": as_html,
    ".json": as_json,
    ".tex": as_latex,
}
