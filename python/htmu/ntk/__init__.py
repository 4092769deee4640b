"""Empirical neural tangent kernels J J^T of PyTorch models.

Owns the assembly of kernels, in memory or in files, and their eigenvalues. May import `errors`,
`arguments`, `files` and `random`. Needs torch, the extra networks.
"""

try:
    import torch as _torch  # noqa: F401
except ImportError:
    from htmu.errors import MissingExtraError

    raise MissingExtraError(
        "neural tangent kernels need PyTorch, which is not installed; run: "
        'pip install "htmu[networks]"'
    ) from None

from htmu.ntk.eigenvalues import NtkSpectrum, eigvals
from htmu.ntk.kernel import GramProgress, gram

__all__ = ["GramProgress", "NtkSpectrum", "eigvals", "gram"]
