"""Speculative decoding gives what plain decoding gives: the same greedy text, the same distribution.

Every random choice of `speculate` goes through one function, so a test can walk through all that can happen
and add up the chances: the distribution of whole texts is then exact, and it is compared with the product of
the model's own probabilities in float64 (1e-10). The drafts here are bad (weights drawn at random), so that
drafts are kept and refused in all orders. A large sample, by torch's own draws, is judged by chi-square.
"""

import itertools

import pytest
import torch

from lessons_lib.config import ModelConfig
from lessons_lib.model import Transformer, accept_draft, speculate
from lessons_lib.model.speculative import agree, draws

PLAIN = dict(vocab_size=3, dim=12, n_layers=2, n_heads=2, max_seq_len=48, n_mtp_layers=1)
LATENT = dict(kv_lora_rank=8, qk_nope_head_dim=4, qk_rope_head_dim=4, v_head_dim=5)
EXPERTS = dict(n_routed_experts=4, n_activated_experts=2, moe_inter_dim=8)
KINDS = {"plain attention": {}, "latent attention and experts": LATENT | EXPERTS}


@torch.no_grad()
def build(seed=0, scale=1.0, **changes):
    """A model in float64, every weight drawn here."""
    model, rng = Transformer(ModelConfig(**PLAIN | changes)).double(), torch.Generator().manual_seed(seed)
    for weight in model.parameters():
        noise = torch.randn(weight.shape, generator=rng, dtype=torch.float64)
        weight.copy_(1 + 0.3 * noise if weight.ndim < 2 else scale * noise * weight.shape[-1] ** -0.5)
    return model.eval()


class Script:
    """Chooses as a list of earlier choices says, and then the first that is possible; adds up the chance."""

    def __init__(self, choices):
        self.choices, self.taken, self.chance, self.others = choices, [], 1.0, []

    def __call__(self, weights):
        weights = weights.double() / weights.double().sum()
        if len(self.taken) == len(self.choices):
            first, *others = weights.nonzero().flatten().tolist()
            self.others += [[*self.taken, other] for other in others]
            self.choices = [*self.choices, first]
        self.taken.append(self.choices[len(self.taken)])
        self.chance *= weights[self.taken[-1]].item()
        return self.taken[-1]


def every_way(run):
    """Yield (result of run, its chance) for every sequence of choices that can happen."""
    waiting = [[]]
    while waiting:
        choose = Script(waiting.pop())
        yield run(choose), choose.chance
        waiting += choose.others


@torch.no_grad()
def exact(model, prompt, n, temperature=1.0):
    """The model's own chance of every text of `n` more tokens, without any cache: {text: chance}."""
    chances = {}
    for more in itertools.product(range(model.config.vocab_size), repeat=n):
        text = torch.tensor([prompt + list(more)])
        logs = (model(text)[0, len(prompt) - 1 : -1] / temperature).log_softmax(-1)
        chances[more] = logs.gather(1, torch.tensor(more)[:, None]).sum().exp().item()
    return chances


def found_by_every_way(model, prompt, n, **settings):
    chances = {}
    for result, chance in every_way(
        lambda c: speculate(model, torch.tensor([prompt]), n, choose=c, **settings)
    ):
        more = tuple(result.text[0, len(prompt) :].tolist())
        chances[more] = chances.get(more, 0.0) + chance
    return chances


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("drafts, new", [(1, 3), (2, 3)])
@pytest.mark.parametrize("temperature", [1.0, 0.6])
def test_every_text_has_exactly_the_models_own_chance(kind, drafts, new, temperature):
    model = build(**KINDS[kind])
    expected = exact(model, [2, 0], new, temperature)
    found = found_by_every_way(model, [2, 0], new, drafts=drafts, temperature=temperature)
    assert sum(found.values()) == pytest.approx(1, abs=1e-10)
    assert set(found) <= set(expected)
    assert max(abs(found.get(more, 0) - chance) for more, chance in expected.items()) < 1e-10


def test_four_tokens_after_a_refusal_and_after_an_acceptance_are_exact_too():
    """Long enough that a pass comes after every kind of pass: a cache that is not rewound would show."""
    model = build(seed=1, vocab_size=2)
    expected, found = exact(model, [0], 5), found_by_every_way(model, [0], 5, temperature=1.0)
    assert max(abs(found.get(more, 0) - chance) for more, chance in expected.items()) < 1e-10


