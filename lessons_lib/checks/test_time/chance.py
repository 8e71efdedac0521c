"""Check of pass@k where the chances are known: k draws at a temperature, against a product over draws."""

import math
import random
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.draws import distinct


def _draw(rng: random.Random) -> dict[str, Any]:
    n_problems, n_answers = rng.randint(2, 4), rng.randint(3, 4)
    right = [rng.randrange(n_answers) for _ in range(n_problems)]
    return {
        "logits": distinct(rng, n_problems, n_answers),
        "right": torch.tensor(right),
        "k": rng.randint(2, 4),
        "temperature": rng.choice((0.5, 0.7, 1.5, 2.0)),
    }


def _draw_by_draw(logits: Tensor, right: Tensor, k: int, temperature: float) -> Tensor:
    chances = []
    for row, answer in zip(logits.tolist(), right.tolist(), strict=True):
        weights = [math.exp(logit / temperature) for logit in row]
        none_right = 1.0
        for _ in range(k):
            none_right *= 1 - weights[answer] / sum(weights)
        chances.append(1 - none_right)
    return torch.tensor(chances, dtype=torch.float64)


def _greedy(logits: Tensor, right: Tensor, k: int, temperature: float) -> Tensor:
    return (logits.argmax(1) == right).double()


def _chance(logits: Tensor, right: Tensor, temperature: float) -> Tensor:
    shares = (logits.double() / temperature).softmax(1)
    return shares.gather(1, right[:, None]).squeeze(1)


def _power_first(logits: Tensor, right: Tensor, k: int, temperature: float) -> Tensor:
    return _chance(logits, right, temperature) ** k


def _with(temperature_of: Callable[[float], float]) -> Callable[..., Tensor]:
    return lambda logits, right, k, t: _draw_by_draw(logits, right, k, temperature_of(t))


CHANCE_OF_PASS = Exercise(
    "chance_of_pass",
    _draw,
    _draw_by_draw,
    (
        Misconception(
            "temperature 0",
            "Yours takes the best answer every time. Then k samples are k copies of one, and more of them "
            "help nobody.",
            (_greedy,),
        ),
        Misconception(
            "temperature forgotten",
            "The result does not depend on the temperature. A high one should flatten the chances.",
            (_with(lambda t: 1.0),),
        ),
        Misconception(
            "temperature multiplied",
            "A high temperature sharpens your chances; it should flatten them.",
            (_with(lambda t: 1 / t),),
        ),
        Misconception(
            "all k right",
            "That is the chance that every one of k is right. Here one is enough.",
            (_power_first,),
        ),
        Misconception(
            "one draw",
            "That is the chance for a single sample; k of them are drawn.",
            (lambda logits, right, k, t: _chance(logits, right, t),),
        ),
        Misconception(
            "exactly one right",
            "That is the chance that exactly one of the k is right. Are two right ones worse?",
            (lambda logits, right, k, t: k * (p := _chance(logits, right, t)) * (1 - p) ** (k - 1),),
        ),
        Misconception(
            "k times the chance of one",
            "Chances add up only for events that exclude each other; two samples may both be right. What "
            "is the chance that none is?",
            (
                lambda logits, right, k, t: (k * _chance(logits, right, t)).clamp(max=1),
                lambda logits, right, k, t: k * _chance(logits, right, t),
            ),
        ),
    ),
    lesson="17",
    edges={
        "k is 1": lambda c: {"k": 1},
        "k is 100": lambda c: {"k": 100, "logits": c["logits"] * 2},
        "a temperature of 1": lambda c: {"temperature": 1.0},
        "nearly no temperature": lambda c: {"temperature": 0.05, "logits": 2 * c["logits"]},
        "a very high temperature": lambda c: {"temperature": 100.0},
        "one possible answer": lambda c: {"logits": c["logits"][:, :1], "right": c["right"] * 0},
        "one problem": lambda c: {n: c[n][:1] for n in ("logits", "right")},
    },
)
