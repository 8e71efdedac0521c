"""What a number format can say: E4M3, E5M2, E8M0, BF16 and FP16, bit by bit.

Three ideas:
  three fields  a code is [sign | exponent e | mantissa m], and means 2^(e - bias) * 1.m: the exponent
                chooses an octave, the mantissa one of 2^mantissa_bits evenly spaced values in it;
  subnormals    exponent field 0 means 0.m at the same spacing as field 1, so the values reach down to 0
                in even steps instead of leaving a gap around it;
  specials      most formats give the whole top exponent away to infinities and NaN. E4M3 gives away one
                code of each sign, for NaN, and so reaches 448 instead of 240.

FP8 formats: Micikevicius et al., "FP8 Formats for Deep Learning", arXiv:2209.05433. E8M0 holds scales
only: powers of two, no sign and no zero (OCP Microscaling Formats specification).
"""

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from lessons_lib.arguments import instance, takes, whole

MOST_BITS = 16  # of a code: all values of a format stand in one table


@dataclass(frozen=True)
class Format:
    """How the bits of a code are read."""

    name: str
    exponent_bits: int
    mantissa_bits: int
    bias: int  # is taken off the exponent field
    has_sign: bool = True
    has_subnormals: bool = True  # without them there is no zero either
    has_infinities: bool = True  # the top exponent is infinity and NaN; without: only its last code is NaN

    def __post_init__(self) -> None:
        instance(str, name=self.name)
        whole(exponent_bits=self.exponent_bits)
        whole(0, mantissa_bits=self.mantissa_bits)
        whole(0, 127, bias=self.bias)
        flags = ("has_sign", "has_subnormals", "has_infinities")
        instance(bool, **{flag: getattr(self, flag) for flag in flags})
        if self.n_bits > MOST_BITS or self.exponent_bits > 8:
            raise ValueError(
                f"a format has at most {MOST_BITS} bits, 8 of them for the exponent, "
                f"got {self.n_bits} and {self.exponent_bits}"
            )

    @property
    def n_bits(self) -> int:
        """Bits of one code."""
        return self.has_sign + self.exponent_bits + self.mantissa_bits

    @property
    def min_exponent(self) -> int:
        """Exponent of the smallest octave, in which the subnormals have their spacing too."""
        return int(self.has_subnormals) - self.bias

    @property
    def smallest_normal(self) -> float:
        """The smallest positive value with all digits of precision."""
        return 2.0**self.min_exponent

    @property
    def smallest(self) -> float:
        """The smallest positive value."""
        return self.smallest_normal * self.epsilon if self.has_subnormals else self.smallest_normal

    @property
    def epsilon(self) -> float:
        """Distance from 1 to the next value; half of it is the largest relative rounding error."""
        return 2.0**-self.mantissa_bits

    @property
    def largest(self) -> float:
        """The largest finite value."""
        return float(values(self)[-1])

    @property
    def dtype(self) -> torch.dtype:
        """Torch's own type with these bits."""
        if self not in TYPES:
            raise ValueError(f"torch has no type with the bits of {self}")
        return TYPES[self]


E4M3 = Format("E4M3", 4, 3, bias=7, has_infinities=False)
E5M2 = Format("E5M2", 5, 2, bias=15)
E8M0 = Format("E8M0", 8, 0, bias=127, has_sign=False, has_subnormals=False, has_infinities=False)
BF16 = Format("BF16", 8, 7, bias=127)
FP16 = Format("FP16", 5, 10, bias=15)
TYPES = {
    E4M3: torch.float8_e4m3fn,
    E5M2: torch.float8_e5m2,
    E8M0: torch.float8_e8m0fnu,
    BF16: torch.bfloat16,
    FP16: torch.float16,
}


@takes(codes="whole ...")
def decode(codes: Tensor, fmt: Format) -> Tensor:
    """Return what `codes` (whole numbers from 0 to 2^n_bits - 1) mean, float64."""
    instance(Format, fmt=fmt)
    codes = codes.long()
    if codes.numel() and (codes.min() < 0 or codes.max() >= 2**fmt.n_bits):
        raise ValueError(
            f"{fmt.name} has the codes 0 to {2**fmt.n_bits - 1}, got {codes.min():d} to {codes.max():d}"
        )
    top_exponent, top_mantissa = 2**fmt.exponent_bits - 1, 2**fmt.mantissa_bits - 1
    mantissa = codes & top_mantissa
    exponent = codes >> fmt.mantissa_bits & top_exponent
    negative = codes >> (fmt.exponent_bits + fmt.mantissa_bits) & 1
    is_subnormal = (exponent == 0) & fmt.has_subnormals
    leading = torch.where(is_subnormal, 0.0, 1.0).double()
    octave = torch.where(is_subnormal, 1, exponent) - fmt.bias
    size = torch.ldexp(leading + mantissa.double() * fmt.epsilon, octave)
    at_top = exponent == top_exponent
    if fmt.has_infinities:
        size = torch.where(at_top, torch.where(mantissa == 0, torch.inf, torch.nan), size)
    else:
        size = torch.where(at_top & (mantissa == top_mantissa), torch.nan, size)
    return torch.where(negative == 1, -size, size)


def values(fmt: Format) -> Tensor:
    """Return every finite value once, ascending, float64; the two zeros are one value."""
    instance(Format, fmt=fmt)
    return _values(fmt)


@cache
def _values(fmt: Format) -> Tensor:
    meanings = decode(torch.arange(2**fmt.n_bits), fmt)
    return meanings[meanings.isfinite()].unique()  # -0.0 == 0.0


def neighbours(x: float, fmt: Format) -> tuple[float, float]:
    """Return the values just below and just above `x`, x itself not among them; infinite past the ends."""
    instance((int, float), x=x)
    if x != x:
        raise ValueError("NaN has no neighbours")
    held = values(fmt)
    below, above = held[held < x], held[held > x]
    return (
        float(below[-1]) if len(below) else -torch.inf,
        float(above[0]) if len(above) else torch.inf,
    )


def encode(value: float, fmt: Format) -> int:
    """Return the code of a value that the format holds; ValueError for one that it does not hold."""
    instance((int, float), value=value)
    instance(Format, fmt=fmt)
    meanings = decode(torch.arange(2**fmt.n_bits), fmt)
    wanted = torch.tensor(value, dtype=torch.float64)
    same = (meanings == wanted) & (meanings.signbit() == wanted.signbit())
    if wanted.isnan():
        same = meanings.isnan()
    if not same.any():
        below, above = neighbours(value, fmt)
        raise ValueError(f"{fmt.name} does not hold {value:g}; its neighbours are {below:g} and {above:g}")
    return int(same.nonzero()[0])


def bit_fields(value: float, fmt: Format) -> str:
    """Return the bits of a value that the format holds, as "sign exponent mantissa"."""
    instance(Format, fmt=fmt)
    digits = f"{encode(value, fmt):0{fmt.n_bits}b}"
    cuts = [fmt.has_sign, fmt.exponent_bits, fmt.mantissa_bits]
    fields, start = [], 0
    for width in cuts:
        fields.append(digits[start : start + width])
        start += width
    return " ".join(field for field in fields if field)