DRAFT = torch.tensor([[4, 2, 1, 1], [1, 1, 3, 3]], dtype=torch.float64) / 8
TARGET = torch.tensor([[2, 1, 2, 3], [4, 1, 1, 2], [0, 1, 3, 4]], dtype=torch.float64) / 8


def test_the_rule_gives_the_target_and_keeps_what_both_have_in_common():
    first, kept = torch.zeros(4, dtype=torch.float64), 0.0

    def one_pass(choose):
        drafted = [choose(row) for row in DRAFT]
        return drafted, *accept_draft(drafted, DRAFT, TARGET, choose)

    pairs = torch.zeros(4, 4, dtype=torch.float64)
    for (drafted, written, n), chance in every_way(one_pass):
        assert written[:n] == drafted[:n] and len(written) == n + 1
        first[written[0]] += chance
        kept += chance * (n > 0)
        if n > 0:
            pairs[written[0], written[1]] += chance
    torch.testing.assert_close(first, TARGET[0], atol=1e-12, rtol=0)
    assert kept == pytest.approx(torch.minimum(DRAFT[0], TARGET[0]).sum().item(), abs=1e-12)
    torch.testing.assert_close(
        pairs, torch.minimum(DRAFT[0], TARGET[0])[:, None] * TARGET[1], atol=1e-12, rtol=0
    )


def test_a_draft_equal_to_the_target_is_always_kept():
    for seed in range(20):
        probs = torch.rand(1, 5, generator=torch.Generator().manual_seed(seed)).softmax(-1)
        target = torch.cat([probs, probs])
        written, kept = accept_draft([3], probs, target, draws(torch.Generator().manual_seed(seed)))
        assert kept == 1 and written[0] == 3


@pytest.mark.parametrize(
    "drafted, best, written",
    [
        ([1, 2], [1, 2, 3], [1, 2, 3]),
        ([1, 2], [1, 4, 3], [1, 4]),
        ([1, 2], [0, 2, 3], [0]),
        ([], [5], [5]),
    ],
)
def test_the_greedy_rule(drafted, best, written):
    assert agree(drafted, best) == (written, len(written) - 1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("drafts", [0, 1, 2, 3])
def test_the_greedy_text_is_that_of_plain_decoding(kind, drafts):
    """Both kinds of step occur, or the test says so."""
    kept = refused = 0
    for seed in range(4):
        model = build(seed, vocab_size=7, scale=1.5, **KINDS[kind])
        prompt = torch.randint(7, (1, 1 + seed), generator=torch.Generator().manual_seed(seed))
        found = speculate(model, prompt, 40 - seed, drafts=drafts)
        assert torch.equal(found.text, model.generate(prompt, 40 - seed))
        kept, refused = kept + found.accepted, refused + found.judged - found.accepted
    assert (kept > 5 and refused > 5) if drafts else kept == refused == 0


def test_a_large_sample_is_distributed_as_the_model_says():
    """Chi-square on the 27 texts of 3 tokens: below the 99.9th percentile of its 26 degrees of freedom."""
    model, n, temperature = build(seed=2, n_layers=1), 2000, 2.5
    expected = exact(model, [1], 3, temperature)
    counts, rng = dict.fromkeys(expected, 0), torch.Generator().manual_seed(0)
    accepted = judged = 0
    for _ in range(n):
        found = speculate(model, torch.tensor([[1]]), 3, temperature, rng)
        counts[tuple(found.text[0, 1:].tolist())] += 1
        accepted, judged = accepted + found.accepted, judged + found.judged
    assert 0.1 < accepted / judged < 0.9
    assert min(expected.values()) * n > 3
    chi = sum((counts[more] - n * p) ** 2 / (n * p) for more, p in expected.items())
    assert chi < 54.05


def test_the_counts_are_those_of_the_passes():
    model = build(seed=3, vocab_size=7, scale=1.5)
    seen, first = [], model.layers[0]
    hook = first.register_forward_hook(lambda _, args, __: seen.append(args[0].shape[1]))
    found = speculate(model, torch.tensor([[1, 2, 3]]), 30, drafts=1)
    hook.remove()
    assert found.passes == len(seen) and seen[0] == 3  # the first pass reads the prompt
    assert found.judged == sum(seen[1:]) - len(seen[1:])
    assert found.text.shape == (1, 33) and found.passes + found.accepted == 30
    assert found.acceptance == found.accepted / found.judged


def test_the_first_draft_of_every_pass_is_what_the_module_says_without_a_cache(monkeypatch):
    """A draft is never wrong, only useless: that its cache is rewound shows in the drafts alone."""
    model, read = build(seed=3, vocab_size=7, scale=1.5), []
    forward = model.hidden_states

    def remember(tokens, cache=None):
        read.append((cache.length, tokens[0].tolist()))
        return forward(tokens, cache)

    monkeypatch.setattr(model, "hidden_states", remember)
    text = speculate(model, torch.tensor([[1, 2, 3]]), 30, drafts=3).text
    monkeypatch.undo()
    longer = [(at, tokens) for at, tokens in read[1:] if len(tokens) == 4]
    assert len(longer) > 10
    for at, tokens in longer:
        assert tokens[0] == text[0, at]
        assert tokens[1] == model.mtp_logits(text[:, : at + 1])[0, -1].argmax()


def test_drafts_behind_a_refused_one_do_not_count():
    """Every pass but the last judges at least one draft, and refuses one at most."""
    found = speculate(build(seed=3, vocab_size=7, scale=1.5), torch.tensor([[1, 2, 3]]), 30, drafts=4)
    assert found.passes + found.accepted == 30
    assert 0 < found.judged - found.accepted <= found.passes - 1


def test_a_perfect_draft_halves_the_passes():
    """With a head of zeros both prefer token 0, whatever they read."""
    model = build(vocab_size=7)
    with torch.no_grad():
        model.head.weight.zero_()
    found = speculate(model, torch.tensor([[1, 2]]), 21)
    assert found.acceptance == 1 and found.passes == 11  # 1 of the prompt, then 2 tokens a pass


def test_the_model_and_the_random_numbers_of_the_program_are_left_alone():
    model, before = build(), torch.get_rng_state()
    weights = {name: w.clone() for name, w in model.state_dict().items()}
    a, b = (speculate(model, torch.tensor([[1]]), 9, 1.0, torch.Generator().manual_seed(4)) for _ in "ab")
    assert torch.equal(a.text, b.text) and torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(w, weights[name]) for name, w in model.state_dict().items())
    model(a.text)[..., 0].sum().backward()  # the text can be trained on


