"""Run files: finished cells in SQLite, one row a cell, with the grid and settings beside them.

A run is one file. While it is written SQLite keeps ``-wal`` and ``-shm`` files beside it, and the
writer a ``.lock``; they go when the writer ends. After a kill they stay, hold what was saved last,
and must be moved together with the file; the next writer folds them in. Readers may look at any
time, during a run too. The folder must be on a local disk while a run is written (write-ahead
logging needs shared memory: https://www.sqlite.org/wal.html).
"""

from __future__ import annotations

import json
import math
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from htmu.errors import HtmuError, InvalidInputError, RunFileError
from htmu.files import check_place
from htmu.files.lock import RunLock
from htmu.sweeps.grid import Grid
from htmu.sweeps.records import COLUMNS, TYPES, CellResult, as_row, package_version
from htmu.sweeps.settings import SweepSettings, check_same_run

#: "htmu" in ASCII: tells a run from any other SQLite file.
APPLICATION_ID = 0x68746D75
FORMAT_VERSION = 1

_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE cells (
    key TEXT PRIMARY KEY, structure TEXT NOT NULL,
    m INTEGER, n INTEGER NOT NULL, alpha REAL NOT NULL, block_beta INTEGER,
    kappa REAL NOT NULL, stderr REAL, lower REAL, upper REAL, beta REAL NOT NULL,
    n_samples INTEGER NOT NULL, n_steps INTEGER NOT NULL, converged INTEGER NOT NULL,
    variance_reduction REAL, seed INTEGER NOT NULL, version TEXT NOT NULL, cpu TEXT NOT NULL,
    elapsed REAL NOT NULL, finished_at TEXT NOT NULL
) WITHOUT ROWID;
"""
_INSERT = (
    f"INSERT INTO cells (key, {', '.join(COLUMNS)}) VALUES ({', '.join('?' * (len(COLUMNS) + 1))})"
)
_SELECT = f"SELECT key, {', '.join(COLUMNS)} FROM cells"
#: Columns where SQLite's NULL stands for NaN, which it cannot store.
_MAY_BE_NAN = frozenset({"stderr", "lower", "upper", "variance_reduction"})


class StoredRun(NamedTuple):
    """What a run file holds."""

    grid: Grid
    settings: SweepSettings
    results: dict[str, CellResult]


def read_run(path: str | os.PathLike[str]) -> StoredRun:
    """Grid, settings and finished cells (by key) of the run at `path`; changes nothing.

    Raises
    ------
    RunFileError
        There is no such file, or it is not a run, or it is damaged, or a newer htmu wrote it.
    """
    path = _existing_file(path)
    with _explained(path), closing(_connect_reader(path)) as connection:
        return _read(connection, path)


class RunStore:
    """The one writer of the run at `path`; made if there is none, else checked to be the same.

    Parameters
    ----------
    path : str or path-like
        Run file. Its folder must exist.
    grid, settings
        What the run is of. An existing run must have the same settings and a grid whose lists
        are within those of `grid`; it takes on `grid`.
    resume : bool
        Whether the file may exist already.

    Attributes
    ----------
    results : dict of str to CellResult
        Finished cells by key.

    Raises
    ------
    RunFileError, RunSettingsError, RunLockedError
    """

    results: dict[str, CellResult]

    def __init__(
        self,
        path: str | os.PathLike[str],
        grid: Grid,
        settings: SweepSettings,
        *,
        resume: bool = True,
    ) -> None:
        self.path = _check_path(path)
        self._lock = RunLock(self.path)
        try:
            # An empty file is what a kill leaves between the creation and the first commit.
            is_new = not os.path.exists(self.path) or os.path.getsize(self.path) == 0
            if not (is_new or resume):
                raise RunFileError(f"{self.path} exists; resume it, remove it or name a new file")
            self._open(grid, settings, is_new)
        except BaseException:
            self._lock.release()
            raise

    def _open(self, grid: Grid, settings: SweepSettings, is_new: bool) -> None:
        with _explained(self.path):
            # An absolute path: SQLite has names of its own, such as :memory:.
            self._connection = sqlite3.connect(os.path.abspath(self.path), isolation_level=None)
            try:
                self.results = {} if is_new else self._check(grid, settings)
                self._write_head(grid, settings, is_new)
                self._connection.execute("PRAGMA journal_mode = WAL")
                # A finished cell survives a power cut too, at one fsync a cell.
                self._connection.execute("PRAGMA synchronous = FULL")
            except BaseException:
                self._connection.close()
                if is_new:
                    self._remove_files()
                raise

    def save(self, result: CellResult) -> None:
        """Add a finished cell; when this returns, the cell is on the disk."""
        key = result.cell.key
        with _explained(self.path):
            self._connection.execute(_INSERT, (key, *as_row(result)))
        self.results[key] = result

    def close(self) -> None:
        """Fold the files beside the run into it and free the lock. May be called twice."""
        # Without its write-ahead log a run can be read from read-only media. A reader that looks
        # on at this moment keeps the log, which is as good.
        with suppress(sqlite3.Error):
            self._connection.execute("PRAGMA busy_timeout = 0")
            self._connection.execute("PRAGMA journal_mode = DELETE")
        self._connection.close()
        self._lock.release()

    def __enter__(self) -> RunStore:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _check(self, grid: Grid, settings: SweepSettings) -> dict[str, CellResult]:
        stored = _read(self._connection, self.path)
        check_same_run(self.path, (stored.grid, stored.settings), (grid, settings))
        return stored.results

    def _write_head(self, grid: Grid, settings: SweepSettings, is_new: bool) -> None:
        """Make the tables, or take on a grid that has grown, in one transaction."""
        head = {"grid": grid.to_dict()}
        if is_new:
            head["settings"] = settings.to_dict()
            head["made"] = {
                "version": package_version(),
                "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            }
        statements = _SCHEMA.split(";")[:-1] if is_new else []
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in statements:
                self._connection.execute(statement)
            self._connection.executemany(
                "INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)",
                [(name, json.dumps(value)) for name, value in head.items()],
            )
            if is_new:
                self._connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                self._connection.execute(f"PRAGMA user_version = {FORMAT_VERSION}")
            self._connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise

    def _remove_files(self) -> None:
        for suffix in ("", "-journal", "-wal", "-shm"):
            with suppress(OSError):
                os.unlink(self.path + suffix)


_DAMAGED_REMEDY = "restore it from a copy, or name a new file"


def _check_path(path: str | os.PathLike[str]) -> str:
    name = check_place(path)
    if os.path.exists(name) and not os.path.isfile(name):
        raise RunFileError(f"{name} is not a regular file; name a file")
    return name


def _existing_file(path: str | os.PathLike[str]) -> str:
    try:
        name = os.fsdecode(path)
    except TypeError:
        raise InvalidInputError(f"a path must be a string or path-like, got {path!r}") from None
    if not name or "\0" in name or not os.path.exists(name):
        shown = name if name.isprintable() and name else repr(name)
        raise RunFileError(f"there is no run at {shown}; check the name, or start one there")
    if not os.path.isfile(name):
        what = "a folder" if os.path.isdir(name) else "not a regular file"
        raise RunFileError(f"cannot read {name!r}: it is {what}; name a run file")
    return name


@contextmanager
def _explained(path: str) -> Iterator[None]:
    """Turn SQLite's errors into one line that says what to do."""
    try:
        yield
    except (sqlite3.Error, UnicodeDecodeError) as error:
        # SQLite's own messages may quote damaged text, which is then no UTF-8.
        reason = _one_line(str(error))
        if "not a database" in reason:
            message = f"{path} is not an htmu run; name another file"
        elif "locked" in reason:
            message = f"{path} is in use by another program ({reason}); close it and try again"
        elif isinstance(error, sqlite3.OperationalError) and not reason.startswith("no such"):
            message = f"cannot use {path}: {reason}; check the disk's space and your permissions"
        else:
            message = f"{path} is damaged ({reason}); {_DAMAGED_REMEDY}"
        raise RunFileError(message) from error


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _connect_reader(path: str) -> sqlite3.Connection:
    uri = Path(path).absolute().as_uri()
    try:
        return _connect(f"{uri}?mode=ro")
    except sqlite3.OperationalError as error:
        if "unable to open" not in str(error) or os.path.exists(f"{path}-wal"):
            raise
        # Write-ahead logging wants to make files beside the run, which a read-only folder
        # forbids; with no log there is nothing to miss.
        return _connect(f"{uri}?mode=ro&immutable=1")


