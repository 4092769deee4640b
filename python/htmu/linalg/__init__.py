"""Spectra of tridiagonal and bidiagonal matrices, in batches; counts; log-Vandermondes."""

from scipy.linalg import cython_lapack as _cython_lapack

from htmu._core import linalg as _linalg
from htmu.linalg.bidiagonal import log_eigenvalues, singvals_bidiagonal
from htmu.linalg.counts import count_eigenvalues
from htmu.linalg.log_vandermonde import log_vandermonde
from htmu.linalg.tridiagonal import eigvalsh_tridiagonal

__all__ = [
    "count_eigenvalues",
    "eigvalsh_tridiagonal",
    "log_eigenvalues",
    "log_vandermonde",
    "singvals_bidiagonal",
]

# The core links no LAPACK of its own; SciPy's is thread-safe and already there.
_linalg.install_scipy_lapack(_cython_lapack.__pyx_capi__)
