"""Sweeps of kappa over grids of structured matrices, in run files that survive a kill.

Owns grids, the seeds of their cells, run files, the threads that work through a grid, and the
tables of the results. May import `errors`, `arguments`, `files`, `structures` and
`kappa`.
"""

from htmu.sweeps.cells import Cell
from htmu.sweeps.grid import PRESETS, Grid
from htmu.sweeps.records import CellResult, cpu_model
from htmu.sweeps.result import SweepResult
from htmu.sweeps.run import resume_sweep, sweep
from htmu.sweeps.settings import METHODS, SweepSettings
from htmu.sweeps.workers import SweepProgress

__all__ = [
    "METHODS",
    "PRESETS",
    "Cell",
    "CellResult",
    "Grid",
    "SweepProgress",
    "SweepResult",
    "SweepSettings",
    "cpu_model",
    "resume_sweep",
    "sweep",
]
