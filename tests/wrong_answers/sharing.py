"""Lesson 02: answers to the exercises on heads, shared keys and values, and the cache."""

import math

import torch
import torch.nn.functional as F
from einops import rearrange, repeat

from lessons_lib.checks.sharing.append import APPEND
from lessons_lib.checks.sharing.heads import SHARE_HEADS, SPLIT_HEADS
from lessons_lib.checks.sharing.scores import SHARED_SCORES
from lessons_lib.checks.sharing.size import CACHE_BYTES
from lessons_lib.checks.sharing.step import STEP
from lessons_lib.model import apply_rope
from wrong_answers import refused, right, wrong


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


@right(APPEND)
def in_place(buffer, length, new):
    end = length + new.shape[2]
    buffer[:, :, length:end] = new
    return buffer, end


@right(APPEND)
def appended_by_concatenation(buffer, length, new):
    end = length + new.shape[2]
    return torch.cat([buffer[:, :, :length], new, buffer[:, :, end:]], dim=2), end


@right(APPEND)
def by_narrow_and_list(buffer, length, new):
    out = buffer.clone()
    out.narrow(2, length, new.size(2)).copy_(new)
    return [out, torch.tensor(length + new.size(2))]


@wrong(APPEND, "wrong side")
def new_in_front(buffer, length, new):
    old = buffer[:, :, : buffer.shape[2] - new.shape[2]]
    return torch.cat([new, old], dim=2), length + new.shape[2]


@wrong(APPEND, "wrong side")
def shifted_back(buffer, length, new):
    out = buffer.roll(new.shape[2], dims=2)
    out[:, :, : new.shape[2]] = new
    return out, length + new.shape[2]


@wrong(APPEND, "old positions overwritten")
def written_at_the_start(buffer, length, new):
    buffer[:, :, : new.shape[2]] = new
    return buffer, length + new.shape[2]


@wrong(APPEND, "old positions overwritten")
def glued_to_the_rest(buffer, length, new):
    return torch.cat([new, buffer[:, :, new.shape[2] :]], dim=2), length + new.shape[2]


@wrong(APPEND, "put at the end of the buffer")
def written_at_the_end(buffer, length, new):
    buffer[:, :, -new.shape[2] :] = new
    return buffer, length + new.shape[2]


@wrong(APPEND, "put at the end of the buffer")
def glued_to_the_end(buffer, length, new):
    kept = buffer[:, :, : buffer.shape[2] - new.shape[2]]
    return torch.cat([kept, new], dim=2), length + new.shape[2]


@wrong(APPEND, "last position overwritten")
def one_too_early(buffer, length, new):
    buffer[:, :, length - 1 : length - 1 + new.shape[2]] = new
    return buffer, length + new.shape[2]


@wrong(APPEND, "last position overwritten")
def one_too_early_by_index(buffer, length, new):
    for i in range(new.shape[2]):
        buffer[:, :, length + i - 1] = new[:, :, i]
    return buffer, length + new.shape[2]


@wrong(APPEND, "not advanced")
def same_length(buffer, length, new):
    buffer[:, :, length : length + new.shape[2]] = new
    return buffer, length


@wrong(APPEND, "not advanced")
def same_length_by_index(buffer, length, new):
    out = buffer.clone()
    out.index_copy_(2, torch.arange(length, length + new.shape[2]), new)
    return out, length


@wrong(APPEND, "advanced by one")
def one_more(buffer, length, new):
    buffer[:, :, length : length + new.shape[2]] = new
    return buffer, length + 1


@wrong(APPEND, "advanced by one")
def one_more_after_concatenation(buffer, length, new):
    rest = buffer[:, :, length + new.shape[2] :]
    return torch.cat([buffer[:, :, :length], new, rest], dim=2), length + 1


def attend(q, keys, values, seen):
    scores = q @ keys.mT / math.sqrt(q.shape[-1])
    return scores.masked_fill(~seen, -torch.inf).softmax(-1) @ values


