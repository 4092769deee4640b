"""Training: the algorithm against a loop by hand, its ends, and what it refuses."""

from __future__ import annotations

import dataclasses
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra networks is not installed")

from torch import Tensor, nn  # noqa: E402

from htmu.errors import (  # noqa: E402
    CancelledError,
    ConvergenceError,
    InvalidInputError,
    MissingExtraError,
)
from htmu.networks import (  # noqa: E402
    ImageData,
    Recipe,
    TrainingProgress,
    image_data,
    lenet,
    load_data,
    mlp,
    train,
    weight_spectra,
)
from htmu.networks.determinism import Purpose, permutation  # noqa: E402
from htmu.networks.device import choose_device  # noqa: E402


def small(seed: int = 0) -> nn.Module:
    return mlp(3, seed, width=8, depth=1)


class Noisy(nn.Module):
    """Layers with state and with random numbers of PyTorch's own."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3072, 16)
        self.norm = nn.BatchNorm1d(16)
        self.dropout = nn.Dropout(0.5)
        self.second = nn.Linear(16, 3)

    def forward(self, images: Tensor) -> Tensor:
        hidden = torch.relu(self.norm(self.first(images.flatten(1))))
        outputs: Tensor = self.second(self.dropout(hidden))
        return outputs


def noisy() -> Noisy:
    from htmu.networks import initialize

    model = Noisy()
    initialize(model, "he", 1)
    return model


def same(first: nn.Module, second: nn.Module) -> bool:
    other = second.state_dict()
    return all(torch.equal(value, other[name]) for name, value in first.state_dict().items())


@pytest.mark.parametrize("schedule", ["cosine", "constant"])
def test_training_is_stochastic_gradient_descent(
    schedule: str, points: ImageData, brief: Recipe
) -> None:
    """Against gradients in closed form, in double precision."""
    recipe = brief.replace(schedule=schedule, lr=0.002)
    model = small().double()
    w1, b1, w2, b2 = (value.detach().numpy().copy() for value in model.parameters())
    images = points.images.flatten(1).double().numpy()
    labels = points.labels.numpy()
    velocity = [np.zeros_like(value) for value in (w1, b1, w2, b2)]
    history = []
    for epoch in range(recipe.epochs):
        rate = 0.002
        if schedule == "cosine":
            rate *= (1 + math.cos(math.pi * epoch / recipe.epochs)) / 2
        order = permutation(60, recipe.seed, Purpose.ORDER, epoch)
        loss = right = 0.0
        for first in range(0, 60, recipe.batch_size):
            rows = order[first : first + recipe.batch_size]
            x, y = images[rows], labels[rows]
            before = x @ w1.T + b1
            hidden = np.maximum(before, 0)
            scores = hidden @ w2.T + b2
            exponentials = np.exp(scores - scores.max(1, keepdims=True))
            chances = exponentials / exponentials.sum(1, keepdims=True)
            loss -= np.log(chances[np.arange(len(y)), y]).sum()
            right += (scores.argmax(1) == y).sum()
            delta = (chances - np.eye(3)[y]) / len(y)
            back = (delta @ w2) * (before > 0)
            gradients = [back.T @ x, back.sum(0), delta.T @ hidden, delta.sum(0)]
            for value, gradient, speed in zip((w1, b1, w2, b2), gradients, velocity, strict=True):
                speed *= 0.9
                speed += gradient + 1e-3 * value
                value -= rate * speed
        history.append((loss / 60, right / 60, rate))
    result = train(model, points, recipe)
    got = [(record.loss, record.accuracy, record.lr) for record in result.history]
    assert np.array(got) == pytest.approx(np.array(history), rel=1e-9)
    for parameter, expected in zip(model.parameters(), (w1, b1, w2, b2), strict=True):
        assert parameter.detach().numpy() == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_digits_are_learnt() -> None:
    data, test = load_data(n=200), load_data(train=False)
    recipe = Recipe(lr=0.01, momentum=0.9, batch_size=20, epochs=60, loss_below=0.01)
    result = train(lenet(initialization="ntk"), data, recipe, test=test)
    assert result.stopped == "loss"
    assert result.history[-1].loss < 0.01 <= result.history[-2].loss
    assert result.train_accuracy == 1.0
    assert result.train_loss < 0.02
    assert result.test_accuracy is not None
    # Chance is 0.1; a nearest neighbour among 200 gets about 0.9 of these writers right.
    assert 0.75 < result.test_accuracy < 1
    assert not result.model.training


def test_same_seed_same_bits_and_callers_generator_untouched(
    points: ImageData, brief: Recipe
) -> None:
    models = [noisy() for _ in range(3)]
    for seed, model in enumerate(models):
        torch.manual_seed(seed)
        state = torch.get_rng_state()
        train(model, points, brief.replace(seed=5 if seed < 2 else 6))
        assert torch.equal(torch.get_rng_state(), state)
    assert same(models[0], models[1])
    assert not same(models[0], models[2])
    assert not torch.are_deterministic_algorithms_enabled()


def test_history_progress_and_spectra(points: ImageData, brief: Recipe) -> None:
    reports: list[TrainingProgress] = []
    model = small()
    start = weight_spectra(model)
    result = train(model, points, brief, keep_spectra=(0, 2), progress=reports.append)
    assert [record.epoch for record in result.history] == [1, 2, 3, 4]
    assert (result.epochs, result.stopped, result.device) == (4, "epochs", "cpu")
    assert sorted(result.spectra) == [0, 2, 4]
    assert all(np.array_equal(result.spectra[0][name], start[name]) for name in start)
    assert np.array_equal(result.spectra[4]["fc1"], weight_spectra(model)["fc1"])
    over = [report for report in reports if report.batch == report.batches]
    assert [report.epoch for report in over] == [1, 2, 3, 4]
    assert [report.loss for report in over] == [record.loss for record in result.history]
    assert over[-1].seconds_left == 0
    assert over[0].batches == 4
    assert over[0].seconds_left is not None
    assert over[0].seconds_left > 0
    assert result.to_dict()["history"][3]["epoch"] == 4
    assert "4 epochs" in repr(result)


def test_accuracy_and_loss_are_those_of_the_trained_network(
    points: ImageData, brief: Recipe
) -> None:
    result = train(noisy(), points, brief, test=points)
    outputs = result.model(points.images)
    expected = nn.functional.cross_entropy(outputs, points.labels)
    assert result.train_loss == pytest.approx(float(expected.detach()), rel=1e-6)
    assert result.train_accuracy == int((outputs.argmax(1) == points.labels).sum()) / 60
    assert (result.test_loss, result.test_accuracy) == (result.train_loss, result.train_accuracy)


def test_divergence_names_epoch_and_learning_rate(points: ImageData) -> None:
    recipe = Recipe(lr=1e30, batch_size=20, epochs=5)
    with pytest.raises(ConvergenceError) as caught:
        train(small(), points, recipe)
    message = str(caught.value)
    assert "in epoch 1 at the learning rate 1e+30" in message
    assert "smaller learning rate" in message
    assert "\n" not in message


def test_weights_that_overflow_in_the_last_step_are_noticed(points: ImageData) -> None:
    # One step an epoch: its loss is finite, the weights after it are not.
    model = small()
    scale = 1e38
    for parameter in model.parameters():
        torch.Tensor.register_hook(parameter, lambda gradient: gradient.sign() * scale)
    with pytest.raises(ConvergenceError, match="a weight is not finite in epoch 1"):
        train(model, points, Recipe(lr=100, batch_size=60, epochs=1))


def test_step_that_pytorch_refuses_is_one_line(points: ImageData) -> None:
    # 60 = 59 + 1, and batch norm needs more than one point.
    with pytest.raises(InvalidInputError, match="a step on a batch of 1 failed") as caught:
        train(noisy(), points, Recipe(lr=0.01, batch_size=59, epochs=1))
    assert "\n" not in str(caught.value)


def test_cancel(points: ImageData, brief: Recipe) -> None:
    answers = iter([False] * 6 + [True])
    with pytest.raises(CancelledError, match="cancelled in epoch 2; nothing is saved"):
        train(small(), points, brief, cancel=lambda: next(answers))


def test_frozen_parameters_stay(points: ImageData, brief: Recipe) -> None:
    model = small()
    frozen = model.get_submodule("fc1")
    frozen.requires_grad_(False)
    before = [value.clone() for value in frozen.parameters()]
    train(model, points, brief)
    assert all(torch.equal(a, b) for a, b in zip(before, frozen.parameters(), strict=True))


def test_number_of_threads_comes_back(points: ImageData, brief: Recipe) -> None:
    threads = torch.get_num_threads()
    assert train(small(), points, brief, n_threads=threads + 1).n_threads == threads + 1
    assert torch.get_num_threads() == threads


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_training_on_a_gpu_repeats(points: ImageData, brief: Recipe) -> None:
    results = [train(noisy(), points, brief, device="cuda") for _ in range(2)]
    assert same(results[0].model, results[1].model)
    assert results[0].device == "cuda"
    assert next(results[0].model.parameters()).device.type == "cpu"


def test_device() -> None:
    assert choose_device("cpu").type == "cpu"
    assert choose_device("auto").type in ("cpu", "cuda", "mps")
    with pytest.raises(InvalidInputError, match="device must be one of 'auto', 'cpu'"):
        choose_device("tpu")
    missing = [
        name
        for name, there in (
            ("cuda", torch.cuda.is_available()),
            ("mps", torch.backends.mps.is_available()),
        )
        if not there
    ]
    for name in missing:
        with pytest.raises(InvalidInputError, match=f"device '{name}' is not there"):
            choose_device(name)


#: Typed loosely, as what is given is wrong.
loosely: Any = train

BAD: list[tuple[Callable[[Any, Any, Any], Any], str]] = [
    (lambda m, d, r: loosely("lenet", d, r), "model must be a torch.nn.Module"),
    (lambda m, d, r: loosely(m, d.images, r), "data must come from load_data or image_data"),
    (lambda m, d, r: loosely(m, d, "figure1"), "recipe must be a Recipe, got str"),
    (lambda m, d, r: loosely(m, d, r, test=d.images), "test must come from"),
    (
        lambda m, d, r: loosely(m, d, r.replace(batch_size=61)),
        "batch_size is 61, but there are",
    ),
    (lambda m, d, r: loosely(m, d, r, device="tpu"), "device must be one of"),
    (lambda m, d, r: loosely(m, d, r, progress=3), "progress must be callable, got 3"),
    (lambda m, d, r: loosely(m, d, r, cancel=True), "cancel must be callable"),
    (lambda m, d, r: loosely(m, d, r, keep_spectra=3), "keep_spectra must be a sequence"),
    (lambda m, d, r: loosely(m, d, r, keep_spectra=(5,)), "keep_spectra must be an integer from 0"),
    (lambda m, d, r: loosely(m, d, r, checkpoint_every=0), "checkpoint_every must be"),
    (lambda m, d, r: loosely(m, d, r, n_threads=0), "n_threads must be"),
    (lambda m, d, r: loosely(m, d, r, resume="yes"), "resume must be True, False or None"),
    (lambda m, d, r: loosely(m, d, r, resume=True), "nothing to resume without out"),
    (lambda m, d, r: loosely(m, d, r, out=""), "out must be the path of a folder"),
    (lambda m, d, r: loosely(nn.Flatten(), d, r), "no parameter to train"),
    (lambda m, d, r: loosely(m.requires_grad_(False), d, r), "no parameter to train"),
    (lambda m, d, r: loosely(nn.Linear(5, 3), d, r), "the model does not take images of shape"),
    (lambda m, d, r: loosely(nn.Conv2d(3, 3, 3), d, r), "gives outputs of shape (1, 3, 30, 30)"),
    (lambda m, d, r: loosely(mlp(2, width=4), d, r), "'gaussian', has 3 classes"),
    (
        lambda m, d, r: loosely(m, d, r, test=load_data("gaussian", n=8, n_classes=4)),
        "test, 'gaussian', has 4 classes",
    ),
    (
        lambda m, d, r: loosely(
            m, d, r, test=dataclasses.replace(d, images=torch.zeros(60, 3, 8, 8))
        ),
        "does not take images of shape (3, 8, 8): RuntimeError: ",
    ),
    (
        lambda m, d, r: loosely(m.to("meta"), d, r),
        "fc1.weight of the model is on the device 'meta'",
    ),
    (
        lambda m, d, r: loosely(Odd("state"), d, r),
        "the model's state 'extra._extra_state' is a dict",
    ),
    (lambda m, d, r: loosely(Odd("forward"), d, r), "KeyError: 'two lines'; mend the model"),
    (lambda m, d, r: loosely(Odd("list"), d, r), "the model gives a list for one image"),
]


class Extra(nn.Module):
    """A layer with a state that is no tensor."""

    def get_extra_state(self) -> Any:
        """No tensor."""
        return {"seen": 3}


class Odd(nn.Linear):
    """A layer with one oddity."""

    def __init__(self, kind: str) -> None:
        super().__init__(3072, 3)
        self.kind = kind
        if kind == "state":
            self.extra = Extra()

    def forward(self, images: Tensor) -> Any:
        """Scores, or none."""
        if self.kind == "forward" or (self.kind == "step" and self.training):
            raise KeyError("two lines")
        outputs = super().forward(images.flatten(1))
        return [outputs] if self.kind == "list" else outputs


@pytest.mark.parametrize(("call", "message"), BAD, ids=[message for _, message in BAD])
def test_bad_input_is_one_line(
    call: Callable[[Any, Any, Any], Any], message: str, points: ImageData, brief: Recipe
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        call(small(), points, brief)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_refusal_of_test_data_leaves_nothing(
    points: ImageData, brief: Recipe, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInputError, match="test, 'gaussian', has 4 classes"):
        train(
            small(),
            points,
            brief,
            test=load_data("gaussian", n=8, n_classes=4),
            out=tmp_path / "run",
        )
    assert not any(tmp_path.iterdir())


def test_repeating_bits_on_a_gpu_says_what_it_needs(
    points: ImageData, brief: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"]  # set when the package is imported

    def refused(*_: Any, **__: Any) -> Any:
        raise RuntimeError("Deterministic behavior was enabled ... CUBLAS_WORKSPACE_CONFIG=:4096:8")

    monkeypatch.setattr("htmu.networks.loop.cross_entropy", refused)
    with pytest.raises(InvalidInputError, match=r"import htmu.networks first, or .*deterministic="):
        train(small(), points, brief)


def test_double_precision_is_not_trained_on_mps(
    points: ImageData, brief: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    mps = torch.device("mps")
    monkeypatch.setattr("htmu.networks.training.choose_device", lambda device: mps)
    assert train(small().double(), points, brief).device == "cpu"


def test_any_error_of_a_step_is_one_line(points: ImageData, brief: Recipe) -> None:
    with pytest.raises(InvalidInputError, match=r"failed \(KeyError: 'two lines'\); ") as caught:
        train(Odd("step"), points, brief)
    assert isinstance(caught.value.__cause__, KeyError)


def test_checkpoints_without_safetensors_are_refused_first(
    points: ImageData, brief: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    with pytest.raises(MissingExtraError, match="checkpoints need safetensors"):
        train(small(), points, brief, out=tmp_path / "run")
    assert not any(tmp_path.iterdir())


def test_advice_where_it_diverges_is_possible(points: ImageData, tmp_path: Path) -> None:
    recipe = Recipe(lr=1e30, batch_size=20, epochs=3)
    with pytest.raises(ConvergenceError, match=r"use a smaller learning rate \(nothing is saved"):
        train(small(), points, recipe)
    with pytest.raises(ConvergenceError, match="use a smaller learning rate, in a new folder"):
        train(small(), points, recipe, out=tmp_path / "run")


def test_model_that_was_refused_is_as_it_was(points: ImageData, brief: Recipe) -> None:
    model = noisy()
    model.norm.eval()
    before = [module.training for module in model.modules()]
    with pytest.raises(InvalidInputError):
        train(model, image_data(points.images, points.labels + 5), brief)
    assert [module.training for module in model.modules()] == before
