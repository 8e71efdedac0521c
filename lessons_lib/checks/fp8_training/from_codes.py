"""Check of the weight gradient of a layer that kept its input as codes, which are rounded again for it.

The oracle rounds number by number, from a list of E4M3's values. Cases are drawn in which no number lies
so near the middle of two values that the order of operations in float32 could decide where it goes.
"""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.draws import tenths
from lessons_lib.checks.eight_bit_numbers.rounding import VALUES, nearest_value
from lessons_lib.precision.quantize import round_tiles

MIDDLES = (torch.tensor(VALUES[1:], dtype=torch.float64) + torch.tensor(VALUES[:-1]).double()) / 2


def _draw(rng: random.Random) -> dict[str, Any]:
    while True:
        length, tokens = rng.randint(2, 3), rng.randint(4, 6)
        n_in, n_out = length * rng.randint(1, 2) + rng.randint(0, 1), rng.randint(2, 4)
        g, x = tenths(rng, tokens, n_out) / 10, tenths(rng, tokens, n_in)
        if not _clear(x, (1, length)):
            continue
        scales = _scales(x, (1, length))
        codes = (x.double() / scales).apply_(nearest_value)
        case: dict[str, Any] = {"g": g, "codes": codes.float(), "scales": scales[:, ::length].float()}
        kept = _dequantised(case["codes"], case["scales"], length)
        inverted = _inverted(case["codes"], case["scales"], length)  # a mistake, and written in two ways
        tiles = (length, 1), (length, length)  # squares are a mistake that is written in several ways, too
        if all(_clear(matrix, tile) for matrix in (g, kept) for tile in tiles) and _clear(inverted, tiles[0]):
            return case | {"length": length}


def _wide(scales: Tensor, width: int, length: int) -> Tensor:
    return scales.double().repeat_interleave(length, 1)[:, :width]


def _dequantised(codes: Tensor, scales: Tensor, length: int) -> Tensor:
    return (codes.double() * _wide(scales, codes.shape[1], length)).float()


def _scales(x: Tensor, tile: tuple[int, int]) -> Tensor:
    """Return for each number the scale of its tile, float64."""
    scales, (a, b) = torch.zeros_like(x, dtype=torch.float64), tile
    for i in range(0, len(x), a):
        for j in range(0, x.shape[1], b):
            scales[i : i + a, j : j + b] = x[i : i + a, j : j + b].double().abs().max() / 448
    return scales.clamp(min=1e-15)


def _clear(x: Tensor, tile: tuple[int, int]) -> bool:
    sizes = (x.double() / _scales(x, tile)).abs()
    return bool(((sizes[..., None] - MIDDLES).abs() > 1e-5 * MIDDLES).all())


def _rounded(x: Tensor, tile: tuple[int, int]) -> Tensor:
    scales = _scales(x, tile)
    return (x.double() / scales).apply_(nearest_value) * scales


def _number_by_number(g: Tensor, codes: Tensor, scales: Tensor, length: int) -> Tensor:
    along_tokens = (length, 1)
    x = _rounded(_dequantised(codes, scales, length), along_tokens)
    return torch.einsum("to,ti->oi", _rounded(g, along_tokens), x)


def _exact(x: Tensor, length: int) -> Tensor:
    return x


def _row(x: Tensor, length: int) -> Tensor:
    return round_tiles(x, (1, length))


def _column(x: Tensor, length: int) -> Tensor:
    return round_tiles(x, (length, 1))


def _square(x: Tensor, length: int) -> Tensor:
    return round_tiles(x, (length, length))


def _whole(x: Tensor, length: int) -> Tensor:
    return round_tiles(x, (x.shape[0], x.shape[1]))


def _inverted(codes: Tensor, scales: Tensor, length: int) -> Tensor:
    return (codes.double() / _wide(scales, codes.shape[1], length)).float()


def _without(codes: Tensor, scales: Tensor, length: int) -> Tensor:
    return codes


def _gradient(
    g: Tensor,
    codes: Tensor,
    scales: Tensor,
    length: int,
    *,
    read: Callable[[Tensor, Tensor, int], Tensor] = _dequantised,
    x_again: Callable[[Tensor, int], Tensor] = _column,
    g_once: Callable[[Tensor, int], Tensor] = _column,
    result: Callable[[Tensor, int], Tensor] = _exact,
) -> Tensor:
    """Compute dW with one thing (or none) done the wrong way."""
    x = x_again(read(codes, scales, length), length)
    return result(g_once(g, length).T @ x, length)


def _codes_rounded_again(g: Tensor, codes: Tensor, scales: Tensor, length: int) -> Tensor:
    x = _column(codes, length) * _wide(scales, codes.shape[1], length).float()
    return _column(g, length).T @ x


GRADIENT_FROM_CODES = Exercise(
    "gradient_from_codes",
    _draw,
    _number_by_number,
    (
        Misconception(
            "not rounded again",
            "Your x is still as the forward pass rounded it. Along which axis do its tiles lie, and over "
            "which one does dW sum?",
            (partial(_gradient, x_again=_exact), partial(_gradient, x_again=_row)),
        ),
        Misconception(
            "codes rounded, then scaled",
            "What is rounded a second time are numbers, and yours are codes of different scales. What comes "
            "first?",
            (_codes_rounded_again,),
        ),
        Misconception(
            "codes without scales",
            "A code alone is no number of x. What did the forward pass divide by?",
            (
                partial(_gradient, read=_without),
                partial(_gradient, read=_without, x_again=_exact),
            ),
        ),
        Misconception(
            "scale inverted",
            "The codes were made by dividing by the scales. What undoes that?",
            (partial(_gradient, read=_inverted),),
        ),
        Misconception(
            "gradient along the channels",
            "Your x is right. The tiles of g lie along its channels: over which axis does this product sum?",
            (partial(_gradient, g_once=_row),),
        ),
        Misconception(
            "gradient in FP32",
            "Your x is right. A product has two operands: how many of yours are in 8 bits?",
            (partial(_gradient, g_once=_exact),),
        ),
        Misconception(
            "one scale for a whole tensor",
            "Each tensor of yours has a single new scale. Which argument has no effect on them?",
            (partial(_gradient, x_again=_whole, g_once=_whole),),
        ),
        Misconception(
            "result in FP8",
            "The operands are right, but what comes out is rounded once more. An optimizer adds up these "
            "gradients: in which precision?",
            (partial(_gradient, result=_row), partial(_gradient, result=_whole)),
        ),
        Misconception(
            "square tiles",
            "Your tiles are squares, as those of weights are. How many channels may the tiles of this "
            "product's operands hold?",
            (
                partial(_gradient, x_again=_square, g_once=_square),
                partial(_gradient, x_again=_square),
                partial(_gradient, g_once=_square),
            ),
        ),
    ),
    lesson="10",
    returns=("dW",),
    edges={
        "tiles of one token": lambda c: {
            "length": 1,
            "scales": _wide(c["scales"], c["codes"].shape[1], c["length"]).float(),
        },
        "one token": lambda c: {n: c[n][:1] for n in ("g", "codes", "scales")},
        "gradients of 0": lambda c: {"g": c["g"] * 0},
        "small gradients": lambda c: {"g": c["g"] / 1024},
        "large activations": lambda c: {"scales": c["scales"] * 256},
    },
    margin=2e-3,
)
