"""Lesson 04: answers to the exercises on absorbed matrices and their cost."""

import math

import torch
import torch.nn.functional as F
from torch import einsum

from lessons_lib.checks.absorption.count import COUNT_PRODUCTS
from lessons_lib.checks.absorption.look import ATTEND_TO_LATENTS
from lessons_lib.checks.absorption.query import ABSORB_QUERY
from lessons_lib.checks.absorption.scores import SCORE_LATENTS
from wrong_answers import refused, right, wrong


@right(ABSORB_QUERY)
def by_matrix_product(q_nope, w_uk):
    return q_nope @ w_uk


@right(ABSORB_QUERY)
def head_by_head(q_nope, w_uk):
    heads = [F.linear(q_nope[:, h], w_uk[h].T) for h in range(w_uk.shape[0])]
    return torch.stack(heads, dim=1)


@wrong(ABSORB_QUERY, "wrong axis")
def as_a_linear_layer(q_nope, w_uk):
    return torch.stack([F.linear(q_nope[:, h], w) for h, w in enumerate(w_uk)], dim=1)


@wrong(ABSORB_QUERY, "wrong axis")
def einsum_with_letters_exchanged(q_nope, w_uk):
    return einsum("bhtc,hnc->bhtn", q_nope, w_uk)


@wrong(ABSORB_QUERY, "heads mixed")
def a_letter_that_is_summed(q_nope, w_uk):
    return einsum("bhtn,gnc->bhtc", q_nope, w_uk)


@wrong(ABSORB_QUERY, "heads mixed")
def first_matrix_for_all(q_nope, w_uk):
    return torch.stack([q_nope[:, h] @ w_uk[0] for h in range(len(w_uk))], 1)


@wrong(ABSORB_QUERY, "heads mixed")
def last_of_a_loop(q_nope, w_uk):
    for w in w_uk:
        out = q_nope @ w
    return out


@wrong(ABSORB_QUERY, "scaled too early")
def divided_by_the_root(q_nope, w_uk):
    return einsum("bhtn,hnc->bhtc", q_nope / math.sqrt(w_uk.shape[1]), w_uk)


@wrong(ABSORB_QUERY, "scaled too early")
def scaled_at_the_end(q_nope, w_uk):
    return q_nope @ w_uk * w_uk.shape[-1] ** -0.5


def cut(memory, q_rotary):
    r = q_rotary.shape[-1]
    return memory[..., :-r], memory[..., -r:]


def seen_by(q, memory):
    """Return which remembered positions (held) each query (new) may see."""
    new, held = q.shape[2], memory.shape[1]
    return torch.arange(held)[None] <= torch.arange(held - new, held)[:, None]


def scores_of(q_nope, q_rotary, memory, w_uk):
    latent, k_rotary = cut(memory, q_rotary)
    scores = einsum("bhtn,hnc,bsc->bhts", q_nope, w_uk, latent)
    return scores + einsum("bhtr,bsr->bhts", q_rotary, k_rotary)


def root_of(q_nope, q_rotary):
    return math.sqrt(q_nope.shape[-1] + q_rotary.shape[-1])


def mix(scores, seen, latent, w_uv):
    weights = scores.masked_fill(~seen, -math.inf).softmax(-1)
    return einsum("bhts,bsc,hvc->bhtv", weights, latent, w_uv)


def one_wide_key(q_nope, q_rotary, memory, w_uk, width=None, **mask):
    """Let all heads share the remembered vectors, as key and as value."""
    query = torch.cat([q_nope @ w_uk, q_rotary], dim=-1)
    shared = memory.unsqueeze(1)
    scale = (width or q_nope.shape[-1] + q_rotary.shape[-1]) ** -0.5
    return F.scaled_dot_product_attention(query, shared, shared, scale=scale, enable_gqa=True, **mask)


@right(SCORE_LATENTS)
def two_terms_one_root(q_nope, q_rotary, memory, w_uk):
    return scores_of(q_nope, q_rotary, memory, w_uk) / root_of(q_nope, q_rotary)


