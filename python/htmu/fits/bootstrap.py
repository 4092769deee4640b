"""The null of the KS distance where linearised refits fail: every simulated spectrum is refitted.

The distance at large kappa shrinks with the spacings, like kappa^(-1/2), and the density alone may
leave kappa open by a factor of 3. The spacings themselves know it: the null's kappa is that of the
joint likelihood, as far as the interval of the density's estimate reaches.
"""

from __future__ import annotations

import dataclasses
import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from htmu.arguments import FloatArray
from htmu.errors import ConvergenceError
from htmu.fits.calibration import Simulator
from htmu.fits.distance import ks_distance
from htmu.fits.joint import JointStatistics, fit_joint
from htmu.fits.likelihood import Parameters, Points, maximise

__all__ = ["null_parameters", "refitted_distances"]

#: Share of simulated spectra that must have a fit.
ENOUGH = 0.9

#: A refit stops so far below its maximum, in log-likelihood: a twentieth of a standard error.
CLOSE = 1e-3

#: Refits stop at this log b or at 5 times that of the null: from there on the laws differ from
#: Marchenko-Pastur by less than 1e-3, and their tables are slow.
FAR = math.log(1e3)


def null_parameters(
    points: Points, parameters: Parameters, t: FloatArray, interval: tuple[float, float]
) -> FloatArray:
    """Return where to simulate the null: t with log b of the joint likelihood in `interval`.

    A window holds no spectrum whose repulsion the joint likelihood could use: t itself.
    """
    if points.low > 0 or points.high < math.inf or points.n_below:
        return t
    statistics = JointStatistics.of(points.x, 1)
    if not math.isfinite(statistics.log_vandermonde):
        return t
    try:
        joint = fit_joint(statistics, parameters, t)
        at = float(np.clip(joint.t[0], *interval))
        if not math.isfinite(at):
            return t
        held = parameters.without(0, np.concatenate([[at], t[1:]]))
        return np.concatenate([[at], maximise(points, held, t[1:]).t])
    except ConvergenceError:
        return t


def refitted_distances(
    points: Points, parameters: Parameters, t: FloatArray, simulator: Simulator
) -> FloatArray | None:
    """Return sqrt(n) times the distance of each spectrum drawn at t from its own maximum.

    None if more than a tenth of them have none.
    """
    if parameters.base[0] == 0 and parameters.size:
        highest = max(FAR, float(t[0]) + math.log(5))
        parameters = dataclasses.replace(parameters, most=min(highest, parameters.most))

    def distance(row: FloatArray) -> float | None:
        inside = row[(row > max(points.low, points.cut)) & (row < points.high)]
        below = int((row <= points.cut).sum()) if points.n_below else 0
        if len(inside) < 2:
            return None
        drawn = dataclasses.replace(points, x=inside, n_below=below)
        try:
            fitted = maximise(drawn, parameters, t, tolerance=CLOSE)
        except ConvergenceError:
            return None
        law, scale = parameters.law(fitted.t)
        return ks_distance(law, scale, drawn) * math.sqrt(drawn.n)

    # The tables are built without the interpreter's lock.
    with ThreadPoolExecutor(max(simulator.n_threads, 1)) as pool:
        tried = list(pool.map(distance, simulator.at(parameters, t)))
    found = [value for value in tried if value is not None]
    return np.array(found) if len(found) >= ENOUGH * simulator.size else None
