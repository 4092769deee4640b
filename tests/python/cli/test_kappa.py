"""``htmu kappa``."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

import htmu
from htmu.cli.output import decimals
from htmu.structures import BlockDiagonal, Diagonal, Full, Kronecker, Structure

QUICK = ("--tol", "0.1")


def test_output_names_estimate_structure_and_seed(run: Callable[..., Any]) -> None:
    outcome = run("kappa", "-m", "3", "-n", "4", "--alpha", "2", "--seed", "9", *QUICK)
    assert (outcome.code, outcome.err) == (0, "")
    estimate = htmu.estimate_kappa(BlockDiagonal(3, 4, alpha=2.0), tol=0.1, seed=9)
    first, second, third = outcome.out.splitlines()
    digits = decimals(estimate.half_width)
    assert first.startswith(f"kappa = {estimate.kappa:.{digits}f} ± ")
    assert f"95 % interval {estimate.interval[0]:.{digits}f} to" in first
    assert second.startswith(
        "BlockDiagonal(m=3, n=4, alpha=2.0, block_beta=1), N = 12, method selberg"
    )
    assert third.startswith(f"{estimate.n_samples:,} samples in ")
    assert third.endswith("seed 9")


def test_same_command_gives_the_same_numbers(run: Callable[..., Any]) -> None:
    line = ("kappa", "-m", "3", "-n", "3", "--quiet", *QUICK)
    first = run(*line)
    assert first.out == run(*line, "--threads", "3").out
    assert first.out != run(*line, "--seed", "1").out
    assert len(first.out.splitlines()) == 1


@pytest.mark.parametrize(
    ("line", "structure"),
    [
        ("-m 3 -n 2 --block-beta 2", BlockDiagonal(3, 2, block_beta=2)),
        ("--structure block-diagonal --m 2 --n 3 --alpha 0.5", BlockDiagonal(2, 3, alpha=0.5)),
        ("--structure kronecker -m 2 -n 3", Kronecker(2, 3)),
        ("--structure kronecker --dims 2,2,2 --alpha 2", Kronecker(dims=(2, 2, 2), alpha=2.0)),
        ("--structure full -n 3 --block-beta 4", Full(3, block_beta=4)),
        ("--structure diagonal -n 3", Diagonal(3)),
    ],
)
def test_every_family_as_json(line: str, structure: Structure, run: Callable[..., Any]) -> None:
    outcome = run("kappa", *line.split(), "--json", "--seed", "4", "--tol", "0.3")
    assert (outcome.code, outcome.err) == (0, "")
    values = json.loads(outcome.out)
    expected = htmu.estimate_kappa(structure, tol=0.3, seed=4).to_dict()
    for name in ("kappa", "lower", "upper", "n_samples", "reference", "structure", "parameters"):
        assert values[name] == expected[name]


def test_method_and_confidence_are_passed_on(run: Callable[..., Any]) -> None:
    line = "kappa -m 3 -n 3 --method robbins-monro --confidence 0.5 --reference shape --json"
    values = json.loads(run(*line.split(), *QUICK).out)
    assert values["method"] == "robbins-monro"
    assert values["confidence"] == 0.5
    assert values["reference"] == "shape"


def test_boundary_is_one_sided(run: Callable[..., Any]) -> None:
    outcome = run("kappa", "--structure", "diagonal", "-n", "3", "--seed", "3", "--tol", "0.2")
    estimate = htmu.estimate_kappa(Diagonal(3), seed=3, tol=0.2)
    expected = "kappa = 0 (at most " if estimate.kappa == 0 else f"kappa = {estimate.kappa:.2f} ±"
    assert outcome.out.startswith(expected)


def test_tolerance_that_is_not_reached(run: Callable[..., Any]) -> None:
    outcome = run("kappa", "-m", "3", "-n", "3", "--max-samples", "100", "--tol", "1e-5")
    assert outcome.code == 3
    assert outcome.out.startswith("kappa = ")
    (line,) = outcome.err.splitlines()
    assert "above tol = 1e-05 after 100 samples; raise --max-samples or --tol" in line
