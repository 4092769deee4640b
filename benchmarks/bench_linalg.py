"""Spectra of tridiagonal and bidiagonal matrices and the log-Vandermonde, against SciPy and NumPy.

One thread; a batch of matrices a call, as in a Monte Carlo run. SciPy has no batch: its baseline
is a Python loop.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
from comparison import Compare
from numpy.typing import NDArray
from scipy.linalg import eigvalsh_tridiagonal

import htmu

Array = NDArray[np.float64]
ENTRIES = 20_000  # matrix rows a call


def laguerre_bidiagonal(n: int) -> tuple[Array, Array]:
    """A batch of bidiagonal factors of the Laguerre ensemble with beta = 1, a = 1."""
    rng = np.random.default_rng(7)
    batch = max(1, ENTRIES // n)
    rest = np.arange(n - 1, -1, -1) / 2
    d = np.sqrt(rng.gamma(2 + rest, size=(batch, n)))
    e = np.sqrt(rng.gamma(rest[:-1], size=(batch, n - 1)))
    return d, e


def laguerre_tridiagonal(n: int) -> tuple[Array, Array]:
    """B B^T of the same batch."""
    d, e = laguerre_bidiagonal(n)
    diagonal = d**2
    diagonal[:, 1:] += e**2
    return diagonal, d[:, :-1] * e


@pytest.mark.parametrize("n", [10, 100, 1000])
@pytest.mark.parametrize("driver", ["sterf", "stebz", "stemr"])
def test_eigvalsh_tridiagonal(
    compare: Compare, driver: Literal["sterf", "stebz", "stemr"], n: int
) -> None:
    d, e = laguerre_tridiagonal(n)
    if driver == "stebz":  # bisection: a tenth of the batch takes as long
        d, e = d[: max(1, len(d) // 10)], e[: max(1, len(e) // 10)]

    def ours() -> Array:
        return htmu.eigvalsh_tridiagonal(d, e, driver=driver, n_threads=1)

    def baseline() -> list[Any]:
        return [
            eigvalsh_tridiagonal(row, off, lapack_driver=driver)
            for row, off in zip(d, e, strict=True)
        ]

    scale = np.abs(d).max()
    np.testing.assert_allclose(np.sort(ours(), axis=-1), baseline(), rtol=0, atol=1e-12 * scale)
    compare(ours, baseline, work=d.size, unit="eigenvalues")


@pytest.mark.parametrize("n", [10, 100, 1000])
def test_singvals_bidiagonal(compare: Compare, n: int) -> None:
    """The baseline with the same accuracy: the Golub-Kahan matrix, of twice the size."""
    d, e = laguerre_bidiagonal(n)

    def ours() -> Array:
        return htmu.singvals_bidiagonal(d, e, n_threads=1)

    def baseline() -> list[Any]:
        values: list[Any] = []
        for row, off in zip(d, e, strict=True):
            interleaved = np.empty(2 * n - 1)
            interleaved[::2], interleaved[1::2] = row, off
            both = eigvalsh_tridiagonal(np.zeros(2 * n), interleaved, lapack_driver="sterf")
            values.append(both[n:])
        return values

    scale = d.max()
    np.testing.assert_allclose(np.sort(ours(), axis=-1), baseline(), rtol=0, atol=1e-12 * scale)
    compare(ours, baseline, work=d.size, unit="singular values")


@pytest.mark.parametrize("n", [3, 10, 30, 100, 1000, 10_000])
def test_log_vandermonde(
    compare: Compare, instruction_set: str, limits: tuple[float, float], n: int
) -> None:
    """Against the faster of two NumPy sums: the batch at once, or eigenvalue by eigenvalue.

    The limit is one multiply-add's time for each of the subtraction and the multiplication that a
    pair costs; processors that add and multiply in different units may go beyond it.
    """
    rng = np.random.default_rng(7)
    x = rng.gamma(2.0, size=(max(1, min(100_000, 10_000_000 // (n * n))), n))
    first, second = np.triu_indices(n, 1) if n <= 1000 else (None, None)

    def ours() -> Array:
        return np.asarray(htmu.log_vandermonde(x, n_threads=1))

    def all_pairs() -> Array:
        return np.asarray(np.log(np.abs(x[:, second] - x[:, first])).sum(axis=-1))

    def row_by_row() -> Array:
        return np.asarray(
            [sum(np.log(np.abs(row[i + 1 :] - row[i])).sum() for i in range(n)) for row in x]
        )

    numpy_sum = all_pairs if n <= 100 else row_by_row
    pairs = n * (n - 1) / 2
    np.testing.assert_allclose(ours(), numpy_sum(), rtol=1e-13, atol=1e-13 * pairs)
    work = len(x) * pairs
    compare(
        ours,
        numpy_sum,
        work=work,
        unit="pairs",
        limit=("multiply-add", 2 * work / limits[0]),
    )
