"""Check of the bytes of a latent cache, against the size of the tensor that would hold it."""

import random
from collections.abc import Callable
from typing import Any

import torch

from lessons_lib.checks.checker import Exercise, Misconception

_DTYPES = {1: torch.uint8, 2: torch.bfloat16, 4: torch.float32}


def _draw(rng: random.Random) -> dict[str, Any]:
    return {
        "n_layers": rng.randint(3, 61),
        "n_heads": rng.choice((8, 16, 32)),
        "c": rng.choice((96, 160, 512)),
        "n": rng.choice((32, 64, 128)),
        "r": rng.choice((8, 24, 48)),
        "v": rng.choice((40, 72, 136)),
        "n_positions": rng.randint(100, 4000),
        "n_texts": rng.randint(2, 16),
        "bytes_per_number": rng.choice((2, 4)),
    }


def _allocated(
    n_layers: int, n_heads: int, c: int, n: int, r: int, v: int, n_positions: int, n_texts: int,
    bytes_per_number: int,
) -> int:  # fmt: skip
    shape = n_layers, n_texts, n_positions, c + r
    # On the device "meta" a tensor has a size but no memory.
    return torch.empty(shape, dtype=_DTYPES[bytes_per_number], device="meta").nbytes


def _row(width: Callable[[int, int, int, int, int], int]) -> Callable[..., int]:
    """Return a formula in which a token leaves `width(n_heads, c, n, r, v)` numbers in a layer."""
    return lambda layers, h, c, n, r, v, t, texts, size: layers * width(h, c, n, r, v) * t * texts * size


LATENT_CACHE_BYTES = Exercise(
    "latent_cache_bytes",
    _draw,
    _allocated,
    (
        Misconception(
            "full keys and values cached",
            "That is what the heads look at. It is rebuilt each time; from what?",
            (_row(lambda h, c, n, r, v: h * (n + r + v)), _row(lambda h, c, n, r, v: h * (n + v))),
        ),
        Misconception(
            "two vectors for the latent",
            "You count one vector for keys and one for values. Of how many latents are both made?",
            (_row(lambda h, c, n, r, v: 2 * c + r), _row(lambda h, c, n, r, v: 2 * (c + r))),
        ),
        Misconception(
            "a rotary key per head",
            "Your cache grows with the number of heads. How many of them share a rotary key?",
            (_row(lambda h, c, n, r, v: c + h * r), _row(lambda h, c, n, r, v: h * (c + r))),
        ),
        Misconception(
            "rotary key forgotten",
            "The latent does not know where its token stands. What else is kept?",
            (_row(lambda h, c, n, r, v: c),),
        ),
        Misconception(
            "one layer only",
            "That is one layer's cache. Do layers share it?",
            (lambda layers, h, c, n, r, v, t, texts, size: (c + r) * t * texts * size,),
        ),
        Misconception(
            "one text only",
            "That is the cache of one text. Do texts share it?",
            (lambda layers, h, c, n, r, v, t, texts, size: layers * (c + r) * t * size,),
        ),
        Misconception(
            "numbers for bytes",
            "You count numbers. Which argument says how large one of them is?",
            (lambda layers, h, c, n, r, v, t, texts, size: layers * (c + r) * t * texts,),
        ),
    ),
    lesson="03",
    returns=("bytes",),
    edges={
        "one of everything": lambda c: dict.fromkeys(c, 1),
        "DeepSeek-V3": lambda c: {"n_layers": 61, "n_heads": 128, "c": 512, "n": 128, "r": 64, "v": 128},
        "a latent narrower than the rotary key": lambda c: {"c": 16, "r": 64},
    },
)
