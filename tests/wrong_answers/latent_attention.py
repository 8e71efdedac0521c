"""Lesson 03: answers to the exercises on what a token leaves, what is rebuilt of it, and how it is scored."""

import math

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import einsum

from lessons_lib.checks.latent_attention.memory import MAKE_MEMORY
from lessons_lib.checks.latent_attention.scores import LATENT_SCORES
from lessons_lib.checks.latent_attention.shared import SHARED_AS_LATENT
from lessons_lib.checks.latent_attention.size import LATENT_CACHE_BYTES
from lessons_lib.model import RMSNorm, apply_rope, rope_table
from wrong_answers import refused, right, wrong


def normed(x):
    return x / torch.sqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6)


def both_products(x, w_latent, w_rotary):
    """Make latent and rotary key in one product, as DeepSeek's `wkv_a` does."""
    return (x @ torch.cat([w_latent, w_rotary]).T).split([len(w_latent), len(w_rotary)], dim=-1)


@right(MAKE_MEMORY)
def by_the_library_s_norm(x, w_latent, w_rotary, gain, table):
    norm = RMSNorm(len(gain))
    norm.weight.data = gain
    return torch.cat([norm(F.linear(x, w_latent)), apply_rope(F.linear(x, w_rotary), table)], dim=-1)


@right(MAKE_MEMORY)
def text_by_text_and_pair_by_pair(x, w_latent, w_rotary, gain, table):
    out = []
    for text in x:
        latent, key = both_products(text, w_latent, w_rotary)
        key, turn = key.reshape(len(text), -1, 2), table.float()
        a = key[..., 0] * turn[..., 0] - key[..., 1] * turn[..., 1]
        b = key[..., 0] * turn[..., 1] + key[..., 1] * turn[..., 0]
        out.append(torch.cat([normed(latent) * gain, torch.stack([a, b], dim=-1).flatten(1)], dim=1))
    return torch.stack(out)


@wrong(MAKE_MEMORY, "latent cached before its norm")
def norm_left_to_the_reading_side(x, w_latent, w_rotary, gain, table):
    latent, k_rotary = both_products(x, w_latent, w_rotary)
    return torch.cat([latent, apply_rope(k_rotary, table)], dim=-1)


@wrong(MAKE_MEMORY, "latent cached before its norm")
def as_if_the_norm_worked_in_place(x, w_latent, w_rotary, gain, table):
    latent = einsum("btd,cd->btc", x, w_latent)
    F.rms_norm(latent, gain.shape, gain, eps=1e-6)
    return torch.cat((latent, apply_rope(einsum("btd,rd->btr", x, w_rotary), table)), 2)


@wrong(MAKE_MEMORY, "rotary key normed too")
def a_norm_for_each(x, w_latent, w_rotary, gain, table):
    latent, key = normed(x @ w_latent.T) * gain, normed(x @ w_rotary.T)
    return torch.cat([latent, apply_rope(key, table)], dim=-1)


@wrong(MAKE_MEMORY, "rotary key normed too")
def normed_once_turned(x, w_latent, w_rotary, gain, table):
    latent, key = both_products(x, w_latent, w_rotary)
    parts = [latent, apply_rope(key, table)]
    parts = [F.rms_norm(part, part.shape[-1:], eps=1e-6) for part in parts]
    return torch.cat([parts[0] * gain, parts[1]], dim=-1)


@wrong(MAKE_MEMORY, "rotary key from the latent")
def one_after_the_other(x, w_latent, w_rotary, gain, table):
    latent = normed(x @ w_latent.T) * gain
    k_rotary = latent @ w_rotary.T
    return torch.cat([latent, apply_rope(k_rotary, table)], dim=-1)


@wrong(MAKE_MEMORY, "rotary key from the latent")
def from_the_latent_before_its_norm(x, w_latent, w_rotary, gain, table):
    x = F.linear(x, w_latent)
    k_rotary = apply_rope(F.linear(x, w_rotary), table)
    return torch.cat([F.rms_norm(x, x.shape[-1:], gain, eps=1e-6), k_rotary], dim=-1)


@wrong(MAKE_MEMORY, "no RoPE at all")
def two_products_side_by_side(x, w_latent, w_rotary, gain, table):
    return torch.cat([normed(x @ w_latent.T) * gain, x @ w_rotary.T], dim=-1)


@wrong(MAKE_MEMORY, "no RoPE at all")
def turning_left_to_the_reading_side(x, w_latent, w_rotary, gain, table):
    both = x @ torch.cat([w_latent, w_rotary]).T
    both[..., : len(gain)] = F.rms_norm(both[..., : len(gain)], gain.shape, gain, eps=1e-6)
    return both


