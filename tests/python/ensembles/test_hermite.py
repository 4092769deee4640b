"""HermiteEnsemble: exact laws, closed forms by independent routes, limits, bad input."""

from __future__ import annotations

import hermite as reference
import mpmath  # type: ignore[import-untyped]
import numpy as np
import pytest
from scipy import stats

import htmu

FALSE_ALARM = 1e-4


@pytest.mark.parametrize("n", [1, 2, 7, 40])
@pytest.mark.parametrize("beta", [0.0, 1e-6, 0.3, 2.0, 1e4])
@pytest.mark.parametrize("rate", [1.0, 0.2, 30.0])
def test_closed_forms_are_derivatives_of_mehtas_integral(n: int, beta: float, rate: float) -> None:
    ensemble = htmu.HermiteEnsemble(n, beta=beta, rate=rate)
    with mpmath.workdps(50):
        s = [float(reference.log_vandermonde_cumulant(n, beta, rate, k)) for k in (1, 2)]
        squares = [float(reference.sum_squares_cumulant(n, beta, rate, k)) for k in (1, 2)]
    # The terms are of the size n^2 log, and may cancel to any mean.
    scale = n * n * max(1.0, abs(np.log(rate)))
    assert ensemble.mean_log_vandermonde() == pytest.approx(s[0], rel=1e-14, abs=1e-14 * scale)
    assert ensemble.var_log_vandermonde() == pytest.approx(s[1], rel=1e-13, abs=1e-40)
    assert ensemble.mean_sum_squares() == pytest.approx(squares[0], rel=1e-14)
    assert ensemble.var_sum_squares() == pytest.approx(squares[1], rel=1e-14)
    assert ensemble.mean_trace() == 0.0
    assert ensemble.mean() == 0.0
    assert ensemble.var_trace() == pytest.approx(n / rate, rel=1e-15)


def test_closed_forms_hold_for_a_thousand_eigenvalues() -> None:
    n, beta = 1000, 1.7
    ensemble = htmu.HermiteEnsemble(n, beta=beta)
    with mpmath.workdps(50):
        mean, var = (float(reference.log_vandermonde_cumulant(n, beta, 1, k)) for k in (1, 2))
    assert ensemble.mean_log_vandermonde() == pytest.approx(mean, rel=1e-14)
    assert ensemble.var_log_vandermonde() == pytest.approx(var, rel=1e-14)


def test_one_eigenvalue_has_no_pair() -> None:
    ensemble = htmu.HermiteEnsemble(1, beta=3.0, rate=0.5)
    assert ensemble.mean_log_vandermonde() == 0.0
    assert ensemble.var_log_vandermonde() == 0.0
    assert (ensemble.log_vandermonde(5, seed=1) == 0.0).all()


def z_scores(draws: np.ndarray, mean: float, variance: float) -> list[float]:
    """Standard scores of the sample mean and of the sample variance about the exact mean."""
    squares = (draws - mean) ** 2
    count = np.sqrt(len(draws))
    return [
        float((x.mean() - exact) / (x.std() / count))
        for x, exact in ((draws, mean), (squares, variance))
    ]


@pytest.mark.parametrize("beta", [0.0, 1e-7, 0.05, 1.0, 4.0, 100.0])
@pytest.mark.parametrize("n", [2, 9, 60])
def test_closed_forms_agree_with_samples(n: int, beta: float) -> None:
    ensemble = htmu.HermiteEnsemble(n, beta=beta, rate=2.5)
    spectra = ensemble.eigenvalues(4000, seed=n)
    scores = [
        *z_scores(
            ensemble.log_vandermonde(4000, seed=n),
            ensemble.mean_log_vandermonde(),
            ensemble.var_log_vandermonde(),
        ),
        *z_scores(spectra.sum(axis=1), ensemble.mean_trace(), ensemble.var_trace()),
        *z_scores(
            (spectra**2).sum(axis=1), ensemble.mean_sum_squares(), ensemble.var_sum_squares()
        ),
    ]
    # Six scores a case: FALSE_ALARM for all of them together.
    assert max(map(abs, scores)) < stats.norm.isf(FALSE_ALARM / len(scores) / 2)


def test_two_eigenvalues_follow_their_exact_joint_law() -> None:
    # n = 2: sum and difference are independent, and rate/4 difference^2 ~ Gamma((beta + 1)/2).
    beta, rate = 1.6, 0.7
    spectra = htmu.HermiteEnsemble(2, beta=beta, rate=rate).eigenvalues(20_000, seed=4)
    difference = spectra[:, 1] - spectra[:, 0]
    scaled = rate / 4 * difference**2
    assert stats.kstest(scaled, stats.gamma((beta + 1) / 2).cdf).pvalue > FALSE_ALARM
    total = stats.norm(scale=np.sqrt(2 / rate))
    assert stats.kstest(spectra.sum(axis=1), total.cdf).pvalue > FALSE_ALARM
    assert stats.pearsonr(spectra.sum(axis=1) ** 2, scaled).pvalue > FALSE_ALARM


@pytest.mark.parametrize("beta", [1, 2])
def test_spectra_are_those_of_dense_gaussian_matrices(beta: int) -> None:
    # GOE and GUE with N(0, 1) diagonal: density exp(-tr H^2 / 2).
    n, size = 5, 4000
    rng = np.random.default_rng(5)
    g = rng.standard_normal((size, n, n)) + (beta == 2) * 1j * rng.standard_normal((size, n, n))
    dense = np.linalg.eigvalsh((g + g.conj().transpose(0, 2, 1)) / 2)
    model = htmu.HermiteEnsemble(n, beta=beta).eigenvalues(size, seed=6)
    for column in (0, 2, 4):
        assert stats.ks_2samp(dense[:, column], model[:, column]).pvalue > FALSE_ALARM


