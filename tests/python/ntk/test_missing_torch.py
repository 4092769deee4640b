"""Without the extra networks the package says what to install, and the rest does not need it."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from htmu.errors import MissingExtraError


def test_one_line_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[:2] == ["htmu", "ntk"]]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r'pip install "htmu\[networks\]"') as caught:
        importlib.import_module("htmu.ntk")
    assert "\n" not in str(caught.value)


def test_the_command_line_starts_without_torch() -> None:
    code = "import sys, htmu.cli.app; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
