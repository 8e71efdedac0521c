"""Lesson 03: answers to `make_memory` and `latent_cache_bytes`: what a token leaves, and weighs."""

import math

import torch
import torch.nn.functional as F
from torch import einsum

from lessons_lib.checks.latent_attention.memory import MAKE_MEMORY
from lessons_lib.checks.latent_attention.size import LATENT_CACHE_BYTES
from lessons_lib.model import RMSNorm, apply_rope
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