@right(SCORE_LATENTS)
def one_product_with_what_is_remembered(q_nope, q_rotary, memory, w_uk):
    query = torch.cat([q_nope @ w_uk, q_rotary], dim=-1)
    return query @ memory[:, None].mT * (w_uk.shape[1] + q_rotary.shape[-1]) ** -0.5


@wrong(SCORE_LATENTS, "scale of the absorbed width")
def root_of_all_that_is_remembered(q_nope, q_rotary, memory, w_uk):
    return scores_of(q_nope, q_rotary, memory, w_uk) / math.sqrt(memory.shape[-1])


@wrong(SCORE_LATENTS, "scale of the absorbed width")
def root_of_the_long_query(q_nope, q_rotary, memory, w_uk):
    query = torch.cat([q_nope @ w_uk, q_rotary], dim=-1)
    return query @ memory[:, None].mT / query.shape[-1] ** 0.5


@wrong(SCORE_LATENTS, "scale without the rotary part")
def root_of_the_key_matrix(q_nope, q_rotary, memory, w_uk):
    return scores_of(q_nope, q_rotary, memory, w_uk) / w_uk.shape[1] ** 0.5


@wrong(SCORE_LATENTS, "scale without the rotary part")
def queries_scaled_by_nope(q_nope, q_rotary, memory, w_uk):
    scale = q_nope.shape[-1] ** -0.5
    return scores_of(q_nope * scale, q_rotary * scale, memory, w_uk)


@wrong(SCORE_LATENTS, "parts scaled apart")
def each_part_by_its_own_root(q_nope, q_rotary, memory, w_uk):
    return scores_of(q_nope / q_nope.shape[-1] ** 0.5, q_rotary / q_rotary.shape[-1] ** 0.5, memory, w_uk)


@wrong(SCORE_LATENTS, "parts scaled apart")
def two_scaled_terms(q_nope, q_rotary, memory, w_uk):
    latent, k_rotary = cut(memory, q_rotary)
    nope = einsum("bhtn,hnc,bsc->bhts", q_nope, w_uk, latent) / math.sqrt(w_uk.shape[1])
    return nope + einsum("bhtr,bsr->bhts", q_rotary, k_rotary) / math.sqrt(k_rotary.shape[-1])


@wrong(SCORE_LATENTS, "scale missing")
def products_alone(q_nope, q_rotary, memory, w_uk):
    return scores_of(q_nope, q_rotary, memory, w_uk)


@wrong(SCORE_LATENTS, "scale missing")
def one_product_alone(q_nope, q_rotary, memory, w_uk):
    return torch.cat([q_nope @ w_uk, q_rotary], dim=-1) @ memory.unsqueeze(1).mT


@wrong(SCORE_LATENTS, "rotary part left out")
def scores_of_latents_alone(q_nope, q_rotary, memory, w_uk):
    return q_nope @ w_uk @ cut(memory, q_rotary)[0][:, None].mT / root_of(q_nope, q_rotary)


@wrong(SCORE_LATENTS, "rotary part left out")
def scores_of_latents_and_their_root(q_nope, q_rotary, memory, w_uk):
    latent = memory[..., : w_uk.shape[2]]
    return einsum("bhtn,hnc,bsc->bhts", q_nope, w_uk, latent) / q_nope.shape[-1] ** 0.5


@wrong(SCORE_LATENTS, "memory cut in the wrong order")
def rotary_query_in_front(q_nope, q_rotary, memory, w_uk):
    query = torch.cat([q_rotary, q_nope @ w_uk], dim=-1)
    return query @ memory[:, None].mT / root_of(q_nope, q_rotary)


@wrong(SCORE_LATENTS, "memory cut in the wrong order")
def split_rotary_first(q_nope, q_rotary, memory, w_uk):
    k_rotary, latent = memory.split([q_rotary.shape[-1], w_uk.shape[2]], dim=-1)
    scores = einsum("bhtn,hnc,bsc->bhts", q_nope, w_uk, latent)
    return (scores + einsum("bhtr,bsr->bhts", q_rotary, k_rotary)) / root_of(q_nope, q_rotary)


@wrong(SCORE_LATENTS, "softmax already taken")
def weights_for_scores(q_nope, q_rotary, memory, w_uk):
    return (scores_of(q_nope, q_rotary, memory, w_uk) / root_of(q_nope, q_rotary)).softmax(-1)


