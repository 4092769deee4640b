"""The Marchenko-Pastur law of mean 1 in its angle, which keeps both tails' relative accuracy."""

from __future__ import annotations

import math

import numpy as np

from htmu.arguments import FloatArray

__all__ = ["MarchenkoPasturTable"]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)
_NEWTON_STEPS = 60


class MarchenkoPasturTable:
    """Density sqrt((x_+ - x)(x - x_-)) / (2 pi gamma x), x_± = (1 ± r)^2, r = sqrt(gamma) <= 1.

    With x = x_+ - 4 r sin^2(theta/2), theta in (0, pi), the mass above x is
    S = (2/pi) int_0^theta sin^2 t / (1 + r^2 + 2 r cos t) dt
      = (theta - A + A/gamma - sin(theta)/r) / pi,  A = arg(1 + r e^(i theta)),
    and the mass below the same with theta -> pi - theta, r -> -r. Next to an end the closed form
    cancels, and Gauss's rule on the integral takes over. Source: Marchenko and Pastur, Math. USSR
    Sb. 1, 457 (1967).
    """

    def __init__(self, gamma: float) -> None:
        self.gamma = gamma
        self._r = math.sqrt(gamma)
        self.upper = (1.0 + self._r) ** 2
        # (1 - r)^2 without the cancellation that 1 - r has next to gamma = 1.
        self.lower = ((1.0 - gamma) / (1.0 + self._r)) ** 2

    def _angle_below(self, x: FloatArray) -> FloatArray:
        """Pi - theta: 0 at the lower end."""
        part = np.clip((np.minimum(x, 5.0) - self.lower) / (4.0 * self._r), 0.0, 1.0)
        return 2.0 * np.arcsin(np.sqrt(part))

    def _angle_above(self, x: FloatArray) -> FloatArray:
        """Theta: 0 at the upper end."""
        part = np.clip((self.upper - np.minimum(x, 5.0)) / (4.0 * self._r), 0.0, 1.0)
        return 2.0 * np.arcsin(np.sqrt(part))

    def _mass(self, angle: FloatArray, r: float, gap: float, reach: float) -> FloatArray:
        """Mass from an end, where the integrand's denominator is gap^2, to the angle."""
        closed = np.arctan2(r * np.sin(angle), 1.0 + r * np.cos(angle))
        closed = (angle + closed * ((1.0 - self.gamma) / self.gamma) - np.sin(angle) / r) / np.pi
        near = angle < reach
        if np.any(near):
            half = 0.5 * angle[near]
            t = half[:, None] * (1.0 + _NODES)
            # 1 + r^2 + 2 r cos t, of positive terms for r < 0 and of no cancellation for t < 2.
            below = gap**2 - 4.0 * r * np.sin(0.5 * t) ** 2
            values = np.sin(t) ** 2 / below
            closed[near] = (2.0 / np.pi) * half * (values @ _WEIGHTS)
        return closed

    def _mass_above(self, theta: FloatArray) -> FloatArray:
        return self._mass(theta, self._r, 1.0 + self._r, 1.5)

    def _mass_below(self, angle: FloatArray) -> FloatArray:
        gap = (1.0 - self.gamma) / (1.0 + self._r)
        if gap == 0.0:  # sin^2 t / (4 sin^2(t/2)) = cos^2(t/2)
            return (angle + np.sin(angle)) / np.pi
        # The integrand has poles at a distance of about gap / sqrt(r) from 0.
        return self._mass(angle, -self._r, gap, min(1.5, gap / math.sqrt(self._r)))

    def pdf(self, x: FloatArray) -> FloatArray:
        """Density."""
        inside = (x > self.lower) & (x < self.upper)
        safe = np.where(inside, x, 1.0)
        root = np.sqrt(np.clip((self.upper - safe) * (safe - self.lower), 0.0, None))
        density = np.where(inside, root / (2.0 * np.pi * self.gamma * safe), 0.0)
        if self.lower == 0.0:
            density = np.where(x == 0.0, np.inf, density)
        return np.where(np.isnan(x), np.nan, density)

    def logpdf(self, x: FloatArray) -> FloatArray:
        """Logarithm of `pdf`."""
        with np.errstate(divide="ignore"):
            return np.log(self.pdf(x))

    def cdf(self, x: FloatArray) -> FloatArray:
        """Probability up to x."""
        x = np.asarray(x, dtype=np.float64)
        angle = self._angle_below(x)
        upper_half = angle > 0.5 * np.pi
        mass = self._mass_below(np.atleast_1d(angle)).reshape(x.shape)
        rest = 1.0 - self._mass_above(np.atleast_1d(self._angle_above(x))).reshape(x.shape)
        return np.where(upper_half, rest, mass)

    def sf(self, x: FloatArray) -> FloatArray:
        """Probability above x."""
        x = np.asarray(x, dtype=np.float64)
        angle = self._angle_above(x)
        lower_half = angle > 0.5 * np.pi
        mass = self._mass_above(np.atleast_1d(angle)).reshape(x.shape)
        rest = 1.0 - self._mass_below(np.atleast_1d(self._angle_below(x))).reshape(x.shape)
        return np.where(lower_half, rest, mass)

    def logcdf(self, x: FloatArray) -> FloatArray:
        """Logarithm of `cdf`."""
        with np.errstate(divide="ignore"):
            return np.log(self.cdf(x))

    def logsf(self, x: FloatArray) -> FloatArray:
        """Logarithm of `sf`."""
        with np.errstate(divide="ignore"):
            return np.log(self.sf(x))

    def ppf(self, p: FloatArray) -> FloatArray:
        """Quantile."""
        p = np.asarray(p, dtype=np.float64)
        return self._quantile(p, 1.0 - p)

    def isf(self, q: FloatArray) -> FloatArray:
        """Quantile of the upper tail."""
        q = np.asarray(q, dtype=np.float64)
        return self._quantile(1.0 - q, q)

    def _quantile(self, p: FloatArray, q: FloatArray) -> FloatArray:
        """Where the mass below is p and that above q = 1 - p; the smaller one decides."""
        valid = (p >= 0.0) & (q >= 0.0)
        from_below = p <= q
        target = np.atleast_1d(np.where(valid, np.where(from_below, p, q), 0.5))
        below = np.atleast_1d(from_below)
        angle = np.where(
            below,
            self._solve(target, self._mass_below, -self._r),
            self._solve(target, self._mass_above, self._r),
        )
        step = 4.0 * self._r * np.sin(0.5 * angle) ** 2
        x = np.where(below, self.lower + step, self.upper - step).reshape(p.shape)
        return np.where(valid, x, np.nan)

    def _solve(self, target: FloatArray, mass: object, r: float) -> FloatArray:
        """The angle with that mass: Newton's method on its cube root, kept inside a bracket."""
        low, high = np.zeros_like(target), np.full_like(target, np.pi)
        angle = np.pi * np.cbrt(target)
        with np.errstate(divide="ignore", invalid="ignore"):
            for _ in range(_NEWTON_STEPS):
                value = mass(angle)  # type: ignore[operator]
                low = np.where(value < target, angle, low)
                high = np.where(value >= target, angle, high)
                gap = (1.0 + r) ** 2 - 4.0 * r * np.sin(0.5 * angle) ** 2
                slope = (2.0 / np.pi) * np.sin(angle) ** 2 / gap
                cube = np.cbrt(value)
                step = (cube - np.cbrt(target)) * 3.0 * cube**2 / slope
                following = angle - step
                good = (following > low) & (following < high)
                following = np.where(good, following, 0.5 * (low + high))
                following = np.where(target == 0.0, 0.0, following)
                if np.all(np.abs(following - angle) <= 4e-16 * angle):
                    return following
                angle = following
        return angle
