"""Check of importance weights with a cap, against a loop over words.

Every case has words that the trainer finds far likelier and far less likely than the sampler did.
"""

import math
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception


def _moved(rng: random.Random, rows: int, positions: int) -> list[list[float]]:
    """Return log-ratios, each row with one far up and one far down."""
    moved = [[rng.randint(-6, 6) / 20 for _ in range(positions)] for _ in range(rows)]
    for row in moved:
        row[:2] = [rng.randint(16, 24) / 20, -rng.randint(16, 24) / 20]
    return moved


def _draw_words(rng: random.Random) -> dict[str, Any]:
    rows, positions = rng.randint(2, 3), rng.randint(4, 6)
    old = torch.tensor([[-rng.randint(30, 60) / 20 for _ in range(positions)] for _ in range(rows)])
    mask = (
        torch.arange(positions) < torch.tensor([rng.randint(3, positions - 1) for _ in range(rows)])[:, None]
    )
    logps = old + torch.tensor(_moved(rng, rows, positions))
    return {"logps": logps, "sampler_logps": old, "mask": mask, "cap": rng.choice((1.5, 2.0))}


def _word_by_word(logps: Tensor, sampler_logps: Tensor, mask: Tensor, cap: float) -> Tensor:
    weights = torch.zeros(logps.shape, dtype=torch.float64)
    for i, (news, olds, there) in enumerate(
        zip(logps.tolist(), sampler_logps.tolist(), mask.tolist(), strict=True)
    ):
        for t, (new, old) in enumerate(zip(news, olds, strict=True)):
            if there[t]:
                weights[i, t] = min(math.exp(min(new - old, 50.0)), cap)
    return weights


def _weights(
    logps: Tensor,
    sampler_logps: Tensor,
    mask: Tensor,
    cap: float,
    *,
    sign: int = 1,
    bound: Callable[[Tensor, float], Tensor] = lambda ratio, cap: ratio.clamp(max=cap),
    pool: Callable[[Tensor, Tensor], Tensor] = lambda moved, mask: moved,
) -> Tensor:
    """Weigh with one thing (or none) done the wrong way."""
    moved = sign * (logps.double() - sampler_logps.double())
    return bound(pool(moved, mask).exp(), cap) * mask


def _one_outside(logps: Tensor, sampler_logps: Tensor, mask: Tensor, cap: float) -> Tensor:
    return _weights(logps, sampler_logps, mask, cap) + (~mask)


WEIGHTS = Exercise(
    "truncated_weights",
    _draw_words,
    _word_by_word,
    (
        Misconception(
            "never truncated",
            "One word in a thousand decides your step. What is the cap for?",
            (partial(_weights, bound=lambda ratio, cap: ratio),),
        ),
        Misconception(
            "cut on both sides",
            "A word that the trainer hardly ever writes counts too much with you. Which side can run away?",
            (
                partial(_weights, bound=lambda ratio, cap: ratio.clamp(1 / cap, cap)),
                partial(_weights, bound=lambda ratio, cap: ratio.clamp(2 - cap, cap)),
            ),
        ),
        Misconception(
            "upside down",
            "A word that the sampler wrote too rarely for the trainer: should it count more or less?",
            (partial(_weights, sign=-1),),
        ),
        Misconception(
            "one weight for the whole answer",
            "All words of an answer weigh the same with you. The weights were to be those of words.",
            (
                partial(_weights, pool=lambda m, mask: (m * mask).sum(1, keepdim=True).expand_as(m)),
                partial(
                    _weights,
                    pool=lambda m, mask: ((m * mask).sum(1) / mask.sum(1))[:, None].expand_as(m),
                ),
            ),
        ),
        Misconception(
            "dropped instead of capped",
            "Words beyond the cap are gone from your step. They were to count, but not more than the cap.",
            (partial(_weights, bound=lambda ratio, cap: ratio * (ratio <= cap)),),
        ),
        Misconception(
            "1 where nothing was written",
            "Your weights of what was written are right. What was not written weighs 1 with you: what "
            "does the text say?",
            (_one_outside,),
        ),
    ),
    lesson="15",
    returns=("weights",),
    edges={
        "the same model": lambda c: {"sampler_logps": c["logps"].clone()},
        "far apart": lambda c: {"logps": c["sampler_logps"] + 40},
        "one word": lambda c: (
            {n: c[n][:, :1] for n in ("logps", "sampler_logps")} | {"mask": c["mask"][:, :1] | True}
        ),
        "nothing masked": lambda c: {"mask": c["mask"] | True},
    },
)
