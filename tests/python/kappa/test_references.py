"""`estimate_kappa` against the exact kappas of tests/reference."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import htmu
from htmu.structures import BlockDiagonal, Kronecker, Structure

REFERENCE = Path(__file__).resolve().parents[2] / "reference"
TABLE: list[dict[str, Any]] = [
    row
    for name in ("block_diagonal.json", "kronecker.json")
    for row in json.loads((REFERENCE / name).read_text())
]
METHODS = ["selberg", "robbins-monro"]
ROUNDING = 1e-9  # where the control variates leave no variance, only rounding is left


def build(row: dict[str, Any]) -> Structure:
    family = Kronecker if row["structure"] == "kronecker" else BlockDiagonal
    return family(**row["parameters"])


def exact(reference: str, **parameters: Any) -> float:
    """kappa of the structure with these parameters, from the table."""
    (row,) = [row for row in TABLE if row["parameters"] == parameters]
    return float(row[reference]["kappa"])


def entries(largest: int) -> list[tuple[dict[str, Any], str]]:
    """Rows and references of matrices up to this size."""
    return [(row, ref) for row in TABLE for ref in ("weight", "shape") if ref in row
            if row["N"] <= largest]  # fmt: skip


# Each test below holds with probability 0.9973 for a seed taken at random.
CASES = [
    ("weight", {"m": 3, "n": 3, "alpha": 1, "block_beta": 1}),
    ("shape", {"m": 3, "n": 3, "alpha": 1, "block_beta": 1}),
    ("weight", {"m": 3, "n": 2, "alpha": -0.5, "block_beta": 1}),
    ("weight", {"m": 10, "n": 3, "alpha": 2, "block_beta": 1}),
    ("weight", {"m": 3, "n": 2, "alpha": 0, "block_beta": 2}),
    ("weight", {"m": 3, "n": 3, "alpha": 0.5, "block_beta": 2}),
    ("shape", {"m": 2, "n": 5, "alpha": 3, "block_beta": 2}),
    ("weight", {"m": 10, "n": 3, "alpha": 1, "block_beta": 2}),
    ("weight", {"m": 4, "n": 10, "alpha": 1, "block_beta": 2}),
    ("weight", {"m": 2, "n": 5, "alpha": 1, "block_beta": 4}),
    ("shape", {"sizes": [1, 2, 3], "alpha": 1, "block_beta": 2}),
    ("weight", {"sizes": [2, 5, 5], "alpha": 1, "block_beta": 1}),
    ("shape", {"dims": [2, 2], "alpha": 1}),
    ("shape", {"dims": [3, 3], "alpha": 1}),
    ("shape", {"dims": [3, 3], "alpha": 0}),
    ("shape", {"dims": [2, 2, 2], "alpha": 0.5}),
]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("reference", "parameters"), CASES)
def test_within_three_standard_errors(
    reference: str, parameters: dict[str, Any], method: str
) -> None:
    structure = (Kronecker if "dims" in parameters else BlockDiagonal)(**parameters)
    tol = 0.02 if method == "selberg" else 0.1
    estimate = htmu.estimate_kappa(
        structure, tol=tol, method=method, reference=reference, seed=20250603
    )
    assert estimate.converged
    assert estimate.half_width <= tol
    assert abs(estimate.kappa - exact(reference, **parameters)) < 3 * estimate.stderr


@pytest.mark.parametrize(
    ("method", "largest"), [("selberg", 400), ("robbins-monro", 30)], ids=METHODS
)
def test_whole_table(method: str, largest: int) -> None:
    """Errors over standard errors are standard normal: none beyond 4.5 (false alarms 0.2 % for
    200 entries), mean square within 4 standard deviations of 1 and mean of 0 (6e-5 each).
    """
    errors = []
    for seed, (row, reference) in enumerate(entries(largest)):
        kappa = row[reference]["kappa"]
        tol = (0.02 if row["N"] <= 12 else 0.1) * (1 if method == "selberg" else 5)
        estimate = htmu.estimate_kappa(
            build(row), tol=tol, method=method, reference=reference, seed=seed
        )
        assert estimate.converged
        if kappa == 0.0:
            assert estimate.kappa <= 4.5 * estimate.stderr
        elif method == "selberg" and row["parameters"].get("m") == 1:
            assert estimate.kappa == pytest.approx(kappa, rel=ROUNDING)
        else:
            errors.append((estimate.kappa - kappa) / estimate.stderr)
    z = np.array(errors)
    assert len(z) > 100
    assert np.abs(z).max() < 4.5
    assert abs(np.mean(z)) < 4 / math.sqrt(len(z))
    assert abs(np.mean(z**2) - 1) < 4 * math.sqrt(2 / len(z))


@pytest.mark.parametrize(
    "structure", [BlockDiagonal(4, 6, 2.5), Kronecker(4, 3, 1.0), BlockDiagonal(sizes=[7, 2])]
)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_methods_agree(structure: Structure, seed: int) -> None:
    """Within 4 standard errors of the difference: false alarms 6e-5 each."""
    first = htmu.estimate_kappa(structure, tol=0.05, seed=seed)
    second = htmu.estimate_kappa(structure, tol=0.2, seed=seed, method="robbins-monro")
    assert abs(first.kappa - second.kappa) < 4 * math.hypot(first.stderr, second.stderr)


@pytest.mark.parametrize(
    ("parameters", "published"),
    [
        # Monte Carlo figures and the digits that they were given to.
        ({"m": 3, "n": 3, "alpha": 1, "block_beta": 1}, (2.16, 0.01)),
        ({"m": 10, "n": 3, "alpha": 2, "block_beta": 1}, (2.07, 0.01)),
        ({"m": 10, "n": 10, "alpha": 1, "block_beta": 1}, (9.10, 0.01)),
        ({"m": 31, "n": 10, "alpha": 4, "block_beta": 1}, (9.08, 0.01)),
        ({"m": 10, "n": 31, "alpha": 5, "block_beta": 1}, (30.10, 0.01)),
        ({"dims": [3, 3], "alpha": 1}, (1.965, 0.005)),
    ],
)
def test_table_against_earlier_figures(
    parameters: dict[str, Any], published: tuple[float, float]
) -> None:
    value, uncertainty = published
    reference = "shape" if "dims" in parameters else "weight"
    assert exact(reference, **parameters) == pytest.approx(value, abs=uncertainty)


def test_table_was_checked_by_second_methods() -> None:
    for row in TABLE:
        assert row.get("quadrature_difference", 0.0) < 1e-10
        assert row.get("density_defect", 0.0) < 1e-10
        assert row.get("monte_carlo_stderrs", 0.0) < 4
        assert all(row[ref]["error"] < 1e-9 for ref in ("weight", "shape") if ref in row)


@pytest.mark.slow
@pytest.mark.parametrize("script", ["block_diagonal.py", "kronecker.py"])
def test_scripts_reproduce_their_tables(script: str) -> None:
    done = subprocess.run(
        [sys.executable, script], cwd=REFERENCE, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
