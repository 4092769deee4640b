"""Autograd's own gradients of two samples, each run alone: what every shortcut must reproduce."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from htmu.errors import InvalidInputError, NonFiniteError
from htmu.ntk.capture import (
    Recorder,
    class_gradients,
    differentiate,
    is_out_of_memory,
    requiring_gradients,
    run_model,
    tolerances,
    with_graph,
)
from htmu.ntk.parts import Use

__all__ = ["Truth"]


class Truth:
    """Gradients, by the named parameters, of one random combination of each sample's outputs."""

    def __init__(
        self, model: nn.Module, x: Tensor, names: Sequence[str], numbers: Sequence[int]
    ) -> None:
        self._model, self._x = model, x
        parameters = dict(model.named_parameters(remove_duplicate=False))
        chosen = [parameters[name] for name in names]
        own = {id(parameter) for parameter in chosen}
        others = [p for p in model.parameters() if p.is_floating_point() and id(p) not in own]
        largest = 0.0
        generator = torch.Generator().manual_seed(0)
        self._alone = []
        gradients: list[list[Tensor]] = []
        norms: list[list[float]] = []
        with requiring_gradients([*chosen, *others]):
            for i in range(len(x)):
                with torch.enable_grad():
                    value = run_model(model, with_graph(x[i : i + 1]))
                if not i:
                    count = value.shape[1]
                    drawn = torch.randn(
                        1, count, generator=generator, dtype=torch.float64, device="cpu"
                    )
                    self._weights = drawn.to(chosen[0])
                found = (
                    differentiate(value, [*chosen, *others], self._weights)
                    if value.requires_grad
                    else [None] * len([*chosen, *others])
                )
                # What is rounding beside all gradients is so for those that vanish identically.
                sizes = [0.0 if g is None else float(g.norm()) for g in found]
                largest = max([largest, *(size for size in sizes if math.isfinite(size))])
                dense = [
                    torch.zeros_like(p) if g is None else g
                    for p, g in zip(chosen, found[: len(chosen)], strict=True)
                ]
                for name, gradient, size in zip(names, dense, sizes, strict=False):
                    if not math.isfinite(size) and not bool(torch.isfinite(gradient).all()):
                        raise NonFiniteError(
                            f"the gradient by {name!r} is not finite for sample {numbers[i]}; "
                            f"remove it or mend the model"
                        )
                gradients.append(dense)
                norms.append(sizes)
                self._alone.append(value.detach())
        self._gradients = {
            name: [sample[number] for sample in gradients] for number, name in enumerate(names)
        }
        self._sizes = {
            name: [sample[number] for sample in norms] for number, name in enumerate(names)
        }
        self.scale = largest
        self._tolerance, self._floor = max(
            tolerances(self._alone[0].dtype), tolerances(self._weights.dtype)
        )
        values = [float((a.to(self._weights) * self._weights).sum()) for a in self._alone]
        self.fingerprint = [values, [size for sizes in self._sizes.values() for size in sizes]]

    def check_separate(self, together: Tensor) -> None:
        """Refuse a model whose outputs for a sample depend on its batch, or on chance."""
        scale = max(float(together.abs().max()), 1e-30)
        error = float((together - torch.cat(self._alone)).abs().max())
        if not error <= 0.1 * self._tolerance * scale:
            raise InvalidInputError(
                "the model's outputs for a sample change with the batch that it is in, or from "
                "call to call; call model.eval(), and use normalisations that do not mix samples"
            )

    def differing(
        self, uses: Mapping[str, Sequence[Use]], copied: set[str], forgive: bool = False
    ) -> list[str]:
        """Parameters whose gradients from their sites are not autograd's, sample by sample.

        With `forgive`, also those whose gradients cannot be formed there.
        """
        sites = list(dict.fromkeys(site for found in uses.values() for site, _ in found))
        modules = dict.fromkeys(site.module for site in sites)
        with Recorder(self._model, modules, copied) as recorder, torch.enable_grad():
            value = run_model(self._model, with_graph(self._x))
        if any(len(recorder.calls[site.module]) <= site.call for site in sites):
            raise InvalidInputError(
                "the model calls its modules otherwise from call to call; make its forward depend "
                "on the samples alone"
            )
        calls = {site: recorder.calls[site.module][site.call] for site in sites}
        edges = [edge for site in sites for edge in calls[site].edges]
        shapes = [shape for site in sites for shape in calls[site].shapes]
        gradients = iter(next(class_gradients(value, self._weights, edges, shapes)))
        by_site = {site: [next(gradients) for _ in calls[site].edges] for site in sites}
        wrong = []
        for name, found in uses.items():
            try:
                formed = [
                    site.layer.rows(site.layer.prepare(calls[site]), by_site[site], [local])[local]
                    for site, local in found
                ]
            except Exception as failure:  # a module may fail in any way by itself
                if not forgive or is_out_of_memory(failure):
                    raise
                wrong.append(name)
                continue
            rows = formed[0] if len(formed) == 1 else torch.stack(formed).sum(0)
            for row, gradient, size in zip(
                rows, self._gradients[name], self._sizes[name], strict=True
            ):
                error = float(torch.dist(row, gradient.flatten()))
                if not error <= self._tolerance * size + self._floor * self.scale:
                    wrong.append(name)
                    break
        return wrong
