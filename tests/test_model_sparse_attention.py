"""Sparse attention against its equations as loops, and what must stay true of it.

Oracles: loops over texts, positions and heads (V3.2-Exp report, equations 1 and 2, and latent attention
rebuilt key by key); `LatentAttention` itself where nothing is left out; torch's own divergence for the
indexer's loss. In float64, so that 1e-10 is far above rounding and below any mistake.
"""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from test_model_latent_attention import draw, draw_tokens, redraw, slow_latent_attention, slow_norm

from lessons_lib.config import ModelConfig
from lessons_lib.model import (
    LatentAttention,
    SparseAttention,
    Transformer,
    indexer_loss,
)
from lessons_lib.model.sparse_attention import by_attention, by_position, choosing

SPARSE = ModelConfig(
    vocab_size=11,
    dim=12,
    n_layers=2,
    n_heads=3,
    max_seq_len=32,
    kv_lora_rank=8,
    q_lora_rank=10,
    qk_nope_head_dim=6,
    qk_rope_head_dim=4,
    v_head_dim=5,
    index_n_heads=8,
    index_head_dim=7,
    index_topk=4,
)
SHAPES = {
    "queries through a latent": SPARSE,
    "queries uncompressed": replace(SPARSE, q_lora_rank=None),
    "half against half": replace(SPARSE, rope_interleaved=False),
    "all of a key is turned": replace(SPARSE, index_head_dim=4),
    "one pair, one head": replace(SPARSE, n_heads=1, qk_rope_head_dim=2, qk_nope_head_dim=1),
    "one position": replace(SPARSE, index_topk=1),
    "YaRN": replace(SPARSE, rope_factor=8.0, original_seq_len=16, mscale=0.7),
}
NAMES = pytest.mark.parametrize("shape", SHAPES)


def build_layer(config=SPARSE, seed=0):
    return redraw(SparseAttention(config), seed)


def build_model(config=SPARSE):
    return redraw(Transformer(config))


def table(config, n):
    return Transformer(config).rope[:n]


def turned_in_halves(x, position, config, rotary):
    """Turn channel i with channel i + rotary / 2, whatever the layout of the attention."""
    out, half = x.clone(), rotary // 2
    frequencies = [math.atan2(*pair.flip(0).tolist()) for pair in table(config, 2)[1]]
    for i, frequency in enumerate(frequencies):
        a, b, angle = x[i], x[i + half], position * frequency
        out[i], out[i + half] = (
            math.cos(angle) * a - math.sin(angle) * b,
            math.sin(angle) * a + math.cos(angle) * b,
        )
    return out


def slow_scores(layer, config, text):
    """I_{t,s}: a head, a query, a key at a time (equation 1), with the scales of the released code."""
    indexer, rotary = layer.indexer, config.qk_rope_head_dim
    width, heads = config.index_head_dim, config.index_n_heads
    keys = []
    for s, h in enumerate(text):
        k = indexer.wk.weight @ h
        k = (k - k.mean()) / (k.var(correction=0) + 1e-6).sqrt() * indexer.k_norm.weight + indexer.k_norm.bias
        keys.append(turned_in_halves(k, s, config, rotary))
    scores = torch.full((len(text), len(text)), -torch.inf, dtype=text.dtype)
    for t, h in enumerate(text):
        latent = h if config.q_lora_rank is None else slow_norm(layer.wq_a.weight @ h, layer.q_norm.weight)
        queries = (indexer.wq_b.weight @ latent).chunk(heads)
        weights = indexer.weights_proj.weight @ h / heads**0.5
        for s in range(t + 1):
            each = [turned_in_halves(q, t, config, rotary) @ keys[s] / width**0.5 for q in queries]
            scores[t, s] = sum(w * max(e, 0) for w, e in zip(weights, each))
    return scores


def slow_sparse_attention(layer, config, x, scores):
    """Latent attention, text by text, in which a query sees its best `index_topk` positions alone."""
    out = torch.zeros_like(x)
    for b, text in enumerate(x):
        for t in range(len(text)):
            best = scores[b, t, : t + 1].topk(min(config.index_topk, t + 1)).indices.tolist()
            out[b, t] = look_at(layer, config, text, t, best)
    return out


