"""Engine on PySR, with the settings of the paper (Hodgkinson, Wang, Mahoney, ICML 2025).

PySR runs in Julia, which starts when it is imported, and is downloaded then if it is not there. So
it is imported when a search starts; whatever it raises becomes one line.
"""

from __future__ import annotations

import ast
import contextlib
import io
import time
from collections.abc import Callable
from typing import Any

from htmu.errors import EngineError, MissingExtraError
from htmu.symbolic.expression import Expression
from htmu.symbolic.fit import fit_constants
from htmu.symbolic.problem import Problem
from htmu.symbolic.simplify import from_valued
from htmu.symbolic.trees import Tree

#: Settings of the paper.
PAPER_SETTINGS: dict[str, Any] = {
    "maxsize": 7,
    "population_size": 20,
    "niterations": 5,
    "binary_operators": ["+", "*", "/"],
    "unary_operators": ["log", "exp"],
}

#: PySR refuses smaller sizes.
MIN_SIZE = 7

_INSTEAD = "take the engine 'operon' or 'exhaustive' (--engine operon)"
_OR_JULIA = (
    _INSTEAD
    + ", or install Julia 1.10 or newer from https://julialang.org/install and put it on the PATH"
)


def pysr_settings(
    maxsize: int, seed: int, timeout: float | None, *, deterministic: bool, verbose: bool
) -> dict[str, Any]:
    """Every argument of ``PySRRegressor``: the paper's settings, and what makes runs repeatable.

    Deterministic searches are serial in PySR; others use all of Julia's threads.

    Examples
    --------
    >>> from htmu.symbolic.pysr import pysr_settings
    >>> settings = pysr_settings(7, 0, None, deterministic=True, verbose=False)
    >>> settings["population_size"], settings["parallelism"]
    (20, 'serial')
    """
    return {
        **PAPER_SETTINGS,
        "maxsize": maxsize,
        "precision": 64,
        "random_state": seed % 2**32,
        "deterministic": deterministic,
        "parallelism": "serial" if deterministic else "multithreading",
        "timeout_in_seconds": timeout,
        "progress": verbose,
        "verbosity": int(verbose),
        "temp_equation_file": True,
    }


def pysr_search(
    problem: Problem,
    maxsize: int,
    seed: int,
    timeout: float | None,
    progress: Callable[[float, str], None],
    *,
    deterministic: bool = True,
    verbose: bool = False,
    settings: dict[str, Any] | None = None,
) -> list[Expression]:
    """PySR's front, its constants fitted once more in double precision.

    `settings` replace those of `pysr_settings`.

    Raises
    ------
    MissingExtraError
        PySR is not installed.
    EngineError
        Julia cannot be started, or the search failed.
    """
    began = time.monotonic()
    progress(0.0, "starting Julia (the first time it is downloaded)")
    regressor = _import_pysr()
    if timeout is not None:
        timeout = max(1.0, timeout - (time.monotonic() - began))
    given = pysr_settings(maxsize, seed, timeout, deterministic=deterministic, verbose=verbose)
    progress(0.1, "searching")
    try:
        model = regressor(**{**given, **(settings or {})})
        # Its own names x0, x1, ...: a feature may be called beta, which SymPy reads as a function.
        model.fit(problem.columns.T, problem.y, weights=problem.weights)
        rows = model.equations_["equation"]
    except KeyboardInterrupt:
        raise
    except Exception as error:
        raise EngineError(f"PySR failed: {_one_line(error)}; {_INSTEAD}") from error
    found = []
    for text in rows:
        start = from_valued(read_formula(str(text), problem.columns.shape[0]), problem.features)
        constants, chi2 = fit_constants(start.tree, problem, start.constants)
        if chi2 < float("inf"):
            found.append(Expression(start.tree, constants, problem.features))
    return found


def read_formula(text: str, n_features: int) -> Tree:
    """Valued tree of a formula as PySR prints it, with features ``x0``, ``x1``, ...

    Raises
    ------
    EngineError
        It holds something else than + - * / log exp, numbers and features.

    Examples
    --------
    >>> from htmu.symbolic.pysr import read_formula
    >>> read_formula("(x1 + -0.94) * log(x0)", 2)
    ('*', ('+', ('x', 1), ('c', -0.94)), ('log', ('x', 0)))
    """
    names = {f"x{i}": i for i in range(n_features)}
    operators: dict[type, str] = {ast.Add: "+", ast.Mult: "*", ast.Div: "/"}

    def read(node: ast.AST) -> Tree:
        if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
            return ("c", float(node.value))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            inner = read(node.operand)
            return ("c", -inner[1]) if inner[0] == "c" else ("*", ("c", -1.0), inner)
        if isinstance(node, ast.Name) and node.id in names:
            return ("x", names[node.id])
        if isinstance(node, ast.BinOp) and type(node.op) in operators:
            return (operators[type(node.op)], read(node.left), read(node.right))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
            right = read(node.right)
            minus = ("c", -right[1]) if right[0] == "c" else ("*", ("c", -1.0), right)
            return ("+", read(node.left), minus)
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("log", "exp")
            and len(node.args) == 1
        ):
            return (node.func.id, read(node.args[0]))
        raise EngineError(f"cannot read PySR's formula {text!r}; {_INSTEAD}")

    try:
        return read(ast.parse(text, mode="eval").body)
    except SyntaxError:
        raise EngineError(f"cannot read PySR's formula {text!r}; {_INSTEAD}") from None


def _import_pysr() -> Callable[..., Any]:
    from importlib.util import find_spec

    if find_spec("pysr") is None:
        raise MissingExtraError(
            'PySR is not installed; run: pip install "htmu[symbolic]", or take --engine operon'
        )
    # What its package manager prints on its way to an error is no help beside the error's line.
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            from pysr import PySRRegressor
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # Julia's loader raises anything, SystemExit included
        raise EngineError(
            f"Julia, which PySR runs in, did not start ({_one_line(error)}); {_OR_JULIA}"
        ) from error
    regressor: Callable[..., Any] = PySRRegressor
    return regressor


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 120 else text[:117] + "..."
