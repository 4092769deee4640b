"""Kernels in files: the same numbers, resumable after kill -9, and clear refusals."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra networks is not installed")
from torch import nn  # noqa: E402

from htmu.errors import RunFileError, RunLockedError, RunSettingsError  # noqa: E402
from htmu.ntk import GramProgress, gram, memory  # noqa: E402


def network(seed: int = 1) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Conv2d(6, 4, 3), nn.Flatten(), nn.Linear(64, 3)
    )


def samples(n: int = 10) -> Any:
    return torch.randn(n, 3, 8, 8, generator=torch.Generator().manual_seed(2))


@pytest.fixture(params=[(4, 1), (4, 2), (10, 2)], ids=["strips-1", "strips-2", "whole-2"])
def in_strips(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """(Samples of a strip, layers of a group); everything is saved, layers are in pieces."""
    block, layers = request.param

    class Small(memory.Schedule):
        def _fits(self, group: Any) -> bool:
            return bool(len(group) <= layers)

    def schedule(needs: Any, parts: Any, limit: float, fixed: int | None = None) -> Any:
        return Small(block, 2, 10**6, 0.0, 1 if block == 10 else 2, needs)

    monkeypatch.setattr("htmu.ntk.assembly.make_schedule", schedule)
    monkeypatch.setattr("htmu.ntk.assembly._SAVE_SECONDS", 0.0)
    monkeypatch.setattr("htmu.ntk.plan.choose_method", lambda *_: "explicit")
    monkeypatch.setattr("htmu.ntk.plan.explicit_is_smaller", lambda *_: False)
    monkeypatch.setattr("htmu.ntk.plan._PIECE", 1e5)
    return request.param


class StopError(Exception):
    pass


def stopped(model: Any, x: Any, out: Path, calls: int, **options: Any) -> None:
    """Work that ends by an exception after some parts."""
    left = calls

    def progress(_: GramProgress) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise StopError

    with pytest.raises(StopError):
        gram(model, x, out=out, progress=progress, **options)


@pytest.mark.parametrize("suffix", [".npy", ".zarr"])
@pytest.mark.parametrize("dtype", ["mixed", "float32"])
def test_file_holds_the_kernel(
    tmp_path: Path, suffix: str, dtype: str, in_strips: tuple[int, int]
) -> None:
    if suffix == ".zarr":
        pytest.importorskip("zarr", reason="zarr is not installed")
    model, x = network(), samples()
    out = tmp_path / f"kernel{suffix}"
    found = gram(model, x, out=out, dtype=dtype, scaled=True)
    expected = gram(model, x, dtype=dtype, scaled=True)
    assert found.dtype == expected.dtype
    assert np.allclose(np.asarray(found[:]), expected, rtol=1e-5 if dtype == "float32" else 1e-12)
    assert (np.asarray(found[:]) == np.asarray(found[:]).T).all()
    assert {p.name for p in tmp_path.iterdir()} == {out.name, f"{out.name}.json"}
    again = gram(model, x, out=out, dtype=dtype, scaled=True, resume=True)
    assert (np.asarray(again[:]) == np.asarray(found[:])).all()


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.45, 0.55, 0.8, 0.95])
def test_stopped_work_goes_on_to_the_same_bits(
    tmp_path: Path, share: float, in_strips: tuple[int, int]
) -> None:
    model, x = network(), samples()
    every: list[float] = []
    whole = gram(
        model, x, out=tmp_path / "whole.npy", progress=lambda state: every.append(state.fraction)
    )
    out = tmp_path / "kernel.npy"
    calls = 1 + int(share * len(every))
    stopped(model, x, out, calls)
    assert not out.exists()
    seen: list[float] = []
    found = gram(model, x, out=out, resume=True, progress=lambda state: seen.append(state.fraction))
    assert (found == whole).all()
    assert not seen or seen[-1] == pytest.approx(1)
    # What is done again: at most the tiles of one group, or the piece of the call that stopped.
    block, layers = in_strips
    again = 1 if block == 10 else layers * len(every) // 4
    assert len(every) - calls <= len(seen) <= len(every) - calls + again


def test_a_kill_at_any_moment_costs_no_correctness(tmp_path: Path) -> None:
    """kill -9 at several moments of one assembly, each resumed by the next process."""
    program = tmp_path / "program.py"
    program.write_text(
        "import sys, time, torch\n"
        "from torch import nn\n"
        "import htmu.ntk.assembly as assembly\n"
        "from htmu.ntk import gram, memory\n"
        "class Single(memory.Schedule):\n"
        "    def _fits(self, group):\n"
        "        return len(group) <= 1\n"
        "assembly.make_schedule = lambda n, p, l, b=None: Single(4, 2, 10**6, 0.0, 2, n)\n"
        "assembly._SAVE_SECONDS = 0.0\n"
        "torch.set_num_threads(1)\n"
        "torch.manual_seed(1)\n"
        "model = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Conv2d(6, 4, 3), nn.Flatten(),\n"
        "    nn.Linear(64, 3))\n"
        "x = torch.randn(10, 3, 8, 8, generator=torch.Generator().manual_seed(2))\n"
        "def progress(state):\n"
        "    print(state.fraction, flush=True)\n"
        "    time.sleep(0.02)\n"
        "gram(model, x, out=sys.argv[1], resume=True, progress=progress)\n"
    )
    out = tmp_path / "kernel.npy"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    command = [sys.executable, str(program), str(out)]
    for lines in (3, 5):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
        assert process.stdout is not None
        for _ in range(lines):
            assert process.stdout.readline()
        time.sleep(0.003 * lines)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        assert not out.exists()
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    expected = gram(network(), samples())
    assert np.allclose(np.load(out), expected, rtol=1e-12, atol=0)
    assert {p.name for p in tmp_path.iterdir()} == {"program.py", out.name, f"{out.name}.json"}


def test_a_kill_between_strip_and_journal(tmp_path: Path, in_strips: tuple[int, int]) -> None:
    """A strip half written, which the journal does not name, is written anew."""
    model, x = network(), samples()
    seen: list[float] = []
    whole = gram(
        model, x, out=tmp_path / "whole.npy", progress=lambda state: seen.append(state.fraction)
    )
    out = tmp_path / "kernel.npy"
    if in_strips[0] == 10:
        return  # there is one strip only
    stopped(model, x, out, len(seen) // 2 + 2)  # the first strip is half of the tiles
    array = np.load(f"{out}.work/kernel.npy", mmap_mode="r+")
    array[12:24, 12:] = -1.0
    array.flush()
    assert json.loads((tmp_path / "kernel.npy.work/journal.json").read_text())["done"] == [0]
    assert (gram(model, x, out=out, resume=True) == whole).all()


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"outputs": "trace"}, "outputs"),
        ({"dtype": "float64"}, "dtype"),
        ({"scaled": True}, "scaled"),
        ({"parameters": "0"}, "parameters"),
    ],
)
def test_other_options_are_refused(
    tmp_path: Path, change: dict[str, Any], name: str, in_strips: tuple[int, int]
) -> None:
    model, x = network(), samples()
    out = tmp_path / "kernel.npy"
    stopped(model, x, out, 5)
    with pytest.raises(RunSettingsError, match=f"another {name}|another size"):
        gram(model, x, out=out, resume=True, **change)
    gram(model, x, out=out, resume=True)
    with pytest.raises(RunSettingsError, match=f"another {name}|another size"):
        gram(model, x, out=out, resume=True, **change)


def test_other_models_and_samples_are_refused(tmp_path: Path) -> None:
    out = tmp_path / "kernel.npy"
    gram(network(), samples(), out=out)
    with pytest.raises(RunSettingsError, match="another model"):
        gram(network(2), samples(), out=out, resume=True)
    with pytest.raises(RunSettingsError, match="another x"):
        gram(network(), samples(9), out=out, resume=True)


def test_earlier_work_is_not_overwritten(tmp_path: Path, in_strips: tuple[int, int]) -> None:
    out = tmp_path / "kernel.npy"
    stopped(network(), samples(), out, 5)
    with pytest.raises(RunFileError, match="resume=True"):
        gram(network(), samples(), out=out)
    gram(network(), samples(), out=out, resume=True)
    with pytest.raises(RunFileError, match="exists already"):
        gram(network(), samples(), out=out)


def test_a_full_disk_is_one_line_and_keeps_the_work(
    tmp_path: Path, in_strips: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, x = network(), samples()
    out = tmp_path / "kernel.npy"

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", full)
        with pytest.raises(RunFileError, match="No space left") as caught:
            gram(model, x, out=out)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())

    every: list[float] = []
    whole = gram(model, x, out=tmp_path / "whole.npy", progress=lambda s: every.append(s.fraction))
    stopped(model, x, out, 3 * len(every) // 4)
    with monkeypatch.context() as patch:
        patch.setattr(np, "save", full)
        with pytest.raises(RunFileError, match="No space left") as caught:
            gram(model, x, out=out, resume=True)
    assert "\n" not in str(caught.value)
    seen: list[float] = []
    found = gram(model, x, out=out, resume=True, progress=lambda s: seen.append(s.fraction))
    assert (found == whole).all()
    assert len(seen) < 0.6 * len(every)


def test_one_writer_at_a_time(tmp_path: Path, in_strips: tuple[int, int]) -> None:
    pytest.importorskip("fcntl", reason="no file locks of this kind")
    out = tmp_path / "kernel.npy"
    refused: list[str] = []

    def progress(_: GramProgress) -> None:
        if not refused:
            with pytest.raises(RunLockedError) as caught:
                gram(network(), samples(), out=out, resume=True)
            refused.append(str(caught.value))

    gram(network(), samples(), out=out, progress=progress)
    assert "is being written by another run of this process" in refused[0]


def test_damaged_journals_and_bad_places_are_refused(
    tmp_path: Path, in_strips: tuple[int, int]
) -> None:
    out = tmp_path / "kernel.npy"
    stopped(network(), samples(), out, 5)
    (tmp_path / "kernel.npy.work/journal.json").write_text("{")
    with pytest.raises(RunFileError, match="cannot be read"):
        gram(network(), samples(), out=out, resume=True)
    with pytest.raises(RunFileError, match="no folder"):
        gram(network(), samples(), out=tmp_path / "none" / "kernel.npy")


class Scaled(nn.Module):
    """A number that is no parameter, buffer or part of the module's text."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.linear, self.factor = nn.Linear(4, 2), factor

    def forward(self, x: Any) -> Any:
        return self.factor * self.linear(x)


def test_a_model_that_differs_in_a_plain_number_is_another(tmp_path: Path) -> None:
    x = torch.randn(5, 4)
    out = tmp_path / "kernel.npy"
    found = np.array(gram(Scaled(1.0), x, out=out))
    with pytest.raises(RunSettingsError, match="other outputs or gradients"):
        gram(Scaled(1.001), x, out=out, resume=True)
    again = gram(Scaled(1.0 + 1e-9), x, out=out, resume=True)
    assert (again == found).all()


@pytest.mark.parametrize("resume", [False, True])
def test_another_file_of_the_description_s_name_is_left_alone(tmp_path: Path, resume: bool) -> None:
    about = tmp_path / "kernel.npy.json"
    about.write_text("mine")
    with pytest.raises(RunFileError, match=r"kernel\.npy\.json exists already"):
        gram(nn.Linear(4, 2), torch.randn(5, 4), out=tmp_path / "kernel.npy", resume=resume)
    assert about.read_text() == "mine"
    assert [p.name for p in tmp_path.iterdir()] == [about.name]
