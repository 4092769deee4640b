"""The matrix-free side against the assembled kernel: two ways to the same numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra networks is not installed")

from htmu.cli import main
from htmu.ntk import (
    gram,
    product,
    subsample_spectra,
)

networks: Any = pytest.importorskip("htmu.networks", reason="no networks here")


@pytest.mark.parametrize("name", ["resnet9", "vgg11", "minialexnet", "lenet", "mlp"])
@pytest.mark.parametrize("outputs", ["all", "sum", [3, 1]])
def test_products_of_the_papers_networks(name: str, outputs: Any) -> None:
    options = {"n_classes": 4, "width": 4} if name in ("resnet9", "vgg11") else {"n_classes": 4}
    model = networks.build_model(name, **options).eval()
    x = networks.load_data("gaussian", n=3).images
    kernel = gram(model, x, outputs=outputs, dtype="float64")
    vectors = np.random.default_rng(0).standard_normal((len(kernel), 2))
    expected = kernel @ vectors
    found = product(model, x, outputs=outputs) @ vectors
    assert np.abs(found - expected).max() < 1e-11 * np.abs(expected).max()


def test_assembled_kernels_are_the_default_of_subsamples() -> None:
    model = networks.lenet().eval()
    x = networks.load_data("gaussian", n=12).images
    found = subsample_spectra(model, x, [4, 8], repeats=2, outputs="trace", dtype="float64")
    order = np.random.default_rng([0, 1]).permutation(12)[:8]
    values = np.linalg.eigvalsh(gram(model, x[order], outputs="trace", dtype="float64"))
    np.testing.assert_allclose(found.eigenvalues[1][1], values / 8, rtol=1e-9)


def test_a_trained_network_from_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    data = networks.load_data("gaussian", n=20, n_classes=3)
    model = networks.build_model("mlp", n_classes=3, width=8)
    recipe = networks.Recipe(lr=0.01, epochs=2, batch_size=10)
    networks.train(model, data, recipe, out="run")
    line = ["ntk", "--checkpoint", "run", "-n", "6", "--json", "--dtype", "float64"]
    assert main([*line, "--eigenvalues", "eig.npy", "--layers", "--out", "g.npy"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["n_classes"], facts["n_eigenvalues"], facts["data"]) == (3, 18, "gaussian")
    assert sum(layer["trace_share"] for layer in facts["layers"]) == pytest.approx(1)
    own = networks.load_model("run")
    kernel = gram(own, data.images[:6], dtype="float64")
    values = np.linalg.eigvalsh(kernel)
    np.testing.assert_allclose(np.load("eig.npy"), values, rtol=1e-8, atol=1e-9 * values[-1])
    assert main([*line, "--matrix-free", "--vectors", "18", "--steps", "18"]) == 0
    free = json.loads(capsys.readouterr().out)
    assert free["trace"] == pytest.approx(values.sum())
    assert free["largest"] == pytest.approx(values[-1])
