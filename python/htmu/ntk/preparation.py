"""What a kernel is asked of: the samples and a private copy of the model, checked."""

from __future__ import annotations

import copy
import hashlib
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from htmu.arguments import as_choice
from htmu.errors import InvalidInputError, NonFiniteError

__all__ = [
    "as_device",
    "as_samples",
    "cast",
    "check_hooks",
    "check_mode",
    "fingerprint",
    "private_copy",
]


def as_samples(samples: Any) -> Tensor:
    """Samples as a detached tensor whose first axis counts them."""
    try:
        x = (
            samples
            if isinstance(samples, Tensor)
            else torch.as_tensor(_native(samples), device="cpu")
        )
    except (TypeError, ValueError, RuntimeError):
        raise InvalidInputError(
            f"x must be a tensor or an array of numbers, got {type(samples).__name__}"
        ) from None
    if x.layout != torch.strided or x.is_meta:
        kind = "on the meta device, without values" if x.is_meta else f"of layout {x.layout}"
        raise InvalidInputError(f"x must be a dense tensor with values, got one {kind}")
    if x.ndim < 1 or x.numel() == 0:
        raise InvalidInputError(
            f"x must have at least one sample along its first axis, got shape {tuple(x.shape)}"
        )
    if x.is_complex():
        raise InvalidInputError(f"x must be of real numbers, got {x.dtype}")
    if x.is_floating_point():
        bad = ~torch.isfinite(x.detach().reshape(len(x), -1)).all(dim=1)
        if bool(bad.any()):
            raise NonFiniteError(
                f"x has a value that is not finite in sample {int(bad.nonzero()[0])}; remove it or "
                f"mend it"
            )
    return x.detach()


def _native(samples: Any) -> np.ndarray[Any, Any]:
    """An array that torch takes: of this machine's byte order, and without negative strides."""
    array = np.asarray(samples)
    if array.dtype == np.longdouble:
        array = array.astype(np.float64)
    plain = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("=")).reshape(array.shape)
    # torch warns of memory that it must not write to.
    return plain if plain.flags.writeable else plain.copy()


def as_device(device: Any) -> torch.device:
    """Device asked for: "auto" takes a GPU where there is one."""
    name = str(device)
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    as_choice("device", name.partition(":")[0], ("auto", "cpu", "cuda"))
    try:
        found = torch.device(name)
    except RuntimeError:
        raise InvalidInputError(
            f"device must be 'auto', 'cpu', 'cuda' or 'cuda:0', got {name!r}"
        ) from None
    if found.type == "cuda" and (found.index or 0) >= torch.cuda.device_count():
        raise InvalidInputError(
            f"device {name!r} is not there: torch sees {torch.cuda.device_count()} GPUs; use 'cpu'"
        )
    return found


def check_mode(model: Any) -> None:
    """Refuse what is no model, and modules that mix samples or draw at random."""
    if not isinstance(model, nn.Module):
        raise InvalidInputError(f"model must be a torch.nn.Module, got {type(model).__name__}")
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        if tensor.is_meta:
            raise InvalidInputError(
                f"{name!r} of the model is on the meta device, without values; load the model's "
                f"weights first"
            )
    for name, module in model.named_modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            if module.training:
                raise InvalidInputError(
                    f"batch norm {name!r} is in training mode, where samples mix; call model.eval()"
                )
            if module.running_mean is None:
                raise InvalidInputError(
                    f"batch norm {name!r} has no running statistics, so that samples mix; make it "
                    f"with track_running_stats=True"
                )
        if isinstance(module, nn.modules.dropout._DropoutNd) and module.training and module.p > 0:
            raise InvalidInputError(
                f"dropout {name!r} is in training mode, where outputs are random; call model.eval()"
            )


def check_hooks(model: nn.Module) -> None:
    """Refuse parameters and modules whose gradients hooks do not give."""
    for name, parameter in model.named_parameters():
        if parameter.is_complex():
            raise InvalidInputError(
                f"parameter {name!r} is complex; give its real and imaginary parts as two real "
                f"parameters"
            )
    for name, module in model.named_modules():
        if isinstance(module, torch.jit.ScriptModule):
            raise InvalidInputError(
                f"module {name!r} is compiled by torch.jit, which admits no hooks; give the model "
                f"from which it was compiled"
            )


def cast(model: nn.Module, precision: torch.dtype) -> None:
    """Parameters and buffers in a precision; complex ones in the complex type of it.

    `nn.Module.to` would drop imaginary parts.
    """
    both = torch.complex128 if precision == torch.float64 else torch.complex64

    def converted(tensor: Tensor) -> Tensor:
        if tensor.is_complex():
            return tensor.to(both)
        return tensor.to(precision) if tensor.is_floating_point() else tensor

    model._apply(converted)  # type: ignore[no-untyped-call]


def private_copy(model: nn.Module, device: torch.device) -> nn.Module:
    """A copy of the model whose parameters need no gradients; the model stays as it is."""
    try:
        own = copy.deepcopy(model)
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InvalidInputError(
            f"the model cannot be copied by copy.deepcopy: {reason[:160]}; keep only modules, "
            f"parameters and buffers in it"
        ) from error
    for parameter in own.parameters():
        parameter.grad = None
        parameter.requires_grad_(False)
    return own.to(device)


def fingerprint(model: nn.Module, x: Tensor) -> dict[str, str]:
    """Hashes of the model's parameters and buffers, and of the samples."""
    state = hashlib.sha256()
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        state.update(f"{name} {tensor.dtype} {tuple(tensor.shape)};".encode())
        state.update(_bytes(tensor))
    state.update(str(model).encode())
    samples = hashlib.sha256(f"{x.dtype} {tuple(x.shape)};".encode())
    samples.update(_bytes(x))
    return {"model": state.hexdigest()[:32], "x": samples.hexdigest()[:32]}


def _bytes(tensor: Tensor) -> Any:
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy()
