"""Normalisations that act as y = weight * z + bias, z the normalised input."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from htmu.ntk.capture import Recorded
from htmu.ntk.layers.base import Layer

__all__ = ["BatchNormLayer", "GroupNormLayer", "LayerNormLayer"]


class _AffineLayer(Layer):
    """Products with the normalised input, summed over all but the weight's own axes."""

    def normalized(self, inputs: Tensor) -> Tensor:
        raise NotImplementedError

    def summed(self, products: Tensor) -> Tensor:
        """Sum over positions: (s, the weight's size)."""
        return products.flatten(2).sum(2) if products.ndim > 2 else products

    def prepare(self, call: Recorded) -> Tensor:
        return self.normalized(self.input(call))

    def rows(
        self, prepared: Tensor, gradients: Sequence[Tensor], names: Sequence[str]
    ) -> dict[str, Tensor]:
        found = {}
        if "weight" in names:
            found["weight"] = self.summed(gradients[0] * prepared)
        if "bias" in names:
            found["bias"] = self.summed(gradients[0])
        return found


class BatchNormLayer(_AffineLayer):
    """Batch norm in evaluation mode: z from the running mean and variance."""

    module: nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d

    def normalized(self, inputs: Tensor) -> Tensor:
        """The input, normalised."""
        module = self.module
        return functional.batch_norm(
            inputs, module.running_mean, module.running_var, training=False, eps=module.eps
        )


class GroupNormLayer(_AffineLayer):
    """Group norm."""

    module: nn.GroupNorm

    def normalized(self, inputs: Tensor) -> Tensor:
        """The input, normalised."""
        return functional.group_norm(inputs, self.module.num_groups, eps=self.module.eps)


class LayerNormLayer(_AffineLayer):
    """Layer norm over the last dimensions."""

    module: nn.LayerNorm

    def normalized(self, inputs: Tensor) -> Tensor:
        """The input, normalised."""
        return functional.layer_norm(
            inputs, list(self.module.normalized_shape), eps=self.module.eps
        )

    def summed(self, products: Tensor) -> Tensor:
        """Sum over positions."""
        own = len(self.module.normalized_shape)
        between = products.ndim - 1 - own
        flat = products.flatten(products.ndim - own)
        return flat.flatten(1, between).sum(1) if between else flat
