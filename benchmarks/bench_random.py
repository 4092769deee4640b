"""Variates against NumPy's Generator (PCG64), one thread.

Goals, with AVX-512: 3 times NumPy's rate for Gamma shapes above 1, 2 below 1, and no less than
NumPy's for shape 1, where it draws an exponential by its ziggurat.

What bounds ours is arithmetic. A Philox block takes 54 operations on vectors of 8 blocks, so 3.4
cycles a block where two such operations start in a cycle. Normal and exponential variates take one
block, Gamma variates 1.05, of shapes below 1 another one besides a logarithm and an exponential
(2.5 cycles each, with AVX-512).

NumPy has no log-gamma: its baseline is log G(shape + 1) + log U / shape (Marsaglia and Tsang
2000), which does not underflow either.
"""

from __future__ import annotations

import numpy as np
import pytest
from comparison import Compare
from kernel_limits import variate_limit
from numpy.typing import NDArray
from scipy.special import digamma, polygamma

import htmu.random

Array = NDArray[np.float64]
SIZE = 200_000
SHAPES = [1e-4, 0.01, 0.3, 1.0, 7.5, 1000.0]


def _goal(shape: float) -> float:
    return 3.0 if shape > 1.0 else 2.0 if shape < 1.0 else 1.0


def _limit(shape: float, limits: tuple[float, float]) -> tuple[str, float]:
    label, seconds = (
        variate_limit(limits, 2.05, 2) if shape < 1.0 else variate_limit(limits, 1.05, 0)
    )
    return label, SIZE * seconds


def _mean_is(expected: float, variance: float, draws: Array) -> bool:
    return bool(abs(draws.mean() - expected) < 5 * np.sqrt(variance / draws.size))


def test_normal(compare: Compare, instruction_set: str, limits: tuple[float, float]) -> None:
    rng = np.random.default_rng(7)

    def ours() -> Array:
        return htmu.random.normal(SIZE, seed=7, n_threads=1)

    assert _mean_is(0.0, 1.0, ours())
    label, seconds = variate_limit(limits, 1.0, 0)
    limit = (label, SIZE * seconds)

    def baseline() -> Array:
        return rng.standard_normal(SIZE)

    compare(ours, baseline, work=SIZE, unit="variates", goal=2.0, limit=limit)


def test_exponential(compare: Compare, instruction_set: str, limits: tuple[float, float]) -> None:
    rng = np.random.default_rng(7)

    def ours() -> Array:
        return htmu.random.exponential(SIZE, seed=7, n_threads=1)

    assert _mean_is(1.0, 1.0, ours())
    label, seconds = variate_limit(limits, 1.0, 0)
    limit = (label, SIZE * seconds)

    def baseline() -> Array:
        return rng.standard_exponential(SIZE)

    compare(ours, baseline, work=SIZE, unit="variates", goal=1.0, limit=limit)


@pytest.mark.parametrize("shape", SHAPES)
def test_gamma(
    compare: Compare, instruction_set: str, limits: tuple[float, float], shape: float
) -> None:
    rng = np.random.default_rng(7)

    def ours() -> Array:
        return htmu.random.gamma(shape, size=SIZE, seed=7, n_threads=1)

    assert _mean_is(shape, shape, ours())
    compare(
        ours,
        lambda: rng.standard_gamma(shape, size=SIZE),
        work=SIZE,
        unit="variates",
        goal=_goal(shape),
        limit=_limit(shape, limits),
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_log_gamma(
    compare: Compare, instruction_set: str, limits: tuple[float, float], shape: float
) -> None:
    rng = np.random.default_rng(7)

    def ours() -> Array:
        return htmu.random.log_gamma(shape, size=SIZE, seed=7, n_threads=1)

    def baseline() -> Array:
        bulk = np.log(rng.standard_gamma(shape + 1, size=SIZE))
        return np.asarray(bulk - rng.standard_exponential(SIZE) / shape)

    assert _mean_is(float(digamma(shape)), float(polygamma(1, shape)), ours())
    compare(
        ours,
        baseline,
        work=SIZE,
        unit="variates",
        goal=_goal(shape),
        limit=_limit(shape, limits),
    )


@pytest.mark.parametrize(("low", "high"), [(0.01, 1000.0), (1.0, 1000.0)])
def test_gamma_of_mixed_shapes(
    compare: Compare, instruction_set: str, low: float, high: float
) -> None:
    rng = np.random.default_rng(7)
    shapes = np.exp(rng.uniform(np.log(low), np.log(high), SIZE))

    def ours() -> Array:
        return htmu.random.gamma(shapes, seed=7, n_threads=1)

    def baseline() -> Array:
        return rng.standard_gamma(shapes)

    assert _mean_is(1.0, float((1 / shapes).mean()), ours() / shapes)
    compare(ours, baseline, work=SIZE, unit="variates", goal=2.0)
