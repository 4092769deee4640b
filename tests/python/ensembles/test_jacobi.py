"""JacobiEnsemble: exact laws, closed forms by independent routes, limits, bad input."""

from __future__ import annotations

import jacobi as reference
import mpmath  # type: ignore[import-untyped]
import numpy as np
import pytest
from scipy import integrate, linalg, special, stats

import htmu

FALSE_ALARM = 1e-4
EXPONENTS = [(0.0, 0.0), (-0.9, 4.0), (12.5, -0.3), (1e6, 0.5), (-1 + 1e-9, -1 + 1e-6)]


@pytest.mark.parametrize("n", [1, 2, 7, 40])
@pytest.mark.parametrize("beta", [0.0, 1e-6, 0.3, 2.0, 1e6])
@pytest.mark.parametrize(("a", "b"), EXPONENTS)
def test_closed_forms_are_derivatives_of_selbergs_integral(
    n: int, beta: float, a: float, b: float
) -> None:
    ensemble = htmu.JacobiEnsemble(n, beta=beta, a=a, b=b)
    with mpmath.workdps(50):
        s, determinant, complement = (
            [float(cumulant(n, beta, a, b, order)) for order in (1, 2)]
            for cumulant in (
                reference.log_vandermonde_cumulant,
                reference.log_determinant_cumulant,
                reference.log_complement_cumulant,
            )
        )
    # Terms of E S are of the size n^2 psi of the arguments, and may cancel. For a and b at -1 two
    # eigenvalues sit at 0 and 1, and Var S is far below its terms.
    scale = n * n * max(10.0, 1 / (a + 1 + beta), 1 / (b + 1 + beta))
    var_scale = n / (1 + beta / 2) ** 2
    assert ensemble.mean_log_vandermonde() == pytest.approx(s[0], rel=1e-14, abs=1e-15 * scale)
    assert ensemble.var_log_vandermonde() == pytest.approx(s[1], rel=1e-12, abs=1e-15 * var_scale)
    assert ensemble.mean_log_determinant() == pytest.approx(determinant[0], rel=1e-14)
    assert ensemble.var_log_determinant() == pytest.approx(determinant[1], rel=1e-14)
    assert ensemble.mean_log_complement() == pytest.approx(complement[0], rel=1e-14)
    assert ensemble.var_log_complement() == pytest.approx(complement[1], rel=1e-14)
    assert ensemble.mean_log() == ensemble.mean_log_determinant() / n
    assert ensemble.mean() == ensemble.mean_trace() / n


@pytest.mark.parametrize("beta", [1e-3, 1.7, 200.0])
def test_closed_forms_hold_for_a_thousand_eigenvalues(beta: float) -> None:
    n, a, b = 1000, 0.5, 20.0
    ensemble = htmu.JacobiEnsemble(n, beta=beta, a=a, b=b)
    with mpmath.workdps(50):
        mean, var = (float(reference.log_vandermonde_cumulant(n, beta, a, b, k)) for k in (1, 2))
    assert ensemble.mean_log_vandermonde() == pytest.approx(mean, rel=1e-14)
    assert ensemble.var_log_vandermonde() == pytest.approx(var, rel=1e-12)


@pytest.mark.parametrize(("n", "beta"), [(1, 2), (2, 2), (2, 6), (3, 2), (3, 4), (4, 2)])
@pytest.mark.parametrize(("a", "b"), [(0.0, 0.0), (-0.9, 4.0), (12.5, -0.3)])
def test_moments_of_the_trace_agree_with_expanded_densities(
    n: int, beta: int, a: float, b: float
) -> None:
    ensemble = htmu.JacobiEnsemble(n, beta=beta, a=a, b=b)
    with mpmath.workdps(50):
        mean, var = (float(x) for x in reference.trace_moments_even(n, beta, a, b))
    assert ensemble.mean_trace() == pytest.approx(mean, rel=1e-14)
    assert ensemble.var_trace() == pytest.approx(var, rel=1e-14)


def test_moments_of_the_trace_at_beta_zero_and_for_one_eigenvalue() -> None:
    one = stats.beta(1.7, 0.4)
    for n, beta in ((6, 0.0), (1, 3.0)):
        ensemble = htmu.JacobiEnsemble(n, beta=beta, a=0.7, b=-0.6)
        assert ensemble.mean_trace() == pytest.approx(n * one.mean(), rel=1e-14)
        assert ensemble.var_trace() == pytest.approx(n * one.var(), rel=1e-14)


