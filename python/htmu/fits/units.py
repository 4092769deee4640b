"""The unit of a spectrum: fits run on eigenvalues of geometric mean about 1, a power of 2 apart."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from htmu.errors import InvalidInputError
from htmu.fits.result import SpectrumFit
from htmu.fits.spectrum import Spectrum

__all__ = ["as_given", "normalised"]

#: Largest logarithm of a fixed scale in units of the geometric mean.
FAR = 600.0


def normalised(spectrum: Spectrum, scale: float | None) -> tuple[Spectrum, float | None]:
    """Return the spectrum and a fixed scale in units of a power of 2 near its geometric mean.

    Powers of 2 change no digit, so that a fit does not depend on the unit of its data.

    Raises
    ------
    InvalidInputError
        If the eigenvalues, or the scale, lie too many orders of magnitude apart for doubles.
    """
    # Rounding noise has no say, so that a fit is the same with it and without.
    above = spectrum.values[spectrum.tiny :]
    middle = float(np.log2(above if len(above) else spectrum.values).mean())
    # 2^-1000 to 2^1000 and their inverses are doubles.
    unit = 2.0 ** min(max(round(middle), -1000), 1000)
    with np.errstate(over="ignore", under="ignore"):
        values = spectrum.values / unit
    least, most = float(values[0]), float(values[-1])
    if least < 1e-290 or most > 1e290:
        raise InvalidInputError(
            f"eigenvalues must span fewer than 290 orders of magnitude about their geometric mean, "
            f"got {spectrum.values[0]:.3g} to {spectrum.values[-1]:.3g}; remove the smallest"
        )
    if scale is not None and not abs(math.log(scale) - math.log(unit)) < FAR:
        raise InvalidInputError(
            f"scale must be of the eigenvalues' order of magnitude, got {scale:g} for a geometric "
            f"mean of about {unit:.3g}"
        )
    changed = dataclasses.replace(
        spectrum, values=values, cut=spectrum.cut / unit, unit=spectrum.unit * unit
    )
    return changed, None if scale is None else scale / unit


def as_given(fit: SpectrumFit, unit: float, window: tuple[float, float] | None) -> SpectrumFit:
    """Return the fit of a normalised spectrum in the caller's unit."""
    if unit == 1:
        return fit

    def one(named: dict[str, float]) -> dict[str, float]:
        return {name: v * unit if name == "scale" else v for name, v in named.items()}

    # The density of x = unit y is that of y over the unit; a censored value has no density.
    fall = len(fit.values) * math.log(unit)
    intervals = dict(fit.intervals)
    if "scale" in intervals:
        low, high = intervals["scale"]
        intervals["scale"] = (low * unit, high * unit)
    return dataclasses.replace(
        fit,
        scale=fit.scale * unit,
        maximum=one(fit.maximum),
        errors=one(fit.errors),
        observed_errors=one(fit.observed_errors),
        intervals=intervals,
        loglik=fit.loglik - fall,
        values=fit.values * unit,
        spikes=fit.spikes * unit,
        window=window,
        comparison=tuple(
            dataclasses.replace(
                model,
                parameters=one(model.parameters),
                loglik=model.loglik - fall,
                aic=model.aic + 2 * fall,
                bic=model.bic + 2 * fall,
            )
            for model in fit.comparison
        ),
    )
