"""Lesson 03: answers to the exercises on what a token leaves, what is rebuilt of it, and how it is scored."""

import math

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import einsum

from lessons_lib.checks.latent_attention.memory import MAKE_MEMORY
from lessons_lib.checks.latent_attention.rebuild import REBUILD
from lessons_lib.checks.latent_attention.scores import LATENT_SCORES
from lessons_lib.checks.latent_attention.size import LATENT_CACHE_BYTES
from lessons_lib.model import RMSNorm, apply_rope, rope_table
from wrong_answers import right, wrong


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


def cut_into_heads(latent, wkv_b, n_heads):
    return rearrange(latent @ wkv_b.T, "b s (h d) -> b h s d", h=n_heads)


def for_all_heads(k_rotary, n_heads):
    return k_rotary[:, None].expand(-1, n_heads, -1, -1)


@right(REBUILD)
def as_in_the_lesson(latent, k_rotary, wkv_b, n_heads, n):
    kv = cut_into_heads(latent, wkv_b, n_heads)
    k, v = kv.split([n, kv.shape[-1] - n], dim=-1)
    return torch.cat([k, for_all_heads(k_rotary, n_heads)], dim=-1), v


@right(REBUILD)
def rows_of_each_head(latent, k_rotary, wkv_b, n_heads, n):
    keys, values = [], []
    for rows in wkv_b.chunk(n_heads):
        keys.append(torch.cat([F.linear(latent, rows[:n]), k_rotary], dim=2))
        values.append(F.linear(latent, rows[n:]))
    return [torch.stack(keys, 1), torch.stack(values, 1)]


@right(REBUILD)
def by_einsum(latent, k_rotary, wkv_b, n_heads, n):
    kv = einsum("bsc,hdc->bhsd", latent, wkv_b.view(n_heads, -1, latent.shape[-1]))
    shared = k_rotary.repeat(n_heads, 1, 1, 1).transpose(0, 1)
    return torch.cat((kv[..., :n], shared), -1), kv[..., n:]


@wrong(REBUILD, "a rotary key per head")
def rotary_key_cut_into_heads(latent, k_rotary, wkv_b, n_heads, n):
    kv = cut_into_heads(latent, wkv_b, n_heads)
    k_rotary = rearrange(k_rotary, "b s (h r) -> b h s r", h=n_heads)
    return torch.cat([kv[..., :n], k_rotary], dim=-1), kv[..., n:]


@wrong(REBUILD, "a rotary key per head")
def a_piece_for_each_head(latent, k_rotary, wkv_b, n_heads, n):
    keys, values = [], []
    for rows, piece in zip(wkv_b.chunk(n_heads), k_rotary.chunk(n_heads, dim=-1), strict=True):
        keys.append(torch.cat([latent @ rows[:n].T, piece], dim=-1))
        values.append(latent @ rows[n:].T)
    return torch.stack(keys, dim=1), torch.stack(values, dim=1)


@wrong(REBUILD, "a rotary key per head")
def viewed_as_heads(latent, k_rotary, wkv_b, n_heads, n):
    kv = cut_into_heads(latent, wkv_b, n_heads)
    k_rotary = k_rotary.view(k_rotary.shape[0], n_heads, k_rotary.shape[1], -1)
    return torch.cat([kv[..., :n], k_rotary], dim=-1), kv[..., n:]


@wrong(REBUILD, "no rotary key")
def content_alone(latent, k_rotary, wkv_b, n_heads, n):
    kv = (latent @ wkv_b.T).unflatten(-1, (n_heads, -1)).transpose(1, 2)
    return kv[..., :n], kv[..., n:]


@wrong(REBUILD, "no rotary key")
def head_by_head_without_it(latent, k_rotary, wkv_b, n_heads, n):
    heads = [F.linear(latent, rows) for rows in wkv_b.chunk(n_heads)]
    return torch.stack([kv[..., :n] for kv in heads], 1), torch.stack([kv[..., n:] for kv in heads], 1)


