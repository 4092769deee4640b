"""Eigenvalues of symmetric tridiagonal matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from htmu._core import linalg as _linalg
from htmu.arguments import FloatArray, as_bool, as_choice, as_threads
from htmu.errors import InvalidInputError
from htmu.linalg.rows import Interval, as_rows, as_selection, require_single

__all__ = ["eigvalsh_tridiagonal"]

_DRIVERS = ("auto", "qr", "sturm", "sterf", "stebz", "stemr")
_RANGE_DRIVERS = ("auto", "sturm", "stebz")


def eigvalsh_tridiagonal(
    d: ArrayLike,
    e: ArrayLike,
    *,
    driver: str = "auto",
    select: str = "a",
    select_range: Any = None,
    check_finite: bool = True,
    n_threads: int | None = None,
) -> FloatArray:
    """Compute eigenvalues of real symmetric tridiagonal matrices, over leading batch axes.

    Parameters
    ----------
    d : array_like, shape (..., n)
        Diagonals.
    e : array_like, shape (..., n - 1)
        Off-diagonals; the batch axes of `d` and `e` broadcast.
    driver : {"auto", "qr", "sturm", "sterf", "stebz", "stemr"}
        "qr": root-free QR on many matrices side by side in the vector unit; all eigenvalues.
        "sturm": Sturm counts at many points side by side; one matrix at a time, any range.
        The others are LAPACK's, one matrix at a time: root-free QL/QR, bisection, and relatively
        robust representations. "auto" takes "qr" for all eigenvalues of a batch, and "sturm" for a
        range or for few large matrices.
    select : {"a", "i", "v", "largest", "smallest"}
        All eigenvalues; those with indices in `select_range`; those in the interval
        `select_range`; the `select_range` largest or smallest.
    select_range : pair or int, optional
        For "i" the first and last index, 0-based, inclusive; for "v" the half-open interval
        (lower, upper], for a single matrix only; for "largest" and "smallest" their number.
    check_finite : bool
        False leaves out the check for NaN and inf: a matrix with one gives NaN (none for "v"), and
        the others their eigenvalues.
    n_threads : int or None
        None takes every CPU; results do not depend on it.

    Returns
    -------
    ndarray, shape (..., k)
        Eigenvalues in ascending order; k = n for select="a". Their absolute error is a small
        multiple of the machine epsilon times the norm: below 1e-15 for "sturm", 1e-15 sqrt(n) for
        "qr" (up to 2.5e-15 sqrt(n) for tight clusters at both ends of the spectrum). With one
        driver a matrix gives the same bits alone and in any batch.

    Raises
    ------
    InvalidInputError
        If an argument has the wrong type, shape or value (NonFiniteError for NaN and inf).
    ConvergenceError
        If an iteration does not converge.

    References
    ----------
    Parlett, The Symmetric Eigenvalue Problem, 1998, section 8.15 (Pal-Walker-Kahan); Barth,
    Martin and Wilkinson, Numer. Math. 9, 386 (1967), for bisection.

    Examples
    --------
    >>> import htmu
    >>> htmu.eigvalsh_tridiagonal([2.0, 2.0, 2.0], [-1.0, -1.0]).round(6).tolist()
    [0.585786, 2.0, 3.414214]
    >>> htmu.eigvalsh_tridiagonal([2.0, 2.0, 2.0], [-1.0, -1.0], select="largest", select_range=1)
    array([3.41421356])
    """
    check = as_bool("check_finite", check_finite)
    rows = as_rows(d, e, finite=check)
    driver = as_choice("driver", driver, _DRIVERS)
    wanted = as_selection(select, select_range, rows.n)
    threads = as_threads(n_threads)
    if (isinstance(wanted, Interval) or not wanted.whole) and driver not in _RANGE_DRIVERS:
        raise InvalidInputError(
            f"only the drivers 'sturm' and 'stebz' compute a range of eigenvalues, got "
            f"driver={driver!r}; leave driver='auto'"
        )
    if isinstance(wanted, Interval):
        require_single(rows.batch)
        if not (np.isfinite(rows.d).all() and np.isfinite(rows.e).all()):
            return np.empty(0)
        return _linalg.eigvalsh_tridiagonal_interval(rows.d[0], rows.e[0], driver, *wanted, threads)
    found = _linalg.eigvalsh_tridiagonal(
        rows.d, rows.e, driver, wanted.first, wanted.last, check, threads
    )
    return found.reshape(*rows.batch, found.shape[-1])
