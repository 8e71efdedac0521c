"""A reader that learns on while it looks sparsely: which loss moves what, what a KL among the kept does."""

from dataclasses import replace

import pytest
import torch
from test_training_indexer import CONFIG, drawn
from training_helpers import Counter

from lessons_lib.config.ledger import IndexerConfig, SparseConfig
from lessons_lib.corpus.ledger import draw_ledgers
from lessons_lib.model.sparse_attention import choosing
from lessons_lib.runs.randomness import make_generator
from lessons_lib.training.indexer import indexer_losses, teach_indexer
from lessons_lib.training.ledger import accuracy
from lessons_lib.training.sparse import sparse_losses, train_sparse

PLAN = SparseConfig(CONFIG, steps=2, batch_size=2)


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(tmp_path / "runs"))


def names_moved_by(loss, model):
    model.zero_grad()
    loss.backward(retain_graph=True)
    return {name for name, w in model.named_parameters() if w.grad is not None and w.grad.any()}


@pytest.mark.parametrize("among_kept", [True, False])
def test_answers_move_the_reader_and_the_kl_its_indexers(among_kept):
    model = teach_indexer(CONFIG, 3, progress=Counter()).model
    missed, apart = sparse_losses(model, drawn(), replace(PLAN, among_kept=among_kept))
    indexers = {name for name, _ in model.named_parameters() if ".indexer." in name}
    assert names_moved_by(apart.sum(), model) <= indexers
    moved = names_moved_by(missed, model)
    assert not moved & indexers and "embed.weight" in moved and "layers.1.attention.wkv_b.weight" in moved


def test_where_everything_is_kept_both_forms_are_the_warm_ups():
    model, tokens = teach_indexer(CONFIG, 3, progress=Counter()).model, drawn()
    warm_up = torch.stack(indexer_losses(model, tokens[:, :-1]))
    for among_kept in (True, False):
        with choosing(model, topk=tokens.shape[1] - 1):
            _, apart = sparse_losses(model, tokens, replace(PLAN, among_kept=among_kept))
        torch.testing.assert_close(apart, warm_up)


def test_among_the_kept_it_is_the_kl_of_what_is_left_of_both():
    model, tokens = teach_indexer(CONFIG, 3, progress=Counter()).model, drawn(2)
    _, apart = sparse_losses(model, tokens, PLAN)
    x = model.layers[0].attention_norm(model.embed(tokens[:, :-1]))
    rope, attention = model.rope[: x.shape[1]].float(), model.layers[0].attention
    scores, own = attention.index_scores(x, rope), attention.own_weights(x, rope).sum(1)
    found = []
    for one, p in zip(scores.flatten(0, 1), own.flatten(0, 1), strict=True):
        best = one.topk(4).indices
        best = best[one[best] > -torch.inf]
        p, guess = p[best] / p[best].sum(), one[best].log_softmax(0)
        found.append((p * (p.log() - guess)).sum())
    torch.testing.assert_close(apart[0], torch.stack(found).mean())


def test_it_begins_with_the_taught_reader_and_moves_all_of_it():
    before = teach_indexer(CONFIG, 3, progress=Counter()).model.state_dict()
    first, again = (train_sparse(PLAN, 3, progress=Counter()).model.state_dict() for _ in range(2))
    assert all(torch.equal(w, again[name]) for name, w in first.items())
    same = {name for name, w in first.items() if torch.equal(w, before[name])}
    assert not {name for name in same if name.endswith("weight")}, same
    still = replace(PLAN.optimizer, learning_rate=1e-12)
    stands = train_sparse(replace(PLAN, optimizer=still, index_optimizer=still), 3, progress=Counter()).model
    for name, weight in stands.state_dict().items():
        torch.testing.assert_close(weight, before[name], atol=1e-9, rtol=0)


@pytest.mark.deep
def test_at_the_lessons_size_neither_form_of_the_kl_decides_what_further_training_does():
    """Lesson 18 tells it: 100 steps with 32 of 248 positions may harm or help; both forms about the same."""
    taught = IndexerConfig(steps=300, target="most", asked_weight=30.0)
    tokens = draw_ledgers(192, taught.reader.ledger, make_generator(1, "sparse training", held_out=True))

    def right(model):
        with choosing(model, topk=32):
            return accuracy(model, tokens, taught.reader.ledger)

    changes = {}
    for seed in (3, 4, 5):
        before = right(teach_indexer(taught, seed, progress=Counter()).model)
        for among_kept in (False, True):
            plan = SparseConfig(taught, among_kept=among_kept)
            after = right(train_sparse(plan, seed, progress=Counter()).model)
            changes[seed, among_kept] = after - before
            print(f"seed {seed}, among the kept: {among_kept}: {before:.3f}, then {after:.3f}")
        assert abs(changes[seed, True] - changes[seed, False]) < 0.03
    assert min(changes.values()) < 0 < max(changes.values()) and max(map(abs, changes.values())) < 0.1
