"""Make block_diagonal.json: kappa of independent Laguerre blocks, to more than 12 digits.

    python tests/reference/block_diagonal.py           recompute and compare with the table
    python tests/reference/block_diagonal.py --write   recompute and write the table

E S = sum over blocks of Selberg's within-block mean + sum over pairs of blocks of the double
integral of rho_i(x) rho_j(y) log|x - y| (laguerre.py), then kappa = N beta from the root of
E_{q_beta} S = E S with a = alpha. Reference "shape" subtracts N(N-1)/2 E log(sum l) from both
sides, the sum being a Gamma variable under either law. Double integrals with block_beta = 2 or
blocks of at most 3 are computed a second time in float64 from other formulas
(double_exponential.py; the only way for block_beta = 1 and half-integer alpha), the others are
compared with Monte Carlo: the table records by how much they differ.
"""

from __future__ import annotations

import argparse
import functools
import json
import sys
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import double_exponential
import laguerre
import monte_carlo
import mpmath as mp  # type: ignore[import-untyped]

TABLE = Path(__file__).with_suffix(".json")
DIGITS = 40  # digits asked of every double integral
REFERENCES = ("weight", "shape")


def cases() -> list[dict[str, Any]]:
    """The structures in the table: equal blocks (m, n) and unequal ones (sizes)."""
    rows: list[dict[str, Any]] = []

    def add(block_beta: int, alphas: tuple[float, ...], *shapes: tuple[int, int]) -> None:
        for m, n in shapes:
            for alpha in alphas:
                rows.append({"m": m, "n": n, "alpha": alpha, "block_beta": block_beta})

    add(1, (0, 1, 2, 3), (2, 2), (3, 2), (3, 3), (2, 5), (10, 3), (10, 10))
    add(1, (-0.5, 0.5), (3, 2), (3, 3))
    add(1, (1, 3), (1, 3), (4, 1))
    for m, n, alpha in ((31, 10, 4), (10, 31, 5), (30, 30, 1)):
        rows.append({"m": m, "n": n, "alpha": alpha, "block_beta": 1})
    add(2, (0, 0.5, 1, 3), (2, 2), (3, 2), (3, 3), (2, 5), (10, 3), (4, 10), (10, 10))
    add(2, (-0.5,), (3, 2), (3, 3))
    add(2, (1,), (1, 3), (4, 1))
    add(4, (0, 0.5, 1, 3), (2, 2), (3, 2), (3, 3), (2, 5), (10, 3))
    add(4, (1,), (1, 3), (4, 1))
    for sizes in ([1, 2, 3], [1, 1, 1, 4], [2, 5, 5]):
        for block_beta in (1, 2, 4):
            rows.append({"sizes": sizes, "alpha": 1, "block_beta": block_beta})
    return rows


def sizes_of(case: dict[str, Any]) -> list[int]:
    """Sizes of the blocks."""
    return list(case["sizes"]) if "sizes" in case else [case["n"]] * case["m"]


@functools.cache
def exact_pair(n1: int, n2: int, block_beta: int, alpha: float) -> Any:
    """Double integral between blocks of n1 and n2 by gamma mixtures, to DIGITS digits."""
    # The masses of the mixture grow like 10^(1.6 n) and their squares cancel.
    with mp.workdps(DIGITS + 20 + 5 * max(n1, n2)):
        first = laguerre.one_point_density(n1, block_beta, mp.mpf(alpha))
        second = first if n1 == n2 else laguerre.one_point_density(n2, block_beta, mp.mpf(alpha))
        if abs(mp.fsum(t.mass for t in first) - n1) > mp.mpf(10) ** -DIGITS:
            raise ArithmeticError(f"the density of {n1} eigenvalues has lost its digits")
        return laguerre.pair_log_distance(first, second)


@functools.cache
def second_pair(n1: int, n2: int, block_beta: int, alpha: float) -> float | None:
    """The same double integral in float64 from other formulas, where there are some."""
    if block_beta != 2 and max(n1, n2) > 3:
        return None
    densities = [
        double_exponential.unitary_density(n, alpha)
        if block_beta == 2
        else double_exponential.joint_density(n, block_beta, alpha)
        for n in (n1, n2)
    ]
    return double_exponential.pair_log_distance(densities[0], densities[1])


