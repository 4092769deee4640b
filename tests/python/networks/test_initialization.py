"""Initial weights: their moments, their streams, and what cannot be initialised."""

from __future__ import annotations

import pytest
from scipy import stats

torch = pytest.importorskip("torch", reason="the extra networks is not installed")

from torch import nn  # noqa: E402

from htmu.errors import InvalidInputError  # noqa: E402
from htmu.networks import build_model, initialize  # noqa: E402

#: Chance that one of the bounds below is crossed; the seeds are fixed.
FALSE_ALARM = 1e-6


@pytest.mark.parametrize(("scheme", "variance"), [("he", 2.0), ("ntk", 1.0)])
@pytest.mark.parametrize("name", ["minialexnet", "resnet9", "vgg11"])
def test_moments_of_the_weights(name: str, scheme: str, variance: float) -> None:
    model = build_model(name, seed=8, initialization=scheme)
    bound = stats.norm.isf(FALSE_ALARM / 2)
    for layer in model.modules():
        if not isinstance(layer, (nn.Conv2d, nn.Linear)):
            continue
        weight = layer.weight.detach().double()
        n = weight.numel()
        unit = (weight / (variance / weight[0].numel()) ** 0.5).flatten()
        assert abs(float(unit.sum())) < bound * n**0.5
        tail = stats.chi2.sf(float((unit**2).sum()), n)
        assert FALSE_ALARM / 2 < tail < 1 - FALSE_ALARM / 2
        # The fourth moment of a normal variate is 3, and its variance 96.
        if n > 10_000:
            assert abs(float((unit**4).mean()) - 3) < bound * (96 / n) ** 0.5
        if layer.bias is not None:
            assert not bool(layer.bias.any())


def test_entries_are_independent_of_other_layers() -> None:
    """Correlation of two layers of equal shape, crossed by chance once in 10^6."""
    model = nn.Sequential(nn.Linear(200, 200), nn.Linear(200, 200))
    initialize(model, seed=1)
    weights = [value for value in model.parameters() if value.ndim == 2]
    first, second = (value.detach().flatten().double() for value in weights)
    correlation = float(torch.corrcoef(torch.stack([first, second]))[0, 1])
    assert abs(correlation) < stats.norm.isf(FALSE_ALARM / 2) / 200


def test_norms_start_as_the_identity_and_forget() -> None:
    model = build_model("vgg11", width=8)
    model(torch.randn(8, 3, 32, 32, generator=torch.Generator().manual_seed(0)))
    norm = next(layer for layer in model.modules() if isinstance(layer, nn.BatchNorm2d))
    assert norm.running_mean is not None
    assert bool(norm.running_mean.any())
    initialize(model, "he", 0)
    assert not bool(norm.running_mean.any())
    assert norm.num_batches_tracked == 0
    assert bool((norm.weight == 1).all())
    assert not bool(norm.bias.any())


def test_initialize_gives_what_the_builder_gives() -> None:
    model = build_model("lenet", seed=1)
    returned = initialize(model, "ntk", 5)
    assert returned is model
    expected = build_model("lenet", seed=5, initialization="ntk").state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in model.state_dict().items())


def test_attention_embedding_and_shared_weights() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(300, 64)
            self.attention = nn.MultiheadAttention(64, 4)
            self.norm = nn.LayerNorm(64)
            self.head = nn.Linear(64, 300, bias=False)
            self.head.weight = self.embedding.weight

    model = initialize(Tied(), "ntk", 2)
    assert isinstance(model, Tied)
    assert model.head.weight is model.embedding.weight
    for weight, variance in (
        (model.embedding.weight, 1.0),
        (model.attention.in_proj_weight, 1 / 64),
        (model.attention.out_proj.weight, 1 / 64),
    ):
        assert weight is not None
        total = float((weight.detach().double() ** 2).sum()) / variance
        tail = stats.chi2.sf(total, weight.numel())
        assert FALSE_ALARM / 2 < tail < 1 - FALSE_ALARM / 2
    assert not bool(model.attention.in_proj_bias.any())


def test_unknown_kind_of_layer_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"initialization of GRU \(1, parameter 'weight_ih"):
        initialize(nn.Sequential(nn.Linear(3, 3), nn.GRU(3, 3)))
    with pytest.raises(InvalidInputError, match=r"must be a torch\.nn\.Module"):
        initialize([nn.Linear(3, 3)])  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="initialization must be one of"):
        initialize(nn.Linear(3, 3), "xavier")
