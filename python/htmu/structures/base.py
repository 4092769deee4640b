"""What every structure offers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from htmu._core import structures as _structures
from htmu.arguments import FloatArray, Seed, as_int, as_seed, as_threads, check_memory, core_key

__all__ = ["MAX_MATRIX_SIZE", "Structure"]

MAX_MATRIX_SIZE: int = _structures.max_matrix_size


class Structure(ABC):
    """Law q of the N eigenvalues of a random positive matrix with structured eigenvectors.

    Attributes
    ----------
    name : str
        Name on the command line and in run files.
    references : tuple of str
        References that `estimate_kappa` admits: "weight" (same exponent and rate), "shape" (same
        exponent, scale disregarded), "full" (exponent and rate free).
    default_reference : str
        The one it takes by default.
    """

    name: ClassVar[str]
    references: tuple[str, ...]
    default_reference: str

    @property
    @abstractmethod
    def N(self) -> int:  # noqa: N802 - the field's symbol
        """Matrix size, the number of eigenvalues."""

    @property
    @abstractmethod
    def parameters(self) -> dict[str, Any]:
        """Constructor arguments, as plain JSON-able values."""

    @property
    @abstractmethod
    def weight_exponent(self) -> float | None:
        """Exponent alpha of the reference's weight, or None if it is not known."""

    @abstractmethod
    def _law(self, seed: int) -> _structures.StructuredLaw:
        """Return the core's law; the seed matters to user functions only."""

    def control_variates(self) -> dict[str, float]:
        """Return the statistics used as control variates, by name, with their exact means."""
        return dict(self._law(0).control_variates())

    def eigenvalues(
        self, size: int, *, seed: Seed = None, n_threads: int | None = None
    ) -> FloatArray:
        """Draw spectra, ascending, as an array of shape (size, N).

        Parameters
        ----------
        size : int
            Number of spectra. Spectrum k is a function of (seed, k) alone.
        seed : int, SeedSequence, Generator or None
            None takes fresh entropy.
        n_threads : int or None
            None takes every CPU; the numbers do not depend on it.

        Raises
        ------
        InvalidInputError
            If an argument has the wrong type or lies outside its domain.
        """
        count = as_int("size", size, minimum=0)
        check_memory(count * self.N, f"size = {count} of N = {self.N}")
        number = as_seed(seed)
        return self._law(number).eigenvalues(count, core_key(number), as_threads(n_threads))

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.parameters.items())
        return f"{type(self).__name__}({arguments})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Structure):
            return NotImplemented
        return type(self) is type(other) and self.parameters == other.parameters

    def __hash__(self) -> int:
        return hash((type(self), repr(self.parameters)))
