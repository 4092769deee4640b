"""
Spectra of tridiagonal and bidiagonal matrices.
"""
from __future__ import annotations
import numpy
import numpy.typing
import typing
__all__: list[str] = ['eigvalsh_tridiagonal', 'eigvalsh_tridiagonal_indices', 'eigvalsh_tridiagonal_interval', 'install_scipy_lapack', 'log_vandermonde', 'singvals_bidiagonal']
def eigvalsh_tridiagonal(d: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], e: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], driver: str, n_threads: typing.SupportsInt | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.float64]:
    ...
def eigvalsh_tridiagonal_indices(d: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], e: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], first: typing.SupportsInt | typing.SupportsIndex, last: typing.SupportsInt | typing.SupportsIndex, n_threads: typing.SupportsInt | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.float64]:
    ...
def eigvalsh_tridiagonal_interval(d: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], e: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], lower: typing.SupportsFloat | typing.SupportsIndex, upper: typing.SupportsFloat | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.float64]:
    ...
def install_scipy_lapack(capsules: typing.Any) -> None:
    """
    Takes the LAPACK routines from scipy.linalg.cython_lapack.__pyx_capi__.
    """
def log_vandermonde(x: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], n_threads: typing.SupportsInt | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.float64]:
    ...
def singvals_bidiagonal(d: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], e: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], n_threads: typing.SupportsInt | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.float64]:
    ...