def test_one_eigenvalue_has_no_pair() -> None:
    ensemble = htmu.JacobiEnsemble(1, beta=3.0, a=0.5, b=1.5)
    assert ensemble.mean_log_vandermonde() == 0.0
    assert ensemble.var_log_vandermonde() == 0.0
    assert (ensemble.log_vandermonde(5, seed=1) == 0.0).all()
    spectra = ensemble.eigenvalues(4000, seed=1)[:, 0]
    assert stats.kstest(spectra, stats.beta(1.5, 2.5).cdf).pvalue > FALSE_ALARM


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
@pytest.mark.parametrize(("a", "b"), [(0.0, 0.0), (-0.5, 1.5), (30.0, 0.5)])
def test_closed_forms_agree_with_samples(n: int, beta: float, a: float, b: float) -> None:
    ensemble = htmu.JacobiEnsemble(n, beta=beta, a=a, b=b)
    spectra = ensemble.eigenvalues(4000, seed=n)
    scores = [
        *z_scores(
            ensemble.log_vandermonde(4000, seed=n),
            ensemble.mean_log_vandermonde(),
            ensemble.var_log_vandermonde(),
        ),
        *z_scores(spectra.sum(axis=1), ensemble.mean_trace(), ensemble.var_trace()),
        *z_scores(
            np.log(spectra).sum(axis=1),
            ensemble.mean_log_determinant(),
            ensemble.var_log_determinant(),
        ),
        *z_scores(
            np.log1p(-spectra).sum(axis=1),
            ensemble.mean_log_complement(),
            ensemble.var_log_complement(),
        ),
    ]
    # Eight scores a case: FALSE_ALARM for all of them together.
    assert max(map(abs, scores)) < stats.norm.isf(FALSE_ALARM / len(scores) / 2)


def test_two_eigenvalues_follow_their_exact_joint_law() -> None:
    # n = 2, b = 0: with l_1 = u l_2 the density is u^a (1 - u)^beta l_2^(2a + 1 + beta).
    a, beta = 0.7, 1.6
    spectra = htmu.JacobiEnsemble(2, beta=beta, a=a, b=0.0).eigenvalues(20_000, seed=4)
    ratio = spectra[:, 0] / spectra[:, 1]
    assert stats.kstest(ratio, stats.beta(a + 1, beta + 1).cdf).pvalue > FALSE_ALARM
    largest = stats.beta(2 * a + 2 + beta, 1)
    assert stats.kstest(spectra[:, 1], largest.cdf).pvalue > FALSE_ALARM
    assert stats.pearsonr(ratio, spectra[:, 1]).pvalue > FALSE_ALARM
    # For other b the largest has the density t^(2a + 1 + beta) (1 - t)^b times
    # 2F1(-b, a + 1; a + beta + 2; t), the integral over u of u^a (1 - u)^beta (1 - t u)^b.
    b = 1.3
    spectra = htmu.JacobiEnsemble(2, beta=beta, a=a, b=b).eigenvalues(20_000, seed=5)
    grid = np.linspace(0, 1, 4001)
    inner = special.hyp2f1(-b, a + 1, a + beta + 2, grid)
    density = grid ** (2 * a + 1 + beta) * (1 - grid) ** b * inner
    cumulative = integrate.cumulative_simpson(density, x=grid, initial=0.0)
    # At its own CDF's values the largest is uniform.
    uniform = np.interp(spectra[:, 1], grid, cumulative / cumulative[-1])
    assert stats.kstest(uniform, "uniform").pvalue > FALSE_ALARM


@pytest.mark.parametrize("beta", [1, 2])
def test_spectra_are_those_of_dense_wishart_pairs(beta: int) -> None:
    # W_1 (W_1 + W_2)^(-1) for Wishart matrices of m_1 and m_2 degrees of freedom (MANOVA).
    n, m_1, m_2, size = 4, 6, 9, 3000
    rng = np.random.default_rng(5)

    def wishart(m: int) -> np.ndarray:
        x = rng.standard_normal((n, m)) + (beta == 2) * 1j * rng.standard_normal((n, m))
        return x @ x.conj().T

    dense = np.empty((size, n))
    for k in range(size):
        one, other = wishart(m_1), wishart(m_2)
        dense[k] = linalg.eigvalsh(one, one + other)
    a, b = (beta * (m - n + 1) / 2 - 1 for m in (m_1, m_2))
    model = htmu.JacobiEnsemble(n, beta=beta, a=a, b=b).eigenvalues(size, seed=6)
    for column in range(n):
        assert stats.ks_2samp(dense[:, column], model[:, column]).pvalue > FALSE_ALARM


