"""Fixtures of the tests of laws."""

from __future__ import annotations

import pandas as pd
import pytest
from planted import PLANTED, table


@pytest.fixture(scope="session")
def small_table() -> pd.DataFrame:
    return table(PLANTED["shift"].law, 0, [3, 5, 10, 30])
