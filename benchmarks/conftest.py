"""The `compare` fixture and the summary of ratios; baselines run on one thread."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # baselines are modules beside the benchmarks
# Read by the BLAS libraries when NumPy first loads, which no module above does.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

_LINES = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_LINES] = []


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if config.stash[_LINES]:
        terminalreporter.section("work, rates and ratios to the baselines")
        for line in config.stash[_LINES]:
            terminalreporter.write_line(line)


@pytest.fixture
def compare(benchmark: Any, request: pytest.FixtureRequest) -> Any:
    from comparison import Compare

    return Compare(benchmark, request.config.stash[_LINES], request.node.name)
