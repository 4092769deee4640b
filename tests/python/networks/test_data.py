"""Data sets that are always there, the draw of points, and your own images."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from scipy import stats

torch = pytest.importorskip("torch", reason="the extra networks is not installed")
datasets = pytest.importorskip("sklearn.datasets", reason="the extra networks is not installed")

from htmu.errors import InvalidInputError, NonFiniteError  # noqa: E402
from htmu.networks import image_data, load_data  # noqa: E402


def test_digits_are_those_of_scikit_learn() -> None:
    digits = datasets.load_digits()
    training, test = load_data(normalization="none"), load_data(train=False, normalization="none")
    assert (len(training), len(test)) == (1500, 297)
    labels = torch.cat([training.labels, test.labels])
    assert labels.tolist() == digits.target.tolist()
    assert labels.dtype == torch.int64
    # Means over 4 x 4 pixels of a bilinear ramp are the pixels again, up to their neighbours: the
    # total is what stays for an image whose border is empty.
    images = torch.cat([training.images, test.images])
    assert images.shape == (1797, 3, 32, 32)
    assert images.dtype == torch.float32
    empty = [
        index
        for index, image in enumerate(digits.images)
        if not (image[0].any() or image[-1].any() or image[:, 0].any() or image[:, -1].any())
    ]
    for index in empty[:20]:
        total = float(images[index, 0].double().sum())
        assert total == pytest.approx(digits.images[index].sum() / 16 * 16, rel=1e-5)


def test_digits_normalized_as_in_the_paper() -> None:
    data = load_data(n=50)
    assert data.images.flatten(1).norm(dim=1).numpy() == pytest.approx(np.sqrt(3072), rel=1e-6)
    assert (data.n_classes, data.name, data.normalization) == (10, "digits", "image")


def test_draw_is_without_replacement_nested_and_by_seed() -> None:
    whole = load_data(normalization="none")
    many, few = load_data(n=200, seed=4), load_data(n=60, seed=4)
    assert torch.equal(many.images[:60], few.images)
    assert torch.equal(many.labels[:60], few.labels)
    assert not torch.equal(load_data(n=60, seed=5).labels, few.labels)
    everything = load_data(n=1500, seed=4, normalization="none")
    order = [image.numpy().tobytes() for image in whole.images]
    drawn = [image.numpy().tobytes() for image in everything.images]
    assert sorted(order) == sorted(drawn)
    assert order != drawn


def test_draw_is_uniform() -> None:
    """Labels of 600 drawn points against the split's own; false alarms 1 in 10,000 (fixed seed)."""
    whole = np.bincount(load_data(normalization="none").labels.numpy())
    drawn = np.bincount(load_data(n=600, seed=11).labels.numpy(), minlength=10)
    assert stats.chisquare(drawn, whole * 600 / 1500).pvalue > 1e-4


def test_source_gives_the_same_again() -> None:
    for data in (load_data(n=30, seed=9), load_data("gaussian", n=12, n_classes=3, separation=2)):
        again = load_data(**data.source)
        assert again.fingerprint() == data.fingerprint()


def test_gaussian_classes_have_the_separation_asked_for() -> None:
    """Each of two bounds is crossed by chance once in 10^6 (fixed seed)."""
    data = load_data("gaussian", n=1000, n_classes=2, separation=8, normalization="none")
    assert torch.bincount(data.labels).tolist() == [500, 500]
    points = data.images.flatten(1).double().numpy()
    first, second = (points[data.labels.numpy() == k] for k in (0, 1))
    # Squared distance of the sample means: 64 + 3072 (2/500), and its standard deviation.
    excess = float(((first.mean(0) - second.mean(0)) ** 2).sum()) - 64 - 3072 * 0.004
    assert abs(excess) < 4.9 * np.sqrt(2 * 3072 * 0.004**2 + 4 * 64 * 0.004)
    centred = np.concatenate([first - first.mean(0), second - second.mean(0)])
    assert 2e-6 < 2 * stats.chi2.sf((centred**2).sum(), 998 * 3072) < 2 - 2e-6


