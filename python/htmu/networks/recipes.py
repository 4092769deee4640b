"""Training settings, and those of the paper's figures."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from htmu.arguments import as_bool, as_choice, as_float, as_int, as_seed, as_sizes
from htmu.errors import InvalidInputError

SCHEDULES = ("cosine", "constant")

#: Batch sizes of Figure 2.
FIGURE2_BATCH_SIZES = (1000, 800, 250, 100, 50, 5)

_MOST = 10**7


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Settings of a training by stochastic gradient descent on the cross-entropy.

    Attributes
    ----------
    lr : float or None
        Learning rate at the start.
    lr_over_batch : float or None
        In place of `lr`: the learning rate times the batch size.
    momentum : float
        Heavy-ball momentum, in [0, 1).
    weight_decay : float
        L2 penalty on all parameters.
    schedule : {'cosine', 'constant'}
        'cosine': epoch e of E has the learning rate lr (1 + cos(pi e / E)) / 2, e from 0.
    batch_size : int
        Points a step; the last batch of an epoch has what is left.
    epochs : int
        Most epochs.
    loss_below : float or None
        Stop after an epoch whose training loss, the mean over its batches, is below this.
    seed : int
        Of the order of the points and of layers that draw at random. The initial weights have
        a seed of their own.
    n : int or None
        Points that the recipe is meant for, None for all: what the command line loads. `train`
        takes the data that it is given.
    deterministic : bool
        Only algorithms that give equal bits for equal input on equal hardware.

    Raises
    ------
    InvalidInputError
        A setting is out of its domain.

    Examples
    --------
    >>> from htmu.networks import RECIPES
    >>> RECIPES["figure2"].replace(batch_size=50).learning_rate
    0.04
    """

    lr: float | None = None
    lr_over_batch: float | None = None
    momentum: float = 0.0
    weight_decay: float = 0.0
    schedule: str = "constant"
    batch_size: int = 64
    epochs: int = 200
    loss_below: float | None = None
    seed: int = 0
    n: int | None = None
    deterministic: bool = True

    def __post_init__(self) -> None:
        if (self.lr is None) == (self.lr_over_batch is None):
            raise InvalidInputError(
                f"a recipe has either lr or lr_over_batch, got {self.lr} and {self.lr_over_batch}"
            )
        checked: dict[str, Any] = {
            "momentum": as_float("momentum", self.momentum, minimum=0, exclusive_maximum=1),
            "weight_decay": as_float("weight_decay", self.weight_decay, minimum=0),
            "schedule": as_choice("schedule", self.schedule, SCHEDULES),
            "batch_size": as_int("batch_size", self.batch_size, minimum=1, maximum=_MOST),
            "epochs": as_int("epochs", self.epochs, minimum=1, maximum=_MOST),
            "seed": as_seed(self.seed),
            "deterministic": as_bool("deterministic", self.deterministic),
        }
        for name in ("lr", "lr_over_batch", "loss_below"):
            if getattr(self, name) is not None:
                checked[name] = as_float(name, getattr(self, name), exclusive_minimum=0)
        if self.n is not None:
            checked["n"] = as_int("n", self.n, minimum=1)
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @property
    def learning_rate(self) -> float:
        """Learning rate at the start."""
        if self.lr is not None:
            return self.lr
        return float(self.lr_over_batch or 0) / self.batch_size

    def learning_rate_at(self, epoch: int) -> float:
        """Learning rate of an epoch, the first being 0."""
        if self.schedule == "constant":
            return self.learning_rate
        return self.learning_rate * (1 + math.cos(math.pi * epoch / self.epochs)) / 2

    def replace(self, **changes: Any) -> Recipe:
        """Recipe with other settings; a new `lr` or `lr_over_batch` takes the other's place."""
        names = {field.name for field in dataclasses.fields(self)}
        unknown = sorted(set(changes) - names)
        if unknown:
            raise InvalidInputError(
                f"a recipe has no setting {unknown[0]!r}; it has {', '.join(sorted(names))}"
            )
        for name, other in (("lr", "lr_over_batch"), ("lr_over_batch", "lr")):
            if changes.get(name) is not None and other not in changes:
                changes[other] = None
        return dataclasses.replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """All settings by name."""
        return dataclasses.asdict(self)


#: Recipes of the paper (Hodgkinson, Wang and Mahoney, ICML 2025), by figure. Those of Figure 2
#: differ in their batch sizes and seeds: `figure2_recipes` lists them all.
RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "figure1": Recipe(lr=0.05, schedule="cosine", batch_size=64, epochs=200, n=1000),
        "figure2": Recipe(
            lr_over_batch=2.0,
            momentum=0.9,
            weight_decay=1e-4,
            batch_size=FIGURE2_BATCH_SIZES[0],
            epochs=200,
            loss_below=0.01,
        ),
    }
)

#: Network and initialization of a recipe, where none is named. At learning rates of 2 / batch size
#: MiniAlexNet diverges or dies at small batches, and more readily with He's weights than with
#: variance 1 / fan-in. Batches of 5 diverge on the digits with either.
NETWORKS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {"figure1": ("resnet9", "he"), "figure2": ("minialexnet", "ntk")}
)


def figure2_recipes(
    batch_sizes: Sequence[int] = FIGURE2_BATCH_SIZES, *, repeats: int = 3, seed: int = 0
) -> list[Recipe]:
    """Recipes of Figure 2: each batch size with `repeats` seeds, from `seed` on.

    Raises
    ------
    InvalidInputError
        A batch size or the number of repeats is less than 1, or there is no batch size.

    Examples
    --------
    >>> from htmu.networks import figure2_recipes
    >>> [(recipe.batch_size, recipe.seed) for recipe in figure2_recipes([50, 5], repeats=2)]
    [(50, 0), (50, 1), (5, 0), (5, 1)]
    """
    repeats = as_int("repeats", repeats, minimum=1, maximum=_MOST)
    first = as_seed(seed)
    sizes = as_sizes("batch_sizes", batch_sizes, maximum=_MOST)
    return [
        RECIPES["figure2"].replace(batch_size=batch_size, seed=first + repeat)
        for batch_size in sizes
        for repeat in range(repeats)
    ]
