"""CIFAR-10, MNIST and SVHN from the files that torchvision reads, with their integrity checked.

The one module that imports torchvision.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from htmu.errors import MissingExtraError, RunFileError

#: MD5 of MNIST's unpacked files, of which torchvision checks only that they are there.
MNIST_SUMS = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}

#: Schemas of the operators that torchvision declares fakes of when it is imported. A build for
#: another torch cannot load them, and without them the import fails ("operator torchvision::nms
#: does not exist"), though data sets need none of them.
_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
#: Kept alive: the schemas live as long as the library that defines them.
_libraries: list[torch.library.Library] = []


class _DataSet(NamedTuple):
    title: str
    #: (torchvision.datasets, folder, train, download) -> torchvision's data set
    open: Callable[[Any, str, bool, bool], Any]
    labels: str
    #: Whether the colours come last, as torchvision keeps CIFAR-10's.
    colours_last: bool


_DATA_SETS = {
    "cifar10": _DataSet(
        "CIFAR-10",
        lambda sets, folder, train, download: sets.CIFAR10(folder, train, download=download),
        "targets",
        True,
    ),
    "mnist": _DataSet(
        "MNIST",
        lambda sets, folder, train, download: sets.MNIST(folder, train, download=download),
        "targets",
        False,
    ),
    "svhn": _DataSet(
        "SVHN",
        lambda sets, folder, train, download: sets.SVHN(
            folder, "train" if train else "test", download=download
        ),
        "labels",
        False,
    ),
}

TORCHVISION_NAMES = tuple(_DATA_SETS)


def import_torchvision() -> ModuleType:
    """Torchvision, also where its operators were built for another torch.

    Raises
    ------
    MissingExtraError
        It is not installed.
    """
    try:
        return importlib.import_module("torchvision")
    except ImportError:
        raise MissingExtraError(
            "this data set needs torchvision, which is not installed; "
            'run: pip install "htmu[networks]"'
        ) from None
    except RuntimeError as error:
        if "torchvision::" not in str(error) or _libraries:
            raise
    library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    _libraries.append(library)
    for schema in _SCHEMAS:
        library.define(schema)  # type: ignore[no-untyped-call]
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]
    return importlib.import_module("torchvision")


def load_split(name: str, *, train: bool, data_dir: str, download: bool) -> tuple[Tensor, Tensor]:
    """Pixels and labels of a whole split, as in its files.

    Returns
    -------
    pixels : tensor of uint8, shape (n, h, w) or (n, 3, h, w)
    labels : tensor of int64, shape (n,)

    Raises
    ------
    RunFileError
        The files are absent or damaged, or could not be downloaded.
    MissingExtraError
        torchvision is not installed.
    """
    data_set = _DATA_SETS[name]
    import_torchvision()
    sets = importlib.import_module("torchvision.datasets")
    if os.path.exists(data_dir) and not os.path.isdir(data_dir):
        raise RunFileError(f"{data_dir} is not a folder; name that of {data_set.title}")
    old = os.path.join(data_dir, "MNIST", "processed")
    if name == "mnist" and os.path.isdir(old):
        raise RunFileError(
            f"{old} is of an old torchvision, which would be read without a check; remove it"
        )
    if download:
        if name == "mnist":
            _remove_damaged_mnist(sets, data_dir)
        _download(data_set, sets, data_dir, train)
    try:
        with torch.device("cpu"):
            found = data_set.open(sets, data_dir, train, False)
        if name == "mnist":
            _check_mnist(sets, found.raw_folder)
        pixels = torch.from_numpy(np.ascontiguousarray(found.data))
        labels = torch.as_tensor(
            np.asarray(getattr(found, data_set.labels)), dtype=torch.int64, device="cpu"
        )
    except Exception:  # torchvision's readers raise nearly anything for a damaged file
        raise RunFileError(
            f"{data_set.title} is absent or damaged in {data_dir!r}; name its folder with "
            "--data-dir (data_dir=), or fetch it with --download (download=True)"
        ) from None
    return pixels.permute(0, 3, 1, 2) if data_set.colours_last else pixels, labels


def _download(data_set: _DataSet, sets: Any, folder: str, train: bool) -> None:
    try:
        data_set.open(sets, folder, train, True)
    except Exception as error:  # the network's failures, and those of unpacking
        reason = " ".join(str(error).split())[:300]
        raise RunFileError(
            f"{data_set.title} could not be downloaded to {folder!r} ({reason}); check the "
            "network, or put its files there and name the folder with --data-dir (data_dir=)"
        ) from None


def _check_mnist(sets: Any, folder: str) -> None:
    for file, md5 in MNIST_SUMS.items():
        if not sets.utils.check_integrity(os.path.join(folder, file), md5):
            raise RuntimeError(file)


def _remove_damaged_mnist(sets: Any, data_dir: str) -> None:
    """Remove unpacked files that a killed download left: torchvision takes any that are there."""
    for file, md5 in MNIST_SUMS.items():
        path = os.path.join(data_dir, "MNIST", "raw", file)
        if os.path.isfile(path) and not sets.utils.check_integrity(path, md5):
            os.remove(path)
