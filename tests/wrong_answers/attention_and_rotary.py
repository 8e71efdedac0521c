"""Lesson 01: answers to `causal_attention` and `rotate_halves`."""

import math

import torch
import torch.nn.functional as F

from lessons_lib.checks.small_gpt.attention import CAUSAL_ATTENTION
from lessons_lib.checks.small_gpt.rotary import ROTATE
from wrong_answers import right, wrong


@right(CAUSAL_ATTENTION)
def by_matrix_products(q, k, v):
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    seen = torch.tril(torch.ones(q.shape[2], q.shape[2], dtype=torch.bool))
    return scores.masked_fill(~seen, float("-inf")).softmax(dim=-1) @ v


@right(CAUSAL_ATTENTION)
def by_einsum(q, k, v):
    scores = torch.einsum("bhqd,bhkd->bhqk", q, k) * q.shape[-1] ** -0.5
    later = torch.arange(k.shape[2])[None, :] > torch.arange(q.shape[2])[:, None]
    weights = torch.softmax(scores + later * -1e9, dim=3)
    return torch.einsum("bhqk,bhkd->bhqd", weights, v)


@right(CAUSAL_ATTENTION)
def by_sdpa(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


@right(CAUSAL_ATTENTION)
def by_loop(q, k, v):
    out = torch.zeros_like(v)
    for t in range(q.shape[2]):
        scores = (k[:, :, : t + 1] * q[:, :, t : t + 1]).sum(-1) / q.shape[3] ** 0.5
        out[:, :, t] = (scores.softmax(-1).unsqueeze(-1) * v[:, :, : t + 1]).sum(2)
    return out


@wrong(CAUSAL_ATTENTION, "mask shows the next position")
def tril_one_too_far(q, k, v):
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    mask = torch.ones(q.shape[2], q.shape[2]).tril(diagonal=1)
    return scores.masked_fill(mask == 0, -torch.inf).softmax(-1) @ v


@wrong(CAUSAL_ATTENTION, "mask shows the next position")
def triu_one_too_far(q, k, v):
    t = q.shape[-2]
    hidden = torch.triu(torch.full((t, t), -torch.inf), diagonal=2)
    return ((q @ k.mT) * q.shape[-1] ** -0.5 + hidden).softmax(dim=-1) @ v


@wrong(CAUSAL_ATTENTION, "mask hides the position itself")
def triu_from_the_diagonal(q, k, v):
    t = q.shape[-2]
    hidden = torch.ones(t, t, dtype=torch.bool).triu()
    return (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(hidden, -torch.inf).softmax(-1) @ v


@wrong(CAUSAL_ATTENTION, "mask hides the position itself")
def strictly_earlier(q, k, v):
    positions = torch.arange(q.shape[2])
    seen = positions[None, :] < positions[:, None]
    scores = torch.einsum("bhqd,bhkd->bhqk", q, k) / q.shape[-1] ** 0.5
    return torch.where(seen, scores, torch.tensor(-1e9)).softmax(-1) @ v


@wrong(CAUSAL_ATTENTION, "no mask")
def everybody_sees_everybody(q, k, v):
    return (q @ k.mT / math.sqrt(q.shape[-1])).softmax(dim=-1) @ v


@wrong(CAUSAL_ATTENTION, "no mask")
def sdpa_without_causal(q, k, v):
    return F.scaled_dot_product_attention(q, k, v)


@wrong(CAUSAL_ATTENTION, "mask upside down")
def the_other_triangle(q, k, v):
    t = q.shape[2]
    hidden = torch.ones(t, t, dtype=torch.bool).tril(-1)
    return (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(hidden, -torch.inf).softmax(-1) @ v


@wrong(CAUSAL_ATTENTION, "mask upside down")
def mask_transposed(q, k, v):
    mask = torch.ones(q.shape[2], q.shape[2], dtype=torch.bool).tril().T
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


@wrong(CAUSAL_ATTENTION, "scale missing")
def no_division(q, k, v):
    seen = torch.ones(q.shape[2], k.shape[2], dtype=torch.bool).tril()
    return (q @ k.mT).masked_fill(~seen, -torch.inf).softmax(-1) @ v


@wrong(CAUSAL_ATTENTION, "scale missing")
def sdpa_with_scale_one(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=1.0)


@wrong(CAUSAL_ATTENTION, "scale without root")
def divided_by_the_width(q, k, v):
    seen = torch.ones(q.shape[2], k.shape[2], dtype=torch.bool).tril()
    return (q @ k.mT / q.shape[-1]).masked_fill(~seen, -torch.inf).softmax(-1) @ v


@wrong(CAUSAL_ATTENTION, "scale without root")
def both_divided_by_the_root(q, k, v):
    root = q.shape[-1] ** 0.5
    return F.scaled_dot_product_attention(q / root, k / root, v, is_causal=True, scale=1.0)


@wrong(CAUSAL_ATTENTION, "softmax over the wrong axis")
def softmax_over_queries(q, k, v):
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    hidden = torch.ones_like(scores, dtype=torch.bool).triu(1)
    return scores.masked_fill(hidden, -torch.inf).softmax(dim=-2) @ v


@wrong(CAUSAL_ATTENTION, "softmax over the wrong axis")
def softmax_over_heads(q, k, v):
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    hidden = torch.ones_like(scores, dtype=torch.bool).triu(1)
    return F.softmax(scores.masked_fill(hidden, -torch.inf), dim=1) @ v


@wrong(CAUSAL_ATTENTION, "softmax over the wrong axis")
def exponentials_summed_over_queries(q, k, v):
    scores = torch.einsum("bhqd,bhkd->bhqk", q, k) / math.sqrt(q.shape[-1])
    e = scores.exp().tril()
    return torch.einsum("bhqk,bhkd->bhqd", e / e.sum(2, keepdim=True), v)


@wrong(CAUSAL_ATTENTION, "mask after the softmax")
def tril_of_the_weights(q, k, v):
    return (q @ k.mT / math.sqrt(q.shape[-1])).softmax(-1).tril() @ v


@wrong(CAUSAL_ATTENTION, "mask after the softmax")
def weights_times_mask(q, k, v):
    weights = torch.softmax(torch.einsum("bhqd,bhkd->bhqk", q, k) / q.shape[-1] ** 0.5, -1)
    mask = torch.ones(q.shape[2], q.shape[2]).tril()
    return torch.einsum("bhqk,bhkd->bhqd", weights * mask, v)


@wrong(CAUSAL_ATTENTION, "hidden score is zero")
def scores_times_mask(q, k, v):
    mask = torch.ones(q.shape[2], q.shape[2]).tril()
    return (q @ k.mT / math.sqrt(q.shape[-1]) * mask).softmax(-1) @ v


@wrong(CAUSAL_ATTENTION, "hidden score is zero")
def scores_tril(q, k, v):
    scores = torch.einsum("bhqd,bhkd->bhqk", q, k) / q.shape[-1] ** 0.5
    return F.softmax(torch.tril(scores), dim=-1) @ v


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
