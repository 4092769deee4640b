"""Boundaries, windows, real input, and the form of the result."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy import integrate, stats

import htmu
from htmu.arguments import FloatArray
from htmu.fits.laws import HtmpLaw, MarchenkoPasturLaw, conditional_nodes

from .conftest import Draw


def test_gamma_law_is_fitted_as_scipy_does() -> None:
    x = np.random.default_rng(1).gamma(1.7, size=3000) * 2
    fit = htmu.fit_spectrum(x, kappa=0, spikes=None)
    shape, _, scale = stats.gamma.fit(x, floc=0)
    assert fit.delta == pytest.approx(shape, rel=0.01)
    assert fit.loglik == pytest.approx(stats.gamma.logpdf(x, shape, scale=scale).sum(), abs=0.02)
    inverse = htmu.fit_spectrum(1 / x, kappa=0, inverse=True, spikes=None)
    expected = stats.invgamma.logpdf(1 / x, shape, scale=1 / scale).sum()
    assert inverse.loglik == pytest.approx(expected, abs=0.02)
    low, high = fit.intervals["delta"]
    assert low < 1.7 < high


def test_independent_gamma_values_lie_on_the_boundary_half_of_the_time() -> None:
    # 60 spectra: the p-value of kappa = 0 is below 0.05 in more than 9 with probability 1e-3.
    rng = np.random.default_rng(3)
    small = 0
    for _ in range(60):
        fit = htmu.fit_spectrum(rng.gamma(2.0, size=300), n_simulations=0, spikes=None)
        (model,) = [model for model in fit.comparison if model.name == "gamma"]
        assert model.p_value is not None
        small += model.p_value < 0.05
    assert small <= 9


def test_kappa_inf_is_marchenko_pastur(draw: Draw, gamma: float) -> None:
    x = np.asarray(MarchenkoPasturLaw(gamma).ppf((np.arange(400) + 0.5) / 400)) * 5
    fit = htmu.fit_spectrum(x, kappa=math.inf)
    assert fit.gamma == pytest.approx(gamma, rel=0.02)
    assert fit.scale == pytest.approx(5, rel=0.01)
    assert fit.boundary == "kappa = inf"
    spread = htmu.fit_spectrum(draw(1.0, 1)[0], gamma=gamma)
    (model,) = [model for model in spread.comparison if model.name == "marchenko-pastur"]
    assert model.loglik == -math.inf
    assert model.p_value == 0


@pytest.mark.parametrize("gamma", [0.1, 0.7, 1.0])
def test_marchenko_pastur_law_against_quadrature(gamma: float) -> None:
    law = MarchenkoPasturLaw(gamma)
    for x in np.linspace(law.lower + 0.02, law.upper - 0.02, 7):

        def density(t: float) -> float:
            # x = low + t^2 removes the edge's root.
            return 2 * t * float(np.exp(law.logpdf(np.array([law.lower + t * t]))[0]))

        expected = integrate.quad(density, 0, math.sqrt(x - law.lower), epsabs=1e-12)[0]
        assert law.cdf(np.array([x]))[0] == pytest.approx(expected, abs=1e-9)
        assert law.ppf(law.cdf(np.array([x])))[0] == pytest.approx(x, abs=1e-5)


@pytest.mark.parametrize(("b", "delta"), [(0.05, 0.1), (2.75, 5.7), (100.0, 207.0)])
@pytest.mark.parametrize("ends", [(0.0, math.inf), (0.4, 1.3), (1.6, math.inf), (0.0, 0.7)])
def test_scores_have_mean_zero_and_give_the_gradient_of_the_mass(
    b: float, delta: float, ends: tuple[float, float]
) -> None:
    def mass(b: float, delta: float) -> float:
        return conditional_nodes(HtmpLaw(b, delta), *ends)[2]

    law = HtmpLaw(b, delta, gradient=True)
    nodes, weights, inside = conditional_nodes(law, *ends)
    mean = law.scores(nodes)[1] @ weights * inside
    h = 1e-5
    expected = [
        (mass(b * (1 + h), delta) - mass(b * (1 - h), delta)) / (2 * h),
        (mass(b, delta * (1 + h)) - mass(b, delta * (1 - h))) / (2 * h),
    ]
    np.testing.assert_allclose(mean[:2], expected, atol=2e-7)


def test_window_recovers_the_law_that_it_cuts(draw: Draw, gamma: float) -> None:
    # 99.9 % interval: false alarm 1e-3.
    x = draw(5.5, 1, seed=12)[0]
    fit = htmu.fit_spectrum(x, gamma=gamma, window=(0.1, 2.0), confidence=0.999)
    low, high = fit.intervals["kappa"]
    assert low < 5.5 < high
    assert fit.n_used == int(((x > 0.1) & (x < 2.0)).sum())


def test_tangent_kernel_spectrum(ntk: FloatArray) -> None:
    fit = htmu.fit_spectrum(ntk, inverse=True)
    # The whole spectrum is not inverse HTMP, and the fit says so.
    assert fit.p_value is not None
    assert fit.p_value < 0.02
    assert fit.boundary == "kappa = 0"
    near_zero = htmu.fit_spectrum(
        ntk, inverse=True, kappa=0, window=(0, float(np.quantile(ntk, 0.1)))
    )
    assert near_zero.p_value is not None
    assert near_zero.p_value > 0.1
    assert near_zero.elapsed < 5.0  # goal 1 s; a loaded machine is no failure
    # Up to the third decile it is no inverse Gamma law either.
    with pytest.raises(htmu.errors.ConvergenceError, match="narrow the window"):
        htmu.fit_spectrum(ntk, inverse=True, kappa=0, window=(0, float(np.quantile(ntk, 0.3))))
    assert np.all(np.isfinite(fit.ppf(np.array([0.01, 0.5, 0.99]))))


def test_result(draw: Draw, gamma: float) -> None:
    x = draw(5.5, 1, n=300)[0]
    fit = htmu.fit_spectrum(x[::-1], gamma=gamma, seed=3, n_threads=1)
    again = htmu.fit_spectrum(x, gamma=gamma, seed=3, n_threads=2)
    plain = fit.to_dict()
    json.dumps(plain, allow_nan=False)
    assert {**plain, "elapsed": 0} == {**again.to_dict(), "elapsed": 0}
    assert "\n" not in repr(fit)
    assert len(fit.summary().splitlines()) < 15
    area = integrate.quad(lambda t: float(fit.pdf(np.array([t]))[0]), 0, 30, limit=200)[0]
    assert area == pytest.approx(1, abs=1e-6)
    p = np.array([1e-3, 0.3, 0.9])
    np.testing.assert_allclose(fit.cdf(fit.ppf(p)), p, rtol=1e-9)
    u = fit.cdf(x)
    steps = np.arange(301) / 300
    assert fit.ks == pytest.approx(max((steps[1:] - u).max(), (u - steps[:-1]).max()), abs=0.01)
    inverse = htmu.fit_spectrum(1 / x, gamma=gamma, inverse=True, seed=3)
    assert inverse.kappa == pytest.approx(fit.kappa, rel=1e-6)
    assert inverse.scale == pytest.approx(1 / fit.scale, rel=1e-6)
    np.testing.assert_allclose(inverse.cdf(inverse.ppf(p)), p, rtol=1e-9)


def test_everything_fixed_is_only_compared(draw: Draw, gamma: float) -> None:
    fit = htmu.fit_spectrum(draw(5.5, 1)[0], kappa=5.5, gamma=gamma, scale=1.0)
    assert fit.errors == {}
    assert fit.ks < 0.05
