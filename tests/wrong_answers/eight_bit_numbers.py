"""Lesson 09: answers to the exercises on bytes, rounding, scales and sums."""

import math

import torch
import torch.nn.functional as F

from lessons_lib.checks.eight_bit_numbers.chance import ROUND_BY_CHANCE
from lessons_lib.checks.eight_bit_numbers.decode import DECODE_E4M3
from lessons_lib.checks.eight_bit_numbers.power import POWER_SCALE
from lessons_lib.checks.eight_bit_numbers.scales import MX_TILES
from lessons_lib.checks.eight_bit_numbers.sums import ADD_UP
from lessons_lib.precision import E4M3, cast_e4m3, cut_off, decode, power_of_two_at_least, quantize_tiles
from wrong_answers import refused, right, wrong


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


@refused(DECODE_E4M3, "it uses torch.float8_e4m3fn")
def read_by_torch(codes):
    return codes.to(torch.uint8).view(torch.float8_e4m3fn).float()


@refused(DECODE_E4M3, "it uses lessons_lib")
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


def by_chance(x, u, gap):
    """Round to whole gaps, up where u is below the share of the gap."""
    n = x / gap
    return (n.floor() + (u < n - n.floor())) * gap


@right(ROUND_BY_CHANCE)
def divided_by_gaps(x, u):
    inside = x.clamp(-448, 448)
    return by_chance(inside, u, gaps_of(inside))


@right(ROUND_BY_CHANCE)
def number_by_number(x, u):
    out = []
    for number, chance in zip(x.tolist(), u.tolist(), strict=True):
        gap = 2.0 ** (max(math.frexp(number)[1] - 1, -6) - 3)
        below = math.floor(number / gap) * gap
        rounded = below + gap if chance * gap < number - below else below
        out.append(max(-448.0, min(448.0, rounded)))
    return torch.tensor(out)


def between(held, x, u):
    """Round up where u says so, between the values of a list of positive ones, 0 included."""
    signed = torch.cat([-held.flip(0)[:-1], held]).double()
    inside = x.double().clamp(-448, 448)
    at = (torch.searchsorted(signed, inside, right=True) - 1).clamp(max=len(signed) - 2)
    below, above = signed[at], signed[at + 1]
    return torch.where((u < (inside - below) / (above - below)) | (inside == above), above, below)


@refused(ROUND_BY_CHANCE, "it uses torch.float8_e4m3fn")
def values_of_torchs_type(x, u):
    return between(torch.arange(127, dtype=torch.uint8).view(torch.float8_e4m3fn).float(), x, u)


@refused(ROUND_BY_CHANCE, "it uses lessons_lib")
def values_of_the_library(x, u):
    return between(decode(torch.arange(127), E4M3), x, u)


@wrong(ROUND_BY_CHANCE, "rounded to the nearest")
def nearest_gap(x, u):
    inside = x.clamp(-448, 448)
    return (inside / gaps_of(inside)).round() * gaps_of(inside)


@wrong(ROUND_BY_CHANCE, "rounded to the nearest")
def half_a_gap_added(x, u):
    gap = gaps_of(x)
    return (torch.floor(x / gap + 0.5) * gap).clamp(-448, 448)


@wrong(ROUND_BY_CHANCE, "chances exchanged")
def up_if_u_is_larger(x, u):
    n = x / gaps_of(x)
    share = n - n.floor()
    return ((n.floor() + ((u > share) & (share > 0))) * gaps_of(x)).clamp(-448, 448)


@wrong(ROUND_BY_CHANCE, "chances exchanged")
def share_counted_from_above(x, u):
    gap = gaps_of(x)
    above = torch.ceil(x / gap) * gap
    below = torch.floor(x / gap) * gap
    return torch.where(u * gap < above - x, above, below).clamp(-448, 448)


@wrong(ROUND_BY_CHANCE, "a fair coin")
def heads_or_tails(x, u):
    gap = gaps_of(x)
    return torch.where(u < 0.5, (x / gap).ceil(), (x / gap).floor()).mul(gap).clamp(-448, 448)


@wrong(ROUND_BY_CHANCE, "a fair coin")
def heads_or_tails_in_a_loop(x, u):
    def cast(pair):
        number, coin = pair
        gap = 2.0 ** (max(math.frexp(number)[1] - 1, -6) - 3)
        choose = math.ceil if coin < 0.5 else math.floor
        return max(-448.0, min(448.0, choose(number / gap) * gap))

    return torch.tensor([cast(pair) for pair in zip(x.tolist(), u.tolist(), strict=True)])


