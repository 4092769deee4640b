"""The figures at a very small size: what is written, what is kept, what is said."""

from __future__ import annotations

import csv
import dataclasses
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra networks is not installed")

from htmu.errors import InvalidInputError, RunFileError, RunSettingsError  # noqa: E402
from htmu.ntk.assembly import Assembly  # noqa: E402
from htmu.plotting import SpectrumPanel, plot_spectra  # noqa: E402
from htmu.reproduction import (  # noqa: E402
    KERNEL_SCALES,
    WEIGHT_SCALES,
    KernelScale,
    WeightScale,
    figure1,
    figure2,
    reproduce_figure1,
    reproduce_figure2,
)
from htmu.reproduction.figure1 import calibrate_batch_norm  # noqa: E402
from htmu.reproduction.figure2 import trend  # noqa: E402

TINY_KERNELS = KernelScale("digits", 70, 12, 2, networks=("lenet",))
TINY_WEIGHTS = WeightScale("digits", 60, 2, 1, batch_sizes=(60, 30, 20))


def test_scales_are_the_papers() -> None:
    assert KERNEL_SCALES["paper"].networks == ("vgg11", "resnet9", "resnet18")
    assert KERNEL_SCALES["paper"].n_train == KERNEL_SCALES["paper"].n_kernel == 1000
    assert WEIGHT_SCALES["paper"].batch_sizes == (1000, 800, 250, 100, 50, 5)
    assert WEIGHT_SCALES["paper"].repeats == 3


