"""Per-sample gradients of one module's parameters, from its inputs and output gradients.

A layer is made for one call of a module. `prepare` does once what all outputs share; `rows` gives
each sample's gradient by each parameter. A layer whose weight acts on P positions with K features
each also says so (`positions`): then the kernel comes from products of feature and gradient Gram
matrices, without the gradients themselves. `GenericLayer` takes any module.
"""

from htmu.ntk.layers.base import Layer, Positions
from htmu.ntk.layers.choice import layer_for
from htmu.ntk.layers.generic import GenericLayer

__all__ = ["GenericLayer", "Layer", "Positions", "layer_for"]
