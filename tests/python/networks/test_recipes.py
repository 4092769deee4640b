"""Recipes: those of the paper, learning rates, and settings that are refused."""

from __future__ import annotations

import math
from typing import Any

import pytest

pytest.importorskip("torch", reason="the extra networks is not installed")

from htmu.errors import InvalidInputError
from htmu.networks import RECIPES, Recipe, figure2_recipes


def test_figure1() -> None:
    recipe = RECIPES["figure1"]
    assert (recipe.n, recipe.epochs, recipe.batch_size) == (1000, 200, 64)
    assert (recipe.momentum, recipe.weight_decay, recipe.loss_below) == (0, 0, None)
    rates = [recipe.learning_rate_at(epoch) for epoch in range(200)]
    assert rates[0] == 0.05
    assert rates[100] == pytest.approx(0.025)
    assert rates == sorted(rates, reverse=True)
    assert rates[199] == pytest.approx(0.05 * (1 + math.cos(math.pi * 199 / 200)) / 2)
    assert rates[199] > 0


def test_schedule_is_that_of_pytorch() -> None:
    import torch

    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=0.3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=17)
    recipe = Recipe(lr=0.3, schedule="cosine", epochs=17)
    for epoch in range(17):
        assert recipe.learning_rate_at(epoch) == pytest.approx(scheduler.get_last_lr()[0], rel=1e-9)
        optimizer.step()
        scheduler.step()


def test_figure2() -> None:
    recipes = figure2_recipes()
    assert [recipe.batch_size for recipe in recipes[::3]] == [1000, 800, 250, 100, 50, 5]
    assert [recipe.seed for recipe in recipes[:3]] == [0, 1, 2]
    for recipe in recipes:
        assert recipe.learning_rate == pytest.approx(2 / recipe.batch_size)
        assert recipe.learning_rate_at(150) == recipe.learning_rate
        assert (recipe.momentum, recipe.weight_decay) == (0.9, 1e-4)
        assert (recipe.loss_below, recipe.epochs) == (0.01, 200)


def test_replace() -> None:
    recipe = RECIPES["figure2"].replace(lr=0.1)
    assert (recipe.lr, recipe.lr_over_batch, recipe.learning_rate) == (0.1, None, 0.1)
    again = recipe.replace(lr_over_batch=3, batch_size=30)
    assert (again.lr, again.learning_rate) == (None, 0.1)
    assert Recipe(**again.to_dict()) == again
    with pytest.raises(InvalidInputError, match="no setting 'rate'"):
        recipe.replace(rate=1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "either lr or lr_over_batch"),
        ({"lr": 0.1, "lr_over_batch": 2}, "either lr or lr_over_batch"),
        ({"lr": 0}, "lr must be"),
        ({"lr": -0.1}, "lr must be"),
        ({"lr": math.nan}, "lr must be"),
        ({"lr_over_batch": 0}, "lr_over_batch must be"),
        ({"lr": 0.1, "momentum": 1}, "momentum must be"),
        ({"lr": 0.1, "weight_decay": -1}, "weight_decay must be"),
        ({"lr": 0.1, "schedule": "step"}, "schedule must be one of 'cosine', 'constant'"),
        ({"lr": 0.1, "batch_size": 0}, "batch_size must be an integer from 1"),
        ({"lr": 0.1, "epochs": 0}, "epochs must be an integer from 1"),
        ({"lr": 0.1, "epochs": 1.5}, "epochs must be an integer from 1"),
        ({"lr": 0.1, "loss_below": 0}, "loss_below must be"),
        ({"lr": 0.1, "seed": "a"}, "seed must be"),
        ({"lr": 0.1, "n": 0}, "n must be"),
        ({"lr": 0.1, "deterministic": 1}, "deterministic must be"),
    ],
)
def test_bad_settings(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        Recipe(**settings)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bad_repeats() -> None:
    with pytest.raises(InvalidInputError, match="repeats must be"):
        figure2_recipes(repeats=0)
    with pytest.raises(InvalidInputError, match=r"batch_sizes\[0\] must be"):
        figure2_recipes([0])
    for none in (5, (), "55"):
        with pytest.raises(InvalidInputError, match="batch_sizes must be a non-empty sequence"):
            figure2_recipes(none)  # type: ignore[arg-type]
