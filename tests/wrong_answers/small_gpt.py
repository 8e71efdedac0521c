"""Lesson 01: answers to the exercises on the floor, the norm, attention, RoPE, the loss and sampling."""

import math

import torch
import torch.nn.functional as F

from lessons_lib.checks.small_gpt.attention import WINDOW_ATTENTION
from lessons_lib.checks.small_gpt.floor import FLOOR
from lessons_lib.checks.small_gpt.loss import LOSS
from lessons_lib.checks.small_gpt.norm import RMS_NORM
from lessons_lib.checks.small_gpt.rotary import ROTATE
from lessons_lib.checks.small_gpt.sampling import SAMPLE
from wrong_answers import refused, right, wrong


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


@refused(RMS_NORM, "it uses rms_norm, which the text rules out")
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


def in_window(q, window):
    """Which key, a column, each query, a row, may see."""
    return torch.ones(q.shape[-2], q.shape[-2], dtype=torch.bool).tril().triu(1 - window)


@right(WINDOW_ATTENTION)
def by_matrix_products(q, k, v, window):
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    seen = torch.tril(torch.ones(q.shape[2], q.shape[2], dtype=torch.bool)).triu(1 - window)
    return scores.masked_fill(~seen, float("-inf")).softmax(dim=-1) @ v


@right(WINDOW_ATTENTION)
def by_einsum(q, k, v, window):
    scores = torch.einsum("bhqd,bhkd->bhqk", q, k) * q.shape[-1] ** -0.5
    back = torch.arange(q.shape[2])[:, None] - torch.arange(k.shape[2])[None, :]
    hidden = (back < 0) | (back >= window)
    weights = torch.softmax(scores + hidden * -1e9, dim=3)
    return torch.einsum("bhqk,bhkd->bhqd", weights, v)


@refused(WINDOW_ATTENTION, "it uses scaled_dot_product_attention")
def by_sdpa(q, k, v, window):
    return F.scaled_dot_product_attention(q, k, v, attn_mask=in_window(q, window))


@right(WINDOW_ATTENTION)
def attention_by_loop(q, k, v, window):
    out = torch.zeros_like(v)
    for t in range(q.shape[2]):
        near = slice(max(0, t + 1 - window), t + 1)
        scores = (k[:, :, near] * q[:, :, t : t + 1]).sum(-1) / q.shape[3] ** 0.5
        out[:, :, t] = (scores.softmax(-1).unsqueeze(-1) * v[:, :, near]).sum(2)
    return out


@wrong(WINDOW_ATTENTION, "mask shows the next position")
def tril_one_too_far(q, k, v, window):
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    mask = torch.ones(q.shape[2], q.shape[2]).tril(diagonal=1).triu(1 - window)
    return scores.masked_fill(mask == 0, -torch.inf).softmax(-1) @ v


@wrong(WINDOW_ATTENTION, "mask shows the next position")
def triu_one_too_far(q, k, v, window):
    t = q.shape[-2]
    ones = torch.ones(t, t, dtype=torch.bool)
    hidden = ones.triu(diagonal=2) | ones.tril(-window)
    return ((q @ k.mT) * q.shape[-1] ** -0.5).masked_fill(hidden, -torch.inf).softmax(dim=-1) @ v


