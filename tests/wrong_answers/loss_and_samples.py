"""Lesson 01: answers to `loss_without_padding` and `sample`."""

import math

import torch
import torch.nn.functional as F

from lessons_lib.checks.small_gpt.prediction import LOSS, SAMPLE
from wrong_answers import right, wrong


def surprises(logits, targets):
    return -logits.log_softmax(-1).gather(-1, targets.unsqueeze(-1)).squeeze(-1)


@right(LOSS)
def by_ignore_index(logits, targets, pad):
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=pad)


@right(LOSS)
def by_selection(logits, targets, pad):
    return surprises(logits, targets)[targets != pad].mean()


@right(LOSS)
def by_mask(logits, targets, pad):
    real = (targets != pad).double()
    return (surprises(logits, targets) * real).sum() / real.sum()


@wrong(LOSS, "mean over padding")
def plain_cross_entropy(logits, targets, pad):
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


@wrong(LOSS, "mean over padding")
def zeroed_then_mean(logits, targets, pad):
    return (surprises(logits, targets) * (targets != pad)).mean()


@wrong(LOSS, "mean over padding")
def gathered_mean(logits, targets, pad):
    return surprises(logits, targets).mean()


@wrong(LOSS, "mean of the texts' means")
def mean_per_text_first(logits, targets, pad):
    real = targets != pad
    return ((surprises(logits, targets) * real).sum(1) / real.sum(1)).mean()


@wrong(LOSS, "mean of the texts' means")
def loop_over_texts(logits, targets, pad):
    losses = [
        F.cross_entropy(row, wanted, ignore_index=pad) for row, wanted in zip(logits, targets, strict=True)
    ]
    return torch.stack(losses).mean()


@wrong(LOSS, "sum for mean")
def summed_by_torch(logits, targets, pad):
    return F.cross_entropy(logits.mT, targets, ignore_index=pad, reduction="sum")


@wrong(LOSS, "sum for mean")
def summed_by_selection(logits, targets, pad):
    return surprises(logits, targets)[targets != pad].sum()


@wrong(LOSS, "sign")
def log_probability(logits, targets, pad):
    return -surprises(logits, targets)[targets != pad].mean()


@wrong(LOSS, "sign")
def log_probability_by_mask(logits, targets, pad):
    real = (targets != pad).float()
    logp = logits.log_softmax(-1).gather(2, targets[..., None])[..., 0]
    return (logp * real).sum() / real.sum()


@wrong(LOSS, "bits for nats")
def by_log2(logits, targets, pad):
    probs = logits.softmax(-1).gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    return -probs[targets != pad].log2().mean()


@wrong(LOSS, "bits for nats")
def converted_to_bits(logits, targets, pad):
    return F.cross_entropy(logits.mT, targets, ignore_index=pad) / math.log(2)


@right(SAMPLE)
def by_multinomial(logits, temperature, generator):
    probs = (logits / temperature).softmax(-1)
    return torch.multinomial(probs, 1, generator=generator).squeeze(-1)


@right(SAMPLE)
def by_cumulative_sum(logits, temperature, generator):
    edges = (logits.double() / temperature).softmax(-1).cumsum(-1)
    u = torch.rand(len(logits), 1, generator=generator, dtype=torch.float64)
    return (u > edges).sum(-1).clamp(max=logits.shape[-1] - 1)


@right(SAMPLE)
def by_gumbel_noise(logits, temperature, generator):
    noise = -torch.empty_like(logits).exponential_(generator=generator).log()
    return (logits / temperature + noise).argmax(-1)


@wrong(SAMPLE, "logits as probabilities")
def multinomial_of_logits(logits, temperature, generator):
    return torch.multinomial(logits / temperature, 1, generator=generator).squeeze(-1)


@wrong(SAMPLE, "logits as probabilities")
def divided_by_the_sum(logits, temperature, generator):
    edges = (logits / logits.sum(-1, keepdim=True)).cumsum(-1)
    u = torch.rand(len(logits), 1, generator=generator)
    return (u > edges).sum(-1).clamp(max=logits.shape[-1] - 1)


@wrong(SAMPLE, "temperature the wrong way round")
def multiplied(logits, temperature, generator):
    probs = (logits * temperature).softmax(-1)
    return torch.multinomial(probs, 1, generator=generator)[:, 0]


@wrong(SAMPLE, "temperature the wrong way round")
def noise_divided(logits, temperature, generator):
    noise = -torch.empty_like(logits).exponential_(generator=generator).log()
    return (logits + noise / temperature).argmax(-1)


@wrong(SAMPLE, "temperature without effect")
def temperature_after_softmax(logits, temperature, generator):
    return torch.multinomial(logits.softmax(-1) / temperature, 1, generator=generator).flatten()


@wrong(SAMPLE, "temperature without effect")
def temperature_ignored(logits, temperature, generator):
    probs = torch.exp(logits) / torch.exp(logits).sum(-1, keepdim=True)
    return torch.multinomial(probs, num_samples=1, generator=generator).squeeze(1)


@wrong(SAMPLE, "always the best token")
def greedy(logits, temperature, generator):
    return (logits / temperature).argmax(-1)


@wrong(SAMPLE, "always the best token")
def greedy_by_topk(logits, temperature, generator):
    return (logits / temperature).softmax(-1).topk(1).indices.squeeze(-1)


@wrong(SAMPLE, "evenly drawn")
def random_ids(logits, temperature, generator):
    return torch.randint(logits.shape[-1], (len(logits),), generator=generator)


@wrong(SAMPLE, "evenly drawn")
def multinomial_of_ones(logits, temperature, generator):
    probs = torch.ones_like(logits) / logits.shape[-1]
    return torch.multinomial(probs, 1, generator=generator).squeeze(-1)
