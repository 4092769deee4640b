"""Make htmp.json: the HTMP law to 25 digits, from kappa 1e-4 to 1e5, in the bulk and both tails.

    python tests/reference/htmp.py           recompute and compare with the table
    python tests/reference/htmp.py --write   recompute and write the table

log f, log10 F and log10 S are contour integrals (htmp_contour.py), each taken twice with different
polygons and rules: `difference` is the largest difference of log f, and relative difference of the
smaller of F and S. A branch of the phase arg I is chosen by quadrature of f between neighbouring
points, in float64. That quadrature is also a second way to F and S: `quadrature` is the largest
relative difference of F_i - F_(i-1) where F < 1/2, of S_(i-1) - S_i elsewhere; it is limited by
float64 (about 1e-16 times the exponents, b + delta and more). The second way to f and the phase is
`hyperu` (mpmath, kappa <= 100, non-integer delta, y <= 300) and `series`, the two Kummer series of
DLMF 13.2.42 summed in integers of thousands of digits (kappa up to 1e5): the largest difference of
log f and of |sin arg U|. Gradients are central differences of the contour integral, with two steps.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
import math
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import htmp_contour as contour
import mpmath as mp  # type: ignore[import-untyped]
import numpy as np

TABLE = Path(__file__).with_suffix(".json")
DIGITS = 26
Row = dict[str, Any]
Real = contour.Real


def laws() -> list[tuple[float, float]]:
    """(b, delta): kappa = 2 b, gamma = b / (b + delta)."""
    pairs: list[tuple[float, float]] = []
    for kappa, gammas in (
        (1e-4, (0.02, 0.5)),
        (0.01, (0.02, 0.3)),
        (0.3, (0.02, 0.75)),
        (2.0, (0.03, 0.6)),
        (5.5, (0.02, 0.3255, 0.9)),
        (20.0, (0.07, 0.5)),
        (60.0, (0.02, 0.1, 0.8)),
        (200.0, (0.02, 0.37)),
        (1e3, (0.02, 0.3, 0.93)),
        (1e4, (0.02, 0.55)),
        (1e5, (0.02, 0.4, 0.97)),
        # Below gamma = 0.02.
        (1e-4, (1e-6,)),
        (0.7, (1e-3, 1e-6)),
        (31.0, (1e-4,)),
        (700.0, (5e-3,)),
    ):
        pairs += [(kappa / 2, kappa / 2 * (1 / gamma - 1)) for gamma in gammas]
    # delta by itself: kappa -> 0 at fixed delta, gamma = 1, integers and their neighbours.
    pairs += [(5e-5, 0.0), (5e-5, 1.0), (5e-5, 7.3), (0.05, 0.0), (1.0, 0.0), (2.75, 0.0)]
    pairs += [(100.0, 0.0), (5e4, 0.0), (2.75, 1e-9), (500.0, 1e-9), (5e-5, 1e-9)]
    pairs += [(b, n + t) for b, n in ((0.4, 1), (2.75, 6), (30.0, 50)) for t in (-1e-9, 0.0, 1e-9)]
    pairs += [(50.0, 2450.0), (3.0, 4.0), (500.0, 500.0), (5e4, 1e5)]
    return pairs


@functools.cache
def log_xf(b: float, delta: float, s: float) -> float:
    return contour.log_density_double(b, delta, s)[0] + s


def solve_level(b: float, delta: float, level: float, end: float) -> float:
    """s between 0 and ``end`` where log(x f) falls to ``level``; ``end`` if it does not."""
    if log_xf(b, delta, end) > level:
        return end
    inner, outer = 0.0, end
    for _ in range(40):
        middle = (inner + outer) / 2
        if log_xf(b, delta, middle) > level:
            inner = middle
        else:
            outer = middle
        if abs(outer - inner) < 1e-3 * abs(outer):
            break
    return (inner + outer) / 2


def points(b: float, delta: float) -> list[float]:
    """x from one far tail to the other, ascending."""
    gamma = b / (b + delta)
    s = {0.0}
    for level in (-4.0, -30.0, -200.0, -650.0, -6000.0):
        # Beyond, float64 is too short for x.
        s.add(solve_level(b, delta, level, -690.0))
        s.add(solve_level(b, delta, level, math.log(2e4)))
    lower, upper = (1 - math.sqrt(gamma)) ** 2, (1 + math.sqrt(gamma)) ** 2
    # Just beyond the edges: on them the two saddles, where the paths start, would be one.
    s |= {math.log(max(lower, 1e-6)) - 2e-3, math.log(upper) + 2e-3}
    s |= {math.log(0.7 * upper + 0.3 * lower), math.log(0.2 * upper + 0.8 * lower)}
    ordered = sorted(s)
    kept = [ordered[0]]
    for value in ordered[1:]:
        if value > kept[-1] + 1e-6:
            kept.append(value)
    return [math.exp(value) for value in kept]


def mass(b: float, delta: float, lower: float, upper: float) -> tuple[float, float]:
    """Integral of x f over s in [lower, upper] as (mantissa, logarithm of the unit)."""
    nodes, weights = np.polynomial.legendre.leggauss(14)
    at = max(
        log_xf(b, delta, lower), log_xf(b, delta, upper), log_xf(b, delta, (lower + upper) / 2)
    )

    def rule(a: float, c: float) -> float:
        s = (a + c) / 2 + (c - a) / 2 * nodes
        values = [math.exp(min(700.0, log_xf(b, delta, v) - at)) for v in s]
        return float(np.dot(weights, values)) * (c - a) / 2

    def refine(a: float, c: float, whole: float, depth: int) -> float:
        middle = (a + c) / 2
        left, right = rule(a, middle), rule(middle, c)
        if depth > 40 or abs(left + right - whole) <= 1e-9 * max(total, abs(left + right)):
            return left + right
        return refine(a, middle, left, depth + 1) + refine(middle, c, right, depth + 1)

    pieces = np.linspace(lower, upper, 5)
    first = [rule(a, c) for a, c in itertools.pairwise(pieces)]
    total = sum(first)
    parts = zip(pieces, pieces[1:], first, strict=False)
    return sum(refine(float(a), float(c), w, 0) for a, c, w in parts), at


def kummer_series(a: Real, c: Real, y: Real, bits: int) -> Real:
    """M(a, c, -y) in fixed point; a, c, y are dyadic rationals."""
    unit = 2**1074
    scaled = [int(v * unit) for v in (a, c, y)]
    common = min(1074, *((v & -v).bit_length() - 1 for v in scaled if v))
    first, second, argument = (mp.libmp.MPZ(v >> common) for v in scaled)
    one = mp.libmp.MPZ(1) << (1074 - common)
    term = total = mp.libmp.MPZ(1) << bits
    k = 0
    while abs(term) > 1 or k < y:
        term = -term * ((first + k * one) * argument) // ((second + k * one) * (k + 1) * one)
        total += term
        k += 1
    with mp.workprec(400):
        return mp.mpf(int(total)) / mp.mpf(2) ** bits


def u_by_series(b: float, delta: float, x: float) -> Any:
    """U on its cut from the two Kummer series, DLMF 13.2.42; delta not an integer."""
    with mp.workprec(1200):  # sums and products of the given numbers are then exact
        bb, dd = mp.mpf(b), mp.mpf(delta)
        y = (bb + dd) * mp.mpf(x)
        bits = int(4 * (y + bb) + 2 * dd) + 600
        one = kummer_series(bb, 1 - dd, y, bits)
        two = kummer_series(bb + dd, 1 + dd, y, bits)
        with mp.workdps(70):
            first = mp.gamma(dd) / mp.gamma(bb + dd) * one
            second = mp.gamma(-dd) / mp.gamma(bb) * y**dd * two
            return first + second * mp.expjpi(-dd)


def compare(b: float, delta: float, x: float, log_f: Real, phase: Real, u: Any) -> float:
    """Difference from log f and |sin phase| by a value of U."""
    y = (mp.mpf(b) + mp.mpf(delta)) * mp.mpf(x)
    other = delta * mp.log(y) - y - mp.log(x) - mp.loggamma(mp.mpf(b) + 1)
    other -= mp.loggamma(mp.mpf(b) + delta) + 2 * mp.log(abs(u))
    sine = abs(mp.sin(phase)) - abs(u.imag) / abs(u)
    return float(max(abs(other - log_f), abs(sine)))


def by_hyperu(b: float, delta: float, x: float, log_f: Real, phase: Real) -> float | None:
    y = (b + delta) * x
    if b > 50 or not 1e-10 < y < 300 or abs(delta - round(delta)) < 1e-6 or delta > 300:
        return None
    with mp.workdps(60 + int(delta)):
        u = mp.hyperu(mp.mpf(b), 1 - mp.mpf(delta), -(mp.mpf(b) + mp.mpf(delta)) * mp.mpf(x))
        return compare(b, delta, x, log_f, phase, u)


def text(value: Real) -> str:
    return str(mp.nstr(value, DIGITS, strip_zeros=False))


def make_law(law: tuple[float, float]) -> Row:
    """One entry of the table."""
    b, delta = law
    total = math.pi * b
    rows: list[list[str]] = []
    differences, quadratures, hyperus = [0.0], [0.0], []
    before = None
    for x in points(b, delta):
        s = math.log(x)
        if before is None:
            guess = contour.log_density_double(b, delta, s)[1]
        else:
            between, at = mass(b, delta, before[0], s)
            guess = before[1] + total * between * math.exp(at)
        value = contour.evaluate(b, delta, x, guess)
        differences += [value.logpdf_error, value.phase_error]
        with mp.workdps(60):
            cdf, sf = mp.exp(value.log_cdf), mp.exp(value.log_sf)
            if before is not None:
                step = mp.mpf(between) * mp.exp(mp.mpf(at))
                if cdf < 0.5:
                    quadratures.append(float(abs((cdf - before[2] - step) / cdf)))
                else:
                    quadratures.append(float(abs((before[3] - sf - step) / before[3])))
            before = s, float(cdf) * total, cdf, sf
            other = by_hyperu(b, delta, x, value.logpdf, mp.pi * b * min(cdf, sf))
            if other is not None and cdf < sf:
                hyperus.append(other)
            ten = mp.log(10)
            logs = value.logpdf, value.log_cdf / ten, value.log_sf / ten
            rows.append([x.hex(), *map(text, logs)])
    row: Row = {"b": b.hex(), "delta": delta.hex(), "kappa": 2 * b, "gamma": b / (b + delta)}
    row |= {"difference": max(differences), "quadrature": max(quadratures)}
    row |= {"hyperu": max(hyperus, default=None), "points": rows}
    print(f"kappa {2 * b:g} delta {delta:g}: {row['difference']:.1e} {row['quadrature']:.1e} "
          f"{row['hyperu']} {len(rows)} points", file=sys.stderr, flush=True)  # fmt: skip
    return row


def series_row(case: tuple[float, float, float]) -> Row:
    """A bulk point by the Kummer series: the difference from the contour."""
    b, delta, x = case
    point = contour.Point(b, delta, x)
    with mp.workdps(point.digits):
        log_modulus, phase = point.modulus_and_phase()
        log_f = point.log_density(log_modulus)
        difference = compare(b, delta, x, log_f, phase, u_by_series(b, delta, x))
    return {"b": b.hex(), "delta": delta.hex(), "x": x.hex(), "difference": difference}


def series_cases() -> list[tuple[float, float, float]]:
    grid = ((500.0, 300.3, (0.3, 1.0, 2.5)), (500.0, 4500.7, (0.8, 1.0)), (5e3, 5e3 + 0.3, (1.0,)))
    cases = [(b, delta, x) for b, delta, xs in grid for x in xs]
    return [*cases, (5e3, 0.3, 0.01), (5e3, 0.3, 2.5), (5e4, 0.3, 0.05), (5e4, 100.3, 0.2)]


def gradient_row(case: tuple[float, float, float]) -> Row:
    """log f and its derivatives in b, delta (at fixed x) and log x."""
    b, delta, x = case

    def log_f(at: tuple[Real, Real, Real], rule: contour.Rule) -> Real:
        point = contour.Point(*at, rule)
        with mp.workdps(point.digits):
            return point.log_density(point.modulus_and_phase()[0])

    with mp.workdps(70):
        found = []
        for rule, step in ((contour.FINE, mp.mpf("1e-13")), (contour.FINER, mp.mpf("1e-12"))):
            hb, hd = step * b, step * max(delta, min(1, b))
            pairs = (
                ((b + hb, delta, x), (b - hb, delta, x), hb),
                ((b, delta + hd, x), (b, delta - hd, x), hd),
                ((b, delta, x * mp.exp(step)), (b, delta, x * mp.exp(-step)), step),
            )
            slopes = [(log_f(p, rule) - log_f(m, rule)) / (2 * h) for p, m, h in pairs]
            found.append(slopes)
        difference = max(
            float(abs(p - q)) / (1 + abs(float(p))) for p, q in zip(*found, strict=True)
        )
        values = [log_f(case, contour.FINE), *found[0]]
        return {"b": b.hex(), "delta": delta.hex(), "x": x.hex(), "difference": difference,
                "values": [str(mp.nstr(v, 20)) for v in values]}  # fmt: skip


def gradient_cases() -> list[tuple[float, float, float]]:
    grid: list[tuple[float, float, tuple[float, ...]]] = [
        (5e-5, 2.5, (1e-3, 1.0, 4.0)),
        (0.005, 0.7, (1e-6, 0.5, 9.0)),
        (0.15, 0.0, (0.01, 1.0, 5.0)),
        (2.75, 5.7, (0.03, 0.3, 1.0, 2.4, 7.0)),
        (2.75, 0.0, (1e-9, 0.2, 3.0)),
        (2.75, 6.0, (0.3, 1.0, 4.0)),
        (30.0, 50.0, (0.1, 0.8, 2.9, 5.0)),
        (30.0, 0.4, (1e-4, 1.5, 4.2)),
        (250.0, 250.0, (0.06, 0.5, 3.0)),
        (500.0, 24500.0, (0.7, 1.0, 1.4)),
        (5e3, 5e3, (0.08, 1.0, 2.95)),
        (5e4, 7.5e4, (0.12, 1.0, 2.7)),
    ]
    return [(b, delta, x) for b, delta, xs in grid for x in xs]


def worst_change(old: Row, new: Row) -> float:
    """Largest difference of a number of two tables, relative to 1 + its size."""

    def numbers(table: Row) -> list[float]:
        rows = [p[1:] for law in table["laws"] for p in law["points"]]
        rows += [row["values"] for row in table["gradients"]]
        return [float(v) for row in rows for v in row]

    a, b = np.array(numbers(old)), np.array(numbers(new))
    return math.inf if a.shape != b.shape else float(np.max(np.abs(a - b) / (1 + np.abs(a))))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="replace the table")
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    with ProcessPoolExecutor(arguments.processes) as pool:
        series = pool.map(series_row, series_cases())
        gradients = pool.map(gradient_row, gradient_cases())
        table = {
            "laws": list(pool.map(make_law, laws())),
            "series": list(series),
            "gradients": list(gradients),
        }
    if not arguments.write:
        change = worst_change(json.loads(TABLE.read_text()), table)
        print(f"largest change: {change:.1e}")
        return int(change > 1e-15)
    parts = [
        f'"{name}": [\n' + ",\n".join(json.dumps(row) for row in rows) + "\n]"
        for name, rows in table.items()
    ]
    TABLE.write_text("{" + ",\n".join(parts) + "}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
