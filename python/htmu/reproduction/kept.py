"""What a reproduction keeps on disk, so that the same command goes on where it stopped."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from htmu.arguments import FloatArray
from htmu.errors import InvalidInputError, RunFileError, RunSettingsError
from htmu.files import whole_file

__all__ = ["Kept"]

_SETTINGS = "settings.json"


class Kept:
    """A folder of finished spectra and training runs that belong to one set of settings.

    Nothing is written before `begin`.

    Parameters
    ----------
    folder : path
        Does not exist, is empty or is of an earlier run with the same settings.
    settings : dict
        Everything that the numbers depend on, as JSON holds it.

    Raises
    ------
    InvalidInputError
        The folder is no path.
    RunSettingsError
        The folder holds a run with other settings.
    RunFileError
        The folder cannot be read, or is not of a reproduction.
    """

    def __init__(self, folder: str | os.PathLike[str], settings: dict[str, Any]) -> None:
        self.folder = _as_folder(folder)
        self._settings = settings
        try:
            entries = os.listdir(self.folder) if os.path.lexists(self.folder) else []
        except OSError as error:
            raise self._unusable(error) from error
        self._begun = _SETTINGS in entries
        if self._begun:
            self._check(settings)
        elif any(not name.startswith(".") for name in entries):
            raise RunFileError(
                f"{os.fspath(self.folder)!r} holds files of something else; name a new or empty "
                "folder"
            )

    def begin(self) -> None:
        """Make the folder, and write the settings into it.

        Raises
        ------
        RunFileError
            The folder cannot be made.
        """
        if self._begun:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unusable(error) from error
        self.write(_SETTINGS, json.dumps(self._settings, indent=1) + "\n")
        self._begun = True

    def _unusable(self, error: OSError) -> RunFileError:
        return RunFileError(
            f"cannot use {os.fspath(self.folder)!r} as a folder: {error.strerror}; name another"
        )

    def _check(self, settings: dict[str, Any]) -> None:
        path = self.folder / _SETTINGS
        try:
            before = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(before, dict):
                raise ValueError
        except (OSError, ValueError, RecursionError) as error:
            # Without its settings nothing says what the rest of the folder is.
            raise RunFileError(
                f"{os.fspath(path)!r} is damaged; name a new folder, or remove "
                f"{os.fspath(self.folder)!r}"
            ) from error
        given = json.loads(json.dumps(settings))
        # The figure first: the other settings of another figure have other names.
        for name in sorted({*before, *given}, key=lambda name: (name != "figure", name)):
            if before.get(name) != given.get(name):
                raise RunSettingsError(
                    f"{os.fspath(self.folder)!r} was begun with {name} = "
                    f"{before.get(name)!r:.80}, now {given.get(name)!r:.80}; name another folder, "
                    "or use the same settings"
                )

    def write(self, name: str, text: str) -> None:
        """Write a text file of the folder, whole or not at all."""
        with whole_file(self.folder / name) as temporary:
            Path(temporary).write_text(text, encoding="utf-8")

    def has(self, name: str) -> bool:
        """Whether a spectrum is kept under this name."""
        return self._file(name).exists()

    def spectrum(self, name: str, size: int, compute: Callable[[], FloatArray]) -> FloatArray:
        """Return the eigenvalues kept under a name, computed the first time.

        Raises
        ------
        RunFileError
            The file does not hold `size` finite numbers that ascend, or cannot be written.
        """
        path = self._file(name)
        if path.exists():
            return _load(path, size)
        values = np.asarray(compute(), dtype=float)
        with whole_file(path) as temporary:
            np.save(temporary, values)
        return values

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.npy"


def _as_folder(folder: Any) -> Path:
    try:
        name = os.fsdecode(folder)
    except TypeError:
        name = ""
    if not name or "\0" in name:
        raise InvalidInputError(f"out must be the path of a folder, got {folder!r:.60}")
    return Path(name)


def _load(path: Path, size: int) -> FloatArray:
    try:
        with open(path, "rb") as file:
            values = np.lib.format.read_array(file, allow_pickle=False)
    except Exception as error:
        # NumPy raises nearly anything for a damaged file.
        raise _no_spectrum(path, "cannot be read") from error
    if values.dtype.kind != "f":
        raise _no_spectrum(path, "holds no numbers of floating point")
    if values.shape != (size,):
        raise _no_spectrum(path, f"holds numbers of the shape {values.shape}, not ({size},)")
    if not np.all(np.isfinite(values)) or np.any(np.diff(values) < 0):
        raise _no_spectrum(path, "holds numbers that are not finite or do not ascend")
    return np.asarray(values, dtype=float)


def _no_spectrum(path: Path, what: str) -> RunFileError:
    return RunFileError(f"{os.fspath(path)!r} {what}; remove it to compute it again")
