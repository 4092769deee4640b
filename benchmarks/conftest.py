"""The `compare` fixture and the summary of ratios; baselines run on one thread."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
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


def _wide_sets() -> list[str]:
    from htmu._core import common

    return common.supported_instruction_sets()[1:] or ["baseline"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "instruction_set" in metafunc.fixturenames:
        metafunc.parametrize("instruction_set", _wide_sets(), indirect=True)


@pytest.fixture
def instruction_set(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each vector instruction set of this machine in turn, in use while the benchmark runs."""
    from htmu._core import common

    before = common.instruction_set()
    common.use_instruction_set(request.param)
    yield request.param
    common.use_instruction_set(before)


@pytest.fixture
def limits(instruction_set: str) -> tuple[float, float]:
    """Multiply-adds and divisions a second of one core with the instruction set in use."""
    from htmu._core import common

    return common.throughput()
