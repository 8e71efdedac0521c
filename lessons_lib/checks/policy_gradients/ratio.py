"""Check of the ratios of whole answers, as GSPO has them, against a loop over answers and tokens."""

import math
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.gradients import with_gradient


def _draw(rng: random.Random) -> dict[str, Any]:
    rows, positions = rng.randint(1, 3), rng.randint(3, 5)
    old = torch.tensor([[-rng.randint(14, 50) / 20 for _ in range(positions)] for _ in range(rows)])
    moved = torch.tensor([[rng.randint(-12, 12) / 20 for _ in range(positions)] for _ in range(rows)])
    mask = torch.zeros(rows, positions, dtype=torch.bool)
    for row in mask:
        row[rng.sample(range(positions), rng.randint(2, positions - 1))] = True
    return {"logps": old + moved, "old_logps": old, "mask": mask}


def _loop(logps: Tensor, old_logps: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    ratios, gradient = [], torch.zeros(logps.shape, dtype=torch.float64)
    for i, (new, old, sampled) in enumerate(
        zip(*(x.tolist() for x in (logps, old_logps, mask)), strict=True)
    ):
        moved = [n - o for n, o, there in zip(new, old, sampled, strict=True) if there]
        ratios.append(math.exp(sum(moved) / len(moved)))
        gradient[i] = ratios[-1] / len(moved) * mask[i]
    return torch.tensor(ratios, dtype=torch.float64), gradient


def _ratios(
    logps: Tensor,
    old_logps: Tensor,
    mask: Tensor,
    *,
    keep: bool = True,  # is the mask used for the sum?
    length: Callable[[Tensor], Tensor | float] = lambda mask: mask.sum(1),
    end: Callable[[Tensor], Tensor] = torch.exp,
    sign: int = 1,
) -> Tensor:
    """Compute the ratios with one thing (or none) done the wrong way."""
    moved = sign * (logps.double() - old_logps.double())
    return end((moved * mask if keep else moved).sum(1) / length(mask))


def _mean_of_ratios(logps: Tensor, old_logps: Tensor, mask: Tensor) -> Tensor:
    return ((logps.double() - old_logps.double()).exp() * mask).sum(1) / mask.sum(1)


ANSWER_RATIOS = Exercise(
    "answer_ratios",
    _draw,
    _loop,
    (
        Misconception(
            "not divided by the length",
            "Yours is the ratio of the whole answers' probabilities. For a thousand tokens it would be next "
            "to 0 or beyond counting: what is missing in the exponent?",
            (partial(_ratios, length=lambda mask: 1.0),),
        ),
        Misconception(
            "divided by the padded length",
            "Pad the answers with two positions more, and your ratios move towards 1. How many tokens does "
            "an answer have?",
            (partial(_ratios, length=lambda mask: mask.shape[1]),),
        ),
        Misconception(
            "mean of the token ratios",
            "You average ratios. A probability of a whole text is a product: of what, then, is the mean?",
            (_mean_of_ratios,),
        ),
        Misconception(
            "mask ignored",
            "Change a log-probability where the mask is false: your ratio changes too.",
            (
                partial(_ratios, keep=False, length=lambda mask: mask.shape[1]),
                partial(_ratios, keep=False),
            ),
        ),
        Misconception(
            "ratio upside down",
            "Where an answer has become more likely, yours is below 1. Which of the two models belongs on "
            "top?",
            (partial(_ratios, sign=-1),),
        ),
        Misconception(
            "left as a logarithm",
            "An answer whose probability has not changed has a ratio of 1. What is yours?",
            (partial(_ratios, end=lambda mean: mean),),
        ),
    ),
    lesson="13",
    observe=partial(
        with_gradient, loss_of=lambda ratios: ratios.sum() if isinstance(ratios, Tensor) else None
    ),
    returns=("ratios", "logps.grad"),
    edges={
        "nothing has moved": lambda c: {"old_logps": c["logps"].clone()},
        "one answer": lambda c: {n: c[n][:1] for n in c},
        "no holes": lambda c: {"mask": c["mask"] | True},
        "one position": lambda c: (
            {n: c[n][:, :1] for n in ("logps", "old_logps")} | {"mask": c["mask"][:, :1] | True}
        ),
        "much likelier": lambda c: {"logps": c["old_logps"] + 3},
    },
)
