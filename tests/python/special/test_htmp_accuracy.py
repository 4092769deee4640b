"""HtmpTable against tests/reference/htmp.json, on every instruction set."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from htmu._core.special import HtmpTable

pytestmark = pytest.mark.usefixtures("instruction_set")
Array = NDArray[np.float64]
TABLE = json.loads((Path(__file__).parents[2] / "reference" / "htmp.json").read_text())
#: F and S are compared down to here as numbers, beyond as logarithms.
SMALLEST = -290.0


@dataclass(frozen=True)
class Reference:
    """A law's rows as arrays, in long double so that exponentials of logarithms are right."""

    b: float
    delta: float
    x: Array
    logpdf: NDArray[np.longdouble]
    log10_cdf: NDArray[np.longdouble]
    log10_sf: NDArray[np.longdouble]

    @property
    def kappa(self) -> float:
        return 2 * self.b

    @property
    def gamma(self) -> float:
        return self.b / (self.b + self.delta)

    def table(self, gradient: bool = False) -> HtmpTable:
        return HtmpTable(self.b, self.delta, gradient=gradient)


def reference(row: dict[str, Any]) -> Reference:
    columns = list(zip(*row["points"], strict=True))
    return Reference(
        float.fromhex(row["b"]),
        float.fromhex(row["delta"]),
        np.array([float.fromhex(v) for v in columns[0]]),
        np.array(columns[1], np.longdouble),
        np.array(columns[2], np.longdouble),
        np.array(columns[3], np.longdouble),
    )


LAWS = [reference(row) for row in TABLE["laws"]]
each_law = pytest.mark.parametrize("law", LAWS, ids=lambda law: f"{law.kappa:g}-{law.delta:.10g}")


def report(law: Reference, error: Array, bound: Array | float) -> str:
    worst = int(np.argmax(error / bound))
    where = (
        f"b {law.b!r} delta {law.delta!r} x {float(law.x[worst])!r} log f {law.logpdf[worst]:.6g}"
    )
    return f"error {error[worst]:.2e} at {where}"


def assert_within(law: Reference, error: Array, bound: Array | float) -> None:
    assert np.isfinite(error).all(), report(law, np.where(np.isfinite(error), 0.0, 1.0), 1.0)
    assert (error <= bound).all(), report(law, error, bound)


def test_the_table_of_references_is_consistent() -> None:
    for row in [*TABLE["laws"], *TABLE["series"]]:
        assert row["difference"] < 1e-25
        assert (row.get("hyperu") or 0.0) < 1e-20
    # The float64 quadrature sees the phase's branch and more, but not 25 digits.
    assert max(row["quadrature"] for row in TABLE["laws"] if row["gamma"] >= 0.02) < 1e-7
    assert max(row["quadrature"] for row in TABLE["laws"]) < 1e-4


@each_law
def test_log_density(law: Reference) -> None:
    error = np.abs(law.table().logpdf(law.x) - law.logpdf).astype(float)
    bound = 5e-14 * np.maximum(1, np.abs(law.logpdf.astype(float)))
    if law.kappa > 1e3:
        # Next to an edge log f changes by kappa^(2/3) and more per unit of log x: what half a unit
        # in the last place of x, b and delta does is larger than the bound.
        _, by_b, by_delta, by_log_x = HtmpTable(law.b, law.delta, True).gradient(law.x)
        slopes = np.abs(by_log_x) + law.b * np.abs(by_b) + law.delta * np.abs(by_delta)
        bound = bound + 0.5 * np.finfo(float).eps * np.where(law.x > 0, slopes, 0.0)
    assert_within(law, error, bound)


@each_law
def test_density(law: Reference) -> None:
    if law.gamma < 0.02 * (1 - 1e-12):
        pytest.skip("the relative error of the density is stated for gamma >= 0.02")
    bulk = np.abs(law.logpdf) <= 30
    error = np.zeros_like(law.x)
    error[bulk] = np.abs(law.table().pdf(law.x[bulk]) / np.exp(law.logpdf[bulk]) - 1)
    assert_within(law, error, 2e-13 if law.kappa <= 1e3 else 5e-12)


@each_law
@pytest.mark.parametrize("side", ["cdf", "sf"])
def test_both_distribution_functions(law: Reference, side: str) -> None:
    exact = law.log10_cdf if side == "cdf" else law.log10_sf
    kept = exact > SMALLEST
    table = law.table()
    found = (table.cdf if side == "cdf" else table.sf)(law.x)
    true = np.power(np.longdouble(10), exact)
    bound = 5e-13 if law.kappa <= 1e3 else 5e-12
    error = np.where(kept, np.abs(found / np.where(kept, true, 1) - 1), 0).astype(float)
    assert_within(law, error, bound)
    # Beyond, only what underflow leaves.
    assert (found[~kept] <= 1.001e-290).all()


@each_law
@pytest.mark.parametrize("side", ["logcdf", "logsf"])
def test_logarithms_of_both_distribution_functions(law: Reference, side: str) -> None:
    exact = law.log10_cdf if side == "logcdf" else law.log10_sf
    true = (exact * np.log(np.longdouble(10))).astype(float)
    table = law.table()
    found = (table.logcdf if side == "logcdf" else table.logsf)(law.x)
    bound = 5e-13 if law.kappa <= 1e3 else 5e-12
    # Near 0 the logarithm is minus the other tail, relatively accurate as that is.
    scale = np.where(np.abs(true) < 1, np.abs(true), np.maximum(1, 0.1 * np.abs(true)))
    assert_within(law, np.abs(found - true), bound * scale + 1e-300)


@each_law
@pytest.mark.parametrize("side", ["cdf", "sf"])
def test_quantiles_return(law: Reference, side: str) -> None:
    table = law.table()
    there, back = (table.cdf, table.ppf) if side == "cdf" else (table.sf, table.isf)
    p = there(law.x)
    # Where p is close to 1 many x share it: there the other side is the one that returns.
    x = law.x[(p > 1e-290) & (p <= 0.5)]
    smaller = np.minimum(table.cdf(x), table.sf(x))
    slope = x * table.pdf(x) / smaller
    error = np.abs(there(back(there(x))) / there(x) - 1)
    worst = error - (1e-13 + 4 * np.finfo(float).eps * slope)
    assert (worst <= 0).all(), (
        f"b {law.b!r} delta {law.delta!r} x {x[worst > 0]} {error[worst > 0]}"
    )


@pytest.mark.parametrize("row", TABLE["gradients"])
def test_gradient(row: dict[str, Any]) -> None:
    assert row["difference"] < 1e-18
    b, delta, x = (float.fromhex(row[name]) for name in ("b", "delta", "x"))
    exact = np.array(row["values"], float)
    found = HtmpTable(b, delta, gradient=True).gradient(np.array([x]))[:, 0]
    error = np.abs(found - exact) / np.maximum(1, np.abs(exact))
    assert error[0] <= 5e-14 and (error[1:] <= 1e-10).all(), (b, delta, x, error)  # noqa: PT018
