"""What the caller has set in PyTorch, and what the machine lacks, are no part of a kernel."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra networks is not installed")
from torch import nn  # noqa: E402

from htmu.errors import InvalidInputError  # noqa: E402
from htmu.ntk import gram, product  # noqa: E402
from htmu.ntk.memory import available_bytes, group_bytes  # noqa: E402


def network() -> Any:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(40, 60), nn.Tanh(), nn.Linear(60, 3)).eval()


def samples() -> Any:
    return torch.randn(7, 40, generator=torch.Generator().manual_seed(4))


def test_a_default_device_is_not_used() -> None:
    model, x = network(), samples()
    expected = gram(model, x)
    with torch.device("meta"):
        assert np.array_equal(gram(model, x, device="cpu"), expected)
        found = product(model, x, device="cpu") @ np.eye(21)
    assert np.abs(found - expected).max() < 1e-5 * expected.max()


def test_autocast_does_not_reach_the_passes() -> None:
    model, x = network(), samples()
    expected = gram(model, x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert np.array_equal(gram(model, x, device="cpu"), expected)
        found = product(model, x, device="cpu") @ np.eye(21)
        assert torch.is_autocast_enabled("cpu")
    assert np.abs(found - expected).max() < 1e-5 * expected.max()


@pytest.mark.skipif(
    not hasattr(torch.backends.mkldnn, "matmul"), reason="this torch has the old settings only"
)
@pytest.mark.parametrize("value", ["bf16", "tf32"])
def test_precisions_by_library_do_not_reach_the_passes(
    value: str,
) -> None:
    model, x = network(), samples()
    expected = gram(model, x)
    places = [torch.backends.mkldnn.matmul]
    places += [torch.backends.cuda.matmul] if value == "tf32" else []
    before = [place.fp32_precision for place in places]
    try:
        for place in places:
            place.fp32_precision = value
        assert np.array_equal(gram(model, x, device="cpu"), expected)
        assert all(place.fp32_precision == value for place in places)
    finally:
        for place, old in zip(places, before, strict=True):
            place.fp32_precision = old


def test_memory_that_cannot_be_had_is_one_line() -> None:
    # More than an address has bits for: no system promises it.
    with pytest.raises(InvalidInputError, match=r"no memory left .* smaller limit by `memory`"):
        gram(nn.Linear(1, 1), torch.ones(6_000_000, 1), memory="1000TB", device="cpu")


def test_wanting_memory_in_a_model_is_not_its_fault() -> None:
    class Hungry(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.last = nn.Linear(1, 1)

        def forward(self, x: Any) -> Any:
            return self.last(x) + torch.empty(2**57, device="cpu").sum()

    with pytest.raises(InvalidInputError, match="no memory left"):
        gram(Hungry(), torch.ones(2, 1), device="cpu")


def test_classes_of_a_product_may_be_an_array() -> None:
    model, x = network(), samples()
    classes: Any = np.array([2, 0])
    found = product(model, x, outputs=classes, device="cpu") @ np.eye(14)
    assert np.allclose(found, gram(model, x, outputs=[2, 0], dtype="float64"), rtol=1e-10)


def write(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def test_memory_of_control_groups(tmp_path: Path) -> None:
    root, own = tmp_path / "cgroup", tmp_path / "own"
    # Version 2: a job's limit above the process's own group; files that are only cached give way.
    own.write_text("0::/job/step\n")
    stat = "anon 5\ninactive_file 2000\n"
    write(root / "job", memory__max="10000\n", memory__current="5000\n", memory__stat=stat)
    write(root / "job/step", memory__max="max\n", memory__current="5000\n", memory__stat=stat)
    assert group_bytes(str(root), str(own)) == 7000
    # A container names its group as it is outside, and sees its own files at the root.
    own.write_text("0::/outer/name\n")
    write(root, memory__max="4000\n", memory__current="1000\n", memory__stat="anon 5\n")
    assert group_bytes(str(root), str(own)) == 3000
    # Version 1.
    own.write_text("5:memory:/job\n4:cpu:/job\n")
    write(
        root / "memory/job",
        memory__limit_in_bytes="900\n",
        memory__usage_in_bytes="1000\n",
        memory__stat="total_inactive_file 500\n",
    )
    assert group_bytes(str(root), str(own)) == 400
    own.write_text("")
    assert math.isinf(group_bytes(str(root), str(own)))
    assert math.isinf(group_bytes(str(root), str(tmp_path / "absent")))


def test_default_limit_is_within_the_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("htmu.ntk.memory.group_bytes", lambda: 1000.0)
    assert available_bytes(torch.device("cpu")) == 800
