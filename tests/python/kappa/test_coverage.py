"""How often the 95 % interval covers the exact kappa."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from scipy.stats import binom

import htmu
from htmu.structures import BlockDiagonal, Kronecker, Structure

REFERENCE = Path(__file__).resolve().parents[2] / "reference"
METHODS = ["selberg", "robbins-monro"]


def exact(table: str, reference: str, **parameters: object) -> float:
    """kappa of the structure with these parameters, from the table."""
    rows = json.loads((REFERENCE / f"{table}.json").read_text())
    (row,) = [row for row in rows if row["parameters"] == parameters]
    return float(row[reference]["kappa"])


@dataclass(frozen=True)
class CoverageCase:
    """A structure with its exact kappa and the half-widths asked of the two methods."""

    structure: Structure
    kappa: float
    tol: dict[str, float]
    reference: str = "weight"


CASES = [
    # Loose: the sample floor decides, so that the interval is narrower than asked for.
    CoverageCase(
        BlockDiagonal(3, 2, 1),
        exact("block_diagonal", "weight", m=3, n=2, alpha=1, block_beta=1),
        {"selberg": 0.5, "robbins-monro": 0.2},
    ),
    # Tight: the half-width stops the run, after more than one stage.
    CoverageCase(
        BlockDiagonal(3, 3, 1),
        exact("block_diagonal", "weight", m=3, n=3, alpha=1, block_beta=1),
        {"selberg": 0.02, "robbins-monro": 0.06},
    ),
    CoverageCase(
        BlockDiagonal(2, 2, 0.5, 2),
        exact("block_diagonal", "shape", m=2, n=2, alpha=0.5, block_beta=2),
        {"selberg": 0.05, "robbins-monro": 0.1},
        reference="shape",
    ),
    CoverageCase(
        BlockDiagonal(sizes=[1, 2, 3], alpha=1, block_beta=4),
        exact("block_diagonal", "weight", sizes=[1, 2, 3], alpha=1, block_beta=4),
        {"selberg": 0.05, "robbins-monro": 0.1},
    ),
    CoverageCase(
        Kronecker(2, 2, 1.0),
        exact("kronecker", "shape", dims=[2, 2], alpha=1),
        {"selberg": 0.05, "robbins-monro": 0.1},
        reference="shape",
    ),
]


def count_covered(case: CoverageCase, method: str, n_seeds: int) -> int:
    """Runs with seeds 0 .. n_seeds - 1 whose interval holds the exact kappa."""

    def covers(seed: int) -> bool:
        estimate = htmu.estimate_kappa(
            case.structure,
            tol=case.tol[method],
            method=method,
            reference=case.reference,
            seed=seed,
            n_threads=1,
        )
        assert estimate.converged
        return estimate.interval[0] <= case.kappa <= estimate.interval[1]

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return sum(pool.map(covers, range(n_seeds)))


@pytest.mark.parametrize("method", METHODS)
def test_coverage(method: str) -> None:
    """93-97 % of 5 x 400 runs: 4 binomial standard deviations, false alarms 4e-5.

    Each structure's 400 are held to the binomial quantiles of 1e-4 and 1 - 1e-4.
    """
    covered = [count_covered(case, method, 400) for case in CASES]
    assert 0.93 <= sum(covered) / (400 * len(CASES)) <= 0.97, covered
    low, high = (binom.ppf(level, 400, 0.95) for level in (1e-4, 1 - 1e-4))
    assert low <= min(covered) <= max(covered) <= high, covered


@pytest.mark.parametrize("method", METHODS)
def test_coverage_at_the_boundary(method: str) -> None:
    """1 x 1 blocks: kappa = 0, of which the one-sided interval misses 2.5 % (quantile 1e-4)."""
    case = CoverageCase(BlockDiagonal(4, 1, 1), 0.0, {"selberg": 0.05, "robbins-monro": 0.2})
    assert count_covered(case, method, 400) >= binom.ppf(1e-4, 400, 0.975)


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case.structure))
def test_coverage_of_4000_seeds(case: CoverageCase, method: str) -> None:
    """93-97 % for each structure: almost 6 binomial standard deviations if it is 95 %."""
    n_seeds = 4000
    share = count_covered(case, method, n_seeds) / n_seeds
    error = (share * (1 - share) / n_seeds) ** 0.5
    print(f"{case.structure!r} {method}: {100 * share:.2f} +- {100 * error:.2f} %")
    assert 0.93 <= share <= 0.97
