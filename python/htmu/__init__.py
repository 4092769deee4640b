"""htmu: heavy-tailed mechanistic universality.

Beta-ensembles, their spectra, and the eigenvalue-repulsion parameter kappa of structured matrices
with an error bar, on a compiled core (Hodgkinson, Wang and Mahoney, ICML 2025).
"""

from importlib.metadata import version as _version

from htmu import ensembles, errors, kappa, linalg, random, structures, sweeps
from htmu.ensembles import LaguerreEnsemble
from htmu.kappa import KappaEstimate, estimate_kappa
from htmu.linalg import eigvalsh_tridiagonal, log_vandermonde, singvals_bidiagonal
from htmu.sweeps import SweepResult, sweep

__version__ = _version("htmu")

__all__ = [
    "KappaEstimate",
    "LaguerreEnsemble",
    "SweepResult",
    "__version__",
    "eigvalsh_tridiagonal",
    "ensembles",
    "errors",
    "estimate_kappa",
    "kappa",
    "linalg",
    "log_vandermonde",
    "random",
    "singvals_bidiagonal",
    "structures",
    "sweep",
    "sweeps",
]
