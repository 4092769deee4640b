"""Options that several commands share, and lists of numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeVar

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


# No option has a default of its own: those of the library apply, or those of the run that goes on.
Tol = Annotated[
    float | None,
    typer.Option("--tol", parser=number, help="Half-width of the interval; 0.001 if none."),
]
Confidence = Annotated[
    float | None,
    typer.Option("--confidence", parser=number, help="Coverage of the interval; 0.95 if none."),
]
Method = Annotated[
    str | None,
    typer.Option(
        "--method", help=f"Estimator: {METHODS[0]} or {METHODS[1]} (Algorithm 1 of the paper)."
    ),
]
Reference = Annotated[
    str | None,
    typer.Option(
        "--reference",
        help="Ensemble to compare with: weight (same exponent and rate) or shape (any scale).",
    ),
]
Seed = Annotated[
    int | None,
    typer.Option("--seed", parser=integer, help="Seed of the random streams; 0 if none."),
]
Threads = Annotated[
    int | None,
    typer.Option("--threads", parser=integer, help="Threads; all CPUs if none. No result changes."),
]
MaxSamples = Annotated[
    int | None,
    typer.Option(
        "--max-samples", parser=integer, help="Most samples for an estimate; 100000000 if none."
    ),
]
BlockBeta = Annotated[
    int | None,
    typer.Option(
        "--block-beta", parser=integer, help="Entries: 1 real (if none), 2 complex, 4 quaternion."
    ),
]
StructureName = Annotated[
    str | None,
    typer.Option(
        "--structure",
        help="Family: block-diagonal (if none), "
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
