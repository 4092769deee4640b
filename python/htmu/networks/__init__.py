"""The paper's networks: data, models, initialisation, training that survives a kill.

Owns data sets and their normalisation, the models and their initial weights, training recipes, the
training loop with its checkpoints, and the spectra of weights. May import `errors`, `arguments`,
`files` and `random`. PyTorch is imported with this package; torchvision, scikit-learn and
safetensors where they are used.
"""

try:
    import torch as _torch  # noqa: F401
except ImportError:
    from htmu.errors import MissingExtraError as _MissingExtraError

    raise _MissingExtraError(
        'networks need PyTorch, which is not installed; run: pip install "htmu[networks]"'
    ) from None

from htmu.networks.checkpoints import Checkpoint, load_checkpoint, load_model
from htmu.networks.data import DATA_SETS, load_data
from htmu.networks.images import ImageData, image_data
from htmu.networks.initialization import SCHEMES, initialize
from htmu.networks.models import (
    MODELS,
    build_model,
    lenet,
    minialexnet,
    mlp,
    resnet9,
    resnet18,
    vgg11,
)
from htmu.networks.normalization import NORMALIZATIONS
from htmu.networks.recipes import FIGURE2_BATCH_SIZES, RECIPES, Recipe, figure2_recipes
from htmu.networks.result import EpochRecord, TrainingProgress, TrainingResult
from htmu.networks.spectra import load_spectra, weight_spectra
from htmu.networks.training import train

__all__ = [
    "DATA_SETS",
    "FIGURE2_BATCH_SIZES",
    "MODELS",
    "NORMALIZATIONS",
    "RECIPES",
    "SCHEMES",
    "Checkpoint",
    "EpochRecord",
    "ImageData",
    "Recipe",
    "TrainingProgress",
    "TrainingResult",
    "build_model",
    "figure2_recipes",
    "image_data",
    "initialize",
    "lenet",
    "load_checkpoint",
    "load_data",
    "load_model",
    "load_spectra",
    "minialexnet",
    "mlp",
    "resnet9",
    "resnet18",
    "train",
    "vgg11",
    "weight_spectra",
]
