"""htmu: heavy-tailed mechanistic universality.

Beta-ensembles, their spectra, and the eigenvalue-repulsion parameter kappa of structured matrices
with an error bar, on a compiled core (Hodgkinson, Wang and Mahoney, ICML 2025).
"""

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
    from htmu import fits, special, symbolic
    from htmu.fits import SpectrumFit, fit_spectrum
    from htmu.special import htmp, inverse_htmp, marchenko_pastur
    from htmu.symbolic import LawSearch, discover_law

__version__ = _version("htmu")

__all__ = [
    "HermiteEnsemble",
    "JacobiEnsemble",
    "KappaEstimate",
    "LaguerreEnsemble",
    "LawSearch",
    "SpectrumFit",
    "SweepResult",
    "__version__",
    "count_eigenvalues",
    "discover_law",
    "eigvalsh_tridiagonal",
    "ensembles",
    "errors",
    "estimate_kappa",
    "fit_spectrum",
    "fits",
    "htmp",
    "inverse_htmp",
    "kappa",
    "linalg",
    "log_eigenvalues",
    "log_vandermonde",
    "marchenko_pastur",
    "random",
    "singvals_bidiagonal",
    "special",
    "spectral_histogram",
    "structures",
    "sweep",
    "sweeps",
    "symbolic",
]

# Areas that take long to import, or that few need: loaded when first asked for. Those that need an
# extra are not in __all__.
_LATE = {
    "SpectrumFit": "htmu.fits",
    "fit_spectrum": "htmu.fits",
    "fits": "htmu.fits",
    "LawSearch": "htmu.symbolic",
    "discover_law": "htmu.symbolic",
    "htmp": "htmu.special",
    "inverse_htmp": "htmu.special",
    "marchenko_pastur": "htmu.special",
    "networks": "htmu.networks",
    "ntk": "htmu.ntk",
    "special": "htmu.special",
    "symbolic": "htmu.symbolic",
}


def __getattr__(name: str) -> _Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module = import_module(_LATE[name])
    value = module if f"htmu.{name}" == _LATE[name] else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
