"""Check of how many micro-batches' activations a rank holds, against following each by name."""

import random
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception

F, B, I, W = range(4)  # noqa: E741


def _draw(rng: random.Random) -> dict[str, Any]:
    """Draw a list that could be a rank's: each forward gets its B, or its I and later its W."""
    kinds, held, late = [F, F], 2, 0
    to_come = rng.randint(2, 7)
    while to_come or held or late:
        kind = rng.choice([F] * bool(to_come) + [B, I] * bool(held) + [W] * bool(late))
        kinds.append(kind)
        to_come -= kind == F
        held += (kind == F) - (kind in (B, I))
        late += (kind == I) - (kind == W)
    return {"kinds": torch.tensor(kinds)}


def _by_name(kinds: Tensor) -> int:
    waiting: list[int] = []
    without_weights: list[int] = []
    most = 0
    for place, kind in enumerate(kinds.tolist()):
        if kind == F:
            waiting.append(place)
        elif kind == B:
            waiting.pop(0)
        elif kind == I:
            without_weights.append(waiting.pop(0))
        else:
            without_weights.pop(0)
        most = max(most, len(waiting) + len(without_weights))
    return most


def _kept(kinds: Tensor, *, changes: tuple[int, int, int, int] = (1, -1, 0, -1)) -> int:
    """Count with these changes at F, B, I and W."""
    held = most = 0
    for kind in kinds.tolist():
        held += changes[kind]
        most = max(most, held)
    return most


def _ahead(kinds: Tensor) -> int:
    return int((kinds != F).int().argmax())


def _run(kinds: Tensor) -> int:
    lengths = [len(run) for run in "".join("F" if kind == F else " " for kind in kinds.tolist()).split()]
    return max(lengths, default=0)


ACTIVATIONS_KEPT = Exercise(
    "activations_kept",
    _draw,
    _by_name,
    (
        Misconception(
            "let go with the input's backward",
            "After I you hold nothing any more. What does the gradient of the weights, still to come, need?",
            (partial(_kept, changes=(1, -1, -1, 0)),),
        ),
        Misconception(
            "let go twice",
            "I and W belong to the same micro-batch. How often can its activations be let go?",
            (partial(_kept, changes=(1, -1, -1, -1)),),
        ),
        Misconception(
            "only a full backward lets go",
            "Where I and W stand for a full backward, you hold activations for ever. After which of the two "
            "are they of no use?",
            (partial(_kept, changes=(1, -1, 0, 0)),),
        ),
        Misconception(
            "never let go",
            "You count all forwards. Are the activations of the first still held when the last comes?",
            (partial(_kept, changes=(1, 0, 0, 0)),),
        ),
        Misconception(
            "only those before the first backward",
            "You look at the beginning of the list only. Could more be held later?",
            (_ahead,),
        ),
        Misconception(
            "the longest run of forwards",
            "You count forwards that follow each other. Are those before them let go, when a backward "
            "comes between?",
            (_run,),
        ),
        Misconception(
            "where the most are held",
            "That is the place in the list where the most are held. How many are they?",
            (lambda kinds: int(torch.tensor([1, -1, 0, -1])[kinds].cumsum(0).argmax()),),
        ),
    ),
    lesson="11",
    returns=("most",),
    edges={
        "one forward and its backward": lambda c: {"kinds": torch.tensor([F, B])},
        "all forwards first": lambda c: {"kinds": torch.tensor([F] * 9 + [B] * 9)},
        "all weights last": lambda c: {"kinds": torch.tensor([F, I] * 5 + [W] * 5)},
        "one at a time": lambda c: {"kinds": torch.tensor([F, B] * 6)},
    },
)
