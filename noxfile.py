"""The tasks of a contributor, each in its own environment: ``nox -l`` lists them.

``nox -s tests`` is what a change needs first; ``.ci/run`` is everything, from a clean copy.
"""

from __future__ import annotations

from pathlib import Path

import nox

nox.options.sessions = ["lint", "typecheck", "tests"]
nox.options.reuse_existing_virtualenvs = True

PYTHONS = ["3.10", "3.11", "3.12", "3.13"]


def _build_and_test(session: nox.Session, *presets: str) -> None:
    """Configure, build and run the C++ unit tests for each preset of CMakePresets.json."""
    session.install("cmake", "ninja")
    for preset in presets:
        session.run("cmake", "--preset", preset, "-G", "Ninja")
        session.run("cmake", "--build", "--preset", preset)
        session.run("ctest", "--preset", preset, "--no-tests=error")


@nox.session
def tests(session: nox.Session) -> None:
    """Run the Python tests with this interpreter; arguments go to pytest (e.g. ``-- -m slow``)."""
    session.install(".[test]")
    session.run("pytest", *session.posargs)


@nox.session(python=PYTHONS)
def pythons(session: nox.Session) -> None:
    """Run the Python tests with every supported Python that is installed."""
    session.install(".[test]")
    session.run("pytest", *session.posargs)


@nox.session
def cpp(session: nox.Session) -> None:
    """Run the C++ unit tests (preset release; needs doctest's headers)."""
    _build_and_test(session, "release")


@nox.session
def sanitize(session: nox.Session) -> None:
    """Run the C++ unit tests under the address, undefined-behaviour and thread sanitizers."""
    _build_and_test(session, "asan", "tsan")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style: ruff for Python, clang-format for C++.  ``-- --fix`` rewrites the files."""
    dev = nox.project.load_toml("pyproject.toml")["project"]["optional-dependencies"]["dev"]
    session.install(*(tool for tool in dev if tool.startswith(("ruff", "clang-format"))))
    fix = "--fix" in session.posargs
    session.run("ruff", "check", *(["--fix"] if fix else []), ".")
    session.run("ruff", "format", *([] if fix else ["--check"]), ".")
    sources = [
        str(path)
        for folder in ("cpp", "tests/cpp")
        for path in sorted(Path(folder).rglob("*"))
        if path.suffix in {".hpp", ".h", ".cpp"}
    ]
    session.run("clang-format", *(["-i"] if fix else ["--dry-run", "-Werror"]), *sources)


@nox.session
def typecheck(session: nox.Session) -> None:
    """Run mypy --strict over the package, its tests and its scripts."""
    session.install(".[dev,networks]")
    session.run("mypy", *session.posargs)


@nox.session
def networks(session: nox.Session) -> None:
    """Run the Python tests of the areas that need PyTorch."""
    session.install(".[test,networks]")
    areas = [f"tests/python/{area}" for area in ("networks", "ntk", "reproduction", "cli")]
    session.run("pytest", *areas, *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Run every example of README.md, docs/ and the docstrings."""
    session.install(".[test,networks]")
    session.run("pytest", "tests/python/project/test_docs.py", *session.posargs)


@nox.session
def stubs(session: nox.Session) -> None:
    """Regenerate the stubs of htmu._core in the source tree; a test compares them."""
    session.install(".[test]")
    session.run("python", "cpp/bindings/generate_stubs.py", "python/htmu/_core")


@nox.session
def bench(session: nox.Session) -> None:
    """Run the benchmarks; arguments go to pytest."""
    session.install(".[test]")
    session.run("pytest", "benchmarks", *session.posargs)
