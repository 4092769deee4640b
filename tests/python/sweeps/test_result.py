"""Tables of a sweep."""

from __future__ import annotations

import csv
import json
import math
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from htmu.errors import InvalidInputError, RunFileError
from htmu.sweeps import SweepResult, sweep
from htmu.sweeps.records import COLUMNS


@pytest.fixture(scope="module")
def result() -> SweepResult:
    return sweep(m=[2, 3], n=[2, 4, 5], alpha=[0.5, 1], tol=0.1, seed=3)


@pytest.fixture(scope="module")
def partial(result: SweepResult) -> SweepResult:
    return SweepResult(result.grid, result.settings, result.cells[::2])


def test_length_order_and_text(result: SweepResult, partial: SweepResult) -> None:
    assert len(result) == 12
    assert [cell.cell for cell in result] == list(result.grid)
    assert result.complete
    assert not partial.complete
    assert repr(partial) == (
        "SweepResult(block-diagonal, 6 of 12 cells, tol=0.1, confidence=0.95, seed=3)"
    )
    assert "\n" not in repr(SweepResult(result.grid, result.settings, [], path="a.htmu"))


def test_pandas_holds_every_field(result: SweepResult) -> None:
    frame = result.to_pandas()
    assert list(frame.columns) == list(COLUMNS)
    for name in COLUMNS:
        assert frame[name].tolist() == [getattr(cell, name) for cell in result]
    assert frame.attrs["settings"]["tol"] == 0.1
    assert frame.dtypes[["m", "n", "kappa", "converged"]].astype(str).tolist() == [
        "int64",
        "int64",
        "float64",
        "bool",
    ]


def test_tables_have_no_column_that_the_family_lacks() -> None:
    diagonal = sweep("diagonal", n=[2, 3], alpha=1, tol=0.2)
    assert not {"m", "block_beta"} & set(diagonal.to_pandas().columns)
    assert set(diagonal.to_xarray().sizes) == {"n", "alpha"}
    assert "block_beta" not in diagonal.to_xarray().attrs


def test_xarray_is_laid_out_over_the_grid(result: SweepResult) -> None:
    dataset = result.to_xarray()
    assert dict(dataset.sizes) == {"m": 2, "n": 3, "alpha": 2}
    for cell in result:
        point = dataset.sel(m=cell.m, n=cell.n, alpha=cell.alpha)
        for name in ("kappa", "stderr", "lower", "upper", "n_samples", "converged", "seed"):
            assert point[name].item() == getattr(cell, name)
    assert dataset.attrs["seed"] == 3
    assert dataset.attrs["structure"] == "block-diagonal"


def test_xarray_of_an_unfinished_run(partial: SweepResult) -> None:
    dataset = partial.to_xarray()
    assert int(dataset.kappa.notnull().sum()) == 6
    missing = dataset.kappa.isnull()
    assert (dataset.n_samples.where(missing, 0) == 0).all()
    assert not dataset.converged.where(missing, False).any()
    assert (dataset.seed.where(missing, -1) == -1).all()


def test_parquet_reads_back_exactly(result: SweepResult, tmp_path: Path) -> None:
    result.to_parquet(tmp_path / "a.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "a.parquet"), result.to_pandas())
    assert os.listdir(tmp_path) == ["a.parquet"]


def test_csv_reads_back_exactly(result: SweepResult, tmp_path: Path) -> None:
    result.to_csv(tmp_path / "a.csv")
    with open(tmp_path / "a.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    for row, cell in zip(rows, result, strict=True):
        assert list(row) == list(COLUMNS)
        assert row == {name: str(getattr(cell, name)) for name in COLUMNS}
        assert float(row["kappa"]) == cell.kappa


def test_export_goes_by_the_suffix(result: SweepResult, tmp_path: Path) -> None:
    result.export(tmp_path / "a.CSV")
    result.export(tmp_path / "a.parquet")
    assert len(pd.read_csv(tmp_path / "a.CSV")) == len(pd.read_parquet(tmp_path / "a.parquet"))
    with pytest.raises(InvalidInputError, match=r"ends in \.csv or \.parquet"):
        result.export(tmp_path / "a.xlsx")
    assert sorted(os.listdir(tmp_path)) == ["a.CSV", "a.parquet"]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_place_that_cannot_be_written(result: SweepResult, suffix: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path, tmp_path / "none" / f"a.{suffix}", tmp_path / "file" / f"a.{suffix}"):
        with pytest.raises(RunFileError, match="cannot write"):
            getattr(result, f"to_{suffix}")(place)
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
def test_full_disk_is_one_line(result: SweepResult) -> None:
    with pytest.raises(RunFileError, match="cannot write /dev/full: No space left") as caught:
        result.to_csv("/dev/full")
    assert "\n" not in str(caught.value)


def test_dictionary_is_json(result: SweepResult) -> None:
    values = json.loads(json.dumps(result.to_dict()))
    assert values["complete"] is True
    assert [cell["kappa"] for cell in values["cells"]] == [cell.kappa for cell in result]
    assert all(math.isfinite(cell["upper"]) for cell in values["cells"])


def test_half_width_is_the_distance_to_the_farther_end(result: SweepResult) -> None:
    widths = [max(c.upper - c.kappa, c.kappa - c.lower) for c in result]
    assert [cell.half_width for cell in result] == widths
    assert np.all(np.array(widths) <= 0.1)