def test_a_cache_is_rewound_to_an_earlier_position_and_no_other():
    model, tokens = build(vocab_size=7), torch.tensor([[1, 2, 3, 4, 5]])
    cache = model.new_cache(1)
    with torch.no_grad():
        model(tokens, cache)
        cache.rewind(2)
        assert cache.length == 2
        again = model(tokens[:, 2:], cache)
        torch.testing.assert_close(again, model(tokens)[:, 2:], atol=1e-10, rtol=0)
    for wrong in (-1, 6):
        with pytest.raises(ValueError, match=f"holds 5 positions and cannot be rewound to {wrong}"):
            cache.rewind(wrong)


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (dict(tokens=torch.ones(2, 3, dtype=torch.int64)), "one text at a time, got a batch of 2"),
        (dict(tokens=torch.ones(1, 0, dtype=torch.int64)), "the prompt is empty"),
        (dict(drafts=-1), "number of drafts cannot be negative, got -1"),
        (dict(temperature=-0.5), "temperature must be 0 .* got -0.5"),
        (dict(max_new_tokens=-2), "max_new_tokens cannot be negative, got -2"),
        (dict(max_new_tokens=46), "3 tokens of prompt \\+ 46 new ones exceed max_seq_len=48"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(arguments, sentence):
    usual = dict(tokens=torch.ones(1, 3, dtype=torch.int64), max_new_tokens=2)
    with pytest.raises(ValueError, match=sentence):
        speculate(build(), **usual | arguments)


def test_a_model_without_modules_cannot_draft():
    with pytest.raises(ValueError, match="no MTP module to draft with: .* n_mtp_layers=0"):
        speculate(build(n_mtp_layers=0), torch.tensor([[1]]), 3)


def test_nothing_new_is_the_prompt():
    found = speculate(build(), torch.tensor([[1, 2]]), 0)
    assert found.text.tolist() == [[1, 2]] and found.passes == 0 and found.acceptance != found.acceptance
