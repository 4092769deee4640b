"""Terms of the kernel: what is stored of the samples for each, and how it is contracted."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from htmu.ntk.capture import Recorded
from htmu.ntk.contraction import add_pairs, add_product, add_rows, add_sliced
from htmu.ntk.layers import Layer, Positions

__all__ = ["Part", "PositionPart", "RowPart", "Site", "Stored", "Use"]

Stored: TypeAlias = list[Tensor]

#: Features of a combination that are formed at a time.
_COMBINED = 1_000_000


@dataclass(frozen=True, eq=False)
class Site:
    """One call of a module, and the layer that differentiates it."""

    module: str
    call: int
    layer: Layer
    prepared: int = 0
    """Numbers a sample that the layer prepares, and that it was given."""


#: A site, and a parameter's name inside the site's module.
Use: TypeAlias = tuple[Site, str]


class Part(ABC):
    """A sum of terms of the kernel that belong to one owner's parameters."""

    owner: str
    names: list[str]
    """Its parameters, by their first names."""
    sites: list[Site]
    numbers: int
    """Stored numbers of one sample."""
    classes: int
    """Outputs of the model that are differentiated."""
    pieces: int = 1
    """Terms that `add` adds one at a time: after each, work may be saved."""

    def row_names(self) -> list[Use]:
        """Gradients that this part needs formed."""
        return []

    def keep_inputs(  # noqa: B027 - a part may need none
        self, stored: Stored, rows: slice, calls: Mapping[Site, Recorded]
    ) -> None:
        """Store what does not depend on the output."""

    @abstractmethod
    def allocate(self, n: int, dtype: torch.dtype, device: torch.device) -> Stored:
        """Room for n samples."""

    @abstractmethod
    def keep(
        self,
        stored: Stored,
        rows: slice,
        output: int,
        gradients: Mapping[Site, Sequence[Tensor]],
        formed: Mapping[Site, Mapping[str, Tensor]],
    ) -> None:
        """Store what belongs to one output."""

    @abstractmethod
    def combined(
        self, stored: Stored, rows: slice, samples: Tensor, outputs: Tensor
    ) -> list[Tensor]:
        """Gradients by each parameter, summed over samples and outputs with these factors."""

    def finite(self, stored: Stored, rows: slice) -> Tensor:
        """Of each sample, whether all that is stored is finite."""
        return torch.stack(
            [torch.isfinite(s[rows].flatten(1)).all(1) for s in stored if s.numel()]
        ).all(0)

    @abstractmethod
    def add(
        self,
        target: Tensor,
        left: Stored,
        right: Stored,
        same: bool,
        trace: bool,
        room: int,
        piece: int = 0,
    ) -> None:
        """Add this part's tile of the kernel; `trace` sums the blocks' diagonals."""


class RowPart(Part):
    """Gradients formed as rows; of a shared parameter, the sum over its sites."""

    def __init__(
        self,
        owner: str,
        names: list[str],
        parameters: list[list[Use]],
        sizes: list[int],
        classes: int,
    ) -> None:
        self.owner = owner
        self.names = names
        self.parameters = parameters
        self.sizes = sizes
        self.sites = list(dict.fromkeys(site for uses in parameters for site, _ in uses))
        self.classes = classes
        self.numbers = classes * sum(sizes)

    def row_names(self) -> list[Use]:
        """Each use of each parameter."""
        return [use for uses in self.parameters for use in uses]

    def allocate(self, n: int, dtype: torch.dtype, device: torch.device) -> Stored:
        """Room for n samples."""
        return [torch.empty(n, self.classes, sum(self.sizes), dtype=dtype, device=device)]

    def keep(
        self,
        stored: Stored,
        rows: slice,
        output: int,
        gradients: Mapping[Site, Sequence[Tensor]],
        formed: Mapping[Site, Mapping[str, Tensor]],
    ) -> None:
        """Store what belongs to one output."""
        first = 0
        for uses, size in zip(self.parameters, self.sizes, strict=True):
            place = stored[0][rows, output, first : first + size]
            for number, (site, name) in enumerate(uses):
                if number:
                    place += formed[site][name]
                else:
                    place.copy_(formed[site][name])
            first += size

    def combined(
        self, stored: Stored, rows: slice, samples: Tensor, outputs: Tensor
    ) -> list[Tensor]:
        """Gradients by each parameter, summed."""
        kept = stored[0][rows]
        total = torch.outer(samples, outputs).flatten() @ kept.reshape(-1, kept.shape[2])
        return list(torch.split(total, self.sizes))

    def add(
        self,
        target: Tensor,
        left: Stored,
        right: Stored,
        same: bool,
        trace: bool,
        room: int,
        piece: int = 0,
    ) -> None:
        """Add this part's tile of the kernel."""
        a, b = left[0], right[0]
        if trace:
            a, b = a.flatten(1).unsqueeze(1), b.flatten(1).unsqueeze(1)
        add_rows(target, a, b, same, room)


