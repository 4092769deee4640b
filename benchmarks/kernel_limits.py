"""Seconds below which no program does a kernel's work here: counted steps over measured rates."""

from __future__ import annotations

SWEEPS = 0.56  # steps of the root-free QR over n^2: 1.1 sweeps an eigenvalue, over half the rows
STEP = 19  # operations of a step on the multiply-add ports where the reciprocal is one of them
PHILOX = 54  # operations of a Philox block, counted for one of the lanes
ELEMENTARY = 40  # a logarithm or an exponential, likewise


def qr_limit(instruction_set: str, limits: tuple[float, float], n: int) -> tuple[str, float]:
    """What binds the QR of one matrix: the divider, or with AVX-512 the multiply-add ports."""
    steps = SWEEPS * n * n
    if instruction_set == "avx512":
        return "multiply-adds", STEP * steps / limits[0]
    return "divider", steps / limits[1]


def variate_limit(limits: tuple[float, float], blocks: float, elementary: int) -> tuple[str, float]:
    """What binds a variate that takes so many Philox blocks, logarithms and exponentials."""
    return "vector ports", (blocks * PHILOX + elementary * ELEMENTARY) / limits[0]