def test_beta_zero_is_the_independent_limit() -> None:
    spectra = htmu.HermiteEnsemble(50, beta=0.0, rate=2.0).eigenvalues(400, seed=7)
    assert stats.kstest(spectra.ravel(), stats.norm(scale=0.5**0.5).cdf).pvalue > FALSE_ALARM
    # beta n far below 1: the off-diagonal entries underflow, and the law is the same.
    spectra = htmu.HermiteEnsemble(50, beta=1e-9, rate=2.0).eigenvalues(400, seed=8)
    assert stats.kstest(spectra.ravel(), stats.norm(scale=0.5**0.5).cdf).pvalue > FALSE_ALARM
    limit = htmu.HermiteEnsemble(50, beta=0.0).mean_log_vandermonde()
    near = htmu.HermiteEnsemble(50, beta=1e-9).mean_log_vandermonde()
    assert near == pytest.approx(limit, abs=1e-4)
    # x - y ~ N(0, 2), whose E log|.| is -Euler's constant / 2.
    assert limit == pytest.approx(-np.euler_gamma / 2 * 50 * 49 / 2, rel=1e-14)


def test_large_beta_freezes_on_hermite_zeros() -> None:
    # Equilibrium: rate l_i = beta sum_j 1/(l_i - l_j); Hermite zeros solve x_i = sum_j.
    beta, rate, n = 1e4, 3.0, 12
    spectra = htmu.HermiteEnsemble(n, beta=beta, rate=rate).eigenvalues(50, seed=8)
    zeros = np.polynomial.hermite.hermgauss(n)[0]
    np.testing.assert_allclose(spectra.mean(axis=0) * np.sqrt(rate / beta), zeros, atol=0.02)


def test_laguerre_tends_to_hermite() -> None:
    # l^a e^{-l} has its maximum at a, of curvature 1/a: (l - a)/sqrt(a) is Gaussian for large a.
    n, beta, a, size = 6, 1.3, 1e10, 4000
    laguerre = htmu.LaguerreEnsemble(n, beta=beta, a=a)
    hermite = htmu.HermiteEnsemble(n, beta=beta)
    pairs = n * (n - 1) / 2
    assert laguerre.mean_log_vandermonde() - pairs / 2 * np.log(a) == pytest.approx(
        hermite.mean_log_vandermonde(), abs=1e-8
    )
    assert laguerre.var_log_vandermonde() == pytest.approx(hermite.var_log_vandermonde(), rel=1e-8)
    centred = (laguerre.eigenvalues(size, seed=9) - a) / np.sqrt(a)
    spectra = hermite.eigenvalues(size, seed=10)
    for column in (0, 2, 5):
        assert stats.ks_2samp(centred[:, column], spectra[:, column]).pvalue > FALSE_ALARM


def test_tridiagonal_spectra_and_s_are_of_the_same_matrices() -> None:
    ensemble = htmu.HermiteEnsemble(15, beta=0.8, rate=3.0)
    d, e = ensemble.sample_tridiagonal(30, seed=10)
    assert d.shape == (30, 15)
    assert e.shape == (30, 14)
    spectra = ensemble.eigenvalues(30, seed=10)
    np.testing.assert_allclose(htmu.eigvalsh_tridiagonal(d, e), spectra, atol=1e-13)
    np.testing.assert_array_equal(
        htmu.log_vandermonde(spectra), ensemble.log_vandermonde(30, seed=10)
    )


def test_results_depend_on_the_seed_only() -> None:
    ensemble = htmu.HermiteEnsemble(20, beta=0.1)
    whole = ensemble.eigenvalues(64, seed=11, n_threads=1)
    assert (ensemble.eigenvalues(64, seed=11, n_threads=5) == whole).all()
    assert (ensemble.eigenvalues(10, seed=11) == whole[:10]).all()
    assert not (ensemble.eigenvalues(64, seed=12) == whole).any()


def test_size_100_000_is_within_reach() -> None:
    ensemble = htmu.HermiteEnsemble(100_000, beta=1e-5)
    d, e = ensemble.sample_tridiagonal(1, seed=1)
    squares = (d**2).sum() + 2 * (e**2).sum()
    assert abs(squares - ensemble.mean_sum_squares()) < 5 * ensemble.var_sum_squares() ** 0.5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, "n must be an integer from 1"),
        ({"n": 10**9}, "n must be an integer from 1"),
        ({"n": 3, "beta": -0.1}, "beta must be"),
        ({"n": 3, "beta": np.nan}, "beta must be"),
        ({"n": 3, "rate": 0.0}, "rate must be"),
        ({"n": 3, "rate": np.inf}, "rate must be"),
    ],
)
def test_bad_parameters_are_refused(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(htmu.errors.InvalidInputError, match=message):
        htmu.HermiteEnsemble(**arguments)  # type: ignore[arg-type]


def test_sizes_beyond_the_memory_are_refused() -> None:
    ensemble = htmu.HermiteEnsemble(10**6)
    with pytest.raises(htmu.errors.InvalidInputError, match="GiB"):
        ensemble.sample_tridiagonal(10**6)
    with pytest.raises(htmu.errors.InvalidInputError, match="size"):
        ensemble.eigenvalues(-1)