@wrong(REBUILD, "parts swapped")
def rotary_part_in_front(latent, k_rotary, wkv_b, n_heads, n):
    kv = cut_into_heads(latent, wkv_b, n_heads)
    return torch.cat([for_all_heads(k_rotary, n_heads), kv[..., :n]], dim=-1), kv[..., n:]


@wrong(REBUILD, "parts swapped")
def written_behind_the_rotary_key(latent, k_rotary, wkv_b, n_heads, n):
    kv, r = cut_into_heads(latent, wkv_b, n_heads), k_rotary.shape[-1]
    keys = torch.zeros(*kv.shape[:3], r + n)
    for head in range(n_heads):
        keys[:, head, :, :r] = k_rotary
        keys[:, head, :, r:] = kv[:, head, :, :n]
    return keys, kv[..., n:]


@wrong(REBUILD, "all keys, then all values")
def output_cut_once(latent, k_rotary, wkv_b, n_heads, n):
    kv = latent @ wkv_b.T
    k, v = kv[..., : n_heads * n], kv[..., n_heads * n :]
    k, v = (rearrange(x, "b s (h d) -> b h s d", h=n_heads) for x in (k, v))
    return torch.cat([k, for_all_heads(k_rotary, n_heads)], dim=-1), v


@wrong(REBUILD, "all keys, then all values")
def matrix_cut_once(latent, k_rotary, wkv_b, n_heads, n):
    w_uk, w_uv = wkv_b[: n * n_heads], wkv_b[n * n_heads :]
    keys = [torch.cat([latent @ w.T, k_rotary], -1) for w in w_uk.split(n)]
    return torch.stack(keys, dim=1), torch.stack([latent @ w.T for w in w_uv.chunk(n_heads)], dim=1)


@wrong(REBUILD, "value before key")
def value_taken_first(latent, k_rotary, wkv_b, n_heads, n):
    kv = cut_into_heads(latent, wkv_b, n_heads)
    v, k = kv.split([kv.shape[-1] - n, n], dim=-1)
    return torch.cat([k, for_all_heads(k_rotary, n_heads)], dim=-1), v


@wrong(REBUILD, "value before key")
def last_rows_for_the_key(latent, k_rotary, wkv_b, n_heads, n):
    w = wkv_b.unflatten(0, (n_heads, -1))
    k, v = (latent.unsqueeze(1) @ part.mT for part in (w[:, -n:], w[:, :-n]))
    return torch.cat([k, for_all_heads(k_rotary, n_heads)], dim=-1), v


@wrong(REBUILD, "value width for key width")
def widths_of_the_split_exchanged(latent, k_rotary, wkv_b, n_heads, n):
    v_width = len(wkv_b) // n_heads - n
    k, v = cut_into_heads(latent, wkv_b, n_heads).split([v_width, n], dim=-1)
    return torch.cat([k, for_all_heads(k_rotary, n_heads)], dim=-1), v


@wrong(REBUILD, "value width for key width")
def last_n_for_the_value(latent, k_rotary, wkv_b, n_heads, n):
    keys, values = [], []
    for rows in wkv_b.chunk(n_heads):
        kv = latent @ rows.T
        keys.append(torch.cat([kv[..., :-n], k_rotary], dim=-1))
        values.append(kv[..., -n:])
    return torch.stack(keys, dim=1), torch.stack(values, dim=1)


@wrong(REBUILD, "channels dealt out")
def axes_of_the_cut_exchanged(latent, k_rotary, wkv_b, n_heads, n):
    kv = rearrange(latent @ wkv_b.T, "b s (d h) -> b h s d", h=n_heads)
    return torch.cat([kv[..., :n], for_all_heads(k_rotary, n_heads)], dim=-1), kv[..., n:]


@wrong(REBUILD, "channels dealt out")
def every_so_manieth_row(latent, k_rotary, wkv_b, n_heads, n):
    heads = [latent @ wkv_b[head::n_heads].T for head in range(n_heads)]
    keys = [torch.cat([kv[..., :n], k_rotary], dim=-1) for kv in heads]
    return torch.stack(keys, dim=1), torch.stack([kv[..., n:] for kv in heads], dim=1)


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
