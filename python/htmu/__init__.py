"""htmu: heavy-tailed mechanistic universality.

Beta-ensembles, their spectra, and the eigenvalue-repulsion parameter kappa of structured matrices
with an error bar, on a compiled core (Hodgkinson, Wang and Mahoney, ICML 2025).
"""

from importlib import import_module as _import_module
from importlib.metadata import version as _version
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from htmu import ensembles, errors, kappa, linalg, random, structures, sweeps
from htmu.ensembles import (
    HermiteEnsemble,
    JacobiEnsemble,
    LaguerreEnsemble,
    spectral_histogram,
)
from htmu.kappa import KappaEstimate, estimate_kappa
from htmu.linalg import (
    count_eigenvalues,
    eigvalsh_tridiagonal,
    log_eigenvalues,
    log_vandermonde,
    singvals_bidiagonal,
)
from htmu.sweeps import SweepResult, sweep

if _TYPE_CHECKING:
    from htmu import fits
    from htmu.fits import SpectrumFit, fit_spectrum

__version__ = _version("htmu")

#: Imported when first used: the fits need scipy.special, half of the time of an import.
_LATE = frozenset({"SpectrumFit", "fit_spectrum", "fits"})


def __getattr__(name: str) -> _Any:
    if name not in _LATE:
        raise AttributeError(f"module 'htmu' has no attribute {name!r}")
    module = _import_module("htmu.fits")
    return module if name == "fits" else getattr(module, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATE})


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
