"""The state of a training on disk, as it was after some epoch: whole, or the one before it.

A checkpoint is a folder of three files. It is written under another name, renamed when it is
complete, and becomes the checkpoint of the run when `run.json`, which is replaced whole, names it;
only then the one before it goes. So a kill at any moment leaves `run.json` naming a complete one.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from htmu.errors import InvalidInputError, MissingExtraError, RunFileError
from htmu.networks.models import build_model
from htmu.networks.recipes import Recipe
from htmu.networks.result import REASONS, EpochRecord

FORMAT = "htmu training"
VERSION = 1

MANIFEST = "run.json"
MODEL = "model.safetensors"
OPTIMIZER = "optimizer.safetensors"
STATE = "state.json"

#: A reader may find the folder gone that it has just read the name of, if the run is being written.
_ATTEMPTS = 5


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A training after `epoch` epochs.

    Attributes
    ----------
    epoch : int
    stopped : {'loss', 'epochs'} or None
        Why the training ended; None if it has not.
    settings : dict
        Recipe, model, data and epochs of spectra, which must agree when the training goes on.
    history : tuple of EpochRecord
    weights : dict of str to tensor
        `state_dict` of the model.
    optimizer : dict of str to tensor
        Tensors of the optimizer's state, by "parameter.name".
    generators : dict of str to str
        States of PyTorch's generators, in hexadecimal.
    n_threads : int
        Threads of the processor.
    device : str
    versions : dict of str to str
        Of htmu, Python and PyTorch.
    """

    epoch: int
    stopped: str | None
    settings: dict[str, Any]
    history: tuple[EpochRecord, ...]
    weights: dict[str, Tensor]
    optimizer: dict[str, Tensor]
    generators: dict[str, str]
    n_threads: int
    device: str
    versions: dict[str, str]

    @property
    def recipe(self) -> Recipe:
        """Recipe of the training."""
        return Recipe(**self.settings["recipe"])

    def files(self) -> dict[str, bytes]:
        """Contents of the checkpoint's files, by name."""
        state = {
            "epoch": self.epoch,
            "stopped": self.stopped,
            "settings": self.settings,
            "history": [vars(record) for record in self.history],
            "generators": self.generators,
            "n_threads": self.n_threads,
            "device": self.device,
            "versions": self.versions,
        }
        save = _safetensors().save
        return {
            MODEL: save(_independent(self.weights)),
            OPTIMIZER: save(_independent(self.optimizer)),
            STATE: json.dumps(state, indent=1, allow_nan=False).encode(),
        }