@right(STEP)
def with_a_mask(q, k, v, cached_keys, cached_values, table):
    old, new = cached_keys.shape[2], k.shape[2]
    rows = table[old : old + new]
    keys = torch.cat([cached_keys, apply_rope(k, rows)], dim=2)
    values = torch.cat([cached_values, v], dim=2)
    seen = torch.ones(new, old + new, dtype=torch.bool).tril(old)
    return attend(apply_rope(q, rows), keys, values, seen), keys, values


@right(STEP)
def one_query_at_a_time(q, k, v, cached_keys, cached_values, table):
    keys, values, outputs = cached_keys, cached_values, []
    for i in range(q.shape[2]):
        row = table[keys.shape[2]][None]
        keys = torch.cat([keys, apply_rope(k[:, :, i : i + 1], row)], dim=2)
        values = torch.cat([values, v[:, :, i : i + 1]], dim=2)
        query = apply_rope(q[:, :, i : i + 1], row)
        outputs.append(F.scaled_dot_product_attention(query, keys, values))
    return torch.cat(outputs, dim=2), keys, values


@wrong(STEP, "position not offset")
def rows_from_the_start(q, k, v, cached_keys, cached_values, table):
    return with_a_mask(q, k, v, cached_keys, cached_values, table.roll(cached_keys.shape[2], 0))


@wrong(STEP, "position not offset")
def table_cut_to_the_new(q, k, v, cached_keys, cached_values, table):
    new, old = q.shape[2], cached_keys.shape[2]
    q, k = apply_rope(q, table[:new]), apply_rope(k, table[:new])
    keys, values = torch.cat([cached_keys, k], 2), torch.cat([cached_values, v], 2)
    seen = torch.arange(old + new)[None, :] <= old + torch.arange(new)[:, None]
    return F.scaled_dot_product_attention(q, keys, values, attn_mask=seen), keys, values


@wrong(STEP, "position off by one")
def rows_one_too_early(q, k, v, cached_keys, cached_values, table):
    return with_a_mask(q, k, v, cached_keys, cached_values, table.roll(1, 0))


@wrong(STEP, "position off by one")
def rows_one_too_late(q, k, v, cached_keys, cached_values, table):
    old, new = cached_keys.shape[2], k.shape[2]
    rows = table[old + 1 : old + 1 + new]
    keys = torch.cat([cached_keys, apply_rope(k, rows)], dim=2)
    values = torch.cat([cached_values, v], dim=2)
    seen = torch.ones(new, old + new).tril(old) == 1
    return attend(apply_rope(q, rows), keys, values, seen), keys, values


@wrong(STEP, "wrong side")
def new_before_old(q, k, v, cached_keys, cached_values, table):
    old, new = cached_keys.shape[2], k.shape[2]
    rows = table[old : old + new]
    keys = torch.cat([apply_rope(k, rows), cached_keys], dim=2)
    values = torch.cat([v, cached_values], dim=2)
    seen = torch.ones(new, old + new, dtype=torch.bool).tril(old)
    return attend(apply_rope(q, rows), keys, values, seen), keys, values


@wrong(STEP, "wrong side")
def new_before_old_causal(q, k, v, cached_keys, cached_values, table):
    old = cached_keys.shape[2]
    q, k = (apply_rope(x, table[old : old + x.shape[2]]) for x in (q, k))
    keys, values = torch.cat([k, cached_keys], 2), torch.cat([v, cached_values], 2)
    return F.scaled_dot_product_attention(q, keys, values, is_causal=True), keys, values


@wrong(STEP, "not advanced")
def returns_the_old_cache(q, k, v, cached_keys, cached_values, table):
    output, _, _ = with_a_mask(q, k, v, cached_keys, cached_values, table)
    return output, cached_keys, cached_values


@wrong(STEP, "not advanced")
def forgets_to_keep_the_new(q, k, v, cached_keys, cached_values, table):
    output, keys, values = one_query_at_a_time(q, k, v, cached_keys, cached_values, table)
    old = cached_keys.shape[2]
    return output, keys[:, :, :old], values[:, :, :old]


