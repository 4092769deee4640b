"""Laws of 500 cells: every formula up to a size against Operon's search, and PySR's where Julia is.

The truth is planted, n (1 - 0.3/m) with the errors of a sweep; each engine must find it. On one
thread.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from comparison import Compare

import htmu
from htmu.errors import EngineError, MissingExtraError

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "reference"))
from planted import PLANTED, is_found, table

TRUTH = PLANTED["ratio"]


def search(engine: str) -> Any:
    return htmu.discover_law(table(TRUTH.law, 0), engine=engine, n_threads=1)


@pytest.mark.parametrize("baseline", ["operon", "pysr"])
def test_exhaustive(compare: Compare, baseline: str) -> None:
    """The proved front at size 7; the baseline is a search that may miss it."""
    try:
        found = search(baseline)
    except (EngineError, MissingExtraError) as error:
        pytest.skip(str(error))
    assert is_found(TRUTH, found)
    assert is_found(TRUTH, search("exhaustive"))
    compare(
        lambda: search("exhaustive"),
        lambda: search(baseline),
        work=1,
        unit="searches",
    )


@pytest.mark.parametrize(("engine", "maxsize"), [("exhaustive", 8), ("operon", 11)])
def test_larger(compare: Compare, engine: str, maxsize: int) -> None:
    """Larger formulas; the baseline is the same engine at size 7."""

    def larger() -> Any:
        return htmu.discover_law(table(TRUTH.law, 0), engine=engine, maxsize=maxsize, n_threads=1)

    compare(larger, lambda: search(engine), work=1, unit="searches")
