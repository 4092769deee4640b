"""Eigenvalues of symmetric tridiagonal matrices: batches, and one matrix, against LAPACK's drivers.

One thread. SciPy has no batch: its baseline is a loop in Python, over as many matrices of the
batch as take some tenths of a second. Three families of B B^T for the Laguerre ensemble: "hard"
(beta = 2, a = 0), "hot" (beta = 2/n: most off-diagonals negligible, which LAPACK's routines use to
split the matrix) and "hot-hard" (the same with the last shape 0.05: a tiny smallest eigenvalue).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pytest
from comparison import Compare
from kernel_limits import qr_limit
from numpy.typing import NDArray
from scipy.linalg import eigvalsh_tridiagonal

import htmu

Array = NDArray[np.float64]
Driver = Literal["sterf", "stebz", "stemr"]
EVALUATIONS = 9  # Sturm counts an eigenvalue


def laguerre(n: int, batch: int, family: str) -> tuple[Array, Array]:
    """Diagonals and off-diagonals of `batch` tridiagonal matrices of size n."""
    rng = np.random.default_rng(7)
    half_beta = 1.0 if family == "hard" else 1.0 / n
    rest = half_beta * np.arange(n - 1, -1, -1)
    shapes = 1.0 + rest
    if family == "hot-hard":
        shapes[-1] = 0.05
    q = rng.gamma(shapes, size=(batch, n))
    e = rng.gamma(rest[:-1], size=(batch, n - 1))
    diagonal = q.copy()
    diagonal[:, 1:] += e
    return diagonal, np.sqrt(q[:, :-1] * e)


def scipy_loop(d: Array, e: Array, driver: Driver) -> Callable[[], list[Any]]:
    """The baseline over those rows."""

    def run() -> list[Any]:
        return [
            eigvalsh_tridiagonal(row, off, lapack_driver=driver)
            for row, off in zip(d, e, strict=True)
        ]

    return run


def check(found: Array, d: Array, e: Array) -> None:
    """Against sterf, both within their bounds."""
    n = d.shape[-1]
    norm = np.abs(d).max() + 2 * np.abs(e).max()
    for row, off, ours in zip(d, e, found, strict=True):
        reference = eigvalsh_tridiagonal(row, off, lapack_driver="sterf")
        assert np.abs(ours - reference).max() <= 4e-15 * np.sqrt(n) * norm


BATCHES = [
    (10, 10_000, "hard", "sterf", 50.0, 1000),
    (100, 1000, "hard", "sterf", 16.0, 200),
    (100, 1000, "hard", "stebz", 300.0, 10),
    (1000, 32, "hard", "sterf", 16.0, 10),
    (1000, 32, "hard", "stemr", 20.0, 8),
    (1000, 32, "hard", "stebz", 400.0, 1),
    (1000, 32, "hot", "sterf", 11.0, 10),
    (1000, 32, "hot-hard", "sterf", 11.0, 10),
    (10_000, 32, "hard", "sterf", 15.0, 1),
]


@pytest.mark.parametrize(("n", "batch", "family", "driver", "goal", "rows"), BATCHES)
def test_batch(
    compare: Compare,
    instruction_set: str,
    limits: tuple[float, float],
    n: int,
    batch: int,
    family: str,
    driver: Driver,
    goal: float,
    rows: int,
) -> None:
    """All eigenvalues of a batch in lockstep."""
    d, e = laguerre(n, batch, family)

    def ours() -> Array:
        return htmu.eigvalsh_tridiagonal(d, e, n_threads=1)

    some = slice(0, max(1, min(rows, 2000 // n)))
    check(ours()[some], d[some], e[some])
    label, seconds = qr_limit(instruction_set, limits, n)
    compare(
        ours,
        scipy_loop(d[:rows], e[:rows], driver),
        baseline_share=rows / batch,
        work=d.size,
        unit="eigenvalues",
        goal=goal,
        limit=(label, batch * seconds),
    )


def test_batch_dense(compare: Compare, instruction_set: str, limits: tuple[float, float]) -> None:
    """Ten rows: against NumPy's batched dense eigvalsh."""
    n, batch = 10, 10_000
    d, e = laguerre(n, batch, "hard")
    dense = np.zeros((batch, n, n))
    index = np.arange(n)
    dense[:, index, index] = d
    dense[:, index[1:], index[:-1]] = e

    def ours() -> Array:
        return htmu.eigvalsh_tridiagonal(d, e, n_threads=1)

    def baseline() -> Array:
        return np.asarray(np.linalg.eigvalsh(dense), dtype=np.float64)

    np.testing.assert_allclose(ours(), baseline(), rtol=0, atol=1e-13 * d.max())
    label, seconds = qr_limit(instruction_set, limits, n)
    limit = (label, batch * seconds)
    compare(ours, baseline, work=d.size, unit="eigenvalues", goal=8.0, limit=limit)


