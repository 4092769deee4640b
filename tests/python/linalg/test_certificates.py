"""Properties that any spectrum has, whatever computed it: no reference values."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tridiagonal_cases import TRIDIAGONAL, matrices

import htmu

DRIVERS = ("qr", "sturm")
ERROR = 1e-15  # of one eigenvalue, over sqrt(n) norms: test_tridiagonal_accuracy
MANY = settings(deadline=None, max_examples=60, derandomize=True)

Float = NDArray[np.float64]
Matrix = tuple[Float, Float]


def entries() -> st.SearchStrategy[float]:
    usual = st.floats(-1e3, 1e3, allow_subnormal=False)
    return usual | st.sampled_from([0.0, 1.0, -1.0, 1e-8, 1e-160, 5e-324])


def matrices_of_any_entries(minimum: int = 1) -> st.SearchStrategy[Matrix]:
    def of_size(n: int) -> st.SearchStrategy[Matrix]:
        return st.tuples(
            st.lists(entries(), min_size=n, max_size=n).map(np.array),
            st.lists(entries(), min_size=n - 1, max_size=n - 1).map(
                lambda e: np.array(e, dtype=float)
            ),
        )

    return st.integers(minimum, 30).flatmap(of_size)


def magnitude(d: Float, e: Float) -> float:
    """A bound on the norm (Gershgorin), at least the smallest normal number."""
    return float(np.abs(d).max() + 2 * np.abs(e).max(initial=0.0)) + 1e-307


def tolerance(d: Float, e: Float) -> float:
    """Bound on the error of one eigenvalue."""
    return ERROR * math.sqrt(len(d)) * magnitude(d, e)


def mixed_batch(n: int, size: int, seed: int) -> Matrix:
    """Rows drawn from the families, each with other random signs."""
    rng = np.random.default_rng(seed)
    d, e = matrices(TRIDIAGONAL, n)
    pick = rng.integers(len(d), size=size)
    return d[pick] * rng.choice([-1, 1], (size, 1)), e[pick]


@pytest.mark.parametrize("driver", DRIVERS)
@given(matrix=matrices_of_any_entries())
@MANY
def test_trace_and_frobenius_norm(driver: str, instruction_set: str, matrix: Matrix) -> None:
    d, e = matrix
    scale = magnitude(d, e)
    found = htmu.eigvalsh_tridiagonal(d, e, driver=driver)
    assert (np.diff(found) >= 0).all()
    # Errors add up at most linearly, with those of the sums of n and 3 n terms.
    bound = len(d) * (tolerance(d, e) / scale + 2e-16 * len(d))
    assert abs(found.sum() - d.sum()) <= bound * scale
    squares = ((d / scale) ** 2).sum() + 2 * ((e / scale) ** 2).sum()
    assert abs(((found / scale) ** 2).sum() - squares) <= 3 * bound


@pytest.mark.parametrize("driver", DRIVERS)
@given(matrix=matrices_of_any_entries(), seed=st.integers(0, 2**32 - 1))
@MANY
def test_eigenvalues_and_sturm_counts_agree(
    driver: str, instruction_set: str, matrix: Matrix, seed: int
) -> None:
    d, e = matrix
    found = htmu.eigvalsh_tridiagonal(d, e, driver=driver)
    scale = magnitude(d, e)
    edges = scale * np.random.default_rng(seed).uniform(-1.2, 1.2, 40)
    edges = np.r_[edges, found - 1e-13 * scale, found + 1e-13 * scale]
    clear = np.abs(edges[:, None] - found).min(axis=1) > 1e-14 * scale * np.sqrt(len(d))
    counts = htmu.count_eigenvalues(d, e, edges[clear])
    assert counts.tolist() == np.searchsorted(found, edges[clear]).tolist()


@pytest.mark.parametrize("driver", DRIVERS)
@given(matrix=matrices_of_any_entries(minimum=2))
@MANY
def test_leading_submatrices_interlace(driver: str, instruction_set: str, matrix: Matrix) -> None:
    d, e = matrix
    whole = htmu.eigvalsh_tridiagonal(d, e, driver=driver)
    part = htmu.eigvalsh_tridiagonal(d[:-1], e[:-1], driver=driver)
    slack = 2 * tolerance(d, e)  # Cauchy's theorem, with one error on either side
    assert (whole[:-1] <= part + slack).all()
    assert (part <= whole[1:] + slack).all()


@pytest.mark.parametrize("driver", DRIVERS)
@given(matrix=matrices_of_any_entries(), shift=st.floats(-1e3, 1e3))
@MANY
def test_a_shift_of_the_diagonal_shifts_every_eigenvalue(
    driver: str, instruction_set: str, matrix: Matrix, shift: float
) -> None:
    d, e = matrix
    plain = htmu.eigvalsh_tridiagonal(d, e, driver=driver)
    shifted = htmu.eigvalsh_tridiagonal(d + shift, e, driver=driver)
    # The entries d + shift and the sum plain + shift are rounded as well.
    bound = 2 * tolerance(np.abs(d) + abs(shift), e) + 4e-16 * (magnitude(d, e) + abs(shift))
    assert np.abs(shifted - (plain + shift)).max() <= bound


@pytest.mark.parametrize("driver", DRIVERS)
@given(matrix=matrices_of_any_entries(), exponent=st.integers(-900, 900))
@MANY
def test_powers_of_two_scale_every_bit(
    driver: str, instruction_set: str, matrix: Matrix, exponent: int
) -> None:
    d, e = matrix
    factor = 2.0**exponent
    # Exact only where neither the entries nor the eigenvalues become subnormal.
    usual = 1e-20 * magnitude(d, e)
    assume(1e-300 < usual * factor < 1e270)
    d, e = np.where(np.abs(d) < usual, 0.0, d), np.where(np.abs(e) < usual, 0.0, e)
    plain = htmu.eigvalsh_tridiagonal(d, e, driver=driver)
    scaled = htmu.eigvalsh_tridiagonal(d * factor, e * factor, driver=driver)
    np.testing.assert_array_equal(scaled, plain * factor)


@pytest.mark.parametrize("driver", DRIVERS)
@given(matrix=matrices_of_any_entries(), seed=st.integers(0, 2**32 - 1))
@MANY
def test_signs_of_off_diagonals_do_not_matter(
    driver: str, instruction_set: str, matrix: Matrix, seed: int
) -> None:
    d, e = matrix
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], len(e))
    np.testing.assert_array_equal(
        htmu.eigvalsh_tridiagonal(d, e * signs, driver=driver),
        htmu.eigvalsh_tridiagonal(d, e, driver=driver),
    )


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("n", [2, 21, 70])
def test_a_matrix_gives_the_same_bits_in_any_batch(
    n: int, driver: str, instruction_set: str
) -> None:
    d, e = mixed_batch(n, 100, seed=n)
    whole = htmu.eigvalsh_tridiagonal(d, e, driver=driver, n_threads=1)
    np.testing.assert_array_equal(
        htmu.eigvalsh_tridiagonal(d, e, driver=driver, n_threads=2), whole
    )
    order = np.random.default_rng(n).permutation(100)
    permuted = htmu.eigvalsh_tridiagonal(d[order], e[order], driver=driver)
    np.testing.assert_array_equal(permuted, whole[order])
    for cut in (1, 7, 31, 32, 33, 64):
        for part in (slice(None, cut), slice(cut, None)):
            found = htmu.eigvalsh_tridiagonal(d[part], e[part], driver=driver)
            np.testing.assert_array_equal(found, whole[part])
    np.testing.assert_array_equal(htmu.eigvalsh_tridiagonal(d[5], e[5], driver=driver), whole[5])


@pytest.mark.parametrize("driver", DRIVERS)
def test_singular_values_give_the_same_bits_in_any_batch(driver: str, instruction_set: str) -> None:
    d, e = mixed_batch(21, 70, seed=1)
    whole = htmu.singvals_bidiagonal(d, e, driver=driver, n_threads=1)
    assert (htmu.singvals_bidiagonal(d, e, driver=driver, n_threads=2) == whole).all()
    order = np.random.default_rng(2).permutation(70)
    assert (htmu.singvals_bidiagonal(d[order], e[order], driver=driver) == whole[order]).all()
    for part in (slice(None, 1), slice(1, 34), slice(34, None)):
        assert (htmu.singvals_bidiagonal(d[part], e[part], driver=driver) == whole[part]).all()


def test_counts_give_the_same_numbers_in_any_batch(instruction_set: str) -> None:
    d, e = mixed_batch(21, 70, seed=3)
    edges = np.linspace(-50, 50, 41)
    whole = htmu.count_eigenvalues(d, e, edges, n_threads=1)
    assert whole.shape == (70, 41)
    assert (np.diff(whole, axis=-1) >= 0).all()
    np.testing.assert_array_equal(htmu.count_eigenvalues(d, e, edges, n_threads=2), whole)
    np.testing.assert_array_equal(htmu.count_eigenvalues(d[9:], e[9:], edges), whole[9:])
    np.testing.assert_array_equal(htmu.count_eigenvalues(d[9], e[9], edges[::-1]), whole[9, ::-1])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("where", ["d", "e"])
def test_a_bad_matrix_is_named_or_alone_gives_nan(
    where: str, driver: str, bad: float, instruction_set: str
) -> None:
    d, e = mixed_batch(10, 40, seed=4)
    for compute in (htmu.eigvalsh_tridiagonal, htmu.singvals_bidiagonal):
        expected = compute(d, e, driver=driver)
        for row in (0, 17, 39):
            spoilt = d.copy(), e.copy()
            spoilt[where == "e"][row, 4] = bad
            with pytest.raises(htmu.errors.NonFiniteError, match=rf"{where} .*\({row}, 4\)"):
                compute(*spoilt, driver=driver)
            found = compute(*spoilt, driver=driver, check_finite=False)
            assert np.isnan(found[row]).all()
            good = np.arange(40) != row
            np.testing.assert_array_equal(found[good], expected[good])
