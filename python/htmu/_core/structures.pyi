"""
Laws of structured spectra.
"""
from __future__ import annotations
import collections.abc
import numpy
import numpy.typing
import typing
__all__: list[str] = ['ArrayLaw', 'BlockDiagonalLaw', 'CallbackLaw', 'KroneckerLaw', 'StructuredLaw', 'max_matrix_size']
class StructuredLaw:
    """
    Law of the spectrum of a structured matrix.
    """
    def control_variates(self) -> dict[str, float]:
        ...
    def eigenvalues(self, size: typing.SupportsInt | typing.SupportsIndex, seed: typing.SupportsInt | typing.SupportsIndex, n_threads: typing.SupportsInt | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.float64]:
        ...
    @property
    def available_samples(self) -> int:
        ...
    @property
    def matrix_size(self) -> int:
        ...
class BlockDiagonalLaw(StructuredLaw):
    def __init__(self, sizes: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], alpha: typing.SupportsFloat | typing.SupportsIndex, block_beta: typing.SupportsFloat | typing.SupportsIndex) -> None:
        ...
class KroneckerLaw(StructuredLaw):
    def __init__(self, dims: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], alpha: typing.SupportsFloat | typing.SupportsIndex) -> None:
        ...
class ArrayLaw(StructuredLaw):
    def __init__(self, spectra: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> None:
        ...
class CallbackLaw(StructuredLaw):
    group_size: typing.ClassVar[int] = 64
    def __init__(self, matrix_size: typing.SupportsInt | typing.SupportsIndex, draw: collections.abc.Callable[[int], typing.Annotated[numpy.typing.ArrayLike, numpy.float64]]) -> None:
        ...
max_matrix_size: int = 1000000
