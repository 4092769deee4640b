"""Empirical neural tangent kernels J J^T of PyTorch models.

Owns the assembly of kernels, in memory or in files, and their eigenvalues; products with a kernel
that is not assembled, stochastic Lanczos quadrature, and the check of spectra of growing
sub-samples. May import `errors`, `arguments`, `files` and `random`. Needs torch, the extra
networks.
"""

try:
    import torch as _torch  # noqa: F401
except ImportError:
    from htmu.errors import MissingExtraError

    raise MissingExtraError(
        "neural tangent kernels need PyTorch, which is not installed; run: "
        'pip install "htmu[networks]"'
    ) from None

from htmu.ntk.density import LogDeterminant, SpectralDensity, log_determinant, spectral_density
from htmu.ntk.eigenvalues import NtkSpectrum, eigvals
from htmu.ntk.kernel import GramProgress, gram
from htmu.ntk.lanczos import Tridiagonal, lanczos
from htmu.ntk.product import KernelProduct, product
from htmu.ntk.subsample import SubsampledSpectra, subsample_spectra

__all__ = [
    "GramProgress",
    "KernelProduct",
    "LogDeterminant",
    "NtkSpectrum",
    "SpectralDensity",
    "SubsampledSpectra",
    "Tridiagonal",
    "eigvals",
    "gram",
    "lanczos",
    "log_determinant",
    "product",
    "spectral_density",
    "subsample_spectra",
]
