"""Kernels in files: strips of rows, each written when it is whole, and a journal of those done.

While it is made, a kernel stands in the folder `<path>.work`: its array, the journal, and the sum
over the first layers of the strip in hand. A strip that the journal does not name is written anew,
so that a kill at any moment costs only the work since the last save. The finished array is renamed
into place; `<path>.json` keeps what it is of.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from htmu.errors import (
    InvalidInputError,
    MissingExtraError,
    RunFileError,
    RunSettingsError,
)
from htmu.files import RunLock, check_place, whole_file

__all__ = ["KernelFile"]

Array = NDArray[Any]

_TILE = 1024


class KernelFile:
    """A kernel of shape (size, size) at `path`, .npy or .zarr, that is being made.

    Raises
    ------
    RunFileError
        The place cannot be written to, exists already, or has no space.
    RunSettingsError
        Earlier work there is of other settings.
    RunLockedError
        Another process makes this kernel.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        size: int,
        dtype: np.dtype[Any],
        settings: dict[str, Any],
        resume: bool,
    ) -> None:
        self.path = check_kernel_place(path)
        check_free(self.path, resume)
        self._size, self._dtype, self._settings = size, dtype, settings
        self._folder = Path(f"{self.path}.work")
        self._about = Path(f"{self.path}.json")
        self.done: set[int] = set()
        self.block: int | None = None
        with _reported(self.path):
            self._folder.mkdir(exist_ok=True)
        self._lock = RunLock(self.path)
        try:
            self._read_journal()
        except BaseException:
            self.close()
            raise

    @property
    def finished(self) -> bool:
        """Whether the kernel is in its place."""
        return Path(self.path).exists()

    def _read_journal(self) -> None:
        source = self._about if self.finished else self._folder / "journal.json"
        if not source.exists():
            if self.finished:
                raise RunSettingsError(
                    f"{self.path} exists, without {source.name} that says what it is of; delete "
                    f"it, or name another file"
                )
            return
        try:
            journal = json.loads(source.read_text(encoding="utf-8"))
            settings, done, block = journal["settings"], journal["done"], journal["block"]
        except (OSError, ValueError, KeyError, TypeError):
            raise RunFileError(
                f"{source} cannot be read; delete {self._folder} and start anew"
            ) from None
        for name, value in self._settings.items():
            if name == "values":
                if not _close(settings.get(name), value):
                    raise RunSettingsError(
                        f"{self.path} was made with a model of other outputs or gradients, though "
                        f"of the same parameters; name another file, or delete it"
                    )
            elif settings.get(name) != value:
                raise RunSettingsError(
                    f"{self.path} was made with another {name} ({settings.get(name)!r}, now "
                    f"{value!r}); name another file, or delete it"
                )
        self.done, self.block = set(done), block

    def _write_journal(self, place: Path) -> None:
        journal = {"settings": self._settings, "block": self.block, "done": sorted(self.done)}
        with whole_file(place) as name:
            Path(name).write_text(json.dumps(journal, indent=1) + "\n", encoding="utf-8")

    def begin(self, block: int) -> None:
        """Make or open the array; strips are of `block` samples."""
        fresh = self.block is None or not self._place.exists()
        self.block = block
        with _reported(self.path):
            if fresh:
                self._make()
            self._write_journal(self._folder / "journal.json")

    @property
    def _place(self) -> Path:
        return self._folder / f"kernel{Path(self.path).suffix}"

    def _open(self) -> Any:
        """The array. A map is opened for each tile: the pages of one stay in memory with it."""
        if self._place.suffix == ".zarr":
            return _zarr().open_array(str(self._place), mode="r+")
        return np.lib.format.open_memmap(self._place, mode="r+")

    def _make(self) -> None:
        place, shape = self._place, (self._size, self._size)
        self.done = set()
        if place.suffix == ".zarr":
            shutil.rmtree(place, ignore_errors=True)
            chunk = min(self._size, 1024)
            _zarr().create_array(str(place), shape=shape, chunks=(chunk, chunk), dtype=self._dtype)
            return
        free = shutil.disk_usage(self._folder).free
        array = np.lib.format.open_memmap(place, mode="w+", dtype=self._dtype, shape=shape)
        # Space is taken now: a full disk under a mapped file would kill the process.
        if hasattr(os, "posix_fallocate"):
            with open(place, "r+b") as file:
                os.posix_fallocate(file.fileno(), 0, os.path.getsize(place))
        elif free < array.nbytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def partial(self, strip: int) -> tuple[int, Array] | None:
        """(Pieces, their sum) saved of a strip."""
        found = sorted(self._folder.glob(f"strip-{strip}-*.npy"))
        if not found:
            return None
        try:
            return int(found[-1].stem.rpartition("-")[2]), np.load(found[-1])
        except (OSError, ValueError, EOFError):
            return None  # not a file of ours: the strip starts anew

    def save_partial(self, strip: int, pieces: int, total: Array) -> None:
        """Save the sum over the first pieces of a strip."""
        earlier = list(self._folder.glob(f"strip-{strip}-*.npy"))
        place = self._folder / f"strip-{strip}-{pieces:06d}.npy"
        with whole_file(place) as name, open(name, "wb") as file:
            np.save(file, total)
        for old in earlier:
            if old != place:
                old.unlink(missing_ok=True)

    def save_strip(self, strip: int, first: int, total: Array) -> None:
        """Write rows from `first`, columns from `first` on, and note that they are done."""
        with _reported(self.path):
            for i in range(0, len(total), _TILE):
                rows = total[i : i + _TILE]
                array = self._open()
                array[first + i : first + i + len(rows), first:] = rows
                _flush(array)
                del array
        self.done.add(strip)
        self._write_journal(self._folder / "journal.json")
        for old in self._folder.glob(f"strip-{strip}-*.npy"):
            old.unlink(missing_ok=True)

    def finish(self) -> None:
        """Mirror the upper triangle and move the kernel into its place."""
        with _reported(self.path):
            mirror(self._open, self._size)
            self._write_journal(self._about)
            os.replace(self._place, self.path)

    def result(self) -> Any:
        """The finished kernel: a read-only memory map, or a zarr array."""
        if self.path.endswith(".zarr"):
            return _zarr().open_array(self.path, mode="r")
        return np.load(self.path, mmap_mode="r")

    def close(self) -> None:
        """Free the lock; the folder goes once the kernel is in its place."""
        empty = not (self._folder / "journal.json").exists()
        if self.finished or empty:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._lock.release()


