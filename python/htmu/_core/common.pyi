"""
Threads, cancellation and the processor.
"""
from __future__ import annotations
import typing
__all__: list[str] = ['CancelToken', 'cpu_features', 'cpu_model', 'instruction_set', 'max_threads', 'supported_instruction_sets', 'throughput', 'use_instruction_set']
class CancelToken:
    """
    A flag that any thread may set to stop work in progress.
    """
    def __init__(self) -> None:
        ...
    def cancel(self) -> None:
        ...
    @property
    def cancelled(self) -> bool:
        ...
def _raise_core_error(kind: str) -> None:
    ...
def _spin(n_items: typing.SupportsInt | typing.SupportsIndex, milliseconds: typing.SupportsFloat | typing.SupportsIndex, n_threads: typing.SupportsInt | typing.SupportsIndex, cancel: CancelToken | None = None) -> None:
    ...
def cpu_features() -> list[str]:
    """
    Supported vector instruction sets, narrowest first.
    """
def cpu_model() -> str:
    """
    The processor's brand string.
    """
def instruction_set() -> str:
    """
    The instruction set that the vector kernels use.
    """
def supported_instruction_sets() -> list[str]:
    """
    Those that this machine supports, narrowest first.
    """
def throughput() -> tuple[float, float]:
    """
    Multiply-adds and divisions of doubles that one core does at most in a second.
    """
def use_instruction_set(name: str) -> None:
    """
    Uses another one from now on, in the whole process.
    """
max_threads: int = 1024
