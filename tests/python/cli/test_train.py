"""``htmu train``: runs, their folders, going on with them, and refusals."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the extra networks is not installed")
for package in ("safetensors", "sklearn"):
    pytest.importorskip(package, reason="the extra networks is not installed")

from htmu.cli.training_progress import status_text  # noqa: E402
from htmu.networks import RECIPES, TrainingProgress, load_checkpoint, load_spectra  # noqa: E402

Run = Callable[..., Any]

#: A few epochs of a small network on synthetic data.
BRIEF = (
    *("train", "--recipe", "figure1", "--model", "mlp", "--width", "8", "--depth", "1"),
    *("--data", "gaussian", "--classes", "3", "--n", "60", "--batch-size", "20"),
    *("--epochs", "3", "--lr", "0.01"),
)


def test_digits_are_learnt_by_a_small_network(run: Run, tmp_path: Path) -> None:
    outcome = run(
        *("train", "--model", "lenet", "--initialization", "ntk", "--n", "200", "--test"),
        *("--batch-size", "20", "--lr", "0.01", "--momentum", "0.9", "--schedule", "constant"),
        *("--epochs", "60", "--loss-below", "0.01", "--spectra-at", "0,2", "--out", "run/"),
    )
    assert outcome.code == 0, outcome.err
    lines = outcome.out.splitlines()
    assert lines[0] == "figure1: lenet with 62,006 parameters on 200 images of digits"
    assert lines[1] == (
        "learning rate 0.01 (constant), batch 20, momentum 0.9, weight decay 0, seed 0, "
        f"{'cuda' if torch.cuda.is_available() else 'cpu'}"
    )
    assert "(loss below its limit): training loss 0.0" in lines[2]
    assert "accuracy 100.00 %; test loss" in lines[2]
    assert lines[3].endswith("saved in run/")
    last = load_checkpoint("run").epoch
    assert sorted(os.listdir("run")) == sorted(
        [f"checkpoint-{last:06}", "run.json", *(f"spectra-{k:06}.npz" for k in (0, 2, last))]
    )
    assert list(load_spectra("run/spectra-000002.npz")) == ["conv1", "conv2", "fc1", "fc2", "fc3"]
    assert outcome.err.startswith("epoch 1/60, loss ")
    assert "\x1b" not in outcome.err


def test_flags_of_every_setting(run: Run) -> None:
    outcome = run(
        *(*BRIEF, "--momentum", "0.5", "--weight-decay", "0.01", "--schedule", "constant"),
        *("--loss-below", "1e-9", "--no-deterministic", "--seed", "4", "--data-seed", "2"),
        *("--initialization", "ntk", "--normalization", "dataset", "--separation", "5"),
        *("--checkpoint-every", "2", "--device", "cpu", "--threads", "1", "--out", "run", "-q"),
    )
    assert outcome.code == 0, outcome.err
    assert outcome.err == ""
    (line,) = outcome.out.splitlines()
    assert line.startswith("3 epochs (all epochs): training loss ")
    checkpoint = load_checkpoint("run")
    assert checkpoint.recipe == RECIPES["figure1"].replace(
        lr=0.01,
        momentum=0.5,
        weight_decay=0.01,
        schedule="constant",
        batch_size=20,
        epochs=3,
        loss_below=1e-9,
        seed=4,
        n=60,
        deterministic=False,
    )
    assert checkpoint.n_threads == 1
    assert checkpoint.settings["model"]["made"] == {
        "name": "mlp",
        "options": {"n_classes": 3, "width": 8, "depth": 1, "seed": 4, "initialization": "ntk"},
    }
    source = checkpoint.settings["data"]["source"]
    assert (source["seed"], source["normalization"], source["separation"]) == (2, "dataset", 5.0)


def test_json(run: Run) -> None:
    outcome = run(*BRIEF, "--out", "run", "--json", "--quiet", "--test")
    value = json.loads(outcome.out)
    assert (value["model"], value["data"]["name"], value["epochs"]) == ("mlp", "gaussian", 3)
    assert [record["epoch"] for record in value["history"]] == [1, 2, 3]
    assert 0 <= value["test_accuracy"] <= 1


def test_recipes_of_the_paper(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the two names stand for, without the training itself."""
    import htmu.networks

    seen: list[Any] = []

    def stop(*arguments: Any, **more: Any) -> None:
        seen.append((arguments, more))
        raise KeyboardInterrupt

    monkeypatch.setattr(htmu.networks, "train", stop)
    for recipe in ("figure1", "figure2"):
        run("train", "--recipe", recipe, "--batch-size", "50")
    (model, data, plan), more = seen[0]
    assert sum(parameter.numel() for parameter in model.parameters()) == 4_903_242
    assert (len(data), data.name, data.normalization) == (1000, "digits", "image")
    assert plan == RECIPES["figure1"].replace(batch_size=50)
    assert more["out"] == "figure1-resnet9-digits"
    (model, data, plan), more = seen[1]
    assert sum(parameter.numel() for parameter in model.parameters()) == 3_195_586
    assert len(data) == 1500
    assert plan == RECIPES["figure2"].replace(batch_size=50)
    assert plan.learning_rate == 0.04


