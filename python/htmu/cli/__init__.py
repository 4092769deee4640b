"""Command line of htmu: one subcommand a task.

Owns options, progress, tables on the terminal and exit codes; everything else is a call of a
lower layer, any of which it may import.

Exit codes: 0 success; 1 failure (a file that cannot be read or written, a run in use, a missing
extra); 2 bad usage or input; 3 finished, but an estimate did not reach its tolerance;
130 interrupted by Ctrl-C; 141 the reader of the output went away.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        Arguments after the program's name, those of the process by default.

    Examples
    --------
    >>> from htmu.cli import main
    >>> main(["--version"])  # doctest: +ELLIPSIS
    htmu ...
    0
    """
    # Typer and Rich are for the command line alone: `import htmu` never reaches them.
    from htmu.cli.app import run

    return run(arguments)
