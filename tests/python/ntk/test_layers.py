"""Each layer type: the kernel is J J^T of autograd's Jacobian, sample by sample, in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch", reason="the extra networks is not installed")
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from htmu.ntk import gram  # noqa: E402
from htmu.ntk.layers import GenericLayer  # noqa: E402
from htmu.ntk.preparation import private_copy  # noqa: E402
from htmu.ntk.selection import select_parameters  # noqa: E402
from htmu.ntk.sites import find_uses  # noqa: E402

# Torch's own, on the model itself: it says how an even kernel is padded.
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")

Brute = Callable[..., NDArray[np.float64]]


class Head(nn.Module):
    """A body, and a linear map of what it returns to three outputs."""

    def __init__(self, body: nn.Module, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.body = body
        with torch.no_grad():
            width = body(torch.zeros(2, *shape)).flatten(1).shape[1]
        self.head = nn.Linear(width, 3)

    def forward(self, x: Any) -> Any:
        return self.head(torch.tanh(self.body(x)).flatten(1))


def images(body: nn.Module, shape: tuple[int, ...] = (4, 6, 6)) -> tuple[nn.Module, Any]:
    return Head(body, shape), torch.randn(4, *shape)


class Attention(nn.Module):
    def __init__(self, batch_first: bool) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(6, 2, batch_first=batch_first)
        self.batch_first = batch_first

    def forward(self, x: Any) -> Any:
        if not self.batch_first:
            x = x.transpose(0, 1)
        found = self.attention(x, x, x)[0]
        return found if self.batch_first else found.transpose(0, 1)


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)

    def forward(self, x: Any) -> Any:
        found = self.norm(self.conv(x))
        found += x
        return functional.relu(found, inplace=True)


class Twice(nn.Module):
    """One module called twice."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Any) -> Any:
        return self.inner(torch.tanh(self.inner(x)))


class Tied(nn.Module):
    """One parameter in an embedding and in a linear layer."""

    def __init__(self, functional_use: bool) -> None:
        super().__init__()
        self.embedding, self.linear = nn.Embedding(7, 5), nn.Linear(5, 7)
        self.functional_use = functional_use
        if functional_use:
            del self.linear
        else:
            self.linear.weight = self.embedding.weight

    def forward(self, x: Any) -> Any:
        found = torch.tanh(self.embedding(x).sum(1))
        if self.functional_use:
            return functional.linear(found, self.embedding.weight)
        return self.linear(found)


class Scale(nn.Module):
    """Parameters of its own, used in a forward of its own, beside a child that is not called."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.randn(4, 1, 1))
        self.shift = nn.Parameter(torch.randn(6))
        self.child = nn.Linear(6, 6)

    def forward(self, x: Any) -> Any:
        return functional.linear(torch.sin(x * self.scale) + self.shift, self.child.weight)


class Branching(nn.Module):
    """Depends on values, so that torch.func.vmap cannot take it."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 1, 1))

    def forward(self, x: Any) -> Any:
        return x * self.weight if x.sum().item() > 1e9 else x * self.weight**2


