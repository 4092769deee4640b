"""The device to compute on."""

from __future__ import annotations

import torch

from htmu.arguments import as_choice
from htmu.errors import InvalidInputError

DEVICES = ("auto", "cpu", "cuda", "mps")


def choose_device(device: str = "auto") -> torch.device:
    """Device of a name; 'auto' takes CUDA, else Apple's MPS, else the CPU.

    Raises
    ------
    InvalidInputError
        The name is unknown, or this machine has no such device.

    Examples
    --------
    >>> from htmu.networks.device import choose_device
    >>> choose_device("cpu")
    device(type='cpu')
    """
    name = as_choice("device", str(device), DEVICES)
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": _has_mps()}
    if name == "auto":
        name = "cuda" if there["cuda"] else "mps" if there["mps"] else "cpu"
    if not there[name]:
        raise InvalidInputError(
            f"device {name!r} is not there: PyTorch {torch.__version__} finds no such hardware; "
            "use 'auto' or 'cpu'"
        )
    return torch.device(name)


def _has_mps() -> bool:
    return torch.backends.mps.is_available()
