"""Models whose kernels could be wrong without a word: each is right, or refused in one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch", reason="the extra networks is not installed")
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from htmu.errors import InvalidInputError, NonFiniteError  # noqa: E402
from htmu.ntk import gram  # noqa: E402

Brute = Callable[..., NDArray[np.float64]]


class Model(nn.Module):
    """Modules, and a forward of them."""

    def __init__(self, function: Any, **modules: Any) -> None:
        super().__init__()
        for name, module in modules.items():
            setattr(self, name, module)
        self.function = function

    def forward(self, x: Any) -> Any:
        return self.function(self, x)


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(3)


def samples(n: int = 7, width: int = 6) -> Any:
    return torch.randn(n, width, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def relative(found: Any, expected: Any) -> float:
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def rotary() -> Any:
    def forward(s: Any, x: Any) -> Any:
        turned = torch.view_as_complex(s.a(x).view(-1, 3, 2)) * s.fr
        return s.b(torch.view_as_real(turned).flatten(1))

    model: Any = Model(forward, a=nn.Linear(6, 6), b=nn.Linear(6, 3))
    model.register_buffer("fr", torch.polar(torch.ones(3), torch.randn(3)).cdouble())
    return model


def test_complex_buffers_keep_their_imaginary_parts(brute: Brute) -> None:
    model = rotary()
    fr = model.fr.clone()
    found = gram(model, samples(), dtype="float64")
    mixed = gram(model, samples())
    assert (model.fr == fr).all()
    model.a.double(), model.b.double()
    assert relative(found, brute(model, samples())) < 1e-10
    assert relative(mixed, found) < 1e-5


def closure() -> Any:
    model: Any = Model(lambda s, x: s.b(s.act(x)), a=nn.Linear(6, 6), b=nn.Linear(6, 3))
    model.act = lambda x: torch.tanh(model.a(x))
    return model


def listed() -> Any:
    def forward(s: Any, x: Any) -> Any:
        for step in s.net:
            x = step(x)
        return x

    model: Any = Model(forward, a=nn.Linear(6, 6), b=nn.Linear(6, 3))
    model.net = [lambda x: model.a(x), torch.tanh, lambda x: model.b(x)]
    return model


def replaced() -> Any:
    model: Any = nn.Linear(6, 3)
    model.forward = lambda x: functional.linear(x, model.weight * 2, model.bias)
    return model


@pytest.mark.parametrize("make", [closure, listed, replaced])
@pytest.mark.parametrize("double", [False, True])
def test_closures_over_the_original_are_refused(make: Any, double: bool) -> None:
    model = make().double() if double else make()
    x = samples() if double else samples().float()
    with pytest.raises(InvalidInputError, match="through a lambda") as caught:
        gram(model, x)
    assert "\n" not in str(caught.value)
    assert all(p.requires_grad for p in model.parameters())


def test_frozen_parameters_in_closures_change_nothing(brute: Brute) -> None:
    model: Any = closure().double()
    model.a.requires_grad_(False)
    found = gram(model, samples(), dtype="float64")
    assert relative(found, brute(model, samples())) < 1e-10


def twice_for_large() -> tuple[Any, Any]:
    def forward(s: Any, x: Any) -> Any:
        return s.a(x) + (x[:, :1] > 5) * functional.linear(x, s.a.weight)

    x = samples()
    x[2] = 10
    return Model(forward, a=nn.Linear(6, 3)).double(), x


def padded() -> tuple[Any, Any]:
    def forward(s: Any, t: Any) -> Any:
        rows = torch.where((t == 0)[..., None], s.e.weight[1], s.e(t))
        return s.b(torch.tanh(rows).flatten(1))

    t = torch.randint(1, 5, (7, 4), generator=torch.Generator().manual_seed(1))
    t[3, 1] = 0
    return Model(forward, e=nn.Embedding(5, 3), b=nn.Linear(12, 2)).double(), t


def wide() -> tuple[Any, Any]:
    """A weight whose gradients are never formed, used beside its convolution."""

    def forward(s: Any, x: Any) -> Any:
        images = x.view(-1, 2, 4, 4)
        late = functional.conv2d(images, s.a.weight, padding=1) * (x[:, 0] > 5)[:, None, None, None]
        return torch.tanh(s.a(images) + late).mean((2, 3))

    x = samples(40, 32)
    x[37, 0] = 10
    return Model(forward, a=nn.Conv2d(2, 3, 3, padding=1)).double(), x


@pytest.mark.parametrize("make", [twice_for_large, padded, wide])
@pytest.mark.parametrize("dtype", ["float64", "mixed"])
@pytest.mark.parametrize("outputs", ["all", "trace", "sum"])
def test_uses_for_some_samples_only_are_counted(
    make: Any, dtype: str, outputs: str, brute: Brute
) -> None:
    model, x = make()
    expected = brute(model, x)
    n, c = len(x), len(expected) // len(x)
    if outputs != "all":
        blocks = expected.reshape(n, c, n, c)
        expected = np.einsum("iaja->ij" if outputs == "trace" else "iajb->ij", blocks)
    found = gram(model, x, dtype=dtype, outputs=outputs)
    assert relative(found, expected) < (1e-10 if dtype == "float64" else 1e-5)


def test_uses_for_some_samples_only_are_refused_in_a_file(tmp_path: Path) -> None:
    model, x = twice_for_large()
    with pytest.raises(InvalidInputError, match=r"'a\.weight' is used otherwise for samples 0"):
        gram(model, x, out=tmp_path / "k.npy")
    assert not (tmp_path / "k.npy").exists()


@pytest.mark.parametrize("sample", [0, 3])
@pytest.mark.parametrize("layer", ["conv", "linear"])
def test_gradients_that_are_not_finite_are_refused(sample: int, layer: str, tmp_path: Path) -> None:
    first = nn.Conv1d(1, 2, 3, bias=False) if layer == "conv" else nn.Linear(6, 2, bias=False)

    def forward(s: Any, x: Any) -> Any:
        z = s.a(x[:, None] if layer == "conv" else x)
        return torch.sqrt(z.abs()).flatten(1)

    x = samples()
    x[sample] = 0
    for out in (None, tmp_path / "k.npy"):
        with pytest.raises(NonFiniteError, match=f"'a.*sample {sample}") as caught:
            gram(Model(forward, a=first), x, out=out)
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "k.npy").exists()


def test_a_kernel_that_overflows_is_refused(tmp_path: Path) -> None:
    model = Model(lambda s, x: 1e15 * s.a(1e15 * x), a=nn.Linear(6, 2, bias=False))
    for out in (None, tmp_path / "k.npy"):
        with pytest.raises(NonFiniteError, match="overflows"):
            gram(model, samples(), dtype="float32", out=out)
    assert not (tmp_path / "k.npy").exists()
    assert np.isfinite(gram(model, samples())).all()


def test_random_models_are_refused_even_by_luck() -> None:
    """Noise that changes nothing."""

    def forward(s: Any, x: Any) -> Any:
        return s.a(x) * (torch.rand(()) >= 0)

    model = Model(forward, a=nn.Linear(6, 2))
    state = torch.get_rng_state()
    with pytest.raises(InvalidInputError, match="call to call"):
        gram(model, samples())
    assert (torch.get_rng_state() == state).all()


def test_calls_that_vary_are_refused() -> None:
    model: Any = Model(None, a=nn.Linear(6, 2))
    model.count = [0]

    def forward(s: Any, x: Any) -> Any:
        s.count[0] += 1
        return s.a(x) if s.count[0] > 4 else 0.5 * s.a(x) + 0.5 * s.a(x)

    model.function = forward
    with pytest.raises(InvalidInputError, match="call to call"):
        gram(model, samples())


class Pair:
    """An object that carries tensors past the hooks."""

    def __init__(self, x: Any) -> None:
        self.x = x


class Holder(nn.Module):
    """Takes an object."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.randn(6, 3))

    def forward(self, pair: Any) -> Any:
        return pair.x @ self.w * pair.x.sum(1, keepdim=True)