SINGLE = [
    (300, "hard", "sterf", 5.0),
    (300, "hard", "stebz", 90.0),
    (1000, "hard", "sterf", 5.0),
    (1000, "hard", "stebz", 90.0),
    (1000, "hot", "sterf", 4.0),
    (1000, "hot-hard", "sterf", None),
    (3000, "hard", "sterf", 5.0),
]


@pytest.mark.parametrize(("n", "family", "driver", "goal"), SINGLE)
def test_single(
    compare: Compare,
    instruction_set: str,
    limits: tuple[float, float],
    n: int,
    family: str,
    driver: Driver,
    goal: float | None,
) -> None:
    """All eigenvalues of one matrix, to relative accuracy: squared singular values of B."""
    rng = np.random.default_rng(7)
    half_beta = 1.0 if family == "hard" else 1.0 / n
    rest = half_beta * np.arange(n - 1, -1, -1)
    shapes = 1.0 + rest
    if family == "hot-hard":
        shapes[-1] = 0.05
    d, e = np.sqrt(rng.gamma(shapes)), np.sqrt(rng.gamma(rest[:-1]))
    diagonal = d**2
    diagonal[1:] += e**2
    off = d[:-1] * e

    def ours() -> Array:
        return htmu.singvals_bidiagonal(d, e, driver="sturm", n_threads=1)

    check(ours()[None, ::-1] ** 2, diagonal[None], off[None])
    compare(
        ours,
        scipy_loop(diagonal[None], off[None], driver),
        work=n,
        unit="eigenvalues",
        goal=goal,
        limit=("multiply-adds", EVALUATIONS * 3 * n * n / limits[0]),
    )


@pytest.mark.parametrize("n", [100, 1000])
def test_relative_batch(
    compare: Compare, instruction_set: str, limits: tuple[float, float], n: int
) -> None:
    """Singular values of a batch; the baseline with their accuracy is LAPACK's dqds in a loop.

    The limit is that of the QR alone, without the Newton step that follows.
    """
    rng = np.random.default_rng(7)
    batch = 32_000 // n
    rest = np.arange(n - 1, -1, -1)
    d = np.sqrt(rng.gamma(1.0 + rest, size=(batch, n)))
    e = np.sqrt(rng.gamma(rest[:-1], size=(batch, n - 1)))

    def ours() -> Array:
        return htmu.singvals_bidiagonal(d, e, n_threads=1)

    def baseline() -> Array:
        return htmu.singvals_bidiagonal(d, e, driver="lasq1", n_threads=1)

    np.testing.assert_allclose(ours(), baseline(), rtol=2e-14)
    label, seconds = qr_limit(instruction_set, limits, n)
    limit = (label, batch * seconds)
    compare(ours, baseline, work=d.size, unit="singular values", limit=limit)


@pytest.mark.parametrize(("n", "batch"), [(10, 100_000), (1000, 256)])
def test_two_threads(compare: Compare, n: int, batch: int) -> None:
    """A batch on two threads against one."""
    d, e = laguerre(n, batch, "hard")

    def ours() -> Array:
        return htmu.eigvalsh_tridiagonal(d, e, n_threads=2)

    def baseline() -> Array:
        return htmu.eigvalsh_tridiagonal(d, e, n_threads=1)

    assert ours().tobytes() == baseline().tobytes()
    compare(ours, baseline, work=d.size, unit="eigenvalues", goal=1.7)
