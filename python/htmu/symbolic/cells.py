"""Rows of a sweep: its finished cells, with warnings of what they lack."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from htmu.errors import AccuracyWarning
from htmu.sweeps import SweepResult

if TYPE_CHECKING:
    import pandas as pd

#: Frames from here to the caller of `discover_law`.
_STACK_LEVEL = 4
#: A cell with an error below this share of its sweep's tolerance is exact.
_EXACT = 1e-3
_Z95 = 1.96


def finished_cells(result: SweepResult) -> pd.DataFrame:
    """Finished cells; warns of what they lack, and leaves out bounds that are no estimates."""
    missed = sum(not cell.converged for cell in result)
    if missed:
        warnings.warn(
            f"{missed} of {len(result)} cells did not reach the tolerance {result.settings.tol:g}; "
            f"the law weighs them by their larger errors",
            AccuracyWarning,
            stacklevel=_STACK_LEVEL,
        )
    if not result.complete:
        warnings.warn(
            f"the sweep has {len(result)} of {len(result.grid)} cells; the law is of those",
            AccuracyWarning,
            stacklevel=_STACK_LEVEL,
        )
    frame = result.to_pandas()
    bounds = (frame["kappa"] <= 0).to_numpy()
    if bounds.any():
        warnings.warn(
            f"{int(bounds.sum())} of {len(frame)} cells have kappa = 0, a bound and no estimate; "
            f"the law is of the others",
            AccuracyWarning,
            stacklevel=_STACK_LEVEL,
        )
        frame = frame[~bounds]
    if "m" in frame.columns:
        # Combinations that small formulas have no nodes to spare for.
        frame = frame.assign(
            N=frame["m"] * frame["n"],
            ratio=frame[["m", "n"]].max(axis=1) / frame[["m", "n"]].min(axis=1),
        )
    return frame


def with_floor_for_exact(frame: pd.DataFrame, tol: float) -> pd.DataFrame:
    """Cells; those that are exact get the median error of the others, with a warning.

    One block has its kappa exactly. Its error is rounding, and a weight of its inverse square
    would make the law one of such cells alone.
    """
    stderr = frame["stderr"].to_numpy(dtype=np.float64)
    exact = stderr < _EXACT * tol / _Z95
    if not exact.any():
        return frame
    floor = tol / _Z95 if exact.all() else float(np.median(stderr[~exact]))
    warnings.warn(
        f"{int(exact.sum())} of {len(frame)} cells are exact; they weigh like the others, with an "
        f"error of {floor:.2g}; give a floor for another",
        AccuracyWarning,
        stacklevel=_STACK_LEVEL,
    )
    return frame.assign(stderr=np.where(exact, np.hypot(stderr, floor), stderr))
