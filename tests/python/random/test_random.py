"""Variates against their exact laws, and independence of threads.

Each Kolmogorov-Smirnov test has a fixed seed and a false-alarm rate of 1e-4.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import special, stats

import htmu
from htmu._core import common

FALSE_ALARM = 1e-4
SIZE = 50_000


def _log_gamma_cdf(shape: float) -> Callable[[Any], Any]:
    """CDF of log G: P(shape, e^x), by its leading term where e^x underflows."""

    def cdf(x: Any) -> Any:
        leading = np.exp(shape * np.minimum(x, -40.0) - special.gammaln(shape + 1.0))
        with np.errstate(under="ignore"):
            full = special.gammainc(shape, np.exp(x))
        return np.where(x < -40.0, leading, full)

    return cdf


@pytest.mark.parametrize("shape", [1e-8, 1e-3, 0.3, 1.0, 7.5, 1e4])
def test_log_gamma_follows_its_exact_cdf(shape: float) -> None:
    draws = htmu.random.log_gamma(shape, size=SIZE, seed=7)
    assert np.isfinite(draws).all()
    assert stats.kstest(draws, _log_gamma_cdf(shape)).pvalue > FALSE_ALARM


@pytest.mark.parametrize("shape", [0.3, 1.0, 7.5, 1e4])
def test_gamma_follows_its_exact_cdf(shape: float) -> None:
    draws = htmu.random.gamma(shape, size=SIZE, seed=8)
    assert stats.kstest(draws, stats.gamma(shape).cdf).pvalue > FALSE_ALARM


@pytest.mark.parametrize("shape", [1e-8, 1e-3])
def test_gamma_of_a_tiny_shape_underflows_as_often_as_it_should(shape: float) -> None:
    # P(G = 0 in double precision) = P(log G < log of half the least subnormal).
    zeros = int(np.count_nonzero(htmu.random.gamma(shape, size=SIZE, seed=9) == 0.0))
    probability = float(_log_gamma_cdf(shape)(np.array(-1075 * np.log(2.0))))
    assert stats.binomtest(zeros, SIZE, probability).pvalue > FALSE_ALARM


def test_normal_exponential_and_chi_follow_their_exact_cdfs() -> None:
    laws: list[tuple[Any, Any]] = [
        (htmu.random.normal(SIZE, seed=1), stats.norm.cdf),
        (htmu.random.exponential(SIZE, seed=2), stats.expon.cdf),
        (htmu.random.chi(2.5, size=SIZE, seed=3), stats.chi(2.5).cdf),
    ]
    for draws, cdf in laws:
        assert stats.kstest(cdf(draws), "uniform").pvalue > FALSE_ALARM
    # Squares of chi variates below 1e-162 underflow: compare logarithms.
    logarithms = 2 * np.log(htmu.random.chi(0.02, size=SIZE, seed=4)) - np.log(2)
    assert stats.kstest(logarithms, _log_gamma_cdf(0.01)).pvalue > FALSE_ALARM


def test_log_gamma_is_the_logarithm_of_gamma() -> None:
    shapes = np.geomspace(0.05, 1e5, 500)
    logarithms = htmu.random.log_gamma(shapes, seed=5)
    np.testing.assert_allclose(
        logarithms, np.log(htmu.random.gamma(shapes, seed=5)), rtol=1e-12, atol=1e-13
    )


def test_numbers_do_not_depend_on_threads_or_on_the_length() -> None:
    whole = htmu.random.gamma(0.7, size=20_000, seed=11, n_threads=1)
    assert (htmu.random.gamma(0.7, size=20_000, seed=11, n_threads=7) == whole).all()
    assert (htmu.random.gamma(0.7, size=123, seed=11) == whole[:123]).all()
    assert not np.intersect1d(htmu.random.gamma(0.7, size=1000, seed=12), whole).size


DIGEST = """
import hashlib
import numpy as np
from htmu import random
shapes = np.geomspace(1e-6, 1e5, 30_001)
arrays = [
    random.normal(100_001, seed=1), random.exponential(100_001, seed=2),
    random.gamma(shapes, seed=3), random.log_gamma(shapes, seed=4), random.chi(shapes, seed=5),
    *(random.gamma(shape, 30_001, seed=6) for shape in (1e-4, 0.5, 1.0, 40.0)),
    *(random.log_gamma(shape, 30_001, seed=7) for shape in (1e-4, 0.5, 1.0, 40.0)),
]
print(hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest())
"""


def test_numbers_do_not_depend_on_the_instruction_set() -> None:
    digests = {
        subprocess.run(
            [sys.executable, "-c", DIGEST],
            env={**os.environ, "HTMU_SIMD": name},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for name in common.supported_instruction_sets()
    }
    assert len(digests) == 1


@pytest.mark.parametrize("draw", [htmu.random.gamma, htmu.random.log_gamma, htmu.random.chi])
def test_one_parameter_is_the_same_as_many_equal_ones(draw: Any) -> None:
    for value in (0.02, 1.0, 6.5):
        one = draw(value, size=20_000, seed=3, n_threads=1)
        assert (one == draw(np.full(20_000, value), seed=3, n_threads=2)).all()
        assert (one[:6] == draw([[value]], size=(2, 3), seed=3).ravel()).all()


def test_shapes_broadcast() -> None:
    assert htmu.random.gamma([[1.0], [2.0]], size=(2, 3), seed=1).shape == (2, 3)
    assert htmu.random.normal((4, 0, 2), seed=1).shape == (4, 0, 2)
    assert htmu.random.gamma(1.0, seed=1).shape == ()


@pytest.mark.parametrize("shape", [0.0, -1.0, np.nan, np.inf, "a", [1.0, -2.0], None])
def test_bad_shapes_are_refused(shape: object) -> None:
    with pytest.raises(htmu.errors.InvalidInputError, match="shape"):
        htmu.random.gamma(shape, size=2, seed=1)  # type: ignore[arg-type]


def test_sizes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(htmu.errors.InvalidInputError, match="broadcast"):
        htmu.random.gamma([1.0, 2.0], size=3, seed=1)
    with pytest.raises(htmu.errors.InvalidInputError, match="GiB"):
        htmu.random.normal(10**12, seed=1)
    with pytest.raises(htmu.errors.InvalidInputError, match="size"):
        htmu.random.normal(-1, seed=1)
