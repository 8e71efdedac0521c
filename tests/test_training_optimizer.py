"""AdamW and its schedule, against the formulas in plain Python."""

import math

import pytest
import torch
from torch import nn
from training_helpers import shorter

from lessons_lib.config import OptimizerConfig, RLConfig
from lessons_lib.training import learning_rate, make_optimizer, set_learning_rate


def slow_adamw(value, gradients, rates, decay, betas=(0.9, 0.95), eps=1e-8):
    """Loshchilov and Hutter's algorithm 2 for one number; V3's betas."""
    first = second = 0.0
    for t, (gradient, rate) in enumerate(zip(gradients, rates), start=1):
        value -= rate * decay * value
        first = betas[0] * first + (1 - betas[0]) * gradient
        second = betas[1] * second + (1 - betas[1]) * gradient**2
        mean, scale = first / (1 - betas[0] ** t), math.sqrt(second / (1 - betas[1] ** t))
        value -= rate * mean / (scale + eps)
    return value


@pytest.mark.parametrize("shape, decay", [((1, 1), 0.1), ((1,), 0.0)])
def test_a_matrix_is_decayed_and_a_gain_is_not_and_both_follow_the_formula(shape, decay):
    model = nn.Module()
    model.weight = nn.Parameter(torch.full(shape, 2.0, dtype=torch.float64))
    optimizer = make_optimizer(model, shorter(optimizer=OptimizerConfig(weight_decay=0.1)))
    gradients, rates = [0.5, -2.0, 0.1, 0.0], [0.1, 0.2, 0.05, 0.3]
    for gradient, rate in zip(gradients, rates):
        model.weight.grad = torch.full(shape, gradient, dtype=torch.float64)
        set_learning_rate(optimizer, rate)
        optimizer.step()
    # the same operations in float64, perhaps in another order
    assert model.weight.item() == pytest.approx(slow_adamw(2.0, gradients, rates, decay), abs=1e-12)


def test_the_rate_rises_in_a_line_to_its_peak_and_falls_to_its_floor_at_the_last_step():
    config = shorter(steps=101, optimizer=OptimizerConfig(2.0, min_lr_ratio=0.1, warmup_steps=10))
    rates = [learning_rate(step, config) for step in range(config.steps)]
    assert rates[:10] == pytest.approx([0.2 * (i + 1) for i in range(10)])
    assert rates[10] == pytest.approx(2.0)
    assert rates[55] == pytest.approx(1.1)  # halfway down a cosine from 2.0 to 0.2
    assert rates[-1] == pytest.approx(0.2)
    assert all(later < earlier for earlier, later in zip(rates[10:], rates[11:]))


def test_a_run_shorter_than_its_warm_up_only_rises():
    config = shorter(steps=4, optimizer=OptimizerConfig(1.0, warmup_steps=8))
    assert [learning_rate(step, config) for step in range(4)] == pytest.approx([0.125, 0.25, 0.375, 0.5])


def test_a_run_without_warm_up_starts_at_its_peak_even_if_it_is_one_step_long():
    assert learning_rate(0, shorter(steps=1, optimizer=OptimizerConfig(1.0, warmup_steps=0))) == 1.0


@pytest.mark.parametrize("warmup", [0, 5])
def test_a_rate_that_never_falls_rises_in_a_line_and_stays_as_in_learning_by_reward(warmup):
    config = RLConfig(steps=9, optimizer=OptimizerConfig(5e-4, min_lr_ratio=1.0, warmup_steps=warmup))
    rates = [learning_rate(step, config) for step in range(config.steps)]
    # equal, not near: stored runs of lesson 14 rest on this order of operations
    assert rates == [5e-4 * min(1.0, (step + 1) / 5) if warmup else 5e-4 for step in range(9)]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"learning_rate": 0.0}, "learning_rate must be above 0"),
        ({"learning_rate": -1e-3}, "learning_rate must be above 0"),
        ({"learning_rate": math.nan}, "learning_rate must be above 0"),
        ({"learning_rate": math.inf}, "learning_rate must be above 0"),
        ({"learning_rate": "3e-3"}, "learning_rate must be a number, got '3e-3'"),
        ({"min_lr_ratio": 2.0}, "min_lr_ratio must be between 0 and 1"),
        ({"warmup_steps": -1}, "warmup_steps must be at least 0"),
        ({"warmup_steps": 2.5}, "warmup_steps must be a whole number"),
        ({"weight_decay": -0.1}, "weight_decay must be 0 or above"),
        ({"betas": (0.9, 1.0)}, "betas must be two numbers from 0 to below 1"),
        ({"betas": (-0.1, 0.9)}, "betas must be two numbers from 0 to below 1"),
        ({"betas": (0.9, 0.95, 0.99)}, "betas must be a tuple of 2 numbers"),
        ({"grad_clip": 0.0}, "grad_clip must be above 0"),
        ({"grad_clip": -1}, "grad_clip must be above 0"),
        ({"grad_clip": math.nan}, "grad_clip must be above 0"),
    ],
)
def test_an_impossible_optimizer_is_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        OptimizerConfig(**fields)


def test_a_gradient_need_not_be_clipped():
    assert OptimizerConfig(grad_clip=math.inf).grad_clip == math.inf
