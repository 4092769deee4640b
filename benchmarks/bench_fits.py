"""`fit_spectrum` on spectra of 1,000 eigenvalues and on a real one. One thread.

The baseline is SciPy's generic `fit` of that density: Nelder and Mead's simplex, without errors,
test or comparison of models. Goal: 1,000 spectra a minute, 60 ms each, with calibrated errors.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats
from comparison import Compare
from numpy.typing import NDArray

import htmu
from htmu.special.tables import law_table

N, GAMMA = 1000, 0.3255
REAL = Path(__file__).parents[1] / "tests" / "data" / "ntk_eigenvalues_resnet50_cifar10_n2304.npy"


def spectra(kappa: float, size: int) -> NDArray[np.float64]:
    beta = kappa / N
    a = beta * (N / GAMMA - N + 1) / 2 - 1
    return htmu.LaguerreEnsemble(N, beta=beta, a=a).eigenvalues(size, seed=1)


@pytest.mark.parametrize("method", ["mle", "joint"])
@pytest.mark.parametrize("kappa", [0.1, 5.5, 20.0, 200.0])
def test_fit(compare: Compare, method: str, kappa: float) -> None:
    x = spectra(kappa, 1)[0]
    plain = super(type(htmu.htmp), htmu.htmp).fit

    def ours() -> Any:
        return htmu.fit_spectrum(x, gamma=GAMMA, method=method, n_threads=1)

    def baseline() -> Any:
        law_table.cache_clear()
        return plain(x, kappa, GAMMA, floc=0, fix_gamma=GAMMA, scale=float(x.mean()))

    found, other = ours(), baseline()
    if method == "mle" and kappa < 100:
        assert math.isclose(found.kappa_mle, other[0], rel_tol=0.02)
    low, high = found.intervals["kappa"]
    assert low < 1.5 * kappa
    assert high > kappa / 1.5
    compare(ours, baseline, work=1, unit="spectra")


def test_real(compare: Compare) -> None:
    """The inverse law on the 2,304 eigenvalues of a trained ResNet50's tangent kernel."""
    x = np.load(REAL)
    compare(
        lambda: htmu.fit_spectrum(x, inverse=True, n_threads=1),
        lambda: scipy.stats.invgamma.fit(x, floc=0),
        work=1,
        unit="spectra",
    )
