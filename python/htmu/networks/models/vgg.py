"""VGG11 for small images."""

from __future__ import annotations

from torch import nn

from htmu.arguments import Seed
from htmu.networks.models.building import built, size

#: Channels over the width, and poolings (None), of configuration A.
_LAYERS = (1, None, 2, None, 4, 4, None, 8, 8, None, 8, 8, None)


def vgg11(
    n_classes: int = 10, seed: Seed = 0, initialization: str = "he", *, width: int = 64
) -> nn.Module:
    """VGG11 with batch norm and one linear layer: 9,231,114 parameters for 10 classes.

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

    Source: Simonyan and Zisserman, ICLR 2015, configuration A; batch norm after each convolution.

    Examples
    --------
    >>> from htmu.networks import vgg11
    >>> sum(parameter.numel() for parameter in vgg11().parameters())
    9231114
    """
    n_classes, width = size("n_classes", n_classes), size("width", width)

    def make() -> nn.Module:
        layers: list[nn.Module] = []
        channels = 3
        for factor in _LAYERS:
            if factor is None:
                layers.append(nn.MaxPool2d(2))
                continue
            layers += [
                nn.Conv2d(channels, factor * width, 3, padding=1),
                nn.BatchNorm2d(factor * width),
                nn.ReLU(),
            ]
            channels = factor * width
        model = nn.Sequential()
        model.add_module("features", nn.Sequential(*layers))
        model.add_module("flatten", nn.Flatten())
        model.add_module("classifier", nn.Linear(channels, n_classes))
        return model

    return built("vgg11", make, seed, initialization, n_classes=n_classes, width=width)
