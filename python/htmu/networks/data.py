"""Data sets by name: CIFAR-10, MNIST, SVHN, scikit-learn's digits, Gaussian classes."""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np
import torch
from torch import Tensor

from htmu.arguments import Seed, as_bool, as_choice, as_float, as_int, as_seed, check_memory
from htmu.errors import InvalidInputError, MissingExtraError
from htmu.networks.determinism import Purpose, normals, permutation
from htmu.networks.images import ImageData
from htmu.networks.normalization import (
    IMAGE_SHAPE,
    NORMALIZATIONS,
    channel_statistics,
    normalize,
)
from htmu.networks.torchvision_data import TORCHVISION_NAMES, load_split

DATA_SETS = ("digits", "gaussian", *TORCHVISION_NAMES)

#: The first so many of scikit-learn's 1797 digits are the training split; it has none of its own.
DIGITS_TRAINING = 1500

_ENTRIES = math.prod(IMAGE_SHAPE)
_GAUSSIAN_POINTS = 1000


def load_data(
    name: str = "digits",
    *,
    n: int | None = None,
    seed: Seed = 0,
    train: bool = True,
    data_dir: str | os.PathLike[str] | None = None,
    download: bool = False,
    normalization: str = "image",
    **options: Any,
) -> ImageData:
    """Images of a data set, of 3 x 32 x 32 pixels.

    Parameters
    ----------
    name : {'digits', 'gaussian', 'cifar10', 'mnist', 'svhn'}
        'digits' are scikit-learn's (8 x 8; the first 1500 for training, the last 297 for testing).
        'gaussian' are synthetic: class k is N(m_k, I) in 3072 dimensions, the means orthogonal and
        any two at the distance `separation`, classes in turn.
    n : int, optional
        Points drawn at random without replacement; the whole split by default (1000 for
        'gaussian'). With the same seed, fewer points are the first of more points.
    seed : int, SeedSequence, Generator or None
        Of the draw, and of Gaussian classes.
    train : bool
        Training split, or the test split.
    data_dir : path, optional
        Folder of the files of CIFAR-10, MNIST or SVHN, as torchvision lays them out; 'data' by
        default.
    download : bool
        Fetch what is not in `data_dir`.
    normalization : {'image', 'dataset', 'none'}
        'image', the paper's: each channel of each image zero mean and unit variance, then the image
        of Euclidean norm sqrt(3072). 'dataset': mean and standard deviation of each channel over
        the whole training split (of 'gaussian', over the `n` points). 'none': pixels in [0, 1].
    **options
        For 'gaussian': `n_classes` (10) and `separation` (8), in standard deviations of the noise.

    Returns
    -------
    ImageData

    Raises
    ------
    InvalidInputError
        An argument is out of its domain, or `n` is more than the split has.
    RunFileError
        The files of the data set are absent or damaged, or could not be downloaded.
    MissingExtraError
        scikit-learn or torchvision is not installed.

    Examples
    --------
    >>> from htmu.networks import load_data
    >>> data = load_data("gaussian", n=20, n_classes=4)
    >>> data
    ImageData('gaussian', n=20, n_classes=4, normalization='image')
    >>> round(float(data.images[0].norm()) ** 2)
    3072
    """
    as_choice("data set", name, DATA_SETS)
    as_choice("normalization", normalization, NORMALIZATIONS)
    as_bool("train", train)
    as_bool("download", download)
    key = as_seed(seed)
    if n is not None:
        n = as_int("n", n, minimum=1)
    folder = _folder(data_dir)
    known = {"n_classes", "separation"} if name == "gaussian" else set()
    unknown = sorted(set(options) - known)
    if unknown:
        raise InvalidInputError(f"the data set {name!r} has no option {unknown[0]!r}; leave it out")
    source: dict[str, Any] = {
        "name": name,
        "n": n,
        "seed": key,
        "train": train,
        "normalization": normalization,
    }
    if name == "gaussian":
        n_classes = as_int("n_classes", options.get("n_classes", 10), minimum=2, maximum=_ENTRIES)
        separation = as_float("separation", options.get("separation", 8.0), minimum=0)
        pixels, labels = _gaussian(n, n_classes, separation, key, train)
        source |= {"n_classes": n_classes, "separation": separation}
    else:
        n_classes = 10
        pixels, labels = _split(name, train, folder, download)
        if name in TORCHVISION_NAMES:
            source["data_dir"] = folder
    statistics = None
    if normalization == "dataset":
        if train:
            reference = pixels
        elif name == "gaussian":
            reference = _gaussian(n, n_classes, separation, key, True)[0]
        else:
            reference = _split(name, True, folder, download)[0]
        statistics = channel_statistics(reference)
    if n is not None and name != "gaussian":
        if n > len(labels):
            split = "training" if train else "test"
            raise InvalidInputError(
                f"n is {n}, but the {split} split of {name!r} has {len(labels)} images; ask for "
                "fewer"
            )
        chosen = torch.from_numpy(permutation(len(labels), key, Purpose.POINTS)[:n].copy())
        pixels, labels = pixels[chosen], labels[chosen]
    images = normalize(pixels, normalization, statistics)
    return ImageData(images, labels.clone(), n_classes, name, normalization, source)


def _folder(data_dir: str | os.PathLike[str] | None) -> str:
    try:
        folder = os.fsdecode("data" if data_dir is None else data_dir)
    except TypeError:
        folder = ""
    if not folder or "\0" in folder:
        raise InvalidInputError(f"data_dir must be the path of a folder, got {data_dir!r}")
    return folder


def _split(name: str, train: bool, folder: str, download: bool) -> tuple[Tensor, Tensor]:
    if name == "digits":
        return _digits(train)
    return load_split(name, train=train, data_dir=folder, download=download)


def _digits(train: bool) -> tuple[Tensor, Tensor]:
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise MissingExtraError(
            "the digits come with scikit-learn, which is not installed; "
            'run: pip install "htmu[networks]"'
        ) from None
    digits = load_digits()
    kept = slice(None, DIGITS_TRAINING) if train else slice(DIGITS_TRAINING, None)
    # Grey values from 0 to 16.
    pixels = torch.from_numpy(digits.images[kept] / 16).to(torch.float32)
    return pixels, torch.from_numpy(digits.target[kept]).to(torch.int64, copy=True)


def _gaussian(
    n: int | None, n_classes: int, separation: float, key: int, train: bool
) -> tuple[Tensor, Tensor]:
    n = _GAUSSIAN_POINTS if n is None else n
    check_memory(2 * n * _ENTRIES, f"{n} images")
    directions, _ = np.linalg.qr(normals((_ENTRIES, n_classes), key, Purpose.CLASS_MEANS))
    # Orthogonal means of this length are `separation` apart.
    means = directions.T * (separation / math.sqrt(2))
    labels = np.arange(n) % n_classes
    purpose = Purpose.TRAINING_NOISE if train else Purpose.TEST_NOISE
    points = normals((n, _ENTRIES), key, purpose)
    points += means[labels]
    return torch.from_numpy(points).float().reshape(n, *IMAGE_SHAPE), torch.from_numpy(labels)
