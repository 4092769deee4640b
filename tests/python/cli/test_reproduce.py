"""htmu reproduce: what it prints, and what it refuses."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the extra networks is not installed")

from htmu.cli import main
from htmu.reproduction import WEIGHT_SCALES, figure2


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A small scale that takes seconds."""
    scale = dataclasses.replace(WEIGHT_SCALES["small"], n_train=60, epochs=1, batch_sizes=(60, 30))
    monkeypatch.setattr(figure2, "WEIGHT_SCALES", {"small": scale})
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("tiny")
def test_table_and_files(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", "figure2"]) == 0
    first = capsys.readouterr()
    assert "batch size" in first.out
    assert "too few batch sizes" in first.out
    assert "training, at most 1 epochs" in first.err
    assert Path("figure2-small/figure2.png").exists()
    assert main(["reproduce", "figure2", "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert [row["batch_size"] for row in again["rows"]] == [60, 30]
    assert again["picture"] == "figure2-small/figure2.png"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["figure3"], "figure1 or figure2, got 'figure3'"),
        (["figure1", "--scale", "huge"], "small, paper, got 'huge'"),
        (["figure2", "--memory", "8GB"], "--memory is of the kernels of figure1"),
        (["figure2", "--data", "imagenet"], "imagenet"),
        (["figure2", "--data", "cifar10", "--data-dir", "nowhere"], "nowhere"),
        (["figure2", "--device", "abacus"], "abacus"),
        (["figure1", "--memory", "plenty"], "plenty"),
        (["figure1", "--memory", "1MB"], "give at least '"),
        (["figure2", "--out", ""], "out must be the path of a folder"),
        (["figure2", "--seed", "-1"], "seed"),
        (["figure2", "--out", "file"], "file"),
        (["figure2", "--out", "."], "something else"),
    ],
)
def test_nonsense_is_one_line(
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("text")
    assert main(["reproduce", *arguments]) in (1, 2)
    captured = capsys.readouterr()
    assert captured.err.startswith("htmu: error: ")
    assert captured.err.count("\n") == 1
    assert message in captured.err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("command", [["reproduce", "figure1"], ["train", "--data", "gaussian"]])
def test_missing_safetensors_is_said_before_data_are_read(
    command: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    for module in ("htmu.networks", "htmu.reproduction.figure1"):
        monkeypatch.setattr(f"{module}.load_data", None)  # would be a TypeError
    assert main(command) in (1, 2)
    captured = capsys.readouterr()
    assert "checkpoints need safetensors" in captured.err
    assert captured.err.count("\n") == 1
    assert not any(tmp_path.iterdir())


def test_help_names_every_data_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", "--help"]) == 0
    text = capsys.readouterr().out
    for name in ("digits", "cifar10", "mnist", "svhn", "gaussian"):
        assert name in text