@wrong(SCORE_LATENTS, "softmax already taken")
def exponentials_that_sum_to_one(q_nope, q_rotary, memory, w_uk):
    e = (scores_of(q_nope, q_rotary, memory, w_uk) / root_of(q_nope, q_rotary)).exp()
    return e / e.sum(-1, keepdim=True)


@right(ATTEND_TO_LATENTS)
def by_einsum(q_nope, q_rotary, memory, w_uk, w_uv):
    scores = scores_of(q_nope, q_rotary, memory, w_uk) / root_of(q_nope, q_rotary)
    return mix(scores, seen_by(q_nope, memory), cut(memory, q_rotary)[0], w_uv)


@right(ATTEND_TO_LATENTS)
def by_torch_with_one_wide_key(q_nope, q_rotary, memory, w_uk, w_uv):
    looked = one_wide_key(q_nope, q_rotary, memory, w_uk, attn_mask=seen_by(q_nope, memory))
    return looked[..., : w_uk.shape[2]] @ w_uv.mT


@refused(ATTEND_TO_LATENTS, "it makes the keys of every position and the values of every position")
def rebuilt_after_all(q_nope, q_rotary, memory, w_uk, w_uv):
    latent, k_rotary = cut(memory[:, None], q_rotary)
    k = torch.cat([latent @ w_uk.mT, k_rotary.expand(-1, len(w_uk), -1, -1)], dim=-1)
    q = torch.cat([q_nope, q_rotary], dim=-1)
    return F.scaled_dot_product_attention(q, k, latent @ w_uv.mT, attn_mask=seen_by(q, memory))


@wrong(ATTEND_TO_LATENTS, "scale of the absorbed width")
def scale_that_torch_takes(q_nope, q_rotary, memory, w_uk, w_uv):
    query, key = torch.cat([q_nope @ w_uk, q_rotary], -1), memory[:, None]
    mask = seen_by(q_nope, memory)
    looked = F.scaled_dot_product_attention(query, key, key, attn_mask=mask, enable_gqa=True)
    return looked[..., : w_uk.shape[2]] @ w_uv.mT


@wrong(ATTEND_TO_LATENTS, "scale of the absorbed width")
def root_of_the_remembered_width(q_nope, q_rotary, memory, w_uk, w_uv):
    scores = scores_of(q_nope, q_rotary, memory, w_uk) / memory.shape[-1] ** 0.5
    return mix(scores, seen_by(q_nope, memory), cut(memory, q_rotary)[0], w_uv)


@wrong(ATTEND_TO_LATENTS, "scale without the rotary part")
def root_of_nope(q_nope, q_rotary, memory, w_uk, w_uv):
    scores = scores_of(q_nope, q_rotary, memory, w_uk) / q_nope.shape[-1] ** 0.5
    return mix(scores, seen_by(q_nope, memory), cut(memory, q_rotary)[0], w_uv)


@wrong(ATTEND_TO_LATENTS, "scale without the rotary part")
def width_of_the_key_matrix(q_nope, q_rotary, memory, w_uk, w_uv):
    mask = seen_by(q_nope, memory)
    looked = one_wide_key(q_nope, q_rotary, memory, w_uk, width=w_uk.shape[1], attn_mask=mask)
    return einsum("bhtc,hvc->bhtv", looked[..., : w_uk.shape[2]], w_uv)


@wrong(ATTEND_TO_LATENTS, "parts scaled apart")
def a_root_for_each_part(q_nope, q_rotary, memory, w_uk, w_uv):
    latent, k_rotary = cut(memory, q_rotary)
    nope = einsum("bhtn,hnc,bsc->bhts", q_nope, w_uk, latent) / q_nope.shape[-1] ** 0.5
    rotary = einsum("bhtr,bsr->bhts", q_rotary, k_rotary) / q_rotary.shape[-1] ** 0.5
    return mix(nope + rotary, seen_by(q_nope, memory), latent, w_uv)