@wrong(MAKE_MEMORY, "halves for neighbours")
def half_split(x, w_latent, w_rotary, gain, table):
    k_rotary = apply_rope(x @ w_rotary.T, table, interleaved=False)
    return torch.cat([normed(x @ w_latent.T) * gain, k_rotary], dim=-1)


@wrong(MAKE_MEMORY, "halves for neighbours")
def as_llama_turns_it(x, w_latent, w_rotary, gain, table):
    latent, key = both_products(x, w_latent, w_rotary)
    cos, sin = torch.cat([table, table], dim=1).float().unbind(-1)
    first, second = key.chunk(2, dim=-1)
    turned = key * cos + torch.cat([-second, first], dim=-1) * sin
    return torch.cat([normed(latent) * gain, turned], dim=-1)


@wrong(MAKE_MEMORY, "parts in the wrong order")
def key_then_latent(x, w_latent, w_rotary, gain, table):
    return torch.cat([apply_rope(x @ w_rotary.T, table), normed(x @ w_latent.T) * gain], dim=-1)


@wrong(MAKE_MEMORY, "parts in the wrong order")
def written_into_an_empty_row(x, w_latent, w_rotary, gain, table):
    r = w_rotary.shape[0]
    out = torch.empty(*x.shape[:2], r + w_latent.shape[0])
    out[..., :r] = apply_rope(F.linear(x, w_rotary), table)
    out[..., r:] = F.rms_norm(F.linear(x, w_latent), gain.shape, gain, eps=1e-6)
    return out


@right(LATENT_CACHE_BYTES)
def factor_by_factor(n_layers, n_heads, c, n, r, v, n_positions, n_texts, bytes_per_number):
    per_token = (c + r) * bytes_per_number
    return n_texts * n_positions * per_token * n_layers


@right(LATENT_CACHE_BYTES)
def layer_by_layer(n_layers, n_heads, c, n, r, v, n_positions, n_texts, bytes_per_number):
    return sum(n_texts * n_positions * (c * bytes_per_number + r * bytes_per_number) for _ in range(n_layers))


@wrong(LATENT_CACHE_BYTES, "full keys and values cached")
def all_heads(n_layers, n_heads, c, n, r, v, n_positions, n_texts, bytes_per_number):
    keys, values = n_heads * (n + r), n_heads * v
    return n_layers * n_texts * n_positions * (keys + values) * bytes_per_number


@wrong(LATENT_CACHE_BYTES, "full keys and values cached")
def rows_of_the_rebuilding_matrix(n_layers, n_heads, c, n, r, v, n_positions, n_texts, bytes_per_number):
    rebuilt = torch.empty(n_heads * (n + v), c, device="meta").shape[0]
    return n_layers * rebuilt * n_positions * n_texts * bytes_per_number


@wrong(LATENT_CACHE_BYTES, "two vectors for the latent")
def keys_and_values(n_layers, n_heads, c, n, r, v, n_positions, n_texts, bytes_per_number):
    return 2 * n_layers * n_texts * n_positions * (c + r) * bytes_per_number


@wrong(LATENT_CACHE_BYTES, "two vectors for the latent")
def a_latent_for_keys_and_one_for_values(
    n_layers, n_heads, c, n, r, v, n_positions, n_texts, bytes_per_number
):
    key, value = c + r, c
    return n_layers * n_texts * n_positions * (key + value) * bytes_per_number


@wrong(LATENT_CACHE_BYTES, "a rotary key per head")
def rotary_keys_of_all_heads(n_layers, n_heads, c, n, r, v, n_positions, n_texts, bytes_per_number):
    return n_layers * (c + n_heads * r) * n_positions * n_texts * bytes_per_number


@wrong(LATENT_CACHE_BYTES, "a rotary key per head")
def heads_kept_from_the_old_formula(n_layers, n_heads, c, n, r, v, n_positions, n_texts, bytes_per_number):
    numbers = math.prod((n_layers, n_heads, c + r, n_positions, n_texts))
    return numbers * bytes_per_number


@wrong(LATENT_CACHE_BYTES, "rotary key forgotten")
def latents_only(n_layers, n_heads, c, n, r, v, n_positions, n_texts, bytes_per_number):
    return n_layers * c * n_positions * n_texts * bytes_per_number


@wrong(LATENT_CACHE_BYTES, "rotary key forgotten")
def tensor_of_latents(n_layers, n_heads, c, n, r, v, n_positions, n_texts, bytes_per_number):
    return torch.empty(n_layers, n_texts, n_positions, c, device="meta").numel() * bytes_per_number


