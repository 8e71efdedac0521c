"""Lesson 20: answers to the exercises on layouts."""

import math

import torch

from lessons_lib.checks.beyond_one_laptop.bias import BIAS_STEP
from lessons_lib.checks.beyond_one_laptop.length import GRADIENT_LENGTH
from lessons_lib.checks.beyond_one_laptop.loss import BATCH_LOSS
from lessons_lib.checks.beyond_one_laptop.ring import RING_BYTES
from wrong_answers import right, wrong


@right(BATCH_LOSS)
def weighted_mean(means, tokens):
    return (means * tokens).sum() / tokens.sum()


@right(BATCH_LOSS)
def by_a_dot_product(means, tokens):
    return means @ (tokens / tokens.sum())


@wrong(BATCH_LOSS, "the mean of the means")
def mean_of_means(means, tokens):
    return means.mean()


@wrong(BATCH_LOSS, "the mean of the means")
def sum_of_means_over_ranks(means, tokens):
    return sum(means.tolist()) / len(tokens)


@wrong(BATCH_LOSS, "the sum over all tokens")
def sum_of_all(means, tokens):
    return (means * tokens).sum()


@wrong(BATCH_LOSS, "the sum over all tokens")
def sum_of_all_in_a_loop(means, tokens):
    total = 0.0
    for mean, n in zip(means, tokens):
        total = total + mean * n
    return total


@wrong(BATCH_LOSS, "the sum divided by the ranks")
def sum_over_ranks(means, tokens):
    return (means * tokens).sum() / len(means)


@wrong(BATCH_LOSS, "the sum divided by the ranks")
def mean_of_sums(means, tokens):
    return (means * tokens).mean()


@wrong(BATCH_LOSS, "the first rank's loss")
def first_rank(means, tokens):
    return means[0]


@wrong(BATCH_LOSS, "the first rank's loss")
def what_rank_0_prints(means, tokens):
    return torch.tensor(means.tolist()[0])


@wrong(BATCH_LOSS, "weights upside down")
def upside_down(means, tokens):
    return (means / tokens).sum() / (1 / tokens).sum()


@wrong(BATCH_LOSS, "weights upside down")
def few_count_most(means, tokens):
    weight = tokens.double() ** -1
    return ((weight / weight.sum()) * means).sum()


@right(GRADIENT_LENGTH)
def copy_once(slices, copy):
    return torch.cat([slices.flatten(), copy]).norm()


@right(GRADIENT_LENGTH)
def copy_divided_by_its_copies(slices, copy):
    squares = [s.square().sum() + copy.square().sum() / len(slices) for s in slices]
    return torch.stack(squares).sum().sqrt()


@wrong(GRADIENT_LENGTH, "copies count on every rank")
def copy_on_every_rank(slices, copy):
    return torch.stack([torch.cat([s, copy]).square().sum() for s in slices]).sum().sqrt()


@wrong(GRADIENT_LENGTH, "copies count on every rank")
def copy_by_the_number_of_ranks(slices, copy):
    return (slices.square().sum() + len(slices) * copy.square().sum()).sqrt()


@wrong(GRADIENT_LENGTH, "the copy is forgotten")
def slices_only(slices, copy):
    return slices.norm()


@wrong(GRADIENT_LENGTH, "the copy is forgotten")
def squares_of_slices(slices, copy):
    return sum(s.square().sum() for s in slices) ** 0.5


@wrong(GRADIENT_LENGTH, "lengths added up")
def lengths_in_sum(slices, copy):
    return slices.norm(dim=1).sum() + copy.norm()


@wrong(GRADIENT_LENGTH, "lengths added up")
def lengths_in_a_loop(slices, copy):
    total = copy.square().sum().sqrt()
    for s in slices:
        total = total + s.square().sum().sqrt()
    return total


@wrong(GRADIENT_LENGTH, "one rank's length")
def rank_0_alone(slices, copy):
    return torch.cat([slices[0], copy]).norm()


@wrong(GRADIENT_LENGTH, "one rank's length")
def squares_of_rank_0(slices, copy):
    return (slices[0].square().sum() + copy.square().sum()).sqrt()


@wrong(GRADIENT_LENGTH, "the square of the length")
def no_root(slices, copy):
    return slices.square().sum() + copy.square().sum()


@wrong(GRADIENT_LENGTH, "the square of the length")
def norm_squared(slices, copy):
    return torch.cat([slices.flatten(), copy]).norm() ** 2


@right(BIAS_STEP)
def by_the_sum(bias, counts, speed):
    load = counts.sum(0).double()
    return bias - speed * torch.sign(load - load.mean())


@right(BIAS_STEP)
def above_and_below(bias, counts, speed):
    load = counts.sum(0).double()
    up = (load < load.mean()).float()
    down = (load > load.mean()).float()
    return bias + speed * (up - down)


@wrong(BIAS_STEP, "the first rank's counts alone")
def counts_of_rank_0(bias, counts, speed):
    load = counts[0].double()
    return bias - speed * torch.sign(load - load.mean())


