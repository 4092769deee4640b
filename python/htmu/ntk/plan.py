"""The parts of a kernel: for each module that owns parameters, the cheapest way to its term."""

from __future__ import annotations

import math
from dataclasses import replace

from torch import nn

from htmu.ntk.cost import choose_method, explicit_is_smaller, multiply_adds
from htmu.ntk.layers import Positions
from htmu.ntk.outputs import Outputs
from htmu.ntk.parts import Part, PositionPart, RowPart, Use
from htmu.ntk.sites import Uses

__all__ = ["build_parts", "pair_work"]

#: Multiply-adds of a piece of a part: about half a minute in double precision.
_PIECE = 1e12


def build_parts(
    model: nn.Module, names: dict[str, list[str]], uses: Uses, outputs: Outputs, n: int
) -> list[Part]:
    """Parts of the selected parameters, in the model's order."""
    sizes = {name: p.numel() for name, p in model.named_parameters(remove_duplicate=False)}
    owned: dict[str, list[str]] = {}
    for name in names:
        owned.setdefault(name.rpartition(".")[0], []).append(name)
    parts: list[Part] = []
    for owner, listed in owned.items():
        remaining = list(listed)
        position = _position_part(owner, listed, uses, outputs, n)
        if position is not None:
            parts.append(position)
            covered = ("weight", "bias") if position.bias else ("weight",)
            remaining = [name for name in listed if not _is_own(uses.of[name], position, covered)]
        if remaining:
            parts.append(
                RowPart(
                    owner,
                    remaining,
                    [uses.of[name] for name in remaining],
                    [sizes[name] for name in remaining],
                    len(outputs.weights),
                )
            )
    return parts


def _is_own(uses: list[Use], part: PositionPart, names: tuple[str, ...]) -> bool:
    return len(uses) == 1 and uses[0][0] is part.sites[0] and uses[0][1] in names


def _position_part(
    owner: str, listed: list[str], uses: Uses, outputs: Outputs, n: int
) -> PositionPart | None:
    """The part of a weight that is cheaper by products than by its gradients' rows."""
    for name in listed:
        if len(uses.of[name]) != 1 or uses.of[name][0][1] != "weight":
            continue
        site = uses.of[name][0][0]
        call = uses.calls[site]
        sizes = site.layer.positions(call)
        if sizes is None:
            continue
        classes = len(outputs.weights)
        method = choose_method(_counted(sizes, outputs), outputs.classes, n)
        if method == "explicit" and explicit_is_smaller(sizes, classes):
            return None
        shape = tuple(site.layer.input(call).shape[1:])
        part = PositionPart(owner, [name], site, sizes, method, classes, shape, bias=False)
        if method == "explicit":
            wanted = math.ceil(pair_work(part, outputs, n) * n * n / 2 / _PIECE)
            part.pieces = min(sizes.n_outputs, wanted)
        else:
            biases = [other for other in listed if _is_own(uses.of[other], part, ("bias",))]
            part.bias = bool(biases)
            part.names += biases[:1]
        return part
    return None


def _counted(sizes: Positions, outputs: Outputs) -> Positions:
    """Sizes with the network's outputs among the layer's, where they are traced over."""
    factor = len(outputs.weights) if outputs.trace else 1
    return replace(sizes, n_outputs=sizes.n_outputs * factor)


def pair_work(part: Part, outputs: Outputs, n: int) -> float:
    """Multiply-adds of a pair of samples, roughly: the weight of a part in the progress."""
    classes = outputs.classes
    if isinstance(part, PositionPart):
        return multiply_adds(part.method, _counted(part.sizes, outputs), classes, n)
    return float(part.numbers * classes)
