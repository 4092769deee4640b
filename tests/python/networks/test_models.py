"""The models: their sizes, their shapes, and the same weights for the same seed."""

from __future__ import annotations

import copy
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the extra networks is not installed")

from torch import nn  # noqa: E402

import htmu.networks as networks  # noqa: E402
from htmu.errors import InvalidInputError  # noqa: E402
from htmu.networks import MODELS, build_model  # noqa: E402

#: LeNet-5 and the multilayer perceptron by hand, the others as in the paper.
SIZES = {
    "vgg11": 9_231_114,
    "resnet9": 4_903_242,
    "resnet18": 11_173_962,
    "minialexnet": 3_195_586,
    "lenet": (75 + 1) * 6 + (150 + 1) * 16 + 401 * 120 + 121 * 84 + 85 * 10,
    "mlp": 3073 * 512 + 513 * 512 + 513 * 10,
}


@pytest.mark.parametrize("name", MODELS)
def test_number_of_parameters(name: str) -> None:
    model = MODELS[name]()
    assert sum(parameter.numel() for parameter in model.parameters()) == SIZES[name]
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert all(parameter.device.type == "cpu" for parameter in model.parameters())
    assert model.training
    assert getattr(networks, name) is MODELS[name]


@pytest.mark.parametrize("name", MODELS)
def test_outputs_and_gradients(name: str) -> None:
    model = build_model(name, n_classes=7, seed=1)
    images = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    outputs = model(images)
    assert outputs.shape == (4, 7)
    assert outputs.dtype == torch.float32
    outputs.sum().backward()
    for parameter in model.parameters():
        assert parameter.grad is not None
        assert bool(torch.isfinite(parameter.grad).all())


@pytest.mark.parametrize("name", MODELS)
def test_same_seed_same_bits_and_no_generator_is_touched(name: str) -> None:
    options: dict[str, Any] = {"width": 8} if name in ("vgg11", "resnet9", "resnet18") else {}
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = build_model(name, seed=3, **options).state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(6)
    second = build_model(name, seed=3, **options).state_dict()
    other = build_model(name, seed=4, **options).state_dict()
    assert first.keys() == second.keys()
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert not all(torch.equal(first[key], other[key]) for key in first)


@pytest.mark.parametrize("name", MODELS)
def test_layers_compute_out_of_place_and_once(name: str) -> None:
    model = build_model(name)
    calls: dict[nn.Module, int] = {}
    for module in model.modules():
        assert not getattr(module, "inplace", False)
        if not list(module.children()):
            module.register_forward_hook(
                lambda module, *_: calls.__setitem__(module, calls.get(module, 0) + 1)
            )
    model(torch.zeros(2, 3, 32, 32))
    leaves = [module for module in model.modules() if not list(module.children())]
    assert calls == dict.fromkeys(leaves, 1)


def test_residual_block_by_hand() -> None:
    model = build_model("resnet9", width=4, seed=2).double().eval()
    block = model.get_submodule("layer2.0")
    state = {name: value.double() for name, value in block.state_dict().items()}
    x = torch.randn(2, 4, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    conv = torch.nn.functional.conv2d
    # At the start batch norm divides by sqrt(1 + eps).
    scale = (1 + 1e-5) ** -0.5
    inner = torch.relu(conv(x, state["conv1.weight"], stride=2, padding=1) * scale)
    expected = torch.relu(
        conv(inner, state["conv2.weight"], padding=1) * scale
        + conv(x, state["shortcut.0.weight"], stride=2) * scale
    )
    assert float((block(x) - expected).detach().abs().max()) < 1e-12


def test_copy_of_a_model_is_made_the_same_way() -> None:
    model = build_model("mlp", width=5, depth=1, seed=7, initialization="ntk", n_classes=3)
    options = {"n_classes": 3, "width": 5, "depth": 1, "seed": 7, "initialization": "ntk"}
    assert networks.models.description(copy.deepcopy(model)) == {"name": "mlp", "options": options}
    assert networks.models.description(nn.Linear(2, 2)) is None


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("alexnet", {}, "model must be one of 'vgg11'"),
        (3, {}, "model must be one of"),
        ("lenet", {"width": 3}, "'lenet' has no option 'width'; it has n_classes, seed"),
        ("mlp", {"n_classes": 0}, "n_classes must be an integer"),
        ("mlp", {"depth": 0}, "depth must be an integer"),
        ("resnet9", {"width": 2.5}, "width must be an integer"),
        ("vgg11", {"seed": -1}, "seed must be"),
        ("resnet18", {"initialization": "xavier"}, "initialization must be one of 'he', 'ntk'"),
    ],
)
def test_bad_options(name: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        build_model(name, **options)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("vgg11", {"width": 65536}),
        ("resnet18", {"width": 65536}),
        ("mlp", {"width": 65536, "depth": 99}),
    ],
)
def test_networks_beyond_memory_are_refused(name: str, options: dict[str, int]) -> None:
    with pytest.raises(InvalidInputError, match=r"GiB, more than this machine's .* smaller width"):
        build_model(name, **options)
