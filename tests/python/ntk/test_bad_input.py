"""Each way that input can be bad is refused in one line that says what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra networks is not installed")
from torch import nn  # noqa: E402

from htmu.errors import InvalidInputError, MissingExtraError, NonFiniteError  # noqa: E402
from htmu.ntk import eigvals, gram  # noqa: E402


class Function(nn.Module):
    """A model with one linear layer and any function after it."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.linear, self.function = nn.Linear(4, 3), function

    def forward(self, x: Any) -> Any:
        return self.function(self.linear(x))


class WritesNeeded(nn.Module):
    """Changes in place what the backward pass needs."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 3)

    def forward(self, x: Any) -> Any:
        x = torch.sin(x)
        found = self.linear(x)
        x.mul_(2)
        return found


X = torch.randn(5, 4, generator=torch.Generator().manual_seed(1))


def with_value(value: float) -> Any:
    x = X.clone()
    x[3, 1] = value
    return x


def frozen() -> nn.Module:
    return nn.Linear(4, 3).requires_grad_(False)


CASES: list[tuple[str, Any, Any, dict[str, Any], str]] = [
    ("model", "no model", X, {}, "torch.nn.Module"),
    ("1-D", Function(lambda z: z.sum(1)), X, {}, "shape (n, c)"),
    ("3-D", Function(lambda z: z[:, None]), X, {}, "shape (n, c)"),
    ("tuple", Function(lambda z: (z, z)), X, {}, "type tuple"),
    ("rows", Function(lambda z: z.repeat(2, 1)), X, {}, "shape (n, c)"),
    ("batch norm", nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)), X, {}, "model.eval()"),
    (
        "batch statistics",
        nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3, track_running_stats=False)).eval(),
        X,
        {},
        "track_running_stats",
    ),
    ("dropout", nn.Sequential(nn.Linear(4, 3), nn.Dropout()), X, {}, "model.eval()"),
    ("mixing", Function(lambda z: z - z.mean(0)), X, {}, "change with the batch"),
    ("random", Function(lambda z: z + torch.randn_like(z)), X, {}, "call to call"),
    ("in place", WritesNeeded(), X, {}, "cannot be differentiated"),
    ("no parameters", nn.ReLU(), X, {}, "no parameters"),
    ("frozen", frozen(), X, {}, "requires_grad_(True)"),
    ("none chosen", nn.Linear(4, 3), X, {"parameters": lambda name, p: False}, "chosen"),
    ("unknown name", nn.Linear(4, 3), X, {"parameters": "layer1"}, "'layer1'"),
    ("no name", nn.Linear(4, 3), X, {"parameters": [3]}, "got 3"),
    ("lazy", nn.LazyLinear(3), X, {}, "no shape yet"),
    ("shape", nn.Linear(5, 3), X, {}, "the model fails on x"),
    ("empty", nn.Linear(4, 3), X[:0], {}, "at least one sample"),
    ("text", nn.Linear(4, 3), "abc", {}, "x must be"),
    ("nan", nn.Linear(4, 3), with_value(float("nan")), {}, "sample 3"),
    ("infinite", nn.Linear(4, 3), with_value(float("inf")), {}, "sample 3"),
    ("nan output", Function(lambda z: z.sqrt()), X, {}, "not finite for sample"),
    ("dtype", nn.Linear(4, 3), X, {"dtype": "float16"}, "'mixed', 'float32', 'float64'"),
    ("outputs", nn.Linear(4, 3), X, {"outputs": "every"}, "'all', 'trace', 'sum'"),
    ("no class", nn.Linear(4, 3), X, {"outputs": []}, "list of classes"),
    ("class", nn.Linear(4, 3), X, {"outputs": [0, 3]}, "outputs[1]"),
    ("class twice", nn.Linear(4, 3), X, {"outputs": [1, 1]}, "once"),
    ("class number", nn.Linear(4, 3), X, {"outputs": 5}, "list of classes"),
    ("outputs none", nn.Linear(4, 3), X, {"outputs": None}, "list of classes"),
    ("class name", nn.Linear(4, 3), X, {"outputs": ["a"], "out": "k.npy"}, "outputs[0]"),
    ("no outputs", Function(lambda z: z[:, :0]), X, {}, "no outputs"),
    ("sparse", nn.Linear(4, 3), X.to_sparse(), {}, "dense"),
    ("meta x", nn.Linear(4, 3), X.to("meta"), {}, "meta device"),
    ("meta model", nn.Linear(4, 3, device="meta"), X, {}, "meta device"),
    ("complex", nn.Linear(4, 3, dtype=torch.complex64), X, {}, "is complex"),
    ("complex x", nn.Linear(4, 3), X.to(torch.complex64), {}, "real numbers"),
    ("memory", nn.Linear(4, 3), X, {"memory": "much"}, "'8GB'"),
    ("no memory", nn.Linear(4, 3), X, {"memory": 0}, "positive"),
    ("device", nn.Linear(4, 3), X, {"device": "tpu"}, "device must be"),
    ("progress", nn.Linear(4, 3), X, {"progress": 3}, "callable"),
    ("scaled", nn.Linear(4, 3), X, {"scaled": "yes"}, "True or False"),
    ("resume", nn.Linear(4, 3), X, {"resume": True}, "`out`"),
    ("suffix", nn.Linear(4, 3), X, {"out": "kernel.csv"}, ".npy or .zarr"),
    ("layers in a file", nn.Linear(4, 3), X, {"out": "a.npy", "per_layer": True}, "per_layer"),
]


@pytest.mark.parametrize(
    ("model", "x", "options", "said"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_bad_input_is_refused_in_one_line(
    model: Any,
    x: Any,
    options: dict[str, Any],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInputError) as caught:
        gram(model, x, **options)
    message = str(caught.value)
    assert said in message
    assert "\n" not in message
    assert not list(tmp_path.iterdir())


def test_nan_is_of_its_own_type() -> None:
    with pytest.raises(NonFiniteError, match="sample 3"):
        gram(nn.Linear(4, 3), with_value(float("nan")))


def test_a_module_called_otherwise_for_later_samples_is_refused() -> None:
    class Routed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(4, 3), nn.Linear(4, 3)

        def forward(self, x: Any) -> Any:
            found = self.first(x)
            chosen = x[:, 0] > 50
            if bool(chosen.any()):
                found = found + self.first(x) * chosen[:, None]
            return found + self.second(x)

    x = X.repeat(2, 1)
    x[7, 0] = 100.0
    with pytest.raises(InvalidInputError, match="'first' is called otherwise"):
        gram(Routed(), x)


def test_a_model_that_cannot_be_copied_is_refused() -> None:
    model = nn.Linear(4, 3)
    model.source = (i for i in range(3))  # type: ignore[assignment]
    with pytest.raises(InvalidInputError, match="cannot be copied"):
        gram(model, X)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_compiled_models_are_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"torch\.jit"):
        gram(torch.jit.trace(nn.Linear(4, 3), X), X)


def test_missing_zarr_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "zarr", None)
    with pytest.raises(MissingExtraError, match="pip install zarr"):
        gram(nn.Linear(4, 3), X, out="kernel.zarr")


@pytest.mark.parametrize(
    ("matrix", "said"),
    [
        (np.ones(3), "square"),
        (np.ones((2, 3)), "square"),
        (np.ones((0, 0)), "square"),
        (np.array([[1.0, 2.0], [3.0, 1.0]]), "symmetric"),
        (np.array([[1.0, np.nan], [np.nan, 1.0]]), "not finite"),
        (np.array([[1j]]), "real numbers"),
    ],
)
def test_bad_matrices_are_refused(matrix: Any, said: str) -> None:
    with pytest.raises(InvalidInputError, match=said) as caught:
        eigvals(matrix)
    assert "\n" not in str(caught.value)
