"""Check of tiles with a scale each, a power of two, against a loop over rows and stretches.

Neighbouring tiles are of very different size, so that a scale taken from elsewhere shows. What is compared
is not yet rounded: where a number falls between two values then decides nothing.
"""

import math
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.eight_bit_numbers.ends import wrong_ends

GUARD = 1e-12


def _draw(rng: random.Random) -> dict[str, Any]:
    length, n_rows = rng.randint(2, 3), rng.randint(2, 4)
    width = rng.randint(length + 1, 3 * length)
    rows = []
    for _ in range(n_rows):
        row, sizes = [], rng.sample((30, 300, 3000), 3)
        for size in sizes:
            row += [float(rng.choice((-1, 1)) * rng.randint(size // 10, size)) for _ in range(length)]
        rows.append(row[:width])
    empty, start = rng.randrange(n_rows), length * rng.randrange(-(-width // length))
    rows[empty][start : start + length] = [0.0] * len(rows[empty][start : start + length])
    return {"x": torch.tensor(rows), "length": length}


def _loop(x: Tensor, length: int) -> tuple[Tensor, Tensor]:
    scaled, scales = [], []
    for row in x.tolist():
        tiles = [row[start : start + length] for start in range(0, len(row), length)]
        own = [2.0 ** math.ceil(math.log2(max(GUARD, *map(abs, tile)) / 448)) for tile in tiles]
        scaled.append([number / scale for tile, scale in zip(tiles, own, strict=True) for number in tile])
        scales.append(own)
    return torch.tensor(scaled, dtype=torch.float64), torch.tensor(scales, dtype=torch.float64)


def _scale(
    x: Tensor,
    length: int,
    *,
    high: str = "one",  # a tile's rows: "one", or "length"
    wide: str = "length",  # a tile's columns: "length", or "one"
    amax_of: str = "tile",  # or "row", "tensor"
    signed: bool = False,
    guard: float = GUARD,
    largest: float = 448.0,
    scaled_by: str = "scale",  # or "inverse": multiplied where it should be divided
    returned: str = "scale",  # or "inverse"
    whole: Callable[[Tensor], Tensor] = torch.ceil,  # what makes an exponent whole
) -> tuple[Tensor, Tensor]:
    """Scale with one thing (or none) done the wrong way."""
    x = x.double()
    a, b = (length if side == "length" else 1 for side in (high, wide))
    sizes = x if signed else x.abs()
    rows = []
    for top in range(0, len(x), a):
        for left in range(0, x.shape[1], b):
            tile = sizes[top : top + a, left : left + b]
            of = {"tile": tile, "row": sizes[top : top + a], "tensor": sizes}[amax_of]
            rows.append(2.0 ** whole((of.max().clamp(min=guard) / largest).log2()))
    scales = torch.stack(rows).view(-(-len(x) // a), -(-x.shape[1] // b))
    wide_scales = scales.repeat_interleave(a, 0)[: len(x)].repeat_interleave(b, 1)[:, : x.shape[1]]
    scaled = x / wide_scales if scaled_by == "scale" else x * wide_scales
    return scaled, scales if returned == "scale" else 1 / scales


MX_TILES = Exercise(
    "mx_tiles",
    _draw,
    _loop,
    (
        Misconception(
            "scale inverted",
            "Multiply your numbers by your scales, tile by tile: that should give the tensor again. Which "
            "way round is a scale?",
            (
                partial(_scale, returned="inverse"),
                partial(_scale, scaled_by="inverse"),
                partial(_scale, scaled_by="inverse", returned="inverse"),
            ),
        ),
        Misconception(
            "amax of the whole tensor",
            "Your scale comes from numbers outside the tile. An outlier then harms the others as if there "
            "were no tiles.",
            (partial(_scale, amax_of="tensor"), partial(_scale, amax_of="row")),
        ),
        Misconception(
            "tiles along the wrong axis",
            "A tile of yours stands upright. Along which axis do these numbers meet others in a product, to "
            "be added up?",
            (partial(_scale, high="length", wide="one"),),
        ),
        Misconception(
            "square tiles",
            "Your tiles are blocks, as for weights. How many tokens share a scale among activations?",
            (partial(_scale, high="length"),),
        ),
        Misconception(
            "no guard for a zero tile",
            "All is well but for a tile without any size. By what are its numbers divided?",
            (partial(_scale, guard=0.0),),
        ),
        Misconception(
            "448 and 57344 exchanged",
            "You bring the largest number of each tile to 57344, where E5M2 ends. What is E4M3's largest "
            "value?",
            (partial(_scale, largest=57_344.0), lambda x, n: _with_e5m2_codes(x, n)),
        ),
        Misconception(
            "not a power of two",
            "Those are the exact scales, with all their digits. A byte of E8M0 holds none of them.",
            (partial(_scale, whole=torch.Tensor.clone),),
        ),
        Misconception(
            "scale too small",
            "Look at the largest number of each tile after scaling: does the format hold it?",
            (partial(_scale, whole=torch.floor), partial(_scale, whole=torch.round)),
        ),
        Misconception(
            "sign kept in amax",
            "In one tile the number furthest from 0 is negative. Does it fit your scale?",
            (partial(_scale, signed=True),),
        ),
        *wrong_ends(_scale),
    ),
    lesson="09",
    returns=("scaled", "scales"),
    absolute=0.0,  # scales may be as small as 2e-15
    edges={
        "zeros": lambda c: {"x": c["x"] * 0},
        "numbers far below 1e-12": lambda c: {"x": c["x"] * 1e-17},
        "tiles of one number": lambda c: {"length": 1},
        "one tile in a row": lambda c: {"length": c["x"].shape[1]},
        "a tile longer than a row": lambda c: {"length": c["x"].shape[1] + 3},
        "small numbers": lambda c: {"x": c["x"] / 1e6},
        "all below zero": lambda c: {"x": -c["x"].abs()},
        "one row": lambda c: {"x": c["x"][:1]},
    },
)


def _with_e5m2_codes(x: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """Scale up to 57,344, but keep the scale that belongs to 448."""
    return _scale(x, length, largest=57_344.0)[0], _scale(x, length)[1]
