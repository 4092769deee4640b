"""``htmu``, ``htmu --version``, ``htmu --help`` and ``htmu info``."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import pytest

from htmu.cli.exits import ExitCode


def test_version(run: Callable[..., Any]) -> None:
    assert run("--version") == (0, f"htmu {version('htmu')}\n", "")


@pytest.mark.parametrize(
    "line", ["", "--help", "-h", "kappa --help", "sweep -h", "results", "results show --help"]
)
def test_help_names_the_exit_codes(line: str, run: Callable[..., Any]) -> None:
    outcome = run(*line.split())
    assert (outcome.code, outcome.err) == (0, "")
    words = " ".join(outcome.out.split())
    for code in (code for code in ExitCode if code != ExitCode.BROKEN_PIPE):
        assert f" {code.value} " in words


def test_help_names_the_commands(run: Callable[..., Any]) -> None:
    words = run("--help").out.split()
    assert {"kappa", "sweep", "results", "info"} <= set(words)
    assert {"show", "export", "plot"} <= set(run("results").out.split())


def test_info_in_words_and_in_json(run: Callable[..., Any]) -> None:
    facts = json.loads(run("info", "--json").out)
    assert facts["htmu"] == version("htmu")
    assert facts["threads"] >= 1
    assert facts["packages"]["numpy"] == version("numpy")
    assert facts["lapack"]
    outcome = run("info")
    assert outcome.code == 0
    lines = outcome.out.splitlines()
    assert [line[: len(name)] for line, name in zip(lines, facts, strict=True)] == list(facts)
    assert all(feature in outcome.out for feature in facts["cpu features"])


def test_missing_package_is_named_as_such(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("htmu.cli.info._PACKAGES", ("no-such-package",))
    facts = json.loads(run("info", "--json").out)
    assert facts["packages"] == {"no-such-package": "not installed"}


def test_start_loads_neither_tables_nor_pictures() -> None:
    program = (
        "import sys\n"
        "from htmu.cli import main\n"
        "assert main(['kappa', '-m', '2', '-n', '2', '--tol', '0.5']) == 0\n"
        "heavy = {'pandas', 'pyarrow', 'xarray', 'matplotlib', 'IPython', 'torch', 'dask'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
