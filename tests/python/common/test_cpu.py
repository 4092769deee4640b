"""What the core says of the processor."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from htmu._core import common
from htmu.errors import InvalidInputError


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


def run_with(wanted: str, program: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"HTMU_SIMD": wanted}
    return subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True
    )


def test_the_instruction_sets_follow_from_the_features() -> None:
    supported = common.supported_instruction_sets()
    features = set(common.cpu_features())
    assert supported[0] == "baseline"
    assert ("avx2" in supported) == ({"avx2", "fma"} <= features)
    assert "avx512" not in supported or {"avx2", "avx512f", "avx512dq"} <= features


@pytest.mark.parametrize("wanted", common.supported_instruction_sets())
def test_the_environment_forces_an_instruction_set(wanted: str) -> None:
    program = "from htmu._core import common; print(common.instruction_set())"
    assert run_with(wanted, program).stdout == f"{wanted}\n"


def test_without_a_wish_the_widest_is_used() -> None:
    program = "from htmu._core import common; print(common.instruction_set())"
    assert run_with("", program).stdout == f"{common.supported_instruction_sets()[-1]}\n"


def test_an_unknown_instruction_set_is_refused_in_one_line() -> None:
    outcome = run_with("avx1024", "from htmu.cli import main; raise SystemExit(main(['info']))")
    assert outcome.returncode == 2
    assert outcome.stderr.count("\n") == 1
    assert "HTMU_SIMD must be 'baseline', 'avx2' or 'avx512', got 'avx1024'" in outcome.stderr


def test_an_unknown_name_leaves_the_choice_alone() -> None:
    before = common.instruction_set()
    with pytest.raises(InvalidInputError, match="got 'sse9'"):
        common.use_instruction_set("sse9")
    assert common.instruction_set() == before