def test_beta_zero_is_the_independent_limit() -> None:
    law = stats.beta(2.5, 0.6)
    spectra = htmu.JacobiEnsemble(50, beta=0.0, a=1.5, b=-0.4).eigenvalues(400, seed=7)
    assert stats.kstest(spectra.ravel(), law.cdf).pvalue > FALSE_ALARM
    # beta n far below 1: the subdiagonal underflows, and the law is the same.
    spectra = htmu.JacobiEnsemble(50, beta=1e-9, a=1.5, b=-0.4).eigenvalues(400, seed=8)
    assert stats.kstest(spectra.ravel(), law.cdf).pvalue > FALSE_ALARM
    limit = htmu.JacobiEnsemble(50, beta=0.0, a=1.5, b=-0.4).mean_log_vandermonde()
    near = htmu.JacobiEnsemble(50, beta=1e-9, a=1.5, b=-0.4).mean_log_vandermonde()
    assert near == pytest.approx(limit, abs=1e-4)
    # Two uniforms: E log|x - y| = -3/2.
    uniform = htmu.JacobiEnsemble(50, beta=0.0).mean_log_vandermonde()
    assert uniform == pytest.approx(-1.5 * 50 * 49 / 2, rel=1e-14)


def test_large_beta_freezes_on_legendre_zeros() -> None:
    # beta -> inf with a = b = beta/2: electrostatics (Stieltjes) gives the zeros of P_n(2l - 1).
    beta, n = 1e5, 12
    spectra = htmu.JacobiEnsemble(n, beta=beta, a=beta / 2, b=beta / 2).eigenvalues(50, seed=8)
    zeros = (np.polynomial.legendre.leggauss(n)[0] + 1) / 2
    np.testing.assert_allclose(spectra.mean(axis=0), zeros, rtol=0.01)


def test_reflection_exchanges_the_exponents() -> None:
    one = htmu.JacobiEnsemble(6, beta=0.8, a=-0.4, b=2.0)
    other = htmu.JacobiEnsemble(6, beta=0.8, a=2.0, b=-0.4)
    assert one.mean_log_vandermonde() == pytest.approx(other.mean_log_vandermonde(), rel=1e-14)
    assert one.var_log_vandermonde() == pytest.approx(other.var_log_vandermonde(), rel=1e-14)
    assert one.mean_log_determinant() == other.mean_log_complement()
    assert one.var_log_determinant() == other.var_log_complement()
    assert one.mean_trace() == pytest.approx(6 - other.mean_trace(), rel=1e-14)
    assert one.var_trace() == pytest.approx(other.var_trace(), rel=1e-14)
    spectra = one.eigenvalues(4000, seed=9)
    reflected = 1 - other.eigenvalues(4000, seed=10)[:, ::-1]
    for column in range(6):
        assert stats.ks_2samp(spectra[:, column], reflected[:, column]).pvalue > FALSE_ALARM


def test_jacobi_tends_to_laguerre() -> None:
    # (1 - x/b)^b -> e^-x: b l is a Laguerre ensemble of the same exponent a for large b.
    n, beta, a, b, size = 6, 1.3, 0.4, 1e10, 4000
    jacobi = htmu.JacobiEnsemble(n, beta=beta, a=a, b=b)
    laguerre = htmu.LaguerreEnsemble(n, beta=beta, a=a)
    pairs = n * (n - 1) / 2
    for mine, limit in (
        (jacobi.mean_log_vandermonde() + pairs * np.log(b), laguerre.mean_log_vandermonde()),
        (jacobi.var_log_vandermonde(), laguerre.var_log_vandermonde()),
        (jacobi.mean_log_determinant() + n * np.log(b), laguerre.mean_log_determinant()),
        (jacobi.var_log_determinant(), laguerre.var_log_determinant()),
        (jacobi.mean_trace() * b, laguerre.mean_trace()),
        (jacobi.var_trace() * b**2, laguerre.var_trace()),
        (-jacobi.mean_log_complement() * b, laguerre.mean_trace()),
    ):
        assert mine == pytest.approx(limit, rel=1e-7)
    scaled = b * jacobi.eigenvalues(size, seed=9)
    spectra = laguerre.eigenvalues(size, seed=10)
    for column in (0, 2, 5):
        assert stats.ks_2samp(scaled[:, column], spectra[:, column]).pvalue > FALSE_ALARM


