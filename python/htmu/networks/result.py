"""What a training gives, and what it says on the way."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from torch import nn

from htmu.arguments import FloatArray
from htmu.networks.recipes import Recipe

#: Why a training ended: its loss fell below the recipe's limit, or its epochs were over.
REASONS = ("loss", "epochs")


@dataclass(frozen=True)
class EpochRecord:
    """One epoch.

    `epoch` counts from 1. `loss` and `accuracy` are means over the epoch's points, each at the
    weights of its step and in training mode. `lr` is the learning rate. `seconds` is all that
    differs between equal runs.
    """

    epoch: int
    loss: float
    accuracy: float
    lr: float
    seconds: float


@dataclass(frozen=True)
class TrainingProgress:
    """State of a running training.

    `epoch` counts from 1 and `batch` is the number of batches of it that are done; `loss` and
    `accuracy` are their means. `seconds_left` is the time to the last epoch of the recipe: a limit
    on the loss may end the training sooner. None until there is something to tell it from.
    """

    epoch: int
    epochs: int
    batch: int
    batches: int
    loss: float
    accuracy: float
    lr: float
    elapsed: float
    seconds_left: float | None


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """A trained network and its history.

    Attributes
    ----------
    model : Module
        The one that was given, now trained, in evaluation mode.
    recipe : Recipe
    history : tuple of EpochRecord
    stopped : {'loss', 'epochs'}
        Which end it came to.
    train_loss, train_accuracy : float
        Of the trained network in evaluation mode on the training data.
    test_loss, test_accuracy : float or None
        The same on the test data, if there were any.
    spectra : dict of int to dict of str to array
        Eigenvalues of weights, by epoch and layer; see `weight_spectra`.
    device : str
    n_threads : int
    out : str or None
        Folder of the checkpoint and the spectra.
    resumed_from : int or None
        Epoch of the checkpoint that it went on from.
    """

    model: nn.Module
    recipe: Recipe
    history: tuple[EpochRecord, ...]
    stopped: str
    train_loss: float
    train_accuracy: float
    test_loss: float | None
    test_accuracy: float | None
    spectra: dict[int, dict[str, FloatArray]]
    device: str
    n_threads: int
    out: str | None
    resumed_from: int | None

    @property
    def epochs(self) -> int:
        """Number of epochs trained."""
        return len(self.history)

    def __repr__(self) -> str:
        return (
            f"TrainingResult({self.epochs} epochs, stopped by {self.stopped}, "
            f"train_loss={self.train_loss:.4g}, train_accuracy={self.train_accuracy:.4g})"
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything but the network and its spectra, of JSON's types."""
        return {
            "recipe": self.recipe.to_dict(),
            "epochs": self.epochs,
            "stopped": self.stopped,
            "train_loss": self.train_loss,
            "train_accuracy": self.train_accuracy,
            "test_loss": self.test_loss,
            "test_accuracy": self.test_accuracy,
            "device": self.device,
            "n_threads": self.n_threads,
            "out": self.out,
            "resumed_from": self.resumed_from,
            "spectra": sorted(self.spectra),
            "history": [dataclasses.asdict(record) for record in self.history],
        }