def _connect(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True)
    try:
        # SQLite looks at the file with the first statement only.
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _check_format(connection: sqlite3.Connection, path: str) -> None:
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application_id != APPLICATION_ID:
        raise RunFileError(f"{path} is not an htmu run; name another file")
    if version > FORMAT_VERSION:
        raise RunFileError(
            f"{path} has format {version}, this htmu ({package_version()}) reads up to "
            f"{FORMAT_VERSION}; install a newer htmu"
        )


def _check_whole(connection: sqlite3.Connection, path: str) -> None:
    (page_size,) = connection.execute("PRAGMA page_size").fetchone()
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if os.path.getsize(path) % page_size:
        verdict = "cut off"  # SQLite takes what is missing of the last page for zeros
    if verdict != "ok":
        raise RunFileError(f"{path} is damaged ({_one_line(verdict)}); {_DAMAGED_REMEDY}")


def _read(connection: sqlite3.Connection, path: str) -> StoredRun:
    _check_format(connection, path)
    _check_whole(connection, path)
    try:
        meta = {
            name: json.loads(value)
            for name, value in connection.execute("SELECT name, value FROM meta")
        }
        grid = Grid.from_dict(meta["grid"])
        settings = SweepSettings.from_dict(meta["settings"])
        results: dict[str, CellResult] = {}
        for key, *values in connection.execute(_SELECT):
            result = _result(values)
            if result.cell.key != key:
                raise ValueError(f"the row of {key} is of another cell")
            results[key] = result
    except (ValueError, TypeError, KeyError, AttributeError, HtmuError) as error:
        raise RunFileError(f"{path} is damaged ({error}); {_DAMAGED_REMEDY}") from error
    return StoredRun(grid, settings, results)


def _result(values: list[Any]) -> CellResult:
    fields = dict(zip(COLUMNS, values, strict=True))
    for name in _MAY_BE_NAN:
        if fields[name] is None:
            fields[name] = math.nan
    fields["converged"] = bool(fields["converged"])
    for name, value in fields.items():
        if not isinstance(value, TYPES[name]):
            raise ValueError(f"{name} is {value!r}")
    return CellResult(**fields)