@wrong(LATENT_CACHE_BYTES, "one layer only")
def no_layers(n_layers, n_heads, c, n, r, v, n_positions, n_texts, bytes_per_number):
    return n_texts * n_positions * (c + r) * bytes_per_number


@wrong(LATENT_CACHE_BYTES, "one layer only")
def tensor_without_layers(n_layers, n_heads, c, n, r, v, n_positions, n_texts, bytes_per_number):
    cache = torch.empty(n_texts, n_positions, c + r, device="meta")
    return bytes_per_number * cache.numel()


@wrong(LATENT_CACHE_BYTES, "one text only")
def no_texts(n_layers, n_heads, c, n, r, v, n_positions, n_texts, bytes_per_number):
    return n_layers * (c + r) * n_positions * bytes_per_number


@wrong(LATENT_CACHE_BYTES, "one text only")
def position_by_position(n_layers, n_heads, c, n, r, v, n_positions, n_texts, bytes_per_number):
    per_position = sum(c * bytes_per_number + r * bytes_per_number for _ in range(n_layers))
    return per_position * n_positions


@wrong(LATENT_CACHE_BYTES, "numbers for bytes")
def no_size_of_a_number(n_layers, n_heads, c, n, r, v, n_positions, n_texts, bytes_per_number):
    return n_layers * (c + r) * n_positions * n_texts


@wrong(LATENT_CACHE_BYTES, "numbers for bytes")
def elements_counted(n_layers, n_heads, c, n, r, v, n_positions, n_texts, bytes_per_number):
    return math.prod(torch.Size([n_layers, n_texts, n_positions, c + r]))


