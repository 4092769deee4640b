"""The real command on a terminal and under Ctrl-C."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from htmu.sweeps import SweepResult

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs signals and pseudo-terminals")

#: A cell that is exact and done at once, and one that would take minutes.
LONG = ["--m=1,2", "--n=3", "--alpha=1", "--tol=1e-7", "--threads=2"]

#: Seconds in which a command must have ended after Ctrl-C; a busy machine gets a second more.
PROMPT = 2.0


def heed_interrupts() -> None:
    """A test run in the background of a shell would hand on that interrupts are ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def interrupt(process: subprocess.Popen[str]) -> float:
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.wait(30)
    return time.monotonic() - began


def test_interrupted_sweep_says_what_is_saved_and_how_to_go_on(
    command: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "a run.htmu"
    with subprocess.Popen(
        [*command, "sweep", *LONG, f"--out={path}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_interrupts,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stderr.readline().startswith("1/2 cells")
        assert interrupt(process) < PROMPT
        out, err = process.stdout.read(), process.stderr.read()
    assert process.returncode == 130
    assert out == ""
    assert err == (
        f"htmu: interrupted; 1 of 2 cells are saved in {path}; "
        f"go on with: htmu sweep --out '{path}'\n"
    )
    assert [cell.m for cell in SweepResult.load(path)] == [1]
    assert os.listdir(tmp_path) == ["a run.htmu"]


class Terminal:
    """A command on a pseudo-terminal of 100 columns."""

    def __init__(self, arguments: list[str], cwd: Path) -> None:
        import pty

        self._master, slave = pty.openpty()
        self.process = subprocess.Popen(
            arguments,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=cwd,
            text=True,
            env={**os.environ, "COLUMNS": "100", "LINES": "30", "TERM": "xterm"},
            preexec_fn=heed_interrupts,
        )
        os.close(slave)
        self.screen = ""

    def read_until(self, pattern: str) -> str:
        """Wait until the text matches; fail if the command ends before."""
        while not re.search(pattern, self.text):
            if not self._read():
                pytest.fail(f"ended without {pattern!r}: {self.text}")
        return self.text

    def read_all(self) -> str:
        """Text up to the command's end."""
        while self._read():
            pass
        self.process.wait()
        return self.text

    @property
    def text(self) -> str:
        """What was written, without the terminal's control sequences."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.screen).replace("\r\n", "\n")

    def _read(self) -> bool:
        try:
            block = os.read(self._master, 65536)
        except OSError:  # the other end is closed
            return False
        self.screen += block.decode(errors="replace")
        return bool(block)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)


Start = Callable[..., Terminal]


@pytest.fixture
def terminal(command: list[str], tmp_path: Path) -> Iterator[Start]:
    opened: list[Terminal] = []

    def start(*arguments: str) -> Terminal:
        opened.append(Terminal([*command, *arguments], tmp_path))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


def test_live_progress_and_table_on_a_terminal(terminal: Start) -> None:
    screen = terminal("sweep", "--m=2,3", "--n=2,4", "--alpha=1,2", "--tol=0.05")
    text = screen.read_all()
    assert screen.process.returncode == 0
    assert "\x1b[" in screen.screen
    assert re.search(r"━+ 8/8 cells, \S+ cells/s", text)
    assert re.search(r"m=\d n=\d alpha=\d: kappa = \d\.\d+ ± 0\.0\d+ in ", text)
    # The live part is wiped before the table, which is all that stays.
    assert screen.screen.rindex("\x1b[2K") < screen.screen.index("half-width 0.05")
    assert text.rstrip().endswith("saved in sweep.htmu")


def test_interrupted_estimate_on_a_terminal(terminal: Start) -> None:
    screen = terminal("kappa", "--m=2", "--n=3", "--tol=1e-7")
    screen.read_until(r"\d+ %  kappa = ")
    assert interrupt(screen.process) < PROMPT
    assert screen.process.returncode == 130
    assert screen.read_all().rstrip().endswith("htmu: interrupted")
    assert "Traceback" not in screen.text
