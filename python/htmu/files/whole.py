"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from htmu.errors import InvalidInputError, RunFileError


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[str]:
    """Name to write to; the file takes the place of `path` when the block ends without an error.

    The name has the same suffix and folder as `path`. A path that exists and is not a regular
    file (a pipe, a terminal, /dev/null) is written to directly, for it cannot be replaced.

    Raises
    ------
    RunFileError
        The file cannot be written: the folder is missing or read-only, or the disk is full.

    Examples
    --------
    >>> import os, pathlib, tempfile
    >>> from htmu.files import whole_file
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with whole_file(os.path.join(folder, "a.txt")) as name:
    ...         _ = pathlib.Path(name).write_text("text")
    ...     os.listdir(folder)
    ['a.txt']
    """
    path = check_place(path)
    target = os.path.realpath(path)
    direct = os.path.exists(target) and not os.path.isfile(target)
    folder, name = os.path.split(target)
    stem, suffix = os.path.splitext(name)
    temporary = (
        target if direct else os.path.join(folder, f".{stem}-{secrets.token_hex(4)}{suffix}")
    )
    try:
        if not direct:
            # Fails early, and takes the permissions of an ordinary new file.
            os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        yield temporary
        if not direct:
            os.replace(temporary, target)
    except OSError as error:
        if isinstance(error, RunFileError):
            raise
        reason = error.strerror or str(error)
        raise RunFileError(
            f"cannot write {path}: {reason}; name a file in a folder with space that you may "
            f"write to"
        ) from error
    finally:
        if not direct:
            with suppress(OSError):
                os.unlink(temporary)


def check_place(path: str | os.PathLike[str]) -> str:
    """Text of a path; refuses, before any work is done, one that no file can be written to.

    Raises
    ------
    InvalidInputError
        It is no path at all.
    RunFileError
        It names a folder, or is in no folder.

    Examples
    --------
    >>> from htmu.files import check_place
    >>> check_place("kappa.csv")
    'kappa.csv'
    """
    try:
        name = os.fsdecode(path)
    except TypeError:
        raise InvalidInputError(f"a path must be a string or path-like, got {path!r}") from None
    folder = os.path.dirname(name) or "."
    if not name or "\0" in name or os.path.isdir(name):
        raise RunFileError(
            f"cannot write to {repr(name) if name else 'an empty name'}; name a file"
        )
    if not os.path.isdir(folder):
        raise RunFileError(f"cannot write {name}: there is no folder {folder}; make it first")
    return name
