"""One source for the version: pyproject.toml.  Everything else reads it or agrees with it."""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

import htmu


def declared(repository: Path) -> str:
    text = (repository / "pyproject.toml").read_text(encoding="utf-8")
    project = text.split("[project]", 1)[1].split("\n[", 1)[0]
    match = re.search(r'^version\s*=\s*"([^"]+)"', project, re.MULTILINE)
    assert match, "pyproject.toml: [project] has no static version"
    return match.group(1)


def test_installed_version_is_the_declared_one(repository: Path) -> None:
    assert importlib.metadata.version("htmu") == declared(repository)
    assert htmu.__version__ == declared(repository)


def test_changelog_has_an_entry_for_the_version(repository: Path) -> None:
    changelog = (repository / "CHANGELOG.md").read_text(encoding="utf-8")
    heading = rf"^## \[{re.escape(declared(repository))}\] - (unreleased|\d{{4}}-\d\d-\d\d)$"
    assert re.search(heading, changelog, re.MULTILINE)


def test_no_other_file_states_the_version(repository: Path) -> None:
    version = declared(repository)
    literal = re.compile(rf"""["'v]{re.escape(version)}["']""")
    sources = [
        repository / "CMakeLists.txt",
        *(repository / "python").rglob("*.py"),
        *(repository / "cpp").rglob("*.[ch]pp"),
        *(repository / "cpp").rglob("*.h"),
    ]
    repeated = [path for path in sources if literal.search(path.read_text(encoding="utf-8"))]
    assert repeated == []