def test_same_command_and_folder_alone_go_on(run: Run) -> None:
    first = run(*BRIEF, "--out", "run", "--quiet")
    assert run(*BRIEF, "--out", "run", "--quiet").out == first.out
    again = run("train", "--out", "run", "--resume")
    assert again.code == 0, again.err
    assert again.out.splitlines()[0].startswith("stored recipe: mlp with 24,611 parameters")
    assert "gone on from epoch 3" in again.out
    assert again.out.splitlines()[2] == first.out.strip()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--epochs", "4"), "epochs was 3, now 4"),
        (("--seed", "1"), "seed was 0, now 1"),
        (("--data-seed", "1"), "seed was 0, now 1"),
        (("--width", "9"), "width was 8, now 9"),
        (("--normalization", "none"), "normalization was image, now none"),
        (("--spectra-at", "1"), "spectra_at was [], now [1]"),
    ],
)
def test_other_settings_are_refused(run: Run, more: tuple[str, ...], message: str) -> None:
    run(*BRIEF, "--out", "run", "--quiet")
    for command in ((*BRIEF, *more), ("train", *more)):
        outcome = run(*command, "--out", "run")
        assert outcome.code == 2
        (line,) = outcome.err.splitlines()
        assert "run was started with other settings" in line
        assert message in line


def test_another_network_is_refused(run: Run) -> None:
    run(*BRIEF, "--out", "run", "--quiet")
    outcome = run("train", "--model", "lenet", "--out", "run")
    assert outcome.code == 2
    assert "name was mlp, now lenet" in outcome.err


def test_resume_flag(run: Run) -> None:
    outcome = run(*BRIEF, "--out", "run", "--resume")
    assert outcome.code == 1
    assert "there is no training in run to resume" in outcome.err
    run(*BRIEF, "--out", "run", "--quiet")
    outcome = run(*BRIEF, "--out", "run", "--no-resume")
    assert outcome.code == 1
    assert "run holds a training; resume it" in outcome.err


BAD = [
    (("--recipe", "figure3"), 2, "--recipe must be one of 'figure1', 'figure2'"),
    (("--model", "alexnet"), 2, "model must be one of"),
    (("--data", "imagenet"), 2, "--data must be one of"),
    (("--batch-size", "0"), 2, "batch_size must be an integer from 1"),
    (("--batch-size", "ten"), 2, "expected an integer, got 'ten'"),
    (("--batch-size", "61"), 2, "batch_size is 61, but there are only 60 points"),
    (("--lr", "0"), 2, "lr must be"),
    (("--lr", "-1"), 2, "lr must be"),
    (("--lr", "nan"), 2, "lr must be"),
    (("--lr-over-batch", "2"), 2, "either --lr or --lr-over-batch"),
    (("--epochs", "0"), 2, "epochs must be an integer from 1"),
    (("--momentum", "1"), 2, "momentum must be"),
    (("--schedule", "step"), 2, "schedule must be one of"),
    (("--n", "0"), 2, "n must be an integer at least 1"),
    (("--data", "digits", "--n", "1501"), 2, "--classes is for gaussian data"),
    (("--seed", "-1"), 2, "seed must be"),
    (("--width", "0"), 2, "width must be an integer"),
    (("--model", "lenet"), 2, "'lenet' has no option"),
    (("--normalization", "unit"), 2, "normalization must be one of"),
    (("--initialization", "xavier"), 2, "initialization must be one of"),
    (("--separation", "-1"), 2, "--separation must be"),
    (("--classes", "1"), 2, "n_classes must be an integer from 2"),
    (("--spectra-at", "a"), 2, "--spectra-at is a comma-separated list of integers"),
    (("--spectra-at", "4"), 2, "--spectra-at must be an integer from 0 to 3"),
    (("--checkpoint-every", "0"), 2, "--checkpoint-every must be"),
    (("--threads", "0"), 2, "n_threads must be"),
    (("--device", "tpu"), 2, "device must be one of"),
    (("--out", ""), 2, "--out must name a folder"),
    (("--out", "file"), 1, "file is a file; name a folder"),
    (("--out", "no/run"), 1, "there is no folder no; make it first"),
    (("--out", "full"), 1, "holds no training but other files"),
]


