"""Ranges of eigenvalues and singular values: which ones, in which order, how accurate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tridiagonal as reference
from tridiagonal_cases import bidiagonal_case, tridiagonal_case

import htmu

needs_extended = pytest.mark.skipif(
    not reference.IS_EXTENDED, reason="long double is no wider than double here"
)
DRIVERS = ("auto", "sturm")
#: select, select_range -> ascending indices, for n = 21.
CHOICES: list[tuple[str, Any, slice]] = [
    ("i", (0, 20), slice(0, 21)),
    ("i", (0, 0), slice(0, 1)),
    ("i", (20, 20), slice(20, 21)),
    ("i", (7, 15), slice(7, 16)),
    ("largest", 1, slice(20, 21)),
    ("largest", 9, slice(12, 21)),
    ("largest", 21, slice(0, 21)),
    ("smallest", 1, slice(0, 1)),
    ("smallest", 9, slice(0, 9)),
    ("smallest", 21, slice(0, 21)),
]


@needs_extended
@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize(("select", "select_range", "chosen"), CHOICES)
def test_eigenvalues_by_index_of_every_family(
    select: str, select_range: Any, chosen: slice, driver: str, instruction_set: str
) -> None:
    case = tridiagonal_case(21)
    found = htmu.eigvalsh_tridiagonal(
        case.d, case.e, driver=driver, select=select, select_range=select_range
    )
    exact = case.exact[:, chosen]
    assert found.shape == exact.shape
    assert (np.diff(found, axis=-1) >= 0).all()
    # All of them may come from QR, whose errors grow like sqrt(n).
    bound = 1e-15 * np.sqrt(21) if driver == "auto" and exact.shape[1] == 21 else 1e-15
    error = np.abs(found - exact) / case.norm
    assert error.max() <= bound, case.worst(error)


@needs_extended
@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize(("select", "select_range", "chosen"), CHOICES)
def test_singular_values_by_index_of_every_family(
    select: str, select_range: Any, chosen: slice, driver: str, instruction_set: str
) -> None:
    case = bidiagonal_case(21)
    found = htmu.singvals_bidiagonal(
        case.d, case.e, driver=driver, select=select, select_range=select_range
    )
    # Indices count from the largest singular value.
    ordered = np.sqrt(case.exact)[:, ::-1] if select == "i" else np.sqrt(case.exact)
    exact = ordered[:, chosen] if select == "i" else ordered[:, chosen][:, ::-1]
    assert found.shape == exact.shape
    assert (np.diff(found, axis=-1) <= 0).all()
    lowest = np.sqrt(np.longdouble(1e-289) * case.norm)
    error = np.where(exact > lowest, np.abs(found / exact - 1), 0)
    assert error.max() <= 1e-14, case.worst(error)


@needs_extended
@pytest.mark.parametrize("driver", DRIVERS)
def test_eigenvalues_in_an_interval_of_every_family(driver: str, instruction_set: str) -> None:
    case = tridiagonal_case(21)
    for row, name in enumerate(case.names):
        exact, norm = case.exact[row], float(case.norm[row, 0])
        for low, high in ((-2.0, 2.0), (0.0123, 0.5077), (-0.3003, 0.8101), (1.5, 1.6)):
            lower, upper = low * norm, high * norm
            distance = np.abs(exact - np.array([[lower], [upper]])).min()
            assert distance > 1e-6 * norm, f"{name}: move the bounds"
            found = htmu.eigvalsh_tridiagonal(
                case.d[row], case.e[row], driver=driver, select="v", select_range=(lower, upper)
            )
            expected = exact[(exact > lower) & (exact <= upper)]
            assert found.shape == expected.shape, name
            assert (np.abs(found - expected) <= 1e-15 * norm).all(), name


@needs_extended
def test_singular_values_in_an_interval_however_small(instruction_set: str) -> None:
    case = bidiagonal_case(21)
    exact = np.sqrt(case.exact[case.names.index("graded down 144")])[::-1]
    for first, last in ((0, 3), (5, 12), (15, 20)):
        lower = float(np.sqrt(exact[last] * exact[last + 1])) if last < 20 else 1e-300
        upper = float(np.sqrt(exact[first] * exact[first - 1])) if first > 0 else 10.0
        row = case.names.index("graded down 144")
        found = htmu.singvals_bidiagonal(
            case.d[row], case.e[row], select="v", select_range=(lower, upper)
        )
        np.testing.assert_allclose(found, exact[first : last + 1].astype(float), rtol=1e-14)


def test_an_interval_without_eigenvalues_is_empty(instruction_set: str) -> None:
    d, e = np.full(9, 2.0), np.full(8, -1.0)
    for driver in DRIVERS:
        found = htmu.eigvalsh_tridiagonal(d, e, driver=driver, select="v", select_range=(4.5, 9.0))
        assert found.shape == (0,)
    assert htmu.singvals_bidiagonal(d, e, select="v", select_range=(9.0, 10.0)).shape == (0,)


def test_batch_axes_stay_in_front(instruction_set: str) -> None:
    d, e = np.ones((2, 3, 8)) * np.arange(8.0), np.full((2, 3, 7), 0.1)
    options = {"select": "largest", "select_range": 5}
    for compute in (htmu.eigvalsh_tridiagonal, htmu.singvals_bidiagonal):
        found = compute(d, e, **options)  # type: ignore[arg-type]
        assert found.shape == (2, 3, 5)
        assert (found == found[0, 0]).all()
        one = compute(d[0, 0], e[0, 0], **options)  # type: ignore[arg-type]
        np.testing.assert_allclose(found[0, 0], one, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("compute", [htmu.eigvalsh_tridiagonal, htmu.singvals_bidiagonal])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"driver": "qd"}, "driver must be one of"),
        ({"driver": None}, "driver must be one of"),
        ({"select": "b"}, "select must be one of"),
        ({"select": "i"}, "select_range must be a pair"),
        ({"select": "i", "select_range": 1}, "select_range must be a pair"),
        ({"select": "i", "select_range": (0, 1, 2)}, "select_range must be a pair"),
        ({"select": "i", "select_range": (0, 3)}, "select_range"),
        ({"select": "i", "select_range": (-1, 1)}, "select_range"),
        ({"select": "i", "select_range": (2, 1)}, "select_range"),
        ({"select": "i", "select_range": (0.5, 1)}, "select_range"),
        ({"select": "v", "select_range": (1.0, 1.0)}, "select_range"),
        ({"select": "v", "select_range": (2.0, 1.0)}, "select_range"),
        ({"select": "v", "select_range": (np.nan, 1.0)}, "select_range"),
        ({"select": "largest"}, "select_range"),
        ({"select": "largest", "select_range": 0}, "select_range"),
        ({"select": "largest", "select_range": 4}, "select_range"),
        ({"select": "smallest", "select_range": (0, 1)}, "select_range"),
        ({"select": "smallest", "select_range": "two"}, "select_range"),
        ({"driver": "qr", "select": "i", "select_range": (0, 1)}, "'sturm'"),
        ({"select_range": (0, 1)}, "takes all"),
        ({"n_threads": 0}, "n_threads"),
    ],
)
def test_bad_choices_are_refused_in_one_line(
    compute: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(htmu.errors.InvalidInputError, match=message) as caught:
        compute([1.0, 2.0, 3.0], [0.5, 0.5], **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("compute", [htmu.eigvalsh_tridiagonal, htmu.singvals_bidiagonal])
def test_an_interval_of_a_batch_is_refused(compute: Any) -> None:
    with pytest.raises(htmu.errors.InvalidInputError, match="single matrix") as caught:
        compute(np.ones((2, 3)), np.ones((2, 2)), select="v", select_range=(0.0, 1.0))
    assert "\n" not in str(caught.value)
