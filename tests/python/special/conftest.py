"""Fixtures of the tests of special functions and laws."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from htmu._core import common

# The references are modules of tests/reference.
sys.path.append(str(Path(__file__).resolve().parents[2] / "reference"))


@pytest.fixture(scope="module", params=common.supported_instruction_sets())
def instruction_set(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run the test once with every instruction set that this machine has."""
    before = common.instruction_set()
    common.use_instruction_set(request.param)
    yield request.param
    common.use_instruction_set(before)
