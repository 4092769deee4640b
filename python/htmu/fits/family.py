"""Which parameters of the law are free, and how they are reported."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from htmu.arguments import FloatArray, as_float
from htmu.errors import InvalidInputError
from htmu.fits.likelihood import EDGE, LOWER, UPPER, Parameters

if TYPE_CHECKING:
    from htmu.fits.selection import Selected

__all__ = ["Family", "as_family"]


@dataclasses.dataclass(frozen=True)
class Family:
    """The laws that a fit chooses from, in the frame of the nonzero (inverted) eigenvalues.

    `b`, `gamma` (at most 1) and `scale` are fixed values in that frame, None where free; `dual`
    is the caller's gamma where it is above 1, else 1.
    """

    b: float | None
    gamma: float | None
    scale: float | None
    inverse: bool
    dual: float
    parameters: Parameters

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the coordinates behind the columns of the parameters."""
        names = ["b"] if self.b is None else []
        if self.gamma is None:
            names.append("delta")
        if self.scale is None:
            names.append("scale")
        return tuple(names)

    @property
    def free(self) -> tuple[str, ...]:
        """Public names of the free parameters."""
        second = "delta" if self.b == 0 else "gamma"
        return tuple({"b": "kappa", "delta": second}.get(name, name) for name in self.columns)

    def values(self, t: FloatArray) -> dict[str, float]:
        """Return the public parameters at t."""
        with np.errstate(over="ignore"):
            b, delta, scale = (
                float(v) for v in np.exp(self.parameters.base + self.parameters.matrix @ t)
            )
        # Fixed values as they were given, not as their logarithms came back.
        b = b if self.b is None else self.b
        scale = scale if self.scale is None else self.scale
        if self.b is None and t[0] <= self.parameters.bounds[0][0] + EDGE and self.gamma is None:
            b = 0.0
        if math.isinf(b):
            gamma, delta = 1 / (1 + delta), math.inf if delta else 0.0
        else:
            gamma = b / (b + delta)
        if self.gamma is not None:
            gamma = self.gamma
        return {
            "kappa": 2 * b * self.dual,
            "gamma": self.dual if self.dual > 1 else gamma,
            "scale": self._public_scale(scale),
            "delta": delta,
        }

    def _public_scale(self, scale: float) -> float:
        # Duality: the law of the whole spectrum has mean 1, its nonzero part mean gamma.
        mean = scale / self.dual
        return 1 / mean if self.inverse else mean

    def kappa_of(
        self, value: float, error: float, interval: tuple[float, float]
    ) -> tuple[float, float, tuple[float, float]]:
        """Return kappa, its error and interval in the caller's frame."""
        low, high = interval
        return value * self.dual, error * self.dual, (low * self.dual, high * self.dual)

    def errors(
        self, t: FloatArray, covariance: FloatArray, quantile: float
    ) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
        """Return standard errors and Wald intervals: of log kappa, logit gamma, log scale."""
        named = self.values(t)
        errors: dict[str, float] = {}
        intervals: dict[str, tuple[float, float]] = {}
        at = {name: i for i, name in enumerate(self.columns)}
        names = self.free
        if "delta" in at and "delta" not in names and not math.isinf(self.b or 0):
            names = (*names, "delta")
        for name in names:
            value = named[name]
            direction = np.zeros(len(at))
            if name == "gamma":
                # gamma = 1 / (1 + rho): its logit is -log rho.
                direction[at["delta"]] = -1
            else:
                direction[at[{"kappa": "b"}.get(name, name)]] = 1
                if name == "delta" and "b" in at:
                    direction[at["b"]] = 1
            spread = math.sqrt(max(float(direction @ covariance @ direction), 0.0))
            if not value > 0 or math.isnan(spread):
                errors[name], intervals[name] = math.nan, (0.0, math.inf)
                continue
            reach = min(quantile * spread, 600.0)
            if name == "gamma":
                errors[name] = value * (1 - value) * spread
                odds = math.log(value / (1 - value)) if value < 1 else math.inf
                intervals[name] = (_logistic(odds - reach), _logistic(odds + reach))
            else:
                errors[name] = value * spread
                intervals[name] = (value * math.exp(-reach), value * math.exp(reach))
        return errors, intervals

    def boundary(self, t: FloatArray) -> str | None:
        """Return the name of the boundary that t lies on."""
        if self.b == 0:
            return "kappa = 0"
        if self.b is not None and math.isinf(self.b):
            return "kappa = inf"
        below, above = self.parameters.bounds
        if self.b is None:
            if t[0] <= below[0] + EDGE:
                return "kappa = 0"
            if t[0] >= above[0] - EDGE:
                return "kappa = inf"
        if "delta" in self.columns and self.b != 0:
            at = self.columns.index("delta")
            if t[at] <= below[at] + EDGE:
                return "gamma = 1"
        return None

    def warnings(self, t: FloatArray, chosen: Selected) -> tuple[str, ...]:
        """Return what a reader must know of zeros and boundaries."""
        found = []
        if self.dual > 1:
            expected = round(chosen.n * (1 - 1 / self.dual))
            found.append(
                f"gamma > 1: the law has an atom at 0, {expected} of {chosen.n} eigenvalues if all "
                f"were given ({chosen.n_zero} are 0); fitted to the nonzero ones"
            )
        elif chosen.n_zero:
            found.append(
                f"{chosen.n_zero} of {chosen.n} eigenvalues are 0 (rank deficient): counted apart, "
                "the law is fitted to the others"
            )
        boundary = self.boundary(t)
        if boundary is not None and self.b is None:
            found.append(f"the fit lies on the boundary {boundary}: see the comparison")
        return tuple(found)


