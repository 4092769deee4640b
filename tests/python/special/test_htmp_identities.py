"""HtmpTable against exact identities: moments, Stieltjes transform, limits."""

from __future__ import annotations

import math

import mpmath as mp  # type: ignore[import-untyped]
import numpy as np
import pytest
from numpy.typing import NDArray

from htmu._core.special import HtmpTable

pytestmark = pytest.mark.usefixtures("instruction_set")
Array = NDArray[np.float64]
#: (b, delta): kappa = 2 b, gamma = b / (b + delta).
LAWS = [
    (5e-5, 2.5), (0.05, 0.3), (0.5, 0.0), (0.5, 1.0), (2.75, 5.7), (2.75, 3.0), (10.0, 0.1),
    (30.0, 50.0), (100.0, 1900.0), (500.0, 500.0), (5e3, 4e3), (5e4, 7.5e4),
]  # fmt: skip
each_law = pytest.mark.parametrize(("b", "delta"), LAWS)


def gauss_legendre_in_log(table: HtmpTable) -> tuple[Array, Array, float]:
    """x, weights and lower end for integrals of f(x) g(x): panels in log x, 20 nodes each.

    Below S = 1e-25 nothing is left of the moments; the lower end is where F = 1e-25, or 1e-290.
    """
    low = math.log(max(float(table.ppf(np.array([1e-25]))[0]), 1e-290))
    high = math.log(float(table.isf(np.array([1e-60]))[0]))
    middle = math.log(float(table.ppf(np.array([0.5]))[0]))
    # Graded towards the bulk, where a large kappa has its edges.
    grades = np.concatenate([np.linspace(0, 0.2, 500), np.linspace(0.2, 1, 401)[1:]])
    below, above = (low - middle) * grades[::-1], (high - middle) * grades[1:]
    edges = middle + np.concatenate([below, above])
    nodes, weights = np.polynomial.legendre.leggauss(20)
    half = np.diff(edges)[:, None] / 2
    x = np.exp((edges[1:, None] + edges[:-1, None]) / 2 + half * nodes).ravel()
    return x, (half * weights).ravel() * x * table.pdf(x), math.exp(edges[0])


def jacobi_moments(b: float, delta: float, count: int) -> list[float]:
    """E x^k, k < count, as (J^k)_11 of the Jacobi matrix in y, to 50 digits.

    Associated Laguerre polynomials, model II: a_0 = b + delta, a_k = 2 (k + b) + delta,
    b_k^2 = (k + b) (k + b + delta - 1) counted from k = 1.
    """
    with mp.workdps(50):
        bb, dd = mp.mpf(b), mp.mpf(delta)
        diagonal = [bb + dd, *(2 * (k + bb) + dd for k in range(1, count))]
        squares = [(k + bb) * (k + bb + dd - 1) for k in range(1, count)]
        squares[0] = (1 + bb) * (bb + dd)
        vector = [mp.mpf(1), *(mp.mpf(0) for _ in range(count - 1))]
        moments = [1.0]
        for k in range(1, count):
            shifted = [diagonal[i] * vector[i] for i in range(count)]
            for i in range(count - 1):
                shifted[i] += vector[i + 1]
                shifted[i + 1] += squares[i] * vector[i]
            vector = shifted
            moments.append(float(vector[0] / (bb + dd) ** k))
        return moments


@each_law
def test_moments_are_those_of_the_jacobi_matrix(b: float, delta: float) -> None:
    table = HtmpTable(b, delta)
    x, weights, low = gauss_legendre_in_log(table)
    exact = jacobi_moments(b, delta, 8)
    gamma = b / (b + delta)
    assert exact[1] == pytest.approx(1, rel=1e-15)
    assert exact[2] - 1 == pytest.approx(gamma * (1 + 1 / b), rel=1e-12, abs=1e-15)
    found = [float(np.sum(weights * x**k)) for k in range(8)]
    # The mass and F, which is not integrated from f by this rule.
    mass = 1 - float(table.cdf([low])[0])
    assert found[0] == pytest.approx(mass, rel=1e-12 if b <= 500 else 1e-11)
    np.testing.assert_allclose(found[1:], exact[1:], rtol=1e-12 if b <= 500 else 1e-11)


