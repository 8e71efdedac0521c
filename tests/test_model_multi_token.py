"""MTP modules against the report's equations taken one position at a time, and what must stay true of them.

The oracle reads a text position by position: it joins, projects and runs the block on what has come so far.
In float64, so that 1e-10 is far above rounding and far below any real mistake. No gain is 1.
"""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from training_helpers import TINY, Counter, assert_same_bits

from lessons_lib.config import ModelConfig, WindowMLPConfig
from lessons_lib.corpus import build_corpus
from lessons_lib.model import Transformer, mtp_loss, routers, update_bias, watch_routing
from lessons_lib.precision import Fp8Linear, quantized_linear, tiles_of
from lessons_lib.runs import seed_for
from lessons_lib.training import make_optimizer, train, training_batches
from lessons_lib.training.optimizer import learning_rate, set_learning_rate

PLAIN = dict(vocab_size=11, dim=12, n_layers=2, n_heads=3, max_seq_len=32, n_mtp_layers=2)
LATENT = dict(kv_lora_rank=8, qk_nope_head_dim=6, qk_rope_head_dim=4, v_head_dim=5)
EXPERTS = dict(
    n_routed_experts=6, n_activated_experts=2, n_shared_experts=1, moe_inter_dim=8, n_dense_layers=1
)
KINDS = {
    "plain attention": {},
    "latent attention": LATENT,
    "experts": EXPERTS,
    "latent attention and experts": LATENT | EXPERTS,
    "tied embeddings": dict(tie_embeddings=True),
}


@torch.no_grad()
def build(seed=0, **changes):
    """A model in float64, every weight drawn here."""
    model, rng = Transformer(ModelConfig(**PLAIN | changes)).double(), torch.Generator().manual_seed(seed)
    for weight in model.parameters():
        noise = torch.randn(weight.shape, generator=rng, dtype=torch.float64)
        weight.copy_(1 + 0.3 * noise if weight.ndim < 2 else noise * weight.shape[-1] ** -0.5)
    return model.eval()


def draw_tokens(batch=2, length=9, seed=1):
    return torch.randint(11, (batch, length), generator=torch.Generator().manual_seed(seed))


def slow_norm(x, gain):
    return x / (x.square().mean() + 1e-6).sqrt() * gain


def slow_logits(model, text, depth):
    """Equations 21 to 23 for one text (position,), a position at a time: {depth: logits}."""
    stream = model.embed(text)[None]
    for i, layer in enumerate(model.layers):
        stream = layer(stream, model.rope[: len(text)], None, i)
    states = [slow_norm(x, model.norm.weight) for x in stream[0]]  # h^0
    for k in range(1, depth + 1):
        module, joined, above = model.mtp[k - 1], [], []
        for t in range(len(text) - k):
            h = slow_norm(states[t], module.hidden_norm.weight)
            e = slow_norm(model.embed.weight[text[t + k]], module.embedding_norm.weight)
            joined.append(module.join.weight[:, :12] @ h + module.join.weight[:, 12:] @ e)
            so_far = module.block(torch.stack(joined)[None], model.rope[: t + 1], None, 0)[0]
            above.append(slow_norm(so_far[-1], module.norm.weight))
        states = above
    return torch.stack([model.head.weight @ h for h in states])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("depth", [1, 2])
