"""What a sweep returns."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from htmu.errors import InvalidInputError
from htmu.files import check_place, whole_file
from htmu.sweeps.grid import Grid
from htmu.sweeps.records import COLUMNS, CellResult, as_row
from htmu.sweeps.settings import SweepSettings

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

#: Fields of a cell that `to_xarray` lays out over the grid, with the value of a missing cell.
_GRIDDED: dict[str, Any] = {
    "kappa": float("nan"),
    "stderr": float("nan"),
    "lower": float("nan"),
    "upper": float("nan"),
    "beta": float("nan"),
    "variance_reduction": float("nan"),
    "elapsed": float("nan"),
    "n_samples": 0,
    "n_steps": 0,
    "seed": -1,
    "converged": False,
}


class SweepResult:
    """Finished cells of a sweep, in the order of its grid.

    Attributes
    ----------
    grid : Grid
    settings : SweepSettings
    cells : tuple of CellResult
    path : str or None
        Run file, if there is one.

    Examples
    --------
    >>> import htmu
    >>> result = htmu.sweep("block-diagonal", m=2, n=[1, 2], alpha=1, tol=0.05)
    >>> result
    SweepResult(block-diagonal, 2 of 2 cells, tol=0.05, confidence=0.95, seed=0)
    >>> sorted(result.to_xarray().sizes.items())
    [('alpha', 1), ('m', 1), ('n', 2)]
    """

    def __init__(
        self,
        grid: Grid,
        settings: SweepSettings,
        cells: Iterable[CellResult],
        path: str | os.PathLike[str] | None = None,
    ) -> None:
        self.grid = grid
        self.settings = settings
        finished = {result.cell.key: result for result in cells}
        self.cells = tuple(finished[cell.key] for cell in grid if cell.key in finished)
        self.path = None if path is None else os.fspath(path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> SweepResult:
        """Finished cells of the run at `path`, which may be unfinished or still being written.

        Raises
        ------
        RunFileError
            There is no such file, or it is not a run, or it is damaged.
        """
        # SQLite is loaded where a run file is used: `import htmu` stays light.
        from htmu.sweeps.store import read_run

        stored = read_run(path)
        return cls(stored.grid, stored.settings, stored.results.values(), path)

    @property
    def complete(self) -> bool:
        """Whether every cell of the grid is finished."""
        return len(self.cells) == len(self.grid)

    @property
    def converged(self) -> bool:
        """Whether every finished cell reached the tolerance."""
        return all(result.converged for result in self.cells)

    def to_pandas(self) -> pd.DataFrame:
        """Table with a row a finished cell; grid and settings are in its ``attrs``."""
        import pandas as pd

        columns = {
            name: [getattr(result, name) for result in self.cells]
            for name in COLUMNS
            if name in self._columns
        }
        frame = pd.DataFrame(columns)
        frame.attrs.update(self._attributes())
        return frame

    def to_xarray(self) -> xr.Dataset:
        """Estimates over the grid, with a dimension for each of its lists.

        A cell that is not finished has NaN estimates, no samples and seed -1.
        """
        import numpy as np
        import xarray as xr

        axes = self.grid.axes
        position = {
            axis: {value: index for index, value in enumerate(values)}
            for axis, values in axes.items()
        }
        arrays = {name: np.full(self.grid.shape, fill) for name, fill in _GRIDDED.items()}
        for result in self.cells:
            where = tuple(position[axis][getattr(result, axis)] for axis in axes)
            for name, array in arrays.items():
                array[where] = getattr(result, name)
        return xr.Dataset(
            {name: (tuple(axes), array) for name, array in arrays.items()},
            coords={axis: list(values) for axis, values in axes.items()},
            attrs={
                "structure": self.grid.structure,
                **({} if self.grid.block_beta is None else {"block_beta": self.grid.block_beta}),
                **self.settings.to_dict(),
            },
        )

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write the table to a CSV file, whole or not at all; floats read back exactly.

        Raises
        ------
        RunFileError
            The file cannot be written.
        """
        with (
            whole_file(path) as name,
            open(name, "w", encoding="utf-8", newline="") as file,
        ):
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(self._columns)
            writer.writerows(self._rows())

    def to_parquet(self, path: str | os.PathLike[str]) -> None:
        """Write the table to a Parquet file, whole or not at all.

        Raises
        ------
        RunFileError
            The file cannot be written.
        """
        frame = self.to_pandas()
        with whole_file(path) as name:
            frame.to_parquet(name, engine="pyarrow", index=False)

    def export(self, path: str | os.PathLike[str]) -> None:
        """Write the table to `path` in the format that its suffix names.

        Raises
        ------
        InvalidInputError
            The suffix is neither ``.csv`` nor ``.parquet``.
        RunFileError
            The file cannot be written.
        """
        writers = {".csv": self.to_csv, ".parquet": self.to_parquet}
        name = check_place(path)
        suffix = os.path.splitext(name)[1].lower()
        if suffix not in writers:
            raise InvalidInputError(
                f"cannot tell the format of {name!r}; name a file that ends in "
                f"{' or '.join(writers)}"
            )
        writers[suffix](name)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able dictionary of grid, settings and cells."""
        return {
            "path": self.path,
            **self._attributes(),
            "complete": self.complete,
            "cells": [dict(zip(self._columns, row, strict=True)) for row in self._rows()],
        }

    def __len__(self) -> int:
        return len(self.cells)

    def __iter__(self) -> Iterator[CellResult]:
        return iter(self.cells)

    def __repr__(self) -> str:
        settings = self.settings
        return (
            f"SweepResult({self.grid.structure}, {len(self)} of {len(self.grid)} cells, "
            f"tol={settings.tol:g}, confidence={settings.confidence:g}, seed={settings.seed}"
            f"{'' if self.path is None else f', path={self.path!r}'})"
        )

    @property
    def _columns(self) -> tuple[str, ...]:
        absent = {name for name in ("m", "block_beta") if getattr(self.grid, name) is None}
        return tuple(name for name in COLUMNS if name not in absent)

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        kept = [name in self._columns for name in COLUMNS]
        for result in self.cells:
            yield tuple(value for value, keep in zip(as_row(result), kept, strict=True) if keep)

    def _attributes(self) -> dict[str, Any]:
        return {"grid": self.grid.to_dict(), "settings": self.settings.to_dict()}