@wrong(WINDOW_ATTENTION, "mask hides the position itself")
def triu_from_the_diagonal(q, k, v, window):
    t = q.shape[-2]
    hidden = torch.ones(t, t, dtype=torch.bool).triu() | ~in_window(q, window)
    return (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(hidden, -torch.inf).softmax(-1) @ v


@wrong(WINDOW_ATTENTION, "mask hides the position itself")
def strictly_earlier(q, k, v, window):
    positions = torch.arange(q.shape[2])
    back = positions[:, None] - positions[None, :]
    seen = (back > 0) & (back < window)
    scores = torch.einsum("bhqd,bhkd->bhqk", q, k) / q.shape[-1] ** 0.5
    return torch.where(seen, scores, torch.tensor(-1e9)).softmax(-1) @ v


@wrong(WINDOW_ATTENTION, "no mask")
def everybody_sees_everybody(q, k, v, window):
    return (q @ k.mT / math.sqrt(q.shape[-1])).softmax(dim=-1) @ v


@wrong(WINDOW_ATTENTION, "no mask")
def sdpa_without_causal(q, k, v, window):
    return F.scaled_dot_product_attention(q, k, v)


@wrong(WINDOW_ATTENTION, "mask upside down")
def the_other_triangle(q, k, v, window):
    t = q.shape[2]
    hidden = torch.ones(t, t, dtype=torch.bool).tril(-1).logical_or(torch.ones(t, t).triu(window) > 0)
    return (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(hidden, -torch.inf).softmax(-1) @ v


@wrong(WINDOW_ATTENTION, "mask upside down")
def mask_transposed(q, k, v, window):
    mask = in_window(q, window).T
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


@wrong(WINDOW_ATTENTION, "scale missing")
def no_division(q, k, v, window):
    seen = in_window(q, window)
    return (q @ k.mT).masked_fill(~seen, -torch.inf).softmax(-1) @ v


@wrong(WINDOW_ATTENTION, "scale missing")
def sdpa_with_scale_one(q, k, v, window):
    return F.scaled_dot_product_attention(q, k, v, attn_mask=in_window(q, window), scale=1.0)


@wrong(WINDOW_ATTENTION, "scale without root")
def divided_by_the_width(q, k, v, window):
    seen = in_window(q, window)
    return (q @ k.mT / q.shape[-1]).masked_fill(~seen, -torch.inf).softmax(-1) @ v


@wrong(WINDOW_ATTENTION, "scale without root")
def both_divided_by_the_root(q, k, v, window):
    root = q.shape[-1] ** 0.5
    seen = in_window(q, window)
    return F.scaled_dot_product_attention(q / root, k / root, v, attn_mask=seen, scale=1.0)


@wrong(WINDOW_ATTENTION, "softmax over the wrong axis")
def softmax_over_queries(q, k, v, window):
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    hidden = ~in_window(q, window)
    return scores.masked_fill(hidden, -torch.inf).softmax(dim=-2) @ v


@wrong(WINDOW_ATTENTION, "softmax over the wrong axis")
def softmax_over_heads(q, k, v, window):
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    hidden = ~in_window(q, window)
    return F.softmax(scores.masked_fill(hidden, -torch.inf), dim=1) @ v


@wrong(WINDOW_ATTENTION, "softmax over the wrong axis")
def exponentials_summed_over_queries(q, k, v, window):
    scores = torch.einsum("bhqd,bhkd->bhqk", q, k) / math.sqrt(q.shape[-1])
    e = scores.exp().tril().triu(1 - window)
    return torch.einsum("bhqk,bhkd->bhqd", e / e.sum(2, keepdim=True), v)


@wrong(WINDOW_ATTENTION, "mask after the softmax")
def tril_of_the_weights(q, k, v, window):
    return (q @ k.mT / math.sqrt(q.shape[-1])).softmax(-1).tril().triu(1 - window) @ v


@wrong(WINDOW_ATTENTION, "mask after the softmax")
def weights_times_mask(q, k, v, window):
    weights = torch.softmax(torch.einsum("bhqd,bhkd->bhqk", q, k) / q.shape[-1] ** 0.5, -1)
    mask = torch.ones(q.shape[2], q.shape[2]).tril().triu(1 - window)
    return torch.einsum("bhqk,bhkd->bhqd", weights * mask, v)


@wrong(WINDOW_ATTENTION, "hidden score is zero")
def scores_times_mask(q, k, v, window):
    mask = torch.ones(q.shape[2], q.shape[2]).tril().triu(1 - window)
    return (q @ k.mT / math.sqrt(q.shape[-1]) * mask).softmax(-1) @ v


@wrong(WINDOW_ATTENTION, "hidden score is zero")
def scores_tril(q, k, v, window):
    scores = torch.einsum("bhqd,bhkd->bhqk", q, k) / q.shape[-1] ** 0.5
    return F.softmax(torch.tril(scores).triu(1 - window), dim=-1) @ v


@wrong(WINDOW_ATTENTION, "window forgotten")
def as_in_the_lesson(q, k, v, window):
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    future = torch.ones(q.shape[-2], q.shape[-2], dtype=torch.bool).triu(1)
    return scores.masked_fill(future, -torch.inf).softmax(-1) @ v


@wrong(WINDOW_ATTENTION, "window forgotten")
def causal_loop(q, k, v, window):
    out = torch.zeros_like(v)
    for t in range(q.shape[2]):
        weights = (q[:, :, t : t + 1] @ k[:, :, : t + 1].mT / q.shape[3] ** 0.5).softmax(-1)
        out[:, :, t : t + 1] = weights @ v[:, :, : t + 1]
    return out


@wrong(WINDOW_ATTENTION, "window one too wide")
def back_up_to_window(q, k, v, window):
    places = torch.arange(q.shape[2])
    back = places[:, None] - places
    scores = (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill((back < 0) | (back > window), -torch.inf)
    return scores.softmax(-1) @ v


@wrong(WINDOW_ATTENTION, "window one too wide")
def triu_at_minus_window(q, k, v, window):
    seen = torch.ones(q.shape[2], q.shape[2], dtype=torch.bool).tril().triu(-window)
    return (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~seen, -1e9).softmax(-1) @ v


@wrong(WINDOW_ATTENTION, "window one too narrow")
def window_without_itself(q, k, v, window):
    seen = torch.ones(q.shape[2], q.shape[2], dtype=torch.bool).tril().triu(2 - window)
    return (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(~seen, -torch.inf).softmax(-1) @ v


@wrong(WINDOW_ATTENTION, "window one too narrow")
def fewer_than_window_back(q, k, v, window):
    places = torch.arange(q.shape[2])
    back = places[:, None] - places
    scores = (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill((back < 0) | (back >= window - 1), -1e9)
    return scores.softmax(-1) @ v


def angles_of(x, positions, theta):
    half = x.shape[-1] // 2
    return positions[:, None] * theta ** (-2 * torch.arange(half) / x.shape[-1])


@right(ROTATE)
def by_two_halves(x, positions, theta):
    angles = angles_of(x, positions, theta)
    a, b = x.chunk(2, dim=-1)
    cos, sin = angles.cos(), angles.sin()
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


@right(ROTATE)
def by_complex_numbers(x, positions, theta):
    a, b = x.double().chunk(2, dim=-1)
    turn = torch.polar(torch.ones(1, dtype=torch.float64), angles_of(x, positions, theta).double())
    z = torch.complex(a, b) * turn
    return torch.cat([z.real, z.imag], -1)


@right(ROTATE)
def as_in_transformers(x, positions, theta):
    angles = angles_of(x, positions, theta).repeat(1, 2)
    a, b = x.tensor_split(2, dim=-1)
    return x * angles.cos() + torch.cat([-b, a], -1) * angles.sin()


@wrong(ROTATE, "neighbours paired")
def as_in_the_library(x, positions, theta):
    z = torch.view_as_complex(x.unflatten(-1, (-1, 2)).contiguous())
    angles = angles_of(x, positions, theta)
    return torch.view_as_real(z * torch.polar(torch.ones_like(angles), angles)).flatten(-2)


@wrong(ROTATE, "neighbours paired")
def even_and_odd_channels(x, positions, theta):
    angles = angles_of(x, positions, theta)
    out = torch.empty_like(x)
    out[..., 0::2] = x[..., 0::2] * angles.cos() - x[..., 1::2] * angles.sin()
    out[..., 1::2] = x[..., 1::2] * angles.cos() + x[..., 0::2] * angles.sin()
    return out


@wrong(ROTATE, "neighbours paired")
def halves_turned_by_angles_of_neighbours(x, positions, theta):
    angles = angles_of(x, positions, theta).repeat_interleave(2, dim=-1)
    a, b = x.chunk(2, -1)
    return x * angles.cos() + torch.cat([-b, a], -1) * angles.sin()


@wrong(ROTATE, "turned backwards")
def signs_exchanged(x, positions, theta):
    angles = angles_of(x, positions, theta)
    a, b = x.chunk(2, dim=-1)
    cos, sin = angles.cos(), angles.sin()
    return torch.cat([a * cos + b * sin, b * cos - a * sin], dim=-1)


@wrong(ROTATE, "turned backwards")
def minus_on_the_other_half(x, positions, theta):
    angles = torch.cat([angles_of(x, positions, theta)] * 2, -1)
    a, b = x.chunk(2, dim=-1)
    return x * angles.cos() + torch.cat([b, -a], -1) * angles.sin()


@wrong(ROTATE, "positions not used")
def counted_from_zero(x, positions, theta):
    return by_two_halves(x, torch.arange(x.shape[-2]), theta)


@wrong(ROTATE, "positions not used")
def counted_from_one(x, positions, theta):
    out = []
    for i, row in enumerate(x.unbind(-2), start=1):
        out.append(by_two_halves(row.unsqueeze(-2), torch.tensor([i]), theta))
    return torch.cat(out, -2)


@wrong(ROTATE, "positions not used")
def relative_to_the_first(x, positions, theta):
    return as_in_transformers(x, positions - positions[0], theta)


@wrong(ROTATE, "wrong frequencies")
def factor_two_forgotten(x, positions, theta):
    half = x.shape[-1] // 2
    angles = torch.outer(positions.float(), theta ** (-torch.arange(half) / x.shape[-1]))
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * angles.cos() - b * angles.sin(), b * angles.cos() + a * angles.sin()], -1)


@wrong(ROTATE, "wrong frequencies")
def factor_two_forgotten_again(x, positions, theta):
    return by_two_halves(x, positions, theta**0.5)


@wrong(ROTATE, "wrong frequencies")
def frequencies_growing(x, positions, theta):
    return as_in_transformers(x, positions, 1 / theta)


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


# --- not by hand, two mistakes at once, and what only some cases show


@refused(RMS_NORM, "it uses lessons_lib")
def by_the_course(x, weight, eps):
    from lessons_lib.model import RMSNorm

    norm = RMSNorm(x.shape[-1], eps)
    norm.weight.data = weight
    return norm(x).detach()


@refused(RMS_NORM, "it uses rms_norm")
def by_a_layer_of_torch(x, weight, eps):
    norm = torch.nn.RMSNorm(x.shape[-1], eps)
    norm.weight.data = weight
    return norm(x).detach()


@refused(RMS_NORM, "Hint: two things at once")
def unweighed_and_eps_outside(x, weight, eps):
    return x / (x.pow(2).mean(-1, keepdim=True).sqrt() + eps)


@refused(RMS_NORM, "Hint: two things at once")
def summed_and_centred(x, weight, eps):
    x = x - x.mean(-1, keepdim=True)
    return x / (x.pow(2).sum(-1, keepdim=True) + eps).sqrt() * weight


@refused(WINDOW_ATTENTION, "Hint: two things at once")
def neither_mask_nor_scale(q, k, v, window):
    return (q @ k.mT).softmax(-1) @ v


@refused(WINDOW_ATTENTION, "Hint: two things at once")
def off_by_one_and_unscaled(q, k, v, window):
    hidden = torch.ones(q.shape[2], q.shape[2], dtype=torch.bool).triu(2) | in_window(
        q, window + q.shape[2]
    ).tril(-window)
    return (q @ k.mT).masked_fill(hidden, -torch.inf).softmax(-1) @ v


@refused(LOSS, "right exactly where pad is 0")
def padding_is_always_0(logits, targets, pad):
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=0)


@refused(FLOOR, "Hint: in every case floor is 2 times what it should be")
def counted_twice(share, probs):
    return 2 * (share @ torch.special.entr(probs).sum(1))


@refused(ROTATE, "Hint: your result stays the same whatever theta is")
def with_a_theta_of_its_own(x, positions, theta):
    half = x.shape[-1] // 2
    angles = torch.outer(positions.float(), 10_000.0 ** (-2 * torch.arange(half) / x.shape[-1]))
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * angles.cos() - b * angles.sin(), b * angles.cos() + a * angles.sin()], -1)


