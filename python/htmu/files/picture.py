"""Pictures in files: what can be drawn, and how it is saved."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from htmu.errors import InvalidInputError, MissingExtraError
from htmu.files.whole import check_place, whole_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def check_drawable(path: str | os.PathLike[str] | None) -> None:
    """Refuse a picture that cannot be drawn before the work for it is done.

    Raises
    ------
    MissingExtraError
        Matplotlib is not installed.
    InvalidInputError
        The suffix is not one that Matplotlib writes.
    RunFileError
        The path names a folder, or is in no folder.

    Examples
    --------
    >>> from htmu.files import check_drawable
    >>> check_drawable("kappa.pdf")
    """
    try:
        from matplotlib.backend_bases import FigureCanvasBase
    except ImportError:
        raise MissingExtraError(
            'pictures need Matplotlib, which is not installed; run: pip install "htmu[plot]"'
        ) from None
    if (
        path is not None
        and _format(check_place(path)) not in FigureCanvasBase.get_supported_filetypes()
    ):
        raise InvalidInputError(
            f"cannot draw to {os.fspath(path)!r}; name a file that ends in .png, .pdf or .svg"
        )


def save_figure(figure: Figure, path: str | os.PathLike[str], dpi: int) -> None:
    """Write a figure, whole or not at all, in the format of the path's suffix."""
    # Without dates the same result gives the same file.
    undated = {"png": {"Software": None}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}
    with whole_file(path) as name:
        figure.savefig(name, format=_format(path), dpi=dpi, metadata=undated.get(_format(path)))


def _format(path: str | os.PathLike[str]) -> str:
    return os.path.splitext(os.fspath(path))[1].lower().lstrip(".")
