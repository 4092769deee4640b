"""Structures: what they are, that their spectra follow their laws, bad input."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
from scipy import stats

import htmu
from htmu.structures import BlockDiagonal, Diagonal, Full, Kronecker, Sampled, Structure

FALSE_ALARM = 1e-4

STRUCTURES: list[Structure] = [
    Full(4, alpha=0.5, block_beta=2),
    Diagonal(5, alpha=2.0),
    BlockDiagonal(3, 4, alpha=1.0),
    BlockDiagonal(2, 3, alpha=-0.3, block_beta=4),
    BlockDiagonal(sizes=[1, 2, 3], alpha=0.0, block_beta=2),
    Kronecker(3, 4, alpha=1.0),
    Kronecker(dims=(2, 3, 2), alpha=0.5),
]


@pytest.mark.parametrize("structure", STRUCTURES, ids=repr)
def test_a_structure_prints_as_python_and_survives_json(structure: Structure) -> None:
    assert eval(repr(structure)) == structure
    assert hash(eval(repr(structure))) == hash(structure)
    parameters = json.loads(json.dumps(structure.parameters))
    assert htmu.structures.from_parameters(structure.name, **parameters) == structure
    assert "\n" not in repr(structure)


@pytest.mark.parametrize("structure", STRUCTURES, ids=repr)
def test_control_variates_have_the_means_stated(structure: Structure) -> None:
    # Recomputed from the spectra alone, where they are functions of all eigenvalues; five standard
    # errors (false alarm 6e-7 each, fixed seed).
    spectra = structure.eigenvalues(20_000, seed=1)
    assert spectra.shape == (20_000, structure.N)
    assert (np.diff(spectra, axis=1) >= 0).all()
    statistics = {
        "sum": spectra.sum(axis=1),
        "sum_squares": (spectra**2).sum(axis=1),
        "sum_cubes": (spectra**3).sum(axis=1),
        "sum_log": np.log(spectra).sum(axis=1),
        "log_sum": np.log(spectra.sum(axis=1)),
    }
    controls = structure.control_variates()
    assert controls
    for name in statistics.keys() & controls.keys():
        draws = statistics[name]
        error = draws.std() / np.sqrt(len(draws))
        assert abs(draws.mean() - controls[name]) < 5 * error


def test_kronecker_spectra_are_products_of_normalised_wisharts() -> None:
    # Dense reference: factor j is X X^T with X n_j x p_j standard normal, whose exponent
    # (p_j - n_j - 1)/2 is alpha N/n_j.
    m, n, alpha, size = 2, 3, 0.5, 3000
    rng = np.random.default_rng(2)

    def factor(k: int) -> np.ndarray:
        p = round(2 * alpha * m * n / k + k + 1)
        x = rng.standard_normal((size, k, p))
        values = np.linalg.eigvalsh(x @ x.transpose(0, 2, 1))
        return np.asarray(values / values.sum(axis=1, keepdims=True))

    a, b = factor(m), factor(n)
    dense = np.sort((a[:, :, None] * b[:, None, :]).reshape(size, m * n), axis=1)
    model = Kronecker(m, n, alpha).eigenvalues(size, seed=3)
    for column in (0, 3, 5):
        assert stats.ks_2samp(dense[:, column], model[:, column]).pvalue > FALSE_ALARM


def test_block_spectra_are_those_of_independent_ensembles() -> None:
    spectra = BlockDiagonal(1, 6, alpha=0.5, block_beta=2).eigenvalues(3000, seed=4)
    ensemble = htmu.LaguerreEnsemble(6, beta=2.0, a=0.5).eigenvalues(3000, seed=5)
    for column in (0, 3, 5):
        assert stats.ks_2samp(spectra[:, column], ensemble[:, column]).pvalue > FALSE_ALARM
    independent = Diagonal(10, alpha=1.5).eigenvalues(2000, seed=6)
    assert stats.kstest(independent.ravel(), stats.gamma(2.5).cdf).pvalue > FALSE_ALARM


def test_spectra_depend_on_the_seed_only() -> None:
    for structure in STRUCTURES:
        whole = structure.eigenvalues(50, seed=7, n_threads=1)
        assert (structure.eigenvalues(50, seed=7, n_threads=4) == whole).all()
        assert (structure.eigenvalues(9, seed=7) == whole[:9]).all()


def test_references_and_defaults() -> None:
    assert BlockDiagonal(2, 2).references == ("weight", "shape", "full")
    assert BlockDiagonal(2, 2).default_reference == "weight"
    assert Kronecker(2, 2).references == ("shape",)
    spectra = np.random.default_rng(0).gamma(2.0, size=(20, 4))
    assert Sampled(spectra).default_reference == "full"
    assert Sampled(spectra, alpha=1.0).default_reference == "weight"


def test_sampled_function_gets_a_generator_of_its_own_per_group() -> None:
    calls: list[int] = []

    def draw(rng: np.random.Generator, size: int) -> np.ndarray:
        calls.append(size)
        return rng.gamma(2.0, size=(size, 3))

    structure = Sampled(draw, alpha=1.0)
    assert structure.N == 3
    first = structure.eigenvalues(100, seed=1)
    assert (structure.eigenvalues(100, seed=1, n_threads=3) == first).all()
    assert not (structure.eigenvalues(100, seed=2) == first).any()
    assert set(calls) == {64}
    assert "draw" in repr(structure)


def test_sampled_sorts_and_copies_its_array() -> None:
    spectra = np.random.default_rng(0).gamma(2.0, size=(10, 3))
    structure = Sampled(spectra)
    np.testing.assert_array_equal(structure.eigenvalues(10), np.sort(spectra, axis=1))
    with pytest.raises(htmu.errors.InvalidInputError, match="at most the number of samples held"):
        structure.eigenvalues(11)


GOOD = np.random.default_rng(0).gamma(2.0, size=(10, 3))


def _spoilt(value: float) -> np.ndarray:
    array = GOOD.copy()
    array[4, 1] = value
    return array


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Full(0), "n must be an integer from 1"),
        (lambda: Full(10**9), "n must be an integer from 1"),
        (lambda: Diagonal(2.5), "n must be an integer"),  # type: ignore[arg-type]
        (lambda: BlockDiagonal(3), "needs the number m and the size n"),
        (lambda: BlockDiagonal(3, 3, alpha=-1.0), "alpha must be finite and greater than -1"),
        (lambda: BlockDiagonal(3, 3, alpha=np.nan), "alpha must be"),
        (lambda: BlockDiagonal(3, 3, block_beta=0), "block_beta must be"),
        (lambda: BlockDiagonal(10**4, 10**4), "matrix size N"),
        (lambda: BlockDiagonal(3, 3, sizes=[1]), "either m and n or sizes"),
        (lambda: BlockDiagonal(sizes=[]), "non-empty sequence"),
        (lambda: BlockDiagonal(sizes="abc"), "non-empty sequence"),  # type: ignore[arg-type]
        (lambda: BlockDiagonal(sizes=[1, 0]), r"sizes\[1\] must be an integer"),
        (lambda: Kronecker(3), "factors' sizes"),
        (lambda: Kronecker(2, 3, alpha=-0.4), "alpha must be finite and greater than -0.33"),
        (lambda: Kronecker(dims=(10**3, 10**4)), "matrix size N"),
        (lambda: Kronecker(dims=()), "non-empty sequence"),
        (lambda: Sampled([1.0, 2.0]), "shape \\(samples, N\\)"),
        (lambda: Sampled(GOOD[:3]), "at least 8 spectra"),
        (lambda: Sampled(_spoilt(np.nan)), "not finite"),
        (lambda: Sampled(_spoilt(-1.0)), "sample 4 has the eigenvalue -1"),
        (lambda: Sampled(_spoilt(0.0)), "null space"),
        (lambda: Sampled(GOOD, N=4), "3 columns"),
        (lambda: Sampled(GOOD, alpha=-2.0), "alpha must be"),
        (lambda: Sampled(lambda rng, size: rng.gamma(2.0, size=size)), "array of shape"),
        (lambda: Sampled("spectra.npy"), "real numbers"),
        (lambda: htmu.structures.from_parameters("blocks", m=3), "structure must be one of"),
        (lambda: htmu.structures.from_parameters("full", size=3), "cannot be built"),
    ],
)
def test_bad_structures_are_refused(build, message: str) -> None:  # type: ignore[no-untyped-def]
    with (
        warnings.catch_warnings(),
        pytest.raises(htmu.errors.InvalidInputError, match=message) as caught,
    ):
        build()
    assert "\n" not in str(caught.value)


def test_an_error_in_the_users_function_comes_through() -> None:
    def draw(rng: np.random.Generator, size: int) -> np.ndarray:
        raise RuntimeError("the user's own")

    with pytest.raises(RuntimeError, match="the user's own"):
        Sampled(draw, N=3).eigenvalues(3)
