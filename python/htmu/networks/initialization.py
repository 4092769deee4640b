"""Initial weights: He's, and those of the neural tangent kernel's theory."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import nn

from htmu.arguments import Seed, as_choice, as_seed
from htmu.errors import InvalidInputError
from htmu.networks.determinism import Purpose, normals

SCHEMES = ("he", "ntk")

#: Variance of a weight, times its fan-in.
_VARIANCES = {"he": 2.0, "ntk": 1.0}

#: Their weight is a matrix (outputs, ...) whose fan-in is the number of entries of a row.
_WEIGHTED = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


def initialize(model: nn.Module, scheme: str = "he", seed: Seed = 0) -> nn.Module:
    """Set all parameters of a model, in place, without touching PyTorch's generators.

    Parameters
    ----------
    model : Module
        Made of linear layers, convolutions, attention, embeddings, norms and layers without
        parameters.
    scheme : {'he', 'ntk'}
        Weights of linear layers, convolutions and attention are N(0, v / fan-in), with v = 2 (He
        and others, ICCV 2015) or 1; fan-in is the number of inputs of one output. Biases are 0.
        Embeddings are N(0, 1), as one input is on at a time. Norms start as the identity, and
        forget the batches that they have seen.
    seed : int, SeedSequence, Generator or None
        Each parameter has a stream of its own: equal seeds give equal bits on every machine.

    Returns
    -------
    Module
        The same.

    Raises
    ------
    InvalidInputError
        The scheme is unknown, or a layer is of a kind whose weights have no known fan-in.

    Examples
    --------
    >>> from torch import nn
    >>> from htmu.networks import initialize
    >>> layer = initialize(nn.Linear(400, 300), "ntk", seed=1)
    >>> round(float(layer.weight.detach().var() * 400), 2), bool(layer.bias.any())
    (1.0, False)
    """
    variance = _VARIANCES[as_choice("initialization", scheme, SCHEMES)]
    if not isinstance(model, nn.Module):
        raise InvalidInputError(f"model must be a torch.nn.Module, got {type(model).__name__}")
    key = as_seed(seed)
    plans = list(_plans(model, variance))
    with torch.no_grad():
        for index, (parameter, deviation) in enumerate(plans):
            if deviation is None:
                parameter.zero_()
            else:
                values = normals(tuple(parameter.shape), key, Purpose.WEIGHTS, index)
                parameter.copy_(torch.from_numpy(deviation * values))
    return model


def _plans(model: nn.Module, variance: float) -> Iterator[tuple[nn.Parameter, float | None]]:
    """Each parameter once, with the deviation of its entries, None for zeros.

    Norms are reset here, since they reset themselves without random numbers.
    """
    seen: set[int] = set()
    for name, module in model.named_modules():
        if isinstance(module, (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm)):
            module.reset_parameters()
            continue
        for own, parameter in module.named_parameters(recurse=False):
            if id(parameter) in seen:
                continue
            seen.add(id(parameter))
            if own.endswith("bias") or own.startswith("bias"):
                yield parameter, None
            elif isinstance(module, nn.Embedding):
                yield parameter, 1.0
            elif isinstance(module, _WEIGHTED) or (
                isinstance(module, nn.MultiheadAttention) and own.endswith("proj_weight")
            ):
                yield parameter, math.sqrt(variance / (parameter.numel() // len(parameter)))
            else:
                raise InvalidInputError(
                    f"the initialization of {type(module).__name__} ({name or 'the model'}, "
                    f"parameter {own!r}) is not known; set its weights yourself"
                )