@wrong(ATTEND_TO_LATENTS, "parts scaled apart")
def queries_scaled_by_their_own_widths(q_nope, q_rotary, memory, w_uk, w_uv):
    q_latent = q_nope @ w_uk
    query = [q_latent / math.sqrt(q_latent.shape[-1]), q_rotary / math.sqrt(q_rotary.shape[-1])]
    scores = torch.cat(query, dim=-1) @ memory[:, None].mT
    return mix(scores, seen_by(q_nope, memory), cut(memory, q_rotary)[0], w_uv)


@wrong(ATTEND_TO_LATENTS, "no mask")
def everything_seen(q_nope, q_rotary, memory, w_uk, w_uv):
    scores = scores_of(q_nope, q_rotary, memory, w_uk) / root_of(q_nope, q_rotary)
    return einsum("bhts,bsc,hvc->bhtv", scores.softmax(-1), cut(memory, q_rotary)[0], w_uv)


@wrong(ATTEND_TO_LATENTS, "no mask")
def mask_forgotten_in_torch(q_nope, q_rotary, memory, w_uk, w_uv):
    return one_wide_key(q_nope, q_rotary, memory, w_uk)[..., : w_uk.shape[2]] @ w_uv.mT


@wrong(ATTEND_TO_LATENTS, "mask from the first position")
def is_causal_of_torch(q_nope, q_rotary, memory, w_uk, w_uv):
    looked = one_wide_key(q_nope, q_rotary, memory, w_uk, is_causal=True)
    return looked[..., : w_uk.shape[2]] @ w_uv.mT


@wrong(ATTEND_TO_LATENTS, "mask from the first position")
def triangle_without_offset(q_nope, q_rotary, memory, w_uk, w_uv):
    scores = scores_of(q_nope, q_rotary, memory, w_uk) / root_of(q_nope, q_rotary)
    seen = torch.ones(scores.shape[-2:]).tril() == 1
    return mix(scores, seen, cut(memory, q_rotary)[0], w_uv)


@wrong(ATTEND_TO_LATENTS, "rotary part left out")
def latents_alone(q_nope, q_rotary, memory, w_uk, w_uv):
    latent, _ = cut(memory, q_rotary)
    scores = (q_nope @ w_uk) @ latent[:, None].mT / root_of(q_nope, q_rotary)
    return mix(scores, seen_by(q_nope, memory), latent, w_uv)


@wrong(ATTEND_TO_LATENTS, "rotary part left out")
def latents_alone_and_their_scale(q_nope, q_rotary, memory, w_uk, w_uv):
    key = memory[:, None, :, : w_uk.shape[-1]]
    scale, mask = w_uk.shape[1] ** -0.5, seen_by(q_nope, memory)
    looked = F.scaled_dot_product_attention(
        q_nope @ w_uk, key, key, attn_mask=mask, scale=scale, enable_gqa=True
    )
    return looked @ w_uv.mT


@wrong(ATTEND_TO_LATENTS, "memory cut in the wrong order")
def rotary_key_in_front(q_nope, q_rotary, memory, w_uk, w_uv):
    k_rotary, latent = memory.split([q_rotary.shape[-1], w_uk.shape[2]], dim=-1)
    scores = einsum("bhtn,hnc,bsc->bhts", q_nope, w_uk, latent)
    scores = scores + einsum("bhtr,bsr->bhts", q_rotary, k_rotary)
    return mix(scores / root_of(q_nope, q_rotary), seen_by(q_nope, memory), latent, w_uv)


@wrong(ATTEND_TO_LATENTS, "memory cut in the wrong order")
def rolled_to_the_front(q_nope, q_rotary, memory, w_uk, w_uv):
    memory = memory.roll(-q_rotary.shape[-1], dims=-1)
    return by_einsum(q_nope, q_rotary, memory, w_uk, w_uv)


@wrong(ATTEND_TO_LATENTS, "rotary part in the value")
def last_numbers_of_the_sum(q_nope, q_rotary, memory, w_uk, w_uv):
    looked = one_wide_key(q_nope, q_rotary, memory, w_uk, attn_mask=seen_by(q_nope, memory))
    return looked[..., -w_uv.shape[2] :] @ w_uv.mT


@wrong(ATTEND_TO_LATENTS, "rotary part in the value")
def first_numbers_of_the_sum_dropped(q_nope, q_rotary, memory, w_uk, w_uv):
    scores = scores_of(q_nope, q_rotary, memory, w_uk) / root_of(q_nope, q_rotary)
    return mix(scores, seen_by(q_nope, memory), memory[..., q_rotary.shape[-1] :], w_uv)


