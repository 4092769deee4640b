"""What the core says of the processor."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from htmu._core import common


def test_features_agree_with_the_kernel() -> None:
    cpuinfo = Path("/proc/cpuinfo")
    if platform.machine() != "x86_64" or not cpuinfo.exists():
        pytest.skip("needs Linux on x86-64")
    flags = next(line for line in cpuinfo.read_text().splitlines() if line.startswith("flags"))
    known = set(flags.split(":")[1].split())
    names = {"avx512vbmi2": "avx512_vbmi2", "sse4.2": "sse4_2"}
    for feature in ("sse2", "sse4.2", "avx", "avx2", "fma", "avx512f", "avx512dq", "avx512vbmi2"):
        assert (feature in common.cpu_features()) == (names.get(feature, feature) in known)


def test_the_model_is_one_line() -> None:
    assert common.cpu_model()
    assert "\n" not in common.cpu_model()
