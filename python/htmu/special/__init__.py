"""Laws of eigenvalues as SciPy distributions: HTMP, its inverse, and Marchenko-Pastur.

Owns the distributions and the tables of the core that they read. May import `arguments` and
`errors`. `import htmu` does not load this area, for `scipy.stats` is slow to import.
"""

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