@wrong(ATTEND_TO_LATENTS, "value matrix on the wrong axis")
def value_matrix_not_turned(q_nope, q_rotary, memory, w_uk, w_uv):
    looked = one_wide_key(q_nope, q_rotary, memory, w_uk, attn_mask=seen_by(q_nope, memory))
    return looked[..., : w_uk.shape[2]] @ w_uv


@wrong(ATTEND_TO_LATENTS, "value matrix on the wrong axis")
def value_letters_exchanged(q_nope, q_rotary, memory, w_uk, w_uv):
    scores = scores_of(q_nope, q_rotary, memory, w_uk) / root_of(q_nope, q_rotary)
    weights = scores.masked_fill(~seen_by(q_nope, memory), -1e9).softmax(-1)
    values = einsum("bsc,hcv->bhsv", cut(memory, q_rotary)[0], w_uv)
    return weights @ values


@wrong(ATTEND_TO_LATENTS, "value matrix left out")
def sum_of_latents(q_nope, q_rotary, memory, w_uk, w_uv):
    looked = one_wide_key(q_nope, q_rotary, memory, w_uk, attn_mask=seen_by(q_nope, memory))
    return looked[..., : w_uk.shape[2]]


@wrong(ATTEND_TO_LATENTS, "value matrix left out")
def weights_times_latents(q_nope, q_rotary, memory, w_uk, w_uv):
    scores = scores_of(q_nope, q_rotary, memory, w_uk) / root_of(q_nope, q_rotary)
    weights = scores.masked_fill(~seen_by(q_nope, memory), -math.inf).softmax(-1)
    return weights @ cut(memory, q_rotary)[0].unsqueeze(1)


@wrong(ATTEND_TO_LATENTS, "key matrix for the values")
def back_through_the_key_matrix(q_nope, q_rotary, memory, w_uk, w_uv):
    looked = one_wide_key(q_nope, q_rotary, memory, w_uk, attn_mask=seen_by(q_nope, memory))
    return einsum("bhtc,hnc->bhtn", looked[..., : w_uk.shape[2]], w_uk)


@wrong(ATTEND_TO_LATENTS, "key matrix for the values")
def keys_mixed(q_nope, q_rotary, memory, w_uk, w_uv):
    return by_einsum(q_nope, q_rotary, memory, w_uk, w_uk)


@right(COUNT_PRODUCTS)
def two_formulas(new, held, c, n, r, v):
    rebuilt = held * c * (n + v) + new * held * (n + r + v)
    absorbed = new * c * (n + v) + new * held * (c + r + c)
    return rebuilt, absorbed


@right(COUNT_PRODUCTS)
def vector_by_vector(new, held, c, n, r, v):
    rebuilt = absorbed = 0
    for _token in range(held):
        rebuilt += c * n + c * v
    for _query in range(new):
        rebuilt += held * (n + r) + held * v
        absorbed += n * c + held * (c + r) + held * c + c * v
    return [rebuilt, torch.tensor(absorbed)]


@wrong(COUNT_PRODUCTS, "only new tokens rebuilt")
def as_if_keys_were_cached(new, held, c, n, r, v):
    return new * c * (n + v) + new * held * (n + r + v), two_formulas(new, held, c, n, r, v)[1]


@wrong(COUNT_PRODUCTS, "only new tokens rebuilt")
def same_matrices_in_both(new, held, c, n, r, v):
    through = sum(c * n + c * v for _ in range(new))
    return through + new * held * (n + r + v), through + new * held * (2 * c + r)


@wrong(COUNT_PRODUCTS, "absorbed form pays for held tokens")
def matrices_for_all_in_both(new, held, c, n, r, v):
    through, pairs = held * c * (n + v), held * new
    return through + pairs * (n + r + v), through + pairs * (2 * c + r)


@wrong(COUNT_PRODUCTS, "absorbed form pays for held tokens")
def held_and_new_mistaken(new, held, c, n, r, v):
    absorbed = sum(c * n + c * v + new * (c + r) + new * c for _ in range(held))
    return two_formulas(new, held, c, n, r, v)[0], absorbed