@wrong(ROUND_BY_CHANCE, "away from zero for up")
def sizes_rounded(x, u):
    return x.sign() * divided_by_gaps(x.abs(), u)


@wrong(ROUND_BY_CHANCE, "away from zero for up")
def cut_and_moved_on(x, u):
    inside = x.clamp(-448, 448)
    n = inside / gaps_of(inside)
    cut = n.trunc()
    return (cut + n.sign() * (u < (n - cut).abs())) * gaps_of(inside)


@wrong(ROUND_BY_CHANCE, "always one way")
def floor_of_all(x, u):
    return ((x / gaps_of(x)).floor() * gaps_of(x)).clamp(-448, 448)


@wrong(ROUND_BY_CHANCE, "always one way")
def ceiling_of_all(x, u):
    gap = gaps_of(x)
    return torch.ceil(x / gap).mul(gap).clamp(-448, 448)


@wrong(ROUND_BY_CHANCE, "gaps halve for ever")
def exponent_without_end(x, u):
    return by_chance(x, u, gaps_of(x, -100)).clamp(-448, 448)


@wrong(ROUND_BY_CHANCE, "gaps halve for ever")
def four_digits(x, u):
    mantissa, exponent = torch.frexp(x)
    return torch.ldexp(by_chance(mantissa, u, 1 / 16), exponent).clamp(-448, 448)


@wrong(ROUND_BY_CHANCE, "gaps twice too wide")
def exponent_as_frexp_gives_it(x, u):
    return by_chance(x, u, 2.0 ** (torch.frexp(x).exponent.clamp(min=-6) - 3)).clamp(-448, 448)


@wrong(ROUND_BY_CHANCE, "gaps twice too wide")
def four_in_an_octave(x, u):
    return by_chance(x, u, 2 * gaps_of(x)).clamp(-448, 448)


@wrong(ROUND_BY_CHANCE, "448 and 57344 exchanged")
def limit_of_e5m2(x, u):
    return by_chance(x, u, gaps_of(x)).clamp(-57344, 57344)


@wrong(ROUND_BY_CHANCE, "448 and 57344 exchanged")
def limit_of_the_other_type(x, u):
    most = torch.finfo(torch.float8_e5m2).max
    gap = gaps_of(x)
    below = (x / gap).floor() * gap
    return torch.where(u < (x - below) / gap, below + gap, below).clamp(-most, most)


@wrong(ROUND_BY_CHANCE, "not saturated")
def no_limit(x, u):
    return by_chance(x, u, gaps_of(x))


@wrong(ROUND_BY_CHANCE, "not saturated")
def no_limit_by_adding_u(x, u):
    gap = gaps_of(x)
    n = x / gap
    return torch.where(n == n.floor(), n, (n + 1 - u).floor().clamp(max=n.floor() + 1)) * gap


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


@wrong(POWER_SCALE, "format taken to end at 512")
def from_the_exponent_alone(amax):
    return 2.0 ** (torch.floor(torch.log2(amax)) - 8)


@wrong(POWER_SCALE, "format taken to end at 512")
def until_below_512(amax):
    scales = []
    for size in amax.tolist():
        scale = 2.0**-40
        while size / scale >= 512:
            scale = scale * 2
        scales.append(scale)
    return torch.tensor(scales)


@wrong(POWER_SCALE, "format taken to end at 256")
def until_it_fits_256(amax):
    return torch.pow(2.0, torch.ceil(torch.log2(amax) - 8))


@wrong(POWER_SCALE, "format taken to end at 256")
def doubled_until_256(amax):
    scales = torch.full_like(amax, 2.0**-40)
    while (amax / scales > 256).any():
        scales = torch.where(amax / scales > 256, scales * 2, scales)
    return scales


def as_tiles(x, length):
    """Return x with zeros to fill the last tile, cut up: (rows, tiles, length)."""
    padded = F.pad(x, (0, -x.shape[1] % length))
    return padded.unflatten(1, (-1, length))


def spread(scales, x, length):
    """Return a scale for every number of x."""
    return scales.repeat_interleave(length, dim=1)[:, : x.shape[1]]


def amax_of(x, length):
    return as_tiles(x, length).abs().amax(-1)


def up(scale):
    """Return the smallest power of two that is not below a scale."""
    if isinstance(scale, float):
        return 2.0 ** math.ceil(math.log2(scale))
    return 2.0 ** torch.log2(scale).ceil()


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


