"""A training whose process is killed goes on to the same bits."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the extra networks is not installed")
pytest.importorskip("safetensors", reason="the extra networks is not installed")

from htmu.networks import load_checkpoint  # noqa: E402

#: Batch norm, dropout, momentum and a cosine; a step takes a while, so that kills fall into epochs.
PROGRAM = """
import sys, time
from torch import nn
from htmu.networks import Recipe, initialize, load_data, train
model = nn.Sequential(
    nn.Conv2d(3, 8, 3, stride=4), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Dropout(0.3),
    nn.Linear(512, 10),
)
initialize(model, "he", 3)
pause = float(sys.argv[2])
def step():
    print("step", flush=True)
    time.sleep(pause)
train(
    model, load_data("gaussian", n=90),
    Recipe(lr=0.01, momentum=0.9, schedule="cosine", batch_size=16, epochs=24, seed=2),
    out=sys.argv[1], resume=None, keep_spectra=(0, 3), cancel=step,
)
"""
STEPS = 6  # an epoch
KILLS = 3


def start(out: Path, pause: float) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(out), str(pause)], stdout=subprocess.PIPE, text=True
    )


def finish(out: Path, patch: pytest.MonkeyPatch) -> None:
    """Run the program to its end, in this process."""
    patch.setattr(sys, "argv", ["", str(out), "0"])
    exec(PROGRAM, {})


@pytest.mark.skipif(os.name != "posix", reason="needs kill -9")
def test_killed_training_ends_with_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish(tmp_path / "whole", monkeypatch)
    out = tmp_path / "run"
    moments = random.Random(4)
    reached = []
    for kill in range(KILLS):
        with start(out, 0.03) as process:
            assert process.stdout is not None
            # Past one checkpoint at least, then in the middle of an epoch or of a checkpoint.
            for _ in range(STEPS + 1 + kill % 3):
                assert process.stdout.readline() == "step\n"
            time.sleep(moments.uniform(0, 0.05))
            process.kill()
            assert process.wait() == -signal.SIGKILL
        reached.append(load_checkpoint(out).epoch)
    assert reached == sorted(set(reached)), "no progress between two kills"
    assert 0 < reached[-1] < 24
    finish(out, monkeypatch)
    first, second = load_checkpoint(tmp_path / "whole"), load_checkpoint(out)
    assert first.weights.keys() == second.weights.keys()
    for name, value in first.weights.items():
        assert torch.equal(value, second.weights[name]), name
    for name, value in first.optimizer.items():
        assert torch.equal(value, second.optimizer[name]), name
    assert first.generators == second.generators
    assert [(r.loss, r.accuracy, r.lr) for r in first.history] == [
        (r.loss, r.accuracy, r.lr) for r in second.history
    ]
    names = sorted(os.listdir(out))
    assert names == sorted(os.listdir(tmp_path / "whole"))
    for name in names:
        if name.startswith("spectra"):
            assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
