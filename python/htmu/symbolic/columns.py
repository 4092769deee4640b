"""Columns of a table of rows: there once, and of finite real numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from htmu.arguments import FloatArray
from htmu.errors import InvalidInputError, NonFiniteError

if TYPE_CHECKING:
    import pandas as pd


def as_frame(data: Any) -> pd.DataFrame:
    """DataFrame of the rows given, each of its columns named once."""
    import pandas as pd

    if isinstance(data, pd.DataFrame):
        return check_names(data)
    if isinstance(data, Mapping):
        try:
            return pd.DataFrame(dict(data))
        except ValueError as error:
            raise InvalidInputError(f"the columns do not make a table: {error}") from None
    raise InvalidInputError(
        f"data must be a SweepResult, a run file, a DataFrame or a dict of columns, got "
        f"{type(data).__name__}"
    )


def check_names(frame: pd.DataFrame) -> pd.DataFrame:
    """Refuse a DataFrame with two columns of one name."""
    repeated = frame.columns[frame.columns.duplicated()]
    if len(repeated):
        raise InvalidInputError(
            f"the table has {list(frame.columns).count(repeated[0])} columns named "
            f"{repeated[0]!r}; rename or drop one"
        )
    return frame


def column_of(frame: pd.DataFrame, name: str) -> FloatArray:
    """Column of finite numbers."""
    if name not in frame.columns:
        more = "; pass stderr=None for rows without errors" if name == "stderr" else ""
        raise InvalidInputError(
            f"the data has no column {name!r}, it has "
            f"{', '.join(str(column) for column in frame.columns) or 'none'}{more}"
        )
    column = as_numbers(name, frame[name])
    bad = ~np.isfinite(column)
    if bad.any():
        raise NonFiniteError(
            f"column {name!r} is not finite in {int(bad.sum())} of {len(column)} rows, first in "
            f"row {int(np.argmax(bad))}; drop those rows"
        )
    return column


def as_numbers(name: str, values: Any) -> FloatArray:
    """Copy of real numbers as doubles; refuses what NumPy would convert: text, times, booleans."""
    import pandas as pd

    kind: Any = None
    try:
        if isinstance(values, pd.Series):
            kind, types = values.dtype, pd.api.types
            if types.is_numeric_dtype(kind) and not (
                types.is_bool_dtype(kind) or types.is_complex_dtype(kind)
            ):
                return np.array(values.to_numpy(dtype=np.float64, na_value=np.nan))
        else:
            array = np.asarray(values)
            kind = array.dtype
            if kind.kind in "iuf":
                return np.array(array, dtype=np.float64)
    except (TypeError, ValueError):
        pass
    raise InvalidInputError(
        f"column {name!r} must hold real numbers, got {kind or 'ragged rows'}; convert or drop it"
    )
