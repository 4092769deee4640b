"""Pointwise bands of the empirical distribution function, for eigenvalues that repel."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import special as scipy_special

from htmu.arguments import FloatArray, as_threads
from htmu.fits.calibration import Simulator

if TYPE_CHECKING:
    from htmu.fits.result import SpectrumFit

__all__ = ["Band", "make_band"]

#: Size and number of the spectra simulated.
_N, _SIZE = 800, 128


@dataclasses.dataclass(frozen=True)
class Band:
    """Where the share of eigenvalues below a point of the law lies, at a level, point by point.

    Independent values follow the law of order statistics, Beta(k, n + 1 - k); its deviations are
    narrowed by sqrt(shrinkage), the ratio of the simulated variance to p (1 - p) / n at shares p.
    """

    n: int
    level: float
    shares: FloatArray
    shrinkage: FloatArray

    @property
    def label(self) -> str:
        """Name for a legend."""
        return f"{100 * self.level:g} % band, pointwise"

    def of_ranks(self, ranks: NDArray[np.int64]) -> tuple[FloatArray, FloatArray]:
        """Return the ends, as shares of the law, for the ranks 1 to n."""
        centre = ranks / (self.n + 1)
        shrinkage = np.interp(centre, self.shares, self.shrinkage)
        # The outermost values are free on one side, so the first and the last are as independent
        # ones; so the band holds 93 to 98 % of them at kappa = 0.3 to 200 (by simulation).
        shrinkage += (1 - shrinkage) / np.minimum(ranks, self.n + 1 - ranks)
        factor = np.sqrt(shrinkage)
        tail = (1 - self.level) / 2
        below, above = (
            np.asarray(scipy_special.betaincinv(ranks, self.n + 1 - ranks, q))
            for q in (tail, 1 - tail)
        )
        return centre - factor * (centre - below), centre + factor * (above - centre)

    def of_shares(self) -> tuple[FloatArray, FloatArray]:
        """Return shares p of the law and the half-width of the empirical share there."""
        p = np.linspace(0, 1, 401)
        quantile = float(scipy_special.ndtri((1 + self.level) / 2))
        factor = np.interp(p, self.shares, self.shrinkage)
        return p, quantile * np.sqrt(factor * p * (1 - p) / self.n)


def make_band(fit: SpectrumFit, whole_cdf: Callable[[FloatArray], FloatArray]) -> Band | None:
    """Return the band of a fit; None at kappa = inf, where nothing says how eigenvalues repel.

    It is that of the fitted law: not narrowed for its parameters having been fitted.
    """
    if math.isinf(fit.kappa):
        return None
    # Denser at the ends, where eigenvalues repel the least: down to about 1 / _N.
    shares = np.sin(np.pi / 2 * np.linspace(0, 1, 45)) ** 2
    ones = np.ones_like(shares)
    kappa, gamma = fit.maximum["kappa"], fit.maximum["gamma"]
    if gamma > 1:
        kappa, gamma = kappa / gamma, 1 / gamma
    if kappa == 0:
        return Band(fit.n_used, fit.confidence, shares, ones)
    b = kappa / 2
    simulator = Simulator(min(fit.n - fit.n_zero, _N), _SIZE, fit.seed, as_threads(None))
    # Of mean 1; turned over and scaled as the eigenvalues are.
    drawn = simulator.spectra(b, b * (1 / gamma - 1), 1.0)
    scale = fit._law()[1]
    with np.errstate(divide="ignore"):
        u = whole_cdf(scale / drawn if fit.inverse else drawn * scale)
    low, high = fit.window or (0.0, math.inf)
    ends = whole_cdf(np.array([low, high])) if fit.window else np.array([0.0, 1.0])
    inner = shares[1:-1]
    found, count = [], 0
    for row in u:
        inside = row[(row >= ends[0]) & (row <= ends[1])]
        if len(inside) < 5:
            continue
        p = np.sort((inside - ends[0]) / (ends[1] - ends[0]))
        found.append((np.searchsorted(p, inner) / len(p) - inner) * math.sqrt(len(p)))
        count += 1
    if count < _SIZE // 2:
        return Band(fit.n_used, fit.confidence, shares, ones)
    ratio = np.mean(np.square(found), axis=0) / (inner * (1 - inner))
    smooth = np.convolve(np.pad(ratio, 1, mode="edge"), [0.25, 0.5, 0.25], mode="valid")
    return Band(fit.n_used, fit.confidence, shares, np.pad(smooth, 1, mode="edge"))
