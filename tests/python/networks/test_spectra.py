"""Spectra of weights, and their files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra networks is not installed")

from torch import nn  # noqa: E402

from htmu.errors import InvalidInputError, NonFiniteError, RunFileError  # noqa: E402
from htmu.networks import build_model, load_spectra, weight_spectra  # noqa: E402
from htmu.networks.spectra import save_spectra  # noqa: E402


def test_eigenvalues_of_the_gram_matrix() -> None:
    model = build_model("resnet9", width=4, seed=1)
    spectra = weight_spectra(model)
    weights = {name: value for name, value in model.named_parameters() if value.ndim > 1}
    assert [f"{name}.weight" for name in spectra] == list(weights)
    for name, values in spectra.items():
        matrix = weights[f"{name}.weight"].detach().double().flatten(1).numpy()
        everything = np.linalg.eigvalsh(matrix.T @ matrix)
        count = min(matrix.shape)
        assert values.shape == (count,)
        assert values.dtype == np.float64
        assert np.all(np.diff(values) >= 0)
        assert np.abs(values - everything[-count:]).max() < 1e-12 * everything[-1]
        assert np.abs(everything[:-count]).max(initial=0) < 1e-12 * everything[-1]


def test_small_eigenvalues_are_accurate() -> None:
    layer = nn.Linear(30, 20, bias=False).double()
    rng = np.random.default_rng(0)
    left, _ = np.linalg.qr(rng.normal(size=(20, 20)))
    right, _ = np.linalg.qr(rng.normal(size=(30, 20)))
    singular = np.logspace(-9, 0, 20)
    layer.weight.data = torch.from_numpy((left * singular) @ right.T)
    # Eigenvalues down to 1e-18, which the Gram matrix itself would lose.
    assert weight_spectra(nn.Sequential(layer))["0"] == pytest.approx(singular**2, rel=1e-6)


def test_files(tmp_path: Path) -> None:
    spectra = {"file": np.arange(3.0), "layer1.0.conv1": np.array([0.1])}
    path = tmp_path / "a.npz"
    save_spectra(path, spectra)
    loaded = load_spectra(path)
    assert list(loaded) == list(spectra)
    assert all(np.array_equal(loaded[name], spectra[name]) for name in spectra)
    with np.load(path) as arrays:
        assert sorted(arrays.files) == sorted(spectra)
    first = path.read_bytes()
    save_spectra(path, spectra)
    assert path.read_bytes() == first


def test_no_spectra(tmp_path: Path) -> None:
    with pytest.raises(RunFileError, match="holds no spectra"):
        load_spectra(tmp_path / "missing.npz")
    (tmp_path / "text.npz").write_text("text")
    with pytest.raises(RunFileError, match="holds no spectra"):
        load_spectra(tmp_path / "text.npz")
    np.save(tmp_path / "array.npy", np.zeros(3))
    with pytest.raises(RunFileError, match="holds no spectra"):
        load_spectra(tmp_path / "array.npy")


def test_bad_models() -> None:
    with pytest.raises(InvalidInputError, match=r"must be a torch\.nn\.Module"):
        weight_spectra("lenet")  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="no weight of two or more dimensions"):
        weight_spectra(nn.Sequential(nn.ReLU(), nn.BatchNorm1d(3)))
    layer = nn.Linear(2, 2)
    layer.weight.data[0, 0] = torch.nan
    with pytest.raises(NonFiniteError, match=r"the weights 0\.weight are not finite"):
        weight_spectra(nn.Sequential(layer))


def _zip(path: Path, **arrays: Any) -> None:
    np.savez(path, **arrays)


@pytest.mark.parametrize(
    "write",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"PK\x03\x04nonsense"),
        lambda path: path.write_bytes(b"\x80\x04K\x05."),
        lambda path: path.mkdir(),
        lambda path: _zip(path, fc1=np.array(["a"])),
        lambda path: _zip(path, fc1=np.array([1 + 2j])),
        lambda path: _zip(path, fc1=np.eye(2)),
        lambda path: _zip(path, fc1=np.array([None])),
    ],
)
def test_files_without_spectra_are_one_line(write: Any, tmp_path: Path) -> None:
    path = tmp_path / "spectra.npz"
    write(path)
    with pytest.raises(RunFileError, match=r"spectra\.npz' holds no spectra") as caught:
        load_spectra(path)
    assert "\n" not in str(caught.value)


def test_path_of_spectra_must_be_one() -> None:
    with pytest.raises(InvalidInputError, match="path must be that of a file, got 3"):
        load_spectra(3)  # type: ignore[arg-type]
    with pytest.raises(RunFileError, match="holds no spectra"):
        load_spectra("a\0b")
