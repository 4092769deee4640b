"""Residual networks for small images, of basic blocks."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from htmu.arguments import Seed
from htmu.networks.models.building import built, size


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions and a shortcut, which is a 1 x 1 convolution where shapes differ."""

    def __init__(self, before: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu2 = nn.ReLU()
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or before != channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(before, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, images: Tensor) -> Tensor:
        """Feature maps of the block."""
        inner = self.relu1(self.bn1(self.conv1(images)))
        sum_ = self.bn2(self.conv2(inner)) + self.shortcut(images)
        return cast(Tensor, self.relu2(sum_))


def resnet9(
    n_classes: int = 10, seed: Seed = 0, initialization: str = "he", *, width: int = 64
) -> nn.Module:
    """ResNet9, with basic blocks [1, 1, 1, 1]: 4,903,242 parameters for 10 classes.

    Parameters
    ----------
    n_classes : int
    seed : int, SeedSequence, Generator or None
        Of the initial weights.
    initialization : {'he', 'ntk'}
    width : int
        Channels of the first convolution.

    Returns
    -------
    Module
        float32, in training mode; images (n, 3, 32, 32) to (n, n_classes).

    Raises
    ------
    InvalidInputError
        An argument is out of its domain.

    Source: He, Zhang, Ren and Sun, CVPR 2016, with the first layer of the CIFAR variants.

    Examples
    --------
    >>> from htmu.networks import resnet9
    >>> sum(parameter.numel() for parameter in resnet9().parameters())
    4903242
    """
    return _resnet("resnet9", (1, 1, 1, 1), n_classes, seed, initialization, width)


def resnet18(
    n_classes: int = 10, seed: Seed = 0, initialization: str = "he", *, width: int = 64
) -> nn.Module:
    """ResNet18, with basic blocks [2, 2, 2, 2]: 11,173,962 parameters for 10 classes.

    Parameters
    ----------
    n_classes : int
    seed : int, SeedSequence, Generator or None
        Of the initial weights.
    initialization : {'he', 'ntk'}
    width : int
        Channels of the first convolution.

    Returns
    -------
    Module
        float32, in training mode; images (n, 3, 32, 32) to (n, n_classes).

    Raises
    ------
    InvalidInputError
        An argument is out of its domain.

    Source: He, Zhang, Ren and Sun, CVPR 2016, with the first layer of the CIFAR variants.

    Examples
    --------
    >>> from htmu.networks import resnet18
    >>> sum(parameter.numel() for parameter in resnet18().parameters())
    11173962
    """
    return _resnet("resnet18", (2, 2, 2, 2), n_classes, seed, initialization, width)


def _resnet(
    name: str,
    blocks: tuple[int, ...],
    n_classes: int,
    seed: Seed,
    initialization: str,
    width: int,
) -> nn.Module:
    n_classes, width = size("n_classes", n_classes), size("width", width)

    def make() -> nn.Module:
        model = nn.Sequential()
        model.add_module("conv1", nn.Conv2d(3, width, 3, padding=1, bias=False))
        model.add_module("bn1", nn.BatchNorm2d(width))
        model.add_module("relu1", nn.ReLU())
        before = width
        for stage, count in enumerate(blocks):
            channels = width << stage
            stack = []
            for block in range(count):
                stride = 2 if stage > 0 and block == 0 else 1
                stack.append(BasicBlock(before, channels, stride))
                before = channels
            model.add_module(f"layer{stage + 1}", nn.Sequential(*stack))
        model.add_module("pool", nn.AvgPool2d(4))
        model.add_module("flatten", nn.Flatten())
        model.add_module("fc", nn.Linear(before, n_classes))
        return model

    return built(name, make, seed, initialization, n_classes=n_classes, width=width)
