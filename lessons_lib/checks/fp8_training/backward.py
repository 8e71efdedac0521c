"""Check of the two backward products of a linear layer, each operand rounded along its own axis.

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
        length, tokens = rng.randint(2, 3), rng.randint(3, 6)
        n_in, n_out = rng.sample(range(3, 7), 2)
        g, x = tenths(rng, tokens, n_out) / 10, tenths(rng, tokens, n_in)
        case: dict[str, Any] = {"g": g, "x": x, "weight": tenths(rng, n_out, n_in), "length": length}
        tiles = ((1, length), (length, 1), (length, length))
        if all(_clear(matrix, tile) for matrix in (g, x, case["weight"]) for tile in tiles):
            return case


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


def _number_by_number(g: Tensor, x: Tensor, weight: Tensor, length: int) -> tuple[Tensor, Tensor]:
    for_dx, for_dw = _rounded(g, (1, length)), _rounded(g, (length, 1))  # along channels, along tokens
    w, x = _rounded(weight, (length, length)), _rounded(x, (length, 1))
    return torch.einsum("to,oi->ti", for_dx, w), torch.einsum("to,ti->oi", for_dw, x)


def _exact(x: Tensor, length: int) -> Tensor:
    return x


def _row(x: Tensor, length: int) -> Tensor:
    return round_tiles(x, (1, length))


def _column(x: Tensor, length: int) -> Tensor:
    return round_tiles(x, (length, 1))


def _block(x: Tensor, length: int) -> Tensor:
    return round_tiles(x, (length, length))


def _whole(x: Tensor, length: int) -> Tensor:
    return round_tiles(x, (x.shape[0], x.shape[1]))


def _products(
    g: Tensor,
    x: Tensor,
    weight: Tensor,
    length: int,
    *,
    g_for_dx: Callable[[Tensor, int], Tensor] = _row,
    w_for_dx: Callable[[Tensor, int], Tensor] = _block,
    g_for_dw: Callable[[Tensor, int], Tensor] = _column,
    x_for_dw: Callable[[Tensor, int], Tensor] = _column,
    result: Callable[[Tensor, int], Tensor] = _exact,
) -> tuple[Tensor, Tensor]:
    """Multiply with one thing (or none) done the wrong way."""
    dx = g_for_dx(g, length) @ w_for_dx(weight, length)
    dw = g_for_dw(g, length).T @ x_for_dw(x, length)
    return result(dx, length), result(dw, length)


BACKWARD_PRODUCTS = Exercise(
    "backward_products",
    _draw,
    _number_by_number,
    (
        Misconception(
            "weight gradient with the forward tiles",
            "Your dx is right. In dW a tile of yours lies across the sum, not along it: over which axis does "
            "this product sum?",
            (
                partial(_products, g_for_dw=_row, x_for_dw=_row),
                partial(_products, g_for_dw=_row),
                partial(_products, x_for_dw=_row),
            ),
        ),
        Misconception(
            "input gradient along the tokens",
            "Your dW is right. In dx the gradient meets the weights channel by channel: along which axis "
            "should its tiles lie there?",
            (partial(_products, g_for_dx=_column),),
        ),
        Misconception(
            "an operand in FP32",
            "Your result is too exact. Two products have four operands: how many have you rounded?",
            (
                partial(_products, g_for_dx=_exact, w_for_dx=_exact, g_for_dw=_exact, x_for_dw=_exact),
                partial(_products, g_for_dw=_exact, x_for_dw=_exact),
                partial(_products, g_for_dx=_exact, g_for_dw=_exact),
                partial(_products, w_for_dx=_exact),
                partial(_products, x_for_dw=_exact),
            ),
        ),
        Misconception(
            "weights in tiles of one row",
            "Your dW is right. Activations and gradients have tiles of one row; what shape has a tile of a "
            "weight matrix?",
            (partial(_products, w_for_dx=_row), partial(_products, w_for_dx=_column)),
        ),
        Misconception(
            "one scale for a whole tensor",
            "Each tensor of yours has a single scale. Which argument has no effect?",
            (partial(_products, g_for_dx=_whole, w_for_dx=_whole, g_for_dw=_whole, x_for_dw=_whole),),
        ),
        Misconception(
            "results in FP8",
            "The operands are right, but what comes out is rounded once more. An optimizer adds up these "
            "gradients: in which precision?",
            (
                partial(_products, result=_row),
                partial(_products, result=_whole),
                partial(_products, result=_block),
            ),
        ),
    ),
    lesson="10",
    returns=("dx", "dW"),
    margin=2e-3,
)
