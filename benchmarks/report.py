"""Run the benchmarks and write their table into README.md beside this file.

python benchmarks/report.py                 every benchmark
python benchmarks/report.py linalg random   only these
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
README = HERE / "README.md"
BEGIN, END = "<!-- report begins -->", "<!-- report ends -->"


def processor() -> str:
    """Model of the processor."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def machine() -> str:
    """One line on the machine and the versions."""
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}"
        for name in ("htmu", "numpy", "scipy", "pytest-benchmark")
    )
    return (
        f"{processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}; "
        f"Python {platform.python_version()}, {versions}"
    )


def run_benchmarks(names: list[str]) -> list[dict[str, Any]]:
    """Results of the benchmark files, in the order of their names."""
    files = [HERE / f"bench_{name}.py" for name in names] or sorted(HERE.glob("bench_*.py"))
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "results.json"
        command = [sys.executable, "-m", "pytest", *map(str, files), f"--benchmark-json={output}"]
        subprocess.run([*command, "--benchmark-quiet"], check=True, cwd=HERE.parent)
        results: list[dict[str, Any]] = json.loads(output.read_text())["benchmarks"]
    return results


def table(results: list[dict[str, Any]]) -> str:
    """Markdown table of the results."""
    lines = [
        "| workload | ours | rate | baseline | ratio | goal | more |",
        "|---|---:|---:|---:|---:|---:|---|",
    ]
    for result in results:
        info = dict(result["extra_info"])
        name = result["name"].removeprefix("test_")
        seconds, baseline = info.pop("seconds"), info.pop("baseline_seconds")
        rate = f"{_si(info.pop('rate')).rstrip()} {info.pop('unit')}/s" if "rate" in info else ""
        info.pop("work", None)
        ratio, goal = info.pop("ratio", None), info.pop("goal", None)
        limit = info.pop("goal_seconds", None)
        goal_text = f"{goal:,g}" if goal else f"< {limit} s" if limit else ""
        cells = [
            name,
            f"{_si(seconds)}s",
            rate,
            f"{_si(baseline)}s" if baseline else "",
            f"{ratio:,.3g}" if ratio and ratio < 1000 else f"{ratio:,.0f}" if ratio else "",
            goal_text,
            ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in info.items()),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _si(value: float) -> str:
    """Three digits and an SI prefix, before the unit."""
    if 1 <= value < 1e4:
        return f"{value:,.0f} " if value >= 1000 else f"{value:.3g} "
    for scale, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1e-3, "m"), (1e-6, "µ")):
        if value >= scale:
            return f"{value / scale:.3g} {prefix}"
    return f"{value / 1e-9:.3g} n"


def write(text: str) -> None:
    """Put the report between its marks in README.md, or print it where there are none."""
    page = README.read_text() if README.exists() else ""
    if BEGIN in page and END in page:
        head, _, rest = page.partition(BEGIN)
        README.write_text(f"{head}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}")
        print(f"written into {README}")
    else:
        print(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="e.g. linalg; all by default")
    names = parser.parse_args().names
    results = run_benchmarks(names)
    text = f"{machine()}.\n\n{table(results)}"
    if names:
        print(text)
    else:
        write(text)


if __name__ == "__main__":
    main()
