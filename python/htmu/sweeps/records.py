"""One finished cell: its estimate, and where the numbers came from."""

from __future__ import annotations

import platform
from dataclasses import dataclass, fields
from datetime import datetime, timezone
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from types import NoneType
from typing import Any

from htmu._core import common as _common
from htmu.kappa import KappaEstimate
from htmu.sweeps.cells import Cell


@dataclass(frozen=True)
class CellResult:
    """Estimate of one cell; the fields are the columns of every table that a sweep gives.

    `lower` and `upper` are the ends of the confidence interval, `elapsed` is in seconds and
    `finished_at` is an ISO 8601 time in UTC. Equal seeds and settings give equal fields up to
    `cpu`, `elapsed` and `finished_at`.
    """

    structure: str
    m: int | None
    n: int
    alpha: float
    block_beta: int | None
    kappa: float
    stderr: float
    lower: float
    upper: float
    beta: float
    n_samples: int
    n_steps: int
    converged: bool
    variance_reduction: float
    seed: int
    version: str
    cpu: str
    elapsed: float
    finished_at: str

    @classmethod
    def from_estimate(cls, cell: Cell, estimate: KappaEstimate) -> CellResult:
        """Row of a cell that has just finished."""
        lower, upper = estimate.interval
        return cls(
            structure=cell.structure,
            m=cell.m,
            n=cell.n,
            alpha=cell.alpha,
            block_beta=cell.block_beta,
            kappa=float(estimate.kappa),
            stderr=float(estimate.stderr),
            lower=float(lower),
            upper=float(upper),
            beta=float(estimate.beta),
            n_samples=int(estimate.n_samples),
            n_steps=int(estimate.n_steps),
            converged=bool(estimate.converged),
            variance_reduction=float(estimate.variance_reduction),
            seed=int(estimate.seed),
            version=package_version(),
            cpu=cpu_model(),
            elapsed=float(estimate.elapsed),
            finished_at=datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
        )

    @property
    def cell(self) -> Cell:
        """Cell that the estimate belongs to."""
        return Cell(self.structure, self.n, self.alpha, self.m, self.block_beta)

    @property
    def half_width(self) -> float:
        """Distance from kappa to the farther end of the interval."""
        return max(self.upper - self.kappa, self.kappa - self.lower)


#: Names of the fields, in order.
COLUMNS: tuple[str, ...] = tuple(field.name for field in fields(CellResult))

#: Python types of the fields.
TYPES: dict[str, tuple[type, ...]] = {
    field.name: {
        "str": (str,),
        "int": (int,),
        "int | None": (int, NoneType),
        "float": (float,),
        "bool": (bool,),
    }[str(field.type)]
    for field in fields(CellResult)
}


def as_row(result: CellResult) -> tuple[Any, ...]:
    """Values of the fields, in the order of `COLUMNS`."""
    return tuple(getattr(result, name) for name in COLUMNS)


@lru_cache(maxsize=1)
def package_version() -> str:
    """Version of the installed package."""
    try:
        return version("htmu")
    except PackageNotFoundError:  # imported from a source tree that was never installed
        return "unknown"


def cpu_model() -> str:
    """Name of the processor as it gives it itself, or that of its family.

    Examples
    --------
    >>> from htmu.sweeps import cpu_model
    >>> isinstance(cpu_model(), str)
    True
    """
    return _common.cpu_model() or platform.processor() or platform.machine() or "unknown"
