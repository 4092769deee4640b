"""`htmu.sweep`: estimate kappa over a grid."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from typing import Any

from htmu.arguments import as_threads
from htmu.errors import AccuracyWarning, InvalidInputError, RunError
from htmu.sweeps.cells import Cell
from htmu.sweeps.grid import Grid
from htmu.sweeps.records import CellResult
from htmu.sweeps.result import SweepResult
from htmu.sweeps.settings import SweepSettings
from htmu.sweeps.workers import Sweeper, SweepProgress


def sweep(
    structure: str = "block-diagonal",
    *,
    preset: str | None = None,
    m: int | Iterable[int] | None = None,
    n: int | Iterable[int] | None = None,
    alpha: float | Iterable[float] | None = None,
    block_beta: int = 1,
    tol: float = 1e-3,
    confidence: float = 0.95,
    method: str = "selberg",
    reference: str | None = None,
    seed: Any = 0,
    n_threads: int | None = None,
    max_samples: int = 100_000_000,
    out: str | os.PathLike[str] | None = None,
    resume: bool = True,
    progress: Callable[[SweepProgress], object] | None = None,
) -> SweepResult:
    """Estimate kappa for every structured matrix of a grid.

    A cell's numbers depend on `seed`, on the settings and on its own parameters only: not on the
    other cells, the order, or `n_threads`.

    Parameters
    ----------
    structure : {"block-diagonal", "kronecker", "full", "diagonal"}
        Family of structures.
    preset : {"paper", "quick", "laws"}, optional
        Grid of a name (see `Grid.preset`), instead of `m`, `n` and `alpha`.
    m, n, alpha : number or iterable of numbers
        Lists whose product is the grid (see `Grid`).
    block_beta : {1, 2, 4}, default 1
        Real, complex or quaternion entries; block-diagonal and full only.
    tol, confidence, method, reference, max_samples
        As for `estimate_kappa`.
    seed : int, SeedSequence, Generator or None
        Seed of the run; None draws one, or takes that of the run that is resumed.
    n_threads : int, optional
        Cells that run at a time; all CPUs that this process may use by default.
    out : path, optional
        Run file. Finished cells are saved there one by one, and a run that was interrupted or
        killed goes on where it stopped. By default nothing is written.
    resume : bool, default True
        Go on with `out` if it exists. The settings must be the same; the grid may have grown.
    progress : callable, optional
        Called with a `SweepProgress` from the calling thread when a cell has finished and about
        five times a second.

    Returns
    -------
    SweepResult

    Raises
    ------
    InvalidInputError
        A parameter is of the wrong type or out of range. Nothing was run or written.
    RunSettingsError
        `out` holds a run with other settings.
    RunLockedError
        Another process writes `out`.
    RunFileError
        `out` is not a run, or is damaged, or cannot be written (finished cells stay saved).
    RunError
        Some cells failed; the others are saved.

    Warns
    -----
    AccuracyWarning
        Some cells did not reach `tol` within `max_samples`.

    Examples
    --------
    >>> import htmu
    >>> result = htmu.sweep("block-diagonal", m=[2, 4], n=3, alpha=1, tol=0.05)
    >>> len(result)
    2
    """
    grid = _grid(structure, preset, m, n, alpha, block_beta)
    if seed is None and out is not None and resume and os.path.exists(out):
        seed = SweepResult.load(out).settings.seed
    settings = SweepSettings.checked(
        grid,
        tol=tol,
        confidence=confidence,
        method=method,
        reference=reference,
        seed=seed,
        max_samples=max_samples,
    )
    n_threads = as_threads(n_threads)
    _check_callable(progress)
    for cell in grid:
        cell.build()
    return _sweep(grid, settings, n_threads, out, resume, progress)


def resume_sweep(
    path: str | os.PathLike[str],
    *,
    n_threads: int | None = None,
    progress: Callable[[SweepProgress], object] | None = None,
) -> SweepResult:
    """Go on with the run at `path`, with its own grid and settings.

    Parameters
    ----------
    path : path
        Run file.
    n_threads, progress
        As for `sweep`.

    Returns
    -------
    SweepResult

    Raises
    ------
    RunFileError, RunLockedError, RunError
        As for `sweep`.

    Examples
    --------
    >>> import htmu, os, tempfile
    >>> from htmu.sweeps import resume_sweep
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "run.htmu")
    ...     first = htmu.sweep(m=2, n=2, alpha=1, tol=0.05, out=path)
    ...     second = resume_sweep(path)
    >>> second.cells == first.cells
    True
    """
    stored = SweepResult.load(path)
    _check_callable(progress)
    return _sweep(stored.grid, stored.settings, as_threads(n_threads), path, True, progress)


def _check_callable(progress: object) -> None:
    if progress is not None and not callable(progress):
        raise InvalidInputError(
            f"progress must be callable, got {progress!r}; give a function or None"
        )


def _grid(structure: str, preset: str | None, m: Any, n: Any, alpha: Any, block_beta: int) -> Grid:
    if preset is None:
        return Grid(structure, m=m, n=n, alpha=alpha, block_beta=block_beta)
    given = [name for name, value in (("m", m), ("n", n), ("alpha", alpha)) if value is not None]
    if given:
        raise InvalidInputError(
            f"preset {preset!r} comes with its own lists, got {' and '.join(given)} too; "
            f"give either"
        )
    return Grid.preset(preset, structure, block_beta=block_beta)


def _sweep(
    grid: Grid,
    settings: SweepSettings,
    n_threads: int,
    out: str | os.PathLike[str] | None,
    resume: bool,
    progress: Callable[[SweepProgress], object] | None,
) -> SweepResult:
    results: dict[str, CellResult] = {}

    def save(result: CellResult) -> None:
        results[result.cell.key] = result

    with ExitStack() as stack:
        if out is not None:
            # SQLite is loaded where a run file is used: `import htmu` stays light.
            from htmu.sweeps.store import RunStore

            store = stack.enter_context(RunStore(out, grid, settings, resume=resume))
            results, save = store.results, store.save
        sweeper = Sweeper(grid, settings, n_threads, results, save, progress)
        sweeper.run()
    _report_failures(sweeper.failures, len(results), out)
    result = SweepResult(grid, settings, results.values(), out)
    unconverged = [cell for cell in result if not cell.converged]
    if unconverged:
        warnings.warn(
            f"{len(unconverged)} of {len(result)} cells did not reach tol={settings.tol:g} within "
            f"{settings.max_samples} samples, first {unconverged[0].cell}; their intervals are "
            f"wider",
            AccuracyWarning,
            stacklevel=3,
        )
    return result


def _report_failures(
    failures: Sequence[tuple[Cell, Exception]], n_finished: int, out: str | os.PathLike[str] | None
) -> None:
    if not failures:
        return
    cell, error = failures[0]
    where = "" if out is None else f" and saved in {os.fspath(out)}"
    raise RunError(
        f"{len(failures)} of {len(failures) + n_finished} cells failed, first {cell}: {error}; "
        f"the other {n_finished} are finished{where}"
    ) from error
