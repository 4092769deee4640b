"""``htmu ntk``, on small stand-ins for the networks and the assembled kernel."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra networks is not installed")

import torch
from torch import nn

import htmu.ntk
from htmu.cli.ntk_output import named_options, work_reporter
from htmu.errors import InvalidInputError, RunFileError

Run = Callable[..., Any]


class Images(types.SimpleNamespace):
    """What `load_data` gives, as far as the command reads it."""

    images: Any
    n_classes: int


def load_data(name: str, *, n: int, seed: int, **options: Any) -> Images:
    if name not in ("digits", "gaussian"):
        raise InvalidInputError(f"data set must be 'digits' or 'gaussian', got {name!r}")
    CALLS.append({"name": name, "n": n, "seed": seed, **options})
    generator = torch.Generator().manual_seed(seed)
    return Images(images=torch.randn(n, 5, generator=generator), n_classes=3)


def build_model(name: str, *, n_classes: int, seed: int) -> nn.Module:
    if name != "mlp":
        raise InvalidInputError(f"model must be 'mlp', got {name!r}")
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(5, 20), nn.Tanh(), nn.Dropout(), nn.Linear(20, n_classes))


def load_checkpoint(path: str) -> Any:
    if path == "missing":
        raise RunFileError("there is no training in missing; name the folder of one")
    source = {"name": "gaussian", "n": 500, "seed": 9, "normalization": "none"}
    settings = {"data": {"source": {} if path == "own" else source, "normalization": "none"}}
    return types.SimpleNamespace(settings=settings)


def gram(model: Any, x: Any, *, per_layer: bool = False, **options: Any) -> Any:
    CALLS.append(dict(options, per_layer=per_layer))
    if options["memory"] == "1B":
        raise InvalidInputError("memory: 1B is too little; give at least 2MB")
    names = [name for name, _ in model.named_children() if name in "03"]
    kept = {k: options[k] for k in ("outputs", "scaled")}
    parts = {}
    for name in names:
        operator = htmu.ntk.product(model, x, parameters=name, **kept)
        parts[name] = operator @ np.eye(operator.shape[0])
    if options.get("out") is not None:
        np.save(options["out"], sum(parts.values()))
    return parts if per_layer else sum(parts.values())


def eigvals(kernel: Any) -> Any:
    values = np.linalg.eigvalsh(kernel)
    error = len(values) * 2.2e-16 * values[-1]
    return types.SimpleNamespace(
        eigenvalues=values, absolute_error=error, n_negative=int((values < 0).sum())
    )


CALLS: list[dict[str, Any]] = []


@pytest.fixture(autouse=True)
def _stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    networks: Any = types.ModuleType("htmu.networks")
    networks.build_model = networks.load_model = build_model
    networks.load_model = lambda path: build_model("mlp", n_classes=3, seed=4)
    networks.load_data, networks.load_checkpoint = load_data, load_checkpoint
    monkeypatch.setitem(sys.modules, "htmu.networks", networks)
    monkeypatch.setattr(htmu.ntk, "gram", gram, raising=False)
    monkeypatch.setattr(htmu.ntk, "eigvals", eigvals, raising=False)
    CALLS.clear()


def expected(n: int = 6, seed: int = 0, **options: Any) -> Any:
    model = build_model("mlp", n_classes=3, seed=seed).eval()
    operator = htmu.ntk.product(model, load_data("digits", n=n, seed=seed).images, **options)
    return np.linalg.eigvalsh(operator @ np.eye(operator.shape[0]))


def test_table(run: Run) -> None:
    outcome = run("ntk", "--model", "mlp", "--n", "6")
    assert (outcome.code, outcome.err) == (0, "")
    lines = {line[:22].strip(): line[22:].strip() for line in outcome.out.splitlines()}
    values = expected()
    assert lines["network"] == "mlp"
    assert lines["images"] == "6 of digits, 3 classes"
    assert lines["parameters"] == "183"
    assert lines["kernel"] == "18 x 18, outputs all, mixed"
    assert lines["largest eigenvalue"] == f"{values[-1]:.6g}"
    assert lines["smallest eigenvalue"] == f"{values[0]:.6g}"
    assert lines["negative eigenvalues"] == "0"
    assert re.fullmatch(r"at most \S+, of the eigenvalue routine", lines["rounding"])
    largest, smallest = (3e-7 * np.sqrt(value * values[-1]) for value in values[[-1, 0]])
    passes = f"about {largest:.1g} (largest) to {smallest:.1g} (smallest), ReLU flips apart"
    assert lines["error of the passes"] == passes
    assert lines["time"]


def test_defaults_are_those_of_the_library(run: Run) -> None:
    assert run("ntk", "--model", "mlp").code == 0
    data, kernel = CALLS
    assert data == {"name": "digits", "n": 64, "seed": 0}
    assert kernel.pop("progress") is None  # not on a terminal
    assert kernel == {
        "outputs": "all",
        "scaled": False,
        "device": "auto",
        "dtype": "mixed",
        "memory": None,
        "out": None,
        "resume": False,
        "per_layer": False,
    }


def test_options_reach_the_library(run: Run) -> None:
    line = "--outputs 2,0 --dtype float64 --memory 8GB --out g.npy --resume --device cpu --scaled"
    assert run("ntk", "--model", "mlp", "-n", "6", "--seed", "3", *line.split()).code == 0
    assert CALLS[0]["seed"] == 3
    kernel = CALLS[1]
    given = {name: kernel[name] for name in ("outputs", "dtype", "memory", "out", "resume")}
    assert given == {
        "outputs": [2, 0],
        "dtype": "float64",
        "memory": "8GB",
        "out": "g.npy",
        "resume": True,
    }
    assert (kernel["device"], kernel["scaled"]) == ("cpu", True)


@pytest.mark.parametrize("name", ["eig.npy", "eig.csv"])
def test_eigenvalues_go_straight_into_a_fit(name: str, run: Run, tmp_path: Path) -> None:
    outcome = run("ntk", "--model", "mlp", "-n", "12", "--eigenvalues", name)
    assert outcome.out.splitlines()[-1] == f"written: {name}"
    if name.endswith(".npy"):
        found = np.load(tmp_path / name)
    else:
        with open(tmp_path / name, encoding="utf-8") as file:
            found = np.array([float(row["eigenvalue"]) for row in csv.DictReader(file)])
    np.testing.assert_allclose(found, expected(12), rtol=1e-9)
    fit = run("fit", name, "--inverse", "--kappa", "0", "--quiet", "--spikes", "none")
    assert (fit.code, fit.err) == (0, "")


def test_layers(run: Run, tmp_path: Path) -> None:
    outcome = run("ntk", "--model", "mlp", "-n", "6", "--layers", "--json", "--out", "g.npy")
    facts = json.loads(outcome.out)
    first, last = facts["layers"]
    assert (first["layer"], first["n_parameters"]) == ("0", 120)
    assert (last["layer"], last["n_parameters"]) == ("3", 63)
    assert first["trace_share"] + last["trace_share"] == pytest.approx(1)
    assert last["largest"] == pytest.approx(expected(parameters="3")[-1])
    np.testing.assert_allclose(np.linalg.eigvalsh(np.load(tmp_path / "g.npy")), expected())
    table = run("ntk", "--model", "mlp", "-n", "6", "--layers").out
    assert "share of trace" in table
    assert "63" in table


def test_checkpoints_bring_their_images(run: Run) -> None:
    outcome = run("ntk", "--checkpoint", "run", "-n", "6", "--json")
    assert json.loads(outcome.out)["network"] == "run"
    assert CALLS[0] == {"name": "gaussian", "n": 6, "seed": 9, "normalization": "none"}
    CALLS.clear()
    assert run("ntk", "--checkpoint", "run", "-n", "6", "--data", "digits", "--seed", "2").code == 0
    assert CALLS[0] == {"name": "digits", "n": 6, "seed": 2, "normalization": "none"}
    own = run("ntk", "--checkpoint", "own", "-n", "6")
    assert own.code == 2
    assert "name a data set with --data" in own.err


def test_matrix_free(run: Run, tmp_path: Path) -> None:
    line = [
        "--matrix-free",
        "--vectors",
        "18",
        "--steps",
        "18",
        "--shift",
        "0.5",
        "--density",
        "d.csv",
    ]
    outcome = run("ntk", "--model", "mlp", "-n", "6", *line, "--json")
    assert (outcome.code, outcome.err) == (0, "")
    facts, values = json.loads(outcome.out), expected()
    assert facts["largest"] == pytest.approx(values[-1])
    assert facts["trace"] == pytest.approx(values.sum())
    assert facts["log_determinant"]["value"] == pytest.approx(np.log(values + 0.5).sum())
    assert (facts["method"], facts["dtype"]) == ("matrix-free", "float64")
    with open(tmp_path / "d.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 200
    assert float(rows[-1]["cumulative"]) == pytest.approx(18)
    table = run("ntk", "--model", "mlp", "-n", "6", *line).out
    assert "18 probes of 18 steps" in table
    assert "log det(kernel + 0.5)" in table
    assert "written: d.csv" in table


def test_quiet_is_one_line(run: Run) -> None:
    outcome = run("ntk", "--model", "mlp", "-n", "6", "--quiet")
    values = expected()
    assert outcome.out == f"largest {values[-1]:.6g}, smallest {values[0]:.6g}\n"


def test_kernels_too_large_for_their_eigenvalues(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def eigvals(kernel: Any) -> Any:
        raise InvalidInputError("eigenvalues of 10 rows need 9 GiB, more than this machine's")

    monkeypatch.setattr(htmu.ntk, "eigvals", eigvals)
    line = ["ntk", "--model", "mlp", "-n", "6"]
    outcome = run(*line, "--out", "g.npy")
    assert outcome.code == 0
    assert re.search(r"eigenvalues +left out: eigenvalues of 10 rows need 9 GiB", outcome.out)
    assert "written: g.npy" in outcome.out
    quiet = run(*line, "--out", "h.npy", "--quiet")
    assert quiet.out.startswith("h.npy written; its eigenvalues are left out: ")
    assert "left_out" in json.loads(run(*line, "--out", "i.npy", "--json").out)
    asked = run(*line, "--out", "j.npy", "--eigenvalues", "e.npy")
    assert asked.code == 2
    assert "the kernel is written to j.npy, but eigenvalues of 10 rows" in asked.err
    assert run(*line).code == 2


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    with work_reporter(quiet=False) as report:
        assert report is not None
        report(1, 4)  # products done, and all
        report(types.SimpleNamespace(fraction=0.75, message="layer"))  # of an assembly
    assert "75 %" in screen.getvalue()
    with work_reporter(quiet=True) as report:
        assert report is None


def test_errors_in_json(run: Run) -> None:
    facts = json.loads(run("ntk", "--model", "mlp", "-n", "6", "--json").out)
    assert facts["eigenvalue_rounding"] < 1e-10
    assert facts["passes_error"]["largest"] == pytest.approx(3e-7 * facts["largest"])
    line = ["ntk", "--model", "mlp", "-n", "6", "--json", "--dtype", "float64"]
    assert json.loads(run(*line).out)["passes_error"] is None
    assert "passes" not in run(*line[:-3], "--dtype", "float64").out


@pytest.mark.parametrize("layers", [False, True])
def test_kernels_are_not_replaced(layers: bool, run: Run, tmp_path: Path) -> None:
    (tmp_path / "g.npy").write_text("mine")
    line = ["ntk", "--model", "mlp", "-n", "6", "--out", "g.npy", *["--layers"][: int(layers)]]
    outcome = run(*line)
    assert outcome.code == 1
    assert "g.npy exists already" in outcome.err
    assert ("--resume" in outcome.err) != layers
    assert CALLS == []  # refused before the images are loaded
    assert (tmp_path / "g.npy").read_text() == "mine"


def test_messages_name_options() -> None:
    for said, named in (
        ("g.npy.work is unfinished work already; pass resume=True to go on", "give --resume"),
        ("disk is full; go on with resume=True", "with --resume"),
        ("memory is too small; write the kernel to a file by `out`", "by --out"),
        ("memory must be bytes, got 'x'", "--memory must be"),
        ("device 'abacus' cannot be used here", "--device 'abacus'"),
    ):
        with pytest.raises(RunFileError, match=named), named_options():
            raise RunFileError(said)


MISTAKES = [
    ("", 2, "give a network: --model NAME or --checkpoint FOLDER"),
    ("--model mlp --checkpoint run", 2, "not both"),
    ("--model nope", 2, "'nope'"),
    ("--checkpoint missing", 1, "no training in missing"),
    ("--model mlp --data nope", 2, "'nope'"),
    ("--model mlp --n 0", 2, "--n"),
    ("--model mlp --n many", 2, "'many'"),
    ("--model mlp --seed -1", 2, "-1"),
    ("--model mlp --outputs some", 2, "'some'"),
    ("--model mlp --outputs 1,1", 2, "different"),
    ("--model mlp --outputs 0,5", 2, "got 5"),
    ("--model mlp --outputs=", 2, "got ''"),
    ("--model mlp --dtype half", 2, "'half'"),
    ("--model mlp --dtype mixed --matrix-free", 2, "'mixed'"),
    ("--model mlp --memory 1B", 2, "too little"),
    ("--model mlp --out g.txt", 2, "'g.txt'"),
    ("--model nope --out G.NPY", 2, "'G.NPY'"),
    ("--model mlp --out none/g.npy", 1, "no folder none"),
    ("--model mlp --out none/g.zarr", 1, "no folder none"),
    ("--model mlp --out .npy/", 2, "--out"),
    ("--model mlp --resume", 2, "--out"),
    ("--model mlp --layers --resume --out g.npy", 2, "--resume"),
    ("--model mlp --layers --out g.zarr", 2, ".npy"),
    ("--model mlp --eigenvalues e.txt", 2, "'e.txt'"),
    ("--model mlp --eigenvalues none/e.npy", 1, "no folder none"),
    ("--model mlp --eigenvalues a.npy --out a.npy", 2, "another"),
    ("--model mlp --vectors 3", 2, "--vectors needs --matrix-free"),
    ("--model mlp --steps 3", 2, "--steps needs --matrix-free"),
    ("--model mlp --shift 1", 2, "--shift needs --matrix-free"),
    ("--model mlp --density d.csv", 2, "--density needs --matrix-free"),
    ("--model mlp --matrix-free --out g.npy", 2, "--out is of an assembled kernel"),
    ("--model mlp --matrix-free --eigenvalues e.npy", 2, "--eigenvalues is of an assembled"),
    ("--model mlp --matrix-free --memory 8GB", 2, "--memory is of an assembled"),
    ("--model mlp --matrix-free --layers", 2, "--layers is of an assembled"),
    ("--model mlp --matrix-free --resume", 2, "--resume is of an assembled"),
    ("--model mlp --matrix-free --vectors 1", 2, "--vectors"),
    ("--model mlp --matrix-free --steps 0", 2, "--steps"),
    ("--model mlp --matrix-free --shift -1", 2, "--shift"),
    ("--model mlp --matrix-free --shift one", 2, "'one'"),
    ("--model mlp --matrix-free --density d.npy", 2, "'d.npy'"),
    ("--model mlp --matrix-free --device abacus", 2, "'abacus'"),
    ("mlp", 2, "mlp"),
]


@pytest.mark.parametrize(("line", "code", "text"), MISTAKES, ids=[m[0] for m in MISTAKES])
def test_mistakes(line: str, code: int, text: str, run: Run, tmp_path: Path) -> None:
    outcome = run("ntk", *line.split())
    assert (outcome.code, outcome.out) == (code, "")
    assert outcome.err.startswith("htmu: error: ")
    assert outcome.err.count("\n") == 1
    assert text in outcome.err
    assert list(tmp_path.iterdir()) == []
