"""The HTMP law: tables, points and draws against mpmath's U and SciPy's normal law. One thread.

mpmath's hyperu is what users of the formula take; its time a point is extrapolated to the points of
ours. `scipy.stats.norm` is the floor: the cheapest law that goes through SciPy's protocol.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath as mp  # type: ignore[import-untyped]
import numpy as np
import pytest
import scipy.stats
from comparison import Compare
from numpy.typing import NDArray

import htmu
from htmu._core.special import HtmpTable
from htmu.special.tables import core_parameters, law_table

Array = NDArray[np.float64]
GAMMA = 0.5
N_POINTS = 100_000
KAPPAS = [0.5, 5.5, 50.0, 1000.0, 1e5]


def points(kappa: float, n: int = N_POINTS) -> Array:
    """Draws of the law, ascending."""
    draws = htmu.htmp.rvs(kappa, GAMMA, size=n, random_state=3)
    return np.sort(np.asarray(draws))


def log_density_by_mpmath(x: float, kappa: float) -> float:
    """The formula, with mpmath's hyperu on the cut."""
    b = mp.mpf(kappa) / 2
    delta, y = b * (1 / mp.mpf(GAMMA) - 1), b / mp.mpf(GAMMA) * mp.mpf(x)
    u = mp.hyperu(b, 1 - delta, -y)
    log_f = mp.log(b / GAMMA) - mp.loggamma(b + 1) - mp.loggamma(b + delta)
    return float(log_f + (delta - 1) * mp.log(y) - y - 2 * mp.log(abs(u)))


@pytest.mark.parametrize("kappa", KAPPAS)
@pytest.mark.parametrize("gradient", [False, True], ids=["plain", "gradient"])
def test_set_up(compare: Compare, kappa: float, gradient: bool) -> None:
    """A table, without and with derivatives; the baseline is the other one's time."""
    b, delta = core_parameters(kappa, GAMMA)
    table = HtmpTable(b, delta, gradient)
    assert abs(table.mismatch) < 1e-12
    compare(
        lambda: HtmpTable(b, delta, gradient),
        lambda: HtmpTable(b, delta, not gradient),
        work=1,
        unit="tables",
    )


@pytest.mark.parametrize("kappa", [0.5, 5.5, 50.0])
def test_logpdf_mpmath(compare: Compare, kappa: float) -> None:
    """Table and 1,000 points, from nothing."""
    x = points(kappa, 1000)
    some = x[::100]

    def ours() -> Array:
        return HtmpTable(*core_parameters(kappa, GAMMA)).logpdf(x)

    def baseline() -> list[float]:
        return [log_density_by_mpmath(float(value), kappa) for value in some]

    with mp.workdps(30 + int(kappa)):
        np.testing.assert_allclose(ours()[::100], baseline(), rtol=1e-12, atol=1e-12)
        share = len(some) / len(x)
        compare(ours, baseline, baseline_share=share, work=len(x), unit="points")


QUANTITIES: list[tuple[str, Callable[[Array], Array], Callable[[Any], Any]]] = [
    ("logpdf", lambda x: x, scipy.stats.norm.logpdf),
    ("cdf", lambda x: x, scipy.stats.norm.cdf),
    ("sf", lambda x: x, scipy.stats.norm.sf),
    ("ppf", lambda x: np.linspace(1e-6, 1 - 1e-6, len(x)), scipy.stats.norm.ppf),
]


@pytest.mark.parametrize("kappa", [5.5, 1000.0])
@pytest.mark.parametrize("quantity", [q[0] for q in QUANTITIES])
def test_points(compare: Compare, instruction_set: str, quantity: str, kappa: float) -> None:
    """100,000 sorted points through SciPy's protocol, the table at hand."""
    _, arguments, normal = next(q for q in QUANTITIES if q[0] == quantity)
    x = arguments(points(kappa))
    law = htmu.htmp(kappa, GAMMA)
    ours = getattr(law, quantity)
    np.testing.assert_array_equal(ours(x[::999]), ours(x)[::999])
    compare(lambda: ours(x), lambda: normal(x), work=len(x), unit="points")


def test_logpdf_unsorted(compare: Compare, instruction_set: str) -> None:
    law, x = htmu.htmp(5.5, GAMMA), points(5.5)
    np.random.default_rng(1).shuffle(x)
    compare(lambda: law.logpdf(x), lambda: scipy.stats.norm.logpdf(x), work=len(x), unit="points")


def test_gradient(compare: Compare, instruction_set: str) -> None:
    """Log density and its three derivatives, against the log density alone."""
    x, law = points(5.5), htmu.htmp(5.5, GAMMA)
    compare(
        lambda: htmu.htmp.logpdf_gradient(x, 5.5, GAMMA),
        lambda: law.logpdf(x),
        work=len(x),
        unit="points",
    )


def test_draws(compare: Compare) -> None:
    """Quantiles of uniform draws; goal: 5 million a second."""
    law = htmu.htmp(5.5, GAMMA)
    rng, other = np.random.default_rng(1), np.random.default_rng(1)
    draws = law.rvs(size=N_POINTS, random_state=np.random.default_rng(2))
    assert abs(draws.mean() - 1) < 5 * math.sqrt(law.var() / N_POINTS)
    compare(
        lambda: law.rvs(size=N_POINTS, random_state=rng),
        lambda: scipy.stats.norm.rvs(size=N_POINTS, random_state=other),
        work=N_POINTS,
        unit="draws",
    )


def test_the_cache_keeps_tables() -> None:
    """The second call of a law makes no table (not a timing)."""
    law_table.cache_clear()
    for _ in range(5):
        htmu.htmp.pdf(1.0, 5.5, GAMMA)
    assert law_table.cache_info().misses == 1
