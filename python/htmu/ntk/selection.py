"""Which parameters a kernel is of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from torch import Tensor, nn
from torch.nn.parameter import UninitializedParameter

from htmu.errors import InvalidInputError

__all__ = ["ParametersLike", "select_parameters"]

ParametersLike: TypeAlias = "str | Sequence[str] | Callable[[str, Tensor], bool] | None"


def select_parameters(model: nn.Module, parameters: Any) -> dict[str, list[str]]:
    """All names of each parameter chosen, under its first; frozen ones are left out."""
    names: dict[int, list[str]] = {}
    tensors: dict[int, nn.Parameter] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        if isinstance(parameter, UninitializedParameter):
            raise InvalidInputError(
                f"parameter {name!r} has no shape yet; call the model on a batch once"
            )
        names.setdefault(id(parameter), []).append(name)
        tensors[id(parameter)] = parameter
    chosen = _chooser(parameters, [name for aliases in names.values() for name in aliases])
    found = {
        aliases[0]: aliases
        for key, aliases in names.items()
        if tensors[key].requires_grad and any(chosen(alias, tensors[key]) for alias in aliases)
    }
    if not found:
        what = (
            "no parameters" if not names else "no parameters that are chosen and require gradients"
        )
        raise InvalidInputError(
            f"the model has {what}; a kernel needs some: choose others, or unfreeze some by "
            f"requires_grad_(True)"
        )
    return found


def _chooser(parameters: Any, names: Sequence[str]) -> Callable[[str, Tensor], bool]:
    if parameters is None:
        return lambda name, tensor: True
    if callable(parameters):
        return lambda name, tensor: bool(parameters(name, tensor))
    listed = [parameters] if isinstance(parameters, str) else parameters
    try:
        wanted = list(listed)
    except TypeError:
        wanted = [listed]
    for item in wanted:
        if not isinstance(item, str):
            raise InvalidInputError(
                f"parameters must be names, beginnings of names, or a function, got {item!r}"
            )
        if not any(_begins(name, item) for name in names):
            shown = ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
            raise InvalidInputError(
                f"parameters names {item!r}, but the model has {shown or 'none'}"
            )
    return lambda name, tensor: any(_begins(name, item) for item in wanted)


def _begins(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(prefix.rstrip(".") + ".")
