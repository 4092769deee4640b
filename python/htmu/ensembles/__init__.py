"""Beta-ensembles: sampling at any Dyson index beta, and closed forms from Selberg's integral."""

from htmu.ensembles.hermite import HermiteEnsemble
from htmu.ensembles.histogram import spectral_histogram
from htmu.ensembles.jacobi import JacobiEnsemble
from htmu.ensembles.laguerre import LaguerreEnsemble

__all__ = ["HermiteEnsemble", "JacobiEnsemble", "LaguerreEnsemble", "spectral_histogram"]
