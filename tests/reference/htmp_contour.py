"""The HTMP law by contour integrals, at any precision: mpmath and NumPy only, nothing from htmu.

With y = (b + delta) x, b = kappa / 2, delta = b (1 / gamma - 1), Tricomi's function on its cut is
U(b, 1 - delta, y e^(-i pi)) = I(y) / Gamma(b) (DLMF 13.4.4, its ray turned by pi), where

    I(y) = integral from 0 to -infinity, above -1, of e^(y t) t^(b-1) (1+t)^(-b-delta) dt.

Hence, from Theorem 4.1 of arXiv 2506.03470,

    f(x) = y^delta e^(-y) Gamma(b) / (x b Gamma(b + delta) |I|^2),    F(x) = arg I / (pi b),

the argument being continuous and 0 at y = 0. A contour and its mirror image make a Hankel loop:

    Im I           =  pi e^(-y) H_L,  H_L = 1/(2 pi i) loop of e^(y s) (s-1)^(b-1) s^(-b-delta) ds,
    Im e^(-i pi b) I = -pi e^(-y) H_R,  H_R the same with (1-s)^(b-1),

H_L crossing the real axis at s > 1 and H_R in (0, 1). In the lower tail the crossing is a saddle of
the integrand and H_L has no cancellation, so arg I = asin(Im I / |I|) keeps its relative accuracy
however small it is; H_R does the same for pi b S. None of this knows of integer delta.

Each integral is taken over a polygon that follows the steepest descent from the saddle (traced in
float64: by Cauchy's theorem the result does not depend on the polygon), Gauss-Legendre on each
edge. `evaluate` takes it twice, with different polygons and rules, and returns the difference.
"""

from __future__ import annotations

import cmath
import functools
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath as mp  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

Real = Any  # mpmath.mpf: mpmath ships no types
Path = list[complex]
#: Real part of an exponent, and its first three derivatives.
Derivatives = Callable[[complex], tuple[float, complex, complex, complex]]
PI = math.pi


@dataclass(frozen=True)
class Rule:
    """How fine: decimal digits, change of the exponent and part of the free disc an edge takes."""

    digits: int
    nodes: int
    change: float
    reach: float


FINE = Rule(36, 28, 6.0, 0.35)
FINER = Rule(36, 36, 5.0, 0.3)
QUICK = Rule(15, 16, 4.0, 0.4)


@functools.cache
def gauss_legendre(count: int, digits: int) -> list[tuple[Real, Real]]:
    """Nodes and weights on (-1, 1), by Newton's method on the three-term recurrence."""
    with mp.workdps(digits + 15):
        rule = []
        for k in range(count):
            x = mp.cos(mp.pi * (mp.mpf(k) + mp.mpf(3) / 4) / (count + mp.mpf(1) / 2))
            for _ in range(60):
                below, value = mp.mpf(1), x
                for n in range(1, count):
                    below, value = value, ((2 * n + 1) * x * value - n * below) / (n + 1)
                slope = count * (below - x * value) / (1 - x * x)
                step = value / slope
                x -= step
                if abs(step) < mp.mpf(10) ** (-digits - 10):
                    break
            rule.append((x, 2 / ((1 - x * x) * slope * slope)))
        return rule


