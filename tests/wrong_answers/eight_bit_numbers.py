"""Lesson 09: answers to the exercises on bytes, rounding, scales and sums."""

import math

import torch
import torch.nn.functional as F

from lessons_lib.checks.eight_bit_numbers.decode import DECODE_E4M3
from lessons_lib.checks.eight_bit_numbers.power import POWER_SCALE
from lessons_lib.checks.eight_bit_numbers.rounding import ROUND_E4M3
from lessons_lib.checks.eight_bit_numbers.scales import SCALE_TILES
from lessons_lib.checks.eight_bit_numbers.sums import ADD_UP
from lessons_lib.precision import E4M3, cast_e4m3, cut_off, decode, power_of_two_at_least, quantize_tiles
from wrong_answers import right, wrong


def each(function, numbers):
    """Apply a function of one number to all of a tensor."""
    return torch.tensor([float(function(number)) for number in numbers.tolist()])


def fields(code):
    """Return sign, exponent and mantissa of a code from its digits."""
    digits = f"{code:08b}"
    return int(digits[0]), int(digits[1:5], 2), int(digits[5:], 2)


def by_formula(code):
    s, e, m = fields(code)
    size = 2.0**-6 * (m / 8) if e == 0 else 2.0 ** (e - 7) * (1 + m / 8)
    return -size if s else size


@right(DECODE_E4M3)
def digit_by_digit(codes):
    return each(by_formula, codes)


@right(DECODE_E4M3)
def read_by_torch(codes):
    return codes.to(torch.uint8).view(torch.float8_e4m3fn).float()


@right(DECODE_E4M3)
def from_the_library(codes):
    return decode(codes, E4M3)


@wrong(DECODE_E4M3, "sign bit ignored")
def absolute(codes):
    return each(by_formula, codes).abs()


@wrong(DECODE_E4M3, "sign bit ignored")
def seven_bits(codes):
    exponent, mantissa = codes % 128 // 8, codes % 8
    normal = 2.0 ** (exponent - 7) * (1 + mantissa / 8)
    return torch.where(exponent > 0, normal, 2.0**-6 * mantissa / 8)


@wrong(DECODE_E4M3, "hidden one forgotten")
def digits_alone(codes):
    sign = 1 - 2 * (codes >> 7)
    exponent = (codes >> 3 & 15).clamp(min=1)
    return sign * 2.0 ** (exponent - 7) * (codes & 7) / 8


@wrong(DECODE_E4M3, "hidden one forgotten")
def mantissa_as_a_fraction(codes):
    def read(code):
        s, e, m = fields(code)
        return (-1) ** s * math.ldexp(m, max(e - 7, -6) - 3)

    return each(read, codes)


@wrong(DECODE_E4M3, "exponent bias off by one")
def half_of_sixteen(codes):
    def read(code):
        s, e, m = fields(code)
        size = 2.0 ** (1 - 8) * m / 8 if e == 0 else 2.0 ** (e - 8) * (1 + m / 8)
        return -size if s else size

    return each(read, codes)


@wrong(DECODE_E4M3, "exponent bias off by one")
def bias_of_six(codes):
    sign, e, m = 1 - 2 * (codes >> 7), codes >> 3 & 15, codes & 7
    return sign * torch.where(e == 0, 2.0**-6 * m / 8, 2.0 ** (e - 6) * (8 + m) / 8)


@wrong(DECODE_E4M3, "subnormals read as normal")
def one_formula_for_all(codes):
    sign, e, m = 1 - 2 * (codes >> 7), codes >> 3 & 15, codes & 7
    return sign * 2.0 ** (e - 7) * (1 + m / 8)


@wrong(DECODE_E4M3, "subnormals read as normal")
def one_formula_in_a_loop(codes):
    def read(code):
        s, e, m = fields(code)
        return (1 - 2 * s) * math.ldexp(8 + m, e - 10)

    return each(read, codes)


