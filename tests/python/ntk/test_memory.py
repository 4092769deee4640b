"""The memory limit holds, by the peak of a process, and what is too small is refused."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra networks is not installed")
from torch import nn  # noqa: E402

from htmu.errors import InvalidInputError  # noqa: E402
from htmu.ntk import gram  # noqa: E402
from htmu.ntk.memory import as_bytes  # noqa: E402

PROGRAM = """
import resource, sys, torch
from torch import nn
from htmu.ntk import gram
torch.set_num_threads(1)
torch.manual_seed(1)
def block(a, b, stride=1):
    return [nn.Conv2d(a, b, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU()]
model = nn.Sequential(*block(3, 32), *block(32, 32), *block(32, 64, 2), *block(64, 64, 2),
    nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 6)).eval()
class Own(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight, self.last = nn.Parameter(torch.randn(3072, 200) / 55), nn.Linear(200, 4)
    def forward(self, x):
        return self.last(torch.tanh(x.flatten(1) @ self.weight))
if sys.argv[4] == "own":
    model = Own()
x = torch.randn(int(sys.argv[2]), 3, 32, 32)
def peak():
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with torch.no_grad():
    model(x[:4])
before = peak()
gram(model, x, memory=float(sys.argv[1]), out=sys.argv[3] or None, device="cpu")
print(peak() - before)
"""


def peak(limit: float, n: int, out: str = "", kind: str = "convolutions") -> float:
    """Growth of the peak of a process's memory by one call."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    command = [sys.executable, "-c", PROGRAM, str(limit), str(n), out, kind]
    done = subprocess.run(command, check=True, env=environment, capture_output=True, text=True)
    return float(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="peaks are read as Linux gives them")
def test_peak_stays_under_the_limit(tmp_path: Path) -> None:
    """The same kernel within one limit and within a quarter of it."""
    wide = peak(1.2e9, 96)
    narrow = peak(0.3e9, 96, str(tmp_path / "kernel.npy"))
    assert wide < 1.2e9
    assert narrow < 0.3e9


@pytest.mark.skipif(sys.platform != "linux", reason="peaks are read as Linux gives them")
def test_gradients_by_a_module_of_another_type_are_counted() -> None:
    """Rows of 614400 parameters, from torch.func."""
    assert peak(0.25e9, 24, kind="own") < 0.25e9


def test_too_small_a_limit_names_the_least_that_works(tmp_path: Path) -> None:
    torch.manual_seed(1)
    model = nn.Sequential(nn.Flatten(), nn.Linear(192, 400), nn.ReLU(), nn.Linear(400, 20))
    x = torch.randn(200, 3, 8, 8)
    with pytest.raises(InvalidInputError, match="too small") as caught:
        gram(model, x, memory="20MB")
    found = re.search(r"at least '(\d+)MB'", str(caught.value))
    assert found
    assert "\n" not in str(caught.value)
    least = int(found[1])
    kernel = gram(model, x, memory=f"{least}MB")
    whole = gram(model, x)  # passes of other sizes round otherwise in float32
    assert np.abs(kernel - whole).max() < 1e-6 * np.abs(whole).max()
    with pytest.raises(InvalidInputError, match="too small"):
        gram(model, x, memory=0.95e6 * least)
    # In a file the kernel need not be held whole.
    gram(model, x, memory=0.9e6 * least, out=tmp_path / "kernel.npy")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("8GB", 8e9),
        ("1.5 GiB", 1.5 * 2**30),
        ("500mb", 5e8),
        ("1e9", 1e9),
        ("1e+9", 1e9),
        (10**9, 1e9),
        (np.int64(10**9), 1e9),
        ("64k", 64e3),
    ],
)
def test_sizes_are_read(text: str | float, size: float) -> None:
    assert as_bytes(text) == size


@pytest.mark.parametrize("text", ["", "GB", "-1GB", "1.2.3", "8XB", float("nan"), -1, None, True])
def test_other_sizes_are_refused(text: object) -> None:
    with pytest.raises(InvalidInputError, match="memory must be"):
        as_bytes(text)
