"""Singular values of bidiagonal matrices, and logarithms of their squares."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from htmu._core import linalg as _linalg
from htmu.arguments import FloatArray, as_bool, as_choice, as_real_array, as_threads
from htmu.errors import InvalidInputError, NonFiniteError
from htmu.linalg.rows import Interval, as_rows, as_selection, require_single

__all__ = ["log_eigenvalues", "singvals_bidiagonal"]

_LARGEST_LOGARITHM = 5e8
_DRIVERS = ("auto", "qr", "sturm", "lasq1")


def singvals_bidiagonal(
    d: ArrayLike,
    e: ArrayLike,
    *,
    driver: str = "auto",
    select: str = "a",
    select_range: Any = None,
    check_finite: bool = True,
    n_threads: int | None = None,
) -> FloatArray:
    """Compute singular values of real bidiagonal matrices, over leading batch axes.

    Every singular value above 1e-289 of the largest has high relative accuracy; for smaller ones
    see `log_eigenvalues`.

    Parameters
    ----------
    d : array_like, shape (..., n)
        Diagonals.
    e : array_like, shape (..., n - 1)
        Superdiagonals or subdiagonals; the batch axes of `d` and `e` broadcast.
    driver : {"auto", "qr", "sturm", "lasq1"}
        "qr": root-free QR on many matrices side by side, each value then corrected by a Newton
        step on the bidiagonal form, and by Sturm counts where that is not certified. "sturm":
        Sturm counts of the bidiagonal form; one matrix at a time, any range. "lasq1": LAPACK's
        dqds, one matrix at a time. "auto" takes "qr" for all values of a batch, "sturm" for a
        range or for few large matrices. "qr" and "sturm" leave a matrix whose squares would
        underflow to "lasq1".
    select : {"a", "i", "v", "largest", "smallest"}
        All singular values; those with indices in `select_range`; those in the interval
        `select_range`; the `select_range` largest or smallest.
    select_range : pair or int, optional
        For "i" the first and last index in descending order, 0-based, inclusive; for "v" the
        half-open interval (lower, upper], for a single matrix only; for "largest" and "smallest"
        their number.
    check_finite : bool
        False leaves out the check for NaN and inf: a matrix with one gives NaN, and the others
        their singular values.
    n_threads : int or None
        None takes every CPU; results do not depend on it.

    Returns
    -------
    ndarray, shape (..., k)
        Singular values in descending order, as from `numpy.linalg.svd`; k = n for select="a".
        Relative error below 1e-14 for each above 1e-289 of the largest; smaller ones may be 0.

    Raises
    ------
    InvalidInputError
        If an argument has the wrong type, shape or value (NonFiniteError for NaN and inf).
    ConvergenceError
        If an iteration does not converge.

    References
    ----------
    Demmel and Kahan, SIAM J. Sci. Stat. Comput. 11, 873 (1990); Fernando and Parlett, Numer.
    Math. 67, 191 (1994).

    Examples
    --------
    >>> import htmu
    >>> s = htmu.singvals_bidiagonal([1.0, 1e-200], [1e-100])
    >>> bool(abs(s[1] / 1e-200 - 1) < 1e-14)
    True
    """
    check = as_bool("check_finite", check_finite)
    rows = as_rows(d, e, finite=check)
    driver = as_choice("driver", driver, _DRIVERS)
    wanted = as_selection(select, select_range, rows.n)
    threads = as_threads(n_threads)
    if isinstance(wanted, Interval) or not wanted.whole:
        if driver in ("qr", "lasq1"):
            raise InvalidInputError(
                f"only the driver 'sturm' computes a range of singular values, got "
                f"driver={driver!r}; leave driver='auto'"
            )
        driver = "sturm"
    if isinstance(wanted, Interval):
        require_single(rows.batch)
        every = _linalg.singvals_bidiagonal(rows.d, rows.e, driver, 0, rows.n - 1, check, threads)
        inside: FloatArray = every[(every > wanted.lower) & (every <= wanted.upper)]
        return inside
    first, last = wanted.first, wanted.last
    if select == "i":  # counted from the largest
        first, last = rows.n - 1 - last, rows.n - 1 - first
    found = _linalg.singvals_bidiagonal(rows.d, rows.e, driver, first, last, check, threads)
    return found.reshape(*rows.batch, found.shape[-1])


def _require_logarithms(name: str, values: FloatArray, good: NDArray[np.bool_]) -> None:
    if good.all():
        return
    index = tuple(int(i) for i in np.argwhere(~good)[0])
    value = values[index]
    kind = InvalidInputError if np.isfinite(value) else NonFiniteError
    raise kind(
        f"{name} must hold logarithms from {-_LARGEST_LOGARITHM:g} to {_LARGEST_LOGARITHM:g}, got "
        f"{value:g} at index {index[0] if len(index) == 1 else index}; scale the matrix or mend it"
    )


def log_eigenvalues(
    log_d: ArrayLike, log_e: ArrayLike, *, n_threads: int | None = None
) -> FloatArray:
    """Compute log of the eigenvalues of B B^T from the logarithms of the entries of B.

    For ensembles whose eigenvalues underflow: at beta = kappa / n they reach 1e-5000.

    Parameters
    ----------
    log_d : array_like, shape (..., n)
        Natural logarithms of |B_ii|, from -5e8 to 5e8.
    log_e : array_like, shape (..., n - 1)
        Natural logarithms of |B_(i+1)i| (or of the superdiagonal), in the same range, or -inf for
        an entry 0. The batch axes of `log_d` and `log_e` broadcast.
    n_threads : int or None
        None takes every CPU; results do not depend on it.

    Returns
    -------
    ndarray, shape (..., n)
        Natural logarithms of the eigenvalues, ascending: twice those of the singular values.
        Error below 1e-14 max(1, |log l|).

    Raises
    ------
    InvalidInputError
        If an argument has the wrong type, shape or value (NonFiniteError for NaN, inf, or -inf in
        `log_d`).

    Notes
    -----
    Sturm counts of the bidiagonal form with the exponents kept beside the mantissas.

    Examples
    --------
    >>> import htmu
    >>> htmu.log_eigenvalues([0.0, -6000.0], [-3000.0]).tolist()
    [-12000.0, 0.0]
    """
    diagonal = as_real_array("log_d", log_d)
    off_diagonal = as_real_array("log_e", log_e, finite=False)
    _require_logarithms("log_d", diagonal, np.abs(diagonal) <= _LARGEST_LOGARITHM)
    is_zero = np.isneginf(off_diagonal)
    _require_logarithms(
        "log_e", off_diagonal, (np.abs(off_diagonal) <= _LARGEST_LOGARITHM) | is_zero
    )
    rows = as_rows(diagonal, off_diagonal, names=("log_d", "log_e"), finite=False)
    found = _linalg.log_eigenvalues(2.0 * rows.d, 2.0 * rows.e, as_threads(n_threads))
    return found.reshape(*rows.batch, found.shape[-1])
