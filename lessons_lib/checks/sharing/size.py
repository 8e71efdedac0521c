"""Check of the bytes that a key/value cache takes, against the size of the tensor that would hold it."""

import random
from typing import Any

import torch

from lessons_lib.checks.checker import Exercise, Misconception

_DTYPES = {1: torch.uint8, 2: torch.bfloat16, 4: torch.float32}


def _draw(rng: random.Random) -> dict[str, Any]:
    kv_heads = rng.choice((1, 2, 4))
    return {
        "n_layers": rng.randint(3, 60),
        "n_heads": kv_heads * rng.choice((4, 8, 16)),  # by 2, two mistakes could cancel
        "n_kv_heads": kv_heads,
        "head_dim": rng.choice((16, 24, 64, 128)),
        "n_positions": rng.randint(100, 4000),
        "bytes_per_number": rng.choice((1, 2, 4)),
    }


def _allocated(
    n_layers: int, n_heads: int, n_kv_heads: int, head_dim: int, n_positions: int, bytes_per_number: int
) -> int:
    shape = 2, n_layers, n_kv_heads, n_positions, head_dim  # 2: keys and values
    # On the device "meta" a tensor has a size but no memory.
    return torch.empty(shape, dtype=_DTYPES[bytes_per_number], device="meta").nbytes


CACHE_BYTES = Exercise(
    "cache_bytes",
    _draw,
    _allocated,
    (
        Misconception(
            "query heads counted",
            "Queries are used once and thrown away. Which heads are kept?",
            (lambda n, h, kv, d, t, b: 2 * n * h * d * t * b,),
        ),
        Misconception(
            "keys only",
            "You are short by a factor of 2. What is kept of a token besides its key?",
            (lambda n, h, kv, d, t, b: n * kv * d * t * b,),
        ),
        Misconception(
            "numbers for bytes",
            "You count numbers. Which argument says how large one of them is?",
            (lambda n, h, kv, d, t, b: 2 * n * kv * d * t,),
        ),
        Misconception(
            "one layer only",
            "That is one layer's cache. Do layers share it?",
            (lambda n, h, kv, d, t, b: 2 * kv * d * t * b,),
        ),
        Misconception(
            "one position only",
            "That is what one token adds. How many are there?",
            (lambda n, h, kv, d, t, b: 2 * n * kv * d * b,),
        ),
    ),
    lesson="02",
    returns=("bytes",),
    edges={
        "one of everything": lambda c: dict.fromkeys(c, 1),
        "as many key/value heads as heads": lambda c: {"n_kv_heads": c["n_heads"]},
        "a very long text": lambda c: {"n_positions": 131_072, "n_layers": 126},
    },
)
