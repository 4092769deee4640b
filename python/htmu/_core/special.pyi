"""
Special functions and quantiles.
"""
from __future__ import annotations
import numpy
import numpy.typing
import typing
__all__: list[str] = ['digamma', 'normal_quantile', 'student_t_quantile', 'trigamma']
def digamma(x: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> typing.Any:
    ...
def normal_quantile(probability: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> typing.Any:
    ...
def student_t_quantile(probability: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], dof: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> typing.Any:
    ...
def trigamma(x: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> typing.Any:
    ...