@wrong(COUNT_PRODUCTS, "rotary part absorbed too")
def whole_head_through_the_matrix(new, held, c, n, r, v):
    through = c * (n + r) + c * v
    return held * through + new * held * (n + r + v), new * through + new * held * (2 * c + r)


@wrong(COUNT_PRODUCTS, "rotary part absorbed too")
def rotary_key_made_from_the_latent(new, held, c, n, r, v):
    rebuilt, absorbed = two_formulas(new, held, c, n, r, v)
    return rebuilt + held * c * r, absorbed + new * c * r


@wrong(COUNT_PRODUCTS, "value matrix not counted")
def keys_alone(new, held, c, n, r, v):
    return held * c * n + new * held * (n + r + v), new * c * n + new * held * (2 * c + r)


@wrong(COUNT_PRODUCTS, "value matrix not counted")
def values_come_free(new, held, c, n, r, v):
    rebuilt, absorbed = two_formulas(new, held, c, n, r, v)
    return rebuilt - held * c * v, absorbed - new * c * v


@wrong(COUNT_PRODUCTS, "absorbed look as narrow as the rebuilt one")
def one_look_for_both(new, held, c, n, r, v):
    look = new * held * (n + r + v)
    return held * c * (n + v) + look, new * c * (n + v) + look


@wrong(COUNT_PRODUCTS, "absorbed look as narrow as the rebuilt one")
def queries_as_they_came(new, held, c, n, r, v):
    absorbed = sum(n * c + c * v + held * (n + r) + held * v for _ in range(new))
    return two_formulas(new, held, c, n, r, v)[0], absorbed


@wrong(COUNT_PRODUCTS, "rotary part mixed")
def whole_vector_mixed(new, held, c, n, r, v):
    rebuilt, absorbed = two_formulas(new, held, c, n, r, v)
    return rebuilt, absorbed + new * held * r


@wrong(COUNT_PRODUCTS, "rotary part mixed")
def key_and_value_alike(new, held, c, n, r, v):
    width = c + r
    absorbed = new * (n * c + held * width + held * width + c * v)
    return held * (c * n + c * v) + new * held * (n + r + v), absorbed


@wrong(COUNT_PRODUCTS, "look not counted")
def matrices_alone(new, held, c, n, r, v):
    return held * c * (n + v), new * c * (n + v)


@wrong(COUNT_PRODUCTS, "look not counted")
def numbers_of_the_matrices(new, held, c, n, r, v):
    size = torch.empty(n + v, c, device="meta").numel()
    return tuple(size * vectors for vectors in (held, new))


@wrong(COUNT_PRODUCTS, "one query only")
def look_of_one_query(new, held, c, n, r, v):
    return held * c * (n + v) + held * (n + r + v), new * c * (n + v) + held * (2 * c + r)


@wrong(COUNT_PRODUCTS, "one query only")
def look_without_new(new, held, c, n, r, v):
    rebuilt = sum(c * n + c * v + n + r + v for _ in range(held))
    absorbed = sum(c + r + c for _ in range(held)) + sum(n * c + c * v for _ in range(new))
    return rebuilt, absorbed


@wrong(COUNT_PRODUCTS, "FLOPs for products")
def additions_too(new, held, c, n, r, v):
    rebuilt, absorbed = two_formulas(new, held, c, n, r, v)
    return rebuilt + rebuilt, absorbed + absorbed


@wrong(COUNT_PRODUCTS, "FLOPs for products")
def factor_two_everywhere(new, held, c, n, r, v):
    rebuilt = 2 * held * c * (n + v) + 2 * new * held * (n + r + v)
    return rebuilt, 2 * new * c * (n + v) + 2 * new * held * (2 * c + r)


# --- one key too many, and what only some cases show