@wrong(STEP, "mask from the wrong corner")
def is_causal_of_torch(q, k, v, cached_keys, cached_values, table):
    old, new = cached_keys.shape[2], k.shape[2]
    rows = table[old : old + new]
    q, k = apply_rope(q, rows), apply_rope(k, rows)
    keys, values = torch.cat([cached_keys, k], 2), torch.cat([cached_values, v], 2)
    return F.scaled_dot_product_attention(q, keys, values, is_causal=True), keys, values


@wrong(STEP, "mask from the wrong corner")
def tril_without_offset(q, k, v, cached_keys, cached_values, table):
    _, keys, values = with_a_mask(q, k, v, cached_keys, cached_values, table)
    old, new = cached_keys.shape[2], k.shape[2]
    seen = torch.ones(new, old + new, dtype=torch.bool).tril()
    return attend(apply_rope(q, table[old : old + new]), keys, values, seen), keys, values


@wrong(STEP, "no mask")
def everything_seen(q, k, v, cached_keys, cached_values, table):
    _, keys, values = with_a_mask(q, k, v, cached_keys, cached_values, table)
    old, new = cached_keys.shape[2], k.shape[2]
    q = apply_rope(q, table[old : old + new])
    return F.scaled_dot_product_attention(q, keys, values), keys, values


@wrong(STEP, "no mask")
def mask_of_ones(q, k, v, cached_keys, cached_values, table):
    old = cached_keys.shape[2]
    rows = table[old : old + k.shape[2]]
    keys = torch.cat([cached_keys, apply_rope(k, rows)], dim=2)
    values = torch.cat([cached_values, v], dim=2)
    seen = torch.ones(q.shape[2], keys.shape[2], dtype=torch.bool)
    return attend(apply_rope(q, rows), keys, values, seen), keys, values


@wrong(STEP, "cache not read")
def attends_to_the_new(q, k, v, cached_keys, cached_values, table):
    old = cached_keys.shape[2]
    q, k = (apply_rope(x, table[old : old + x.shape[2]]) for x in (q, k))
    output = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    return output, torch.cat([cached_keys, k], 2), torch.cat([cached_values, v], 2)


@wrong(STEP, "cache not read")
def attends_to_the_new_by_hand(q, k, v, cached_keys, cached_values, table):
    _, keys, values = with_a_mask(q, k, v, cached_keys, cached_values, table)
    old, new = cached_keys.shape[2], k.shape[2]
    seen = torch.ones(new, new, dtype=torch.bool).tril()
    q = apply_rope(q, table[old : old + new])
    return attend(q, keys[:, :, old:], values[:, :, old:], seen), keys, values


@wrong(STEP, "cached keys turned again")
def turns_after_joining(q, k, v, cached_keys, cached_values, table):
    old, new = cached_keys.shape[2], k.shape[2]
    keys = apply_rope(torch.cat([cached_keys, k], dim=2), table[: old + new])
    values = torch.cat([cached_values, v], dim=2)
    seen = torch.ones(new, old + new, dtype=torch.bool).tril(old)
    return attend(apply_rope(q, table[old : old + new]), keys, values, seen), keys, values


@wrong(STEP, "cached keys turned again")
def turns_the_cache_first(q, k, v, cached_keys, cached_values, table):
    cached_keys = apply_rope(cached_keys, table[: cached_keys.shape[2]])
    return one_query_at_a_time(q, k, v, cached_keys, cached_values, table)


@wrong(STEP, "values turned")
def turns_all_three(q, k, v, cached_keys, cached_values, table):
    old = cached_keys.shape[2]
    v = apply_rope(v, table[old : old + v.shape[2]])
    return with_a_mask(q, k, v, cached_keys, cached_values, table)


@wrong(STEP, "values turned")
def turns_values_one_at_a_time(q, k, v, cached_keys, cached_values, table):
    old = cached_keys.shape[2]
    turned = [apply_rope(v[:, :, i : i + 1], table[old + i][None]) for i in range(v.shape[2])]
    return one_query_at_a_time(q, k, torch.cat(turned, 2), cached_keys, cached_values, table)


