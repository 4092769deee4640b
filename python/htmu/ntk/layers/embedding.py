"""Embeddings: a linear layer on one-hot rows, which are never formed."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from htmu.ntk.capture import Recorded
from htmu.ntk.layers.base import Layer

__all__ = ["EmbeddingLayer"]


class EmbeddingLayer(Layer):
    """``nn.Embedding``; the row of `padding_idx` has no gradient, as in torch."""

    module: nn.Embedding

    def prepare(self, call: Recorded) -> Tensor:
        """What all outputs share: see `Layer.prepare`."""
        tokens = self.input(call)
        return tokens.reshape(len(tokens), -1)

    def rows(
        self, prepared: Tensor, gradients: Sequence[Tensor], names: Sequence[str]
    ) -> dict[str, Tensor]:
        """Gradients of each sample: see `Layer.rows`."""
        size, width = self.module.num_embeddings, self.module.embedding_dim
        gradient = gradients[0].reshape(*prepared.shape, width)
        if self.module.padding_idx is not None:
            gradient = gradient * (prepared != self.module.padding_idx).unsqueeze(2)
        rows = gradient.new_zeros(len(prepared), size, width)
        rows.scatter_add_(1, prepared.unsqueeze(2).expand_as(gradient).long(), gradient)
        return {"weight": rows.flatten(1)}
