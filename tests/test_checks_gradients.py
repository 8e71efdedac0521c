"""Exercises that return a loss or weights: value and gradient are judged, faults are named as elsewhere.

Tried on `device_loss` and `route_to_one`: a gradient that is wrong is found though the value is right,
and what is no loss or no weights at all is named by what comes first.
"""

import random
import re

import pytest
import torch

from lessons_lib import checks
from lessons_lib.checks.across_devices.nodes import CHOOSE_ON_NODES
from lessons_lib.checks.balancing.bias import MOVE_BIAS
from lessons_lib.checks.balancing.route import ROUTE_WITH_BIAS
from lessons_lib.checks.experts.loss import DEVICE_LOSS
from lessons_lib.checks.experts.route import ROUTE, ROUTE_TO_ONE
from lessons_lib.checks.gradients import with_gradient


def loss(scores, ids, n_devices, alpha):
    load = torch.bincount(ids.flatten(), minlength=scores.shape[1]) * scores.shape[1] / ids.numel()
    share = scores.softmax(-1).mean(0)
    return alpha * (load.view(n_devices, -1).mean(1) * share.view(n_devices, -1).sum(1)).sum()


def judged(attempt, **limits):
    verdict = DEVICE_LOSS.judge(attempt, **limits)
    return verdict.kind, "\n".join(verdict.lines)


def test_gradient_is_that_of_torch_and_the_argument_is_left_alone():
    x = torch.tensor([1.0, 2.0, 3.0])
    value, gradient = with_gradient(lambda x, power: (x**power).sum())(x, 2)
    assert value.item() == 14 and torch.equal(gradient, 2 * x) and not x.requires_grad


def test_oracle_agrees_with_finite_differences():
    """The gradient worked out by hand in the oracle, against the oracle's own value."""
    case = DEVICE_LOSS.draw_cases()[0]
    scores, ids, n_devices, alpha = case.values()
    _, gradient = DEVICE_LOSS.oracle(scores.double(), ids, n_devices, alpha)
    for at in [(0, 0), (1, 2), (2, 1)]:
        step = torch.zeros_like(scores, dtype=torch.float64)
        step[at] = 1e-5
        up, down = (DEVICE_LOSS.oracle(scores.double() + s, ids, n_devices, alpha)[0] for s in (step, -step))
        torch.testing.assert_close((up - down) / 2e-5, gradient[at], rtol=0, atol=1e-8)


def test_right_value_with_half_the_gradient_is_refused():
    def half(scores, ids, n_devices, alpha):
        right = loss(scores, ids, n_devices, alpha)
        return right / 2 + right.detach() / 2

    kind, text = judged(half)
    assert kind == "wrong value" and text.startswith("scores.grad[0, ")
    assert "in every case scores.grad is 0.5 times what it should be" in text


WRITTEN_INTO = "wrote into its argument scores"


def written_into(scores, ids, n_devices, alpha):
    value = loss(scores, ids, n_devices, alpha)
    scores[0, 0] = 5.0
    return value


def written_into_and_given_another_shape(scores, ids, n_devices, alpha):
    scores.unsqueeze_(0)
    return loss(scores[0], ids, n_devices, alpha)


def untouched(scores, ids, n_devices, alpha):
    raise NotImplementedError("write your answer here")


def two_arguments(scores, ids):
    return loss(scores, ids, 1, 1.0)


@pytest.mark.parametrize(
    "attempt, kind, words",
    [
        (lambda *case: loss(*case).item(), "wrong type", "loss should be a tensor, and is a float"),
        (lambda *case: None, "wrong type", "loss should be a tensor, and is None (is a return missing?)"),
        (lambda scores, *_: scores.softmax(-1), "wrong shape", "loss should have the shape (), and has ("),
        (
            lambda *case: loss(*case).reshape(1, 1),
            "wrong shape",
            "loss should have the shape (), and has (1, 1)",
        ),
        (lambda *case: loss(*case).reshape(1), "correct", ""),
        (lambda scores, *_: scores.no_such_thing, "crashed", "AttributeError"),
        (lambda scores, *_: scores.numpy(), "crashed", "RuntimeError"),
        (lambda *case: loss(*case) * float("nan"), "wrong value", "loss is nan, and should be"),
        (written_into, "changed its inputs", WRITTEN_INTO),
        (written_into_and_given_another_shape, "changed its inputs", WRITTEN_INTO),
        (untouched, "not started", ""),
        (two_arguments, "crashed", "(your function takes: scores, ids)"),
        (torch.ones(2), "wrong type", "Hand over the function itself"),
    ],
)
def test_fault_of_the_coarser_kind_is_named_as_in_other_exercises(attempt, kind, words):
    found, text = judged(attempt)
    assert found == kind, text
    assert words in text


