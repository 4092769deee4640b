"""What `htmu ntk` writes: eigenvalues, densities, its table, and its progress."""

from __future__ import annotations

import csv
import math
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from htmu.cli.output import console, duration_text, plain_table
from htmu.errors import HtmuError
from htmu.files import whole_file


def write_eigenvalues(path: str, values: Any) -> None:
    """Write eigenvalues whole, to .npy or to .csv with all their digits."""
    with whole_file(path) as name:
        if path.lower().endswith(".npy"):
            # An open file: NumPy would add a suffix to a name in capitals.
            with open(name, "wb") as binary:
                np.save(binary, np.asarray(values, dtype=np.float64))
            return
        with open(name, "w", newline="", encoding="utf-8") as text:
            writer = csv.writer(text)
            writer.writerow(["eigenvalue"])
            writer.writerows([repr(float(value))] for value in values)


def write_density(path: str, found: dict[str, Any]) -> None:
    """Write the density and the cumulative count, with their errors."""
    columns = ["density", "density_error", "cumulative", "cumulative_error"]
    columns = ["grid", *columns, "cumulative_lower", "cumulative_upper"]
    with whole_file(path) as name, open(name, "w", newline="", encoding="utf-8") as output:
        writer = csv.writer(output)
        writer.writerow(["eigenvalue", *columns[1:]])
        writer.writerows(zip(*(found[column] for column in columns), strict=True))


@contextmanager
def work_reporter(*, quiet: bool) -> Iterator[Callable[..., None] | None]:
    """Bar of work done, on a terminal."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    with Progress(
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %"),
        TimeRemainingColumn(),
        console=console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task("", total=1.0)

        def report(*progress: Any) -> None:
            """Take products done and their total, or an object with the fraction done."""
            done = progress[0].fraction if len(progress) == 1 else progress[0] / progress[1]
            bar.update(task, completed=done)

        yield report


@contextmanager
def named_options() -> Iterator[None]:
    """Messages of the library with the command's options for its arguments."""
    try:
        yield
    except HtmuError as error:
        text = str(error).replace("pass resume=True", "give --resume")
        text = text.replace("resume=True", "--resume")
        text = re.sub(r"`(out|memory|outputs|device|dtype)`", r"--\1", text)
        text = re.sub(r"^(outputs|memory|device|dtype|out)(?= must| \'|\[)", r"--\1", text)
        if text == str(error):
            raise
        raise type(error)(text) from error


def print_kernel(facts: dict[str, Any], files: list[str | None]) -> None:
    """Print what was computed, a line a quantity, and the table of layers."""
    screen = console()
    rows = [
        ("network", facts["network"]),
        ("images", f"{facts['n']:,} of {facts['data']}, {facts['n_classes']} classes"),
        ("parameters", f"{facts['n_parameters']:,}"),
        ("kernel", _kernel_text(facts)),
    ]
    if "left_out" in facts:
        rows.append(("eigenvalues", f"left out: {facts['left_out']}"))
    elif facts["method"] == "assembled":
        rows += [
            ("largest eigenvalue", f"{facts['largest']:.6g}"),
            ("smallest eigenvalue", f"{facts['smallest']:.6g}"),
            ("negative eigenvalues", f"{facts['n_negative']:,}"),
            ("rounding", f"at most {facts['eigenvalue_rounding']:.2g}, of the eigenvalue routine"),
        ]
        if facts["passes_error"] is not None:
            passes = facts["passes_error"]
            text = f"about {passes['largest']:.1g} (largest) to {passes['smallest']:.1g} (smallest)"
            rows.append(("error of the passes", f"{text}, ReLU flips apart"))
    else:
        rows += [
            ("largest Ritz value", f"{facts['largest']:.6g} ± {facts['largest_error']:.1g}"),
            ("smallest Ritz value", f"{facts['smallest']:.6g} ± {facts['smallest_error']:.1g}"),
            ("trace", f"{facts['trace']:.6g} ± {facts['trace_error']:.2g}"),
            ("below rounding", f"{facts['n_zero']:.1f} ± {facts['n_zero_error']:.1f} eigenvalues"),
        ]
        if "log_determinant" in facts:
            estimate = facts["log_determinant"]
            steps = "no bound of what too few steps do"
            if estimate["quadrature_error"] < math.inf:
                steps = f"too large by at most {estimate['quadrature_error']:.2g}"
            rows.append(
                (
                    f"log det(kernel + {estimate['shift']:g})",
                    f"{estimate['value']:.6g} ± {estimate['standard_error']:.2g}, {steps}",
                )
            )
    rows.append(("time", duration_text(facts["elapsed"])))
    table = plain_table(["", ""])
    table.show_header = False
    for column in table.columns:
        column.justify, column.no_wrap = "left", False
    for name, text in rows:
        table.add_row(name, str(text))
    screen.print(table)
    if "layers" in facts:
        screen.print()
        screen.print(_layers_table(facts["layers"]))
    written = [file for file in files if file is not None]
    if written:
        screen.print(f"\nwritten: {', '.join(written)}", soft_wrap=True)


def _kernel_text(facts: dict[str, Any]) -> str:
    outputs = facts["outputs"]
    shown = outputs if isinstance(outputs, str) else ",".join(map(str, outputs))
    size = f"{facts['n_eigenvalues']:,}"
    text = f"{size} x {size}, outputs {shown}, {facts['dtype']}"
    if facts["scaled"]:
        text += ", over the number of parameters"
    if facts["method"] == "matrix-free":
        text += f", {facts['n_vectors']} probes of {facts['n_steps']} steps"
    return text


def _layers_table(layers: list[dict[str, Any]]) -> Any:
    table = plain_table(["layer", "parameters", "share of trace", "largest eigenvalue"])
    table.columns[0].justify = "left"
    for layer in layers:
        table.add_row(
            layer["layer"],
            f"{layer['n_parameters']:,}",
            f"{100 * layer['trace_share']:.2f} %",
            f"{layer['largest']:.6g}",
        )
    return table
