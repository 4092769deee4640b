"""Tables of the core, and closed forms of the limit, for parameters (kappa, gamma)."""

from __future__ import annotations

import functools
import math
from typing import Protocol

import numpy as np

from htmu._core.special import HtmpTable
from htmu.arguments import FloatArray
from htmu.special.marchenko_pastur_table import MarchenkoPasturTable

__all__ = [
    "LARGEST_DELTA",
    "LARGEST_KAPPA",
    "SMALLEST_KAPPA",
    "LawTable",
    "core_parameters",
    "law_table",
]

SMALLEST_KAPPA = 2.0 * HtmpTable.smallest_b
LARGEST_KAPPA = 2.0 * HtmpTable.largest_b
#: Of Marchenko-Pastur's law: its support has a width of 4 sqrt(gamma) about 1.
SMALLEST_GAMMA = 1e-16
LARGEST_DELTA = HtmpTable.largest_delta
_MAX_TABLES = 256


class LawTable(Protocol):
    """A law of mean 1 on x >= 0, evaluated at arrays of any shape."""

    def logpdf(self, x: FloatArray, /) -> FloatArray: ...  # noqa: D102
    def pdf(self, x: FloatArray, /) -> FloatArray: ...  # noqa: D102
    def logcdf(self, x: FloatArray, /) -> FloatArray: ...  # noqa: D102
    def cdf(self, x: FloatArray, /) -> FloatArray: ...  # noqa: D102
    def logsf(self, x: FloatArray, /) -> FloatArray: ...  # noqa: D102
    def sf(self, x: FloatArray, /) -> FloatArray: ...  # noqa: D102
    def ppf(self, x: FloatArray, /) -> FloatArray: ...  # noqa: D102
    def isf(self, x: FloatArray, /) -> FloatArray: ...  # noqa: D102


class LawWithAtom:
    """The law for gamma > 1: an atom of mass 1 - 1/gamma at 0, the dual law stretched by gamma.

    An N x N matrix W W^T of rank M = N/gamma has N - M eigenvalues 0; the others are those of the
    dual M x M matrix, of parameters kappa/gamma and 1/gamma. The density is that of the continuous
    part, whose integral is 1/gamma.
    """

    def __init__(self, dual: LawTable, gamma: float) -> None:
        self._dual, self._gamma, self._atom = dual, gamma, 1.0 - 1.0 / gamma

    def logpdf(self, x: FloatArray) -> FloatArray:
        """Logarithm of the continuous part's density."""
        return self._dual.logpdf(x / self._gamma) - 2.0 * math.log(self._gamma)

    def pdf(self, x: FloatArray) -> FloatArray:
        """Density of the continuous part."""
        return self._dual.pdf(x / self._gamma) / self._gamma**2

    def sf(self, x: FloatArray) -> FloatArray:
        """Probability above x; 1 below 0, 1/gamma at 0."""
        above: FloatArray = np.where(x < 0, 1.0, self._dual.sf(x / self._gamma) / self._gamma)
        return above

    def cdf(self, x: FloatArray) -> FloatArray:
        """Probability up to x, the atom included."""
        continuous = self._dual.cdf(x / self._gamma) / self._gamma
        return np.where(x < 0, 0.0, self._atom + continuous)

    def logsf(self, x: FloatArray) -> FloatArray:
        """Logarithm of `sf`."""
        above = self._dual.logsf(x / self._gamma) - math.log(self._gamma)
        return np.where(x < 0, 0.0, above)

    def logcdf(self, x: FloatArray) -> FloatArray:
        """Logarithm of `cdf`."""
        with np.errstate(divide="ignore"):
            return np.log(self.cdf(x))

    def ppf(self, p: FloatArray) -> FloatArray:
        """Smallest x with cdf(x) >= p: 0 up to the atom's mass."""
        continuous = np.clip((p - self._atom) * self._gamma, 0.0, 1.0)
        found = np.where(p > self._atom, self._gamma * self._dual.ppf(continuous), 0.0)
        return np.where((p >= 0) & (p <= 1), found, np.nan)

    def isf(self, q: FloatArray) -> FloatArray:
        """Smallest x with sf(x) <= q."""
        continuous = self._gamma * self._dual.isf(np.clip(q * self._gamma, 0.0, 1.0))
        found = np.where(q * self._gamma < 1.0, continuous, 0.0)
        return np.where((q >= 0) & (q <= 1), found, np.nan)


def core_parameters(kappa: float, gamma: float) -> tuple[float, float]:
    """Return b = kappa/2 and delta = b (1/gamma - 1), for gamma up to 1."""
    b = 0.5 * kappa
    return b, b * (1.0 - gamma) / gamma


@functools.lru_cache(maxsize=_MAX_TABLES)
def law_table(kappa: float, gamma: float) -> LawTable:
    """Return the table of a law; the last 256 are kept."""
    if gamma > 1.0:
        return LawWithAtom(law_table(kappa / gamma, 1.0 / gamma), gamma)
    if math.isinf(kappa):
        return MarchenkoPasturTable(gamma)
    return HtmpTable(*core_parameters(kappa, gamma))


@functools.lru_cache(maxsize=_MAX_TABLES)
def gradient_table(kappa: float, gamma: float) -> HtmpTable:
    """Return a table with derivatives by the parameters, for finite kappa and gamma up to 1."""
    return HtmpTable(*core_parameters(kappa, gamma), gradient=True)