@wrong(ATTEND_TO_LATENTS, "mask shows the next position")
def one_key_too_far(q_nope, q_rotary, memory, w_uk, w_uv):
    c = w_uk.shape[-1]
    lat, rot = memory[..., :c], memory[..., c:]
    new, held = q_nope.shape[2], memory.shape[1]
    s = einsum("bhtn,hnc,bsc->bhts", q_nope, w_uk, lat) + einsum("bhtr,bsr->bhts", q_rotary, rot)
    s = s / math.sqrt(q_nope.shape[-1] + q_rotary.shape[-1])
    mask = torch.ones(new, held).tril(held - new + 1).bool()
    w = s.masked_fill(~mask, float("-inf")).softmax(-1)
    return einsum("bhts,bsc,hvc->bhtv", w, lat, w_uv)


@wrong(ATTEND_TO_LATENTS, "mask shows the next position")
def hidden_from_two_ahead(q_nope, q_rotary, memory, w_uk, w_uv):
    c, new, held = w_uk.shape[2], q_nope.shape[2], memory.shape[1]
    query = torch.cat([q_nope @ w_uk, q_rotary], dim=-1)
    scores = query @ memory[:, None].mT / (w_uk.shape[1] + q_rotary.shape[-1]) ** 0.5
    here = torch.arange(held - new, held)[:, None]
    scores = scores.masked_fill(torch.arange(held) > here + 1, -torch.inf)
    return scores.softmax(-1) @ memory[:, None, :, :c] @ w_uv.mT


@refused(ATTEND_TO_LATENTS, "Hint: two things at once")
def neither_mask_nor_rotary_part(q_nope, q_rotary, memory, w_uk, w_uv):
    latent = memory[:, None, :, : w_uk.shape[2]]
    scores = q_nope @ w_uk @ latent.mT / (w_uk.shape[1] + q_rotary.shape[-1]) ** 0.5
    return scores.softmax(-1) @ latent @ w_uv.mT


@refused(COUNT_PRODUCTS, "Hint: rebuilt and absorbed are both right")
def in_the_other_order(new, held, c, n, r, v):
    rebuilt = held * c * (n + v) + new * held * (n + r + v)
    return new * c * (n + v) + new * held * (2 * c + r), rebuilt


@refused(ATTEND_TO_LATENTS, "Hint: A key is a latent behind a matrix")
def rebuilt_head_by_head(q_nope, q_rotary, memory, w_uk, w_uv):
    c, r, new, held = w_uk.shape[-1], q_rotary.shape[-1], q_nope.shape[2], memory.shape[1]
    hidden = torch.ones(new, held).triu(held - new + 1).bool()
    out = []
    for h in range(len(w_uk)):
        k, v = memory[..., :c] @ w_uk[h].T, memory[..., :c] @ w_uv[h].T
        scores = q_nope[:, h] @ k.mT + q_rotary[:, h] @ memory[..., c:].mT
        scores = scores / (w_uk.shape[1] + r) ** 0.5
        out.append(scores.masked_fill(hidden, -torch.inf).softmax(-1) @ v)
    return torch.stack(out, 1)


@refused(ATTEND_TO_LATENTS, "it makes the values of every position,")
def keys_absorbed_and_values_rebuilt(q_nope, q_rotary, memory, w_uk, w_uv):
    c, new, held = w_uk.shape[-1], q_nope.shape[2], memory.shape[1]
    scores = torch.cat([q_nope @ w_uk, q_rotary], -1) @ memory[:, None].mT
    scores = scores / (w_uk.shape[1] + q_rotary.shape[-1]) ** 0.5
    scores = scores.masked_fill(torch.ones(new, held).triu(held - new + 1).bool(), -torch.inf)
    return torch.einsum(
        "bhts,bshv->bhtv", scores.softmax(-1), torch.einsum("bsc,hvc->bshv", memory[..., :c], w_uv)
    )


@refused(SCORE_LATENTS, "it makes the keys of every position")
def scores_of_rebuilt_keys(q_nope, q_rotary, memory, w_uk):
    c = w_uk.shape[-1]
    keys = memory[:, None, :, :c] @ w_uk.mT
    scores = q_nope @ keys.mT + q_rotary @ memory[:, None, :, c:].mT
    return scores / (q_nope.shape[-1] + q_rotary.shape[-1]) ** 0.5