def test_figure1(tmp_path: Path) -> None:
    told: list[str] = []
    first = reproduce_figure1(tmp_path / "out", TINY_KERNELS, report=told.append)
    assert [row["stage"] for row in first.rows] == ["initial", "trained"]
    assert all(row["n"] == 120 and row["largest"] > 0 for row in first.rows)
    # Training moved the kernel.
    assert first.rows[0]["largest"] != first.rows[1]["largest"]
    assert first.picture.stat().st_size > 10_000
    assert told
    assert [math.isnan(row["accuracy"]) for row in first.rows] == [True, False]
    assert 0.1 < first.rows[1]["accuracy"] <= 1
    # The kernels themselves are kept only while they are made.
    assert not list((tmp_path / "out").glob("*kernel*"))
    with open(first.table, encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 2
    told.clear()
    again = reproduce_figure1(tmp_path / "out", TINY_KERNELS, report=told.append)
    assert told == []  # everything was kept
    assert repr(again.rows) == repr(first.rows)


def test_figure1_goes_on_with_a_kernel_that_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strips: list[None] = []
    add_strip = Assembly._add_strip

    def counted(*arguments: Any) -> None:
        strips.append(None)
        add_strip(*arguments)

    monkeypatch.setattr(Assembly, "_add_strip", counted)
    whole = reproduce_figure1(tmp_path / "whole", TINY_KERNELS)
    each = len(strips) // 2
    with monkeypatch.context() as patch:
        # As if killed between the kernel and its eigenvalues.
        patch.setattr(figure1, "eigvals", lambda kernel: sys.exit("killed"))
        with pytest.raises(SystemExit):
            reproduce_figure1(tmp_path / "out", TINY_KERNELS)
    assert (tmp_path / "out" / "lenet-initial-kernel.npy").exists()
    strips.clear()
    found = reproduce_figure1(tmp_path / "out", TINY_KERNELS)
    assert len(strips) == each  # of the trained network alone
    assert repr(found.rows) == repr(whole.rows)
    assert not list((tmp_path / "out").glob("*kernel*"))


def test_figure1_assembles_kernels_on_the_processor_beside_mps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # MPS has no float64; training itself is not moved there, since no test machine has one.
    monkeypatch.setattr(figure1, "choose_device", lambda device: torch.device("mps"))
    found = reproduce_figure1(tmp_path / "out", TINY_KERNELS, device="cpu")
    assert all(row["largest"] > 0 for row in found.rows)


def test_figure2(tmp_path: Path) -> None:
    found = reproduce_figure2(tmp_path / "out", TINY_WEIGHTS)
    assert [row["batch_size"] for row in found.rows] == [60, 30, 20]
    for row in found.rows:
        assert row["kappa_low"] <= row["kappa"] <= row["kappa_high"]
        assert row["epochs"] <= 2
    spectrum = np.load(tmp_path / "out" / "batch20-repeat0.npy")
    assert spectrum.shape == (1000,)
    assert found.picture.stat().st_size > 10_000
    assert "batch size" in found.verdict
    again = reproduce_figure2(tmp_path / "out", TINY_WEIGHTS)
    assert repr(again.rows) == repr(found.rows)


def test_figure2_says_which_batch_sizes_diverge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    titles: list[str] = []

    def look(grid: list[list[SpectrumPanel]], path: Path, **options: Any) -> None:
        titles.extend(panel.title for row in grid for panel in row)
        plot_spectra(grid, path, **options)

    monkeypatch.setattr(figure2, "plot_spectra", look)
    scale = dataclasses.replace(TINY_WEIGHTS, epochs=6, batch_sizes=(60, 30, 5))
    found = reproduce_figure2(tmp_path / "out", scale)
    assert [row["batch_size"] for row in found.rows] == [60, 30, 5]
    assert math.isnan(found.rows[2]["loss"])
    assert math.isnan(found.rows[2]["kappa"])
    assert math.isfinite(found.rows[1]["kappa"])
    assert found.verdict.endswith("; 1 of 3 batch sizes diverged")
    assert titles == ["batch size 60", "batch size 30", "batch size 5: diverged"]
    (warning,) = found.warnings
    assert warning.startswith("batch size 5, repeat 0: the loss is ")
    assert warning.endswith("the training diverges")
    with open(found.table, encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert [table[2][name] for name in ("batch_size", "kappa", "epochs")] == ["5", "nan", "nan"]


def test_folders_of_others(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    with pytest.raises(RunFileError, match="something else"):
        reproduce_figure2(tmp_path, TINY_WEIGHTS)
    with pytest.raises(RunFileError, match="folder"):
        reproduce_figure2(tmp_path / "file", TINY_WEIGHTS)


def test_other_settings_are_refused(tmp_path: Path) -> None:
    kernels = dataclasses.replace(TINY_KERNELS, n_kernel=4)
    reproduce_figure1(tmp_path / "out", kernels)
    with pytest.raises(RunSettingsError, match="n_kernel = 4"):
        reproduce_figure1(tmp_path / "out", TINY_KERNELS)
    (tmp_path / "out" / "lenet-initial.npy").write_bytes(b"nonsense")
    with pytest.raises(RunFileError, match=r"lenet-initial\.npy"):
        reproduce_figure1(tmp_path / "out", kernels)


def test_bad_scales(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="small, paper, got 'huge'"):
        reproduce_figure1(tmp_path / "out", "huge")
    with pytest.raises(InvalidInputError, match="small, paper, got 'huge'"):
        reproduce_figure2(tmp_path / "out", "huge")
    with pytest.raises(InvalidInputError, match="n_kernel"):
        reproduce_figure1(tmp_path / "out", dataclasses.replace(TINY_KERNELS, n_kernel=71))
    assert not (tmp_path / "out").exists()


def test_calibrated_batch_norm_has_the_statistics_of_its_input() -> None:
    norm = torch.nn.BatchNorm2d(3)
    images = 5 + 2 * torch.randn(400, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    calibrate_batch_norm(norm, images)
    torch.testing.assert_close(norm.running_mean, images.mean((0, 2, 3)), rtol=1e-5, atol=1e-5)
    # Means of four batches' unbiased variances, each about the batch's own mean.
    expected = torch.stack([b.var((0, 2, 3)) for b in images.split(100)]).mean(0)
    torch.testing.assert_close(norm.running_var, expected, rtol=1e-4, atol=1e-4)
    assert norm.momentum == 0.1
    assert not norm.training


def rows(slope: float, error: float) -> list[dict[str, float]]:
    return [
        {"batch_size": b, "kappa": 2 * b**slope, "kappa_error": error * b**slope}
        for b in (5, 50, 500)
    ]


def test_trend_is_the_slope_of_a_power_law() -> None:
    assert "kappa falls as the batch shrinks" in trend(rows(0.5, 0.1))
    assert "= 0.500 ±" in trend(rows(0.5, 0.1))
    assert "kappa rises as the batch shrinks" in trend(rows(-0.5, 0.1))
    assert "no trend" in trend(rows(0.01, 1.0))
    unknown = [{"batch_size": 7, "kappa": 1.0, "kappa_error": math.nan}]
    assert "1 spectra without a finite error left out" in trend(rows(0.5, 0.1) + unknown)
    assert "too few" in trend(unknown)


def test_verdict_counts_what_diverged() -> None:
    def made(*losses: float) -> list[dict[str, float]]:
        return [
            {"batch_size": 5 * (i // 2), "loss": loss, "kappa": math.nan, "kappa_error": math.nan}
            for i, loss in enumerate(losses)
        ]

    nan = math.nan
    assert "diverged" not in figure2._verdict(made(1, 1, 1, 1), 10)
    assert figure2._verdict(made(1, 1, 1, nan), 10).endswith("; 1 of 4 networks diverged")
    both = figure2._verdict(made(1, nan, nan, nan), 10)
    assert both.endswith("; 1 of 2 batch sizes diverged (3 of 4 networks)")
    assert "2 of 2 batch sizes" in figure2._verdict(made(nan, nan, nan, nan), 10)
    # log 10 is the loss of guessing: nothing was learned.
    dead = figure2._verdict(made(1, 1, 1, 2.31), 10)
    assert dead.endswith("; 1 of 4 networks diverged or learned nothing")
