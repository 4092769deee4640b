"""The Stieltjes transform against Tricomi's function, and Gauss's rule against moments."""

from __future__ import annotations

import math
from typing import Any

import mpmath as mp  # type: ignore[import-untyped]
import numpy as np
import pytest

import htmu
from htmu.errors import InvalidInputError

LAWS = [(5.5, 0.3255), (0.5, 0.5), (0.01, 0.9), (20.0, 0.37), (60.0, 0.11), (1.3, 0.02)]


def exact(z: complex, kappa: float, gamma: float) -> complex:
    """t U(b+1, 2-delta, -tz) / U(b, 1-delta, -tz), t = b/gamma (DLMF 13.3.22 and Theorem 4.1)."""
    with mp.workdps(60):
        b = mp.mpf(kappa) / 2
        delta, t = b * (1 / mp.mpf(gamma) - 1), b / mp.mpf(gamma)
        s = -mp.mpc(z) * t
        return complex(t * mp.hyperu(b + 1, 2 - delta, s) / mp.hyperu(b, 1 - delta, s))


@pytest.mark.parametrize(("kappa", "gamma"), LAWS)
def test_the_transform_is_a_ratio_of_tricomi_functions(kappa: float, gamma: float) -> None:
    rng = np.random.default_rng(8)
    radius, angle = 10 ** rng.uniform(-3, 2, 12), np.pi * 10 ** rng.uniform(-4, 0, 12)
    z = np.r_[radius * np.exp(1j * angle), -1.0, -1e-6, -1e6, 2 + 0.01j, 0.01 + 0.001j]
    found = htmu.htmp.stieltjes(z, kappa, gamma)
    reference = np.array([exact(complex(point), kappa, gamma) for point in z])
    np.testing.assert_allclose(found, reference, rtol=5e-12)
    np.testing.assert_array_equal(htmu.htmp.stieltjes(z.conj(), kappa, gamma), found.conj())


def test_near_the_axis_the_imaginary_part_is_pi_times_the_density() -> None:
    x = np.array([0.3, 1.0, 2.0])
    found = htmu.htmp.stieltjes(x + 1e-12j, 5.5, 0.3255)
    np.testing.assert_allclose(found.imag, np.pi * htmu.htmp.pdf(x, 5.5, 0.3255), rtol=1e-9)


@pytest.mark.parametrize("gamma", [0.05, 0.3, 1.0, 2.5])
def test_the_transform_of_marchenko_pastur_solves_its_quadratic(gamma: float) -> None:
    z = np.array([-1.0, 0.5 + 0.1j, 3 + 1e-8j, 20.0 + 0j, 1 - 2j, 1e-3j])
    m = htmu.marchenko_pastur.stieltjes(z, gamma)
    np.testing.assert_allclose(gamma * z * m**2 + (z + gamma - 1) * m, -1, rtol=1e-9)
    assert (np.sign(m.imag) == np.sign(z.imag)).all()
    assert m[3].real == pytest.approx(-1 / 20, rel=0.2)


def test_the_transform_with_an_atom_location_and_scale() -> None:
    z = np.array([-1.0 + 0j, 2 + 1j])
    dual = htmu.htmp.stieltjes(z / 2.5, 2.0 / 2.5, 1 / 2.5) / 2.5**2
    np.testing.assert_allclose(htmu.htmp.stieltjes(z, 2.0, 2.5), dual - 0.6 / z, rtol=1e-12)
    moved = htmu.htmp.stieltjes(z, 2.0, 0.5, 1.0, 3.0)
    np.testing.assert_allclose(moved, htmu.htmp.stieltjes((z - 1) / 3, 2.0, 0.5) / 3, rtol=1e-13)


def test_on_the_support_there_is_no_transform() -> None:
    assert np.isnan(htmu.htmp.stieltjes(1.0, 2.0, 0.5))
    assert np.isnan(htmu.htmp.stieltjes(complex(math.nan, 0), 2.0, 0.5))
    assert np.isnan(htmu.marchenko_pastur.stieltjes(1.0, 0.5))
    for law in (htmu.htmp(2.0, 0.5), htmu.htmp(math.inf, 0.5), htmu.htmp(2.0, 2.0)):
        assert law.stieltjes(complex(-math.inf, 0)) == 0
    assert np.isnan(htmu.htmp.stieltjes(0.0, 2.0, 2.0))


@pytest.mark.parametrize(("kappa", "gamma"), [(5.5, 0.3255), (math.inf, 0.4), (2.0, 2.5)])
def test_the_gauss_rule_has_the_moments_of_the_law(kappa: float, gamma: float) -> None:
    x, w = htmu.htmp.quadrature(8, kappa, gamma)
    assert (np.diff(x) > 0).all()
    for k in range(1, 16):
        assert float(w @ x**k) == pytest.approx(htmu.htmp.moment(k, kappa, gamma), rel=1e-12)
    # and, with many nodes, the Stieltjes transform far from the support
    x, w = htmu.htmp.quadrature(60, kappa, gamma)
    found = htmu.htmp.stieltjes(-2.0, kappa, gamma)
    assert float(w @ (1 / (x + 2))) == pytest.approx(found.real, rel=1e-9)


def test_jacobi_coefficients_are_those_of_the_associated_laguerre_polynomials() -> None:
    kappa, gamma = 5.5, 0.3255
    b = kappa / 2
    delta = b * (1 / gamma - 1)
    k = np.arange(1, 6)
    a, off = htmu.htmp.jacobi_coefficients(6, kappa, gamma)
    np.testing.assert_allclose(a[0], 1.0)
    np.testing.assert_allclose(a[1:] * (b + delta), 2 * (k + b) + delta, rtol=1e-14)
    squared = (k + b) * (k + b + delta - 1)
    np.testing.assert_allclose((off * (b + delta)) ** 2, squared, rtol=1e-14)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: htmu.htmp.stieltjes(1j, -1.0, 0.5), "kappa must be finite and greater than 0"),
        (lambda: htmu.htmp.stieltjes(1j, 1.0, 0.0), "gamma"),
        (lambda: htmu.htmp.stieltjes(1j, 1e10, 0.5), "kappa must lie in"),
        (lambda: htmu.htmp.stieltjes(1j, 1.0, 0.5, 0.0, 0.0), "scale"),
        (lambda: htmu.htmp.quadrature(0, 1.0, 0.5), "n must be an integer"),
        (lambda: htmu.htmp.jacobi_coefficients(0, 1.0, 0.5), "k must be an integer"),
        (lambda: htmu.htmp.logpdf_gradient(1.0, math.inf, 0.5), "finite kappa"),
    ],
)
def test_bad_parameters_are_refused_in_one_line(call: Any, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
