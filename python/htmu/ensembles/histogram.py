"""Histograms of sampled spectra without their eigenvalues."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from htmu.arguments import Seed, as_int, as_real_array, as_seed, as_threads, core_key
from htmu.ensembles.base import Ensemble
from htmu.errors import InvalidInputError

__all__ = ["spectral_histogram"]

_MAX_SIZE = 10**12


def spectral_histogram(
    ensemble: Any,
    edges: ArrayLike,
    size: int,
    *,
    seed: Seed = None,
    n_threads: int | None = None,
) -> NDArray[np.int64]:
    """Count the eigenvalues of sampled matrices in bins, without computing them.

    A Sturm count says how many eigenvalues of a matrix lie below an edge, in one pass over the
    matrix: m edges cost O(m n) instead of the O(n^2) of a spectrum.

    Parameters
    ----------
    ensemble : LaguerreEnsemble, HermiteEnsemble or JacobiEnsemble
        The law of the matrices.
    edges : array_like, shape (m + 1,)
        Edges of the bins, strictly ascending; bin i is [edges[i], edges[i + 1]).
    size : int
        Number of matrices, at most 10^12: those of `ensemble.eigenvalues` for the same seed.
    seed : int, SeedSequence, Generator or None
        None takes fresh entropy.
    n_threads : int or None
        None takes every CPU; the counts do not depend on it.

    Returns
    -------
    ndarray of int64, shape (m,)
        Numbers of eigenvalues of all the matrices together; divide by size n times the widths for
        the density.

    Raises
    ------
    InvalidInputError
        If an argument has the wrong type or lies outside its domain (NonFiniteError for NaN and
        inf).

    References
    ----------
    Albrecht, Chan and Edelman, "Sturm sequences and random eigenvalue distributions", Found.
    Comput. Math. 9, 461 (2009).

    Examples
    --------
    >>> import htmu
    >>> ensemble = htmu.HermiteEnsemble(1000, beta=2.0)
    >>> counts = htmu.spectral_histogram(ensemble, [-100.0, 0.0, 100.0], 10, seed=1)
    >>> int(counts.sum())
    10000
    """
    if not isinstance(ensemble, Ensemble):
        raise InvalidInputError(
            "ensemble must be a LaguerreEnsemble, HermiteEnsemble or JacobiEnsemble, got "
            f"{type(ensemble).__name__}"
        )
    points = as_real_array("edges", edges)
    if points.ndim != 1 or points.size < 2:
        raise InvalidInputError(
            f"edges must be one row of at least 2 numbers, got shape {points.shape}"
        )
    ascends = points[1:] > points[:-1]
    if not ascends.all():
        place = int(np.argmin(ascends))
        raise InvalidInputError(
            f"edges must be strictly ascending, got {points[place]:g} before {points[place + 1]:g}"
        )
    count = as_int("size", size, minimum=0, maximum=_MAX_SIZE)
    key, threads = core_key(as_seed(seed)), as_threads(n_threads)
    return ensemble._model().histogram(count, points, key, threads)