@pytest.mark.parametrize(("b", "delta"), [law for law in LAWS if law[0] <= 50])
@pytest.mark.parametrize("z", [0.1, 1.0, 7.0])
def test_stieltjes_transform(b: float, delta: float, z: float) -> None:
    # int f / (x + z) = t U(b+1, 2-delta, t z) / U(b, 1-delta, t z), t = b + delta.
    with mp.workdps(40):
        t = mp.mpf(b) + mp.mpf(delta)
        upper = mp.hyperu(mp.mpf(b) + 1, 2 - mp.mpf(delta), t * z)
        exact = float(t * upper / mp.hyperu(mp.mpf(b), 1 - mp.mpf(delta), t * z))
    table = HtmpTable(b, delta)
    x, weights, low = gauss_legendre_in_log(table)
    lowest = float(table.cdf([low])[0])
    found = float(np.sum(weights / (x + z))) + lowest / z
    assert found == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("gamma", [0.1, 0.5, 0.9])
def test_large_kappa_is_marchenko_pastur(gamma: float) -> None:
    lower, upper = (1 - math.sqrt(gamma)) ** 2, (1 + math.sqrt(gamma)) ** 2
    x = lower + (upper - lower) * np.linspace(0.15, 0.85, 30)
    limit = np.sqrt((upper - x) * (x - lower)) / (2 * np.pi * gamma * x)
    errors = []
    for b in (500.0, 5e3, 5e4):
        table = HtmpTable(b, b * (1 / gamma - 1))
        errors.append(np.abs(table.pdf(x) / limit - 1).max())
    # The next order is 1 / kappa.
    assert errors[2] < 1e-4
    assert 8 < errors[0] / errors[1] < 12
    assert 8 < errors[1] / errors[2] < 12


@pytest.mark.parametrize("delta", [0.3, 1.0, 2.5, 40.0])
def test_small_kappa_is_gamma(delta: float) -> None:
    x = np.geomspace(0.05, 4, 30)
    errors = []
    for b in (5e-3, 5e-4, 5e-5):
        table = HtmpTable(b, delta)
        # The mean is 1: x is Gamma(delta) / (b + delta), to first order in b.
        y = (b + delta) * x
        limit = delta * np.log(y) - y - math.lgamma(delta) - np.log(x)
        errors.append(np.abs(table.logpdf(x) - limit).max())
    assert errors[2] < 50 * 5e-5
    assert 8 < errors[0] / errors[1] < 12
    assert 9 < errors[1] / errors[2] < 11


def test_ends_of_the_support() -> None:
    for delta, expected in ((0.5, np.inf), (1.0, None), (1.5, 0.0)):
        table = HtmpTable(2.75, delta)
        ends = np.array([-1.0, 0.0, np.inf, np.nan])
        np.testing.assert_array_equal(table.cdf(ends), [0, 0, 1, np.nan])
        np.testing.assert_array_equal(table.sf(ends), [1, 1, 0, np.nan])
        pdf = table.pdf(ends)
        assert pdf[0] == 0
        assert pdf[2] == 0
        assert np.isnan(pdf[3])
        if expected is None:
            # log f(0) of delta = 1: |U| = Gamma(1) / Gamma(b + 1), y = (b + 1) x.
            assert pdf[1] == pytest.approx(3.75 * math.gamma(3.75) / math.gamma(3.75), rel=1e-13)
        else:
            assert pdf[1] == expected
        np.testing.assert_array_equal(table.ppf([0.0, 1.0, -0.1, 1.1]), [0, np.inf, np.nan, np.nan])
        assert table.logpdf([-1.0])[0] == -np.inf
