"""Reference eigenvalues of tridiagonal and bidiagonal matrices: Sturm counts, and mpmath.

A Sturm count at x is the number of negative pivots of T - x = L D L^T (Sylvester). In floating
point it is the exact count of a matrix whose entries differ by a few units of roundoff relatively
(Demmel, Applied Numerical Linear Algebra, 5.3.4), so bisection in extended precision (64 bits)
finds every eigenvalue to about 1e-18 of the norm, or, for the squared singular values of a
bidiagonal matrix by the differential form, to about n * 1e-19 of each one (Fernando and Parlett,
Numer. Math. 67, 191, 1994). Loops run over the matrix; all points, and all matrices of the batch,
advance together. mpmath knows nothing of Sturm counts: it diagonalises at any precision.

Batch axes come first: d (..., n), e (..., n - 1), points x (..., m).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath as mp  # type: ignore[import-untyped]
import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike, NDArray

Float = NDArray[np.float64]
Extended = NDArray[np.longdouble]
Counts = NDArray[np.int64]

EPS = np.finfo(np.longdouble).eps
#: Where long double is double (some ARM systems), these references are no better than the tested.
IS_EXTENDED = bool(EPS < 1e-18)
# Stands for a pivot that vanishes; far below any square of a double relative to the norm.
TINY = np.longdouble(2) ** -10_000 if IS_EXTENDED else np.longdouble(2) ** -1000


def extended(values: ArrayLike) -> Extended:
    """The same numbers in extended precision."""
    return np.asarray(values, dtype=np.longdouble)


def _power_of_two(d: Extended, e: Extended) -> Extended:
    """For each matrix the power of two above its largest entry, shape (..., 1)."""
    largest = np.abs(np.concatenate([d, e], axis=-1)).max(axis=-1, keepdims=True)
    return extended(np.ldexp(np.ones_like(largest), np.frexp(np.where(largest > 0, largest, 1))[1]))


def count_tridiagonal(d: ArrayLike, e: ArrayLike, x: ArrayLike) -> Counts:
    """The number of eigenvalues below each point."""
    diagonal, off, points = extended(d), extended(e), extended(x)
    scale = _power_of_two(diagonal, off)
    diagonal, squares, points = diagonal / scale, (off / scale) ** 2, points / scale
    pivot = diagonal[..., :1] - points
    counts = np.zeros(pivot.shape, dtype=np.int64)
    for k in range(diagonal.shape[-1]):
        if k > 0:
            pivot = (diagonal[..., k : k + 1] - points) - squares[..., k - 1 : k] / pivot
        pivot = np.where(pivot == 0, -TINY, pivot)
        counts += pivot < 0
    return counts


def count_bidiagonal(d: ArrayLike, e: ArrayLike, x: ArrayLike) -> Counts:
    """The number of squared singular values below each point x > 0.

    With q = d^2, f = e^2: t_1 = -x, D_k = q_k + t_k, t_{k+1} = t_k f_k / D_k - x; no subtraction
    cancels but the one that shows the sign.
    """
    diagonal, off, points = extended(d), extended(e), extended(x)
    scale = _power_of_two(diagonal, off)
    q, f, points = (diagonal / scale) ** 2, (off / scale) ** 2, points / scale**2
    t = np.broadcast_to(-points, np.broadcast_shapes(points.shape, q[..., :1].shape))
    counts = np.zeros(t.shape, dtype=np.int64)
    n = q.shape[-1]
    for k in range(n):
        pivot = q[..., k : k + 1] + t
        pivot = np.where(pivot == 0, -np.maximum(EPS * q[..., k : k + 1], TINY), pivot)
        counts += pivot < 0
        if k < n - 1:
            t = t * (f[..., k : k + 1] / pivot) - points
    return counts


def _bisect(
    count: Callable[[Extended], Counts],
    lower: Extended,
    upper: Extended,
    middle: Callable[[Extended, Extended], Extended],
    converged: Callable[[Extended, Extended], Any],
) -> Extended:
    """Point k of the last axis: the eigenvalue with k others below it."""
    index = np.arange(lower.shape[-1])
    for _ in range(200):
        if np.all(converged(lower, upper)):
            break
        points = middle(lower, upper)
        above = count(points) > index
        lower, upper = np.where(above, lower, points), np.where(above, points, upper)
    # The midpoints of overlapping brackets may be out of order by the width of one.
    return np.maximum.accumulate(middle(lower, upper), axis=-1)


def _mean(lower: Extended, upper: Extended) -> Extended:
    return extended((lower + upper) / 2)


def _brackets(d: Extended, e: Extended) -> tuple[Extended, Extended]:
    """Intervals that hold the eigenvalues of matrices with entries at most 1.

    LAPACK's are only a guess: where counts at both ends do not confirm an interval around it,
    the interval is Gershgorin's.
    """
    n = d.shape[-1]
    rows_d = d.astype(np.float64).reshape(-1, n)
    rows_e = e.astype(np.float64).reshape(len(rows_d), n - 1)
    guess = np.array(
        [
            scipy.linalg.eigvalsh_tridiagonal(*pair, lapack_driver="sterf")
            for pair in zip(rows_d, rows_e, strict=True)
        ]
    )
    lower = extended(guess).reshape(d.shape) - np.longdouble(2) ** -40
    upper = lower + np.longdouble(2) ** -39
    index = np.arange(n)
    lower = np.where(count_tridiagonal(d, e, lower) <= index, lower, -3)
    return lower, np.where(count_tridiagonal(d, e, upper) > index, upper, 3)


def eigenvalues(d: ArrayLike, e: ArrayLike) -> Extended:
    """All eigenvalues, ascending, with an error of about 1e-18 of the norm."""
    diagonal, off = extended(d), extended(e)
    if diagonal.shape[-1] == 1:
        return diagonal.copy()
    scale = _power_of_two(diagonal, off)
    diagonal, off = diagonal / scale, off / scale
    found = _bisect(
        lambda x: count_tridiagonal(diagonal, off, x),
        *_brackets(diagonal, off),
        _mean,
        lambda lower, upper: upper - lower <= 8 * EPS,
    )
    vanishes = ~(diagonal.any(axis=-1, keepdims=True) | off.any(axis=-1, keepdims=True))
    return np.where(vanishes, 0, found * scale)


def squared_singular_values(d: ArrayLike, e: ArrayLike) -> Extended:
    """Eigenvalues of B B^T, ascending, each with a relative error of about n * 1e-19.

    Values below 2^-4000 of the largest square entry are returned as that bound.
    """
    diagonal, off = extended(d), extended(e)
    scale = _power_of_two(diagonal, off)
    diagonal, off = diagonal / scale, off / scale
    found = _bisect(
        lambda x: count_bidiagonal(diagonal, off, x),
        np.full_like(diagonal, np.longdouble(2) ** -4000),
        np.full_like(diagonal, 4),
        lambda lower, upper: np.where(
            upper > 2 * lower, np.sqrt(lower) * np.sqrt(upper), _mean(lower, upper)
        ),
        lambda lower, upper: upper - lower <= 4 * EPS * upper,
    )
    return found * scale**2


def _log_difference(a: Extended, b: Extended) -> tuple[Extended, NDArray[np.bool_]]:
    """log|exp(a) - exp(b)|, and whether the difference is negative; 0 counts as negative."""
    gap = np.abs(a - b)
    # A vanishing difference becomes a relative change of a by one unit of roundoff.
    return np.maximum(a, b) + np.log(-np.expm1(-np.maximum(gap, EPS))), a <= b


def _log_count(log_q: Extended, log_f: Extended, x: Extended) -> Counts:
    """The count of `count_bidiagonal` at exp(x), every number kept as a sign and a logarithm.

    With t_k = -u_k exp(x): D_k = q_k - u_k exp(x), u_{k+1} = 1 + u_k f_k / D_k.
    """
    log_u = np.zeros(np.broadcast_shapes(x.shape, log_q[..., :1].shape), dtype=np.longdouble)
    u_negative = np.zeros(log_u.shape, dtype=np.bool_)
    counts = np.zeros(log_u.shape, dtype=np.int64)
    n = log_q.shape[-1]
    for k in range(n):
        relative = log_q[..., k : k + 1] - x
        log_pivot, negative = _log_difference(relative, log_u)
        log_pivot = np.where(u_negative, np.logaddexp(relative, log_u), log_pivot)
        negative &= ~u_negative
        counts += negative
        if k < n - 1:
            log_w = log_u + (log_f[..., k : k + 1] - x) - log_pivot
            w_negative = negative ^ u_negative
            log_u, u_negative = _log_difference(np.zeros_like(log_w), log_w)
            log_u = np.where(w_negative, log_u, np.logaddexp(0, log_w))
            u_negative &= w_negative
    return counts


def log_eigenvalues(log_d: ArrayLike, log_e: ArrayLike) -> Extended:
    """Logarithms of the eigenvalues of B B^T, ascending, given log|d| (finite) and log|e|.

    A rounding error is about 1e-19 max|log| relative to an entry; the error in a logarithm is at
    most about n times that.
    """
    log_q, log_f = 2 * extended(log_d), 2 * extended(log_e)
    n = log_q.shape[-1]
    highest = np.concatenate([log_q, log_f], axis=-1).max(axis=-1, keepdims=True) + np.log(4.0)
    # The determinant is the product of the eigenvalues.
    lowest = np.minimum(log_q.sum(axis=-1, keepdims=True) - (n - 1) * highest, highest) - 1
    return _bisect(
        lambda x: _log_count(log_q, log_f, x),
        np.broadcast_to(lowest, log_q.shape),
        np.broadcast_to(highest, log_q.shape),
        _mean,
        lambda lower, upper: upper - lower <= 16 * EPS * np.maximum(1, np.abs(upper)),
    )


def _mpmath(values: ArrayLike) -> list[Any]:
    return [mp.mpf(float(v)) for v in np.asarray(values, dtype=np.float64)]


def _extended_from_mpmath(values: Any) -> Extended:
    # By decimal digits: longdouble has no constructor from mpf.
    return np.array([np.longdouble(mp.nstr(v, 25, min_fixed=0, max_fixed=0)) for v in values])


def _dense(diagonal: list[Any], off: list[Any]) -> Any:
    n = len(diagonal)
    matrix = mp.zeros(n)
    for k in range(n):
        matrix[k, k] = diagonal[k]
    for k in range(n - 1):
        matrix[k, k + 1] = matrix[k + 1, k] = off[k]
    return matrix


def _gram(diagonal: list[Any], off: list[Any]) -> Any:
    """B^T B for upper bidiagonal B."""
    shifted = [mp.mpf(0), *off]
    return _dense(
        [a * a + b * b for a, b in zip(diagonal, shifted, strict=True)],
        [a * b for a, b in zip(diagonal[:-1], off, strict=True)],
    )


def eigenvalues_mpmath(d: ArrayLike, e: ArrayLike, digits: int = 50) -> Extended:
    """All eigenvalues of one matrix, ascending, by mpmath's symmetric solver."""
    with mp.workdps(digits):
        dense = _dense(_mpmath(d), _mpmath(e))
        return _extended_from_mpmath(sorted(mp.eigsy(dense, eigvals_only=True)))


def squared_singular_values_mpmath(d: ArrayLike, e: ArrayLike, digits: int) -> Extended:
    """Eigenvalues of B B^T, ascending; `digits` must exceed the spread's by 40 or so."""
    with mp.workdps(digits):
        gram = _gram(_mpmath(d), _mpmath(e))
        return _extended_from_mpmath(sorted(mp.eigsy(gram, eigvals_only=True)))


def log_eigenvalues_mpmath(log_d: ArrayLike, log_e: ArrayLike, digits: int) -> Extended:
    """Logarithms of the eigenvalues of B B^T, ascending, from logarithms of the entries."""
    with mp.workdps(digits):
        gram = _gram([mp.exp(v) for v in _mpmath(log_d)], [mp.exp(v) for v in _mpmath(log_e)])
        return _extended_from_mpmath([mp.log(v) for v in sorted(mp.eigsy(gram, eigvals_only=True))])
