"""Settings of a run, and the refusal of other ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from htmu.errors import InvalidInputError, RunSettingsError
from htmu.sweeps import Grid, SweepSettings
from htmu.sweeps.settings import check_same_run

GRID = Grid("block-diagonal", m=[3, 10], n=[3, 10], alpha=[1, 2])
DEFAULTS: dict[str, Any] = {
    "tol": 1e-3,
    "confidence": 0.95,
    "method": "selberg",
    "reference": None,
    "seed": 0,
    "max_samples": 10**6,
}
SETTINGS = SweepSettings.checked(GRID, **DEFAULTS)


def test_reference_is_the_structures_default() -> None:
    assert SETTINGS.reference == "weight"
    kronecker = Grid("kronecker", m=3, n=3, alpha=1)
    assert SweepSettings.checked(kronecker, **DEFAULTS).reference == "shape"
    assert SweepSettings.checked(GRID, **{**DEFAULTS, "reference": "weight"}) == SETTINGS


def test_dictionary_gives_the_settings_back() -> None:
    assert SweepSettings.from_dict(SETTINGS.to_dict()) == SETTINGS


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tol", 0),
        ("tol", float("nan")),
        ("tol", "small"),
        ("confidence", 1),
        ("confidence", 0),
        ("method", "bootstrap"),
        ("reference", "nearest"),
        ("seed", -1),
        ("max_samples", 0),
        ("max_samples", 2),
    ],
)
def test_bad_settings_are_refused_before_any_work(name: str, value: object) -> None:
    with pytest.raises(InvalidInputError, match=name):
        SweepSettings.checked(GRID, **{**DEFAULTS, name: value})


def test_a_reference_that_the_structure_lacks_is_refused() -> None:
    kronecker = Grid("kronecker", m=3, n=3, alpha=1)
    with pytest.raises(InvalidInputError, match="reference of kronecker"):
        SweepSettings.checked(kronecker, **{**DEFAULTS, "reference": "weight"})


def test_same_settings_and_a_grown_grid_go_on() -> None:
    grown = Grid("block-diagonal", m=[3, 7, 10], n=[3, 10, 31], alpha=[1, 2])
    check_same_run("run", (GRID, SETTINGS), (GRID, SETTINGS))
    check_same_run("run", (GRID, SETTINGS), (grown, SETTINGS))


@pytest.mark.parametrize(
    ("grid", "changes", "message"),
    [
        (GRID, {"tol": 0.01}, "tol was 0.001, now 0.01"),
        (GRID, {"seed": 1}, "seed was 0, now 1"),
        (GRID, {"method": "robbins-monro"}, "method was selberg, now robbins-monro"),
        (GRID, {"reference": "shape"}, "reference was weight, now shape"),
        (GRID, {"confidence": 0.99}, "confidence was 0.95, now 0.99"),
        (GRID, {"max_samples": 10}, "max_samples was 1000000, now 10"),
        (GRID, {"tol": 0.01, "seed": 1}, "tol was 0.001, now 0.01; seed was 0, now 1"),
        (
            Grid("block-diagonal", m=3, n=[3, 10], alpha=[1, 2]),
            {},
            "m was 3,10, now 3",
        ),
        (
            Grid("block-diagonal", m=[3, 10], n=[3, 10], alpha=[1, 2], block_beta=2),
            {},
            "block_beta was 1, now 2",
        ),
        (
            Grid("kronecker", m=[3, 10], n=[3, 10], alpha=[1, 2]),
            {"reference": "shape"},
            "structure was block-diagonal, now kronecker",
        ),
    ],
)
def test_a_difference_is_refused_and_named(
    grid: Grid, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(RunSettingsError) as caught:
        check_same_run("run.htmu", (GRID, SETTINGS), (grid, replace(SETTINGS, **changes)))
    text = str(caught.value)
    assert message in text
    assert text.startswith("run.htmu holds")
    assert "new file" in text
    assert "\n" not in text
