"""Check of the mean k3 over the words that were written, against a loop that reads nothing else.

Behind each answer stands padding whose log-probabilities are anything, so that `exp` runs over there.
"""

import math
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception


def _draw(rng: random.Random) -> dict[str, Any]:
    rows, positions = rng.randint(2, 3), rng.randint(4, 6)
    ref = torch.tensor([[-rng.randint(14, 50) / 20 for _ in range(positions)] for _ in range(rows)])
    logps = ref + torch.tensor(
        [[rng.choice((-1, 1)) * rng.randint(6, 16) / 20 for _ in range(positions)] for _ in range(rows)]
    )
    lengths = torch.tensor([rng.randint(2, positions - 1) for _ in range(rows)])
    mask = torch.arange(positions) < lengths[:, None]
    return {"logps": logps.masked_fill(~mask, -300.0), "ref_logps": ref.masked_fill(~mask, 0.0), "mask": mask}


def _loop(logps: Tensor, ref_logps: Tensor, mask: Tensor) -> Tensor:
    values = []
    for new, ref, there in zip(*(x.flatten().tolist() for x in (logps, ref_logps, mask)), strict=True):
        if there:
            values.append(math.exp(ref - new) - (ref - new) - 1)
    return torch.tensor(sum(values) / len(values), dtype=torch.float64)


def _k3(apart: Tensor) -> Tensor:
    return apart.exp() - apart - 1


def _mean(
    logps: Tensor,
    ref_logps: Tensor,
    mask: Tensor,
    *,
    estimate: Callable[[Tensor], Tensor] = _k3,
    count: Callable[[Tensor], Tensor | int] = lambda mask: mask.sum(),
    early: bool = True,
) -> Tensor:
    """Average with one thing (or none) done the wrong way."""
    apart = ref_logps.double() - logps.double() if early else ref_logps - logps
    if early:
        apart = apart.masked_fill(~mask, 0.0)
    return (estimate(apart) * mask).sum() / count(mask)


def _of_answers(logps: Tensor, ref_logps: Tensor, mask: Tensor) -> Tensor:
    k3 = _k3((ref_logps.double() - logps).masked_fill(~mask, 0.0))
    return (k3.sum(1) / mask.sum(1)).mean()


KL = Exercise(
    "kl_of_written",
    _draw,
    _loop,
    (
        Misconception(
            "masked after exp",
            "Infinity times 0 is not 0. What stands behind the end of an answer, and when do you look at it?",
            (partial(_mean, early=False),),
        ),
        Misconception(
            "padding in the mean",
            "Put two positions of padding more behind the answers: your mean falls. Of how many words is it?",
            (partial(_mean, count=lambda mask: mask.numel()),),
        ),
        Misconception(
            "the simple estimate",
            "Yours can be negative. Which of the three estimates can't?",
            (partial(_mean, estimate=lambda apart: -apart),),
        ),
        Misconception(
            "models exchanged",
            "Where the reference finds a word likelier than the policy does, is the exponent positive?",
            (partial(_mean, estimate=lambda apart: _k3(-apart)),),
        ),
        Misconception(
            "a sum",
            "Twice as many answers give you twice the KL. It was to be per word.",
            (partial(_mean, count=lambda mask: 1),),
        ),
        Misconception(
            "mean of means",
            "In yours a word of a short answer counts more than one of a long answer. Over what is "
            "the mean to be taken?",
            (_of_answers,),
        ),
        Misconception(
            "half a square",
            "While the two models are close, yours is nearly right. It is another of the three "
            "estimates: which formula does the text's code have?",
            (partial(_mean, estimate=lambda apart: apart.square() / 2),),
        ),
    ),
    lesson="15",
    returns=("kl",),
    edges={
        "no padding": lambda c: {
            "mask": c["mask"] | True,
            **{n: c[n].clamp(min=-3) for n in ("logps", "ref_logps")},
        },
        "padding of minus infinity": lambda c: {"logps": c["logps"].masked_fill(~c["mask"], -math.inf)},
        "the same model": lambda c: {"ref_logps": c["logps"].clone()},
        "one answer": lambda c: {name: c[name][:1] for name in c},
    },
)
