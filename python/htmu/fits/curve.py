"""The fitted law and Marchenko-Pastur as laws of eigenvalues, in a window."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np

from htmu.arguments import FloatArray
from htmu.fits.laws import Law, MarchenkoPasturLaw

if TYPE_CHECKING:
    from htmu.fits.result import SpectrumFit

__all__ = ["Curve", "make_reference"]


@dataclasses.dataclass(frozen=True)
class Curve:
    """A law of eigenvalues, of x / scale or (inverse) scale / x, conditioned to a window."""

    law: Law
    scale: float
    inverse: bool
    low: float = 0.0
    high: float = math.inf

    def whole_cdf(self, x: FloatArray) -> FloatArray:
        """Return the distribution function without the window; 0 and inf are allowed."""
        x = np.asarray(x, dtype=float)
        with np.errstate(divide="ignore", over="ignore"):
            return self.law.sf(self.scale / x) if self.inverse else self.law.cdf(x / self.scale)

    @property
    def ends(self) -> tuple[float, float]:
        """Distribution function at the ends of the window."""
        below = float(self.whole_cdf(np.array([self.low]))[0]) if self.low > 0 else 0.0
        above = float(self.whole_cdf(np.array([self.high]))[0]) if self.high < math.inf else 1.0
        return below, above

    def pdf(self, x: FloatArray) -> FloatArray:
        """Return the density in the window at x > 0."""
        y = self.scale / x if self.inverse else x / self.scale
        below, above = self.ends
        with np.errstate(over="ignore", divide="ignore"):
            density = np.exp(self.law.logpdf(y)) * y / x / (above - below)
        return np.where((x > self.low) & (x < self.high), density, 0.0)

    def cdf(self, x: FloatArray) -> FloatArray:
        """Return the distribution function in the window."""
        below, above = self.ends
        return np.asarray(np.clip((self.whole_cdf(x) - below) / (above - below), 0, 1))

    def ppf(self, p: FloatArray) -> FloatArray:
        """Return the quantiles in the window."""
        below, above = self.ends
        whole = below + (above - below) * np.asarray(p, dtype=float)
        with np.errstate(divide="ignore"):
            return np.asarray(
                self.scale / self.law.isf(whole)
                if self.inverse
                else self.law.ppf(whole) * self.scale
            )


def make_reference(fit: SpectrumFit, curve: Curve) -> tuple[str, Curve] | None:
    """Return Marchenko-Pastur: the likeliest, or if none holds the data, that of the same gamma."""
    if math.isinf(fit.kappa):
        return None
    for model in fit.comparison:
        if model.name == "marchenko-pastur" and math.isfinite(model.loglik):
            law = MarchenkoPasturLaw(model.parameters["gamma"])
            scale = model.parameters["scale"]
            return "Marchenko-Pastur, best fit", dataclasses.replace(curve, law=law, scale=scale)
    gamma = fit.maximum["gamma"]
    gamma = min(gamma, 1 / gamma) if gamma > 0 else 0.0
    if not 1e-12 < gamma <= 1:
        return None
    same = dataclasses.replace(curve, law=MarchenkoPasturLaw(gamma))
    below, above = same.ends
    if above - below < 1e-6:
        return None
    return r"Marchenko-Pastur of the same $\gamma$ and scale", same
