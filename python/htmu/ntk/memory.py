"""Memory: what a kernel's assembly needs, and how samples and layers are divided to fit a limit."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any

import torch

from htmu.errors import InvalidInputError
from htmu.ntk.layers import GenericLayer
from htmu.ntk.parts import Part, RowPart

__all__ = ["Needs", "Schedule", "as_bytes", "available_bytes", "group_bytes", "make_schedule"]

_UNITS = {"": 1, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12, "ki": 2**10, "mi": 2**20, "gi": 2**30}
#: Libraries' own buffers and the allocator's losses: measured, about.
_OVERHEAD = 96e6
_MARGIN = 1.1
_CHUNKS = (32, 16, 8, 4, 2, 1)
#: One sample more in a chunk makes the passes this much of a chunk's fixed cost cheaper.
_CHUNK_COST = 4.0


def as_bytes(memory: Any) -> float:
    """Bytes of a limit such as 8e9, "8GB" or "500 MiB"."""
    if isinstance(memory, str):
        match = re.fullmatch(r"\s*([0-9.]+(?:e[+-]?[0-9]+)?)\s*([kmgt]?i?)b?\s*", memory.lower())
        if match and match[2] in _UNITS:
            with suppress(ValueError):
                return _positive(float(match[1]) * _UNITS[match[2]], memory)
    elif isinstance(memory, Real) and not isinstance(memory, bool):
        return _positive(float(memory), memory)
    raise InvalidInputError(f"memory must be bytes, or a size such as '8GB', got {memory!r}")


def _positive(value: float, shown: Any) -> float:
    if not (math.isfinite(value) and value > 0):
        raise InvalidInputError(f"memory must be positive and finite, got {shown!r}")
    return value


def available_bytes(device: torch.device) -> float:
    """Four fifths of the memory that is free now."""
    if device.type == "cuda":
        number = torch.cuda.current_device() if device.index is None else device.index
        # What PyTorch keeps of earlier work is free for this.
        kept = torch.cuda.memory_reserved(number) - torch.cuda.memory_allocated(number)
        return 0.8 * (torch.cuda.mem_get_info(number)[0] + kept)
    return min(_free_bytes(), 0.8 * group_bytes())


def _free_bytes() -> float:
    with suppress(OSError, ValueError, IndexError), open("/proc/meminfo", encoding="ascii") as file:
        for line in file:
            if line.startswith("MemAvailable:"):
                return 0.8 * 1024 * int(line.split()[1])
    with suppress(AttributeError, ValueError, OSError):
        return 0.4 * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return 4e9


#: Files of a control group's limit and use, and the line of memory.stat on what gives way.
_VERSION_1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
_VERSION_2 = ("memory.max", "memory.current", "inactive_file")


def group_bytes(root: str = "/sys/fs/cgroup", own: str = "/proc/self/cgroup") -> float:
    """Memory left to this process's control groups, as of a container or a batch job; or inf."""
    try:
        lines = Path(own).read_text(encoding="utf-8").split("\n")
    except OSError:
        return math.inf
    least = math.inf
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, name = rest.partition(":")
        if controllers == "memory":  # version 1
            base = Path(root, "memory")
            limit, usage, cache = _VERSION_1
        elif rest and not controllers:
            base = Path(root)
            limit, usage, cache = _VERSION_2
        else:
            continue
        group = Path(base, name.strip("/"))
        # A container may see the names that its groups have outside it.
        for folder in (group, *group.parents):
            if folder.is_relative_to(base):
                least = min(least, _left(folder, limit, usage, cache))
    return least


def _left(folder: Path, limit: str, usage: str, cache: str) -> float:
    with suppress(OSError, ValueError):
        allowed = int((folder / limit).read_text(encoding="ascii"))
        used = int((folder / usage).read_text(encoding="ascii"))
        for line in (folder / "memory.stat").read_text(encoding="ascii").splitlines():
            if line.startswith(f"{cache} "):
                used -= int(line.split()[1])  # files in memory give way
        return float(max(allowed - used, 0))
    return math.inf


