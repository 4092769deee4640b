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
    if pixels.is_floating_point() and not bool(torch.isfinite(pixels).all()):
        index = int(torch.nonzero(~torch.isfinite(pixels))[0, 0])
        raise NonFiniteError(f"image {index} has a pixel that is NaN or infinite; remove it")
    classes = _tensor("labels", labels)
    if classes.is_floating_point() or tuple(classes.shape) != shape[:1]:
        raise InvalidInputError(
            f"labels must be {shape[0]} integers, one an image, got {classes.dtype} of shape "
            f"{tuple(classes.shape)}"
        )
    most = int(classes.max()) + 1
    n_classes = max(most, 2) if n_classes is None else as_int("n_classes", n_classes, minimum=1)
    if int(classes.min()) < 0 or most > n_classes:
        raise InvalidInputError(
            f"labels must be from 0 to {n_classes - 1}, got {int(classes.min())} to {most - 1}"
        )
    return ImageData(
        normalize(pixels, normalization), classes.long().clone(), n_classes, name, normalization
    )


def _tensor(name: str, value: Any) -> Tensor:
    try:
        tensor = (
            value.detach().cpu() if isinstance(value, Tensor) else torch.tensor(np.asarray(value))
        )
    except (TypeError, ValueError, RuntimeError):
        raise InvalidInputError(
            f"{name} must be a tensor or an array of numbers, got {type(value).__name__}"
        ) from None
    if tensor.dtype == torch.bool or tensor.is_complex():
        raise InvalidInputError(f"{name} must be real numbers, got {tensor.dtype}")
    return tensor