def test_logits_are_those_of_the_equations(kind, depth):
    model, tokens = build(**KINDS[kind]), draw_tokens()
    found = model.mtp_logits(tokens, depth)
    assert found.shape == (2, 9 - depth, 11)
    for logits, text in zip(found, tokens):
        torch.testing.assert_close(logits, slow_logits(model, text, depth), atol=1e-10, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_all_logits_are_the_main_ones_and_those_of_every_depth(kind):
    model, tokens = build(**KINDS[kind]), draw_tokens()
    main, *ahead = model.all_logits(tokens)
    assert len(ahead) == 2
    for found, expected in zip(
        [main, *ahead], [model(tokens), model.mtp_logits(tokens), model.mtp_logits(tokens, 2)]
    ):
        torch.testing.assert_close(found, expected, atol=1e-10, rtol=0)


@pytest.mark.parametrize("depth", [1, 2])
def test_a_position_sees_the_tokens_up_to_its_depth_and_none_beyond(depth):
    model, tokens = build(), draw_tokens(1)
    before = model.mtp_logits(tokens, depth)
    for changed in range(9):
        other = tokens.clone()
        other[0, changed] = (other[0, changed] + 1) % 11
        moved = (model.mtp_logits(other, depth) - before).abs().amax(-1)[0] > 1e-12
        assert moved.tolist() == [t >= changed - depth for t in range(9 - depth)]


def test_embedding_and_head_are_the_main_models_own():
    model = build()
    assert not any("embed." in name or "head" in name for name in model.mtp.state_dict())
    loss = model.mtp_logits(draw_tokens())[..., 0].sum()
    loss.backward()
    assert model.embed.weight.grad.abs().sum() > 0 and model.head.weight.grad.abs().sum() > 0
    assert all(p.grad is not None for p in model.layers.parameters())  # it teaches the main model


@pytest.mark.parametrize("kind", KINDS)
def test_the_main_model_is_the_same_with_and_without_modules(kind):
    """Paired runs need the same start, and a lesson may throw the modules away."""
    models = []
    for n in (0, 2):
        torch.manual_seed(3)
        models.append(Transformer(ModelConfig(**PLAIN | KINDS[kind] | dict(n_mtp_layers=n))))
    without, with_modules = (model.state_dict() for model in models)
    for name, weight in without.items():
        assert torch.equal(weight, with_modules[name]), name
    assert without.keys() == {name for name in with_modules if not name.startswith("mtp.")}
    assert torch.equal(models[0](draw_tokens()), models[1](draw_tokens()))


def test_matrices_of_a_module_start_at_the_scale_of_their_input():
    torch.manual_seed(0)
    module = Transformer(ModelConfig(vocab_size=5, dim=256, n_layers=8, n_heads=4, n_mtp_layers=1)).mtp[0]
    assert module.join.weight.std().item() == pytest.approx(512**-0.5, rel=0.02)
    assert module.block.attention.wo.weight.std().item() == pytest.approx((256 * 2) ** -0.5, rel=0.02)


@pytest.mark.parametrize("kind", KINDS)
def test_states_read_in_pieces_with_caches_are_those_read_at_once(kind):
    model, tokens = build(**KINDS[kind]), draw_tokens()
    main, own, found = model.new_cache(2), model.new_mtp_cache(2), []
    for start, end in ((0, 3), (3, 4), (4, 8)):
        hidden = model.hidden_states(tokens[:, start:end], main)
        found.append(model.head(model.look_ahead(hidden, tokens[:, start + 1 : end + 1], own)))
    torch.testing.assert_close(torch.cat(found, 1), model.mtp_logits(tokens), atol=1e-10, rtol=0)
    assert own.length == 8 and own.n_bytes() == main.n_bytes() / 2  # one block beside two layers


@pytest.mark.parametrize("depths", [1, 2])
def test_the_loss_is_the_sum_of_its_terms_over_the_divisor_of_the_report(depths):
    model, window = build(), draw_tokens(3, 10)
    ahead = model.all_logits(window[:, :-1])[1 : depths + 1]
    length, per_depth = 9, []
    for k in range(1, depths + 1):
        terms = [
            -ahead[k - 1][row, t].log_softmax(-1)[window[row, t + k + 1]]
            for row in range(3)
            for t in range(length - k)
        ]
        per_depth.append(sum(terms) / (3 * length))  # although only length - k terms each
    torch.testing.assert_close(mtp_loss(ahead, window), sum(per_depth) / depths, atol=1e-10, rtol=0)


def test_labels_of_another_length_are_refused():
    model, window = build(), draw_tokens(3, 10)
    sentence = r"depth 1 has logits for \(3, 9\) .* the window has labels for \(3, 8\)"
    with pytest.raises(ValueError, match=sentence):
        mtp_loss([model.mtp_logits(window)], window)


def test_the_recipe_rounds_the_modules_products_and_not_the_shared_head():
    model = Transformer(ModelConfig(**PLAIN), linear=quantized_linear(tiles_of(4)))
    assert isinstance(model.mtp[0].join, Fp8Linear) and isinstance(model.mtp[0].block.ffn.w1, Fp8Linear)
    assert not isinstance(model.head, Fp8Linear)


def test_modules_are_watched_only_when_asked_and_counted_on_behind_the_layers():
    model, tokens = build(**EXPERTS), draw_tokens()
    assert list(routers(model)) == [1] and list(routers(model, mtp=True)) == [1, 2, 3]
    with watch_routing(model) as main, watch_routing(model, mtp=True) as both:
        model.all_logits(tokens)
    assert list(main) == [1]
    assert [len(routing.ids) for (routing,) in both.values()] == [18, 16, 14]


@pytest.mark.parametrize(
    "call, sentence",
    [
        (lambda m, t: m.mtp_logits(t, 3), "depth must be 1 to n_mtp_layers=2, got 3"),
        (lambda m, t: m.mtp_logits(t, 0), "depth must be 1 to n_mtp_layers=2, got 0"),
        (lambda m, t: m.mtp_logits(t[:, :2], 2), "depth 2 needs texts of at least 3 tokens, these have 2"),
        (lambda m, t: m.mtp_logits(t[:, :1]), "depth 1 needs texts of at least 2 tokens, these have 1"),
        (lambda m, t: m.look_ahead(m.hidden_states(t), t, depth=3), "depth must be 1 to n_mtp_layers=2"),
    ],
)
def test_an_impossible_depth_is_refused_in_one_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call(build(), draw_tokens())


def test_a_model_without_modules_says_so():
    with pytest.raises(ValueError, match="this model has no MTP module: .* n_mtp_layers=0"):
        build(n_mtp_layers=0).mtp_logits(draw_tokens())


@pytest.mark.parametrize("wrong", [-1, 1.0, True])
def test_a_count_of_modules_that_is_none_is_refused(wrong):
    with pytest.raises(ValueError, match=f"n_mtp_layers .*{wrong}"):
        ModelConfig(**PLAIN | dict(n_mtp_layers=wrong))


# ---- training


MODEL = replace(TINY.model, n_layers=3, n_mtp_layers=2, **EXPERTS)
CONFIG = replace(TINY, model=MODEL, mtp_weight=0.3, seq_alpha=0.03, bias_update_speed=0.02)


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(tmp_path / "runs"))


