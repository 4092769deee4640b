"""The boundary models kappa = 0 and kappa = inf beside the fitted law."""

from __future__ import annotations

import math

import numpy as np
from scipy import special as scipy_special

from htmu.arguments import FloatArray
from htmu.errors import ConvergenceError
from htmu.fits.laws import MarchenkoPasturLaw
from htmu.fits.likelihood import Parameters, Points, maximise
from htmu.fits.result import ModelComparison

__all__ = ["compare", "fit_gamma", "fit_marchenko_pastur"]


def fit_gamma(points: Points, scale: float | None) -> tuple[float, float, float]:
    """Return (delta, scale, log-likelihood) of the Gamma law, kappa = 0."""
    mean = float(points.x.mean())
    spread = math.log(mean) - float(np.log(points.x).mean())
    # Minka's closed form of the shape, 2 % from the maximum of the whole law's likelihood.
    shape = (3 - spread + math.sqrt((spread - 3) ** 2 + 24 * spread)) / (12 * spread)
    columns = [[0.0, 1.0, 0.0]] + ([[0.0, 0.0, 1.0]] if scale is None else [])
    base = np.array([-math.inf, 0.0, 0.0 if scale is None else math.log(scale)])
    family = Parameters(base, np.array(columns).T)
    start = np.array([math.log(min(max(shape, 1e-6), 1e6)), math.log(mean)])[: len(columns)]
    fitted = maximise(points, family, start)
    _, delta, found = np.exp(base + family.matrix @ fitted.t)
    return float(delta), float(found), fitted.loglik


def fit_marchenko_pastur(
    x: FloatArray, gamma: float | None, scale: float | None
) -> tuple[float, float, float]:
    """Return (gamma, scale, log-likelihood) of Marchenko-Pastur, -inf if no support holds x."""
    # Imported here: `import htmu` stays quick.
    from scipy import optimize

    low, high = float(x.min()), float(x.max())

    def value(gamma: float, scale: float) -> float:
        return float(MarchenkoPasturLaw(gamma).logpdf(x / scale).sum()) - len(x) * math.log(scale)

    def best_scale(gamma: float) -> tuple[float, float]:
        law = MarchenkoPasturLaw(gamma)
        least = high / law.upper
        most = low / law.lower if law.lower > 0 else 4 * max(least, float(x.mean()))
        if scale is not None:
            return scale, value(gamma, scale)
        if not least < most:
            return float(x.mean()), -math.inf
        found = optimize.minimize_scalar(
            lambda log_s: -value(gamma, math.exp(log_s)),
            bounds=(math.log(least), math.log(most)),
            method="bounded",
        )
        return math.exp(found.x), -float(found.fun)

    if gamma is None:
        # Any support that holds x has at least this gamma.
        ratio = math.sqrt(low / high)
        least = ((1 - ratio) / (1 + ratio)) ** 2
        if scale is not None and high > 4 * scale:
            return 1.0, scale, -math.inf
        found = optimize.minimize_scalar(
            lambda g: -best_scale(g)[1] if math.isfinite(best_scale(g)[1]) else 1e300,
            bounds=(least, 1.0),
            method="bounded",
        )
        gamma = float(found.x)
    scale_found, loglik = best_scale(gamma)
    return gamma, scale_found, loglik


def _model(
    name: str, parameters: dict[str, float], loglik: float, free: int, n: int
) -> ModelComparison:
    aic, bic = 2 * free - 2 * loglik, free * math.log(n) - 2 * loglik
    return ModelComparison(name, parameters, loglik, aic, bic, free)


def compare(
    points: Points,
    htmp: tuple[dict[str, float], float, int],
    *,
    gamma: float | None,
    scale: float | None,
    inflation: float,
    power: int,
) -> tuple[ModelComparison, ...]:
    """Return HTMP and its boundaries on the same points, the best AIC first.

    A boundary has likelihood ratio 0 with probability 1/2 and chi-squared (1) otherwise (Self and
    Liang, J. Amer. Stat. Assoc. 82, 605 (1987)); at kappa = inf, where eigenvalues repel, times
    `inflation`, the calibrated variance of log kappa over that of independent values. At kappa = 0
    they are independent. With gamma known, Gamma(delta) is no boundary: it has delta free.
    """
    parameters, top, free = htmp
    n = points.n
    n_scale = int(scale is None)
    models = [_model("htmp", parameters, top, free, n)]
    try:
        delta, found, value = fit_gamma(points, scale)
        models.append(
            _model("gamma", {"delta": delta, "scale": found**power}, value, 1 + n_scale, n)
        )
    except ConvergenceError:
        pass
    whole = points.low == 0 and points.high == math.inf and not points.n_below
    if whole:
        found_gamma, found, value = fit_marchenko_pastur(points.x, gamma, scale)
        k = int(gamma is None) + n_scale
        named = {"gamma": found_gamma, "scale": found**power}
        models.append(_model("marchenko-pastur", named, value, k, n))
    tested = []
    for model in models:
        nested = model.name == "marchenko-pastur" or (model.name == "gamma" and gamma is None)
        if nested:
            ratio = max(0.0, 2 * (top - model.loglik))
            factor = inflation if model.name == "marchenko-pastur" else 1.0
            p = 1.0 if ratio == 0 else 0.5 * float(scipy_special.chdtrc(1, ratio / factor))
            model = ModelComparison(
                model.name,
                model.parameters,
                model.loglik,
                model.aic,
                model.bic,
                model.n_parameters,
                ratio,
                p,
            )
        tested.append(model)
    return tuple(sorted(tested, key=lambda model: model.aic))
