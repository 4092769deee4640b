"""Products with the kernel, against Jacobians taken sample by sample."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra networks is not installed")

import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev

from htmu.errors import EngineError, HtmuError, InvalidInputError, NonFiniteError
from htmu.ntk import product


class Residual(nn.Module):
    """In-place activations, a shortcut, and one convolution used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.twice = nn.Conv2d(4, 4, 3, padding=2, dilation=2, groups=2, bias=False)
        self.last = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu_(self.norm(self.first(x)))
        y = y + self.twice(self.twice(y))
        found: Tensor = self.last(y.mean((2, 3)))
        return found


class Tied(nn.Module):
    """Embedding whose weight is also the read-out."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(7, 4)
        self.norm = nn.LayerNorm(4)
        self.last = nn.Linear(4, 7)
        self.last.weight = self.embedding.weight

    def forward(self, tokens: Tensor) -> Tensor:
        found: Tensor = self.last(self.norm(self.embedding(tokens)).mean(1))
        return found


class Attention(nn.Module):
    """A transformer's layer, whose evaluation mode has a fused kernel."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.1, batch_first=True)
        self.last = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.last(self.layer(x).mean(1))
        return found


class Cube(torch.autograd.Function):
    """x^3 by hand, without a rule for forward mode."""

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return x**3

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.save_for_backward(inputs[0])

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        (x,) = ctx.saved_tensors
        return gradients[0] * 3 * x**2


class Cubic(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(5, 4), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.last(Cube.apply(self.first(x)))  # type: ignore[no-untyped-call]
        return found


def mlp() -> nn.Module:
    return nn.Sequential(nn.ReLU(inplace=True), nn.Linear(5, 6), nn.Tanh(), nn.Linear(6, 3))


def samples(kind: str) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    if kind == "tokens":
        return torch.randint(0, 7, (5, 4), generator=generator)
    shape = {"images": (5, 3, 6, 6), "sequence": (5, 3, 4), "rows": (5, 5)}[kind]
    return torch.randn(shape, generator=generator, dtype=torch.float64)


MODELS: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "mlp": (mlp, "rows"),
    "residual": (Residual, "images"),
    "tied": (Tied, "tokens"),
    "attention": (Attention, "sequence"),
    "no forward mode": (Cubic, "rows"),
}


def build(name: str) -> tuple[nn.Module, Tensor]:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = MODELS[name][0]()
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                assert module.running_mean is not None
                assert module.running_var is not None
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2)
                module.weight.data.normal_()
        return model.eval(), samples(MODELS[name][1])


def jacobian(model: nn.Module, x: Tensor, names: list[str] | None = None) -> Any:
    """(n, c, P) Jacobian in float64, one sample at a time."""
    state = {
        k: v.detach().double() if v.is_floating_point() else v
        for k, v in (*model.named_parameters(), *model.named_buffers())
    }
    chosen = {k: state.pop(k) for k, _ in model.named_parameters() if names is None or k in names}
    rows = []
    torch.backends.mha.set_fastpath_enabled(False)
    for sample in x:

        def output(p: dict[str, Tensor], one: Tensor = sample) -> Any:
            return functional_call(model, {**state, **p}, (one[None].clone(),))[0]

        with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
            found: Any = jacrev(output)(chosen)
        rows.append(torch.cat([j.flatten(1) for j in found.values()], 1))
    torch.backends.mha.set_fastpath_enabled(True)
    return torch.stack(rows).numpy()


