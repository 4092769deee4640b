"""Contractions: each adds one term's blocks to a tile of the kernel.

`target` is (n1 c, n2 c); `left` and `right` hold n1 and n2 samples. Where they are the same samples
(`same`) only the block upper triangle is added: what lies below the diagonal is not to be read.
All products are done in the target's precision, whatever that of the operands; `room` bounds the
bytes of the buffers, roughly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

__all__ = ["add_pairs", "add_product", "add_rows", "add_sliced"]

Features = Callable[[Tensor], Tensor]

#: Bytes of the buffer of one batch of small products: larger ones leave the cache.
_CACHE = 6_000_000

#: Bytes of gradients that are formed at a time: more leave the cache before they are multiplied.
_FORMED = 16_000_000

#: Rows of a sample's gradients that one forming of its features is worth.
_FEWEST_ROWS = 320


def add_rows(target: Tensor, left: Tensor, right: Tensor, same: bool, room: int) -> None:
    """Add left right^T, of gradients (n, c, D)."""
    left, right = left.reshape(-1, left.shape[2]), right.reshape(-1, right.shape[2])
    rows = len(left) if same else len(left) + len(right)
    width = left.shape[1]
    if left.dtype != target.dtype:
        width = max(32, min(width, room // (rows * target.element_size())))
    for first in range(0, left.shape[1], width):
        a = left[:, first : first + width].to(target.dtype)
        b = a if same else right[:, first : first + width].to(target.dtype)
        _add_outer(target, a, b, same)


def _add_outer(target: Tensor, a: Tensor, b: Tensor, same: bool) -> None:
    """Add a b^T; half of it, by blocks of rows, if a is b."""
    if not same:
        target.addmm_(a, b.T)
        return
    step = max(64, len(a) // 12)
    for i in range(0, len(a), step):
        target[i : i + step, i:].addmm_(a[i : i + step], b[i:].T)


def _tiles(n1: int, n2: int, step: int, same: bool) -> Iterator[tuple[slice, slice]]:
    for i in range(0, n1, step):
        for j in range(i if same else 0, n2, step):
            yield slice(i, min(i + step, n1)), slice(j, min(j + step, n2))


def add_product(
    target: Tensor,
    left: tuple[Tensor, Tensor],
    right: tuple[Tensor, Tensor],
    same: bool,
    bias: bool,
    room: int,
) -> None:
    """Add (A A^T + bias) o (B B^T), of features A (n, K) and gradients B (n, c, Co)."""
    classes, outputs = left[1].shape[1:]
    size = target.element_size()
    each = size * (2 * (left[0].shape[1] + classes * outputs) + 3 * 64 * classes * classes)
    step = max(8, min(1024, room // each))
    for i, j in _tiles(len(left[0]), len(right[0]), step, same):
        features = left[0][i].to(target.dtype) @ right[0][j].to(target.dtype).T
        if bias:
            features += 1
        b = right[1][j].reshape(-1, outputs).to(target.dtype)
        part = max(1, min(64, 640 // classes))
        for k in range(i.start, i.stop, part):
            end = min(k + part, i.stop)
            a = left[1][k:end].reshape(-1, outputs).to(target.dtype)
            gradients = (a @ b.T).view(end - k, classes, j.stop - j.start, classes)
            gradients *= features[k - i.start : end - i.start, None, :, None]
            rows = target[k * classes : end * classes, j.start * classes : j.stop * classes]
            rows += gradients.view(rows.shape)


def add_pairs(
    target: Tensor,
    left: tuple[Tensor, Tensor],
    right: tuple[Tensor, Tensor],
    same: bool,
    bias: bool,
    features: Features,
    room: int,
) -> None:
    """Add sum_pq (A_p . A'_q + bias) (B_p . B'_q), of inputs and gradients (n, c, Co, P).

    The bias's gradient is the sum of B over positions, so that its kernel is the term without A.
    """
    classes, outputs, positions = left[1].shape[1:]
    size = target.element_size()
    width = features(left[0][:1]).shape[2]
    # Of a sample: features and gradients on both sides; of a pair: positions squared.
    each = 2 * size * positions * (2 * width + classes * outputs)
    step = max(1, min(1024, room // (2 * each)))
    across = size * positions * positions
    step_left = max(1, min(step, room // (2 * across * min(step, len(right[0])))))
    cache = _CACHE if target.device.type == "cpu" else room // 4
    batch = max(1, cache // (classes * outputs * positions * size))
    spare = target.new_empty(min(batch, len(right[0])), classes * outputs, positions)
    for j0 in range(0, len(right[0]), step):
        j1 = min(j0 + step, len(right[0]))
        a2 = features(right[0][j0:j1]).to(target.dtype).reshape(-1, width)
        b2 = right[1][j0:j1].to(target.dtype).reshape(j1 - j0, classes * outputs, positions)
        for i0 in range(0, min(len(left[0]), j1) if same else len(left[0]), step_left):
            i1 = min(i0 + step_left, len(left[0]))
            start = max(j0, i0) if same else j0  # pairs with j below i are never read
            a1 = features(left[0][i0:i1]).to(target.dtype).reshape(-1, width)
            inner = a2[(start - j0) * positions :] @ a1.T
            if bias:
                inner += 1
            inner = inner.view(j1 - start, positions, i1 - i0, positions)
            for i in range(i0, i1):
                b1 = left[1][i].to(target.dtype).reshape(classes, -1)
                rows = target[i * classes : (i + 1) * classes]
                for j in range(max(start, i) if same else start, j1, batch):
                    end = min(j + batch, j1)
                    moved = spare[: end - j]
                    torch.bmm(
                        b2[j - j0 : end - j0], inner[j - start : end - start, :, i - i0], out=moved
                    )
                    rows[:, j * classes : end * classes].addmm_(
                        b1, moved.view((end - j) * classes, -1).T
                    )


def add_sliced(
    target: Tensor,
    left: tuple[Tensor, Tensor],
    right: tuple[Tensor, Tensor],
    same: bool,
    features: Features,
    room: int,
) -> None:
    """Add the product of gradients, formed from inputs and gradients for some outputs at a time."""
    classes, outputs = left[1].shape[1:3]
    width = features(left[0][:1]).shape[2]
    rows = (len(left[0]) if same else len(left[0]) + len(right[0])) * classes
    size = left[1].element_size()
    if left[1].dtype != target.dtype:
        size += target.element_size()
    each = rows * width * size
    step = max(_FORMED // each, -(-_FEWEST_ROWS // classes))
    step = max(1, min(outputs, step, room // each))
    side = _Formed(left, step, features, room, target.dtype)
    other = side if same else _Formed(right, step, features, room, target.dtype)
    for first in range(0, outputs, step):
        chosen = slice(first, min(first + step, outputs))
        a = side.rows(chosen)
        _add_outer(target, a, a if same else other.rows(chosen), same)


class _Formed:
    """Gradients by some outputs' weights, formed in one buffer for all of them."""

    def __init__(
        self,
        operand: tuple[Tensor, Tensor],
        step: int,
        features: Features,
        room: int,
        dtype: torch.dtype,
    ) -> None:
        self._inputs, self._gradients = operand
        self._features = features
        one = features(self._inputs[:1])
        self._width = one.shape[2]
        self._samples = max(1, min(64, room // (4 * one.numel() * one.element_size())))
        size = self._gradients.shape[:2].numel() * step * self._width
        dtypes = dict.fromkeys((self._gradients.dtype, dtype))
        self._buffers = [self._gradients.new_empty(size, dtype=kind) for kind in dtypes]

    def rows(self, outputs: slice) -> Tensor:
        """The gradients (n c, outputs K), valid until the next call."""
        n, classes = self._gradients.shape[:2]
        count = outputs.stop - outputs.start
        views = [
            buffer[: n * classes * count * self._width].view(n, classes * count, self._width)
            for buffer in self._buffers
        ]
        for i in range(0, n, self._samples):
            here = slice(i, i + self._samples)
            b = self._gradients[here, :, outputs].flatten(1, 2)
            torch.bmm(b, self._features(self._inputs[here]), out=views[0][here])
        if len(views) == 2:
            views[1].copy_(views[0])
        return views[-1].view(n * classes, -1)
