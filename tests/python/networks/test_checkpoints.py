"""Folders of trainings: going on, refusals, damage, full disks, kills between two files."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the extra networks is not installed")
pytest.importorskip("safetensors", reason="the extra networks is not installed")

from torch import Tensor, nn  # noqa: E402

from htmu.errors import (  # noqa: E402
    CancelledError,
    ConvergenceError,
    InvalidInputError,
    RunFileError,
    RunLockedError,
    RunSettingsError,
)
from htmu.networks import (  # noqa: E402
    MODELS,
    ImageData,
    Recipe,
    TrainingResult,
    build_model,
    load_checkpoint,
    load_data,
    load_model,
    mlp,
    train,
)


def small(seed: int = 0, initialization: str = "he") -> nn.Module:
    return mlp(3, seed, initialization, width=8, depth=1)


class Noisy(nn.Sequential):
    """Momentum, statistics of batches and dropout: all the state that there is."""

    def __init__(self) -> None:
        from htmu.networks import initialize

        super().__init__(
            nn.Flatten(), nn.Linear(3072, 16), nn.BatchNorm1d(16), nn.Dropout(0.5), nn.Linear(16, 3)
        )
        initialize(self, "he", 1)


def stop_after(steps: int) -> Callable[[], bool]:
    answers = iter([False] * steps)
    return lambda: next(answers, True)


def numbers(result: TrainingResult) -> list[tuple[float, float, float]]:
    return [(record.loss, record.accuracy, record.lr) for record in result.history]


def same(first: nn.Module, second: nn.Module) -> bool:
    other = second.state_dict()
    return all(torch.equal(value, other[name]) for name, value in first.state_dict().items())


@pytest.mark.parametrize("stops", [(1,), (4,), (6, 3, 9), (13, 1, 1)])
def test_stopped_anywhere_it_ends_with_the_same_bits(
    stops: tuple[int, ...], points: ImageData, brief: Recipe, tmp_path: Path
) -> None:
    whole = train(Noisy(), points, brief, keep_spectra=(0, 2))
    out = tmp_path / "run"
    for stop in stops:
        with pytest.raises(CancelledError):
            train(
                Noisy(),
                points,
                brief,
                out=out,
                resume=None,
                keep_spectra=(0, 2),
                cancel=stop_after(stop),
            )
    result = train(Noisy(), points, brief, out=out, resume=True, keep_spectra=(0, 2))
    assert same(result.model, whole.model)
    assert numbers(result) == numbers(whole)
    assert sorted(result.spectra) == [0, 2, 4]
    for epoch, spectra in whole.spectra.items():
        for name, values in spectra.items():
            assert values.tolist() == result.spectra[epoch][name].tolist()
    files = {"checkpoint-000004", "run.json", *(f"spectra-00000{k}.npz" for k in (0, 2, 4))}
    assert set(os.listdir(out)) == files


def test_finished_training_is_given_back(points: ImageData, brief: Recipe, tmp_path: Path) -> None:
    out = tmp_path / "run"
    first = train(Noisy(), points, brief, out=out)
    before = (out / "run.json").read_bytes()
    second = train(Noisy(), points, brief, out=out, resume=True)
    assert same(first.model, second.model)
    assert second.history == first.history
    assert (second.resumed_from, second.stopped) == (4, "epochs")
    assert (out / "run.json").read_bytes() == before


def test_checkpoints_every_few_epochs(points: ImageData, brief: Recipe, tmp_path: Path) -> None:
    out = tmp_path / "run"
    epochs: list[int] = []
    train(
        small(),
        points,
        brief,
        out=out,
        checkpoint_every=3,
        progress=lambda _: epochs.append(load_checkpoint(out).epoch),
    )
    assert sorted(set(epochs)) == [0, 3]
    assert load_checkpoint(out).epoch == 4


def test_what_a_checkpoint_holds(points: ImageData, brief: Recipe, tmp_path: Path) -> None:
    out = tmp_path / "run"
    result = train(small(2, "ntk"), points, brief, out=out)
    checkpoint = load_checkpoint(out)
    assert (checkpoint.epoch, checkpoint.stopped, checkpoint.recipe) == (4, "epochs", brief)
    assert checkpoint.history == result.history
    assert set(checkpoint.optimizer) == {f"{index}.momentum_buffer" for index in range(4)}
    assert len(bytes.fromhex(checkpoint.generators["cpu"])) == torch.get_rng_state().numel()
    assert checkpoint.versions["torch"] == torch.__version__
    model = load_model(out)
    assert same(model, result.model)
    assert not model.training
    state = json.loads((out / "checkpoint-000004" / "state.json").read_text())
    assert state["settings"]["model"]["made"]["options"]["initialization"] == "ntk"


def test_model_of_your_own_is_loaded_by_its_weights(
    points: ImageData, brief: Recipe, tmp_path: Path
) -> None:
    result = train(Noisy(), points, brief, out=tmp_path / "run")
    with pytest.raises(InvalidInputError, match=r"one of your own; give it the weights of load_ch"):
        load_model(tmp_path / "run")
    model = Noisy()
    model.load_state_dict(load_checkpoint(tmp_path / "run").weights)
    assert same(model, result.model)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"recipe": {"batch_size": 15}}, "batch_size was 16, now 15"),
        ({"recipe": {"lr": 0.02}}, "lr was 0.01, now 0.02"),
        ({"recipe": {"epochs": 5}}, "epochs was 4, now 5"),
        ({"recipe": {"seed": 6}}, "seed was 5, now 6"),
        ({"model": small(1)}, "the initial weights are others"),
        ({"model": small(0, "ntk")}, "initialization was he, now ntk"),
        ({"model": mlp(3, width=9, depth=1)}, "width was 8, now 9"),
        ({"data": {"n": 61}}, "points was 60, now 61"),
        ({"data": {"seed": 1}}, "the training images are others"),
        ({"keep_spectra": (1,)}, "spectra_at was [], now [1]"),
    ],
)
def test_other_settings_are_refused(
    change: dict[str, Any], message: str, points: ImageData, brief: Recipe, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    with pytest.raises(CancelledError):
        train(small(), points, brief, out=out, cancel=stop_after(5))
    before = sorted(os.listdir(out))
    data = load_data("gaussian", **{"n": 60, "n_classes": 3, **change.get("data", {})})
    with pytest.raises(RunSettingsError) as caught:
        train(
            change.get("model", small()),
            data,
            brief.replace(**change.get("recipe", {})),
            out=out,
            resume=True,
            keep_spectra=change.get("keep_spectra", ()),
        )
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert sorted(os.listdir(out)) == before


def test_places_that_cannot_be_used(points: ImageData, brief: Recipe, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("")
    run = tmp_path / "run"
    train(small(), points, brief, out=run)
    for out, resume, message in (
        (tmp_path / "file", False, "file is a file; name a folder"),
        (tmp_path / "no" / "run", False, "there is no folder"),
        (tmp_path / "full", None, r"other files \(thesis.tex\); name a new folder"),
        (tmp_path / "new", True, "there is no training in .*new to resume"),
        (tmp_path / "full", True, "there is no training in .*full to resume"),
        (run, False, "holds a training; resume it, remove it or name a new folder"),
    ):
        with pytest.raises(RunFileError, match=message):
            train(small(), points, brief, out=out, resume=resume)
    assert sorted(os.listdir(tmp_path)) == ["file", "full", "run"]


def test_divergence_keeps_the_last_good_checkpoint(points: ImageData, tmp_path: Path) -> None:
    out = tmp_path / "run"
    recipe = Recipe(lr=0.01, batch_size=20, epochs=6)
    model = small()
    steps = iter(range(100))

    def poison(gradient: Tensor) -> Tensor:
        return gradient * torch.nan if next(steps) == 10 else gradient

    torch.Tensor.register_hook(next(model.parameters()), poison)
    with pytest.raises(ConvergenceError, match=r"in epoch 4 at the learning rate 0\.01.*epoch 3"):
        train(model, points, recipe, out=out)
    assert load_checkpoint(out).epoch == 3
    whole = train(small(), points, recipe)
    assert same(train(small(), points, recipe, out=out, resume=True).model, whole.model)


def test_one_writer(points: ImageData, brief: Recipe, tmp_path: Path) -> None:
    out = tmp_path / "run"

    def second(_: object) -> None:
        with pytest.raises(RunLockedError, match="is being written by another run of this process"):
            train(small(), points, brief, out=out, resume=True)

    train(small(), points, brief, out=out, progress=second)
    assert not (out / "run.lock").exists()


HOLDER = """
import sys
from htmu.networks import Recipe, load_data, mlp, train
def wait(_):
    print("held", flush=True)
    sys.stdin.read()
