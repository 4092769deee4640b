"""The references themselves: Sturm counts in extended precision, mpmath and closed forms agree."""

from __future__ import annotations

import numpy as np
import pytest
import tridiagonal as reference
import tridiagonal_families as families
from tridiagonal_cases import BIDIAGONAL, PRESCRIBED, TRIDIAGONAL, matrices

pytestmark = pytest.mark.skipif(
    not reference.IS_EXTENDED, reason="long double is no wider than double here"
)
RNG = np.random.default_rng(0)


@pytest.mark.parametrize("n", [2, 3, 12])
def test_bisection_and_mpmath_agree_on_every_tridiagonal_family(n: int) -> None:
    chosen = TRIDIAGONAL | PRESCRIBED
    d, e = matrices(chosen, n)
    found = reference.eigenvalues(d, e)
    for row, name in enumerate(chosen):
        exact = reference.eigenvalues_mpmath(d[row], e[row])
        assert np.abs(found[row] - exact).max() <= 3e-18 * np.abs(exact).max(), name


def test_bisection_and_mpmath_agree_at_size_30() -> None:
    for name in ("Laguerre beta=2", "Wilkinson", "geometric, signed"):
        d, e = (TRIDIAGONAL | PRESCRIBED)[name](30, RNG)
        exact = reference.eigenvalues_mpmath(d, e, digits=60)
        assert np.abs(reference.eigenvalues(d, e) - exact).max() <= 3e-18 * np.abs(exact).max()


@pytest.mark.parametrize("n", [2, 9])
def test_bisection_and_mpmath_agree_relatively_on_every_bidiagonal_family(n: int) -> None:
    d, e = matrices(BIDIAGONAL, n)
    found = reference.squared_singular_values(d, e)
    for row, name in enumerate(BIDIAGONAL):
        # Squares spread over at most 1e1300; 40 digits are left for the smallest.
        exact = reference.squared_singular_values_mpmath(d[row], e[row], digits=1350)
        known = exact > exact[-1] * np.longdouble(2) ** -3990
        assert (np.abs(found[row] - exact) <= 1e-17 * exact)[known].all(), name


def test_logarithms_by_bisection_and_by_mpmath_agree_down_to_1e_10000() -> None:
    for span, digits in ((10.0, 60), (1000.0, 1000), (12_000.0, 10_600)):
        log_d, log_e = -RNG.uniform(0, span, 5), -RNG.uniform(0, span, 4)
        exact = reference.log_eigenvalues_mpmath(log_d, log_e, digits)
        error = np.abs(reference.log_eigenvalues(log_d, log_e) - exact)
        assert (error <= 1e-17 * np.maximum(1, np.abs(exact))).all()


def test_logarithms_are_those_of_the_squared_singular_values() -> None:
    d, e = families.laguerre_bidiagonal("2/N")(60, RNG)
    e = np.maximum(e, 1e-300)
    # Logarithms in double precision: each entry, so each eigenvalue, moves by its rounding.
    rounding = np.abs(np.log(e)).max() * families.EPS * 60
    found = reference.log_eigenvalues(np.log(d), np.log(e))
    exact = np.log(reference.squared_singular_values(d, e))
    assert np.abs(found - exact).max() <= rounding


@pytest.mark.parametrize("n", [1, 2, 3, 50, 200])
def test_known_spectra_are_found(n: int) -> None:
    # Entries are rounded, so eigenvalues move by up to half an epsilon of the norm; the closed
    # forms are themselves in double precision.
    bound = 4 * families.EPS
    exact = families.toeplitz_eigenvalues(n)
    found = reference.eigenvalues(*families.toeplitz(n, RNG))
    assert np.abs(found - exact).max() <= bound * exact.max()
    found = reference.eigenvalues(*families.clement(n, RNG))
    assert np.abs(found - np.arange(1 - n, n, 2)).max() <= bound * n
    for name, family in (
        ("legendre", families.legendre_jacobi),
        ("hermite", families.hermite_jacobi),
        ("laguerre", families.laguerre_jacobi),
    ):
        exact = families.quadrature_nodes(name, min(n, 100))
        found = reference.eigenvalues(*family(min(n, 100), RNG))
        # SciPy's nodes have an error of some epsilons of the norm of their own.
        assert np.abs(found - exact).max() <= 20 * families.EPS * np.abs(exact).max(), name
    squares = reference.squared_singular_values(*families.laguerre_jacobi_bidiagonal(n, RNG))
    tridiagonal = reference.eigenvalues(*families.laguerre_jacobi(n, RNG))
    assert np.abs(squares - tridiagonal).max() <= bound * tridiagonal[-1]


def test_counts_of_a_diagonal_matrix() -> None:
    d = np.array([3.0, -1.0, 2.0])
    points = [-2.0, 0.0, 2.5, 4.0]
    assert reference.count_tridiagonal(d, np.zeros(2), points).tolist() == [0, 1, 2, 3]
    assert reference.count_bidiagonal(d, np.zeros(2), [0.5, 1.5, 5.0, 10.0]).tolist() == [
        0,
        1,
        2,
        3,
    ]
