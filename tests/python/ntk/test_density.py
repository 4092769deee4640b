"""Stochastic Lanczos quadrature against spectra that are known."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra networks is not installed")

import torch
from scipy.sparse.linalg import aslinearoperator
from torch import nn

from htmu.errors import ConvergenceError, InvalidInputError
from htmu.ntk import log_determinant, product, spectral_density


def symmetric(eigenvalues: Any, seed: int = 0) -> Any:
    n = len(eigenvalues)
    q = np.linalg.qr(np.random.default_rng(seed).standard_normal((n, n)))[0]
    matrix = (q * eigenvalues) @ q.T
    return (matrix + matrix.T) / 2


VALUES = np.sort(np.random.default_rng(4).gamma(0.7, size=60))
MATRIX = symmetric(VALUES)


def test_as_many_probes_and_steps_as_rows_leave_nothing_to_chance() -> None:
    found = spectral_density(MATRIX, n_vectors=60, n_steps=60, grid=VALUES * (1 + 1e-9))
    assert found.exact
    assert found.trace == pytest.approx(VALUES.sum(), rel=1e-11)
    assert found.trace_error == 0
    np.testing.assert_allclose(found.cumulative, np.arange(1, 61), atol=1e-6)
    np.testing.assert_allclose(found.cumulative_lower, found.cumulative)
    value, error = found.sum_of(np.sqrt)
    assert value == pytest.approx(np.sqrt(VALUES).sum(), rel=1e-9)
    assert error == 0
    estimate = log_determinant(found, shift=0.1)
    assert estimate.value == pytest.approx(np.log(VALUES + 0.1).sum(), rel=1e-10)
    assert (estimate.standard_error, estimate.quadrature_error) == (0, 0)
    assert estimate.interval() == (estimate.value, estimate.value)


def test_no_more_probes_and_steps_than_rows() -> None:
    found = spectral_density(np.diag([1.0, 2.0, 4.0]))
    assert (found.n_vectors, found.n_steps) == (3, 3)
    assert found.trace == pytest.approx(7)
    assert log_determinant(found).value == pytest.approx(np.log(8))


def test_log_determinant_without_shift() -> None:
    sign, expected = np.linalg.slogdet(MATRIX)
    assert sign == 1
    estimate = log_determinant(MATRIX, n_vectors=60, n_steps=60)
    assert estimate.value == pytest.approx(expected, rel=1e-9)


def test_error_bars_cover() -> None:
    # 95 % intervals in 300 seeds: the number that cover is Binomial(300, 0.95) if they are right.
    # It lies in 272 .. 297 with probability 0.9995. The seeds are fixed.
    trace = logs = few = 0
    truth = np.log(VALUES + 0.05).sum()
    count = (VALUES <= 0.5).sum()
    for seed in range(300):
        found = spectral_density(MATRIX, n_vectors=8, n_steps=60, seed=seed, grid=[0.5])
        student = 2.3646  # 7 degrees of freedom
        trace += abs(found.trace - VALUES.sum()) <= student * found.trace_error
        few += abs(found.cumulative[0] - count) <= student * found.cumulative_error[0]
        low, high = log_determinant(found, shift=0.05).interval()
        logs += low <= truth <= high
    assert 272 <= trace <= 297
    assert 272 <= few <= 297
    assert 272 <= logs <= 297


def test_finite_steps_are_bounded() -> None:
    values = np.geomspace(1e-6, 1, 400)
    matrix = np.diag(values)
    long = spectral_density(matrix, n_vectors=6, n_steps=400, seed=3)
    for steps in (5, 10, 20, 40):
        short = spectral_density(matrix, n_vectors=6, n_steps=steps, seed=3, grid=long.grid)
        # The same probes: only the quadrature differs.
        assert (short.cumulative_lower <= long.cumulative + 1e-9).all()
        assert (long.cumulative <= short.cumulative_upper + 1e-9).all()
        ours, theirs = (log_determinant(found, shift=1e-3) for found in (short, long))
        assert ours.value - ours.quadrature_error - 1e-9 <= theirs.value <= ours.value + 1e-9
        assert short.trace == pytest.approx(long.trace, rel=1e-12)
    assert 0 < ours.quadrature_error < 0.05 * theirs.standard_error + 0.05


def test_density_is_the_smoothed_spectrum() -> None:
    values = np.geomspace(1e-3, 1, 150)
    found = spectral_density(symmetric(values), n_vectors=150, n_steps=150, width=0.2)
    z = (np.log10(found.grid)[:, None] - np.log10(values)) / 0.2
    expected = np.exp(-z * z / 2).sum(axis=1) / (150 * 0.2 * np.sqrt(2 * np.pi))
    np.testing.assert_allclose(found.density, expected, atol=1e-6)
    # On the grid that it chooses itself the whole mass is seen.
    mass = np.trapezoid(found.density, np.log10(found.grid))
    assert mass == pytest.approx(1, abs=1e-3)


def test_zeros_are_counted_apart() -> None:
    values = np.concatenate([np.zeros(60), np.geomspace(0.1, 1, 40)])
    found = spectral_density(symmetric(values), n_vectors=20, n_steps=100)
    assert abs(found.n_zero - 60) < 4 * found.n_zero_error
    assert found.grid[0] > 0.01
    assert abs(found.smallest) < 1e-12
    with pytest.raises(ConvergenceError, match="singular to rounding"):
        log_determinant(found)
    truth = 60 * np.log(0.1) + np.log(np.geomspace(0.1, 1, 40) + 0.1).sum()
    estimate = log_determinant(found, shift=0.1)
    assert abs(estimate.value - truth) < 4 * estimate.standard_error


def test_extremes() -> None:
    values = np.linspace(1, 100, 500)
    found = spectral_density(np.diag(values), n_vectors=4, n_steps=80)
    for value, bound, truth in (
        (found.largest, found.largest_error, 100),
        (found.smallest, found.smallest_error, 1),
    ):
        assert abs(value - truth) <= bound + 1e-10
        assert bound < 0.5
    assert found.smallest >= 1
    assert found.largest <= 100 + 1e-10


def test_seed_decides() -> None:
    first, second, other = (
        spectral_density(MATRIX, n_vectors=3, n_steps=20, seed=s) for s in (7, 7, 8)
    )
    assert first.to_dict() == second.to_dict()
    assert first.trace != other.trace
    assert json.loads(json.dumps(first.to_dict()))["n"] == 60
    assert repr(first).startswith("SpectralDensity(n=60, n_vectors=3, n_steps=20, largest=")


def test_models() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(4, 9), nn.Tanh(), nn.Linear(9, 2)).eval()
        x = torch.randn(10, 4)
    kernel = product(model, x, scaled=True)
    dense = kernel @ np.eye(20)
    values = np.linalg.eigvalsh((dense + dense.T) / 2)
    found = spectral_density(model, x, n_vectors=20, n_steps=20, scaled=True, block=6)
    assert found.trace == pytest.approx(values.sum(), rel=1e-10)
    assert found.largest == pytest.approx(values[-1], rel=1e-10)
    assert spectral_density(kernel, n_vectors=20, n_steps=20).trace == pytest.approx(found.trace)
    shift = 1e-3 * values[-1]
    estimate = log_determinant(model, x, shift=shift, n_vectors=20, n_steps=20, scaled=True)
    assert estimate.value == pytest.approx(np.log(values + shift).sum(), rel=1e-9)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"n_vectors": 1}, "n_vectors"),
        ({"n_steps": 0}, "n_steps"),
        ({"seed": -1}, "seed"),
        ({"grid": [0.0, 1.0]}, "grid"),
        ({"grid": [2.0, 1.0]}, "grid"),
        ({"grid": []}, "grid"),
        ({"width": 0}, "width"),
        ({"scaled": True}, "scaled"),
    ],
)
def test_mistakes(options: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidInputError, match=text) as caught:
        spectral_density(MATRIX, **options)
    assert "\n" not in str(caught.value)


def test_operators_that_are_no_kernels() -> None:
    with pytest.raises(InvalidInputError, match="not positive semi-definite"):
        spectral_density(np.diag([-1.0, 1.0, 2.0]), n_vectors=2)
    with pytest.raises(InvalidInputError, match="zero"):
        spectral_density(np.zeros((4, 4)), n_vectors=2)
    with pytest.raises(InvalidInputError, match="one row"):
        spectral_density([[1.0]])
    with pytest.raises(InvalidInputError, match="needs samples"):
        spectral_density(nn.Linear(2, 2))
    with pytest.raises(InvalidInputError, match="leave out x"):
        spectral_density(MATRIX, np.ones(3))
    with pytest.raises(InvalidInputError, match="not symmetric"):
        spectral_density(aslinearoperator(np.triu(MATRIX)))
    found = spectral_density(MATRIX, n_vectors=3, n_steps=60)
    with pytest.raises(InvalidInputError, match="products already"):
        log_determinant(found, n_steps=3)
    with pytest.raises(InvalidInputError, match="shift"):
        log_determinant(found, shift=-1)
    with pytest.raises(InvalidInputError, match="confidence"):
        log_determinant(found, shift=1).interval(1.5)
    with pytest.raises(ConvergenceError, match="not finite"):
        found.sum_of(lambda t: t * np.inf)
