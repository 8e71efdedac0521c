"""Products of tiles against the product of what the tiles stand for, and coarse sums against fractions.

FP32 sums of K products are off by at most K roundings of the sum of magnitudes, so that is the bound.
"""

from fractions import Fraction

import pytest
import torch

from lessons_lib.precision import (
    cast_e4m3,
    cut_off,
    dequantize_tiles,
    multiply_limited,
    multiply_tiles,
    quantize_tiles,
    round_tiles,
)


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("ue8m0", [False, True])
@pytest.mark.parametrize(
    "a_tile, b_tile",
    [((1, 128), (128, 128)), ((1, 32), (32, 32)), ((3, 40), (7, 40)), ((1, 500), (500, 500))],
)
def test_a_product_of_tiles_is_the_product_of_what_they_stand_for(a_tile, b_tile, ue8m0):
    a, b = draw(50, 300) * torch.exp2(4 * draw(50, 1, seed=1)), draw(70, 300, seed=2)
    a_codes, b_codes = quantize_tiles(a, a_tile, ue8m0), quantize_tiles(b, b_tile, ue8m0)
    ours = multiply_tiles(*a_codes, *b_codes, a_tile, b_tile)
    back = dequantize_tiles(*a_codes, a_tile), dequantize_tiles(*b_codes, b_tile)
    exact = back[0].double() @ back[1].double().T
    bound = (back[0].abs().double() @ back[1].abs().double().T) * 304 * 2.0**-24
    assert ours.dtype == torch.float32 and ((ours - exact).abs() <= bound).all()
    at_once = round_tiles(a, a_tile, ue8m0=ue8m0) @ round_tiles(b, b_tile, ue8m0=ue8m0).T  # Fp8Linear's way
    assert ((at_once - exact).abs() <= bound).all()


def test_products_of_tiles_that_do_not_meet_are_refused():
    a, b = quantize_tiles(draw(3, 256)), quantize_tiles(draw(3, 256), (64, 64))
    with pytest.raises(ValueError, match="one length along the sum, got 128 and 64"):
        multiply_tiles(*a, *b, (1, 128), (64, 64))
    with pytest.raises(ValueError, match="has length 128, but it is 256 in a_codes"):
        multiply_tiles(*a, *quantize_tiles(draw(3, 128)), (1, 128), (1, 128))


def highest_bit(x):
    """Return e with 2^(e - 1) <= |x| < 2^e, for a fraction above 0."""
    e = x.numerator.bit_length() - x.denominator.bit_length()
    return e + 1 if abs(x) >= Fraction(2) ** e else e


def cut_fraction(x, unit):
    return Fraction(int(x / unit)) * unit  # int() cuts towards 0


def sum_by_fractions(a, b, bits, group, promote_every):
    """One sum of products, exactly, with everything that is cut off cut off by name."""
    total, running = Fraction(0), Fraction(0)
    for start in range(0, len(a), group):
        addends = [
            Fraction(x) * Fraction(y) for x, y in zip(a[start : start + group], b[start : start + group])
        ]
        addends.append(running)
        largest = max(map(abs, addends))
        if largest:
            unit = Fraction(2) ** (highest_bit(largest) - bits)
            running = sum(cut_fraction(addend, unit) for addend in addends)
            if running:
                running = cut_fraction(running, Fraction(2) ** (highest_bit(abs(running)) - bits))
        if promote_every and (start + group) % promote_every == 0:
            total, running = total + running, Fraction(0)
    return float(total + running)


@pytest.mark.parametrize(
    "bits, group, promote_every", [(14, 32, None), (14, 32, 64), (6, 8, None), (10, 4, 8)]
)
def test_limited_sums_equal_fractions_cut_off_one_by_one(bits, group, promote_every):
    a, b = cast_e4m3(draw(3, 150)), cast_e4m3(draw(4, 150, seed=1))
    ours = multiply_limited(a, b, bits=bits, group=group, promote_every=promote_every)
    for i, row in enumerate(a.tolist()):
        for j, column in enumerate(b.tolist()):
            assert float(ours[i, j]) == sum_by_fractions(row, column, bits, group, promote_every)


def test_what_lies_below_the_last_bit_kept_is_lost():
    """128 * 128 = 2^14 needs 15 bits down to 1; with 14 the last one is worth 2."""
    a = torch.tensor([[128.0, 1.0, 1.0]])
    b = torch.tensor([[128.0, 1.0, -1.0], [128.0, 2.0, 3.0], [0.0, 1.0, 1.0]])
    assert multiply_limited(a, b, bits=14).tolist() == [[2.0**14, 2.0**14 + 4, 2.0]]
    assert multiply_limited(a, b, bits=15).tolist() == [[2.0**14, 2.0**14 + 5, 2.0]]
    a, b = torch.tensor([[128.0, 128.0, 1.0]]), torch.tensor([[128.0, 128.0, 1.0]])
    assert float(multiply_limited(a, b, bits=15)) == 2.0**15  # nothing shifted out, but the sum is cut off
    assert float(multiply_limited(a, b, bits=16)) == 2.0**15 + 1


def test_cutting_off_goes_towards_zero():
    assert cut_off(torch.tensor([7.0, -7.0, 8.0, 0.0, 0.4375]), 2).tolist() == [6.0, -6.0, 8.0, 0.0, 0.375]


def test_with_enough_bits_nothing_is_lost():
    a, b = cast_e4m3(draw(5, 200)), cast_e4m3(draw(6, 200, seed=1))
    torch.testing.assert_close(multiply_limited(a, b, bits=45), a.double() @ b.double().T, rtol=1e-12, atol=0)


def relative_error(k, promote_every):
    """Of sums of `k` products of positive numbers, where errors of one sign pile up."""
    a, b = cast_e4m3(draw(8, k).abs()), cast_e4m3(draw(8, k, seed=1).abs())
    exact = a.double() @ b.double().T
    return float(((multiply_limited(a, b, promote_every=promote_every) - exact).abs() / exact).mean())


def test_the_error_grows_with_the_length_unless_sums_are_promoted():
    never = [relative_error(k, None) for k in (128, 1024, 8192)]
    every = [relative_error(k, 128) for k in (128, 1024, 8192)]
    assert never[0] < never[1] / 4 < never[2] / 16
    assert max(every) < 1.5 * min(every)
    assert every[2] < never[2] / 20


def test_promotion_after_part_of_a_group_is_refused():
    with pytest.raises(ValueError, match="promote_every=100 is not a whole number of groups of 32"):
        multiply_limited(draw(1, 4), draw(1, 4), promote_every=100)
    with pytest.raises(ValueError, match="bits must be at least 1, got 0"):
        multiply_limited(draw(1, 4), draw(1, 4), bits=0)
