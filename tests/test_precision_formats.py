"""Formats and rounding: every code against torch's own types, every tie against a search by hand.

Rounding has one right answer, so everything here is compared bit for bit. Above a format's largest number
torch's types differ from version to version and from each other; there the law is our own: saturate.
"""

import math
from bisect import bisect_left
from fractions import Fraction

import pytest
import torch

from lessons_lib.precision import (
    BF16,
    E4M3,
    E5M2,
    E8M0,
    FP16,
    bit_fields,
    cast_e4m3,
    cast_e5m2,
    cast_fast,
    cast_to,
    decode,
    encode,
    neighbours,
    power_of_two_at_least,
    values,
)

SIGNED = [E4M3, E5M2, BF16, FP16]
FP8 = [(E4M3, cast_e4m3), (E5M2, cast_e5m2)]


def same(ours, theirs):
    """Equal in every bit that counts: values, signs of zeros, NaN at the same places."""
    signs = ~ours.isnan()
    return (
        torch.equal(ours.isnan(), theirs.isnan())
        and torch.equal(ours.nan_to_num(nan=1.5), theirs.nan_to_num(nan=1.5))
        and torch.equal(ours.signbit() & signs, theirs.signbit() & signs)
    )


def by_torch(x, fmt):
    return x.to(fmt.dtype).float()


def points_between(fmt):
    """Every midpoint of two neighbouring values, and the FP32 numbers next to it on both sides."""
    held = values(fmt)
    middle = ((held[1:] + held[:-1]) / 2).float()
    assert torch.equal(middle.double() * 2, held[1:] + held[:-1])  # a midpoint is an FP32 number
    up, down = torch.tensor(torch.inf), torch.tensor(-torch.inf)
    return torch.cat([middle, torch.nextafter(middle, up), torch.nextafter(middle, down)])


@pytest.mark.parametrize("fmt", [*SIGNED, E8M0], ids=lambda f: f.name)
def test_every_code_means_what_torchs_type_says(fmt):
    codes = torch.arange(2**fmt.n_bits)
    theirs = codes.to(torch.uint8 if fmt.n_bits == 8 else torch.uint16).view(fmt.dtype)
    assert same(decode(codes, fmt), theirs.double())


@pytest.mark.parametrize("fmt", SIGNED, ids=lambda f: f.name)
def test_limits_are_those_of_torchs_type(fmt):
    info = torch.finfo(fmt.dtype)
    assert fmt.largest == info.max
    assert fmt.smallest_normal == info.tiny
    assert fmt.epsilon == info.eps
    assert fmt.n_bits == info.bits
    assert fmt.smallest == float(values(fmt)[values(fmt) > 0][0]) == info.tiny * info.eps


def test_the_formats_in_figures():
    """How many numbers there are, and where they end."""
    assert (E4M3.largest, E5M2.largest, E8M0.largest) == (448, 57_344, 2.0**127)
    assert (E4M3.smallest, E5M2.smallest, E8M0.smallest) == (2.0**-9, 2.0**-16, 2.0**-127)
    positive = {f.name: int((values(f) > 0).sum()) for f in (E4M3, E5M2, E8M0)}
    assert positive == {"E4M3": 126, "E5M2": 123, "E8M0": 255}
    assert not (values(E8M0) == 0).any()


@pytest.mark.parametrize(
    "value, fmt, bits",
    [
        (1.0, E4M3, "0 0111 000"),
        (448.0, E4M3, "0 1111 110"),
        (-(2.0**-9), E4M3, "1 0000 001"),
        (math.nan, E4M3, "0 1111 111"),
        (-0.0, E4M3, "1 0000 000"),
        (math.inf, E5M2, "0 11111 00"),
        (57_344.0, E5M2, "0 11110 11"),
        (0.5, E8M0, "01111110"),
        (1.0, BF16, "0 01111111 0000000"),
    ],
)
def test_bits_of_known_values(value, fmt, bits):
    assert bit_fields(value, fmt) == bits
    assert encode(value, fmt) == int(bits.replace(" ", ""), 2)


def test_neighbours_are_those_of_the_number_line_and_infinite_past_its_ends():
    assert neighbours(17.0, E4M3) == (16.0, 18.0)
    assert neighbours(16.0, E4M3) == (15.0, 18.0)
    assert neighbours(0.0, E4M3) == (-(2.0**-9), 2.0**-9)
    assert neighbours(448.0, E4M3) == (416.0, math.inf)
    assert neighbours(-60_000.0, E5M2) == (-math.inf, -57_344.0)


def test_a_value_between_two_codes_has_no_bits():
    with pytest.raises(ValueError, match="E4M3 does not hold 17; its neighbours are 16 and 18"):
        encode(17.0, E4M3)


@pytest.mark.parametrize("fmt, cast", FP8, ids=["E4M3", "E5M2"])
def test_every_value_is_its_own_rounding(fmt, cast):
    held = decode(torch.arange(256), fmt).float()
    held = held[~held.isinf()]  # E5M2's infinities saturate
    assert same(cast(held), held)


