"""Networks of the paper, for images of 3 x 32 x 32 pixels.

Every layer is a module of its own that computes out of place, so that hooks see its input and its
output.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from torch import nn

from htmu.arguments import as_choice
from htmu.errors import InvalidInputError
from htmu.networks.models.alexnet import minialexnet
from htmu.networks.models.building import description, option_names
from htmu.networks.models.resnet import resnet9, resnet18
from htmu.networks.models.small import lenet, mlp
from htmu.networks.models.vgg import vgg11

__all__ = [
    "MODELS",
    "build_model",
    "description",
    "lenet",
    "minialexnet",
    "mlp",
    "resnet9",
    "resnet18",
    "vgg11",
]

#: Builders by name.
MODELS: Mapping[str, Callable[..., nn.Module]] = MappingProxyType(
    {
        "vgg11": vgg11,
        "resnet9": resnet9,
        "resnet18": resnet18,
        "minialexnet": minialexnet,
        "lenet": lenet,
        "mlp": mlp,
    }
)


def build_model(name: str, **options: Any) -> nn.Module:
    """Model of a name.

    Parameters
    ----------
    name : {'vgg11', 'resnet9', 'resnet18', 'minialexnet', 'lenet', 'mlp'}
    **options
        Arguments of its function: `n_classes`, `seed`, `initialization`; `width` for the VGG, the
        ResNets and the MLP, `depth` for the MLP.

    Returns
    -------
    Module
        float32, in training mode.

    Raises
    ------
    InvalidInputError
        The name or an option is unknown, or an option is out of its domain.

    Examples
    --------
    >>> from htmu.networks import build_model
    >>> sum(parameter.numel() for parameter in build_model("lenet", seed=1).parameters())
    62006
    """
    builder = MODELS[as_choice("model", name, tuple(MODELS))]
    unknown = sorted(set(options) - set(option_names(builder)))
    if unknown:
        raise InvalidInputError(
            f"the model {name!r} has no option {unknown[0]!r}; it has "
            f"{', '.join(option_names(builder))}"
        )
    return builder(**options)
