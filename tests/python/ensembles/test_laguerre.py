"""LaguerreEnsemble: exact laws, closed forms by independent routes, limits, bad input."""

from __future__ import annotations

import mpmath  # type: ignore[import-untyped]
import numpy as np
import pytest
from scipy import integrate, stats

import htmu

FALSE_ALARM = 1e-4


def selberg_log_norm(n: int, beta: mpmath.mpf, a: mpmath.mpf, rate: mpmath.mpf) -> mpmath.mpf:
    """Logarithm of Selberg's integral for the Laguerre weight (Forrester and Warnaar, 2008)."""
    half = beta / 2
    total = mpmath.mpf(0)
    for j in range(n):
        total += (
            mpmath.loggamma(1 + (j + 1) * half)
            + mpmath.loggamma(a + 1 + j * half)
            - mpmath.loggamma(1 + half)
        )
    return total - (n * (a + 1) + half * n * (n - 1)) * mpmath.log(rate)


@pytest.mark.parametrize("n", [1, 2, 7, 40])
@pytest.mark.parametrize("beta", [1e-6, 0.3, 1.0, 2.0, 1e4])
@pytest.mark.parametrize(("a", "rate"), [(0.0, 1.0), (-0.9, 0.2), (12.5, 30.0)])
def test_closed_forms_are_derivatives_of_selbergs_integral(
    n: int, beta: float, a: float, rate: float
) -> None:
    ensemble = htmu.LaguerreEnsemble(n, beta=beta, a=a, rate=rate)
    with mpmath.workdps(40):
        b, e, r = mpmath.mpf(beta), mpmath.mpf(a), mpmath.mpf(rate)
        in_beta = [mpmath.diff(lambda t: selberg_log_norm(n, t, e, r), b, k) for k in (1, 2)]
        in_a = [mpmath.diff(lambda t: selberg_log_norm(n, b, t, r), e, k) for k in (1, 2)]
        in_rate = [mpmath.diff(lambda t: selberg_log_norm(n, b, e, t), r, k) for k in (1, 2)]
    scale = max(1.0, n * n)
    assert ensemble.mean_log_vandermonde() == pytest.approx(
        float(in_beta[0]), rel=1e-12, abs=1e-13 * scale * max(1, abs(np.log(rate)))
    )
    assert ensemble.var_log_vandermonde() == pytest.approx(
        float(in_beta[1]), rel=1e-11, abs=1e-13 * scale
    )
    assert ensemble.mean_log_determinant() == pytest.approx(
        float(in_a[0]), rel=1e-12, abs=1e-12 * n
    )
    assert ensemble.var_log_determinant() == pytest.approx(float(in_a[1]), rel=1e-12)
    assert ensemble.mean_trace() == pytest.approx(float(-in_rate[0]), rel=1e-13)
    assert ensemble.var_trace() == pytest.approx(float(in_rate[1]), rel=1e-13)
    assert ensemble.mean() == ensemble.mean_trace() / n
    assert ensemble.mean_log() == ensemble.mean_log_determinant() / n


def test_power_sums_against_dense_wishart_formulas() -> None:
    # Real Wishart W = X X^T, X n x p standard normal: E tr W^2 = n p (n + p + 1) and
    # E tr W^3 = n p (n^2 + p^2 + 3 n p + 3 n + 3 p + 4) (Letac and Massam, 2004); here l = W/2.
    n, p = 6, 11
    sums = htmu.LaguerreEnsemble(n, beta=1.0, a=(p - n + 1) / 2 - 1, rate=0.5).mean_power_sums()
    np.testing.assert_allclose(
        sums,
        [n * p, n * p * (n + p + 1), n * p * (n**2 + p**2 + 3 * n * p + 3 * n + 3 * p + 4)],
        rtol=1e-13,
    )


def test_two_eigenvalues_follow_their_exact_joint_law() -> None:
    # n = 2: the ratio u = l_1/(l_1 + l_2) has density ~ (u (1 - u))^a (1 - 2u)^beta on (0, 1/2).
    a, beta = 0.7, 1.6
    spectra = htmu.LaguerreEnsemble(2, beta=beta, a=a).eigenvalues(20_000, seed=4)
    grid = np.linspace(0, 0.5, 2001)
    weight = (grid * (1 - grid)) ** a * (1 - 2 * grid) ** beta
    cumulative = integrate.cumulative_simpson(weight, x=grid, initial=0.0)
    # At its own CDF's values the ratio is uniform.
    ratio = spectra[:, 0] / spectra.sum(axis=1)
    uniform = np.interp(ratio, grid, cumulative / cumulative[-1])
    assert stats.kstest(uniform, "uniform").pvalue > FALSE_ALARM
    trace = stats.gamma(2 * (a + 1) + beta)
    assert stats.kstest(spectra.sum(axis=1), trace.cdf).pvalue > FALSE_ALARM


def test_real_wishart_spectra_are_those_of_dense_gaussian_matrices() -> None:
    n, p, size = 5, 8, 4000
    rng = np.random.default_rng(5)
    x = rng.standard_normal((size, n, p))
    dense = np.linalg.eigvalsh(x @ x.transpose(0, 2, 1))
    model = htmu.LaguerreEnsemble(n, beta=1.0, a=(p - n + 1) / 2 - 1, rate=0.5).eigenvalues(
        size, seed=6
    )
    for column in (0, 2, 4):
        assert stats.ks_2samp(dense[:, column], model[:, column]).pvalue > FALSE_ALARM


