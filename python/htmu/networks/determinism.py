"""Equal seeds, equal bits: streams of random numbers, and a quiet place for PyTorch's own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from htmu.arguments import FloatArray, Seed, as_seed
from htmu.random import normal

# On a GPU, algorithms that are always equal need this before the process's first matrix product
# (docs.nvidia.com/cuda/cublas, "Results Reproducibility"): PyTorch reads it once.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


class Purpose(IntEnum):
    """What a stream is for: equal seeds give independent numbers to different purposes."""

    POINTS = 1
    CLASS_MEANS = 2
    TRAINING_NOISE = 3
    TEST_NOISE = 4
    WEIGHTS = 5
    ORDER = 6
    TORCH = 7


def normals(shape: tuple[int, ...], seed: int, purpose: Purpose, index: int = 0) -> FloatArray:
    """Standard normal variates of one stream; fewer are the first of more."""
    return normal(shape, seed=np.random.SeedSequence([seed, int(purpose), index]))


def permutation(n: int, seed: int, purpose: Purpose, index: int = 0) -> NDArray[np.int64]:
    """A random order of 0 .. n - 1.

    The order of normal variates, which are the same bits with any NumPy and on any processor.

    Examples
    --------
    >>> from htmu.networks.determinism import Purpose, permutation
    >>> sorted(permutation(5, 0, Purpose.ORDER).tolist())
    [0, 1, 2, 3, 4]
    """
    return np.argsort(normals((n,), seed, purpose, index), kind="stable")


def torch_seed(seed: Seed) -> int:
    """Seed of PyTorch's own generators, for modules that draw from them, as dropout does."""
    words = np.random.SeedSequence([as_seed(seed), int(Purpose.TORCH)]).generate_state(1, np.uint64)
    return int(words[0] >> np.uint64(1))


@contextmanager
def own_generators(
    device: torch.device, seed: int, *, deterministic: bool, n_threads: int
) -> Iterator[None]:
    """PyTorch's generators, seeded, threads and algorithms; the caller's come back after."""
    states = generator_states(device)
    threads = torch.get_num_threads()
    algorithms = torch.are_deterministic_algorithms_enabled()
    only_warns = torch.is_deterministic_algorithms_warn_only_enabled()
    tries_all = torch.backends.cudnn.benchmark
    try:
        torch.set_num_threads(n_threads)
        _seed_generators(device, torch_seed(seed))
        if deterministic:
            torch.use_deterministic_algorithms(True)
            torch.backends.cudnn.benchmark = False
        yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(algorithms, warn_only=only_warns)
        torch.backends.cudnn.benchmark = tries_all
        set_generator_states(states)


def _seed_generators(device: torch.device, seed: int) -> None:
    """Seed the generators that come back after; `torch.manual_seed` seeds every device's."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)


def generator_states(device: torch.device) -> dict[str, str]:
    """States of the generators that training on `device` may use, in hexadecimal."""
    states = {"cpu": _hexadecimal(torch.get_rng_state())}
    if device.type == "cuda":
        states["cuda"] = _hexadecimal(torch.cuda.get_rng_state(device))
    elif device.type == "mps":
        states["mps"] = _hexadecimal(torch.mps.get_rng_state())
    return states


def set_generator_states(states: dict[str, str]) -> None:
    """Put the generators back where `generator_states` found them."""
    setters: dict[str, Any] = {
        "cpu": torch.set_rng_state,
        "cuda": torch.cuda.set_rng_state,
        "mps": torch.mps.set_rng_state,
    }
    for name, state in states.items():
        setters[name](torch.frombuffer(bytearray.fromhex(state), dtype=torch.uint8))


def _hexadecimal(state: torch.Tensor) -> str:
    return state.cpu().numpy().tobytes().hex()
