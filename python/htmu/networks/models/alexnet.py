"""MiniAlexNet, the network of the paper's Figure 2."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from htmu.arguments import Seed
from htmu.networks.models.building import built, size


def minialexnet(n_classes: int = 10, seed: Seed = 0, initialization: str = "he") -> nn.Module:
    """MiniAlexNet: two convolutions, two linear layers; 3,195,586 parameters for 10 classes.

    Parameters
    ----------
    n_classes : int
    seed : int, SeedSequence, Generator or None
        Of the initial weights.
    initialization : {'he', 'ntk'}

    Returns
    -------
    Module
        float32, in training mode; images (n, 3, 32, 32) to (n, n_classes). Its weight `fc1` is
        1000 x 3072, of aspect ratio 0.3255.

    Raises
    ------
    InvalidInputError
        An argument is out of its domain.

    Source: Hodgkinson, Wang and Mahoney, ICML 2025, Figure 2.

    Examples
    --------
    >>> from htmu.networks import minialexnet
    >>> tuple(minialexnet().fc1.weight.shape)
    (1000, 3072)
    """
    n_classes = size("n_classes", n_classes)

    def make() -> nn.Module:
        return nn.Sequential(
            OrderedDict[str, nn.Module](
                conv1=nn.Conv2d(3, 64, 3, stride=2, padding=1),
                relu1=nn.ReLU(),
                pool1=nn.MaxPool2d(2),
                conv2=nn.Conv2d(64, 192, 3, padding=1),
                relu2=nn.ReLU(),
                pool2=nn.MaxPool2d(2),
                flatten=nn.Flatten(),
                fc1=nn.Linear(3072, 1000),
                relu3=nn.ReLU(),
                fc2=nn.Linear(1000, n_classes),
            )
        )

    return built("minialexnet", make, seed, initialization, n_classes=n_classes)
