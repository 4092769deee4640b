"""The result of `fit_spectrum`."""

from __future__ import annotations

import dataclasses
import math
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from htmu.arguments import FloatArray
from htmu.fits.laws import Law, make_law

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["ModelComparison", "SpectrumFit"]


@dataclasses.dataclass(frozen=True)
class ModelComparison:
    """One of the laws that were compared on the same eigenvalues.

    Attributes
    ----------
    name : str
        "htmp", "gamma" (kappa = 0) or "marchenko-pastur" (kappa = inf); of 1 / eigenvalue for an
        inverse fit.
    parameters : dict
        Its maximum-likelihood parameters.
    loglik, aic, bic : float
        Log-likelihood (-inf if an eigenvalue lies outside the support) and criteria, smaller is
        better.
    n_parameters : int
        Number of its free parameters.
    likelihood_ratio : float or None
        2 (log-likelihood of HTMP - its own) if it is a boundary of the fitted family.
    p_value : float or None
        Of that ratio under the boundary, where it is 0 half of the time.
    """

    name: str
    parameters: dict[str, float]
    loglik: float
    aic: float
    bic: float
    n_parameters: int
    likelihood_ratio: float | None = None
    p_value: float | None = None


@dataclasses.dataclass(frozen=True, repr=False)
class SpectrumFit:
    """The HTMP law fitted to a spectrum, with its errors.

    Attributes
    ----------
    kappa, gamma, scale, delta : float
        Parameters of the law: eigenvalue / scale (for an inverse fit scale / eigenvalue) is
        HTMP of mean 1. kappa is corrected for the bias of finite N. delta is
        kappa (1 / gamma - 1) / 2, the exponent of the tail; free where kappa = 0.
    maximum : dict
        kappa, gamma, scale and delta before the correction: the law that `pdf`, `cdf`, `ppf`,
        `plot`, `ks`, `loglik` and `comparison` are of.
    errors, observed_errors : dict
        Standard errors of the free parameters, and of delta where gamma is free: calibrated for
        eigenvalues that repel, and from the likelihood's information, as if they were independent.
    intervals : dict
        Confidence intervals of the same, calibrated.
    confidence : float
        Their level.
    ks : float
        Kolmogorov-Smirnov distance between the fitted law and the eigenvalues.
    p_value : float or None
        Share of simulated spectra, refitted, that lie as far from their fits.
    loglik : float
        Maximum of the log-likelihood of the method (of the density for "ks", "moments" and
        "stieltjes"), in the eigenvalues.
    n, n_used, n_zero, n_censored : int
        Eigenvalues given; fitted, the censored ones included; counted as zero; and censored:
        known only to lie below n eps max.
    spikes : ndarray
        Eigenvalues above the bulk, ascending; not fitted.
    values : ndarray
        The eigenvalues fitted, ascending.
    comparison : tuple of ModelComparison
        The laws compared, by AIC.
    boundary : str or None
        "kappa = 0", "kappa = inf" or "gamma = 1" if the fit lies there.
    method : str
        How it was fitted.
    inverse : bool
        Whether 1 / eigenvalue has the law.
    window : tuple of float or None
        The range of eigenvalues fitted.
    free : tuple of str
        Names of the free parameters.
    n_simulations : int
        Spectra simulated at the fit.
    warnings : tuple of str
        What to know before the numbers are used.
    seed : int
        Seed that reproduces it.
    elapsed : float
        Wall time in seconds.
    """

    kappa: float
    gamma: float
    scale: float
    delta: float
    maximum: dict[str, float]
    errors: dict[str, float]
    observed_errors: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    confidence: float
    ks: float
    p_value: float | None
    loglik: float
    n: int
    n_used: int
    n_zero: int
    n_censored: int
    spikes: FloatArray
    values: FloatArray
    comparison: tuple[ModelComparison, ...]
    boundary: str | None
    method: str
    inverse: bool
    window: tuple[float, float] | None
    free: tuple[str, ...]
    n_simulations: int
    warnings: tuple[str, ...]
    seed: int
    elapsed: float

    @property
    def kappa_mle(self) -> float:
        """The maximum-likelihood kappa, before the correction."""
        return self.maximum["kappa"]

    def _law(self) -> tuple[Law, float]:
        """Return the law of the nonzero eigenvalues (or their inverses) and its scale."""
        kappa, gamma, scale, delta = (
            self.maximum[name] for name in ("kappa", "gamma", "scale", "delta")
        )
        if gamma > 1:
            scale *= gamma ** (-1 if self.inverse else 1)
            kappa, gamma = kappa / gamma, 1 / gamma
        if kappa == 0:
            return make_law(0.0, delta), scale
        rho = 1 / gamma - 1
        return make_law(kappa / 2, rho if math.isinf(kappa) else kappa / 2 * rho), scale

    def pdf(self, x: FloatArray) -> FloatArray:
        """Return the fitted density at eigenvalues x > 0, any shape; zeros and spikes apart."""
        law, scale = self._law()
        x = np.asarray(x, dtype=float)
        y = scale / x if self.inverse else x / scale
        with np.errstate(over="ignore"):
            density = np.exp(law.logpdf(y))
        return np.asarray(density * y / x)

    def cdf(self, x: FloatArray) -> FloatArray:
        """Return the fitted distribution function at eigenvalues x > 0, any shape."""
        law, scale = self._law()
        x = np.asarray(x, dtype=float)
        return law.sf(scale / x) if self.inverse else law.cdf(x / scale)

    def ppf(self, p: FloatArray) -> FloatArray:
        """Return the fitted quantiles, in eigenvalues; p of any shape in [0, 1]."""
        law, scale = self._law()
        p = np.asarray(p, dtype=float)
        if self.inverse:
            with np.errstate(divide="ignore"):
                return np.asarray(scale / law.isf(p))
        return law.ppf(p) * scale

    def plot(self, path: str | os.PathLike[str] | None = None, *, dpi: int = 200) -> Figure:
        """Draw the eigenvalues with the fitted law.

        Four panels: the histogram, cut where a long tail begins; the density of log10 of the
        eigenvalue on logarithmic axes; quantiles against the law's; and the difference of the
        distribution functions. Marchenko-Pastur stands beside: the likeliest one, or that of the
        fitted gamma and scale if no support holds the eigenvalues. The bands are simulated at the
        fitted law, of eigenvalues that repel; they leave out that its parameters were fitted.

        Parameters
        ----------
        path : path, optional
            File to write, whole or not at all: PNG, PDF or SVG by its suffix.
        dpi : int, default 200
            Resolution of a PNG file, from 10 to 2400.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        MissingExtraError
            Matplotlib is not installed.
        InvalidInputError
            The suffix is not one that Matplotlib writes, or `dpi` is out of range.
        RunFileError
            The file cannot be written.

        Examples
        --------
        >>> import numpy as np
        >>> import htmu
        >>> fit = htmu.fit_spectrum(np.random.default_rng(0).gamma(2.0, size=200))
        >>> figure = fit.plot()
        >>> len(figure.axes)
        4
        """
        # figure.py reads this class; and Matplotlib is an extra.
        from htmu.fits.figure import draw_fit

        return draw_fit(self, path, dpi=dpi)

    def __repr__(self) -> str:
        law = "inverse HTMP" if self.inverse else "HTMP"
        interval = self.intervals.get("kappa")
        shown = f"kappa={self.kappa:.4g}"
        if interval is not None:
            low, high = interval
            shown += f" ({low:.4g} to {high:.4g} at {100 * self.confidence:g} %)"
        p = "" if self.p_value is None else f", p={self.p_value:.2g}"
        return (
            f"SpectrumFit({law}, {shown}, gamma={self.gamma:.4g}, scale={self.scale:.4g}, "
            f"ks={self.ks:.3g}{p}, n_used={self.n_used}, {self.method!r})"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold: NaN and inf as None and "inf", no `values`."""
        plain = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name != "values"
        }
        plain["comparison"] = [dataclasses.asdict(model) for model in self.comparison]
        return {name: _plain(value) for name, value in plain.items()}

    def summary(self) -> str:
        """Return a few lines: the parameters with their errors, the test, the comparison."""
        law = "inverse HTMP" if self.inverse else "HTMP"
        lines = [f"{law} law by {self.method}, {self.n_used} of {self.n} eigenvalues"]
        for name in ("kappa", "gamma", "scale", "delta"):
            value = getattr(self, name)
            if name in self.errors:
                low, high = self.intervals[name]
                error = self.errors[name]
                shown = "at 0" if math.isnan(error) else f"+- {error:.3g}"
                lines.append(
                    f"  {name:<6} {value:<10.5g} {shown:<13} "
                    f"{100 * self.confidence:g} %: {low:.5g} to {high:.5g}"
                )
            elif name != "delta":
                lines.append(f"  {name:<6} {value:<10.5g} {'' if name in self.free else 'fixed'}")
        p = "" if self.p_value is None else f", p-value {self.p_value:.2g}"
        lines.append(f"  KS distance {self.ks:.4g}{p}; log-likelihood {self.loglik:.6g}")
        for model in self.comparison:
            p = "" if model.p_value is None else f", p-value of the boundary {model.p_value:.2g}"
            lines.append(f"  {model.name}: AIC {model.aic:.6g}, BIC {model.bic:.6g}{p}")
        if len(self.spikes):
            largest = ", ".join(f"{value:.4g}" for value in self.spikes[::-1][:8])
            more = ", ..." if len(self.spikes) > 8 else ""
            lines.append(f"  {len(self.spikes)} spikes: {largest}{more}")
        lines += [f"  note: {warning}" for warning in self.warnings]
        return "\n".join(lines)


def _plain(value: Any) -> Any:
    """Return a value that JSON holds."""
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(item) for item in value]
    if isinstance(value, float | np.floating):
        number = float(value)
        if math.isnan(number):
            return None
        return number if math.isfinite(number) else ("inf" if number > 0 else "-inf")
    return value