def look_at(layer, config, text, t, best):
    """The answer of position t that sees the positions `best` alone (equations 1 to 11 of V3)."""
    rope = table(config, len(text))
    q_nope, q_rotary = layer.queries(text[None], rope)
    memory, n = layer.memory(text[None], rope)[0], config.qk_nope_head_dim
    heads = []
    for i in range(config.n_heads):
        w = layer.wkv_b.weight.chunk(config.n_heads)[i]
        q = torch.cat([q_nope[0, i, t], q_rotary[0, i, t]])
        latents, rotary = memory[best].split([config.kv_lora_rank, config.qk_rope_head_dim], dim=1)
        scores = [q @ torch.cat([w[:n] @ c, k]) * layer.scale for c, k in zip(latents, rotary)]
        weights = torch.stack(scores).softmax(0)
        heads.append(sum(weight * (w[n:] @ c) for weight, c in zip(weights, latents)))
    return layer.wo.weight @ torch.cat(heads)


@NAMES
def test_the_indexer_equals_its_equation_as_loops(shape):
    config, layer = SHAPES[shape], build_layer(SHAPES[shape])
    x = draw(2, 6, 12)
    with torch.no_grad():
        found = layer.index_scores(x, table(config, 6))
        expected = torch.stack([slow_scores(layer, config, text) for text in x])
    torch.testing.assert_close(found, expected, atol=1e-10, rtol=0)
    assert (expected[expected > -torch.inf] != 0).double().mean() > 0.5


@NAMES
def test_sparse_attention_looks_at_the_best_positions_alone(shape):
    config, layer = SHAPES[shape], build_layer(SHAPES[shape])
    x = draw(2, 9, 12)
    with torch.no_grad():
        scores = torch.stack([slow_scores(layer, config, text) for text in x])
        expected = slow_sparse_attention(layer, config, x, scores)
        found = layer(x, table(config, 9))
    torch.testing.assert_close(found, expected, atol=1e-10, rtol=0)
    dense = slow_latent_attention(layer, config, x) if shape != "YaRN" else expected + 1
    assert (expected - dense)[:, config.index_topk :].abs().max() > 1e-3  # something was left out


@pytest.mark.parametrize("cut", [(9,), (1,) * 9, (3, 6), (5, 3, 1), (8, 1)])
@NAMES
def test_a_model_reads_the_same_at_once_or_with_a_cache(shape, cut):
    model, tokens = build_model(SHAPES[shape]), draw_tokens(2, 9)
    cache = model.new_cache(2)
    with torch.no_grad():
        whole = model(tokens)
        parts = torch.cat([model(piece, cache) for piece in tokens.split(cut, 1)], dim=1)
    torch.testing.assert_close(parts, whole, atol=1e-10, rtol=0)


@pytest.mark.parametrize("topk", [9, 10, 32])
@NAMES
def test_with_room_for_all_it_is_latent_attention_bit_for_bit(shape, topk):
    config = replace(SHAPES[shape], index_topk=topk)
    sparse, tokens = build_model(config), draw_tokens(2, 9)
    plain = Transformer(replace(config, index_n_heads=None, index_head_dim=None, index_topk=None)).double()
    missing, unexpected = plain.load_state_dict(sparse.state_dict(), strict=False)
    assert not missing and all(".indexer." in name for name in unexpected)
    with torch.no_grad():
        assert torch.equal(sparse(tokens), plain(tokens))
        ours, theirs = sparse.new_cache(2), plain.new_cache(2)
        for piece in tokens.split((4, 1, 4), 1):
            assert torch.equal(sparse(piece, ours), plain(piece, theirs))


def test_no_position_sees_a_later_token_not_even_by_the_choice():
    model, tokens = build_model(), draw_tokens(2, 12)
    changed = tokens.clone()
    changed[:, 8] = (changed[:, 8] + 1) % 11
    with torch.no_grad():
        before, after = model(tokens), model(changed)
    assert torch.equal(before[:, :8], after[:, :8])
    assert (before[:, 8] - after[:, 8]).abs().max() > 1e-6


