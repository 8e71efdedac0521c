"""What a model refuses, in one sentence that holds the numbers."""

import pytest
import torch

from lessons_lib.config import CorpusConfig, ModelConfig, TrainConfig
from lessons_lib.model import Transformer, rope_table

FIELDS = dict(vocab_size=11, dim=8, n_layers=1, n_heads=2, max_seq_len=6)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Transformer(ModelConfig(**FIELDS))


@pytest.mark.parametrize(
    "changes, sentence",
    [
        (dict(dim=9), "dim=9 does not split into n_heads=2"),
        (dict(n_heads=4, n_kv_heads=3), "n_heads=4 query heads cannot share n_kv_heads=3"),
        (dict(head_dim=5), "head width must be even, got 5"),
        (dict(n_layers=0), "n_layers must be at least 1, got 0"),
        (dict(vocab_size=2.5), "vocab_size must be a whole number, got 2.5"),
        (dict(n_kv_heads=0), "n_kv_heads must be at least 1, got 0"),
        (dict(rope_theta=1.0), "rope_theta must be above 1"),
        (dict(norm_eps=0.0), "norm_eps must be above 0"),
    ],
)
def test_an_impossible_shape_is_refused_with_its_numbers(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        ModelConfig(**FIELDS | changes)


@pytest.mark.parametrize(
    "tokens, error, sentence",
    [
        (torch.tensor([[1, 11]]), ValueError, "token 11 is outside the vocabulary of 11"),
        (torch.tensor([[-1, 3]]), ValueError, "token -1 is outside the vocabulary of 11"),
        (torch.tensor([[1.0]]), TypeError, "whole numbers"),
        ([[1, 2]], TypeError, "got list"),
        (torch.tensor([1, 2]), ValueError, r"\(batch, position\), got shape \(2,\)"),
        (torch.zeros(2, 0, dtype=torch.long), ValueError, "nothing to read"),
        (
            torch.zeros(1, 7, dtype=torch.long),
            ValueError,
            "0 \\+ 7 tokens do not fit max_seq_len of 6",
        ),
    ],
)
def test_bad_tokens_are_refused(model, tokens, error, sentence):
    with pytest.raises(error, match=sentence):
        model(tokens)


def test_a_cache_of_another_batch_or_too_short_is_refused(model):
    tokens = torch.zeros(2, 3, dtype=torch.long)
    with pytest.raises(ValueError, match="made for a batch of 3, these tokens have 2"):
        model(tokens, model.new_cache(3))
    cache = model.new_cache(2, max_len=5)
    model(tokens, cache)
    with pytest.raises(ValueError, match="3 \\+ 3 tokens do not fit the cache's room of 5"):
        model(tokens, cache)
    assert cache.length == 3  # a refused call leaves the cache as it was
    for batch, max_len, sentence in [
        (0, 4, "at least 1"),
        (1, 7, "max_seq_len=6"),
        (1, 0, "got 0"),
    ]:
        with pytest.raises(ValueError, match=sentence):
            model.new_cache(batch, max_len)


@pytest.mark.parametrize(
    "prompt, arguments, sentence",
    [
        (torch.zeros(1, 0, dtype=torch.long), (2,), "prompt is empty"),
        (torch.zeros(1, 2, dtype=torch.long), (2, -0.5), "temperature must be 0 .* got -0.5"),
        (torch.zeros(1, 2, dtype=torch.long), (2, float("nan")), "temperature"),
        (torch.zeros(1, 2, dtype=torch.long), (-1,), "cannot be negative, got -1"),
        (torch.zeros(1, 2, dtype=torch.long), (5,), "2 tokens of prompt \\+ 5 new ones"),
    ],
)
def test_generation_refuses_what_it_cannot_do(model, prompt, arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        model.generate(prompt, *arguments)


def test_generating_nothing_returns_a_copy_of_the_prompt(model):
    prompt = torch.zeros(1, 6, dtype=torch.long)
    text = model.generate(prompt, 0)
    assert torch.equal(text, prompt) and text.data_ptr() != prompt.data_ptr()


def test_an_odd_rotary_width_is_refused():
    with pytest.raises(ValueError, match="must be even, got 3"):
        rope_table(4, 3, 500.0)


@pytest.mark.parametrize(
    "changes, sentence",
    [
        (dict(length=7), "length=7 do not fit max_seq_len=6"),
        (dict(steps=0), "steps must be at least 1"),
        (dict(pool=0), "pool must be at least 1"),
    ],
)
def test_an_impossible_training_run_is_refused(changes, sentence):
    fields = dict(model=ModelConfig(**FIELDS), corpus=CorpusConfig(), steps=10, length=6)
    with pytest.raises(ValueError, match=sentence):
        TrainConfig(**fields | changes)


def test_an_unknown_kind_of_corpus_is_refused():
    with pytest.raises(ValueError, match="got 'novels'"):
        CorpusConfig(kind="novels")
