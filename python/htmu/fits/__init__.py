"""Fits of the HTMP law to spectra, with errors that know that eigenvalues repel."""

from htmu.fits.fit import fit_spectrum
from htmu.fits.result import ModelComparison, SpectrumFit

__all__ = ["ModelComparison", "SpectrumFit", "fit_spectrum"]
