"""Exceptions and warnings of htmu.

Every message is one line: what was wrong, which value, and what to do.
"""

from __future__ import annotations

__all__ = [
    "AccuracyWarning",
    "CancelledError",
    "ConvergenceError",
    "EngineError",
    "HtmuError",
    "InvalidInputError",
    "MissingExtraError",
    "NonFiniteError",
    "RepeatedEigenvalueError",
    "RunError",
    "RunFileError",
    "RunLockedError",
    "RunSettingsError",
]


class HtmuError(Exception):
    """Base of every exception that htmu raises on purpose."""


class InvalidInputError(HtmuError, ValueError):
    """An argument has the wrong type or lies outside its domain."""


class NonFiniteError(InvalidInputError):
    """An input value is NaN or infinite."""


class RepeatedEigenvalueError(InvalidInputError):
    """A spectrum repeats an eigenvalue, so that its log-Vandermonde is -inf."""


class ConvergenceError(HtmuError, ArithmeticError):
    """An iteration did not converge, or the quantity asked for is infinite."""


class CancelledError(HtmuError):
    """A cancel token stopped the computation."""


class MissingExtraError(HtmuError, ImportError):
    """An optional dependency is missing; the message names the extra to install."""


class EngineError(HtmuError, RuntimeError):
    """An engine of another project could not be started, or failed."""


class RunError(HtmuError):
    """A run of a sweep or a training cannot be used."""


class RunFileError(RunError, OSError):
    """A run's file is corrupt, foreign, or cannot be read or written."""


class RunSettingsError(RunError, ValueError):
    """A run was started with other settings than those now asked for."""


class RunLockedError(RunError):
    """Another process is writing the run."""


class AccuracyWarning(UserWarning):
    """A result is honest but less accurate than asked for."""
