"""Fast sampling writes the same tokens with the same log-probabilities as the slowest loop there is."""

import random

import pytest
import torch
from reasoning_helpers import HUNT, LATENT, PLAIN, model_of

from lessons_lib.reasoning import Sampler, sample
from lessons_lib.reasoning.evaluation import prompts_of
from lessons_lib.reasoning.hunts import END_THINK, EOS, IDS, PAD, Hunts
from lessons_lib.reasoning.sampling import pick

MAX_NEW, GROUP, SEED = 20, 5, 7


@pytest.fixture
def prompts():
    corpus, rng = Hunts(HUNT), random.Random(0)
    return prompts_of([corpus.problem(rng) for _ in range(4)])


def seeded():
    return torch.Generator().manual_seed(SEED)


def end_sooner(model):
    """Make <eos> likelier, so that rows end at different steps."""
    original = model.head.forward
    model.head.forward = lambda x: original(x) + 2.5 * (torch.arange(40) == EOS)
    return model


def slow_sample(model, prompts, temperature, edit=None):
    """Write one row after the other, without cache, reading the whole text again for every token."""
    luck = torch.rand(len(prompts) * GROUP, MAX_NEW, generator=seeded(), dtype=torch.float64)
    rows, scores, nats = [], [], []
    for row in range(len(prompts) * GROUP):
        text, logps, entropies = prompts[row // GROUP].tolist(), [], []
        for step in range(MAX_NEW):
            with torch.no_grad():
                logits = model(torch.tensor([text]))[:, -1]
            if edit is not None:
                logits = edit(logits, step, torch.tensor([text[prompts.shape[1] :]]).long())
            probs = (logits[0] / temperature).softmax(-1)
            token = int((probs.cumsum(0) <= luck[row, step] * probs.sum()).sum())
            text.append(token)
            logps.append(probs[token].log().item())
            entropies.append(-(probs[probs > 0] * probs[probs > 0].log()).sum().item())
            if token == EOS:
                break
        rows.append(text[prompts.shape[1] :]), scores.append(logps), nats.append(entropies)
    return rows, scores, nats


def no_end_before(step_of_end):
    def edit(logits, step, history):
        assert history.shape == (len(logits), step)
        logits = logits.clone()
        logits[:, END_THINK] = -torch.inf
        logits[:, IDS["wait"]] += (history == IDS["wait"]).sum(1)  # depends on what has been written
        if step < step_of_end:
            logits[:, EOS] = -torch.inf
        return logits

    return edit


@pytest.mark.parametrize("edit", [None, no_end_before(6)], ids=["plain", "edited"])
@pytest.mark.parametrize("temperature", [1.0, 0.7])
@pytest.mark.parametrize("config", [LATENT, PLAIN], ids=["latent", "full"])
def test_the_same_tokens_and_scores_as_a_slow_loop_without_cache(config, temperature, edit, prompts):
    model = end_sooner(model_of(config))
    rows, scores, nats = slow_sample(model, prompts, temperature, edit)
    found = sample(
        model, prompts, GROUP, max_new=MAX_NEW, temperature=temperature, generator=seeded(), edit=edit
    )
    assert found.rows() == rows
    assert 1 < min(map(len, rows)) or edit is None
    assert len(set(map(len, rows))) > 3  # rows end at different steps
    for row, logps, entropies in zip(range(len(rows)), scores, nats):
        n = len(logps)
        torch.testing.assert_close(found.logps[row, :n].tolist(), logps, atol=1e-10, rtol=0)
        torch.testing.assert_close(found.entropies[row, :n].tolist(), entropies, atol=1e-10, rtol=0)
        assert found.tokens[row, n:].eq(PAD).all() and found.logps[row, n:].eq(0).all()
        assert found.mask[row].tolist() == [True] * n + [False] * (found.mask.shape[1] - n)
    assert found.lengths.tolist() == list(map(len, rows))


def test_a_prompt_is_read_once_per_group_and_finished_rows_are_dropped(prompts):
    model, seen = end_sooner(model_of()), []
    model.register_forward_pre_hook(lambda module, args: seen.append(tuple(args[0].shape)))
    found = sample(model, prompts, GROUP, max_new=MAX_NEW, generator=seeded())
    assert seen[0] == tuple(prompts.shape)
    assert {columns for _, columns in seen[1:]} == {1}
    sizes = [rows for rows, _ in seen[1:]]
    writing = [int((found.lengths > step).sum()) for step in range(1, len(sizes) + 1)]
    assert all(need <= rows for need, rows in zip(writing, sizes))
    assert all(need > 0.75 * rows for need, rows in zip(writing, sizes))
    assert sizes[-1] < len(found.tokens)


def test_temperature_zero_is_greedy(prompts):
    model = model_of()
    found = sample(model, prompts, max_new=10, temperature=0.0)
    text = model.generate(prompts, 10, stop=EOS)[:, prompts.shape[1] :]
    for row, whole in zip(found.rows(), text.tolist()):
        assert row == whole[: len(row)]
    assert found.logps.eq(0).all()


def test_it_can_be_watched_and_stopped(prompts):
    sampler = Sampler(end_sooner(model_of()), prompts, GROUP, max_new=MAX_NEW, generator=seeded())
    written = [[] for _ in range(len(prompts) * GROUP)]
    for step, (rows, new) in enumerate(sampler):
        for row, token in zip(rows.tolist(), new.tolist()):
            written[row].append(token)
        if step == 4:
            break
    part = sampler.rollout()
    assert part.rows() == written and part.tokens.shape[1] == 5
    whole = sample(end_sooner(model_of()), prompts, GROUP, max_new=MAX_NEW, generator=seeded())
    assert torch.equal(part.tokens, whole.tokens[:, :5])


def test_draws_follow_the_distribution_and_never_take_what_is_forbidden():
    probs = torch.tensor([0.0, 0.5, 0.0, 0.3, 0.2, 0.0])
    n = 100_000
    luck = (torch.arange(n, dtype=torch.float64) + 0.5) / n  # evenly spread
    drawn = pick(probs.log().expand(n, -1), luck)
    assert torch.bincount(drawn, minlength=6).tolist() == pytest.approx([0, 5e4, 0, 3e4, 2e4, 0], abs=2)
    ends = torch.tensor([0.0, 1 - 2**-53], dtype=torch.float64)
    assert pick(probs.log().expand(2, -1), ends).tolist() == [1, 4]


def test_what_cannot_be_is_refused(prompts):
    model = model_of()
    with pytest.raises(ValueError, match="13 tokens of prompt \\+ 60 new ones exceed max_seq_len=64"):
        sample(model, prompts, max_new=60)
    with pytest.raises(ValueError, match="temperature"):
        sample(model, prompts, max_new=5, temperature=-1.0)
