"""Every mistake is one line on the error stream and an exit code; never a traceback."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from htmu.errors import HtmuError

MISTAKES: list[tuple[str, int, str]] = [
    # The parser's own errors.
    ("kapa", 2, "kapa"),
    ("--bogus", 2, "--bogus"),
    ("kappa --bogus", 2, "--bogus"),
    ("kappa -m", 2, "-m"),
    ("kappa 3", 2, "3"),
    ("kappa -m ten", 2, "expected an integer, got 'ten'"),
    ("kappa -m 1.5 -n 3", 2, "got '1.5'"),
    ("kappa -m 3 -n 3 --tol small", 2, "expected a number, got 'small'"),
    ("results show", 2, "RUN"),
    ("results export run.htmu", 2, "FILE"),
    ("results nothing", 2, "nothing"),
    ("results plot a b --dpi many", 2, "got 'many'"),
    # Values.
    ("kappa", 2, "block-diagonal structures need m; give --m"),
    ("kappa -m 3", 2, "need n"),
    ("kappa -m -3 -n 3", 2, "-3"),
    ("kappa -m 3 -n 0", 2, "got 0"),
    ("kappa -m 1 -n 1", 2, "N = 1"),
    ("kappa -m 10 -n 1000000000", 2, "1000000000"),
    ("kappa -m 3 -n 3 --alpha -1", 2, "alpha"),
    ("kappa -m 3 -n 3 --alpha nan", 2, "nan"),
    ("kappa -m 3 -n 3 --tol 0", 2, "tol"),
    ("kappa -m 3 -n 3 --tol inf", 2, "inf"),
    ("kappa -m 3 -n 3 --confidence 1", 2, "confidence"),
    ("kappa -m 3 -n 3 --method guess", 2, "'guess'"),
    ("kappa -m 3 -n 3 --reference guess", 2, "'guess'"),
    ("kappa -m 3 -n 3 --seed -1", 2, "-1"),
    ("kappa -m 3 -n 3 --threads 0", 2, "got 0"),
    ("kappa -m 3 -n 3 --max-samples 0", 2, "got 0"),
    ("kappa -m 3 -n 3 --block-beta 0", 2, "got 0"),
    ("sweep --m 3 --n 3 --alpha 1 --block-beta 3", 2, "got 3"),
    ("kappa --structure triangular -n 3", 2, "'triangular'"),
    ("kappa --structure full -n 3 -m 3", 2, "full structures have no m, got --m 3"),
    ("kappa --structure diagonal -n 3 --block-beta 2", 2, "have no block_beta"),
    ("kappa --structure kronecker --dims 3,x", 2, "got '3,x'"),
    ("kappa --structure kronecker --dims 3,3 -m 3", 2, "got it with m"),
    ("kappa --dims 3,3", 2, "got it with block-diagonal"),
    ("sweep", 2, "no grid given"),
    ("sweep --preset fast", 2, "'fast'"),
    ("sweep --preset quick --m 3", 2, "got m too"),
    ("sweep --m 3 --n 3", 2, "needs alpha"),
    ("sweep --m 3,,4 --n 3 --alpha 1", 2, "got '3,,4'"),
    ("sweep --m 3.5 --n 3 --alpha 1", 2, "list of integers such as 3,10,30, got '3.5'"),
    ("sweep --m 3 --n 3 --alpha one", 2, "list of numbers such as 0.5,1,2, got 'one'"),
    ("sweep --m 3 --n 3 --alpha=", 2, "got ''"),
    ("sweep --m 3 --n 3 --alpha -2", 2, "-2"),
    ("sweep --m 1 --n 1 --alpha 1", 2, "1 x 1"),
    ("sweep --structure full --m 3 --n 3 --alpha 1", 2, "full structures have no m"),
    ("sweep --m 3 --n 3 --alpha 1 --tol -1", 2, "tol"),
    ("sweep --m 3 --n 3 --alpha 1 --threads none", 2, "got 'none'"),
    ("sweep --m 3 --n 3 --alpha 1 --max-samples 1", 2, "max_samples"),
    ("sweep --m 3 --n 3 --alpha 1 --reference best", 2, "'best'"),
    ("sweep --m 3 --n 3 --alpha 1 --plot a.doc", 2, "'a.doc'"),
    # Files.
    ("sweep --m 3 --n 3 --alpha 1 --out none/run.htmu", 1, "there is no folder none"),
    ("sweep --m 3 --n 3 --alpha 1 --out .", 1, "'.'"),
    ("sweep --m 3 --n 3 --alpha 1 --out=", 1, "an empty name"),
    ("sweep --m 3 --n 3 --alpha 1 --out text.txt", 1, "text.txt is not an htmu run"),
    ("sweep --m 3 --n 3 --alpha 1 --out text.txt/run.htmu", 1, "there is no folder text.txt"),
    ("sweep --m 3 --n 3 --alpha 1 --csv none/a.csv", 1, "there is no folder none"),
    ("sweep --m 3 --n 3 --alpha 1 --plot none/a.png", 1, "there is no folder none"),
    ("sweep --resume", 1, "there is no run at sweep.htmu"),
    ("sweep --resume --out none.htmu", 1, "there is no run at none.htmu"),
    ("results show none.htmu", 1, "there is no run at none.htmu"),
    ("results show text.txt", 1, "text.txt is not an htmu run"),
    ("results show .", 1, "'.'"),
    ("results export text.txt a.csv", 1, "text.txt is not an htmu run"),
    ("results plot none.htmu a.png", 1, "none.htmu"),
]


def check_one_line(err: str, message: str) -> None:
    (line,) = err.splitlines()
    assert line.startswith("htmu: error: ")
    assert message in line
    assert len(line) < 300


@pytest.mark.parametrize(("line", "code", "message"), MISTAKES, ids=[m[0] for m in MISTAKES])
def test_mistake_is_one_line(
    line: str, code: int, message: str, run: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "text.txt").write_text("no run\n" * 99)
    outcome = run(*line.split())
    assert outcome.code == code
    assert outcome.out == ""
    check_one_line(outcome.err, message)
    assert os.listdir(tmp_path) == ["text.txt"], "something was written"


def test_parse_errors_point_to_the_help(run: Callable[..., Any]) -> None:
    assert run("kappa", "--bogus").err.rstrip().endswith("; see htmu kappa --help")
    assert run("results", "show").err.rstrip().endswith("; see htmu results show --help")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (HtmuError("first line\nsecond line"), 1),
        (MemoryError("2 TiB"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_errors_of_the_library(
    error: BaseException, code: int, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("htmu.cli.kappa.estimate_kappa", fail)
    outcome = run("kappa", "-m", "3", "-n", "3")
    assert outcome.code == code
    assert len(outcome.err.splitlines()) == 1
    assert outcome.err.startswith("htmu: ")


def test_a_bug_keeps_its_traceback(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("htmu.cli.kappa.estimate_kappa", fail)
    with pytest.raises(ZeroDivisionError):
        run("kappa", "-m", "3", "-n", "3")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
def test_full_output_is_one_line(command: list[str]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*command, "info"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    check_one_line(done.stderr, "No space left on device")


@pytest.mark.skipif(os.name != "posix", reason="needs a pipe that breaks")
def test_reader_that_goes_away_is_silent(command: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as broken:
        done = subprocess.run(
            [*command, "info", "--json"],
            stdout=broken,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (141, "")


def test_terminal_that_cannot_show_a_character(command: list[str]) -> None:
    done = subprocess.run(
        [*command, "kappa", "-m", "3", "-n", "3", "--tol", "0.1"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        check=False,
    )
    assert done.returncode == 0
    assert b" ? " in done.stdout
