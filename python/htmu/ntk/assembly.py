"""The work of an assembly: strips of rows, in each groups of layers, in each blocks of columns."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from htmu.errors import InvalidInputError, NonFiniteError
from htmu.ntk.capture import run_model, with_graph
from htmu.ntk.memory import Needs, Schedule, available_bytes, make_schedule
from htmu.ntk.outputs import Outputs, choose_outputs
from htmu.ntk.parts import Part
from htmu.ntk.passes import fill
from htmu.ntk.plan import build_parts, pair_work
from htmu.ntk.preparation import cast, private_copy
from htmu.ntk.sites import Uses, find_uses
from htmu.ntk.storage import KernelFile, mirror

__all__ = ["Assembly", "GramProgress"]

Array = NDArray[Any]

#: Seconds of work after which the sum in hand is saved.
_SAVE_SECONDS = 60.0


@dataclass(frozen=True)
class GramProgress:
    """State of an assembly: the fraction done, of the contractions' work, and a line on it."""

    fraction: float
    message: str


class Assembly:
    """A model made ready: its parts, and the division of the work."""

    def __init__(
        self,
        model: nn.Module,
        x: Tensor,
        outputs: Outputs,
        parts: list[Part],
        uses: Uses,
        kernel: torch.dtype,
        needs: Needs,
        limit: float,
    ) -> None:
        self.model, self.x, self.outputs = model, x, outputs
        self.parts, self.uses, self.kernel = parts, uses, kernel
        self.needs, self.limit = needs, limit
        self.scale, self.count = 1.0, 0
        self.progress: Callable[[GramProgress], object] | None = None
        self._work = [pair_work(part, outputs, needs.n) for part in parts]
        self._spent = 0.0

    @classmethod
    def prepare(
        cls,
        model: nn.Module,
        x: Tensor,
        names: dict[str, list[str]],
        outputs: Any,
        passes: torch.dtype,
        kernel: torch.dtype,
        device: torch.device,
        limit: float | None,
        whole: bool,
        per_layer: bool,
        whole_model: Collection[str] = (),
    ) -> Assembly:
        """Copy the model, find where its parameters act, and divide the work."""
        limit = available_bytes(device) if limit is None else limit
        own = private_copy(model, device)
        uses = _uses(own, x, names, device, whole_model)
        cast(own, passes)
        x = x.to(device, passes) if x.is_floating_point() else x.to(device)
        count = run_model(own, with_graph(x[:1])).shape[1]
        chosen = choose_outputs(outputs, count, passes)
        chosen = Outputs(chosen.weights.to(device), chosen.trace)
        parts = build_parts(own, names, uses, chosen, len(x))
        sizes = {name: p.numel() for name, p in own.named_parameters(remove_duplicate=False)}
        everything = sum(p.numel() for p in own.parameters())
        total = sum(sizes[name] for name in names)
        needs = Needs(
            n=len(x),
            classes=chosen.classes,
            whole=whole,
            kernel_size=kernel.itemsize * (len({part.owner for part in parts}) if per_layer else 1),
            size=passes.itemsize,
            # The check holds the model and gradients for two samples in float64.
            # Later come the sums over a chunk: autograd's, the parts', and their difference.
            fixed=8.0 * (2 * everything + 2 * total + 2 * max(sizes[name] for name in names))
            + 3.0 * passes.itemsize * total
            + x.numel() * x.element_size(),
            graph=uses.graph_numbers,
            largest=uses.largest,
        )
        found = cls(own, x, chosen, parts, uses, kernel, needs, limit)
        found.count = total
        return found

    def in_memory(self) -> Array:
        """The kernel as an array."""
        schedule = make_schedule(self.needs, self.parts, self.limit)
        total = self._zeros(self.parts)
        self._add_all(total, schedule, self.parts)
        return self._finished(total)

    def per_layer(self) -> dict[str, Array]:
        """A kernel for each owner of parameters."""
        schedule = make_schedule(self.needs, self.parts, self.limit)
        found: dict[str, Array] = {}
        for owner in dict.fromkeys(part.owner for part in self.parts):
            chosen = [part for part in self.parts if part.owner == owner]
            total = self._zeros(chosen)
            self._add_all(total, schedule, chosen)
            found[owner] = self._finished(total)
        return found

    def _zeros(self, parts: Sequence[Part]) -> Tensor:
        size = self.needs.n * self.needs.classes
        return torch.zeros(size, size, dtype=self.kernel, device=self.x.device)

    def _finished(self, total: Tensor) -> Array:
        _check_overflow(total)
        array = total.cpu().numpy()
        if self.scale != 1.0:
            array *= self.scale
        mirror(lambda: array, len(array))
        return array

    def _add_all(self, total: Tensor, schedule: Schedule, parts: list[Part]) -> None:
        for rows in schedule.blocks:
            first = rows.start * self.needs.classes
            last = rows.stop * self.needs.classes
            strip = _Strip(rows, total[first:last, first:], 0)
            self._add_strip(strip, schedule, parts, None)

    def to_file(self, out: str | os.PathLike[str], settings: dict[str, Any], resume: bool) -> Array:
        """The kernel in a file, strip by strip."""
        size = self.needs.n * self.needs.classes
        dtype = np.dtype(np.float32 if self.kernel == torch.float32 else np.float64)
        settings = {**settings, "values": self.uses.fingerprint}
        file = KernelFile(out, size, dtype, settings, resume)
        try:
            if not file.finished:
                schedule = make_schedule(self.needs, self.parts, self.limit, file.block)
                file.begin(schedule.block)
                for number, rows in enumerate(schedule.blocks):
                    if number in file.done:
                        self._spent += sum(self._work) * _pairs(schedule, rows)
                        continue
                    self._file_strip(file, schedule, number, rows)
                file.finish()
            result: Array = file.result()
            return result
        finally:
            file.close()

    def _file_strip(self, file: KernelFile, schedule: Schedule, number: int, rows: slice) -> None:
        classes = self.needs.classes
        first, last = rows.start * classes, rows.stop * classes
        shape = (last - first, self.needs.n * classes - first)
        begun = file.partial(number)
        done = 0
        if begun is not None and begun[1].shape == shape:
            done = begun[0]
            total = torch.from_numpy(begun[1]).to(self.x.device)
            pieces = [
                work / part.pieces
                for part, work in zip(self.parts, self._work, strict=True)
                for _ in range(part.pieces)
            ]
            self._spent += sum(pieces[:done]) * _pairs(schedule, rows)
        else:
            total = torch.zeros(shape, dtype=self.kernel, device=self.x.device)

        def save(pieces: int) -> None:
            file.save_partial(number, pieces, total.cpu().numpy())

        self._add_strip(_Strip(rows, total, done), schedule, self.parts, save)
        _check_overflow(total)
        if self.scale != 1.0:
            total *= self.scale
        file.save_strip(number, first, total.cpu().numpy())

    def _add_strip(
        self,
        strip: _Strip,
        schedule: Schedule,
        parts: list[Part],
        save: Callable[[int], None] | None,
    ) -> None:
        """Add all parts to a strip; `save` is called with the number of pieces done, at times."""
        classes, rows = self.needs.classes, strip.rows
        offset = rows.start * classes
        saved = time.monotonic()
        units = [(number, piece) for number, p in enumerate(parts) for piece in range(p.pieces)]
        begin = units[strip.done][0] if strip.done < len(units) else len(parts)
        for group in schedule.groups(parts, begin) or []:
            chosen = [parts[number] for number in group]
            left = self._fill(chosen, rows, schedule)
            others = [block for block in schedule.blocks if block.start >= rows.start]
            ahead = [unit for unit, (number, _) in enumerate(units) if number in group]
            for columns in others:
                same = columns.start == rows.start
                right = left if same else self._fill(chosen, columns, schedule)
                tile = strip.total[
                    :, columns.start * classes - offset : columns.stop * classes - offset
                ]
                pairs = (rows.stop - rows.start) * (columns.stop - columns.start)
                for unit in ahead:
                    if unit < strip.done:
                        continue
                    number, piece = units[unit]
                    place = number - group[0]
                    parts[number].add(
                        tile,
                        left[place],
                        right[place],
                        same,
                        self.outputs.trace,
                        schedule.room,
                        piece,
                    )
                    # Of several tiles, the earlier ones have the whole group by now: only its
                    # end is the same state for all.
                    is_state = len(others) == 1 or (columns is others[-1] and unit == ahead[-1])
                    if save and is_state and time.monotonic() - saved >= _SAVE_SECONDS:
                        save(unit + 1)
                        saved = time.monotonic()
                    self._report(parts[number], pairs / 2 if same else pairs)
                del right
            del left

    def _fill(self, parts: list[Part], rows: slice, schedule: Schedule) -> list[list[Tensor]]:
        return fill(
            self.model,
            self.x[rows],
            self.outputs.weights,
            parts,
            self.uses,
            schedule.chunk,
            rows.start,
        )

    def _report(self, part: Part, pairs: float) -> None:
        """Count a piece of a part, of so many pairs of samples."""
        number = next(i for i, p in enumerate(self.parts) if p is part)
        self._spent += self._work[number] / part.pieces * pairs
        if self.progress is not None:
            n = self.needs.n
            total = sum(self._work) * n * n / 2
            message = f"layer {part.owner or 'of the model itself'}, {n} samples"
            self.progress(GramProgress(min(1.0, self._spent / total), message))


