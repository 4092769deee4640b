"""``htmu info``: what this installation is and what it runs on."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from htmu._core.common import cpu_features, instruction_set
from htmu.arguments import as_threads
from htmu.cli import options
from htmu.cli.exits import ExitCode
from htmu.cli.output import print_json
from htmu.sweeps import cpu_model
from htmu.sweeps.records import package_version

_PACKAGES = (
    "numpy",
    "scipy",
    "pandas",
    "pyarrow",
    "xarray",
    "typer",
    "rich",
    "matplotlib",
    "sympy",
    "pyoperon",
    "pysr",
    "torch",
    "torchvision",
)


def info(json: options.Json = False) -> ExitCode:
    """Print versions, the processor, the instruction set in use, threads and LAPACK."""
    facts = _facts()
    if json:
        print_json(facts)
        return ExitCode.OK
    width = max(len(name) for name in facts)
    for name, value in facts.items():
        if isinstance(value, dict):
            value = ", ".join(f"{key} {entry}" for key, entry in value.items())
        elif isinstance(value, list):
            value = " ".join(value)
        print(f"{name:<{width}}  {value}")
    return ExitCode.OK


def _facts() -> dict[str, Any]:
    return {
        "htmu": package_version(),
        "python": f"{platform.python_version()} ({platform.python_implementation()})",
        "system": platform.platform(),
        "cpu": cpu_model(),
        "cpu features": list(cpu_features()),
        "instruction set": instruction_set(),
        "threads": as_threads(None),
        "lapack": _lapack(),
        "packages": {name: _installed(name) for name in _PACKAGES},
    }


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _lapack() -> str:
    """Library behind `scipy.linalg.cython_lapack`, from which the core takes its routines."""
    import scipy

    try:
        library = scipy.show_config(mode="dicts")["Build Dependencies"]["lapack"]
        name = f"{library['name']} {library['version']}"
    except (TypeError, KeyError):  # SciPy before 1.11, or built without Meson
        name = "unknown library"
    return f"{name} (SciPy {scipy.__version__})"
