"""A linear layer whose three matrix products are quantised; its weights stay in FP32.

Three ideas:
  own axis        every operand is rounded with tiles along the axis that its product sums over
                  (`Recipe` has the list), so x and the gradient are rounded twice, each way once;
  master weights  the parameter itself is never rounded, only the copy that is multiplied: an update
                  smaller than the distance to the next FP8 value is not lost;
  handed in       `Transformer(config, linear=quantized_linear(recipe))`: the model does not know.

The products are computed from dequantised operands in FP32: equal, up to the order of rounding, to
`multiply_tiles`, at the speed of an ordinary product. Left out against DeepSeek: its activations are kept
for the backward pass as FP8 codes (ours in FP32, rounded once each way), some in a 12-bit format, and the
results may come back as BF16. Where a layer's matrix is read past it, as in absorbed latent attention, what
is read is the FP32 master weight, and that product is not quantised.
"""

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from lessons_lib.arguments import instance, takes, whole
from lessons_lib.precision.flops import multiply
from lessons_lib.precision.grouped import multiply_grouped
from lessons_lib.precision.recipe import Recipe


class _QuantizedProduct(torch.autograd.Function):
    """y (N, out) = x (N, in) times weight (out, in) transposed, and its two gradients."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, recipe: Recipe) -> Tensor:
        ctx.recipe = recipe
        ctx.save_for_backward(x, weight)
        ctx.rounded_weight = None
        if "forward" not in recipe.products:
            return multiply(x, weight.T, quantized=False)
        rounded = recipe.round_weights(weight)
        if recipe.weights_round_alike:
            ctx.rounded_weight = rounded  # the backward pass needs the same numbers
        return multiply(recipe.round_inputs(x), rounded.T, quantized=True)

    @staticmethod
    @once_differentiable
    def backward(ctx, g: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        (x, weight), recipe = ctx.saved_tensors, ctx.recipe
        dx = dw = None
        if ctx.needs_input_grad[0]:
            dx = _input_gradient(g, weight, recipe, ctx.rounded_weight)
        if ctx.needs_input_grad[1]:
            dw = _weight_gradient(g, x, recipe)
        return dx, dw, None


def _input_gradient(g: Tensor, weight: Tensor, recipe: Recipe, rounded: Tensor | None) -> Tensor:
    if "input_gradient" not in recipe.products:
        return multiply(g, weight, quantized=False)
    if rounded is None:
        rounded = recipe.round_weights(weight.T).T  # tiles along the output channels
    return multiply(recipe.round_gradients(g), rounded, quantized=True)


def _weight_gradient(g: Tensor, x: Tensor, recipe: Recipe) -> Tensor:
    if "weight_gradient" not in recipe.products:
        return multiply(g.T, x, quantized=False)
    return multiply(recipe.round_gradients(g.T), recipe.round_inputs(x.T).T, quantized=True)  # along tokens


@takes(x="float rows in", weight="float out in")
def multiply_quantized(x: Tensor, weight: Tensor, recipe: Recipe) -> Tensor:
    """Return x (N, in) times weight (out, in) transposed, (N, out), by `recipe`, gradients too.

    Computed in FP32 and returned in x's type. Raises ValueError for infinities and NaN where the recipe
    has scales.
    """
    instance(Recipe, recipe=recipe)
    return _multiply(x, weight, recipe)


def _multiply(x: Tensor, weight: Tensor, recipe: Recipe) -> Tensor:
    return _QuantizedProduct.apply(x.float(), weight.float(), recipe).to(x.dtype)


class Fp8Linear(nn.Linear):
    """`nn.Linear` with quantised products; the class holds the recipe, here DeepSeek-V3's."""

    recipe = Recipe()

    def __init__(self, in_features: int, out_features: int, bias: bool = True, **place: Any) -> None:
        whole(in_features=in_features, out_features=out_features)
        instance(bool, bias=bias)
        super().__init__(in_features, out_features, bias, **place)

    @takes(x="float ... self.in_features")
    def forward(self, x: Tensor) -> Tensor:
        y = _multiply(x.reshape(-1, x.shape[-1]), self.weight, self.recipe)
        y = y.view(*x.shape[:-1], self.out_features)
        return y if self.bias is None else y + self.bias

    @classmethod
    def grouped(cls, x: Tensor, weight: Tensor, ends: Tensor) -> Tensor:
        """Multiply rows x (N, in), sorted by expert, by their experts' matrices weight (E, out, in).

        `ends` (E,) int32 says where each expert's rows end. Returns (N, out). The same numbers as a layer
        for each expert, with scales of its own. This is what a mixture of experts looks for.
        """
        return multiply_grouped(x, weight, ends, cls.recipe)

    def __reduce__(self):
        return _layer_without_content, (self.recipe,), self.__dict__  # a class made on the fly has no address


def _layer_without_content(recipe: Recipe) -> Fp8Linear:
    return Fp8Linear.__new__(quantized_linear(recipe))


def quantized_linear(recipe: Recipe) -> type[Fp8Linear]:
    """Return the class of linear layers that multiply by `recipe`; the same one for equal recipes."""
    instance(Recipe, recipe=recipe)
    return _class_with(recipe)


@cache
def _class_with(recipe: Recipe) -> type[Fp8Linear]:
    return type("Fp8Linear", (Fp8Linear,), {"recipe": recipe, "__doc__": Fp8Linear.__doc__})
