"""The loop of a training: steps, epochs, and what is kept after them."""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from htmu.arguments import FloatArray
from htmu.errors import CancelledError, ConvergenceError, InvalidInputError
from htmu.networks.checkpoints import Checkpoint
from htmu.networks.determinism import (
    Purpose,
    generator_states,
    permutation,
    set_generator_states,
)
from htmu.networks.folder import TrainingFolder
from htmu.networks.images import ImageData
from htmu.networks.recipes import Recipe
from htmu.networks.result import EpochRecord, TrainingProgress
from htmu.networks.spectra import weight_spectra

Reporter = Callable[[TrainingProgress], object]

#: Least number of seconds between two reports inside an epoch.
_REPORT_SECONDS = 0.2
#: Points evaluated at a time.
_EVALUATED = 256


def one_line(error: BaseException) -> str:
    """Kind and message of an error, on one short line."""
    text = " ".join(str(error).split())[:240]
    kind = type(error).__name__
    return f"{kind}: {text}" if text else kind


def evaluate(model: nn.Module, data: ImageData, device: torch.device) -> tuple[float, float]:
    """Mean loss and accuracy in evaluation mode, which the model is left in."""
    model.to(device).eval()
    kind = next(model.parameters()).dtype
    loss, right = 0.0, 0
    with torch.no_grad():
        for first in range(0, len(data), _EVALUATED):
            images = data.images[first : first + _EVALUATED].to(device, kind)
            labels = data.labels[first : first + _EVALUATED].to(device)
            try:
                outputs = model(images)
            except Exception as error:
                raise InvalidInputError(
                    f"the model failed on {len(images)} images in evaluation mode "
                    f"({one_line(error)}); change the device or the model"
                ) from error
            loss += float(cross_entropy(outputs, labels, reduction="sum"))
            right += int((outputs.argmax(1) == labels).sum())
    return loss / len(data), right / len(data)


class Training:
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
        self._model = _moved(model, device)
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
        try:
            outputs = self._model(self._images[batch])
            loss = cross_entropy(outputs, labels)
            loss.backward()  # type: ignore[no-untyped-call]
            self._optimizer.step()
        except Exception as error:
            # Batch norm of a single point, memory, an algorithm that does not repeat its bits; or
            # anything that a module of the caller's own raises.
            if "CUBLAS_WORKSPACE_CONFIG" in str(error):
                raise InvalidInputError(
                    "training that repeats its bits on a GPU needs CUBLAS_WORKSPACE_CONFIG="
                    ":4096:8 before the process's first matrix product; import htmu.networks "
                    "first, or take a recipe with deterministic=False"
                ) from error
            raise InvalidInputError(
                f"a step on a batch of {len(batch)} failed ({one_line(error)}); change the batch "
                "size, the device or the model"
            ) from error
        return float(loss.detach()), int((outputs.detach().argmax(1) == labels).sum())

    def _floats(self) -> list[Tensor]:
        state = self._model.state_dict().values()
        return [value for value in state if value.is_floating_point()]

    def _diverged(self, what: str, epoch: int, rate: float) -> ConvergenceError:
        return ConvergenceError(
            f"{what} in epoch {epoch + 1} at the learning rate {rate:.4g}: the training diverges; "
            f"use a smaller learning rate{self._elsewhere()} ({self._kept()})"
        )

    def _elsewhere(self) -> str:
        # The folder holds a training at this learning rate, and takes no other.
        return "" if self._folder is None else ", in a new folder"

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


def _moved(model: nn.Module, device: torch.device) -> nn.Module:
    try:
        return model.to(device)
    except (RuntimeError, TypeError) as error:  # memory, or a type that the device has not
        raise InvalidInputError(
            f"the model cannot be moved to the device {device.type!r} ({one_line(error)}); "
            "use device='cpu'"
        ) from error


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


def _versions() -> dict[str, str]:
    try:
        own = version("htmu")
    except PackageNotFoundError:
        own = "unknown"
    return {"htmu": own, "python": platform.python_version(), "torch": torch.__version__}
