"""Lesson 03: answers to `latent_scores`: contents compared, and one rotary key for all heads."""

import math

import torch
from torch import einsum

from lessons_lib.checks.latent_attention.scores import LATENT_SCORES
from lessons_lib.model import apply_rope, rope_table
from wrong_answers import right, wrong


def parts_of(q, k_nope):
    n = k_nope.shape[-1]
    return q[..., :n], q[..., n:]


def turned(x, theta, **layout):
    """Turn all channels of x (..., position, width), positions from 0."""
    return apply_rope(x, rope_table(x.shape[-2], x.shape[-1], theta), **layout)


def in_two_terms(q_nope, q_rotary, k_nope, k_rotary):
    content = einsum("bhtn,bhsn->bhts", q_nope, k_nope)
    return content + einsum("bhtr,bsr->bhts", q_rotary, k_rotary)


def joined(k_nope, k_rotary):
    return torch.cat([k_nope, k_rotary[:, None].expand(-1, k_nope.shape[1], -1, -1)], dim=-1)


@right(LATENT_SCORES)
def sum_of_two_products(q, k_nope, k_rotary, theta):
    q_nope, q_rotary = parts_of(q, k_nope)
    both = in_two_terms(q_nope, turned(q_rotary, theta), k_nope, turned(k_rotary, theta))
    return both / math.sqrt(q.shape[-1])


@right(LATENT_SCORES)
def one_product_of_joined_vectors(q, k_nope, k_rotary, theta):
    q_nope, q_rotary = parts_of(q, k_nope)
    q = torch.cat([q_nope, turned(q_rotary, theta)], dim=-1) * q.shape[-1] ** -0.5
    return q @ joined(k_nope, turned(k_rotary, theta)).mT


@wrong(LATENT_SCORES, "parts scaled apart")
def a_root_for_each_term(q, k_nope, k_rotary, theta):
    n, r = k_nope.shape[-1], k_rotary.shape[-1]
    q_nope, q_rotary = q.split([n, r], dim=-1)
    content = q_nope @ k_nope.mT / math.sqrt(n)
    return content + turned(q_rotary, theta) @ turned(k_rotary, theta)[:, None].mT / math.sqrt(r)


@wrong(LATENT_SCORES, "parts scaled apart")
def queries_scaled_by_their_own_widths(q, k_nope, k_rotary, theta):
    q_nope, q_rotary = (part * part.shape[-1] ** -0.5 for part in parts_of(q, k_nope))
    return in_two_terms(q_nope, turned(q_rotary, theta), k_nope, turned(k_rotary, theta))


@wrong(LATENT_SCORES, "scale without the rotary part")
def root_of_the_content_s_width(q, k_nope, k_rotary, theta):
    q_nope, q_rotary = parts_of(q, k_nope)
    both = in_two_terms(q_nope, turned(q_rotary, theta), k_nope, turned(k_rotary, theta))
    return both / math.sqrt(k_nope.shape[-1])


@wrong(LATENT_SCORES, "scale without the rotary part")
def width_read_off_after_the_cut(q, k_nope, k_rotary, theta):
    q, q_rotary = parts_of(q, k_nope)
    k = joined(k_nope, turned(k_rotary, theta))
    return torch.cat([q, turned(q_rotary, theta)], dim=-1) @ k.mT * q.shape[-1] ** -0.5


@wrong(LATENT_SCORES, "not scaled")
def bare_sum(q, k_nope, k_rotary, theta):
    q_nope, q_rotary = parts_of(q, k_nope)
    return in_two_terms(q_nope, turned(q_rotary, theta), k_nope, turned(k_rotary, theta))


@wrong(LATENT_SCORES, "not scaled")
def bare_product_of_joined_vectors(q, k_nope, k_rotary, theta):
    q_nope, q_rotary = parts_of(q, k_nope)
    return torch.cat([q_nope, turned(q_rotary, theta)], -1) @ joined(k_nope, turned(k_rotary, theta)).mT


@wrong(LATENT_SCORES, "no RoPE at all")
def not_turned(q, k_nope, k_rotary, theta):
    return in_two_terms(*parts_of(q, k_nope), k_nope, k_rotary) / math.sqrt(q.shape[-1])