@wrong(SAMPLE, "one row for all")
def drawn_from_the_first_row(logits, temperature, generator):
    p = (logits[0] / temperature).softmax(-1)
    return torch.multinomial(p, len(logits), replacement=True, generator=generator)


@wrong(SAMPLE, "one row for all")
def drawn_from_the_last_row(logits, temperature, generator):
    p = (logits / temperature).softmax(-1)[-1:].expand(len(logits), -1)
    return torch.multinomial(p, 1, generator=generator)[:, 0]


@wrong(SAMPLE, "softmax over the rows")
def softmax_over_axis_0(logits, temperature, generator):
    return torch.multinomial((logits / temperature).softmax(0), 1, generator=generator)[:, 0]


@wrong(SAMPLE, "softmax over the rows")
def exponentials_over_their_sum_of_all_rows(logits, temperature, generator):
    e = (logits / temperature).exp()
    return torch.multinomial(e / e.sum(0), 1, generator=generator).squeeze(1)


@refused(SAMPLE, "share[")
def gaussian_noise(logits, temperature, generator):
    return (logits + temperature * torch.randn(logits.shape, generator=generator)).argmax(-1)


@refused(SAMPLE, "sets the seed of generator")
def reseeds(logits, temperature, generator):
    generator.manual_seed(0)
    return torch.multinomial((logits / temperature).softmax(-1), 1, generator=generator)[:, 0]


