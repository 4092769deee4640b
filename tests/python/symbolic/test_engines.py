"""Operon and PySR: the same numbers each time, and one line for what is missing."""

from __future__ import annotations

import ast
import sys
import time
import types
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from planted import LARGE, table
from pysr_stand_in import FIT, SIGNATURE, StandIn

from htmu import discover_law
from htmu.errors import AccuracyWarning, EngineError, InvalidInputError, MissingExtraError
from htmu.symbolic import Expression
from htmu.symbolic.extend import extended
from htmu.symbolic.holdout import folds
from htmu.symbolic.law import make_law
from htmu.symbolic.operon import import_operon, read_nodes
from htmu.symbolic.problem import make_problem
from htmu.symbolic.pysr import pysr_settings, read_formula
from htmu.symbolic.simplify import from_valued


def front(table: pd.DataFrame, **options: Any) -> list[tuple[str, float]]:
    return [(law.text, law.loss) for law in discover_law(table, **options)]


@pytest.mark.parametrize("engine", ["exhaustive", "operon"])
def test_seed_and_threads(engine: str, small_table: pd.DataFrame) -> None:
    options = {"engine": engine, "maxsize": 5, "seed": 3}
    one = front(small_table, **options, n_threads=1)
    assert one == front(small_table, **options, n_threads=1)
    assert one == front(small_table, **options, n_threads=2)


@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_operon_never_beats_the_proved_front(small_table: pd.DataFrame, noise: float) -> None:
    # With much noise no formula is the true one, and the fronts are long.
    drawn = noise * np.random.default_rng(1).normal(size=len(small_table))
    rows = small_table.assign(kappa=small_table["kappa"] + drawn)
    proved = {law.complexity: law.loss for law in discover_law(rows, maxsize=6)}
    for law in discover_law(rows, engine="operon", maxsize=6):
        least = min(loss for size, loss in proved.items() if size <= law.complexity)
        assert law.loss >= least * (1 - 1e-9)


def test_small_terms_are_found_in_what_a_law_misses() -> None:
    rows = table(LARGE["two corrections"].law, 0, [3, 5, 9, 20, 60])
    problem = make_problem(rows, "kappa", ("m", "n", "alpha"), "stderr", 0.0)
    shift = Expression(("+", ("x", 1), ("c", 0)), (-1.0,), problem.features)
    found = extended([shift], problem, 11)
    assert found[-1].complexity <= 11
    assert make_law(found[-1], problem, folds(problem)).p_value > 1e-3


def test_operons_nodes_are_read_as_operon_evaluates_them() -> None:
    from pyoperon.sklearn import SymbolicRegressor

    rng = np.random.default_rng(0)
    x = rng.uniform(1, 3, (40, 2))
    search = SymbolicRegressor(
        allowed_symbols="add,mul,div,log,exp,constant,variable",
        population_size=60,
        generations=3,
        random_state=1,
        max_length=9,
    )
    search.fit(x, x[:, 0] / x[:, 1] + np.log(x[:, 1]))
    order = {key: index for index, key in enumerate(search.variables_)}
    for individual in search.individuals_[:60]:
        mine = from_valued(read_nodes(individual.Genotype.Nodes, order), ("a", "b"))
        theirs = search.evaluate_model(individual.Genotype, x)
        if np.isfinite(theirs).all():
            # Its coefficients have single precision.
            np.testing.assert_allclose(mine(a=x[:, 0], b=x[:, 1]), theirs, rtol=1e-4, atol=1e-6)


def test_missing_operon_names_the_extra(
    small_table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyoperon", None)
    monkeypatch.setitem(sys.modules, "pyoperon.sklearn", None)
    with pytest.raises(MissingExtraError, match=r'pip install "htmu\[symbolic\]"'):
        discover_law(small_table, engine="operon")


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> type[StandIn]:
    module = types.ModuleType("pysr")
    module.PySRRegressor = StandIn  # type: ignore[attr-defined]
    module.__spec__ = types.SimpleNamespace(name="pysr")  # type: ignore[assignment]
    monkeypatch.setitem(sys.modules, "pysr", module)
    monkeypatch.setattr(StandIn, "made", [])
    return StandIn


def test_pysr_is_called_with_the_settings_of_the_paper(
    small_table: pd.DataFrame, stand_in: type[StandIn]
) -> None:
    found = discover_law(small_table, engine="pysr", seed=5, timeout=60)
    (call,) = stand_in.made
    assert call.given["maxsize"] == 7
    assert call.given["population_size"] == 20
    assert call.given["niterations"] == 5
    assert call.given["binary_operators"] == ["+", "*", "/"]
    assert call.given["unary_operators"] == ["log", "exp"]
    assert call.given["random_state"] == 5
    assert call.given["deterministic"] is True
    assert call.given["parallelism"] == "serial"
    assert 0 < call.given["timeout_in_seconds"] <= 60
    np.testing.assert_allclose(call.weights, small_table["stderr"] ** -2)
    assert found.engine == "pysr"
    # Its constants are fitted anew.
    assert found.best.text.startswith("n - 0.9")
    assert found.best.chi2_dof < 1.5


def test_parallel_pysr_is_not_deterministic() -> None:
    settings = pysr_settings(9, 1, None, deterministic=False, verbose=True)
    assert settings["parallelism"] == "multithreading"
    assert settings["progress"] is True
    assert set(settings) <= set(SIGNATURE)


def test_stand_in_has_the_installed_signature() -> None:
    spec = find_spec("pysr")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("PySR is not installed")
    # Its source, for an import would start Julia.
    source = Path(spec.submodule_search_locations[0], "sr.py").read_text(encoding="utf-8")
    (regressor,) = (
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.ClassDef) and node.name == "PySRRegressor"
    )
    functions = {node.name: node for node in regressor.body if isinstance(node, ast.FunctionDef)}
    parameters = {argument.arg for argument in functions["__init__"].args.kwonlyargs}
    used = set(pysr_settings(7, 0, None, deterministic=True, verbose=False))
    assert used <= parameters
    assert used <= set(SIGNATURE)
    fit = functions["fit"].args
    assert {"X", "y", "weights"} <= {a.arg for a in (*fit.args, *fit.kwonlyargs)} & {*FIT}


