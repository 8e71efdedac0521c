"""Lesson 09: answers to `scale_tiles` and `add_up`."""

import math

import torch
import torch.nn.functional as F

from lessons_lib.checks.eight_bit_numbers.scales import SCALE_TILES
from lessons_lib.checks.eight_bit_numbers.sums import ADD_UP
from lessons_lib.precision import cast_e4m3, cut_off, quantize_tiles
from wrong_answers import right, wrong


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
