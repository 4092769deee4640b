"""`Compare` times a baseline and ours in one run and keeps the ratio for the report."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def fastest(function: Callable[[], object], *, seconds: float = 0.5) -> float:
    """Shortest of the runs that fit into `seconds`: at least 3, or 1 that takes over a second."""
    best, spent, rounds = float("inf"), 0.0, 0
    while (rounds < 3 and spent < 1.0) or spent < seconds:
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
        baseline_share: float = 1.0,
        limit: tuple[str, float] | None = None,
    ) -> None:
        """Fastest round of each; `work` units of `unit` are done by one call of ours.

        The baseline does `baseline_share` of that work in a call. `limit` names what binds and
        gives the seconds below which no program could do the work on this machine.
        """
        ours()
        rounds = max(3, min(1000, int(0.5 / max(fastest(ours, seconds=0.0), 1e-6))))
        before = fastest(baseline, seconds=0.25)
        self._benchmark.pedantic(ours, rounds=rounds, warmup_rounds=1)
        # The baseline runs on both sides of ours, so that a drift of the clock shows in neither.
        after = fastest(baseline, seconds=0.25)
        seconds = self._benchmark.stats.stats.min
        more = {} if limit is None else {"limit": limit[0], "share": f"{limit[1] / seconds:.0%}"}
        best = min(before, after) / baseline_share
        self.record(seconds, best, work=work, unit=unit, goal=goal, **more)

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
