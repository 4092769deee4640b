"""Which eigenvalues are fitted: zeros, rounding noise, the window and the spikes set apart."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from scipy import special as scipy_special

from htmu.arguments import FloatArray
from htmu.errors import ConvergenceError, InvalidInputError
from htmu.fits.family import Family
from htmu.fits.likelihood import Parameters, Points, loglik, maximise
from htmu.fits.spectrum import MINIMUM, Spectrum
from htmu.fits.spikes import find_spikes

__all__ = ["Selected", "select", "start_values"]


@dataclasses.dataclass(frozen=True)
class Selected:
    """The points of a fit, in the frame of the law (inverted if asked), and what was left out."""

    points: Points
    values: FloatArray
    spikes: FloatArray
    n: int
    n_zero: int
    start: FloatArray
    warnings: tuple[str, ...]


def _points(values: FloatArray, family: Family) -> Points:
    return Points(1 / values[::-1] if family.inverse else values)


def start_values(points: Points, family: Family) -> FloatArray:
    """Return the likeliest of a few parameters, each with its median on the data's."""
    x = points.x[:: max(1, len(points.x) // 500)]
    thin = dataclasses.replace(points, x=x, n_below=0)
    parameters = family.parameters
    whole = points.low == 0 and points.high == math.inf
    columns = family.columns
    kappas = (0.1, 1.0, 6.0, 40.0) if "b" in columns else (0.0,)
    deltas = (-1.5, 0.0, 1.5, 4.0) if "delta" in columns else (0.0,)
    best, found = -math.inf, np.zeros(len(columns))
    for kappa in kappas:
        for delta in deltas:
            t = np.zeros(len(columns))
            if "b" in columns:
                t[columns.index("b")] = math.log(kappa / 2)
            if "delta" in columns:
                # log delta, or log(delta / b) beside a free or fixed b.
                offset = math.log(kappa / 2) if "b" in columns else 0.0
                t[columns.index("delta")] = delta - offset
            if "scale" in columns:
                law, _ = parameters.law(t)
                share = 0.5 if whole else 0.5 * float(np.mean(points.x <= np.median(points.x)) * 2)
                middle = float(law.ppf(np.array([min(share, 0.5)]))[0])
                middle = max(middle, 1e-290)
                t[columns.index("scale")] = math.log(float(np.median(points.x)) / middle)
            t = np.clip(t, *parameters.bounds)
            value = loglik(thin, parameters, t)
            if value > best:
                best, found = value, t
    return found


def _tiny_belong(
    values: FloatArray, spectrum: Spectrum, family: Family, parameters: Parameters
) -> bool:
    """Whether the law expects as many values below n eps max as there are.

    The likelihood ratio at level 0.001 of values censored there against an atom of free mass.
    """
    if family.inverse or len(values) - spectrum.tiny < MINIMUM:
        return False
    kept, n, tiny = values[spectrum.tiny :], len(values), spectrum.tiny
    apart = Points(kept, low=spectrum.cut)
    together = Points(kept, n_below=tiny, cut=spectrum.cut)
    start = start_values(together, family)
    try:
        joined = maximise(together, parameters, start)
        separate = maximise(apart, parameters, joined.t)
    except ConvergenceError:
        return False
    atom = tiny * math.log(tiny / n) + (n - tiny) * math.log1p(-tiny / n)
    ratio = 2 * (separate.loglik + atom - joined.loglik)
    return float(scipy_special.chdtrc(1, max(ratio, 0.0))) > 1e-3


def select(
    spectrum: Spectrum,
    family: Family,
    spikes: int | None,
    window: tuple[float, float] | None,
    *,
    censors: bool,
) -> Selected:
    """Return the eigenvalues to fit.

    Parameters
    ----------
    spikes : int or None
        Their number; None searches.
    censors : bool
        Whether the method can use a value of which only an upper bound is known.

    Raises
    ------
    InvalidInputError
        If too few eigenvalues are left.
    """
    warnings: list[str] = []
    parameters = family.parameters
    smooth = family.b is None or not math.isinf(family.b)
    none = np.empty(0)
    if window is not None:
        low, high = window
        inside = spectrum.values[(spectrum.values > low) & (spectrum.values < high)]
        if len(inside) < MINIMUM:
            raise InvalidInputError(
                f"window must hold at least {MINIMUM} eigenvalues, got {len(inside)} of "
                f"{spectrum.n} in ({low * spectrum.unit:g}, {high * spectrum.unit:g})"
            )
        points = _points(inside, family)
        if family.inverse:
            ends = (1 / high if high < math.inf else 0.0, 1 / low if low > 0 else math.inf)
        else:
            ends = (low, high)
        points = dataclasses.replace(points, low=ends[0], high=ends[1])
        start = start_values(points, family)
        return Selected(points, inside, none, spectrum.n, spectrum.n_zero, start, ())
    n_below = 0
    if spectrum.tiny:
        if smooth and _tiny_belong(spectrum.values, spectrum, family, parameters):
            n_below = spectrum.tiny if censors else 0
        else:
            cut = spectrum.cut * spectrum.unit
            warnings.append(
                f"{spectrum.tiny} eigenvalues below n eps max = {cut:.3g} are more than the law "
                "expects there: counted as zeros (rounding)"
            )
            spectrum = spectrum.without_tiny()
    values = spectrum.values[n_below:]
    if len(values) < MINIMUM:
        raise InvalidInputError(
            f"eigenvalues must hold at least {MINIMUM} values above rounding, got {len(values)}"
        )
    points = _points(values, family)
    if n_below:
        points = dataclasses.replace(points, n_below=n_below, cut=spectrum.cut)
    start = start_values(points, family)
    count = spikes or 0
    if spikes is None and smooth and parameters.size and len(values) >= 3 * MINIMUM:
        count, warning = find_spikes(points, parameters, start, inverse=family.inverse)
        if warning is not None:
            warnings.append(warning)
    beyond = values[len(values) - count :]
    if count:
        values = values[: len(values) - count]
        kept = _points(values, family)
        points = dataclasses.replace(points, x=kept.x)
        start = start_values(points, family)
    return Selected(points, values, beyond, spectrum.n, spectrum.n_zero, start, tuple(warnings))
