"""All eigenvalues of every family, by every native driver, against extended precision."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import tridiagonal as reference
import tridiagonal_families as families
from numpy.typing import NDArray
from tridiagonal_cases import Case, bidiagonal_case, tridiagonal_case

import htmu

pytestmark = pytest.mark.skipif(
    not reference.IS_EXTENDED, reason="long double is no wider than double here"
)
SIZES = (1, 2, 3, 10, 21, 64, 100)
BATCHES = (1, 2, 7, 31, 32, 33, 100)
# Squares below this part of the largest one leave the range of double precision.
FLOOR = 1e-289


def batches(case: Case) -> list[Case]:
    """All families once, then mixed batches of each size, of at most 10,000 rows of entries."""
    rng = np.random.default_rng(len(case.names))
    n = case.d.shape[1]
    picks = [
        rng.integers(len(case.names), size=size)
        for size in BATCHES
        if size * n <= max(10_000, 2 * n)
    ]
    return [case, *(case.rows(pick) for pick in picks)]


def assert_absolute(found: NDArray[np.float64], case: Case, bound: float) -> None:
    assert found.shape == case.exact.shape
    assert np.isfinite(found).all(), case.worst(~np.isfinite(found) * 1.0)
    assert (np.diff(found, axis=-1) >= 0).all()
    error = np.abs(found - case.exact) / case.norm
    assert error.max() <= bound, case.worst(error)


def assert_relative(singular: NDArray[np.float64], case: Case) -> None:
    """Descending singular values against their squares, ascending."""
    assert singular.shape == case.exact.shape
    assert np.isfinite(singular).all(), case.worst(~np.isfinite(singular) * 1.0)
    assert (np.diff(singular, axis=-1) <= 0).all()
    assert (singular >= 0).all()
    found = reference.extended(singular[:, ::-1])
    exact = np.sqrt(case.exact)
    lowest = np.sqrt(np.longdouble(FLOOR)) * exact[:, -1:]
    error = np.abs(found / exact - 1)
    error = np.where(exact > lowest, error, np.where(found <= 1.01 * lowest, 0, 1))
    assert error.max() <= 1e-14, case.worst(error)


def qr_bound(n: int, instruction_set: str) -> float:
    # Rounding errors of the sweeps add up like a random walk: about sqrt(n) half-epsilons of the
    # norm, with a constant of 2 to 4 that LAPACK's sterf has too. Where there is no fused
    # multiply-add, tight clusters at both ends of the spectrum reach 2.2e-15 sqrt(n).
    constant = 2.5e-15 if instruction_set == "baseline" else 1e-15
    return constant * float(np.sqrt(n)) if n > 1 else 0.0


@pytest.mark.parametrize("n", [*SIZES, 300, 1000])
def test_lockstep_qr_finds_every_eigenvalue_of_mixed_batches(n: int, instruction_set: str) -> None:
    for case in batches(tridiagonal_case(n)):
        found = htmu.eigvalsh_tridiagonal(case.d, case.e, driver="qr")
        assert_absolute(found, case, qr_bound(n, instruction_set))


@pytest.mark.parametrize("n", [*SIZES, 300, 1000])
def test_sturm_finds_every_eigenvalue_of_single_matrices(n: int, instruction_set: str) -> None:
    case = tridiagonal_case(n)
    found = np.array(
        [
            htmu.eigvalsh_tridiagonal(d, e, driver="sturm")
            for d, e in zip(case.d, case.e, strict=True)
        ]
    )
    # A count is exact for entries changed by a few half-epsilons, whatever the size.
    assert_absolute(found, case, 1e-15)


@pytest.mark.parametrize("driver", ["auto", "qr", "sturm"])
@pytest.mark.parametrize("n", [*SIZES, 1000])
def test_singular_values_have_relative_accuracy(n: int, driver: str, instruction_set: str) -> None:
    case = bidiagonal_case(n)
    assert_relative(htmu.singvals_bidiagonal(case.d, case.e, driver=driver), case)


@pytest.mark.parametrize("n", [2, 21, 100])
def test_singular_values_have_relative_accuracy_in_mixed_batches(
    n: int, instruction_set: str
) -> None:
    for case in batches(bidiagonal_case(n)):
        assert_relative(htmu.singvals_bidiagonal(case.d, case.e, driver="qr"), case)


@pytest.mark.parametrize("driver", ["qr", "sturm"])
def test_singular_values_ignore_signs_and_orientation(driver: str, instruction_set: str) -> None:
    case = bidiagonal_case(21)
    rng = np.random.default_rng(1)
    signed = htmu.singvals_bidiagonal(
        case.d * rng.choice([-1, 1], case.d.shape),
        case.e * rng.choice([-1, 1], case.e.shape),
        driver=driver,
    )
    assert_relative(signed, case)
    # Reversed rows and columns of the transpose: the same singular values.
    reverse = htmu.singvals_bidiagonal(case.d[:, ::-1], case.e[:, ::-1], driver=driver)
    assert_relative(reverse, case)


@pytest.mark.parametrize("driver", ["qr", "sturm"])
@pytest.mark.parametrize("n", [1, 2, 3, 50, 257])
def test_closed_forms(n: int, driver: str, instruction_set: str) -> None:
    rng = np.random.default_rng(2)
    # The solver's bound and half an epsilon of the norm for the rounded entries.
    bound = max(1e-15 * np.sqrt(n), 1e-15) + 4 * families.EPS
    found = htmu.eigvalsh_tridiagonal(*families.toeplitz(n, rng), driver=driver)
    assert np.abs(found - families.toeplitz_eigenvalues(n)).max() <= 4 * bound
    found = htmu.eigvalsh_tridiagonal(*families.clement(n, rng), driver=driver)
    assert np.abs(found - np.arange(1 - n, n, 2)).max() <= n * bound
    # Zeros of Legendre polynomials, relatively for the Laguerre ones: a rounded entry moves a
    # singular value by its relative error, of which there are 2 n - 1 (Demmel and Kahan 1990).
    found = htmu.eigvalsh_tridiagonal(*families.legendre_jacobi(n, rng), driver=driver)
    assert np.abs(found - families.quadrature_nodes("legendre", n)).max() <= bound
    if n <= 100:
        nodes = families.quadrature_nodes("laguerre", n)
        singular = htmu.singvals_bidiagonal(
            *families.laguerre_jacobi_bidiagonal(n, rng), driver=driver
        )
        error = np.abs(singular[::-1] ** 2 / nodes - 1)
        assert error.max() <= 2e-14 + 2 * n * families.EPS + 1e-14  # the last: SciPy's nodes


@pytest.mark.parametrize("driver", ["sterf", "stebz", "stemr"])
@pytest.mark.parametrize("n", [2, 21, 100])
def test_lapack_drivers_on_the_same_families(n: int, driver: str) -> None:
    case = tridiagonal_case(n)
    if (
        driver == "stebz"
    ):  # it does not scale: with entries of 1e300 it fails, of 1e-300 it is wrong
        kept = [i for i, name in enumerate(case.names) if not name.endswith("300")]
        case = case.rows(np.array(kept))
    found = htmu.eigvalsh_tridiagonal(case.d, case.e, driver=driver)
    assert_absolute(found, case, 5e-15 * np.sqrt(n))


def drawn_case(makers: list[families.Family], n: int, size: int, seed: int) -> Case:
    """Matrices drawn from each family in turn."""
    rng = np.random.default_rng([seed, n])
    drawn = [makers[i % len(makers)](n, rng) for i in range(size)]
    d, e = np.array([m[0] for m in drawn]), np.array([m[1] for m in drawn])
    exact = reference.eigenvalues(d, e)
    norm = np.abs(exact).max(axis=-1, keepdims=True)
    names = tuple(f"draw {i}" for i in range(size))
    return Case(names, d, e, exact, np.where(norm > 0, norm, 1))


@pytest.mark.parametrize("n", [4, 17, 30, 39])
def test_repeated_and_nearly_repeated_blocks(n: int, instruction_set: str) -> None:
    case = few_values_case(n, 300, seed=1)
    assert_absolute(
        htmu.eigvalsh_tridiagonal(case.d, case.e, driver="qr"), case, qr_bound(n, instruction_set)
    )
    assert_absolute(htmu.eigvalsh_tridiagonal(case.d, case.e, driver="sturm"), case, 1e-15)


@functools.cache
def few_values_case(n: int, size: int, seed: int) -> Case:
    return drawn_case([families.few_values], n, size, seed)


#: Diagonals and off-diagonals, a letter an entry, with pairs of eigenvalues so close that a secant
#: step on one of them can look converged far from the other.
LETTERS = {"0": 0, "1": 1, "-": -1, "2": 2, "f": 49, "b": 941, "m": 1e-3, "s": 1e-8}
CLOSE_PAIRS = [
    ("m-m--mm-mmmmmb0mb-b", "0m0m0m000m0mmm000-"),
    ("00-00s-0ss00b0100bb00--s010-", "sb-1bssb1bbs0111--sb1-1bs1b"),
    ("1b1111b1bbb1bbb01b11bbb1bbbb", "b101bbb000010001b0bb0000b00"),
    ("0mm0m020m0m00mb0bbb202mbm00m2mmbm", "mbmmmmmm2m0mmm220bmb22m002m022mm"),
    ("ff1ffffsff001s1f00ffs01f11s1010fs1s1fff", "10f0f1sssff11s1sfs1sf10f1f010ff10ff0sf"),
]


@pytest.mark.parametrize(("d", "e"), CLOSE_PAIRS)
def test_close_pairs_are_told_apart(d: str, e: str, instruction_set: str) -> None:
    diagonal, off = (np.array([float(LETTERS[c]) for c in part]) for part in (d, e))
    exact = reference.eigenvalues_mpmath(diagonal, off, digits=60)
    norm = np.abs(exact).max()
    for driver, bound in (("qr", qr_bound(len(d), instruction_set)), ("sturm", 1e-15)):
        found = htmu.eigvalsh_tridiagonal(diagonal, off, driver=driver)
        assert np.abs(found - exact).max() <= bound * norm, driver


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("n", [5, 28, 33, 150])
def test_many_more_random_matrices(n: int, seed: int, instruction_set: str) -> None:
    makers = [
        make(beta) for beta in families.BETAS for make in (families.laguerre, families.hermite)
    ]
    for case in (drawn_case(makers, n, 64, seed), few_values_case(n, 500, seed + 2)):
        assert_absolute(
            htmu.eigvalsh_tridiagonal(case.d, case.e, driver="qr"),
            case,
            qr_bound(n, instruction_set),
        )
        assert_absolute(htmu.eigvalsh_tridiagonal(case.d, case.e, driver="sturm"), case, 1e-15)


@pytest.mark.slow
def test_large_matrices(instruction_set: str) -> None:
    case = tridiagonal_case(3000)
    found = htmu.eigvalsh_tridiagonal(case.d, case.e, driver="qr")
    assert_absolute(found, case, qr_bound(3000, instruction_set))
    found = htmu.eigvalsh_tridiagonal(case.d, case.e, driver="sturm")
    assert_absolute(found, case, 1e-15)
    squares = bidiagonal_case(3000)
    for driver in ("qr", "sturm"):
        assert_relative(htmu.singvals_bidiagonal(squares.d, squares.e, driver=driver), squares)
