"""Gamma and log-gamma variates against NumPy's Generator, one thread.

NumPy has no log-gamma: its baseline is log G(shape + 1) + log U / shape (Marsaglia and Tsang
2000), which does not underflow either.
"""

from __future__ import annotations

import numpy as np
import pytest
from comparison import Compare
from numpy.typing import NDArray
from scipy.special import digamma, polygamma

import htmu.random

Array = NDArray[np.float64]
SIZE = 200_000
SHAPES = [1e-4, 0.3, 1.0, 7.5]


@pytest.mark.parametrize("shape", SHAPES)
def test_gamma(compare: Compare, shape: float) -> None:
    rng = np.random.default_rng(7)

    def ours() -> Array:
        return htmu.random.gamma(shape, size=SIZE, seed=7, n_threads=1)

    assert abs(ours().mean() - shape) < 5 * np.sqrt(shape / SIZE)
    compare(ours, lambda: rng.standard_gamma(shape, size=SIZE), work=SIZE, unit="variates")


@pytest.mark.parametrize("shape", SHAPES)
def test_log_gamma(compare: Compare, shape: float) -> None:
    rng = np.random.default_rng(7)

    def ours() -> Array:
        return htmu.random.log_gamma(shape, size=SIZE, seed=7, n_threads=1)

    def baseline() -> Array:
        bulk = np.log(rng.standard_gamma(shape + 1, size=SIZE))
        return np.asarray(bulk - rng.standard_exponential(SIZE) / shape)

    stderr = np.sqrt(polygamma(1, shape) / SIZE)
    assert abs(ours().mean() - digamma(shape)) < 5 * stderr
    compare(ours, baseline, work=SIZE, unit="variates")