def test_a_choice_has_no_gradient_and_what_was_chosen_has():
    layer, x = build_layer(), draw(2, 9, 12)
    layer(x, table(SPARSE, 9)).square().sum().backward()
    assert all(weight.grad is None for weight in layer.indexer.parameters())
    assert layer.wkv_b.weight.grad.abs().max() > 0 and layer.wq_b.weight.grad.abs().max() > 0


def test_the_gradient_is_that_of_attention_under_a_mask():
    layer, x, rope = build_layer(), draw(2, 9, 12), table(SPARSE, 9)
    ids = layer.index_scores(x, rope).topk(4, dim=-1).indices
    kept = torch.zeros(2, 9, 9, dtype=torch.bool).scatter(2, ids, True).tril()

    def masked():
        (q_nope, q_rotary), memory = layer.queries(x, rope), layer.memory(x, rope)
        w = layer.wkv_b.weight.unflatten(0, (3, -1))
        k_nope, v = torch.einsum("bsc,hnc->bhsn", memory[..., :8], w).split([6, 5], dim=-1)
        scores = q_nope @ k_nope.mT + q_rotary @ memory[:, None, :, 8:].mT
        weights = (layer.scale * scores).masked_fill(~kept[:, None], -torch.inf).softmax(-1)
        return layer.wo((weights @ v).transpose(1, 2).flatten(2))

    weights = [w for name, w in layer.named_parameters() if "indexer" not in name]
    for ours, theirs in zip(
        torch.autograd.grad(layer(x, rope).square().sum(), weights),
        torch.autograd.grad(masked().square().sum(), weights),
    ):
        torch.testing.assert_close(ours, theirs, atol=1e-9, rtol=0)


def test_what_is_remembered_is_one_row_of_latent_rotary_key_and_index_key():
    layer, model, x = build_layer(), build_model().float(), draw(1, 5, 12)
    cache = model.new_cache(3)
    assert cache.vectors.shape == (2, 3, 32, 8 + 4 + 7)
    model(draw_tokens(3, 5), cache)
    assert cache.n_bytes() == 2 * 3 * 5 * (8 + 4 + 7) * 4
    assert layer.indexer.keys(x, table(SPARSE, 5)).shape == (1, 5, 7)


# ---- the indexer's loss


@pytest.mark.parametrize("kept", [False, True])
def test_the_loss_is_torchs_divergence_row_by_row(kept):
    layer, x, rope = build_layer(), draw(2, 9, 12), table(SPARSE, 9)
    scores, attention = layer.index_scores(x, rope), layer.own_weights(x, rope)
    keep = torch.ones(9, 9, dtype=torch.bool).tril().expand(2, 9, 9)
    if kept:
        best = scores.topk(4, dim=-1).indices
        keep = torch.zeros(2, 9, 9, dtype=torch.bool).scatter(2, best, True) & keep
    rows = []
    for b in range(2):
        for t in range(9):
            p = attention[b, :, t][:, keep[b, t]].sum(0)
            q = scores[b, t][keep[b, t]].log_softmax(0)
            rows.append(F.kl_div(q, p / p.sum(), reduction="sum"))
    found = indexer_loss(scores, attention, keep if kept else None)
    torch.testing.assert_close(found, torch.stack(rows).mean(), atol=1e-10, rtol=0)
    found.backward()
    assert all(w.grad is not None and w.grad.isfinite().all() for w in layer.indexer.parameters())
    assert layer.wkv_b.weight.grad is None  # the attention is the teacher, and is not moved


def test_own_weights_are_those_of_the_dense_form():
    layer, x, rope = build_layer(replace(SPARSE, index_topk=9)), draw(2, 9, 12), table(SPARSE, 9)
    with torch.no_grad():
        weights = layer.own_weights(x, rope)
        v = layer.wkv_b(layer.memory(x, rope)[..., :8]).unflatten(-1, (3, -1)).transpose(1, 2)[..., 6:]
        answer = layer.wo((weights @ v).transpose(1, 2).flatten(2))
        torch.testing.assert_close(answer, layer(x, rope), atol=1e-10, rtol=0)
    assert weights.triu(1).abs().max() == 0