@refused(SAMPLE, "some chance comes from elsewhere")
def draws_beside_its_generator(logits, temperature, generator):
    p, own = (logits / temperature).softmax(-1), torch.Generator()
    own.seed()
    torch.rand(1, generator=generator)
    return torch.multinomial(p, 1, generator=own)[:, 0]


@right(LOSS)
def as_a_number(logits, targets, pad):
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=pad).item()


@right(FLOOR)
def in_a_tensor_of_one(share, probs):
    return (share @ torch.special.entr(probs).sum(1)).reshape(1)


@wrong(FLOOR, "surprise of the context, too")
def of_pairs(share, probs):
    pairs = share.unsqueeze(1) * probs
    return -torch.xlogy(pairs, pairs).sum()


@wrong(FLOOR, "surprise of the context, too")
def contexts_and_tokens(share, probs):
    total = torch.special.entr(share).sum()
    for weight, row in zip(share, probs):
        total = total + weight * torch.special.entr(row).sum()
    return total


@wrong(ROTATE, "second half turned with the new first")
def second_half_turned_with_the_new_first(x, positions, theta):
    half = x.shape[-1] // 2
    angle = positions[:, None] * theta ** (-torch.arange(half) / half)
    a, b = x.chunk(2, -1)
    a = a * angle.cos() - b * angle.sin()
    b = b * angle.cos() + a * angle.sin()
    return torch.cat([a, b], -1)


