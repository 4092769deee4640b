"""The rows of a search: checked columns, target, errors and weights."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from htmu.arguments import FloatArray
from htmu.errors import AccuracyWarning, InvalidInputError, NonFiniteError
from htmu.sweeps import SweepResult

if TYPE_CHECKING:
    import pandas as pd

_STACK_LEVEL = 4


@dataclass(frozen=True)
class Problem:
    """Target and features of a search.

    `columns` has shape (features, rows), `y` and `stderr` (rows,); `stderr` is None where the
    rows have no errors, and all weigh the same.
    """

    features: tuple[str, ...]
    target: str
    columns: FloatArray
    y: FloatArray
    stderr: FloatArray | None
    source: str

    @property
    def weights(self) -> FloatArray:
        """1 / stderr^2, or ones."""
        return np.ones_like(self.y) if self.stderr is None else self.stderr**-2.0

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.y)

    @property
    def domain(self) -> dict[str, tuple[float, float]]:
        """Least and greatest value of each feature."""
        return {
            name: (float(column.min()), float(column.max()))
            for name, column in zip(self.features, self.columns, strict=True)
        }

    def rows(self, keep: Any) -> Problem:
        """Problem of some of the rows."""
        stderr = None if self.stderr is None else self.stderr[keep]
        return replace(self, columns=self.columns[:, keep], y=self.y[keep], stderr=stderr)

    def arrays(self) -> dict[str, FloatArray]:
        """Features by name."""
        return dict(zip(self.features, self.columns, strict=True))


def make_problem(
    data: SweepResult | pd.DataFrame | Mapping[str, Any] | str | os.PathLike[str],
    target: str,
    features: Iterable[str],
    stderr: str | None,
    floor: float,
    *,
    varying: bool = False,
) -> Problem:
    """Check a table and take its columns.

    With `varying`, features that a sweep does not have, or that do not vary in it, are left out.

    Raises
    ------
    InvalidInputError, NonFiniteError
        Columns are missing, named twice or not of numbers; the target is constant; an error is
        not positive; there are too few rows.
    """
    for name, value in (("target", target), ("stderr", stderr)):
        if not isinstance(value, str) and (name == "target" or value is not None):
            raise InvalidInputError(f"{name} must be the name of a column, got {value!r}")
    if target == stderr:
        raise InvalidInputError(f"target and stderr are both {target!r}; name two columns")
    source = "table"
    if isinstance(data, (str, os.PathLike)):
        data = SweepResult.load(data)
    if isinstance(data, SweepResult):
        source = repr(data)
        data = _table(data)
        if varying:
            features = [name for name in features if name in data and data[name].nunique() > 1]
    frame = _as_frame(data)
    names = _names(features, target, stderr)
    columns = np.stack([_column(frame, name) for name in names])
    y = _column(frame, target)
    errors = None if stderr is None else _column(frame, stderr)
    if errors is not None:
        _check_errors(str(stderr), errors, floor)
        errors = np.hypot(errors, floor)
    _check_rows(names, target, columns, y)
    return Problem(tuple(names), target, columns, y, errors, source)


def _table(result: SweepResult) -> pd.DataFrame:
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


def _as_frame(data: Any) -> pd.DataFrame:
    import pandas as pd

    if isinstance(data, pd.DataFrame):
        repeated = data.columns[data.columns.duplicated()]
        if len(repeated):
            raise InvalidInputError(
                f"the table has {list(data.columns).count(repeated[0])} columns named "
                f"{repeated[0]!r}; rename or drop one"
            )
        return data
    if isinstance(data, Mapping):
        try:
            return pd.DataFrame(dict(data))
        except ValueError as error:
            raise InvalidInputError(f"the columns do not make a table: {error}") from None
    raise InvalidInputError(
        f"data must be a SweepResult, a run file, a DataFrame or a dict of columns, got "
        f"{type(data).__name__}"
    )


def _names(features: Iterable[str], target: str, stderr: str | None) -> Sequence[str]:
    try:
        names = [features] if isinstance(features, str) else list(features)
    except TypeError:
        raise InvalidInputError(f"features must be names of columns, got {features!r}") from None
    if not names or not all(isinstance(name, str) for name in names):
        raise InvalidInputError(f"features must be names of columns, got {names!r}")
    for name in names:
        if names.count(name) > 1:
            raise InvalidInputError(f"features name {name!r} twice; name it once")
        if name in (target, stderr):
            raise InvalidInputError(
                f"{name!r} is a feature and the {'target' if name == target else 'error'} too; "
                f"leave it out of the features"
            )
        if not name.isidentifier() or name in ("log", "exp"):
            raise InvalidInputError(
                f"feature {name!r} cannot stand in a formula; rename the column to a plain name"
            )
    return names


def _column(frame: pd.DataFrame, name: str) -> FloatArray:
    if name not in frame.columns:
        more = "; pass stderr=None for rows without errors" if name == "stderr" else ""
        raise InvalidInputError(
            f"the data has no column {name!r}, it has "
            f"{', '.join(str(column) for column in frame.columns) or 'none'}{more}"
        )
    try:
        column = frame[name].to_numpy(dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidInputError(
            f"column {name!r} must hold numbers, got {frame[name].dtype}; convert or drop it"
        ) from None
    bad = ~np.isfinite(column)
    if bad.any():
        raise NonFiniteError(
            f"column {name!r} is not finite in {int(bad.sum())} of {len(column)} rows, first in "
            f"row {int(np.argmax(bad))}; drop those rows"
        )
    return np.array(column)


def _check_errors(name: str, errors: FloatArray, floor: float) -> None:
    bad = errors < 0 if floor > 0 else errors <= 0
    if bad.any():
        row = int(np.argmax(bad))
        raise InvalidInputError(
            f"column {name!r} must be {'at least' if floor > 0 else 'greater than'} 0, got "
            f"{errors[row]:g} in row {row} ({int(bad.sum())} such rows); drop them"
            + ("" if floor > 0 or errors[row] < 0 else ", or give a floor for exact values")
        )


def _check_rows(names: Sequence[str], target: str, columns: FloatArray, y: FloatArray) -> None:
    least = len(names) + 3
    if len(y) < least:
        raise InvalidInputError(
            f"{len(y)} rows are too few for a law of {len(names)} features; give at least {least}"
        )
    if np.ptp(y) == 0:
        raise InvalidInputError(
            f"the target {target!r} is {y[0]:g} in every row; there is no law to find"
        )
    for name, column in zip(names, columns, strict=True):
        if np.ptp(column) == 0:
            raise InvalidInputError(
                f"feature {name!r} is {column[0]:g} in every row; leave it out of the features"
            )
