"""Check of NSA's scores of blocks (its equation 9), against counting strides that two blocks share.

Letters, as in the paper: l tokens of a compression block, d from one to the next, l' of a selection block.
"""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception


def _draw(rng: random.Random) -> dict[str, Any]:
    stride = rng.randint(1, 4)
    length = stride * rng.randint(1, 3)
    block = length + stride * rng.randint(0, 3)
    n_blocks = rng.randint(2, 4)
    n = (n_blocks * block - length) // stride + 1  # compression blocks that are complete
    numbers = rng.sample(range(1, 10 * n + 10), n)
    return {
        "p": torch.tensor([number / sum(numbers) for number in numbers]),
        "n_blocks": n_blocks,
        "block": block,
        "length": length,
        "stride": stride,
    }


def _shared(p: Tensor, n_blocks: int, block: int, length: int, stride: int) -> Tensor:
    out = torch.zeros(n_blocks)
    for j in range(n_blocks):
        for i, weight in enumerate(p.tolist()):
            mine = set(range(j * block, (j + 1) * block))
            out[j] += weight * len(mine & set(range(i * stride, i * stride + length))) / stride
    return out


def _existing(found: list[int], n: int) -> list[int]:
    return [i for i in found if 0 <= i < n]


def _wrapped(found: list[int], n: int) -> list[int]:
    return [i for i in found if -n <= i < n]  # as Python reads them


def _summed(
    p: Tensor,
    n_blocks: int,
    block: int,
    length: int,
    stride: int,
    *,
    first: Callable[[int, int], int] = lambda per, over: per - 1,
    places: Callable[[list[int], int], list[int]] = _existing,
    once: bool = False,
    over: Callable[[int], int] = lambda n: n,
) -> Tensor:
    """Add up equation 9 with one thing (or none) done the wrong way."""
    per, wide = block // stride, length // stride
    out = []
    for j in range(n_blocks):
        start = per * j + first(per, wide)
        found = [start - m - n for m in range(per) for n in range(over(wide))]
        used = places(found, len(p))
        out.append(sum(p[i].item() for i in (set(used) if once else used)))
    return torch.tensor(out)


BLOCKS = Exercise(
    "block_scores",
    _draw,
    _shared,
    (
        Misconception(
            "typed as it stands",
            "Your first block adds up entries from the end of the text, which come after it: Python counts "
            "-1 from the back, and the paper counts blocks from 1.",
            (partial(_summed, first=lambda per, over: 0, places=_wrapped),),
        ),
        Misconception(
            "the future left out, the rest one block off",
            "Nothing of the future is in it now, but every block still gets what the one before it should. "
            "Write down for block 0 which compression blocks lie in it.",
            (partial(_summed, first=lambda per, over: 0),),
        ),
        Misconception(
            "every block counts once",
            "A compression block that lies wholly in a selection block has more of its tokens there than one "
            "at the edge. Does yours count for more?",
            (partial(_summed, once=True),),
        ),
        Misconception(
            "only blocks that begin inside",
            "A compression block may begin before the selection block and reach into it.",
            (partial(_summed, over=lambda n: 1),),
        ),
    ),
    lesson="18",
    returns=("scores",),
    edges={
        "blocks that do not overlap": lambda c: {"length": c["stride"]},
        "one selection block": lambda c: {"n_blocks": 1},
        "the paper's sizes": lambda c: {
            "p": torch.arange(1.0, 12.0) / 66,
            "n_blocks": 3,
            "block": 64,
            "length": 32,
            "stride": 16,
        },
        "stride of one": lambda c: {
            "p": torch.arange(1.0, 6.0) / 15,
            "n_blocks": 2,
            "block": 3,
            "length": 2,
            "stride": 1,
        },
        "all in one": lambda c: {"p": torch.eye(len(c["p"]))[0]},
    },
)