@functools.cache
def gauss_legendre_double(count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x, w = np.polynomial.legendre.leggauss(count)
    return np.asarray(x), np.asarray(w)


def longest(derivatives: Sequence[complex], free: float, rule: Rule, slope: bool = True) -> float:
    """The length over which no term of the exponent's expansion exceeds the rule's change."""
    _, first, second, third = derivatives
    length = rule.reach * free
    for order, derivative in ((1, first), (2, second), (3, third)):
        if derivative != 0 and (slope or order > 1):
            length = min(length, (rule.change / abs(derivative)) ** (1 / order))
    return length


def descend(
    start: complex,
    direction: complex,
    derivatives: Derivatives,
    free: Callable[[complex], float],
    rule: Rule,
    top: float = math.inf,
) -> Path:
    """Vertices of a polygon from ``start`` down the real part of the exponent.

    ``free`` is the distance to the nearest singularity, [0, ``top``] the range of the imaginary
    part. The polygon ends where the integrand has lost all the digits, and some.
    """
    path = [start]
    here = derivatives(start)
    floor = here[0] - 2.4 * rule.digits - 12
    point = start
    for _ in range(5000):
        length = longest(here, free(point), rule, slope=len(path) > 1)
        if len(path) > 1 and here[1] != 0:
            direction = -here[1].conjugate() / abs(here[1])
        for _ in range(60):
            tried = point + length * direction
            inside = -0.3 * length <= tried.imag <= top + 0.3 * length
            # Never above pi (nor the double below it), where the logarithm has its cut; a path
            # may slide along it.
            tried = complex(tried.real, min(max(tried.imag, 0.0), top))
            there = derivatives(tried)
            if inside and -1.5 * rule.change < there[0] - here[0] < 1e-12:
                break
            length /= 2
        else:
            raise ArithmeticError(f"no descent from {point} (start {start})")
        point, here = tried, there
        path.append(point)
        if here[0] < floor:
            return path
    raise ArithmeticError(f"the descent from {start} does not end")


def straight(
    a: complex,
    b: complex,
    derivatives: Derivatives,
    free: Callable[[complex], float],
    rule: Rule,
) -> Path:
    """Vertices from a to b; it ends before b where the integrand has lost all the digits."""
    path = [a]
    floor = derivatives(a)[0] - 2.4 * rule.digits - 12
    while path[-1] != b and derivatives(path[-1])[0] > floor:
        here = path[-1]
        length = longest(derivatives(here), free(here), rule)
        path.append(b if length >= abs(b - here) else here + (b - a) / abs(b - a) * length)
    return path


@dataclass(frozen=True)
class Law:
    """The parameters at one point: floats for the paths, mpf for the values."""

    b: float
    delta: float
    s: float  # log x

    @property
    def y(self) -> float:
        return (self.b + self.delta) * math.exp(self.s)

    @property
    def excess(self) -> float:
        """y - delta."""
        return self.b + (self.b + self.delta) * math.expm1(self.s)

    # I in the variable w = log t: y e^w + b w - (b + delta) log(1 + e^w).

    def derivatives(self, w: complex) -> tuple[float, complex, complex, complex]:
        shape, y = self.b + self.delta, self.y
        if w.real > 0:
            u = cmath.exp(-w)
            q = 1 / (1 + u)
            # b w - (b + delta) softplus(w), without the cancellation of b w.
            value = -self.delta * w - shape * cmath.log(1 + u)
            slope = shape * u * q - self.delta
        else:
            t = cmath.exp(w)
            q = t / (1 + t)
            value = self.b * w - shape * cmath.log(1 + t)
            slope = self.b - shape * q
        grown, curve = y * cmath.exp(w), shape * q * (1 - q)
        return (grown + value).real, grown + slope, grown - curve, grown - curve * (1 - 2 * q)

    @staticmethod
    def free(w: complex) -> float:
        # e^w itself changes by a factor e over 1: a limit where it rules the exponent.
        return min(abs(w - 1j * PI), 6.0 if w.real > -130 else math.inf)

    def descent(self, start: complex, direction: complex, rule: Rule) -> Path:
        return descend(start, direction, self.derivatives, self.free, rule, top=PI)

    def path(self, rule: Rule) -> tuple[complex, Path]:
        """A point of the largest modulus, and a polygon from the valley at t = 0 to -infinity."""
        y, e, b = self.y, self.excess, self.b
        discriminant = e * e - 4 * y * b
        root = cmath.sqrt(discriminant)
        if discriminant >= 0:
            near = math.copysign(2 * b / (abs(e) + root.real), -e) + 0j
        else:
            near = (-e + root) / (2 * y)
        # A small y leaves a plateau log(1/y) wide, flat or sloping: its ends are easier to go by.
        ends = math.log(1 + b + self.delta) + 3 + 0.5j * PI, -math.log(y) - 3 + 0.5j * PI
        if near.real >= 0 and ends[0].real < min(math.log(abs(near)), ends[1].real):
            left = self.descent(ends[0], -1, rule)
            return ends[0], left[:0:-1] + self.onward(*ends, 1, rule)
        saddle = cmath.log(near)
        if discriminant < 0:
            second = self.derivatives(saddle)[2]
            down = 1j * cmath.exp(-0.5j * cmath.phase(second)) if second else 1j
            # Of the two ways down the one to the right (or, if vertical, up) ends at -infinity.
            if down.real < 0:
                down = -down
            left = self.descent(saddle, -down, rule)
            return saddle, left[:0:-1] + self.descent(saddle, down, rule)
        saddle = complex(saddle.real, 0 if e < 0 else PI)
        turn = complex(math.log(b / y / abs(near)), saddle.imag)
        left = self.descent(saddle, -1, rule)
        return saddle, left[:0:-1] + self.onward(saddle, turn, 1j if e < 0 else -1j, rule)

    def onward(self, start: complex, turn: complex, direction: complex, rule: Rule) -> Path:
        """From start straight to turn and down from there, as far as it matters."""
        path = straight(start, turn, self.derivatives, self.free, rule)
        if path[-1] != turn:
            return path
        return path[:-1] + self.descent(turn, direction, rule)


class Point:
    """One law at one x; x, b, delta are taken as they are (float, exact; or mpf)."""

    def __init__(self, b: Real, delta: Real, x: Real, rule: Rule = FINE) -> None:
        self.rule = rule
        self.law = Law(float(b), float(delta), float(mp.log(x)))
        with mp.workdps(rule.digits):
            scale = abs(float(b) + float(delta)) * (1 + float(x)) + 10
            self.digits = rule.digits + int(math.log10(scale)) + 5
        with mp.workdps(self.digits):
            self.b, self.delta, self.x = mp.mpf(b), mp.mpf(delta), mp.mpf(x)
            self.y = (self.b + self.delta) * self.x

    def exponent(self, w: Real) -> Real:
        t = mp.exp(w)
        return self.y * t + self.b * w - (self.b + self.delta) * mp.log1p(t)

    def integrate(self, path: Path, exponent: Callable[[Real], Real], at: Real) -> Real:
        """Integral of e^(exponent - at) along a polygon."""
        total = mp.mpf(0)
        rule = gauss_legendre(self.rule.nodes, self.digits)
        vertices = [mp.mpc(v) for v in path]
        for a, b in itertools.pairwise(vertices):
            half, middle = (b - a) / 2, (a + b) / 2
            part = mp.mpf(0)
            for node, weight in rule:
                part += weight * mp.exp(exponent(middle + half * node) - at)
            total += half * part
        return total

    def modulus_and_phase(self) -> tuple[Real, Real]:
        """log|I|, and arg I in (-pi, pi]."""
        saddle, path = self.law.path(self.rule)
        # log(1+t) is on its principal sheet below height pi; a tail's path runs along pi itself.
        exponent = self.exponent if self.law.excess < 0 else self.exponent_upper
        at = exponent(mp.mpc(saddle))
        value = self.integrate(path, exponent, at.real)
        return mp.log(abs(value)) + at.real, mp.arg(value)

    def exponent_upper(self, w: Real) -> Real:
        # t = -e^v, v = w - i pi: near height pi the sign of Im t is that of -Im v.
        v = w - 1j * mp.pi
        grown = mp.exp(v)
        one_plus = 1 - grown
        if one_plus.real < 0 and one_plus.imag <= 0:
            one_plus = mp.mpc(one_plus.real, abs(one_plus.imag))
        return -self.y * grown + self.b * w - (self.b + self.delta) * mp.log(one_plus)

    def log_loop(self, upper: bool) -> Real:
        """log(pi e^(-y) H) of H_R (``upper``) or H_L, in tau = y (s - 1)."""
        y, e, b, delta = self.law.y, self.law.excess, self.law.b, self.law.delta
        discriminant = (e - 1) ** 2 - 4 * y * (b - 1)
        if discriminant < 0:
            raise ArithmeticError("not in the tail")
        root = abs(e - 1) + math.sqrt(discriminant)
        # The larger root for H_L, the smaller for H_R, without cancellation.
        if upper:
            saddle = -root / 2 if e > 1 else -2 * y * (b - 1) / root
        else:
            saddle = root / 2 if e < 1 else -2 * y * (b - 1) / root
        if not (-y < saddle < 0 if upper else saddle > 0):
            raise ArithmeticError("not in the tail")

        def derivatives(tau: complex) -> tuple[float, complex, complex, complex]:
            side = -tau if upper else tau
            value = tau + (b - 1) * cmath.log(side) - (b + delta) * cmath.log(tau + y)
            one, two = (b - 1) / tau, (b + delta) / (tau + y)
            first, second = 1 + one - two, two / (tau + y) - one / tau
            third = 2 * one / tau / tau - 2 * two / (tau + y) / (tau + y)
            return value.real, first, second, third

        def exponent(tau: Real) -> Real:
            side = -tau if upper else tau
            logs = (self.b - 1) * mp.log(side) - (self.b + self.delta) * mp.log(tau + self.y)
            return tau + logs

        path = descend(saddle, 1j, derivatives, lambda tau: min(abs(tau), abs(tau + y)), self.rule)
        at = exponent(mp.mpc(saddle)).real
        value = self.integrate(path, exponent, at)
        # ds = dtau / y, (s-1)^(b-1) = (tau/y)^(b-1), s^(-b-delta) likewise.
        return mp.log(value.imag) + at + self.delta * mp.log(self.y)

    def log_density(self, log_modulus: Real) -> Real:
        powers = self.delta * mp.log(self.y) - self.y - mp.log(self.x) - mp.log(self.b)
        gammas = mp.loggamma(self.b) - mp.loggamma(self.b + self.delta)
        return powers + gammas - 2 * log_modulus


@dataclass(frozen=True)
class Value:
    """log f; log F and log S, each from the smaller of the two phases; their uncertainties."""

    logpdf: Real
    log_cdf: Real
    log_sf: Real
    logpdf_error: float
    phase_error: float  # relative, of the smaller of F and S


def tail_phase(point: Point, log_modulus: Real, upper: bool) -> Real:
    """pi b F (or pi b S), where it is below pi / 2, from the loop integral."""
    return mp.asin(mp.exp(point.log_loop(upper) - log_modulus))


#: Below this phase arg I has lost too many digits, and above it neither loop is needed.
SMALL_PHASE = 1e-8


def smaller_phase(point: Point, guess: float) -> tuple[Real, Real, bool]:
    """log f; the smaller of pi b F and pi b S; whether it is the latter.

    ``guess`` approximates pi b F to better than pi: it chooses the branch of the argument.
    """
    with mp.workdps(point.digits):
        log_modulus, principal = point.modulus_and_phase()
        log_f = point.log_density(log_modulus)
        total = mp.pi * point.b
        phase = principal + 2 * mp.pi * mp.nint((guess - principal) / (2 * mp.pi))
        if abs(float(phase) - guess) > 1e-3 * (1 + abs(guess) * 1e-3):
            raise ArithmeticError(f"phase {phase} is not what quadrature expects, {guess}")
        upper = bool(phase > total / 2)
        small = total - phase if upper else phase
        if small < SMALL_PHASE * min(1, total):
            small = tail_phase(point, log_modulus, upper)
        return log_f, small, upper


def evaluate(b: float, delta: float, x: float, guess: float) -> Value:
    """The law at x, by two polygons and rules."""
    results = [smaller_phase(Point(b, delta, x, rule), guess) for rule in (FINE, FINER)]
    (log_f, small, upper), (other_f, other_small, _) = results
    with mp.workdps(FINE.digits + 10):
        logs = mp.log(small / (mp.pi * b)), mp.log1p(-small / (mp.pi * b))
        return Value(
            log_f,
            logs[1] if upper else logs[0],
            logs[0] if upper else logs[1],
            float(abs(log_f - other_f)),
            float(abs(small / other_small - 1)),
        )


def log_density_double(b: float, delta: float, s: float) -> tuple[float, float]:
    """log f and arg I at x = e^s in float64: for guesses and for coarse quadratures."""
    law = Law(b, delta, s)
    saddle, path = law.path(QUICK)
    nodes, weights = gauss_legendre_double(QUICK.nodes)
    vertices = np.array(path)
    half, middle = np.diff(vertices) / 2, (vertices[1:] + vertices[:-1]) / 2
    w = middle[:, None] + half[:, None] * nodes
    with np.errstate(over="ignore"):
        right = w.real > 0
        near = np.where(right, -delta * w, b * w)
        near -= (b + delta) * np.log1p(np.exp(np.where(right, -w, w)))
        exponent = law.y * np.exp(w) + near
    at = law.derivatives(saddle)[0]
    value = complex(np.sum(half[:, None] * weights * np.exp(exponent - at)))
    # Stirling's series where the difference of the two log-gammas would lose digits.
    gammas = float(mp.loggamma(b) - mp.loggamma(mp.mpf(b) + delta))
    log_y = math.log(b + delta) + s
    log_f = delta * log_y - law.y - s - math.log(b) + gammas - 2 * (math.log(abs(value)) + at)
    return log_f, cmath.phase(value)
