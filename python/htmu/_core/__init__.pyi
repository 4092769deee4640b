"""
Compiled core of htmu: arrays in, arrays out; see the wrappers for the documentation.
"""
from __future__ import annotations
from . import common
from . import random
from . import special
from . import linalg
from . import ensembles
from . import structures
from . import kappa
__all__: list[str] = ['common', 'ensembles', 'kappa', 'linalg', 'random', 'special', 'structures']