def test_high_temperature_keeps_tiny_eigenvalues() -> None:
    # a near -1 spreads eigenvalues over hundreds of orders of magnitude: log-determinants stay
    # exact, because the singular values of B do.
    ensemble = htmu.JacobiEnsemble(8, beta=1e-7, a=-0.99, b=1.0)
    spectra = ensemble.eigenvalues(2000, seed=9)
    assert (spectra >= 0).all()
    assert (spectra <= 1).all()
    kept = (spectra > 1e-300).all(axis=1)
    d, _ = ensemble.sample_bidiagonal(2000, seed=9)
    assert kept.sum() > 100
    np.testing.assert_allclose(
        np.log(spectra[kept]).sum(axis=1), 2 * np.log(d[kept]).sum(axis=1), rtol=1e-12
    )
    # Nothing underflows in the largest of 8 independent Beta(0.01, 2) variates.
    largest = stats.kstest(spectra[:, -1], lambda x: stats.beta(0.01, 2).cdf(x) ** 8)
    assert largest.pvalue > FALSE_ALARM


def test_exponents_near_minus_one_stay_inside_the_interval() -> None:
    for a, b in ((-1 + 1e-12, -1 + 1e-12), (-1 + 1e-12, 0.0), (0.0, -1 + 1e-12)):
        spectra = htmu.JacobiEnsemble(20, beta=1e-8, a=a, b=b).eigenvalues(200, seed=3)
        assert np.isfinite(spectra).all()
        assert (spectra >= 0).all()
        assert (spectra <= 1).all()
        # The mass splits between the ends as Beta's mean says.
        mean = htmu.JacobiEnsemble(20, beta=1e-8, a=a, b=b).mean()
        assert abs(spectra.mean() - mean) < 5 * 0.5 / np.sqrt(spectra.size)


def test_tridiagonal_bidiagonal_spectra_and_s_are_of_the_same_matrices() -> None:
    ensemble = htmu.JacobiEnsemble(15, beta=0.8, a=0.5, b=3.0)
    d, e = ensemble.sample_bidiagonal(30, seed=10)
    assert d.shape == (30, 15)
    assert e.shape == (30, 14)
    td, te = ensemble.sample_tridiagonal(30, seed=10)
    spectra = ensemble.eigenvalues(30, seed=10)
    np.testing.assert_allclose(htmu.eigvalsh_tridiagonal(td, te), spectra, atol=1e-14)
    np.testing.assert_allclose(htmu.singvals_bidiagonal(d, e)[:, ::-1] ** 2, spectra, rtol=1e-13)
    np.testing.assert_array_equal(
        htmu.log_vandermonde(spectra), ensemble.log_vandermonde(30, seed=10)
    )


def test_results_depend_on_the_seed_only() -> None:
    ensemble = htmu.JacobiEnsemble(20, beta=0.1, a=0.0, b=-0.5)
    whole = ensemble.eigenvalues(64, seed=11, n_threads=1)
    assert (ensemble.eigenvalues(64, seed=11, n_threads=5) == whole).all()
    assert (ensemble.eigenvalues(10, seed=11) == whole[:10]).all()
    assert not (ensemble.eigenvalues(64, seed=12) == whole).any()


def test_size_100_000_is_within_reach() -> None:
    ensemble = htmu.JacobiEnsemble(100_000, beta=1e-5, a=1.0, b=2.0)
    d, e = ensemble.sample_bidiagonal(1, seed=1)
    error = np.sqrt(ensemble.var_trace())
    assert abs((d**2).sum() + (e**2).sum() - ensemble.mean_trace()) < 5 * error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, "n must be an integer from 1"),
        ({"n": 10**9}, "n must be an integer from 1"),
        ({"n": 3, "beta": -0.1}, "beta must be"),
        ({"n": 3, "beta": np.nan}, "beta must be"),
        ({"n": 3, "a": -1.0}, "a must be finite and greater than -1"),
        ({"n": 3, "b": -1.0}, "b must be finite and greater than -1"),
        ({"n": 3, "b": np.inf}, "b must be"),
    ],
)
def test_bad_parameters_are_refused(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(htmu.errors.InvalidInputError, match=message):
        htmu.JacobiEnsemble(**arguments)  # type: ignore[arg-type]


def test_sizes_beyond_the_memory_are_refused() -> None:
    ensemble = htmu.JacobiEnsemble(10**6)
    with pytest.raises(htmu.errors.InvalidInputError, match="GiB"):
        ensemble.sample_bidiagonal(10**6)
    with pytest.raises(htmu.errors.InvalidInputError, match="size"):
        ensemble.eigenvalues(-1)
