"""Logarithms of eigenvalues far below the range of double precision."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tridiagonal as reference
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tridiagonal_cases import bidiagonal_case

import htmu

Float = NDArray[np.float64]
needs_extended = pytest.mark.skipif(
    not reference.IS_EXTENDED, reason="long double is no wider than double here"
)


def assert_close(found: Float, exact: NDArray[np.floating], bound: float = 1e-14) -> None:
    assert found.shape == exact.shape
    assert (np.diff(found, axis=-1) >= 0).all()
    error = np.abs(found - exact) / np.maximum(1, np.abs(exact))
    assert error.max() <= bound, f"{error.max():.3g} at {float(exact.ravel()[error.argmax()]):.6g}"


def hot_entries(n: int, kappa: float, size: int, seed: int) -> tuple[Float, Float]:
    """Logarithms of the entries of B in the Laguerre ensemble at beta = kappa / n, a = 0.

    A Gamma(s) variable is a Gamma(s + 1) variable times U^(1/s).
    """
    rng = np.random.default_rng(seed)
    half = kappa / n / 2
    rows = []
    for shapes in (1 + half * np.arange(n - 1, -1, -1.0), half * np.arange(n - 1, 0, -1.0)):
        logs = np.log(rng.gamma(shapes + 1, size=(size, len(shapes))))
        rows.append(0.5 * (logs - rng.exponential(size=logs.shape) / shapes))
    return rows[0], rows[1]


def test_without_off_diagonals_the_squares_of_the_diagonal(instruction_set: str) -> None:
    log_d = np.array([3.0, -6000.0, 0.0, -1e6, 2000.0, -6000.0, -0.25])
    found = htmu.log_eigenvalues(log_d, np.full(6, -np.inf))
    assert_close(found, np.sort(2 * log_d))
    assert htmu.log_eigenvalues([-123_456.0], []).tolist() == [-246_912.0]


@pytest.mark.parametrize("depth", [0.0, 10.0, 400.0, 6000.0, 1e7])
def test_two_by_two_matrices_have_a_closed_form(depth: float, instruction_set: str) -> None:
    # B = ((a, b), (0, c)): product a^2 c^2 and sum a^2 + b^2 + c^2 of the eigenvalues. With the
    # three logarithms far apart the larger eigenvalue is the sum, the smaller the quotient.
    for log_a, log_b, log_c in (
        (0.0, -depth / 2, -depth),
        (-depth, 0.1, -depth),
        (-depth, -1.0, 0),
    ):
        logs = 2 * reference.extended([log_a, log_b, log_c])
        log_sum = np.logaddexp.reduce(logs)
        log_product = logs[0] + logs[2]
        # Larger root of x^2 - s x + p over s: (1 + sqrt(1 - 4 p / s^2)) / 2.
        root = np.sqrt(np.maximum(0, -np.expm1(np.log(4.0) + log_product - 2 * log_sum)))
        larger = log_sum + np.log((1 + root) / 2)
        exact = np.array([log_product - larger, larger])
        assert_close(htmu.log_eigenvalues([log_a, log_c], [log_b]), exact)


@needs_extended
@pytest.mark.parametrize("span", [1.0, 100.0, 12_000.0, 1e6])
@pytest.mark.parametrize("n", [2, 3, 60])
def test_random_logarithms_against_extended_precision(
    n: int, span: float, instruction_set: str
) -> None:
    rng = np.random.default_rng([n, int(span)])
    log_d, log_e = rng.uniform(-span, span / 10, (6, n)), rng.uniform(-span, span / 10, (6, n - 1))
    log_e[::3, ::2] = -np.inf
    exact = log_eigenvalues_once(log_d.tobytes(), log_e.tobytes(), n)
    assert_close(htmu.log_eigenvalues(log_d, log_e), exact)


_EXACT: dict[tuple[bytes, bytes], reference.Extended] = {}


def log_eigenvalues_once(log_d: bytes, log_e: bytes, n: int) -> reference.Extended:
    """The reference, computed once for all instruction sets."""
    if (log_d, log_e) not in _EXACT:
        diagonal = np.frombuffer(log_d).reshape(-1, n)
        off = np.frombuffer(log_e).reshape(len(diagonal), n - 1)
        _EXACT[log_d, log_e] = reference.log_eigenvalues(diagonal, off)
    return _EXACT[log_d, log_e]


@needs_extended
@pytest.mark.parametrize("kappa", [0.01, 1.0, 20.0])
def test_the_high_temperature_ensemble_against_extended_precision(
    kappa: float, instruction_set: str
) -> None:
    log_d, log_e = hot_entries(80, kappa, size=2, seed=1)
    exact = log_eigenvalues_once(log_d.tobytes(), log_e.tobytes(), 80)
    assert_close(htmu.log_eigenvalues(log_d, log_e), exact)


def test_eigenvalues_of_1e_5000_against_mpmath(instruction_set: str) -> None:
    log_d = np.array([-0.5, -5757.0, 1.0, -2000.0, -11.0])
    log_e = np.array([-3000.0, -1.0, -700.0, -1500.0])
    exact = reference.log_eigenvalues_mpmath(log_d, log_e, digits=5200)
    assert exact[0] < -5000 * math.log(10) / 2
    assert_close(htmu.log_eigenvalues(log_d, log_e), exact)


@needs_extended
def test_moderate_eigenvalues_are_those_of_the_singular_values(instruction_set: str) -> None:
    case = bidiagonal_case(21)
    with np.errstate(divide="ignore"):
        log_d, log_e = np.log(np.abs(case.d)), np.log(np.abs(case.e))
    found = htmu.log_eigenvalues(log_d, log_e)
    known = case.exact > case.norm * np.longdouble(2) ** -3990
    # A rounded logarithm l moves its entry by |l| / 2 epsilons relatively; an eigenvalue moves by
    # twice the sum over the 2 n - 1 entries at most.
    usual = np.where(np.isfinite(log_e), np.abs(log_e), 0)
    moved = 2.3e-16 * (np.abs(log_d).sum(axis=1) + usual.sum(axis=1))
    exact = np.log(case.exact)
    error = np.abs(found - exact) - moved[:, None]
    assert (error <= 1e-14 * np.maximum(1, np.abs(exact)))[known].all()


@given(
    n=st.integers(1, 40),
    span=st.sampled_from([1.0, 50.0, 3000.0, 1e5]),
    seed=st.integers(0, 2**32 - 1),
)
@settings(deadline=None, max_examples=60, derandomize=True)
def test_the_determinant_a_reversal_and_a_scaling(
    instruction_set: str, n: int, span: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    log_d, log_e = rng.uniform(-span, span, n), rng.uniform(-span, span, n - 1)
    found = htmu.log_eigenvalues(log_d, log_e)
    bound = 1e-14 * np.maximum(1, np.abs(found))
    # det B B^T = prod d^2, exactly; the sum of n logarithms is rounded as well.
    assert abs(found.sum() - 2 * log_d.sum()) <= bound.sum() + 4e-16 * n * np.abs(found).sum()
    # Reversed rows and columns of the transpose: the same singular values.
    assert (np.abs(htmu.log_eigenvalues(log_d[::-1], log_e[::-1]) - found) <= 2 * bound).all()
    shift = round(0.3 * span)
    moved = htmu.log_eigenvalues(log_d + shift, log_e + shift)
    # Each shifted logarithm is rounded at the size of the largest; the condition is 2 per entry.
    rounding = 2.3e-16 * 2 * (2 * n - 1) * (1.3 * span)
    error = np.abs(moved - 2 * shift - found)
    assert (error <= bound + 1e-14 * np.maximum(1, np.abs(moved)) + rounding).all()


def test_batches_and_threads_give_the_same_bits(instruction_set: str) -> None:
    log_d, log_e = hot_entries(30, 2.0, size=20, seed=2)
    whole = htmu.log_eigenvalues(log_d, log_e, n_threads=1)
    np.testing.assert_array_equal(htmu.log_eigenvalues(log_d, log_e, n_threads=2), whole)
    np.testing.assert_array_equal(htmu.log_eigenvalues(log_d[3], log_e[3]), whole[3])
    shaped = htmu.log_eigenvalues(log_d.reshape(4, 5, 30), log_e.reshape(4, 5, 29))
    np.testing.assert_array_equal(shaped, whole.reshape(4, 5, 30))
    order = np.random.default_rng(3).permutation(20)
    np.testing.assert_array_equal(htmu.log_eigenvalues(log_d[order], log_e[order]), whole[order])


@pytest.mark.parametrize(
    ("log_d", "log_e", "error", "message"),
    [
        ([0.0, np.nan], [0.0], htmu.errors.NonFiniteError, "log_d"),
        ([0.0, np.inf], [0.0], htmu.errors.NonFiniteError, "log_d"),
        ([0.0, -np.inf], [0.0], htmu.errors.NonFiniteError, "log_d"),
        ([0.0, 1.0], [np.nan], htmu.errors.NonFiniteError, "log_e"),
        ([0.0, 1.0], [np.inf], htmu.errors.NonFiniteError, "log_e"),
        ([0.0, 1.0, 2.0], [0.0, np.nan], htmu.errors.NonFiniteError, "log_e .* at index 1"),
        ([0.0, 6e8], [0.0], htmu.errors.InvalidInputError, "log_d .* got 6e\\+08 at index 1"),
        ([-1e308, 0.0], [0.0], htmu.errors.InvalidInputError, "log_d .* index 0"),
        ([0.0, 1.0], [-6e8], htmu.errors.InvalidInputError, "log_e .* got -6e\\+08"),
        ([0.0, 1.0], [0.0, 1.0], htmu.errors.InvalidInputError, "log_e must have shape"),
        ([], [], htmu.errors.InvalidInputError, "log_d must have shape"),
        (["x"], [], htmu.errors.InvalidInputError, "real numbers"),
    ],
)
def test_bad_logarithms_are_refused_in_one_line(
    log_d: list[float], log_e: list[float], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        htmu.log_eigenvalues(log_d, log_e)
    assert "\n" not in str(caught.value)