class Shift(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.by = nn.Parameter(torch.randn(4, 1, 1))

    def forward(self, x: Any) -> Any:
        return x + self.by


class WritesOutput(nn.Module):
    """What a layer returned, and what a module was given, are changed in place afterwards."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1)
        self.shift = Shift()

    def forward(self, x: Any) -> Any:
        x = torch.sin(x)
        found = self.first(x)
        shifted = self.shift(found)
        found.relu_()
        return self.second(found).mul_(2) + shifted.sin_()


class Flipped(nn.Module):
    """A layer inside works on the samples in reverse order: rows of its output are others'."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 6)

    def forward(self, x: Any) -> Any:
        return self.linear(x.flip(0)).flip(0)


class Positional(nn.Module):
    """A transformer's: token and position embeddings, a layer of attention."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(9, 8, padding_idx=0), nn.Embedding(5, 8)
        self.layer = nn.TransformerEncoderLayer(8, 2, 12, dropout=0.0, batch_first=True)
        self.head = nn.Linear(8, 3)

    def forward(self, x: Any) -> Any:
        found = self.tokens(x) + self.places(torch.arange(x.shape[1]))
        return self.head(self.layer(found).mean(1))


class TwoNames(nn.Module):
    """One module under two names."""

    def __init__(self) -> None:
        super().__init__()
        self.first = self.second = nn.Linear(6, 6)

    def forward(self, x: Any) -> Any:
        return self.second(torch.tanh(self.first(x)))


class WritesSamples(nn.Module):
    """Writes to what it is given, samples and the arguments of a generic module among it."""

    def __init__(self) -> None:
        super().__init__()
        self.prelu, self.linear = nn.PReLU(4), nn.Linear(6, 6)

    def forward(self, x: Any) -> Any:
        x += 1
        found = self.prelu(x)
        return self.linear(found.mul_(3))


class Masked(nn.Module):
    """A generic module is given a square mask, of as many rows as a chunk has samples."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(6, 2, batch_first=True)

    def forward(self, x: Any) -> Any:
        mask = torch.triu(torch.ones(4, 4, dtype=torch.bool), 1)
        return self.attention(x, x, x, attn_mask=mask, need_weights=False)[0]


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(6, 4, batch_first=True)

    def forward(self, x: Any) -> Any:
        return self.lstm(x.flatten(1, 2))[0][:, -1]


def normalised(channels: int, affine: bool = True) -> nn.Module:
    norm = nn.BatchNorm2d(channels, affine=affine)
    norm.running_mean, norm.running_var = torch.randn(channels), 0.5 + torch.rand(channels)
    if affine:
        nn.init.normal_(norm.weight)
    return norm


MODELS: dict[str, Callable[[], tuple[nn.Module, Any]]] = {
    "linear": lambda: (nn.Linear(5, 3), torch.randn(6, 5)),
    "linear-without-bias": lambda: (nn.Linear(5, 3, bias=False), torch.randn(6, 5)),
    "mlp": lambda: (
        nn.Sequential(nn.Linear(5, 8), nn.ReLU(inplace=True), nn.Linear(8, 3)),
        torch.randn(6, 5),
    ),
    "linear-on-positions": lambda: images(
        nn.Sequential(nn.Linear(6, 9), nn.GELU(), nn.Linear(9, 2))
    ),
    "conv": lambda: images(nn.Conv2d(4, 5, 3)),
    "conv-1x1-stride": lambda: images(nn.Conv2d(4, 5, 1, stride=2, bias=False)),
    "conv-stride-padding": lambda: images(nn.Conv2d(4, 5, (3, 2), stride=(2, 1), padding=(1, 2))),
    "conv-dilation": lambda: images(nn.Conv2d(4, 5, 3, dilation=2, padding=2)),
    "conv-groups": lambda: images(nn.Conv2d(4, 6, 3, groups=2)),
    "conv-depthwise": lambda: images(nn.Conv2d(4, 8, 3, groups=4, padding=1)),
    "conv-same": lambda: images(nn.Conv2d(4, 5, (4, 3), padding="same", dilation=(1, 2))),
    "conv-valid": lambda: images(nn.Conv2d(4, 5, 3, padding="valid")),
    "conv-reflect": lambda: images(nn.Conv2d(4, 5, 3, padding=(2, 1), padding_mode="reflect")),
    "conv-circular": lambda: images(nn.Conv2d(4, 5, 3, padding=1, padding_mode="circular")),
    "conv-whole-image": lambda: images(nn.Conv2d(4, 5, 6)),
    "conv1d": lambda: images(nn.Conv1d(4, 5, 3, stride=2, padding=1), (4, 9)),
    "conv1d-same": lambda: images(nn.Conv1d(4, 6, 4, padding="same", groups=2), (4, 9)),
    "conv3d": lambda: images(nn.Conv3d(2, 3, 2), (2, 3, 4, 3)),
    "conv-transpose": lambda: images(nn.ConvTranspose2d(4, 3, 3, stride=2)),
    "batch-norm": lambda: images(nn.Sequential(normalised(4), nn.Conv2d(4, 3, 3))),
    "batch-norm-without-affine": lambda: images(
        nn.Sequential(nn.Conv2d(4, 3, 3), normalised(3, affine=False))
    ),
    "batch-norm-1d": lambda: images(nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4)), (6,)),
    "layer-norm": lambda: images(nn.Sequential(nn.Linear(6, 6), nn.LayerNorm((6, 6)))),
    "layer-norm-last": lambda: images(nn.LayerNorm(6)),
    "layer-norm-flat": lambda: images(nn.LayerNorm(6), (6,)),
    "group-norm": lambda: images(nn.GroupNorm(2, 4)),
    "instance-norm": lambda: images(nn.InstanceNorm2d(4, affine=True)),
    "pooling": lambda: images(
        nn.Sequential(
            nn.Conv2d(4, 4, 3, padding=1), nn.MaxPool2d(2), nn.Conv2d(4, 4, 1), nn.AvgPool2d(3)
        )
    ),
    "residual": lambda: images(nn.Sequential(Residual(), Residual())),
    "shared-conv": lambda: images(Twice(nn.Conv2d(4, 4, 3, padding=1))),
    "shared-linear": lambda: images(Twice(nn.Linear(6, 6))),
    "shared-norm": lambda: images(Twice(nn.LayerNorm(6))),
    "shared-generic": lambda: images(Twice(nn.PReLU(4))),
    "tied": lambda: (Tied(False), torch.randint(7, (6, 4))),
    "tied-functionally": lambda: (Tied(True), torch.randint(7, (6, 4))),
    "attention": lambda: images(Attention(batch_first=True), (5, 6)),
    "attention-batch-second": lambda: images(Attention(batch_first=False), (5, 6)),
    "transformer": lambda: (Positional(), torch.randint(9, (5, 5))),
    "custom": lambda: images(Scale()),
    "branching": lambda: images(Branching()),
    "in-place": lambda: images(WritesOutput()),
    "flipped": lambda: images(Flipped(), (6,)),
    "two-names": lambda: images(TwoNames()),
    "writes-samples": lambda: images(WritesSamples()),
    "masked": lambda: images(Masked(), (4, 6)),
    "sparse-embedding": lambda: (
        nn.Sequential(nn.Embedding(7, 5, sparse=True), nn.Flatten(), nn.Linear(20, 3)),
        torch.randint(7, (6, 4)),
    ),
    "embedding-bag": lambda: (
        nn.Sequential(nn.EmbeddingBag(7, 5), nn.Linear(5, 3)),
        torch.randint(7, (6, 4)),
    ),
    "recurrent": lambda: images(Recurrent()),
    "parametrised": lambda: images(nn.utils.parametrizations.weight_norm(nn.Linear(6, 4))),
    "spectral-norm": lambda: images(nn.utils.parametrizations.spectral_norm(nn.Conv2d(4, 4, 3))),
    "bilinear": lambda: images(nn.Sequential(nn.Linear(6, 3), nn.Softmax(dim=-1), nn.PReLU())),
}


