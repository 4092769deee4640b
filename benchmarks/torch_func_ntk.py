"""Baseline: the kernel by torch.func, vmap of jacrev in blocks of samples.

As published tools assemble it: the Jacobian of a block by every parameter, contracted parameter by
parameter with that of each later block, which is computed again for each.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev, vmap

__all__ = ["torch_func_gram"]


def torch_func_gram(model: nn.Module, x: Tensor, block: int = 16) -> Tensor:
    """Kernel of all outputs, (n c, n c), in the precision of the model; upper triangle mirrored."""
    parameters = {name: p.detach() for name, p in model.named_parameters()}

    def outputs(values: dict[str, Tensor], sample: Tensor) -> Tensor:
        found: Tensor = functional_call(model, values, (sample[None],))[0]
        return found

    def jacobian(samples: Tensor) -> list[Tensor]:
        found = vmap(jacrev(outputs), (None, 0))(parameters, samples)
        return [value.flatten(2) for value in found.values()]

    with torch.no_grad():
        n, c = len(x), model(x[:1]).shape[1]
        kernel = torch.zeros(n * c, n * c, dtype=x.dtype)
        for i in range(0, n, block):
            left = jacobian(x[i : i + block])
            for j in range(i, n, block):
                right = left if j == i else jacobian(x[j : j + block])
                tile = sum(
                    torch.einsum("iaf,jbf->iajb", a, b) for a, b in zip(left, right, strict=True)
                )
                assert isinstance(tile, Tensor)
                rows, columns = tile.shape[0] * c, tile.shape[2] * c
                flat = tile.reshape(rows, columns)
                kernel[i * c : i * c + rows, j * c : j * c + columns] = flat
                kernel[j * c : j * c + columns, i * c : i * c + rows] = flat.T
    return kernel
