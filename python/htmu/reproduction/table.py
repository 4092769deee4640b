"""Rows as a CSV file."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from typing import Any

from htmu.files import whole_file

__all__ = ["write_table"]


def write_table(path: str | os.PathLike[str], rows: Sequence[dict[str, Any]]) -> None:
    """Write rows with the same names, whole or not at all."""
    with whole_file(path) as name, open(name, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