@wrong(LATENT_SCORES, "no RoPE at all")
def plain_product(q, k_nope, k_rotary, theta):
    return q @ joined(k_nope, k_rotary).mT * q.shape[-1] ** -0.5


@wrong(LATENT_SCORES, "RoPE on the whole head")
def joined_then_turned(q, k_nope, k_rotary, theta):
    k = joined(k_nope, k_rotary)
    return turned(q, theta) @ turned(k, theta).mT / math.sqrt(q.shape[-1])


@wrong(LATENT_SCORES, "RoPE on the whole head")
def each_part_turned(q, k_nope, k_rotary, theta):
    q_nope, q_rotary = parts_of(q, k_nope)
    parts = [turned(part, theta) for part in (q_nope, q_rotary, k_nope, k_rotary)]
    return in_two_terms(*parts) / math.sqrt(q.shape[-1])


@wrong(LATENT_SCORES, "one side not turned")
def keys_left_as_they_are(q, k_nope, k_rotary, theta):
    q_nope, q_rotary = parts_of(q, k_nope)
    return in_two_terms(q_nope, turned(q_rotary, theta), k_nope, k_rotary) / math.sqrt(q.shape[-1])


@wrong(LATENT_SCORES, "one side not turned")
def queries_left_as_they_are(q, k_nope, k_rotary, theta):
    return q @ joined(k_nope, turned(k_rotary, theta)).mT / math.sqrt(q.shape[-1])


@wrong(LATENT_SCORES, "halves for neighbours")
def half_split(q, k_nope, k_rotary, theta):
    q_nope, q_rotary = parts_of(q, k_nope)
    q_rotary, k_rotary = (turned(x, theta, interleaved=False) for x in (q_rotary, k_rotary))
    return in_two_terms(q_nope, q_rotary, k_nope, k_rotary) / math.sqrt(q.shape[-1])


@wrong(LATENT_SCORES, "halves for neighbours")
def as_llama_turns_it(q, k_nope, k_rotary, theta):
    def turn(x):
        half = x.shape[-1] // 2
        angles = torch.arange(x.shape[-2])[:, None] * theta ** (-torch.arange(half) / half)
        cos, sin = angles.cos(), angles.sin()
        first, second = x[..., :half], x[..., half:]
        return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)

    q_nope, q_rotary = parts_of(q, k_nope)
    q = torch.cat([q_nope, turn(q_rotary)], dim=-1)
    return q @ joined(k_nope, turn(k_rotary)).mT * q.shape[-1] ** -0.5


@wrong(LATENT_SCORES, "query cut in the wrong order")
def widths_of_the_split_exchanged_in_the_query(q, k_nope, k_rotary, theta):
    q_rotary, q_nope = q.split([k_rotary.shape[-1], k_nope.shape[-1]], dim=-1)
    both = in_two_terms(q_nope, turned(q_rotary, theta), k_nope, turned(k_rotary, theta))
    return both / math.sqrt(q.shape[-1])


@wrong(LATENT_SCORES, "query cut in the wrong order")
def key_joined_the_other_way_round(q, k_nope, k_rotary, theta):
    r = k_rotary.shape[-1]
    k_rotary = turned(k_rotary, theta)[:, None].expand(-1, k_nope.shape[1], -1, -1)
    q = torch.cat([turned(q[..., :r], theta), q[..., r:]], dim=-1)
    return q @ torch.cat([k_rotary, k_nope], dim=-1).mT * q.shape[-1] ** -0.5


@wrong(LATENT_SCORES, "rotary part left out")
def contents_compared(q, k_nope, k_rotary, theta):
    return q[..., : k_nope.shape[-1]] @ k_nope.mT / math.sqrt(q.shape[-1])


@wrong(LATENT_SCORES, "rotary part left out")
def contents_and_their_scale(q, k_nope, k_rotary, theta):
    q_nope, _ = parts_of(q, k_nope)
    return einsum("bhtn,bhsn->bhts", q_nope, k_nope) * q_nope.shape[-1] ** -0.5
