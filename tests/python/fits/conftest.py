from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import htmu
from htmu.arguments import FloatArray

GAMMA = 0.3255

Draw = Callable[..., FloatArray]


@pytest.fixture(scope="session")
def gamma() -> float:
    return GAMMA


@pytest.fixture(scope="session")
def draw() -> Draw:
    """Spectra of the beta-Laguerre ensemble of mean 1: (kappa, size, n, gamma, seed)."""

    def spectra(
        kappa: float, size: int = 1, n: int = 1000, gamma: float = GAMMA, seed: int = 1
    ) -> FloatArray:
        b, rho = kappa / 2, 1 / gamma - 1
        ensemble = htmu.LaguerreEnsemble(n, beta=kappa / n, a=b * (rho + 1 / n) - 1)
        return ensemble.eigenvalues(size, seed=seed) / (b * (1 + rho))

    return spectra


@pytest.fixture(scope="session")
def ntk() -> FloatArray:
    """Eigenvalues of a trained network's tangent kernel; tests/data says whose."""
    path = Path(__file__).resolve().parents[2] / "data"
    return np.asarray(np.load(path / "ntk_eigenvalues_resnet50_cifar10_n2304.npy"))
