"""Check of GRPO's mean over tokens and answers, and of its gradient, against a loop.

Masks have holes and, where there are three answers or more, one that is empty.
"""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.draws import tenths
from lessons_lib.checks.gradients import with_gradient


def _draw(rng: random.Random) -> dict[str, Any]:
    rows, positions = rng.randint(2, 4), rng.randint(3, 5)
    mask = torch.zeros(rows, positions, dtype=torch.bool)
    for row in mask:
        row[rng.sample(range(positions), rng.randint(1, positions))] = True
    if rows > 2:
        mask[rng.randrange(rows)] = False
    return {"losses": tenths(rng, rows, positions), "mask": mask}


def _loop(losses: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    loss, gradient = 0.0, torch.zeros(losses.shape, dtype=torch.float64)
    for i, (row, sampled) in enumerate(zip(losses.tolist(), mask.tolist(), strict=True)):
        for t in range(len(row)):
            if sampled[t]:
                share = 1 / sum(sampled) / len(losses)
                loss += share * row[t]
                gradient[i, t] = share
    return torch.tensor(loss, dtype=torch.float64), gradient


def _mean(
    losses: Tensor,
    mask: Tensor,
    *,
    keep: bool = True,  # is the mask used for the sums?
    divisor: Callable[[Tensor], Tensor | float] = lambda mask: mask.sum(1).clamp(min=1),
    end: Callable[[Tensor, Tensor], Tensor] = lambda per_answer, mask: per_answer.mean(),
) -> Tensor:
    """Take the mean with one thing (or none) done the wrong way."""
    losses = losses.double()
    per_answer = (losses * mask if keep else losses).sum(1)
    return end(per_answer / divisor(mask), mask)


def _of_those_there(per_answer: Tensor, mask: Tensor) -> Tensor:
    return per_answer[mask.any(1)].mean()


def _by_position(losses: Tensor, mask: Tensor) -> Tensor:
    return ((losses.double() * mask).sum(0) / mask.sum(0).clamp(min=1)).mean()


def _to_the_first_hole(losses: Tensor, mask: Tensor) -> Tensor:
    return _mean(losses, mask.long().cumprod(1).bool())


MEAN_OVER_ANSWERS = Exercise(
    "mean_over_answers",
    _draw,
    _loop,
    (
        Misconception(
            "mask ignored",
            "Change a loss where the mask is false: yours changes too, though no token was sampled there.",
            (
                partial(_mean, keep=False, divisor=lambda mask: mask.shape[1]),
                partial(_mean, keep=False),
            ),
        ),
        Misconception(
            "divided by the padded length",
            "The right losses are added up. But divided by what? Pad all answers with two positions more, "
            "and yours becomes smaller.",
            (partial(_mean, divisor=lambda mask: mask.shape[1]),),
        ),
        Misconception(
            "mean over all tokens",
            "Every token counts alike in yours. That is a later variant; here every answer counts alike, "
            "long or short.",
            (partial(_mean, divisor=lambda mask: mask.sum() / len(mask)),),
        ),
        Misconception(
            "summed over an answer",
            "A long answer's sum outweighs the others. What is taken over its tokens here?",
            (partial(_mean, divisor=lambda mask: 1.0),),
        ),
        Misconception(
            "summed over the answers",
            "With twice as many answers your loss is twice as large.",
            (partial(_mean, end=lambda per_answer, mask: per_answer.sum()),),
        ),
        Misconception(
            "empty answer divided by zero",
            "One of the answers has no token at all. What is 0 divided by 0?",
            (partial(_mean, divisor=lambda mask: mask.sum(1)),),
        ),
        Misconception(
            "empty answers not counted",
            "You leave empty answers out of the second mean. Here they stay in, with a loss of 0.",
            (partial(_mean, end=_of_those_there),),
        ),
        Misconception(
            "over the positions first",
            "You take the first mean over the answers, position by position. Whose tokens belong together?",
            (_by_position,),
        ),
        Misconception(
            "one token too many in the divisor",
            "An answer of one token has a mean: its loss. Yours gives half of it. By what do you divide?",
            (partial(_mean, divisor=lambda mask: mask.sum(1) + 1),),
        ),
        Misconception(
            "cut at the first hole",
            "In yours an answer ends at the first position that was not sampled. What may stand "
            "behind a hole?",
            (_to_the_first_hole,),
        ),
    ),
    lesson="13",
    observe=with_gradient,
    returns=("loss", "losses.grad"),
    edges={
        "one answer": lambda c: {"losses": c["losses"][:1], "mask": c["mask"][:1] | True},
        "no answer has a token": lambda c: {"mask": c["mask"] & False},
        "no holes": lambda c: {"mask": c["mask"] | True},
        "one position": lambda c: {n: c[n][:, :1] for n in c},
        "losses of 0": lambda c: {"losses": c["losses"] * 0},
    },
)
