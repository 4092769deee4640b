"""Structured random matrices: laws of spectra whose kappa can be estimated.

A structure restricts the eigenvectors of a random positive matrix M with density proportional to
det(M)^alpha exp(-tr M) on the structured set; each class here knows the law of its eigenvalues.
May import the layers below: errors, arguments, random, linalg, ensembles.
"""

from htmu.structures.base import Structure
from htmu.structures.block_diagonal import BlockDiagonal, Diagonal, Full
from htmu.structures.kronecker import Kronecker
from htmu.structures.registry import from_parameters, names
from htmu.structures.sampled import Sampled

__all__ = [
    "BlockDiagonal",
    "Diagonal",
    "Full",
    "Kronecker",
    "Sampled",
    "Structure",
    "from_parameters",
    "names",
]
