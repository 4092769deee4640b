"""`eigenvalues(accuracy=...)`: both kinds against mpmath at 200 digits."""

from __future__ import annotations

import mpmath  # type: ignore[import-untyped]
import numpy as np
import pytest

import htmu
from htmu.arguments import FloatArray
from htmu.errors import InvalidInputError

ENSEMBLES = [
    htmu.LaguerreEnsemble(30, beta=0.01, a=-0.9),
    htmu.LaguerreEnsemble(30, beta=1.0, a=14.5),
    htmu.JacobiEnsemble(30, beta=0.5, a=-0.5, b=3.0),
]


def exact(q: FloatArray, e: FloatArray) -> FloatArray:
    """Eigenvalues of B B^T, B lower bidiagonal, at 200 digits."""
    n = len(q)
    with mpmath.workdps(200):
        b = mpmath.zeros(n, n)
        for i in range(n):
            b[i, i] = mpmath.mpf(float(q[i]))
            if i:
                b[i, i - 1] = mpmath.mpf(float(e[i - 1]))
        values = mpmath.eigsy(b * b.T, eigvals_only=True)
        return np.array(sorted(float(value) for value in values))


@pytest.mark.parametrize("ensemble", ENSEMBLES, ids=repr)
def test_errors_of_both_accuracies(ensemble: htmu.LaguerreEnsemble) -> None:
    q, e = ensemble.sample_bidiagonal(2, seed=3)
    true = np.array([exact(*rows) for rows in zip(q, e, strict=True)])
    relative = ensemble.eigenvalues(2, seed=3)
    absolute = ensemble.eigenvalues(2, accuracy="absolute", seed=3)
    # 1e-14 of the eigenvalue, and what the rounding of the entries' squares moves it by.
    assert np.abs(relative / true - 1).max() < 3e-14
    assert np.abs(absolute - true).max() < 1e-15 * np.sqrt(30) * true.max()
    assert (absolute >= 0).all()


def test_absolute_spectra_do_not_depend_on_threads_or_batch() -> None:
    ensemble = ENSEMBLES[0]
    whole = ensemble.eigenvalues(70, accuracy="absolute", seed=1, n_threads=1)
    threads = ensemble.eigenvalues(70, accuracy="absolute", seed=1, n_threads=4)
    assert (threads == whole).all()
    assert (ensemble.eigenvalues(3, accuracy="absolute", seed=1) == whole[:3]).all()


def test_large_spectra_are_relative_always() -> None:
    ensemble = htmu.LaguerreEnsemble(4097, beta=1e-3, a=-0.5)
    absolute = ensemble.eigenvalues(1, accuracy="absolute", seed=2)
    assert (absolute == ensemble.eigenvalues(1, seed=2)).all()


def test_unknown_accuracy() -> None:
    with pytest.raises(InvalidInputError, match="'relative', 'absolute', got 'exact'"):
        ENSEMBLES[0].eigenvalues(1, accuracy="exact")
