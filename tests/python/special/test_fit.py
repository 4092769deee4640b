"""`fit` of the distributions: maximum likelihood for independent draws."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import htmu
from htmu.errors import HtmuError


def test_the_gradient_is_that_of_the_log_density() -> None:
    x = np.geomspace(0.05, 5, 9)
    at = {"kappa": 5.5, "gamma": 0.3255, "scale": 1.3}
    value, gradient = htmu.htmp.logpdf_gradient(x, **at)
    np.testing.assert_allclose(value, htmu.htmp.logpdf(x, **at), rtol=1e-14, atol=1e-14)
    for row, name in zip(gradient, at, strict=True):
        step = 1e-4 * at[name]

        def moved(k: int, name: str = name, step: float = step) -> np.ndarray:
            return np.asarray(htmu.htmp.logpdf(x, **{**at, name: at[name] + k * step}))

        # Central differences of fourth order: truncation and rounding below 1e-9.
        slope = (8 * (moved(1) - moved(-1)) - (moved(2) - moved(-2))) / (12 * step)
        np.testing.assert_allclose(row, slope, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("inverse", [False, True])
def test_parameters_of_independent_draws_are_found_again(inverse: bool) -> None:
    law = htmu.inverse_htmp if inverse else htmu.htmp
    draws = law.rvs(5.5, 0.3255, scale=2.0, size=20_000, random_state=4)
    kappa, gamma, loc, scale = law.fit(draws)
    # Within 5 standard errors, of 0.27 and 0.006 here.
    assert (abs(kappa - 5.5) < 1.4, abs(gamma - 0.3255) < 0.03, loc) == (True, True, 0.0)
    assert scale == pytest.approx(2.0, rel=0.03)
    at_fit = law.logpdf(draws, kappa, gamma, loc, scale).sum()
    for factor in (0.97, 1.03):
        assert law.logpdf(draws, kappa * factor, gamma, loc, scale).sum() < at_fit
        assert law.logpdf(draws, kappa, gamma * factor, loc, scale).sum() < at_fit
        assert law.logpdf(draws, kappa, gamma, loc, scale * factor).sum() < at_fit


def test_parameters_may_be_fixed() -> None:
    draws = htmu.htmp.rvs(5.5, 0.3255, size=5000, random_state=4)
    kappa, gamma, loc, scale = htmu.htmp.fit(draws, fgamma=0.3255, floc=0, fscale=1.0)
    assert (gamma, loc, scale) == (0.3255, 0.0, 1.0)
    assert kappa == pytest.approx(5.5, abs=1.2)
    assert htmu.htmp.fit(draws, f0=5.5)[0] == 5.5
    assert htmu.htmp.fit(draws + 3.0, floc=3.0, fkappa=5.5)[1] == pytest.approx(0.3255, abs=0.03)


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        ([1.0, -1.0], {}, "data must be at least 2 different numbers above loc"),
        ([1.0, 1.0], {}, "data must be at least 2 different numbers above loc"),
        ([], {}, "data must be at least 2 different numbers"),
        ([1.0, np.nan], {}, "not finite"),
        (["x"], {}, "real numbers"),
        ([1.0, 2.0], {"fgamma": 2.0}, "fit wants gamma at most 1"),
        ([1.0, 2.0], {"fkappa": -1.0}, "fkappa must be"),
        ([1.0, 2.0], {"fkappa": 1.0, "fgamma": 0.5, "fscale": 1.0}, "nothing to find"),
        ([1.0, 2.0], {"fshape": 2.0}, "got fshape"),
        ([1.0, 2.0], {"fkappa": 1e9}, "fkappa must be"),
        ([1.0, 2.0], {"scale": -1.0}, "scale must be"),
    ],
)
def test_bad_data_is_refused_in_one_line(data: Any, options: Any, message: str) -> None:
    with pytest.raises(HtmuError, match=message) as caught:
        htmu.htmp.fit(data, **options)
    assert "\n" not in str(caught.value)


def test_data_of_a_limit_is_sent_there() -> None:
    draws = np.random.default_rng(1).gamma(2.0, size=2000)
    # A Gamma law has no repulsion; semicircle-like data has too much.
    with pytest.raises(HtmuError, match=r"limit|no clear maximum"):
        htmu.htmp.fit(np.linspace(1.0, 1.1, 2000), fgamma=0.5)
    kappa = htmu.htmp.fit(draws, fgamma=0.001)[0]
    assert kappa < 0.01
    with pytest.raises(HtmuError, match=r"limit|no clear maximum"):
        htmu.htmp.fit(htmu.marchenko_pastur.rvs(0.3, size=500, random_state=1))
    with pytest.raises(HtmuError, match=r"kappa must be|must be finite"):
        htmu.htmp.fit(draws, -1.0, 0.3)
    gamma, loc, scale = htmu.marchenko_pastur.fit(
        htmu.marchenko_pastur.rvs(0.3, size=2000, random_state=1), 0.35, fscale=1.0
    )
    assert (loc, scale) == (0.0, 1.0)
    assert gamma == pytest.approx(0.3, abs=0.02)
