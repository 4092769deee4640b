"""What a search returns."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from htmu.arguments import FloatArray
from htmu.errors import AccuracyWarning, InvalidInputError
from htmu.symbolic.columns import as_numbers, check_names
from htmu.symbolic.law import Law
from htmu.symbolic.problem import Problem

if TYPE_CHECKING:
    import pandas as pd


class LawSearch:
    """Laws of a search, from the simplest to the most exact.

    Attributes
    ----------
    front : tuple of Law
        Pareto front: each law has a smaller loss than all simpler ones.
    best : Law
        The law that is recommended; `reason` says by which rule:

        1. the simplest law that the rows' errors do not refuse (p-value of its chi^2 at least
           0.001);
        2. where they refuse all, or there are none: the simplest law whose held-out error is within
           one standard error of the least, by the differences over the folds.
    engine : str
        Engine that found them.
    proved_size : int
        Size up to which all expressions were fitted; 0 for engines that search.
    maxsize, seed : int
        Limit and seed of the search.
    elapsed : float
        Seconds that it took.
    problem : Problem
        The rows: `features`, `target`, `columns`, `y`, `stderr`.

    Examples
    --------
    >>> import htmu, numpy as np
    >>> m, n = (axis.ravel() for axis in np.meshgrid([2, 3, 5, 9, 20], [2, 4, 7, 12, 30]))
    >>> noise = 1e-3 * np.random.default_rng(0).normal(size=25)
    >>> table = {"m": m, "n": n, "kappa": n - 0.9 + noise, "stderr": np.full(25, 1e-3)}
    >>> found = htmu.discover_law(table, features=("m", "n"), maxsize=5)
    >>> found.best.text
    'n - 0.9001'
    >>> found.predict({"m": [2.0], "n": [10.0]}).round(2)
    array([9.1])
    """

    def __init__(
        self,
        front: tuple[Law, ...],
        best: Law,
        reason: str,
        problem: Problem,
        *,
        engine: str,
        proved_size: int,
        maxsize: int,
        seed: int,
        elapsed: float,
    ) -> None:
        self.front = front
        self.best = best
        self.reason = reason
        self.problem = problem
        self.engine = engine
        self.proved_size = proved_size
        self.maxsize = maxsize
        self.seed = seed
        self.elapsed = elapsed

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features."""
        return self.problem.features

    @property
    def target(self) -> str:
        """Name of the target."""
        return self.problem.target

    @property
    def domain(self) -> dict[str, tuple[float, float]]:
        """Least and greatest value of each feature: where the laws were fitted and checked."""
        return self.problem.domain

    def predict(self, data: Any) -> FloatArray:
        """Values of the best law at the rows of a DataFrame, or of a dict of columns.

        Warns of rows outside `domain`; NaN where the law is undefined.

        Raises
        ------
        InvalidInputError
            A feature is missing, named twice or not of real numbers, or lengths differ.
        """
        import pandas as pd

        if isinstance(data, pd.DataFrame):
            check_names(data)
        elif not isinstance(data, Mapping):
            raise InvalidInputError(
                f"the rows must be a DataFrame or a dict of columns, got {type(data).__name__}"
            )
        given: dict[str, FloatArray] = {}
        for name in self.features:
            if name not in data:
                raise InvalidInputError(
                    f"the rows have no column {name!r}; give {', '.join(self.features)}"
                )
            given[name] = as_numbers(name, data[name])
        try:
            arrays = dict(zip(given, np.broadcast_arrays(*given.values()), strict=True))
        except ValueError:
            shapes = ", ".join(f"{name} {array.shape}" for name, array in given.items())
            raise InvalidInputError(
                f"the columns have different lengths: {shapes}; give one of each row"
            ) from None
        beyond = np.zeros(np.shape(next(iter(arrays.values()))), dtype=bool)
        for name, (low, high) in self.domain.items():
            beyond |= (arrays[name] < low) | (arrays[name] > high)
        outside = int(beyond.sum())
        if outside:
            box = ", ".join(f"{name} {a:g} to {b:g}" for name, (a, b) in self.domain.items())
            warnings.warn(
                f"{outside} of {beyond.size} rows lie outside the law's domain ({box})",
                AccuracyWarning,
                stacklevel=2,
            )
        return self.best.expression.evaluate(arrays)

    def to_pandas(self) -> pd.DataFrame:
        """Table with a row a law."""
        import pandas as pd

        return pd.DataFrame(
            {
                "complexity": [law.complexity for law in self],
                "law": [law.text for law in self],
                "loss": [law.loss for law in self],
                "rms": [law.rms for law in self],
                "chi2_dof": [law.chi2_dof for law in self],
                "interpolation": [law.interpolation for law in self],
                "extrapolation": [law.extrapolation for law in self],
                "best": [law is self.best for law in self],
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-able dictionary."""
        return {
            "target": self.target,
            "features": list(self.features),
            "domain": {name: list(ends) for name, ends in self.domain.items()},
            "n_rows": self.problem.n_rows,
            "weighted": self.problem.stderr is not None,
            "source": self.problem.source,
            "engine": self.engine,
            "maxsize": self.maxsize,
            "proved_size": self.proved_size,
            "seed": self.seed,
            "elapsed": self.elapsed,
            "best": self.front.index(self.best),
            "reason": self.reason,
            "front": [law.to_dict() for law in self],
        }

    def __iter__(self) -> Iterator[Law]:
        return iter(self.front)

    def __len__(self) -> int:
        return len(self.front)

    def __repr__(self) -> str:
        return (
            f"LawSearch({self.target} = {self.best.text}, rms={self.best.rms:.3g}, "
            f"{len(self)} laws, engine={self.engine!r}, {self.problem.n_rows} rows)"
        )
