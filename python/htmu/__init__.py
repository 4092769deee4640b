"""htmu: heavy-tailed mechanistic universality.

Beta-ensembles, their spectra, and the eigenvalue-repulsion parameter kappa of structured matrices
with an error bar, on a compiled core (Hodgkinson, Wang and Mahoney, ICML 2025).
"""

from importlib.metadata import version as _version

from htmu import ensembles, errors, fits, kappa, linalg, random, structures, sweeps
from htmu.ensembles import (
    HermiteEnsemble,
    JacobiEnsemble,
    LaguerreEnsemble,
    spectral_histogram,
)
from htmu.fits import SpectrumFit, fit_spectrum
from htmu.kappa import KappaEstimate, estimate_kappa
from htmu.linalg import (
    count_eigenvalues,
    eigvalsh_tridiagonal,
    log_eigenvalues,
    log_vandermonde,
    singvals_bidiagonal,
)
from htmu.sweeps import SweepResult, sweep

__version__ = _version("htmu")

__all__ = [
    "HermiteEnsemble",
    "JacobiEnsemble",
    "KappaEstimate",
    "LaguerreEnsemble",
    "SpectrumFit",
    "SweepResult",
    "__version__",
    "count_eigenvalues",
    "eigvalsh_tridiagonal",
    "ensembles",
    "errors",
    "estimate_kappa",
    "fit_spectrum",
    "fits",
    "kappa",
    "linalg",
    "log_eigenvalues",
    "log_vandermonde",
    "random",
    "singvals_bidiagonal",
    "spectral_histogram",
    "structures",
    "sweep",
    "sweeps",
]
