"""Spectra of a network's weights."""

from __future__ import annotations

import os
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from htmu.arguments import FloatArray
from htmu.errors import InvalidInputError, NonFiniteError, RunFileError
from htmu.files import whole_file

if TYPE_CHECKING:
    from collections.abc import Mapping


def weight_spectra(model: nn.Module) -> dict[str, FloatArray]:
    """Eigenvalues of ``W^T W`` for every weight of two or more dimensions.

    W has the shape (n_out, fan-in), the kernel of a convolution being flattened; it is not scaled.
    With p = min(n_out, fan-in), the p eigenvalues are those that do not vanish identically. Divide
    by their mean to compare with a law of mean 1, whose aspect ratio is gamma = p / max(n_out,
    fan-in).

    Parameters
    ----------
    model : Module

    Returns
    -------
    dict of str to array, shape (p,), float64
        By name of the layer, ascending. They are squared singular values, taken in double
        precision, so that small ones are accurate too: absolute error about
        1e-16 ||W|| sqrt(eigenvalue).

    Raises
    ------
    InvalidInputError
        The model has no such weight.
    NonFiniteError
        A weight is NaN or infinite.

    Examples
    --------
    >>> from htmu.networks import minialexnet, weight_spectra
    >>> spectra = weight_spectra(minialexnet())
    >>> {name: len(values) for name, values in spectra.items()}
    {'conv1': 27, 'conv2': 192, 'fc1': 1000, 'fc2': 10}
    """
    if not isinstance(model, nn.Module):
        raise InvalidInputError(f"model must be a torch.nn.Module, got {type(model).__name__}")
    spectra: dict[str, FloatArray] = {}
    for name, parameter in model.named_parameters():
        if parameter.ndim < 2:
            continue
        matrix = parameter.detach().cpu().double().flatten(1)
        if not bool(torch.isfinite(matrix).all()):
            raise NonFiniteError(
                f"the weights {name} are not finite; train with a smaller learning rate"
            )
        values = torch.linalg.svdvals(matrix).numpy()
        spectra[name.removesuffix(".weight")] = np.sort(values**2)
    if not spectra:
        raise InvalidInputError("the model has no weight of two or more dimensions")
    return spectra


def save_spectra(path: str | os.PathLike[str], spectra: Mapping[str, FloatArray]) -> None:
    """Write spectra to an .npz file, whole or not at all."""
    # Written to an open file: a layer may be called what a parameter of `savez` is called.
    with whole_file(path) as name, zipfile.ZipFile(name, "w") as archive:
        for layer, values in spectra.items():
            with archive.open(f"{layer}.npy", "w") as entry:
                np.lib.format.write_array(entry, values, allow_pickle=False)


def load_spectra(path: str | os.PathLike[str]) -> dict[str, FloatArray]:
    """Spectra of an .npz file that a training has kept.

    Raises
    ------
    RunFileError
        The file is absent or no such file.
    InvalidInputError
        `path` is no path.

    Examples
    --------
    >>> import os, tempfile
    >>> from htmu.networks import lenet, load_spectra, weight_spectra
    >>> from htmu.networks.spectra import save_spectra
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "spectra.npz")
    ...     save_spectra(path, weight_spectra(lenet()))
    ...     sorted(load_spectra(path))
    ['conv1', 'conv2', 'fc1', 'fc2', 'fc3']
    """
    try:
        name = os.fspath(path)
    except TypeError:
        raise InvalidInputError(f"path must be that of a file, got {path!r:.60}") from None
    try:
        with open(name, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            spectra = {layer: arrays[layer] for layer in arrays.files}
        if not all(values.dtype.kind == "f" and values.ndim == 1 for values in spectra.values()):
            raise ValueError
    except Exception:
        # NumPy raises nearly anything for a damaged file.
        raise RunFileError(
            f"{os.fsdecode(name)!r} holds no spectra; name a spectra-EPOCH.npz of a training"
        ) from None
    return {layer: np.asarray(values, dtype=np.float64) for layer, values in spectra.items()}
