"""A spectrum made ready for a fit: checked, sorted, its zeros apart, inverted if asked."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from htmu.arguments import FloatArray
from htmu.errors import InvalidInputError, NonFiniteError

__all__ = ["MINIMUM", "Spectrum", "as_window", "read_spectrum"]

#: Fewest nonzero eigenvalues of a fit.
MINIMUM = 10


@dataclasses.dataclass(frozen=True)
class Spectrum:
    """Positive eigenvalues, ascending; zeros and rounding noise counted apart.

    `tiny` of the positive ones lie at or below `cut`, n eps max, where a dense eigenvalue solver
    leaves nothing but noise. Values and `cut` are multiples of `unit`.
    """

    values: FloatArray
    n: int
    n_zero: int
    cut: float
    tiny: int
    unit: float = 1.0

    def without_tiny(self) -> Spectrum:
        """Return the spectrum with its tiny values counted as zeros."""
        return dataclasses.replace(
            self, values=self.values[self.tiny :], n_zero=self.n_zero + self.tiny, tiny=0
        )


def read_spectrum(eigenvalues: Any, zero_tol: float | None = None) -> Spectrum:
    """Check the eigenvalues of one matrix; `zero_tol` stands in for n eps max.

    Raises
    ------
    InvalidInputError
        One line that says what is wrong: complex, a matrix, NaN, negative, too few, all equal.
    """
    try:
        array = np.asarray(eigenvalues)
    except ValueError:
        raise InvalidInputError("eigenvalues must be a flat array, got ragged rows") from None
    if array.dtype.kind == "c":
        raise InvalidInputError(
            "eigenvalues must be real, got complex values; a covariance, feature or kernel matrix "
            "is symmetric: use numpy.linalg.eigvalsh"
        )
    if array.dtype.kind not in "fiu":
        raise InvalidInputError(
            f"eigenvalues must be an array of real numbers, got dtype {array.dtype}"
        )
    if array.ndim != 1:
        hint = (
            "; this looks like a matrix: pass numpy.linalg.eigvalsh(matrix), or the squares of its "
            "singular values"
            if array.ndim == 2
            else "; pass one spectrum"
        )
        raise InvalidInputError(
            f"eigenvalues must have one axis, got an array of shape {array.shape}{hint}"
        )
    values = np.sort(np.asarray(array, dtype=np.float64))
    bad = ~np.isfinite(values)
    if bad.any():
        raise NonFiniteError(
            f"eigenvalues hold {int(bad.sum())} values that are not finite (NaN or inf); "
            "remove or mend them"
        )
    n = len(values)
    top = float(values[-1]) if n else 0.0
    cut = float(n * np.finfo(np.float64).eps * top)
    if zero_tol is not None:
        cut = zero_tol
    if n and values[0] < -cut:
        raise InvalidInputError(
            f"eigenvalues must not be negative, got {values[0]:g} beside a largest of {top:g}; a "
            "positive semidefinite matrix has none, and rounding leaves at most "
            f"{max(cut, 0.0):.2g} (n eps max, or zero_tol)"
        )
    positive = values[values > 0]
    tiny = int(np.searchsorted(positive, cut, side="right"))
    if len(positive) < MINIMUM:
        raise InvalidInputError(
            f"eigenvalues must hold at least {MINIMUM} values above 0, got {len(positive)} of {n}"
        )
    if positive[-1] <= positive[0] * (1 + 1e-12):
        raise InvalidInputError(
            f"eigenvalues must not be all equal, got {len(positive)} times {positive[0]:g}"
        )
    return Spectrum(positive, n, n - len(positive), cut, tiny)


def as_window(window: Any) -> tuple[float, float] | None:
    """Return a window (low, high) of eigenvalues, None for all."""
    if window is None:
        return None
    try:
        low, high = (float(end) for end in window)
    except (TypeError, ValueError):
        low, high = math.nan, math.nan
    if not 0 <= low < high:
        shown = " ".join(repr(window).split())[:60]
        raise InvalidInputError(
            f"window must be (low, high) with 0 <= low < high, or None, got {shown}"
        )
    return low, high
