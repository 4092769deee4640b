"""Run files: what they hold, and what is refused as foreign, damaged or in use."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from htmu.errors import InvalidInputError, RunError, RunFileError, RunLockedError
from htmu.sweeps import CellResult, Grid, SweepResult, SweepSettings, sweep
from htmu.sweeps.store import RunStore, read_run

GRID = Grid("block-diagonal", m=[2, 3], n=[2, 3], alpha=[1.0])
SETTINGS = SweepSettings(0.1, 0.95, "selberg", "weight", 0, 10**6)


def result_of(index: int, **changes: Any) -> CellResult:
    cell = list(GRID)[index]
    result = CellResult(
        structure=cell.structure,
        m=cell.m,
        n=cell.n,
        alpha=cell.alpha,
        block_beta=cell.block_beta,
        kappa=0.1 + index,
        stderr=1e-3,
        lower=0.0,
        upper=float("inf"),
        beta=1e-300,
        n_samples=2**62,
        n_steps=3,
        converged=bool(index % 2),
        variance_reduction=7.5,
        seed=2**63 - 1,
        version="0",
        cpu="µ",
        elapsed=0.5,
        finished_at="2026-01-01T00:00:00+00:00",
    )
    return replace(result, **changes)


@pytest.fixture
def run(tmp_path: Path) -> str:
    """Finished run with two cells."""
    path = str(tmp_path / "run.htmu")
    with RunStore(path, GRID, SETTINGS) as store:
        store.save(result_of(0))
        store.save(result_of(3))
    return path


def test_rows_come_back_exactly(run: str) -> None:
    stored = read_run(run)
    assert (stored.grid, stored.settings) == (GRID, SETTINGS)
    assert list(stored.results.values()) == [result_of(0), result_of(3)]


def test_nan_comes_back_as_nan(tmp_path: Path) -> None:
    path = tmp_path / "run.htmu"
    nan = float("nan")
    with RunStore(path, GRID, SETTINGS) as store:
        store.save(result_of(0, stderr=nan, variance_reduction=nan))
    (result,) = read_run(path).results.values()
    assert repr(result) == repr(result_of(0, stderr=nan, variance_reduction=nan))


def test_closed_run_is_one_plain_file(run: str, tmp_path: Path) -> None:
    assert os.listdir(tmp_path) == ["run.htmu"]
    with closing(sqlite3.connect(run)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        rows = connection.execute("SELECT m, n, alpha, kappa FROM cells ORDER BY m, n").fetchall()
    assert rows == [(2, 2, 1.0, 0.1), (3, 3, 1.0, 3.1)]


def test_reader_sees_a_run_that_is_being_written(tmp_path: Path) -> None:
    path = tmp_path / "run.htmu"
    with RunStore(path, GRID, SETTINGS) as store:
        assert len(read_run(path).results) == 0
        store.save(result_of(0))
        assert len(read_run(path).results) == 1


def test_writer_closes_under_a_reader(tmp_path: Path) -> None:
    path = tmp_path / "run.htmu"
    store = RunStore(path, GRID, SETTINGS)
    store.save(result_of(0))
    with closing(sqlite3.connect(path)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM cells").fetchall()
        store.close()
    assert len(read_run(path).results) == 1
    with RunStore(path, GRID, SETTINGS) as again:
        assert len(again.results) == 1


def test_second_writer_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.htmu"
    with (
        RunStore(path, GRID, SETTINGS),
        pytest.raises(RunLockedError, match=r"run\.htmu is being written by"),
    ):
        RunStore(path, GRID, SETTINGS)


def test_failed_save_leaves_the_earlier_rows(run: str) -> None:
    with RunStore(run, GRID, SETTINGS) as store:
        with pytest.raises(RunFileError):
            store.save(result_of(0))  # there already
        store.save(result_of(1))
    assert len(read_run(run).results) == 3


def test_empty_file_is_no_run_to_read_and_a_new_one_to_write(tmp_path: Path) -> None:
    path = tmp_path / "run.htmu"
    path.touch()
    with pytest.raises(RunFileError, match="is not an htmu run"):
        read_run(path)
    with RunStore(path, GRID, SETTINGS, resume=False) as store:
        store.save(result_of(0))
    assert len(read_run(path).results) == 1


def foreign_text(path: Path) -> None:
    path.write_text("m,n,alpha,kappa\n3,3,1,2.1\n" * 100)


def foreign_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE cells (key TEXT)")


def newer_format(path: Path) -> None:
    with RunStore(path, GRID, SETTINGS):
        pass
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


def lost_table(path: Path) -> None:
    with RunStore(path, GRID, SETTINGS):
        pass
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE cells")


def changed(statement: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        with RunStore(path, GRID, SETTINGS) as store:
            store.save(result_of(0))
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(statement)
            connection.commit()

    return make


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (foreign_text, "is not an htmu run; name another file"),
        (foreign_database, "is not an htmu run; name another file"),
        (newer_format, "has format 99"),
        (lost_table, "is damaged (no such table: cells)"),
        (changed("DELETE FROM meta WHERE name = 'grid'"), "is damaged"),
        (changed("UPDATE meta SET value = '[1, 2]'"), "is damaged"),
        (changed("UPDATE meta SET value = 'x'"), "is damaged"),
        (changed("UPDATE cells SET kappa = 'many'"), "is damaged (kappa is 'many')"),
        (changed("UPDATE cells SET m = 7"), "is damaged"),
        (changed("UPDATE cells SET structure = 'none'"), "is damaged"),
    ],
)
def test_foreign_and_damaged_files_are_refused_and_left_alone(
    make: Callable[[Path], None], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "run.htmu"
    make(path)
    before = path.read_bytes()
    with pytest.raises(RunFileError) as caught:
        SweepResult.load(path)
    assert message in str(caught.value)
    with pytest.raises(RunFileError) as caught:
        sweep(m=[2, 3], n=[2, 3], alpha=1, tol=0.1, max_samples=10**6, out=path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["run.htmu"]


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("intact") / "run.htmu"
    sweep(m=[2, 3, 4], n=[2, 3, 4], alpha=[1, 2], tol=0.2, out=path)
    return path


def outcome(call: Callable[[], SweepResult]) -> str:
    """Line of the refusal, or of the result."""
    try:
        return repr(call())
    except RunError as error:
        return str(error)


@given(st.floats(0, 1, exclude_max=True))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_truncated_run_is_refused(intact: Path, share: float) -> None:
    size = int(share * intact.stat().st_size)
    damaged = intact.with_name("truncated.htmu")
    damaged.write_bytes(intact.read_bytes()[:size])
    with pytest.raises(RunFileError):
        SweepResult.load(damaged)
    if size:
        with pytest.raises(RunFileError):
            sweep(m=[2, 3, 4], n=[2, 3, 4], alpha=[1, 2], tol=0.2, out=damaged)
    assert damaged.stat().st_size == size


@given(st.integers(0, 10**9), st.binary(min_size=1, max_size=64))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_overwritten_bytes_never_end_in_a_traceback(intact: Path, place: int, junk: bytes) -> None:
    content = bytearray(intact.read_bytes())
    place %= len(content)
    content[place : place + len(junk)] = junk
    damaged = intact.with_name("overwritten.htmu")
    damaged.write_bytes(content[: intact.stat().st_size])
    lines = [
        outcome(lambda: SweepResult.load(damaged)),
        outcome(lambda: sweep(m=[2, 3, 4], n=[2, 3, 4], alpha=[1, 2], tol=0.2, out=damaged)),
    ]
    assert all(line and "\n" not in line for line in lines)


def test_places_that_cannot_hold_a_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    places = [
        (str(tmp_path), "name a file", "it is a folder; name a run file"),
        ("", "an empty name", "there is no run at ''"),
        ("run\0.htmu", "name a file", "there is no run at"),
        (str(tmp_path / "none" / "run.htmu"), "there is no folder", "there is no run at"),
        (str(tmp_path / "file" / "run.htmu"), "there is no folder", "there is no run at"),
        (os.devnull, "not a regular file", "not a regular file"),
    ]
    for place, to_write, to_read in places:
        for call, message in (
            (lambda p: RunStore(p, GRID, SETTINGS), to_write),
            (read_run, to_read),
        ):
            with pytest.raises(RunFileError, match=message) as caught:
                call(place)
            assert "\n" not in str(caught.value)
    with pytest.raises(RunFileError, match="there is no run at"):
        read_run(tmp_path / "none.htmu")
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("path", [5, None, 1.5, ["run"]])
def test_what_is_no_path_is_refused(path: Any) -> None:
    with pytest.raises(InvalidInputError, match="a path must be a string"):
        SweepResult.load(path)


@pytest.mark.parametrize("name", [":memory:", "file:run", "a b?c#d%20", "ü.htmu", b"bytes.htmu"])
def test_any_name_is_a_file(name: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with RunStore(name, GRID, SETTINGS) as store:
        store.save(result_of(0))
    assert os.listdir() == [os.fsdecode(name)]
    assert len(read_run(name).results) == 1


@pytest.mark.skipif(not os.path.isdir("/proc"), reason="no folder that is read-only for root")
def test_read_only_folder_even_for_root() -> None:
    with pytest.raises(RunFileError, match=r"cannot write beside /proc/run\.htmu"):
        RunStore("/proc/run.htmu", GRID, SETTINGS)


def test_read_only_folder_and_file(run: str, tmp_path: Path) -> None:
    os.chmod(run, 0o444)
    os.chmod(tmp_path, 0o555)
    try:
        if os.access(tmp_path, os.W_OK):
            pytest.skip("this user may write anywhere")
        assert len(read_run(run).results) == 2
        with pytest.raises(RunFileError, match="cannot write"):
            RunStore(run, GRID, SETTINGS)
        with pytest.raises(RunFileError, match="cannot write"):
            RunStore(tmp_path / "new.htmu", GRID, SETTINGS)
    finally:
        os.chmod(tmp_path, 0o755)


def test_run_on_read_only_media_can_be_read(run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # A file system that refuses any new file: what opening with a write-ahead log would need.
    with closing(sqlite3.connect(run)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    real = sqlite3.connect

    def connect(name: str, **rest: Any) -> sqlite3.Connection:
        if "immutable" not in name:
            raise sqlite3.OperationalError("unable to open database file")
        connection: sqlite3.Connection = real(name, **rest)
        return connection

    monkeypatch.setattr(sqlite3, "connect", connect)
    assert len(read_run(run).results) == 2


def test_copy_of_a_killed_run_with_its_log(tmp_path: Path) -> None:
    path = tmp_path / "run.htmu"
    with RunStore(path, GRID, SETTINGS) as store:
        store.save(result_of(0))
        # What a kill would leave.
        (tmp_path / "copy").mkdir()
        for name in ("run.htmu", "run.htmu-wal"):
            shutil.copy(tmp_path / name, tmp_path / "copy" / name)
    assert len(read_run(tmp_path / "copy" / "run.htmu").results) == 1
