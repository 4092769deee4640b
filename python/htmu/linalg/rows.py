"""Batches of tridiagonal and bidiagonal matrices as rows, and which eigenvalues are wanted."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from htmu.arguments import FloatArray, as_choice, as_float, as_int, as_real_array
from htmu.errors import InvalidInputError

__all__ = ["Interval", "Rows", "Selection", "as_interval", "as_rows", "as_selection"]

SELECTIONS = ("a", "i", "v", "largest", "smallest")


class Rows(NamedTuple):
    """Diagonals (n_rows, n), off-diagonals (n_rows, n - 1), and the batch axes' shape."""

    d: FloatArray
    e: FloatArray
    batch: tuple[int, ...]

    @property
    def n(self) -> int:
        """Size of each matrix."""
        return int(self.d.shape[1])


class Selection(NamedTuple):
    """Indices first..last, inclusive, of the ascending eigenvalues; `whole` if that is all."""

    first: int
    last: int
    whole: bool


class Interval(NamedTuple):
    """The half-open interval (lower, upper]."""

    lower: float
    upper: float


def as_rows(
    d: ArrayLike, e: ArrayLike, *, names: tuple[str, str] = ("d", "e"), finite: bool = True
) -> Rows:
    """Return the matrices as contiguous rows; the batch axes of d and e broadcast."""
    diagonal = as_real_array(names[0], d, finite=finite)
    off_diagonal = as_real_array(names[1], e, finite=finite)
    if diagonal.ndim < 1 or diagonal.shape[-1] < 1:
        raise InvalidInputError(
            f"{names[0]} must have shape (..., n) with n at least 1, got shape {diagonal.shape}"
        )
    n = diagonal.shape[-1]
    if off_diagonal.ndim < 1 or off_diagonal.shape[-1] != n - 1:
        raise InvalidInputError(
            f"{names[1]} must have shape (..., n - 1) = (..., {n - 1}) for {names[0]} of shape "
            f"{diagonal.shape}, got shape {off_diagonal.shape}"
        )
    batch = diagonal.shape[:-1]
    if batch != off_diagonal.shape[:-1]:
        try:
            batch = np.broadcast_shapes(batch, off_diagonal.shape[:-1])
        except ValueError:
            raise InvalidInputError(
                f"the batch axes of {names[0]} and {names[1]} must broadcast, got shapes "
                f"{diagonal.shape} and {off_diagonal.shape}"
            ) from None
        diagonal = np.ascontiguousarray(np.broadcast_to(diagonal, (*batch, n)))
        off_diagonal = np.ascontiguousarray(np.broadcast_to(off_diagonal, (*batch, n - 1)))
    n_rows = math.prod(batch)
    return Rows(diagonal.reshape(n_rows, n), off_diagonal.reshape(n_rows, n - 1), batch)


def _pair(select_range: Any) -> tuple[Any, Any]:
    try:
        first, last = select_range
    except (TypeError, ValueError):
        raise InvalidInputError(
            f"select_range must be a pair (first, last) for select='i' or 'v', got {select_range!r}"
        ) from None
    return first, last


def as_selection(select: str, select_range: Any, n: int) -> Selection | Interval:
    """Return the ascending indices asked for, or the interval for select="v"."""
    select = as_choice("select", select, SELECTIONS)
    if select == "a":
        if select_range is not None:
            raise InvalidInputError(
                f"select='a' takes all and no select_range, got {select_range!r}; leave it out or "
                "name another select"
            )
        return Selection(0, n - 1, True)
    if select in ("largest", "smallest"):
        count = as_int("select_range", select_range, minimum=1, maximum=n)
        first = n - count if select == "largest" else 0
        return Selection(first, first + count - 1, count == n)
    low, high = _pair(select_range)
    if select == "i":
        first = as_int("select_range[0]", low, minimum=0, maximum=n - 1)
        last = as_int("select_range[1]", high, minimum=first, maximum=n - 1)
        return Selection(first, last, last - first + 1 == n)
    return as_interval((low, high))


def as_interval(bounds: tuple[Any, Any]) -> Interval:
    """Return finite bounds, the second above the first."""
    lower = as_float("select_range[0]", bounds[0])
    return Interval(lower, as_float("select_range[1]", bounds[1], exclusive_minimum=lower))


def require_single(batch: tuple[int, ...]) -> None:
    """Refuse a batch for select="v"."""
    if batch:
        raise InvalidInputError(
            "select='v' needs a single matrix, for the number of eigenvalues in an interval "
            f"differs between matrices, got batch axes {batch}; loop over the matrices"
        )