def _close(before: Any, now: Sequence[Sequence[float]]) -> bool:
    """Whether lists of numbers agree to about 1e-5: machines and versions round otherwise."""
    if not isinstance(before, list) or len(before) != len(now):
        return False
    for old, new in zip(before, now, strict=True):
        try:
            a, b = np.array(old, dtype=np.float64), np.array(new, dtype=np.float64)
        except (TypeError, ValueError):
            return False
        if a.shape != b.shape or not np.abs(a - b).max() <= 1e-5 * np.abs(b).max():
            return False
    return True


def mirror(array: Callable[[], Any], size: int) -> None:
    """Copy the upper triangle of a square array onto the lower one, by tiles."""
    for i in range(0, size, _TILE):
        rows = slice(i, min(i + _TILE, size))
        for j in range(i, size, _TILE):
            columns = slice(j, min(j + _TILE, size))
            opened = array()
            tile = np.array(opened[rows, columns])
            opened[columns, rows] = np.triu(tile) + np.triu(tile, 1).T if i == j else tile.T
            _flush(opened)
            del opened


def _flush(array: Any) -> None:
    if isinstance(array, np.memmap):
        array.flush()


def check_kernel_place(path: str | os.PathLike[str]) -> str:
    """Text of a kernel's path; refuses other formats, and zarr where it is not installed."""
    if isinstance(path, str | os.PathLike) and os.fspath(path) and str(path).endswith(".zarr"):
        _zarr()
        text = os.fspath(path)
        check_place(f"{text}.json")
        return str(text)
    text = check_place(path)
    if not text.endswith(".npy"):
        raise InvalidInputError(f"out must end in .npy or .zarr, got {text!r}")
    return text


def check_free(path: str, resume: bool) -> None:
    """Refuse names that are taken: of the kernel, of its work, and of what says what it is of."""
    kernel, folder, about = Path(path), Path(f"{path}.work"), Path(f"{path}.json")
    if not resume:
        for place, what in ((kernel, "exists"), (folder, "is unfinished work")):
            if place.exists():
                raise RunFileError(
                    f"{place} {what} already; pass resume=True to go on with it, or delete it"
                )
    if about.exists() and not kernel.exists() and not (folder / "journal.json").exists():
        raise RunFileError(
            f"{about} exists already, where the kernel's description would stand; move it, or name "
            f"another file"
        )


def _zarr() -> Any:
    try:
        import zarr
    except ImportError:
        raise MissingExtraError(
            "kernels in .zarr need zarr, which is not installed; run: pip install zarr, or name "
            "a file that ends in .npy"
        ) from None
    if not hasattr(zarr, "create_array"):
        raise MissingExtraError(
            f"kernels in .zarr need zarr 3, and this is {zarr.__version__}; run: pip install "
            f"'zarr>=3', or name a file that ends in .npy"
        )
    return zarr


@contextmanager
def _reported(path: str) -> Iterator[None]:
    """Failures to write, as one line."""
    try:
        yield
    except RunFileError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise RunFileError(
            f"cannot write {path}: {reason}; make space or name another place, then go on with "
            f"resume=True"
        ) from error