def test_gaussian_splits_share_their_classes_but_no_points() -> None:
    arguments: dict[str, Any] = {
        "n": 400,
        "n_classes": 2,
        "separation": 30,
        "normalization": "none",
    }
    training = load_data("gaussian", **arguments)
    test = load_data("gaussian", train=False, **arguments)
    means = torch.stack([training.images[training.labels == k].mean(0).flatten() for k in (0, 1)])
    nearest = torch.cdist(test.images.flatten(1), means).argmin(1)
    assert torch.equal(nearest, test.labels)
    assert not torch.equal(training.images, test.images)
    assert torch.equal(load_data("gaussian", **{**arguments, "n": 10}).images, training.images[:10])


def test_test_split_is_normalized_by_the_training_split() -> None:
    raw = load_data(train=False, normalization="none").images.double()
    training = load_data(normalization="none").images.double()
    mean, std = training.mean((0, 2, 3)), training.std((0, 2, 3), correction=0)
    expected = (raw - mean[:, None, None]) / std[:, None, None]
    got = load_data(train=False, normalization="dataset").images.double()
    assert float((got - expected).abs().max()) < 1e-5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "cifar100"}, "data set must be one of 'digits'"),
        ({"normalization": "unit"}, "normalization must be one of"),
        ({"n": 0}, "n must be an integer at least 1, got 0"),
        ({"n": 1501}, "n is 1501, but the training split of 'digits' has 1500 images"),
        ({"n": 298, "train": False}, "the test split of 'digits' has 297 images"),
        ({"seed": -1}, "seed must be an integer"),
        ({"train": 1}, "train must be True or False"),
        ({"download": "no"}, "download must be True or False"),
        ({"data_dir": 3}, "data_dir must be the path of a folder"),
        ({"n_classes": 3}, "'digits' has no option 'n_classes'"),
        ({"name": "gaussian", "n_classes": 1}, "n_classes must be an integer from 2 to 3072"),
        ({"name": "gaussian", "separation": -1}, "separation must be"),
        ({"name": "gaussian", "n": 10**12}, "more than this machine's"),
    ],
)
def test_bad_input_is_one_line(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        load_data(**arguments)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_own_images() -> None:
    rng = np.random.default_rng(0)
    images = rng.normal(size=(6, 3, 32, 32)).astype(np.float32)
    data = image_data(images, [0, 3, 1, 1, 0, 2])
    assert torch.equal(data.images, torch.from_numpy(images))
    assert (data.n_classes, len(data), data.source) == (4, 6, {})
    same = image_data(torch.from_numpy(images), torch.tensor([0, 3, 1, 1, 0, 2]))
    assert same.fingerprint() == data.fingerprint()
    assert image_data(images[:, :1], np.zeros(6, int)).n_classes == 2
    assert "own" in repr(data)


@pytest.mark.parametrize(
    ("images", "labels", "more", "message"),
    [
        ("text", [0], {}, "images must be a tensor or an array of numbers"),
        (np.zeros((2, 5, 8, 8)), [0, 1], {}, "images must have shape"),
        (np.zeros((0, 8, 8)), [], {}, "images must have shape"),
        (np.zeros((2, 8, 8)), [0], {}, "labels must be 2 integers"),
        (np.zeros((2, 8, 8)), [0.0, 1.0], {}, "labels must be 2 integers"),
        (np.zeros((2, 8, 8)), [0, -1], {}, "labels must be from 0 to 1, got -1"),
        (np.zeros((2, 8, 8)), [0, 5], {"n_classes": 5}, "labels must be from 0 to 4, got 0 to 5"),
        (np.zeros((2, 8, 8), complex), [0, 1], {}, "images must be real"),
        (np.zeros((2, 8, 8)), [0, 1], {"normalization": "x"}, "normalization must be"),
    ],
)
def test_bad_own_images(images: Any, labels: Any, more: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        image_data(images, labels, **more)


def test_own_images_that_are_not_finite() -> None:
    images = np.zeros((3, 8, 8))
    images[1, 2, 3] = np.nan
    with pytest.raises(NonFiniteError, match="image 1 has a pixel"):
        image_data(images, [0, 1, 0])


GREY = np.arange(2 * 28 * 28).reshape(2, 28, 28) % 256


@pytest.mark.parametrize("kind", ["u1", "u2", "u4", "u8", ">u2", "<i8"])
def test_whole_numbers_of_any_type(kind: str) -> None:
    data = image_data(GREY.astype(kind), np.array([0, 1]).astype(kind))
    expected = image_data(GREY.astype("u1"), [0, 1])
    assert torch.equal(data.images, expected.images)
    assert torch.equal(data.labels, expected.labels)
    of_torch = image_data(torch.from_numpy(GREY).to(torch.uint16), torch.tensor([0, 1]))
    assert torch.equal(of_torch.images, expected.images)


def test_long_doubles_and_strides() -> None:
    expected = image_data(GREY / 255, [1, 0])
    assert torch.equal(
        image_data((GREY / 255).astype(np.longdouble), [1, 0]).images, expected.images
    )
    turned = image_data((GREY / 255)[::-1], np.array([1, 0])[::-1])
    assert torch.equal(turned.images, expected.images.flip(0))
    assert turned.labels.tolist() == [0, 1]


def test_pixels_beyond_single_precision_are_refused() -> None:
    images = np.ones((3, 28, 28))
    images[1, 5, 5] = 1e300
    with pytest.raises(NonFiniteError, match="image 1 has a pixel"):
        image_data(images, [0, 1, 2])


@pytest.mark.parametrize("as_given", [np.asarray, torch.tensor])
def test_images_are_a_copy(as_given: Any) -> None:
    images = as_given(np.full((2, 3, 32, 32), 0.5, dtype=np.float32))
    labels = as_given(np.array([0, 1]))
    data = image_data(images, labels)
    images[:] = 7
    labels[:] = 7
    assert float(data.images.max()) == 0.5
    assert data.labels.tolist() == [0, 1]


@pytest.mark.parametrize("label", [10**15, 2**16, -1, 2**63])
def test_absurd_labels_are_refused(label: int) -> None:
    kind = np.uint64 if label >= 2**63 else np.int64
    with pytest.raises(InvalidInputError, match="labels must be") as caught:
        image_data(np.ones((2, 28, 28)), np.array([0, label], dtype=kind))
    assert "\n" not in str(caught.value)


def test_images_without_values_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="dense tensor with values"):
        image_data(torch.zeros(2, 28, 28, device="meta"), [0, 1])


#: What an earlier call of the caller's may have set.
FOREIGN = """
import hashlib, sys, torch
from htmu.networks import *
if len(sys.argv) > 1:
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
sha = hashlib.sha256()
for name in ("digits", "gaussian"):
    for normalization in NORMALIZATIONS:
        data = load_data(name, n=20, normalization=normalization)
        sha.update(data.fingerprint().encode())
own = image_data([[[0.0, 1.0], [1.0, 0.0]]] * 2, [0, 1], normalization="image")
sha.update(own.fingerprint().encode())
for name, options in (("lenet", {}), ("resnet9", {"width": 2}), ("mlp", {"width": 4})):
    model = build_model(name, seed=1, **options)
    for value in model.state_dict().values():
        sha.update(str(value.dtype).encode() + value.numpy().tobytes())
data = load_data("digits", n=20)
result = train(build_model("resnet9", width=2), data, Recipe(lr=0.01, batch_size=10, epochs=1))
print(sha.hexdigest(), result.train_loss)
"""


def test_defaults_of_the_caller_change_nothing() -> None:
    said = [
        subprocess.run(
            [sys.executable, "-W", "error", "-c", FOREIGN, *more],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for more in ([], ["other"])
    ]
    assert said[0] == said[1]
