"""`Compare` times a baseline and ours in one run and keeps the ratio for the report."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def fastest(function: Callable[[], object], *, seconds: float = 0.5) -> float:
    """Shortest of the runs that fit into `seconds` (at least 3)."""
    best, spent, rounds = float("inf"), 0.0, 0
    while rounds < 3 or spent < seconds:
        start = time.perf_counter()
        function()
        taken = time.perf_counter() - start
        best, spent, rounds = min(best, taken), spent + taken, rounds + 1
    return best


class Compare:
    """Runs ours under pytest-benchmark beside a baseline and records what the report needs."""

    def __init__(self, benchmark: Any, lines: list[str], label: str) -> None:
        self._benchmark = benchmark
        self._lines = lines
        self._label = label

    def __call__(
        self,
        ours: Callable[[], object],
        baseline: Callable[[], object],
        *,
        work: float,
        unit: str,
        goal: float | None = None,
    ) -> None:
        """Fastest round of each; `work` units of `unit` are done by one call of either."""
        ours()
        rounds = max(5, min(1000, int(0.5 / max(fastest(ours, seconds=0.0), 1e-6))))
        before = fastest(baseline, seconds=0.25)
        self._benchmark.pedantic(ours, rounds=rounds, warmup_rounds=1)
        # The baseline runs on both sides of ours, so that a drift of the clock shows in neither.
        after = fastest(baseline, seconds=0.25)
        seconds = self._benchmark.stats.stats.min
        self.record(seconds, min(before, after), work=work, unit=unit, goal=goal)

    def record(
        self,
        seconds: float,
        baseline_seconds: float | None,
        *,
        work: float | None = None,
        unit: str = "",
        goal: float | None = None,
        **more: Any,
    ) -> None:
        """Keep figures measured elsewhere."""
        info = self._benchmark.extra_info
        info.update(seconds=seconds, baseline_seconds=baseline_seconds, goal=goal, **more)
        line = f"{self._label}: {seconds:.4g} s"
        if work is not None:
            info.update(work=work, unit=unit, rate=work / seconds)
            line += f", {work / seconds:.4g} {unit}/s"
        if baseline_seconds is not None:
            info["ratio"] = baseline_seconds / seconds
            line += f", baseline {baseline_seconds:.4g} s, ratio {info['ratio']:.4g}"
        if goal is not None:
            line += f" (goal {goal:g})"
        self._lines.append(line + "".join(f", {key} {value}" for key, value in more.items()))