@wrong(ROTATE, "second half turned with the new first")
def written_into_a_copy(x, positions, theta):
    y, half = x.clone(), x.shape[-1] // 2
    for i in range(half):
        angle = positions * theta ** (-2 * i / x.shape[-1])
        y[..., i] = y[..., i] * angle.cos() - y[..., i + half] * angle.sin()
        y[..., i + half] = y[..., i + half] * angle.cos() + y[..., i] * angle.sin()
    return y


@wrong(LOSS, "softmax twice")
def softmax_twice(logits, targets, pad):
    probs = logits.softmax(-1)
    return torch.nn.functional.cross_entropy(probs.flatten(0, 1), targets.flatten(), ignore_index=pad)


@wrong(LOSS, "softmax twice")
def log_softmax_of_probabilities(logits, targets, pad):
    logp = logits.softmax(-1).log_softmax(-1).gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    real = targets != pad
    return -logp[real].mean()


@wrong(LOSS, "shifted once more")
def shifted_once_more(logits, targets, pad):
    return torch.nn.functional.cross_entropy(
        logits[:, :-1].flatten(0, 1), targets[:, 1:].flatten(), ignore_index=pad
    )


@wrong(LOSS, "shifted once more")
def next_target_again(logits, targets, pad):
    targets = targets.roll(-1, 1)[:, :-1]
    losses = F.cross_entropy(logits[:, :-1].mT, targets, reduction="none")
    return losses[targets != pad].mean()