def relative(found: Any, expected: Any) -> float:
    return float(np.abs(found - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("block", [None, 2])
def test_equals_the_jacobians_kernel(name: str, block: int | None) -> None:
    model, x = build(name)
    kept, weights = x.clone(), [p.detach().clone() for p in model.parameters()]
    kernel = product(model, x, block=block)
    j = jacobian(model, kept)
    flat = j.reshape(-1, j.shape[2])
    found = kernel @ np.eye(kernel.shape[0])
    assert relative(found, flat @ flat.T) < 1e-10
    # Symmetric to rounding, one vector like several.
    assert relative(found.T, found) < 1e-13
    one = np.linspace(-1, 1, kernel.shape[0])
    assert relative(kernel @ one, found @ one) < 1e-13
    assert relative(kernel.T @ one, found @ one) < 1e-13
    # Neither the samples, nor the model, nor torch's settings have changed.
    assert torch.equal(x, kept)
    assert all(torch.equal(a, b) for a, b in zip(weights, model.parameters(), strict=True))
    assert all(p.grad is None and p.dtype == torch.float32 for p in model.parameters())
    assert torch.backends.mha.get_fastpath_enabled()


def test_outputs() -> None:
    model, x = build("mlp")
    j = jacobian(model, x)
    eye = np.eye(5)
    by_class = np.einsum("iap,jap->ij", j, j)
    assert relative(product(model, x, outputs="trace") @ eye, by_class) < 1e-12
    total = j.sum(1)
    assert relative(product(model, x, outputs="sum") @ eye, total @ total.T) < 1e-12
    two = j[:, [2, 0]].reshape(10, -1)
    assert relative(product(model, x, outputs=[2, 0]) @ np.eye(10), two @ two.T) < 1e-12


def test_parameters() -> None:
    model, x = build("residual")
    flat = ["first.bias", "norm.weight", "norm.bias", "last.bias"]
    choices: list[tuple[Any, list[str]]] = [
        ("twice", ["twice.weight"]),
        (["norm", "last.bias"], flat[1:]),
        (lambda name, value: value.ndim == 1, flat),
    ]
    for choice, names in choices:
        kernel = product(model, x, parameters=choice, scaled=True)
        j = jacobian(model, x, names).reshape(15, -1)
        assert kernel.n_parameters == j.shape[1]
        assert relative(kernel @ np.eye(15), j @ j.T / j.shape[1]) < 1e-12
    # What is frozen is left out.
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name == "twice.weight")
    j = jacobian(model, x, ["twice.weight"]).reshape(15, -1)
    assert relative(product(model, x) @ np.eye(15), j @ j.T) < 1e-12


def test_either_name_chooses_a_tied_parameter() -> None:
    model, x = build("tied")
    vector = np.linspace(-1, 1, 35)
    first, second = (product(model, x, parameters=k) @ vector for k in ("embedding", "last.weight"))
    assert np.array_equal(first, second)


def test_float32() -> None:
    model, x = build("mlp")
    kernel = product(model, x, dtype="float32")
    found = kernel @ np.eye(15)
    assert kernel.dtype == found.dtype == np.float32
    j = jacobian(model, x).reshape(15, -1)
    # Smooth but for the first layer, which sees the same signs in both precisions.
    assert relative(found, j @ j.T) < 1e-5


def test_no_pass_sees_more_than_a_block() -> None:
    model, x = build("mlp")
    seen: set[int] = set()
    model.register_forward_pre_hook(lambda module, inputs: seen.add(len(inputs[0])))
    product(model, x, block=2) @ np.ones(15)
    assert seen == {1, 2}


def test_arrays_are_samples() -> None:
    model, x = build("mlp")
    vector = np.ones(15)
    assert np.array_equal(product(model, x.numpy()) @ vector, product(model, x) @ vector)


class Constant(nn.Module):
    def __init__(self, output: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.layer, self.output = nn.Linear(5, 2), output

    def forward(self, x: Tensor) -> Any:
        return self.output(self.layer(x))


GOOD = nn.Linear(5, 2)
ROWS = torch.ones(4, 5)
MISTAKES: list[tuple[str, Any, Any, dict[str, Any], type[HtmuError], str]] = [
    ("no module", np.eye(3), ROWS, {}, InvalidInputError, "ndarray"),
    ("no samples", GOOD, torch.ones(0, 5), {}, InvalidInputError, "at least one sample"),
    ("a number", GOOD, torch.tensor(1.0), {}, InvalidInputError, "at least one sample"),
    ("text", GOOD, "images", {}, InvalidInputError, "x must be a tensor"),
    ("NaN", GOOD, torch.tensor([[0.0] * 5, [float("nan")] * 5]), {}, NonFiniteError, "sample 1"),
    ("complex", GOOD, torch.ones(4, 5, dtype=torch.complex64), {}, InvalidInputError, "real"),
    ("wrong width", GOOD, torch.ones(4, 6), {}, EngineError, "(4, 6)"),
    ("1-D", Constant(lambda y: y.sum(1)), ROWS, {}, InvalidInputError, "got (4,)"),
    ("3-D", Constant(lambda y: y[None]), ROWS, {}, InvalidInputError, "got (1, 4, 2)"),
    ("tuple", Constant(lambda y: (y, y)), ROWS, {}, InvalidInputError, "got tuple"),
    ("none", Constant(lambda y: y[:, :0]), ROWS, {}, InvalidInputError, "no outputs"),
    ("inf", Constant(lambda y: y / 0), ROWS, {}, NonFiniteError, "output"),
    ("norm trains", nn.Sequential(nn.BatchNorm1d(5), GOOD), ROWS, {}, InvalidInputError, "eval()"),
    (
        "no statistics",
        nn.Sequential(nn.BatchNorm1d(5, track_running_stats=False), GOOD).eval(),
        ROWS,
        {},
        InvalidInputError,
        "running statistics",
    ),
    ("dropout", nn.Sequential(nn.Dropout(), GOOD), ROWS, {}, InvalidInputError, "random"),
    ("no parameters", nn.Tanh(), ROWS, {}, InvalidInputError, "no parameters"),
    ("unknown name", GOOD, ROWS, {"parameters": "fc"}, InvalidInputError, "'fc'"),
    ("number of a name", GOOD, ROWS, {"parameters": 1}, InvalidInputError, "got 1"),
    ("no name", GOOD, ROWS, {"parameters": []}, InvalidInputError, "no parameters"),
    ("outputs", GOOD, ROWS, {"outputs": "some"}, InvalidInputError, "'some'"),
    ("class", GOOD, ROWS, {"outputs": [0, 2]}, InvalidInputError, "got 2"),
    ("twice", GOOD, ROWS, {"outputs": [1, 1]}, InvalidInputError, "different"),
    ("no class", GOOD, ROWS, {"outputs": []}, InvalidInputError, "different"),
    ("number", GOOD, ROWS, {"outputs": 1}, InvalidInputError, "list of classes"),
    ("dtype", GOOD, ROWS, {"dtype": "mixed"}, InvalidInputError, "'mixed'"),
    ("block", GOOD, ROWS, {"block": 0}, InvalidInputError, "block"),
    ("scaled", GOOD, ROWS, {"scaled": 1}, InvalidInputError, "scaled"),
    ("device", GOOD, ROWS, {"device": "abacus"}, InvalidInputError, "'abacus'"),
]


@pytest.mark.parametrize(
    ("model", "x", "options", "error", "text"),
    [case[1:] for case in MISTAKES],
    ids=[case[0] for case in MISTAKES],
)
def test_mistakes(
    model: Any, x: Any, options: dict[str, Any], error: type[HtmuError], text: str
) -> None:
    with pytest.raises(error) as caught:
        product(model, x, **options)
    message = str(caught.value)
    assert text in message
    assert "\n" not in message


def test_cuda_where_there_is_none() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(InvalidInputError, match="'cuda'"):
        product(GOOD, ROWS, device="cuda")


def test_a_gpu_gives_the_same() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    model, x = build("residual")
    vector = np.ones(15)
    on_gpu = product(model, x, device="cuda") @ vector
    assert relative(on_gpu, product(model, x, device="cpu") @ vector) < 1e-10


class Formula(nn.Module):
    """Modules, and any function of them and the input."""

    def __init__(self, function: Callable[..., Any], **parts: nn.Module) -> None:
        super().__init__()
        self.function = function
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, x: Tensor) -> Any:
        return self.function(self, x)


def padded_tied() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(2)
        embedding = nn.Embedding(7, 3, padding_idx=0)
        last = nn.Linear(3, 7, bias=False)
        last.weight = embedding.weight
        return Formula(
            lambda s, t: s.h(torch.tanh(s.m(s.e(t)))).mean(1),
            e=embedding,
            m=nn.Linear(3, 3),
            h=last,
        )


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_padding_of_a_tied_embedding(brute: Any, dtype: str) -> None:
    """Forward mode ignores padding_idx, whose gradient autograd leaves out."""
    tokens = torch.tensor([[1, 2, 3], [1, 4, 5], [0, 0, 6], [0, 2, 2]])
    model = padded_tied()
    found = product(model, tokens, dtype=dtype, block=2) @ np.eye(28)
    expected = brute(model.double(), tokens)
    assert relative(found, expected) < (1e-12 if dtype == "float64" else 1e-5)


def test_sparse_gradients(brute: Any) -> None:
    tokens = torch.tensor([[1, 2], [3, 3], [1, 0]])
    model = Formula(lambda s, t: s.e(t).sum(1), e=nn.Embedding(7, 3, sparse=True))
    assert relative(product(model, tokens) @ np.eye(9), brute(model.double(), tokens)) < 1e-12


def test_gradients_that_are_no_derivatives_are_refused() -> None:
    embedding = nn.Embedding(7, 3, scale_grad_by_freq=True)
    model = Formula(lambda s, t: s.e(t).sum(1), e=embedding)
    with pytest.raises(InvalidInputError, match="scale_grad_by_freq"):
        product(model, torch.tensor([[1, 2], [3, 3]]))


def test_outputs_of_a_narrower_type() -> None:
    model = Formula(lambda s, x: s.a(x).float(), a=nn.Linear(5, 2))
    found = product(model, ROWS) @ np.eye(8)
    assert relative(found, np.kron(np.full((4, 4), 6.0), np.eye(2))) < 1e-6


MIXING: list[tuple[str, Callable[[Any, Tensor], Any]]] = [
    ("mean", lambda s, x: s.a(x) - s.a(x).mean(0)),
    ("dropout", lambda s, x: nn.functional.dropout(s.a(x), 0.5, True)),
    ("unused draw", lambda s, x: s.a(x) + 0 * torch.randn(1).to(x)),
]


@pytest.mark.parametrize("function", [f for _, f in MIXING], ids=[name for name, _ in MIXING])
@pytest.mark.parametrize("block", [1, 3, None])
def test_samples_that_mix_and_chance_are_refused(
    function: Callable[[Any, Tensor], Any], block: int | None
) -> None:
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(7, 5, generator=generator)
    with pytest.raises(InvalidInputError, match="eval"):
        product(Formula(function, a=nn.Linear(5, 2)), x, block=block)


@pytest.mark.parametrize(
    ("vector", "error", "text"),
    [
        (["a"] * 8, InvalidInputError, "real numbers"),
        ([[1.0], [2.0, 3.0]], InvalidInputError, "no array"),
        (np.ones(7), InvalidInputError, "got shape"),
        (np.ones((2, 8)), InvalidInputError, "got shape"),
        (np.ones(8) * 1j, InvalidInputError, "real"),
        (np.full(8, np.nan), NonFiniteError, "vector"),
    ],
    ids=["text", "ragged", "length", "rows", "complex", "NaN"],
)
def test_bad_vectors(vector: Any, error: type[HtmuError], text: str) -> None:
    kernel = product(GOOD, ROWS)
    for multiply in (kernel.dot, lambda v: kernel @ v):
        with pytest.raises(error, match=text):
            multiply(vector)


def test_complex_buffers_and_parameters() -> None:
    class Rotary(nn.Module):
        turn: Tensor

        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(5, 6), nn.Linear(6, 2)
            angles = torch.linspace(0.1, 1, 3, dtype=torch.float64)
            self.register_buffer("turn", torch.polar(torch.ones_like(angles), angles))

        def forward(self, x: Tensor) -> Any:
            turned = torch.view_as_complex(self.a(x).view(-1, 3, 2)) * self.turn
            return self.b(torch.view_as_real(turned).flatten(1))

    x = torch.randn(3, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    model = Rotary().double()
    j = jacobian(model, x).reshape(6, -1)
    assert relative(product(model, x) @ np.eye(6), j @ j.T) < 1e-12
    with pytest.raises(InvalidInputError, match="complex parameters"):
        product(nn.Linear(5, 2, dtype=torch.complex64), ROWS)


@pytest.mark.parametrize(
    "x",
    [
        np.ones((8, 5))[::-2],
        np.ones((4, 5), ">f8"),
        np.ones((4, 5), np.longdouble),
        np.broadcast_to(1.0, (4, 5)),
    ],
    ids=["negative strides", "big-endian", "long double", "read-only"],
)
def test_arrays_of_any_layout(x: Any) -> None:
    assert np.array_equal(product(GOOD, x) @ np.ones(8), product(GOOD, ROWS) @ np.ones(8))


@pytest.mark.parametrize(
    ("model", "x"),
    [
        (GOOD, ROWS.to_sparse()),
        (GOOD, ROWS.to("meta")),
        (nn.Linear(5, 2, device="meta"), ROWS),
    ],
    ids=["sparse", "meta", "meta model"],
)
def test_tensors_without_data(model: Any, x: Any) -> None:
    with pytest.raises(InvalidInputError) as caught:
        product(model, x)
    assert "\n" not in str(caught.value)
