"""kappa of structured matrices: the solver's wrapper and its result.

May import the layers below: errors, arguments, random, linalg, ensembles, structures.
"""

from htmu.kappa.estimate import KappaEstimate
from htmu.kappa.solver import ProgressReport, estimate_kappa

__all__ = ["KappaEstimate", "ProgressReport", "estimate_kappa"]
