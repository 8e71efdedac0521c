"""Lesson 02: answers to `split_heads`, `share_heads` and `cache_bytes`."""

import torch
from einops import rearrange, repeat

from lessons_lib.checks.sharing.heads import SHARE_HEADS, SPLIT_HEADS
from lessons_lib.checks.sharing.size import CACHE_BYTES
from wrong_answers import right, wrong


@right(SPLIT_HEADS)
def by_view_and_transpose(x, n_heads):
    batch, position, width = x.shape
    return x.view(batch, position, n_heads, width // n_heads).transpose(1, 2)


@right(SPLIT_HEADS)
def by_rearrange(x, n_heads):
    return rearrange(x, "b t (h d) -> b h t d", h=n_heads)


@right(SPLIT_HEADS)
def by_chunks(x, n_heads):
    return torch.stack(x.chunk(n_heads, dim=-1), dim=1)


@wrong(SPLIT_HEADS, "wrong reshape")
def straight_reshape(x, n_heads):
    batch, position, width = x.shape
    return x.reshape(batch, n_heads, position, width // n_heads)


@wrong(SPLIT_HEADS, "wrong reshape")
def positions_in_blocks(x, n_heads):
    return rearrange(x.flatten(1), "b (h t d) -> b h t d", h=n_heads, t=x.shape[1])


@wrong(SPLIT_HEADS, "channels dealt out")
def every_nth_channel(x, n_heads):
    return torch.stack([x[..., h::n_heads] for h in range(n_heads)], dim=1)


@wrong(SPLIT_HEADS, "channels dealt out")
def head_axis_last(x, n_heads):
    return rearrange(x, "b t (d h) -> b h t d", h=n_heads)


@wrong(SPLIT_HEADS, "axes left where they were")
def only_the_view(x, n_heads):
    return x.view(*x.shape[:2], n_heads, -1)


@wrong(SPLIT_HEADS, "axes left where they were")
def stacked_behind(x, n_heads):
    return torch.stack(x.chunk(n_heads, dim=-1), dim=2)


@right(SHARE_HEADS)
def by_repeat_interleave(kv, n_heads):
    return kv.repeat_interleave(n_heads // kv.shape[1], dim=1)


@right(SHARE_HEADS)
def by_expand(kv, n_heads):
    batch, kv_heads, position, head_dim = kv.shape
    group = n_heads // kv_heads
    return kv[:, :, None].expand(-1, -1, group, -1, -1).reshape(batch, n_heads, position, head_dim)


@right(SHARE_HEADS)
def by_indices(kv, n_heads):
    return kv[:, torch.arange(n_heads) * kv.shape[1] // n_heads]


@wrong(SHARE_HEADS, "repeat for repeat_interleave")
def by_repeat(kv, n_heads):
    return kv.repeat(1, n_heads // kv.shape[1], 1, 1)


@wrong(SHARE_HEADS, "repeat for repeat_interleave")
def by_concatenation(kv, n_heads):
    return torch.cat([kv] * (n_heads // kv.shape[1]), dim=1)


@wrong(SHARE_HEADS, "repeat for repeat_interleave")
def group_axis_in_front(kv, n_heads):
    return repeat(kv, "b h t d -> b (g h) t d", g=n_heads // kv.shape[1])


@wrong(SHARE_HEADS, "copied along another axis")
def along_positions(kv, n_heads):
    return kv.repeat_interleave(n_heads // kv.shape[1], dim=2)


@wrong(SHARE_HEADS, "copied along another axis")
def along_the_batch(kv, n_heads):
    return kv.repeat_interleave(n_heads // kv.shape[1], dim=0)


@wrong(SHARE_HEADS, "copied along another axis")
def texts_after_texts(kv, n_heads):
    return kv.repeat(1, 1, n_heads // kv.shape[1], 1)


@wrong(SHARE_HEADS, "too many copies")
def n_heads_copies_of_each(kv, n_heads):
    return torch.repeat_interleave(kv, n_heads, 1)


@wrong(SHARE_HEADS, "too many copies")
def n_heads_copies_of_all(kv, n_heads):
    return torch.cat([kv for _ in range(n_heads)], dim=1)


@right(CACHE_BYTES)
def product(n_layers, n_heads, n_kv_heads, head_dim, n_positions, bytes_per_number):
    return 2 * n_layers * n_kv_heads * head_dim * n_positions * bytes_per_number


@right(CACHE_BYTES)
def counted_per_head(n_layers, n_heads, n_kv_heads, head_dim, n_positions, bytes_per_number):
    per_head = (head_dim + head_dim) * bytes_per_number
    return torch.tensor(sum(per_head * n_positions for _ in range(n_layers * n_kv_heads)))


@wrong(CACHE_BYTES, "query heads counted")
def all_heads(n_layers, n_heads, n_kv_heads, head_dim, n_positions, bytes_per_number):
    return 2 * n_layers * n_heads * head_dim * n_positions * bytes_per_number


@wrong(CACHE_BYTES, "query heads counted")
def the_model_width(n_layers, n_heads, n_kv_heads, head_dim, n_positions, bytes_per_number):
    dim = n_heads * head_dim
    return n_layers * n_positions * (dim + dim) * bytes_per_number


@wrong(CACHE_BYTES, "keys only")
def no_values(n_layers, n_heads, n_kv_heads, head_dim, n_positions, bytes_per_number):
    return n_layers * n_kv_heads * head_dim * n_positions * bytes_per_number


@wrong(CACHE_BYTES, "keys only")
def one_tensor(n_layers, n_heads, n_kv_heads, head_dim, n_positions, bytes_per_number):
    cache = torch.empty(n_layers, n_kv_heads, n_positions, head_dim, device="meta")
    return cache.numel() * bytes_per_number


@wrong(CACHE_BYTES, "numbers for bytes")
def elements(n_layers, n_heads, n_kv_heads, head_dim, n_positions, bytes_per_number):
    return 2 * n_layers * n_kv_heads * head_dim * n_positions


@wrong(CACHE_BYTES, "numbers for bytes")
def elements_of_two_tensors(n_layers, n_heads, n_kv_heads, head_dim, n_positions, bytes_per_number):
    keys = torch.empty(n_layers, n_kv_heads, n_positions, head_dim, device="meta")
    return keys.numel() + torch.empty_like(keys).numel()


@wrong(CACHE_BYTES, "one layer only")
def a_single_layer(n_layers, n_heads, n_kv_heads, head_dim, n_positions, bytes_per_number):
    return 2 * n_kv_heads * head_dim * n_positions * bytes_per_number


@wrong(CACHE_BYTES, "one layer only")
def the_last_layer(n_layers, n_heads, n_kv_heads, head_dim, n_positions, bytes_per_number):
    for _layer in range(n_layers):
        total = n_positions * n_kv_heads * (head_dim + head_dim) * bytes_per_number
    return total


@wrong(CACHE_BYTES, "one position only")
def per_token(n_layers, n_heads, n_kv_heads, head_dim, n_positions, bytes_per_number):
    return 2 * n_layers * n_kv_heads * head_dim * bytes_per_number


@wrong(CACHE_BYTES, "one position only")
def per_token_in_a_loop(n_layers, n_heads, n_kv_heads, head_dim, n_positions, bytes_per_number):
    return sum(n_kv_heads * 2 * head_dim * bytes_per_number for _ in range(n_layers))
