"""kappa of simulated beta-Laguerre spectra: bias, coverage, and the peers' recipe beside it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats

import htmu
from htmu._core import special
from htmu.arguments import FloatArray

from .conftest import Draw

KAPPAS = [0.1, 1.9, 5.5, 20.0, 200.0]


def recover(spectra: FloatArray, gamma: float, method: str) -> tuple[FloatArray, FloatArray]:
    fits = [
        htmu.fit_spectrum(x, gamma=gamma, method=method, seed=seed)
        for seed, x in enumerate(spectra)
    ]
    return np.array([fit.kappa for fit in fits]), np.array([fit.intervals["kappa"] for fit in fits])


def peers_recipe(x: FloatArray, gamma: float) -> float:
    """Smallest eigenvalue subtracted, mean 1, the kappa of least KS distance on a log grid."""
    shifted = np.sort(x - x.min())[1:]
    shifted = shifted / shifted.mean()
    steps = np.arange(len(shifted) + 1) / len(shifted)

    def distance(log_kappa: float) -> float:
        b = float(np.exp(log_kappa)) / 2
        u = np.asarray(special.HtmpTable(b, b * (1 / gamma - 1)).cdf(shifted))
        return float(max((steps[1:] - u).max(), (u - steps[:-1]).max()))

    grid = np.linspace(np.log(0.02), np.log(500.0), 60)
    best = grid[int(np.argmin([distance(at) for at in grid]))]
    found = optimize.minimize_scalar(distance, bounds=(best - 0.2, best + 0.2), method="bounded")
    return float(np.exp(found.x))


@pytest.mark.parametrize("method", ["mle", "joint"])
@pytest.mark.parametrize("kappa", [0.1, 5.5])
def test_recovery_of_twenty_spectra(kappa: float, method: str, draw: Draw, gamma: float) -> None:
    # False alarms: 1e-3 of the mean (3.3 standard errors), 1.2e-3 of 16 or fewer covered of 20
    # at 97 %; at 95 % it is 1.6 %, so 15 or fewer, 2.6e-3.
    found, intervals = recover(draw(kappa, 20, seed=7), gamma, method)
    error = found.std(ddof=1) / np.sqrt(20)
    assert abs(found.mean() - kappa) < 3.3 * error
    assert ((intervals[:, 0] < kappa) & (kappa < intervals[:, 1])).sum() >= 16


@pytest.mark.slow
@pytest.mark.parametrize("method", ["mle", "joint"])
@pytest.mark.parametrize("kappa", KAPPAS)
def test_recovery_of_a_thousand_spectra(
    kappa: float, method: str, draw: Draw, gamma: float
) -> None:
    # At 95 % the number covered is binomial: outside 93 to 97 % of 1000 with probability 3e-3,
    # outside 178..198 of 200 with 2e-3. The mean of 1000 has an error of 0.5 % at kappa = 20; the
    # density at kappa = 200, where a fit takes longest, one of 4 % from 200.
    count = 1000 if kappa < 100 else 200
    spectra = draw(kappa, count, seed=4181)
    found, intervals = recover(spectra, gamma, method)
    error = found.std(ddof=1) / np.sqrt(count)
    assert abs(found.mean() - kappa) < max(0.02 * kappa, 2 * error)
    covered = int(((intervals[:, 0] < kappa) & (kappa < intervals[:, 1])).sum())
    least, most = (930, 970) if count == 1000 else (178, 198)
    assert least <= covered <= most
    peers = np.array([peers_recipe(x, gamma) for x in spectra[:40]])
    ours = float(np.sqrt(np.mean((found - kappa) ** 2)))
    if kappa > 1:
        assert ours < np.sqrt(np.mean((peers - kappa) ** 2))


def test_peers_recipe_is_biased_by_half(draw: Draw, gamma: float) -> None:
    # 12 spectra; its standard deviation is 0.4, so that 4 is more than 10 standard errors off.
    found = [peers_recipe(x, gamma) for x in draw(5.5, 12, seed=3)]
    assert np.mean(found) < 4.0
    ours = [htmu.fit_spectrum(x, gamma=gamma, n_simulations=0).kappa for x in draw(5.5, 12, seed=3)]
    assert abs(np.mean(ours) - 5.5) < 0.5


@pytest.mark.parametrize("inverse", [False, True])
def test_gamma_free(inverse: bool, draw: Draw, gamma: float) -> None:
    # One spectrum, 99.9 % intervals: false alarm about 1e-3 for each of three parameters.
    x = draw(2.0, 1, seed=5)[0] * 3
    fit = htmu.fit_spectrum(1 / x if inverse else x, inverse=inverse, confidence=0.999)
    true = {"kappa": 2.0, "gamma": gamma, "scale": 1 / 3 if inverse else 3.0}
    for name, value in true.items():
        low, high = fit.intervals[name]
        assert low < value < high
    assert fit.free == ("kappa", "gamma", "scale")


@pytest.mark.parametrize("method", ["ks", "moments", "stieltjes"])
def test_other_methods(method: str, draw: Draw, gamma: float) -> None:
    x = draw(5.5, 1, n=300, seed=2)[0]
    fit = htmu.fit_spectrum(x, gamma=gamma, method=method, n_simulations=64, confidence=0.999)
    low, high = fit.intervals["kappa"]
    assert low < 5.5 < high


def test_p_value_is_uniform_for_spectra_of_the_law(draw: Draw, gamma: float) -> None:
    # 60 spectra; Kolmogorov-Smirnov at 1e-3. Independent nulls would pile up near 1.
    fits = [htmu.fit_spectrum(x, gamma=gamma, seed=1) for x in draw(20.0, 60, n=400, seed=9)]
    p = [fit.p_value for fit in fits if fit.p_value is not None]
    assert stats.kstest(p, "uniform").pvalue > 1e-3
