"""
Special functions and quantiles.
"""
from __future__ import annotations
import numpy
import numpy.typing
import typing
__all__: list[str] = ['HtmpTable', 'digamma', 'normal_quantile', 'student_t_quantile', 'trigamma']
class HtmpTable:
    largest_b: typing.ClassVar[float] = 100000000.0
    largest_delta: typing.ClassVar[float] = 1000000000000000.0
    smallest_b: typing.ClassVar[float] = 1e-06
    def __init__(self, b: typing.SupportsFloat | typing.SupportsIndex, delta: typing.SupportsFloat | typing.SupportsIndex, gradient: bool = False) -> None:
        ...
    def cdf(self, x: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> numpy.typing.NDArray[numpy.float64]:
        ...
    def gradient(self, x: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> numpy.typing.NDArray[numpy.float64]:
        """
        log f and its derivatives by b, by delta and by log x: shape (4, *x.shape).
        """
    def isf(self, q: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> numpy.typing.NDArray[numpy.float64]:
        ...
    def logcdf(self, x: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> numpy.typing.NDArray[numpy.float64]:
        ...
    def logpdf(self, x: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> numpy.typing.NDArray[numpy.float64]:
        ...
    def logsf(self, x: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> numpy.typing.NDArray[numpy.float64]:
        ...
    def pdf(self, x: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> numpy.typing.NDArray[numpy.float64]:
        ...
    def ppf(self, p: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> numpy.typing.NDArray[numpy.float64]:
        ...
    def sf(self, x: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> numpy.typing.NDArray[numpy.float64]:
        ...
    @property
    def b(self) -> float:
        ...
    @property
    def delta(self) -> float:
        ...
    @property
    def has_gradient(self) -> bool:
        ...
    @property
    def mismatch(self) -> float:
        """
        F + S - 1 where the passes from both tails meet.
        """
    @property
    def n_segments(self) -> int:
        ...
def digamma(x: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> typing.Any:
    ...
def normal_quantile(probability: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> typing.Any:
    ...
def student_t_quantile(probability: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], dof: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> typing.Any:
    ...
def trigamma(x: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> typing.Any:
    ...
