"""One cell of a grid: its parameters, its stable key and its own seed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from htmu.structures import Structure, from_parameters

#: Parameters of a cell, by structure family, in the order in which they are shown.
CELL_PARAMETERS: dict[str, tuple[str, ...]] = {
    "block-diagonal": ("m", "n", "alpha", "block_beta"),
    "kronecker": ("m", "n", "alpha"),
    "full": ("n", "alpha", "block_beta"),
    "diagonal": ("n", "alpha"),
}


@dataclass(frozen=True)
class Cell:
    """One structured matrix of a sweep.

    Parameters that the family does not have are None.

    Examples
    --------
    >>> from htmu.sweeps import Cell
    >>> cell = Cell("kronecker", n=10, alpha=2.0, m=3)
    >>> cell.parameters
    {'m': 3, 'n': 10, 'alpha': 2.0}
    >>> print(cell)
    m=3 n=10 alpha=2
    """

    structure: str
    n: int
    alpha: float
    m: int | None = None
    block_beta: int | None = None

    @property
    def parameters(self) -> dict[str, int | float]:
        """Constructor arguments of the structure."""
        return {name: getattr(self, name) for name in CELL_PARAMETERS[self.structure]}

    @property
    def size(self) -> int:
        """Matrix size N."""
        return self.n if self.m is None else self.m * self.n

    @property
    def key(self) -> str:
        """Canonical JSON text of the structure's name and parameters."""
        return _canonical({"structure": self.structure, "parameters": self.parameters})

    def seed(self, run_seed: int) -> int:
        """Seed of this cell in a run, in [0, 2**63).

        It is a hash of the run's seed and of the cell's own parameters and of nothing else, so a
        cell gives the same numbers in any order, in any subset and with any number of workers.

        Examples
        --------
        >>> from htmu.sweeps import Cell
        >>> Cell("full", n=10, alpha=1.0, block_beta=1).seed(0)
        146005620166862643
        """
        text = _canonical(
            {"parameters": self.parameters, "seed": run_seed, "structure": self.structure}
        )
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1

    def build(self) -> Structure:
        """Structure of this cell, checked by its own constructor."""
        return from_parameters(self.structure, **self.parameters)

    def __str__(self) -> str:
        shown = dict(self.parameters)
        if shown.get("block_beta") == 1:
            del shown["block_beta"]
        return " ".join(f"{name}={value:g}" for name, value in shown.items())


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
