"""Which numbers a training run rounds, to which format, and with which scales.

A linear layer has three matrix products, and each sums along an axis of its own:
  forward          y  = x W^T    sums over the input channels;
  input_gradient   dx = g W      sums over the output channels;
  weight_gradient  dW = g^T x    sums over the tokens.
So a tensor that takes part in two of them is quantised twice, its tiles lying along another axis.

DeepSeek-V3's recipe is the default: E4M3 everywhere, tiles of 1 x 128 for activations and gradients and
128 x 128 for weights, all three products. Its embedding, output head, norms, gate and attention stay in
higher precision; so they do here, since only what the model makes with `linear` is quantised.
Source: DeepSeek-V3 report, arXiv:2412.19437, section 3.3.
"""

from dataclasses import dataclass
from typing import Literal, get_args

from torch import Tensor

from lessons_lib.arguments import choice, instance, number, takes_late, whole
from lessons_lib.precision.cast import cast_fast
from lessons_lib.precision.formats import BF16, E4M3, E5M2, FP16, Format
from lessons_lib.precision.quantize import refuse_tile, round_matrix

Product = Literal["forward", "input_gradient", "weight_gradient"]
PRODUCTS: tuple[Product, ...] = get_args(Product)
Scaling = Literal["tile", "tensor", "none"]
SCALINGS: tuple[Scaling, ...] = get_args(Scaling)


@dataclass(frozen=True)
class Recipe:
    """How the operands of a linear layer's products are rounded; invalid combinations raise ValueError.

    A format of None leaves that tensor in FP32. A tile is (across, along): `along` lies on the axis that
    the product at hand sums over. `loss_scale` multiplies gradients before they are rounded, and is
    taken off again behind the product: for a power of two the same numbers as multiplying the loss
    and dividing the gradients, without the training loop's knowledge.
    """

    inputs: Format | None = E4M3
    weights: Format | None = E4M3
    gradients: Format | None = E4M3
    scaling: Scaling = "tile"  # one scale per "tile", one per "tensor", or "none"
    input_tile: tuple[int, int] = (1, 128)
    weight_tile: tuple[int, int] = (128, 128)
    gradient_tile: tuple[int, int] = (1, 128)
    ue8m0: bool = False  # scales rounded up to powers of two
    loss_scale: float = 1.0
    products: tuple[Product, ...] = PRODUCTS  # those that are quantised; the others stay in FP32

    def __post_init__(self) -> None:
        choice(SCALINGS, scaling=self.scaling)
        instance(bool, ue8m0=self.ue8m0)
        instance(tuple, products=self.products)
        allowed = (E4M3, E5M2) if self.scaling != "none" else (E4M3, E5M2, BF16, FP16)
        for fmt in (self.inputs, self.weights, self.gradients):
            instance((Format, type(None)), format=fmt)
            if fmt is not None and fmt not in allowed:
                raise ValueError(f"{fmt.name} is not a format for tensors with scaling={self.scaling!r}")
        if unknown := [product for product in self.products if product not in PRODUCTS]:
            raise ValueError(f"a linear layer's products are {', '.join(PRODUCTS)}, not {unknown}")
        for name in ("input_tile", "weight_tile", "gradient_tile"):
            instance(tuple, **{name: getattr(self, name)})
            refuse_tile(getattr(self, name), name)
        number(above=0, loss_scale=self.loss_scale)
        if self.scaling != "none" and self.loss_scale != 1:
            raise ValueError(
                f"loss_scale={self.loss_scale:g} does nothing where a scale per {self.scaling} follows it"
            )

    @takes_late(x="float _ _")
    def round_inputs(self, x: Tensor) -> Tensor:
        """Round activations (M, K), of which a product sums over K."""
        return self._round(x, self.inputs, self.input_tile, "the layer's input")

    @takes_late(weight="float _ _")
    def round_weights(self, weight: Tensor) -> Tensor:
        """Round a weight matrix (N, K), of which a product sums over K."""
        return self._round(weight, self.weights, self.weight_tile, "the weight")

    @takes_late(gradient="float _ _")
    def round_gradients(self, gradient: Tensor) -> Tensor:
        """Round gradients (M, K), of which a product sums over K; the loss scale is on and off again."""
        if self.loss_scale == 1:
            return self._round(gradient, self.gradients, self.gradient_tile, "the gradient")
        scaled = gradient * self.loss_scale
        return self._round(scaled, self.gradients, self.gradient_tile, "the gradient") / self.loss_scale

    def _round(self, x: Tensor, fmt: Format | None, tile: tuple[int, int], name: str) -> Tensor:
        if x.ndim != 2 or not x.is_floating_point():
            raise TypeError(f"a recipe rounds matrices, got {name} of {x.dtype} and shape {tuple(x.shape)}")
        if fmt is None:
            return x
        if self.scaling == "none":
            return cast_fast(x, fmt)
        if self.scaling == "tensor":
            tile = max(1, x.shape[0]), max(1, x.shape[1])
        return round_matrix(x.detach().float(), tile, fmt, self.ue8m0, name)

    @property
    def weights_round_alike(self) -> bool:
        """Whether a weight matrix and its transpose are rounded to the same numbers."""
        return self.scaling != "tile" or self.weight_tile[0] == self.weight_tile[1]


def tiles_of(size: int) -> Recipe:
    """Return DeepSeek's recipe with tiles of 1 x `size` and `size` x `size` in place of 128."""
    whole(size=size)
    return Recipe(input_tile=(1, size), weight_tile=(size, size), gradient_tile=(1, size))


BF16_OPERANDS = Recipe(BF16, BF16, BF16, scaling="none")  # BF16 products, emulated: summed in FP32
PER_TENSOR = Recipe(scaling="tensor")
UNSCALED = Recipe(scaling="none")
