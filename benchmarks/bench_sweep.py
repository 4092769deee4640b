"""The whole `paper` preset on two threads, at half-widths 1e-3 and 1e-4: time and memory.

Each workload runs in a process of its own, whose resident set is read as cells finish.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from comparison import Compare

N_THREADS = 2

SCRIPT = """
import json, resource, sys, time
import htmu

def resident_mib():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20

def note(progress):
    if not resident or progress.n_finished > resident[-1][0]:
        resident.append((progress.n_finished, resident_mib()))

arguments = json.loads(sys.argv[1])
resident = [(0, resident_mib())]
start = time.perf_counter()
result = htmu.sweep(progress=note, **arguments)
seconds = time.perf_counter() - start
with open("/proc/self/status") as file:  # not ru_maxrss, which the parent's size can enter
    peak = next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) / 1024
table = result.to_pandas()
print(json.dumps({
    "seconds": seconds, "peak_mib": peak, "resident_mib": resident, "cells": len(result),
    "converged": bool(table["converged"].all()),
    "largest_half_width": float((table["upper"] - table["lower"]).max() / 2),
}))
"""


def sweep_in_process(**arguments: Any) -> dict[str, Any]:
    """Run `htmu.sweep` in a fresh process and return what it measured."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def resident_growth(figures: dict[str, Any]) -> float:
    """MiB by which the resident set grew from the first fifth of the cells to the end."""
    resident = figures["resident_mib"]
    settled = [mib for finished, mib in resident if finished <= figures["cells"] / 5]
    return float(resident[-1][1] - max(settled))


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize(
    ("half_width", "arguments", "goal_seconds"),
    [
        (1e-3, {"preset": "paper"}, 120),
        (1e-4, {"preset": "paper"}, None),
        (1e-3, {"preset": "quick"}, 60),
        (1e-3, {"m": [100], "n": [100], "alpha": [1, 2, 3, 4, 5]}, None),
    ],
    ids=["paper", "paper-1e-4", "quick", "N=10000"],
)
def test_sweep(
    benchmark: Any,
    compare: Compare,
    tmp_path: Path,
    half_width: float,
    arguments: dict[str, Any],
    goal_seconds: float | None,
) -> None:
    figures: dict[str, Any] = {}

    def run() -> None:
        figures.update(
            sweep_in_process(
                **arguments,
                tol=half_width,
                n_threads=N_THREADS,
                seed=0,
                out=str(tmp_path / "run.htmu"),
            )
        )

    benchmark.pedantic(run, rounds=1)
    assert figures["converged"]
    assert figures["largest_half_width"] <= half_width
    compare.record(
        figures["seconds"],
        None,
        work=figures["cells"],
        unit="cells",
        goal_seconds=goal_seconds,
        peak_mib=round(figures["peak_mib"], 1),
        growth_mib=round(resident_growth(figures), 1),
    )
