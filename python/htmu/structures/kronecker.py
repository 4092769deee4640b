"""Kronecker products of independent random positive matrices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from htmu._core import structures as _structures
from htmu.arguments import as_float, as_int, as_sizes
from htmu.errors import InvalidInputError
from htmu.structures.base import MAX_MATRIX_SIZE, Structure

__all__ = ["Kronecker"]


class Kronecker(Structure):
    """Kronecker product of independent real factors of sizes n_1 .. n_k, N = n_1 ... n_k.

    The factors' normalised eigenvalues are independent, those of Laguerre ensembles of size n_j
    and exponent alpha N / n_j. The structure leaves the law of the scale undefined, so spectra are
    normalised to sum 1 and "shape" is the only reference.

    Parameters
    ----------
    m, n : int
        Sizes of two factors, at least 1.
    alpha : float
        Exponent of det(M), greater than -n_j / N for every factor.
    dims : sequence of int, optional
        Sizes of any number of factors, instead of m and n.

    Raises
    ------
    InvalidInputError
        If an argument has the wrong type or lies outside its domain.

    Examples
    --------
    >>> import htmu
    >>> htmu.structures.Kronecker(3, 4, alpha=2.0).N
    12
    >>> spectra = htmu.structures.Kronecker(dims=(2, 3, 4)).eigenvalues(3, seed=1)
    >>> spectra.sum(axis=1).round(12).tolist()
    [1.0, 1.0, 1.0]
    """

    name: ClassVar[str] = "kronecker"
    references = ("shape",)
    default_reference = "shape"

    def __init__(
        self,
        m: int | None = None,
        n: int | None = None,
        alpha: float = 1.0,
        *,
        dims: Sequence[int] | None = None,
    ) -> None:
        if dims is None:
            if m is None or n is None:
                raise InvalidInputError("Kronecker needs the factors' sizes m and n, or dims=(...)")
            self._dims: tuple[int, ...] = (
                as_int("m", m, minimum=1, maximum=MAX_MATRIX_SIZE),
                as_int("n", n, minimum=1, maximum=MAX_MATRIX_SIZE),
            )
            self._two = True
        else:
            if m is not None or n is not None:
                raise InvalidInputError(
                    f"give either m and n or dims, got m={m!r}, n={n!r} and dims={dims!r}"
                )
            self._dims = as_sizes("dims", dims, maximum=MAX_MATRIX_SIZE)
            self._two = False
        if self.N > MAX_MATRIX_SIZE:
            raise InvalidInputError(
                f"the matrix size N must be at most {MAX_MATRIX_SIZE}, got N = {self.N}"
            )
        # The steepest factor: alpha N / n_j > -1 for all j.
        self._alpha = as_float("alpha", alpha, exclusive_minimum=-min(self._dims) / self.N)

    @property
    def N(self) -> int:  # noqa: N802 - the field's symbol
        return math.prod(self._dims)

    @property
    def dims(self) -> tuple[int, ...]:
        """Sizes of the factors."""
        return self._dims

    @property
    def alpha(self) -> float:
        """Exponent of det(M)."""
        return self._alpha

    @property
    def weight_exponent(self) -> float:
        return self._alpha

    @property
    def parameters(self) -> dict[str, Any]:
        if self._two:
            return {"m": self._dims[0], "n": self._dims[1], "alpha": self._alpha}
        return {"dims": list(self._dims), "alpha": self._alpha}

    def _law(self, seed: int) -> _structures.StructuredLaw:
        return _structures.KroneckerLaw(list(self._dims), self._alpha)
