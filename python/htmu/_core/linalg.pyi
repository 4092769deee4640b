"""
Spectra of tridiagonal and bidiagonal matrices.
"""
from __future__ import annotations
import numpy
import numpy.typing
import typing
__all__: list[str] = ['count_eigenvalues', 'eigvalsh_tridiagonal', 'eigvalsh_tridiagonal_interval', 'install_scipy_lapack', 'log_eigenvalues', 'log_vandermonde', 'singvals_bidiagonal']
def count_eigenvalues(d: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], e: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], edges: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], n_threads: typing.SupportsInt | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.int64]:
    ...
def eigvalsh_tridiagonal(d: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], e: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], driver: str, first: typing.SupportsInt | typing.SupportsIndex, last: typing.SupportsInt | typing.SupportsIndex, check_finite: bool, n_threads: typing.SupportsInt | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.float64]:
    ...
def eigvalsh_tridiagonal_interval(d: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], e: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], driver: str, lower: typing.SupportsFloat | typing.SupportsIndex, upper: typing.SupportsFloat | typing.SupportsIndex, n_threads: typing.SupportsInt | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.float64]:
    ...
def install_scipy_lapack(capsules: typing.Any) -> None:
    """
    Takes the LAPACK routines from scipy.linalg.cython_lapack.__pyx_capi__.
    """
def log_eigenvalues(log_q: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], log_e: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], n_threads: typing.SupportsInt | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.float64]:
    ...
def log_vandermonde(x: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], n_threads: typing.SupportsInt | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.float64]:
    ...
def singvals_bidiagonal(d: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], e: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], driver: str, first: typing.SupportsInt | typing.SupportsIndex, last: typing.SupportsInt | typing.SupportsIndex, check_finite: bool, n_threads: typing.SupportsInt | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.float64]:
    ...
