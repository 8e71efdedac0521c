"""Conversions of a trained model's keys and values: against loops, and what must not change.

Oracles: a loop over heads for the mean; the model itself, in float64, for what only turns or is wide enough;
numpy's singular values for what r numbers can hold at best.
"""

import numpy as np
import pytest
import torch

from lessons_lib.config import ModelConfig
from lessons_lib.model import Transformer, align_heads, attention_inputs, average_heads, compress_heads
from lessons_lib.model.conversion import main_directions

H, D, WIDTH = 4, 6, 16  # heads, width of a head, model width
TOKENS = torch.randint(20, (6, 9), generator=torch.Generator().manual_seed(1))


def made(seed=0, **changes) -> Transformer:
    torch.manual_seed(seed)
    fields = dict(vocab_size=20, dim=WIDTH, n_layers=2, n_heads=H, head_dim=D, max_seq_len=16)
    return Transformer(ModelConfig(**fields | changes)).double().eval().requires_grad_(False)


def alike(a: torch.Tensor, b: torch.Tensor) -> bool:
    return torch.allclose(a, b, rtol=0, atol=1e-10)


@pytest.mark.parametrize("sets", [1, 2, 4])
def test_a_set_is_the_mean_of_its_own_heads_and_the_rest_stays(sets):
    model = made()
    shared = average_heads(model, sets)
    assert shared.config.kv_heads == sets and not shared.training
    for layer, old in zip(shared.layers, model.layers):
        for name in ("wk", "wv"):
            rows = getattr(old.attention, name).weight
            for i in range(sets):
                heads = range(i * H // sets, (i + 1) * H // sets)
                mean = sum(rows[h * D : (h + 1) * D] for h in heads) / len(heads)
                assert alike(getattr(layer.attention, name).weight[i * D : (i + 1) * D], mean)
        assert torch.equal(layer.attention.wq.weight, old.attention.wq.weight)
        assert torch.equal(layer.ffn.w1.weight, old.ffn.w1.weight)


def test_heads_that_are_alike_lose_nothing_by_sharing():
    model = made()
    for layer in model.layers:
        for w in (layer.attention.wk, layer.attention.wv):
            w.weight.copy_(w.weight[:D].repeat(H, 1))
    assert alike(average_heads(model, 1)(TOKENS), model(TOKENS))


@pytest.mark.parametrize("sets", [1, 2])
def test_aligning_changes_no_logit_and_its_argument_not_at_all(sets):
    model = made()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    aligned = align_heads(model, TOKENS, sets)
    assert alike(aligned(TOKENS), model(TOKENS))
    assert not torch.allclose(aligned.layers[0].attention.wk.weight, model.layers[0].attention.wk.weight)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("sets", [1, 2])
def test_heads_that_differ_by_a_turn_alone_are_shared_without_loss_once_aligned(sets):
    """Each head of a group gets the first one's keys, every pair turned, and its values, rotated."""
    model, rng = made(), torch.Generator().manual_seed(3)
    for layer in model.layers:
        a = layer.attention
        for h in range(H):
            first = h // (H // sets) * (H // sets)
            rows, base = slice(h * D, (h + 1) * D), slice(first * D, (first + 1) * D)
            if h == first:
                continue
            angle = 6 * torch.rand(D // 2, generator=rng, dtype=torch.float64)
            even, odd = a.wk.weight[base][0::2], a.wk.weight[base][1::2]
            c, s = angle.cos()[:, None], angle.sin()[:, None]
            a.wk.weight[rows] = torch.stack([c * even - s * odd, s * even + c * odd], 1).flatten(0, 1)
            q, _ = torch.linalg.qr(torch.randn(D, D, generator=rng, dtype=torch.float64))
            a.wv.weight[rows] = q @ a.wv.weight[base]
    assert not torch.allclose(average_heads(model, sets)(TOKENS), model(TOKENS), atol=1e-3)
    aligned = average_heads(align_heads(model, TOKENS, sets), sets)
    torch.testing.assert_close(aligned(TOKENS), model(TOKENS), rtol=0, atol=1e-6)


def lost(model, sets=1):
    """What averaging in `sets` groups loses of keys and of values, in squares, for each layer."""
    total = []
    for layer, x in zip(model.layers, attention_inputs(model, TOKENS)):
        for w in (layer.attention.wk, layer.attention.wv):
            heads = (x @ w.weight.T).unflatten(-1, (sets, H // sets, D))
            total.append((heads - heads.mean(2, keepdim=True)).square().sum().item())
    return torch.tensor(total)


def test_aligned_heads_are_nearer_to_each_other_than_they_were():
    assert (lost(align_heads(made(), TOKENS, 1)) < 0.95 * lost(made())).all()


def test_heads_are_aligned_within_their_group():
    """Turned towards all four, two heads are less near to each other than turned towards one another."""
    assert (lost(align_heads(made(), TOKENS, 2), 2) < 0.99 * lost(align_heads(made(), TOKENS, 1), 2)).all()


@pytest.mark.parametrize("wide", [False, True])
def test_a_latent_as_wide_as_what_is_read_is_exact(wide):
    """Keys and values are linear in WIDTH numbers, so WIDTH directions hold all of them."""
    model = made(n_kv_heads=2 if wide else None)
    assert alike(compress_heads(model, TOKENS, WIDTH)(TOKENS), model(TOKENS))


def test_keys_and_values_are_made_of_the_same_few_numbers():
    model = made()
    small = compress_heads(model, TOKENS, 5)
    for layer, old, x in zip(small.layers, model.layers, attention_inputs(model, TOKENS)):
        a, o = layer.attention, old.attention
        assert a.wk[0] is a.wv[0] and a.wk[0].weight.shape == (5, WIDTH)
        both = torch.cat([a.wk(x), a.wv(x)], 1)
        wanted = torch.cat([o.wk(x), o.wv(x)], 1)
        left = np.linalg.svd(wanted.numpy(), compute_uv=False)[5:]
        assert (both - wanted).square().sum().item() == pytest.approx((left**2).sum(), rel=1e-9)
    assert not torch.allclose(small(TOKENS), model(TOKENS), atol=1e-3)


def test_what_attention_reads_is_its_normed_input_and_no_hook_stays():
    model = made()
    read = attention_inputs(model, TOKENS)
    first = model.layers[0].attention_norm(model.embed(TOKENS)).flatten(0, 1)
    assert len(read) == 2 and alike(read[0], first)
    assert all(not layer.attention._forward_pre_hooks for layer in model.layers)


def test_main_directions_are_orthogonal_and_come_largest_first():
    y = torch.randn(50, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    u = main_directions(y, 7)
    held = (y @ u).square().sum(0)
    assert alike(u.T @ u, torch.eye(7, dtype=torch.float64))
    assert held.tolist() == sorted(held.tolist(), reverse=True)


def test_a_conversion_neither_moves_the_programs_random_numbers_nor_changes_the_type():
    model = made().float()
    state = torch.random.get_rng_state()
    for small in (average_heads(model, 2), align_heads(model, TOKENS, 2), compress_heads(model, TOKENS, 8)):
        assert {p.dtype for p in small.parameters()} == {torch.float32}
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda m: average_heads(m, 3), ValueError, "can't be averaged to sets=3"),
        (lambda m: average_heads(m, 0), ValueError, "sets must be at least 1"),
        (lambda m: average_heads(m, 8), ValueError, "can't be averaged to sets=8"),
        (lambda m: align_heads(m, TOKENS, 3), ValueError, "can't be aligned in 3 groups"),
        (lambda m: align_heads(average_heads(m, 2), TOKENS, 1), ValueError, "can't be aligned"),
        (lambda m: compress_heads(m, TOKENS, 49), ValueError, "rank must be at most 48"),
        (lambda m: compress_heads(m, TOKENS, 0), ValueError, "rank must be at least 1"),
        (lambda m: compress_heads(m, TOKENS[0], 4), ValueError, "tokens must have shape"),
        (lambda m: align_heads(m, TOKENS.double(), 2), TypeError, "whole numbers"),
    ],
)
def test_what_cannot_be_converted_is_refused_in_one_sentence(call, error, says):
    with pytest.raises(error, match=says):
        call(made())


def test_latent_attention_has_nothing_to_convert():
    latent = dict(kv_lora_rank=8, qk_nope_head_dim=4, qk_rope_head_dim=2, v_head_dim=4, head_dim=None)
    model = made(**latent)
    for convert in (
        lambda: average_heads(model, 1),
        lambda: align_heads(model, TOKENS, 1),
        lambda: compress_heads(model, TOKENS, 4),
    ):
        with pytest.raises(ValueError, match="attention is latent"):
            convert()
