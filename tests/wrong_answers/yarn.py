"""Lesson 04: answers to `yarn_ramp`, `slow_pairs` and `yarn_scores`."""

import math

import torch

from lessons_lib.checks.absorption.ramp import YARN_RAMP
from lessons_lib.checks.absorption.stretch import SLOW_PAIRS, YARN_SCORES
from lessons_lib.config import ModelConfig
from lessons_lib.model import yarn
from wrong_answers import right, wrong


def pair_of(turns, width, theta, length):
    return width * math.log(length / (2 * math.pi * turns)) / (2 * math.log(theta))


def rise(width, low, high):
    return ((torch.arange(width // 2) - low) / (high - low)).clamp(min=0, max=1)


@right(YARN_RAMP)
def solved_for_the_pair(width, theta, length, beta_fast, beta_slow):
    low = math.floor(pair_of(beta_fast, width, theta, length))
    high = math.ceil(pair_of(beta_slow, width, theta, length))
    return rise(width, low, high)


@right(YARN_RAMP)
def turns_counted(width, theta, length, beta_fast, beta_slow):
    turns = length / (2 * math.pi) * theta ** (-torch.arange(0, width, 2).double() / width)
    low = int((turns >= beta_fast).nonzero().max())
    high = int((turns <= beta_slow).nonzero().min())
    ramp = torch.zeros(width // 2)
    ramp[low : high + 1] = torch.linspace(0, 1, high - low + 1)
    ramp[high:] = 1
    return ramp


@right(YARN_RAMP)
def of_the_library(width, theta, length, beta_fast, beta_slow):
    config = ModelConfig(
        vocab_size=2, dim=64, n_layers=1, n_heads=1, max_seq_len=2 * length, kv_lora_rank=8,
        qk_nope_head_dim=8, qk_rope_head_dim=width, v_head_dim=8, rope_theta=theta, rope_factor=2.0,
        original_seq_len=length, beta_fast=beta_fast, beta_slow=beta_slow,
    )  # fmt: skip
    return yarn.yarn_ramp(config)


@wrong(YARN_RAMP, "ramp inverted")
def one_minus_the_ramp(width, theta, length, beta_fast, beta_slow):
    return 1 - solved_for_the_pair(width, theta, length, beta_fast, beta_slow)


@wrong(YARN_RAMP, "ramp inverted")
def falling(width, theta, length, beta_fast, beta_slow):
    low = math.floor(pair_of(beta_fast, width, theta, length))
    high = math.ceil(pair_of(beta_slow, width, theta, length))
    return torch.tensor([min(max((high - i) / (high - low), 0.0), 1.0) for i in range(width // 2)])


@wrong(YARN_RAMP, "betas exchanged")
def slow_end_first(width, theta, length, beta_fast, beta_slow):
    low = math.floor(pair_of(beta_slow, width, theta, length))
    high = math.ceil(pair_of(beta_fast, width, theta, length))
    return rise(width, low, high)


@wrong(YARN_RAMP, "betas exchanged")
def slow_end_first_as_in_the_released_code(width, theta, length, beta_fast, beta_slow):
    low, high = (pair_of(b, width, theta, length) for b in (beta_slow, beta_fast))
    low, high = max(math.floor(low), 0), min(math.ceil(high), width - 1)
    return ((torch.arange(width // 2) - low) / max(high - low, 0.001)).clamp(0, 1)


@wrong(YARN_RAMP, "ramp over the turns")
def as_the_paper_draws_it(width, theta, length, beta_fast, beta_slow):
    turns = length * theta ** (-torch.arange(0, width, 2) / width) / (2 * math.pi)
    stays = (turns - beta_slow) / (beta_fast - beta_slow)
    return 1 - stays.clamp(0, 1)


@wrong(YARN_RAMP, "ramp over the turns")
def over_wavelengths(width, theta, length, beta_fast, beta_slow):
    out = []
    for i in range(width // 2):
        wavelength = 2 * math.pi * theta ** (2 * i / width)
        share = (length / wavelength - beta_fast) / (beta_slow - beta_fast)
        out.append(min(1.0, max(0.0, share)))
    return torch.tensor(out)


@wrong(YARN_RAMP, "radians for turns")
def two_pi_forgotten(width, theta, length, beta_fast, beta_slow):
    ends = (width * math.log(length / b) / (2 * math.log(theta)) for b in (beta_fast, beta_slow))
    low, high = ends
    return rise(width, math.floor(low), math.ceil(high))


@wrong(YARN_RAMP, "radians for turns")
def angles_counted(width, theta, length, beta_fast, beta_slow):
    angles = [length * theta ** (-2 * i / width) for i in range(width)]
    low = sum(angle >= beta_fast for angle in angles) - 1
    return rise(width, low, sum(angle > beta_slow for angle in angles))


@wrong(YARN_RAMP, "channels for pairs")
def two_forgotten(width, theta, length, beta_fast, beta_slow):
    low, high = (
        width * math.log(length / b / (2 * math.pi)) / math.log(theta) for b in (beta_fast, beta_slow)
    )
    return rise(width, math.floor(low), math.ceil(high))


@wrong(YARN_RAMP, "channels for pairs")
def one_channel_after_the_other(width, theta, length, beta_fast, beta_slow):
    turns = [length * theta ** (-i / width) / (2 * math.pi) for i in range(2 * width)]
    low = max(i for i in range(2 * width) if turns[i] >= beta_fast)
    high = min(i for i in range(2 * width) if turns[i] <= beta_slow)
    return rise(width, low, high)


@wrong(YARN_RAMP, "ends not rounded")
def as_the_logarithms_say(width, theta, length, beta_fast, beta_slow):
    return rise(width, *(pair_of(b, width, theta, length) for b in (beta_fast, beta_slow)))


@wrong(YARN_RAMP, "ends not rounded")
def over_the_logarithm_of_turns(width, theta, length, beta_fast, beta_slow):
    turns = length * theta ** (-2 * torch.arange(width // 2) / width) / (2 * math.pi)
    return (torch.log(beta_fast / turns) / math.log(beta_fast / beta_slow)).clamp(0, 1)


@wrong(YARN_RAMP, "ends rounded inwards")
def first_pairs_between(width, theta, length, beta_fast, beta_slow):
    low = math.ceil(pair_of(beta_fast, width, theta, length))
    high = math.floor(pair_of(beta_slow, width, theta, length))
    return rise(width, low, high)


@wrong(YARN_RAMP, "ends rounded inwards")
def both_by_int(width, theta, length, beta_fast, beta_slow):
    low, high = (int(pair_of(b, width, theta, length)) for b in (beta_fast, beta_slow))
    return rise(width, low, high)


@wrong(YARN_RAMP, "not cut off")
def a_straight_line(width, theta, length, beta_fast, beta_slow):
    low = math.floor(pair_of(beta_fast, width, theta, length))
    high = math.ceil(pair_of(beta_slow, width, theta, length))
    return (torch.arange(width // 2) - low) / (high - low)


@wrong(YARN_RAMP, "not cut off")
def a_straight_line_by_list(width, theta, length, beta_fast, beta_slow):
    low = math.floor(pair_of(beta_fast, width, theta, length))
    run = math.ceil(pair_of(beta_slow, width, theta, length)) - low
    return torch.tensor([i / run - low / run for i in range(width // 2)])


@right(SLOW_PAIRS)
def mixture(frequencies, ramp, factor):
    return (1 - ramp) * frequencies + ramp * frequencies / factor


@right(SLOW_PAIRS)
def by_lerp(frequencies, ramp, factor):
    return torch.lerp(frequencies, frequencies / factor, ramp)


@wrong(SLOW_PAIRS, "factor multiplied")
def times_the_factor(frequencies, ramp, factor):
    return (1 - ramp) * frequencies + ramp * frequencies * factor


@wrong(SLOW_PAIRS, "factor multiplied")
def stretched_the_other_way(frequencies, ramp, factor):
    return frequencies * (1 + ramp * (factor - 1))


@wrong(SLOW_PAIRS, "ramp inverted")
def ramp_on_the_usual(frequencies, ramp, factor):
    return ramp * frequencies + (1 - ramp) * frequencies / factor


@wrong(SLOW_PAIRS, "ramp inverted")
def lerp_the_other_way(frequencies, ramp, factor):
    return torch.lerp(frequencies / factor, frequencies, ramp)


@wrong(SLOW_PAIRS, "all pairs slowed")
def plain_interpolation(frequencies, ramp, factor):
    return frequencies / factor


@wrong(SLOW_PAIRS, "all pairs slowed")
def both_parts_divided(frequencies, ramp, factor):
    return ((1 - ramp) * frequencies + ramp * frequencies) / factor


@wrong(SLOW_PAIRS, "factor on the ramp")
def factors_mixed(frequencies, ramp, factor):
    return frequencies / ((1 - ramp) + ramp * factor)


@wrong(SLOW_PAIRS, "factor on the ramp")
def logarithms_mixed(frequencies, ramp, factor):
    usual, slowest = frequencies.log(), (frequencies / factor).log()
    return ((1 - ramp) * usual + ramp * slowest).exp()


@wrong(SLOW_PAIRS, "slowed part only")
def second_term_alone(frequencies, ramp, factor):
    return ramp * frequencies / factor


@wrong(SLOW_PAIRS, "slowed part only")
def first_term_overwritten(frequencies, ramp, factor):
    slowed = frequencies / factor
    return torch.stack([share * angle for share, angle in zip(ramp, slowed, strict=True)])


@right(YARN_SCORES)
def times_m_twice(dots, n, r, factor):
    m = 0.1 * math.log(factor) + 1
    return dots * (n + r) ** -0.5 * m * m


@right(YARN_SCORES)
def in_tensors(dots, n, r, factor):
    m = torch.tensor(factor).log().mul(0.1).add(1)
    return (dots / torch.tensor(n + r).sqrt()).mul(m.square())


@wrong(YARN_SCORES, "mscale once")
def times_m(dots, n, r, factor):
    return dots / math.sqrt(n + r) * (1 + math.log(factor) / 10)


@wrong(YARN_SCORES, "mscale once")
def in_the_query_only(dots, n, r, factor):
    query = dots * (0.1 * torch.log(torch.tensor(factor)) + 1)
    return query * (n + r) ** -0.5


@wrong(YARN_SCORES, "mscale left out")
def usual_scale(dots, n, r, factor):
    return dots * (n + r) ** -0.5


@wrong(YARN_SCORES, "mscale left out")
def m_without_its_logarithm(dots, n, r, factor):
    m = 0.1 * math.log(factor / factor) + 1
    return dots.mul(m * m).div((n + r) ** 0.5)


@wrong(YARN_SCORES, "mscale divides")
def divided_by_m_squared(dots, n, r, factor):
    m = 0.1 * math.log(factor) + 1
    return dots / (math.sqrt(n + r) * m**2)


@wrong(YARN_SCORES, "mscale divides")
def divided_by_m(dots, n, r, factor):
    temperature = 0.1 * math.log(factor) + 1
    return dots / temperature / (n + r) ** 0.5


@wrong(YARN_SCORES, "logarithm to base 10")
def by_log10(dots, n, r, factor):
    m = 0.1 * math.log10(factor) + 1
    return dots * m * m / math.sqrt(n + r)


@wrong(YARN_SCORES, "logarithm to base 10")
def by_torch_log10(dots, n, r, factor):
    m = 1 + torch.log10(torch.tensor(factor)) / 10
    return dots * m**2 * (n + r) ** -0.5


@wrong(YARN_SCORES, "a tenth forgotten")
def logarithm_plus_one(dots, n, r, factor):
    return dots * (math.log(factor) + 1) ** 2 / (n + r) ** 0.5


@wrong(YARN_SCORES, "a tenth forgotten")
def logarithm_of_e_times_the_factor(dots, n, r, factor):
    m = math.log(math.e * factor)
    return m * (dots / math.sqrt(n + r)) * m


@wrong(YARN_SCORES, "scale without the rotary part")
def root_of_nope(dots, n, r, factor):
    m = 0.1 * math.log(factor) + 1
    return dots * m * m / n**0.5


@wrong(YARN_SCORES, "scale without the rotary part")
def root_of_nope_in_the_query(dots, n, r, factor):
    query = dots / torch.full_like(dots, n).sqrt()
    return query * (0.1 * math.log(factor) + 1) ** 2


@wrong(YARN_SCORES, "root forgotten")
def divided_by_the_width(dots, n, r, factor):
    m = 0.1 * math.log(factor) + 1
    return m * m * dots / (n + r)


@wrong(YARN_SCORES, "root forgotten")
def root_twice(dots, n, r, factor):
    m = 0.1 * math.log(factor) + 1
    once = dots * m / math.sqrt(n + r)
    return once * m / math.sqrt(n + r)