# --- two mistakes at once, and what only some cases show


@wrong(STEP, "rows from the table's end")
def with_the_last_rows(q, k, v, cached_keys, cached_values, table):
    n_old, n_new = cached_keys.shape[2], q.shape[2]
    q, k = (apply_rope(x, table[-n_new:]) for x in (q, k))
    keys, values = torch.cat([cached_keys, k], dim=2), torch.cat([cached_values, v], dim=2)
    mask = torch.ones(n_new, n_old + n_new).tril(n_old).bool()
    return F.scaled_dot_product_attention(q, keys, values, attn_mask=mask), keys, values


@wrong(STEP, "rows from the table's end")
def with_rows_counted_from_behind(q, k, v, cached_keys, cached_values, table):
    n_new, first = k.shape[2], len(table) - k.shape[2]
    k = apply_rope(k, table[first:])
    keys, values = torch.cat([cached_keys, k], 2), torch.cat([cached_values, v], 2)
    scores = apply_rope(q, table[first:]) @ keys.mT / q.shape[-1] ** 0.5
    hidden = torch.ones_like(scores, dtype=torch.bool).triu(keys.shape[2] - n_new + 1)
    return scores.masked_fill(hidden, -torch.inf).softmax(-1) @ values, keys, values


@refused(STEP, "Hint: two things at once")
def from_row_0_and_without_a_mask(q, k, v, cached_keys, cached_values, table):
    rows = table[: q.shape[2]]
    keys = torch.cat([cached_keys, apply_rope(k, rows)], 2)
    values = torch.cat([cached_values, v], 2)
    return F.scaled_dot_product_attention(apply_rope(q, rows), keys, values), keys, values


@refused(CACHE_BYTES, "8 times what it should be")
def bits(n_layers, n_heads, n_kv_heads, head_dim, n_positions, bytes_per_number):
    return 16 * n_layers * n_kv_heads * head_dim * n_positions * bytes_per_number


@refused(SPLIT_HEADS, "its axes 2 and 3 are exchanged")
def channels_before_positions(x, n_heads):
    return x.unflatten(-1, (n_heads, -1)).permute(0, 2, 3, 1)


@refused(APPEND, "an empty buffer")
def never_at_the_first_place(buffer, length, new):
    first = max(length, 1)
    buffer[:, :, first : first + new.shape[2]] = new
    return buffer, length + new.shape[2]


@right(CACHE_BYTES)
def in_a_tensor_of_shape_1(n_layers, n_heads, n_kv_heads, head_dim, n_positions, bytes_per_number):
    return torch.tensor([2 * n_layers * n_kv_heads * head_dim * n_positions * bytes_per_number])


# --- scores of shared keys, none of them copied


@right(SHARED_SCORES)
def queries_in_groups(q, keys):
    grouped = q.unflatten(1, (keys.shape[1], -1))  # (batch, set, head of the set, new, d)
    return (grouped @ keys.unsqueeze(2).mT).flatten(1, 2) / q.shape[-1] ** 0.5


@right(SHARED_SCORES)
def queries_of_a_set_as_rows(q, keys):
    rows = q.reshape(*keys.shape[:2], -1, q.shape[-1])  # all heads of a set, one under the other
    return (rows @ keys.transpose(2, 3)).reshape(*q.shape[:3], -1) / math.sqrt(q.shape[3])


