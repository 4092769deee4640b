"""The log-Vandermonde of a spectrum."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from htmu._core import linalg as _linalg
from htmu.arguments import FloatArray, as_real_array, as_threads
from htmu.errors import InvalidInputError

__all__ = ["log_vandermonde"]


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