# ---- who chooses


def test_a_window_sees_the_last_positions_and_no_other():
    model, tokens = build_model(replace(SPARSE, n_layers=1)), draw_tokens(1, 12)
    with torch.no_grad(), choosing(model, by_position):
        before = model(tokens)
        for place in range(12):
            changed = tokens.clone()
            changed[0, place] = (changed[0, place] + 1) % 11
            moved = (model(changed) - before).abs().amax(-1)[0] > 1e-9
            assert moved.nonzero().flatten().tolist() == list(range(place, min(place + 4, 12)))


def test_ones_own_attention_keeps_the_most_of_it():
    layer, x, rope = build_layer(), draw(2, 9, 12), table(SPARSE, 9)
    with torch.no_grad():
        weights = layer.own_weights(x, rope).sum(1)
        for k in (1, 3, 9):
            best = by_attention(layer, x, rope, x).topk(k, dim=-1).indices
            own = by_position(layer, x, rope, x).topk(k, dim=-1).indices
            assert (weights.gather(2, best).sum(-1) >= weights.gather(2, own).sum(-1) - 1e-12).all()


def test_the_choice_is_lent_for_a_block_and_given_back_whatever_happens():
    model, tokens = build_model(), draw_tokens(2, 9)
    with torch.no_grad():
        before = model(tokens)
        with pytest.raises(RuntimeError), choosing(model, by_position, topk=2):
            assert [b.attention.topk for b in model.layers] == [2, 2]
            assert (model(tokens) - before).abs().max() > 1e-6
            raise RuntimeError
        assert torch.equal(model(tokens), before)
        with choosing(model, topk=9):
            dense = model(tokens)
        with choosing(model, by_attention, topk=9):
            assert torch.equal(model(tokens), dense)
    plain = Transformer(replace(SPARSE, index_n_heads=None, index_head_dim=None, index_topk=None))
    with pytest.raises(ValueError, match="no sparse attention"), choosing(plain):
        pass
    with pytest.raises(ValueError, match="topk must be at least 1, got 0"), choosing(model, topk=0):
        pass


# ---- ties


def test_few_heads_make_ties_and_eight_hardly_any():
    """A score is exactly 0 where no head's is above: each is so half the time, with 2 heads a quarter."""
    shares = {}
    for heads in (2, 8):
        layer = build_layer(replace(SPARSE, index_n_heads=heads, index_head_dim=16))
        with torch.no_grad():
            scores = layer.index_scores(draw(8, 24, 12), table(SPARSE, 24))
        shares[heads] = (scores[scores > -torch.inf] == 0).double().mean().item()
    assert 0.15 < shares[2] < 0.35 and shares[8] < 0.02


# ---- refusals


@pytest.mark.parametrize(
    "changes, sentence",
    [
        (dict(index_topk=None), "sparse attention needs .*; not given: index_topk$"),
        (dict(index_n_heads=None, index_head_dim=None), "not given: index_n_heads, index_head_dim$"),
        (dict(index_topk=0), "index_topk must be at least 1, got 0"),
        (dict(index_n_heads=2.5), "index_n_heads must be a whole number, got 2.5"),
        (dict(index_head_dim=True), "index_head_dim must be a whole number, got True"),
        (dict(index_head_dim=3), "index_head_dim=3 has no room for a rotary part of 4"),
    ],
)
def test_an_impossible_indexer_is_refused_with_its_numbers(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        replace(SPARSE, **changes)


def test_plain_attention_has_no_indexer():
    with pytest.raises(ValueError, match="kv_lora_rank is not given"):
        ModelConfig(
            vocab_size=5, dim=8, n_layers=1, n_heads=2, index_n_heads=8, index_head_dim=8, index_topk=4
        )
    with pytest.raises(ValueError, match="looks at everything"):
        SparseAttention(replace(SPARSE, index_n_heads=None, index_head_dim=None, index_topk=None))
    assert not hasattr(LatentAttention(SPARSE), "indexer")
