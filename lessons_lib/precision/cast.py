"""Round numbers to the values that a format holds: to the nearest, ties to the even mantissa.

Three ideas:
  spacing     within an octave the values of a format are evenly spaced, so rounding is: divide by the
              spacing, round to a whole number, multiply again;
  saturation  what is too large becomes the largest value, not an infinity. A type of torch's may do
              otherwise (E5M2 gives infinities, E4M3 gave NaN in older versions), so nothing here leans on it;
  adding 1.5  the fast form never divides: x + 1.5 * 2^23 spacings has no room for digits below one
              spacing, so the addition itself rounds, and taking the large number off again is exact.

Numbers come in as FP32 (other float types are rounded to it first, as torch does) and the results are
FP32. For autograd, rounding is the identity: the gradient goes straight through, also where the value
saturated.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from lessons_lib.arguments import instance, takes
from lessons_lib.precision.formats import BF16, E4M3, E5M2, FP16, Format

EXPONENT = 0x7F800000  # the bits of an FP32 number that hold its exponent
FP32_MANTISSA, FP32_BIAS = 23, 127


class _StraightThrough(torch.autograd.Function):
    """Apply `rounding`; hand the gradient on as if nothing had happened."""

    @staticmethod
    def forward(ctx, x: Tensor, rounding: Callable[[Tensor], Tensor]) -> Tensor:
        return rounding(x)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient, None


@takes(x="float ...")
def cast_to(x: Tensor, fmt: Format) -> Tensor:
    """Round `x` to the values of any signed format, in the plainest form; `cast_fast` is held to it."""
    _refuse_scales(fmt)

    def plain(x: Tensor) -> Tensor:
        exponent = torch.frexp(x).exponent - 1  # |x| is in [2^exponent, 2^(exponent + 1))
        exponent = exponent.clamp(min=fmt.min_exponent)  # subnormals keep the last octave's spacing
        spacing = torch.ldexp(torch.ones_like(x), exponent - fmt.mantissa_bits)
        rounded = torch.round(x / spacing) * spacing  # torch.round: a tie goes to the even number
        return rounded.clamp(-fmt.largest, fmt.largest)  # NaN stays NaN

    return _StraightThrough.apply(x.float(), plain)


@takes(x="float ...")
def cast_fast(x: Tensor, fmt: Format) -> Tensor:
    """Return what `cast_to` returns, in a few passes over memory."""
    _refuse_scales(fmt)
    if fmt.exponent_bits > 6 and fmt != BF16:
        return cast_to(x, fmt)  # the large number that is added would itself be too large

    def fast(x: Tensor) -> Tensor:
        inside = x.clamp(-fmt.largest, fmt.largest)
        if fmt in (BF16, FP16):
            return inside.to(fmt.dtype).float()  # torch rounds these in one instruction
        return round_inside_(inside, fmt).copysign_(x)  # a small negative number becomes -0, not 0

    return _StraightThrough.apply(x.float(), fast)


def round_inside_(x: Tensor, fmt: Format, scratch: Tensor | None = None) -> Tensor:
    """Round, in place, FP32 numbers no larger than an FP8 format's largest value; zeros lose their sign.

    `scratch` is memory of x's shape that may be written over: fresh memory costs more than a pass.
    """
    octave = torch.empty_like(x) if scratch is None else scratch
    bits = octave.view(torch.int32)
    torch.bitwise_and(x.view(torch.int32), EXPONENT, out=bits)  # as a float: 2^exponent
    bits.clamp_(min=fmt.min_exponent + FP32_BIAS << FP32_MANTISSA)
    large = 1.5 * 2.0 ** (FP32_MANTISSA - fmt.mantissa_bits)  # 1.5 * 2^23 spacings, in octaves
    return x.add_(octave, alpha=large).sub_(octave, alpha=large)


def cast_e4m3(x: Tensor) -> Tensor:
    """Round `x` to E4M3, the format of all tensors in DeepSeek-V3's training; FP32, at most 448."""
    return cast_fast(x, E4M3)


def cast_e5m2(x: Tensor) -> Tensor:
    """Round `x` to E5M2, with more octaves and fewer values in each; FP32, at most 57,344."""
    return cast_fast(x, E5M2)


@takes(x="float ...")
def power_of_two_at_least(x: Tensor) -> Tensor:
    """Return the smallest power of two that is not below `x` (positive, finite): an E8M0 scale.

    From the bits, not from a logarithm: log2 in FP32 calls a number just above a power of two equal to
    it, and a scale rounded down lets the largest value of its tile overflow.
    """
    if x.numel() and not (0 < x.amin() and x.amax() < torch.inf):
        raise ValueError(f"a scale is above 0 and finite, got {x.amin():g} to {x.amax():g}")
    return next_power_of_two(x)


def next_power_of_two(x: Tensor) -> Tensor:
    """Return the same without looking whether `x` is positive and finite."""
    mantissa, exponent = torch.frexp(x)  # x = mantissa * 2^exponent, mantissa in [1/2, 1)
    return torch.ldexp(torch.ones_like(x), exponent - (mantissa == 0.5).int())


def _refuse_scales(fmt: Format) -> None:
    """Raise ValueError for a format without a sign, which cannot hold numbers."""
    instance(Format, fmt=fmt)
    if not (fmt.has_sign and fmt.has_subnormals):
        raise ValueError(f"{fmt.name} holds scales only, no sign and no zero; use power_of_two_at_least")