def load_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Last checkpoint of a training's folder, also while the training runs.

    Raises
    ------
    RunFileError
        The folder holds no training, or its files are damaged.
    InvalidInputError
        `path` is no path.
    MissingExtraError
        safetensors is not installed.

    Examples
    --------
    >>> import os, tempfile
    >>> from htmu.networks import Recipe, load_checkpoint, load_data, mlp, train
    >>> data = load_data("gaussian", n=20, n_classes=2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     out = os.path.join(folder, "run")
    ...     result = train(mlp(2, width=8), data, Recipe(lr=0.01, epochs=2, batch_size=10), out=out)
    ...     load_checkpoint(out).epoch
    2
    """
    try:
        folder = os.fsdecode(path)
    except TypeError:
        raise InvalidInputError(
            f"path must be that of a training's folder, got {path!r:.60}"
        ) from None
    for attempt in range(_ATTEMPTS):
        manifest = _manifest(folder)
        try:
            return _read(folder, manifest)
        except _GoneError as error:
            if attempt == _ATTEMPTS - 1 or _manifest(folder) == manifest:
                raise _damaged(folder, str(error)) from None
    raise AssertionError


def load_model(path: str | os.PathLike[str]) -> nn.Module:
    """Network of a training's last checkpoint, in evaluation mode, for models of `build_model`.

    Raises
    ------
    RunFileError
        As for `load_checkpoint`.
    InvalidInputError
        The model is one of your own: load the weights of `load_checkpoint` into it.

    Examples
    --------
    >>> import os, tempfile
    >>> from htmu.networks import Recipe, load_data, load_model, mlp, train
    >>> data = load_data("gaussian", n=20, n_classes=2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     out = os.path.join(folder, "run")
    ...     result = train(mlp(2, width=8), data, Recipe(lr=0.01, epochs=2, batch_size=10), out=out)
    ...     model = load_model(out)
    >>> bool((model.fc1.weight == result.model.fc1.weight).all())
    True
    """
    checkpoint = load_checkpoint(path)
    made = checkpoint.settings["model"]["made"]
    if made is None:
        raise InvalidInputError(
            f"the model of {os.fspath(path)} is one of your own; give it the weights of "
            "load_checkpoint(...).weights by load_state_dict"
        )
    model = build_model(made["name"], **made["options"])
    try:
        model.load_state_dict(checkpoint.weights)
    except RuntimeError:
        raise InvalidInputError(
            f"the model of {os.fspath(path)} was changed after it was built; give your own the "
            "weights of load_checkpoint(...).weights by load_state_dict"
        ) from None
    return model.eval()


def digest(content: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def weights_digest(weights: Mapping[str, Tensor]) -> str:
    """SHA-256 of names, shapes and values of a `state_dict`."""
    sha = hashlib.sha256()
    for name, tensor in weights.items():
        values = tensor.detach().cpu().contiguous()
        sha.update(f"{name} {values.dtype} {tuple(values.shape)}\n".encode())
        if values.numel():
            sha.update(values.reshape(-1).view(torch.uint8).numpy().data)
    return sha.hexdigest()


class _GoneError(Exception):
    """A file that the manifest names is not there."""


def _manifest(folder: str) -> dict[str, Any]:
    place = os.path.join(folder, MANIFEST)
    try:
        with open(place, encoding="utf-8") as file:
            manifest = json.load(file)
        if manifest["format"] != FORMAT:
            raise KeyError
        version = manifest["version"]
        if not re.fullmatch(r"checkpoint-[0-9a-f-]+", manifest["folder"]) or not manifest["files"]:
            raise KeyError
    except FileNotFoundError:
        raise RunFileError(
            f"there is no training in {folder}; name the folder that one was written to"
        ) from None
    except OSError as error:
        raise RunFileError(
            f"cannot read {place}: {error.strerror}; name the folder of a training"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise RunFileError(
            f"{place} is not that of an htmu training; name another folder"
        ) from None
    if not isinstance(manifest["files"], dict):
        raise _damaged(folder, f"the files of {MANIFEST} are none")
    if version != VERSION:
        raise RunFileError(
            f"{folder} is a training of format {version}, this htmu reads {VERSION}; "
            "use the htmu that wrote it"
        )
    return dict(manifest)


def _read(folder: str, manifest: dict[str, Any]) -> Checkpoint:
    contents = {}
    for name in (MODEL, OPTIMIZER, STATE):
        place = os.path.join(folder, manifest["folder"], name)
        try:
            with open(place, "rb") as file:
                contents[name] = file.read()
        except OSError:
            raise _GoneError(f"{name} is missing") from None
        if digest(contents[name]) != manifest["files"].get(name):
            raise _damaged(folder, f"{name} is not what was written")
    load = _safetensors().load
    try:
        state = json.loads(contents[STATE])
        state["history"] = tuple(EpochRecord(**record) for record in state["history"])
        checkpoint = Checkpoint(
            **state, weights=load(contents[MODEL]), optimizer=load(contents[OPTIMIZER])
        )
        made = checkpoint.settings["model"]["made"]
        if (
            checkpoint.stopped not in (None, *REASONS)
            or checkpoint.recipe is None
            or checkpoint.epoch != len(checkpoint.history)
            or not (made is None or (isinstance(made["name"], str) and dict(made["options"])))
        ):
            raise ValueError
    except Exception:
        # The files are as they were written; what another program wrote may be anything.
        raise _damaged(folder, "its parts do not fit") from None
    return checkpoint


def _damaged(folder: str, what: str) -> RunFileError:
    return RunFileError(
        f"the checkpoint in {folder} is damaged ({what}); remove the folder and train again"
    )


def _independent(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copies that share no memory: safetensors takes no others."""
    return {
        name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()
    }


def need_safetensors() -> None:
    """Refuse before any work where checkpoints could not be written.

    Raises
    ------
    MissingExtraError
        safetensors is not installed.
    """
    _safetensors()


def _safetensors() -> Any:
    try:
        import safetensors.torch
    except ImportError:
        raise MissingExtraError(
            "checkpoints need safetensors, which is not installed; "
            'run: pip install "htmu[networks]"'
        ) from None
    return safetensors.torch
