"""
Threads, cancellation and the processor.
"""
from __future__ import annotations
import typing
__all__: list[str] = ['CancelToken', 'cpu_features', 'cpu_model', 'max_threads']
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
max_threads: int = 1024
