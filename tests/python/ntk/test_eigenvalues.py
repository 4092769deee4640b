"""Eigenvalues against spectra known beforehand."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra networks is not installed")
from htmu.errors import InvalidInputError, NonFiniteError  # noqa: E402
from htmu.ntk import eigvals  # noqa: E402


def test_known_spectrum_within_the_bound() -> None:
    """A matrix of second differences: 2 - 2 cos(k pi / (n + 1))."""
    n = 200
    matrix = 2 * np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1)
    found = eigvals(matrix)
    exact = 2 - 2 * np.cos(np.arange(1, n + 1) * np.pi / (n + 1))
    assert np.abs(found.eigenvalues - exact).max() <= found.absolute_error
    assert found.absolute_error == pytest.approx(n * 2.2e-16 * 4, rel=0.02)
    assert (found.n_negative, found.n_resolved) == (0, n)


def test_small_eigenvalues_are_counted_as_unresolved() -> None:
    rng = np.random.default_rng(1)
    q = np.linalg.qr(rng.standard_normal((60, 60)))[0]
    exact = np.concatenate([np.zeros(20), np.logspace(-20, -17, 10), np.logspace(-8, 0, 30)])
    matrix = (q * exact) @ q.T
    found = eigvals((matrix + matrix.T) / 2)
    assert np.abs(found.eigenvalues - exact).max() <= found.absolute_error
    assert found.n_resolved == 30
    single = eigvals(((matrix + matrix.T) / 2).astype(np.float32))
    assert np.abs(single.eigenvalues - exact).max() <= single.absolute_error
    assert single.n_resolved < 30


def test_asymmetry_is_in_the_bound() -> None:
    """The lower triangle is what LAPACK reads; the bound holds for the mean with the transpose."""
    rng = np.random.default_rng(2)
    root = rng.standard_normal((80, 90))
    matrix = root @ root.T
    off = matrix + np.triu(rng.choice([-1.0, 1.0], (80, 80)), 1) * 1e-14 * matrix.max()
    found = eigvals(off)
    mean = np.linalg.eigvalsh((off + off.T) / 2)
    assert np.abs(found.eigenvalues - mean).max() <= found.absolute_error
    assert found.absolute_error >= eigvals(matrix).absolute_error + 40 * 0.9e-14 * matrix.max()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "int64"])
def test_tensors(dtype: str) -> None:
    rng = np.random.default_rng(3)
    root = rng.integers(-3, 4, (12, 15))
    whole = torch.from_numpy(root @ root.T).to(getattr(torch, dtype))
    found = eigvals(whole)
    exact = np.linalg.eigvalsh((root @ root.T).astype(float))
    assert np.abs(found.eigenvalues - exact).max() <= found.absolute_error
    assert eigvals(torch.eye(2, requires_grad=True)).eigenvalues.tolist() == [1, 1]


def test_few_digits_do_not_hide_asymmetry() -> None:
    matrix = np.array([[1, 0.05], [0, 1]], np.float16)
    with pytest.raises(InvalidInputError, match="symmetric"):
        eigvals(matrix)
    matrix[1, 0] = np.nextafter(matrix[0, 1], np.float16(1))
    assert eigvals(matrix).n_negative == 0


def test_large_entries() -> None:
    found = eigvals(np.array([[1e308, -5e307], [-5e307, 1e308]]))
    np.testing.assert_allclose(found.eigenvalues, [5e307, 1.5e308], rtol=1e-14)
    with pytest.raises(NonFiniteError, match="beyond"):
        eigvals(np.full((2, 2), 1e308))
    with pytest.raises(InvalidInputError, match="symmetric"):
        eigvals(np.array([[1, 1e308], [-1e308, 1]]))


@pytest.mark.parametrize(
    "value",
    [[[1, 2], [3]], "kernel", None, torch.eye(2).to_sparse(), torch.empty(2, 2, device="meta")],
    ids=["ragged", "text", "none", "sparse", "meta"],
)
def test_what_is_no_matrix(value: object) -> None:
    with pytest.raises(InvalidInputError, match="gram must be") as caught:
        eigvals(value)
    assert "\n" not in str(caught.value)
