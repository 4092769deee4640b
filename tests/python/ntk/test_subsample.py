"""Spectra of growing sub-sets: nested, scaled, and judged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra networks is not installed")

import torch

from htmu.errors import InvalidInputError
from htmu.ntk import subsample_spectra


def linear(model: Any, x: Any) -> Any:
    """Kernel of a linear model with one output."""
    return x @ x.T


def two_classes(model: Any, x: Any) -> Any:
    return np.kron(x @ x.T, np.diag([1.0, 4.0]))


def features(n: int, p: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal((n, p))


@pytest.mark.parametrize("n", [40, 50])
def test_eigenvalues_are_those_of_nested_subsets(n: int) -> None:
    x = features(n, 60)
    seen: list[Any] = []

    def gram(model: Any, samples: Any) -> Any:
        seen.append(samples)
        return two_classes(model, samples)

    found = subsample_spectra(None, x, [10, 20, 40], gram=gram, repeats=3, seed=5)
    assert [e.shape for e in found.eigenvalues] == [(3, 20), (3, 40), (3, 80)]
    # All of the samples make one kernel, whatever their order.
    assert len(seen) == (1 if n == 40 else 3)
    for repeat in range(3):
        order = np.random.default_rng([5, repeat]).permutation(n)
        for size, values in zip((10, 20, 40), found.eigenvalues, strict=True):
            part = two_classes(None, x[order[:size]]) / size
            np.testing.assert_allclose(values[repeat], np.linalg.eigvalsh(part), atol=1e-12)


def test_settled_spectra_are_said_to_be() -> None:
    # Independent spectra of one law at every n: under no change the 95 % test errs in 5 %.
    # 400 seeds: Binomial(400, 0.05) is at most 34 with probability 0.998. The seeds are fixed.
    alarms = 0
    for seed in range(400):
        draw = np.random.default_rng(seed)
        x = draw.standard_normal(40)

        def gram(model: Any, samples: Any, draw: Any = draw) -> Any:
            return np.diag(draw.gamma(3.0, size=len(samples)))

        found = subsample_spectra(
            None, x, [20, 39], gram=gram, repeats=4, seed=seed, summary=_mean_entry
        )
        alarms += not found.settled
    assert alarms <= 34


def _mean_entry(eigenvalues: Any) -> float:
    # G / n of a diagonal kernel: times n again it is the entries' own law.
    return float(eigenvalues.mean() * len(eigenvalues))


def test_moving_spectra_are_said_to_move() -> None:
    # The nonzero eigenvalues are near 400 / n: each quantile falls as n grows.
    found = subsample_spectra(None, features(400, 400), [50, 100, 200], gram=linear, repeats=6)
    assert not found.settled
    assert found.moves.any()
    assert found.verdict.startswith("still moving between n = 100 and n = 200: ")
    assert "log10 of the" in found.verdict
    assert "\n" not in found.verdict


def test_numbers_agree_with_their_definitions() -> None:
    found = subsample_spectra(
        None,
        features(300, 30),
        [60, 120, 240],
        gram=linear,
        repeats=5,
        summary=lambda e: [e[-1], e.sum()],
    )
    assert found.names == ("summary 0", "summary 1")
    assert found.summaries.shape == (3, 5, 2)
    change = found.summaries[2] - found.summaries[1]
    np.testing.assert_allclose(found.differences, change.mean(0))
    np.testing.assert_allclose(found.differences_error, change.std(0, ddof=1) / np.sqrt(5))
    # s(n) = s + b / n through 120 and 240: 2 s(240) - s(120).
    limit = 2 * found.summaries[2] - found.summaries[1]
    np.testing.assert_allclose(found.extrapolated, limit.mean(0))
    np.testing.assert_allclose(found.means, found.summaries.mean(1))
    # The trace of G / n is the mean squared norm: it has nothing to move to.
    assert not found.moves[1]
    assert found.extrapolated[1] == pytest.approx(30, abs=5 * found.extrapolated_error[1])


def test_extrapolation_of_marchenko_pastur() -> None:
    # The largest eigenvalue of G / n tends to 1 as (1 + sqrt(p / n))^2: not as 1 / n, but nearer.
    found = subsample_spectra(
        None, features(3000, 20), [300, 600], gram=linear, repeats=5, summary=lambda e: e[-1]
    )
    assert abs(found.extrapolated[0] - 1) < abs(found.means[1, 0] - 1)


def test_tail_exponent_of_a_pareto_law() -> None:
    # Share above t falls as t^-2, by the law's own quantiles: Hill's estimate has no noise but for
    # the smaller size, where that of 100 of 500 has standard error 0.2.
    values = (1 - (np.arange(1000) + 0.5) / 1000) ** -0.5
    found = subsample_spectra(
        None,
        np.arange(1000),
        [500, 1000],
        summary="tail",
        repeats=2,
        gram=lambda model, x: np.diag(values[x]),
    )
    assert found.means[1, 0] == pytest.approx(2, abs=0.05)
    assert found.names == ("exponent of the tail",)
    # It does not matter that G / n halves as n doubles.
    assert found.means[0, 0] == pytest.approx(2, abs=0.8)


def test_seed_and_progress() -> None:
    x, seen = features(30, 10), []
    first, second, other = (
        subsample_spectra(
            None, x, [10, 20], gram=linear, seed=s, progress=lambda *at: seen.append(at)
        )
        for s in (1, 1, 2)
    )
    assert np.array_equal(first.summaries, second.summaries)
    assert not np.array_equal(first.summaries, other.summaries)
    assert seen[:5] == [(k, 5) for k in range(1, 6)]


def test_tensors_are_samples() -> None:
    x = torch.from_numpy(features(30, 10))
    found = subsample_spectra(None, x, [10, 20], gram=lambda m, s: (s @ s.T).numpy())
    expected = subsample_spectra(None, x.numpy(), [10, 20], gram=linear)
    np.testing.assert_allclose(found.summaries, expected.summaries, rtol=1e-9)


@pytest.mark.parametrize(
    ("sizes", "options", "text"),
    [
        ([10], {}, "at least two"),
        ([], {}, "sizes"),
        (10, {}, "sizes"),
        ([20, 10], {}, "ascending"),
        ([10, 10], {}, "ascending"),
        ([10, 31], {}, "got 31"),
        ([0, 10], {}, "got 0"),
        ([10, 20], {"repeats": 1}, "repeats"),
        ([10, 20], {"seed": -1}, "seed"),
        ([10, 20], {"summary": "mean"}, "'mean'"),
        ([10, 20], {"confidence": 1}, "confidence"),
        ([10, 20], {"summary": lambda e: np.nan}, "not finite"),
        ([10, 20], {"summary": lambda e: e}, "one number"),
        ([10, 20], {"gram": lambda m, x: np.ones((3, 3))}, r"got shape \(3, 3\)"),
        ([10, 20], {"gram": lambda m, x: np.ones(20)}, "square"),
        ([10, 20], {"gram": lambda m, x: np.full((20, 20), np.nan)}, "not finite"),
        ([10, 20], {"gram": lambda m, x: np.zeros((20, 20))}, "is zero"),
    ],
)
def test_mistakes(sizes: Any, options: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidInputError, match=text) as caught:
        subsample_spectra(None, features(30, 10), sizes, **{"gram": linear, **options})
    assert "\n" not in str(caught.value)


def test_lists_are_samples() -> None:
    rows = np.random.default_rng(1).standard_normal((30, 8))
    found = [
        subsample_spectra(None, x, [10, 20], gram=linear, summary="tail").summaries
        for x in (rows, rows.tolist())
    ]
    np.testing.assert_array_equal(found[0], found[1])


@pytest.mark.parametrize(
    ("x", "options", "text"),
    [
        (3, {}, "at least one sample"),
        (None, {}, "x must be a tensor"),
        ("rows", {}, "x must be a tensor"),
        ([[1.0], [1.0, 2.0]], {}, "x must be a tensor"),
        (np.ones((0, 3)), {}, "at least one sample"),
        (np.ones((9, 3)), {"per_layer": True}, "per_layer is of one kernel"),
        (np.ones((9, 3)), {"out": "g.npy"}, "out is of one kernel"),
        (np.ones((9, 3)), {"resume": True}, "resume is of one kernel"),
        (np.ones((9, 3)), {"gram": 3}, "gram must be callable"),
    ],
)
def test_refused_before_work(x: Any, options: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidInputError, match=text) as caught:
        subsample_spectra(None, x, [2, 4], **options)
    assert "\n" not in str(caught.value)
