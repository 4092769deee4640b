"""The user's own spectra, as an array or a sampling function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from htmu._core import structures as _structures
from htmu.arguments import FloatArray, as_float, as_int, as_real_array
from htmu.errors import InvalidInputError
from htmu.structures.base import MAX_MATRIX_SIZE, Structure

__all__ = ["Sampled"]

SamplingFunction: TypeAlias = Callable[[np.random.Generator, int], ArrayLike]

_MIN_SAMPLES = 8


class Sampled(Structure):
    """Spectra that you computed: independent draws of the N eigenvalues of your own matrices.

    Parameters
    ----------
    spectra : array_like of shape (samples, N), or callable(rng, size)
        Positive eigenvalues, one spectrum a row, in any order: at least 8 rows. A callable gets a
        numpy Generator and a number of spectra, and returns an array of shape (size, N); it is
        called for groups of 64 spectra, each with a Generator of its own, so that results do not
        depend on the number of threads.
    alpha : float, optional
        Exponent of the weight det(M)^alpha, greater than -1, if it is known: then "weight" is the
        default reference, else "full".
    N : int, optional
        Matrix size; a callable is asked for one group to find it if it is not given.

    Raises
    ------
    InvalidInputError
        If an argument has the wrong type or shape, or an eigenvalue is not positive
        (NonFiniteError for NaN and inf).

    Examples
    --------
    >>> import htmu
    >>> draws = htmu.LaguerreEnsemble(20, beta=0.5, a=1.0).eigenvalues(500, seed=1)
    >>> structure = htmu.structures.Sampled(draws, alpha=1.0)
    >>> estimate = htmu.estimate_kappa(structure, tol=0.5, seed=1)
    >>> estimate.interval[0] < 20 * 0.5 < estimate.interval[1]
    True
    """

    name: ClassVar[str] = "sampled"

    def __init__(
        self,
        spectra: ArrayLike | SamplingFunction,
        alpha: float | None = None,
        N: int | None = None,  # noqa: N803 - the field's symbol
    ) -> None:
        self._alpha = None if alpha is None else as_float("alpha", alpha, exclusive_minimum=-1)
        self.references = ("full",) if alpha is None else ("weight", "shape", "full")
        self.default_reference = self.references[0]
        self._function: SamplingFunction | None = None
        self._spectra: FloatArray | None = None
        size = None if N is None else as_int("N", N, minimum=1, maximum=MAX_MATRIX_SIZE)
        if callable(spectra):
            self._function = spectra
            self._size = size or self._drawn(0, 0, None).shape[1]
        else:
            self._spectra = self._checked(as_real_array("spectra", spectra), size)
            self._size = int(self._spectra.shape[1])
            self._law(0)  # refuses eigenvalues that are not positive

    @staticmethod
    def _checked(array: FloatArray, size: int | None) -> FloatArray:
        if array.ndim != 2 or array.shape[1] < 1 or array.shape[0] < 1:
            raise InvalidInputError(
                f"spectra must have shape (samples, N), got shape {array.shape}"
            )
        if size is not None and size != array.shape[1]:
            raise InvalidInputError(f"N = {size} but the spectra have {array.shape[1]} columns")
        if array.shape[0] < _MIN_SAMPLES:
            raise InvalidInputError(
                f"an error bar needs at least {_MIN_SAMPLES} spectra, got {array.shape[0]}; "
                "draw more of them"
            )
        if array.shape[1] > MAX_MATRIX_SIZE:
            raise InvalidInputError(
                f"the matrix size N must be at most {MAX_MATRIX_SIZE}, got {array.shape[1]}"
            )
        return array

    def _drawn(self, seed: int, group: int, size: int | None) -> FloatArray:
        """Call the user's function for one group."""
        assert self._function is not None
        rng = np.random.default_rng([seed, group])
        count = _structures.CallbackLaw.group_size
        array = as_real_array("the sampling function's result", self._function(rng, count))
        expected = f"({count}, {size or 'N'})"
        if array.ndim != 2 or array.shape[0] != count or size not in (None, array.shape[1]):
            raise InvalidInputError(
                f"the sampling function must return an array of shape {expected} when asked for "
                f"{count} spectra, got shape {array.shape}"
            )
        return array

    @property
    def N(self) -> int:  # noqa: N802 - the field's symbol
        return self._size

    @property
    def alpha(self) -> float | None:
        """Exponent of the weight, or None if it is not known."""
        return self._alpha

    @property
    def weight_exponent(self) -> float | None:
        return self._alpha

    @property
    def parameters(self) -> dict[str, Any]:
        source = (
            {"function": getattr(self._function, "__qualname__", repr(self._function))}
            if self._spectra is None
            else {"samples": int(self._spectra.shape[0])}
        )
        return {**source, "N": self.N, "alpha": self._alpha}

    def __repr__(self) -> str:
        if self._spectra is None:
            what = f"function {self.parameters['function']}"
        else:
            what = f"{self._spectra.shape[0]} spectra"
        return f"Sampled(<{what}>, alpha={self._alpha!r}, N={self.N})"

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def _law(self, seed: int) -> _structures.StructuredLaw:
        if self._spectra is not None:
            return _structures.ArrayLaw(self._spectra)
        return _structures.CallbackLaw(self.N, lambda group: self._drawn(seed, group, self.N))
