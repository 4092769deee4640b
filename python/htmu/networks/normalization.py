"""How pixels become the numbers that a network sees."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from htmu.errors import InvalidInputError

#: Channels, height and width of every image.
IMAGE_SHAPE = (3, 32, 32)
#: Norm that the paper gives every image: the root of the number of its entries.
IMAGE_NORM = math.sqrt(math.prod(IMAGE_SHAPE))

NORMALIZATIONS = ("image", "dataset", "none")

#: Images that are converted at a time, so that a large data set is never held in float64.
_CHUNK = 2048
#: A channel whose deviation is below this part of its size is constant up to rounding.
_CONSTANT = 1e-6


class ChannelStatistics(NamedTuple):
    """Mean and standard deviation of each channel over a data set, float64, shape (3,)."""

    mean: Tensor
    std: Tensor


def as_images(images: Tensor) -> Tensor:
    """Images of shape (n, 3, 32, 32), float32: whole numbers are divided by 255.

    Grey images of shape (n, h, w) or (n, 1, h, w) get three equal channels. Other sizes than 32 are
    resized bilinearly.
    """
    if not images.is_floating_point():
        images = images.to(torch.float32) / 255
    images = images.to(torch.float32)
    if images.ndim == 3:
        images = images[:, None]
    if images.shape[-2:] != IMAGE_SHAPE[1:]:
        images = interpolate(images, size=IMAGE_SHAPE[1:], mode="bilinear", align_corners=False)
    if images.shape[1] == 1:
        images = images.expand(-1, 3, -1, -1)
    return images.contiguous()


def chunks(images: Tensor) -> Iterable[Tensor]:
    """Same images, converted some at a time."""
    return (as_images(images[i : i + _CHUNK]) for i in range(0, len(images), _CHUNK))


def channel_statistics(images: Tensor) -> ChannelStatistics:
    """Mean and population standard deviation of each channel over all images and pixels.

    Raises
    ------
    InvalidInputError
        A channel is constant.

    Examples
    --------
    >>> import torch
    >>> from htmu.networks.normalization import channel_statistics
    >>> checkered = torch.tensor([0, 255], dtype=torch.uint8).repeat(2, 3, 32, 16)
    >>> [values.tolist() for values in channel_statistics(checkered)]
    [[0.5, 0.5, 0.5], [0.5, 0.5, 0.5]]
    """
    axes = (0, 2, 3)
    count = len(images) * IMAGE_SHAPE[1] * IMAGE_SHAPE[2]
    zero = torch.zeros(IMAGE_SHAPE[0], dtype=torch.float64, device="cpu")
    mean = sum((part.double().sum(axes) for part in chunks(images)), zero) / count
    squares = (((part.double() - mean[:, None, None]) ** 2).sum(axes) for part in chunks(images))
    square = sum(squares, zero) / count
    std = square.sqrt()
    if not bool((std > _CONSTANT * mean.abs()).all()):
        raise InvalidInputError(
            "normalization 'dataset' divides by each channel's standard deviation, and that of "
            f"channel {int(std.argmin())} is 0; use 'none'"
        )
    return ChannelStatistics(mean, std)


def normalize(
    images: Tensor, normalization: str, statistics: ChannelStatistics | None = None
) -> Tensor:
    """Images as fed to the network.

    Parameters
    ----------
    images : tensor, shape (n, h, w) or (n, c, h, w)
        Anything that `as_images` takes.
    normalization : {'image', 'dataset', 'none'}
        'image': each channel of each image zero mean and unit variance over its pixels, then the
        image rescaled to Euclidean norm sqrt(3072); a constant channel becomes 0. 'dataset': each
        channel minus its mean and over its standard deviation in `statistics`.
    statistics : ChannelStatistics, optional
        For 'dataset'; by default of the images themselves.

    Returns
    -------
    tensor, shape (n, 3, 32, 32), float32

    Raises
    ------
    InvalidInputError
        An image is constant, and so has no direction ('image'); a channel is ('dataset').

    Source: Hodgkinson, Wang and Mahoney, ICML 2025, Appendix on experiments.

    Examples
    --------
    >>> import torch
    >>> from htmu.networks.normalization import normalize
    >>> image = normalize(torch.arange(3072.0).reshape(1, 3, 32, 32), "image")
    >>> round(float(image.norm() ** 2)), round(float(image.mean()), 6)
    (3072, 0.0)
    """
    if normalization == "none":
        return as_images(images)
    if normalization == "dataset" and statistics is None:
        statistics = channel_statistics(images)
    out = torch.empty((len(images), *IMAGE_SHAPE), dtype=torch.float32, device="cpu")
    start = 0
    for part in chunks(images):
        if statistics is not None and normalization == "dataset":
            mean, std = (values[:, None, None] for values in statistics)
            out[start : start + len(part)] = (part.double() - mean) / std
        else:
            out[start : start + len(part)] = _each_image(part.double(), start)
        start += len(part)
    return out


def _each_image(images: Tensor, first: int) -> Tensor:
    size = images.abs().amax((2, 3), keepdim=True)
    centred = images - images.mean((2, 3), keepdim=True)
    std = (centred**2).mean((2, 3), keepdim=True).sqrt()
    constant = std <= _CONSTANT * size
    unit = torch.where(constant, 0.0, centred / torch.where(constant, 1.0, std))
    norm = unit.flatten(1).norm(dim=1)
    if not bool((norm > 0).all()):
        raise InvalidInputError(
            f"image {first + int(norm.argmin())} is constant in every channel and cannot be "
            "brought to a norm; remove it, or use the normalization 'dataset' or 'none'"
        )
    scaled: Tensor = unit * (IMAGE_NORM / norm)[:, None, None, None]
    return scaled