def mean_log_vandermonde(case: dict[str, Any]) -> tuple[Any, float, dict[str, Any]]:
    """E S with its error bound and how it was computed and checked."""
    sizes, alpha, block_beta = sizes_of(case), case["alpha"], case["block_beta"]
    total = mp.fsum(laguerre.mean_log_vandermonde(n, block_beta, mp.mpf(alpha)) for n in sizes)
    closed = block_beta != 1 or alpha == int(alpha)
    error, difference, stderrs = 1e-15, 0.0, []
    for (n1, n2), count in Counter(combinations(sizes, 2)).items():
        second = second_pair(n1, n2, block_beta, alpha)
        if closed:
            value = exact_pair(n1, n2, block_beta, alpha)
        else:
            value = mp.mpf(second)
            error += 1e-12 * count
        total += count * value
        if closed and second is not None:
            difference = max(difference, abs(float(second - value)) / n1 / n2)
        else:
            mean, stderr = monte_carlo.pair_log_distance(n1, n2, block_beta, alpha)
            stderrs.append(abs(float(value) - mean) / stderr)
    checked: dict[str, Any] = {
        "computed_by": f"gamma mixtures, {DIGITS} digits" if closed else "float64 quadrature"
    }
    if closed:
        checked["quadrature_difference"] = float(f"{difference:.1e}")
    if stderrs:
        checked["monte_carlo_stderrs"] = round(max(stderrs), 2)
    return total, error, checked


def make_row(case: dict[str, Any]) -> dict[str, Any]:
    """One entry of the table: both kappas of one structure."""
    mp.mp.dps = DIGITS
    sizes, alpha = sizes_of(case), mp.mpf(case["alpha"])
    size = sum(sizes)
    mean_s, error, checked = mean_log_vandermonde(case)
    total = mp.fsum(laguerre.trace_shape(n, case["block_beta"], alpha) for n in sizes)
    pairs = mp.mpf(size * (size - 1)) / 2
    means = {"weight": mean_s, "shape": mean_s - pairs * mp.digamma(total)}
    variances = {
        "weight": laguerre.var_log_vandermonde,
        "shape": laguerre.var_log_vandermonde_shape,
    }
    row: dict[str, Any] = {"structure": "block-diagonal", "parameters": case, "N": size}
    row["mean_log_vandermonde"] = float(mean_s)
    for reference in REFERENCES:
        beta = laguerre.projected_beta(size, alpha, means[reference], reference)
        # d kappa = N d(E S) / Var_{q_beta} S; one unit in the last place of the stored number.
        slope = size / float(variances[reference](size, beta, alpha))
        kappa = float(size * beta)
        row[reference] = {"kappa": kappa, "error": float(f"{error * slope + 2e-16 * kappa:.1e}")}
    return row | checked


def main() -> int:
    """Recompute the table; write it or compare it with the committed one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="replace the committed table")
    write = parser.parse_args().write
    rows = [make_row(case) for case in cases()]
    worst = max(row.get("quadrature_difference", 0.0) for row in rows)
    worst_z = max(row.get("monte_carlo_stderrs", 0.0) for row in rows)
    print(f"{len(rows)} structures; the second quadrature differs by at most {worst:.1e} a pair,")
    print(f"Monte Carlo by at most {worst_z} standard errors")
    if write:
        lines = ",\n".join("  " + json.dumps(row) for row in rows)
        TABLE.write_text(f"[\n{lines}\n]\n")
        return 0
    committed = json.loads(TABLE.read_text())
    gap = max(
        abs(old[reference]["kappa"] - new[reference]["kappa"])
        for old, new in zip(committed, rows, strict=True)
        for reference in REFERENCES
    )
    print(f"largest difference from {TABLE.name}: {gap:.1e}")
    return int(gap > 1e-10)


if __name__ == "__main__":
    sys.exit(main())
