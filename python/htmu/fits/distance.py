"""The Kolmogorov-Smirnov distance: of a fit, of simulated refits, and its minimum."""

from __future__ import annotations

import math

import numpy as np

from htmu.arguments import FloatArray
from htmu.fits.laws import Law, conditional_nodes
from htmu.fits.likelihood import Parameters, Points

__all__ = ["ks_distance", "minimise_ks", "simulated_distances"]


def _conditional_cdf(law: Law, scale: float, points: Points, x: FloatArray) -> FloatArray:
    """Return the distribution function conditioned to the window."""
    u = law.cdf(x / scale)
    if points.low > 0 or points.high < math.inf:
        ends = np.array([points.low / scale, points.high / scale])
        below, above = law.cdf(ends), law.sf(ends)
        if below[0] < 0.5:
            return np.asarray(np.clip((u - below[0]) / (1 - below[0] - above[1]), 0, 1))
        rest = (law.sf(x / scale) - above[1]) / (above[0] - above[1])
        return np.asarray(np.clip(1 - rest, 0, 1))
    return u


def _largest_gap(u: FloatArray, first: int = 0) -> FloatArray:
    """Return sup |empirical - u| along the last axis of ascending u; `first` points lie below."""
    n = u.shape[-1] + first
    steps = np.arange(first, n + 1) / n
    return np.asarray(np.maximum((steps[1:] - u).max(axis=-1), (u - steps[:-1]).max(axis=-1)))


def ks_distance(law: Law, scale: float, points: Points) -> float:
    """Return the distance between the points and the law conditioned to their window."""
    return float(_largest_gap(_conditional_cdf(law, scale, points, points.x), points.n_below))


def minimise_ks(points: Points, parameters: Parameters, start: FloatArray) -> FloatArray:
    """Return the parameters of least distance: Nelder-Mead from `start`."""
    # Imported here: `import htmu` stays quick.
    from scipy import optimize

    below, above = parameters.bounds

    def objective(t: FloatArray) -> float:
        law, scale = parameters.law(np.clip(t, below, above))
        return ks_distance(law, scale, points)

    simplex = np.vstack([start, start + 0.1 * np.eye(len(start))])
    found = optimize.minimize(
        objective,
        start,
        method="Nelder-Mead",
        options={"initial_simplex": simplex, "xatol": 1e-4, "fatol": 1e-7, "maxiter": 400},
    )
    return np.asarray(np.clip(found.x, below, above))


def simulated_distances(
    points: Points, parameters: Parameters, t: FloatArray, spectra: FloatArray, moves: FloatArray
) -> FloatArray:
    """Return sqrt(n) times the distance of each simulated spectrum from its own refit.

    The refit is linearised: t moves by `moves`, shape (size, p), and F by its gradient, which is
    the integral of the scores up to x.
    """
    law, scale = parameters.law(t, gradient=True)
    s = np.linspace(0, 1, 257)[1:-1]
    u = s**3 * (10 - 15 * s + 6 * s**2)
    ends = law.cdf(np.array([points.low, points.high]) / scale)
    low, mass = float(ends[0]), float(ends[1] - ends[0])
    if low < 0.5:
        x = law.ppf(low + mass * u)
    else:
        tails = law.sf(np.array([points.low, points.high]) / scale)
        x = law.isf(tails[1] + (tails[0] - tails[1]) * u[::-1])
    scores = law.scores(np.maximum(x, 1e-300))[1]
    if low > 0 or mass < 1:
        nodes, weights, _ = conditional_nodes(law, points.low / scale, points.high / scale)
        scores = scores - (law.scores(nodes)[1] @ weights)[:, None]
    scores = parameters.matrix.T @ scores
    pieces = np.diff(u) * (scores[:, 1:] + scores[:, :-1]) / 2
    first = (u[0] * scores[:, 0])[:, None]
    gradient = np.concatenate([0 * first, first, first + np.cumsum(pieces, axis=1), 0 * first], 1)
    grid = np.concatenate([[0.0], u, [1.0]])

    def shifted(values: FloatArray, move: FloatArray) -> FloatArray:
        total = values.copy()
        for row, amount in zip(gradient, move.T, strict=True):
            total += np.interp(values, grid, row) * np.asarray(amount)[..., None]
        return total

    if not (points.low > 0 or points.high < math.inf or points.n_below):
        values = _conditional_cdf(law, scale, points, spectra)
        return _largest_gap(shifted(values, moves)) * math.sqrt(spectra.shape[1])
    found = []
    for row, move in zip(spectra, moves, strict=True):
        inside = row[(row > max(points.low, points.cut)) & (row < points.high)]
        below = int((row <= points.cut).sum()) if points.n_below else 0
        if len(inside) == 0:
            continue
        values = shifted(_conditional_cdf(law, scale, points, inside), move)
        found.append(float(_largest_gap(values, below)) * math.sqrt(len(inside) + below))
    return np.array(found)
