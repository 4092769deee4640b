"""Forward and backward passes: what each part stores of a block of samples."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from htmu.errors import InvalidInputError
from htmu.ntk.agreement import Combination
from htmu.ntk.capture import (
    Recorder,
    check_finite,
    check_own,
    class_gradients,
    requiring_gradients,
    run_model,
    with_graph,
)
from htmu.ntk.parts import Part, Site, Stored
from htmu.ntk.sites import Uses

__all__ = ["fill"]


def fill(
    model: nn.Module,
    x: Tensor,
    weights: Tensor,
    parts: Sequence[Part],
    uses: Uses,
    chunk: int,
    first: int,
) -> list[Stored]:
    """What the parts store of samples x, by a backward pass a row of `weights` and a chunk.

    `first` is the number of the first sample, for messages.
    """
    stored = [part.allocate(len(x), weights.dtype, x.device) for part in parts]
    for low in range(0, len(x), chunk):
        rows = slice(low, min(low + chunk, len(x)))
        _fill_chunk(model, x[rows], weights, parts, uses, stored, rows, first + low)
    return stored


def _fill_chunk(
    model: nn.Module,
    x: Tensor,
    weights: Tensor,
    parts: Sequence[Part],
    uses: Uses,
    stored: Sequence[Stored],
    rows: slice,
    first: int,
) -> None:
    sites = list(dict.fromkeys(site for part in parts for site in part.sites))
    names: dict[Site, list[str]] = {}
    for part in parts:
        for site, name in part.row_names():
            names.setdefault(site, []).append(name)
    modules = dict.fromkeys(site.module for site in sites)
    every = dict(model.named_parameters(remove_duplicate=False))
    chosen = {name: every[name] for part in parts for name in part.names}
    with requiring_gradients(chosen.values()):
        with Recorder(model, modules, uses.copied) as recorder, torch.enable_grad():
            outputs = run_model(model, with_graph(x))
        check_finite(outputs.detach(), first)
        check_own(outputs, model)
        _check_calls(recorder, sites, uses, len(x))
        combination = Combination(outputs, weights, chosen, first)
    calls = {site: recorder.calls[site.module][site.call] for site in sites}
    for call in calls.values():
        call.versions.clear()
    for part, store in zip(parts, stored, strict=True):
        part.keep_inputs(store, rows, calls)
    prepared = {site: site.layer.prepare(calls[site]) for site in names}
    edges = [edge for site in sites for edge in calls[site].edges]
    shapes = [shape for site in sites for shape in calls[site].shapes]
    for output, found in enumerate(class_gradients(outputs, weights, edges, shapes)):
        following = iter(found)
        gradients = {site: [next(following) for _ in calls[site].edges] for site in sites}
        formed = {
            site: site.layer.rows(prepared[site], gradients[site], wanted)
            for site, wanted in names.items()
        }
        for part, store in zip(parts, stored, strict=True):
            part.keep(store, rows, output, gradients, formed)
    combination.check(parts, stored, rows, uses.scale)


def _check_calls(recorder: Recorder, sites: Sequence[Site], uses: Uses, size: int) -> None:
    """Refuse a module that is not called as it was when its sites were found."""
    changed = recorder.changed() - uses.copied
    for site in sites:
        calls = recorder.calls[site.module]
        before = uses.calls[site]
        same = (
            site.module not in changed
            and len(calls) == 1 + max(s.call for s in sites if s.module == site.module)
            and [(size, *shape[1:]) for shape in before.shapes] == calls[site.call].shapes
        )
        if not same:
            raise InvalidInputError(
                f"module {site.module!r} is called otherwise for other samples; leave its "
                f"parameters out by `parameters`, or give fewer samples at once"
            )
