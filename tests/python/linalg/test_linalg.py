"""Spectra and log-Vandermondes against closed forms, mpmath, SciPy and exact identities."""

from __future__ import annotations

import mpmath  # type: ignore[import-untyped]
import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

import htmu

DRIVERS = ("auto", "sterf", "stebz", "stemr")
EPS = np.finfo(float).eps


def toeplitz_spectrum(n: int) -> np.ndarray:
    """Eigenvalues of the matrix with rows (-1, 2, -1)."""
    return 4 * np.sin(np.arange(1, n + 1) * np.pi / (2 * n + 2)) ** 2


def clement(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Clement's matrix of size n: eigenvalues -(n-1), -(n-3), ..., n-1."""
    k = np.arange(1, n)
    return np.zeros(n), np.sqrt(k * (n - k))


def wilkinson(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Wilkinson's W+ of odd size n: pairs of nearly equal eigenvalues."""
    return np.abs(np.arange(n) - n // 2).astype(float), np.ones(n - 1)


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("n", [1, 2, 3, 17, 200])
def test_toeplitz_and_clement_spectra(driver: str, n: int) -> None:
    found = htmu.eigvalsh_tridiagonal(np.full(n, 2.0), np.full(n - 1, -1.0), driver=driver)
    assert np.abs(found - toeplitz_spectrum(n)).max() <= 20 * EPS * np.sqrt(n) * 4
    found = htmu.eigvalsh_tridiagonal(*clement(n), driver=driver)
    assert np.abs(found - np.arange(1 - n, n, 2)).max() <= 20 * EPS * np.sqrt(n) * n


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("scale", [1e-150, 1.0, 1e150])
def test_wilkinson_against_mpmath_at_every_scale(driver: str, scale: float) -> None:
    d, e = wilkinson(21)
    with mpmath.workdps(50):
        exact = mpmath.eigsy(
            mpmath.matrix((np.diag(d) + np.diag(e, 1) + np.diag(e, -1)).tolist()), eigvals_only=True
        )
    reference = np.array([float(x) for x in exact])
    found = htmu.eigvalsh_tridiagonal(d * scale, e * scale, driver=driver) / scale
    assert np.abs(found - reference).max() <= 50 * EPS * 11


@given(
    st.integers(1, 30).flatmap(
        lambda n: st.tuples(
            st.lists(st.floats(-1e3, 1e3), min_size=n, max_size=n),
            st.lists(st.floats(-1e3, 1e3), min_size=n - 1, max_size=n - 1),
        )
    ),
    st.sampled_from(DRIVERS),
)
@settings(deadline=None, max_examples=150, derandomize=True)
def test_trace_and_frobenius_norm_are_certificates(
    matrix: tuple[list[float], list[float]], driver: str
) -> None:
    d, e = (np.array(part, dtype=float) for part in matrix)
    found = htmu.eigvalsh_tridiagonal(d, e, driver=driver)
    assert (np.diff(found) >= 0).all()
    # A power of two, so that squares of tiny entries do not underflow in the check itself.
    scale = 2.0 ** np.ceil(np.log2(max(np.abs(d).max(), np.abs(e).max(initial=0.0), 1e-280)))
    d, e, found = d / scale, e / scale, found / scale
    squares = (d**2).sum() + 2 * (e**2).sum()
    assert abs(found.sum() - d.sum()) <= 100 * EPS * len(d) * max(1.0, np.sqrt(squares))
    assert abs((found**2).sum() - squares) <= 100 * EPS * len(d) * max(1.0, squares)


def test_batches_over_any_axes_and_threads_give_the_same_bits() -> None:
    d, e = htmu.LaguerreEnsemble(12, beta=1.0, a=0.5).sample_tridiagonal(60, seed=1)
    for driver in DRIVERS:
        one = htmu.eigvalsh_tridiagonal(d, e, driver=driver, n_threads=1)
        many = htmu.eigvalsh_tridiagonal(
            d.reshape(5, 12, 12), e.reshape(5, 12, 11), driver=driver, n_threads=6
        )
        assert (many.reshape(60, 12) == one).all()
        scipy_found = np.array(
            [scipy.linalg.eigvalsh_tridiagonal(*pair) for pair in zip(d, e, strict=True)]
        )
        np.testing.assert_allclose(one, scipy_found, atol=1e-13 * scipy_found.max())
    assert htmu.eigvalsh_tridiagonal(np.zeros((0, 4)), np.zeros((0, 3))).shape == (0, 4)


def test_a_diagonal_broadcasts_against_many_off_diagonals() -> None:
    e = np.array([[0.0, 0.0], [-1.0, -1.0]])
    found = htmu.eigvalsh_tridiagonal([2.0, 2.0, 2.0], e)
    np.testing.assert_allclose(found[0], 2.0)
    np.testing.assert_allclose(found[1], toeplitz_spectrum(3), rtol=1e-14)


def test_ranges_by_index_and_by_value() -> None:
    n = 50
    d, e = np.full(n, 2.0), np.full(n - 1, -1.0)
    exact = toeplitz_spectrum(n)
    found = htmu.eigvalsh_tridiagonal(d, e, select="i", select_range=(3, 7))
    np.testing.assert_allclose(found, exact[3:8], rtol=1e-12)
    batch = htmu.eigvalsh_tridiagonal(
        np.array([d, d]), np.array([e, e]), select="i", select_range=(0, 0)
    )
    np.testing.assert_allclose(batch, np.full((2, 1), exact[0]), rtol=1e-12)
    # Not at 1, which is an eigenvalue: rounding decides on which side it counts.
    found = htmu.eigvalsh_tridiagonal(d, e, select="v", select_range=(1.05, 2.0))
    np.testing.assert_allclose(found, exact[(exact > 1.05) & (exact <= 2)], rtol=1e-12)
    assert htmu.eigvalsh_tridiagonal(d, e, select="v", select_range=(5.0, 6.0)).shape == (0,)


def test_singular_values_have_relative_accuracy_where_a_product_loses_it() -> None:
    # Entries graded over 200 orders of magnitude; mpmath on B B^T at 500 digits.
    d = 10.0 ** -np.arange(0, 100, 10.0)
    e = 0.5 * np.sqrt(d[:-1] * d[1:])
    with mpmath.workdps(500):
        b = mpmath.matrix((np.diag(d) + np.diag(e, 1)).tolist())
        exact = mpmath.eigsy(b.T * b, eigvals_only=True)
        reference = np.array([float(mpmath.sqrt(x)) for x in exact])[::-1]
    found = htmu.singvals_bidiagonal(d, e)
    assert (np.abs(found / reference - 1) <= 1e-14).all()


@pytest.mark.parametrize("driver", ["auto", "qr", "sturm"])
def test_a_singular_value_far_below_every_entry(driver: str) -> None:
    # det B is the product of the diagonal; its square leaves the range of doubles.
    n = 20
    values = htmu.singvals_bidiagonal(np.full((3, n), 1e-10), np.ones((3, n - 1)), driver=driver)
    assert values[:, -1] * np.prod(values[:, :-1], axis=1) == pytest.approx(1e-200, rel=1e-12)
    smallest = htmu.singvals_bidiagonal(
        np.full(n, 1e-10), np.ones(n - 1), select="smallest", select_range=1
    )
    assert smallest == pytest.approx(values[0, -1:], rel=1e-13)


@pytest.mark.parametrize("driver", ["qr", "sturm"])
def test_lost_off_diagonals_leave_relative_accuracy(driver: str) -> None:
    # Squares of 1e-160 are subnormal, those of 1e-170 vanish; beside 1e-131 neither counts, beside
    # 1e-140 the second-smallest singular value still does not feel them, the smallest is checked.
    for smallest in (1e-131, 1e-140, 1e-155, 1e-165):
        d = np.array([1.0, 0.5, 3 * smallest, smallest])
        e = np.array([0.25, 1e-160, 1e-170])
        with mpmath.workdps(700):
            b = mpmath.matrix((np.diag(d) + np.diag(e, 1)).tolist())
            exact = mpmath.eigsy(b.T * b, eigvals_only=True)
            reference = np.array([float(mpmath.sqrt(x)) for x in exact])[::-1]
        found = htmu.singvals_bidiagonal(np.array([d] * 3), np.array([e] * 3), driver=driver)
        assert (np.abs(found / reference - 1) <= 1e-14).all()


def test_singular_values_against_numpy_in_batches() -> None:
    d, e = htmu.LaguerreEnsemble(9, beta=2.0, a=1.0).sample_bidiagonal(20, seed=2)
    dense = np.zeros((20, 9, 9))
    index = np.arange(9)
    dense[:, index, index] = d
    dense[:, index[1:], index[:-1]] = e
    found = htmu.singvals_bidiagonal(d, e, n_threads=3)
    np.testing.assert_allclose(found, np.linalg.svd(dense, compute_uv=False), rtol=1e-11)


@given(st.lists(st.floats(-1e6, 1e6), min_size=0, max_size=40, unique=True))
@settings(deadline=None, max_examples=200, derandomize=True)
def test_log_vandermonde_against_long_double(points: list[float]) -> None:
    x = np.array(points, dtype=np.longdouble)
    upper = np.triu_indices(len(x), 1)
    terms = np.log(np.abs(x[upper[0]] - x[upper[1]]))
    found = float(htmu.log_vandermonde(points))
    assert abs(found - float(terms.sum())) <= 1e-14 * max(1.0, float(np.abs(terms).sum()))


def test_log_vandermonde_of_roots_of_polynomials_is_their_discriminant() -> None:
    # Hermite zeros (Szego 6.71.7): prod_{i<j} (x_i - x_j)^2 = 2^{-n(n-1)/2} prod k^k.
    for n in (2, 5, 20, 60):
        zeros, _ = np.polynomial.hermite.hermgauss(n)
        k = np.arange(1, n + 1)
        exact = 0.5 * ((k * np.log(k)).sum() - n * (n - 1) / 2 * np.log(2))
        assert htmu.log_vandermonde(zeros) == pytest.approx(exact, rel=1e-12)


def test_log_vandermonde_batches_and_repeats() -> None:
    rows = np.random.default_rng(0).gamma(2.0, size=(4, 3, 25))
    found = htmu.log_vandermonde(rows, n_threads=1)
    assert isinstance(found, np.ndarray)
    assert found.shape == (4, 3)
    np.testing.assert_array_equal(htmu.log_vandermonde(rows, n_threads=4), found)
    np.testing.assert_array_equal(htmu.log_vandermonde(rows[..., ::-1]), found)
    assert htmu.log_vandermonde([1.0, 2.0, 1.0]) == -np.inf
    assert htmu.log_vandermonde([1.0]) == 0.0


def test_other_dtypes_and_layouts_are_converted_and_inputs_left_alone() -> None:
    d64, e64 = htmu.LaguerreEnsemble(6, beta=1.0, a=1.0).sample_tridiagonal(4, seed=3)
    d64.setflags(write=False)
    e64.setflags(write=False)
    expected = htmu.eigvalsh_tridiagonal(d64, e64)
    strided = np.asfortranarray(np.repeat(d64, 2, axis=1))[:, ::2]
    assert (htmu.eigvalsh_tridiagonal(strided, e64) == expected).all()
    np.testing.assert_allclose(
        htmu.eigvalsh_tridiagonal(d64.astype(np.float32), e64.astype(np.float32)),
        expected,
        rtol=1e-5,
    )
    assert htmu.eigvalsh_tridiagonal([2, 2], [1]).tolist() == [1.0, 3.0]


@pytest.mark.parametrize(
    ("d", "e", "options", "message"),
    [
        ([1.0, np.nan], [0.0], {}, "d has a value that is not finite"),
        ([1.0, 2.0], [np.inf], {}, "e has a value that is not finite"),
        ([1.0, 2.0], [1.0, 2.0], {}, "e must have shape"),
        (1.0, [], {}, "d must have shape"),
        ([], [], {}, "d must have shape"),
        ([[1.0, 2.0], [3.0]], [1.0], {}, "ragged"),
        ([1.0, 2.0j], [1.0], {}, "real numbers"),
        (["a", "b"], [1.0], {}, "real numbers"),
        ([1.0, 2.0], [1.0], {"driver": "ql"}, "driver must be one of"),
        ([1.0, 2.0], [1.0], {"driver": "sterf", "select": "i", "select_range": (0, 0)}, "stebz"),
        ([1.0, 2.0], [1.0], {"select": "i"}, "select_range must be a pair"),
        ([1.0, 2.0], [1.0], {"select": "i", "select_range": (0, 2)}, "select_range"),
        ([1.0, 2.0], [1.0], {"select": "v", "select_range": (2.0, 1.0)}, "greater than 2"),
        ([[1.0, 2.0]], [1.0], {"select": "v", "select_range": (0.0, 1.0)}, "single matrix"),
        ([1.0, 2.0], [1.0], {"n_threads": 0}, "n_threads"),
    ],
)
def test_bad_input_is_refused(
    d: object, e: object, options: dict[str, object], message: str
) -> None:
    with pytest.raises(htmu.errors.InvalidInputError, match=message) as caught:
        htmu.eigvalsh_tridiagonal(d, e, **options)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
