"""The quantised products of many experts at once: the same numbers as a quantised layer for each.

Two ideas:
  together  where no two experts can share a scale, all of them are rounded in one go: rows of their own
            scale for y and dx, whole blocks of the stacked matrices;
  filled    along the tokens a tile must not reach into the next expert's rows, so each expert's rows are
            filled up with zeros to whole tiles, rounded, and taken out again.

Where scales would be shared (one per tensor, tiles of several rows), experts are rounded one by one.
Letters: N rows sorted by expert, E experts.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from lessons_lib.arguments import takes
from lessons_lib.precision.flops import multiply
from lessons_lib.precision.recipe import Recipe

Rounding = Callable[[Tensor], Tensor]


class _GroupedProduct(torch.autograd.Function):
    """y (N, out): rows of x (N, in) times the matrix of weight (E, out, in) that is theirs, transposed."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, sizes: list[int], recipe: Recipe) -> Tensor:
        ctx.sizes, ctx.recipe, ctx.rounded = sizes, recipe, None
        ctx.save_for_backward(x, weight)
        quantized = "forward" in recipe.products
        if quantized:
            weight = round_matrices(recipe, weight)
            if recipe.weights_round_alike:
                ctx.rounded = weight
            x = round_rows(recipe.round_inputs, x, sizes, recipe, recipe.input_tile)
        pairs = zip(x.split(sizes), weight)
        return torch.cat([multiply(rows, w.T, quantized=quantized) for rows, w in pairs])

    @staticmethod
    @once_differentiable
    def backward(ctx, g: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        (x, weight), sizes, recipe = ctx.saved_tensors, ctx.sizes, ctx.recipe
        dx = dw = None
        if ctx.needs_input_grad[0]:
            rows, quantized = g, "input_gradient" in recipe.products
            if quantized:
                rows = round_rows(recipe.round_gradients, g, sizes, recipe, recipe.gradient_tile)
                weight = ctx.rounded
                if weight is None:
                    weight = round_matrices(recipe, ctx.saved_tensors[1].mT).mT
            pairs = zip(rows.split(sizes), weight)
            dx = torch.cat([multiply(r, w, quantized=quantized) for r, w in pairs])
        if ctx.needs_input_grad[1]:
            quantized = "weight_gradient" in recipe.products
            if quantized:
                g = round_along_tokens(recipe.round_gradients, g, sizes, recipe, recipe.gradient_tile)
                x = round_along_tokens(recipe.round_inputs, x, sizes, recipe, recipe.input_tile)
            pairs = zip(g.split(sizes), x.split(sizes))
            dw = torch.stack([multiply(r.T, rows, quantized=quantized) for r, rows in pairs])
        return dx, dw, None, None


@takes(x="float rows in", weight="float experts out in", ends="whole _")
def multiply_grouped(x: Tensor, weight: Tensor, ends: Tensor, recipe: Recipe) -> Tensor:
    """Return, for rows x (N, in) sorted by expert and weight (E, out, in), each row's product, (N, out).

    `ends` (E,) says where each expert's rows end; ValueError if they do not ascend to N.
    """
    bounds = [0, *ends.tolist()]
    if len(ends) != len(weight) or bounds != sorted(bounds) or bounds[-1] != len(x):
        raise ValueError(
            f"{len(weight)} experts need as many ascending ends, the last of them {len(x)}, got {bounds[1:]}"
        )
    sizes = [end - start for start, end in zip(bounds, bounds[1:])]
    return _GroupedProduct.apply(x.float(), weight.float(), sizes, recipe).to(x.dtype)


def round_matrices(recipe: Recipe, weight: Tensor) -> Tensor:
    """Round stacked matrices (E, rows, columns), of which the product sums over columns."""
    if recipe.scaling == "tensor" or not weight.is_contiguous():
        return torch.stack([recipe.round_weights(matrix) for matrix in weight])
    rows = weight.shape[1]
    missing = -rows % recipe.weight_tile[0] if recipe.scaling == "tile" else 0
    whole = F.pad(weight, (0, 0, 0, missing)) if missing else weight  # whole tiles; zeros change no scale
    return recipe.round_weights(whole.flatten(0, 1)).view_as(whole)[:, :rows]


def round_rows(
    rounding: Rounding, x: Tensor, sizes: list[int], recipe: Recipe, tile: tuple[int, int]
) -> Tensor:
    """Round x (N, D) for a product that sums over D."""
    if recipe.scaling == "none" or (recipe.scaling == "tile" and tile[0] == 1):
        return rounding(x)
    return torch.cat([rounding(rows) for rows in x.split(sizes)])


def round_along_tokens(
    rounding: Rounding, x: Tensor, sizes: list[int], recipe: Recipe, tile: tuple[int, int]
) -> Tensor:
    """Round x (N, D) for a product that sums over each expert's rows."""
    if recipe.scaling == "none":
        return rounding(x.T).T
    if recipe.scaling == "tensor":
        return torch.cat([rounding(rows.T).T for rows in x.split(sizes)])
    size = torch.tensor(sizes, device=x.device)
    filled = -(-size // tile[1]) * tile[1]  # rows of each expert, up to whole tiles
    shift = (filled - size).cumsum(0) - (filled - size)  # zeros before each expert's first row
    place = torch.arange(len(x), device=x.device) + shift.repeat_interleave(size)
    wide = x.new_zeros(int(filled.sum()), x.shape[1]).index_copy_(0, place, x)
    return rounding(wide.T).T.index_select(0, place)
