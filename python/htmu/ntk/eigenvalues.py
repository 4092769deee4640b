"""Eigenvalues of assembled kernels, with what can be said of the smallest."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
import torch

from htmu.arguments import FloatArray, check_memory
from htmu.errors import InvalidInputError, NonFiniteError

__all__ = ["NtkSpectrum", "eigvals"]

_ROWS = 1024
#: Entries above are scaled.
_LARGE = 1e100
#: Asymmetry that passes for rounding at most, of the largest entry, in types of few digits.
_ASYMMETRY = 2e-5


@dataclass(frozen=True)
class NtkSpectrum:
    """Eigenvalues of a kernel.

    Attributes
    ----------
    eigenvalues : numpy.ndarray, shape (m,)
        Ascending, float64, none removed or clipped.
    absolute_error : float
        Bound of what the eigenvalue routine's rounding does to each eigenvalue, m eps ||G||_2 with
        float64's eps; for a kernel stored in float32 or below also that type's eps times ||G||_F,
        of its entries; and m max|G - G^T| / 2 where it is not symmetric to the last digit. What
        was wrong in the entries before, as the rounding of `gram`'s passes, is not in it.
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
        Symmetric to a few roundings: an array, a tensor, a memory map or a zarr array. It is read
        into memory in float64.

    Returns
    -------
    NtkSpectrum

    Raises
    ------
    InvalidInputError
        Not a square matrix of real numbers, or not symmetric to rounding.
    NonFiniteError
        An entry is not finite, or an eigenvalue lies beyond float64's range.

    Examples
    --------
    >>> import numpy as np
    >>> from htmu.ntk import eigvals
    >>> found = eigvals(np.array([[2.0, 1.0], [1.0, 2.0]]))
    >>> found.eigenvalues.round(12).tolist(), found.n_negative, found.n_resolved
    ([1.0, 3.0], 0, 2)
    """
    gram, eps = _as_entries(gram)
    shape = gram.shape
    if len(shape) != 2 or shape[0] != shape[1] or shape[0] == 0:
        raise InvalidInputError(f"gram must be a square matrix, got shape {tuple(shape)}")
    size = shape[0]
    check_memory(2 * size * size, f"the eigenvalues of a matrix of {size} rows")
    matrix = np.empty((size, size))
    for i in range(0, size, _ROWS):
        matrix[i : i + _ROWS] = gram[i : i + _ROWS]
    largest = _largest(matrix)
    # A power of two, exact: sums of squares of what is above overflow.
    unit = 2.0 ** (math.frexp(largest)[1] - 1) if largest > _LARGE else 1.0
    if unit > 1:
        matrix /= unit
    double = float(np.finfo(np.float64).eps)
    asymmetry = _asymmetry(matrix, max(eps, double), largest / unit, unit)
    frobenius = float(np.linalg.norm(matrix))
    # evd without vectors is the QL iteration (dsterf): the fastest driver, and the most accurate.
    values = scipy.linalg.eigh(
        matrix, eigvals_only=True, overwrite_a=True, check_finite=False, driver="evd"
    )
    error = size * (double * float(np.abs(values).max()) + asymmetry / 2)
    if eps > double:
        error += eps * frobenius
    if unit > 1:
        with np.errstate(over="ignore"):
            values = values * unit
        error *= unit
        if not (np.isfinite(values).all() and math.isfinite(error)):
            raise NonFiniteError(
                f"an eigenvalue lies beyond the numbers of float64 (entries up to {largest:.3g}); "
                "divide the kernel by a number"
            )
    return NtkSpectrum(
        np.asarray(values, dtype=np.float64),
        error,
        int((values < 0).sum()),
        int((values > error).sum()),
    )


def _as_entries(gram: Any) -> tuple[Any, float]:
    """Return what gives rows of numbers, and the relative rounding of its type."""
    if isinstance(gram, torch.Tensor):
        if gram.is_complex() or gram.dtype == torch.bool:
            raise InvalidInputError(f"gram must be of real numbers, got dtype {gram.dtype}")
        if gram.layout != torch.strided or gram.is_meta:
            raise InvalidInputError("gram must be a dense tensor in memory; give gram.to_dense()")
        eps = torch.finfo(gram.dtype).eps if gram.is_floating_point() else 0.0
        # NumPy has no bfloat16.
        entries = gram.detach().cpu()
        return (entries.float() if gram.dtype == torch.bfloat16 else entries).numpy(), eps
    if getattr(gram, "shape", None) is None or getattr(gram, "dtype", None) is None:
        try:
            gram = np.asarray(gram)
        except (TypeError, ValueError):
            raise InvalidInputError(
                f"gram must be a square matrix of numbers, got {type(gram).__name__} that is none"
            ) from None
    try:
        dtype = np.dtype(gram.dtype)
    except TypeError:
        raise InvalidInputError(f"gram must be of real numbers, got dtype {gram.dtype}") from None
    if dtype.kind not in "fiu":
        raise InvalidInputError(f"gram must be of real numbers, got dtype {dtype}")
    return gram, float(np.finfo(dtype).eps) if dtype.kind == "f" else 0.0


def _largest(matrix: FloatArray) -> float:
    """Return the largest magnitude of the entries; refuse those that are not finite."""
    largest = 0.0
    for i in range(0, len(matrix), _ROWS):
        rows = matrix[i : i + _ROWS]
        if not np.isfinite(rows).all():
            j, k = np.argwhere(~np.isfinite(rows))[0]
            raise NonFiniteError(
                f"gram has an entry that is not finite ({rows[j, k]}) at ({i + j}, {k})"
            )
        largest = max(largest, float(np.abs(rows).max()))
    return largest


def _asymmetry(matrix: FloatArray, eps: float, largest: float, unit: float) -> float:
    """Return max|G - G^T|; refuse more than a few roundings of the largest entry."""
    asymmetry = 0.0
    for i in range(0, len(matrix), _ROWS):
        rows = matrix[i : i + _ROWS]
        asymmetry = max(asymmetry, float(np.abs(rows - matrix[:, i : i + _ROWS].T).max()))
    if asymmetry > min(100 * eps, max(2 * eps, _ASYMMETRY)) * largest:
        raise InvalidInputError(
            f"gram must be symmetric, but differs from its transpose by {asymmetry * unit:.3g} "
            f"(entries up to {largest * unit:.3g}); average it with its transpose if that is meant"
        )
    return asymmetry
