"""Where a model's parameters act, found by running it, and proved by comparison with autograd.

A parameter is first assigned to the calls of the modules that own it. Where an owner is not called,
or its outputs are not one row a sample, the smallest module around it that is called and has such
outputs takes its place; the whole model always has. Then each parameter's gradient for two samples
and one random combination of the outputs, in double precision, is compared with autograd's on each
sample alone. What differs is used where no hook sees it, and is left to the whole model.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from htmu.errors import InvalidInputError
from htmu.ntk.capture import (
    Recorded,
    Recorder,
    check_finite,
    check_own,
    map_tensors,
    requiring_gradients,
    run_model,
    with_graph,
)
from htmu.ntk.layers import GenericLayer, Layer, layer_for
from htmu.ntk.parts import Site, Use
from htmu.ntk.truth import Truth

__all__ = ["Uses", "find_uses"]


@dataclass
class Uses:
    """Sites of each selected parameter, by its first name, and what the passes must know."""

    of: dict[str, list[Use]]
    calls: dict[Site, Recorded]
    """What each site was given, of two samples."""
    copied: set[str]
    """Modules whose arguments are changed in place after they were given."""
    graph_numbers: int
    """Numbers that one sample's graph holds."""
    largest: int
    """Numbers of one sample's largest tensor in it."""
    scale: float
    """Size of the largest gradient by a parameter."""
    fingerprint: list[list[float]]
    """Outputs and gradients of two samples, in part: what tells another model."""


@dataclass
class _Survey:
    calls: dict[str, list[Recorded]]
    splits: dict[str, list[list[bool]]]
    """Of modules that return one row a sample: for each call, which arguments are split so."""
    copied: set[str]
    outputs: Tensor
    """Of the first two samples, run together."""
    graph_numbers: int
    largest: int


def find_uses(
    model: nn.Module,
    x: Tensor,
    names: dict[str, list[str]],
    numbers: Sequence[int],
    whole: Collection[str] = (),
) -> Uses:
    """Sites of the parameters; `names` has all names of each, under the first.

    Those in `whole` are left to the whole model.

    `model` is in the precision of the check, with parameters that do not require gradients; `x` has
    three samples, which have these numbers among all.
    """
    survey = _survey(model, x, names, numbers)
    sites = _Sites(model, survey)
    uses = {first: sites.of(aliases) for first, aliases in names.items()}
    uses.update({name: sites.whole_model(names[name][0]) for name in whole})
    truth = Truth(model, x[:2], list(names), numbers)
    found = Uses(
        uses,
        sites.calls,
        survey.copied,
        survey.graph_numbers,
        survey.largest,
        truth.scale,
        truth.fingerprint,
    )
    truth.check_separate(survey.outputs)
    wrong = truth.differing(found.of, found.copied, forgive=True)
    for name in wrong:
        found.of[name] = sites.whole_model(names[name][0])
    again = truth.differing({name: found.of[name] for name in wrong}, found.copied) if wrong else []
    if again:
        raise InvalidInputError(
            f"the gradient by {again[0]!r} cannot be taken a sample at a time: torch.func and a "
            f"loop over samples give it otherwise than autograd; leave it out by `parameters`"
        )
    return found


def _survey(
    model: nn.Module, x: Tensor, names: dict[str, list[str]], numbers: Sequence[int]
) -> _Survey:
    """Run two samples, then three, and see which modules follow."""
    watched = {""}
    for alias in (alias for aliases in names.values() for alias in aliases):
        parts = alias.split(".")[:-1]
        watched.update(".".join(parts[: i + 1]) for i in range(len(parts)))
    runs, outputs = [], []
    copied: set[str] = set()
    chosen = [p for name, p in model.named_parameters() if name in names]
    for size in (2, 3):
        graph = _GraphSize(model)
        recorder = Recorder(model, sorted(watched))
        with requiring_gradients(chosen), recorder, torch.enable_grad(), graph.measured():
            raw = run_model(model, with_graph(x[:size]))
        check_own(raw, model)
        found = raw.detach()
        del raw
        for row, number in zip(found, numbers, strict=False):
            check_finite(row.unsqueeze(0), number)
        copied |= recorder.changed()
        runs.append(recorder.calls)
        outputs.append(found)
    splits = {}
    for name in watched:
        two, three = runs[0][name], runs[1][name]
        calls = [_split(a, b) for a, b in zip(two, three, strict=False)]
        kept = [split for split in calls if split is not None]
        if two and len(two) == len(three) == len(kept):
            splits[name] = kept
    for call in (call for calls_of_one in runs[0].values() for call in calls_of_one):
        # Only shapes and arguments are needed: these would keep the graph.
        call.versions.clear()
        call.edges.clear()
    numbers_of_one = graph.total // 3, max(graph.largest // 3, x[0].numel())
    return _Survey(runs[0], splits, copied, outputs[0], *numbers_of_one)