@right(MX_TILES)
def padded_and_cut(x, length):
    scales = up(amax_of(x, length).clamp(min=1e-12) / 448)
    return x / spread(scales, x, length), scales


@right(MX_TILES)
def tile_by_tile(x, length):
    return by_loop(x, length, lambda tile: up(max(tile.abs().max().item(), 1e-12) / 448))


@right(MX_TILES)
def scales_of_the_library(x, length):
    _, scales = quantize_tiles(x, (1, length), ue8m0=True)
    return x / spread(scales, x, length), scales


@wrong(MX_TILES, "scale inverted")
def factor_returned(x, length):
    factor = 1 / up(amax_of(x, length).clamp(min=1e-12) / 448)
    return x * spread(factor, x, length), factor


@wrong(MX_TILES, "scale inverted")
def multiplied_by_the_scale(x, length):
    scales = up(amax_of(x, length).clamp(min=1e-12) / 448)
    return x * spread(scales, x, length), scales


@wrong(MX_TILES, "scale inverted")
def upside_down_in_both(x, length):
    return by_loop(x, length, lambda tile: 1 / up(max(tile.abs().max().item(), 1e-12) / 448))


@wrong(MX_TILES, "amax of the whole tensor")
def one_amax(x, length):
    scale = up(x.abs().max().clamp(min=1e-12) / 448)
    return x / scale, scale.expand(len(x), math.ceil(x.shape[1] / length))


@wrong(MX_TILES, "amax of the whole tensor")
def one_amax_in_a_loop(x, length):
    return by_loop(x, length, lambda tile: up(x.abs().max().item() / 448))


