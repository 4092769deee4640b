"""Laws of eigenvalues as SciPy distributions: HTMP, its inverse, and Marchenko-Pastur.

Owns the distributions and the tables of the core that they read. May import `arguments` and
`errors`. The distributions are loaded when first asked for, since `scipy.stats` is slow to import;
the tables do without it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from htmu.special.htmp_law import HtmpGenerator, htmp
    from htmu.special.inverse_law import InverseHtmpGenerator, inverse_htmp
    from htmu.special.marchenko_pastur_law import MarchenkoPasturGenerator, marchenko_pastur

__all__ = [
    "HtmpGenerator",
    "InverseHtmpGenerator",
    "MarchenkoPasturGenerator",
    "htmp",
    "inverse_htmp",
    "marchenko_pastur",
]

_MODULES = {
    "HtmpGenerator": "htmp_law",
    "htmp": "htmp_law",
    "InverseHtmpGenerator": "inverse_law",
    "inverse_htmp": "inverse_law",
    "MarchenkoPasturGenerator": "marchenko_pastur_law",
    "marchenko_pastur": "marchenko_pastur_law",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value