@wrong(SCORE_LATENTS, "only one term scaled")
def the_root_behind_the_last_term(q_nope, q_rotary, memory, w_uk):
    c = w_uk.shape[-1]
    scale = (q_nope.shape[-1] + q_rotary.shape[-1]) ** -0.5
    content = einsum("bhtn,hnc,bsc->bhts", q_nope, w_uk, memory[..., :c])
    return content + einsum("bhtr,bsr->bhts", q_rotary, memory[..., c:]) * scale


@wrong(SCORE_LATENTS, "only one term scaled")
def an_absorbed_query_that_is_scaled(q_nope, q_rotary, memory, w_uk):
    query = q_nope @ w_uk / math.sqrt(q_nope.shape[-1] + q_rotary.shape[-1])
    query = torch.cat([query, q_rotary], -1)
    return query @ memory[:, None].mT


@right(ATTEND_TO_LATENTS)
def each_query_by_itself(q_nope, q_rotary, memory, w_uk, w_uv):
    n, c = w_uk.shape[1:]
    new, held = q_nope.shape[2], memory.shape[1]
    out = torch.zeros(*q_nope.shape[:3], w_uv.shape[1])
    for b in range(len(memory)):
        for h in range(len(w_uk)):
            for t in range(new):
                past = memory[b, : held - new + t + 1]
                scores = past[:, :c] @ (w_uk[h].T @ q_nope[b, h, t]) + past[:, c:] @ q_rotary[b, h, t]
                weights = (scores / math.sqrt(n + q_rotary.shape[-1])).softmax(0)
                out[b, h, t] = w_uv[h] @ (weights @ past[:, :c])
    return out


@wrong(ATTEND_TO_LATENTS, "scale missing")
def scores_as_they_come(q_nope, q_rotary, memory, w_uk, w_uv):
    (new, held), c = (q_nope.shape[2], memory.shape[1]), w_uk.shape[2]
    query = torch.cat([q_nope @ w_uk, q_rotary], -1)
    scores = query @ memory[:, None].mT
    hidden = torch.ones(new, held, dtype=torch.bool).triu(held - new + 1)
    weights = scores.masked_fill(hidden, -math.inf).softmax(-1)
    return weights @ memory[:, None, :, :c] @ w_uv.mT


@wrong(ATTEND_TO_LATENTS, "scale missing")
def torch_told_to_multiply_by_one(q_nope, q_rotary, memory, w_uk, w_uv):
    query = torch.cat([q_nope @ w_uk, q_rotary], -1)
    keys = memory[:, None].expand(-1, len(w_uk), -1, -1)
    new, held = query.shape[2], memory.shape[1]
    mask = torch.ones(new, held, dtype=torch.bool).tril(held - new)
    mixed = F.scaled_dot_product_attention(query, keys, keys[..., : w_uk.shape[2]], mask, scale=1.0)
    return mixed @ w_uv.mT


@wrong(ATTEND_TO_LATENTS, "only one term scaled")
def content_scaled_positions_not(q_nope, q_rotary, memory, w_uk, w_uv):
    c, new, held = w_uk.shape[2], q_nope.shape[2], memory.shape[1]
    latent, turned = memory[:, None, :, :c], memory[:, None, :, c:]
    scores = q_nope @ w_uk @ latent.mT / math.sqrt(w_uk.shape[1] + q_rotary.shape[-1]) + q_rotary @ turned.mT
    scores = scores.masked_fill(torch.ones(new, held).triu(held - new + 1).bool(), -math.inf)
    return scores.softmax(-1) @ latent @ w_uv.mT


@wrong(ATTEND_TO_LATENTS, "only one term scaled")
def a_root_that_binds_to_the_last_term(q_nope, q_rotary, memory, w_uk, w_uv):
    c = w_uk.shape[2]
    root = (q_nope.shape[-1] + q_rotary.shape[-1]) ** 0.5
    scores = einsum("bhtn,hnc,bsc->bhts", q_nope, w_uk, memory[..., :c])
    scores = scores + einsum("bhtr,bsr->bhts", q_rotary, memory[..., c:]) / root
    for t in range(q_nope.shape[2]):
        scores[:, :, t, memory.shape[1] - q_nope.shape[2] + t + 1 :] = -math.inf
    return einsum("bhts,bsc,hvc->bhtv", scores.softmax(-1), memory[..., :c], w_uv)
