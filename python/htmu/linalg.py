"""Spectra of tridiagonal and bidiagonal matrices, in batches, and their log-Vandermondes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import cython_lapack

from htmu._core import linalg as _linalg
from htmu.arguments import (
    FloatArray,
    as_choice,
    as_float,
    as_int,
    as_real_array,
    as_threads,
)
from htmu.errors import InvalidInputError

__all__ = ["eigvalsh_tridiagonal", "log_vandermonde", "singvals_bidiagonal"]

# The core links no LAPACK of its own; SciPy's is thread-safe and already there.
_linalg.install_scipy_lapack(cython_lapack.__pyx_capi__)

_DRIVERS = ("auto", "sterf", "stebz", "stemr")
_SELECTIONS = ("a", "i", "v")


def _rows(d: ArrayLike, e: ArrayLike) -> tuple[FloatArray, FloatArray, tuple[int, ...]]:
    """Return d and e as (batch, n) and (batch, n - 1), and the batch axes' shape."""
    diagonal = as_real_array("d", d)
    off_diagonal = as_real_array("e", e)
    if diagonal.ndim < 1 or diagonal.shape[-1] < 1:
        raise InvalidInputError(
            f"d must have shape (..., n) with n at least 1, got shape {diagonal.shape}"
        )
    n = diagonal.shape[-1]
    if off_diagonal.ndim < 1 or off_diagonal.shape[-1] != n - 1:
        raise InvalidInputError(
            f"e must have shape (..., n - 1) = (..., {n - 1}) for d of shape {diagonal.shape}, "
            f"got shape {off_diagonal.shape}"
        )
    try:
        batch = np.broadcast_shapes(diagonal.shape[:-1], off_diagonal.shape[:-1])
    except ValueError:
        raise InvalidInputError(
            f"the batch axes of d and e must broadcast, got shapes {diagonal.shape} and "
            f"{off_diagonal.shape}"
        ) from None
    n_rows = int(np.prod(batch))
    rows_d = np.ascontiguousarray(np.broadcast_to(diagonal, (*batch, n))).reshape(n_rows, n)
    rows_e = np.ascontiguousarray(np.broadcast_to(off_diagonal, (*batch, n - 1)))
    return rows_d, rows_e.reshape(n_rows, n - 1), batch


def _range(select_range: Any) -> tuple[Any, Any]:
    try:
        first, last = select_range
    except (TypeError, ValueError):
        raise InvalidInputError(
            f"select_range must be a pair (first, last) for select='i' or 'v', got {select_range!r}"
        ) from None
    return first, last


def eigvalsh_tridiagonal(
    d: ArrayLike,
    e: ArrayLike,
    *,
    driver: str = "auto",
    select: str = "a",
    select_range: tuple[float, float] | None = None,
    n_threads: int | None = None,
) -> FloatArray:
    """Compute eigenvalues of real symmetric tridiagonal matrices, over leading batch axes.

    Parameters
    ----------
    d : array_like, shape (..., n)
        Diagonals.
    e : array_like, shape (..., n - 1)
        Off-diagonals; the batch axes of `d` and `e` broadcast.
    driver : {"auto", "sterf", "stebz", "stemr"}
        LAPACK routine: root-free QL/QR, bisection, or relatively robust representations. "auto" is
        "sterf" for all eigenvalues and "stebz" for a range.
    select : {"a", "i", "v"}
        All eigenvalues; those with indices in `select_range`; those in the interval
        `select_range`.
    select_range : pair, optional
        For "i" the first and last index, 0-based, inclusive; for "v" the half-open interval
        (lower, upper], for a single matrix only.
    n_threads : int or None
        None takes every CPU; results do not depend on it.

    Returns
    -------
    ndarray, shape (..., k)
        Eigenvalues in ascending order; k = n for select="a". Their absolute error is a small
        multiple of the machine epsilon times the norm.

    Raises
    ------
    InvalidInputError
        If an argument has the wrong type, shape or value (NonFiniteError for NaN and inf).
    ConvergenceError
        If LAPACK reports a failure.

    Examples
    --------
    >>> import htmu
    >>> htmu.eigvalsh_tridiagonal([2.0, 2.0, 2.0], [-1.0, -1.0]).round(6).tolist()
    [0.585786, 2.0, 3.414214]
    """
    rows_d, rows_e, batch = _rows(d, e)
    driver = as_choice("driver", driver, _DRIVERS)
    select = as_choice("select", select, _SELECTIONS)
    threads = as_threads(n_threads)
    if select == "a":
        routine = "sterf" if driver == "auto" else driver
        found = _linalg.eigvalsh_tridiagonal(rows_d, rows_e, routine, threads)
        return found.reshape(*batch, found.shape[-1])
    if driver not in ("auto", "stebz"):
        raise InvalidInputError(
            f"only the driver 'stebz' computes a range of eigenvalues, got driver={driver!r}; "
            "leave driver='auto'"
        )
    first, last = _range(select_range)
    if select == "i":
        n = rows_d.shape[-1]
        low = as_int("select_range[0]", first, minimum=0, maximum=n - 1)
        high = as_int("select_range[1]", last, minimum=low, maximum=n - 1)
        found = _linalg.eigvalsh_tridiagonal_indices(rows_d, rows_e, low, high, threads)
        return found.reshape(*batch, found.shape[-1])
    if batch:
        raise InvalidInputError(
            "select='v' needs a single matrix, for the number of eigenvalues in an interval "
            f"differs between matrices, got batch axes {batch}; loop over the matrices"
        )
    lower = as_float("select_range[0]", first)
    upper = as_float("select_range[1]", last, exclusive_minimum=lower)
    return _linalg.eigvalsh_tridiagonal_interval(rows_d[0], rows_e[0], lower, upper)


