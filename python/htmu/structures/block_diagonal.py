"""Independent diagonal blocks, from one block (no structure) to blocks of size 1 (diagonal)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from htmu._core import structures as _structures
from htmu.arguments import as_float, as_int, as_sizes
from htmu.errors import InvalidInputError
from htmu.structures.base import MAX_MATRIX_SIZE, Structure

__all__ = ["BlockDiagonal", "Diagonal", "Full"]

_REFERENCES = ("weight", "shape", "full")


def _as_alpha(alpha: float) -> float:
    return as_float("alpha", alpha, exclusive_minimum=-1)


def _as_block_beta(block_beta: float) -> float:
    beta = as_float("block_beta", block_beta, exclusive_minimum=0)
    return int(beta) if beta.is_integer() else beta


class _Blocks(Structure):
    """Blocks of given sizes, all of one exponent and Dyson index."""

    references = _REFERENCES
    default_reference = "weight"

    def __init__(self, sizes: Sequence[int], alpha: float, block_beta: float) -> None:
        self._sizes = tuple(sizes)
        self._alpha = alpha
        self._block_beta = block_beta
        if self.N > MAX_MATRIX_SIZE:
            raise InvalidInputError(
                f"the matrix size N must be at most {MAX_MATRIX_SIZE}, got N = {self.N}"
            )

    @property
    def N(self) -> int:  # noqa: N802 - the field's symbol
        return sum(self._sizes)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Sizes of the blocks."""
        return self._sizes

    @property
    def alpha(self) -> float:
        """Exponent of every block's weight."""
        return self._alpha

    @property
    def block_beta(self) -> float:
        """Dyson index of every block."""
        return self._block_beta

    @property
    def weight_exponent(self) -> float:
        return self._alpha

    def _law(self, seed: int) -> _structures.StructuredLaw:
        return _structures.BlockDiagonalLaw(list(self._sizes), self._alpha, self._block_beta)


class Full(_Blocks):
    """An unstructured n x n random positive matrix: its kappa is block_beta n exactly.

    Parameters
    ----------
    n : int
        Matrix size, at least 1.
    alpha : float
        Exponent of det(M), greater than -1.
    block_beta : float
        Dyson index: 1 real, 2 complex, 4 quaternion; any value > 0 is admitted.

    Examples
    --------
    >>> import htmu
    >>> htmu.structures.Full(10).N
    10
    """

    name: ClassVar[str] = "full"

    def __init__(self, n: int, alpha: float = 1.0, block_beta: float = 1) -> None:
        size = as_int("n", n, minimum=1, maximum=MAX_MATRIX_SIZE)
        super().__init__([size], _as_alpha(alpha), _as_block_beta(block_beta))

    @property
    def parameters(self) -> dict[str, Any]:
        return {"n": self.N, "alpha": self.alpha, "block_beta": self.block_beta}


class Diagonal(_Blocks):
    """A diagonal n x n matrix with independent Gamma(alpha + 1) entries: its kappa is 0.

    Parameters
    ----------
    n : int
        Matrix size, at least 1.
    alpha : float
        Exponent of det(M), greater than -1.

    Examples
    --------
    >>> import htmu
    >>> htmu.structures.Diagonal(4, alpha=2.0)
    Diagonal(n=4, alpha=2.0)
    """

    name: ClassVar[str] = "diagonal"

    def __init__(self, n: int, alpha: float = 1.0) -> None:
        size = as_int("n", n, minimum=1, maximum=MAX_MATRIX_SIZE)
        super().__init__([1] * size, _as_alpha(alpha), 1)

    @property
    def parameters(self) -> dict[str, Any]:
        return {"n": self.N, "alpha": self.alpha}


class BlockDiagonal(_Blocks):
    """m independent n x n diagonal blocks, each a Laguerre ensemble of exponent alpha.

    Parameters
    ----------
    m, n : int
        Number of blocks and their size, at least 1.
    alpha : float
        Exponent of det(M), greater than -1: every block has it.
    block_beta : float
        Dyson index of the blocks: 1 real, 2 complex, 4 quaternion; any value > 0 is admitted.
    sizes : sequence of int, optional
        Sizes of unequal blocks, instead of m and n.

    Raises
    ------
    InvalidInputError
        If an argument has the wrong type or lies outside its domain.

    Examples
    --------
    >>> import htmu
    >>> htmu.structures.BlockDiagonal(10, 3, alpha=2.0).N
    30
    >>> htmu.structures.BlockDiagonal(sizes=[1, 2, 3], block_beta=2)
    BlockDiagonal(sizes=[1, 2, 3], alpha=1.0, block_beta=2)
    """

    name: ClassVar[str] = "block-diagonal"

    def __init__(
        self,
        m: int | None = None,
        n: int | None = None,
        alpha: float = 1.0,
        block_beta: float = 1,
        *,
        sizes: Sequence[int] | None = None,
    ) -> None:
        if sizes is None:
            if m is None or n is None:
                raise InvalidInputError(
                    "BlockDiagonal needs the number m and the size n of the blocks, or sizes=[...]"
                )
            count = as_int("m", m, minimum=1, maximum=MAX_MATRIX_SIZE)
            size = as_int("n", n, minimum=1, maximum=MAX_MATRIX_SIZE)
            if count * size > MAX_MATRIX_SIZE:
                raise InvalidInputError(
                    f"the matrix size N = m n must be at most {MAX_MATRIX_SIZE}, got "
                    f"m n = {count * size}"
                )
            blocks = [size] * count
            self._m_and_n: tuple[int, int] | None = (count, size)
        else:
            if m is not None or n is not None:
                raise InvalidInputError(
                    f"give either m and n or sizes, got m={m!r}, n={n!r} and sizes={sizes!r}"
                )
            blocks = list(as_sizes("sizes", sizes, maximum=MAX_MATRIX_SIZE))
            self._m_and_n = None
        super().__init__(blocks, _as_alpha(alpha), _as_block_beta(block_beta))

    @property
    def parameters(self) -> dict[str, Any]:
        shape: dict[str, Any] = (
            {"sizes": list(self._sizes)}
            if self._m_and_n is None
            else {"m": self._m_and_n[0], "n": self._m_and_n[1]}
        )
        return {**shape, "alpha": self.alpha, "block_beta": self.block_beta}
