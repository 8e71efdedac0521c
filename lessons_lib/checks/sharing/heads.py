"""Checks of what happens to heads: splitting the width into them, and sharing keys among them."""

import random
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.draws import tenths


def _draw_split(rng: random.Random) -> dict[str, Any]:
    n_heads, head_dim = rng.randint(2, 4), rng.randint(2, 3)
    x = tenths(rng, rng.randint(1, 2), rng.randint(2, 4), n_heads * head_dim)
    return {"x": x, "n_heads": n_heads}


def _split_loop(x: Tensor, n_heads: int) -> Tensor:
    batch, position, width = x.shape
    head_dim = width // n_heads
    out = torch.empty(batch, n_heads, position, head_dim)
    for h in range(n_heads):
        for t in range(position):
            for i in range(head_dim):
                out[:, h, t, i] = x[:, t, h * head_dim + i]
    return out


SPLIT_HEADS = Exercise(
    "split_heads",
    _draw_split,
    _split_loop,
    (
        Misconception(
            "wrong reshape",
            "The shape is right, yet some of your heads hold numbers of several positions. A reshape "
            "never reorders numbers, it only cuts the row of them elsewhere. Which axis did you cut?",
            (lambda x, n_heads: x.reshape(x.shape[0], n_heads, x.shape[1], -1),),
        ),
        Misconception(
            "channels dealt out",
            "Head 0 should get the first block of neighbouring channels. Yours gets every n_heads-th "
            "channel, as if they were dealt out like cards.",
            (lambda x, n_heads: x.unflatten(-1, (-1, n_heads)).permute(0, 3, 1, 2),),
        ),
        Misconception(
            "axes left where they were",
            "The cut is right. Attention compares positions within a head, so which two axes are last?",
            (lambda x, n_heads: x.unflatten(-1, (n_heads, -1)),),
        ),
    ),
    lesson="02",
    edges={
        "one head": lambda c: {"n_heads": 1},
        "heads of width 1": lambda c: {"n_heads": c["x"].shape[-1]},
        "one position": lambda c: {"x": c["x"][:, :1]},
        "as many positions as heads": lambda c: {"x": c["x"][:, :1].repeat(1, c["n_heads"], 1).cumsum(1)},
    },
)


def _draw_share(rng: random.Random) -> dict[str, Any]:
    kv_heads = rng.randint(2, 3)
    shape = rng.randint(1, 2), kv_heads, rng.randint(2, 3), rng.randint(1, 3)
    return {"kv": tenths(rng, *shape), "n_heads": kv_heads * rng.randint(2, 3)}


def _share_loop(kv: Tensor, n_heads: int) -> Tensor:
    group = n_heads // kv.shape[1]
    return torch.stack([kv[:, h // group] for h in range(n_heads)], dim=1)


SHARE_HEADS = Exercise(
    "share_heads",
    _draw_share,
    _share_loop,
    (
        Misconception(
            "repeat for repeat_interleave",
            "Every key/value head is there often enough, in the wrong order. Write down, for the first "
            "few query heads, which key/value head each of them meets in your result.",
            (lambda kv, n_heads: kv.repeat(1, n_heads // kv.shape[1], 1, 1),),
        ),
        Misconception(
            "copied along another axis",
            "You copied along an axis that is not the heads. The positions are as many as before.",
            tuple(
                lambda kv, n_heads, axis=axis, copy=copy: copy(kv, n_heads // kv.shape[1], axis)
                for axis in (0, 2, 3)
                for copy in (
                    torch.repeat_interleave,
                    lambda kv, n, axis: torch.cat([kv] * n, dim=axis),
                )
            ),
        ),
        Misconception(
            "too many copies",
            "There should be n_heads heads in the end. How many copies of one does that make?",
            (
                lambda kv, n_heads: kv.repeat_interleave(n_heads, dim=1),
                lambda kv, n_heads: kv.repeat(1, n_heads, 1, 1),
            ),
        ),
    ),
    lesson="02",
    edges={
        "one for all": lambda c: {"kv": c["kv"][:, :1]},
        "nothing to share": lambda c: {"n_heads": c["kv"].shape[1]},
        "one position": lambda c: {"kv": c["kv"][:, :, :1]},
    },
)
