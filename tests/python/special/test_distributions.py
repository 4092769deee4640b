"""The laws keep SciPy's protocol: shapes broadcast, frozen laws, limits of x, moments, draws."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pytest
import scipy.stats

import htmu

LAWS = [
    (5.5, 0.3255),
    (0.5, 0.5),
    (0.02, 0.9),
    (20.0, 0.37),
    (3.0, 1.0),  # delta = 0
    (4.0, 0.5),  # delta = 2
    (300.0, 0.2),
    (math.inf, 0.3),
    (math.inf, 1.0),
]
WITH_ATOM = [(2.0, 2.5), (math.inf, 4.0), (9.0, 1.0 + 1e-9)]


def nodes(law: Any, least: float = 1e-17) -> tuple[np.ndarray, np.ndarray]:
    """Panels of Gauss's rule in log x between far quantiles: an integral without the law's own."""
    x0, x1 = max(law.ppf(least), 1e-280), law.isf(1e-25)
    middle, weights = np.polynomial.legendre.leggauss(20)
    ends = np.linspace(math.log(x0), math.log(x1), 3001)
    half = 0.5 * np.diff(ends)[:, None]
    s = 0.5 * (ends[1:] + ends[:-1])[:, None] + half * middle
    return np.exp(s).ravel(), (half * weights * np.exp(s)).ravel()


@pytest.mark.parametrize(("kappa", "gamma"), LAWS)
def test_density_distribution_and_survival_function_agree(kappa: float, gamma: float) -> None:
    law = htmu.htmp(kappa, gamma)
    x = law.ppf(np.linspace(0.001, 0.999, 41))
    positive = x > 0  # for small delta much mass lies below every double
    assert positive.sum() > 35
    np.testing.assert_allclose(law.cdf(x)[positive], np.linspace(0.001, 0.999, 41)[positive], 1e-12)
    x = x[positive]
    np.testing.assert_allclose(law.cdf(x) + law.sf(x), 1.0, rtol=2e-15)
    np.testing.assert_allclose(np.exp(law.logpdf(x)), law.pdf(x), rtol=1e-13)
    np.testing.assert_allclose(np.exp(law.logcdf(x)), law.cdf(x), rtol=1e-13)
    np.testing.assert_allclose(np.exp(law.logsf(x)), law.sf(x), rtol=1e-13)
    np.testing.assert_allclose(law.sf(law.isf(law.sf(x))), law.sf(x), rtol=2e-13)
    assert law.median() == law.ppf(0.5)
    assert law.interval(0.9) == pytest.approx((law.ppf(0.05), law.ppf(0.95)), rel=1e-12)


@pytest.mark.parametrize(("kappa", "gamma"), [*LAWS, *WITH_ATOM])
def test_moments_are_those_of_the_density(kappa: float, gamma: float) -> None:
    law = htmu.htmp(kappa, gamma)
    if gamma > 1:  # ppf(1e-17) is 0: integrate the dual law, whose mass is 1/gamma
        x, w = nodes(htmu.htmp(kappa / gamma, 1 / gamma))
        x, w = gamma * x, gamma * w
    else:
        x, w = nodes(law)
    w = w * law.pdf(x)
    # Marchenko-Pastur's square roots at the edges slow the rule down.
    tolerance = 1e-6 if math.isinf(kappa) or gamma == 1 else 3e-11
    if kappa * abs(1 / gamma - 1) > 0.1:  # else mass lies below every double
        assert w.sum() == pytest.approx(min(1.0, 1 / gamma), rel=tolerance)
    mean, variance, skewness, excess = law.stats("mvsk")
    assert mean == 1.0
    assert variance == pytest.approx(gamma * (1 + 2 / kappa), rel=1e-14)
    powers = [float(w @ x**k) for k in range(5)]
    for k in (1, 2, 3, 4):
        assert law.moment(k) == pytest.approx(powers[k], rel=tolerance)
    m = [1.0, *(law.moment(k) for k in (1, 2, 3, 4))]
    third = m[3] - 3 * m[2] + 2
    fourth = m[4] - 4 * m[3] + 6 * m[2] - 3
    assert skewness == pytest.approx(third / variance**1.5, rel=1e-9)
    assert excess == pytest.approx(fourth / variance**2 - 3, rel=1e-8, abs=1e-8)
    assert law.std() == pytest.approx(math.sqrt(variance))


@pytest.mark.parametrize(("kappa", "gamma"), [(5.5, 0.3255), (2.0, 0.1), (math.inf, 0.3)])
def test_moments_of_the_inverse_law(kappa: float, gamma: float) -> None:
    law, direct = htmu.inverse_htmp(kappa, gamma), htmu.htmp(kappa, gamma)
    x, w = nodes(direct, 1e-40)
    w = w * direct.pdf(x)
    tolerance = 1e-6 if math.isinf(kappa) else 1e-9
    for k in (1, 2, 3):
        assert law.moment(k) == pytest.approx(float(w @ x ** (-k)), rel=tolerance)
    assert law.mean() == pytest.approx(float(w @ (1 / x)), rel=tolerance)
    assert law.var() == pytest.approx(law.moment(2) - law.moment(1) ** 2, rel=1e-9)


def test_moments_of_the_inverse_law_are_infinite_past_the_tail() -> None:
    law = htmu.inverse_htmp(4.0, 0.5)  # delta = 2: density x^-3
    assert law.tail_exponent() == 3.0
    assert math.isfinite(law.mean())
    assert law.moment(2) == math.inf
    assert law.var() == math.inf
    assert htmu.inverse_htmp(1.0, 0.9).mean() == math.inf


def test_the_limit_of_small_kappa_is_the_gamma_law() -> None:
    delta = 2.5
    kappa = 1e-5
    gamma = 1 / (1 + 2 * delta / kappa)
    x = np.geomspace(1e-3, 8, 50)
    reference = scipy.stats.gamma(delta, scale=1 / delta)
    law, inverse = htmu.htmp(kappa, gamma), htmu.inverse_htmp(kappa, gamma)
    np.testing.assert_allclose(law.logpdf(x), reference.logpdf(x), rtol=0, atol=1e-4)
    np.testing.assert_allclose(law.cdf(x), reference.cdf(x), rtol=1e-4)
    assert law.entropy() == pytest.approx(reference.entropy(), rel=1e-4)
    inverse_reference = scipy.stats.invgamma(delta, scale=delta)
    np.testing.assert_allclose(inverse.sf(x), inverse_reference.sf(x), rtol=1e-4)
    assert inverse.mean() == pytest.approx(inverse_reference.mean(), rel=1e-4)
    assert inverse.entropy() == pytest.approx(inverse_reference.entropy(), rel=1e-4)


def test_the_limit_of_large_kappa_is_marchenko_pastur() -> None:
    x = np.linspace(0.4, 2.0, 30)  # inside the support of gamma = 0.2
    limit = htmu.htmp(math.inf, 0.2)
    np.testing.assert_array_equal(limit.pdf(x), htmu.marchenko_pastur.pdf(x, 0.2))
    errors = [
        np.abs(htmu.htmp(kappa, 0.2).cdf(x) - limit.cdf(x)).max() for kappa in (1e2, 1e3, 1e4)
    ]
    assert errors[0] < 0.02
    assert errors[2] < errors[1] / 5 < errors[0] / 25


def test_shapes_broadcast_as_in_scipy() -> None:
    kappa, gamma = np.array([[0.5], [5.5], [math.inf]]), np.array([0.2, 0.5, 1.0, 2.0])
    x = np.linspace(0.1, 2.9, 5)[:, None, None]
    for name in ("pdf", "logpdf", "cdf", "sf", "logcdf", "logsf"):
        found = getattr(htmu.htmp, name)(x, kappa, gamma)
        assert found.shape == (5, 3, 4)
        for i, j in np.ndindex(3, 4):
            one = getattr(htmu.htmp(kappa[i, 0], gamma[j]), name)(x[:, 0, 0])
            np.testing.assert_allclose(found[:, i, j], one, rtol=1e-14)
    np.testing.assert_allclose(
        htmu.htmp.ppf(0.9, kappa, gamma)[1, 1], htmu.htmp.ppf(0.9, 5.5, 0.5), rtol=1e-15
    )
    assert htmu.htmp.mean(kappa, gamma).shape == (3, 4)
    assert htmu.htmp.entropy(kappa[:2], gamma[:2]).shape == (2, 2)
    assert htmu.htmp.rvs(kappa[:2], gamma[:3], size=(2, 3), random_state=1).shape == (2, 3)


def test_location_and_scale() -> None:
    law, plain = htmu.htmp(5.5, 0.3, loc=2.0, scale=3.0), htmu.htmp(5.5, 0.3)
    x = np.array([1.0, 2.5, 5.0, 9.0])
    y = (x - 2.0) / 3.0
    np.testing.assert_allclose(law.pdf(x), plain.pdf(y) / 3.0, rtol=1e-15)
    np.testing.assert_allclose(law.logpdf(x), plain.logpdf(y) - math.log(3.0), rtol=1e-15)
    np.testing.assert_allclose(law.cdf(x), plain.cdf(y), rtol=1e-15)
    assert law.ppf(0.3) == pytest.approx(2.0 + 3.0 * plain.ppf(0.3))
    assert law.mean() == 5.0
    assert law.support() == (2.0, math.inf)
    # The same through SciPy's own route for arrays of parameters.
    np.testing.assert_allclose(
        htmu.htmp.pdf(x, [5.5] * 4, 0.3, loc=2.0, scale=3.0), law.pdf(x), rtol=1e-14
    )
    np.testing.assert_allclose(htmu.htmp.pdf(x, 5.5, gamma=0.3, scale=3.0, loc=2.0), law.pdf(x))


@pytest.mark.parametrize("kind", ["number", "array"])
def test_points_at_the_ends_and_beyond(kind: str) -> None:
    x = np.array([-math.inf, -1.0, 0.0, 1e-300, 1e300, math.inf, math.nan])
    for law in (htmu.htmp(4.0, 0.5), htmu.inverse_htmp(4.0, 0.5)):
        names = ("pdf", "logpdf", "cdf", "sf", "logcdf", "logsf")
        found = {
            name: getattr(law, name)(x)
            if kind == "array"
            else np.array([float(getattr(law, name)(value)) for value in x])
            for name in names
        }
        for name in names:
            assert np.isnan(found[name][-1])
            assert not np.isnan(found[name][:-1]).any(), name
        assert found["cdf"][[0, 1, 2, 5]].tolist() == [0, 0, 0, 1]
        assert found["sf"][[0, 1, 2, 5]].tolist() == [1, 1, 1, 0]
        assert found["pdf"][[0, 1, 2, 5]].tolist() == [0, 0, 0, 0]
        assert found["logpdf"][[0, 1, 2, 5]].tolist() == [-math.inf] * 4
        assert law.ppf([0.0, 1.0]).tolist() == [0.0, math.inf]
        assert np.isnan(law.ppf([-0.1, 1.1, math.nan])).all()


def test_the_density_at_zero() -> None:
    # delta = 0, 1/4, 1, 2
    for gamma, at_zero in ((1.0, math.inf), (4 / 5, math.inf), (0.5, None), (1 / 3, 0.0)):
        found = htmu.htmp.pdf(0.0, 2.0, gamma)
        if at_zero is None:
            assert 0 < found < math.inf
            assert found == pytest.approx(htmu.htmp.pdf(1e-12, 2.0, gamma), rel=1e-9)
        else:
            assert found == at_zero


@pytest.mark.parametrize(
    ("kappa", "gamma"),
    [
        (0.0, 0.5),
        (-1.0, 0.5),
        (1.0, 0.0),
        (1.0, -1.0),
        (math.nan, 0.5),
        (1.0, math.inf),
        (1e10, 0.5),
    ],
)
def test_parameters_outside_the_domain_give_nan(kappa: float, gamma: float) -> None:
    for name in ("pdf", "cdf", "sf", "logpdf", "mean", "entropy"):
        arguments = () if name in ("mean", "entropy") else (1.0,)
        assert np.isnan(getattr(htmu.htmp, name)(*arguments, kappa, gamma))
    assert np.isnan(htmu.inverse_htmp.cdf(1.0, 2.0, 1.5))
    assert np.isnan(htmu.htmp.pdf(1.0, 2.0, 0.5, scale=-1.0))


@pytest.mark.parametrize(("kappa", "gamma"), WITH_ATOM)
def test_the_atom_at_zero(kappa: float, gamma: float) -> None:
    law, dual = htmu.htmp(kappa, gamma), htmu.htmp(kappa / gamma, 1 / gamma)
    atom = 1 - 1 / gamma
    x = np.array([0.3, 1.0, 2.0, 5.0])
    np.testing.assert_allclose(law.cdf(x), atom + dual.cdf(x / gamma) / gamma, rtol=1e-14)
    np.testing.assert_allclose(law.sf(x), dual.sf(x / gamma) / gamma, rtol=1e-14)
    np.testing.assert_allclose(law.pdf(x), dual.pdf(x / gamma) / gamma**2, rtol=1e-14)
    assert law.cdf(0.0) == pytest.approx(atom, rel=1e-9, abs=1e-300)
    assert law.cdf(-1.0) == 0.0
    assert law.ppf(0.5 * atom) == 0.0
    p = np.array([0.5, 0.99]) / gamma + atom
    np.testing.assert_allclose(law.cdf(law.ppf(p)), p, rtol=1e-12)
    draws = law.rvs(4000, random_state=1)
    zeros = int((draws == 0).sum())
    assert abs(zeros - 4000 * atom) < 5 * math.sqrt(4000 * atom * (1 - atom) + 1)


def test_eigenvalues_of_wide_matrices_follow_the_law_with_an_atom() -> None:
    # 40 x 16 real matrices: gamma = 2.5, kappa = N = 40.
    rng = np.random.default_rng(5)
    w = rng.normal(size=(300, 40, 16))
    values = np.linalg.eigvalsh(w @ w.transpose(0, 2, 1)) / 16
    law = htmu.htmp(40.0, 2.5)
    zero = (values < 1e-9).mean()
    assert zero == pytest.approx(law.cdf(0.0), abs=1e-12)
    for x in (1.0, 2.5, 5.0):
        assert (values <= x).mean() == pytest.approx(law.cdf(x), abs=0.02)


def test_draws_follow_the_law_and_the_seed() -> None:
    for law in (htmu.htmp(5.5, 0.3255), htmu.inverse_htmp(1.9, 0.3), htmu.marchenko_pastur(0.4)):
        draws = law.rvs(size=20_000, random_state=np.random.default_rng(3))
        # The Kolmogorov-Smirnov test rejects a true law at this level once in a million.
        assert scipy.stats.kstest(draws, law.cdf).pvalue > 1e-6
        again = law.rvs(size=20_000, random_state=np.random.default_rng(3))
        np.testing.assert_array_equal(draws, again)
    assert isinstance(htmu.htmp.rvs(2.0, 0.5, random_state=1), float)


@pytest.mark.parametrize("kappa", [1.9, 5.5])
def test_laguerre_ensembles_tend_to_the_law(kappa: float) -> None:
    gamma = 0.3255
    law = htmu.htmp(kappa, gamma)
    x = law.ppf(np.linspace(0.05, 0.95, 19))
    distances = []
    for n, size in ((10, 60_000), (40, 30_000), (160, 15_000)):
        beta = kappa / n
        a = beta * (n / gamma - n + 1) / 2 - 1
        ensemble = htmu.LaguerreEnsemble(n, beta=beta, a=a)
        edges = np.r_[0.0, x, 1e6] * ensemble.mean()
        counts = htmu.spectral_histogram(ensemble, edges, size, seed=7)
        distances.append(np.abs(np.cumsum(counts)[:-1] / (size * n) - law.cdf(x)).max())
    # The mean density is off by O(1/N); the noise of the counts is below 1e-3.
    assert distances[0] < 0.05
    assert distances[1] < distances[0] / 2.5 + 1e-3
    assert distances[2] < distances[1] / 2.5 + 1e-3


def test_expectations() -> None:
    law = htmu.htmp(5.5, 0.3255)
    assert law.expect(lambda x: x**2) == pytest.approx(law.moment(2), rel=1e-8)
    x, w = law.quadrature(40)
    assert law.expect(lambda x: math.exp(-x)) == pytest.approx(float(w @ np.exp(-x)), rel=1e-8)
    inverse = htmu.inverse_htmp(5.5, 0.3255)
    assert inverse.expect(lambda x: 1 / x) == pytest.approx(1.0, rel=1e-8)


@pytest.mark.parametrize(("kappa", "gamma"), [(5.5, 0.3255), (0.5, 0.5), (300.0, 0.2)])
def test_entropy_is_minus_the_mean_logarithm(kappa: float, gamma: float) -> None:
    law, inverse = htmu.htmp(kappa, gamma), htmu.inverse_htmp(kappa, gamma)
    x, w = nodes(law)
    w = w * law.pdf(x)
    assert law.entropy() == pytest.approx(-float(w @ law.logpdf(x)), rel=1e-9)
    assert inverse.entropy() == pytest.approx(-float(w @ inverse.logpdf(1 / x)), rel=1e-9)
    assert htmu.htmp(kappa, gamma, scale=3.0).entropy() == pytest.approx(
        law.entropy() + math.log(3.0), rel=1e-12
    )


def test_entropy_where_much_mass_lies_below_every_double() -> None:
    # Gamma(d) of mean 1, d = 1e-3: half of its mass lies below 1e-300.
    shape, kappa = 1e-3, 2e-6
    gamma = 1 / (1 + 2 * shape / kappa)
    exact = scipy.stats.gamma(shape, scale=1 / shape).entropy()
    assert htmu.htmp(kappa, gamma).entropy() == pytest.approx(exact, rel=5e-3)
    assert htmu.htmp(3.0, 1.0).entropy() == -math.inf
    assert htmu.inverse_htmp(3.0, 1.0).entropy() == math.inf


@pytest.mark.parametrize(
    ("kappa", "gamma"),
    [(1e5, 1e-6), (1e4, 1e-5), (1e-4, 0.5), (1.0, 0.99), (5.5, 2.0), (math.inf, 0.3), (3.0, 1.0)],
)
def test_expectations_of_narrow_broad_and_mixed_laws(kappa: float, gamma: float) -> None:
    law = htmu.htmp(kappa, gamma)
    tolerance = 1e-6 if math.isinf(kappa) else 1e-9
    assert law.expect(lambda x: 1.0) == pytest.approx(1.0, rel=tolerance)
    assert law.expect() == pytest.approx(1.0, rel=tolerance)
    assert law.expect(lambda x: (x - 1) ** 2) == pytest.approx(law.var(), rel=10 * tolerance)
    assert htmu.htmp(kappa, gamma, loc=2.0, scale=3.0).expect() == pytest.approx(5.0, rel=tolerance)
    if gamma <= 1:
        inverse = htmu.inverse_htmp(kappa, gamma)
        assert inverse.expect(lambda x: 1.0) == pytest.approx(1.0, rel=tolerance)
        assert inverse.expect(lambda x: 1 / x) == pytest.approx(1.0, rel=tolerance)


def test_expectations_over_a_part() -> None:
    law = htmu.htmp(5.5, 0.3255)
    assert law.expect(lambda x: 1.0, lb=0.5, ub=2.0) == pytest.approx(law.cdf(2.0) - law.cdf(0.5))
    assert law.expect(lambda x: 1.0, lb=0.5, conditional=True) == pytest.approx(1.0)
    assert law.expect(lambda x: 1.0, lb=3.0, ub=2.0) == 0.0
    inverse = htmu.inverse_htmp(5.5, 0.3255)
    part = inverse.cdf(2.0) - inverse.cdf(0.5)
    assert inverse.expect(lambda x: 1.0, lb=0.5, ub=2.0) == pytest.approx(part)
    assert np.isnan(htmu.htmp.expect(args=(-1.0, 0.5)))
    with pytest.raises(TypeError, match="misses the shapes gamma"):
        htmu.htmp.expect(args=(1.0,))


def test_atoms_of_arrays_of_laws() -> None:
    kappa, gamma = [2.0, 3.0], [2.0, 4.0]
    assert htmu.htmp.cdf([0.0, 0.0], kappa, gamma).tolist() == [0.5, 0.75]
    np.testing.assert_allclose(htmu.htmp.sf(0.0, kappa, gamma), [0.5, 0.25])
    np.testing.assert_allclose(htmu.htmp.logcdf(0.0, kappa, gamma), np.log([0.5, 0.75]))
    np.testing.assert_allclose(htmu.marchenko_pastur.cdf(0.0, gamma), [0.5, 0.75])
    mixed = htmu.htmp.cdf(1.0, [2.0, -1.0], 0.5)
    assert mixed[0] == htmu.htmp.cdf(1.0, 2.0, 0.5)
    assert np.isnan(mixed[1])


def test_the_inverse_density_at_infinity() -> None:
    for kappa, gamma in [(5.5, 1.0), (1.0, 0.9), (math.inf, 1.0), (5.5, 0.3)]:
        assert htmu.inverse_htmp.pdf(math.inf, kappa, gamma) == 0.0
        assert htmu.inverse_htmp.logpdf(math.inf, kappa, gamma) == -math.inf


def test_nothing_warns_where_numbers_end() -> None:
    # Warnings are errors in this suite.
    assert htmu.htmp(5.5, 0.3255).moment(500) == math.inf
    assert htmu.htmp(math.inf, 1e-6).cdf([1e300, 1e-300]).tolist() == [1.0, 0.0]
    assert htmu.htmp.cdf(1e300, 5.5, 0.3, scale=1e-100) == 1.0
    assert np.isnan(htmu.htmp.pdf([0.0, 1.0], 5.5, 0.3, scale=0)).all()
    assert np.isnan(htmu.htmp(-1.0, 0.3).moment(1))
    assert np.isnan(htmu.marchenko_pastur.cdf(1.0, 1e-26))


def test_frozen_laws_take_keywords_location_and_scale() -> None:
    law = htmu.htmp(2.0, 0.5, scale=3.0, loc=1.0)
    x, w = law.quadrature(n=4)
    assert float(w @ x) == pytest.approx(4.0)
    a, b = law.jacobi_coefficients(k=2)
    assert (a[0], b[0] ** 2) == pytest.approx((4.0, law.var()))
    assert law.tail_exponent() == 0.0
    assert law.stieltjes(z=-1.0).real == pytest.approx(law.expect(lambda x: 1 / (x + 1)))
    assert law.logpdf_gradient([2.0])[0] == pytest.approx(law.logpdf([2.0]))
    assert {"quadrature", "stieltjes", "pdf"} <= set(dir(law))
    inverse = htmu.inverse_htmp(gamma=0.5, kappa=2.0, scale=3.0)
    assert inverse.stieltjes(-1.0).real == pytest.approx(inverse.expect(lambda x: 1 / (x + 1)))
    x, w = inverse.quadrature(5)
    assert float(w @ (1 / x)) == pytest.approx(1 / 3.0)
    with pytest.raises(htmu.errors.InvalidInputError, match="gamma"):
        htmu.htmp.tail_exponent(5.5, 2.0)


def test_frozen_laws_have_the_methods_beyond_scipy() -> None:
    law = htmu.htmp(2.0, 0.5)
    assert law.stieltjes(-1.0) == htmu.htmp.stieltjes(-1.0, 2.0, 0.5)
    assert law.tail_exponent() == 0.0
    np.testing.assert_array_equal(law.quadrature(5), htmu.htmp.quadrature(5, 2.0, 0.5))
    with pytest.raises(AttributeError):
        law.stieltje  # noqa: B018
    again = pickle.loads(pickle.dumps(law))
    assert again.pdf(1.3) == law.pdf(1.3)
    assert htmu.marchenko_pastur(0.5).stieltjes(-1.0) == htmu.htmp(math.inf, 0.5).stieltjes(-1.0)


def test_the_laws_are_found_lazily() -> None:
    assert htmu.htmp is htmu.special.htmp
    assert {"htmp", "inverse_htmp", "marchenko_pastur", "special"} <= set(dir(htmu))
    with pytest.raises(AttributeError, match="no attribute 'htmpp'"):
        htmu.htmpp  # noqa: B018