@pytest.mark.parametrize("name", MODELS)
def test_kernel_is_that_of_the_brute_force_jacobian(name: str, brute: Brute) -> None:
    torch.manual_seed(1)
    model, x = MODELS[name]()
    model = model.double().eval()
    x = x.double() if x.is_floating_point() else x
    expected = brute(model, x)
    found = gram(model, x, dtype="float64")
    assert np.abs(found - expected).max() <= 1e-10 * np.abs(expected).max()
    trace = gram(model, x, dtype="float64", outputs="trace")
    n = len(x)
    blocks = expected.reshape(n, -1, n, len(expected) // n)
    assert np.allclose(trace, np.einsum("iaja->ij", blocks), rtol=1e-10, atol=0) or (
        np.abs(trace - np.einsum("iaja->ij", blocks)).max() <= 1e-10 * np.abs(trace).max()
    )
    total = gram(model, x, dtype="float64", outputs="sum")
    assert np.abs(total - blocks.sum((1, 3))).max() <= 1e-10 * np.abs(total).max()


@pytest.mark.parametrize("name", MODELS)
def test_layers_sum_to_the_kernel(name: str, brute: Brute) -> None:
    torch.manual_seed(1)
    model, x = MODELS[name]()
    model = model.double().eval()
    x = x.double() if x.is_floating_point() else x
    layers = gram(model, x, dtype="float64", per_layer=True)
    whole = gram(model, x, dtype="float64")
    assert np.abs(sum(layers.values()) - whole).max() <= 1e-12 * np.abs(whole).max()
    for owner, kernel in layers.items():
        names = [p for p, _ in model.named_parameters() if p.rpartition(".")[0] == owner]
        expected = brute(model, x, names)
        assert np.abs(kernel - expected).max() <= 1e-10 * np.abs(whole).max(), owner


def kinds(name: str) -> dict[str, list[bool]]:
    """Of each parameter, whether its sites are generic."""
    torch.manual_seed(1)
    model, x = MODELS[name]()
    own = private_copy(model.double().eval(), torch.device("cpu"))
    samples = x[:3].double() if x.is_floating_point() else x[:3]
    uses = find_uses(own, samples, select_parameters(model, None), range(3))
    return {
        parameter: [isinstance(site.layer, GenericLayer) for site, _ in found]
        for parameter, found in uses.of.items()
    }


def test_known_layers_are_not_generic() -> None:
    for name in ("mlp", "conv-groups", "conv-same", "batch-norm", "layer-norm", "residual"):
        assert not any(any(found) for found in kinds(name).values()), name
    assert kinds("shared-conv")["body.inner.weight"] == [False, False]
    assert kinds("tied")["embedding.weight"] == [False, False]
    assert kinds("tied-functionally")["embedding.weight"] == [True]
    assert kinds("flipped")["body.linear.weight"] == [True]
    assert kinds("attention") == {
        "body.attention.in_proj_weight": [True],
        "body.attention.in_proj_bias": [True],
        "body.attention.out_proj.weight": [True],
        "body.attention.out_proj.bias": [True],
        "head.weight": [False],
        "head.bias": [False],
    }