@pytest.mark.parametrize(("more", "code", "message"), BAD, ids=[" ".join(row[0]) for row in BAD])
def test_nonsense_is_one_line(
    run: Run, tmp_path: Path, more: tuple[str, ...], code: int, message: str
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("")
    outcome = run(*BRIEF, "--out", "run", *more)
    assert outcome.code == code
    assert outcome.out == ""
    (line,) = outcome.err.splitlines()
    assert line.startswith("htmu: error: ")
    assert message in line
    assert sorted(os.listdir()) == ["file", "full"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--n", "1501"), 2, "n is 1501, but the training split of 'digits' has 1500"),
        (("--data", "cifar10", "--data-dir", "nothing"), 1, "absent or damaged in 'nothing'"),
        (("--device", "cuda"), 2, "device 'cuda' is not there"),
    ],
)
def test_what_this_machine_lacks_is_one_line(
    run: Run, arguments: tuple[str, ...], code: int, message: str
) -> None:
    if "cuda" in arguments and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    if "cifar10" in arguments:
        from htmu.networks.torchvision_data import import_torchvision

        try:
            import_torchvision()
        except ImportError:
            pytest.skip("the extra networks is not installed")
    outcome = run("train", "--model", "lenet", *arguments)
    assert outcome.code == code
    (line,) = outcome.err.splitlines()
    assert message in line
    assert os.listdir() == []


def test_divergence_is_one_line(run: Run) -> None:
    outcome = run(*BRIEF, "--lr", "1e30", "--out", "run", "--quiet")
    assert outcome.code == 1
    (line,) = outcome.err.splitlines()
    assert "in epoch 1 at the learning rate 1e+30" in line
    assert "epoch 0 is saved in run" in line


def test_training_from_python_is_not_gone_on_with_here(run: Run) -> None:
    from htmu.networks import Recipe, image_data, mlp, train

    data = image_data(torch.rand(8, 3, 32, 32), torch.arange(8) % 2)
    train(mlp(2, width=4), data, Recipe(lr=0.1, batch_size=4, epochs=1), out="run")
    outcome = run("train", "--out", "run")
    assert outcome.code == 2
    assert "of a network or of data of your own; go on with it in Python" in outcome.err


def test_interrupt_says_how_to_go_on(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import htmu.networks.loop

    real = htmu.networks.loop.Training._epoch

    def interrupted(self: Any, epoch: int, *rest: Any) -> Any:
        if epoch == 2:
            raise KeyboardInterrupt
        return real(self, epoch, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(htmu.networks.loop.Training, "_epoch", interrupted)
        outcome = run(*BRIEF, "--out", "my run", "--quiet")
        elsewhere = run(*BRIEF, "--out", "other", "--data-dir", "my data", "--quiet")
    assert outcome.code == 130
    assert outcome.err == (
        "htmu: interrupted; epoch 2 of 3 is saved in my run; go on with: "
        "htmu train --out 'my run'\n"
    )
    assert elsewhere.err.endswith("htmu train --out other --data-dir 'my data'\n")
    assert run("train", "--out", "my run", "--quiet").code == 0


@pytest.mark.skipif(os.name != "posix", reason="needs kill -9")
def test_killed_command_goes_on(run: Run, command: list[str], tmp_path: Path) -> None:
    line = [*BRIEF, "--epochs", "300", "--checkpoint-every", "5"]
    with subprocess.Popen(
        [*command, *line, "--out", "run"], stderr=subprocess.PIPE, text=True, cwd=tmp_path
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("epoch 1/300, ")
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert load_checkpoint("run").epoch < 300
    assert run("train", "--out", "run", "--quiet").code == 0
    assert run(*line, "--out", "whole", "--quiet").code == 0
    killed, whole = load_checkpoint("run"), load_checkpoint("whole")
    assert killed.epoch == whole.epoch == 300
    for name, value in whole.weights.items():
        assert torch.equal(value, killed.weights[name])


def test_status_line() -> None:
    progress = TrainingProgress(3, 200, 8, 16, 0.123456, 0.875, 0.05, 10.0, 75.0)
    assert status_text(progress) == "epoch 3/200, loss 0.1235, accuracy 87.5 %, at most 1:15 left"


BLOCKED = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ImportError(name)
sys.meta_path.insert(0, Block())
from htmu.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_without_pytorch_help_works_and_training_is_one_line(tmp_path: Path) -> None:
    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", BLOCKED, *arguments]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)

    assert call("train", "--help").returncode == 0
    done = call("train")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line == (
        "htmu: error: networks need PyTorch, which is not installed; "
        'run: pip install "htmu[networks]"'
    )


def test_live_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is drawn on a terminal: a bar, and the status line."""
    from rich.console import Console

    from htmu.cli import training_progress

    stream = io.StringIO()
    screen = Console(file=stream, force_terminal=True, width=100)
    monkeypatch.setattr(training_progress, "console", lambda **_: screen)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with training_progress.training_reporter(quiet=False) as report:
        assert report is not None
        report(TrainingProgress(3, 200, 8, 16, 0.123456, 0.875, 0.05, 10.0, 75.0))
    assert "epoch 3/200, loss 0.1235, accuracy 87.5 %" in stream.getvalue()
