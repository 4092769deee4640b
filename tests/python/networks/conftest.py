"""Fixtures of the tests of networks and their training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from htmu.networks import ImageData, Recipe


@pytest.fixture
def points() -> ImageData:
    """Sixty images of three classes."""
    from htmu.networks import load_data

    return load_data("gaussian", n=60, n_classes=3)


@pytest.fixture
def brief() -> Recipe:
    """Four epochs with momentum, of batches that do not divide the points."""
    from htmu.networks import Recipe

    return Recipe(lr=0.01, momentum=0.9, weight_decay=1e-3, batch_size=16, epochs=4, seed=5)
