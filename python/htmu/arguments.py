"""Checks of arguments, shared by the wrappers: every refusal is one line with the value in it."""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from htmu._core import common as _common
from htmu.errors import InvalidInputError, NonFiniteError

__all__ = [
    "FloatArray",
    "Seed",
    "as_bool",
    "as_choice",
    "as_float",
    "as_int",
    "as_real_array",
    "as_seed",
    "as_shape",
    "as_sizes",
    "as_threads",
    "check_memory",
    "core_key",
]

FloatArray: TypeAlias = NDArray[np.float64]
Seed: TypeAlias = "int | np.random.SeedSequence | np.random.Generator | None"

_MAX_SHOWN = 60


def _shown(value: object) -> str:
    """One short line for a value of any type."""
    text = " ".join(repr(value).split())
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 3] + "..."


def as_int(name: str, value: Any, *, minimum: int, maximum: int | None = None) -> int:
    """Return `value` as an int in [minimum, maximum]; whole floats are accepted."""
    domain = f"at least {minimum}" if maximum is None else f"from {minimum} to {maximum}"
    try:
        if isinstance(value, bool | np.bool_):
            raise TypeError
        if isinstance(value, float | np.floating):
            if not float(value).is_integer():
                raise TypeError
            number = int(value)
        else:
            number = operator.index(value)
    except TypeError:
        raise InvalidInputError(
            f"{name} must be an integer {domain}, got {_shown(value)}"
        ) from None
    if number < minimum or (maximum is not None and number > maximum):
        raise InvalidInputError(f"{name} must be an integer {domain}, got {number}")
    return number


def _domain(
    minimum: float | None,
    exclusive_minimum: float | None,
    maximum: float | None,
    exclusive_maximum: float | None,
) -> str:
    bounds = []
    if minimum is not None:
        bounds.append(f"at least {minimum:g}")
    if exclusive_minimum is not None:
        bounds.append(f"greater than {exclusive_minimum:g}")
    if maximum is not None:
        bounds.append(f"at most {maximum:g}")
    if exclusive_maximum is not None:
        bounds.append(f"less than {exclusive_maximum:g}")
    return " and ".join(["finite", *bounds])


def as_sizes(name: str, value: Any, *, maximum: int) -> tuple[int, ...]:
    """Return a non-empty sequence of integers in [1, maximum]."""
    try:
        items = () if isinstance(value, str | bytes) else tuple(value)
    except TypeError:
        items = ()
    if not items:
        raise InvalidInputError(
            f"{name} must be a non-empty sequence of integers at least 1, got {_shown(value)}"
        )
    return tuple(
        as_int(f"{name}[{i}]", item, minimum=1, maximum=maximum) for i, item in enumerate(items)
    )


def as_float(
    name: str,
    value: Any,
    *,
    minimum: float | None = None,
    exclusive_minimum: float | None = None,
    maximum: float | None = None,
    exclusive_maximum: float | None = None,
) -> float:
    """Return `value` as a finite float inside the bounds given."""
    domain = _domain(minimum, exclusive_minimum, maximum, exclusive_maximum)
    try:
        if isinstance(value, bool | np.bool_ | str | bytes):
            raise TypeError
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise InvalidInputError(f"{name} must be a number, {domain}, got {_shown(value)}") from None
    inside = (
        math.isfinite(number)
        and (minimum is None or number >= minimum)
        and (exclusive_minimum is None or number > exclusive_minimum)
        and (maximum is None or number <= maximum)
        and (exclusive_maximum is None or number < exclusive_maximum)
    )
    if not inside:
        raise InvalidInputError(f"{name} must be {domain}, got {number:g}")
    return number


def as_bool(name: str, value: Any) -> bool:
    """Return `value` if it is a bool."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    raise InvalidInputError(f"{name} must be True or False, got {_shown(value)}")


def as_choice(name: str, value: Any, choices: Sequence[str]) -> str:
    """Return `value` if it is one of `choices`."""
    if isinstance(value, str) and value in choices:
        return value
    listed = ", ".join(repr(choice) for choice in choices)
    raise InvalidInputError(f"{name} must be one of {listed}, got {_shown(value)}")


def as_threads(n_threads: int | None) -> int:
    """Return a number of threads: all CPUs this process may use for None."""
    if n_threads is None:
        if hasattr(os, "sched_getaffinity"):
            return min(len(os.sched_getaffinity(0)), _common.max_threads)
        return min(os.cpu_count() or 1, _common.max_threads)
    return as_int("n_threads", n_threads, minimum=1, maximum=_common.max_threads)


def as_seed(seed: Seed) -> int:
    """Return an int that stands for the seed: passing it again gives the same numbers.

    None takes fresh entropy from the operating system; a Generator gives its next integer.
    """
    if seed is None:
        return int(np.random.SeedSequence().generate_state(1, np.uint64)[0] >> np.uint64(1))
    if isinstance(seed, np.random.SeedSequence):
        return int(seed.generate_state(1, np.uint64)[0] >> np.uint64(1))
    if isinstance(seed, np.random.Generator):
        return int(seed.integers(2**63))
    try:
        if isinstance(seed, bool | np.bool_):
            raise TypeError
        number = operator.index(seed)
    except TypeError:
        number = -1
    if number < 0:
        raise InvalidInputError(
            "seed must be an integer at least 0, a numpy SeedSequence or Generator, or None, got "
            f"{_shown(seed)}"
        )
    return number


def core_key(seed: int) -> int:
    """Return the 64-bit key of the core's streams for an integer seed of any size."""
    return int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0])


def as_shape(name: str, size: Any, *, max_entries: int = 2**40) -> tuple[int, ...]:
    """Return `size`, an int or a tuple of ints, as a shape."""
    items = tuple(size) if isinstance(size, tuple | list) else (size,)
    shape = tuple(as_int(name, item, minimum=0) for item in items)
    if math.prod(shape) > max_entries:
        raise InvalidInputError(f"{name} asks for {math.prod(shape)} entries; ask for fewer")
    return shape


def as_real_array(name: str, value: ArrayLike, *, finite: bool = True) -> FloatArray:
    """Return a contiguous float64 array of real numbers; integers and float32 are converted."""
    try:
        array = np.asarray(value)
    except ValueError:
        raise InvalidInputError(
            f"{name} must be a rectangular array of numbers, got ragged rows: {_shown(value)}"
        ) from None
    if array.dtype.kind not in "fiu":
        raise InvalidInputError(
            f"{name} must be an array of real numbers, got dtype {array.dtype}: {_shown(value)}"
        )
    array = np.ascontiguousarray(array, dtype=np.float64).reshape(array.shape)
    if finite:
        is_finite = np.isfinite(array)
        if not is_finite.all():
            index = tuple(int(i) for i in np.argwhere(~is_finite)[0])
            raise NonFiniteError(
                f"{name} has a value that is not finite ({array[index]}) at index "
                f"{index[0] if len(index) == 1 else index}; remove it or mend it"
            )
    return array


def check_memory(
    entries: int, what: str, *, advice: str = "ask for fewer samples or a smaller matrix"
) -> None:
    """Refuse an output of more doubles than the machine's memory holds."""
    try:
        available = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return
    if 8 * entries > available:
        raise InvalidInputError(
            f"{what} needs {8 * entries / 2**30:.3g} GiB, more than this machine's "
            f"{available / 2**30:.3g} GiB; {advice}"
        )