@wrong(BIAS_STEP, "the first rank's counts alone")
def own_texts(bias, counts, speed):
    load = counts.tolist()[0]
    mean = sum(load) / len(load)
    return torch.tensor([b - speed * ((n > mean) - (n < mean)) for b, n in zip(bias.tolist(), load)])


@wrong(BIAS_STEP, "each rank's steps averaged")
def mean_step(bias, counts, speed):
    load = counts.double()
    return bias - speed * torch.sign(load - load.mean(1, keepdim=True)).mean(0)


@wrong(BIAS_STEP, "each rank's steps averaged")
def mean_of_biases(bias, counts, speed):
    own = [bias - speed * torch.sign(c.double() - c.double().mean()) for c in counts]
    return torch.stack(own).mean(0)


@wrong(BIAS_STEP, "the wrong way")
def more_for_the_busy(bias, counts, speed):
    load = counts.sum(0).double()
    return bias + speed * torch.sign(load - load.mean())


@wrong(BIAS_STEP, "the wrong way")
def mean_minus_load(bias, counts, speed):
    load = counts.sum(0).double()
    return bias - speed * torch.sign(load.mean() - load)


@wrong(BIAS_STEP, "in proportion to the load")
def by_how_much(bias, counts, speed):
    load = counts.sum(0).double()
    return bias - speed * (load - load.mean())


@wrong(BIAS_STEP, "in proportion to the load")
def without_a_sign(bias, counts, speed):
    load = counts.float().sum(0)
    return bias + speed * (load.mean() - load)


@wrong(BIAS_STEP, "each rank's steps added up")
def a_step_for_each_rank(bias, counts, speed):
    for c in counts.double():
        bias = bias - speed * torch.sign(c - c.mean())
    return bias


@wrong(BIAS_STEP, "each rank's steps added up")
def sum_of_steps(bias, counts, speed):
    load = counts.double()
    return bias - speed * torch.sign(load - load.mean(1, keepdim=True)).sum(0)


@wrong(BIAS_STEP, "the mean pushed")
def up_unless_above(bias, counts, speed):
    load = counts.sum(0).float()
    return torch.where(load > load.mean(), bias - speed, bias + speed)


@wrong(BIAS_STEP, "the mean pushed")
def down_unless_below(bias, counts, speed):
    load = counts.sum(0).float()
    return bias - speed * torch.where(load < load.mean(), -1.0, 1.0)


@right(RING_BYTES)
def half_and_half(n_bytes, ranks):
    half = n_bytes * (ranks - 1) / ranks
    return torch.tensor([2 * half, half, half])


@right(RING_BYTES)
def round_by_round(n_bytes, ranks):
    half = sum((n_bytes / ranks for _ in range(1, ranks)), 0.0)
    return torch.tensor([half + half, half, half])


@wrong(RING_BYTES, "to every other rank")
def to_everybody(n_bytes, ranks):
    half = n_bytes * (ranks - 1)
    return torch.tensor([2.0 * half, half, half])


@wrong(RING_BYTES, "to every other rank")
def to_everybody_in_a_loop(n_bytes, ranks):
    half = math.fsum(n_bytes for _ in range(ranks - 1))
    return torch.tensor([2 * half, half, half])


@wrong(RING_BYTES, "a round too many")
def all_of_it(n_bytes, ranks):
    return torch.tensor([2.0 * n_bytes, n_bytes, n_bytes])


@wrong(RING_BYTES, "a round too many")
def a_full_circle(n_bytes, ranks):
    half = float(sum(n_bytes / ranks for _ in range(ranks)))
    return torch.tensor([half * 2, half, half])


@wrong(RING_BYTES, "sums only")
def half_an_all_reduce(n_bytes, ranks):
    return torch.full((3,), n_bytes * (ranks - 1) / ranks)


@wrong(RING_BYTES, "sums only")
def one_phase(n_bytes, ranks):
    sent = n_bytes - n_bytes / ranks
    return torch.tensor([sent, sent, sent])


@wrong(RING_BYTES, "a single piece")
def one_piece(n_bytes, ranks):
    piece = n_bytes / ranks
    return torch.tensor([2 * piece, piece, piece])


@wrong(RING_BYTES, "a single piece")
def to_the_neighbour_once(n_bytes, ranks):
    return torch.tensor([2.0, 1.0, 1.0]) * n_bytes / ranks


@wrong(RING_BYTES, "the all-gather costs as much as the all-reduce")
def gather_twice(n_bytes, ranks):
    half = n_bytes * (ranks - 1) / ranks
    return torch.tensor([2 * half, half, 2 * half])


@wrong(RING_BYTES, "the all-gather costs as much as the all-reduce")
def gather_as_reduce(n_bytes, ranks):
    whole = 2 * (n_bytes - n_bytes / ranks)
    return torch.tensor([whole, whole / 2, whole])
