"""Lesson 03: answers to `rebuild`: keys and values from what is remembered."""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import einsum

from lessons_lib.checks.latent_attention.rebuild import REBUILD
from wrong_answers import right, wrong


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
