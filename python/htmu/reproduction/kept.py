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

    Parameters
    ----------
    folder : path
        Made if it does not exist; must be empty or of an earlier run with the same settings.
    settings : dict
        Everything that the numbers depend on, as JSON holds it.

    Raises
    ------
    RunSettingsError
        The folder holds a run with other settings.
    RunFileError
        The folder cannot be made or read, or is not of a reproduction.
    """

    def __init__(self, folder: str | os.PathLike[str], settings: dict[str, Any]) -> None:
        self.folder = Path(folder)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            entries = os.listdir(self.folder)
        except OSError as error:
            raise RunFileError(
                f"cannot use {os.fspath(folder)!r} as a folder: {error.strerror}; name another"
            ) from error
        if _SETTINGS in entries:
            self._check(settings)
        elif any(not name.startswith(".") for name in entries):
            raise RunFileError(
                f"{os.fspath(folder)!r} holds files of something else; name a new or empty folder"
            )
        else:
            self.write(_SETTINGS, json.dumps(settings, indent=1) + "\n")

    def _check(self, settings: dict[str, Any]) -> None:
        path = self.folder / _SETTINGS
        try:
            before = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise RunFileError(f"cannot read {os.fspath(path)!r}: {error}; remove it") from error
        given = json.loads(json.dumps(settings))
        if not isinstance(before, dict):
            raise RunFileError(f"{os.fspath(path)!r} holds no settings; remove it")
        for name in sorted({*before, *given}):
            if before.get(name) != given.get(name):
                raise RunSettingsError(
                    f"{os.fspath(self.folder)!r} was begun with {name} = {before.get(name)!r}, "
                    f"now {given.get(name)!r}; name another folder, or use the same settings"
                )

    def write(self, name: str, text: str) -> None:
        """Write a text file of the folder, whole or not at all."""
        with whole_file(self.folder / name) as temporary:
            Path(temporary).write_text(text, encoding="utf-8")

    def spectrum(self, name: str, compute: Callable[[], FloatArray]) -> FloatArray:
        """Return the eigenvalues kept under a name, computed the first time.

        Raises
        ------
        RunFileError
            The file is damaged, or cannot be written.
        """
        path = self.folder / f"{name}.npy"
        if path.exists():
            try:
                values = np.load(path, allow_pickle=False)
            except (OSError, ValueError) as error:
                raise RunFileError(
                    f"cannot read {os.fspath(path)!r}: {error}; remove it to compute it again"
                ) from error
        else:
            values = np.asarray(compute(), dtype=float)
            with whole_file(path) as temporary:
                np.save(temporary, values)
        if values.ndim != 1 or not np.all(np.isfinite(values)):
            raise InvalidInputError(f"{os.fspath(path)!r} holds no spectrum; remove it")
        return np.asarray(values, dtype=float)
