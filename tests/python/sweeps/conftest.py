"""Fixtures of the tests of sweeps."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest

from htmu.sweeps import SweepResult

#: Fields that say where and when a cell was run.
PROVENANCE = {"version", "cpu", "elapsed", "finished_at"}


@pytest.fixture(scope="session")
def numbers() -> Callable[[SweepResult], list[dict[str, Any]]]:
    """Everything of a result's cells that must not depend on how they were run."""

    def of(result: SweepResult) -> list[dict[str, Any]]:
        return [
            {name: value for name, value in asdict(cell).items() if name not in PROVENANCE}
            for cell in result
        ]

    return of


@pytest.fixture(scope="session")
def command() -> list[str]:
    """The real command, as a list for a subprocess."""
    return [sys.executable, "-m", "htmu"]
