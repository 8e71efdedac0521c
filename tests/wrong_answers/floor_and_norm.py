"""Lesson 01: answers to `entropy_floor` and `rms_norm`."""

import math

import torch
import torch.nn.functional as F

from lessons_lib.checks.small_gpt.floor import FLOOR
from lessons_lib.checks.small_gpt.norm import RMS_NORM
from wrong_answers import right, wrong


@right(FLOOR)
def by_entr(share, probs):
    return (share * torch.special.entr(probs).sum(dim=-1)).sum()


@right(FLOOR)
def by_loop(share, probs):
    total = torch.zeros((), dtype=torch.float64)
    for weight, row in zip(share, probs, strict=True):
        for p in row[row > 0]:
            total -= weight * p * torch.log(p)
    return total


@right(FLOOR)
def by_clamp(share, probs):
    surprise = -probs.clamp(min=1e-30).log()
    return torch.einsum("c,cv,cv->", share, probs, surprise)


@wrong(FLOOR, "zero times log zero")
def plain_formula(share, probs):
    return -(share[:, None] * probs * probs.log()).sum()


@wrong(FLOOR, "zero times log zero")
def plain_matrix_formula(share, probs):
    entropies = [-(row * torch.log(row)).sum() for row in probs]
    return share @ torch.stack(entropies)


@wrong(FLOOR, "contexts counted equally")
def mean_of_entropies(share, probs):
    return torch.distributions.Categorical(probs=probs).entropy().mean()


@wrong(FLOOR, "contexts counted equally")
def sum_over_all_by_count(share, probs):
    return torch.special.entr(probs).sum() / probs.shape[0]


@wrong(FLOOR, "contexts summed")
def sum_of_everything(share, probs):
    return torch.special.entr(probs).sum()


@wrong(FLOOR, "contexts summed")
def adding_up_rows(share, probs):
    total = torch.tensor(0.0)
    for row in probs:
        total = total + torch.xlogy(row, row).sum().neg()
    return total


@wrong(FLOOR, "context thrown away")
def entropy_of_the_mixture(share, probs):
    mixture = share @ probs
    return torch.special.entr(mixture).sum()


@wrong(FLOOR, "context thrown away")
def unigram_loss(share, probs):
    unigram = (share.unsqueeze(1) * probs).sum(0)
    return -torch.xlogy(unigram, unigram).sum()


@wrong(FLOOR, "bits for nats")
def in_bits(share, probs):
    safe = probs.clamp(min=1e-30)
    return -(share[:, None] * probs * safe.log2()).sum()


@wrong(FLOOR, "bits for nats")
def divided_by_log_2(share, probs):
    return (share @ torch.special.entr(probs).sum(1)) / math.log(2)


@wrong(FLOOR, "sign")
def minus_forgotten(share, probs):
    return (share[:, None] * torch.xlogy(probs, probs)).sum()


@wrong(FLOOR, "sign")
def minus_twice(share, probs):
    return -(share @ torch.special.entr(probs).sum(dim=1))


@right(RMS_NORM)
def by_square_mean(x, weight, eps):
    return x * torch.rsqrt(x.square().mean(dim=-1, keepdim=True) + eps) * weight


@right(RMS_NORM)
def by_torch(x, weight, eps):
    return F.rms_norm(x, x.shape[-1:], weight, eps)


@right(RMS_NORM)
def in_float64_with_gradient(x, weight, eps):
    weight = torch.nn.Parameter(weight)
    x = x.double()
    mean = torch.einsum("btd,btd->bt", x, x) / x.shape[-1]
    return x / (mean + eps).sqrt()[..., None] * weight


@wrong(RMS_NORM, "norm over the wrong axis")
def over_positions(x, weight, eps):
    return x / torch.sqrt((x * x).mean(dim=1, keepdim=True) + eps) * weight


@wrong(RMS_NORM, "norm over the wrong axis")
def over_everything(x, weight, eps):
    return weight * x / torch.sqrt(torch.mean(x**2) + eps)


@wrong(RMS_NORM, "norm over the wrong axis")
def over_the_batch(x, weight, eps):
    return weight * (x * x.pow(2).mean(0).add(eps).rsqrt())


@wrong(RMS_NORM, "norm over the wrong axis")
def over_each_text(x, weight, eps):
    return x / (x.square().mean(dim=(-1, -2), keepdim=True) + eps).sqrt() * weight


@wrong(RMS_NORM, "mean subtracted")
def torch_layer_norm(x, weight, eps):
    return F.layer_norm(x, x.shape[-1:], weight=weight, eps=eps)


@wrong(RMS_NORM, "mean subtracted")
def centred_by_hand(x, weight, eps):
    x = x - x.mean(-1, keepdim=True)
    return x / torch.sqrt(x.pow(2).mean(-1, keepdim=True) + eps) * weight


@wrong(RMS_NORM, "sum for mean")
def length_of_the_vector(x, weight, eps):
    return x / torch.sqrt((x**2).sum(-1, keepdim=True) + eps) * weight


@wrong(RMS_NORM, "sum for mean")
def sum_by_einsum(x, weight, eps):
    total = torch.einsum("...d,...d->...", x, x).unsqueeze(-1)
    return weight * x * (total + eps).rsqrt()


@wrong(RMS_NORM, "root missing")
def divided_by_the_square(x, weight, eps):
    return x / (x.square().mean(-1, keepdim=True) + eps) * weight


@wrong(RMS_NORM, "root missing")
def times_the_reciprocal(x, weight, eps):
    return weight * x * torch.reciprocal(torch.mean(x * x, dim=-1, keepdim=True) + eps)


@wrong(RMS_NORM, "eps outside the root")
def eps_after_the_root(x, weight, eps):
    return x / (x.square().mean(-1, keepdim=True).sqrt() + eps) * weight


@wrong(RMS_NORM, "eps outside the root")
def eps_after_the_length(x, weight, eps):
    rms = x.norm(dim=-1, keepdim=True) / x.shape[-1] ** 0.5
    return weight * (x / (rms + eps))


@wrong(RMS_NORM, "weight forgotten")
def without_weight(x, weight, eps):
    return x / (x.square().mean(-1, keepdim=True) + eps).sqrt()


@wrong(RMS_NORM, "weight forgotten")
def torch_without_weight(x, weight, eps):
    return F.rms_norm(x, (x.shape[-1],), eps=eps)
