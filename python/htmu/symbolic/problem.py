"""The rows of a search: checked columns, target, errors and weights."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from keyword import iskeyword
from typing import TYPE_CHECKING, Any

import numpy as np

from htmu.arguments import FloatArray
from htmu.errors import AccuracyWarning, InvalidInputError
from htmu.sweeps import SweepResult
from htmu.symbolic.cells import finished_cells, with_floor_for_exact
from htmu.symbolic.columns import as_frame, column_of

if TYPE_CHECKING:
    import pandas as pd

#: Features of a sweep.
FEATURES = ("m", "n", "alpha")
#: Frames from here to the caller of `discover_law`.
_STACK_LEVEL = 4
#: Beyond these the squares of numbers, and their ratios, leave the range of doubles.
_LEAST, _MOST = 1e-60, 1e60
#: Rows with errors below this share of the median one weigh a million times as much.
_FAR_BELOW = 1e-3


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
) -> Problem:
    """Check a table and take its columns.

    Of a sweep's default features those that it does not have, or that do not vary, are left out.

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
    if stderr is None and floor > 0:
        raise InvalidInputError(
            f"floor={floor:g} is added to errors, and with stderr=None there are none; leave one "
            f"of them out"
        )
    names = _listed(features)
    source = "table"
    if isinstance(data, (str, os.PathLike)):
        data = SweepResult.load(data)
    if isinstance(data, SweepResult):
        source = repr(data)
        tol = data.settings.tol
        data = finished_cells(data)
        if stderr == "stderr" and floor == 0:
            data = with_floor_for_exact(data, tol)
        if names == list(FEATURES):
            names = [name for name in names if name in data and data[name].nunique() > 1]
            if not names:
                raise InvalidInputError(
                    f"neither m, n nor alpha varies among the {len(data)} cells of the sweep; "
                    f"sweep one of them"
                )
    frame = as_frame(data)
    _check_names(names, target, stderr)
    columns = np.stack([column_of(frame, name) for name in names])
    y = column_of(frame, target)
    errors = None if stderr is None else column_of(frame, stderr)
    if errors is not None:
        _check_errors(str(stderr), errors, floor)
        errors = np.hypot(errors, floor)
    _check_rows(names, target, columns, y)
    _check_range(names, columns, target, y, stderr, errors)
    if errors is not None:
        _warn_of_weights(errors, _least_rows(names))
    return Problem(tuple(names), target, columns, y, errors, source)


def _listed(features: Iterable[str]) -> list[str]:
    try:
        names = [features] if isinstance(features, str) else list(features)
    except TypeError:
        raise InvalidInputError(f"features must be names of columns, got {features!r}") from None
    if not names or not all(isinstance(name, str) for name in names):
        raise InvalidInputError(f"features must be names of columns, got {names!r}")
    return names


def _check_names(names: Sequence[str], target: str, stderr: str | None) -> None:
    for name in names:
        if names.count(name) > 1:
            raise InvalidInputError(f"features name {name!r} twice; name it once")
        if name in (target, stderr):
            raise InvalidInputError(
                f"{name!r} is a feature and the {'target' if name == target else 'error'} too; "
                f"leave it out of the features"
            )
        if not name.isidentifier() or iskeyword(name) or name in ("log", "exp"):
            raise InvalidInputError(
                f"feature {name!r} cannot stand in a formula; rename the column to a plain name"
            )


def _check_errors(name: str, errors: FloatArray, floor: float) -> None:
    bad = errors < 0 if floor > 0 else errors <= 0
    if bad.any():
        row = int(np.argmax(bad))
        raise InvalidInputError(
            f"column {name!r} must be {'at least' if floor > 0 else 'greater than'} 0, got "
            f"{errors[row]:g} in row {row} ({int(bad.sum())} such rows); drop them"
            + ("" if floor > 0 or errors[row] < 0 else ", or give a floor for exact values")
        )


def _least_rows(names: Sequence[str]) -> int:
    return len(names) + 3


def _check_rows(names: Sequence[str], target: str, columns: FloatArray, y: FloatArray) -> None:
    least = _least_rows(names)
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


def _check_range(
    names: Sequence[str],
    columns: FloatArray,
    target: str,
    y: FloatArray,
    stderr: str | None,
    errors: FloatArray | None,
) -> None:
    for name, column in [*zip(names, columns, strict=True), (target, y)]:
        spread, most = float(np.ptp(column)), float(np.abs(column).max())
        if spread < _LEAST or most > _MOST:
            raise InvalidInputError(
                f"column {name!r} has values up to {most:g} that differ by {spread:g}, and fits "
                f"need their squares; change its unit so that both are from {_LEAST:g} to {_MOST:g}"
            )
    for error in () if errors is None else (errors.min(), errors.max()):
        if not _LEAST <= error <= _MOST:
            raise InvalidInputError(
                f"column {stderr!r}, with the floor, has an error of {error:g}, and fits need its "
                f"square; change the unit so that errors are from {_LEAST:g} to {_MOST:g}"
            )


def _warn_of_weights(errors: FloatArray, least: int) -> None:
    """Warn where so few rows hold the weight that the law is one of those."""
    share = np.sort((errors / errors.min()) ** -2.0)[::-1]
    alike = float(share.sum() ** 2 / np.sum(share**2))
    median = float(np.median(errors))
    few = int(np.sum(errors < _FAR_BELOW * median))
    if not few and alike >= min(least, len(errors) / 4):
        return
    few = few or 1 + int(np.searchsorted(np.cumsum(share), 0.99 * share.sum()))
    warnings.warn(
        f"{few} of {len(errors)} rows have errors so small that they hold nearly all the weight, "
        f"and the law is of those; give a floor, such as the median error {median:.2g}",
        AccuracyWarning,
        stacklevel=_STACK_LEVEL,
    )
