"""Latent attention against the report's equations written as loops, and what must stay true of it.

Oracles: a loop over texts, positions and heads (report arXiv:2412.19437, equations 1 to 11) that shares no
function with the library; `transformers` for YaRN's frequencies; torch's count of products for the choice
between the two forms. In float64 wherever nothing else is said, so that 1e-10 is far above rounding (about
1e-15 a step) and far below any real mistake.
"""

import math

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from transformers import DeepseekV3Config
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
from transformers.models.deepseek_v3.modeling_deepseek_v3 import DeepseekV3Attention

from lessons_lib.config import ModelConfig
from lessons_lib.model import Attention, LatentAttention, LatentCache, Transformer, apply_rope, rope_table
from lessons_lib.model.rope import rope_frequencies
from lessons_lib.model.yarn import yarn_frequencies, yarn_mscale, yarn_ramp

FIELDS = dict(
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
)
SHAPES = {
    "queries through a latent": {},
    "queries uncompressed": dict(q_lora_rank=None),
    "half against half": dict(rope_interleaved=False),
    "half against half, uncompressed": dict(rope_interleaved=False, q_lora_rank=None, qk_rope_head_dim=6),
    "odd widths": dict(dim=11, kv_lora_rank=9, q_lora_rank=7, qk_nope_head_dim=3, v_head_dim=1),
    "odd widths, half against half": dict(kv_lora_rank=7, qk_nope_head_dim=5, rope_interleaved=False),
    "one pair, one head": dict(n_heads=1, qk_rope_head_dim=2, qk_nope_head_dim=1),
    "values wider than keys": dict(v_head_dim=17, kv_lora_rank=3),
    "YaRN": dict(rope_factor=8.0, original_seq_len=16, mscale=0.7),
}
V3_BLOCK = dict(rope_theta=1e4, qk_rope_head_dim=64, rope_factor=40.0, original_seq_len=4096)


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@torch.no_grad()
def redraw(module, seed=0):
    """Give every weight a value of its own, gains included: a gain of 1 would hide one that is left out."""
    rng = torch.Generator().manual_seed(seed)
    for weight in module.double().parameters():
        noise = torch.randn(weight.shape, generator=rng, dtype=torch.float64)
        weight.copy_(1 + 0.3 * noise if weight.ndim < 2 else noise * weight.shape[1] ** -0.5)
    return module


def build_layer(absorbed=None, **changes):
    return redraw(LatentAttention(ModelConfig(**FIELDS | changes), absorbed=absorbed))


def build_model(absorbed=None, **changes):
    model = redraw(Transformer(ModelConfig(**FIELDS | changes)))
    for block in model.layers:
        block.attention.absorbed = absorbed
    return model


def angles(config, n_positions):
    return rope_table(n_positions, config.qk_rope_head_dim, config.rope_theta)


def draw_tokens(batch, length, seed=1):
    return torch.randint(11, (batch, length), generator=torch.Generator().manual_seed(seed))


# ---- the report's equations, as slowly as they stand there


def slow_norm(x, gain):
    return x / (x.square().mean() + 1e-6).sqrt() * gain