@pytest.mark.parametrize("fmt, cast", FP8, ids=["E4M3", "E5M2"])
def test_every_tie_goes_to_the_even_mantissa_and_its_neighbours_to_the_nearer_value(fmt, cast):
    x = points_between(fmt)
    held = values(fmt).tolist()
    expected = []
    for point in x.tolist():
        right = bisect_left(held, point)
        low, high = held[right - 1], held[right]
        to_low, to_high = Fraction(point) - Fraction(low), Fraction(high) - Fraction(point)
        even = low if encode(low, fmt) % 2 == 0 else high
        expected.append(even if to_low == to_high else low if to_low < to_high else high)
    assert torch.equal(cast(x), torch.tensor(expected))
    assert same(cast(x), by_torch(x, fmt))


@pytest.mark.parametrize("fmt, cast", FP8, ids=["E4M3", "E5M2"])
def test_a_million_random_numbers_of_all_sizes_round_as_torchs_type(fmt, cast, generator):
    size = torch.rand(1_000_000, generator=generator) * 40 - 25  # 2^-25 to 2^15
    x = torch.exp2(size) * torch.randn(1_000_000, generator=generator)
    x = x[x.abs() <= fmt.largest]
    assert len(x) > 500_000 and (x.abs() < fmt.smallest_normal).sum() > 100_000
    assert same(cast(x), by_torch(x, fmt))


@pytest.mark.parametrize("fmt", SIGNED, ids=lambda f: f.name)
@pytest.mark.parametrize("cast", [cast_to, cast_fast])
def test_what_is_too_large_saturates_and_nan_stays_nan(fmt, cast):
    up = math.nextafter(fmt.largest, math.inf)
    x = torch.tensor([fmt.largest, up, 2 * fmt.largest, 3.4e38, math.inf])
    largest = torch.full((5,), fmt.largest)
    assert torch.equal(cast(x, fmt), largest)
    assert torch.equal(cast(-x, fmt), -largest)
    assert cast(torch.tensor([math.nan, 1.0]), fmt).isnan().tolist() == [True, False]


@pytest.mark.parametrize("fmt", SIGNED, ids=lambda f: f.name)
def test_the_fast_form_equals_the_plain_one_and_torchs_type(fmt, generator):
    size = torch.rand(200_000, generator=generator) * 250 - 140
    x = torch.exp2(size) * torch.randn(200_000, generator=generator)
    special = [0.0, -0.0, 1e-45, -1e-45, math.inf, -math.inf, math.nan, 3.4e38]
    x = torch.cat([x, points_between(fmt)[::17], torch.tensor(special)])
    assert same(cast_fast(x, fmt), cast_to(x, fmt))
    inside = x[x.abs() <= fmt.largest]
    assert same(cast_to(inside, fmt), by_torch(inside, fmt))


def test_minus_zero_and_small_negative_numbers_keep_their_sign():
    x = torch.tensor([-0.0, 0.0, -1e-30, 1e-30])
    for cast in (cast_e4m3, cast_e5m2):
        assert cast(x).signbit().tolist() == [True, False, True, False]
        assert not cast(x).any()


def test_other_float_types_become_fp32_and_their_tensor_is_left_alone():
    x = torch.tensor([1.06, 500.0], dtype=torch.float64)
    assert torch.equal(cast_e4m3(x), torch.tensor([1.0, 448.0]))
    assert cast_e4m3(x).dtype == torch.float32
    single = torch.tensor([1.06, 500.0])
    cast_e4m3(single), cast_to(single, E4M3)
    assert torch.equal(single, torch.tensor([1.06, 500.0]))


@pytest.mark.parametrize("cast", [cast_e4m3, cast_e5m2, lambda x: cast_to(x, E4M3)])
def test_the_gradient_goes_straight_through(cast):
    x = torch.tensor([0.3, -1e-9, 1e9], requires_grad=True)
    (cast(x) * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert x.grad.tolist() == [1.0, 2.0, 3.0]


def test_whole_numbers_and_scale_formats_are_refused_by_name():
    with pytest.raises(TypeError, match="floating-point numbers, got int64"):
        cast_e4m3(torch.tensor([1, 2]))
    with pytest.raises(TypeError, match="got float"):
        cast_e5m2(0.5)
    with pytest.raises(ValueError, match="E8M0 holds scales only"):
        cast_to(torch.ones(1), E8M0)


def test_power_of_two_at_least_is_the_smallest_one_not_below(generator):
    powers = torch.exp2(torch.arange(-60.0, 60.0))
    near = [torch.nextafter(powers, torch.tensor(end)) for end in (math.inf, 0.0)]
    x = torch.cat([powers, *near, torch.rand(1000, generator=generator)])
    for given, found in zip(x.tolist(), power_of_two_at_least(x).tolist()):
        assert found / 2 < given <= found
        assert math.frexp(found)[0] == 0.5
