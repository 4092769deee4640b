"""Runs of the real command that are killed, starved of disk space, or started twice."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from htmu.errors import RunLockedError
from htmu.sweeps import SweepResult, sweep

Numbers = Callable[[SweepResult], list[dict[str, Any]]]

#: 2000 cells whose saving alone takes a second or more, however fast their estimates are.
LISTS: dict[str, Any] = {
    "structure": "kronecker",
    "m": [2, 3, 4, 5, 6],
    "n": [2, 3, 4, 5, 6],
    "alpha": [1 + index / 16 for index in range(80)],
}
SETTINGS: dict[str, Any] = {"tol": 0.2, "seed": 5}
KILLS = 15


def arguments(path: Path) -> list[str]:
    given = {**LISTS, **SETTINGS}
    texts = {
        name: ",".join(map(str, value)) if isinstance(value, list) else value
        for name, value in given.items()
    }
    options = [f"--{name}={text}" for name, text in texts.items()]
    return ["sweep", *options, "--threads=2", f"--out={path}"]


@pytest.fixture(scope="module")
def uninterrupted() -> SweepResult:
    return sweep(**LISTS, **SETTINGS)


def finished_at(path: Path) -> dict[str, str]:
    return {cell.cell.key: cell.finished_at for cell in SweepResult.load(path)}


@pytest.mark.skipif(os.name != "posix", reason="needs kill -9")
def test_killed_run_loses_only_cells_in_flight(
    command: list[str], uninterrupted: SweepResult, numbers: Numbers, tmp_path: Path
) -> None:
    path = tmp_path / "run.htmu"
    moments = random.Random(1)
    saved: dict[str, str] = {}
    killed = 0
    while killed < KILLS and len(saved) < len(uninterrupted):
        with subprocess.Popen(
            [*command, *arguments(path)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stderr is not None
            # Every third kill comes at a random moment of the start, when the file is made or
            # opened; the others soon after a cell has been reported as finished.
            announced = 0
            if killed % 3:
                match = re.match(r"(\d+)/2000 cells", process.stderr.readline())
                assert match, process.stderr.read()
                announced = int(match[1])
            longest = 0.05 if killed % 3 else 0.8
            try:
                process.wait(moments.uniform(0, longest))
            except subprocess.TimeoutExpired:
                process.kill()
                assert process.wait() == -signal.SIGKILL
                killed += 1
        if not path.exists() or path.stat().st_size == 0:
            assert not saved
            continue
        now = finished_at(path)
        assert len(now) >= max(announced, len(saved))
        assert saved.items() <= now.items(), "a cell that was saved is gone or was run again"
        saved = now
    assert killed == KILLS
    assert saved

    done = subprocess.run([*command, *arguments(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result = SweepResult.load(path)
    assert numbers(result) == numbers(uninterrupted)
    assert saved.items() <= finished_at(path).items()
    assert os.listdir(tmp_path) == ["run.htmu"]


@pytest.mark.skipif(os.name != "posix", reason="needs a limit on the size of files")
@pytest.mark.parametrize("limit", [0, 3000, 40_000, 70_000])
def test_full_disk_is_one_line_and_loses_nothing(
    limit: int, command: list[str], uninterrupted: SweepResult, numbers: Numbers, tmp_path: Path
) -> None:
    import resource

    path = tmp_path / "run.htmu"
    starved = subprocess.run(
        [*command, *arguments(path), "--quiet"],
        capture_output=True,
        text=True,
        check=False,
        # No file may grow beyond the limit: writing fails as on a full disk.
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert starved.returncode == 1
    assert starved.stdout == ""
    (line,) = starved.stderr.splitlines()
    assert line.startswith("htmu: error: ")
    assert str(path) in line
    if limit <= 3000:
        assert os.listdir(tmp_path) == [], "something half-written is left"
        return
    saved = finished_at(path)
    assert 0 < len(saved) < len(uninterrupted)
    result = sweep(**LISTS, **SETTINGS, out=path)
    assert numbers(result) == numbers(uninterrupted)
    assert saved.items() <= finished_at(path).items()


@pytest.mark.skipif(os.name != "posix", reason="needs kill -9")
def test_two_processes_on_one_run(command: list[str], tmp_path: Path) -> None:
    path = tmp_path / "run.htmu"
    # The cell m = 1 is exact and done at once; m = 2 would take minutes.
    lists = ["--m=1,2", "--n=3", "--alpha=1", "--tol=1e-7", "--threads=2", f"--out={path}"]
    with subprocess.Popen(
        [*command, "sweep", *lists], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as first:
        assert first.stderr is not None
        assert first.stderr.readline().startswith("1/2 cells")
        second = subprocess.run(
            [*command, "sweep", *lists], capture_output=True, text=True, check=False, timeout=60
        )
        assert second.returncode == 1
        (line,) = second.stderr.splitlines()
        assert f"is being written by process {first.pid}" in line
        with pytest.raises(RunLockedError):
            sweep(m=[1, 2], n=3, alpha=1, tol=1e-7, out=path)
        assert [cell.m for cell in SweepResult.load(path)] == [1]
        first.kill()
        first.wait()
    # The lock died with its holder, though its file is there.
    assert (tmp_path / "run.htmu.lock").exists()
    third = subprocess.run(
        [*command, "sweep", "--m=1,2", "--n=3", "--alpha=1", "--tol=0.1", f"--out={path}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert third.returncode == 2
    assert "tol was 1e-07, now 0.1" in third.stderr
