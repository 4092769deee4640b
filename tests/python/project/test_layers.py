"""A layer uses only lower layers, in Python and in C++; the check itself finds planted faults.

The two tables below are the architecture.  A new area is one new entry here; until it has
one, every file in its folder is reported.  Areas on one line are siblings: neither may use
the other.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

#: Python areas (a module or a package of ``htmu``), lowest first.
PYTHON_LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"_core"}),
    frozenset({"errors"}),
    frozenset({"arguments", "files"}),
    frozenset({"random", "linalg", "special"}),
    frozenset({"ensembles"}),
    frozenset({"structures"}),
    frozenset({"kappa", "fits", "networks", "ntk"}),
    frozenset({"sweeps"}),
    frozenset({"symbolic"}),
    frozenset({"plotting"}),
    frozenset({"reproduction"}),
    frozenset({"cli"}),
)

#: C++ areas (a folder of cpp/include/htmu, cpp/src and tests/cpp), lowest first.
CPP_LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"common"}),
    frozenset({"random"}),
    frozenset({"special"}),
    frozenset({"linalg"}),
    frozenset({"ensembles"}),
    frozenset({"structures"}),
    frozenset({"kappa"}),
)

#: What the core (cpp/include, cpp/src) must never include.
FOREIGN_TO_CORE = re.compile(r"^(pybind11/|numpy/|Python\.h$|structmember\.h$)")

#: Bindings that belong to no area: they register all of them.
BINDING_ROOTS = frozenset({"module", "errors"})

_INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
_CPP_SUFFIXES = frozenset({".h", ".hpp", ".cpp", ".cc", ".inc", ".ipp"})


def levels(layers: Sequence[frozenset[str]]) -> dict[str, int]:
    """Area name -> its level; a higher level may use a lower one."""
    return {area: level for level, areas in enumerate(layers) for area in areas}


def python_violations(package: Path) -> list[str]:
    """Imports in ``package`` (the folder of htmu) that point sideways or upwards."""
    level = levels(PYTHON_LAYERS)
    found: list[str] = []
    for file in sorted(package.rglob("*.py")):
        relative = file.relative_to(package)
        area = relative.parts[0].removesuffix(".py")
        if area in ("__init__", "__main__") and len(relative.parts) == 1:
            continue  # the package's front door re-exports every layer
        if area not in level:
            found.append(f"{relative}: area {area!r} is in no layer; add it to PYTHON_LAYERS")
            continue
        for line, target in _python_targets(file, relative):
            if target == area:
                continue
            if target not in level:
                found.append(f"{relative}:{line}: imports {target!r}, which is in no layer")
            elif level[target] >= level[area]:
                found.append(f"{relative}:{line}: {area!r} imports {target!r}, not a lower layer")
    return found


def _python_targets(file: Path, relative: Path) -> Iterator[tuple[int, str]]:
    """(line, area) for every import of htmu in a file, at any depth and in any block."""
    folder = ("htmu", *relative.parts[:-1])
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"), filename=str(file))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            # Level 1 is this folder, level 2 its parent, and so on.
            kept = len(folder) - node.level + 1 if node.level else 0
            base = ".".join((*folder[:kept], *((node.module,) if node.module else ())))
            # `from htmu import kappa` names the area in the alias, not in the module.
            names = [f"{base}.{alias.name}" for alias in node.names] if base == "htmu" else [base]
        else:
            continue
        for name in names:
            parts = name.split(".")
            if parts[0] == "htmu":
                # A bare `import htmu` inside the package reaches every layer.
                yield node.lineno, parts[1] if len(parts) > 1 else "htmu"


def cpp_violations(root: Path) -> list[str]:
    """Includes under ``root`` (the repository) that point upwards, or out of the core."""
    level = levels(CPP_LAYERS)
    found: list[str] = []
    for file, area, is_core in _cpp_files(root):
        relative = file.relative_to(root)
        if area not in level:
            found.append(f"{relative}: area {area!r} is in no layer; add it to CPP_LAYERS")
            continue
        text = file.read_text(encoding="utf-8")
        for match in _INCLUDE.finditer(text):
            line = text.count("\n", 0, match.start(2)) + 1
            included = match.group(2)
            if is_core and FOREIGN_TO_CORE.match(included):
                found.append(f"{relative}:{line}: the core includes {included!r}")
            target = _cpp_target(included)
            if target is None:
                if is_core and match.group(1) == '"' and ".." in Path(included).parts:
                    found.append(f"{relative}:{line}: include {included!r} by its full path")
                continue
            if target not in level:
                found.append(f"{relative}:{line}: includes {included!r}, which is in no layer")
            elif target != area and level[target] >= level[area]:
                found.append(
                    f"{relative}:{line}: {area!r} includes {included!r}, not a lower layer"
                )
    return found


def _cpp_files(root: Path) -> Iterator[tuple[Path, str, bool]]:
    """(file, area, whether it belongs to the core) for every C++ file that has an area."""
    for base, is_core in (("cpp/include/htmu", True), ("cpp/src", True), ("tests/cpp", False)):
        for file in sorted((root / base).rglob("*")):
            parts = file.relative_to(root / base).parts
            if file.suffix in _CPP_SUFFIXES and len(parts) > 1:
                yield file, parts[0], is_core
    for file in sorted((root / "cpp/bindings").glob("*.cpp")):
        if file.stem not in BINDING_ROOTS:
            yield file, file.stem, False


def _cpp_target(included: str) -> str | None:
    """The area of an included header of the core, or None for any other header."""
    parts = included.split("/")
    return parts[1] if len(parts) > 2 and parts[0] == "htmu" else None


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def test_python_imports_point_down(repository: Path) -> None:
    package = repository / "python" / "htmu"
    assert list(package.rglob("*.py")), "no Python sources found: the check would be empty"
    assert python_violations(package) == []


def test_cpp_includes_point_down(repository: Path) -> None:
    assert list((repository / "cpp/src").rglob("*.cpp")), "no C++ sources found"
    assert cpp_violations(repository) == []


def test_each_area_has_one_level() -> None:
    for layers in (PYTHON_LAYERS, CPP_LAYERS):
        assert len(levels(layers)) == sum(len(areas) for areas in layers)


@pytest.mark.parametrize(
    ("file", "text", "fault"),
    [
        ("random.py", "import htmu.kappa\n", "random.py:1: 'random' imports 'kappa'"),
        ("random.py", "from htmu import linalg\n", "'random' imports 'linalg'"),  # a sibling
        ("random.py", "from . import linalg\n", "'random' imports 'linalg'"),
        ("random.py", "from .sweeps import grid\n", "'random' imports 'sweeps'"),
        ("kappa/solve.py", "from ..cli import main\n", "'kappa' imports 'cli'"),
        ("kappa/solve.py", "from .. import sweeps\n", "'kappa' imports 'sweeps'"),
        ("kappa/solve.py", "def f():\n    import htmu.cli.app\n", "solve.py:2: 'kappa' imports"),
        (
            "errors.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from htmu.kappa import x\n",
            "errors.py:3: 'errors' imports 'kappa'",
        ),
        ("kappa/solve.py", "import htmu\n", "imports 'htmu', which is in no layer"),
        ("utils.py", "import os\n", "area 'utils' is in no layer"),
    ],
)
def test_planted_python_faults_are_found(tmp_path: Path, file: str, text: str, fault: str) -> None:
    faults = python_violations(write(tmp_path, {file: text}))
    assert len(faults) == 1
    assert fault in faults[0]


def test_allowed_python_imports_pass(tmp_path: Path) -> None:
    files = {
        "__init__.py": "from htmu.kappa import estimate_kappa\nfrom htmu import cli\n",
        "kappa/__init__.py": "from htmu.kappa.solve import x\nfrom .solve import y\n",
        "kappa/solve.py": "import numpy\nfrom .. import _core\nfrom htmu._core import kappa\n",
        "cli/main.py": "from htmu.sweeps.grid import a\nimport htmu.plotting\n",
    }
    assert python_violations(write(tmp_path, files)) == []


@pytest.mark.parametrize(
    ("file", "text", "fault"),
    [
        (
            "cpp/include/htmu/common/span.h",
            '#pragma once\n#include "htmu/kappa/solve.h"\n',
            "span.h:2: 'common' includes 'htmu/kappa/solve.h'",
        ),
        ("cpp/src/random/a.cpp", "#include <htmu/special/b.h>\n", "'random' includes"),
        ("cpp/src/random/a.cpp", "# include <pybind11/numpy.h>\n", "the core includes 'pybind11"),
        ("cpp/include/htmu/random/a.h", "#include <Python.h>\n", "the core includes 'Python.h'"),
        ("cpp/src/random/a.cpp", "#include <numpy/arrayobject.h>\n", "the core includes 'numpy"),
        ("cpp/src/random/a.cpp", '#include "../kappa/a.h"\n', "by its full path"),
        ("cpp/src/tools/a.cpp", "\n", "area 'tools' is in no layer"),
        ("cpp/src/random/a.cpp", '#include "htmu/tools/a.h"\n', "which is in no layer"),
        ("cpp/bindings/linalg.cpp", '#include "htmu/kappa/a.h"\n', "'linalg' includes"),
        ("tests/cpp/linalg/test_a.cpp", '#include "htmu/kappa/a.h"\n', "'linalg' includes"),
    ],
)
def test_planted_cpp_faults_are_found(tmp_path: Path, file: str, text: str, fault: str) -> None:
    faults = cpp_violations(write(tmp_path, {file: text}))
    assert len(faults) == 1
    assert fault in faults[0]


def test_allowed_cpp_includes_pass(tmp_path: Path) -> None:
    files = {
        "cpp/include/htmu/linalg/a.h": '#include "htmu/common/span.h"\n#include <vector>\n',
        "cpp/src/linalg/a.cpp": '#include "htmu/linalg/a.h"\n#include "local.h"\n',
        "cpp/bindings/linalg.cpp": '#include <pybind11/numpy.h>\n#include "htmu/linalg/a.h"\n',
        "cpp/bindings/module.cpp": '#include "htmu/kappa/a.h"\n',
        "cpp/bindings/arrays.hpp": "#include <pybind11/numpy.h>\n",
        "tests/cpp/kappa/test_a.cpp": "#include <doctest/doctest.h>\n#include <htmu/random/a.h>\n",
    }
    assert cpp_violations(write(tmp_path, files)) == []
