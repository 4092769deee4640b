"""What the figures refuse, and that nothing is left behind where they do."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra networks is not installed")

from htmu.errors import (  # noqa: E402
    InvalidInputError,
    MissingExtraError,
    RunFileError,
    RunSettingsError,
)
from htmu.reproduction import (  # noqa: E402
    KernelScale,
    WeightScale,
    reproduce_figure1,
    reproduce_figure2,
)
from htmu.reproduction.kept import Kept  # noqa: E402

KERNELS = KernelScale("digits", 64, 4, 1, networks=("lenet",))
WEIGHTS = WeightScale("digits", 60, 1, 1, batch_sizes=(60,))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": "imagenet"}, "data must be one of"),
        ({"data": 5}, "data must be one of"),
        ({"n_train": 63}, "n_train must be an integer from 64"),
        ({"n_train": None}, "n_train must be an integer from 64"),
        ({"n_kernel": 1}, "n_kernel must be an integer from 2 to 64"),
        ({"n_kernel": 65}, "n_kernel must be an integer from 2 to 64"),
        ({"n_kernel": 2.5}, "n_kernel must be an integer"),
        ({"epochs": 0}, "epochs must be"),
        ({"networks": ()}, "networks must be a non-empty sequence"),
        ({"networks": "lenet"}, "networks must be a non-empty sequence"),
        ({"networks": ("lenet", "vgg99")}, "a network must be one of"),
        ({"networks": ("lenet", "lenet")}, "networks has 'lenet' twice"),
        ({"share": 0}, "share must be"),
        ({"share": 1.01}, "share must be"),
        ({"share": "half"}, "share must be"),
    ],
)
def test_kernel_scales(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message) as caught:
        dataclasses.replace(KERNELS, **change)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": "imagenet"}, "data must be one of"),
        ({"n_train": 0}, "n_train must be"),
        ({"n_train": 59}, "batch_sizes has 60, but there are only 59 images"),
        ({"epochs": "many"}, "epochs must be"),
        ({"repeats": 0}, "repeats must be"),
        ({"batch_sizes": ()}, "batch_sizes must be a non-empty sequence"),
        ({"batch_sizes": 5}, "batch_sizes must be a non-empty sequence"),
        ({"batch_sizes": (30, 0)}, "must be an integer from 1"),
        ({"batch_sizes": (30, 30)}, "batch_sizes has 30 twice"),
        ({"network": "vgg99"}, "network must be one of"),
    ],
)
def test_weight_scales(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message) as caught:
        dataclasses.replace(WEIGHTS, **change)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("reproduce", [reproduce_figure1, reproduce_figure2])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scale": "huge"}, "small, paper, got 'huge'"),
        ({"scale": []}, "small, paper, got"),
        ({"data": "imagenet"}, "data must be one of"),
        ({"device": "abacus"}, "device must be one of"),
        ({"seed": -1}, "seed must be"),
        ({"report": 3}, "report must be callable or None, got 3"),
    ],
)
def test_arguments(
    reproduce: Callable[..., Any], arguments: dict[str, Any], message: str, tmp_path: Path
) -> None:
    scale = KERNELS if reproduce is reproduce_figure1 else WEIGHTS
    with pytest.raises(InvalidInputError, match=message) as caught:
        reproduce(tmp_path / "out", **{"scale": scale, **arguments})
    assert "\n" not in str(caught.value)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("out", ["", None, 3, "a\0b"])
def test_folders_must_be_paths(out: Any) -> None:
    with pytest.raises(InvalidInputError, match="out must be the path of a folder"):
        reproduce_figure1(out, KERNELS)
    with pytest.raises(InvalidInputError, match="out must be the path of a folder"):
        reproduce_figure2(out, WEIGHTS)


def test_networks_without_the_layer_and_large_batches(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="linear layer fc1, and 'resnet9' has none"):
        reproduce_figure2(tmp_path / "out", dataclasses.replace(WEIGHTS, network="resnet9"))
    whole = dataclasses.replace(WEIGHTS, n_train=None, batch_sizes=(60, 1501))
    with pytest.raises(InvalidInputError, match="has 1501, but there are only 1500 images"):
        reproduce_figure2(tmp_path / "out", whole)
    assert not any(tmp_path.iterdir())


def test_memory_is_checked_before_the_training(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="memory of 1 MB is too small") as caught:
        reproduce_figure1(tmp_path / "out", KERNELS, memory="1MB")
    assert "`out`" not in str(caught.value)
    assert not any(tmp_path.iterdir())
    enough = str(caught.value).split("'")[1]
    assert reproduce_figure1(tmp_path / "out", KERNELS, memory=enough).rows


def test_safetensors_is_asked_for_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    with pytest.raises(MissingExtraError, match="safetensors"):
        reproduce_figure1(tmp_path / "out", KERNELS)
    with pytest.raises(MissingExtraError, match="safetensors"):
        reproduce_figure2(tmp_path / "out", WEIGHTS)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["", "{", "[]", "\udcff", "[" * 100_000])
def test_damaged_settings(text: str, tmp_path: Path) -> None:
    settings = {"figure": 1, "seed": 0}
    Kept(tmp_path / "out", settings).begin()
    place = tmp_path / "out" / "settings.json"
    place.write_bytes(text.encode(errors="surrogateescape"))
    (tmp_path / "out" / "lenet-initial.npy").write_bytes(b"")
    with pytest.raises(RunFileError, match=r"damaged; name a new folder, or remove '.*out'$") as e:
        Kept(tmp_path / "out", settings)
    assert "\n" not in str(e.value)


def test_the_figure_is_compared_first(tmp_path: Path) -> None:
    Kept(tmp_path / "out", {"figure": 2, "batch_sizes": [5]}).begin()
    with pytest.raises(RunSettingsError, match="was begun with figure = 2, now 1"):
        Kept(tmp_path / "out", {"figure": 1, "batch_sizes": [6]})


def _save(path: Path, value: Any) -> None:
    with open(path, "wb") as file:
        np.save(file, value)


def _save_zip(path: Path) -> None:
    with open(path, "wb") as file:
        np.savez(file, a=np.arange(3.0))


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"nonsense"),
        lambda path: path.write_bytes(b"PK\x03\x04nonsense"),
        lambda path: path.write_bytes(path.read_bytes()[:-3]),
        _save_zip,
        lambda path: _save(path, np.array(["a", "b", "c"])),
        lambda path: _save(path, np.array([1 + 1j, 2, 3])),
        lambda path: _save(path, np.arange(3)),
        lambda path: _save(path, np.arange(4.0)),
        lambda path: _save(path, np.array([3.0, 1.0, 2.0])),
        lambda path: _save(path, np.ones((3, 1))),
        lambda path: _save(path, np.float64(3)),
        lambda path: _save(path, np.array([1.0, 2.0, np.nan])),
        lambda path: _save(path, np.array([1.0, 2.0, np.inf])),
    ],
)
def test_damaged_spectra(damage: Callable[[Path], None], tmp_path: Path) -> None:
    kept = Kept(tmp_path / "out", {"figure": 1})
    kept.begin()
    kept.spectrum("one", 3, lambda: np.arange(3.0))
    place = tmp_path / "out" / "one.npy"
    damage(place)
    with pytest.raises(RunFileError, match=r"one\.npy' .*; remove it to compute it again$") as e:
        kept.spectrum("one", 3, lambda: np.arange(3.0))
    assert "\n" not in str(e.value)
    place.unlink()
    assert kept.spectrum("one", 3, lambda: np.arange(3.0)).tolist() == [0, 1, 2]


def test_settings_are_read_as_they_were_written(tmp_path: Path) -> None:
    settings = {"figure": 2, "batch_sizes": (5, 6), "share": 0.5}
    Kept(tmp_path / "out", settings).begin()
    assert json.loads((tmp_path / "out" / "settings.json").read_text())["share"] == 0.5
    Kept(tmp_path / "out", settings).begin()
