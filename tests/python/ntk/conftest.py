from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

Brute = Callable[..., NDArray[np.float64]]


def jacobian(model: Any, x: Any, names: list[str] | None = None) -> NDArray[np.float64]:
    """Rows i c + a of the Jacobian, each by autograd on sample i alone."""
    import torch  # not above: the suite passes where it is not installed

    chosen = [
        p
        for name, p in model.named_parameters()
        if p.requires_grad and (names is None or name in names)
    ]
    rows = []
    for i in range(len(x)):
        for output in model(x[i : i + 1].clone())[0]:
            grads = torch.autograd.grad(output, chosen, retain_graph=True, allow_unused=True)
            flat = [
                (torch.zeros_like(p) if g is None else g.to_dense()).flatten()
                for p, g in zip(chosen, grads, strict=True)
            ]
            rows.append(torch.cat(flat))
    return np.asarray(torch.stack(rows).detach().double().numpy())


@pytest.fixture(scope="session")
def brute() -> Brute:
    """J J^T by brute force."""

    def kernel(model: Any, x: Any, names: list[str] | None = None) -> NDArray[np.float64]:
        rows = jacobian(model, x, names)
        return np.asarray(rows @ rows.T)

    return kernel
