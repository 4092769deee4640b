"""Scale and ticks of an axis from the values that it shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axis import Axis

#: Ratio of the largest to the smallest value from which a logarithmic axis reads better.
_WIDE = 8.0
#: Up to so many values are all named on an axis.
_FEW = 5
#: Decades beyond which a logarithmic axis names two numbers in each, below that three.
_MANY_DECADES = 1.3


def is_log_spaced(values: Sequence[float]) -> bool:
    """Whether a list of grid values is spaced more evenly in logarithms than as it is.

    Examples
    --------
    >>> from htmu.plotting.scales import is_log_spaced
    >>> is_log_spaced([3, 10, 31, 100]), is_log_spaced([1, 2, 3, 4, 5])
    (True, False)
    """
    if len(values) < 2 or min(values) <= 0:
        return False
    if len(values) == 2:
        return max(values) / min(values) >= _WIDE
    steps = np.diff(values)
    log_steps = np.diff(np.log(values))
    return bool(np.std(log_steps) / np.mean(log_steps) < np.std(steps) / np.mean(steps))


def is_wide(values: Sequence[float]) -> bool:
    """Whether positive values spread over so many octaves that a linear axis would hide some."""
    positive = [value for value in values if value > 0]
    return len(positive) > 1 and max(positive) / min(positive) >= _WIDE


def set_ticks(axis: Axis, values: Sequence[float], *, log: bool) -> None:
    """Name the values on an axis if they are few, else round numbers between them."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter

    if len(set(values)) <= _FEW:
        axis.set_major_locator(FixedLocator(sorted(set(values))))
    elif log:
        decades = np.log10(max(values) / min(values))
        subs = (1.0, 3.0) if decades > _MANY_DECADES else (1.0, 2.0, 5.0)
        axis.set_major_locator(LogLocator(base=10, subs=subs, numticks=20))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())
