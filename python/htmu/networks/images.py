"""Images with their labels, as fed to a network."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from htmu.arguments import as_choice, as_int
from htmu.errors import InvalidInputError, NonFiniteError
from htmu.networks.normalization import NORMALIZATIONS, normalize

#: A network has an output a class.
MOST_CLASSES = 1 << 16

_UNSIGNED = (torch.uint16, torch.uint32, torch.uint64)


@dataclass(frozen=True, eq=False)
class ImageData:
    """Images and labels of one split of a data set.

    Attributes
    ----------
    images : tensor, shape (n, 3, 32, 32), float32
        Normalised, as fed to the network.
    labels : tensor, shape (n,), int64
        In 0 .. n_classes - 1.
    n_classes : int
    name : str
    normalization : {'image', 'dataset', 'none'}
    source : dict
        Arguments of `load_data` that give the same images again; empty for your own tensors.
    """

    images: Tensor
    labels: Tensor
    n_classes: int
    name: str
    normalization: str
    source: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return (
            f"ImageData({self.name!r}, n={len(self)}, n_classes={self.n_classes}, "
            f"normalization={self.normalization!r})"
        )

    def fingerprint(self) -> str:
        """SHA-256 of images and labels, in hexadecimal."""
        digest = hashlib.sha256()
        for tensor in (self.images, self.labels):
            digest.update(tensor.detach().cpu().contiguous().numpy().data)
        return digest.hexdigest()


def image_data(
    images: Any,
    labels: Any,
    *,
    n_classes: int | None = None,
    name: str = "own",
    normalization: str = "none",
) -> ImageData:
    """Your own images, as data to train on.

    Parameters
    ----------
    images : tensor or array, shape (n, h, w), (n, 1, h, w) or (n, 3, h, w)
        Integers are divided by 255; grey images get three equal channels; other sizes than 32 x 32
        are resized bilinearly.
    labels : tensor or array of int, shape (n,)
        Classes, from 0.
    n_classes : int, optional
        By default the largest label plus 1, and at least 2.
    name : str
        For messages.
    normalization : {'none', 'image', 'dataset'}
        As in `load_data`; 'none' leaves the values as they are.

    Returns
    -------
    ImageData

    Raises
    ------
    InvalidInputError
        Shapes, types or labels do not fit.
    NonFiniteError
        A pixel is NaN or infinite.

    Examples
    --------
    >>> import numpy as np
    >>> from htmu.networks import image_data
    >>> image_data(np.random.default_rng(0).random((5, 28, 28)), [0, 1, 2, 0, 1])
    ImageData('own', n=5, n_classes=3, normalization='none')
    """
    as_choice("normalization", normalization, NORMALIZATIONS)
    pixels = _tensor("images", images)
    shape = tuple(pixels.shape)
    if pixels.ndim not in (3, 4) or 0 in shape or (pixels.ndim == 4 and shape[1] not in (1, 3)):
        raise InvalidInputError(
            f"images must have shape (n, h, w), (n, 1, h, w) or (n, 3, h, w), got {shape}"
        )
    if pixels.is_floating_point():
        pixels = pixels.to(torch.float32)
        if not bool(torch.isfinite(pixels).all()):
            index = int(torch.nonzero(~torch.isfinite(pixels))[0, 0])
            raise NonFiniteError(
                f"image {index} has a pixel that is NaN, infinite or beyond float32; remove it"
            )
    classes = _tensor("labels", labels)
    if classes.is_floating_point() or tuple(classes.shape) != shape[:1]:
        raise InvalidInputError(
            f"labels must be {shape[0]} integers, one an image, got {classes.dtype} of shape "
            f"{tuple(classes.shape)}"
        )
    most = int(classes.max()) + 1
    if most > MOST_CLASSES:
        raise InvalidInputError(
            f"labels must be from 0 to at most {MOST_CLASSES - 1}, got {most - 1}; number the "
            "classes from 0"
        )
    n_classes = (
        max(most, 2)
        if n_classes is None
        else as_int("n_classes", n_classes, minimum=1, maximum=MOST_CLASSES)
    )
    if int(classes.min()) < 0 or most > n_classes:
        raise InvalidInputError(
            f"labels must be from 0 to {n_classes - 1}, got {int(classes.min())} to {most - 1}"
        )
    return ImageData(
        normalize(pixels, normalization), classes.long().clone(), n_classes, name, normalization
    )


def _tensor(name: str, value: Any) -> Tensor:
    """Copy on the CPU: what the caller does to his own later changes nothing here."""
    if isinstance(value, Tensor):
        if value.is_meta or value.layout != torch.strided:
            raise InvalidInputError(
                f"{name} must be a dense tensor with values, got one on {value.device} of the "
                f"layout {value.layout}"
            )
        tensor = value.detach().to("cpu", copy=True)
    else:
        tensor = _from_array(name, value)
    if tensor.dtype == torch.bool or tensor.is_complex():
        raise InvalidInputError(f"{name} must be real numbers, got {tensor.dtype}")
    if tensor.dtype in _UNSIGNED:
        # PyTorch has no arithmetic for these.
        tensor = tensor.to(torch.int64)
        if tensor.numel() and int(tensor.min()) < 0:
            raise InvalidInputError(f"{name} must be below 2^63; give smaller numbers")
    return tensor


def _from_array(name: str, value: Any) -> Tensor:
    try:
        array = np.asarray(value)
        if array.dtype.kind == "f" and array.dtype.itemsize > 8:
            with np.errstate(over="ignore"):
                array = array.astype(np.float64)
        # Native byte order, and strides that are not negative.
        array = np.array(array, dtype=array.dtype.newbyteorder("="), order="C", copy=True)
        return torch.from_numpy(array)
    except (TypeError, ValueError, RuntimeError):
        raise InvalidInputError(
            f"{name} must be a tensor or an array of numbers, got {type(value).__name__}"
        ) from None
