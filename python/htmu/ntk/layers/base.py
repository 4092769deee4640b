"""What every layer offers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from htmu.ntk.capture import Recorded, map_tensors

__all__ = ["Layer", "Positions"]


@dataclass(frozen=True)
class Positions:
    """Sizes of a weight (n_outputs, n_features) that acts at n_positions of each sample."""

    n_features: int
    n_positions: int
    n_outputs: int
    kept: int
    """Numbers of a sample's input that `Layer.features` needs."""


class Layer(ABC):
    """Gradients by the parameters of one module.

    Shapes: s samples; gradients are of the shapes of the module's outputs, (s, ...).
    """

    def __init__(self, module: nn.Module) -> None:
        self.module = module

    @abstractmethod
    def prepare(self, call: Recorded) -> Any:
        """What `rows` needs of a call's arguments."""

    @abstractmethod
    def rows(
        self, prepared: Any, gradients: Sequence[Tensor], names: Sequence[str]
    ) -> dict[str, Tensor]:
        """Gradient of each sample by each named parameter of the module, (s, its size)."""

    def prepared_numbers(self, call: Recorded) -> int:
        """Numbers that `prepare` makes in all, an estimate for the memory."""
        sizes: list[int] = []
        map_tensors(lambda t: sizes.append(t.numel()), (call.arguments, call.keywords))
        return sum(sizes)

    def positions(self, call: Recorded) -> Positions | None:
        """Sizes of `weight`'s action on positions, if it has that form."""
        return None

    def input(self, call: Recorded) -> Tensor:
        """The argument that `features` reads, (s, ...)."""
        tensor: Tensor = call.arguments[0] if call.arguments else next(iter(call.keywords.values()))
        return tensor

    def features(self, inputs: Tensor) -> Tensor:
        """Features at each position, (s, n_positions, n_features)."""
        raise NotImplementedError

    def by_position(self, gradient: Tensor) -> Tensor:
        """Output gradient as (s, n_outputs, n_positions)."""
        raise NotImplementedError
