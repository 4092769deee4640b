"""Convolutions in one and two dimensions, as linear maps of the patches at P output positions."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from htmu.ntk.capture import Recorded
from htmu.ntk.layers.base import Layer, Positions

__all__ = ["ConvolutionLayer"]


class ConvolutionLayer(Layer):
    """``nn.Conv1d`` and ``nn.Conv2d`` with any stride, padding, dilation and groups."""

    module: nn.Conv1d | nn.Conv2d

    def __init__(self, module: nn.Conv1d | nn.Conv2d) -> None:
        super().__init__(module)
        self._pointwise = math.prod(module.kernel_size) == 1
        self._padding: list[int] = []  # last dimension first, as functional.pad takes it
        for size, dilation, axis in reversed(
            list(zip(module.kernel_size, module.dilation, range(2), strict=False))
        ):
            if module.padding == "same":
                total = dilation * (size - 1)
                self._padding += [total // 2, total - total // 2]
            elif isinstance(module.padding, str):
                self._padding += [0, 0]
            else:
                self._padding += [module.padding[axis]] * 2

    def prepare(self, call: Recorded) -> Tensor:
        """What all outputs share: see `Layer.prepare`."""
        patches = self._patches(self.input(call))
        groups = self.module.groups
        s, rows, positions = patches.shape
        # (s groups, P, K): what the output gradient is multiplied by.
        return patches.reshape(s * groups, rows // groups, positions).transpose(1, 2)

    def rows(
        self, prepared: Tensor, gradients: Sequence[Tensor], names: Sequence[str]
    ) -> dict[str, Tensor]:
        """Gradients of each sample: see `Layer.rows`."""
        gradient = self.by_position(gradients[0])
        s, outputs, positions = gradient.shape
        groups = self.module.groups
        found = {}
        if "weight" in names:
            by_group = gradient.reshape(s * groups, outputs // groups, positions)
            found["weight"] = torch.bmm(by_group, prepared).view(s, -1)
        if "bias" in names:
            found["bias"] = gradient.sum(2)
        return found

    def prepared_numbers(self, call: Recorded) -> int:
        """Numbers of all patches."""
        size = len(self.input(call)) * math.prod(call.shapes[0][2:])
        return size * self.module.in_channels * math.prod(self.module.kernel_size)

    def positions(self, call: Recorded) -> Positions | None:
        """Sizes of the weight's action on positions."""
        if self.module.groups != 1 or len(call.shapes[0]) != 2 + len(self.module.kernel_size):
            return None
        return Positions(
            self.module.in_channels * math.prod(self.module.kernel_size),
            math.prod(call.shapes[0][2:]),
            self.module.out_channels,
            math.prod(self.input(call).shape[1:]),
        )

    def features(self, inputs: Tensor) -> Tensor:
        """Features at each position."""
        return self._patches(inputs).transpose(1, 2)

    def by_position(self, gradient: Tensor) -> Tensor:
        """Gradient with the layer's outputs before its positions."""
        return gradient.flatten(2)

    def _patches(self, inputs: Tensor) -> Tensor:
        """(s, in_channels * kernel size, P), rows ordered as the weight's entries."""
        module = self.module
        if any(self._padding):
            mode = "constant" if module.padding_mode == "zeros" else module.padding_mode
            inputs = functional.pad(inputs, self._padding, mode=mode)
        kernel, dilation, stride = module.kernel_size, module.dilation, module.stride
        if inputs.ndim == 3:
            inputs = inputs.unsqueeze(2)
            kernel, dilation, stride = (1, *kernel), (1, *dilation), (1, *stride)
        if self._pointwise:
            return inputs[:, :, :: stride[0], :: stride[1]].flatten(2)
        return functional.unfold(inputs, kernel, dilation=dilation, stride=stride)
