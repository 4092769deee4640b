"""Whether what is stored of a chunk of samples is what autograd gives for all of them at once.

The sites of parameters were proved on two samples only. A model may use a parameter elsewhere for
others: a random combination of the chunk's gradients tells, for one backward pass more.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from htmu.errors import InvalidInputError, NonFiniteError
from htmu.ntk.capture import differentiate, tolerances
from htmu.ntk.parts import Part, Stored

__all__ = ["Combination", "UnseenUseError"]


class UnseenUseError(InvalidInputError):
    """A parameter is used outside its sites, for some samples only."""

    def __init__(self, message: str, name: str) -> None:
        super().__init__(message)
        self.name = name


class Combination:
    """Autograd's gradients of sum_i r_i u . (weights f_i), with random r and u."""

    def __init__(
        self, outputs: Tensor, weights: Tensor, parameters: Mapping[str, nn.Parameter], first: int
    ) -> None:
        generator = torch.Generator().manual_seed(first)
        size = len(outputs)
        here: dict[str, Any] = {"dtype": torch.float64, "device": "cpu"}  # as the generator is
        # No two samples can cancel, as they could for signs alone.
        drawn = torch.rand(size, generator=generator, **here) + 0.5
        signs = 2.0 * torch.randint(0, 2, (size,), generator=generator, **here) - 1.0
        self._samples = (drawn * signs).to(weights)
        self._outputs = torch.randn(len(weights), generator=generator, **here)
        self._outputs = self._outputs.to(weights)
        self._first = first
        direction = torch.outer(self._samples, self._outputs @ weights)
        values = list(parameters.values())
        found = (
            differentiate(outputs, values, direction, keep=True)
            if outputs.requires_grad
            else [None] * len(values)
        )
        self._gradients = dict(zip(parameters, found, strict=True))
        self._tolerance, self._floor = max(tolerances(outputs.dtype), tolerances(weights.dtype))

    def check(
        self, parts: Sequence[Part], stored: Sequence[Stored], rows: slice, scale: float
    ) -> None:
        """Refuse gradients that are not finite, and those that miss a use of a parameter.

        `scale` is the size of the largest gradient of a sample, below which all is rounding.
        """
        found: dict[str, Tensor] = {}
        sizes: dict[str, float] = {}
        for part, store in zip(parts, stored, strict=True):
            sums = part.combined(store, rows, self._samples, self._outputs)
            norms = [float(value.norm()) for value in sums]
            # A norm may overflow where the numbers do not.
            if not all(math.isfinite(norm) for norm in norms) and not all(
                bool(torch.isfinite(value).all()) for value in sums
            ):
                bad = ~part.finite(store, rows)
                sample = self._first + (int(bad.nonzero()[0]) if bool(bad.any()) else 0)
                raise NonFiniteError(
                    f"the gradients by the parameters of {part.owner or 'the model'!r} are not "
                    f"finite for sample {sample}; remove it or mend the model"
                )
            found.update(zip(part.names, sums, strict=True))
            sizes.update(zip(part.names, norms, strict=True))
        scale = max([scale, *sizes.values()])
        for name, value in found.items():
            gradient = self._gradients[name]
            error = sizes[name]
            if gradient is not None:
                error = float(torch.dist(value, gradient.flatten().to(value)))
            if not error <= self._tolerance * sizes[name] + self._floor * scale:
                last = self._first + len(self._samples) - 1
                raise UnseenUseError(
                    f"parameter {name!r} is used otherwise for samples {self._first} to {last} "
                    f"than for the first and the last, where no hook sees it; leave it out by "
                    f"`parameters`, or put a sample like those first",
                    name,
                )
