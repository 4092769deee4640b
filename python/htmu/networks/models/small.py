"""Small networks: LeNet, and the multilayer perceptron."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from htmu.arguments import Seed
from htmu.networks.models.building import built, size
from htmu.networks.normalization import IMAGE_SHAPE


def lenet(n_classes: int = 10, seed: Seed = 0, initialization: str = "he") -> nn.Module:
    """LeNet-5 with ReLU and max pooling: 62,006 parameters for 10 classes.

    Parameters
    ----------
    n_classes : int
    seed : int, SeedSequence, Generator or None
        Of the initial weights.
    initialization : {'he', 'ntk'}

    Returns
    -------
    Module
        float32, in training mode; images (n, 3, 32, 32) to (n, n_classes).

    Raises
    ------
    InvalidInputError
        An argument is out of its domain.

    Source: LeCun, Bottou, Bengio and Haffner, Proceedings of the IEEE 86 (1998).

    Examples
    --------
    >>> from htmu.networks import lenet
    >>> sum(parameter.numel() for parameter in lenet().parameters())
    62006
    """
    n_classes = size("n_classes", n_classes)

    def make() -> nn.Module:
        return nn.Sequential(
            OrderedDict[str, nn.Module](
                conv1=nn.Conv2d(3, 6, 5),
                relu1=nn.ReLU(),
                pool1=nn.MaxPool2d(2),
                conv2=nn.Conv2d(6, 16, 5),
                relu2=nn.ReLU(),
                pool2=nn.MaxPool2d(2),
                flatten=nn.Flatten(),
                fc1=nn.Linear(400, 120),
                relu3=nn.ReLU(),
                fc2=nn.Linear(120, 84),
                relu4=nn.ReLU(),
                fc3=nn.Linear(84, n_classes),
            )
        )

    return built("lenet", make, seed, initialization, n_classes=n_classes)


def mlp(
    n_classes: int = 10,
    seed: Seed = 0,
    initialization: str = "he",
    *,
    width: int = 512,
    depth: int = 2,
) -> nn.Module:
    """Multilayer perceptron with ReLU on the 3072 pixels.

    Parameters
    ----------
    n_classes : int
    seed : int, SeedSequence, Generator or None
        Of the initial weights.
    initialization : {'he', 'ntk'}
    width : int
        Units of each hidden layer.
    depth : int
        Hidden layers.

    Returns
    -------
    Module
        float32, in training mode; images (n, 3, 32, 32) to (n, n_classes).

    Raises
    ------
    InvalidInputError
        An argument is out of its domain.

    Examples
    --------
    >>> from htmu.networks import mlp
    >>> sum(parameter.numel() for parameter in mlp(width=16, depth=1).parameters())
    49338
    """
    n_classes = size("n_classes", n_classes)
    width, depth = size("width", width), size("depth", depth)

    def make() -> nn.Module:
        layers: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten())
        before = IMAGE_SHAPE[0] * IMAGE_SHAPE[1] * IMAGE_SHAPE[2]
        for index in range(1, depth + 1):
            layers[f"fc{index}"] = nn.Linear(before, width)
            layers[f"relu{index}"] = nn.ReLU()
            before = width
        layers[f"fc{depth + 1}"] = nn.Linear(before, n_classes)
        return nn.Sequential(layers)

    return built("mlp", make, seed, initialization, n_classes=n_classes, width=width, depth=depth)
