"""Grids: products of parameter lists, and the presets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from htmu.arguments import as_choice, as_float, as_int
from htmu.errors import InvalidInputError
from htmu.sweeps.cells import CELL_PARAMETERS, Cell

_Number = TypeVar("_Number", int, float)

#: The paper's values of m and n: ten log-spaced integers from 3 to 100.
_PAPER_SIZES = tuple(round(float(x)) for x in np.geomspace(3, 100, 10))

#: Parameter lists of each preset; `Grid.preset` says why these values.
PRESETS: dict[str, dict[str, tuple[float, ...]]] = {
    "paper": {"m": _PAPER_SIZES, "n": _PAPER_SIZES, "alpha": (1, 2, 3, 4, 5)},
    "quick": {"m": (3, 10, 31, 100), "n": (3, 10, 31, 100), "alpha": (1, 3, 5)},
    "laws": {
        "m": (1, 2, 3, 4, 6, 9, 14, 25, 45, 80),
        "n": (2, 3, 4, 5, 7, 11, 18, 30, 50, 80),
        "alpha": (0, 0.5, 1, 2, 4, 8, 16),
    },
}

#: Presets that have other lists for Kronecker products.
_KRONECKER_PRESETS: dict[str, dict[str, tuple[float, ...]]] = {
    "quick": {"m": (4, 7, 10), "n": (4, 7, 10), "alpha": (1, 3, 5)},
    "laws": {
        "m": (1, 2, 3, 4, 5, 7, 9, 12, 16),
        "n": (2, 3, 4, 5, 7, 9, 12, 16),
        "alpha": (0.5, 1, 2, 4, 8, 16),
    },
}

#: Lists that a grid may have, in the order of its axes.
AXES = ("m", "n", "alpha")


@dataclass(frozen=True)
class Grid:
    """Product of parameter lists for one family of structures.

    Parameters
    ----------
    structure : {"block-diagonal", "kronecker", "full", "diagonal"}
        Family. The first two take `m`, `n` and `alpha`, the others `n` and `alpha`.
    m, n : int or iterable of int
        Number of blocks (first factor's size) and size of a block (of the second factor).
    alpha : float or iterable of float
        Exponents of the Laguerre weight, greater than -1.
    block_beta : {1, 2, 4}, default 1
        Real, complex or quaternion entries; block-diagonal and full only.

    Raises
    ------
    InvalidInputError
        A list is missing, empty or not one of the family's, or a value is out of range.

    Notes
    -----
    Lists are kept sorted and without repetitions, so two grids of the same cells are equal.

    Examples
    --------
    >>> from htmu.sweeps import Grid
    >>> grid = Grid("block-diagonal", m=[10, 3], n=[3, 10, 31], alpha=1)
    >>> len(grid), grid.shape
    (6, (2, 3, 1))
    >>> grid
    Grid('block-diagonal', m=(3, 10), n=(3, 10, 31), alpha=(1.0,))
    """

    structure: str
    m: tuple[int, ...] | None = None
    n: tuple[int, ...] = ()
    alpha: tuple[float, ...] = ()
    block_beta: int | None = None

    def __init__(
        self,
        structure: str = "block-diagonal",
        *,
        m: int | Iterable[int] | None = None,
        n: int | Iterable[int] | None = None,
        alpha: float | Iterable[float] | None = None,
        block_beta: int = 1,
    ) -> None:
        structure = as_choice("structure", structure, tuple(CELL_PARAMETERS))
        names = CELL_PARAMETERS[structure]
        given = {"m": m, "n": n, "alpha": alpha}
        for name, values in given.items():
            if name in names and values is None:
                raise InvalidInputError(
                    f"a grid of {structure} structures needs {name}, got none; "
                    f"give {_list_of(names)} or a preset"
                )
            if name not in names and values is not None:
                raise InvalidInputError(
                    f"{structure} structures have no {name}, got {values!r}; leave it out"
                )
        block_beta = as_int("block_beta", block_beta, minimum=1)
        if block_beta not in (1, 2, 4):
            raise InvalidInputError(
                f"block_beta must be 1 (real), 2 (complex) or 4 (quaternion), got {block_beta}"
            )
        if "block_beta" not in names and block_beta != 1:
            raise InvalidInputError(
                f"{structure} structures have no block_beta, got {block_beta}; leave it out"
            )
        set_field = object.__setattr__
        set_field(self, "structure", structure)
        set_field(self, "m", None if m is None else _values("m", m, _size))
        set_field(self, "n", _values("n", n, _size))
        set_field(self, "alpha", _values("alpha", alpha, _exponent))
        set_field(self, "block_beta", block_beta if "block_beta" in names else None)
        if min(self.m or (1,)) * min(self.n) < 2:
            raise InvalidInputError(
                f"cell {next(iter(self))} is a 1 x 1 matrix, which has no eigenvalue repulsion; "
                f"leave 1 out of {'n' if self.m is None else 'm or n'}"
            )

    @classmethod
    def preset(cls, name: str, structure: str = "block-diagonal", *, block_beta: int = 1) -> Grid:
        """Grid of a name.

        - ``"paper"``: the paper's grid, m and n ten log-spaced integers from 3 to 100 and
          alpha = 1..5: 500 cells.
        - ``"quick"``: a corner of it that takes under a minute on two cores at a half-width of
          1e-3: m and n in (3, 10, 31, 100), alpha in (1, 3, 5), 48 cells.
        - ``"laws"``: 700 cells for symbolic regression. A law is told apart from its rivals
          where they differ: at the smallest sizes, where corrections in 1/m and 1/n are largest
          (most small integers are there, m = 1 included, whose kappa is exact), and at both ends of
          alpha, 0 and 16 (integers 1 to 5 cannot tell alpha from alpha + 1/2, or a logarithm from
          a root). From 5 on the sizes of m and n differ and share few factors, so that m n, m / n
          and m + n are not tied to a few values.

        Kronecker products need more samples the more their factors' sizes differ, up to hours for
        a cell of 3 and 100, so ``"quick"`` and ``"laws"`` keep to closer sizes there: up to 10 and
        16. ``"laws"`` leaves alpha = 0 out, since many products have kappa = 0 there.

        Families without `m` use the lists of `n` and `alpha`.

        Examples
        --------
        >>> from htmu.sweeps import Grid
        >>> len(Grid.preset("paper"))
        500
        >>> Grid.preset("paper").m
        (3, 4, 7, 10, 14, 21, 31, 46, 68, 100)
        """
        lists = PRESETS[as_choice("preset", name, tuple(PRESETS))]
        if structure == "kronecker":
            lists = _KRONECKER_PRESETS.get(name, lists)
        structure = as_choice("structure", structure, tuple(CELL_PARAMETERS))
        mine: dict[str, Any] = {
            axis: values for axis, values in lists.items() if axis in CELL_PARAMETERS[structure]
        }
        return cls(structure, block_beta=block_beta, **mine)

    @classmethod
    def from_dict(cls, lists: Mapping[str, Any]) -> Grid:
        """Grid from what `to_dict` gave."""
        known = {name: value for name, value in lists.items() if value is not None}
        return cls(**known)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able dictionary of the family and the lists."""
        lists: dict[str, Any] = {axis: list(values) for axis, values in self.axes.items()}
        return {"structure": self.structure, **lists, "block_beta": self.block_beta}

    @property
    def axes(self) -> dict[str, tuple[int, ...] | tuple[float, ...]]:
        """Parameter lists by name."""
        return {axis: getattr(self, axis) for axis in AXES if axis in self._names}

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the lists."""
        return tuple(len(values) for values in self.axes.values())

    def __len__(self) -> int:
        return int(np.prod(self.shape))

    def __iter__(self) -> Iterator[Cell]:
        """Cells, the last list running fastest."""
        for m in self.m or (None,):
            for n in self.n:
                for alpha in self.alpha:
                    yield Cell(self.structure, n, alpha, m, self.block_beta)

    def __repr__(self) -> str:
        lists = "".join(f", {axis}={values}" for axis, values in self.axes.items())
        block_beta = "" if self.block_beta in (None, 1) else f", block_beta={self.block_beta}"
        return f"Grid({self.structure!r}{lists}{block_beta})"

    @property
    def _names(self) -> tuple[str, ...]:
        return CELL_PARAMETERS[self.structure]


def _values(name: str, values: Any, check: Callable[[str, object], _Number]) -> tuple[_Number, ...]:
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        values = (values,)
    if isinstance(values, np.ndarray) and values.ndim > 1:
        raise InvalidInputError(
            f"{name} must be a number or a flat list of numbers, got an array of shape "
            f"{values.shape}; flatten it"
        )
    checked = {check(name, value) for value in values}
    if not checked:
        raise InvalidInputError(f"{name} is an empty list; give at least one value")
    return tuple(sorted(checked))


def _size(name: str, value: object) -> int:
    return as_int(name, value, minimum=1)


def _exponent(name: str, value: object) -> float:
    # Adding 0 turns -0.0 into 0.0: equal exponents must give equal keys.
    return as_float(name, value, exclusive_minimum=-1) + 0.0


def _list_of(names: tuple[str, ...]) -> str:
    *first, last = [name for name in names if name in AXES]
    return f"{', '.join(first)} and {last}"
