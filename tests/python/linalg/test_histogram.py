"""Sturm counts and spectral histograms: no edge miscounted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tridiagonal as reference
from numpy.typing import NDArray
from tridiagonal_cases import tridiagonal_case

import htmu

needs_extended = pytest.mark.skipif(
    not reference.IS_EXTENDED, reason="long double is no wider than double here"
)
ENSEMBLES = {
    "beta=1": {"n": 30, "beta": 1.0, "a": 0.5},
    "beta=2, scaled": {"n": 30, "beta": 2.0, "a": 3.0, "rate": 1e6},
    "beta=2/n": {"n": 30, "beta": 2 / 30, "a": 0.0},
    "beta=0": {"n": 30, "beta": 0.0, "a": 0.0},
    "hard edge": {"n": 30, "beta": 2 / 30, "a": -0.9},
    "n=1": {"n": 1, "beta": 1.0, "a": 0.0},
    "n=2": {"n": 2, "beta": 4.0, "a": 0.0},
}
SIZE = 50
_EXACT: dict[str, reference.Extended] = {}


def exact_eigenvalues(name: str) -> reference.Extended:
    """All eigenvalues of the sampled matrices, ascending, once for all instruction sets."""
    if name not in _EXACT:
        ensemble = htmu.LaguerreEnsemble(**ENSEMBLES[name])  # type: ignore[arg-type]
        d, e = ensemble.sample_bidiagonal(SIZE, seed=5)
        _EXACT[name] = np.sort(reference.squared_singular_values(d, e).ravel())
    return _EXACT[name]


def counts_between(values: reference.Extended, edges: NDArray[np.float64]) -> list[int]:
    """Values in each [edge, next edge); none may lie within rounding of an edge."""
    places = np.searchsorted(values, edges)
    for edge, place in zip(edges, places, strict=True):
        near = values[max(0, place - 1) : place + 1]
        assert (np.abs(near - edge) > 1e-12 * edge).all(), "move the edges"
    return [int(c) for c in np.diff(places)]


@needs_extended
@pytest.mark.parametrize("name", ENSEMBLES)
@pytest.mark.parametrize("kind", ["linear", "logarithmic", "far tails", "one bin", "quantiles"])
def test_no_eigenvalue_is_in_the_wrong_bin(name: str, kind: str, instruction_set: str) -> None:
    values = exact_eigenvalues(name)
    top = float(values[-1])
    edges = {
        "linear": np.linspace(0.0101, 1.01, 41) * top,
        "logarithmic": np.geomspace(1e-30, 2, 60) * top,
        "far tails": np.array([1e-300, 1e-200, 1e-100, 1e-30, 10 * top, 1e100, 1e300]),
        "one bin": np.array([0.1003, 0.9007]) * top,
        # Between neighbouring eigenvalues, half of the gap from either.
        "quantiles": ((values[:-1] + values[1:]) / 2)[:: max(1, len(values) // 50)].astype(float),
    }[kind]
    ensemble = htmu.LaguerreEnsemble(**ENSEMBLES[name])  # type: ignore[arg-type]
    found = htmu.spectral_histogram(ensemble, edges, SIZE, seed=5)
    assert found.shape == (len(edges) - 1,)
    assert found.dtype.kind == "i"
    assert found.tolist() == counts_between(values, edges)


def test_bins_over_everything_hold_every_eigenvalue(instruction_set: str) -> None:
    ensemble = htmu.LaguerreEnsemble(200, beta=1.0)
    found = htmu.spectral_histogram(ensemble, np.linspace(-1, 1e5, 102), 20, seed=1)
    assert found.sum() == 20 * 200
    edges = np.linspace(0, 900, 10)
    fine = htmu.spectral_histogram(ensemble, np.linspace(0, 900, 91), 20, seed=1)
    coarse = htmu.spectral_histogram(ensemble, edges, 20, seed=1)
    np.testing.assert_array_equal(fine.reshape(9, 10).sum(axis=1), coarse)


def test_histograms_depend_on_the_seed_only(instruction_set: str) -> None:
    ensemble = htmu.LaguerreEnsemble(40, beta=0.5)
    edges = np.linspace(0, 60, 33)
    one = htmu.spectral_histogram(ensemble, edges, 100, seed=3, n_threads=1)
    two = htmu.spectral_histogram(ensemble, edges, 100, seed=3, n_threads=2)
    np.testing.assert_array_equal(one, two)
    assert (htmu.spectral_histogram(ensemble, edges, 100, seed=4) != one).any()
    assert htmu.spectral_histogram(ensemble, edges, 0, seed=3).tolist() == [0] * 32


@needs_extended
@pytest.mark.parametrize("n", [1, 2, 3, 21, 100])
def test_counts_of_every_family(n: int, instruction_set: str) -> None:
    case = tridiagonal_case(n)
    rng = np.random.default_rng(n)
    for row, name in enumerate(case.names):
        norm, exact = float(case.norm[row, 0]), case.exact[row]
        edges = np.r_[rng.uniform(-1.2, 1.2, 50) * norm, -1e300, 1e300, 0.0]
        near = (exact[:, None] + np.array([-1e-14, 1e-14]) * norm).astype(float).ravel()
        edges = np.r_[edges, near]
        # Exact for entries changed by half-epsilons: 2e-15 of the norm on either side.
        clear = np.abs(edges[:, None] - exact).min(axis=1) > 2e-15 * norm
        found = htmu.count_eigenvalues(case.d[row], case.e[row], edges[clear])
        assert found.tolist() == np.searchsorted(exact, edges[clear]).tolist(), name


@pytest.mark.parametrize("n", [1, 2, 9, 40])
def test_counts_of_diagonal_matrices_are_exact_at_their_eigenvalues(
    n: int, instruction_set: str
) -> None:
    rng = np.random.default_rng(n)
    for _ in range(20):
        d = rng.integers(-3, 4, n).astype(float)
        edges = np.arange(-4.0, 5.0)
        expected = [int((d < edge).sum()) for edge in edges]
        assert htmu.count_eigenvalues(d, np.zeros(n - 1), edges).tolist() == expected
        for lower, upper in [(-2, 1), (0, 3), (-3, -1)]:
            inside = np.sort(d[(d > lower) & (d <= upper)])
            found = htmu.eigvalsh_tridiagonal(
                d, np.zeros(n - 1), select="v", select_range=(lower, upper)
            )
            assert found.tolist() == inside.tolist()
            singular = htmu.singvals_bidiagonal(
                d, np.zeros(n - 1), select="v", select_range=(1, upper + 3)
            )
            magnitudes = np.sort(np.abs(d))[::-1]
            kept = magnitudes[(magnitudes > 1) & (magnitudes <= upper + 3)]
            assert singular.tolist() == kept.tolist()


def ulps_around(x: float, reach: int) -> NDArray[np.float64]:
    """The doubles next to x, ascending."""
    bits = np.array(x).view(np.int64) + np.arange(-reach, reach + 1)
    return np.sort(bits.view(np.float64))


def test_counts_ascend_with_the_edges_even_next_to_eigenvalues(instruction_set: str) -> None:
    d, e = np.array([1.0, -3.0, -2.0, -1.0]), np.array([1.0, 0.0, -2.0])
    for eigenvalue in htmu.eigvalsh_tridiagonal(d, e):
        edges = ulps_around(float(eigenvalue), 40)
        counts = htmu.count_eigenvalues(d, e, edges)
        assert (np.diff(counts) >= 0).all()
        shuffled = np.random.default_rng(0).permutation(len(edges))
        np.testing.assert_array_equal(
            htmu.count_eigenvalues(d, e, edges[shuffled]), counts[shuffled]
        )
    for ensemble in (
        htmu.LaguerreEnsemble(60),
        htmu.HermiteEnsemble(60, beta=1.0),
        htmu.JacobiEnsemble(60, beta=1.0),
    ):
        for eigenvalue in ensemble.eigenvalues(1, seed=20)[0, ::7]:
            edges = ulps_around(float(eigenvalue), 30)
            assert htmu.spectral_histogram(ensemble, edges, 1, seed=20).min() >= 0


@pytest.mark.parametrize(
    "ensemble",
    [
        htmu.HermiteEnsemble(50, beta=2.0),
        htmu.HermiteEnsemble(50, beta=0.0),
        htmu.JacobiEnsemble(50, beta=1.0, a=0.5, b=2.0),
        htmu.JacobiEnsemble(50, beta=0.04, a=-0.5, b=-0.5),
    ],
)
def test_histograms_of_the_other_ensembles(ensemble: Any, instruction_set: str) -> None:
    values = np.sort(ensemble.eigenvalues(SIZE, seed=6).ravel())
    # Edges half way between neighbours: eigenvalues of the same matrices, by another kernel.
    edges = ((values[:-1] + values[1:]) / 2)[::37]
    wide = np.r_[True, np.diff(edges) > 1e-9]
    edges = edges[wide]
    near = np.abs(values[:, None] - edges).min(axis=0) > 1e-12 * np.abs(values).max()
    edges = edges[near]
    assert len(edges) > 20
    found = htmu.spectral_histogram(ensemble, edges, SIZE, seed=6)
    np.testing.assert_array_equal(found, np.diff(np.searchsorted(values, edges)))


def test_counts_have_the_shapes_of_batch_and_edges(instruction_set: str) -> None:
    d, e = np.tile([2.0, 2.0, 2.0], (2, 4, 1)), np.full((2, 4, 2), -1.0)
    found = htmu.count_eigenvalues(d, e, [0.0, 1.0, 3.0, 4.0])
    assert found.shape == (2, 4, 4)
    assert (found == [0, 1, 2, 3]).all()
    assert htmu.count_eigenvalues(d, e, []).shape == (2, 4, 0)
    assert htmu.count_eigenvalues(d, e, 1.5).shape == (2, 4)
    alone = htmu.count_eigenvalues(d[0, 0], e[0, 0], 1.5)
    assert alone.shape == ()
    assert alone == 1
    assert htmu.count_eigenvalues(d[:0], e[:0], [1.0]).shape == (0, 4, 1)
    for m in (1, 2, 7, 8, 9, 15, 17, 33, 65):
        edges = np.linspace(-1, 5, m)
        expected = np.searchsorted([2 - np.sqrt(2), 2.0, 2 + np.sqrt(2)], edges)
        keep = np.abs(edges - 2) > 1e-9
        found = htmu.count_eigenvalues(d[0, 0], e[0, 0], edges)
        np.testing.assert_array_equal(found[keep], expected[keep])


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        ([1.0, np.nan], "edges"),
        ([1.0, np.inf], "edges"),
        (["x"], "real numbers"),
        ([[1.0], [1.0, 2.0]], "ragged"),
    ],
)
def test_bad_edges_are_refused_in_one_line(edges: Any, message: str) -> None:
    ensemble = htmu.LaguerreEnsemble(5)
    with pytest.raises(htmu.errors.InvalidInputError, match=message) as caught:
        htmu.count_eigenvalues([1.0, 2.0], [0.5], edges)
    assert "\n" not in str(caught.value)
    with pytest.raises(htmu.errors.InvalidInputError, match=message) as caught:
        htmu.spectral_histogram(ensemble, edges, 10, seed=0)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("edges", "size", "message"),
    [
        ([2.0, 1.0], 10, "edges"),
        ([1.0, 3.0, 2.0], 10, "edges"),
        ([1.0, 1.0], 10, "edges"),
        ([1e308, -1e308], 10, "edges"),
        ([1.0], 10, "edges"),
        ([], 10, "edges"),
        ([[1.0, 2.0]], 10, "edges"),
        ([1.0, 2.0], -1, "size"),
        ([1.0, 2.0], "ten", "size"),
    ],
)
def test_bad_histograms_are_refused_in_one_line(edges: Any, size: Any, message: str) -> None:
    with pytest.raises(htmu.errors.InvalidInputError, match=message) as caught:
        htmu.spectral_histogram(htmu.LaguerreEnsemble(5), edges, size, seed=0)
    assert "\n" not in str(caught.value)


def test_something_else_than_an_ensemble_is_refused() -> None:
    with pytest.raises(htmu.errors.InvalidInputError, match="ensemble") as caught:
        htmu.spectral_histogram("laguerre", [0.0, 1.0], 10, seed=0)
    assert "\n" not in str(caught.value)
