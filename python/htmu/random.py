"""Counter-based random variates: the same numbers for any number of threads and any processor.

Variate number i of a call is a function of (seed, i) alone: it comes from the Philox4x32-10 stream
(Salmon, Moraes, Dror and Shaw, SC11) keyed by the seed, by arithmetic whose every operation is
rounded as IEEE 754 says. Vector instructions change the speed, not one bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from htmu._core import random as _random
from htmu.arguments import (
    FloatArray,
    Seed,
    as_real_array,
    as_seed,
    as_shape,
    as_threads,
    check_memory,
    core_key,
)
from htmu.errors import InvalidInputError

__all__ = ["chi", "exponential", "gamma", "log_gamma", "normal"]


def _parameters(name: str, value: ArrayLike, size: Any) -> tuple[FloatArray, tuple[int, ...]]:
    """Check a parameter; flat, with one value or as many as the output's shape, also returned."""
    array = as_real_array(name, value)
    if array.size and not (array > 0).all():
        raise InvalidInputError(f"{name} must be positive, got {array[array <= 0].flat[0]:g}")
    shape = array.shape if size is None else as_shape("size", size)
    check_memory(int(np.prod(shape)), f"an array of shape {shape}")
    try:
        expanded = np.broadcast_to(array, shape)
        return np.ravel(array if array.size == 1 else expanded), shape
    except ValueError:
        raise InvalidInputError(
            f"{name} of shape {array.shape} does not broadcast to size {shape}"
        ) from None


def _shape_of(size: Any) -> tuple[int, ...]:
    shape = as_shape("size", size)
    check_memory(int(np.prod(shape)), f"an array of shape {shape}")
    return shape


def _gamma(
    shapes: FloatArray,
    out_shape: tuple[int, ...],
    seed: Seed,
    n_threads: int | None,
    *,
    logarithm: bool,
) -> FloatArray:
    key, threads = core_key(as_seed(seed)), as_threads(n_threads)
    size = int(np.prod(out_shape))
    return _random.gamma(shapes, size, key, threads, logarithm=logarithm).reshape(out_shape)


def normal(size: Any, *, seed: Seed = None, n_threads: int | None = None) -> FloatArray:
    """Draw standard normal variates by the ziggurat method.

    Parameters
    ----------
    size : int or tuple of int
        Shape of the result.
    seed : int, SeedSequence, Generator or None
        None takes fresh entropy.
    n_threads : int or None
        None takes every CPU; the numbers do not depend on it.

    Raises
    ------
    InvalidInputError
        If an argument has the wrong type or lies outside its domain.

    Examples
    --------
    >>> import htmu
    >>> x = htmu.random.normal(1000, seed=1)
    >>> bool((x == htmu.random.normal(1000, seed=1, n_threads=2)).all())
    True
    """
    shape = _shape_of(size)
    drawn = _random.normal(int(np.prod(shape)), core_key(as_seed(seed)), as_threads(n_threads))
    return drawn.reshape(shape)


def exponential(size: Any, *, seed: Seed = None, n_threads: int | None = None) -> FloatArray:
    """Draw standard exponential variates; arguments as for `normal`.

    Examples
    --------
    >>> import htmu
    >>> htmu.random.exponential((2, 3), seed=1).shape
    (2, 3)
    """
    shape = _shape_of(size)
    drawn = _random.exponential(int(np.prod(shape)), core_key(as_seed(seed)), as_threads(n_threads))
    return drawn.reshape(shape)


def gamma(
    shape: ArrayLike, size: Any = None, *, seed: Seed = None, n_threads: int | None = None
) -> FloatArray:
    """Draw Gamma variates of rate 1 (Marsaglia and Tsang, ACM TOMS 26, 363, 2000).

    Parameters
    ----------
    shape : array_like
        Shape parameters, > 0, broadcast to `size`. Variates of shapes below about 1e-3 underflow
        to 0 more often than not: use `log_gamma`.
    size : int, tuple of int or None
        Shape of the result; None takes that of `shape`.
    seed : int, SeedSequence, Generator or None
        None takes fresh entropy.
    n_threads : int or None
        None takes every CPU; the numbers do not depend on it.

    Raises
    ------
    InvalidInputError
        If an argument has the wrong type or lies outside its domain.

    Examples
    --------
    >>> import htmu
    >>> g = htmu.random.gamma(7.5, size=100_000, seed=1)
    >>> round(float(g.mean()), 1)
    7.5
    """
    shapes, out_shape = _parameters("shape", shape, size)
    return _gamma(shapes, out_shape, seed, n_threads, logarithm=False)


def log_gamma(
    shape: ArrayLike, size: Any = None, *, seed: Seed = None, n_threads: int | None = None
) -> FloatArray:
    """Draw logarithms of Gamma variates, which do not underflow for shapes of 1e-8 and less.

    Arguments as for `gamma`, whose logarithms these are for equal arguments.

    Examples
    --------
    >>> import htmu
    >>> bool(htmu.random.log_gamma(1e-8, size=5, seed=1).max() < -1e5)
    True
    """
    shapes, out_shape = _parameters("shape", shape, size)
    return _gamma(shapes, out_shape, seed, n_threads, logarithm=True)


def chi(
    df: ArrayLike, size: Any = None, *, seed: Seed = None, n_threads: int | None = None
) -> FloatArray:
    """Draw chi variates with `df` > 0 degrees of freedom; other arguments as for `gamma`.

    Examples
    --------
    >>> import htmu
    >>> bool((htmu.random.chi([1.0, 2.5], seed=1) > 0).all())
    True
    """
    dfs, out_shape = _parameters("df", df, size)
    size = int(np.prod(out_shape))
    drawn = _random.chi(dfs, size, core_key(as_seed(seed)), as_threads(n_threads))
    return drawn.reshape(out_shape)
