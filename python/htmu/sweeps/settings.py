"""Settings of a run: what must agree when it goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from htmu._core.common import CancelToken
from htmu.arguments import as_choice, as_float, as_int, as_seed
from htmu.errors import CancelledError, RunSettingsError
from htmu.kappa import KappaEstimate, ProgressReport, estimate_kappa
from htmu.structures import Structure
from htmu.sweeps.grid import Grid

METHODS = ("selberg", "robbins-monro")
REFERENCES = ("weight", "shape", "full")


@dataclass(frozen=True)
class SweepSettings:
    """What every cell of a run is estimated with.

    The number of threads is not among them, since no result depends on it.
    """

    tol: float
    confidence: float
    method: str
    reference: str
    seed: int
    max_samples: int

    @classmethod
    def checked(
        cls,
        grid: Grid,
        *,
        tol: float,
        confidence: float,
        method: str,
        reference: str | None,
        seed: Any,
        max_samples: int,
    ) -> SweepSettings:
        """Settings from user input, `reference` None being the structures' default."""
        structure = next(iter(grid)).build()
        settings = cls(
            tol=as_float("tol", tol, exclusive_minimum=0),
            confidence=as_float("confidence", confidence),
            method=as_choice("method", method, METHODS),
            reference=structure.default_reference if reference is None else reference,
            seed=as_seed(seed),
            max_samples=as_int("max_samples", max_samples, minimum=1),
        )
        # An estimate that is cancelled before it begins checks the rest by its own rules.
        cancelled = CancelToken()
        cancelled.cancel()
        with suppress(CancelledError):
            settings.estimate(structure, seed=0, n_threads=1, cancel=cancelled)
        return settings

    def estimate(
        self,
        structure: Structure,
        *,
        seed: int,
        n_threads: int,
        cancel: CancelToken,
        progress: Callable[[ProgressReport], object] | None = None,
    ) -> KappaEstimate:
        """Estimate of one structure with these settings."""
        return estimate_kappa(
            structure,
            tol=self.tol,
            confidence=self.confidence,
            method=self.method,
            reference=self.reference,
            seed=seed,
            n_threads=n_threads,
            max_samples=self.max_samples,
            progress=progress,
            _cancel=cancel,
        )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> SweepSettings:
        """Settings from what `to_dict` gave."""
        return cls(
            tol=as_float("tol", values["tol"]),
            confidence=as_float("confidence", values["confidence"]),
            method=as_choice("method", values["method"], METHODS),
            reference=as_choice("reference", values["reference"], REFERENCES),
            seed=as_seed(values["seed"]),
            max_samples=as_int("max_samples", values["max_samples"], minimum=1),
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-able dictionary."""
        return asdict(self)


def check_same_run(
    path: str, old: tuple[Grid, SweepSettings], new: tuple[Grid, SweepSettings]
) -> None:
    """Refuse to go on with the run at `path` if what is asked differs from what it holds.

    The grid may grow: every list must hold the run's own values and may have more.

    Raises
    ------
    RunSettingsError
        Names each difference, with both values, and the remedy.
    """
    differences = [*_grid_differences(old[0], new[0]), *_setting_differences(old[1], new[1])]
    if differences:
        raise RunSettingsError(
            f"{path} holds a run with other settings: {'; '.join(differences)}; "
            f"repeat the run's own settings, or name a new file"
        )


def _grid_differences(old: Grid, new: Grid) -> Iterator[str]:
    for name in ("structure", "block_beta"):
        if getattr(old, name) != getattr(new, name):
            yield f"{name} was {getattr(old, name)}, now {getattr(new, name)}"
    if old.structure != new.structure:
        return
    for axis, values in old.axes.items():
        missing = sorted(set(values) - set(new.axes[axis]))
        if missing:
            yield f"{axis} was {_listed(values)}, now {_listed(new.axes[axis])}"


def _setting_differences(old: SweepSettings, new: SweepSettings) -> Iterator[str]:
    for name, value in old.to_dict().items():
        if getattr(new, name) != value:
            yield f"{name} was {value}, now {getattr(new, name)}"


def _listed(values: tuple[float, ...]) -> str:
    return ",".join(f"{value:g}" for value in values)
