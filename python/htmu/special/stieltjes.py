"""The Stieltjes transform of the HTMP law.

A continued fraction far from the support; near it a turn of Tricomi's equation away from the
boundary values, which the table has.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from htmu.arguments import FloatArray
from htmu.errors import ConvergenceError
from htmu.special.tables import core_parameters, gradient_table

__all__ = ["stieltjes_transform"]

ComplexArray = NDArray[np.complex128]

_EPS = 2.0**-52
_FEW_TERMS = 400
_MOST_TERMS = 200_000
#: Exponent by which turning away from the axis may amplify the errors of the boundary values.
_MOST_GROWTH = 4.0
_MOST_DELTA_TURN = 6.0


def stieltjes_transform(z: ComplexArray, kappa: float, gamma: float) -> ComplexArray:
    """m(z) = E 1/(X - z) off the support, NaN on it."""
    shape = z.shape
    z = np.atleast_1d(z).ravel()
    if gamma > 1.0:
        # The atom of mass 1 - 1/gamma, and the dual law stretched by gamma.
        with np.errstate(invalid="ignore"):
            stretched = z / gamma
        dual = stieltjes_transform(stretched, kappa / gamma, 1.0 / gamma) / gamma**2
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            found = dual - (1.0 - 1.0 / gamma) / z
        found = np.where(z == 0.0, complex(np.nan, np.nan), found)
        return np.asarray(np.where(np.isinf(z), 0.0, found)).reshape(shape)
    if math.isinf(kappa):
        return _marchenko_pastur(z, gamma).reshape(shape)
    result = np.full(z.shape, complex(np.nan, np.nan))
    off = np.isfinite(z) & ((z.imag != 0.0) | (z.real < 0.0))
    # Conjugate points have conjugate values: the lower half-plane is not needed.
    points = np.where(z.imag < 0.0, z.conj(), z)
    open_ = off.copy()
    open_[off], result[off] = _continued_fraction(points[off], kappa, gamma, _FEW_TERMS)
    near = open_ & _is_near(points, kappa, gamma)
    result[near] = _turned(points[near], kappa, gamma)
    far = open_ & ~near
    still, result[far] = _continued_fraction(points[far], kappa, gamma, _MOST_TERMS)
    if still.any():
        raise ConvergenceError(
            f"the Stieltjes transform at z = {points[far][still][0]:.6g} does not converge: it is "
            "too near the support; move it away, or take pdf for the boundary value"
        )
    result = np.where(z.imag < 0.0, result.conj(), result)
    result.imag[off & (z.imag == 0.0)] = 0.0
    result[np.isinf(z)] = 0.0
    return result.reshape(shape)


def _marchenko_pastur(z: ComplexArray, gamma: float) -> ComplexArray:
    """The root of gamma z m^2 + (z + gamma - 1) m + 1 = 0 that falls off as -1/z."""
    r = math.sqrt(gamma)
    lower, upper = ((1.0 - gamma) / (1.0 + r)) ** 2, (1.0 + r) ** 2
    on = (z.imag == 0.0) & (z.real >= lower) & (z.real <= upper)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        root = np.sqrt(z - lower) * np.sqrt(z - upper)
        # Of the two forms of the root of a quadratic, that without cancellation.
        linear = z + gamma - 1.0
        m = -2.0 / (linear + root)
    return np.where(on, complex(np.nan, np.nan), np.where(np.isinf(z), 0.0, m))


def _continued_fraction(
    z: ComplexArray, kappa: float, gamma: float, most_terms: int
) -> tuple[NDArray[np.bool_], ComplexArray]:
    """1/(a_0 - z - b_1^2/(a_1 - z - ...)) by Lentz's method, and where it has not settled."""
    b, delta = core_parameters(kappa, gamma)
    total = b + delta
    zeta = z * total
    f = total - zeta
    c, d = f.copy(), np.zeros_like(f)
    open_ = np.arange(len(z))
    for k in range(1, most_terms):
        if len(open_) == 0:
            break
        a = 2.0 * (k + b) + delta - zeta[open_]
        squared = (k + b) * (k + b + delta - 1.0)
        d[open_] = 1.0 / (a - squared * d[open_])
        c[open_] = a - squared / c[open_]
        ratio = c[open_] * d[open_]
        f[open_] *= ratio
        if k % 8 == 0:
            open_ = open_[np.abs(ratio - 1.0) > 2.0 * _EPS]
    unsettled = np.zeros(len(z), dtype=bool)
    unsettled[open_] = True
    return unsettled, total / f


def _boundary_phase(x: FloatArray, kappa: float, gamma: float) -> tuple[FloatArray, FloatArray]:
    """V = pi b x f(x) and d log V / d log x."""
    log_density, _, _, by_log_x = gradient_table(kappa, gamma).gradient(x)
    return np.exp(log_density + np.log(0.5 * np.pi * kappa * x)), 1.0 + by_log_x


def _is_near(z: ComplexArray, kappa: float, gamma: float) -> NDArray[np.bool_]:
    """Where a turn from the axis at |z| amplifies rounding by less than e^4."""
    b, delta = core_parameters(kappa, gamma)
    radius, angle = np.abs(z), np.angle(z)
    good = (radius > 1e-290) & (radius < 1e300)
    phase, _ = _boundary_phase(np.where(good, radius, 1.0), kappa, gamma)
    y = (b + delta) * radius
    growth = 2.0 * phase * angle + y * (1.0 - np.cos(angle))
    return good & (growth < _MOST_GROWTH) & ((delta + b) * angle < _MOST_DELTA_TURN * np.pi)


def _turned(z: ComplexArray, kappa: float, gamma: float) -> ComplexArray:
    """From the boundary value at |z| along the circle to z, by Taylor series.

    w(s) = U(b, 1 - delta, s) solves s w'' + (1 - delta - s) w' = b w, and E 1/(Y - y) = -v(-y)/b
    with v = w'/w. On the cut s = -y + i0 the boundary value is v = (u + i V)/s, where V = pi b x f,
    u = (delta - y - d log V/d log x)/2.
    """
    b, delta = core_parameters(kappa, gamma)
    radius, angle = np.abs(z), np.angle(z)
    phase, slope = _boundary_phase(radius, kappa, gamma)
    y = (b + delta) * radius
    step_count = max(1, math.ceil(float((angle * (1.0 + phase + 0.5 * y)).max(initial=0.0)) / 0.35))
    step_count = min(step_count, 200)
    part_turn = np.exp(1j * angle / step_count)
    s = -y.astype(np.complex128)
    v = (0.5 * (delta - y - slope) + 1j * phase) / s
    for _ in range(step_count):
        h = s * (part_turn - 1.0)
        previous, current = np.ones_like(s), v * h
        value, derivative = previous + current, current.copy()  # w, h w'
        for k in range(120):
            # s (k+2)(k+1) c_{k+2} = -(k + 1 - delta - s)(k+1) c_{k+1} + (k + b) c_k
            following = (
                -(k + 1.0 - delta - s) * (k + 1.0) * current * h + (k + b) * previous * h * h
            ) / (s * (k + 2.0) * (k + 1.0))
            value += following
            derivative += (k + 2.0) * following
            previous, current = current, following
            if np.all(np.abs(following) * (k + 2.0) <= 1e-18 * np.abs(value)):
                break
        v = derivative / (h * value)
        s = s + h
    return -v / b * (b + delta)
