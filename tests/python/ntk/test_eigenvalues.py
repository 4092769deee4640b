"""Eigenvalues against spectra known beforehand."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra networks is not installed")
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
