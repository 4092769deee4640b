"""Training by stochastic gradient descent, resumable bit for bit."""

from __future__ import annotations

import math
import os
import platform
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from htmu.arguments import FloatArray, as_int
from htmu.errors import CancelledError, ConvergenceError, InvalidInputError
from htmu.networks.checkpoints import Checkpoint, weights_digest
from htmu.networks.determinism import (
    Purpose,
    generator_states,
    own_generators,
    permutation,
    set_generator_states,
)
from htmu.networks.device import choose_device
from htmu.networks.folder import TrainingFolder, check_folder
from htmu.networks.images import ImageData
from htmu.networks.models import description
from htmu.networks.recipes import RECIPES, Recipe
from htmu.networks.result import EpochRecord, TrainingProgress, TrainingResult
from htmu.networks.spectra import weight_spectra

Reporter = Callable[[TrainingProgress], object]

#: Least number of seconds between two reports inside an epoch.
_REPORT_SECONDS = 0.2
#: Points evaluated at a time.
_EVALUATED = 256
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
        An argument is out of its domain, or model and data do not fit. Nothing was written.
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
    if out is not None:
        check_folder(out, resume)
    _check_outputs(model, data)
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
        training = _Training(model, data, recipe, where, folder, settings, every, n_threads)
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


def evaluate(model: nn.Module, data: ImageData, device: torch.device) -> tuple[float, float]:
    """Mean loss and accuracy in evaluation mode, which the model is left in."""
    model.to(device).eval()
    kind = next(model.parameters()).dtype
    loss, right = 0.0, 0
    with torch.no_grad():
        for first in range(0, len(data), _EVALUATED):
            images = data.images[first : first + _EVALUATED].to(device, kind)
            labels = data.labels[first : first + _EVALUATED].to(device)
            outputs = model(images)
            loss += float(cross_entropy(outputs, labels, reduction="sum"))
            right += int((outputs.argmax(1) == labels).sum())
    return loss / len(data), right / len(data)


