"""Which layer fits a module."""

from __future__ import annotations

from torch import nn

from htmu.ntk.layers.base import Layer
from htmu.ntk.layers.convolution import ConvolutionLayer
from htmu.ntk.layers.embedding import EmbeddingLayer
from htmu.ntk.layers.linear import LinearLayer
from htmu.ntk.layers.normalization import BatchNormLayer, GroupNormLayer, LayerNormLayer

__all__ = ["layer_for"]


def layer_for(module: nn.Module) -> Layer | None:
    """Layer of a module whose forward is exactly that of a known type, else None.

    A subclass with a forward of its own, and a module with a parametrised weight, are not known.
    """

    def is_plain(kind: type[nn.Module]) -> bool:
        return (
            isinstance(module, kind)
            and type(module).forward is kind.forward
            and getattr(module, "weight", None) is module._parameters.get("weight")
            and getattr(module, "bias", None) is module._parameters.get("bias")
        )

    if is_plain(nn.Linear):
        return LinearLayer(module)
    if is_plain(nn.Conv1d) or is_plain(nn.Conv2d):
        return ConvolutionLayer(module)  # type: ignore[arg-type]
    if is_plain(nn.BatchNorm1d) or is_plain(nn.BatchNorm2d) or is_plain(nn.BatchNorm3d):
        return None if module.training or module.running_mean is None else BatchNormLayer(module)
    if is_plain(nn.GroupNorm):
        return GroupNormLayer(module)
    if is_plain(nn.LayerNorm):
        return LayerNormLayer(module)
    if is_plain(nn.Embedding) and module.max_norm is None:
        return EmbeddingLayer(module)
    return None