@right(WINDOW_ATTENTION)
def weights_of_a_mask_of_numbers(q, k, v, window):
    n = q.size(-2)
    seen = torch.ones(n, n).tril().triu(1 - window)
    scores = torch.einsum("bhtd,bhjd->bhtj", q, k) / math.sqrt(q.size(-1))
    weights = (scores - scores.amax(-1, keepdim=True)).exp() * seen
    weights = weights / weights.sum(-1, keepdim=True)
    return torch.einsum("bhtj,bhjd->bhtd", weights, v)


@wrong(WINDOW_ATTENTION, "as far ahead as back")
def near_positions(q, k, v, window):
    place = torch.arange(q.shape[2])
    far = (place[:, None] - place).abs() >= window
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    return scores.masked_fill(far, float("-inf")).softmax(-1) @ v


@wrong(WINDOW_ATTENTION, "as far ahead as back")
def a_slice_around_each_query(q, k, v, window):
    rows = []
    for t in range(q.shape[2]):
        around = slice(max(t - window + 1, 0), t + window)
        scores = q[:, :, t : t + 1] @ k[:, :, around].mT / q.shape[-1] ** 0.5
        rows.append(scores.softmax(-1) @ v[:, :, around])
    return torch.cat(rows, 2)


@wrong(WINDOW_ATTENTION, "blocks for a window")
def from_the_start_of_the_block(q, k, v, window):
    rows = []
    for t in range(q.shape[2]):
        seen = slice(t - t % window, t + 1)
        scores = q[:, :, t : t + 1] @ k[:, :, seen].mT / q.shape[-1] ** 0.5
        rows.append(scores.softmax(-1) @ v[:, :, seen])
    return torch.cat(rows, 2)


@wrong(WINDOW_ATTENTION, "blocks for a window")
def piece_after_piece(q, k, v, window):
    out = []
    for q_, k_, v_ in zip(*(x.split(window, 2) for x in (q, k, v))):
        scores = q_ @ k_.mT / math.sqrt(q.shape[-1])
        later = torch.ones(scores.shape[-2:]).triu(1).bool()
        out.append(scores.masked_fill(later, -math.inf).softmax(-1) @ v_)
    return torch.cat(out, 2)


@wrong(RMS_NORM, "divided by the standard deviation")
def divided_by_the_spread(x, weight, eps):
    return x / torch.sqrt(x.var(-1, keepdim=True, unbiased=False) + eps) * weight


@wrong(RMS_NORM, "divided by the standard deviation")
def divided_by_torchs_std(x, weight, eps):
    return weight * x / (x.std(dim=-1, keepdim=True) + eps)
