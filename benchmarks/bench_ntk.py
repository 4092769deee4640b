"""`gram` against torch.func's vmap of jacrev in blocks, float32, all ten classes.

Times are processor seconds of one thread, so that they stand on a machine with other work too; the
baseline runs once (it takes up to minutes). Goals: ResNet9, n = 64: 6 times in float32 and 3 times
in the default precision; MiniAlexNet 25, VGG11 20 and ResNet18 10 times at n = 32. `-m slow`.

On some machines half of the baseline's time is the system's, which clears the memory of each
Jacobian anew; `user` is the ratio without either side's system time.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from comparison import Compare

torch = pytest.importorskip("torch", reason="the extra networks is not installed")
pytest.importorskip("htmu.networks", reason="the models are not there")
from torch_func_ntk import torch_func_gram  # noqa: E402

from htmu import networks  # noqa: E402
from htmu.ntk import gram  # noqa: E402

#: Network, samples, samples of a block of the baseline, goals in float32 and in mixed precision.
WORKLOADS = [
    ("minialexnet", 32, 16, 25, None),
    ("vgg11", 32, 16, 20, None),
    ("resnet18", 32, 8, 10, None),
    ("resnet9", 32, 16, None, None),
    ("resnet9", 64, 16, 6, 3),
]


def processor_seconds(function: Callable[[], Any]) -> tuple[float, float, Any]:
    """Seconds of the processor, those outside the system, and the result."""
    start = os.times()
    found = function()
    end = os.times()
    user = end.user - start.user
    return user + end.system - start.system, user, found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "n", "block", "goal", "mixed_goal"),
    WORKLOADS,
    ids=[f"{name}-{n}" for name, n, *_ in WORKLOADS],
)
def test_gram(
    compare: Compare,
    benchmark: Any,
    name: str,
    n: int,
    block: int,
    goal: float | None,
    mixed_goal: float | None,
) -> None:
    torch.set_num_threads(1)
    model = networks.build_model(name).eval()
    x = torch.randn(n, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    before, before_user, expected = processor_seconds(lambda: torch_func_gram(model, x, block))
    runs = {
        dtype: [
            processor_seconds(partial(gram, model, x, dtype=dtype, device="cpu")) for _ in range(3)
        ]
        for dtype in ("float32", "mixed")
    }
    seconds = {dtype: min(taken for taken, *_ in found) for dtype, found in runs.items()}
    user = min(taken for _, taken, _ in runs["float32"])
    # A ReLU that takes the other side in one of the two moves a sample by up to 2e-3.
    scale = float(expected.abs().max())
    for found in runs.values():
        assert np.abs(found[0][2] - expected.numpy()).max() < 2e-3 * scale
    # The fixture must run something, or it warns; the times are taken above, by processor.
    benchmark.pedantic(lambda: None, rounds=1)
    compare.record(
        seconds["float32"],
        before,
        work=n * (n + 1) / 2,
        unit="sample pairs",
        goal=goal,
        user=f"{before_user / user:.3g} times",
        mixed=f"{seconds['mixed']:.3g} s, {before / seconds['mixed']:.3g} times",
        **({"mixed_goal": mixed_goal} if mixed_goal else {}),
    )
