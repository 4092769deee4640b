"""
The kappa solvers.
"""
from __future__ import annotations
import collections.abc
import htmu._core.common
import htmu._core.structures
import typing
__all__: list[str] = ['KappaSolution', 'minimum_draws', 'reference_moments', 'solve_robbins_monro', 'solve_selberg']
class KappaSolution:
    @property
    def beta(self) -> float:
        ...
    @property
    def converged(self) -> bool:
        ...
    @property
    def kappa(self) -> float:
        ...
    @property
    def lower(self) -> float:
        ...
    @property
    def n_samples(self) -> int:
        ...
    @property
    def n_steps(self) -> int:
        ...
    @property
    def standard_error(self) -> float:
        ...
    @property
    def upper(self) -> float:
        ...
    @property
    def variance_reduction(self) -> float:
        ...
def reference_moments(reference: str, n: typing.SupportsInt | typing.SupportsIndex, beta: typing.SupportsFloat | typing.SupportsIndex, alpha: typing.SupportsFloat | typing.SupportsIndex) -> tuple[float, float]:
    """
    Mean and variance of the statistic T under q_beta.
    """
def solve_robbins_monro(law: htmu._core.structures.StructuredLaw, reference: str, alpha: typing.SupportsFloat | typing.SupportsIndex, tolerance: typing.SupportsFloat | typing.SupportsIndex, confidence: typing.SupportsFloat | typing.SupportsIndex, seed: typing.SupportsInt | typing.SupportsIndex, max_samples: typing.SupportsInt | typing.SupportsIndex, n_threads: typing.SupportsInt | typing.SupportsIndex, progress: collections.abc.Callable[[int, float, float, float], None] | None, cancel: htmu._core.common.CancelToken | None, batch: typing.SupportsInt | typing.SupportsIndex, gain: typing.SupportsFloat | typing.SupportsIndex, stop_on_step: bool) -> KappaSolution:
    ...
def solve_selberg(law: htmu._core.structures.StructuredLaw, reference: str, alpha: typing.SupportsFloat | typing.SupportsIndex, tolerance: typing.SupportsFloat | typing.SupportsIndex, confidence: typing.SupportsFloat | typing.SupportsIndex, seed: typing.SupportsInt | typing.SupportsIndex, max_samples: typing.SupportsInt | typing.SupportsIndex, n_threads: typing.SupportsInt | typing.SupportsIndex, progress: collections.abc.Callable[[int, float, float, float], None] | None, cancel: htmu._core.common.CancelToken | None) -> KappaSolution:
    ...
minimum_draws: int = 96
