"""The transformer against slow references, and what must stay true of any decoder-only model.

Oracles: attention as loops over heads and positions, rotation by a 2 x 2 matrix, torch's own LayerNorm
family, generation that reads the whole text again for each token. Everything in float64, so that
1e-10 is far above rounding (about 1e-15 a step) and far below any real mistake.
"""

import math

import pytest
import torch
from torch import nn

from lessons_lib.config import ModelConfig, WindowMLPConfig
from lessons_lib.model import (
    Attention,
    FeedForward,
    RMSNorm,
    Transformer,
    WindowMLP,
    apply_rope,
    attend,
    rope_table,
)

SHAPES = [
    dict(n_heads=4, n_kv_heads=4),
    dict(n_heads=4, n_kv_heads=2),
    dict(n_heads=4, n_kv_heads=1),
    dict(n_heads=3, n_kv_heads=1, head_dim=10),
    dict(n_heads=2, n_kv_heads=2, tie_embeddings=True),
]


def build(seed=0, **changes):
    torch.manual_seed(seed)
    fields = dict(vocab_size=23, dim=24, n_layers=2, n_heads=4, max_seq_len=32) | changes
    return Transformer(ModelConfig(**fields)).double()


def draw_tokens(batch, length, vocab=23, seed=1):
    return torch.randint(vocab, (batch, length), generator=torch.Generator().manual_seed(seed))