train(mlp(3, width=8, depth=1), load_data("gaussian", n=60, n_classes=3),
      Recipe(lr=0.01, epochs=4), out=sys.argv[1], progress=wait)
"""


def test_another_process_is_named_and_its_lock_dies_with_it(
    points: ImageData, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    recipe = Recipe(lr=0.01, batch_size=60, epochs=4)
    command = [sys.executable, "-c", HOLDER.replace("epochs", "batch_size=60, epochs"), str(out)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(RunLockedError, match=f"written by process {process.pid}"):
            train(small(), points, recipe, out=out, resume=True)
        process.kill()
        process.wait()
    assert train(small(), points, recipe, out=out, resume=True).epochs == 4


@pytest.fixture
def begun(points: ImageData, brief: Recipe, tmp_path: Path) -> Path:
    """A training that was stopped in its third epoch."""
    out = tmp_path / "run"
    with pytest.raises(CancelledError):
        train(Noisy(), points, brief, out=out, cancel=stop_after(9))
    assert load_checkpoint(out).epoch == 2
    return out


@pytest.mark.parametrize("file", ["model.safetensors", "optimizer.safetensors", "state.json"])
@pytest.mark.parametrize("damage", ["flip", "cut", "missing"])
def test_damage_is_one_line(file: str, damage: str, begun: Path) -> None:
    place = begun / "checkpoint-000002" / file
    content = place.read_bytes()
    if damage == "missing":
        place.unlink()
    else:
        flipped = content[:-1] + bytes([content[-1] ^ 1])
        place.write_bytes(content[:-3] if damage == "cut" else flipped)
    with pytest.raises(RunFileError) as caught:
        load_checkpoint(begun)
    message = str(caught.value)
    assert f"({file} is " in message
    assert "remove the folder and train again" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is not that of an htmu training"),
        ("[]", "is not that of an htmu training"),
        ('{"format": "other"}', "is not that of an htmu training"),
        (
            '{"format": "htmu training", "version": 1, "folder": "../a", "files": {"a": "b"}}',
            "is not that of an htmu training",
        ),
        (
            '{"format": "htmu training", "version": 9, "folder": "checkpoint-1", "files": {"": 1}}',
            "a training of format 9, this htmu reads 1",
        ),
    ],
)
def test_foreign_manifests(content: str, message: str, begun: Path) -> None:
    (begun / "run.json").write_text(content)
    with pytest.raises(RunFileError, match=message):
        load_checkpoint(begun)


def test_no_training(tmp_path: Path) -> None:
    with pytest.raises(RunFileError, match="there is no training in"):
        load_checkpoint(tmp_path)


class Killed(BaseException):
    """What no code catches, as a kill."""


#: Calls of the operating system that write a checkpoint: a kill comes before the k-th of one.
MOMENTS = [
    ("mkdir", 1),
    *(("fsync", number) for number in (1, 2, 3, 4)),
    ("rename", 1),
    ("replace", 1),
]


@pytest.mark.parametrize(("call", "number"), MOMENTS)
def test_kill_between_two_files_leaves_the_checkpoint_before(
    call: str,
    number: int,
    begun: Path,
    points: ImageData,
    brief: Recipe,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = train(Noisy(), points, brief)
    real = getattr(os, call)
    count = 0

    def dying(*arguments: Any, **more: Any) -> Any:
        nonlocal count
        # Opening the folder makes it, if it is not there.
        if call == "mkdir" and str(arguments[0]) == str(begun):
            return real(*arguments, **more)
        count += 1
        if count >= number:
            raise Killed
        return real(*arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(os, call, dying)
        # What a kill would leave: nothing is tidied up after it.
        patch.setattr("shutil.rmtree", lambda *_, **__: None)
        patch.setattr(os, "unlink", lambda *_, **__: None)
        with pytest.raises(Killed):
            train(Noisy(), points, brief, out=begun, resume=True)
    assert load_checkpoint(begun).epoch == 2
    result = train(Noisy(), points, brief, out=begun, resume=True)
    assert same(result.model, whole.model)
    assert numbers(result) == numbers(whole)
    assert sorted(os.listdir(begun)) == ["checkpoint-000004", "run.json"]


STARVED = """
import resource, sys
from htmu.errors import RunFileError
from htmu.networks import Recipe, load_data, mlp, train
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
try:
    train(mlp(3, width=8, depth=1), load_data("gaussian", n=60, n_classes=3),
          Recipe(lr=0.01, batch_size=60, epochs=2), out=sys.argv[1], resume=None)
