"""One writer per run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from htmu.errors import RunFileError, RunLockedError
from htmu.files.lock import RunLock

HOLDER = """
import sys, time
from htmu.files.lock import RunLock
with RunLock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_second_lock_in_this_process_is_refused(tmp_path: Path) -> None:
    run = str(tmp_path / "run.htmu")
    with RunLock(run), pytest.raises(RunLockedError, match="another run of this process"):
        RunLock(run)
    assert os.listdir(tmp_path) == []


def test_lock_is_free_after_release_and_release_may_be_repeated(tmp_path: Path) -> None:
    run = str(tmp_path / "run.htmu")
    lock = RunLock(run)
    lock.release()
    with RunLock(run):
        lock.release()
        with pytest.raises(RunLockedError):
            RunLock(run)


def test_lock_of_another_process_names_it_and_dies_with_it(tmp_path: Path) -> None:
    run = str(tmp_path / "run.htmu")
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, run],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(RunLockedError, match=f"process {holder.pid}"):
            RunLock(run)
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    assert os.listdir(tmp_path) == ["run.htmu.lock"]
    with RunLock(run):
        pass
    assert os.listdir(tmp_path) == []


def test_place_that_cannot_be_written_is_a_run_file_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFileError, match="Not a directory"):
        RunLock(str(tmp_path / "file" / "run.htmu"))
