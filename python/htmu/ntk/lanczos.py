"""The Lanczos method with full reorthogonalisation, for several start vectors in step.

K = V T V^T on the Krylov space of a start vector; the eigenvalues of T and the squared first
components of its eigenvectors are the Gauss quadrature of the vector's spectral measure (Golub and
Meurant, *Matrices, Moments and Quadrature*, 2010, chapters 4 and 6).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import scipy.linalg
from scipy.sparse import issparse
from scipy.sparse.linalg import LinearOperator, aslinearoperator

from htmu.arguments import FloatArray, as_int, as_real_array
from htmu.errors import InvalidInputError, NonFiniteError

__all__ = ["Progress", "Tridiagonal", "as_operator", "lanczos"]

#: Called with the number of products done and their total.
Progress: TypeAlias = Callable[[int, int], None]

#: Start vectors go in step as long as their bases need no more than so many bytes.
_BASIS_BYTES = 2**30


@dataclasses.dataclass(frozen=True)
class Tridiagonal:
    """Tridiagonal matrix of a Lanczos run.

    Attributes
    ----------
    diagonal : (k,) ndarray
        Diagonal of T.
    offdiagonal : (k - 1,) ndarray
        Its off-diagonal, positive.
    residual : float
        Norm of what the k-th step left over: the next off-diagonal entry. 0 if the Krylov space
        was exhausted: each eigenvalue of T then is one of the operator, to rounding.
    """

    diagonal: FloatArray
    offdiagonal: FloatArray
    residual: float

    @property
    def exhausted(self) -> bool:
        """Whether the Krylov space was exhausted, so that the quadrature is exact."""
        return self.residual == 0

    def quadrature(self) -> tuple[FloatArray, FloatArray]:
        """Return nodes, ascending, and weights of sum 1, of the start vector's spectral measure."""
        nodes, vectors = self._eigh()
        return nodes, np.square(vectors[0])

    def ritz(self) -> tuple[FloatArray, FloatArray]:
        """Return Ritz values, ascending, and for each a bound of the distance to an eigenvalue."""
        nodes, vectors = self._eigh()
        return nodes, self.residual * np.abs(vectors[-1])

    def radau(self, end: float) -> tuple[FloatArray, FloatArray]:
        """Return the quadrature with one more node, at `end`, below every eigenvalue.

        Golub and Meurant, section 6.2.2. The plain quadrature if the Krylov space was exhausted.
        """
        if self.exhausted:
            return self.quadrature()
        # (T - end) d = residual^2 e_k; the new last diagonal entry is end + d_k.
        banded = np.zeros((2, len(self.diagonal)))
        banded[1] = self.diagonal - end
        banded[0, 1:] = self.offdiagonal
        last = np.zeros(len(self.diagonal))
        last[-1] = self.residual**2
        shift = float(scipy.linalg.solveh_banded(banded, last)[-1])
        return Tridiagonal(
            np.append(self.diagonal, end + shift), np.append(self.offdiagonal, self.residual), 0.0
        ).quadrature()

    def _eigh(self) -> tuple[FloatArray, FloatArray]:
        nodes, vectors = scipy.linalg.eigh_tridiagonal(self.diagonal, self.offdiagonal)
        return np.asarray(nodes, dtype=np.float64), np.asarray(vectors, dtype=np.float64)


def as_operator(matrix: Any) -> LinearOperator:
    """Return a symmetric matrix, dense or sparse, or an operator, as an operator.

    Raises
    ------
    InvalidInputError
        It is not square, empty, complex, or (a matrix) not symmetric.
    """
    if isinstance(matrix, LinearOperator):
        operator = matrix
    elif issparse(matrix):
        sparse: Any = matrix
        operator = aslinearoperator(sparse)
    else:
        array = as_real_array("matrix", matrix)
        if array.ndim != 2 or array.shape[0] != array.shape[1]:
            raise InvalidInputError(f"matrix must be square, got shape {array.shape}")
        scale = float(np.abs(array).max(initial=0))
        if float(np.abs(array - array.T).max(initial=0)) > 1e-6 * scale:
            raise InvalidInputError("matrix must be symmetric; give (A + A.T) / 2")
        operator = aslinearoperator(array)
    if operator.shape[0] != operator.shape[1] or operator.shape[0] == 0:
        raise InvalidInputError(
            f"the operator must be square and not empty, got shape {operator.shape}"
        )
    if operator.dtype is not None and np.dtype(operator.dtype).kind not in "fiu":
        raise InvalidInputError(f"the operator must be real, got dtype {operator.dtype}")
    return operator


def operator_eps(operator: LinearOperator) -> float:
    """Relative rounding of the products: float32's for an operator of that type."""
    dtype = np.dtype(operator.dtype) if operator.dtype is not None else np.dtype(np.float64)
    return float(np.finfo(dtype if dtype.kind == "f" else np.float64).eps)


