"""Where a model's parameters act, found by running it, and proved by comparison with autograd.

A parameter is first assigned to the calls of the modules that own it. Where an owner is not called,
or its outputs are not one row a sample, the smallest module around it that is called and has such
outputs takes its place; the whole model always has. Then each parameter's gradient for two samples
and one random combination of the outputs, in double precision, is compared with autograd's on each
sample alone. What differs is used where no hook sees it, and is left to the whole model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from htmu.errors import InvalidInputError
from htmu.ntk.capture import (
    Recorded,
    Recorder,
    check_finite,
    class_gradients,
    differentiate,
    map_tensors,
    run_model,
)
from htmu.ntk.layers import GenericLayer, Layer, layer_for
from htmu.ntk.parts import Site

__all__ = ["Use", "Uses", "find_uses"]

#: A site, and the parameter's name inside the site's module.
Use = tuple[Site, str]

_TOLERANCE, _FLOOR = 1e-8, 1e-12


@dataclass
class Uses:
    """Sites of each selected parameter, by its first name, and what the passes must know."""

    of: dict[str, list[Use]]
    calls: dict[Site, Recorded]
    batch: int
    """Samples in `calls`."""
    copied: set[str] = field(default_factory=set)
    """Modules whose arguments are changed in place after they were given."""
    graph_numbers: int = 0
    """Numbers that one sample's graph holds."""
    largest: int = 0
    """Numbers of one sample's largest tensor in it."""


@dataclass
class _Survey:
    calls: dict[str, list[Recorded]]
    splits: dict[str, list[list[bool]]]
    """Of modules that return one row a sample: for each call, which arguments are split so."""
    copied: set[str]


def with_graph(x: Tensor) -> Tensor:
    """The samples, set so that what is computed from them has a graph."""
    x = x.detach()
    return x.requires_grad_() if x.is_floating_point() else x


def find_uses(
    model: nn.Module, x: Tensor, names: dict[str, list[str]], numbers: Sequence[int]
) -> Uses:
    """Sites of the parameters; `names` has all names of each, under the first.

    `model` is in the precision of the check, with parameters that do not require gradients; `x` has
    three samples, which have these numbers among all.
    """
    with torch.no_grad():
        for sample, number in zip(x, numbers, strict=True):
            check_finite(run_model(model, sample.unsqueeze(0)), number)
    survey = _survey(model, x, names)
    sites = _Sites(model, survey)
    uses = {first: sites.of(aliases) for first, aliases in names.items()}
    found = Uses(uses, sites.calls, 2, survey.copied)
    _check_separate(model, x)
    wrong = _differing(model, x[:2], names, found)
    for name in wrong:
        found.of[name] = sites.whole_model(names[name][0])
    again = _differing(model, x[:2], {name: names[name] for name in wrong}, found) if wrong else []
    if again:
        raise InvalidInputError(
            f"the gradient by {again[0]!r} cannot be taken a sample at a time: torch.func and a "
            f"loop over samples give it otherwise than autograd; leave it out by `parameters`"
        )
    found.graph_numbers, found.largest = _graph_size(model, x[:2])
    return found


def _survey(model: nn.Module, x: Tensor, names: dict[str, list[str]]) -> _Survey:
    watched = {""}
    for alias in (alias for aliases in names.values() for alias in aliases):
        parts = alias.split(".")[:-1]
        watched.update(".".join(parts[: i + 1]) for i in range(len(parts)))
    runs = []
    copied: set[str] = set()
    for size in (2, 3):
        with Recorder(model, sorted(watched)) as recorder, torch.enable_grad():
            run_model(model, with_graph(x[:size]))
        copied |= recorder.changed()
        runs.append(recorder.calls)
    splits = {}
    for name in watched:
        two, three = runs[0][name], runs[1][name]
        found = [_split(a, b) for a, b in zip(two, three, strict=False)]
        kept = [split for split in found if split is not None]
        if two and len(two) == len(three) == len(kept):
            splits[name] = kept
    for calls in runs[0].values():
        for call in calls:
            # Only shapes and arguments are needed: these would keep the graph.
            call.versions.clear()
            call.edges.clear()
    return _Survey(runs[0], splits, copied)


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