def by_hand(config, seed):
    """The same training as a plain loop: (model, its losses, load of the main layers)."""
    torch.manual_seed(seed_for(seed, "weights"))
    model, corpus = Transformer(config.model), build_corpus(config.corpus)
    optimizer, batch = make_optimizer(model, config), training_batches(corpus, config, seed)
    losses, loads = [], []
    for step in range(config.steps):
        tokens = batch(step)
        with watch_routing(model, mtp=True) as seen:
            main, one, two = model.all_logits(tokens[:, :-1])
        loss = F.cross_entropy(main.flatten(0, 1), tokens[:, 1:].flatten())
        losses.append(loss.item())
        balance, length = 0.0, config.length
        for (routing,) in seen.values():
            share = (routing.affinities / routing.affinities.sum(-1, keepdim=True)).view(4, -1, 6)
            chosen = torch.zeros_like(share).scatter(-1, routing.affinities.view_as(share).topk(2).indices, 1)
            balance = balance + (chosen.mean(1) * 3 * share.mean(1)).sum(-1).mean() * config.seq_alpha
        further = [
            F.cross_entropy(ahead.flatten(0, 1), tokens[:, k + 1 :].flatten()) * (length - k) / length
            for k, ahead in ((1, one), (2, two))
        ]
        optimizer.zero_grad()
        (loss + balance / 4 + config.mtp_weight * sum(further) / 2).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.optimizer.grad_clip)
        set_learning_rate(optimizer, learning_rate(step, config))
        optimizer.step()
        counts = {layer: torch.bincount(r.ids.flatten(), minlength=6) for layer, (r,) in seen.items()}
        for layer, router in routers(model, mtp=True).items():
            update_bias(router.bias, counts[layer], config.bias_update_speed)
        loads.append(torch.stack([counts[layer] for layer in (1, 2)]))
    return model, losses, torch.stack(loads)


def test_training_with_modules_is_that_of_a_loop_written_out(store):
    found = train(CONFIG, 5, progress=Counter())
    model, losses, load = by_hand(CONFIG, 5)
    assert found.history["loss"] == pytest.approx(losses, abs=1e-5)  # that of the main model
    assert found.load.shape == (12, 2, 6) and torch.equal(found.load, load.int())
    for (name, ours), plain in zip(found.model.state_dict().items(), model.state_dict().values()):
        torch.testing.assert_close(ours, plain, atol=1e-4, rtol=0, msg=lambda m, n=name: f"{n}: {m}")


def test_a_run_with_modules_goes_on_and_is_loaded_bit_for_bit(store):
    whole = train(CONFIG, 5, progress=Counter())

    def stop():
        raise KeyboardInterrupt

    again = replace(CONFIG, eval_windows=CONFIG.eval_windows + 1)
    with pytest.raises(KeyboardInterrupt):
        train(again, 5, progress=Counter(step7=stop))
    resumed = train(again, 5, progress=Counter())
    assert resumed.history["loss"] == whole.history["loss"]
    for name, weight in whole.model.state_dict().items():
        assert torch.equal(weight, resumed.model.state_dict()[name]), name
    assert_same_bits(whole, train(CONFIG, 5, progress=Counter()))


def test_without_a_weight_the_modules_stay_as_they_were_and_the_main_model_does_not_notice(store):
    without = train(
        replace(CONFIG, model=replace(MODEL, n_mtp_layers=0), mtp_weight=0), 5, progress=Counter()
    )
    silent = train(replace(CONFIG, mtp_weight=0), 5, progress=Counter())
    assert silent.history["loss"] == without.history["loss"]
    torch.manual_seed(seed_for(5, "weights"))
    for name, weight in Transformer(MODEL).mtp.state_dict().items():
        assert torch.equal(silent.model.mtp.state_dict()[name], weight), name


@pytest.mark.parametrize(
    "changes, sentence",
    [
        (dict(mtp_weight=-0.1), "mtp_weight must be 0 or above and finite, got -0.1"),
        (dict(mtp_weight=float("nan")), "mtp_weight must be 0 or above and finite, got nan"),
        (dict(model=replace(MODEL, n_mtp_layers=0)), "mtp_weight=0.3 trains MTP modules, but the model has"),
        (dict(model=WindowMLPConfig(9), seq_alpha=0, bias_update_speed=0), "but the model has none"),
        (dict(length=2), "2 MTP modules need windows longer than length=2"),
    ],
)
def test_impossible_weights_are_refused(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        replace(CONFIG, **changes)
