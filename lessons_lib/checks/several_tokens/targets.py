"""Check of what an MTP module reads and predicts at each position, against a loop over positions.

Letters: T positions that the main model reads, of T + 1 tokens; k the module's number, from 1.
"""

import random
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception


def _draw(rng: random.Random) -> dict[str, Any]:
    k, batch = rng.randint(1, 3), rng.randint(1, 2)
    length = k + rng.randint(4, 6)
    different = torch.tensor(rng.sample(range(10, 100), batch * length))  # no token stands twice
    return {"tokens": different.reshape(batch, length), "k": k}


def _position_by_position(tokens: Tensor, k: int) -> tuple[Tensor, Tensor]:
    n_positions = tokens.shape[1] - 1
    read = torch.zeros(len(tokens), n_positions - k, dtype=torch.int64)
    label = torch.zeros_like(read)
    for i in range(n_positions - k):
        read[:, i], label[:, i] = tokens[:, i + k], tokens[:, i + k + 1]
    return read, label


def _pair(
    read: Callable[[Tensor, int, int], Tensor], label: Callable[[Tensor, int, int], Tensor]
) -> Callable[[Tensor, int], tuple[Tensor, Tensor]]:
    """Return a mistaken pair; `read` and `label` get the tokens, T and k."""

    def answer(tokens: Tensor, k: int) -> tuple[Tensor, Tensor]:
        case = tokens, tokens.shape[1] - 1, k
        return read(*case), label(*case)

    return answer


def _from(start: int, end: int = 0) -> Callable[[Tensor, int, int], Tensor]:
    """Return what takes the tokens k + start ... T + end."""
    return lambda tokens, T, k: tokens[:, k + start : T + 1 + end]


_READ, _LABEL = _from(0, -1), _from(1)

MTP_TARGETS = Exercise(
    "mtp_targets",
    _draw,
    _position_by_position,
    (
        Misconception(
            "label equal to the input",
            "Your module is shown the very token that it is to predict. What would its loss come down to, "
            "and what would it have learned?",
            (
                _pair(_READ, _READ),
                _pair(_LABEL, _LABEL),
                _pair(_from(0), _from(0)),
            ),
        ),
        Misconception(
            "shift by one too many",
            "Your label lies one token too far: between the token that is read and the one that is predicted "
            "stands one that nobody asks for.",
            (
                _pair(_READ, _from(2)),
                _pair(_from(0, -2), _from(2)),
                _pair(_from(1, -1), _from(2)),
                _pair(_from(1), _from(2)),
            ),
        ),
        Misconception(
            "shift by one too few",
            "For the first module that is the pair of the main model: it reads this token at this position, "
            "and predicts that one. What has the module to add?",
            (
                _pair(_from(-1, -1), _from(0)),
                _pair(_from(-1, -2), _from(0, -1)),
            ),
        ),
        Misconception(
            "the same for every module",
            "It is right for the first module. Each further one starts where the one before it has read.",
            (
                _pair(lambda tokens, T, k: tokens[:, 1:T], lambda tokens, T, k: tokens[:, 2:]),
                _pair(
                    lambda tokens, T, k: tokens[:, 1 : T - k + 1],
                    lambda tokens, T, k: tokens[:, 2 : T - k + 2],
                ),
            ),
        ),
        Misconception(
            "reads the token of its own position",
            "Your labels are right. But the hidden state at a position has already read that position's "
            "token: which one is new to it?",
            (
                _pair(lambda tokens, T, k: tokens[:, : T - k], _LABEL),
                _pair(lambda tokens, T, k: tokens[:, :T], _LABEL),
            ),
        ),
        Misconception(
            "wrapped round",
            "At the last positions your label is the start of the text. A text ends; how many positions have "
            "a token that far ahead?",
            (
                _pair(
                    lambda tokens, T, k: tokens.roll(-k, 1)[:, :T],
                    lambda tokens, T, k: tokens.roll(-k - 1, 1)[:, :T],
                ),
                _pair(lambda tokens, T, k: tokens.roll(-k, 1), lambda tokens, T, k: tokens.roll(-k - 1, 1)),
            ),
        ),
    ),
    lesson="08",
    returns=("read", "label"),
    edges={
        "k is 1": lambda c: {"k": 1},
        "one text": lambda c: {"tokens": c["tokens"][:1]},
        "one position is left": lambda c: {"tokens": c["tokens"][:, : c["k"] + 2]},
        "far ahead": lambda c: {"tokens": torch.arange(24).view(2, 12), "k": 9},
    },
)
