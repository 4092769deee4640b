"""discover_law: planted laws come back, the choice follows its rule, bad input is one line."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from planted import LARGE, NOISE, PLANTED, is_found, table

import htmu
from htmu.errors import AccuracyWarning, EngineError, HtmuError, InvalidInputError, NonFiniteError
from htmu.sweeps import SweepResult
from htmu.symbolic import Law
from htmu.symbolic.holdout import folds
from htmu.symbolic.law import best_law
from htmu.symbolic.problem import make_problem

#: The law's own size: larger formulas only take time, for the simplest admitted one is chosen.
SIZES = [5, 9, 20, 60]


@pytest.mark.parametrize("name", PLANTED)
def test_exhaustive_finds_planted_laws(name: str) -> None:
    planted = PLANTED[name]
    for seed in range(2):
        found = htmu.discover_law(table(planted.law, seed, SIZES), maxsize=planted.size)
        assert is_found(planted, found), found
        assert found.proved_size == planted.size


@pytest.mark.parametrize("name", ["shift", "logarithm", "ratio"])
def test_operon_finds_planted_laws(name: str) -> None:
    planted = PLANTED[name]
    found = htmu.discover_law(table(planted.law, 1, SIZES), engine="operon")
    assert is_found(planted, found), found


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["exhaustive", "operon"])
@pytest.mark.parametrize("name", PLANTED)
def test_planted_laws_come_back_in_19_of_20_seeds(name: str, engine: str) -> None:
    planted = PLANTED[name]
    count = sum(
        is_found(planted, htmu.discover_law(table(planted.law, seed), engine=engine, seed=seed))
        for seed in range(20)
    )
    assert count >= 19


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE)
def test_large_laws_come_back_in_19_of_20_seeds(name: str) -> None:
    planted = LARGE[name]
    count = sum(
        is_found(
            planted,
            htmu.discover_law(
                table(planted.law, seed), engine="operon", maxsize=planted.size, seed=seed
            ),
        )
        for seed in range(20)
    )
    assert count >= 19


def test_independent_blocks_are_n_for_one_and_near_n_minus_1_for_many() -> None:
    one = htmu.sweep(m=1, n=[2, 3, 5, 8, 12, 20], alpha=[1, 3], tol=0.05)
    # One block's kappa is exact: its errors are rounding, so all rows weigh alike.
    found = htmu.discover_law(one.to_pandas(), features=["n", "alpha"], stderr=None, maxsize=3)
    assert found.best.text == "n"
    many = htmu.sweep(m=[60, 80, 100], n=[5, 8, 12, 20], alpha=[1, 3], tol=0.02)
    found = htmu.discover_law(many, maxsize=3)
    assert found.best.text.startswith("n - 0.9")


def test_a_law_measures_itself(small_table: pd.DataFrame) -> None:
    found = htmu.discover_law(small_table, maxsize=5)
    law = found.best
    missed = small_table["kappa"] - law(
        **{name: small_table[name].to_numpy() for name in ("m", "n", "alpha")}
    )
    weights = small_table["stderr"] ** -2
    assert law.loss == pytest.approx(np.average(missed**2, weights=weights))
    assert law.rms == pytest.approx(np.sqrt(law.loss))
    assert law.chi2_dof == pytest.approx(np.sum(weights * missed**2) / (len(small_table) - 1))
    assert (law.constants[0], law.constant_errors[0]) == pytest.approx(
        (-0.94, np.sum(weights) ** -0.5), abs=5 * np.sum(weights) ** -0.5, rel=0
    )
    assert [law.complexity for law in found] == sorted({law.complexity for law in found})
    losses = [law.loss for law in found]
    assert losses == sorted(losses, reverse=True)
    assert len(found.to_pandas()) == len(found)
    assert json.loads(json.dumps(found.to_dict()))["engine"] == "exhaustive"
    assert repr(found).startswith("LawSearch(kappa = n - 0.9")
    assert "complexity=3" in repr(law)


def test_folds_hold_out_whole_levels_and_ends() -> None:
    problem = make_problem(table(PLANTED["shift"].law, 0), "kappa", ("m", "n", "alpha"), None, 0.0)
    parts = folds(problem)
    low, high = (fold for fold in parts if fold.name in ("m low", "m high"))
    assert (low.extrapolates, high.extrapolates) == (True, True)
    assert set(problem.columns[0][low.held]) == {3, 4}
    assert set(problem.columns[0][high.held]) == {68, 100}
    for fold in parts:
        for column in problem.columns:
            held = set(column[fold.held])
            assert held == set(column) or not held & set(column[~fold.held])
    inner = [fold for fold in parts if not fold.extrapolates and fold.name == "alpha"]
    assert [set(problem.columns[2][fold.held]) for fold in inner] == [{2}, {3}, {4}]


def test_rows_without_levels_are_split_in_five() -> None:
    rng = np.random.default_rng(0)
    problem = make_problem(
        {"m": np.repeat([1.0, 2.0], 20), "kappa": rng.normal(size=40)}, "kappa", ["m"], None, 0.0
    )
    parts = folds(problem)
    assert len(parts) == 5
    assert sum(fold.held for fold in parts).tolist() == [1] * 40  # type: ignore[union-attr]


def _law(law: Law, p_value: float, errors: tuple[float, ...]) -> Law:
    return replace(law, p_value=p_value, fold_errors=errors)


def test_the_rule_of_the_choice(small_table: pd.DataFrame) -> None:
    any_law = htmu.discover_law(small_table, maxsize=1).best
    refused, admitted = _law(any_law, 1e-9, (1.0, 1.0, 1.0)), _law(any_law, 0.5, (9.0, 9.0, 9.0))
    assert best_law([refused, admitted, admitted])[0] is admitted
    # None is admitted: the simplest within one standard error of the least.
    far = _law(any_law, 0.0, (4.0, 4.1, 4.2))
    near = _law(any_law, 0.0, (1.1, 0.8, 1.2))
    least = _law(any_law, float("nan"), (1.0, 1.0, 1.0))
    assert best_law([far, near, least])[0] is near
    assert best_law([far, least, near])[0] is least


def test_prediction_warns_outside_the_domain(small_table: pd.DataFrame) -> None:
    found = htmu.discover_law(small_table, maxsize=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        values = found.predict(small_table)
    np.testing.assert_allclose(values, small_table["kappa"], atol=6 * NOISE)
    with pytest.warns(AccuracyWarning, match=r"1 of 2 rows lie outside .*m 3 to 30"):
        found.predict({"m": [5.0, 200.0], "n": 10.0, "alpha": 1.0})
    with pytest.raises(InvalidInputError, match="no column 'n'"):
        found.predict({"m": [5.0]})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda t: {"m": [1, 2], "n": [1, 2, 3], "alpha": 1},
            r"different lengths: m \(2,\), n \(3,",
        ),
        (
            lambda t: {"m": [[1], [1, 2]], "n": 1, "alpha": 1},
            "'m' must hold real numbers, got ragged",
        ),
        (lambda t: pd.concat([t, t[["m"]]], axis=1), "2 columns named 'm'"),
        (lambda t: t.assign(n="3.0"), "'n' must hold real numbers"),
        (lambda t: None, "rows must be a DataFrame or a dict of columns, got NoneType"),
        (lambda t: 3, "got int"),
    ],
)
def test_bad_rows_of_a_prediction(
    change: Callable[[pd.DataFrame], Any], message: str, small_table: pd.DataFrame
) -> None:
    found = htmu.discover_law(small_table, maxsize=1)
    with pytest.raises(InvalidInputError, match=message) as caught:
        found.predict(change(small_table))
    assert "\n" not in str(caught.value)


def test_a_sweep_that_lacks_something_is_used_with_a_warning() -> None:
    result = htmu.sweep(m=[2, 3, 5], n=[2, 3, 5], alpha=1, tol=0.05)
    cells = [replace(cell, converged=index != 4) for index, cell in enumerate(result)]
    with pytest.warns(AccuracyWarning, match="1 of 9 cells did not reach the tolerance 0.05"):
        htmu.discover_law(SweepResult(result.grid, result.settings, cells), maxsize=3)
    with pytest.warns(AccuracyWarning, match="has 8 of 9 cells"):
        htmu.discover_law(SweepResult(result.grid, result.settings, list(result)[:8]), maxsize=1)
    zero = [
        replace(cell, converged=True, kappa=0.0 if cell.m == 2 else cell.kappa) for cell in cells
    ]
    with pytest.warns(AccuracyWarning, match="3 of 9 cells have kappa = 0"):
        found = htmu.discover_law(SweepResult(result.grid, result.settings, zero), maxsize=1)
    assert found.features == ("m", "n")
    assert found.problem.n_rows == 6


def test_a_run_file_and_its_combined_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.htmu"
    htmu.sweep("kronecker", m=[3, 4, 6], n=[3, 4, 6], alpha=1, tol=0.1, out=path)
    found = htmu.discover_law(path, features=("ratio", "N"), maxsize=3)
    assert set(found.problem.columns[0]) == {1.0, 4 / 3, 1.5, 2.0}
    assert set(found.problem.columns[1]) == {9.0, 12.0, 16.0, 18.0, 24.0, 36.0}


def _set(column: str, row: int, value: float) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        frame.loc[row, column] = value
        return frame

    return change


BAD_TABLES: list[tuple[Callable[[pd.DataFrame], Any], dict[str, Any], type[HtmuError], str]] = [
    (lambda t: t[:5], {}, InvalidInputError, "5 rows are too few for a law of 3 features"),
    (lambda t: t.assign(kappa=2.0), {}, InvalidInputError, "'kappa' is 2 in every row"),
    (lambda t: t.assign(alpha=1.0), {}, InvalidInputError, "'alpha' is 1 in every row"),
    (_set("kappa", 3, np.nan), {}, NonFiniteError, "'kappa' is not finite in 1 of 80 rows.* row 3"),
    (_set("m", 2, np.inf), {}, NonFiniteError, "'m' is not finite"),
    (_set("stderr", 7, 0.0), {}, InvalidInputError, "greater than 0, got 0 in row 7.*floor"),
    (_set("stderr", 7, -1.0), {}, InvalidInputError, "greater than 0, got -1 in row 7"),
    (_set("stderr", 7, -1.0), {"floor": 0.1}, InvalidInputError, "at least 0, got -1"),
    (lambda t: t.drop(columns="stderr"), {}, InvalidInputError, "no column 'stderr'.*stderr=None"),
    (lambda t: t, {"features": ("m", "k")}, InvalidInputError, "no column 'k', it has m, n"),
    (lambda t: t, {"features": ("m", "m")}, InvalidInputError, "features name 'm' twice"),
    (lambda t: t, {"features": ("m", "kappa")}, InvalidInputError, "a feature and the target"),
    (lambda t: t, {"features": ()}, InvalidInputError, "names of columns"),
    (lambda t: t.rename(columns={"m": "a b"}), {"features": ("a b",)}, InvalidInputError, "plain"),
    (lambda t: t, {"target": "beta"}, InvalidInputError, "no column 'beta'"),
    (lambda t: t.assign(m="x"), {}, InvalidInputError, "'m' must hold real numbers"),
    (
        lambda t: pd.concat([t, t[["m"]]], axis=1),
        {},
        InvalidInputError,
        "2 columns named 'm'",
    ),
    (lambda t: t.assign(m=t["m"].astype(str)), {}, InvalidInputError, "'m' must hold real numbers"),
    (lambda t: t.assign(m=pd.to_datetime(t["m"])), {}, InvalidInputError, "numbers, got datetime"),
    (lambda t: t.assign(n=t["n"] + 0j), {}, InvalidInputError, "numbers, got complex128"),
    (lambda t: t.assign(m=t["m"] > 9), {}, InvalidInputError, "numbers, got bool"),
    (lambda t: t.assign(m=t["m"].astype(object)), {}, InvalidInputError, "numbers, got object"),
    (lambda t: t.assign(stderr=1e200), {}, InvalidInputError, "error of 1e.200.*change the unit"),
    (lambda t: t.assign(stderr=1e-200), {}, InvalidInputError, "error of 1e-200.*change the unit"),
    (lambda t: t, {"floor": 1e300}, InvalidInputError, "error of 1e.300.*change the unit"),
    (lambda t: t.assign(kappa=t["kappa"] * 1e-300), {}, InvalidInputError, "'kappa' has values up"),
    (lambda t: t.assign(kappa=t["kappa"] * 1e200), {}, InvalidInputError, "'kappa' has values up"),
    (lambda t: t.assign(m=t["m"] * 1e200), {}, InvalidInputError, "'m' has values up to 3e.201"),
    (lambda t: t, {"stderr": None, "floor": 0.1}, InvalidInputError, "leave one of them out"),
    (
        lambda t: t.rename(columns={"m": "lambda"}),
        {"features": ("lambda",)},
        InvalidInputError,
        "'lambda' cannot stand in a formula",
    ),
    (lambda t: t, {"engine": "pysr", "maxsize": 6}, InvalidInputError, "at least 7, got 6"),
    (lambda t: t, {"timeout": 1e-9}, EngineError, "ran out of its 1e-09 s"),
    (lambda t: {"m": [1, 2], "n": [1]}, {}, InvalidInputError, "do not make a table"),
    (lambda t: 3, {}, InvalidInputError, "must be a SweepResult, .* got int"),
    (lambda t: t, {"engine": "gplearn"}, InvalidInputError, "engine must be one of 'auto'"),
    (lambda t: t, {"maxsize": 0}, InvalidInputError, "maxsize"),
    (lambda t: t, {"floor": -1}, InvalidInputError, "floor"),
    (lambda t: t, {"timeout": 0}, InvalidInputError, "timeout"),
    (lambda t: t, {"seed": -1}, InvalidInputError, "seed"),
    (lambda t: t, {"n_threads": 0}, InvalidInputError, "n_threads"),
]


@pytest.mark.parametrize(("change", "options", "error", "message"), BAD_TABLES)
def test_bad_input_is_one_line(
    change: Callable[[pd.DataFrame], Any],
    options: dict[str, Any],
    error: type[HtmuError],
    message: str,
    small_table: pd.DataFrame,
) -> None:
    with pytest.raises(error, match=message) as caught:
        htmu.discover_law(change(small_table.copy()), **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("scale", [1e-55, 1e55])
def test_units_as_far_as_they_are_admitted(scale: float, small_table: pd.DataFrame) -> None:
    rows = small_table.assign(kappa=small_table["kappa"] * scale, stderr=NOISE * scale)
    found = htmu.discover_law(rows, maxsize=5)
    assert found.best.constants[0] == pytest.approx(scale, rel=1e-3)
    assert found.best.p_value > 1e-3


def test_the_features_of_a_sweep_may_be_named_as_the_default() -> None:
    result = htmu.sweep(m=[2, 3, 5], n=[2, 3, 5], alpha=1, tol=0.05)
    for features in (("m", "n", "alpha"), ["m", "n", "alpha"], iter(["m", "n", "alpha"])):
        assert htmu.discover_law(result, features=features, maxsize=1).features == ("m", "n")
    one = htmu.sweep(m=2, n=2, alpha=1, tol=0.05)
    with pytest.raises(InvalidInputError, match=r"neither m, n nor alpha varies among the 1 cells"):
        htmu.discover_law(one)


def test_exact_cells_of_a_sweep_do_not_hold_all_the_weight() -> None:
    # m = 1 is one block, whose kappa is n exactly.
    result = htmu.sweep(m=[1, 2, 4, 9, 25], n=[2, 3, 5, 11, 30], alpha=[0, 1, 4], tol=0.01)
    with pytest.warns(AccuracyWarning, match=r"15 of 75 cells are exact; .* give a floor") as said:
        found = htmu.discover_law(result)
    assert len(said) == 1
    assert said[0].filename == __file__
    stderr = found.problem.stderr
    assert stderr is not None
    sampled = stderr[found.problem.columns[0] > 1]
    np.testing.assert_allclose(stderr[found.problem.columns[0] == 1], np.median(sampled))
    # The form of the same search with a floor on all rows.
    floored = htmu.discover_law(result, floor=float(np.median(sampled)))
    assert found.best.expression.tree == floored.best.expression.tree
    assert found.best.rms < 0.1
    assert found.best.rms == pytest.approx(floored.best.rms, rel=0.1)
    assert {"n", "m"} <= set(found.best.text)


def test_a_sweep_of_exact_cells_alone_weighs_them_alike() -> None:
    result = htmu.sweep(m=1, n=[2, 3, 5, 8, 12, 20], alpha=[1, 3], tol=0.05)
    with pytest.warns(AccuracyWarning, match="12 of 12 cells are exact"):
        found = htmu.discover_law(result, maxsize=3)
    assert found.best.text == "n"


@pytest.mark.parametrize("exact", [2, 40])
def test_rows_that_hold_all_the_weight_are_counted(exact: int, small_table: pd.DataFrame) -> None:
    rows = small_table.copy()
    rows.loc[: exact - 1, "stderr"] = 1e-12
    with pytest.warns(AccuracyWarning, match=f"{exact} of 80 rows have errors so small.*floor"):
        htmu.discover_law(rows, maxsize=1)
    htmu.discover_law(rows, maxsize=1, floor=NOISE)


def test_few_rows_get_few_constants() -> None:
    rows = {"m": [1, 2, 1, 2], "kappa": [1, 2, 1.1, 2.1], "stderr": [0.1] * 4}
    found = htmu.discover_law(rows, features=("m",))
    assert all(len(law.constants) < 4 for law in found)
    assert all(np.isfinite(law.interpolation) for law in found)
    assert found.best.text == "m"


def test_a_floor_lets_exact_rows_in(small_table: pd.DataFrame) -> None:
    exact = small_table.assign(stderr=0.0)
    found = htmu.discover_law(exact, floor=NOISE, maxsize=3)
    assert found.best.text.startswith("n - 0.9")


def test_progress_ends_at_one(small_table: pd.DataFrame) -> None:
    reports: list[Any] = []
    htmu.discover_law(small_table, maxsize=4, progress=reports.append)
    fractions = [report.fraction for report in reports]
    assert all(0 <= fraction <= 1 for fraction in fractions)
    assert fractions[-1] == 1