def test_beta_zero_is_the_independent_limit() -> None:
    spectra = htmu.LaguerreEnsemble(50, beta=0.0, a=1.5, rate=2.0).eigenvalues(400, seed=7)
    assert stats.kstest(spectra.ravel(), stats.gamma(2.5, scale=0.5).cdf).pvalue > FALSE_ALARM
    limit = htmu.LaguerreEnsemble(50, beta=0.0, a=1.5).mean_log_vandermonde()
    near = htmu.LaguerreEnsemble(50, beta=1e-9, a=1.5).mean_log_vandermonde()
    assert near == pytest.approx(limit, abs=1e-4)
    # Independent exponentials: E log|x - y| = log-mean of an exponential = -Euler's constant.
    pairs = 50 * 49 / 2
    assert htmu.LaguerreEnsemble(50, beta=0.0, a=0.0).mean_log_vandermonde() == pytest.approx(
        -np.euler_gamma * pairs, rel=1e-12
    )


def test_large_beta_freezes_on_laguerre_zeros() -> None:
    # beta -> inf with a = beta/2 - 1: 2 l/beta tends to the zeros of L_n^{(0)}.
    beta, n = 1e4, 12
    spectra = htmu.LaguerreEnsemble(n, beta=beta, a=beta / 2 - 1).eigenvalues(50, seed=8)
    zeros = np.polynomial.laguerre.laggauss(n)[0]
    np.testing.assert_allclose((2 * spectra / beta).mean(axis=0), zeros, rtol=0.02)


def test_high_temperature_keeps_tiny_eigenvalues() -> None:
    # a near -1 spreads eigenvalues over hundreds of orders of magnitude: log-determinants stay
    # exact, because the singular values of B do.
    ensemble = htmu.LaguerreEnsemble(8, beta=1e-7, a=-0.99)
    spectra = ensemble.eigenvalues(2000, seed=9)
    positive = spectra[(spectra > 1e-300).all(axis=1)]
    d, _ = ensemble.sample_bidiagonal(2000, seed=9)
    exact = 2 * np.log(d[(spectra > 1e-300).all(axis=1)]).sum(axis=1)
    assert len(positive) > 100
    np.testing.assert_allclose(np.log(positive).sum(axis=1), exact, rtol=1e-12)


def test_tridiagonal_bidiagonal_spectra_and_s_are_of_the_same_matrices() -> None:
    ensemble = htmu.LaguerreEnsemble(15, beta=0.8, a=0.5, rate=3.0)
    d, e = ensemble.sample_bidiagonal(30, seed=10)
    td, te = ensemble.sample_tridiagonal(30, seed=10)
    spectra = ensemble.eigenvalues(30, seed=10)
    np.testing.assert_allclose(htmu.eigvalsh_tridiagonal(td, te), spectra, atol=1e-12)
    np.testing.assert_allclose(htmu.singvals_bidiagonal(d, e)[:, ::-1] ** 2, spectra, rtol=1e-13)
    np.testing.assert_array_equal(
        htmu.log_vandermonde(spectra), ensemble.log_vandermonde(30, seed=10)
    )


def test_results_depend_on_the_seed_only() -> None:
    ensemble = htmu.LaguerreEnsemble(20, beta=0.1, a=0.0)
    whole = ensemble.eigenvalues(64, seed=11, n_threads=1)
    assert (ensemble.eigenvalues(64, seed=11, n_threads=5) == whole).all()
    assert (ensemble.eigenvalues(10, seed=11) == whole[:10]).all()
    assert not (ensemble.eigenvalues(64, seed=12) == whole).any()


def test_size_100_000_is_within_reach() -> None:
    ensemble = htmu.LaguerreEnsemble(100_000, beta=1e-5, a=1.0)
    d, e = ensemble.sample_bidiagonal(1, seed=1)
    assert d.shape == (1, 100_000)
    assert e.shape == (1, 99_999)
    error = np.sqrt(ensemble.var_trace())
    assert abs((d**2).sum() + (e**2).sum() - ensemble.mean_trace()) < 5 * error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, "n must be an integer from 1"),
        ({"n": 10**9}, "n must be an integer from 1"),
        ({"n": "3"}, "n must be an integer"),
        ({"n": 3, "beta": -0.1}, "beta must be"),
        ({"n": 3, "beta": np.nan}, "beta must be"),
        ({"n": 3, "beta": "x"}, "beta must be a number"),
        ({"n": 3, "a": -1.0}, "a must be finite and greater than -1"),
        ({"n": 3, "rate": 0.0}, "rate must be"),
        ({"n": 3, "rate": np.inf}, "rate must be"),
    ],
)
def test_bad_parameters_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(htmu.errors.InvalidInputError, match=message):
        htmu.LaguerreEnsemble(**arguments)  # type: ignore[arg-type]


def test_sizes_beyond_the_memory_are_refused() -> None:
    ensemble = htmu.LaguerreEnsemble(10**6)
    with pytest.raises(htmu.errors.InvalidInputError, match="GiB"):
        ensemble.eigenvalues(10**6)
    with pytest.raises(htmu.errors.InvalidInputError, match="size"):
        ensemble.eigenvalues(-1)
