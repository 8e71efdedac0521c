"""Check of the products that both forms need, against PyTorch's own counter.

Letters: c latent width, n width of a key without position, r rotary width, v value width.
"""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from lessons_lib.checks.checker import Exercise, Misconception


def _draw(rng: random.Random) -> dict[str, Any]:
    n, c = rng.choice((32, 48, 64, 128)), rng.choice((128, 192, 256, 512))
    return {
        "new": rng.choice((rng.randint(2, 20), rng.randint(20, 200))),
        "held": rng.randint(300, 4000),
        "c": c,
        "n": n,
        "r": n // rng.choice((1, 2)),
        "v": rng.choice((n, n + 16, 2 * n)),
    }


def _counted(new: int, held: int, c: int, n: int, r: int, v: int) -> tuple[int, int]:
    """Let PyTorch count both forms; it counts each product with its addition, as two."""

    def of(*shape: int) -> torch.Tensor:
        return torch.empty(shape, device="meta")  # which has a shape but no numbers

    with FlopCounterMode(display=False) as rebuilt:
        keys, values = of(held, c) @ of(c, n), of(held, c) @ of(c, v)
        scores = torch.cat([of(new, n), of(new, r)], 1) @ torch.cat([keys, of(held, r)], 1).T
        scores @ values
    with FlopCounterMode(display=False) as absorbed:
        latent, k_rotary = of(held, c), of(held, r)
        scores = torch.cat([of(new, n) @ of(n, c), of(new, r)], 1) @ torch.cat([latent, k_rotary], 1).T
        scores @ latent @ of(c, v)
    return rebuilt.get_total_flops() // 2, absorbed.get_total_flops() // 2


def _count(
    new: int,
    held: int,
    c: int,
    n: int,
    r: int,
    v: int,
    *,
    rebuilt_for: Callable[[int, int], int] = lambda new, held: held,
    absorbed_for: Callable[[int, int], int] = lambda new, held: new,
    matrix: Callable[[int, int, int], int] = lambda n, r, v: n + v,  # times c: through both matrices
    pairs: Callable[[int, int], int] = lambda new, held: new * held,
    wide: Callable[[int, int, int, int], int] = lambda c, n, r, v: 2 * c + r,  # absorbed, per pair
    times: int = 1,
) -> tuple[int, int]:
    """Count with one thing (or none) counted the wrong way."""
    through, looks = c * matrix(n, r, v), pairs(new, held)
    rebuilt = rebuilt_for(new, held) * through + looks * (n + r + v)
    absorbed = absorbed_for(new, held) * through + looks * wide(c, n, r, v)
    return times * rebuilt, times * absorbed


COUNT_PRODUCTS = Exercise(
    "count_products",
    _draw,
    _counted,
    (
        Misconception(
            "only new tokens rebuilt",
            "Your rebuilt form makes keys and values for the new tokens alone. The cache holds latents: "
            "whose keys does a query look at?",
            (partial(_count, rebuilt_for=lambda new, held: new),),
        ),
        Misconception(
            "absorbed form pays for held tokens",
            "Your absorbed form sends every remembered vector through a matrix. That is what moving the "
            "brackets was to spare: how many vectors pass through now?",
            (partial(_count, absorbed_for=lambda new, held: held),),
        ),
        Misconception(
            "rotary part absorbed too",
            "Too many numbers pass through your matrices. Which part of a key is not made from the latent?",
            (partial(_count, matrix=lambda n, r, v: n + r + v),),
        ),
        Misconception(
            "value matrix not counted",
            "The key's matrix is counted. A head has another one.",
            (partial(_count, matrix=lambda n, r, v: n),),
        ),
        Misconception(
            "absorbed look as narrow as the rebuilt one",
            "Absorbing is not free: how long are the vectors now that a query is compared with, and those "
            "that are mixed?",
            (partial(_count, wide=lambda c, n, r, v: n + r + v),),
        ),
        Misconception(
            "rotary part mixed",
            "Your absorbed form mixes more than it needs. Is the rotary key part of any value?",
            (partial(_count, wide=lambda c, n, r, v: 2 * (c + r)),),
        ),
        Misconception(
            "look not counted",
            "You count what passes through the matrices. After that come the scores and the sum.",
            (partial(_count, pairs=lambda new, held: 0),),
        ),
        Misconception(
            "one query only",
            "The look is that of a single query. How many are there?",
            (partial(_count, pairs=lambda new, held: held),),
        ),
        Misconception(
            "FLOPs for products",
            "Both numbers are twice what they should be. What does a FLOP count that a product does not?",
            (partial(_count, times=2),),
        ),
    ),
    lesson="04",
    returns=("rebuilt", "absorbed"),
    edges={
        "one of everything": lambda c: dict.fromkeys(c, 1),
        "one new query": lambda c: {"new": 1},
        "a whole prompt": lambda c: {"new": c["held"]},
        "DeepSeek-V3": lambda c: {"c": 512, "n": 128, "r": 64, "v": 128, "held": 32_768},
    },
)
