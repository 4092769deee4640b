"""Order of the cells and time left.

The estimate of the time left weighs each cell with a predicted cost, and the order is such that
every prefix of it is a fair sample of the costs, so that an error of the prediction that grows
with the cost (another processor) shows early and cancels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from statistics import NormalDist

from htmu.sweeps.cells import Cell
from htmu.sweeps.settings import SweepSettings

_GOLDEN = (sqrt(5) - 1) / 2

# Fits to the cells of the paper's grid, on one core of a 2024 server with AVX-512. Only ratios
# matter to the time left.
_SECONDS_PER_CELL = 5e-3
_SECONDS_PER_ENTRY = 3.0e-8
_SECONDS_PER_SQUARE = 1.1e-9
_SECONDS_PER_PAIR = 5e-11
# The estimator's first stage: as many blocks for any number of them in a matrix, fewer large ones.
_FEWEST_SAMPLES = 96.0
_FEWEST_BLOCKS = 1.8e4
_LARGE_BLOCK = 13

#: Seconds of work before a time left is guessed from unfinished cells.
_LEAST_WORK = 2.0


def predicted_cost(cell: Cell, settings: SweepSettings) -> float:
    """Predicted seconds of a cell on one core.

    The samples needed are (z sd / tol)^2, sd being the standard deviation of kappa per sample with
    control variates. A sample costs the eigenproblems of its blocks or factors, and a product over
    all pairs.
    """
    z = NormalDist().inv_cdf((1 + settings.confidence) / 2)
    samples = max((z * _deviation(cell) / settings.tol) ** 2, _first_stage(cell))
    samples = min(samples, settings.max_samples)
    if cell.structure == "kronecker":
        eigenproblems = _eigenproblem_cost(cell.m or 1) + _eigenproblem_cost(cell.n)
    else:
        eigenproblems = (cell.m or 1) * _eigenproblem_cost(cell.n)
    return _SECONDS_PER_CELL + samples * (eigenproblems + cell.size**2 / 2 * _SECONDS_PER_PAIR)


def _deviation(cell: Cell) -> float:
    m = cell.m or 1
    if m == 1 or (cell.structure == "kronecker" and cell.n == 1):
        return 0.0  # one full matrix: its own control variates leave no error
    if cell.structure == "kronecker":
        aspect = max(m, cell.n) / min(m, cell.n)
        deviation: float = 6.7 * cell.size**-0.84 * aspect**0.85 * ((1 + cell.alpha) / 2) ** -1.2
        return deviation
    return 0.21 * float(m**-0.4 * cell.n**-0.6)


def _first_stage(cell: Cell) -> float:
    if cell.structure == "kronecker":
        return _FEWEST_SAMPLES
    blocks = _FEWEST_BLOCKS * min(1.0, _LARGE_BLOCK / cell.n)
    return max(_FEWEST_SAMPLES, blocks / (cell.m or cell.n))


def _eigenproblem_cost(size: int) -> float:
    return _SECONDS_PER_ENTRY * size + _SECONDS_PER_SQUARE * size**2


def representative_order(cells: Sequence[Cell], costs: Mapping[str, float]) -> list[Cell]:
    """Cells in an order whose every prefix has the whole's distribution of costs.

    Ranks by cost are visited in the order of their multiples of the golden ratio modulo 1, a
    low-discrepancy sequence (Niederreiter 1992, section 3.1).
    """
    ranked = sorted(cells, key=lambda cell: (-costs[cell.key], cell.key))
    places = sorted(range(len(ranked)), key=lambda rank: (rank + 1) * _GOLDEN % 1)
    return [ranked[place] for place in places]


class TimeLeft:
    """Estimate of the seconds that a sweep still takes, from what it has done so far.

    Parameters
    ----------
    costs : mapping of str to float
        Predicted cost of each cell that is still to do, by key.
    workers : int
        Cells that run at a time.

    Examples
    --------
    >>> from htmu.sweeps.schedule import TimeLeft
    >>> clock = TimeLeft({"a": 1.0, "b": 1.0, "c": 2.0}, workers=1)
    >>> clock.seconds({}) is None
    True
    >>> clock.advance(5.0)
    >>> clock.finish("a")
    >>> clock.seconds({})
    15.0
    """

    def __init__(self, costs: Mapping[str, float], workers: int) -> None:
        self._left = dict(costs)
        self._workers = workers
        self._done = 0.0
        self._worked = 0.0

    def advance(self, seconds: float) -> None:
        """Count time that has passed."""
        self._worked += seconds * min(self._workers, len(self._left))

    def finish(self, key: str) -> None:
        """Count a cell as done."""
        self._done += self._left.pop(key)

    def seconds(self, fractions: Mapping[str, float]) -> float | None:
        """Seconds left, given how far the running cells are; None before anything is known."""
        under_way = {
            key: self._left[key] * fraction
            for key, fraction in fractions.items()
            if key in self._left
        }
        done = self._done + sum(under_way.values())
        if not self._left:
            return 0.0
        if done <= 0 or (self._done == 0 and self._worked < _LEAST_WORK):
            return None
        rate = done / self._worked
        left = {key: cost - under_way.get(key, 0.0) for key, cost in self._left.items()}
        # The last cells cannot be shared between workers.
        return max(sum(left.values()) / min(self._workers, len(left)), max(left.values())) / rate