def singvals_bidiagonal(d: ArrayLike, e: ArrayLike, *, n_threads: int | None = None) -> FloatArray:
    """Compute singular values of real bidiagonal matrices, over leading batch axes.

    Every singular value has high relative accuracy, however small (dqds, LAPACK's lasq1; Fernando
    and Parlett, Numer. Math. 67, 191, 1994).

    Parameters
    ----------
    d : array_like, shape (..., n)
        Diagonals.
    e : array_like, shape (..., n - 1)
        Superdiagonals or subdiagonals; the batch axes of `d` and `e` broadcast.
    n_threads : int or None
        None takes every CPU; results do not depend on it.

    Returns
    -------
    ndarray, shape (..., n)
        Singular values in descending order, as from `numpy.linalg.svd`.

    Raises
    ------
    InvalidInputError
        If an argument has the wrong type, shape or value (NonFiniteError for NaN and inf).
    ConvergenceError
        If LAPACK reports a failure.

    Examples
    --------
    >>> import htmu
    >>> s = htmu.singvals_bidiagonal([1.0, 1e-200], [1e-100])
    >>> bool(abs(s[1] / 1e-200 - 1) < 1e-14)
    True
    """
    rows_d, rows_e, batch = _rows(d, e)
    found = _linalg.singvals_bidiagonal(rows_d, rows_e, as_threads(n_threads))
    return found.reshape(*batch, found.shape[-1])


def log_vandermonde(x: ArrayLike, *, n_threads: int | None = None) -> FloatArray | float:
    """Compute S(x) = sum over i < j of log|x_i - x_j|, along the last axis.

    Parameters
    ----------
    x : array_like, shape (..., n)
        Points, in any order.
    n_threads : int or None
        None takes every CPU; results do not depend on it.

    Returns
    -------
    float or ndarray, shape (...)
        -inf where a value repeats, 0 for fewer than two points.

    Raises
    ------
    InvalidInputError
        If x has the wrong type or no axis (NonFiniteError for NaN and inf).

    Notes
    -----
    The differences are multiplied in chunks and the exponents of the products taken out as
    integers, so a pair costs a subtraction and a multiplication, and no product overflows.

    Examples
    --------
    >>> import htmu
    >>> import math
    >>> math.isclose(htmu.log_vandermonde([1.0, 2.0, 4.0]), math.log(1 * 3 * 2))
    True
    """
    points = as_real_array("x", x)
    if points.ndim < 1:
        raise InvalidInputError(f"x must have at least one axis, got the scalar {points}")
    batch = points.shape[:-1]
    rows = points.reshape(int(np.prod(batch)), points.shape[-1])
    found = _linalg.log_vandermonde(rows, as_threads(n_threads))
    return found.reshape(batch) if batch else float(found[0])