class _GraphSize:
    """Numbers that the graph of a forward pass keeps: in all, and in the largest tensor."""

    def __init__(self, model: nn.Module) -> None:
        self._own = {p.data_ptr() for p in [*model.parameters(), *model.buffers()]}
        self._sizes: dict[int, int] = {}

    def measured(self) -> Any:
        """Context that counts what is kept while it is entered."""
        return torch.autograd.graph.saved_tensors_hooks(self._pack, lambda tensor: tensor)

    def _pack(self, tensor: Tensor) -> Tensor:
        if tensor.data_ptr() not in self._own:
            # Integers (indices of pooling) are eight bytes wide: as two single-precision numbers.
            share = 1 if tensor.is_floating_point() else 2
            self._sizes[tensor.data_ptr()] = share * tensor.numel()
        return tensor

    @property
    def total(self) -> int:
        """Numbers in all."""
        return sum(self._sizes.values())

    @property
    def largest(self) -> int:
        """Numbers of the largest tensor."""
        return max(self._sizes.values(), default=0)


def _split(two: Recorded, three: Recorded) -> list[bool] | None:
    """Which tensors of a call's arguments are split by sample; None if an output is not."""

    def rows(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
        return bool(a and b) and (a[0], b[0]) == (2, 3) and a[1:] == b[1:]

    if not two.shapes or len(two.shapes) != len(three.shapes):
        return None
    if not all(rows(a, b) for a, b in zip(two.shapes, three.shapes, strict=True)):
        return None
    shapes: tuple[list[tuple[int, ...]], list[tuple[int, ...]]] = ([], [])
    for call, found in zip((two, three), shapes, strict=True):
        tensors: list[Tensor] = []
        map_tensors(tensors.append, (call.arguments, call.keywords))
        found += [tuple(tensor.shape) for tensor in tensors]
    if len(shapes[0]) != len(shapes[1]):
        return None
    split = []
    for a, b in zip(*shapes, strict=True):
        if not rows(a, b) and a != b:
            return None
        split.append(a != b)
    return split


class _Sites:
    """Sites made so far: one for each call of a module, known or generic."""

    def __init__(self, model: nn.Module, survey: _Survey) -> None:
        self._modules = dict(model.named_modules(remove_duplicate=False))
        self._survey = survey
        self._made: dict[tuple[str, bool], list[Site]] = {}
        self.calls: dict[Site, Recorded] = {}

    def of(self, aliases: Sequence[str]) -> list[Use]:
        """Uses of a parameter of these names."""
        places: dict[nn.Module, tuple[str, str]] = {}
        for alias in aliases:
            owner = alias.rpartition(".")[0]
            while owner and owner not in self._survey.splits:
                owner = owner.rpartition(".")[0]
            places.setdefault(self._modules[owner], (owner, alias[len(owner) :].lstrip(".")))
        # Inside a module that is differentiated whole, all uses are counted already.
        inner = {m for module in places for m in module.modules() if m is not module}
        return [
            use
            for module, place in places.items()
            if module not in inner
            for use in self._uses(*place)
        ]

    def whole_model(self, name: str) -> list[Use]:
        """Uses of a parameter that is differentiated through the whole model."""
        return self._uses("", name, generic=True)

    def _uses(self, module: str, local: str, generic: bool = False) -> list[Use]:
        layer = None if generic or "." in local else self._known(module)
        key = (module, layer is None)
        if key not in self._made:
            calls = self._survey.calls[module]
            splits = self._survey.splits[module]
            self._made[key] = []
            for number, (call, split) in enumerate(zip(calls, splits, strict=True)):
                chosen: Layer = layer or GenericLayer(self._modules[module], split)
                numbers = chosen.prepared_numbers(call) // 2
                self._made[key].append(Site(module, number, chosen, numbers))
                self.calls[self._made[key][-1]] = call
        return [(site, local) for site in self._made[key]]

    def _known(self, module: str) -> Layer | None:
        calls, splits = self._survey.calls[module], self._survey.splits[module]
        if all(len(split) == 1 and split[0] for split in splits) and all(
            len(call.shapes) == 1 for call in calls
        ):
            return layer_for(self._modules[module])
        return None
