"""The picture of a fit: what is drawn is what the fit holds."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import StepPatch

import htmu
from htmu.arguments import FloatArray
from htmu.errors import InvalidInputError, MissingExtraError, RunFileError
from htmu.fits import SpectrumFit
from htmu.fits.band import make_band
from htmu.fits.laws import MarchenkoPasturLaw

GAMMA = 0.4


def spectrum(n: int, kappa: float = 5.0, gamma: float = GAMMA, seed: int = 1) -> FloatArray:
    """Eigenvalues of mean about 1."""
    a = kappa / 2 * (1 / gamma - 1 + 1 / n) - 1
    ensemble = htmu.LaguerreEnsemble(n, beta=kappa / n, a=a)
    return np.asarray(ensemble.eigenvalues(1, seed=seed)[0] * (2 * gamma / kappa))


def curves(axes: Axes) -> dict[str, tuple[FloatArray, FloatArray]]:
    return {
        str(line.get_label()): (np.asarray(line.get_xdata()), np.asarray(line.get_ydata()))
        for line in axes.lines
    }


def line(axes: Axes, index: int) -> tuple[FloatArray, FloatArray]:
    drawn = axes.lines[index]
    return np.asarray(drawn.get_xdata()), np.asarray(drawn.get_ydata())


def bars(axes: Axes) -> tuple[FloatArray, FloatArray]:
    (patch,) = (patch for patch in axes.patches if isinstance(patch, StepPatch))
    values, edges, _ = patch.get_data()
    return np.asarray(values), np.asarray(edges)


def words(figure: Figure) -> str:
    return figure.get_suptitle() + " ".join(text.get_text() for text in figure.texts)


@pytest.fixture(scope="module")
def plain() -> SpectrumFit:
    return htmu.fit_spectrum(spectrum(400), gamma=GAMMA)


@pytest.fixture(scope="module")
def spiked() -> SpectrumFit:
    values = np.concatenate([np.zeros(7), spectrum(400), [30.0, 90.0]])
    fit = htmu.fit_spectrum(values, n_simulations=0)
    assert (len(fit.spikes), fit.n_zero, fit.n_used) == (2, 7, 400)
    return fit


def test_densities_are_those_of_the_fit(plain: SpectrumFit) -> None:
    linear, logarithmic, _, _ = plain.plot().axes
    x, y = curves(linear)["HTMP, fitted"]
    np.testing.assert_allclose(y, plain.pdf(x), rtol=1e-12)
    x, y = line(logarithmic, 0)
    expected = x * math.log(10) * plain.pdf(x)
    shown = y > logarithmic.get_ylim()[0]
    assert shown.sum() > 1000
    np.testing.assert_allclose(y[shown], expected[shown], rtol=1e-12)


def test_histograms_are_densities_of_the_fitted_eigenvalues(spiked: SpectrumFit) -> None:
    linear, logarithmic, _, _ = spiked.plot().axes
    heights, edges = bars(linear)
    shown = np.histogram(spiked.values, edges)[0]
    np.testing.assert_allclose(heights * np.diff(edges) * 400, shown, atol=1e-9)
    assert shown.sum() == 400
    heights, edges = bars(logarithmic)
    counts = np.rint(heights * np.diff(np.log10(edges)) * 400)
    np.testing.assert_array_equal(counts, np.histogram(np.log10(spiked.values), np.log10(edges))[0])
    assert logarithmic.get_xscale() == logarithmic.get_yscale() == "log"


def test_quantiles_and_residuals_are_those_of_the_fit(plain: SpectrumFit) -> None:
    _, _, quantiles, residuals = plain.plot().axes
    x, y = line(quantiles, 1)
    np.testing.assert_array_equal(y, plain.values)
    np.testing.assert_allclose(x, plain.ppf((np.arange(400) + 0.5) / 400), rtol=1e-9)
    u, gap = line(residuals, 1)
    np.testing.assert_allclose(u[::2], plain.cdf(plain.values), atol=1e-12)
    np.testing.assert_allclose(gap[::2], np.arange(400) / 400 - u[::2], atol=1e-12)
    np.testing.assert_allclose(gap[1::2], np.arange(1, 401) / 400 - u[::2], atol=1e-12)


def test_spikes_and_zeros_are_named_and_marked(spiked: SpectrumFit) -> None:
    figure = spiked.plot()
    linear, logarithmic, quantiles, _ = figure.axes
    np.testing.assert_array_equal(curves(logarithmic)["2 spikes"][0], [30.0, 90.0])
    assert logarithmic.get_xlim()[1] > 90 > 30 > linear.get_xlim()[1]
    assert r"2 spikes beyond $\rightarrow$" in curves(linear)
    assert "400 of 409 eigenvalues fitted" in words(figure)
    assert "7 zeros" in words(figure)
    assert line(quantiles, 1)[1].max() < 30


def test_title_has_the_numbers(plain: SpectrumFit) -> None:
    figure = plain.plot()
    assert rf"\kappa = {plain.kappa:.2f} \pm {plain.errors['kappa']:.2f}" in words(figure)
    assert rf"\gamma = {GAMMA:g}$ (given)" in words(figure)
    assert f"KS {plain.ks:.3g}" in words(figure)
    assert f"$p$ = {plain.p_value:.2g}" in words(figure)
    low, high = plain.intervals["kappa"]
    assert rf"95 % interval of $\kappa$: {low:.3g} to {high:.3g}" in words(figure)


@pytest.mark.parametrize("inverse", [False, True])
def test_marchenko_pastur_is_that_of_the_comparison(inverse: bool) -> None:
    values = spectrum(200, kappa=30.0)
    fit = htmu.fit_spectrum(1 / values if inverse else values, inverse=inverse, n_simulations=0)
    (model,) = (model for model in fit.comparison if model.name == "marchenko-pastur")
    assert math.isfinite(model.loglik)
    x, y = curves(fit.plot().axes[0])["Marchenko-Pastur, best fit"]
    scale = model.parameters["scale"]
    law = MarchenkoPasturLaw(model.parameters["gamma"])
    at = scale / x if inverse else x / scale
    np.testing.assert_allclose(y, np.exp(law.logpdf(at)) * at / x, rtol=1e-12)
    # In the frame of the comparison: its likelihood is that of this density.
    at = scale / fit.values if inverse else fit.values / scale
    total = (law.logpdf(at) + np.log(at / fit.values)).sum()
    assert total == pytest.approx(model.loglik, rel=1e-9)


def test_marchenko_pastur_where_none_holds_the_eigenvalues(plain: SpectrumFit) -> None:
    drawn = curves(plain.plot().axes[0])
    x, y = drawn[r"Marchenko-Pastur of the same $\gamma$ and scale"]
    expected = (
        np.exp(MarchenkoPasturLaw(GAMMA).logpdf(x / plain.maximum["scale"]))
        / plain.maximum["scale"]
    )
    np.testing.assert_allclose(y, expected, rtol=1e-12)


def test_limits_are_drawn_alone() -> None:
    fit = htmu.fit_spectrum(spectrum(60, kappa=6000.0), kappa=math.inf, n_simulations=0)
    figure = fit.plot()
    assert "Marchenko-Pastur, fitted" in curves(figure.axes[0])
    assert r"\kappa = \infty" in words(figure)
    fit = htmu.fit_spectrum(np.random.default_rng(0).gamma(0.5, size=60), kappa=0)
    figure = fit.plot()
    assert sorted(name for name in curves(figure.axes[0]) if "fitted" in name) == ["Gamma, fitted"]
    assert r"\delta = " in words(figure)
    x, y = curves(figure.axes[0])["Gamma, fitted"]
    np.testing.assert_allclose(y, fit.pdf(x), rtol=1e-12)


def test_window_is_conditioned_to() -> None:
    values = spectrum(500)
    fit = htmu.fit_spectrum(values, gamma=GAMMA, window=(0.3, 1.5), n_simulations=0)
    figure = fit.plot()
    x, y = curves(figure.axes[0])["HTMP, fitted"]
    inside = (x > 0.3) & (x < 1.5)
    assert (y[~inside] == 0).all()
    mass = np.diff(fit.cdf(np.array([0.3, 1.5])))[0]
    np.testing.assert_allclose(y[inside], fit.pdf(x[inside]) / mass, rtol=1e-9)
    assert "window 0.3 to 1.5" in words(figure)
    u, gap = line(figure.axes[3], 1)
    assert np.abs(gap).max() == pytest.approx(fit.ks, abs=1e-3)
    assert 0 <= u.min() < u.max() <= 1


def test_gamma_above_1_draws_the_nonzero_eigenvalues() -> None:
    fit = htmu.fit_spectrum(np.concatenate([np.zeros(100), spectrum(100)]), gamma=2.0)
    figure = fit.plot()
    x, y = curves(figure.axes[0])["HTMP, fitted"]
    np.testing.assert_allclose(y, fit.pdf(x), rtol=1e-12)
    assert "100 of 200 eigenvalues fitted" in words(figure)


@pytest.mark.parametrize("n", [10, 20_000])
def test_small_and_large_spectra(n: int, tmp_path: Path) -> None:
    fit = htmu.fit_spectrum(spectrum(n), n_simulations=0)
    figure = fit.plot(tmp_path / "a.png", dpi=20)
    assert matplotlib.image.imread(tmp_path / "a.png").shape[:2] == (160, 208)
    for axes in figure.axes[2:]:
        drawn = len(line(axes, 1)[0])
        assert drawn in (n, 2 * n) if n == 10 else 500 < drawn < 4000


@pytest.mark.parametrize("kappa", [2.0, 40.0])
def test_band_covers_spectra_of_its_law(kappa: float, plain: SpectrumFit) -> None:
    # A share of 200 spectra has standard deviation 0.015: a false alarm in 200 for five ranks.
    n, gamma, size = 300, 0.5, 200
    a = kappa / 2 * (1 / gamma - 1 + 1 / n) - 1
    ensemble = htmu.LaguerreEnsemble(n, beta=kappa / n, a=a)
    spectra = ensemble.eigenvalues(size, seed=3) * (2 * gamma / kappa)
    fit = htmu.fit_spectrum(spectra[0], kappa=kappa, gamma=gamma, scale=1.0, n_simulations=0)
    band = make_band(fit, fit.cdf)
    assert band is not None
    shares, widths = band.of_shares()
    p = np.linspace(0.1, 0.9, 9)
    u = np.sort(fit.cdf(spectra), axis=1)
    gaps = np.array([np.searchsorted(row, p) / n - p for row in u])
    inside = np.abs(gaps) <= np.interp(p, shares, widths)
    assert 0.92 < inside.mean() < 0.975
    ranks = np.array([1, 30, 150, 270, 300])
    low, high = band.of_ranks(ranks)
    held = (u[:, ranks - 1] >= low) & (u[:, ranks - 1] <= high)
    assert (np.abs(held.mean(axis=0) - 0.95) < 0.05).all()


def test_files(plain: SpectrumFit, tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "c.pdf", "d.svg"):
        figure = plain.plot(tmp_path / name, dpi=30)
        assert isinstance(figure, Figure)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.png", "b.png", "c.pdf", "d.svg"]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"path": "a.xyz"}, InvalidInputError, "cannot draw to 'a.xyz'"),
        ({"path": "none/a.png"}, RunFileError, "there is no folder none"),
        ({"path": 3}, InvalidInputError, "a path must be"),
        ({"dpi": 5}, InvalidInputError, "dpi must be an integer from 10 to 2400, got 5"),
    ],
)
def test_bad_arguments(
    arguments: dict[str, Any],
    error: type[Exception],
    message: str,
    plain: SpectrumFit,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message):
        plain.plot(**arguments)
    assert not list(tmp_path.iterdir())


def test_missing_matplotlib(plain: SpectrumFit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.backend_bases", None)
    with pytest.raises(MissingExtraError, match=r"htmu\[plot\]"):
        plain.plot()


def test_no_global_state(tmp_path: Path) -> None:
    program = (
        "import sys, numpy, htmu\n"
        "values = numpy.random.default_rng(0).gamma(2.0, size=50)\n"
        "fit = htmu.fit_spectrum(values, n_simulations=0)\n"
        "assert 'matplotlib' not in sys.modules\n"
        "fit.plot('a.png', dpi=20)\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)
