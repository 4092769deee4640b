"""The table of the HTMP law behind the distributions: shapes, limits, errors, and its accuracy."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import mpmath  # type: ignore[import-untyped]
import numpy as np
import pytest
from scipy import stats

from htmu._core.special import HtmpTable
from htmu.errors import InvalidInputError

METHODS = ("logpdf", "pdf", "cdf", "sf", "logcdf", "logsf", "ppf", "isf")


def tricomi_on_the_cut(b: mpmath.mpf, delta: mpmath.mpf, y: mpmath.mpf) -> mpmath.mpc:
    """U(b, 1 - delta, -y) from DLMF 13.2.42, for delta that is no integer."""
    first = mpmath.gamma(delta) / mpmath.gamma(b + delta) * mpmath.hyp1f1(b, 1 - delta, -y)
    second = mpmath.gamma(-delta) / mpmath.gamma(b) * y**delta
    second *= mpmath.hyp1f1(b + delta, 1 + delta, -y)
    return mpmath.mpc(first + second * mpmath.cospi(delta), second * mpmath.sinpi(delta))


def log_density(b: mpmath.mpf, delta: mpmath.mpf, x: mpmath.mpf) -> mpmath.mpf:
    """Theorem 4.1."""
    c = b + delta
    y = c * x
    log_gammas = mpmath.loggamma(b + 1) + mpmath.loggamma(b + delta)
    log_u = mpmath.log(abs(tricomi_on_the_cut(b, delta, y)))
    return mpmath.log(c) - log_gammas + (delta - 1) * mpmath.log(y) - y - 2 * log_u


@pytest.mark.parametrize(
    ("b", "delta"), [(2.0**-14, 2.0**-12), (0.5, 0.75), (3.0, 0.25), (9.0, 21.125)]
)
def test_theorem(b: float, delta: float) -> None:
    law = HtmpTable(b, delta)
    p = np.array([1e-290, 1e-100, 1e-9, 0.2])
    points = np.concatenate([law.ppf(p), law.isf(p)])
    points = points[points > 0]
    expected = []
    with mpmath.workdps(900):
        for x in points:
            expected.append(float(log_density(mpmath.mpf(b), mpmath.mpf(delta), mpmath.mpf(x))))
    error = np.abs(law.logpdf(points) - expected)
    assert (error <= 3e-14 * np.maximum(1.0, np.abs(expected))).all()


@pytest.mark.parametrize("delta", [0.25, 1.0, 30.0])
def test_no_repulsion(delta: float) -> None:
    """As b -> 0 the law becomes Gamma(delta), with corrections of order b."""
    law = HtmpTable(1e-6, delta)
    x = np.geomspace(1e-3, 1.5, 50)
    gamma = stats.gamma(delta, scale=1 / delta)
    np.testing.assert_allclose(law.pdf(x), gamma.pdf(x), rtol=1e-3)
    np.testing.assert_allclose(law.sf(x), gamma.sf(x), rtol=1e-3)


@pytest.mark.parametrize("gamma", [0.1, 0.5, 0.9])
def test_strong_repulsion(gamma: float) -> None:
    """As b -> infinity the density becomes Marchenko and Pastur's, with corrections of 1 / b."""
    b = 1e7
    law = HtmpTable(b, b * (1 / gamma - 1))
    lower, upper = (1 - gamma**0.5) ** 2, (1 + gamma**0.5) ** 2
    x = np.linspace(lower, upper, 40)[2:-2]
    expected = np.sqrt((upper - x) * (x - lower)) / (2 * np.pi * gamma * x)
    np.testing.assert_allclose(law.pdf(x), expected, rtol=1e-5)


@pytest.mark.parametrize("shape", [(), (0,), (7,), (3, 0), (2, 3, 5)])
def test_shapes(shape: tuple[int, ...]) -> None:
    law = HtmpTable(1.0, 2.0, gradient=True)
    x = np.full(shape, 0.25)
    for name in METHODS:
        assert getattr(law, name)(x).shape == shape
    assert law.gradient(x).shape == (4, *shape)


def test_any_layout_and_dtype() -> None:
    law = HtmpTable(1.0, 2.0)
    x = np.linspace(0.1, 3.0, 60).reshape(6, 10)
    np.testing.assert_array_equal(law.cdf(x.T), law.cdf(x).T)
    np.testing.assert_array_equal(law.cdf(x[::2, ::3]), law.cdf(x)[::2, ::3])
    np.testing.assert_array_equal(law.cdf([1, 2]), law.cdf([1.0, 2.0]))


def test_attributes() -> None:
    law = HtmpTable(1.5, 0.25)
    assert (law.b, law.delta, law.has_gradient) == (1.5, 0.25, False)
    assert 20 < law.n_segments < 250
    assert abs(law.mismatch) < 1e-13


def test_gradient_is_that_of_the_density() -> None:
    b, delta, x = 2.0, 1.5, np.array([0.01, 0.7, 5.0])
    value, by_b, by_delta, by_log_x = HtmpTable(b, delta, gradient=True).gradient(x)
    h = 1e-5
    np.testing.assert_array_equal(value, HtmpTable(b, delta).logpdf(x))
    difference = HtmpTable(b + h, delta).logpdf(x) - HtmpTable(b - h, delta).logpdf(x)
    np.testing.assert_allclose(by_b, difference / (2 * h), rtol=1e-7, atol=1e-8)
    difference = HtmpTable(b, delta + h).logpdf(x) - HtmpTable(b, delta - h).logpdf(x)
    np.testing.assert_allclose(by_delta, difference / (2 * h), rtol=1e-7, atol=1e-8)
    difference = HtmpTable(b, delta).logpdf(x * np.exp(h)) - HtmpTable(b, delta).logpdf(
        x * np.exp(-h)
    )
    np.testing.assert_allclose(by_log_x, difference / (2 * h), rtol=1e-7, atol=1e-8)


def test_threads_share_a_table() -> None:
    law = HtmpTable(3.0, 4.0)
    x = np.random.default_rng(0).gamma(3.0, size=(8, 20_000)) / 3.0
    with ThreadPoolExecutor(4) as pool:
        rows = list(pool.map(law.cdf, x))
    np.testing.assert_array_equal(rows, law.cdf(x))


BAD_B = [0.0, -1.0, np.nan, np.inf, 1e-9, 1e12]
BAD_DELTA = [-0.5, np.nan, np.inf, 1e17]


@pytest.mark.parametrize(
    ("b", "delta"), [*((b, 1.0) for b in BAD_B), *((1.0, delta) for delta in BAD_DELTA)]
)
def test_bad_parameters(b: float, delta: float) -> None:
    with pytest.raises(InvalidInputError, match=r"^(b|delta) = .* must lie between .*, got "):
        HtmpTable(b, delta)


def test_gradient_must_be_asked_for() -> None:
    with pytest.raises(InvalidInputError, match="gradient=True"):
        HtmpTable(1.0, 1.0).gradient(1.0)