@wrong(DECODE_E4M3, "subnormals an octave too low")
def exponent_of_the_formula(codes):
    sign, e, m = 1 - 2 * (codes >> 7), codes >> 3 & 15, codes & 7
    return sign * 2.0 ** (e - 7) * ((e > 0) + m / 8)


@wrong(DECODE_E4M3, "subnormals an octave too low")
def two_to_minus_ten_each(codes):
    def read(code):
        s, e, m = fields(code)
        return (-1) ** s * m * 2.0**-10 if e == 0 else by_formula(code)

    return each(read, codes)


@wrong(DECODE_E4M3, "subnormals flushed")
def field_zero_is_zero(codes):
    return torch.where(codes >> 3 & 15 == 0, 0.0, each(by_formula, codes))


@wrong(DECODE_E4M3, "subnormals flushed")
def below_the_normal_ones(codes):
    def read(code):
        value = by_formula(code)
        return 0.0 if abs(value) < 1 / 64 else value

    return each(read, codes)


@wrong(DECODE_E4M3, "top exponent given away")
def as_in_ieee(codes):
    def read(code):
        s, e, m = fields(code)
        if e == 15:
            return math.nan if m else math.inf * (-1) ** s
        return by_formula(code)

    return each(read, codes)


@wrong(DECODE_E4M3, "top exponent given away")
def all_infinite(codes):
    values = each(by_formula, codes)
    return torch.where(values.abs() >= 256, torch.inf * values.sign(), values)


def gaps_of(x, lowest=-6):
    exponent = (torch.frexp(x).exponent - 1).clamp(min=lowest)
    return torch.ldexp(torch.ones_like(x), exponent - 3)


POSITIVE = torch.arange(127)


@right(ROUND_E4M3)
def divided_by_gaps(x):
    inside = x.clamp(-448, 448)
    return (inside / gaps_of(inside)).round() * gaps_of(inside)


@right(ROUND_E4M3)
def saturated_and_cast(x):
    return x.clamp(-448, 448).to(torch.float8_e4m3fn).double()


@right(ROUND_E4M3)
def nearest_in_the_list(x):
    held = decode(POSITIVE, E4M3)  # place = code, so an even place is an even mantissa
    distance = (x.double().abs()[:, None] - held).abs()
    ties = distance == distance.amin(1, keepdim=True)
    even_first = torch.where(ties, POSITIVE % 2, 2).argmin(1)
    return x.sign() * held[even_first]


