"""What the builders share: checked options, weights by seed, and how a model was made."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from htmu.arguments import Seed, as_choice, as_int, as_seed, check_memory
from htmu.networks.initialization import SCHEMES, initialize

_MADE = "_htmu_made"
_MOST = 1 << 16


def size(name: str, value: int) -> int:
    """Number of classes, channels, units or layers."""
    return as_int(name, value, minimum=1, maximum=_MOST)


def built(
    name: str,
    make: Callable[[], nn.Module],
    seed: Seed,
    initialization: str,
    **options: int,
) -> nn.Module:
    """Model with its initial weights, and with a note of how to make it again.

    Modules draw weights when they are made. On the meta device they draw nothing, and PyTorch's
    generators stay as they are.
    """
    as_choice("initialization", initialization, SCHEMES)
    key = as_seed(seed)
    with torch.device("meta"):
        # The caller may have set another default type.
        model = make().float()
    counts = [parameter.numel() for parameter in model.parameters()]
    check_memory(
        # float32, and the largest weight in float64 while it is drawn.
        sum(counts) // 2 + max(counts),
        f"a {name} of {sum(counts):,} parameters",
        advice="take a smaller width or depth, or fewer classes",
    )
    model.to_empty(device="cpu")
    initialize(model, initialization, key)
    given = {**options, "seed": key, "initialization": initialization}
    setattr(model, _MADE, {"name": name, "options": given})
    return model


def description(model: nn.Module) -> dict[str, Any] | None:
    """Name and options that make the model again, None for a model of your own."""
    made = getattr(model, _MADE, None)
    return None if made is None else {"name": made["name"], "options": dict(made["options"])}


def option_names(builder: Callable[..., nn.Module]) -> tuple[str, ...]:
    """Names of a builder's arguments."""
    return tuple(inspect.signature(builder).parameters)
