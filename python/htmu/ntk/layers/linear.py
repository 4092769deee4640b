"""Linear layers: y = x W^T + b at each of P positions (P = 1 for a plain (n, features) input)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from htmu.ntk.capture import Recorded
from htmu.ntk.layers.base import Layer, Positions

__all__ = ["LinearLayer"]


class LinearLayer(Layer):
    """``nn.Linear`` on inputs of shape (s, ..., features)."""

    module: nn.Linear

    def prepare(self, call: Recorded) -> Tensor:
        """What all outputs share: see `Layer.prepare`."""
        return self.features(self.input(call))

    def rows(
        self, prepared: Tensor, gradients: Sequence[Tensor], names: Sequence[str]
    ) -> dict[str, Tensor]:
        """Gradients of each sample: see `Layer.rows`."""
        gradient = self.by_position(gradients[0])
        found = {}
        if "weight" in names:
            found["weight"] = torch.bmm(gradient, prepared).flatten(1)
        if "bias" in names:
            found["bias"] = gradient.sum(2)
        return found

    def positions(self, call: Recorded) -> Positions:
        """Sizes of the weight's action on positions."""
        shape = self.input(call).shape
        return Positions(
            self.module.in_features,
            math.prod(shape[1:-1]),
            self.module.out_features,
            math.prod(shape[1:]),
        )

    def features(self, inputs: Tensor) -> Tensor:
        """Features at each position."""
        return inputs.reshape(len(inputs), -1, self.module.in_features)

    def by_position(self, gradient: Tensor) -> Tensor:
        """Gradient with the layer's outputs before its positions."""
        return gradient.reshape(len(gradient), -1, self.module.out_features).transpose(1, 2)