@wrong(ROUND_E4M3, "truncation for rounding")
def whole_gaps_counted(x):
    return (x.sign() * (x.abs() // gaps_of(x)) * gaps_of(x)).clamp(-448, 448)


@wrong(ROUND_E4M3, "truncation for rounding")
def floor_of_all(x):
    def cast(number):
        exponent = max(math.frexp(number)[1] - 1, -6)
        return math.floor(number / 2.0 ** (exponent - 3)) * 2.0 ** (exponent - 3)

    return each(cast, x).clamp(-448, 448)


@wrong(ROUND_E4M3, "truncation for rounding")
def largest_value_not_above(x):
    held = decode(POSITIVE, E4M3)
    return x.sign() * held[torch.searchsorted(held, x.abs().double(), right=True) - 1]


@wrong(ROUND_E4M3, "ties away from zero")
def half_added(x):
    gap = gaps_of(x)
    return (x.sign() * torch.floor(x.abs() / gap + 0.5) * gap).clamp(-448, 448)


@wrong(ROUND_E4M3, "ties away from zero")
def half_added_to_all(x):
    def cast(number):
        gap = 2.0 ** (max(math.frexp(number)[1] - 1, -6) - 3)
        return max(-448, min(448, math.floor(number / gap + 0.5) * gap))

    return each(cast, x)


@wrong(ROUND_E4M3, "ties away from zero")
def first_of_the_nearest(x):
    held = decode(POSITIVE, E4M3)  # argmin takes the lower of two
    return x.sign() * held[(x.double().abs()[:, None] - held).abs().argmin(1)]


@wrong(ROUND_E4M3, "subnormals flushed")
def small_ones_dropped(x):
    return torch.where(x.abs() < 2**-6, 0.0, divided_by_gaps(x))


@wrong(ROUND_E4M3, "subnormals flushed")
def list_without_subnormals(x):
    rounded = saturated_and_cast(x)
    rounded[rounded.abs() < 0.015] = 0
    return rounded


@wrong(ROUND_E4M3, "gaps halve for ever")
def exponent_without_end(x):
    return ((x / gaps_of(x, -100)).round() * gaps_of(x, -100)).clamp(-448, 448)


@wrong(ROUND_E4M3, "gaps halve for ever")
def four_digits(x):
    mantissa, exponent = torch.frexp(x)
    return torch.ldexp((mantissa * 16).round() / 16, exponent).clamp(-448, 448)


@wrong(ROUND_E4M3, "exponent bias off by one")
def lowest_is_minus_seven(x):
    gap = gaps_of(x, -7)
    return ((x / gap).round() * gap).clamp(-448, 448)


@wrong(ROUND_E4M3, "exponent bias off by one")
def smallest_of_two_to_minus_eight(x):
    def cast(number):
        gap = max(2.0 ** (math.frexp(number)[1] - 4), 2.0**-8)
        return max(-448, min(448, round(number / gap) * gap))

    return each(cast, x)


@wrong(ROUND_E4M3, "gaps twice too wide")
def exponent_as_frexp_gives_it(x):
    exponent = torch.frexp(x).exponent.clamp(min=-6)
    gap = 2.0 ** (exponent - 3)
    return ((x / gap).round() * gap).clamp(-448, 448)


@wrong(ROUND_E4M3, "gaps twice too wide")
def four_in_an_octave(x):
    gap = gaps_of(x) * 2
    return ((x / gap).round() * gap).clamp(-448, 448)


@wrong(ROUND_E4M3, "448 and 57344 exchanged")
def limit_of_e5m2(x):
    gap = gaps_of(x)
    return ((x / gap).round() * gap).clamp(-57344, 57344)


@wrong(ROUND_E4M3, "448 and 57344 exchanged")
def saturated_by_the_other_type(x):
    most = torch.finfo(torch.float8_e5m2).max

    def cast(number):
        gap = 2.0 ** (max(math.frexp(number)[1] - 1, -6) - 3)
        return max(-most, min(most, round(number / gap) * gap))

    return each(cast, x)


@wrong(ROUND_E4M3, "not saturated")
def no_limit(x):
    return (x / gaps_of(x)).round() * gaps_of(x)


@wrong(ROUND_E4M3, "not saturated")
def no_limit_in_a_loop(x):
    return each(lambda n: round(n / (gap := 2.0 ** (max(math.frexp(n)[1], -5) - 4))) * gap, x)


@wrong(ROUND_E4M3, "top exponent given away")
def limit_with_infinities(x):
    return divided_by_gaps(x).clamp(-240, 240)


@wrong(ROUND_E4M3, "top exponent given away")
def limited_before(x):
    inside = torch.minimum(torch.maximum(x, torch.tensor(-240.0)), torch.tensor(240.0))
    return inside.to(torch.float8_e4m3fn).float()


@right(POWER_SCALE)
def ceiling_of_the_logarithm(amax):
    return 2.0 ** torch.ceil(torch.log2(amax / 448))


@right(POWER_SCALE)
def by_the_library(amax):
    return power_of_two_at_least(amax / E4M3.largest)


@wrong(POWER_SCALE, "rounded down")
def floor_of_the_logarithm(amax):
    return 2.0 ** torch.floor(torch.log2(amax / 448))


@wrong(POWER_SCALE, "rounded down")
def leading_bit(amax):
    exponent = torch.frexp(amax / 448).exponent
    return torch.ldexp(torch.ones_like(amax), exponent - 1)


@wrong(POWER_SCALE, "rounded to the nearest")
def rounded_logarithm(amax):
    return 2.0 ** torch.log2(amax / 448).round()


@wrong(POWER_SCALE, "rounded to the nearest")
def nearer_of_two(amax):
    def choose(size):
        down = 2.0 ** math.floor(math.log2(size / 448))
        return min((down, 2 * down), key=lambda scale: abs(scale - size / 448))

    return each(choose, amax)


@wrong(POWER_SCALE, "always one up")
def exponent_of_frexp(amax):
    return 2.0 ** torch.frexp(amax / 448).exponent


@wrong(POWER_SCALE, "always one up")
def doubled_until_below(amax):
    def find(size):
        scale = 2.0**-20
        while size / scale >= 448:
            scale *= 2
        return scale

    return each(find, amax)


@wrong(POWER_SCALE, "largest value forgotten")
def power_of_amax(amax):
    return torch.exp2(torch.log2(amax).ceil())


@wrong(POWER_SCALE, "largest value forgotten")
def library_without_448(amax):
    return power_of_two_at_least(amax)


@wrong(POWER_SCALE, "448 and 57344 exchanged")
def logarithm_for_e5m2(amax):
    return 2.0 ** torch.ceil(torch.log2(amax / 57344))


@wrong(POWER_SCALE, "448 and 57344 exchanged")
def library_with_e5m2(amax):
    return power_of_two_at_least(amax / torch.finfo(torch.float8_e5m2).max)


@wrong(POWER_SCALE, "scale inverted")
def one_over_the_scale(amax):
    return 1 / ceiling_of_the_logarithm(amax)


@wrong(POWER_SCALE, "scale inverted")
def how_often_it_fits(amax):
    return 2.0 ** torch.floor(torch.log2(448 / amax))


@wrong(POWER_SCALE, "exponent returned")
def logarithm_rounded_up(amax):
    return torch.log2(amax / 448).ceil()


@wrong(POWER_SCALE, "exponent returned")
def exponent_in_a_loop(amax):
    return each(lambda size: math.ceil(math.log2(size / 448)), amax)


@wrong(POWER_SCALE, "not a power of two")
def exact_scale(amax):
    return amax / 448


@wrong(POWER_SCALE, "not a power of two")
def power_of_the_exact_logarithm(amax):
    return 2.0 ** torch.log2(amax / 448)


def as_tiles(x, length):
    """Return x with zeros to fill the last tile, cut up: (rows, tiles, length)."""
    padded = F.pad(x, (0, -x.shape[1] % length))
    return padded.unflatten(1, (-1, length))


def spread(scales, x, length):
    """Return a scale for every number of x."""
    return scales.repeat_interleave(length, dim=1)[:, : x.shape[1]]


def amax_of(x, length):
    return as_tiles(x, length).abs().amax(-1)


def by_loop(x, length, find_scale):
    """Scale tile by tile, with a scale that is found from the tile."""
    scaled, scales = torch.empty_like(x), []
    for i in range(len(x)):
        row = []
        for j in range(0, x.shape[1], length):
            row.append(find_scale(x[i, j : j + length]))
            scaled[i, j : j + length] = x[i, j : j + length] / row[-1]
        scales.append(row)
    return scaled, torch.tensor(scales)


@right(SCALE_TILES)
def padded_and_cut(x, length):
    scales = amax_of(x, length).clamp(min=1e-12) / 448
    return x / spread(scales, x, length), scales


@right(SCALE_TILES)
def tile_by_tile(x, length):
    return by_loop(x, length, lambda tile: max(tile.abs().max().item(), 1e-12) / 448)


@right(SCALE_TILES)
def scales_of_the_library(x, length):
    _, scales = quantize_tiles(x, (1, length))
    return x / spread(scales, x, length), scales


@wrong(SCALE_TILES, "scale inverted")
def factor_returned(x, length):
    factor = 448 / amax_of(x, length).clamp(min=1e-12)
    return x * spread(factor, x, length), factor


@wrong(SCALE_TILES, "scale inverted")
def multiplied_by_the_scale(x, length):
    scales = amax_of(x, length).clamp(min=1e-12) / 448
    return x * spread(scales, x, length), scales


@wrong(SCALE_TILES, "scale inverted")
def upside_down_in_both(x, length):
    return by_loop(x, length, lambda tile: 448 / max(tile.abs().max().item(), 1e-12))


@wrong(SCALE_TILES, "amax of the whole tensor")
def one_amax(x, length):
    scale = x.abs().max().clamp(min=1e-12) / 448
    return x / scale, scale.expand(len(x), math.ceil(x.shape[1] / length))


@wrong(SCALE_TILES, "amax of the whole tensor")
def one_amax_in_a_loop(x, length):
    return by_loop(x, length, lambda tile: x.abs().max().item() / 448)


@wrong(SCALE_TILES, "amax of the whole tensor")
def one_amax_for_a_row(x, length):
    scales = x.abs().amax(1, keepdim=True).clamp(min=1e-12) / 448
    return x / scales, scales.repeat(1, -(-x.shape[1] // length))


@wrong(SCALE_TILES, "tiles along the wrong axis")
def turned(x, length):
    scaled, scales = padded_and_cut(x.T, length)
    return scaled.T, scales.T


@wrong(SCALE_TILES, "tiles along the wrong axis")
def tiles_of_rows(x, length):
    _, scales = quantize_tiles(x, (length, 1))
    return x / scales.repeat_interleave(length, 0)[: len(x)], scales


@wrong(SCALE_TILES, "square tiles")
def blocks_of_the_library(x, length):
    _, scales = quantize_tiles(x, (length, length))
    return x / spread(scales, x, length).repeat_interleave(length, 0)[: len(x)], scales


@wrong(SCALE_TILES, "square tiles")
def blocks_in_a_loop(x, length):
    scaled, scales = x.clone(), []
    for i in range(0, len(x), length):
        for j in range(0, x.shape[1], length):
            here = slice(i, i + length), slice(j, j + length)
            scales.append(x[here].abs().max().clamp(min=1e-12) / 448)
            scaled[here] /= scales[-1]
    return scaled, torch.stack(scales).view(math.ceil(len(x) / length), -1)


@wrong(SCALE_TILES, "no guard for a zero tile")
def plain_division(x, length):
    scales = amax_of(x, length) / 448
    return x / spread(scales, x, length), scales


@wrong(SCALE_TILES, "no guard for a zero tile")
def plain_division_in_a_loop(x, length):
    return by_loop(x, length, lambda tile: tile.abs().max() / 448)


@wrong(SCALE_TILES, "448 and 57344 exchanged")
def largest_of_e5m2(x, length):
    scales = amax_of(x, length).clamp(min=1e-12) / torch.finfo(torch.float8_e5m2).max
    return x / spread(scales, x, length), scales


@wrong(SCALE_TILES, "448 and 57344 exchanged")
def largest_of_e5m2_in_a_loop(x, length):
    return by_loop(x, length, lambda tile: max(tile.abs().max().item(), 1e-12) / 57344)


@wrong(SCALE_TILES, "sign kept in amax")
def maximum_of_a_tile(x, length):
    return by_loop(x, length, lambda tile: max(tile.max().item(), 1e-12) / 448)


@wrong(SCALE_TILES, "sign kept in amax")
def maximum_with_a_guard(x, length):
    filled = F.pad(x, (0, -x.shape[1] % length), value=-torch.inf)
    scales = filled.unflatten(1, (-1, length)).amax(-1).clamp(min=1e-12) / 448
    return x / spread(scales, x, length), scales


def keep(sums, bits):
    """Keep the highest bits, without the library."""
    unit = 2.0 ** (torch.frexp(sums).exponent - bits)
    return (sums / unit).trunc() * unit


@right(ADD_UP)
def two_sums(products, bits, every):
    total, running = torch.zeros(2, len(products))
    for i, column in enumerate(products.T, start=1):
        running = keep(running + column, bits)
        if i % every == 0:
            total = total + running
            running = torch.zeros(len(products))
    return total + running


@right(ADD_UP)
def stretch_by_stretch(products, bits, every):
    totals = []
    for row in products.double():
        parts = []
        for stretch in row.split(every):
            part = torch.zeros((), dtype=torch.float64)
            for product in stretch:
                part = cut_off(part + product, bits)
            parts.append(part)
        totals.append(sum(parts))
    return torch.stack(totals)


@wrong(ADD_UP, "accumulating in FP8")
def cast_after_each(products, bits, every):
    total, running = torch.zeros(2, len(products))
    for i, column in enumerate(products.T, start=1):
        running = cast_e4m3(running + column)
        if i % every == 0:
            total, running = total + running, torch.zeros_like(running)
    return total + running


@wrong(ADD_UP, "accumulating in FP8")
def all_sums_in_the_type(products, bits, every):
    running = torch.zeros(len(products)).to(torch.float8_e4m3fn)
    for column in products.T:
        running = (running.float() + column).clamp(-448, 448).to(torch.float8_e4m3fn)
    return running.float()


@wrong(ADD_UP, "never promoted")
def one_long_sum(products, bits, every):
    running = torch.zeros(len(products))
    for column in products.T:
        running = cut_off(running + column, bits)
    return running


@wrong(ADD_UP, "never promoted")
def promotion_forgotten(products, bits, every):
    out = []
    for row in products:
        running = torch.tensor(0.0)
        for product in row:
            running = keep(running + product, bits)
        out.append(running)
    return torch.stack(out)


@wrong(ADD_UP, "promoted sum cut too")
def total_cut_each_time(products, bits, every):
    total, running = torch.zeros(2, len(products))
    for i, column in enumerate(products.T, start=1):
        running = cut_off(running + column, bits)
        if i % every == 0:
            total, running = cut_off(total + running, bits), torch.zeros_like(running)
    return cut_off(total + running, bits)


@wrong(ADD_UP, "promoted sum cut too")
def sum_of_stretches_cut(products, bits, every):
    total = torch.zeros(len(products))
    for stretch in products.split(every, dim=1):
        total = keep(total + one_long_sum(stretch, bits, every), bits)
    return total


@wrong(ADD_UP, "promoted sum cut too")
def total_cut_in_the_loop_alone(products, bits, every):
    total, running = torch.zeros(2, len(products))
    for i, column in enumerate(products.T, start=1):
        running = cut_off(running + column, bits)
        if i % every == 0:
            total, running = cut_off(total + running, bits), torch.zeros_like(running)
    return total + running


@wrong(ADD_UP, "rest lost")
def returned_too_early(products, bits, every):
    total, running = torch.zeros(2, len(products))
    for i in range(products.shape[1]):
        running = cut_off(running + products[:, i], bits)
        if i % every == every - 1:
            total, running = total + running, torch.zeros_like(running)
    return total


@wrong(ADD_UP, "rest lost")
def whole_stretches_alone(products, bits, every):
    whole = products.shape[1] // every * every
    return stretch_by_stretch(products[:, :whole], bits, every)


@wrong(ADD_UP, "not started again")
def running_on(products, bits, every):
    total, running = torch.zeros(2, len(products))
    for i, column in enumerate(products.T, start=1):
        running = cut_off(running + column, bits)
        if i % every == 0:
            total = total + running
    return total + running


@wrong(ADD_UP, "not started again")
def sum_of_all_running_sums(products, bits, every):
    running, moved = torch.zeros(len(products)), []
    for i, column in enumerate(products.T):
        running = keep(running + column, bits)
        moved += [running] if (i + 1) % every == 0 else []
    return torch.stack(moved).sum(0)


@wrong(ADD_UP, "cut too late")
def plain_sum(products, bits, every):
    return products.sum(1)


@wrong(ADD_UP, "cut too late")
def stretches_cut_whole(products, bits, every):
    return sum(cut_off(stretch.sum(1), bits) for stretch in products.split(every, dim=1))