@right(SHARED_SCORES)
def one_head_after_the_other(q, keys):
    group = q.shape[1] // keys.shape[1]
    scores = [q[:, h] @ keys[:, h // group].mT / q.shape[-1] ** 0.5 for h in range(q.shape[1])]
    return torch.stack(scores, dim=1)


@right(SHARED_SCORES)
def by_einsum_over_sets(q, keys):
    grouped = rearrange(q, "b (k g) t d -> b k g t d", k=keys.shape[1])
    scores = torch.einsum("bkgtd,bksd->bkgts", grouped, keys) * q.shape[-1] ** -0.5
    return rearrange(scores, "b k g t s -> b (k g) t s")


@wrong(SHARED_SCORES, "sets taken in turn")
def the_rest_of_a_division(q, keys):
    scores = [q[:, h] @ keys[:, h % keys.shape[1]].mT for h in range(q.shape[1])]
    return torch.stack(scores, dim=1) / q.shape[-1] ** 0.5


@wrong(SHARED_SCORES, "sets taken in turn")
def sets_on_the_inner_axis(q, keys):
    grouped = rearrange(q, "b (g k) t d -> b g k t d", k=keys.shape[1])
    return (grouped @ keys[:, None].mT).flatten(1, 2) / q.shape[-1] ** 0.5


@wrong(SHARED_SCORES, "heads out of order")
def flattened_the_other_way(q, keys):
    grouped = rearrange(q, "b (k g) t d -> b k g t d", k=keys.shape[1])
    scores = torch.einsum("bkgtd,bksd->bgkts", grouped, keys) / q.shape[-1] ** 0.5
    return scores.flatten(1, 2)


@wrong(SHARED_SCORES, "heads out of order")
def first_head_of_each_set_first(q, keys):
    group = q.shape[1] // keys.shape[1]
    order = [k * group + g for g in range(group) for k in range(keys.shape[1])]
    return torch.stack([q[:, h] @ keys[:, h // group].mT for h in order], 1) / q.shape[-1] ** 0.5


@wrong(SHARED_SCORES, "scale missing")
def products_alone(q, keys):
    return (q.unflatten(1, (keys.shape[1], -1)) @ keys.unsqueeze(2).mT).flatten(1, 2)


@wrong(SHARED_SCORES, "scale missing")
def products_of_rows_alone(q, keys):
    return (q.reshape(*keys.shape[:2], -1, q.shape[-1]) @ keys.mT).reshape(*q.shape[:3], -1)


@wrong(SHARED_SCORES, "divided by the width")
def root_forgotten(q, keys):
    return queries_in_groups(q, keys) * q.shape[-1] ** 0.5 / q.shape[-1]


@wrong(SHARED_SCORES, "divided by the width")
def queries_and_keys_scaled(q, keys):
    d = q.shape[-1] ** 0.5
    return products_alone(q / d, keys / d)


@wrong(SHARED_SCORES, "scaled by all heads")
def root_of_the_model_width(q, keys):
    return products_alone(q, keys) / (q.shape[1] * q.shape[3]) ** 0.5


@wrong(SHARED_SCORES, "scaled by all heads")
def width_of_heads_side_by_side(q, keys):
    together = rearrange(q, "b h t d -> b t (h d)").shape[-1]
    return products_of_rows_alone(q, keys) / math.sqrt(together)


@wrong(SHARED_SCORES, "heads of a group added up")
def einsum_without_the_head(q, keys):
    grouped = q.unflatten(1, (keys.shape[1], -1))
    return torch.einsum("bkgtd,bksd->bkts", grouped, keys) / q.shape[-1] ** 0.5


@wrong(SHARED_SCORES, "heads of a group added up")
def queries_added_first(q, keys):
    return q.unflatten(1, (keys.shape[1], -1)).sum(2) @ keys.mT / q.shape[-1] ** 0.5


@wrong(SHARED_SCORES, "softmax too")
def weights_in_place_of_scores(q, keys):
    return queries_in_groups(q, keys).softmax(dim=-1)


@wrong(SHARED_SCORES, "softmax too")
def weights_by_rows(q, keys):
    return F.softmax(queries_of_a_set_as_rows(q, keys), -1)


@refused(SHARED_SCORES, "repeat_interleave")
def keys_copied(q, keys):
    keys = keys.repeat_interleave(q.shape[1] // keys.shape[1], dim=1)
    return q @ keys.mT / q.shape[-1] ** 0.5
