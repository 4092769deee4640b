"""Eigenvalues of assembled kernels, with what can be said of the smallest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg

from htmu.arguments import FloatArray, check_memory
from htmu.errors import InvalidInputError, NonFiniteError

__all__ = ["NtkSpectrum", "eigvals"]

_ROWS = 1024


@dataclass(frozen=True)
class NtkSpectrum:
    """Eigenvalues of a kernel.

    Attributes
    ----------
    eigenvalues : numpy.ndarray, shape (m,)
        Ascending, float64, none removed or clipped.
    absolute_error : float
        Bound of the error of each eigenvalue, as an eigenvalue of the exact kernel of the entries'
        precision: m eps ||G||_2, of the eigenvalue routine (float64's eps), and for a kernel stored
        in float32 also that eps times ||G||_F, of its entries.
    n_negative : int
        Eigenvalues below zero.
    n_resolved : int
        Eigenvalues above `absolute_error`: those of which at least the sign is certain.
    """

    eigenvalues: FloatArray
    absolute_error: float
    n_negative: int
    n_resolved: int


def eigvals(gram: Any) -> NtkSpectrum:
    """Return the eigenvalues of a kernel, and a bound of their error.

    LAPACK's tridiagonal reduction with divide and conquer's square-root-free QL iteration is
    backward stable: the eigenvalues are those of a matrix within p(m) eps ||G||_2, where p grows
    modestly; p(m) = m is used here and is generous. Every eigenvalue has the same absolute error,
    so that those near or below `absolute_error` have no correct digit.

    Parameters
    ----------
    gram : array_like, shape (m, m)
        Symmetric: an array, a memory map or a zarr array. It is read into memory in float64.

    Returns
    -------
    NtkSpectrum

    Raises
    ------
    InvalidInputError
        Not a square matrix of real numbers, or not symmetric to rounding.
    NonFiniteError
        An entry is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from htmu.ntk import eigvals
    >>> found = eigvals(np.array([[2.0, 1.0], [1.0, 2.0]]))
    >>> found.eigenvalues.round(12).tolist(), found.n_negative, found.n_resolved
    ([1.0, 3.0], 0, 2)
    """
    shape, dtype = getattr(gram, "shape", None), getattr(gram, "dtype", None)
    if shape is None or dtype is None:
        gram = np.asarray(gram)
        shape, dtype = gram.shape, gram.dtype
    if len(shape) != 2 or shape[0] != shape[1] or shape[0] == 0:
        raise InvalidInputError(f"gram must be a square matrix, got shape {tuple(shape)}")
    if np.dtype(dtype).kind not in "fiu":
        raise InvalidInputError(f"gram must be of real numbers, got dtype {dtype}")
    size = shape[0]
    check_memory(2 * size * size, f"the eigenvalues of a matrix of {size} rows")
    matrix = np.empty((size, size))
    for i in range(0, size, _ROWS):
        matrix[i : i + _ROWS] = gram[i : i + _ROWS]
    eps_entry = float(np.finfo(dtype).eps) if np.dtype(dtype).kind == "f" else 0.0
    _check(matrix, max(eps_entry, float(np.finfo(np.float64).eps)))
    frobenius = float(np.linalg.norm(matrix))
    # evd without vectors is the QL iteration (dsterf): the fastest driver, and the most accurate.
    values = scipy.linalg.eigh(
        matrix, eigvals_only=True, overwrite_a=True, check_finite=False, driver="evd"
    )
    norm = float(np.abs(values).max())
    error = size * float(np.finfo(np.float64).eps) * norm
    if np.dtype(dtype) == np.float32:
        error += eps_entry * frobenius
    return NtkSpectrum(
        np.asarray(values, dtype=np.float64),
        error,
        int((values < 0).sum()),
        int((values > error).sum()),
    )


def _check(matrix: FloatArray, eps: float) -> None:
    """Refuse entries that are not finite, or not symmetric to a few roundings of the largest."""
    largest = asymmetry = 0.0
    for i in range(0, len(matrix), _ROWS):
        rows = matrix[i : i + _ROWS]
        if not np.isfinite(rows).all():
            j, k = np.argwhere(~np.isfinite(rows))[0]
            raise NonFiniteError(
                f"gram has an entry that is not finite ({rows[j, k]}) at ({i + j}, {k})"
            )
        largest = max(largest, float(np.abs(rows).max()))
        asymmetry = max(asymmetry, float(np.abs(rows - matrix[:, i : i + _ROWS].T).max()))
    if asymmetry > 100 * eps * largest:
        raise InvalidInputError(
            f"gram must be symmetric, but differs from its transpose by {asymmetry:.3g} "
            f"(entries up to {largest:.3g}); average it with its transpose if that is meant"
        )
