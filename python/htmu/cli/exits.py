"""Exit codes, and the one place where an error becomes a line and a code."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from enum import IntEnum
from typing import ParamSpec

from htmu.errors import HtmuError, InvalidInputError, RunSettingsError

_Parameters = ParamSpec("_Parameters")


class ExitCode(IntEnum):
    """What the process returns."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    NOT_CONVERGED = 3
    INTERRUPTED = 130
    BROKEN_PIPE = 141


EPILOG = (
    "Exit codes: 0 success; 1 failure (file, run in use, missing extra); 2 bad usage or input; "
    "3 finished, but an estimate did not reach its tolerance; 130 interrupted."
)


def complain(message: str) -> None:
    """Write an error to the standard error stream, on one line."""
    print(f"htmu: error: {' '.join(message.split())}", file=sys.stderr)


def guarded(command: Callable[_Parameters, ExitCode]) -> Callable[_Parameters, int]:
    """Command whose errors become one line and an exit code.

    Errors that are not htmu's own are bugs and keep their traceback.
    """

    @functools.wraps(command)
    def run(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> int:
        try:
            code = command(*args, **kwargs)
            # A reader that has gone away is noticed here at the latest, not at exit.
            sys.stdout.flush()
        except (InvalidInputError, RunSettingsError) as error:
            complain(str(error))
            code = ExitCode.USAGE
        except HtmuError as error:
            complain(str(error))
            code = ExitCode.FAILURE
        except MemoryError as error:
            complain(f"out of memory ({error}); use smaller matrices or fewer threads")
            code = ExitCode.FAILURE
        except KeyboardInterrupt:
            print("htmu: interrupted", file=sys.stderr)
            code = ExitCode.INTERRUPTED
        except BrokenPipeError:
            code = ExitCode.BROKEN_PIPE
            _silence_stdout()
        except OSError as error:
            complain(f"{error.filename or 'output'}: {error.strerror}; check space and permissions")
            code = ExitCode.FAILURE
            _silence_stdout()
        return int(code)

    return run


def _silence_stdout() -> None:
    """Keep Python's last flush from failing again (docs.python.org/3/library/signal.html)."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())
    os.close(devnull)