def slow_attend(q, k, v):
    """One query of one head at a time; the queries are the last positions of the keys."""
    batch, heads, n_queries, width = q.shape
    n_keys, group = k.shape[2], heads // k.shape[1]
    out = torch.zeros(batch, heads, n_queries, v.shape[-1], dtype=q.dtype)
    for b in range(batch):
        for h in range(heads):
            for i in range(n_queries):
                last = n_keys - n_queries + i
                keys, values = k[b, h // group, : last + 1], v[b, h // group, : last + 1]
                weights = ((keys @ q[b, h, i]) / math.sqrt(width)).softmax(0)
                out[b, h, i] = weights @ values
    return out


@pytest.mark.parametrize("kv_heads", [1, 2, 6])
@pytest.mark.parametrize("n_queries, n_keys", [(5, 5), (1, 7), (3, 8), (1, 1)])
def test_attention_equals_a_loop_over_heads_and_positions(kv_heads, n_queries, n_keys):
    rng = torch.Generator().manual_seed(n_keys)
    q = torch.randn(2, 6, n_queries, 4, generator=rng, dtype=torch.float64)
    k, v = (torch.randn(2, kv_heads, n_keys, 4, generator=rng, dtype=torch.float64) for _ in "kv")
    torch.testing.assert_close(attend(q, k, v), slow_attend(q, k, v), atol=1e-10, rtol=0)


def test_rope_turns_each_neighbouring_pair_by_its_own_angle():
    x = torch.randn(6, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    turned = apply_rope(x, rope_table(6, 8, 100.0))
    for position in range(6):
        for pair in range(4):
            angle = position * 100.0 ** (-2 * pair / 8)
            c, s = math.cos(angle), math.sin(angle)
            matrix = torch.tensor([[c, -s], [s, c]], dtype=torch.float64)
            here = slice(2 * pair, 2 * pair + 2)
            torch.testing.assert_close(turned[position, here], matrix @ x[position, here])


def test_rotated_scores_depend_on_the_distance_only():
    rng = torch.Generator().manual_seed(0)
    q, k = (torch.randn(8, generator=rng, dtype=torch.float64) for _ in "qk")
    table = rope_table(30, 8, 500.0)
    turned_q, turned_k = (apply_rope(x.expand(30, 8), table) for x in (q, k))
    near = torch.stack([turned_q[p + 5] @ turned_k[p] for p in range(25)])
    torch.testing.assert_close(near, near[:1].expand(25), atol=1e-10, rtol=0)
    assert abs(near[0] - turned_q[4] @ turned_k[0]) > 1e-3  # another distance, another score


def test_rms_norm_equals_torchs_own_module_and_the_formula():
    x = torch.randn(3, 5, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 0.01
    ours, theirs = RMSNorm(8, eps=1e-6).double(), nn.RMSNorm(8, eps=1e-6).double()
    weight = torch.linspace(0.5, 2, 8, dtype=torch.float64)
    ours.weight.data, theirs.weight.data = weight.clone(), weight.clone()
    torch.testing.assert_close(ours(x), theirs(x), atol=1e-12, rtol=0)
    formula = x / (x.square().mean(-1, keepdim=True) + 1e-6).sqrt() * weight
    torch.testing.assert_close(ours(x), formula, atol=1e-12, rtol=0)


def test_feed_forward_gates_the_first_projection_not_the_second():
    torch.manual_seed(0)
    ffn, x = FeedForward(6, 10).double(), torch.randn(4, 6, dtype=torch.float64)
    gate, up = x @ ffn.w1.weight.T, x @ ffn.w3.weight.T
    expected = (gate / (1 + (-gate).exp()) * up) @ ffn.w2.weight.T
    torch.testing.assert_close(ffn(x), expected, atol=1e-12, rtol=0)


def test_shared_heads_with_repeated_weights_equal_full_heads():
    config = ModelConfig(vocab_size=5, dim=24, n_layers=1, n_heads=4, n_kv_heads=2)
    torch.manual_seed(0)
    shared = Attention(config).double()
    full = Attention(ModelConfig(vocab_size=5, dim=24, n_layers=1, n_heads=4)).double()
    full.wq.weight.data, full.wo.weight.data = shared.wq.weight.data, shared.wo.weight.data
    for name in ("wk", "wv"):
        heads = getattr(shared, name).weight.data.unflatten(0, (2, 6))  # (kv_heads, head_dim, dim)
        getattr(full, name).weight.data = heads.repeat_interleave(2, dim=0).flatten(0, 1)
    x, table = torch.randn(2, 7, 24, dtype=torch.float64), rope_table(7, 6, 500.0)
    torch.testing.assert_close(shared(x, table), full(x, table), atol=1e-10, rtol=0)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("split", [(12,), (1,) * 12, (5, 7), (1, 4, 1, 6), (11, 1)])
def test_cached_logits_equal_uncached_ones_however_the_text_is_split(shape, split):
    model, tokens = build(**shape), draw_tokens(3, 12)
    cache = model.new_cache(3)
    with torch.no_grad():
        pieces = [model(piece, cache) for piece in tokens.split(split, dim=1)]
        torch.testing.assert_close(torch.cat(pieces, 1), model(tokens), atol=1e-10, rtol=0)


def test_no_position_sees_a_later_token():
    model, tokens = build(), draw_tokens(2, 10)
    changed = tokens.clone()
    changed[:, 6] = (changed[:, 6] + 1) % 23
    with torch.no_grad():
        before, after = model(tokens), model(changed)
    assert torch.equal(before[:, :6], after[:, :6])
    assert (before[:, 6:] - after[:, 6:]).abs().amax(-1).min() > 1e-6  # and every later one does see it


def test_rows_of_a_batch_do_not_see_each_other():
    model, tokens = build(), draw_tokens(4, 9)
    with torch.no_grad():
        together, alone = model(tokens), torch.cat([model(row[None]) for row in tokens])
    torch.testing.assert_close(together, alone, atol=1e-10, rtol=0)


def slow_generate(model, tokens, n, temperature, generator):
    """Read the whole text again for every new token."""
    for _ in range(n):
        logits = model(tokens)[:, -1]
        if temperature == 0:
            new = logits.argmax(-1, keepdim=True)
        else:
            new = torch.multinomial((logits / temperature).softmax(-1), 1, generator=generator)
        tokens = torch.cat([tokens, new], 1)
    return tokens


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("temperature", [0.0, 0.7, 1.3])
def test_generation_equals_the_loop_without_a_cache(shape, temperature):
    model, prompt = build(**shape), draw_tokens(3, 4)
    fast = model.generate(prompt, 20, temperature, torch.Generator().manual_seed(5))
    with torch.no_grad():
        slow = slow_generate(model, prompt, 20, temperature, torch.Generator().manual_seed(5))
    assert torch.equal(fast, slow)
    assert torch.equal(fast[:, :4], prompt)


def test_a_row_that_wrote_stop_is_filled_with_it_and_the_others_go_on():
    model, prompt = build(seed=3), draw_tokens(4, 3)
    free = model.generate(prompt, 12, 1.0, torch.Generator().manual_seed(2))
    stop = int(free[0, 6])
    stopped = model.generate(prompt, 12, 1.0, torch.Generator().manual_seed(2), stop=stop)
    assert stopped.shape == free.shape
    for row, unstopped in zip(stopped[:, 3:].tolist(), free[:, 3:].tolist(), strict=True):
        until = unstopped.index(stop) if stop in unstopped else len(unstopped)
        assert row == unstopped[:until] + [stop] * (len(row) - until)
    assert (stopped[:, 3:] != free[:, 3:]).any()  # otherwise nothing was tested


def test_every_matrix_of_a_block_is_made_by_the_linear_handed_in():
    made = []

    class Counted(nn.Linear):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            made.append(tuple(self.weight.shape))

    config = ModelConfig(vocab_size=7, dim=8, n_layers=2, n_heads=2, inter_dim=20)
    model = Transformer(config, linear=Counted)
    assert made == ([(8, 8)] * 4 + [(20, 8), (8, 20), (20, 8)]) * 2
    assert type(model.head) is nn.Linear  # V3 keeps the output head out of 8 bits


def test_forward_changes_neither_model_nor_tokens():
    model, tokens = build(), draw_tokens(2, 8)
    before, held = {k: v.clone() for k, v in model.state_dict().items()}, tokens.clone()
    model(tokens).sum().backward()
    assert torch.equal(tokens, held)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


def test_cache_bytes_count_keys_and_values_of_the_shared_heads_only():
    model = build(n_kv_heads=2).float()
    cache = model.new_cache(3)
    model(draw_tokens(3, 5), cache)
    assert cache.n_bytes() == 2 * 2 * 3 * 2 * 5 * 6 * 4  # k+v, layers, rows, heads, tokens, width, bytes


def test_the_model_without_attention_sees_its_window_and_nothing_else():
    torch.manual_seed(0)
    model = WindowMLP(WindowMLPConfig(vocab_size=23, window=3)).double()
    tokens = draw_tokens(2, 9)
    changed = tokens.clone()
    changed[:, 2] = (changed[:, 2] + 1) % 23
    with torch.no_grad():
        moved = (model(tokens) - model(changed)).abs().amax(-1) > 1e-9
    assert moved.tolist() == [[position in (2, 3, 4) for position in range(9)]] * 2


def test_an_untrained_model_knows_next_to_nothing():
    """At birth the loss is near log(vocabulary): the initial scale is neither silent nor shouting."""
    torch.manual_seed(0)
    model = Transformer(ModelConfig(vocab_size=100, dim=96, n_layers=3, n_heads=4))
    logits = model(draw_tokens(8, 64, vocab=100))
    loss = nn.functional.cross_entropy(logits.flatten(0, 1), draw_tokens(8, 64, 100, seed=2).flatten())
    assert math.log(100) - 0.1 < loss < math.log(100) + 1.0


def test_the_sizes_of_deepseek_v3_give_its_published_cache():
    v3 = ModelConfig.deepseek_v3()
    per_token = (v3.kv_lora_rank + v3.qk_rope_head_dim) * v3.n_layers
    assert per_token * 2 == 70_272  # bytes in BF16, V2 paper Table 1's formula at V3's sizes


def test_a_written_text_can_be_trained_on():
    """Writing makes no graph, but what it returns is an ordinary tensor: a reward needs it later."""
    model = build()
    text = model.generate(draw_tokens(2, 4), 6)
    assert not text.is_inference()
    model(text).sum().backward()
    assert model.embed.weight.grad is not None
