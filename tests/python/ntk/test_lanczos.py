"""The Lanczos method on matrices whose spectra are known."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse

pytest.importorskip("torch", reason="the extra networks is not installed")

from scipy.sparse.linalg import LinearOperator, aslinearoperator

from htmu.errors import InvalidInputError, NonFiniteError
from htmu.ntk import lanczos


def rotation(n: int, seed: int = 0) -> Any:
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((n, n)))[0]


def symmetric(eigenvalues: Any, seed: int = 0) -> Any:
    q = rotation(len(eigenvalues), seed)
    matrix = (q * eigenvalues) @ q.T
    return (matrix + matrix.T) / 2


def start(n: int, seed: int = 5) -> Any:
    return np.random.default_rng(seed).standard_normal(n)


def test_n_steps_give_every_eigenvalue() -> None:
    values = np.linspace(0.5, 40, 80)
    (run,) = lanczos(symmetric(values), start(80), 200)
    nodes, weights = run.quadrature()
    assert run.exhausted
    np.testing.assert_allclose(nodes, values, rtol=0, atol=1e-12 * 40)
    # The weights are the squared components of the start vector.
    v = start(80) / np.linalg.norm(start(80))
    np.testing.assert_allclose(weights, (rotation(80).T @ v) ** 2, rtol=0, atol=1e-10)


def test_no_ghosts_over_twelve_decades() -> None:
    # Without reorthogonalisation the large eigenvalues come up again and again.
    values = np.geomspace(1e-6, 1e6, 60)
    (run,) = lanczos(symmetric(values), start(60), 60)
    nodes = run.quadrature()[0]
    np.testing.assert_allclose(nodes, values, rtol=1e-9, atol=1e-8)


def test_rank_deficient_kernels_end_early() -> None:
    values = np.concatenate([np.zeros(70), np.linspace(1, 3, 30)])
    (run,) = lanczos(symmetric(values), start(100), 100)
    nodes, weights = run.quadrature()
    assert run.exhausted
    # A last step or two may live on rounding: their nodes repeat others, with no weight.
    assert 31 <= len(nodes) < 40
    distance = np.abs(nodes[:, None] - values)
    assert distance.min(axis=1).max() < 1e-12
    v = start(100) / np.linalg.norm(start(100))
    squares = (rotation(100).T @ v) ** 2
    assert weights[nodes < 0.5].sum() == pytest.approx(squares[:70].sum(), rel=1e-10)
    found = [weights[np.abs(nodes - value) < 1e-9].sum() for value in values[70:]]
    np.testing.assert_allclose(found, squares[70:], atol=1e-10)


def test_repeated_eigenvalues_count_once() -> None:
    (run,) = lanczos(symmetric(np.repeat([1.0, 4.0, 9.0], 20)), start(60), 60)
    np.testing.assert_allclose(run.quadrature()[0], [1, 4, 9], rtol=1e-12)


@pytest.mark.parametrize("matrix", [np.zeros((6, 6)), np.eye(6), 1e-300 * np.eye(6)])
def test_one_step_is_enough(matrix: Any) -> None:
    (run,) = lanczos(matrix, np.ones(6), 6)
    assert run.exhausted
    np.testing.assert_allclose(run.quadrature()[0], [matrix[0, 0]], rtol=1e-14)


def test_moments_are_exact_to_twice_the_steps() -> None:
    # Gauss quadrature of k nodes has degree 2 k - 1; Radau's with one more, 2 k.
    matrix, v, k = symmetric(np.linspace(0, 1, 50)), start(50), 6
    v = v / np.linalg.norm(v)
    (run,) = lanczos(matrix, v, k)
    for (nodes, weights), degree in ((run.quadrature(), 2 * k - 1), (run.radau(-0.25), 2 * k)):
        for p in range(degree + 1):
            moment = v @ np.linalg.matrix_power(matrix, p) @ v
            assert weights @ nodes**p == pytest.approx(moment, rel=1e-11)
    assert run.radau(-0.25)[0][0] == pytest.approx(-0.25, abs=1e-12)


def test_residuals_bound_the_error() -> None:
    values = np.random.default_rng(1).gamma(0.5, size=200)
    (run,) = lanczos(symmetric(values), start(200), 25)
    nodes, bounds = run.ritz()
    distance = np.abs(nodes[:, None] - values).min(axis=1)
    assert (distance <= bounds + 1e-12).all()
    assert bounds[-1] < 1e-3 < bounds.max()


def test_several_starts_are_as_one_by_one() -> None:
    matrix = symmetric(np.geomspace(1e-3, 1, 40))
    starts = np.random.default_rng(2).standard_normal((40, 3))
    starts[:, 1] = rotation(40)[:, -1]  # an eigenvector: its run ends at once
    runs = lanczos(matrix, starts, 12)
    assert [len(run.diagonal) for run in runs] == [12, 1, 12]
    for run, column in zip(runs, starts.T, strict=True):
        (alone,) = lanczos(matrix, column, 12)
        np.testing.assert_allclose(run.diagonal, alone.diagonal, rtol=1e-12)


def test_few_at_a_time_where_memory_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = symmetric(np.geomspace(1e-3, 1, 40))
    starts = np.random.default_rng(2).standard_normal((40, 3))
    seen: list[tuple[int, int]] = []
    whole = lanczos(matrix, starts, 5, progress=lambda *at: seen.append(at))
    assert seen[-1] == (15, 15)
    monkeypatch.setattr(sys.modules["htmu.ntk.lanczos"], "_BASIS_BYTES", 1)
    seen.clear()
    apart = lanczos(matrix, starts, 5, progress=lambda *at: seen.append(at))
    for a, b in zip(whole, apart, strict=True):
        np.testing.assert_allclose(a.diagonal, b.diagonal, rtol=1e-12)
    assert [done for done, _ in seen] == list(range(1, 16))


def test_sparse_matrices_and_operators() -> None:
    matrix = symmetric(np.linspace(1, 2, 30))
    (dense,) = lanczos(matrix, start(30), 8)
    for other in (scipy.sparse.csr_array(matrix), aslinearoperator(matrix)):
        (run,) = lanczos(other, start(30), 8)
        np.testing.assert_allclose(run.diagonal, dense.diagonal, rtol=1e-12)


def test_float32_operators_end_at_their_own_rounding() -> None:
    values = np.concatenate([np.zeros(70), np.linspace(1, 3, 30)])
    matrix = symmetric(values).astype(np.float32)
    (run,) = lanczos(aslinearoperator(matrix), start(100), 100)
    assert len(run.diagonal) < 40
    assert run.quadrature()[0][-1] == pytest.approx(3, rel=1e-5)


SQUARE = np.eye(4)


@pytest.mark.parametrize(
    ("matrix", "starts", "steps", "text"),
    [
        (np.ones((3, 4)), np.ones(3), 2, "square"),
        (np.ones(3), np.ones(3), 2, "square"),
        (np.zeros((0, 0)), np.ones(0), 2, "empty"),
        (np.triu(np.ones((4, 4))), np.ones(4), 2, "symmetric"),
        (1j * SQUARE, np.ones(4), 2, "real"),
        (aslinearoperator(1j * SQUARE), np.ones(4), 2, "real"),
        (np.full((4, 4), np.nan), np.ones(4), 2, "finite"),
        (SQUARE, np.ones(3), 2, "4 rows"),
        (SQUARE, np.ones((4, 0)), 2, "1 column"),
        (SQUARE, np.zeros(4), 2, "zero"),
        (SQUARE, np.full(4, np.inf), 2, "finite"),
        (SQUARE, np.ones(4), 0, "n_steps"),
        (SQUARE, np.ones(4), 2.5, "n_steps"),
    ],
)
def test_mistakes(matrix: Any, starts: Any, steps: Any, text: str) -> None:
    with pytest.raises(InvalidInputError, match=text) as caught:
        lanczos(matrix, starts, steps)
    assert "\n" not in str(caught.value)


def test_operators_that_are_not_symmetric_are_noticed() -> None:
    matrix = np.random.default_rng(3).standard_normal((30, 30))
    with pytest.raises(InvalidInputError, match="not symmetric"):
        lanczos(aslinearoperator(matrix), np.ones(30), 10)


def test_products_that_are_not_finite() -> None:
    operator = LinearOperator((4, 4), matvec=lambda v: v * np.nan, dtype=np.float64)
    with pytest.raises(NonFiniteError, match="not finite"):
        lanczos(operator, np.ones(4), 2)
