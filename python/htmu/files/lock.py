"""One writer per run: a lock that the operating system frees when its holder dies.

The lock is on a file of its own beside the run, since closing any descriptor of the run's file
would drop the locks that SQLite holds on it (POSIX: "How To Corrupt An SQLite Database File",
section 2.2, https://www.sqlite.org/howtocorrupt.html). The file that is left after a kill holds
no lock and is taken over by the next writer.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from types import TracebackType

from htmu.errors import RunFileError, RunLockedError

if sys.platform == "win32":  # pragma: no cover
    import msvcrt

    # Far behind the holder's number, which other processes must be able to read.
    _LOCKED_BYTE = 1 << 20

    def _try_lock(descriptor: int) -> bool:
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            os.lseek(descriptor, 0, os.SEEK_SET)
        return True
else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


class RunLock:
    """Exclusive lock of the run at `path`, held from construction until `release`.

    Parameters
    ----------
    path : str
        The run, a file or a folder, as messages name it.
    place : str, optional
        The lock's own file; by default beside the run.

    Raises
    ------
    RunLockedError
        Another process, or another run in this one, writes the run.
    RunFileError
        The lock's file cannot be made, as in a read-only folder.
    """

    def __init__(self, path: str, place: str | None = None) -> None:
        self._run = path
        self._path = f"{path}.lock" if place is None else place
        self._descriptor = self._acquire()

    def _acquire(self) -> int:
        while True:
            try:
                descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
            except OSError as error:
                raise RunFileError(
                    f"cannot write beside {self._run}: {error.strerror}; "
                    f"name one in a folder that you may write to"
                ) from None
            try:
                if not _try_lock(descriptor):
                    raise RunLockedError(
                        f"{self._run} is being written by {self._holder(descriptor)}; "
                        f"wait for it to end, or name another"
                    )
                if self._still_there(descriptor):
                    self._sign(descriptor)
                    return descriptor
            except BaseException:
                os.close(descriptor)
                raise
            # The holder before us removed the file between our opening and our locking it.
            os.close(descriptor)

    def _still_there(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.stat(self._path), os.fstat(descriptor))
        except FileNotFoundError:
            return False

    @staticmethod
    def _sign(descriptor: int) -> None:
        # The number only serves the message of a refused process: a full disk may lose it.
        with suppress(OSError):
            os.ftruncate(descriptor, 0)
            os.lseek(descriptor, 0, os.SEEK_SET)
            os.write(descriptor, str(os.getpid()).encode())

    @staticmethod
    def _holder(descriptor: int) -> str:
        with suppress(OSError):
            number = os.read(descriptor, 20).decode(errors="replace").strip()
            if number == str(os.getpid()):
                return "another run of this process"
            if number.isdigit():
                return f"process {number}"
        return "another process"

    def release(self) -> None:
        """Free the lock and remove its file. May be called twice."""
        if self._descriptor < 0:
            return
        # Removed while still held: nobody can lock a file that is about to go.
        with suppress(OSError):
            os.unlink(self._path)
        os.close(self._descriptor)
        self._descriptor = -1

    def __enter__(self) -> RunLock:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()
