"""Argument checks and the mapping of the core's exceptions."""

from __future__ import annotations

import numpy as np
import pytest

from htmu import arguments, errors
from htmu._core import common


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("RepeatedEigenvalue", errors.RepeatedEigenvalueError),
        ("NonFinite", errors.NonFiniteError),
        ("InvalidInput", errors.InvalidInputError),
        ("ConvergenceFailure", errors.ConvergenceError),
        ("Cancelled", errors.CancelledError),
        ("Error", errors.HtmuError),
    ],
)
def test_each_core_exception_reaches_python_as_one_type(
    kind: str, expected: type[Exception]
) -> None:
    with pytest.raises(errors.HtmuError) as caught:
        common._raise_core_error(kind)
    assert caught.type is expected


def test_seeds_reproduce_themselves() -> None:
    for seed in (0, 5, 2**200, np.random.SeedSequence(3), np.random.default_rng(1), None):
        number = arguments.as_seed(seed)
        assert arguments.as_seed(number) == number
        assert 0 <= arguments.core_key(number) < 2**64
    assert arguments.as_seed(None) != arguments.as_seed(None)
    rng = np.random.default_rng(1)
    assert arguments.as_seed(rng) != arguments.as_seed(rng)


@pytest.mark.parametrize("seed", [-1, 1.5, "1", True, [1]])
def test_bad_seeds_are_refused(seed: object) -> None:
    with pytest.raises(errors.InvalidInputError, match="seed must be"):
        arguments.as_seed(seed)  # type: ignore[arg-type]


def test_whole_floats_and_numpy_integers_count_as_integers() -> None:
    assert arguments.as_int("n", np.int32(3), minimum=1) == 3
    assert arguments.as_int("n", 3.0, minimum=1) == 3
    for bad in (3.5, "3", True, None, 0, float("nan"), float("inf")):
        with pytest.raises(errors.InvalidInputError, match="n must be an integer"):
            arguments.as_int("n", bad, minimum=1)


def test_messages_stay_on_one_line() -> None:
    with pytest.raises(errors.InvalidInputError) as caught:
        arguments.as_float("x", np.eye(40))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


def test_outputs_beyond_the_memory_are_refused() -> None:
    with pytest.raises(errors.InvalidInputError, match="GiB"):
        arguments.check_memory(10**15, "it")
