"""What a run is: the same bits for the same configuration and seed, and a sentence where it cannot be."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from training_helpers import TINY, Counter, assert_same_bits, shorter

from lessons_lib.config import ModelConfig, WindowMLPConfig
from lessons_lib.corpus import build_corpus
from lessons_lib.model import Transformer, WindowMLP
from lessons_lib.runs import seed_for
from lessons_lib.training import evaluate, learning_rate, loop, pool_windows, train, training_batches
from lessons_lib.training.windows import cut_pieces


@pytest.fixture
def fresh_store(tmp_path, monkeypatch):
    """Give a function that points the run store to a new empty folder."""

    def point(name="runs"):
        monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(tmp_path / name))

    point()
    return point


def test_the_same_configuration_and_seed_give_the_same_bits(fresh_store):
    one = train(TINY, 3, progress=Counter())
    fresh_store("another")
    assert_same_bits(one, train(TINY, 3, progress=Counter()))


def test_another_seed_has_other_weights_and_other_windows(fresh_store):
    corpus = build_corpus(TINY.corpus)
    a, b = training_batches(corpus, TINY, 0), training_batches(corpus, TINY, 1)
    assert not torch.equal(a(0), b(0))
    one, two = (train(TINY, seed, progress=Counter()) for seed in (0, 1))
    assert not torch.equal(one.model.embed.weight, two.model.embed.weight)


def test_a_run_is_what_a_plain_loop_with_torchs_adamw_gives(fresh_store):
    """The oracle shares the model, the windows and the schedule, and nothing else."""
    run = train(TINY, 1, progress=Counter())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for(1, "weights"))
        model = Transformer(TINY.model)
    matrices = [p for p in model.parameters() if p.ndim > 1]
    gains = [p for p in model.parameters() if p.ndim == 1]
    groups = [{"params": matrices}, {"params": gains, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.1, betas=(0.9, 0.95), foreach=True)
    windows = training_batches(build_corpus(TINY.corpus), TINY, 1)
    for step in range(TINY.steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, TINY)
        logits = model(windows(step)[:, :-1])
        loss = F.cross_entropy(logits.reshape(-1, logits.shape[-1]), windows(step)[:, 1:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        norm = torch.cat([p.grad.flatten() for p in model.parameters()]).norm()
        for p in model.parameters():
            p.grad *= min(1.0, 1.0 / (norm.item() + 1e-6))
        optimizer.step()
        assert loss.item() == pytest.approx(run.history["loss"][step], rel=1e-4)  # float32, other order


def test_the_programs_own_random_numbers_are_neither_used_nor_moved(fresh_store):
    before = torch.get_rng_state()
    trained = train(TINY, 0, progress=Counter())
    assert torch.equal(torch.get_rng_state(), before)
    train(TINY, 0, progress=Counter())  # and loading, which builds a model too, moves nothing
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(1)
    fresh_store("another")
    assert_same_bits(trained, train(TINY, 0, progress=Counter()))
    torch.set_rng_state(before)


def test_history_has_every_step_and_the_held_out_losses_that_were_asked_for(fresh_store):
    run = train(TINY, 0, progress=Counter())
    assert run.history["step"] == list(range(1, 13)) and len(run.history["loss"]) == 12
    assert run.history["eval_step"] == [5, 10, 12]  # the last step too, whatever eval_every says
    assert run.history["eval_loss"][-1] == run.held_out_loss
    assert run.history["eval_gap"][-1] == run.gap
    again = evaluate(run.model, build_corpus(TINY.corpus), windows=12, length=16)
    assert (again.total, again.per_domain) == (run.held_out_loss, run.per_domain)
    assert again.gap_per_domain == run.gap_per_domain


def test_training_learns(fresh_store):
    run = train(shorter(steps=150, eval_every=None), 0, progress=Counter())
    first, last = run.history["loss"][0], sum(run.history["loss"][-10:]) / 10
    assert first > 4.0  # about log(106) = 4.66 before anything is known
    assert last < 2.6  # the languages use ten symbols: below log(10) and a little
    assert not run.model.training


def test_a_pool_is_all_that_a_run_with_a_pool_sees(fresh_store):
    corpus, config = build_corpus(TINY.corpus), shorter(pool=5, batch_size=8)
    known = {tuple(row) for row in pool_windows(corpus, config, 2).tokens.tolist()}
    batch = training_batches(corpus, config, 2)
    seen = {tuple(row) for step in range(40) for row in batch(step).tolist()}
    assert seen == known and len(known) == 5
    with pytest.raises(ValueError, match="pool=None"):
        pool_windows(corpus, TINY, 2)


def test_windows_depend_on_the_number_of_the_step_alone():
    corpus = build_corpus(TINY.corpus)
    forward, direct = training_batches(corpus, TINY, 0), training_batches(corpus, TINY, 0)
    in_order = [forward(step) for step in range(40)]
    for step in (39, 3, 32):
        assert torch.equal(direct(step), in_order[step])
    assert len({tuple(row) for tokens in in_order for row in tokens.tolist()}) > 150  # fresh, of 160


def test_pieces_are_the_tag_and_tokens_that_stood_in_a_row():
    tokens = torch.arange(17).repeat(3, 1) + 100 * torch.arange(3)[:, None]
    pieces = cut_pieces(tokens, 4, torch.Generator().manual_seed(0))
    assert pieces.shape == (9, 6)  # 16 tokens make three pieces of five and a remainder
    assert pieces[:, 0].tolist() == [0, 0, 0, 100, 100, 100, 200, 200, 200]
    steps = pieces[:, 2:] - pieces[:, 1:-1]
    assert (steps == 1).all() and (pieces[:, 1] % 100 >= 1).all()


def test_a_run_with_little_context_is_trained_and_scored_with_little_context(fresh_store):
    short, full = (train(shorter(context=c), 0, progress=Counter()) for c in (1, None))
    corpus = build_corpus(TINY.corpus)
    scored = evaluate(short.model, corpus, windows=12, length=16, context=1)
    assert scored.total == short.held_out_loss
    assert short.history["loss"] != full.history["loss"]


def test_the_model_without_attention_trains_in_the_same_loop(fresh_store):
    run = train(shorter(model=WindowMLPConfig(vocab_size=106, window=3)), 0, progress=Counter())
    assert isinstance(run.model, WindowMLP) and run.model.config.window == 3


def test_a_loss_that_is_no_number_stops_with_step_and_rate(fresh_store, monkeypatch):
    class Breaks(nn.Module):
        """Gives sound logits twice, then nan."""

        def __init__(self, config):
            super().__init__()
            self.config, self.calls, self.weight = config, 0, nn.Parameter(torch.zeros(1, config.vocab_size))

        def forward(self, tokens):
            self.calls += 1
            return self.weight.expand(*tokens.shape, -1) + (math.nan if self.calls > 2 else 0.0)

    monkeypatch.setattr(loop, "build_model", lambda config: Breaks(config.model))
    with pytest.raises(FloatingPointError, match="became nan at step 3, where the learning rate was 0.004"):
        train(shorter(checkpoint_every=1), 0, progress=Counter())
    assert list(loop.run_store.folder().glob("*step*")) == []  # it would only fail again from there


def test_a_vocabulary_too_small_is_refused_with_both_numbers(fresh_store):
    config = shorter(model=ModelConfig(vocab_size=10, dim=16, n_layers=1, n_heads=2))
    with pytest.raises(ValueError, match=r"corpus has \d+ tokens, the model only 10"):
        train(config, 0, progress=Counter())
