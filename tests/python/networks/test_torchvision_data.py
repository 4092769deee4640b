"""CIFAR-10, MNIST and SVHN: small files of the real formats, read by torchvision itself."""

from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

torch = pytest.importorskip("torch", reason="the extra networks is not installed")

from htmu.errors import InvalidInputError, MissingExtraError, RunFileError  # noqa: E402
from htmu.networks import load_data, torchvision_data  # noqa: E402


@pytest.fixture
def sets() -> Any:
    try:
        return torchvision_data.import_torchvision().datasets
    except MissingExtraError:
        pytest.skip("the extra networks is not installed")


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def write_cifar10(folder: Path, sets: Any, monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """Five training batches of four images and a test batch, in the order of the files."""
    rng = np.random.default_rng(1)
    batches = folder / "cifar-10-batches-py"
    batches.mkdir(parents=True)
    images, sums = [], {}
    for name in [*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]:
        data = rng.integers(0, 256, (4, 3072), dtype=np.uint8)
        content = {"data": data, "labels": rng.integers(0, 10, 4).tolist()}
        (batches / name).write_bytes(pickle.dumps(content))
        sums[name] = md5(batches / name)
        images.append(data)
    meta = batches / "batches.meta"
    meta.write_bytes(pickle.dumps({"label_names": [f"class {k}" for k in range(10)]}))
    lists = [[[name, sums[name]] for name in sums if name.startswith(part)] for part in ("d", "t")]
    monkeypatch.setattr(sets.CIFAR10, "train_list", lists[0])
    monkeypatch.setattr(sets.CIFAR10, "test_list", lists[1])
    monkeypatch.setattr(sets.CIFAR10, "meta", {**sets.CIFAR10.meta, "md5": md5(meta)})
    return images


def test_cifar10(sets: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = write_cifar10(tmp_path, sets, monkeypatch)
    data = load_data("cifar10", data_dir=tmp_path, normalization="none")
    # A row of the file is the red, then the green, then the blue plane, each row by row.
    expected = np.concatenate(images[:5]).reshape(-1, 3, 32, 32) / np.float32(255)
    assert np.array_equal(data.images.numpy(), expected)
    test = load_data("cifar10", train=False, data_dir=tmp_path, normalization="none")
    assert np.array_equal(test.images.numpy(), images[5].reshape(-1, 3, 32, 32) / np.float32(255))
    assert load_data("cifar10", n=7, data_dir=str(tmp_path)).images.flatten(1).norm(
        dim=1
    ).numpy() == (pytest.approx(np.sqrt(3072), rel=1e-6))
    with pytest.raises(InvalidInputError, match="training split of 'cifar10' has 20 images"):
        load_data("cifar10", n=21, data_dir=tmp_path)


def test_damaged_cifar10(sets: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_cifar10(tmp_path, sets, monkeypatch)
    batch = tmp_path / "cifar-10-batches-py" / "data_batch_3"
    content = bytearray(batch.read_bytes())
    content[500] ^= 1
    batch.write_bytes(bytes(content))
    with pytest.raises(
        RunFileError, match=r"CIFAR-10 is absent or damaged in .*--data-dir.*--down"
    ):
        load_data("cifar10", data_dir=tmp_path)


def write_idx(path: Path, values: np.ndarray) -> None:
    """File of bytes in the IDX format of MNIST."""
    head = bytes([0, 0, 8, values.ndim]) + b"".join(k.to_bytes(4, "big") for k in values.shape)
    path.write_bytes(head + values.tobytes())


@pytest.fixture
def mnist(sets: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    rng = np.random.default_rng(2)
    images = rng.integers(0, 256, (12, 28, 28), dtype=np.uint8)
    labels = (np.arange(12) % 10).astype(np.uint8)
    for part in ("train", "t10k"):
        write_idx(raw / f"{part}-images-idx3-ubyte", images)
        write_idx(raw / f"{part}-labels-idx1-ubyte", labels)
    monkeypatch.setattr(
        torchvision_data, "MNIST_SUMS", {path.name: md5(path) for path in raw.iterdir()}
    )
    return images


def test_mnist(mnist: np.ndarray, tmp_path: Path) -> None:
    data = load_data("mnist", data_dir=tmp_path, normalization="none")
    assert data.labels.tolist() == [*range(10), 0, 1]
    assert data.images.shape == (12, 3, 32, 32)
    # Bilinear in both directions: pixel centres of 32 among those of 28.
    places = np.clip((np.arange(32) + 0.5) * 28 / 32 - 0.5, 0, 27)
    weights = np.maximum(0, 1 - np.abs(places[:, None] - np.arange(28)))
    expected = weights @ (mnist / 255.0) @ weights.T
    assert np.abs(data.images[:, 1].numpy() - expected).max() < 1e-6


def test_damaged_mnist(mnist: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte"
    content = bytearray(path.read_bytes())
    content[100] ^= 1  # of the right length: torchvision itself would take it
    path.write_bytes(bytes(content))
    with pytest.raises(RunFileError, match="MNIST is absent or damaged"):
        load_data("mnist", data_dir=tmp_path)


@pytest.mark.parametrize("place", [0, 2, 3])  # zeros, the type of the numbers, the dimensions
def test_damaged_head_of_mnist(place: int, mnist: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte"
    content = bytearray(path.read_bytes())
    content[place] ^= 5
    path.write_bytes(bytes(content))
    with pytest.raises(RunFileError, match="MNIST is absent or damaged"):
        load_data("mnist", data_dir=tmp_path)


@pytest.mark.parametrize("content", [b"", b"cut"])
def test_download_replaces_what_a_kill_left_of_mnist(
    content: bytes, sets: Any, mnist: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = tmp_path / "MNIST" / "raw"
    whole = (raw / "train-images-idx3-ubyte").read_bytes()
    (raw / "train-images-idx3-ubyte").write_bytes(content)

    def download(self: Any) -> None:
        assert not (raw / "train-images-idx3-ubyte").exists()
        (raw / "train-images-idx3-ubyte").write_bytes(whole)

    monkeypatch.setattr(sets.MNIST, "download", download)
    assert len(load_data("mnist", data_dir=tmp_path, download=True)) == 12


def test_mnist_of_an_old_torchvision(mnist: np.ndarray, tmp_path: Path) -> None:
    (tmp_path / "MNIST" / "processed").mkdir()
    with pytest.raises(RunFileError, match=r"processed is of an old torchvision.* remove it"):
        load_data("mnist", data_dir=tmp_path)


def test_svhn(sets: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    images = rng.integers(0, 256, (32, 32, 3, 11), dtype=np.uint8)
    labels = np.array([10, *range(1, 11)], dtype=np.uint8)[:, None]  # 10 stands for the digit 0
    path = tmp_path / "train_32x32.mat"
    savemat(path, {"X": images, "y": labels})
    entry = sets.SVHN.split_list["train"]
    monkeypatch.setitem(sets.SVHN.split_list, "train", [*entry[:2], md5(path)])
    data = load_data("svhn", data_dir=tmp_path, normalization="none")
    assert data.labels.tolist() == [0, *range(1, 10), 0]
    assert np.array_equal(data.images.numpy(), images.transpose(3, 2, 0, 1) / np.float32(255))
    with pytest.raises(RunFileError, match="SVHN is absent or damaged"):
        load_data("svhn", train=False, data_dir=tmp_path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(RunFileError, match="SVHN is absent or damaged"):
        load_data("svhn", data_dir=tmp_path)


@pytest.mark.parametrize("name", ["cifar10", "mnist", "svhn"])
def test_absent_files_are_one_line_that_says_what_to_do(
    sets: Any, name: str, tmp_path: Path
) -> None:
    with pytest.raises(RunFileError) as caught:
        load_data(name, data_dir=tmp_path / "nothing")
    message = str(caught.value)
    assert "\n" not in message
    assert "--data-dir" in message
    assert "--download" in message
    assert not (tmp_path / "nothing").exists()


def test_file_in_place_of_the_folder(sets: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFileError, match="file is not a folder; name that of CIFAR-10"):
        load_data("cifar10", data_dir=tmp_path / "file")


@pytest.mark.parametrize("name", ["cifar10", "mnist", "svhn"])
def test_download_without_network_is_one_line(
    sets: Any, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import urllib.error
    import urllib.request

    def unreachable(*arguments: object, **more: object) -> None:
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(urllib.request, "urlopen", unreachable)
    with pytest.raises(RunFileError) as caught:
        load_data(name, data_dir=tmp_path, download=True)
    message = str(caught.value)
    assert "could not be downloaded" in message
    assert "no route to host" in message
    assert "--data-dir" in message
    assert "\n" not in message


def test_torchvision_of_another_build_is_imported(sets: Any) -> None:
    """In a new process: what a plain import raises there, this one repairs."""
    program = (
        "from htmu.networks.torchvision_data import import_torchvision\n"
        "first = import_torchvision()\n"
        "import torchvision\n"
        "from torchvision import datasets, models, transforms\n"
        "assert first is torchvision is import_torchvision()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
