"""How to contract a layer that acts on positions: multiply-adds a pair of samples, and memory.

For a weight (Co, K) at P positions and c outputs, per pair of samples:

- explicit: per-sample gradients are formed, c^2 K Co;
- pairs: features of all pairs of positions first, P^2 K + c P^2 Co + c^2 P Co;
- product: P = 1, the product of two Gram matrices, K + c^2 Co.

Small batched products run slower than one large one: the divisors are rates measured on two cores.
"""

from __future__ import annotations

from htmu.ntk.layers import Positions

__all__ = ["choose_method", "explicit_is_smaller", "multiply_adds"]

_FEATURES, _BATCHED, _LAST = 0.8, 0.6, 0.3


def multiply_adds(method: str, sizes: Positions, classes: int, n: int) -> float:
    """Multiply-adds a pair of samples, in units of those of one large product."""
    k, p, o = sizes.n_features, sizes.n_positions, sizes.n_outputs
    if method == "explicit":
        return classes**2 * k * o + 2 * classes * p * k * o / max(n, 1)
    if method == "pairs":
        return p * p * k / _FEATURES + classes * p * p * o / _BATCHED + classes**2 * p * o / _LAST
    return k + classes**2 * o


def choose_method(sizes: Positions, classes: int, n: int) -> str:
    """Cheapest of "product", "explicit" and "pairs"."""
    if sizes.n_positions == 1:
        return "product"
    return min(("explicit", "pairs"), key=lambda method: multiply_adds(method, sizes, classes, n))


def explicit_is_smaller(sizes: Positions, classes: int) -> bool:
    """Whether the gradients take less memory than the inputs and output gradients."""
    formed = classes * sizes.n_features * sizes.n_outputs
    return formed <= sizes.kept + classes * sizes.n_positions * sizes.n_outputs
