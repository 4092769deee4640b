"""Make kronecker.json: "shape" kappa of Kronecker products of factors of size 2 and 3.

    python tests/reference/kronecker.py           recompute and compare with the table
    python tests/reference/kronecker.py --write   recompute and write the table

Factor j of size n_j has the eigenvalues of a real Laguerre ensemble (beta = 1) with exponent
alpha N / n_j. Two products that differ in the factors T have the log-distance
sum_j log x_j + log|1 - prod_T R_j|, R_j the ratio of two eigenvalues of factor j, so
E S = N(N-1)/2 sum_j E log x_j + sum over T of 1/2 N prod_T (n_j - 1) L_T. The law of D = log R is
symmetric, hence L_T = E log|2 sinh(sum_T D_j / 2)|. For one factor it is Selberg's integral
(which checks the density of D); for more it is a nested double-exponential quadrature in float64,
repeated with more nodes. Two factors of size 2 also have a closed form, and all rows are compared
with Monte Carlo.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import laguerre
import monte_carlo
import mpmath as mp  # type: ignore[import-untyped]
import numpy as np
from double_exponential import Array, half_line, unit_interval
from scipy.special import gammaln

TABLE = Path(__file__).with_suffix(".json")
NODES, MORE_NODES = 120, 170
Density = Callable[[Array], Array]


def cases() -> list[dict[str, Any]]:
    """The structures in the table."""
    grid: list[tuple[list[int], tuple[float, ...]]] = [
        ([2, 2], (0, 0.5, 1, 2, 5)),
        ([2, 3], (0, 0.5, 1, 2)),
        ([3, 2], (1,)),
        ([3, 3], (-0.1, 0, 0.5, 1, 2, 5)),
        ([2, 2, 2], (0, 0.5, 1)),
        ([3, 2, 2], (0,)),
    ]
    return [{"dims": dims, "alpha": alpha} for dims, alphas in grid for alpha in alphas]


def log_ratio_density(n: int, a: float) -> Density:
    """Density on d > 0 of |log(l_i / l_j)| for two eigenvalues of the n-point ensemble, n = 2, 3.

    The radial integral of e^(-sum) is Gamma(P) / sum^P, P = n (a + 1) + n (n - 1) / 2; for n = 3
    the third eigenvalue, w times the largest of the pair, is integrated numerically.
    """
    power = n * (a + 1) + n * (n - 1) / 2
    # Selberg's normalisation, including n! / (2 (n - 2)!) choices of the pair.
    log_z = sum(gammaln(1 + (j + 1) / 2) + gammaln(a + 1 + j / 2) - gammaln(1.5) for j in range(n))
    scale = np.exp(gammaln(power) - log_z) * 2

    def density(d: Array) -> Array:
        r, gap = np.exp(-d), -np.expm1(-d)
        pair = scale * r ** (a + 1) * gap
        if n == 2:
            return np.asarray(pair / (1 + r) ** power)
        return np.asarray(pair * third(r, gap))

    def third(r: Array, gap: Array) -> Array:
        s, complement, weight = unit_interval(120)
        rr, gg = r[..., None], gap[..., None]
        # Panels (0, r), (r, 1), (1, inf) of w, the last in 1 / w.
        w = rr * s
        total = np.sum(rr * weight * w**a * (1 - w) * rr * complement / (1 + rr + w) ** power, -1)
        w = rr + gg * s
        total += np.sum(
            gg * weight * w**a * gg * complement * gg * s / (1 + rr + w) ** power, axis=-1
        )
        inverse = power - a - 4
        total += np.sum(
            weight * s**inverse * complement * (1 - rr * s) / (s * (1 + rr) + 1) ** power, axis=-1
        )
        return np.asarray(total)

    if n not in (2, 3):
        raise ValueError(f"n must be 2 or 3, got {n}")
    return density


def convolved(first: Density, second: Density, count: int) -> Density:
    """Density of |D1 + D2| for symmetric D with the given densities of |D|."""
    s, complement, weight = unit_interval(count)
    v, wv = half_line(count)
    first_at_v, second_at_v = first(v), second(v)

    def density(d: Array) -> Array:
        column = d[..., None]
        # D1 D2 > 0 contributes (0, d); D1 D2 < 0 the two outer pieces.
        total = np.sum(column * weight * first(column * s) * second(column * complement), axis=-1)
        total += np.sum(wv * first(column + v) * second_at_v, axis=-1)
        total += np.sum(wv * second(column + v) * first_at_v, axis=-1)
        return np.asarray(total / 2)

    return density


def log_sinh(x: Array) -> Array:
    """log(2 sinh(x)) for x > 0."""
    return np.asarray(x + np.log(-np.expm1(-2 * x)))


def mean_log_one_minus_ratio(first: Density, second: Density, count: int) -> float:
    """E log|2 sinh((D1 + D2) / 2)| = 1/2 E log|2 cosh D1 - 2 cosh D2|."""
    x, wx = half_line(count)
    s, complement, weight = unit_interval(count)
    v, wv = half_line(count)
    column = x[:, None]
    below = log_sinh(column * (1 + s) / 2) + log_sinh(column * complement / 2)
    above = log_sinh(column + v / 2) + log_sinh(v / 2)
    inner = np.sum(column * weight * second(column * s) * below, axis=-1)
    inner += np.sum(wv * second(column + v) * above, axis=-1)
    return float(np.sum(wx * first(x) * inner) / 2)


def log_distances(
    dims: list[int], exponents: list[float], count: int
) -> dict[tuple[int, ...], Any]:
    """L_T for every set T of factors."""
    densities = [log_ratio_density(n, a) for n, a in zip(dims, exponents, strict=True)]
    values: dict[tuple[int, ...], Any] = {}
    for size in range(1, len(dims) + 1):
        for chosen in combinations(range(len(dims)), size):
            if size == 1:
                values[chosen] = selberg_log_distance(dims[chosen[0]], exponents[chosen[0]])
                continue
            # The dearest density, which is the largest factor's, is left out of the convolution.
            *others, last = (densities[j] for j in sorted(chosen, key=lambda j: dims[j]))
            compound = others[0]
            for other in others[1:]:
                compound = convolved(compound, other, 60 * count // NODES)
            values[chosen] = mean_log_one_minus_ratio(last, compound, count)
    return values


def selberg_log_distance(n: int, a: float) -> Any:
    """E log|1 - R| of one factor: E S over its pairs, less E log l."""
    mean_log = mp.fsum(mp.digamma(mp.mpf(a) + 1 + mp.mpf(j) / 2) for j in range(n)) / n
    return laguerre.mean_log_vandermonde(n, 1, a) / (mp.mpf(n * (n - 1)) / 2) - mean_log


def density_defect(n: int, a: float) -> float:
    """Largest error of the mass and of E log|1 - R| from the density of log R."""
    x, wx = half_line(NODES)
    values = wx * log_ratio_density(n, a)(x)
    distance = np.sum(values * log_sinh(x / 2))
    return max(abs(float(np.sum(values)) - 1), abs(float(distance - selberg_log_distance(n, a))))


def mean_log_vandermonde_shape(dims: list[int], alpha: float, count: int) -> Any:
    """E S of the products divided by their sum."""
    size = int(np.prod(dims))
    exponents = [alpha * size / n for n in dims]
    pairs = mp.mpf(size * (size - 1)) / 2
    total = mp.mpf(0)
    for n, a in zip(dims, exponents, strict=True):
        mean_log = mp.fsum(mp.digamma(mp.mpf(a) + 1 + mp.mpf(j) / 2) for j in range(n)) / n
        total += pairs * (mean_log - mp.digamma(laguerre.trace_shape(n, 1, a)))
    for chosen, value in log_distances(dims, exponents, count).items():
        differing = mp.mpf(size) / 2
        for j in chosen:
            differing *= dims[j] - 1
        total += differing * value
    return total


def closed_form_two_by_two(alpha: float) -> Any:
    """E S_shape of dims (2, 2): with u = (1 + sqrt t) / 2, 1 - t ~ Beta(c, 1), c = 2 alpha + 1."""
    c = 2 * mp.mpf(alpha) + 1
    step = mp.digamma(c) - mp.digamma(c + 1)
    spread = mp.digamma(1) - mp.digamma(c + 1)
    return 2 * (step - mp.log(4)) + 2 * spread + (step / 2 + spread) - 2 * mp.log(2)


def make_row(case: dict[str, Any]) -> dict[str, Any]:
    """One entry of the table."""
    mp.mp.dps = 40
    dims, alpha = case["dims"], case["alpha"]
    size = int(np.prod(dims))
    exponents = [alpha * size / n for n in dims]
    pairs = size * (size - 1) / 2
    defect = max(map(density_defect, dims, exponents))
    if dims == [2, 2]:
        mean_s, how = closed_form_two_by_two(alpha), "closed form, 40 digits"
        quadrature = mean_log_vandermonde_shape(dims, alpha, NODES)
        error = 1e-15
    else:
        mean_s = mean_log_vandermonde_shape(dims, alpha, MORE_NODES)
        quadrature = mean_log_vandermonde_shape(dims, alpha, NODES)
        how = "double-exponential quadrature in float64"
        error = max(1e-12, 10 * abs(float(quadrature - mean_s)), pairs * defect)
    mean, stderr = monte_carlo.kronecker_log_vandermonde(dims, exponents)
    check = {
        "quadrature_difference": float(f"{abs(float(quadrature - mean_s)):.1e}"),
        "density_defect": float(f"{defect:.1e}"),
        "monte_carlo_stderrs": round(abs(float(mean_s) - mean) / stderr, 2),
    }
    beta = laguerre.projected_beta(size, mp.mpf(alpha), mean_s, "shape")
    slope = size / float(laguerre.var_log_vandermonde_shape(size, beta, mp.mpf(alpha)))
    kappa = float(size * beta)
    shape = {"kappa": kappa, "error": float(f"{error * slope + 2e-16 * kappa:.1e}")}
    return {
        "structure": "kronecker",
        "parameters": case,
        "N": size,
        "mean_log_vandermonde_shape": float(mean_s),
        "shape": shape,
        "computed_by": how,
    } | check


def main() -> int:
    """Recompute the table; write it or compare it with the committed one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="replace the committed table")
    write = parser.parse_args().write
    rows = [make_row(case) for case in cases()]
    for row in rows:
        print(row["parameters"], row["shape"], row["computed_by"])
    if write:
        lines = ",\n".join("  " + json.dumps(row) for row in rows)
        TABLE.write_text(f"[\n{lines}\n]\n")
        return 0
    committed = json.loads(TABLE.read_text())
    gap = max(
        abs(old["shape"]["kappa"] - new["shape"]["kappa"])
        for old, new in zip(committed, rows, strict=True)
    )
    print(f"largest difference from {TABLE.name}: {gap:.1e}")
    return int(gap > 1e-9)


if __name__ == "__main__":
    sys.exit(main())