@dataclass(frozen=True)
class Needs:
    """Sizes from which the memory follows."""

    n: int
    classes: int
    whole: bool
    """Whether the whole kernel is held in memory."""
    kernel_size: int
    size: int
    """Bytes of a number of the kernel, and of the passes."""
    fixed: float
    """Bytes that do not depend on the division: copies of the model, of the samples, kernels."""
    graph: int
    largest: int


@dataclass(frozen=True)
class Schedule:
    """Samples of a block and of a pass, bytes of the buffers, and the bytes for what is stored."""

    block: int
    chunk: int
    room: int
    capacity: float
    sides: int
    needs: Needs

    @property
    def blocks(self) -> list[slice]:
        """Blocks of samples."""
        n = self.needs.n
        return [slice(i, min(i + self.block, n)) for i in range(0, n, self.block)]

    def groups(self, parts: Sequence[Part], first: int = 0) -> list[list[int]] | None:
        """Consecutive parts, by number from `first`, that fit; None if one does not by itself."""
        groups: list[list[int]] = []
        for number in range(first, len(parts)):
            if groups and self._fits([parts[i] for i in [*groups[-1], number]]):
                groups[-1].append(number)
            elif self._fits([parts[number]]):
                groups.append([number])
            else:
                return None
        return groups

    def _fits(self, group: Sequence[Part]) -> bool:
        stored = sum(part.numbers for part in group) * self.block * self.sides
        return _MARGIN * self.needs.size * (stored + self._pass(group)) <= self.capacity

    def _pass(self, group: Sequence[Part]) -> float:
        """Numbers that the passes of a chunk hold at once."""
        sites = {site for part in group for site in part.sites}
        generic = any(isinstance(site.layer, GenericLayer) for site in sites)
        formed = sum(p.numbers // p.classes for p in group if isinstance(p, RowPart))
        # torch.func's result stands beside its factors, which it copies.
        copies = 4 if generic else 2
        each = (
            (2 if generic else 1) * self.needs.graph
            + 4 * self.needs.largest
            + sum(site.prepared for site in sites)
            + copies * formed
        )
        return self.chunk * each


def make_schedule(
    needs: Needs, parts: Sequence[Part], limit: float, block: int | None = None
) -> Schedule:
    """The division with the fewest passes within the limit.

    Raises
    ------
    InvalidInputError
        No division fits; the message has the least limit that one fits.
    """
    found = _best(needs, parts, limit, block)
    if found is not None:
        return found
    low, high = limit, 2 * limit
    while _best(needs, parts, high, block) is None:
        low, high = high, 2 * high
    while high - low > 0.01 * high:
        middle = (low + high) / 2
        low, high = (low, middle) if _best(needs, parts, middle, block) else (middle, high)
    least = f"{math.ceil(high / 1e6):,} MB".replace(",", "")
    advice = ", or write the kernel to a file by `out`" if needs.whole else ""
    raise InvalidInputError(
        f"memory of {limit / 1e6:.0f} MB is too small for this kernel; give at least "
        f"'{least.replace(' ', '')}'{advice}"
    )


def _best(needs: Needs, parts: Sequence[Part], limit: float, block: int | None) -> Schedule | None:
    n = needs.n
    if block is not None:
        blocks = [block]
    else:
        counts = sorted({min(n, c) for c in (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 128, n)})
        blocks = [-(-n // count) for count in counts]
    room = int(min(512e6, max(4e6, limit / 10)))
    best: tuple[float, Schedule] | None = None
    for size in blocks:
        sides = 1 if size >= n else 2
        held = n if needs.whole else size
        # Blocks are copied on their way to a file, and mirrored there by tiles.
        strip = held * n * needs.classes**2 * needs.kernel_size * (1.0 if needs.whole else 1.25)
        capacity = limit - needs.fixed - _OVERHEAD - strip - 1.5 * room
        if capacity <= 0:
            continue
        for chunk in _CHUNKS:
            if chunk > 1 and chunk // 2 >= size:
                continue
            schedule = Schedule(size, chunk, room, capacity, sides, needs)
            groups = schedule.groups(parts)
            if groups is None:
                continue
            count = -(-n // size)
            cost = len(groups) * (count + 1) / 2 * (1 + _CHUNK_COST / chunk)
            if best is None or cost < best[0]:
                best = (cost, schedule)
    return None if best is None else best[1]
