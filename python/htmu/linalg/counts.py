"""Sturm counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from htmu._core import linalg as _linalg
from htmu.arguments import as_real_array, as_threads, check_memory
from htmu.errors import InvalidInputError
from htmu.linalg.rows import as_rows

__all__ = ["count_eigenvalues"]


def count_eigenvalues(
    d: ArrayLike, e: ArrayLike, edges: ArrayLike, *, n_threads: int | None = None
) -> NDArray[np.int64]:
    """Count the eigenvalues of symmetric tridiagonal matrices below each edge.

    No eigenvalue is computed: a count is one pass over the matrix, so m edges cost O(m n).

    Parameters
    ----------
    d : array_like, shape (..., n)
        Diagonals.
    e : array_like, shape (..., n - 1)
        Off-diagonals; the batch axes of `d` and `e` broadcast.
    edges : array_like, shape (m,) or scalar
        Points, in any order.
    n_threads : int or None
        None takes every CPU; results do not depend on it.

    Returns
    -------
    ndarray of int64, shape (..., m), or (...) for a scalar edge
        Number of eigenvalues strictly below each edge. Exact for a matrix within a few units of
        rounding, relative to the norm, of the one given: an eigenvalue that close to an edge may
        count on either side, but counts never descend from one edge to a higher one. Those of a
        diagonal matrix are exact.

    Raises
    ------
    InvalidInputError
        If an argument has the wrong type, shape or value (NonFiniteError for NaN and inf).

    References
    ----------
    Barth, Martin and Wilkinson, Numer. Math. 9, 386 (1967).

    Examples
    --------
    >>> import htmu
    >>> htmu.count_eigenvalues([2.0, 2.0, 2.0], [-1.0, -1.0], [0.0, 1.0, 3.0, 4.0]).tolist()
    [0, 1, 2, 3]
    """
    rows = as_rows(d, e)
    points = as_real_array("edges", edges)
    if points.ndim > 1:
        raise InvalidInputError(f"edges must be a number or one row, got shape {points.shape}")
    check_memory(
        len(rows.d) * points.size, f"counts at {points.size} edges of {len(rows.d)} matrices"
    )
    found = _linalg.count_eigenvalues(rows.d, rows.e, points.reshape(-1), as_threads(n_threads))
    return found.reshape((*rows.batch, *points.shape))
