"""Check of the mask of sampled tokens, against a loop over rows.

Every case has a prompt with the end token in it, an answer that ends early with anything behind it (an end
token too), and one that was cut off before it ended.
"""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception


def _draw(rng: random.Random) -> dict[str, Any]:
    end, rows = rng.randint(0, 3), rng.randint(2, 4)
    prompt_length, answer_length = rng.randint(2, 3), rng.randint(4, 6)
    others = [token for token in range(10) if token != end]
    tokens = torch.tensor([rng.choices(others, k=prompt_length + answer_length) for _ in range(rows)])
    for row in range(rows):
        tokens[row, rng.randrange(prompt_length)] = end if row != 1 else tokens[row, 0]
        if row != 1:  # the second answer never ends
            stop = prompt_length + rng.randint(1, answer_length - 3)
            tokens[row, stop] = tokens[row, rng.randint(stop + 1, tokens.shape[1] - 1)] = end
    return {"tokens": tokens, "prompt_length": prompt_length, "end": end}


def _row_by_row(tokens: Tensor, prompt_length: int, end: int) -> Tensor:
    mask = torch.zeros(tokens.shape)
    for i, row in enumerate(tokens.tolist()):
        for t in range(prompt_length, len(row)):
            mask[i, t] = 1
            if row[t] == end:
                break
    return mask


def _mask(
    tokens: Tensor,
    prompt_length: int,
    end: int,
    *,
    searched_from: Callable[[int], int] = lambda prompt_length: prompt_length,
    first: Callable[[int], int] = lambda prompt_length: prompt_length,  # position that may count
    with_end: bool = True,
    with_padding: bool = False,
) -> Tensor:
    """Make the mask with one thing (or none) done the wrong way."""
    positions = torch.arange(tokens.shape[1])
    ends = (tokens == end) & (positions >= searched_from(prompt_length))
    before = ends.cumsum(1) - ends.long()  # ends before this position
    there = (before if with_end else ends.cumsum(1)) == 0
    return ((there | with_padding) & (positions >= first(prompt_length))).double()


def _without_ends(tokens: Tensor, prompt_length: int, end: int) -> Tensor:
    return (tokens != end) & (torch.arange(tokens.shape[1]) >= prompt_length)


SAMPLED = Exercise(
    "sampled",
    _draw,
    _row_by_row,
    (
        Misconception(
            "prompt tokens in the loss",
            "Yours counts tokens of the prompt. The model did not write them, and is neither to be praised "
            "nor blamed for them.",
            (
                partial(_mask, first=lambda prompt_length: 0),
                partial(_mask, first=lambda prompt_length: 0, searched_from=lambda prompt_length: 0),
                partial(_mask, first=lambda prompt_length: 0, with_padding=True),
            ),
        ),
        Misconception(
            "the end left out",
            "Yours stops one token early. Was the end sampled too? A model that is never paid for it does "
            "not learn to stop.",
            (partial(_mask, with_end=False),),
        ),
        Misconception(
            "padding kept",
            "What stands behind the first end was not sampled, whatever it looks like, and yours counts it.",
            (
                partial(_mask, with_padding=True),
                _without_ends,
            ),
        ),
        Misconception(
            "end searched in the prompt",
            "A prompt may hold the end token too (between two examples, say). Its answer still counts.",
            (
                partial(_mask, searched_from=lambda prompt_length: 0),
                partial(_mask, searched_from=lambda prompt_length: 0, with_end=False),
            ),
        ),
        Misconception(
            "one position off",
            "Your answers begin at the wrong place. Positions are counted from 0: which one is the first "
            "behind the prompt?",
            (
                partial(_mask, first=lambda prompt_length: prompt_length - 1),
                partial(_mask, first=lambda prompt_length: prompt_length + 1),
            ),
        ),
    ),
    lesson="14",
    returns=("mask",),
    edges={
        "nothing ends": lambda c: {"tokens": c["tokens"] * 0 + c["end"] + 1},
        "everything is the end": lambda c: {"tokens": c["tokens"] * 0 + c["end"]},
        "a prompt of one token": lambda c: {"prompt_length": 1},
        "an answer of one token": lambda c: {"prompt_length": c["tokens"].shape[1] - 1},
        "one row": lambda c: {"tokens": c["tokens"][:1]},
        "the end at the very end": lambda c: {
            "tokens": torch.cat([c["tokens"] * 0 + c["end"] + 1, c["tokens"][:, :1] * 0 + c["end"]], 1)
        },
    },
)
