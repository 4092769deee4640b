"""No law fails: kappa 1e-4 to 1e5, gamma 1e-6 to 1, integer delta and its neighbours."""

from __future__ import annotations

import numpy as np
import pytest

from htmu._core.special import HtmpTable

SEED = 20250604
PROBABILITIES = np.array([1e-280, 1e-100, 1e-12, 1e-3, 0.2, 0.5, 0.8])


def random_law(rng: np.random.Generator) -> tuple[float, float]:
    """(b, delta); a third of the laws at an integer delta, or a whisker from it."""
    b = float(np.exp(rng.uniform(np.log(1e-4), np.log(1e5)))) / 2
    gamma = float(np.exp(rng.uniform(np.log(1e-6), 0)))
    delta = b * (1 / gamma - 1)
    if rng.random() < 1 / 3:
        near = float(np.rint(delta))
        delta = max(0.0, near + float(rng.choice([0.0, 0.0, 1e-9, -1e-9, np.spacing(near)])))
    return b, delta


def failure(b: float, delta: float, rng: np.random.Generator) -> str | None:
    """What is wrong with a law, if anything."""
    try:
        table = HtmpTable(b, delta)
    except Exception as error:
        return repr(error)
    if not abs(table.mismatch) <= 1e-12:
        return f"mismatch {table.mismatch}"
    width = np.sqrt(b / (b + delta) * (1 + 1 / b))
    x = np.concatenate([
        10.0 ** rng.uniform(-320, 300, 20),
        np.abs(1 + width * rng.uniform(-4, 4, 60)),
    ])  # fmt: skip
    f, cdf, sf, logpdf = table.pdf(x), table.cdf(x), table.sf(x), table.logpdf(x)
    if not (np.isfinite(cdf) & np.isfinite(sf) & ~np.isnan(logpdf) & (f >= 0)).all():
        return f"not finite at {x[~(np.isfinite(cdf) & np.isfinite(sf) & ~np.isnan(logpdf))]}"
    if not (np.abs(cdf + sf - 1) <= 1e-12).all():
        return f"F + S - 1 = {np.abs(cdf + sf - 1).max()}"
    order = np.argsort(x)
    slack = 1 + 2e-12
    if not (cdf[order][:-1] <= cdf[order][1:] * slack).all():
        return "F falls"
    if not (sf[order][1:] <= sf[order][:-1] * slack).all():
        return "S rises"
    quantile = table.ppf(PROBABILITIES)
    inside = quantile > 1e-300
    back = table.cdf(quantile)[inside] / PROBABILITIES[inside] - 1
    slope = quantile[inside] * table.pdf(quantile[inside])
    slope /= np.minimum(PROBABILITIES, 1 - PROBABILITIES)[inside]
    if not (np.abs(back) <= 1e-13 + 4 * np.finfo(float).eps * slope).all():
        return f"round trip {back}"
    return None


def failures(count: int, seed: int) -> list[str]:
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        b, delta = random_law(rng)
        what = failure(b, delta, rng)
        if what is not None:
            found.append(f"HtmpTable({b!r}, {delta!r}): {what}")
    return found


def test_a_thousand_random_laws(instruction_set: str) -> None:
    assert failures(1000, SEED) == []


@pytest.mark.slow
def test_ten_thousand_random_laws(instruction_set: str) -> None:
    assert failures(10_000, SEED + 1) == []
