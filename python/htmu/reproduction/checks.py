"""What the figures refuse before a folder is made or data are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import torch

from htmu.arguments import as_choice, check_memory
from htmu.errors import InvalidInputError
from htmu.networks import DATA_SETS, MODELS
from htmu.ntk.assembly import Assembly
from htmu.ntk.memory import as_bytes, make_schedule
from htmu.ntk.selection import select_parameters

__all__ = [
    "MOST",
    "as_data",
    "as_models",
    "as_report",
    "as_scale",
    "check_distinct",
    "check_kernel_memory",
]

#: Epochs, images and batch sizes.
MOST = 10**7

Scale = TypeVar("Scale")


def as_scale(scale: Any, scales: Mapping[str, Scale]) -> Scale:
    """Return the scale of a name, or the scale itself."""
    kind = type(next(iter(scales.values())))
    if isinstance(scale, kind):
        return scale
    if not isinstance(scale, str) or scale not in scales:
        raise InvalidInputError(
            f"scale must be a {kind.__name__} or one of {', '.join(scales)}, got {scale!r:.60}"
        )
    return scales[scale]


def as_data(data: Any) -> str:
    """Return the name of a data set."""
    return as_choice("data", data, DATA_SETS)


def as_models(networks: Any) -> tuple[str, ...]:
    """Return names of networks, at least one and each once."""
    if not isinstance(networks, tuple | list) or not networks:
        raise InvalidInputError(
            f"networks must be a non-empty sequence of names, got {networks!r:.60}"
        )
    names = tuple(as_choice("a network", name, tuple(MODELS)) for name in networks)
    check_distinct("networks", names)
    return names


def check_distinct(name: str, values: Sequence[object]) -> None:
    """Refuse a value that is there twice: it would be computed once and counted twice."""
    twice = [value for i, value in enumerate(values) if value in values[:i]]
    if twice:
        raise InvalidInputError(f"{name} has {twice[0]!r} twice; name each once")


def as_report(report: Any) -> Callable[[str], object]:
    """Return the callable that is told what is done, one that does nothing for None."""
    if report is None:
        return lambda text: None
    if not callable(report):
        raise InvalidInputError(f"report must be callable or None, got {report!r:.60}")
    chosen: Callable[[str], object] = report
    return chosen


def check_kernel_memory(
    model: torch.nn.Module,
    images: torch.Tensor,
    device: torch.device,
    memory: str | int | None,
) -> None:
    """Refuse a kernel of all outputs that no division of the work fits into memory.

    Raises
    ------
    InvalidInputError
        With the least memory that would do.
    """
    with torch.inference_mode(False), torch.no_grad():
        assembly = Assembly.prepare(
            model.eval(),
            images,
            select_parameters(model, None),
            "all",
            torch.float32,
            torch.float64,
            device,
            None if memory is None else as_bytes(memory),
            True,
            False,
        )
        size = assembly.needs.n * assembly.needs.classes
        try:
            make_schedule(assembly.needs, assembly.parts, assembly.limit)
        except InvalidInputError as error:
            # Not the advice to write the kernel to a file, which the figure does anyway.
            text = str(error).partition(", or write the kernel")[0]
            raise InvalidInputError(text) from None
    check_memory(2 * size * size, f"a kernel of {size} rows", advice="take a smaller n_kernel")