except RunFileError as error:
    print(error)
    sys.exit(1)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs a limit on the size of files")
def test_full_disk_is_one_line_and_keeps_the_checkpoint(points: ImageData, tmp_path: Path) -> None:
    out = tmp_path / "run"
    recipe = Recipe(lr=0.01, batch_size=60, epochs=2)
    with pytest.raises(CancelledError):
        train(small(), points, recipe, out=out, cancel=stop_after(1))
    done = subprocess.run(
        [sys.executable, "-c", STARVED, str(out), "5000"], capture_output=True, text=True
    )
    assert done.returncode == 1, done.stderr
    (line,) = done.stdout.splitlines()
    assert line.startswith(f"cannot write {out}: ")
    assert load_checkpoint(out).epoch == 1
    assert sorted(os.listdir(out)) == ["checkpoint-000001", "run.json"]
    assert train(small(), points, recipe, out=out, resume=True).epochs == 2


@pytest.mark.parametrize("name", MODELS)
def test_each_model_is_trained_and_loaded_again(name: str, tmp_path: Path) -> None:
    options: dict[str, Any] = {"width": 4} if name in ("vgg11", "resnet9", "resnet18") else {}
    model = build_model(name, n_classes=4, seed=2, initialization="ntk", **options)
    data = load_data("gaussian", n=24, n_classes=4)
    recipe = Recipe(lr=0.01, momentum=0.9, batch_size=10, epochs=1)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    train(model, data, recipe, out=tmp_path / "run")
    assert not any(torch.equal(value, before[key]) for key, value in model.named_parameters())
    loaded = load_model(tmp_path / "run")
    with torch.no_grad():
        assert torch.equal(loaded(data.images), model(data.images))


