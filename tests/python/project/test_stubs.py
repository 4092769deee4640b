"""The committed stubs of ``htmu._core`` are those that the built extension gives."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

REFRESH = "run: python cpp/bindings/generate_stubs.py python/htmu/_core"


def texts(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for path in folder.rglob("*.pyi")
    }


def test_stubs_are_fresh(repository: Path, tmp_path: Path) -> None:
    pytest.importorskip("pybind11_stubgen")
    script = repository / "cpp/bindings/generate_stubs.py"
    command = [sys.executable, str(script), str(tmp_path / "stubs")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    fresh, committed = texts(tmp_path / "stubs"), texts(repository / "python/htmu/_core")
    assert sorted(committed) == sorted(fresh), REFRESH
    for name, text in fresh.items():
        assert committed[name] == text, f"{name} is stale; {REFRESH}"


def test_the_generator_refuses_wrong_arguments(repository: Path, tmp_path: Path) -> None:
    script = repository / "cpp/bindings/generate_stubs.py"
    for arguments in ([], ["--help"], ["a", "b"]):
        command = [sys.executable, str(script), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
        assert done.returncode == 2
        assert "usage:" in done.stderr
        assert list(tmp_path.iterdir()) == []
