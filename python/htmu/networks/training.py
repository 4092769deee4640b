"""Training by stochastic gradient descent, resumable bit for bit."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import Any

import torch
from torch import nn

from htmu.arguments import as_int
from htmu.errors import InvalidInputError
from htmu.networks.checkpoints import need_safetensors, weights_digest
from htmu.networks.determinism import own_generators
from htmu.networks.device import choose_device
from htmu.networks.folder import TrainingFolder, check_folder
from htmu.networks.images import ImageData
from htmu.networks.loop import Reporter, Training, evaluate, one_line
from htmu.networks.models import description
from htmu.networks.recipes import RECIPES, Recipe
from htmu.networks.result import TrainingResult

_MOST_THREADS = 1024


def train(
    model: nn.Module,
    data: ImageData,
    recipe: Recipe = RECIPES["figure1"],
    *,
    test: ImageData | None = None,
    out: str | os.PathLike[str] | None = None,
    resume: bool | None = False,
    device: str = "auto",
    progress: Reporter | None = None,
    keep_spectra: Iterable[int] = (),
    cancel: Callable[[], bool] | None = None,
    checkpoint_every: int = 1,
    n_threads: int | None = None,
) -> TrainingResult:
    """Train a network, and keep what it takes to go on after a kill.

    Parameters
    ----------
    model : Module
        Trained in place. To go on, give it with the weights that it started with.
    data : ImageData
        Training data.
    recipe : Recipe
    test : ImageData, optional
        Data to evaluate the trained network on.
    out : path, optional
        Folder for the checkpoint and the spectra. By default nothing is written.
    resume : bool or None
        True: go on with the training in `out`. False: there must be none. None: go on if there is
        one. On the CPU, a training that was killed any number of times ends with the same bits as
        one that was not.
    device : {'auto', 'cpu', 'cuda', 'mps'}
    progress : callable, optional
        Called with a `TrainingProgress` about five times a second and after each epoch.
    keep_spectra : iterable of int
        Epochs after which the spectra of all weights are kept, 0 being the start. If there are any,
        those of the last epoch are kept too.
    cancel : callable, optional
        Asked before each step; a true answer ends the training with a CancelledError.
    checkpoint_every : int
        Epochs between two checkpoints.
    n_threads : int, optional
        Threads of the processor: by default those that the training was begun with, or PyTorch's
        own number. Another number changes the last bits.

    Returns
    -------
    TrainingResult

    Raises
    ------
    InvalidInputError
        An argument is out of its domain, or model and data do not fit: nothing was written. Or a
        step failed in PyTorch, as for want of memory: the last checkpoint is kept.
    RunSettingsError
        `out` holds a training with other settings, initial weights or data.
    RunFileError, RunLockedError
        `out` holds something else, is damaged, cannot be written, or is in use.
    ConvergenceError
        The loss or a weight is not finite; the last good checkpoint is kept.
    CancelledError
        `cancel` said so; the last checkpoint is kept.

    Examples
    --------
    >>> from htmu.networks import Recipe, load_data, mlp, train
    >>> data = load_data("gaussian", n=60, n_classes=3)
    >>> result = train(mlp(3, width=32), data, Recipe(lr=0.05, batch_size=20, epochs=10))
    >>> result.epochs, result.train_accuracy
    (10, 1.0)
    """
    _check(model, data, recipe, test, progress, cancel)
    spectra_at = _epochs(keep_spectra, recipe.epochs)
    every = as_int("checkpoint_every", checkpoint_every, minimum=1)
    if n_threads is not None:
        n_threads = as_int("n_threads", n_threads, minimum=1, maximum=_MOST_THREADS)
    if resume is not None and not isinstance(resume, bool):
        raise InvalidInputError(f"resume must be True, False or None, got {resume!r}")
    if out is None and resume:
        raise InvalidInputError("there is nothing to resume without out; name the folder")
    where = choose_device(device)
    if where.type == "mps" and device == "auto" and _is_double(model):
        where = torch.device("cpu")  # MPS has no float64
    if out is not None:
        check_folder(out, resume)
        need_safetensors()
    _check_state(model)
    _check_outputs(model, data, test)
    settings = {
        "recipe": recipe.to_dict(),
        "model": _model_settings(model),
        "data": _data_settings(data),
        "spectra_at": spectra_at,
    }
    home = next(model.parameters()).device
    with ExitStack() as stack:
        folder = None
        if out is not None:
            folder = stack.enter_context(TrainingFolder(out, resume, settings))
        start = folder.checkpoint if folder is not None else None
        if n_threads is None:
            n_threads = torch.get_num_threads() if start is None else start.n_threads
        stack.callback(model.to, home)
        stack.enter_context(
            own_generators(
                where, recipe.seed, deterministic=recipe.deterministic, n_threads=n_threads
            )
        )
        training = Training(model, data, recipe, where, folder, settings, every, n_threads)
        training.run(progress, cancel, spectra_at)
        train_loss, train_accuracy = evaluate(model, data, where)
        test_loss, test_accuracy = (None, None) if test is None else evaluate(model, test, where)
        return TrainingResult(
            model=model,
            recipe=recipe,
            history=tuple(training.history),
            stopped=training.stopped or "",
            train_loss=train_loss,
            train_accuracy=train_accuracy,
            test_loss=test_loss,
            test_accuracy=test_accuracy,
            spectra=training.spectra,
            device=where.type,
            n_threads=n_threads,
            out=None if folder is None else folder.path,
            resumed_from=None if start is None else start.epoch,
        )


def _check(
    model: object,
    data: object,
    recipe: object,
    test: object,
    progress: object,
    cancel: object,
) -> None:
    if not isinstance(model, nn.Module):
        raise InvalidInputError(f"model must be a torch.nn.Module, got {type(model).__name__}")
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise InvalidInputError("the model has no parameter to train; give one with requires_grad")
    for name, value in (("data", data), ("test", test)):
        if not isinstance(value, ImageData) and not (name == "test" and value is None):
            raise InvalidInputError(
                f"{name} must come from load_data or image_data, got {type(value).__name__}"
            )
    if not isinstance(recipe, Recipe):
        raise InvalidInputError(
            f"recipe must be a Recipe, got {type(recipe).__name__}; take one of RECIPES"
        )
    for name, value in (("progress", progress), ("cancel", cancel)):
        if value is not None and not callable(value):
            raise InvalidInputError(f"{name} must be callable, got {value!r}")
    if isinstance(data, ImageData) and recipe.batch_size > len(data):
        raise InvalidInputError(
            f"batch_size is {recipe.batch_size}, but there are only {len(data)} points; "
            "use a smaller batch or more points"
        )


def _is_double(model: nn.Module) -> bool:
    return any(value.dtype == torch.float64 for value in model.state_dict().values())


def _check_state(model: nn.Module) -> None:
    """Refuse a model whose state a checkpoint cannot hold, or that has no values."""
    for name, value in model.state_dict().items():
        if not isinstance(value, torch.Tensor):
            raise InvalidInputError(
                f"the model's state {name!r} is a {type(value).__name__}, and a checkpoint holds "
                "tensors only; keep it in a buffer"
            )
        if value.is_meta:
            raise InvalidInputError(
                f"{name} of the model is on the device 'meta', where it has no values; make the "
                "model on a device that has some, such as 'cpu'"
            )


def _check_outputs(model: nn.Module, data: ImageData, test: ImageData | None) -> None:
    """Refuse, before anything is written, a model whose outputs are no scores of the classes."""
    for name, given in (("data", data), ("test", test)):
        if given is None:
            continue
        shape = _output_shape(model, given)
        if len(shape) != 2 or shape[0] != 1 or shape[1] < given.n_classes:
            raise InvalidInputError(
                f"the model gives outputs of shape {shape} for one image, and {name}, "
                f"{given.name!r}, has {given.n_classes} classes; it must give "
                f"(n, {given.n_classes})"
            )


def _output_shape(model: nn.Module, data: ImageData) -> tuple[int, ...]:
    parameter = next(model.parameters())
    was_training = {module: module.training for module in model.modules()}
    try:
        model.eval()
        with torch.no_grad():
            outputs = model(data.images[:1].to(parameter.device, parameter.dtype))
    except Exception as error:
        # The model may be anyone's, and raise anything.
        raise InvalidInputError(
            f"the model does not take images of shape {tuple(data.images.shape[1:])}: "
            f"{one_line(error)}; mend the model or the images"
        ) from error
    finally:
        for module, training in was_training.items():
            module.training = training
    if not isinstance(outputs, torch.Tensor):
        raise InvalidInputError(
            f"the model gives a {type(outputs).__name__} for one image; it must give a tensor of "
            f"shape (n, {data.n_classes})"
        )
    return tuple(outputs.shape)


def _epochs(keep_spectra: Iterable[int], most: int) -> list[int]:
    try:
        given = list(keep_spectra)
    except TypeError:
        raise InvalidInputError(
            f"keep_spectra must be a sequence of epochs, got {keep_spectra!r}"
        ) from None
    return sorted({as_int("an epoch of keep_spectra", e, minimum=0, maximum=most) for e in given})


def _model_settings(model: nn.Module) -> dict[str, Any]:
    return {
        "made": description(model),
        "class": type(model).__qualname__,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "initial weights": weights_digest(model.state_dict()),
    }


def _data_settings(data: ImageData) -> dict[str, Any]:
    # The folder of the files may move; their content is in the digest.
    source = {name: value for name, value in data.source.items() if name != "data_dir"}
    return {
        "data": data.name,
        "points": len(data),
        "normalization": data.normalization,
        "source": source,
        "training images": data.fingerprint(),
    }