@dataclass
class _Strip:
    """Rows of samples, their sum from their own column on, and the pieces that are in it."""

    rows: slice
    total: Tensor
    done: int


def _check_overflow(total: Tensor) -> None:
    if not all(bool(torch.isfinite(value)) for value in torch.aminmax(total)):
        raise NonFiniteError(
            f"the kernel overflows {str(total.dtype).removeprefix('torch.')}; scale the model's "
            f"outputs down, or use dtype='mixed' or 'float64'"
        )


def _pairs(schedule: Schedule, rows: slice) -> float:
    """Pairs of samples in a strip, half of those on its diagonal tile."""
    size = float(rows.stop - rows.start)
    return size * (schedule.needs.n - float(rows.stop)) + size * size / 2


def _uses(
    model: nn.Module,
    x: Tensor,
    names: dict[str, list[str]],
    device: torch.device,
    whole_model: Collection[str],
) -> Uses:
    """Sites of the parameters, checked in float64, or in the model's own precision if need be."""
    numbers = [0, len(x) - 1, len(x) // 2]
    chosen = x[numbers].to(device)
    precisions = [p.dtype for p in model.parameters() if p.is_floating_point()]
    own = torch.float32 if not precisions or precisions[0].itemsize < 8 else precisions[0]
    for precision in dict.fromkeys((torch.float64, own)):
        cast(model, precision)
        samples = chosen.to(precision) if chosen.is_floating_point() else chosen
        try:
            return find_uses(model, samples, names, numbers, whole_model)
        except InvalidInputError as error:
            # Only a module that is written for one precision may fail here and not there.
            if precision == own or not isinstance(error.__cause__, RuntimeError):
                raise
    raise AssertionError