def lanczos(
    matrix: Any, starts: Any, n_steps: int, *, progress: Progress | None = None
) -> list[Tridiagonal]:
    """Run the Lanczos method from each start vector.

    Every new vector is made orthogonal to all earlier ones, twice, in float64, so that no
    eigenvalue appears as a ghost. A run stops when its Krylov space is exhausted: after as many
    steps as the operator has distinct eigenvalues that are met by the start vector.

    Parameters
    ----------
    matrix : (N, N) array_like, sparse matrix or LinearOperator
        Real and symmetric.
    starts : (N,) or (N, k) array_like
        Start vectors, one a column; not zero. Their length does not matter.
    n_steps : int
        Most steps for each, at least 1; N at most are made.
    progress : callable, optional
        Called with the number of products done and their total.

    Returns
    -------
    list of Tridiagonal
        One for each start vector.

    Raises
    ------
    InvalidInputError
        An argument has the wrong shape, or the operator turns out not to be symmetric.
    NonFiniteError
        A product is not finite.

    Notes
    -----
    Golub and Van Loan, *Matrix Computations*, 4th ed., section 10.3.5. A space counts as exhausted
    when the residual is below N eps times the norm of T, the rounding of the products: T then
    belongs to an operator that differs by no more.

    Examples
    --------
    >>> import numpy as np
    >>> from htmu.ntk import lanczos
    >>> run, = lanczos(np.diag([1.0, 2.0, 2.0, 5.0]), np.ones(4), 10)
    >>> run.exhausted, np.round(run.quadrature(), 12).tolist()
    (True, [[1.0, 2.0, 5.0], [0.25, 0.5, 0.25]])
    """
    operator = as_operator(matrix)
    size = operator.shape[0]
    steps = min(as_int("n_steps", n_steps, minimum=1), size)
    columns = as_real_array("starts", starts)
    columns = columns[:, None] if columns.ndim == 1 else columns
    if columns.ndim != 2 or columns.shape[0] != size or columns.shape[1] == 0:
        raise InvalidInputError(
            f"starts must have {size} rows and at least 1 column, got shape {columns.shape}"
        )
    norms = np.linalg.norm(columns, axis=0)
    if not (norms > 0).all():
        raise InvalidInputError(f"start vector {int(np.argmin(norms))} is zero; give another")
    unit = (columns / norms).T
    together = max(1, _BASIS_BYTES // (8 * size * (steps + 1)))
    runs: list[Tridiagonal] = []
    for first in range(0, len(unit), together):
        group = unit[first : first + together]
        runs += _in_step(operator, group, steps, first * steps, len(unit) * steps, progress)
    return runs


def _in_step(
    operator: LinearOperator,
    starts: FloatArray,
    steps: int,
    done: int,
    total: int,
    progress: Progress | None,
) -> list[Tridiagonal]:
    """Run all start vectors, the rows of `starts`, side by side."""
    count, size = starts.shape
    eps = operator_eps(operator)
    # One basis an array, so that a run that ends early gives its memory back.
    bases = [np.empty((steps, size)) for _ in range(count)]
    for basis, start in zip(bases, starts, strict=True):
        basis[0] = start
    diagonals: list[list[float]] = [[] for _ in range(count)]
    offdiagonals: list[list[float]] = [[] for _ in range(count)]
    scales = [0.0] * count
    active = list(range(count))
    residuals = [0.0] * count
    for step in range(steps):
        stacked = np.stack([bases[i][step] for i in active], axis=1)
        products = np.asarray(operator.matmat(stacked), dtype=np.float64)
        if not np.isfinite(products).all():
            raise NonFiniteError(
                "a product with the operator is not finite; look for NaN or overflow in it"
            )
        done += len(active)
        going = []
        for column, i in enumerate(active):
            known = bases[i][: step + 1]
            vector = np.ascontiguousarray(products[:, column])
            scales[i] = max(scales[i], float(np.linalg.norm(vector)))
            overlaps = known @ vector
            _check_symmetric(overlaps, offdiagonals[i], scales[i], eps)
            vector -= overlaps @ known
            vector -= (known @ vector) @ known
            diagonals[i].append(float(overlaps[-1]))
            residual = float(np.linalg.norm(vector))
            # At most N vectors are orthogonal: what is left after N steps is rounding.
            if residual <= eps * size * scales[i] or step + 1 == size:
                residual = 0.0
            residuals[i] = residual
            if residual > 0 and step + 1 < steps:
                offdiagonals[i].append(residual)
                bases[i][step + 1] = vector / residual
                going.append(i)
            else:
                bases[i] = np.empty((0, size))
        # The products that a run does not need count as done.
        done += (len(active) - len(going)) * (steps - step - 1)
        if progress is not None:
            progress(done, total)
        active = going
        if not active:
            break
    return [
        Tridiagonal(np.array(a), np.array(b), r)
        for a, b, r in zip(diagonals, offdiagonals, residuals, strict=True)
    ]


def _check_symmetric(
    overlaps: FloatArray, offdiagonal: list[float], scale: float, eps: float
) -> None:
    """Refuse an operator whose projection on the basis is not tridiagonal and symmetric.

    With an orthonormal basis the overlaps with all but the last two vectors vanish, and the last
    but one is the off-diagonal entry: to rounding, here to its square root.
    """
    if len(overlaps) < 2:
        return
    wrong = max(
        float(np.abs(overlaps[:-2]).max(initial=0.0)), abs(float(overlaps[-2]) - offdiagonal[-1])
    )
    if wrong > math.sqrt(eps) * scale:
        raise InvalidInputError(
            f"the operator is not symmetric: off by {wrong / scale:.2g} of its norm; give a "
            "symmetric one"
        )
