"""Cells: their keys, seeds and structures."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from htmu.structures import BlockDiagonal, Diagonal, Full, Kronecker
from htmu.sweeps import Cell

sizes = st.integers(1, 10**6)
exponents = st.floats(-0.999, 1e6, allow_nan=False).map(lambda alpha: alpha + 0.0)
cells = st.one_of(
    st.builds(
        Cell,
        st.just("block-diagonal"),
        n=sizes,
        alpha=exponents,
        m=sizes,
        block_beta=st.sampled_from([1, 2, 4]),
    ),
    st.builds(Cell, st.just("kronecker"), n=sizes, alpha=exponents, m=sizes),
    st.builds(
        Cell, st.just("full"), n=sizes, alpha=exponents, block_beta=st.sampled_from([1, 2, 4])
    ),
    st.builds(Cell, st.just("diagonal"), n=sizes, alpha=exponents),
)


@given(cells, cells)
def test_keys_are_equal_for_equal_cells_only(one: Cell, other: Cell) -> None:
    assert (one.key == other.key) == (one == other)


@given(cells)
def test_key_gives_the_cell_back(cell: Cell) -> None:
    values = json.loads(cell.key)
    assert Cell(values["structure"], **values["parameters"]) == cell


@given(cells, cells, st.integers(0, 2**80), st.integers(0, 2**80))
def test_seed_is_a_function_of_cell_and_run_seed(
    one: Cell, other: Cell, seed: int, other_seed: int
) -> None:
    assert 0 <= one.seed(seed) < 2**63
    assert (one.seed(seed) == other.seed(other_seed)) == ((one, seed) == (other, other_seed))


def test_seed_is_the_documented_hash() -> None:
    text = '{"parameters":{"alpha":1.0,"m":3,"n":10},"seed":7,"structure":"kronecker"}'
    expected = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") // 2
    assert Cell("kronecker", n=10, alpha=1.0, m=3).seed(7) == expected


def test_seed_is_the_same_in_another_process() -> None:
    cell = Cell("diagonal", n=10, alpha=0.1)
    program = f"from htmu.sweeps import Cell; print({cell!r}.seed(5))"
    # Another hash seed: nothing may depend on the order of a set.
    output = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert int(output) == cell.seed(5)


def test_cell_builds_its_structure() -> None:
    assert Cell("block-diagonal", n=3, alpha=2.0, m=4, block_beta=2).build() == BlockDiagonal(
        4, 3, alpha=2.0, block_beta=2
    )
    assert Cell("kronecker", n=3, alpha=2.0, m=4).build() == Kronecker(4, 3, alpha=2.0)
    assert Cell("full", n=3, alpha=2.0, block_beta=4).build() == Full(3, alpha=2.0, block_beta=4)
    assert Cell("diagonal", n=3, alpha=2.0).build() == Diagonal(3, alpha=2.0)


def test_size_and_text() -> None:
    assert Cell("kronecker", n=3, alpha=0.5, m=4).size == 12
    assert Cell("diagonal", n=3, alpha=2.0).size == 3
    assert str(Cell("block-diagonal", n=3, alpha=2.0, m=4, block_beta=1)) == "m=4 n=3 alpha=2"
    assert str(Cell("full", n=3, alpha=2.5, block_beta=2)) == "n=3 alpha=2.5 block_beta=2"
