"""What a reproduction returns."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

from htmu.fits import SpectrumFit

__all__ = ["Reproduction", "error_of", "finite"]


@dataclasses.dataclass(frozen=True)
class Reproduction:
    """A figure made again.

    Attributes
    ----------
    rows : tuple of dict
        The numbers behind the picture, a row a spectrum; NaN where there is none.
    verdict : str
        What was seen, in a line.
    picture, table : Path
        The PNG file, and the rows as CSV.
    warnings : tuple of str
        What to know before the numbers are used.
    """

    rows: tuple[dict[str, Any], ...]
    verdict: str
    picture: Path
    table: Path
    warnings: tuple[str, ...]


def error_of(fit: SpectrumFit, name: str) -> float:
    """Return the standard error of a parameter, NaN if it was not free."""
    return float(fit.errors.get(name, math.nan))


def finite(value: float | None) -> float:
    """Return the value, NaN for None."""
    return math.nan if value is None else float(value)