class _Training:
    """Network, optimizer and history of one training."""

    def __init__(
        self,
        model: nn.Module,
        data: ImageData,
        recipe: Recipe,
        device: torch.device,
        folder: TrainingFolder | None,
        settings: dict[str, Any],
        every: int,
        n_threads: int,
    ) -> None:
        self._model = model.to(device)
        self._recipe = recipe
        self._device = device
        self._folder = folder
        self._settings = settings
        self._every = every
        self._n_threads = n_threads
        self._images = data.images.to(device, next(model.parameters()).dtype)
        self._labels = data.labels.to(device)
        self._optimizer = torch.optim.SGD(
            [parameter for parameter in model.parameters() if parameter.requires_grad],
            lr=recipe.learning_rate,
            momentum=recipe.momentum,
            weight_decay=recipe.weight_decay,
        )
        self.history: list[EpochRecord] = []
        self.stopped: str | None = None
        self.spectra: dict[int, dict[str, FloatArray]] = {}

    def run(
        self,
        progress: Reporter | None,
        cancel: Callable[[], bool] | None,
        spectra_at: list[int],
    ) -> None:
        """Train to the end, from the folder's checkpoint if there is one."""
        clock = _Clock(self._recipe.epochs, -(-len(self._labels) // self._recipe.batch_size))
        if self._folder is not None and self._folder.checkpoint is not None:
            self._restore(self._folder.checkpoint, spectra_at)
        else:
            self._keep_spectra(0, spectra_at)
            self._save()
        while self.stopped is None:
            epoch = len(self.history)
            self.history.append(self._epoch(epoch, clock, progress, cancel))
            limit = self._recipe.loss_below
            if limit is not None and self.history[-1].loss < limit:
                self.stopped = "loss"
            elif len(self.history) == self._recipe.epochs:
                self.stopped = "epochs"
            self._keep_spectra(epoch + 1, spectra_at)
            if self.stopped is not None or len(self.history) % self._every == 0:
                self._save()

    def _epoch(
        self,
        epoch: int,
        clock: _Clock,
        progress: Reporter | None,
        cancel: Callable[[], bool] | None,
    ) -> EpochRecord:
        recipe = self._recipe
        rate = recipe.learning_rate_at(epoch)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._model.train()
        # A stream of its own for each epoch: no state to carry over a kill.
        order = torch.from_numpy(
            permutation(len(self._labels), recipe.seed, Purpose.ORDER, epoch)
        ).to(self._device)
        began = time.monotonic()
        loss, right, seen = 0.0, 0, 0
        for number, batch in enumerate(torch.split(order, recipe.batch_size), 1):
            if cancel is not None and cancel():
                raise CancelledError(f"training cancelled in epoch {epoch + 1}; {self._kept()}")
            batch_loss, batch_right = self._step(batch)
            if not math.isfinite(batch_loss):
                raise self._diverged(f"the loss is {batch_loss}", epoch, rate)
            seen += len(batch)
            loss += batch_loss * len(batch)
            right += batch_right
            last = number == clock.batches
            if progress is not None and clock.due(last):
                progress(clock.report(epoch + 1, number, loss / seen, right / seen, rate))
        if not all(bool(torch.isfinite(value).all()) for value in self._floats()):
            raise self._diverged("a weight is not finite", epoch, rate)
        return EpochRecord(epoch + 1, loss / seen, right / seen, rate, time.monotonic() - began)

    def _step(self, batch: Tensor) -> tuple[float, int]:
        labels = self._labels[batch]
        self._optimizer.zero_grad(set_to_none=True)
        outputs = self._model(self._images[batch])
        loss = cross_entropy(outputs, labels)
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        return float(loss.detach()), int((outputs.detach().argmax(1) == labels).sum())

    def _floats(self) -> list[Tensor]:
        state = self._model.state_dict().values()
        return [value for value in state if value.is_floating_point()]

    def _diverged(self, what: str, epoch: int, rate: float) -> ConvergenceError:
        return ConvergenceError(
            f"{what} in epoch {epoch + 1} at the learning rate {rate:.4g}: the training diverges; "
            f"use a smaller learning rate ({self._kept()})"
        )

    def _kept(self) -> str:
        if self._folder is None or self._folder.checkpoint is None:
            return "nothing is saved"
        return f"epoch {self._folder.checkpoint.epoch} is saved in {self._folder.path}"

    def _keep_spectra(self, epoch: int, spectra_at: list[int]) -> None:
        if epoch in spectra_at or (spectra_at and self.stopped is not None):
            self.spectra[epoch] = weight_spectra(self._model)
            if self._folder is not None:
                # Before the checkpoint of the epoch, which so implies them.
                self._folder.keep_spectra(epoch, self.spectra[epoch])

    def _save(self) -> None:
        if self._folder is None:
            return
        states = self._optimizer.state_dict()["state"]
        self._folder.write(
            Checkpoint(
                epoch=len(self.history),
                stopped=self.stopped,
                settings=self._settings,
                history=tuple(self.history),
                weights=self._model.state_dict(),
                optimizer={
                    f"{index}.{name}": value
                    for index, state in states.items()
                    for name, value in state.items()
                    if isinstance(value, Tensor)
                },
                generators=generator_states(self._device),
                n_threads=self._n_threads,
                device=self._device.type,
                versions=_versions(),
            )
        )

    def _restore(self, checkpoint: Checkpoint, spectra_at: list[int]) -> None:
        self._model.load_state_dict(checkpoint.weights)
        state = self._optimizer.state_dict()
        for key, value in checkpoint.optimizer.items():
            index, _, name = key.partition(".")
            state["state"].setdefault(int(index), {})[name] = value
        self._optimizer.load_state_dict(state)
        here = generator_states(self._device)
        set_generator_states(
            {name: value for name, value in checkpoint.generators.items() if name in here}
        )
        self.history = list(checkpoint.history)
        self.stopped = checkpoint.stopped
        kept = [epoch for epoch in spectra_at if epoch <= checkpoint.epoch]
        if spectra_at and self.stopped is not None and checkpoint.epoch not in kept:
            kept.append(checkpoint.epoch)
        if self._folder is not None:
            self.spectra = self._folder.spectra(kept)


class _Clock:
    """Time since the start, and how much is left."""

    def __init__(self, epochs: int, batches: int) -> None:
        self._epochs = epochs
        self.batches = batches
        self._began = time.monotonic()
        self._reported = self._began
        self._first: int | None = None

    def due(self, last: bool) -> bool:
        """Whether it is time for a report."""
        return last or time.monotonic() - self._reported >= _REPORT_SECONDS

    def report(
        self, epoch: int, batch: int, loss: float, accuracy: float, lr: float
    ) -> TrainingProgress:
        """Report after a batch."""
        self._reported = time.monotonic()
        elapsed = self._reported - self._began
        done = (epoch - 1) * self.batches + batch
        if self._first is None:
            # Batches of this process, at the rate of this process.
            self._first = (epoch - 1) * self.batches
        left = self._epochs * self.batches - done
        return TrainingProgress(
            epoch=epoch,
            epochs=self._epochs,
            batch=batch,
            batches=self.batches,
            loss=loss,
            accuracy=accuracy,
            lr=lr,
            elapsed=elapsed,
            seconds_left=elapsed * left / (done - self._first),
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


def _check_outputs(model: nn.Module, data: ImageData) -> None:
    """Refuse, before anything is written, a model whose outputs are no scores of the classes."""
    parameter = next(model.parameters())
    was_training = {module: module.training for module in model.modules()}
    try:
        model.eval()
        with torch.no_grad():
            shape = tuple(model(data.images[:1].to(parameter.device, parameter.dtype)).shape)
    except (RuntimeError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInputError(
            f"the model does not take images of shape {tuple(data.images.shape[1:])}: "
            f"{' '.join(str(error).split())[:160]}"
        ) from None
    finally:
        for module, training in was_training.items():
            module.training = training
    if len(shape) != 2 or shape[1] < data.n_classes:
        raise InvalidInputError(
            f"the model gives outputs of shape {shape} for one image, and {data.name!r} has "
            f"{data.n_classes} classes; it must give (n, {data.n_classes})"
        )


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


def _versions() -> dict[str, str]:
    try:
        own = version("htmu")
    except PackageNotFoundError:
        own = "unknown"
    return {"htmu": own, "python": platform.python_version(), "torch": torch.__version__}
