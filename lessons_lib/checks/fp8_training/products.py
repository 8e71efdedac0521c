"""Check of a product of codes with scales, tiles of a row on one side and square blocks on the other.

The oracle multiplies every code by its scale first.

Codes are whole numbers that E4M3 holds and scales are eighths, so that everything is exact in float32 too.
Letters: M rows, N rows of the other side, K length of the sums, T tiles in a row, B blocks above each other.
"""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.eight_bit_numbers.rounding import round_wrongly


def _draw(rng: random.Random) -> dict[str, Any]:
    length, n_tiles = rng.randint(2, 3), rng.randint(2, 3)

    def codes(rows: int) -> Tensor:
        sizes = [[rng.randint(1, 15) for _ in range(length * n_tiles)] for _ in range(rows)]
        return torch.tensor([[float(rng.choice((-1, 1, 1)) * size) for size in row] for row in sizes])

    def scales(rows: int) -> Tensor:
        return torch.tensor([[rng.randint(4, 24) / 8 for _ in range(n_tiles)] for _ in range(rows)])

    m, n = rng.randint(1, 3), rng.randint(length + 1, 2 * length)  # two blocks, the last often not full
    return {
        "a": codes(m),
        "a_scales": scales(m),
        "b": codes(n),
        "b_scales": scales(2),
        "length": length,
    }


def _number_by_number(a: Tensor, a_scales: Tensor, b: Tensor, b_scales: Tensor, length: int) -> Tensor:
    out = torch.zeros(len(a), len(b), dtype=torch.float64)
    for i in range(len(a)):
        for j in range(len(b)):
            for k in range(a.shape[1]):
                tile = k // length
                out[i, j] += (a[i, k] * a_scales[i, tile]).item() * (
                    b[j, k] * b_scales[j // length, tile]
                ).item()
    return out


def _same(x: Tensor) -> Tensor:
    return x


def _in_blocks(s: Tensor, n: int, length: int) -> Tensor:
    return s.repeat_interleave(length, 0)[:n]


def _multiply(
    a: Tensor,
    a_scales: Tensor,
    b: Tensor,
    b_scales: Tensor,
    length: int,
    *,
    before: Callable[[Tensor], Tensor] = _same,  # to scales (M or B, T), before anything else
    rows: Callable[[Tensor, int, int], Tensor] = _in_blocks,  # scales (B, T) of blocks -> (N, T) of rows
    join: Callable[[Tensor, Tensor], Tensor] = lambda s, t: s[:, None] * t,
    scale: Callable[[Tensor, Tensor], Tensor] = torch.mul,
    partial_sum: Callable[[Tensor], Tensor] = _same,
    total_sum: Callable[[Tensor], Tensor] = _same,
) -> Tensor:
    """Multiply with one thing (or none) done the wrong way."""
    a, b, s, t = (x.double() for x in (a, b, before(a_scales), before(b_scales)))
    t = rows(t, len(b), length)
    total = torch.zeros(len(a), len(b), dtype=torch.float64)
    for tile in range(s.shape[1]):
        here = slice(tile * length, (tile + 1) * length)
        product = partial_sum(a[:, here] @ b[:, here].T)
        total = total_sum(total + scale(product, join(s[:, tile], t[:, tile])))
    return total


def _in_turns(a: Tensor, a_scales: Tensor, b: Tensor, b_scales: Tensor, length: int) -> Tensor:
    t = _in_blocks(b_scales, len(b), length)
    s, t = (x.double().repeat(1, length) for x in (a_scales, t))  # column k: scale k mod T
    return (a.double() * s) @ (b.double() * t).T


def _last_in_fp8(*case: Any) -> Tensor:
    return round_wrongly(_multiply(*case))


MULTIPLY_BY_BLOCKS = Exercise(
    "multiply_by_blocks",
    _draw,
    _number_by_number,
    (
        Misconception(
            "mean of the tile scales",
            "One scale serves a whole row of yours, made of several. Each tile was divided by its own.",
            (
                partial(_multiply, before=lambda s: s.mean(1, keepdim=True).expand_as(s)),
                partial(_multiply, before=lambda s: s.mean().expand_as(s)),
            ),
        ),
        Misconception(
            "first scale for all tiles",
            "It is right for the first tile of a row. Which scale has the second one?",
            (partial(_multiply, before=lambda s: s[:, :1].expand_as(s)),),
        ),
        Misconception(
            "rows of a block",
            "In B a block is as high as it is wide: which rows of B share a scale?",
            (
                partial(_multiply, rows=lambda s, n, length: s[:1].expand(n, -1)),
                partial(_multiply, rows=lambda s, n, length: s[torch.arange(n) % len(s)]),
            ),
        ),
        Misconception(
            "scales dealt out in turns",
            "Yours changes the scale from each column to the next. Which columns share one?",
            (_in_turns,),
        ),
        Misconception(
            "scales of one side",
            "Each product has two factors, and each factor was divided by something.",
            (
                partial(_multiply, join=lambda s, t: s[:, None].expand(-1, len(t))),
                partial(_multiply, join=lambda s, t: t.expand(len(s), -1)),
            ),
        ),
        Misconception(
            "scale inverted",
            "The codes were made by dividing by the scale. What undoes that? (In DeepSeek's files the scale "
            "is called an inverse, and is used in the same way.)",
            (partial(_multiply, scale=torch.div),),
        ),
        Misconception(
            "scales added",
            "A factor of 2 on one side and of 3 on the other: how much larger is the product?",
            (partial(_multiply, join=lambda s, t: s[:, None] + t),),
        ),
        Misconception(
            "accumulating in FP8",
            "Your sums are rounded to 8 bits. Only the factors are so coarse; what they add up to is not.",
            (
                partial(_multiply, total_sum=round_wrongly),
                partial(_multiply, partial_sum=round_wrongly),
                partial(_multiply, partial_sum=round_wrongly, total_sum=round_wrongly),
                _last_in_fp8,
            ),
        ),
    ),
    lesson="10",
    edges={
        "one tile": lambda c: {n: c[n][:, : c["length"] if n in "ab" else 1] for n in c if n != "length"},
        "one row of B": lambda c: {"b": c["b"][:1], "b_scales": c["b_scales"][:1]},
        "tiles of one number": lambda c: {
            "a": c["a"][:, : c["a_scales"].shape[1]],
            "b": c["b"][:2, : c["b_scales"].shape[1]],
            "length": 1,
        },
        "scales of 1": lambda c: {n: c[n] * 0 + 1 for n in ("a_scales", "b_scales")},
        "codes of 0": lambda c: {"a": c["a"] * 0},
        "small scales": lambda c: {n: c[n] / 1000 for n in ("a_scales", "b_scales")},
        "very different scales": lambda c: {"a_scales": c["a_scales"] * 1000},
    },
    tolerance=3e-4,  # a mistake that divides is not exact in float32, and terms of 900 may cancel
    margin=3e-3,
)
