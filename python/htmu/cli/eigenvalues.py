"""Eigenvalues read from files: .npy, .npz, .csv and .txt."""

from __future__ import annotations

import csv
import os
import zipfile
from typing import Any

import numpy as np

from htmu.errors import InvalidInputError, RunFileError

#: Suffixes of NumPy's formats, and of text.
_BINARY, _TEXT = (".npy", ".npz"), (".csv", ".txt")
_SHOWN = 40


def read_eigenvalues(path: str, *, key: str | None, column: str | None) -> Any:
    r"""Array of the eigenvalues in a file, not yet checked; one row or one column is flat.

    Parameters
    ----------
    path : str
        File; its suffix is its format.
    key : str or None
        Name of the array in an .npz file, needed if it has several.
    column : str or None
        Name or number (from 1) of a column of text, needed if there are several.

    Raises
    ------
    RunFileError
        There is no such file, or it cannot be read.
    InvalidInputError
        Its content is not one list of numbers; the message names the file, and a text's line.

    Examples
    --------
    >>> import os, pathlib, tempfile
    >>> from htmu.cli.eigenvalues import read_eigenvalues
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "a.csv")
    ...     _ = pathlib.Path(path).write_text("layer,eigenvalue\n1,0.5\n1,2.5\n")
    ...     read_eigenvalues(path, key=None, column="eigenvalue")
    array([0.5, 2.5])
    """
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in (*_BINARY, *_TEXT):
        raise InvalidInputError(
            f"{path}: the suffix {suffix!r} names no format; name a .npy, .npz, .csv or .txt file"
        )
    if key is not None and suffix != ".npz":
        raise InvalidInputError(f"{path}: --key names an array of an .npz file; leave it out")
    if column is not None and suffix not in _TEXT:
        raise InvalidInputError(f"{path}: --column is for .csv and .txt files; leave it out")
    if os.path.isdir(path):
        raise RunFileError(f"{path} is a folder; name a file of eigenvalues")
    try:
        if os.path.getsize(path) == 0:
            raise InvalidInputError(f"{path}: the file is empty")
        values = _load(path, key) if suffix in _BINARY else _parse(path, column)
    except OSError as error:
        reason = error.strerror or str(error)
        raise RunFileError(f"cannot read {path}: {reason}; name a file of eigenvalues") from None
    return values.ravel() if values.ndim == 2 and 1 in values.shape else values


def _load(path: str, key: str | None) -> Any:
    """Array of a file in NumPy's format; Python objects are refused, for loading them runs code."""
    try:
        # Opened here, for NumPy leaves the file of a broken archive open.
        with open(path, "rb") as file:
            loaded = np.load(file, allow_pickle=False)
            if not isinstance(loaded, np.ndarray):
                return loaded[_chosen(path, loaded.files, key)]
            if key is not None:
                raise InvalidInputError(f"{path}: one array without names; leave out --key")
            return loaded
    except (ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        if isinstance(error, InvalidInputError):
            raise
        if "allow_pickle" in str(error):
            raise InvalidInputError(
                f"{path}: Python objects, not numbers (pickles are not loaded, they can run code); "
                "save the array as float64"
            ) from None
        raise InvalidInputError(
            f"{path}: not a whole file of NumPy's format ({error}); save it with numpy.save"
        ) from None


def _chosen(path: str, names: list[str], key: str | None) -> str:
    listed = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
    if key is None and len(names) == 1:
        return names[0]
    if key in names:
        return str(key)
    if not names:
        raise InvalidInputError(f"{path}: the file holds no array")
    if key is None:
        raise InvalidInputError(f"{path}: {len(names)} arrays; choose one with --key: {listed}")
    raise InvalidInputError(f"{path}: no array {key!r}; it has: {listed}")


def _parse(path: str, column: str | None) -> Any:
    """Column of numbers of a text; blank lines and those that begin with # do not count."""
    try:
        with open(path, encoding="utf-8-sig", newline=None) as file:
            lines = [(i, line) for i, line in enumerate(file, 1) if line.strip()]
    except UnicodeDecodeError:
        raise InvalidInputError(
            f"{path}: not a text in UTF-8; save it as numbers, one a line"
        ) from None
    lines = [(i, line) for i, line in lines if not line.lstrip().startswith("#")]
    if not lines:
        raise InvalidInputError(f"{path}: no numbers in it")
    rows = [(i, _cells(line)) for i, line in lines]
    header = None if any(_is_number(cell) for cell in rows[0][1]) else rows[0][1]
    body = rows if header is None else rows[1:]
    if not body:
        if len(rows[0][1]) == 1:
            raise _no_number(path, rows[0][0], rows[0][1][0])
        raise InvalidInputError(f"{path}: names of columns, but no numbers below them")
    width = len(rows[0][1])
    if header is None and column is None and len(rows) == 1:
        return np.array([_number(path, body[0][0], cell) for cell in body[0][1]])
    for i, cells in rows:
        if len(cells) != width:
            raise InvalidInputError(
                f"{path}, line {i}: {len(cells)} columns, {width} in line {rows[0][0]}"
            )
    at = _column(path, header, width, column, len(body))
    return np.array([_number(path, i, cells[at]) for i, cells in body])


def _cells(line: str) -> list[str]:
    for delimiter in (",", ";", "\t"):
        if delimiter in line:
            return [cell.strip() for cell in next(csv.reader([line.strip()], delimiter=delimiter))]
    text = line.strip()
    return [text.strip('"')] if text.startswith('"') else text.split()


def _is_number(cell: str) -> bool:
    try:
        complex(cell)
    except ValueError:
        return False
    return True


def _number(path: str, line: int, cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        raise _no_number(path, line, cell) from None


def _no_number(path: str, line: int, cell: str) -> InvalidInputError:
    shown = cell if len(cell) <= _SHOWN else cell[: _SHOWN - 3] + "..."
    kind = "a complex number" if _is_number(cell) else "no number"
    return InvalidInputError(
        f"{path}, line {line}: {shown!r} is {kind}; give eigenvalues, one a line"
    )


def _column(path: str, header: list[str] | None, width: int, column: str | None, n: int) -> int:
    names = f": {', '.join(header)}" if header else f" (1 to {width})"
    if column is None:
        if width == 1:
            return 0
        if width == n:
            raise InvalidInputError(
                f"{path}: {n} rows and columns look like a matrix; give its eigenvalues "
                "(numpy.linalg.eigvalsh), or choose a column with --column"
            )
        raise InvalidInputError(f"{path}: {width} columns; choose one with --column{names}")
    if header is not None and column in header:
        return header.index(column)
    if column.isdecimal() and 1 <= int(column) <= width:
        return int(column) - 1
    raise InvalidInputError(f"{path}: no column {column!r}; it has {width}{names}")
