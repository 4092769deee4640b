"""The examples in README.md, docs/ and the docstrings do what they say.

In a Markdown file, a ``python`` block is run (as a doctest where it has ``>>>``) and a
``console`` block is a shell session: each line after ``$`` is run and what it prints is compared.
The blocks of one file share their names and their folder, in order.  ``sh`` and ``text``
blocks are for the reader only.  A page marked ``<!-- needs: networks -->``, and a module of an
area that needs this extra, is skipped where Torch is not installed.
"""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import os
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import htmu
from htmu.errors import MissingExtraError

ROOT = Path(__file__).resolve().parents[3]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted(ROOT.glob("*/README.md")),
]
MODULES = ["htmu", *(m.name for m in pkgutil.walk_packages(htmu.__path__, "htmu."))]
NEEDS_NETWORKS = "<!-- needs: networks -->"
AREAS_OF_NETWORKS = ("htmu.networks", "htmu.ntk", "htmu.reproduction")

_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)")
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[-+]\d+)?(?![\w.]*\w)")
_DURATION = re.compile(r"^ ?(?:s|ms|us|min)\b")


class Block(NamedTuple):
    language: str
    text: str
    line: int


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for match in _FENCE.finditer(text):
        yield Block(match.group(1), match.group(2), text.count("\n", 0, match.start(2)) + 1)


def agrees(expected: str, got: str) -> bool:
    """Whether output agrees: ``...`` matches anything, and so does a time with a unit.

    A number with a point may differ by one in its last printed digit, as the C library's last bit
    may differ from one machine to the next; all else must be equal.
    """
    expected, got = _tidy(expected), _tidy(got)
    pattern, numbers, end = "", [], 0
    for match in [*_NUMBER.finditer(expected), None]:
        literal = expected[end : match.start() if match else None]
        pattern += ".*?".join(re.escape(part) for part in literal.split("..."))
        if match:
            end = match.end()
            timed = _DURATION.match(expected[end:]) is not None
            numbers.append(None if timed else match.group())
            pattern += r"(-?[\d.]+(?:e[-+]\d+)?)"
    found = re.fullmatch(pattern, got, re.DOTALL)
    return found is not None and all(
        _close(a, b) for a, b in zip(numbers, found.groups(), strict=True)
    )


def _tidy(text: str) -> str:
    return "\n".join(" ".join(line.split()) for line in text.strip().splitlines())


def _close(expected: str | None, got: str) -> bool:
    if expected is None or expected == got:
        return True
    if "." not in expected:
        return False
    mantissa, _, exponent = expected.partition("e")
    unit = 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))
    return abs(float(expected) - float(got)) < 1.5 * unit


class _Checker(doctest.OutputChecker):
    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        return agrees(want, got)


def run_doctest(test: doctest.DocTest) -> list[str]:
    report: list[str] = []
    runner = doctest.DocTestRunner(checker=_Checker(), verbose=False)
    runner.run(test, out=report.append, clear_globs=False)
    return report


def run_console(block: Block, folder: Path) -> list[str]:
    report: list[str] = []
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "100",
        "NO_COLOR": "1",
        "TERM": "dumb",
    }
    # A session is "$ command" and what it prints, up to the next "$ ".
    for step in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, expected = step.partition("\n")
        while command.endswith("\\"):
            following, _, expected = expected.partition("\n")
            command += "\n" + following
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode or not agrees(expected, done.stdout):
            outcome = f"(exit {done.returncode}) printed:\n{done.stdout}"
            report.append(f"$ {command}\n{outcome}\nexpected:\n{expected}")
    return report


def require_torch() -> None:
    if importlib.util.find_spec("torch") is None:
        pytest.skip("the extra networks is not installed")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_page(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if NEEDS_NETWORKS in page.read_text(encoding="utf-8"):
        require_torch()
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__main__"}
    parser = doctest.DocTestParser()
    report: list[str] = []
    for block in blocks(page):
        if block.language == "python" and ">>>" in block.text:
            test = parser.get_doctest(block.text, names, page.name, str(page), block.line - 1)
            test.globs = names  # shared with the blocks that follow, not a copy
            report += run_doctest(test)
        elif block.language == "python":
            # Padded so that a traceback names the page's own line.
            exec(compile("\n" * (block.line - 1) + block.text, str(page), "exec"), names)
        elif block.language == "console":
            report += run_console(block, tmp_path)
    assert not report, "\n".join(report)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_somewhere(page: Path) -> None:
    targets = _LINK.findall(page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if name.startswith(AREAS_OF_NETWORKS):
        require_torch()
    monkeypatch.chdir(tmp_path)
    try:
        module = importlib.import_module(name)
    except MissingExtraError as error:
        pytest.skip(str(error))
    report: list[str] = []
    for test in doctest.DocTestFinder().find(module):
        report += run_doctest(test)
    assert not report, "\n".join(report)


def installed(name: str) -> bool:
    """Whether the extra of a public name is there."""
    try:
        return hasattr(htmu, name)
    except MissingExtraError:
        return False


def test_each_public_name_has_an_example() -> None:
    public = {f"htmu.{name}": getattr(htmu, name) for name in htmu.__all__ if installed(name)}
    for area in (htmu.random, htmu.structures):
        public |= {f"{area.__name__}.{name}": getattr(area, name) for name in area.__all__}
    callables = {name: value for name, value in public.items() if callable(value)}
    missing = {name for name, value in callables.items() if ">>> " not in (value.__doc__ or "")}
    # Made by htmu or by a subclass: the examples of what makes them show them.
    assert missing <= {"htmu.KappaEstimate", "htmu.SpectrumFit", "htmu.structures.Structure"}


@pytest.mark.parametrize(
    ("expected", "got", "same"),
    [
        ("kappa 2.065 +- 0.001", "kappa 2.066 +- 0.001\n", True),
        ("kappa 2.065", "kappa 2.075", False),
        ("n = 100", "n = 101", False),
        ("took 1.2 s", "took 14.9 s", True),
        ("a\n...\nz", "a\nb\nc\nz", True),
        ("a ... z", "a z", False),
        ("[1.5e-03, 2]", "[1.6e-03, 2]", True),
        ("[1.5e-03, 2]", "[1.8e-03, 2]", False),
        ("x1 (v2.0a)", "x1 (v2.0a)", True),
        ("text", "other", False),
    ],
)
def test_the_comparison_itself(expected: str, got: str, same: bool) -> None:
    assert agrees(expected, got) is same


def test_readme_commands_are_one_line_each_with_declared_extras() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.findall(r"^<!-- command: (\w+) -->\n```sh\n(.*?)^```$", readme, re.M | re.S)
    commands = dict(found)
    assert sorted(commands) == ["sweep", "tests"]
    declared = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for command in commands.values():
        assert command.count("\n") == 1
        assert command.startswith("python3 -m venv .venv && .venv/bin/pip install ")
        for extra in re.findall(r'"\.\[(\w+)\]"', command):
            assert re.search(rf"^{extra} = \[", declared, re.MULTILINE)
