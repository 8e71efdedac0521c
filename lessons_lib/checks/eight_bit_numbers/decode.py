"""Check of what the 256 codes of E4M3 stand for, against PyTorch reading the same bytes.

Every case holds a subnormal, a code of the top exponent and a negative one; the two NaN are left out.
"""

import random
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception


def _draw(rng: random.Random) -> dict[str, Any]:
    def code(exponent: int, mantissa: int, sign: int) -> int:
        return sign << 7 | exponent << 3 | mantissa

    codes = [
        code(0, rng.randint(1, 7), rng.randint(0, 1)),
        code(15, rng.randint(0, 6), rng.randint(0, 1)),
        code(rng.randint(1, 14), rng.randint(0, 7), 1),
        *(code(rng.randint(0, 14), rng.randint(0, 7), rng.randint(0, 1)) for _ in range(rng.randint(1, 7))),
    ]
    rng.shuffle(codes)
    return {"codes": torch.tensor(codes)}


def _by_torch(codes: Tensor) -> Tensor:
    return codes.to(torch.uint8).view(torch.float8_e4m3fn).double()


def _read(
    codes: Tensor,
    *,
    sign: bool = True,
    bias: int = 7,
    lowest: int = -6,  # the exponent of the subnormals
    leading: float = 1.0,  # the bit that is not stored
    field0: str = "subnormal",  # or "zero", or "normal": like any other
    top: str = "numbers",  # or "infinite", "special", "nan": what exponent field 15 holds
) -> Tensor:
    """Read the bits with one thing (or none) done the wrong way."""
    s, e, m = codes >> 7 & 1, codes >> 3 & 15, (codes & 7).double()
    size = torch.ldexp(leading + m / 8, e - bias)
    if field0 != "normal":
        small = torch.ldexp(m / 8, torch.full_like(e, lowest))
        size = torch.where(e == 0, small if field0 == "subnormal" else 0.0, size)
    special: Tensor | float | None = {"infinite": torch.inf, "nan": torch.nan}.get(top)
    if top == "special":
        special = torch.where(m == 0, torch.inf, torch.nan)
    if special is not None:
        size = torch.where(e == 15, special, size)
    return torch.where(s == 1, -size, size) if sign else size


FP8 = ("torch.float8_e4m3fn", "torch.float8_e5m2", "lessons_lib")  # "leave torch's own FP8 types ..."


DECODE_E4M3 = Exercise(
    "decode_e4m3",
    _draw,
    _by_torch,
    (
        Misconception(
            "sign bit ignored",
            "The sizes are right. Which of the eight bits have you not looked at?",
            (partial(_read, sign=False),),
        ),
        Misconception(
            "hidden one forgotten",
            "Subnormals are right, the others too small. Three bits are stored, but four digits count: what "
            "stands in front of the mantissa?",
            (partial(_read, leading=0.0),),
        ),
        Misconception(
            "exponent bias off by one",
            "Normal numbers are off by a factor of 2. What is taken off the exponent field? Code 0 0111 000 "
            "should be 1.",
            tuple(
                partial(_read, bias=bias, lowest=lowest)
                for bias in (6, 8)
                for lowest in (-6, 1 - bias, -bias)
            ),
        ),
        Misconception(
            "subnormals read as normal",
            "Exponent field 0 is read like all the others. Where is zero, then?",
            (partial(_read, field0="normal"),),
        ),
        Misconception(
            "subnormals an octave too low",
            "Subnormals have the digits that they should, but not the exponent. Their steps go on below the "
            "smallest normal number: which exponent has that one?",
            (partial(_read, lowest=-7),),
        ),
        Misconception(
            "subnormals flushed",
            "Your smallest numbers are all 0. Exponent field 0 stands for eight sizes, and only one is zero.",
            (partial(_read, field0="zero"),),
        ),
        Misconception(
            "top exponent given away",
            "The largest numbers are missing. Other formats keep the whole top exponent for infinities and "
            "NaN; how many of its codes does this one keep?",
            tuple(partial(_read, top=top) for top in ("infinite", "special", "nan")),
        ),
    ),
    lesson="09",
    returns=("values",),
    forbidden=FP8,
    edges={
        "zero and minus zero": lambda c: {"codes": torch.tensor([0, 128])},
        "a single code": lambda c: {"codes": c["codes"][:1]},
        "all codes but those for NaN": lambda c: {
            "codes": torch.tensor([code for code in range(256) if code & 127 != 127])
        },
        "the largest and the smallest": lambda c: {"codes": torch.tensor([126, 254, 1, 129, 8, 7])},
    },
    tolerance=1e-6,  # every value is exact in float32, and the smallest is 0.002
    margin=1e-4,
)
