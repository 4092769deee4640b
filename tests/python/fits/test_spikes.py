"""Signal above the bulk, and zeros, leave kappa alone."""

from __future__ import annotations

import numpy as np
import pytest

import htmu

from .conftest import Draw


@pytest.mark.parametrize("factor", [3.0, 10.0])
@pytest.mark.parametrize("count", [1, 5, 20])
def test_planted_spikes_are_found_and_move_nothing(
    factor: float, count: int, draw: Draw, gamma: float
) -> None:
    for kappa in (1.9, 20.0):
        bulk = draw(kappa, 1, seed=4)[0]
        plain = htmu.fit_spectrum(bulk, gamma=gamma, spikes=None)
        planted = bulk.max() * factor * (1 + 0.1 * np.arange(count))
        fit = htmu.fit_spectrum(np.concatenate([bulk, planted]), gamma=gamma)
        np.testing.assert_array_equal(fit.spikes, planted)
        assert fit.kappa == pytest.approx(plain.kappa, rel=0.01)
        counted = htmu.fit_spectrum(np.concatenate([bulk, planted]), gamma=gamma, spikes=count)
        np.testing.assert_array_equal(counted.spikes, planted)
        spoilt = htmu.fit_spectrum(np.concatenate([bulk, planted]), gamma=gamma, spikes=None)
        assert abs(spoilt.kappa / plain.kappa - 1) > 0.02


def test_false_alarms(draw: Draw, gamma: float) -> None:
    # The stated level is 1 % a spectrum: more than 10 of 300 has probability 3e-4.
    alarms = 0
    for kappa in (0.5, 5.5, 50.0):
        for x in draw(kappa, 100, n=300, seed=8):
            fit = htmu.fit_spectrum(x, gamma=gamma, n_simulations=0)
            alarms += len(fit.spikes) > 0
    assert alarms <= 10


def test_zeros_are_counted_apart(draw: Draw, gamma: float) -> None:
    bulk = draw(5.5, 1, n=400, seed=4)[0]
    plain = htmu.fit_spectrum(bulk, gamma=gamma)
    rng = np.random.default_rng(1)
    for zeros in (np.zeros(40), rng.normal(size=40) * 1e-17):
        fit = htmu.fit_spectrum(np.concatenate([bulk, zeros]), gamma=gamma)
        assert fit.n_zero == 40
        assert fit.n == 440
        assert fit.kappa == plain.kappa
        assert any("40 of 440 eigenvalues are 0" in warning for warning in fit.warnings)


def test_tiny_values_that_the_law_expects_are_censored(draw: Draw, gamma: float) -> None:
    # At kappa = 0.1 the law reaches 1e-40; a dense solver would return noise below n eps max.
    x = draw(0.1, 1, seed=6)[0]
    fit = htmu.fit_spectrum(x, gamma=gamma)
    trusted = htmu.fit_spectrum(x, gamma=gamma, zero_tol=0)
    assert fit.n_censored > 10
    assert fit.n_used == trusted.n_used == 1000
    assert trusted.n_censored == 0
    assert fit.kappa == pytest.approx(trusted.kappa, rel=0.05)
    noisy = np.where(x < 1e-13, 1e-16, x)
    assert htmu.fit_spectrum(noisy, gamma=gamma).kappa == pytest.approx(fit.kappa, rel=1e-9)


def test_gamma_above_one_is_fitted_by_duality(draw: Draw) -> None:
    nonzero = draw(4.0, 1, n=500, gamma=0.5, seed=2)[0]
    low = htmu.fit_spectrum(nonzero, gamma=0.5)
    high = htmu.fit_spectrum(np.concatenate([np.zeros(500), nonzero]), gamma=2.0)
    assert high.kappa == pytest.approx(2 * low.kappa, rel=1e-12)
    assert high.scale == pytest.approx(low.scale / 2, rel=1e-12)
    assert high.n_zero == 500
    assert any("500 of 1000" in warning for warning in high.warnings)
