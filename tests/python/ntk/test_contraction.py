"""Contractions against the plain product of gradients, for any size of the buffers."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the extra networks is not installed")

from torch import Tensor  # noqa: E402

from htmu.ntk.contraction import add_pairs, add_sliced  # noqa: E402

CLASSES, OUTPUTS, POSITIONS, WIDTH = 3, 7, 5, 4


def operand(n: int, seed: int, dtype: Any) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return (
        torch.randn(n, POSITIONS, WIDTH, generator=generator).to(dtype),
        torch.randn(n, CLASSES, OUTPUTS, POSITIONS, generator=generator).to(dtype),
    )


def kernel(left: tuple[Tensor, ...], right: tuple[Tensor, ...]) -> Tensor:
    rows: list[Tensor] = [
        torch.einsum("spk,scop->scok", a.double(), b.double()).flatten(2).flatten(0, 1)
        for a, b in (left, right)
    ]
    return rows[0] @ rows[1].T


@pytest.mark.parametrize("room", [1, 5_000, 100_000_000])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("method", ["sliced", "pairs"])
@pytest.mark.parametrize("same", [True, False])
def test_is_the_product_of_gradients(same: bool, method: str, dtype: Any, room: int) -> None:
    left = operand(6, 1, dtype)
    right = left if same else operand(4, 2, dtype)
    start = torch.randn(6 * CLASSES, len(right[0]) * CLASSES, dtype=torch.float64)
    found = start.clone()
    if method == "sliced":
        add_sliced(found, left, right, same, lambda inputs: inputs, room)
    else:
        add_pairs(found, left, right, same, False, lambda inputs: inputs, room)
    expected = start + kernel(left, right)
    if same:  # below the diagonal blocks nothing is to be read
        blocks = torch.ones(6, 6).triu().repeat_interleave(CLASSES, 0)
        wanted = blocks.repeat_interleave(CLASSES, 1).bool()
        found, expected = found[wanted], expected[wanted]
    # Gradients in float32 are rounded as they are formed; pairs multiply in float64.
    tolerance = 1e-5 if dtype == torch.float32 and method == "sliced" else 1e-12
    assert float((found - expected).abs().max()) < tolerance * float(expected.abs().max())