def _check_separate(model: nn.Module, x: Tensor) -> None:
    """Refuse a model whose outputs for a sample depend on the rest of the batch, or on chance."""
    with torch.no_grad():
        together = run_model(model, x[:2])
        alone = torch.cat([run_model(model, x[i : i + 1]) for i in range(2)])
    scale = float(together.abs().max())
    tolerance = 1e-9 if together.dtype == torch.float64 else 1e-3
    if not float((together - alone).abs().max()) <= tolerance * max(scale, 1e-30):
        raise InvalidInputError(
            "the model's outputs for a sample change with the batch that it is in, or from call to "
            "call; call model.eval(), and use normalisations that do not mix samples"
        )


def _differing(model: nn.Module, x: Tensor, names: dict[str, list[str]], uses: Uses) -> list[str]:
    """Parameters whose gradients from their sites are not autograd's, sample by sample."""
    parameters = dict(model.named_parameters(remove_duplicate=False))
    chosen = [parameters[name] for name in names]
    with torch.no_grad():
        outputs = run_model(model, x).shape[1]
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(1, outputs, generator=generator, dtype=torch.float64).to(x.device)
    truth = []
    try:
        for parameter in chosen:
            parameter.requires_grad_(True)
        for i in range(2):
            with torch.enable_grad():
                value = run_model(model, with_graph(x[i : i + 1]))
            if not value.requires_grad:
                truth.append([torch.zeros_like(p) for p in chosen])
                continue
            grads = differentiate(value, chosen, weights.to(value.dtype))
            truth.append(
                [
                    torch.zeros_like(p) if g is None else g
                    for p, g in zip(chosen, grads, strict=True)
                ]
            )
    finally:
        for parameter in chosen:
            parameter.requires_grad_(False)

    sites = list(dict.fromkeys(site for name in names for site, _ in uses.of[name]))
    modules = dict.fromkeys(site.module for site in sites)
    with Recorder(model, modules, uses.copied) as recorder, torch.enable_grad():
        value = run_model(model, with_graph(x))
    calls = {site: recorder.calls[site.module][site.call] for site in sites}
    edges = [edge for site in sites for edge in calls[site].edges]
    shapes = [shape for site in sites for shape in calls[site].shapes]
    gradients = iter(next(class_gradients(value, weights.to(value.dtype), edges, shapes)))
    by_site = {site: [next(gradients) for _ in calls[site].edges] for site in sites}
    prepared = {site: site.layer.prepare(calls[site]) for site in sites}
    tolerance, floor = (_TOLERANCE, _FLOOR) if value.dtype == torch.float64 else (1e-3, 1e-5)
    scale = max((float(g.norm()) for grads in truth for g in grads), default=0.0)
    wrong = []
    for number, name in enumerate(names):
        expected = torch.stack([grads[number].flatten() for grads in truth])
        rows = torch.zeros_like(expected)
        for site, local in uses.of[name]:
            rows += site.layer.rows(prepared[site], by_site[site], [local])[local]
        error, size = float((rows - expected).norm()), float(expected.norm() + rows.norm())
        if not error <= tolerance * size + floor * scale:
            wrong.append(name)
    return wrong


def _graph_size(model: nn.Module, x: Tensor) -> tuple[int, int]:
    """(All, largest) numbers of a sample that the graph of a forward pass keeps."""
    own = {p.data_ptr() for p in [*model.parameters(), *model.buffers()]}
    sizes: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        if tensor.data_ptr() not in own:
            # Integers (indices of pooling) are eight bytes wide: as two single-precision numbers.
            share = 1 if tensor.is_floating_point() else 2
            sizes[tensor.data_ptr()] = share * tensor.numel()
        return tensor

    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        run_model(model, with_graph(x))
    return sum(sizes.values()) // len(x), max([*sizes.values(), x.numel()]) // len(x)
