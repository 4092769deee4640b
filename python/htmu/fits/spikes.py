"""Spikes: eigenvalues so far above the bulk that the fitted law does not reach them."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from htmu.arguments import FloatArray
from htmu.errors import ConvergenceError
from htmu.fits.likelihood import Parameters, Points, maximise

__all__ = ["LEVEL", "find_spikes"]

#: Chance of a false alarm on a spectrum of the law.
LEVEL = 0.01

#: Share of the spectrum that the first, robust fit leaves out.
TRIMMED = 0.1


def find_spikes(
    points: Points, parameters: Parameters, start: FloatArray, *, inverse: bool
) -> tuple[int, str | None]:
    """Return the number of spikes, and a warning if the tail as a whole leaves the law.

    An eigenvalue is a spike if the bulk is expected to hold less than -log(1 - LEVEL) values
    beyond it: at beta = kappa / N -> 0 the values near the edge are Poisson. The bulk is fitted
    to what lies below the smallest candidate, by the likelihood truncated there, so that leaving
    the top out moves no parameter; first without a tenth of the spectrum, and repeated until the
    candidates stay the same.
    """
    x, n = points.x, len(points.x)
    threshold = -math.log1p(-LEVEL)
    most = max(1, int(TRIMMED * n))

    def candidates(left_out: int) -> int:
        if inverse:
            kept = dataclasses.replace(points, x=x[left_out:], low=float(x[left_out - 1]))
        else:
            kept = dataclasses.replace(points, x=x[: n - left_out], high=float(x[n - left_out]))
        fitted = maximise(kept, parameters, start)
        law, scale = parameters.law(fitted.t)
        beyond = law.cdf(x[: most + 1] / scale) if inverse else law.sf(x[-most - 1 :] / scale)
        return int((n * beyond < threshold).sum())

    def beyond_own_bulk(left_out: int) -> bool:
        kept = x[left_out - 1 :] if inverse else x[: n - left_out + 1]
        fitted = maximise(dataclasses.replace(points, x=kept), parameters, start)
        law, scale = parameters.law(fitted.t)
        at = np.array([kept[0] if inverse else kept[-1]]) / scale
        share = law.cdf(at) if inverse else law.sf(at)
        return bool(n * share[0] < threshold)

    try:
        count = candidates(most)
        for _ in range(8):
            if count == 0 or count > most:
                break
            found = candidates(count)
            if found >= count:
                count = found
                break
            count = found
        while 0 < count <= most and not beyond_own_bulk(count):
            count -= 1
    except ConvergenceError:
        return 0, "the bulk without its top tenth does not determine the law: no spikes sought"
    if count > most:
        return 0, (
            f"more than {most} eigenvalues lie above the bulk's law: its tail does not fit, and "
            "they are not taken as spikes"
        )
    if count > max(10, 0.01 * n):
        return count, (
            f"{count} eigenvalues lie above the bulk's law: a heavy tail more than spikes; see "
            "whether the inverse law fits it"
        )
    return count, None