def test_crash_names_the_reader_s_line():
    def crashes(scores, ids, n_devices, alpha):
        p = scores.softmax(-1).mean(0)
        return p @ ids

    kind, text = judged(crashes)
    assert kind == "crashed" and re.search(r"in line 3 of crashes:  return p @ ids", text)


def test_endless_loop_is_stopped():
    def never_ends(scores, ids, n_devices, alpha):
        while True:
            pass

    assert judged(never_ends, limit=0.2)[0] == "too slow"


def test_right_loss_is_right_though_gradients_are_switched_off_around_it():
    with torch.no_grad():
        assert judged(loss)[0] == "correct"
        assert checks.passes_device_loss(loss) is True


# --- weights


def routed(scores):
    weights, ids = scores.softmax(-1).max(-1)
    return ids, weights


def test_oracle_of_one_expert_agrees_with_finite_differences():
    scores = ROUTE_TO_ONE.draw_cases()[0]["scores"].double()
    gradient = ROUTE_TO_ONE.oracle(scores)[-1]
    for at in [(0, 0), (1, 2), (1, 3)]:
        step = torch.zeros_like(scores)
        step[at] = 1e-5
        up, down = (ROUTE_TO_ONE.oracle(scores + s)[1].sum() for s in (step, -step))
        torch.testing.assert_close((up - down) / 2e-5, gradient[at], rtol=0, atol=1e-8)


def test_right_weights_with_half_the_gradient_are_refused():
    def half(scores):
        ids, weights = routed(scores)
        return ids, weights / 2 + weights.detach() / 2

    verdict = ROUTE_TO_ONE.judge(half)
    assert verdict.kind == "wrong value" and verdict.lines[0].startswith("scores.grad[0, ")
    assert verdict.misconception is None


@pytest.mark.parametrize(
    "attempt, kind, words",
    [
        (lambda scores: None, "wrong type", "It should return ids and weights (in this order), and returned"),
        (lambda scores: (), "wrong type", "ids and weights (in this order), and returned 0 things"),
        (lambda scores: (*routed(scores), 1), "wrong type", "(in this order), and returned 3 things"),
        (lambda scores: (routed(scores)[0], [1.0]), "wrong type", "weights should be a tensor, and is a"),
        (lambda scores: scores.softmax(-1).topk(1)[::-1], "wrong shape", "ids should have the shape ("),
        (lambda scores: routed(scores.numpy()), "crashed", "RuntimeError"),
        (lambda scores: routed(scores)[::-1], "wrong type", "ids should hold torch.int64"),
        (lambda scores: routed(scores.zero_()), "changed its inputs", "wrote into its argument scores"),
        (torch.ones(2), "wrong type", "Hand over the function itself"),
    ],
)
def test_fault_of_the_coarser_kind_is_named_though_weights_have_a_gradient(attempt, kind, words):
    verdict = ROUTE_TO_ONE.judge(attempt)
    assert verdict.kind == kind and words in verdict.lines[0], verdict.lines


# --- idle experts


def test_load_that_ends_with_the_last_expert_chosen_is_always_refused():
    def without_minlength(bias, ids, speed):
        load = torch.bincount(ids.flatten()).double()
        return bias - speed * torch.sign(load - load.mean())

    assert [MOVE_BIAS.judge(without_minlength).kind for _ in range(20)] == ["crashed"] * 20


def test_every_check_of_the_bias_has_idle_experts_and_a_mean_that_is_no_whole_number():
    for _ in range(10):
        cases = [case.values() for case in MOVE_BIAS.draw_cases()]
        loads = [torch.bincount(ids.flatten(), minlength=len(bias)) for bias, ids, _ in cases]
        idle_last = [load for load in loads if load[-1] == 0]
        assert idle_last and all((load[: load.nonzero().max()] == 0).any() for load in idle_last)
        assert any(load.sum() % len(load) for load in loads)


# --- ranks


def test_no_rank_is_left_to_chance():
    """With two equally good experts or nodes, a right answer could name either."""
    for seed in range(400):
        rng = random.Random(seed)
        logits, bias, *_ = ROUTE_WITH_BIAS.draw(rng).values()
        for scores in (logits.sigmoid() + bias, logits + bias):
            assert scores.sort(-1).values.diff().min() > 1e-4
        scores, k, n_nodes, kept = CHOOSE_ON_NODES.draw(rng).values()
        best = scores.unflatten(-1, (n_nodes, -1)).topk(k // kept).values.sum(-1)
        assert best.sort(-1).values.diff().min() > 1e-3
        assert ROUTE.draw(rng)["scores"].softmax(0).sort(-1).values.diff().min() > 1e-5