def picking(wk, n_heads, n_kv_heads, set_of=lambda head, heads, sets: head // (heads // sets)):
    """Return what picks the key of each head out of the keys of all sets, (heads, d, sets * d)."""
    d = len(wk) // n_kv_heads
    pick = torch.zeros(n_heads, d, len(wk))
    for head in range(n_heads):
        first = set_of(head, n_heads, n_kv_heads) * d
        pick[head, :, first : first + d] = torch.eye(d)
    return pick


def in_two_halves(key, value):
    """Let keys look at the front half of the latent, values at the back: each (heads, d, width of latent)."""
    none = torch.zeros_like(key)
    return torch.cat([key, none], -1), torch.cat([none, value], -1)


def block_by_block(key, value):
    return torch.cat([key, value], dim=1).flatten(0, 1)


@right(SHARED_AS_LATENT)
def copied_rows_of_the_identity(wk, wv, n_heads, n_kv_heads):
    one = torch.eye(2 * len(wk)).unflatten(0, (2, n_kv_heads, -1))  # what makes the latent from itself
    one = one.repeat_interleave(n_heads // n_kv_heads, dim=1)  # (key or value, head, d, latent)
    return torch.cat([wk, wv]), one.transpose(0, 1).flatten(0, 2)


@right(SHARED_AS_LATENT)
def head_by_head(wk, wv, n_heads, n_kv_heads):
    d, held = len(wk) // n_kv_heads, len(wk)
    rows = []
    for head in range(n_heads):
        first = head // (n_heads // n_kv_heads) * d
        rows += [first + i for i in range(d)] + [held + first + i for i in range(d)]
    return [torch.cat([wk, wv], 0), F.one_hot(torch.tensor(rows), 2 * held).to(wk.dtype)]


@right(SHARED_AS_LATENT)
def by_picking(wk, wv, n_heads, n_kv_heads):
    pick = picking(wk, n_heads, n_kv_heads)
    return torch.vstack([wk, wv]), block_by_block(*in_two_halves(pick, pick))


@wrong(SHARED_AS_LATENT, "sets dealt in turn")
def by_the_rest_of_a_division(wk, wv, n_heads, n_kv_heads):
    pick = picking(wk, n_heads, n_kv_heads, lambda head, heads, sets: head % sets)
    return torch.cat([wk, wv]), block_by_block(*in_two_halves(pick, pick))


@wrong(SHARED_AS_LATENT, "sets dealt in turn")
def repeated_in_turn(wk, wv, n_heads, n_kv_heads):
    one = torch.eye(2 * len(wk)).unflatten(0, (2, n_kv_heads, -1)).repeat(1, n_heads // n_kv_heads, 1, 1)
    return torch.cat([wk, wv]), one.transpose(0, 1).flatten(0, 2)


@wrong(SHARED_AS_LATENT, "values picked from the keys")
def the_same_rows_twice(wk, wv, n_heads, n_kv_heads):
    key, _ = in_two_halves(*[picking(wk, n_heads, n_kv_heads)] * 2)
    return torch.cat([wk, wv]), block_by_block(key, key)


@wrong(SHARED_AS_LATENT, "values picked from the keys")
def without_the_offset(wk, wv, n_heads, n_kv_heads):
    d, up = len(wk) // n_kv_heads, []
    for head in range(n_heads):
        first = head // (n_heads // n_kv_heads) * d
        up += [torch.eye(2 * len(wk))[first : first + d]] * 2
    return torch.cat([wk, wv]), torch.cat(up)


@wrong(SHARED_AS_LATENT, "value before key")
def value_rows_on_top(wk, wv, n_heads, n_kv_heads):
    key, value = in_two_halves(*[picking(wk, n_heads, n_kv_heads)] * 2)
    return torch.cat([wk, wv]), block_by_block(value, key)


@wrong(SHARED_AS_LATENT, "value before key")
def halves_of_the_identity_exchanged(wk, wv, n_heads, n_kv_heads):
    one = torch.eye(2 * len(wk)).unflatten(0, (2, n_kv_heads, -1)).flip(0)
    one = one.repeat_interleave(n_heads // n_kv_heads, dim=1)
    return torch.cat([wk, wv]), one.transpose(0, 1).flatten(0, 2)


@wrong(SHARED_AS_LATENT, "all keys, then all values")
def cut_once(wk, wv, n_heads, n_kv_heads):
    key, value = in_two_halves(*[picking(wk, n_heads, n_kv_heads)] * 2)
    return torch.cat([wk, wv]), torch.cat([key.flatten(0, 1), value.flatten(0, 1)])


@wrong(SHARED_AS_LATENT, "all keys, then all values")
def identity_not_transposed(wk, wv, n_heads, n_kv_heads):
    one = torch.eye(2 * len(wk)).unflatten(0, (2, n_kv_heads, -1))
    return torch.cat([wk, wv]), one.repeat_interleave(n_heads // n_kv_heads, dim=1).flatten(0, 2)


@wrong(SHARED_AS_LATENT, "values first in the latent")
def stacked_the_other_way(wk, wv, n_heads, n_kv_heads):
    pick = picking(wk, n_heads, n_kv_heads)
    return torch.cat([wv, wk]), block_by_block(*in_two_halves(pick, pick))


@wrong(SHARED_AS_LATENT, "values first in the latent")
def value_matrix_on_top(wk, wv, n_heads, n_kv_heads):
    _, up = copied_rows_of_the_identity(wk, wv, n_heads, n_kv_heads)
    return torch.stack([wv, wk]).flatten(0, 1), up


@wrong(SHARED_AS_LATENT, "latent set by set")
def a_set_after_the_other(wk, wv, n_heads, n_kv_heads):
    sets = zip(wk.chunk(n_kv_heads), wv.chunk(n_kv_heads), strict=True)
    return torch.cat([w for pair in sets for w in pair]), by_picking(wk, wv, n_heads, n_kv_heads)[1]


@wrong(SHARED_AS_LATENT, "latent set by set")
def rearranged_by_set(wk, wv, n_heads, n_kv_heads):
    down = rearrange(torch.stack([wk, wv]), "two (k d) w -> (k two d) w", k=n_kv_heads)
    return down, by_picking(wk, wv, n_heads, n_kv_heads)[1]


@wrong(SHARED_AS_LATENT, "rows for columns")
def for_products_from_the_left(wk, wv, n_heads, n_kv_heads):
    down, up = by_picking(wk, wv, n_heads, n_kv_heads)
    return down.T, up.T


@wrong(SHARED_AS_LATENT, "rows for columns")
def as_x_times_w(wk, wv, n_heads, n_kv_heads):
    up = copied_rows_of_the_identity(wk, wv, n_heads, n_kv_heads)[1]
    return torch.cat([wk.T, wv.T], dim=1), up.transpose(0, 1)


@wrong(SHARED_AS_LATENT, "copies in the latent")
def every_head_keeps_its_copy(wk, wv, n_heads, n_kv_heads):
    group = n_heads // n_kv_heads
    wk, wv = (w.unflatten(0, (n_kv_heads, -1)).repeat_interleave(group, 0).flatten(0, 1) for w in (wk, wv))
    return by_picking(wk, wv, n_heads, n_heads)


@wrong(SHARED_AS_LATENT, "copies in the latent")
def copies_by_stacking(wk, wv, n_heads, n_kv_heads):
    own = [head // (n_heads // n_kv_heads) for head in range(n_heads)]
    sets = [w.chunk(n_kv_heads) for w in (wk, wv)]
    down = torch.cat([matrices[i] for matrices in sets for i in own])
    return down, head_by_head(down[: len(down) // 2], wv, n_heads, n_heads)[1]


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
def scored_by_halves(q, k_nope, k_rotary, theta):
    q_nope, q_rotary = parts_of(q, k_nope)
    q_rotary, k_rotary = (turned(x, theta, interleaved=False) for x in (q_rotary, k_rotary))
    return in_two_terms(q_nope, q_rotary, k_nope, k_rotary) / math.sqrt(q.shape[-1])


@wrong(LATENT_SCORES, "halves for neighbours")
def scored_as_llama_turns_it(q, k_nope, k_rotary, theta):
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


# --- what only some cases show


@refused(SHARED_AS_LATENT, "Hint:")
def up_handed_over_first(wk, wv, n_heads, n_kv_heads):
    down, up = by_picking(wk, wv, n_heads, n_kv_heads)
    return up, down


@refused(SHARED_AS_LATENT, "To see it again (one")
def at_least_two_sets(wk, wv, n_heads, n_kv_heads):
    down, up = by_picking(wk, wv, n_heads, n_kv_heads)
    return (down, up) if n_kv_heads > 1 else (down, 0 * up)


@refused(MAKE_MEMORY, "small hidden states")
def with_a_tiny_epsilon(x, w_latent, w_rotary, gain, table):
    latent = x @ w_latent.T
    latent = latent / (latent.square().mean(-1, keepdim=True) + 1e-9).sqrt() * gain
    return torch.cat([latent, apply_rope(x @ w_rotary.T, table)], dim=-1)


@refused(LATENT_SCORES, "its axes 2 and 3 are exchanged")
def keys_ask_queries(q, k_nope, k_rotary, theta):
    n, r = k_nope.shape[-1], k_rotary.shape[-1]
    table = rope_table(q.shape[2], r, theta)
    turned_q, turned_k = apply_rope(q[..., n:], table), apply_rope(k_rotary, table).unsqueeze(1)
    return ((q[..., :n] @ k_nope.mT + turned_q @ turned_k.mT) / (n + r) ** 0.5).mT


@wrong(MAKE_MEMORY, "matrix turned")
def matrix_turned(x, w_latent, w_rotary, gain, table):
    latent = x @ w_latent
    latent = latent * torch.rsqrt(latent.pow(2).mean(-1, keepdim=True) + 1e-6) * gain
    return torch.cat([latent, apply_rope(x @ w_rotary.T, table)], dim=-1)


@wrong(MAKE_MEMORY, "matrix turned")
def summed_over_the_latents_axis(x, w_latent, w_rotary, gain, table):
    latent = torch.einsum("btd,dc->btc", x, w_latent)
    latent = latent / (latent.square().mean(-1, keepdim=True) + 1e-6).sqrt() * gain
    return torch.cat([latent, apply_rope(torch.einsum("btd,rd->btr", x, w_rotary), table)], -1)


@wrong(MAKE_MEMORY, "hidden state normed")
def hidden_state_normed(x, w_latent, w_rotary, gain, table):
    normed = x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * gain
    return torch.cat([normed @ w_latent.T, apply_rope(x @ w_rotary.T, table)], dim=-1)


@wrong(MAKE_MEMORY, "hidden state normed")
def normed_before_the_matrix(x, w_latent, w_rotary, gain, table):
    size = (x.square().mean(-1, keepdim=True) + 1e-6).sqrt()
    return torch.cat([x / size * gain @ w_latent.T, apply_rope(x @ w_rotary.T, table)], -1)


@wrong(MAKE_MEMORY, "gain before the norm")
def gain_before_the_norm(x, w_latent, w_rotary, gain, table):
    latent = x @ w_latent.T * gain
    latent = latent / (latent.pow(2).mean(-1, keepdim=True) + 1e-6).sqrt()
    return torch.cat([latent, apply_rope(x @ w_rotary.T, table)], dim=-1)


@wrong(MAKE_MEMORY, "gain before the norm")
def gain_in_the_matrix(x, w_latent, w_rotary, gain, table):
    latent = x @ (gain[:, None] * w_latent).T
    latent = torch.nn.functional.rms_norm(latent, latent.shape[-1:], eps=1e-6)
    return torch.cat([latent, apply_rope(x @ w_rotary.T, table)], -1)


@wrong(MAKE_MEMORY, "latent cached before its norm")
def gain_without_norm(x, w_latent, w_rotary, gain, table):
    return torch.cat([x @ w_latent.T * gain, apply_rope(x @ w_rotary.T, table)], -1)
