"""What a model's numbers are: formats, rounding, tiles with scales, products of tiles, quantised layers."""

from lessons_lib.precision.cast import cast_e4m3, cast_e5m2, cast_fast, cast_to, power_of_two_at_least
from lessons_lib.precision.flops import Flops, count_flops
from lessons_lib.precision.formats import (
    BF16,
    E4M3,
    E5M2,
    E8M0,
    FP16,
    Format,
    bit_fields,
    decode,
    encode,
    neighbours,
    values,
)
from lessons_lib.precision.linear import Fp8Linear, multiply_quantized, quantized_linear
from lessons_lib.precision.matmul import cut_off, multiply_limited, multiply_tiles
from lessons_lib.precision.quantize import dequantize_tiles, quantize_tiles, round_tiles
from lessons_lib.precision.recipe import BF16_OPERANDS, PER_TENSOR, PRODUCTS, UNSCALED, Recipe, tiles_of

__all__ = [
    "BF16",
    "BF16_OPERANDS",
    "E4M3",
    "E5M2",
    "E8M0",
    "FP16",
    "PER_TENSOR",
    "PRODUCTS",
    "UNSCALED",
    "Flops",
    "Format",
    "Fp8Linear",
    "Recipe",
    "bit_fields",
    "cast_e4m3",
    "cast_e5m2",
    "cast_fast",
    "cast_to",
    "count_flops",
    "cut_off",
    "decode",
    "dequantize_tiles",
    "encode",
    "multiply_limited",
    "multiply_quantized",
    "multiply_tiles",
    "neighbours",
    "power_of_two_at_least",
    "quantize_tiles",
    "quantized_linear",
    "round_tiles",
    "tiles_of",
    "values",
]
