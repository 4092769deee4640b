"""Options that several commands share, and lists of numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import typer

from htmu.errors import InvalidInputError
from htmu.sweeps import METHODS
from htmu.sweeps.cells import CELL_PARAMETERS

_Number = TypeVar("_Number", int, float)


def integer(text: str) -> int:
    """Integer of an option's text; names the text where Typer's own message would not."""
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"expected an integer, got {text!r}") from None


def number(text: str) -> float:
    """Number of an option's text."""
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"expected a number, got {text!r}") from None


def option(*names: str, text: str, **more: Any) -> Any:
    """Typer option without a default of its own.

    Where it is not given the library's default applies, or the value of the run that goes on.
    """
    return typer.Option(*names, help=text, show_default=False, **more)


Tol = Annotated[
    float | None,
    option("--tol", text="Half-width of the interval; 0.001 if none.", parser=number),
]
Confidence = Annotated[
    float | None,
    option("--confidence", text="Coverage of the interval; 0.95 if none.", parser=number),
]
Method = Annotated[
    str | None,
    option("--method", text=f"Estimator: {METHODS[0]} (if none), or {METHODS[1]}, Algorithm 1."),
]
Reference = Annotated[
    str | None,
    option(
        "--reference",
        text="Ensemble to compare with: weight (same exponent and rate), shape (any scale) or full "
        "(any exponent and rate); the structure's own if none.",
    ),
]
Seed = Annotated[
    int | None, option("--seed", text="Seed of the random streams; 0 if none.", parser=integer)
]
Threads = Annotated[
    int | None,
    option("--threads", text="Threads; all CPUs if none. No result changes.", parser=integer),
]
MaxSamples = Annotated[
    int | None,
    option(
        "--max-samples", text="Most samples for an estimate; 100000000 if none.", parser=integer
    ),
]
BlockBeta = Annotated[
    int | None,
    option(
        "--block-beta", text="Entries: 1 real (if none), 2 complex, 4 quaternion.", parser=integer
    ),
]
StructureName = Annotated[
    str | None,
    option(
        "--structure",
        text="Family: block-diagonal (if none), "
        f"{', '.join(name for name in CELL_PARAMETERS if name != 'block-diagonal')}.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print less: no progress.")]


def number_list(
    option: str, text: str | None, number: Callable[[str], _Number]
) -> list[_Number] | None:
    """Numbers of a comma-separated list.

    Examples
    --------
    >>> from htmu.cli.options import number_list
    >>> number_list("--m", "3,10,30", int)
    [3, 10, 30]
    """
    if text is None:
        return None
    values = []
    for entry in text.split(","):
        try:
            values.append(number(entry))
        except ValueError:
            kind = "integers" if number is int else "numbers"
            example = "3,10,30" if number is int else "0.5,1,2"
            raise InvalidInputError(
                f"{option} is a comma-separated list of {kind} such as {example}, got {text!r}"
            ) from None
    return values
