"""Check of appending to a cache, against a loop over the new positions."""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.draws import tenths


def _draw(rng: random.Random) -> dict[str, Any]:
    batch, heads, head_dim = rng.randint(1, 2), rng.randint(1, 2), rng.randint(1, 3)
    length, n_new, spare = rng.randint(2, 3), rng.randint(1, 3), rng.randint(1, 2)
    buffer = tenths(rng, batch, heads, length + n_new + spare, head_dim)
    buffer[:, :, length:] = 0
    return {"buffer": buffer, "length": length, "new": tenths(rng, batch, heads, n_new, head_dim)}


def _loop(buffer: Tensor, length: int, new: Tensor) -> tuple[Tensor, int]:
    out = buffer.clone()
    for i in range(new.shape[2]):
        out[:, :, length] = new[:, :, i]
        length += 1
    return out, length


def _append(
    buffer: Tensor,
    length: int,
    new: Tensor,
    *,
    start: Callable[[Tensor, int, Tensor], int] = lambda buffer, length, new: length,
    steps: Callable[[Tensor], int] = lambda new: new.shape[2],
) -> tuple[Tensor, int]:
    """Write at `start` and count `steps` more positions."""
    out, first = buffer.clone(), start(buffer, length, new)
    out[:, :, first : first + new.shape[2]] = new
    return out, length + steps(new)


def _in_front(buffer: Tensor, length: int, new: Tensor) -> tuple[Tensor, int]:
    return torch.cat([new, buffer], 2)[:, :, : buffer.shape[2]], length + new.shape[2]


APPEND = Exercise(
    "append_to_cache",
    _draw,
    _loop,
    (
        Misconception(
            "wrong side",
            "The new positions stand before the old ones. Which of them were read first?",
            (_in_front,),
        ),
        Misconception(
            "old positions overwritten",
            "The oldest positions are gone: the new ones lie where they were. Which argument says where "
            "there is room?",
            (partial(_append, start=lambda buffer, length, new: 0),),
        ),
        Misconception(
            "put at the end of the buffer",
            "Between the old positions and yours there is a gap that nobody has written.",
            (partial(_append, start=lambda buffer, length, new: buffer.shape[2] - new.shape[2]),),
        ),
        Misconception(
            "last position overwritten",
            "The last old position is gone. Positions count from 0: which is the first free one?",
            (partial(_append, start=lambda buffer, length, new: length - 1),),
        ),
        Misconception(
            "not advanced",
            "The numbers are in place, but the next call would write over them. Who tells it not to?",
            (partial(_append, steps=lambda new: 0),),
        ),
        Misconception(
            "advanced by one",
            "It is right when one position comes at a time. A prompt comes all at once.",
            (partial(_append, steps=lambda new: 1),),
        ),
    ),
    lesson="02",
    returns=("buffer", "length"),
    edges={
        "an empty buffer": lambda c: {"buffer": 0 * c["buffer"], "length": 0},
        "one new position": lambda c: {"new": c["new"][:, :, :1]},
        "filled to the last place": lambda c: {
            "buffer": c["buffer"][:, :, : c["length"] + c["new"].shape[2]]
        },
    },
    may_change=("buffer",),  # writing in place is what a cache is for
)