@pytest.mark.parametrize("path", [3, None, 1.5])
def test_path_of_a_training_must_be_one(path: Any) -> None:
    for load in (load_checkpoint, load_model):
        with pytest.raises(InvalidInputError, match="path must be that of a training's folder"):
            load(path)


@pytest.mark.parametrize(
    "change",
    [
        {"files": ["model.safetensors"]},
        {"files": 3},
        {"files": "all"},
        {"folder": 5},
        {"folder": None},
        {"version": None},
        {"version": []},
        {"format": []},
    ],
)
def test_manifest_with_wrong_types(
    change: dict[str, Any], points: ImageData, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    train(small(), points, Recipe(lr=0.01, batch_size=60, epochs=1), out=out)
    manifest = json.loads((out / "run.json").read_text())
    (out / "run.json").write_text(json.dumps({**manifest, **change}))
    with pytest.raises(RunFileError) as caught:
        load_checkpoint(out)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        {"history": 3},
        {"history": [5]},
        {"settings": []},
        {"settings": {"recipe": 5, "model": {"made": None}}},
        {"epoch": "one"},
        {"stopped": []},
    ],
)
def test_state_with_wrong_types(change: dict[str, Any], points: ImageData, tmp_path: Path) -> None:
    out = tmp_path / "run"
    train(small(), points, Recipe(lr=0.01, batch_size=60, epochs=1), out=out)
    manifest = json.loads((out / "run.json").read_text())
    place = out / manifest["folder"] / "state.json"
    content = json.dumps({**json.loads(place.read_text()), **change}).encode()
    place.write_bytes(content)
    manifest["files"]["state.json"] = hashlib.sha256(content).hexdigest()
    (out / "run.json").write_text(json.dumps(manifest))
    for load in (load_checkpoint, load_model):
        with pytest.raises(RunFileError, match="its parts do not fit") as caught:
            load(out)
        assert "\n" not in str(caught.value)
