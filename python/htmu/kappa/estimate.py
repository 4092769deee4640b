"""The result of `estimate_kappa`."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from htmu.structures import Structure

__all__ = ["KappaEstimate"]


@dataclasses.dataclass(frozen=True, repr=False)
class KappaEstimate:
    """An estimate of kappa with its error.

    Attributes
    ----------
    kappa : float
        The estimate, N beta; at least 0.
    beta : float
        Dyson index of the nearest beta-Laguerre law.
    stderr : float
        Standard error of kappa; at the boundary kappa = 0 that of the unconstrained root.
    interval : tuple of float
        Confidence interval of kappa, cut off at 0: one-sided when kappa is 0.
    confidence : float
        Its level.
    tol : float or None
        Half-width that was asked for.
    n_samples : int
        Spectra of the structure that were drawn.
    n_steps : int
        Stages of the sampling plan, or steps of Algorithm 1.
    converged : bool
        Whether the half-width is at most tol.
    variance_reduction : float
        Variance of the estimator without control variates over that with them.
    method, reference : str
        How it was estimated.
    structure : Structure
        Of what.
    seed : int
        Seed that reproduces it.
    elapsed : float
        Wall time in seconds.
    """

    kappa: float
    beta: float
    stderr: float
    interval: tuple[float, float]
    confidence: float
    tol: float | None
    n_samples: int
    n_steps: int
    converged: bool
    variance_reduction: float
    method: str
    reference: str
    structure: Structure
    seed: int
    elapsed: float

    @property
    def half_width(self) -> float:
        """Distance from kappa to the farther end of the interval."""
        return max(self.interval[1] - self.kappa, self.kappa - self.interval[0])

    def __repr__(self) -> str:
        # As many digits as the error bar supports, and one more.
        width = self.half_width
        digits = 4
        if 1e-9 < width < math.inf:
            digits = max(0, 1 - math.floor(math.log10(width)))
        low, high = self.interval
        state = "" if self.converged else ", not converged"
        return (
            f"KappaEstimate(kappa={self.kappa:.{digits}f}, interval=({low:.{digits}f}, "
            f"{high:.{digits}f}) at {100 * self.confidence:g} %, n_samples={self.n_samples}, "
            f"{self.reference!r}, {self.structure!r}{state})"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold; the structure by name and parameters."""
        plain = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name not in ("structure", "interval")
        }
        return {
            **plain,
            "lower": self.interval[0],
            "upper": self.interval[1],
            "structure": self.structure.name,
            "N": self.structure.N,
            "parameters": self.structure.parameters,
        }
