"""Words on the picture of a fit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from htmu.fits.result import SpectrumFit

__all__ = ["counted", "name_of", "title_of"]


def counted(n: int, thing: str) -> str:
    """Return "1 spike", "2 spikes" and so on; "" for none."""
    return f"{n:,} {thing}{'' if n == 1 else 's'}" if n else ""


def name_of(fit: SpectrumFit) -> str:
    """Return the fitted law's name for a legend."""
    limit = {0.0: "Gamma", math.inf: "Marchenko-Pastur"}.get(fit.kappa, "HTMP")
    return f"{'inverse ' if fit.inverse else ''}{limit}, fitted"


def _parameter(fit: SpectrumFit, name: str, symbol: str) -> str:
    value = getattr(fit, name)
    if math.isinf(value):
        return rf"${symbol} = \infty$"
    shown = f"{symbol} = {value:.4g}"
    error = fit.errors.get(name)
    if name not in fit.free and error is None:
        return f"${shown}$ (given)" if name != "delta" else f"${shown}$"
    if error is None or not 0 < error < math.inf:
        low, high = fit.intervals.get(name, (value, math.inf))
        return f"${shown}$, at most {high:.3g}" if low <= 0 and high < math.inf else f"${shown}$"
    digits = max(0, 1 - int(f"{error:.1e}".split("e")[1]))
    if digits > 6 or value >= 1e6:
        return rf"${symbol} = {value:.4g} \pm {error:.2g}$"
    return rf"${symbol} = {value:.{digits}f} \pm {error:.{digits}f}$"


def title_of(fit: SpectrumFit) -> tuple[str, str]:
    """Return the title, and the smaller line below it."""
    limit = {0.0: "Gamma", math.inf: "Marchenko-Pastur"}.get(fit.kappa, "HTMP")
    law = f"Inverse {limit} law" if fit.inverse else f"{limit} law"
    parts = [_parameter(fit, "kappa", r"\kappa")]
    if fit.kappa == 0:
        parts.append(_parameter(fit, "delta", r"\delta"))
    else:
        parts.append(_parameter(fit, "gamma", r"\gamma"))
    parts.append(f"KS {fit.ks:.3g}")
    if fit.p_value is not None:
        least = 1.001 / (1 + fit.n_simulations)
        parts.append(f"$p$ {'=' if fit.p_value > least else '≤'} {fit.p_value:.2g}")
    counts = [f"{fit.n_used:,} of {fit.n:,} eigenvalues fitted"]
    if fit.window is not None:
        low, high = fit.window
        counts.append(f"window {low:g} to {high:g}" if high < math.inf else f"above {low:g}")
    counts += filter(None, [counted(fit.n_zero, "zero"), counted(len(fit.spikes), "spike")])
    if "kappa" in fit.intervals:
        low, high = fit.intervals["kappa"]
        top = f"{high:.3g}" if math.isfinite(high) else r"$\infty$"
        counts.append(rf"{100 * fit.confidence:g} % interval of $\kappa$: {low:.3g} to {top}")
    return f"{law}: {',  '.join(parts)}", ",  ".join(counts)