@wrong(MX_TILES, "amax of the whole tensor")
def one_amax_for_a_row(x, length):
    scales = up(x.abs().amax(1, keepdim=True).clamp(min=1e-12) / 448)
    return x / scales, scales.repeat(1, -(-x.shape[1] // length))


@wrong(MX_TILES, "tiles along the wrong axis")
def turned(x, length):
    scaled, scales = padded_and_cut(x.T, length)
    return scaled.T, scales.T


@wrong(MX_TILES, "tiles along the wrong axis")
def tiles_of_rows(x, length):
    _, scales = quantize_tiles(x, (length, 1), ue8m0=True)
    return x / scales.repeat_interleave(length, 0)[: len(x)], scales


@wrong(MX_TILES, "square tiles")
def blocks_of_the_library(x, length):
    _, scales = quantize_tiles(x, (length, length), ue8m0=True)
    return x / spread(scales, x, length).repeat_interleave(length, 0)[: len(x)], scales


@wrong(MX_TILES, "square tiles")
def blocks_in_a_loop(x, length):
    scaled, scales = x.clone(), []
    for i in range(0, len(x), length):
        for j in range(0, x.shape[1], length):
            here = slice(i, i + length), slice(j, j + length)
            scales.append(up(x[here].abs().max().clamp(min=1e-12) / 448))
            scaled[here] /= scales[-1]
    return scaled, torch.stack(scales).view(math.ceil(len(x) / length), -1)


@wrong(MX_TILES, "no guard for a zero tile")
def plain_division(x, length):
    scales = up(amax_of(x, length) / 448)
    return x / spread(scales, x, length), scales


@wrong(MX_TILES, "no guard for a zero tile")
def plain_division_in_a_loop(x, length):
    return by_loop(x, length, lambda tile: up(tile.abs().max() / 448))


@wrong(MX_TILES, "448 and 57344 exchanged")
def largest_of_e5m2(x, length):
    scales = up(amax_of(x, length).clamp(min=1e-12) / torch.finfo(torch.float8_e5m2).max)
    return x / spread(scales, x, length), scales


@wrong(MX_TILES, "448 and 57344 exchanged")
def largest_of_e5m2_in_a_loop(x, length):
    return by_loop(x, length, lambda tile: up(max(tile.abs().max().item(), 1e-12) / 57344))


@wrong(MX_TILES, "sign kept in amax")
def maximum_of_a_tile(x, length):
    return by_loop(x, length, lambda tile: up(max(tile.max().item(), 1e-12) / 448))


@wrong(MX_TILES, "sign kept in amax")
def maximum_with_a_guard(x, length):
    filled = F.pad(x, (0, -x.shape[1] % length), value=-torch.inf)
    scales = up(filled.unflatten(1, (-1, length)).amax(-1).clamp(min=1e-12) / 448)
    return x / spread(scales, x, length), scales


@wrong(MX_TILES, "not a power of two")
def exact_scales(x, length):
    scales = amax_of(x, length).clamp(min=1e-12) / 448
    return x / spread(scales, x, length), scales


@wrong(MX_TILES, "not a power of two")
def exact_scales_in_a_loop(x, length):
    return by_loop(x, length, lambda tile: max(tile.abs().max().item(), 1e-12) / 448)


@wrong(MX_TILES, "scale too small")
def exponents_rounded_down(x, length):
    scales = 2.0 ** torch.log2(amax_of(x, length).clamp(min=1e-12) / 448).floor()
    return x / spread(scales, x, length), scales


@wrong(MX_TILES, "scale too small")
def nearest_powers(x, length):
    return by_loop(x, length, lambda tile: 2.0 ** round(math.log2(max(tile.abs().max().item(), 1e-12) / 448)))


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


# --- found by readers of the texts alone


@refused(MX_TILES, "should be 3.553e-15")
def floor_on_the_scale(x, length):
    tiles = x.split(length, dim=1)
    s = [up((t.abs().amax(1, keepdim=True) / 448).clamp(min=1e-12)) for t in tiles]
    return torch.cat([t / a for t, a in zip(tiles, s)], 1), torch.cat(s, 1)


@wrong(MX_TILES, "format taken to end at 512")
def scales_of_the_standard(x, length):
    out, scales = [], []
    for tile in x.split(length, 1):
        amax = tile.abs().amax(1, keepdim=True).clamp(min=1e-12)
        scale = 2.0 ** (amax.log2().floor() - 8)
        out.append(tile / scale)
        scales.append(scale)
    return torch.cat(out, 1), torch.cat(scales, 1)


@wrong(MX_TILES, "format taken to end at 512")
def tile_by_tile_below_512(x, length):
    scaled, scales = torch.zeros_like(x), torch.zeros(x.shape[0], -(-x.shape[1] // length))
    for i, row in enumerate(x):
        for j in range(scales.shape[1]):
            here = slice(j * length, (j + 1) * length)
            amax = max(row[here].abs().max().item(), 1e-12)
            scales[i, j] = 2.0 ** (math.frexp(amax / 512)[1])
            scaled[i, here] = row[here] / scales[i, j]
    return scaled, scales


@wrong(MX_TILES, "format taken to end at 256")
def a_largest_of_256(x, length):
    tiles = x.split(length, 1)
    scales = torch.stack([t.abs().amax(1).clamp(min=1e-12) / 256 for t in tiles], 1).log2().ceil().exp2()
    return x / scales.repeat_interleave(length, 1)[:, : x.shape[1]], scales


@wrong(MX_TILES, "format taken to end at 256")
def eight_powers_of_two(x, length):
    scaled, scales = torch.zeros_like(x), torch.zeros(x.shape[0], -(-x.shape[1] // length))
    for j in range(scales.shape[1]):
        tile = x[:, j * length : (j + 1) * length]
        amax = tile.abs().max(1).values.clamp(min=1e-12)
        scales[:, j] = 2.0 ** (torch.ceil(torch.log2(amax)) - 8)
        scaled[:, j * length : (j + 1) * length] = tile / scales[:, j : j + 1]
    return scaled, scales


@right(DECODE_E4M3)
def code_by_code(codes):
    values = []
    for code in codes.tolist():
        exponent, mantissa = code >> 3 & 15, code & 7
        size = (8 + mantissa) / 8 * 2.0 ** (exponent - 7) if exponent else mantissa / 8 * 2.0**-6
        values.append(-size if code >> 7 else size)
    return torch.tensor(values)


@wrong(ADD_UP, "promoted one product too early")
def promoted_at_index_0(products, bits, every):
    total = running = torch.zeros(len(products))
    for i in range(products.shape[1]):
        running = cut_off(running + products[:, i], bits)
        if i % every == 0:
            total, running = total + running, torch.zeros(len(products))
    return total + running


@wrong(ADD_UP, "promoted one product too early")
def counted_from_one(products, bits, every):
    total, running, count = torch.zeros(len(products)), torch.zeros(len(products)), 1
    for column in products.T:
        running = cut_off(running + column, bits)
        count += 1
        if count == every:
            total, running, count = total + running, torch.zeros(len(products)), 0
    return total + running
