"""A reproduction that is killed in its training and run again gives the same rows."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the extra networks is not installed")

from htmu.reproduction import KernelScale, reproduce_figure1  # noqa: E402

SCALE = KernelScale("digits", 64, 3, 60, networks=("lenet",))

CHILD = """
import sys, torch
from htmu.reproduction import KernelScale, reproduce_figure1
torch.set_num_threads(1)
reproduce_figure1(sys.argv[1], KernelScale("digits", 64, 3, 60, networks=("lenet",)), device="cpu")
"""


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_killed_and_run_again(tmp_path: Path) -> None:
    killed, training = tmp_path / "killed", tmp_path / "killed" / "lenet"
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(killed)])
    try:
        deadline = time.monotonic() + 60
        while not list(training.glob("checkpoint-00000[3-9]")):
            assert child.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.005)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert not (killed / "lenet-trained.npy").exists()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        again = reproduce_figure1(killed, SCALE, device="cpu")
        whole = reproduce_figure1(tmp_path / "whole", SCALE, device="cpu")
    finally:
        torch.set_num_threads(threads)
    assert repr(again.rows) == repr(whole.rows)
    assert len(again.rows) == 2
