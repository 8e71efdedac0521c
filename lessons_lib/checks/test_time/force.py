"""Check of budget forcing: which token comes next when a thought may not end after a miss, by a loop.

In every case each condition decides some row: an open thought or a closed one, a cross before or not,
waits left or none; and one row has only negative logits, where a mask of 0 would win.
"""

import random
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.draws import distinct

CROSS, END = 1, 2  # ids in the cases; tokens 3 to 5 mean nothing
KINDS = ("forced", "negative", "closed", "no cross", "no waits", "free")


def _draw(rng: random.Random) -> dict[str, Any]:
    kinds = [*KINDS, *rng.sample(KINDS, rng.randint(0, 3))]
    rng.shuffle(kinds)
    length, written, waits, logits = (
        rng.randint(3, 5),
        [],
        [],
        distinct(rng, len(kinds), 6, low=-150, high=200),
    )
    for row, kind in enumerate(kinds):
        text = [rng.choice((CROSS, 3, 4, 5)) for _ in range(length)]
        if kind == "closed":
            text[rng.randrange(length - 1)] = END
        text[-1] = rng.choice((3, 4, 5)) if kind == "no cross" else CROSS
        written.append(text)
        waits.append(0 if kind == "no waits" else rng.randint(1, 3))
        if kind == "negative":
            logits[row] = logits[row].abs().neg() - 0.1
        if kind != "free":  # the end of the thought is what the model wants most
            best = logits[row].argmax()
            logits[row, [END, best]] = logits[row, [best, END]]
    return {
        "logits": logits,
        "written": torch.tensor(written),
        "waits_left": torch.tensor(waits),
        "cross": CROSS,
        "end": END,
    }


def _pick(
    *, only_open: bool = True, only_after_cross: bool = True, limited: bool = True, mask: float = -1e9
) -> Callable[..., Tensor]:
    """Return a way of picking tokens, with one condition (or none) left out."""

    def pick(logits: Tensor, written: Tensor, waits_left: Tensor, cross: int, end: int) -> Tensor:
        picked = []
        for row, text, left in zip(logits.tolist(), written.tolist(), waits_left.tolist(), strict=True):
            is_open = end not in text or not only_open
            missed = text[-1] == cross or not only_after_cross
            if is_open and missed and (left > 0 or not limited):
                row[end] = mask
            picked.append(max(range(len(row)), key=row.__getitem__))
        return torch.tensor(picked)

    return pick


def _never(logits: Tensor, written: Tensor, waits_left: Tensor, cross: int, end: int) -> Tensor:
    return logits.argmax(1)


NEXT_TOKEN = Exercise(
    "next_token",
    _draw,
    _pick(),
    (
        Misconception(
            "forced after the answer",
            "Yours also interferes with a text whose thought is over. It has an answer to finish.",
            (_pick(only_open=False),),
        ),
        Misconception(
            "forced blindly",
            "Somebody who has just found the star is made to go on by yours, and may give it up again.",
            (_pick(only_after_cross=False),),
        ),
        Misconception(
            "no limit",
            "When no waits are left, the model may end its thought. Yours would think for ever.",
            (_pick(limited=False),),
        ),
        Misconception(
            "masked with 0",
            "A logit of 0 is not a small one: among negative logits it is the best. What can never win?",
            (_pick(mask=0.0),),
        ),
        Misconception(
            "not forced at all",
            "Yours always takes the token that the model likes best, whatever was written before.",
            (_never,),
        ),
    ),
    lesson="17",
)