class PositionPart(Part):
    """A weight on positions, and for "product" and "pairs" its bias: inputs and gradients."""

    def __init__(
        self,
        owner: str,
        names: list[str],
        site: Site,
        sizes: Positions,
        method: str,
        classes: int,
        shape: tuple[int, ...],
        bias: bool,
    ) -> None:
        self.owner = owner
        self.names = names
        self.sites = [site]
        self.sizes = sizes
        self.method = method
        self.classes = classes
        self.shape = shape
        self.bias = bias
        self.numbers = sizes.kept + classes * sizes.n_outputs * sizes.n_positions

    def allocate(self, n: int, dtype: torch.dtype, device: torch.device) -> Stored:
        """Room for n samples."""
        sizes = self.sizes
        gradients = (n, self.classes, sizes.n_outputs, sizes.n_positions)
        return [
            torch.empty(n, *self.shape, dtype=dtype, device=device),
            torch.empty(gradients, dtype=dtype, device=device),
        ]

    def keep_inputs(self, stored: Stored, rows: slice, calls: Mapping[Site, Recorded]) -> None:
        """Store the layer's inputs."""
        site = self.sites[0]
        stored[0][rows] = site.layer.input(calls[site])

    def keep(
        self,
        stored: Stored,
        rows: slice,
        output: int,
        gradients: Mapping[Site, Sequence[Tensor]],
        formed: Mapping[Site, Mapping[str, Tensor]],
    ) -> None:
        """Store what belongs to one output."""
        site = self.sites[0]
        stored[1][rows, output] = site.layer.by_position(gradients[site][0])

    def combined(
        self, stored: Stored, rows: slice, samples: Tensor, outputs: Tensor
    ) -> list[Tensor]:
        """Gradients by the weight, and by the bias if it is of this part."""
        sizes = self.sizes
        inputs, kept = stored[0][rows], stored[1][rows]
        weight = kept.new_zeros(sizes.n_outputs, sizes.n_features)
        bias = kept.new_zeros(sizes.n_outputs)
        step = max(1, _COMBINED // (sizes.n_features * sizes.n_positions))
        for i in range(0, len(kept), step):  # features of all samples at once are many
            here = slice(i, i + step)
            factors = torch.outer(samples[here], outputs)
            gradient = torch.einsum("sc,scop->osp", factors, kept[here]).flatten(1)
            weight.addmm_(gradient, self.sites[0].layer.features(inputs[here]).flatten(0, 1))
            bias += gradient.sum(1)
        return [weight.flatten(), bias] if self.bias else [weight.flatten()]

    def add(
        self,
        target: Tensor,
        left: Stored,
        right: Stored,
        same: bool,
        trace: bool,
        room: int,
        piece: int = 0,
    ) -> None:
        """Add this part's tile of the kernel."""
        layer = self.sites[0].layer
        first, last = (self.sizes.n_outputs * k // self.pieces for k in (piece, piece + 1))
        left, right = ([s[0], s[1][:, :, first:last]] for s in (left, right))
        a, b = ((s[0], _merged(s[1]) if trace else s[1]) for s in (left, right))
        if self.method == "product":
            flat = [(layer.features(s[0])[:, 0], s[1][..., 0]) for s in (a, b)]
            add_product(target, flat[0], flat[1], same, self.bias, room)
        elif self.method == "pairs":
            add_pairs(target, a, b, same, self.bias, layer.features, room)
        else:
            add_sliced(target, a, b, same, layer.features, room)


def _merged(gradients: Tensor) -> Tensor:
    """Outputs of the network counted among those of the layer: the trace over them."""
    return gradients.flatten(1, 2).unsqueeze(1)
