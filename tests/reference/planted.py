"""Planted laws: tables of a known formula, with the errors of real sweeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

#: Standard error of a sweep's cells at its default tolerance.
NOISE = 5e-4
PAPER_SIZES = [3, 4, 7, 10, 14, 21, 31, 46, 68, 100]


class Planted(NamedTuple):
    """A true law and the least number of nodes that it takes."""

    law: Callable[..., Any]
    size: int


PLANTED = {
    "shift": Planted(lambda m, n, alpha: n - 1 + 0.06, 3),
    "ratio": Planted(lambda m, n, alpha: n * (1 - 0.3 / m), 7),
    "logarithm": Planted(lambda m, n, alpha: 0.7 * n + np.log(m), 6),
    "exponential": Planted(lambda m, n, alpha: n * np.exp(-0.2 * alpha), 6),
    "pole": Planted(lambda m, n, alpha: n / (0.5 + alpha), 5),
}
#: Beyond the exhaustive engine.
LARGE = {
    "two corrections": Planted(lambda m, n, alpha: n + 0.5 / m - 0.8 / n - 1, 11),
    "three terms": Planted(lambda m, n, alpha: 0.9 * n + 2 * np.log(m) - 0.5 * alpha, 12),
}


def table(law: Callable[..., Any], seed: int, sizes: list[int] | None = None) -> pd.DataFrame:
    """Rows of a law on a grid, with noise and its standard error."""
    values = PAPER_SIZES if sizes is None else sizes
    m, n, alpha = (
        axis.ravel().astype(float) for axis in np.meshgrid(values, values, [1, 2, 3, 4, 5])
    )
    rng = np.random.default_rng(seed)
    stderr = rng.uniform(0.5, 1.0, len(m)) * NOISE
    kappa = law(m, n, alpha) + stderr * rng.normal(size=len(m))
    return pd.DataFrame({"m": m, "n": n, "alpha": alpha, "kappa": kappa, "stderr": stderr})


def is_found(planted: Planted, found: Any) -> bool:
    """Whether the best law is the planted one: as small, and equal to it well beyond the rows."""
    m, n, alpha = np.meshgrid([2, 5, 50, 150], [2, 5, 50, 150], [0.5, 2.5, 7])
    truth = planted.law(m, n, alpha)
    values = found.best(m=m, n=n, alpha=alpha) if set(found.features) == {"m", "n", "alpha"} else 0
    close = np.allclose(values, truth, rtol=1e-4, atol=2 * NOISE)
    return bool(found.best.complexity <= planted.size and close)