def slow_turn(x, position, config):
    """Turn pair i of the vector x by position * theta^(-2i / D), one 2 x 2 matrix after the other."""
    out, width = x.clone(), len(x)
    for i in range(width // 2):
        a, b = (2 * i, 2 * i + 1) if config.rope_interleaved else (i, i + width // 2)
        angle = position * config.rope_theta ** (-2 * i / width)
        out[a] = math.cos(angle) * x[a] - math.sin(angle) * x[b]
        out[b] = math.sin(angle) * x[a] + math.cos(angle) * x[b]
    return out


def slow_queries(layer, config, h, t):
    """Each head's query [q^C; q^R] at position t (equations 6 to 9)."""
    if config.q_lora_rank is None:
        q = layer.wq.weight @ h
    else:
        q = layer.wq_b.weight @ slow_norm(layer.wq_a.weight @ h, layer.q_norm.weight)
    n = config.qk_nope_head_dim
    return [torch.cat([one[:n], slow_turn(one[n:], t, config)]) for one in q.chunk(config.n_heads)]


def slow_memory(layer, config, h, t):
    """The latent and the one rotary key of position t (equations 1 and 3)."""
    w_dkv, w_kr = layer.wkv_a.weight[: config.kv_lora_rank], layer.wkv_a.weight[config.kv_lora_rank :]
    return slow_norm(w_dkv @ h, layer.kv_norm.weight), slow_turn(w_kr @ h, t, config)


def slow_latent_attention(layer, config, x):
    """One text, one position, one head, one key at a time (equations 1 to 11)."""
    n, width = config.qk_nope_head_dim, config.qk_nope_head_dim + config.v_head_dim
    scale = 1 / math.sqrt(n + config.qk_rope_head_dim)
    if config.rope_factor is not None:
        scale *= (0.1 * config.mscale * math.log(config.rope_factor) + 1) ** 2
    out = torch.zeros_like(x)
    for b, text in enumerate(x):
        memory = [slow_memory(layer, config, h, t) for t, h in enumerate(text)]
        for t, h in enumerate(text):
            heads = []
            for i, q in enumerate(slow_queries(layer, config, h, t)):
                w = layer.wkv_b.weight[i * width : (i + 1) * width]  # this head's [W^UK; W^UV]
                scores = [q @ torch.cat([w[:n] @ c, k_r]) * scale for c, k_r in memory[: t + 1]]
                weights = torch.stack(scores).softmax(0)
                heads.append(sum(weight * (w[n:] @ c) for weight, (c, _) in zip(weights, memory)))
            out[b, t] = layer.wo.weight @ torch.cat(heads)
    return out


@pytest.mark.parametrize("absorbed", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_latent_attention_equals_the_reports_equations_as_loops(shape, absorbed):
    layer, config = build_layer(absorbed, **SHAPES[shape]), ModelConfig(**FIELDS | SHAPES[shape])
    x = draw(2, 6, config.dim)
    with torch.no_grad():
        expected = slow_latent_attention(layer, config, x)
        torch.testing.assert_close(layer(x, angles(config, 6)), expected, atol=1e-10, rtol=0)


@pytest.mark.parametrize("absorbed", [False, True, None])
@pytest.mark.parametrize("cut", [(7,), (1,) * 7, (3, 4), (1, 4, 2), (6, 1)])
def test_a_cached_layer_equals_the_equations_however_the_text_is_cut(cut, absorbed):
    """Cut in the middle, the new positions are fewer than the keys: the mask must be moved, not lost."""
    layer, config, x = build_layer(absorbed), ModelConfig(**FIELDS), draw(2, 7, 12)
    cache, rope, at = LatentCache(1, 2, 7, 12, dtype=torch.float64), angles(config, 7), 0
    with torch.no_grad():
        pieces = []
        for piece in x.split(cut, dim=1):
            end = at + piece.shape[1]
            pieces.append(layer(piece, rope[at:end], cache))
            cache.advance(piece.shape[1])
            at = end
        expected = slow_latent_attention(layer, config, x)
    torch.testing.assert_close(torch.cat(pieces, 1), expected, atol=1e-10, rtol=0)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("cut", [(12,), (1,) * 12, (5, 7), (1, 4, 1, 6), (11, 1)])
def test_absorbed_rebuilt_and_cached_models_agree_however_the_text_is_cut(shape, cut):
    tokens = draw_tokens(3, 12)
    with torch.no_grad():
        rebuilt = build_model(False, **SHAPES[shape])(tokens)
        for absorbed in (False, True, None):
            model = build_model(absorbed, **SHAPES[shape])
            torch.testing.assert_close(model(tokens), rebuilt, atol=1e-10, rtol=0)
            cache = model.new_cache(3)
            pieces = [model(piece, cache) for piece in tokens.split(cut, dim=1)]
            torch.testing.assert_close(torch.cat(pieces, 1), rebuilt, atol=1e-10, rtol=0)


@pytest.mark.parametrize("shape", SHAPES)
def test_absorbed_and_rebuilt_models_have_the_same_gradients(shape):
    tokens, gradients = draw_tokens(2, 9), []
    for absorbed in (False, True):
        model = build_model(absorbed, **SHAPES[shape])
        torch.nn.functional.cross_entropy(model(tokens).flatten(0, 1), tokens.roll(1).flatten()).backward()
        gradients.append({name: p.grad for name, p in model.named_parameters()})
    for name, gradient in gradients[0].items():
        assert gradient.abs().max() > 1e-6, name  # a weight that nothing depends on would agree, too
        torch.testing.assert_close(gradients[1][name], gradient, atol=1e-10, rtol=0)


@torch.no_grad()
def test_the_chain_plain_grouped_latent_absorbed_cached_transformers_is_one_function():
    """One set of weights in six forms. The latent holds the input itself, turned by an orthogonal matrix;
    the input has mean square 1, and the norm's gain undoes its epsilon, so that the norm changes nothing;
    nothing looks at the rotary channels. `transformers` computes that norm in float32, hence 1e-6 there.
    """
    d, n_heads, seen = 12, 3, 4
    x = draw(2, 7, d)
    x = x / x.square().mean(-1, keepdim=True).sqrt()
    wq, wk, wv, wo = (draw(d, d, seed=seed) * d**-0.5 for seed in range(1, 5))
    turn = torch.linalg.qr(draw(d, d, seed=5)).Q

    plain = torch.zeros_like(x)  # one query of one head at a time
    for t in range(7):
        for i in range(n_heads):
            here = slice(seen * i, seen * i + seen)
            scores = (x[:, : t + 1] @ wk[here].T) @ (x[:, t] @ wq[here].T).unsqueeze(-1) / seen**0.5
            weights = scores.softmax(1)
            plain[:, t] += (weights * (x[:, : t + 1] @ wv[here].T)).sum(1) @ wo[:, here].T

    grouped = Attention(ModelConfig(vocab_size=1, dim=d, n_layers=1, n_heads=n_heads)).double()
    for ours, weight in zip((grouped.wq, grouped.wk, grouped.wv, grouped.wo), (wq, wk, wv, wo)):
        ours.weight.copy_(weight)
    still = torch.tensor([1.0, 0.0]).expand(7, 2, 2).double()  # cos 1, sin 0: nothing is turned

    fields = dict(kv_lora_rank=d, qk_nope_head_dim=seen, qk_rope_head_dim=2, v_head_dim=seen)
    config = ModelConfig(vocab_size=1, dim=d, n_layers=1, n_heads=n_heads, **fields)
    latent = LatentAttention(config, absorbed=False).double()
    q = (wq * (1 + 2 / seen) ** 0.5).unflatten(0, (n_heads, seen))  # latent divides by the root of 4 + 2
    latent.wq.weight.copy_(torch.nn.functional.pad(q, (0, 0, 0, 2)).flatten(0, 1))
    latent.wkv_a.weight.copy_(torch.cat([turn, draw(2, d, seed=6)]))
    latent.kv_norm.weight.fill_((1 + 1e-6) ** 0.5)
    per_head = torch.stack([w.unflatten(0, (n_heads, seen)) for w in (wk, wv)], dim=1)
    latent.wkv_b.weight.copy_(per_head.flatten(0, 2) @ turn.T)
    latent.wo.weight.copy_(wo)

    rope = rope_table(7, 2, 500.0)
    forms = {"grouped": grouped(x, still), "latent": latent(x, rope)}
    latent.absorbed = True
    forms["absorbed"] = latent(x, rope)
    cache = LatentCache(1, 2, 7, d + 2, dtype=torch.float64)
    pieces = []
    for t in range(7):
        pieces.append(latent(x[:, t : t + 1], rope[t : t + 1], cache))
        cache.advance(1)
    forms["cached"] = torch.cat(pieces, 1)
    for name, form in forms.items():
        torch.testing.assert_close(form, plain, atol=1e-10, rtol=0, msg=lambda m, name=name: f"{name}: {m}")

    theirs = DeepseekV3Attention(
        DeepseekV3Config(
            hidden_size=d,
            num_attention_heads=n_heads,
            num_key_value_heads=n_heads,
            q_lora_rank=None,
            **fields,
            attn_implementation="eager",
        ),
        layer_idx=0,
    ).double()
    theirs.q_proj.weight.copy_(latent.wq.weight)
    theirs.kv_a_proj_with_mqa.weight.copy_(latent.wkv_a.weight)
    theirs.kv_a_layernorm.weight.copy_(latent.kv_norm.weight)
    theirs.kv_b_proj.weight.copy_(latent.wkv_b.weight)
    theirs.o_proj.weight.copy_(wo)
    turned = rope.transpose(0, 2).transpose(1, 2).repeat(1, 1, 2).unsqueeze(1)  # (2, 1, position, width)
    future = torch.full((7, 7), -math.inf, dtype=torch.float64).triu(1)
    torch.testing.assert_close(theirs(x, tuple(turned), future)[0], plain, atol=1e-6, rtol=0)


# ---- what must stay true


def test_one_rotary_key_serves_all_heads():
    """There is one for a position, made from the hidden state; moving it moves what every head sees."""
    layer, config = build_layer(), ModelConfig(**FIELDS)
    assert layer.wkv_a.weight.shape == (8 + 4, 12)  # not 8 + 3 heads x 4
    x, rope = draw(1, 5, 12), angles(config, 5)
    with torch.no_grad():
        q_nope, q_rotary = layer.queries(x, rope)
        memory = layer.memory(x, rope)
        moved = memory.clone()
        moved[:, 2, 8:] += 1.0
        for look in (layer.look_rebuilt, layer.look_absorbed):
            change = (look(q_nope, q_rotary, moved) - look(q_nope, q_rotary, memory)).abs().amax(-1)
            assert change[0, :, 2:].min() > 1e-6  # every head, from that position on
            assert change[0, :, :2].max() == 0


def test_the_rotary_key_comes_from_the_hidden_state_and_not_from_the_latent():
    """Without any latent (its rows of wkv_a are 0) the rotary key is what it was."""
    layer, config = build_layer(), ModelConfig(**FIELDS)
    x, rope = draw(2, 5, 12), angles(config, 5)
    with torch.no_grad():
        before = layer.memory(x, rope)
        layer.wkv_a.weight[:8] = 0
        after = layer.memory(x, rope)
    assert torch.equal(before[..., 8:], after[..., 8:])
    assert after[..., :8].abs().max() == 0 and before[..., 8:].abs().min() > 0


@pytest.mark.parametrize("shape", ["queries through a latent", "half against half", "odd widths"])
def test_the_cache_holds_the_normalised_latent_and_the_turned_key_and_nothing_else(shape):
    """After its norm: the norm belongs to what is remembered, and is not repeated at every look."""
    layer, config = build_layer(**SHAPES[shape]), ModelConfig(**FIELDS | SHAPES[shape])
    x, width = draw(2, 5, config.dim), config.kv_lora_rank + config.qk_rope_head_dim
    cache = LatentCache(1, 2, 9, width, dtype=torch.float64)
    with torch.no_grad():
        layer(x, angles(config, 5), cache)
        cache.advance(5)
        for b in range(2):
            for t in range(5):
                expected = torch.cat(slow_memory(layer, config, x[b, t], t))
                torch.testing.assert_close(cache.vectors[0, b, t], expected, atol=1e-10, rtol=0)
    assert [value.shape for value in vars(cache).values() if torch.is_tensor(value)] == [(1, 2, 9, width)]


def test_cache_bytes_count_one_latent_and_one_rotary_key_for_each_layer_and_position():
    model = build_model().float()
    cache = model.new_cache(3)
    model(draw_tokens(3, 5), cache)
    assert cache.n_bytes() == 2 * 3 * 5 * (8 + 4) * 4  # layers, rows, positions, numbers, bytes
    assert Transformer(ModelConfig(**FIELDS)).new_cache(3).n_bytes() == 0


@pytest.mark.parametrize("absorbed", [False, True])
@pytest.mark.parametrize("shape", ["queries through a latent", "half against half", "YaRN"])
def test_only_distances_count_not_where_a_text_begins(shape, absorbed):
    layer, config = build_layer(absorbed, **SHAPES[shape]), ModelConfig(**FIELDS | SHAPES[shape])
    x, rope = draw(2, 6, 12), angles(config, 32)
    with torch.no_grad():
        here = layer(x, rope[:6])
        torch.testing.assert_close(layer(x, rope[19:25]), here, atol=1e-10, rtol=0)
        assert (layer(x, rope[:12:2]) - here).abs().max() > 1e-3  # twice as far apart is another text


@pytest.mark.parametrize("absorbed", [False, True, None])
def test_no_position_sees_a_later_token(absorbed):
    model, tokens = build_model(absorbed), draw_tokens(2, 10)
    changed = tokens.clone()
    changed[:, 6] = (changed[:, 6] + 1) % 11
    with torch.no_grad():
        before, after = model(tokens), model(changed)
    assert torch.equal(before[:, :6], after[:, :6])
    assert (before[:, 6:] - after[:, 6:]).abs().amax(-1).min() > 1e-6  # and every later one does see it


@pytest.mark.parametrize("absorbed", [False, True])
def test_rows_of_a_batch_do_not_see_each_other(absorbed):
    model, tokens = build_model(absorbed), draw_tokens(4, 9)
    with torch.no_grad():
        together, alone = model(tokens), torch.cat([model(row[None]) for row in tokens])
    torch.testing.assert_close(together, alone, atol=1e-10, rtol=0)


def test_the_layer_of_deepseek_v3_has_its_size_and_its_scale():
    """187,107,328 weights, counted by hand from V3's configuration; 1 / sqrt(192) times 1.3688879^2."""
    with torch.device("meta"):
        layer = LatentAttention(ModelConfig.deepseek_v3())
    assert sum(weight.numel() for weight in layer.parameters()) == 187_107_328
    assert layer.scale == pytest.approx(0.1352338, abs=5e-8)


@pytest.mark.parametrize("absorbed", [False, True])
def test_in_bfloat16_it_is_the_same_function_coarser(absorbed):
    """Checkpoints come in 16 bits, in which torch knows no complex numbers. 8 bits of mantissa: 2^-8 a
    rounding, a handful of them in a row, on outputs of about 1.
    """
    layer, config, x = build_layer(absorbed), ModelConfig(**FIELDS), draw(2, 6, 12)
    with torch.no_grad():
        exact = layer(x, angles(config, 6))
        coarse = layer.bfloat16()(x.bfloat16(), angles(config, 6).bfloat16())
    assert coarse.dtype == torch.bfloat16
    assert (coarse.double() - exact).abs().max() < 10 * 2**-8 * max(1, exact.abs().max())


# ---- which form


def counted(layer, config, new, held):
    """Products of both forms by torch's own count, for `new` queries that look at `held` positions.

    The count knows plain products only, not the fused kernel for CPUs.
    """
    rope, costs = angles(config, held), []
    with torch.no_grad():
        q_nope, q_rotary = layer.queries(draw(1, new, config.dim), rope[-new:])
        memory = layer.memory(draw(1, held, config.dim), rope)
        for look in (layer.look_rebuilt, layer.look_absorbed):
            with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
                look(q_nope, q_rotary, memory)
            costs.append(counter.get_total_flops() // 2)
    return costs


@pytest.mark.parametrize("rank", [12, 24, 40])
def test_the_automatic_choice_takes_the_form_with_fewer_products(rank):
    """Values as wide as keys: nothing is filled up, and torch counts what the formula counts."""
    shape = dict(kv_lora_rank=rank, qk_nope_head_dim=6, qk_rope_head_dim=2, v_head_dim=8)
    layer, config, chosen = build_layer(**shape), ModelConfig(**FIELDS | shape), set()
    for held in (1, 2, 3, 7, 20, 32):
        for new in {1, 2, held // 2, held} - {0}:
            if new > held:
                continue
            rebuilt, absorbed = counted(layer, config, new, held)
            absorbed -= new * held * 2 * 3  # the rotary part of the sum, computed and dropped
            assert layer.absorbing_is_cheaper(new, held) == (absorbed < rebuilt), (new, held)
            chosen.add(absorbed < rebuilt)
    assert chosen == {False, True}  # both answers occur, otherwise nothing was chosen


def test_left_to_itself_the_layer_absorbs_for_one_new_token_and_rebuilds_for_a_whole_text(monkeypatch):
    layer, config, looked = build_layer(), ModelConfig(**FIELDS), []
    for name in ("look_rebuilt", "look_absorbed"):
        original = getattr(layer, name)
        monkeypatch.setattr(layer, name, lambda *a, f=original, n=name: (looked.append(n), f(*a))[1])
    cache, rope = LatentCache(1, 1, 20, 12, dtype=torch.float64), angles(config, 20)
    layer(draw(1, 19, 12), rope[:19], cache)
    cache.advance(19)
    layer(draw(1, 1, 12), rope[19:], cache)
    assert looked == ["look_rebuilt", "look_absorbed"]


def test_at_the_sizes_of_deepseek_v3_reading_rebuilds_and_writing_absorbs():
    with torch.device("meta"):
        layer = LatentAttention(ModelConfig.deepseek_v3())
    assert not any(layer.absorbing_is_cheaper(n, n) for n in (1, 100, 4096, 163_840))
    assert all(layer.absorbing_is_cheaper(1, held) for held in (2, 100, 163_840))
    # 131,072 products to move a vector through both matrices, 320 or 1,088 for a look
    for new in (100, 170, 171, 200):
        held = 4096
        rebuilt, absorbed = held * 131_072 + new * held * 320, new * 131_072 + new * held * 1088
        assert layer.absorbing_is_cheaper(new, held) == (absorbed < rebuilt)


# ---- two layouts


def test_a_layer_in_the_other_layout_gives_the_same_scores_and_another_cache():
    """Weights whose rotary rows are reordered: what is looked up agrees, the keys do after reordering."""
    neighbours, halves = build_layer(), build_layer(rope_interleaved=False)
    order = torch.tensor([0, 2, 1, 3])  # channel 2i and 2i + 1 become i and i + D/2
    with torch.no_grad():
        halves.load_state_dict(neighbours.state_dict())
        halves.wkv_a.weight[8:] = neighbours.wkv_a.weight[8:][order]
        q = halves.wq_b.weight.view(3, 10, 10)  # (head, [no position | rotary], q_lora_rank)
        q[:, 6:] = q[:, 6:][:, order].clone()
        x, rope = draw(2, 7, 12), angles(ModelConfig(**FIELDS), 7)
        torch.testing.assert_close(halves(x, rope), neighbours(x, rope), atol=1e-10, rtol=0)
        ours, theirs = neighbours.memory(x, rope), halves.memory(x, rope)
    assert (ours - theirs).abs().max() > 0.1
    assert torch.equal(ours[..., :8], theirs[..., :8])
    torch.testing.assert_close(ours[..., 8:][..., order], theirs[..., 8:], atol=1e-12, rtol=0)


@pytest.mark.parametrize("interleaved", [True, False])
def test_rotation_copes_with_a_vector_cut_from_an_odd_width(interleaved):
    """Pairs are read as complex numbers, which must lie at even places in memory; a slice may not."""
    wide, table = draw(1, 1, 9), rope_table(3, 4, 50.0)
    for part in (wide[..., 5:], wide.expand(2, 3, 9)[..., 5:], draw(2, 3, 9)[..., 5:]):
        rope = table[: part.shape[1]]
        expected = apply_rope(
            part.clone(memory_format=torch.contiguous_format), rope, interleaved=interleaved
        )
        assert torch.equal(apply_rope(part, rope, interleaved=interleaved), expected)


# ---- YaRN


def test_the_ramp_of_deepseek_v3_rises_from_pair_10_to_pair_23():
    """Linear in the pair index, as in the released code; the paper's is linear in the turns."""
    ramp = yarn_ramp(ModelConfig.deepseek_v3())
    assert ramp.shape == (32,)
    assert (ramp[:11] == 0).all() and (ramp[23:] == 1).all()
    torch.testing.assert_close(ramp[10:24].diff(), torch.full((13,), 1 / 13, dtype=torch.float64))


BLOCKS = {
    "V3's": V3_BLOCK,
    "both ends inside": dict(
        rope_theta=50.0,
        qk_rope_head_dim=16,
        rope_factor=8.0,
        original_seq_len=64,
        beta_fast=4.0,
        beta_slow=0.5,
    ),
    "lower end cut off": dict(rope_theta=500.0, qk_rope_head_dim=12, rope_factor=3.0, original_seq_len=128),
    "upper end cut off": dict(rope_theta=4.0, qk_rope_head_dim=10, rope_factor=2.5, original_seq_len=256),
    "a cliff": dict(
        rope_theta=1e4,
        qk_rope_head_dim=8,
        rope_factor=4.0,
        original_seq_len=7,
        beta_fast=1.2,
        beta_slow=1.15,
    ),
    "every pair turns often": dict(
        rope_theta=1.5, qk_rope_head_dim=4, rope_factor=4.0, original_seq_len=4096
    ),
    "no stretch": dict(rope_theta=1e4, qk_rope_head_dim=32, rope_factor=1.0, original_seq_len=64),
}


@pytest.mark.parametrize("block", BLOCKS)
def test_yarn_frequencies_equal_those_of_transformers(block):
    """Theirs are float32: 2^-24 a rounding and some five of them, so 1e-6 relative."""
    ours = ModelConfig(**FIELDS | BLOCKS[block])
    scaling = dict(
        rope_type="yarn",
        rope_theta=ours.rope_theta,
        factor=ours.rope_factor,
        beta_fast=ours.beta_fast,
        beta_slow=ours.beta_slow,
        original_max_position_embeddings=ours.original_seq_len,
        mscale=1.0,
        mscale_all_dim=1.0,
    )
    theirs = DeepseekV3Config(
        qk_rope_head_dim=ours.qk_rope_head_dim,
        max_position_embeddings=int(ours.original_seq_len * ours.rope_factor),
        rope_parameters=scaling,
    )
    frequencies, amplitude = ROPE_INIT_FUNCTIONS["yarn"](theirs)
    torch.testing.assert_close(yarn_frequencies(ours).float(), frequencies, rtol=1e-6, atol=0)
    assert amplitude == 1.0


def test_yarn_keeps_the_fast_pairs_and_slows_the_slow_ones_by_the_whole_factor():
    v3 = ModelConfig.deepseek_v3()
    slowed = rope_frequencies(64, 1e4) / yarn_frequencies(v3)
    torch.testing.assert_close(slowed[:11], torch.ones(11, dtype=torch.float64))
    torch.testing.assert_close(slowed[23:], torch.full((9,), 40.0, dtype=torch.float64))
    assert (slowed[10:24].diff() > 0).all()
    plain = ModelConfig(**FIELDS)
    assert torch.equal(yarn_frequencies(plain), rope_frequencies(4, plain.rope_theta))


def test_mscale_is_that_of_the_formula_and_1_without_yarn():
    """Of DeepSeek-V3: 0.1 ln(40) + 1 = 1.3688879."""
    assert yarn_mscale(ModelConfig.deepseek_v3()) == pytest.approx(1.3688879, abs=5e-8)
    assert yarn_mscale(ModelConfig(**FIELDS)) == 1.0
    assert yarn_mscale(ModelConfig(**FIELDS | V3_BLOCK | dict(mscale=0.0))) == 1.0
    half = yarn_mscale(ModelConfig(**FIELDS | V3_BLOCK | dict(mscale=0.5)))
    assert half == pytest.approx(1 + 0.3688879 / 2, abs=5e-8)


def test_a_model_turns_by_yarns_angles_at_the_amplitude_of_its_configuration():
    block = BLOCKS["both ends inside"] | dict(rope_amplitude=1.25)
    config = ModelConfig(**FIELDS | block)
    table = rope_table(32, 16, 50.0, yarn_frequencies(config))
    torch.testing.assert_close(Transformer(config).rope, 1.25 * table, atol=1e-12, rtol=0)
    usual = Transformer(ModelConfig(**FIELDS | block | dict(rope_factor=None, rope_amplitude=1.0))).rope
    assert (usual - table).abs().max() > 0.1


# ---- errors


@pytest.mark.parametrize(
    "changes, sentence",
    [
        (dict(v_head_dim=None), "latent attention needs .*; not given: v_head_dim$"),
        (dict(kv_lora_rank=None), "not given: kv_lora_rank$"),
        (dict(kv_lora_rank=None, qk_nope_head_dim=None), "not given: kv_lora_rank, qk_nope_head_dim$"),
        (
            dict(kv_lora_rank=None, qk_nope_head_dim=None, qk_rope_head_dim=None, v_head_dim=None),
            "not given: kv_lora_rank, qk_nope_head_dim, qk_rope_head_dim, v_head_dim",  # q_lora_rank is
        ),
        (dict(n_kv_heads=1), "n_kv_heads and head_dim are plain attention's"),
        (dict(head_dim=4), "n_kv_heads and head_dim are plain attention's"),
        (dict(kv_lora_rank=0), "kv_lora_rank must be at least 1, got 0"),
        (dict(q_lora_rank=2.5), "q_lora_rank must be a whole number, got 2.5"),
        (dict(qk_rope_head_dim=3), "head width must be even, got 3"),
        (dict(rope_factor=0.5), "rope_factor must be at least 1 and finite, got 0.5"),
        (dict(rope_factor=float("nan")), "rope_factor must be at least 1 and finite, got nan"),
        (dict(original_seq_len=0), "original_seq_len must be at least 1, got 0"),
        (dict(beta_fast=1.0, beta_slow=2.0), "beta_fast=1.0 must be above beta_slow=2.0"),
        (dict(beta_slow=0.0), "beta_slow=0.0, and that above 0"),
    ],
)
def test_an_impossible_shape_is_refused_with_its_numbers(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        ModelConfig(**FIELDS | changes)


def test_heads_need_not_divide_the_width_of_the_model():
    """Their widths are given, so dim = 13 and 3 heads are no contradiction."""
    assert build_model(dim=13)(draw_tokens(1, 4)).shape == (1, 4, 11)
