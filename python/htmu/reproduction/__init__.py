"""The paper's figures, made again from data to picture.

Owns the settings of each figure at each scale, what is kept on disk between runs, and the fits and
pictures of the results. May import `networks`, `ntk`, `fits`, `plotting` and what is below them.

Torch comes with the extra ``htmu[networks]``.
"""

# First, for it says what to install where Torch is missing.
import htmu.networks  # noqa: F401
from htmu.reproduction.figure1 import KERNEL_SCALES, KernelScale, reproduce_figure1
from htmu.reproduction.figure2 import WEIGHT_SCALES, WeightScale, reproduce_figure2
from htmu.reproduction.result import Reproduction

__all__ = [
    "KERNEL_SCALES",
    "WEIGHT_SCALES",
    "KernelScale",
    "Reproduction",
    "WeightScale",
    "reproduce_figure1",
    "reproduce_figure2",
]
