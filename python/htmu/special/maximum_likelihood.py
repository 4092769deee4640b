"""Maximum likelihood for independent draws of the laws: what `fit` of the distributions does."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import minimize

from htmu.arguments import FloatArray, as_float, as_real_array
from htmu.errors import ConvergenceError, HtmuError, InvalidInputError
from htmu.special.tables import LARGEST_KAPPA, SMALLEST_KAPPA, gradient_table

__all__ = ["fit_law"]

_NAMES = ("kappa", "gamma", "loc", "scale")
_ALIASES = {"f0": "kappa", "f1": "gamma", "fix_kappa": "kappa", "fix_gamma": "gamma"}
_SMALLEST_GAMMA = 1e-6
#: kappa beyond which the law is a limit's within the noise of any data.
_SMALLEST_FOUND, _LARGEST_FOUND = 1e-5, 1e6


def fit_law(
    data: Any, args: tuple[Any, ...], kwds: dict[str, Any], *, inverse: bool
) -> tuple[float, float, float, float]:
    """Return kappa, gamma, loc and scale of the largest likelihood; some may be fixed."""
    fixed, start = _options(args, kwds)
    loc = fixed.pop("loc", 0.0)
    x = as_real_array("data", data).ravel() - loc
    if x.size < 2 or x.min() <= 0 or x.min() == x.max():
        raise InvalidInputError(
            "data must be at least 2 different numbers above loc, got "
            f"{x.size} of them from {x.min() + loc if x.size else math.nan:g}; remove the others"
        )
    log_x = -np.log(x) if inverse else np.log(x)
    found = _maximise(np.sort(log_x), fixed, start, inverse=inverse)
    return found["kappa"], found["gamma"], loc, found["scale"]


def _options(
    args: tuple[Any, ...], kwds: dict[str, Any]
) -> tuple[dict[str, float], dict[str, float]]:
    """Fixed parameters and starting values."""
    start = {
        name: as_float(name, value, exclusive_minimum=None if name == "loc" else 0.0)
        for name, value in zip(_NAMES, args, strict=False)
    }
    fixed: dict[str, float] = {}
    for key, value in kwds.items():
        name = _ALIASES.get(key, key[1:] if key.startswith("f") else "")
        if name in _NAMES:
            low = None if name == "loc" else 0.0
            if name == "kappa":
                as_float(key, value, minimum=SMALLEST_KAPPA, maximum=LARGEST_KAPPA)
            fixed[name] = as_float(key, value, exclusive_minimum=low)
        elif key in ("loc", "scale"):
            start[key] = as_float(key, value, exclusive_minimum=None if key == "loc" else 0.0)
        else:
            raise InvalidInputError(
                f"fit takes fkappa, fgamma, floc, fscale, loc and scale, got {key}; leave it out"
            )
    if fixed.get("gamma", 0.5) > 1.0:
        raise InvalidInputError(
            f"fit wants gamma at most 1, got {fixed['gamma']:g}; fit the eigenvalues that are not "
            "0 with 1/gamma, whose kappa is kappa/gamma"
        )
    if fixed.keys() >= {"kappa", "gamma", "scale"}:
        raise InvalidInputError("fit has nothing to find where every parameter is fixed; free one")
    return fixed, start


def _start(log_x: FloatArray, fixed: dict[str, float], start: dict[str, float]) -> dict[str, float]:
    """Moments: mean 1, variance gamma (1 + 2/kappa)."""
    x = np.exp(log_x - log_x.max())
    ratio = float(x.var() / x.mean() ** 2)
    gamma = fixed.get("gamma", start.get("gamma", min(0.9, max(1e-4, 0.5 * ratio))))
    kappa = 2.0 * gamma / (ratio - gamma) if ratio > gamma else 50.0
    return {
        "gamma": gamma,
        "kappa": fixed.get("kappa", start.get("kappa", min(max(kappa, 1e-3), 1e3))),
        "scale": math.exp(float(log_x.max())) * float(x.mean()),
    }


def _maximise(
    log_x: FloatArray, fixed: dict[str, float], start: dict[str, float], *, inverse: bool
) -> dict[str, float]:
    """Quasi-Newton steps in log kappa, log(gamma/(1 - gamma)) and log scale, on log x."""
    known = dict(fixed)
    if inverse and "scale" in known:
        known["scale"] = 1.0 / known["scale"]
    first = {**_start(log_x, known, start), **known}
    to_free: dict[str, Callable[[float], float]] = {
        "kappa": math.log,
        "gamma": lambda g: math.log(g / (1.0 - g)) if g < 1.0 else 30.0,
        "scale": math.log,
    }
    names = [name for name in ("kappa", "gamma", "scale") if name not in known]

    def parameters(free: FloatArray) -> dict[str, float]:
        values = dict(known)
        for name, value in zip(names, free, strict=True):
            if name == "gamma":
                values[name] = max(_SMALLEST_GAMMA, 1.0 / (1.0 + math.exp(-min(value, 500.0))))
            else:
                values[name] = math.exp(min(max(value, -700.0), 700.0))
        values["kappa"] = min(max(values["kappa"], SMALLEST_KAPPA), LARGEST_KAPPA)
        return values

    def objective(free: FloatArray) -> tuple[float, FloatArray]:
        p = parameters(free)
        kappa, gamma = p["kappa"], p["gamma"]
        points = np.exp(log_x - math.log(p["scale"]))
        try:
            table = gradient_table(kappa, gamma)
        except HtmuError:  # too far out for a table
            return 1e300, np.zeros(len(names))
        log_density, by_b, by_delta, by_log_x = table.gradient(points)
        delta_per_b = (1.0 - gamma) / gamma
        slopes = {
            "kappa": 0.5 * kappa * (by_b + delta_per_b * by_delta),
            "gamma": -0.5 * kappa / gamma * (1.0 - gamma) * by_delta,
            "scale": -(1.0 + by_log_x),
        }
        value = float(np.mean(log_density)) - math.log(p["scale"])
        gradient = np.array([-float(np.mean(slopes[name])) for name in names])
        if not (math.isfinite(value) and np.isfinite(gradient).all()):
            return 1e300, np.zeros(len(names))
        return -value, gradient

    at = np.array([to_free[name](first[name]) for name in names])
    found = minimize(objective, at, jac=True, method="BFGS", options={"gtol": 1e-9})
    best = parameters(found.x)
    if "kappa" in names and not _SMALLEST_FOUND < best["kappa"] < _LARGEST_FOUND:
        law = "Marchenko-Pastur law, kappa = inf" if best["kappa"] > 1 else "Gamma law, kappa = 0"
        raise ConvergenceError(
            f"the likelihood grows towards a limit ({law}), past kappa = {best['kappa']:.3g}; "
            "fix kappa or fit that law"
        )
    if np.abs(found.jac).max() > 1e-5:
        raise ConvergenceError(
            f"the likelihood has no clear maximum near kappa = {best['kappa']:.3g}, gamma = "
            f"{best['gamma']:.3g}; fix a parameter"
        )
    if inverse:
        best["scale"] = 1.0 / best["scale"]
    return best