def test_real_pysr(small_table: pd.DataFrame) -> None:
    if find_spec("pysr") is None:
        pytest.skip("PySR is not installed")
    try:
        found = discover_law(small_table, engine="pysr", timeout=300)
    except EngineError as error:
        line, cause = str(error), error.__cause__
    else:
        assert found.best.text.startswith("n - 0.9")
        return
    assert "--engine operon" in line
    assert "julialang.org" in line
    assert "\n" not in line
    pytest.skip(f"Julia does not start here: {cause!r}")


class _Broken:
    """A package whose import raises what Julia's loader may raise."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name != "pysr":
            return None
        from importlib.machinery import ModuleSpec

        return ModuleSpec("pysr", self)  # type: ignore[arg-type]

    def create_module(self, spec: Any) -> None:
        return None

    def exec_module(self, module: Any) -> None:
        print("noise")
        raise self.error


@pytest.mark.parametrize(
    "error", [OSError("no\nnetwork"), SystemExit(3), RuntimeError("x" * 500), Exception()]
)
def test_julia_that_does_not_start(
    error: BaseException,
    small_table: pd.DataFrame,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delitem(sys.modules, "pysr", raising=False)
    monkeypatch.setattr(sys, "meta_path", [_Broken(error), *sys.meta_path])
    with pytest.raises(EngineError, match=r"--engine operon.*julialang\.org") as caught:
        discover_law(small_table, engine="pysr")
    assert caught.value.__cause__ is error
    assert "\n" not in str(caught.value)
    assert capsys.readouterr() == ("", "")


def test_missing_pysr(small_table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"htmu\[symbolic\].*--engine operon"):
        discover_law(small_table, engine="pysr")


def test_pysr_that_fails(
    small_table: pd.DataFrame, stand_in: type[StandIn], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Any, *args: Any, **more: Any) -> None:
        raise RuntimeError("worker died")

    monkeypatch.setattr(stand_in, "fit", fail)
    with pytest.raises(EngineError, match=r"PySR failed: worker died; .*--engine operon") as caught:
        discover_law(small_table, engine="pysr")
    # Julia runs: it need not be installed.
    assert "julialang" not in str(caught.value)


@pytest.mark.parametrize("text", ["sin(x0)", "x9 + 1", "x0 ^", "x0 if x1 else 2", "'a'"])
def test_formulas_that_cannot_be_read(text: str) -> None:
    with pytest.raises(EngineError, match="cannot read"):
        read_formula(text, 3)


def test_exhaustive_size_is_limited(small_table: pd.DataFrame) -> None:
    with pytest.raises(InvalidInputError, match=r"maxsize 8, got 9.*operon"):
        discover_law(small_table, engine="exhaustive", maxsize=9)
    assert discover_law(small_table, maxsize=2).engine == "exhaustive"


@pytest.mark.parametrize(
    "options",
    [
        {"engine": "operon", "maxsize": 11, "timeout": 1.0},
        {"engine": "operon", "maxsize": 30, "timeout": 1.0},
        {
            "engine": "exhaustive",
            "maxsize": 8,
            "timeout": 1.0,
            "features": ("m", "n", "alpha", "b"),
        },
    ],
)
def test_timeout_bounds_the_time(options: dict[str, Any]) -> None:
    rows = table(LARGE["two corrections"].law, 0)
    rows["b"] = np.random.default_rng(0).choice([1.0, 2.0, 3.0, 5.0], len(rows))
    import_operon()
    begun = time.monotonic()
    with pytest.warns(AccuracyWarning, match="stopped after 1 s"):
        found = discover_law(rows, **options)
    assert len(found) >= 1
    # A step between two looks at the clock, and the held-out errors, take less than a second.
    assert time.monotonic() - begun < 6


def test_timeout_keeps_what_is_proved(small_table: pd.DataFrame) -> None:
    with pytest.warns(AccuracyWarning, match="stopped after"):
        found = discover_law(small_table, engine="exhaustive", maxsize=8, timeout=1.0)
    assert 1 <= found.proved_size < 8
    assert found.best.complexity <= found.proved_size