class Channel(nn.Module):
    """Reads what its parent has set."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.randn(6, 3))

    def forward(self, x: Any) -> Any:
        return x @ self.w * self.gate


def test_modules_fed_past_the_hooks_go_through_the_whole_model(brute: Brute) -> None:
    def through(s: Any, x: Any) -> Any:
        s.c.gate = x[:, :1]
        return torch.tanh(s.c(x))

    for model in (
        Model(lambda s, x: torch.tanh(s.h(Pair(x))), h=Holder()),
        Model(through, c=Channel()),
    ):
        found = gram(model.double(), samples(), dtype="float64")
        assert relative(found, brute(model, samples())) < 1e-10


@pytest.mark.parametrize("type_", [torch.float32, torch.float16])
def test_outputs_of_another_precision(type_: Any, brute: Brute) -> None:
    def forward(s: Any, x: Any) -> Any:
        return s.b(torch.tanh(s.a(x))).to(type_)

    model = Model(forward, a=nn.Linear(6, 9), b=nn.Linear(9, 3))
    expected = brute(model.double(), samples())
    for dtype in ("float64", "mixed"):
        error = 1e-6 if type_ == torch.float32 else 2e-3
        assert relative(gram(model, samples(), dtype=dtype), expected) < error


def test_small_convolutions_in_blocks(brute: Brute) -> None:
    """Blocks of 64 rows and more in the triangle: 33 samples of 10 classes."""
    model = nn.Sequential(
        *(nn.Conv2d(1, 4, 3), nn.Tanh(), nn.Conv2d(4, 5, 3, stride=2), nn.Tanh()),
        *(nn.Flatten(), nn.Linear(20, 10)),
    ).double()
    x = samples(33, 49).view(33, 1, 7, 7)
    expected = brute(model, x)
    assert relative(gram(model, x, dtype="float64"), expected) < 1e-10
    assert relative(gram(model, x), expected) < 1e-5


@pytest.mark.parametrize("parameters", [None, "k.bias"])
def test_gradients_that_vanish_identically_raise_no_alarm(parameters: Any) -> None:
    """The bias of attention's keys: all of its gradient is rounding."""

    def forward(s: Any, x: Any) -> Any:
        return (torch.softmax(s.q(x) @ s.k(x).transpose(1, 2), -1) @ s.v(x)).mean(1)

    model = Model(forward, q=nn.Linear(8, 8), k=nn.Linear(8, 8), v=nn.Linear(8, 3))
    x = torch.randn(20, 5, 8)
    assert np.isfinite(gram(model, x, parameters=parameters)).all()
    near = x[:1] + 1e-6 * x
    assert np.isfinite(gram(model, near, parameters=parameters)).all()
