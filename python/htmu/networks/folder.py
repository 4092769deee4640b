"""The folder of a training: one writer, its checkpoint, its spectra."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any

from htmu.arguments import FloatArray
from htmu.errors import InvalidInputError, RunFileError, RunSettingsError
from htmu.files import RunLock, whole_file
from htmu.networks.checkpoints import (
    FORMAT,
    MANIFEST,
    VERSION,
    Checkpoint,
    digest,
    load_checkpoint,
)
from htmu.networks.spectra import load_spectra, save_spectra

_LOCK = "run.lock"
#: What a training writes, also half of it before a kill.
_OWN = re.compile(
    r"run\.(json|lock)|\.run-[0-9a-f]+\.json|\.?checkpoint-[0-9]+(-[0-9a-f]+)?"
    r"|\.?spectra-[0-9]+(-[0-9a-f]+)?\.npz"
)
_CHECKPOINT = re.compile(r"\.?checkpoint-[0-9]+(-[0-9a-f]+)?|\.(run|spectra)-.*")


class TrainingFolder:
    """Folder of one training, locked while it is open.

    Parameters
    ----------
    out : path
        Folder; made if it is not there, but not the folder that it is in.
    resume : bool or None
        True: there must be a training. False: there must be none. None: there may be one.
    settings : dict
        Must be those of the training that is there.

    Attributes
    ----------
    checkpoint : Checkpoint or None
        The last one, None at the start.

    Raises
    ------
    RunFileError, RunLockedError, RunSettingsError
    """

    def __init__(
        self, out: str | os.PathLike[str], resume: bool | None, settings: dict[str, Any]
    ) -> None:
        self.path = check_folder(out, resume)
        with _explained(self.path), suppress(FileExistsError):
            os.mkdir(self.path)
        self._lock = RunLock(self.path, os.path.join(self.path, _LOCK))
        try:
            check_folder(self.path, resume)
            self.checkpoint: Checkpoint | None = None
            if os.path.exists(os.path.join(self.path, MANIFEST)):
                self.checkpoint = load_checkpoint(self.path)
                _check_settings(self.path, self.checkpoint.settings, settings)
            with _explained(self.path):
                self._clean()
        except BaseException:
            self._lock.release()
            raise

    def write(self, checkpoint: Checkpoint) -> None:
        """Make this the run's checkpoint; the one before it goes once this is safe on disk."""
        contents = checkpoint.files()
        name = f"checkpoint-{checkpoint.epoch:06}"
        temporary = os.path.join(self.path, f".{name}-{secrets.token_hex(4)}")
        manifest = {
            "format": FORMAT,
            "version": VERSION,
            "folder": name,
            "files": {file: digest(content) for file, content in contents.items()},
        }
        with _explained(self.path):
            try:
                os.mkdir(temporary)
                for file, content in contents.items():
                    _write(os.path.join(temporary, file), content)
                target = os.path.join(self.path, name)
                if os.path.isdir(target):
                    # The same epoch again, as when a training that was over is marked so.
                    target = f"{target}-{secrets.token_hex(4)}"
                    manifest["folder"] = os.path.basename(target)
                os.rename(temporary, target)
            except BaseException:
                shutil.rmtree(temporary, ignore_errors=True)
                raise
            with whole_file(os.path.join(self.path, MANIFEST)) as place:
                _write(place, json.dumps(manifest, indent=1).encode())
            self._clean()
        self.checkpoint = checkpoint

    def keep_spectra(self, epoch: int, spectra: dict[str, FloatArray]) -> None:
        """Write the spectra of an epoch beside the checkpoint."""
        save_spectra(spectra_file(self.path, epoch), spectra)

    def spectra(self, epochs: list[int]) -> dict[int, dict[str, FloatArray]]:
        """Spectra that were kept after these epochs."""
        return {epoch: load_spectra(spectra_file(self.path, epoch)) for epoch in epochs}

    def _clean(self) -> None:
        """Remove checkpoints that the manifest does not name, and what a kill left half-written."""
        kept = None
        with suppress(FileNotFoundError), open(os.path.join(self.path, MANIFEST)) as file:
            kept = json.load(file)["folder"]
        for name in os.listdir(self.path):
            if name == kept or not _CHECKPOINT.fullmatch(name):
                continue
            place = os.path.join(self.path, name)
            if os.path.isdir(place):
                shutil.rmtree(place, ignore_errors=True)
            else:
                os.unlink(place)

    def close(self) -> None:
        """Let others write the folder."""
        self._lock.release()

    def __enter__(self) -> TrainingFolder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def spectra_file(folder: str, epoch: int) -> str:
    """File of the spectra after an epoch, 0 being the start."""
    return os.path.join(folder, f"spectra-{epoch:06}.npz")


def check_folder(out: str | os.PathLike[str], resume: bool | None) -> str:
    """Text of the path of a training's folder; refuses one that cannot be one, before any work."""
    try:
        folder = os.fsdecode(out)
    except TypeError:
        folder = ""
    folder = folder.rstrip(os.sep + (os.altsep or ""))
    if not folder or "\0" in folder:
        raise InvalidInputError(f"out must be the path of a folder, got {out!r}")
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise RunFileError(f"{folder} is a file; name a folder to keep the training in")
    if resume and not os.path.exists(os.path.join(folder, MANIFEST)):
        raise RunFileError(
            f"there is no training in {folder} to resume; name the folder of one, or start one "
            "without resuming"
        )
    if not os.path.isdir(folder):
        parent = os.path.dirname(folder) or "."
        if not os.path.isdir(parent):
            raise RunFileError(f"cannot write {folder}: there is no folder {parent}; make it first")
        return folder
    if os.path.exists(os.path.join(folder, MANIFEST)):
        if resume is False:
            raise RunFileError(
                f"{folder} holds a training; resume it, remove it or name a new folder"
            )
        return folder
    foreign = sorted(name for name in os.listdir(folder) if not _OWN.fullmatch(name))
    if foreign:
        raise RunFileError(
            f"{folder} holds no training but other files ({foreign[0]}); name a new folder"
        )
    return folder


def _check_settings(folder: str, old: dict[str, Any], new: dict[str, Any]) -> None:
    # Through JSON, as the old ones were: it has no tuples.
    changes = list(_changes("", old, json.loads(json.dumps(new))))
    if changes:
        raise RunSettingsError(
            f"{folder} was started with other settings: {'; '.join(changes[:4])}; give the same, "
            "or name a new folder"
        )


def _changes(place: str, old: Any, new: Any) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for name in {**old, **new}:
            yield from _changes(name, old.get(name), new.get(name))
    elif old != new:
        if isinstance(old, str) and len(old) == 64:
            yield f"the {place} are others"
        else:
            yield f"{place} was {_shown(old)}, now {_shown(new)}"


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return "none" if value is None else str(value)


def _write(place: str, content: bytes) -> None:
    with open(place, "wb") as file:
        file.write(content)
        file.flush()
        # A power cut must not leave a manifest whose files are not there yet.
        os.fsync(file.fileno())


@contextmanager
def _explained(folder: str) -> Iterator[None]:
    try:
        yield
    except RunFileError:
        raise
    except OSError as error:
        raise RunFileError(
            f"cannot write {folder}: {error.strerror}; free space or name another folder (the last "
            "checkpoint is as it was)"
        ) from error