def _logistic(odds: float) -> float:
    return 1 / (1 + math.exp(-odds)) if odds > -700 else 0.0


def as_family(kappa: Any, gamma: Any, scale: Any, inverse: bool) -> Family:
    """Check the fixed parameters and build the family.

    Raises
    ------
    InvalidInputError
        If a value lies outside its domain, or gamma is given for kappa = 0.
    """
    dual, given = 1.0, gamma
    if gamma is not None:
        gamma = as_float("gamma", gamma, exclusive_minimum=0)
        if gamma > 1:
            dual, gamma = gamma, 1 / gamma
    if scale is not None:
        scale = as_float("scale", scale, exclusive_minimum=0)
        scale = (1 / scale if inverse else scale) * dual
    b: float | None = None
    if kappa is not None:
        if isinstance(kappa, float | np.floating) and math.isinf(kappa) and kappa > 0:
            b = math.inf
        else:
            b = as_float("kappa", kappa, minimum=0) / 2 / dual
            if b > 0 and not math.exp(LOWER[0]) <= b <= math.exp(UPPER[0]):
                least, most = 2 * dual * math.exp(LOWER[0]), 2 * dual * math.exp(UPPER[0])
                beside = f" for gamma = {given:g}" if dual > 1 else ""
                raise InvalidInputError(
                    f"kappa must be 0, inf or from {least:g} to {most:g}{beside}, got {kappa:g}"
                )
    if b == 0 and gamma is not None:
        raise InvalidInputError(
            f"gamma must be None where kappa = 0, whose law has delta free, got {given:g}"
        )
    base = np.zeros(3)
    columns: list[list[float]] = []
    rho = None if gamma is None else 1 / gamma - 1
    with np.errstate(divide="ignore"):
        if b is None:
            # delta = rho b, so that kappa -> inf is one coordinate's bound for free gamma too.
            columns.append([1.0, 1.0, 0.0])
            if rho is not None:
                base[1] = np.log(rho)
        else:
            base[0] = np.log(b)
            if rho is not None:
                base[1] = np.log(rho) + (0.0 if math.isinf(b) else np.log(b))
        if rho is None:
            columns.append([0.0, 1.0, 0.0])
        if scale is None:
            columns.append([0.0, 0.0, 1.0])
        else:
            base[2] = np.log(scale)
    matrix = np.array(columns).T.reshape(3, len(columns))
    return Family(b, gamma, scale, inverse, dual, Parameters(base, matrix))
