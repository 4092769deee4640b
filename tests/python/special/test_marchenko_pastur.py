"""The Marchenko-Pastur law against mpmath: both tails, quantiles, gamma next to 1."""

from __future__ import annotations

import mpmath as mp  # type: ignore[import-untyped]
import numpy as np
import pytest

import htmu

GAMMAS = [1e-6, 0.01, 0.25, 0.81, 0.999, 1 - 1e-9, 1.0]


def masses(t: float, gamma: float, *, upper: bool) -> tuple[float, float]:
    """(x, mass between x and an end) for x at the part t of the support from that end."""
    with mp.workdps(40):
        g = mp.mpf(gamma)
        r = mp.sqrt(g)
        low, high = (1 - r) ** 2, (1 + r) ** 2
        x = mp.mpf(float(high - t * (high - low) if upper else low + t * (high - low)))

        # x = low + (high - low) s^2, which takes the square root out of the edge.
        def integrand(s: mp.mpf) -> mp.mpf:
            point = high - (high - low) * s**2 if upper else low + (high - low) * s**2
            if point <= 0:  # gamma = 1 at 0: s^2 / x is constant
                return 2 * (high - low) ** 2 * mp.sqrt(1 - s**2) / (2 * mp.pi * g * (high - low))
            root = s * mp.sqrt(1 - s**2) * (high - low)
            return 2 * s * (high - low) * root / (2 * mp.pi * g * point)

        part = (high - x if upper else x - low) / (high - low)
        if part <= 0:
            return float(x), 0.0
        end = mp.sqrt(part)
        knots = [0, *(end * mp.mpf(2) ** -k for k in range(30, -1, -1))]
        return float(x), float(mp.quad(integrand, knots))


@pytest.mark.parametrize("gamma", GAMMAS)
def test_both_tails_keep_their_relative_accuracy(gamma: float) -> None:
    r = np.sqrt(gamma)
    law = htmu.marchenko_pastur(gamma)
    for t in (1e-8, 1e-4, 0.01, 0.1, 0.4, 0.7):
        for upper in (False, True):
            x, mass = masses(t, gamma, upper=upper)
            # The end itself is rounded: t is known to eps (1 + r)^2 / (4 r t).
            end = (1 + r) ** 2 if upper else max((1 - r) ** 2, 1e-16)
            tolerance = 2e-14 + 8 * 2.2e-16 * end / (4 * r * t)
            found = law.sf(x) if upper else law.cdf(x)
            assert found == pytest.approx(mass, rel=tolerance), (t, upper)
            other = law.cdf(x) if upper else law.sf(x)
            assert found + other == pytest.approx(1.0, abs=4e-15)


@pytest.mark.parametrize("gamma", GAMMAS)
def test_quantiles_invert_the_distribution_function(gamma: float) -> None:
    law = htmu.marchenko_pastur(gamma)
    p = np.r_[1e-9, 1e-4, np.linspace(0.01, 0.99, 21)]
    # A quantile is rounded: the mass it stands for moves by eps x f.
    for probability, quantile, back in ((p, law.ppf(p), law.cdf), (p, law.isf(p), law.sf)):
        conditioning = 4 * 2.2e-16 * quantile * law.pdf(quantile) / probability
        assert (np.abs(back(quantile) / probability - 1) <= 1e-13 + conditioning).all()
    low, high = law.support()
    assert law.ppf([0.0, 1.0]).tolist() == [low, high]
    assert np.isnan(law.ppf([-0.1, 1.1, np.nan])).all()


def test_the_density_is_the_formula_and_zero_outside() -> None:
    gamma = 0.25
    x = np.array([0.2, 0.25, 0.3, 1.0, 2.2, 2.25, 3.0, np.nan])
    expected = [0, 0, *(np.sqrt((2.25 - v) * (v - 0.25)) / (np.pi * v / 2) for v in (0.3, 1, 2.2))]
    found = htmu.marchenko_pastur.pdf(x, gamma)
    np.testing.assert_allclose(found[:7], [*expected, 0, 0], rtol=1e-13)
    assert np.isnan(found[7])
    assert htmu.marchenko_pastur.pdf(0.0, 1.0) == np.inf
    assert htmu.marchenko_pastur.logpdf(3.0, gamma) == -np.inf
