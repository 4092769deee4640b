"""Wide networks: the kernel tends to its closed-form limit, with an error like width^-1/2.

Network of depth L, hidden width m, weights N(0, 1), each layer W x / sqrt(fan-in), no biases, ReLU
scaled by sqrt 2. With S the covariance of a layer's inputs, the arc-cosine recursion (Cho and Saul,
2009; Jacot, Gabriel and Hongler, 2018) for unit-norm inputs is

    S' = (sqrt(1 - S^2) + S (pi - arccos S)) / pi,   D = (pi - arccos S) / pi,   T' = S' + T D.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch", reason="the extra networks is not installed")
from torch import nn  # noqa: E402

from htmu.ntk import gram  # noqa: E402

HIDDEN = 2


class Scaled(nn.Linear):
    """W x / sqrt(fan-in) with standard normal weights: the parametrisation of the limit.

    Its own forward makes it a module of no known type, and so goes the generic way.
    """

    def __init__(self, width: int, outputs: int, generator: Any) -> None:
        super().__init__(width, outputs, bias=False)
        nn.init.normal_(self.weight, generator=generator)

    def forward(self, x: Any) -> Any:
        return nn.functional.linear(x, self.weight) * self.in_features**-0.5


class ScaledRelu(nn.Module):
    def forward(self, x: Any) -> Any:
        return 2**0.5 * torch.relu(x)


def limit(x: NDArray[np.float64]) -> NDArray[np.float64]:
    covariance = x @ x.T / x.shape[1]
    kernel = covariance.copy()
    for _ in range(HIDDEN):
        cosine = np.clip(covariance, -1, 1)
        angle = np.arccos(cosine)
        covariance = (np.sqrt(1 - cosine**2) + cosine * (np.pi - angle)) / np.pi
        kernel = covariance + kernel * (np.pi - angle) / np.pi
    return np.asarray(kernel)


def inputs() -> NDArray[np.float64]:
    x = np.random.default_rng(5).standard_normal((6, 12))
    return np.asarray(x / np.sqrt((x**2).mean(1, keepdims=True)))


def network(width: int, seed: int) -> nn.Module:
    generator = torch.Generator().manual_seed(seed)
    sizes = [12, *[width] * HIDDEN, 1]
    layers: list[nn.Module] = []
    for a, b in pairwise(sizes):
        layers += [Scaled(a, b, generator), ScaledRelu()]
    return nn.Sequential(*layers[:-1])


def test_kernel_tends_to_the_closed_form() -> None:
    """Errors fall as width^-1/2, and the mean over seeds is the limit.

    32 seeds a width. The root mean square error of four times the width is half: its logarithm has
    a standard error of at most 1/sqrt(2 x 32) = 0.125 (each run as one degree of freedom), so that
    the ratio is inside 0.5 exp(+-4 x 0.125 sqrt 2) = (0.25, 1.01) but for a chance below 1e-4.
    The mean over seeds lies within 5 standard errors plus a bias of order 1/width, below 1e-5.
    """
    x = inputs()
    expected = limit(x)
    spread = []
    for width in (32, 128, 512):
        kernels = np.stack(
            [gram(network(width, seed), torch.from_numpy(x).float()) for seed in range(32)]
        )
        spread.append(np.sqrt(((kernels - expected) ** 2).mean()))
        error = np.abs(kernels.mean(0) - expected)
        assert (error <= 5 * kernels.std(0, ddof=1) / 32**0.5 + 3 / width).all()
    assert spread[-1] < 0.2 * expected.max()
    for narrow, wide in pairwise(spread):
        assert 0.25 < wide / narrow < 1.01
    assert 0.15 < spread[-1] / spread[0] < 0.45


def test_standard_parametrisation_has_the_same_limit_by_layers() -> None:
    """Weights N(0, 1/fan-in) without the factor: each layer's kernel is fan-in times that."""
    x = torch.from_numpy(inputs())
    scaled = network(64, 3).double()
    sizes = [12, 64, 64, 1]
    layers: list[nn.Module] = []
    for number, (a, b) in enumerate(pairwise(sizes)):
        plain = nn.Linear(a, b, bias=False).double()
        plain.weight = nn.Parameter(scaled[2 * number].weight.detach() * a**-0.5)  # type: ignore[index]
        layers += [plain, ScaledRelu()]
    kernels = gram(nn.Sequential(*layers[:-1]), x, dtype="float64", per_layer=True)
    total = sum(kernels[str(2 * i)] / sizes[i] for i in range(3))
    assert np.allclose(total, gram(scaled, x, dtype="float64"), rtol=1e-10)
