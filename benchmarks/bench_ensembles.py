"""Sampled spectra and histograms against DPPy, scikit-rmt and SciPy. One thread.

DPPy and scikit-rmt are optional: their rows are skipped where they are not installed
(`pip install dppy scikit-rmt`; their releases so far want NumPy below 2).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from comparison import Compare
from kernel_limits import qr_limit
from numpy.typing import NDArray
from scipy.linalg import eigvalsh_tridiagonal

import htmu

Array = NDArray[np.float64]
N = 1000
BATCH = 32


def spectra() -> Array:
    """Spectra of the Laguerre ensemble of real 2n x n data matrices, to the peers' accuracy."""
    ensemble = htmu.LaguerreEnsemble(N, beta=1.0, a=(N - 1) / 2)
    return ensemble.eigenvalues(BATCH, accuracy="absolute", seed=1, n_threads=1)


def compare_to(
    compare: Compare, baseline: Any, goal: float, scale: float, limit: tuple[str, float]
) -> None:
    """The baseline draws one spectrum a call; the traces have the same law.

    The limit is that of the QR alone, without the draws.
    """
    ensemble = htmu.LaguerreEnsemble(N, beta=1.0, a=(N - 1) / 2)
    spread = np.sqrt(ensemble.var_trace())
    assert abs(np.sum(baseline()) * scale - ensemble.mean_trace()) < 6 * spread
    assert abs(spectra().sum() / BATCH - ensemble.mean_trace()) < 6 * spread
    compare(
        spectra,
        baseline,
        baseline_share=1 / BATCH,
        work=BATCH * N,
        unit="eigenvalues",
        goal=goal,
        limit=(limit[0], BATCH * limit[1]),
    )


def test_spectra_dppy(compare: Compare, instruction_set: str, limits: tuple[float, float]) -> None:
    models = pytest.importorskip("dppy.random_matrices")
    rng = np.random.RandomState(1)

    def baseline() -> Any:
        return models.mu_ref_gamma_sampler_tridiag(
            shape=(N + 1) / 2, scale=1.0, beta=1.0, size=N, random_state=rng
        )

    compare_to(compare, baseline, 20.0, 1.0, qr_limit(instruction_set, limits, N))


def test_spectra_scikit_rmt(
    compare: Compare, instruction_set: str, limits: tuple[float, float]
) -> None:
    ensembles = pytest.importorskip("skrmt.ensemble")
    sampler = ensembles.WishartEnsemble(beta=1, p=N, n=2 * N, tridiagonal_form=True)

    def baseline() -> Any:
        sampler.resample()
        return sampler.eigvals()

    # Its eigenvalues are those of X X^T with entries of unit variance.
    compare_to(compare, baseline, 40.0, 0.5, qr_limit(instruction_set, limits, N))


def test_histogram(compare: Compare, instruction_set: str, limits: tuple[float, float]) -> None:
    """100 bins of one spectrum of 10,000 eigenvalues, by Sturm counts."""
    n = 10_000
    ensemble = htmu.HermiteEnsemble(n, beta=2.0)
    d, e = (part[0] for part in ensemble.sample_tridiagonal(1, seed=1))
    edges = np.linspace(-2 * np.sqrt(n), 2 * np.sqrt(n), 101)

    def ours() -> Any:
        return np.diff(htmu.count_eigenvalues(d, e, edges, n_threads=1))

    def baseline() -> Any:
        return np.histogram(eigvalsh_tridiagonal(d, e, lapack_driver="sterf"), edges)[0]

    np.testing.assert_array_equal(ours(), baseline())
    work = len(edges) * n
    compare(
        ours,
        baseline,
        work=work,
        unit="point-rows",
        goal=3000.0,
        limit=("multiply-adds", 2 * work / limits[0]),
    )
