"""Weighted least squares of the constants of many expressions of one shape at once.

A batch has one tree and, for each of its members, its own columns. Constants that enter linearly
are projected out exactly; the others start from a dense grid (`htmu.symbolic.starts`) and end in
Levenberg-Marquardt steps on all constants together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from htmu.arguments import FloatArray
from htmu.symbolic.trees import Tree, domain_silenced, evaluate, gradient

#: Columns of a batch: for each placeholder an array of shape (members, rows).
Columns: TypeAlias = Sequence[FloatArray]

_MAX_STEPS = 80
_TOLERANCE = 1e-12
#: Damping beyond which no step can make a difference.
_MAX_DAMPING = 1e12
#: Values that a batch may hold at once in an array; larger ones leave the cache.
CHUNK = 1 << 17


def sum_of_squares(
    tree: Tree, columns: Columns, y: FloatArray, w: FloatArray, constants: FloatArray
) -> FloatArray:
    """Sum over the rows of w (y - f)^2 for each member; inf where f is undefined at a row.

    `constants` has shape (members, constants), the result (members,).
    """
    with domain_silenced():
        value = evaluate(tree, columns, [constants[:, k, None] for k in range(constants.shape[1])])
        return _chi2(w * (y - value) ** 2)


def _chi2(squares: FloatArray) -> FloatArray:
    total = np.sum(squares, axis=-1)
    return np.where(np.isfinite(total), total, np.inf)


def solve_linear(
    offset: FloatArray, basis: Sequence[FloatArray], y: FloatArray, w: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Coefficients (..., K) that minimise sum w (y - offset - sum c_k basis_k)^2, and that sum.

    All arrays broadcast to (..., rows). One step of iterative refinement makes up for the normal
    equations' loss of digits.
    """
    shape = np.broadcast_shapes(np.shape(offset), np.shape(y), *(np.shape(b) for b in basis))
    rows = np.stack([np.broadcast_to(b, shape) for b in basis], axis=-2)
    weighted = rows * w[..., None, :]
    scale = np.sqrt(np.einsum("...kr,...kr->...k", weighted, rows))
    normal = np.einsum("...kr,...lr->...kl", weighted, rows)
    usable = np.isfinite(scale) & (scale > 0)
    scale = np.where(usable, scale, 1.0)
    normal = normal / (scale[..., :, None] * scale[..., None, :])
    # A member with a column of zeros or infinities has no solution of its own; it is marked.
    sound = usable.all(axis=-1) & np.isfinite(normal).all(axis=(-1, -2))
    normal = np.where(sound[..., None, None], normal, np.eye(len(basis)))
    # Two columns that are multiples of each other: a little damping picks one solution of many.
    normal = normal + 1e-14 * np.eye(len(basis))
    residual = np.broadcast_to(y - offset, shape)
    solution = np.zeros(scale.shape)
    for _ in range(2):
        right = np.einsum("...kr,...r->...k", weighted, residual) / scale
        right = np.where(np.isfinite(right), right, 0.0)
        step = np.linalg.solve(normal, right[..., None])[..., 0] / scale
        residual = residual - np.einsum("...k,...kr->...r", step, rows)
        solution = solution + step
    return solution, np.where(sound, _chi2(w * residual**2), np.inf)


def profile(
    tree: Tree,
    columns: Columns,
    y: FloatArray,
    w: FloatArray,
    constants: Sequence[FloatArray],
    linear: Sequence[int],
) -> tuple[FloatArray, FloatArray]:
    """Best values of the linear constants at given values of the others, and their sum.

    An affine function is its value where the linear constants are 0, plus its derivatives there
    times them; no symbolic expansion is needed. Where there are none the sum alone is found.
    """
    at = [np.zeros(1) if k in linear else value for k, value in enumerate(constants)]
    with domain_silenced():
        offset, slopes = gradient(tree, columns, at, frozenset(linear))
        offset = offset + np.zeros(np.shape(columns[0]))  # a constant alone has no shape
        if linear:
            return solve_linear(offset, [np.asarray(slopes[k]) for k in linear], y, w)
        chi2 = _chi2(w * (y - offset) ** 2)
        return np.zeros((*chi2.shape, 0)), chi2


def refine(
    tree: Tree, columns: Columns, y: FloatArray, w: FloatArray, start: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Levenberg-Marquardt on all constants of each member of a batch.

    Parameters
    ----------
    tree : Tree
        With constants numbered from 0.
    columns : sequence of array, shape (members, rows)
    y, w : array, shape (rows,)
        Target and weights.
    start : array, shape (members, constants)

    Returns
    -------
    constants : array, shape (members, constants)
    chi2 : array, shape (members,)
        Never above that of the start.
    """
    n_constants = start.shape[1]
    best = start.astype(np.float64)
    chi2 = np.full(len(start), np.inf)
    step = max(1, CHUNK // max(1, len(y) * (1 + n_constants)))
    for low in range(0, len(start), step):
        part = slice(low, low + step)
        with domain_silenced():
            best[part], chi2[part] = _refine(tree, [c[part] for c in columns], y, w, best[part])
    return best, chi2


def _refine(
    tree: Tree, columns: Columns, y: FloatArray, w: FloatArray, start: FloatArray
) -> tuple[FloatArray, FloatArray]:
    n_constants = start.shape[1]
    wanted = frozenset(range(n_constants))
    root = np.sqrt(w)
    final, chi2 = start.copy(), sum_of_squares(tree, columns, y, w, start)
    alive = np.flatnonzero(np.isfinite(chi2))
    damping = np.full(len(start), 1e-3)
    trial = start.copy()
    normal = np.zeros((len(start), n_constants, n_constants))
    right = np.zeros((len(start), n_constants))
    quiet = np.zeros(len(start), dtype=int)
    first = True
    for _ in range(_MAX_STEPS):
        if not len(alive):
            break
        here = [column[alive] for column in columns]
        value, slopes = gradient(
            tree, here, [trial[alive, k, None] for k in range(n_constants)], wanted
        )
        residual = (y - value) * root
        found = _chi2(residual**2)
        jacobian = np.stack(
            [np.broadcast_to(slopes[k], residual.shape) for k in range(n_constants)], axis=1
        )
        jacobian = jacobian * root
        products = jacobian @ jacobian.swapaxes(1, 2)
        better = (found < chi2[alive]) & np.isfinite(products).all(axis=(1, 2))
        gain = chi2[alive] - found
        if first:
            better, first = np.isfinite(products).all(axis=(1, 2)), False
        who = alive[better]
        small = gain[better] <= _TOLERANCE * chi2[who]
        quiet[who] = np.where(small, quiet[who] + 1, 0)
        final[who], chi2[who] = trial[who], found[better]
        normal[who] = products[better]
        right[who] = (jacobian @ residual[..., None])[better, :, 0]
        damping[who] *= 0.2
        damping[alive[~better]] *= 8.0
        alive = alive[(quiet[alive] < 2) & (damping[alive] < _MAX_DAMPING)]
        trial[alive] = final[alive] + _damped_step(normal[alive], right[alive], damping[alive])
    return final, chi2


def _damped_step(normal: FloatArray, right: FloatArray, damping: FloatArray) -> FloatArray:
    scale = np.sqrt(np.einsum("bkk->bk", normal))
    scale = np.where(scale > 0, scale, 1.0)
    scaled = normal / (scale[:, :, None] * scale[:, None, :])
    eye = np.eye(normal.shape[1])
    scaled = scaled + (np.maximum(damping, 1e-14)[:, None, None] * eye)
    return np.asarray(np.linalg.solve(scaled, (right / scale)[..., None])[..., 0] / scale)
