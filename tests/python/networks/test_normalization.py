"""Normalisations of pixels, against NumPy in double precision."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra networks is not installed")

from torch import Tensor  # noqa: E402

from htmu.errors import InvalidInputError  # noqa: E402
from htmu.networks.normalization import (  # noqa: E402
    ChannelStatistics,
    as_images,
    channel_statistics,
    normalize,
)


def pixels(n: int = 7) -> Tensor:
    rng = np.random.default_rng(3)
    images: Tensor = torch.from_numpy(rng.integers(0, 256, (n, 3, 32, 32), dtype=np.uint8))
    return images


def test_image_normalization_is_that_of_the_paper() -> None:
    images = pixels()
    got = normalize(images, "image").double().numpy()
    exact = images.numpy() / 255.0
    exact = exact - exact.mean((2, 3), keepdims=True)
    exact /= exact.std((2, 3), keepdims=True)
    exact *= math.sqrt(3072) / np.sqrt((exact**2).sum((1, 2, 3)))[:, None, None, None]
    assert np.abs(got - exact).max() < 1e-6
    assert np.abs(got.mean((2, 3))).max() < 1e-6
    assert np.abs(got.var((2, 3)) - 1).max() < 1e-5
    assert (got**2).sum((1, 2, 3)) == pytest.approx(3072, rel=1e-6)


def test_constant_channel_becomes_zero_and_the_norm_stays() -> None:
    images = pixels(2).float()
    images[1, 0] = 0.1
    got = normalize(images, "image")
    assert float(got[1, 0].abs().max()) == 0
    assert float(got[1].norm()) == pytest.approx(math.sqrt(3072), rel=1e-6)


def test_constant_image_is_refused_by_its_number() -> None:
    images = pixels(4)
    images[2] = 9
    with pytest.raises(InvalidInputError, match="image 2 is constant"):
        normalize(images, "image")
    normalize(images, "dataset")


def test_data_set_normalization_by_channel() -> None:
    images = pixels(5000)  # more than are converted at a time
    exact = images.numpy() / 255.0
    statistics = channel_statistics(images)
    assert statistics.mean.numpy() == pytest.approx(exact.mean((0, 2, 3)), rel=1e-7)
    assert statistics.std.numpy() == pytest.approx(exact.std((0, 2, 3)), rel=1e-6)
    got = normalize(images, "dataset").double().numpy()
    assert np.abs(got.mean((0, 2, 3))).max() < 1e-6
    assert np.abs(got.std((0, 2, 3)) - 1).max() < 1e-6


def test_data_set_normalization_with_statistics_of_another_split() -> None:
    statistics = ChannelStatistics(
        torch.tensor([0.1, 0.2, 0.3]).double(), torch.tensor([1.0, 2.0, 4.0]).double()
    )
    got = normalize(torch.ones(1, 3, 32, 32), "dataset", statistics)
    assert got[0, :, 5, 7].tolist() == pytest.approx([0.9, 0.4, 0.175])


def test_constant_channel_of_a_data_set_is_refused() -> None:
    images = pixels(3)
    images[:, 1] = 200
    with pytest.raises(InvalidInputError, match="channel 1 is 0; use 'none'"):
        normalize(images, "dataset")


def test_none_divides_bytes_and_leaves_the_rest() -> None:
    images = pixels(2)
    assert torch.equal(normalize(images, "none"), images.float() / 255)
    own = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    assert torch.equal(normalize(own, "none"), own)


def test_grey_images_get_three_channels_and_32_pixels() -> None:
    ramp = torch.arange(8.0).repeat(2, 8, 1)
    images = as_images(ramp)
    assert images.shape == (2, 3, 32, 32)
    assert torch.equal(images[:, 0], images[:, 2])
    # Bilinear with pixel centres: pixel i of 32 lies at (i + 1/2) / 4 - 1/2 of 8, held at the ends.
    places = np.clip((np.arange(32) + 0.5) / 4 - 0.5, 0, 7)
    assert images[1, 1, 9].numpy() == pytest.approx(places, abs=1e-6)
    assert torch.equal(as_images(ramp[:, None]), images)
