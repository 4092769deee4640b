"""Any module: its forward is differentiated again, a sample at a time, by its own parameters."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vjp, vmap

from htmu.errors import InvalidInputError
from htmu.ntk.capture import Recorded, is_out_of_memory, map_tensors
from htmu.ntk.layers.base import Layer

__all__ = ["GenericLayer"]


class GenericLayer(Layer):
    """Per-sample vector-Jacobian products of a module.

    `torch.func.vmap` does all samples at once; a module that it cannot take (one that branches on
    values, or writes in place) is differentiated in a loop over samples. `split` says of each
    tensor among the arguments whether its first axis is that of the samples.
    """

    def __init__(self, module: nn.Module, split: Sequence[bool]) -> None:
        super().__init__(module)
        self._split = list(split)
        self._loop = False

    def prepare(self, call: Recorded) -> Recorded:
        """What all outputs share: see `Layer.prepare`."""
        return call

    def rows(
        self, prepared: Recorded, gradients: Sequence[Tensor], names: Sequence[str]
    ) -> dict[str, Tensor]:
        """Gradients of each sample: see `Layer.rows`."""
        if not self._loop:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # on missing batching rules: only slower
                    return self._all_samples(prepared, gradients, names)
            except Exception as error:  # whatever vmap cannot: the loop will tell
                if is_out_of_memory(error):
                    raise
                self._loop = True
        try:
            return self._one_by_one(prepared, gradients, names)
        except Exception as error:
            if is_out_of_memory(error):
                raise
            reason = " ".join(str(error).split()) or type(error).__name__
            raise InvalidInputError(
                f"{type(self.module).__name__} cannot be differentiated a sample at a time: "
                f"{reason[:160]}; leave its parameters out by `parameters`"
            ) from error

    def _all_samples(
        self, call: Recorded, gradients: Sequence[Tensor], names: Sequence[str]
    ) -> dict[str, Tensor]:
        parameters = dict(self.module.named_parameters(remove_duplicate=False))
        chosen = {name: parameters[name].detach() for name in names}
        inputs: list[Tensor] = []
        map_tensors(inputs.append, (call.arguments, call.keywords))
        split = [0 if is_split else None for is_split in self._split]

        def one(samples: list[Tensor], cotangents: list[Tensor]) -> dict[str, Tensor]:
            # Copies: the module may write into its arguments.
            rows = [
                (sample.unsqueeze(0) if is_split else sample).clone()
                for sample, is_split in zip(samples, self._split, strict=True)
            ]

            def forward(values: dict[str, Tensor]) -> list[Tensor]:
                following = iter(rows)
                arguments, keywords = map_tensors(
                    lambda _: next(following), (call.arguments, call.keywords)
                )
                return _real(functional_call(self.module, values, arguments, keywords))

            outputs: Any
            pull: Any
            outputs, pull = vjp(forward, chosen)[:2]
            given = [c.unsqueeze(0).to(o) for c, o in zip(cotangents, outputs, strict=True)]
            found: dict[str, Tensor] = pull(given)[0]
            return found

        found = vmap(one, in_dims=(split, 0), randomness="error")(inputs, list(gradients))
        return {name: value.flatten(1) for name, value in found.items()}

    def _one_by_one(
        self, call: Recorded, gradients: Sequence[Tensor], names: Sequence[str]
    ) -> dict[str, Tensor]:
        parameters = dict(self.module.named_parameters(remove_duplicate=False))
        chosen = [parameters[name] for name in names]
        size = len(gradients[0])
        found = [gradients[0].new_zeros(size, p.numel()) for p in chosen]
        try:
            for parameter in chosen:
                parameter.requires_grad_(True)
            for i in range(size):
                is_split = iter(self._split)

                def sample(tensor: Tensor, i: int = i, split: Iterator[bool] = is_split) -> Tensor:
                    return (tensor[i : i + 1] if next(split) else tensor).clone()

                arguments, keywords = map_tensors(sample, (call.arguments, call.keywords))
                with torch.enable_grad():
                    outputs = _real(self.module(*arguments, **keywords))
                with_graph = [
                    (output, gradient[i : i + 1].to(output))
                    for output, gradient in zip(outputs, gradients, strict=True)
                    if output.requires_grad
                ]
                if not with_graph:
                    continue
                grads = torch.autograd.grad(
                    [output for output, _ in with_graph],
                    chosen,
                    [gradient for _, gradient in with_graph],
                    allow_unused=True,
                )
                for rows, grad in zip(found, grads, strict=True):
                    if grad is not None:
                        rows[i] = grad.to_dense().flatten()
        finally:
            for parameter in chosen:
                parameter.requires_grad_(False)
        return dict(zip(names, found, strict=True))


def _real(output: Any) -> list[Tensor]:
    """The floating-point tensors in an output, in the order in which they are recorded."""
    found: list[Tensor] = []
    map_tensors(lambda t: found.append(t) if t.is_floating_point() else None, output)
    return found
