"""Structures by name, for the command line and run files."""

from __future__ import annotations

from typing import Any

from htmu.arguments import as_choice
from htmu.errors import InvalidInputError
from htmu.structures.base import Structure
from htmu.structures.block_diagonal import BlockDiagonal, Diagonal, Full
from htmu.structures.kronecker import Kronecker

__all__ = ["from_parameters", "names"]

_CLASSES: dict[str, type[Structure]] = {
    kind.name: kind for kind in (BlockDiagonal, Diagonal, Full, Kronecker)
}


def names() -> tuple[str, ...]:
    """Return the names that `from_parameters` knows.

    Examples
    --------
    >>> import htmu
    >>> htmu.structures.names()
    ('block-diagonal', 'diagonal', 'full', 'kronecker')
    """
    return tuple(_CLASSES)


def from_parameters(name: str, **parameters: Any) -> Structure:
    """Build a structure from its name and the constructor's arguments.

    Raises
    ------
    InvalidInputError
        If the name is unknown, or an argument is missing, unknown or outside its domain.

    Examples
    --------
    >>> import htmu
    >>> htmu.structures.from_parameters("kronecker", m=3, n=4, alpha=2.0)
    Kronecker(m=3, n=4, alpha=2.0)
    """
    kind = _CLASSES[as_choice("structure", name, names())]
    try:
        return kind(**parameters)
    except TypeError as error:
        reason = str(error).replace(f"{kind.__name__}.__init__()", "it")
        raise InvalidInputError(
            f"structure {name!r} cannot be built from {sorted(parameters)}: {reason}"
        ) from None
