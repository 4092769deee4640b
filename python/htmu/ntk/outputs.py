"""Which outputs of the model a kernel is of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor

from htmu.arguments import as_choice, as_int
from htmu.errors import InvalidInputError

__all__ = ["Outputs", "OutputsLike", "as_outputs", "choose_outputs"]

OutputsLike: TypeAlias = "str | Sequence[int]"


@dataclass(frozen=True)
class Outputs:
    """Combinations of outputs that are differentiated, (k, c), and whether they are traced over."""

    weights: Tensor
    trace: bool

    @property
    def classes(self) -> int:
        """Rows of the kernel for each sample."""
        return 1 if self.trace else len(self.weights)


def as_outputs(outputs: Any) -> str | list[int]:
    """The choice or the classes that are asked for, of any model."""
    if isinstance(outputs, str):
        return as_choice("outputs", outputs, ("all", "trace", "sum"))
    try:
        listed = list(outputs)
    except TypeError:
        listed = []
    if not listed:
        raise InvalidInputError(
            f"outputs must be 'all', 'trace', 'sum' or a list of classes, all different, got "
            f"{outputs!r}"
        )
    chosen = [as_int(f"outputs[{i}]", item, minimum=0) for i, item in enumerate(listed)]
    if len(set(chosen)) < len(chosen):
        raise InvalidInputError(f"outputs must be different classes, each once, got {listed!r}")
    return chosen


def choose_outputs(outputs: str | Sequence[int], count: int, dtype: torch.dtype) -> Outputs:
    """Outputs asked for, of a model with `count` of them."""
    every = torch.eye(count, dtype=dtype, device="cpu")
    if isinstance(outputs, str):
        if outputs == "sum":
            return Outputs(torch.ones(1, count, dtype=dtype, device="cpu"), trace=False)
        return Outputs(every, trace=outputs == "trace")
    for i, item in enumerate(outputs):
        as_int(f"outputs[{i}]", item, minimum=0, maximum=count - 1)
    return Outputs(every[list(outputs)], trace=False)
