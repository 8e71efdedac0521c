"""A table of n-grams: where its rows are, that nothing of the future is in them, how it enters a model."""

import pytest
import torch

from lessons_lib.config import ModelConfig
from lessons_lib.model import Transformer
from lessons_lib.model.engram import FACTORS, Engram, WithMemory, addresses, primes_below

SHAPE = ModelConfig(vocab_size=12, dim=8, n_layers=2, n_heads=2, inter_dim=12, max_seq_len=12)


def tokens(batch=2, length=9, seed=0):
    return torch.randint(12, (batch, length), generator=torch.Generator().manual_seed(seed))


def test_primes_are_primes_in_falling_order():
    assert primes_below(30, 4) == [29, 23, 19, 17] and primes_below(2, 1) == [2]
    with pytest.raises(ValueError, match="only 2 primes up to limit=4, not n=3"):
        primes_below(4, 3)


def test_addresses_are_those_of_a_loop():
    texts, sizes = tokens(), (31, 29, 23, 19)
    found = addresses(texts, sizes)
    assert found.shape == (2, 9, 4)
    for row, text in enumerate(texts.tolist()):
        for at in range(len(text)):
            for table, size in enumerate(sizes):
                mixed = 0
                for back in range((2, 3)[table // 2]):
                    token = text[at - back] + 1 if at >= back else 0
                    mixed ^= token * FACTORS[back]
                assert found[row, at, table] == mixed % size


def test_an_address_knows_the_last_tokens_and_nothing_else():
    texts = tokens(1)
    found = addresses(texts, (31, 29, 23, 19))
    for place in range(9):
        changed = texts.clone()
        changed[0, place] = (texts[0, place] + 1) % 12
        differs = (addresses(changed, (31, 29, 23, 19)) != found)[0]
        assert not differs[:place].any() and not differs[place + 3 :].any()
        assert not differs[place + 2 : place + 3, :2].any()  # a 2-gram does not reach so far back
        assert differs[place].any()


def test_tables_that_cannot_be_shared_out_are_refused():
    with pytest.raises(ValueError, match="3 tables can't be shared out among 2 orders"):
        addresses(tokens(), (31, 29, 23))


def test_what_is_found_is_gated_by_the_stream():
    torch.manual_seed(0)
    memory, texts = Engram(8, 200), tokens()
    x = torch.randn(2, 9, 8)
    starts = torch.tensor([0, *memory.sizes]).cumsum(0)[:4]
    rows = memory.table[addresses(texts, memory.sizes) + starts].flatten(-2)
    key = rows @ memory.key.weight.T
    x_n, key_n = (v / (v.square().mean(-1, keepdim=True) + 1e-6).sqrt() for v in (x, key))
    gate = torch.sigmoid((x_n * key_n).sum(-1, keepdim=True) / 8**0.5)
    torch.testing.assert_close(memory(x, texts), gate * (rows @ memory.value.weight.T))
    assert len(set(memory.sizes)) == 4 and len(memory.table) == sum(memory.sizes)


def test_a_model_with_an_empty_memory_is_the_plain_one_and_a_full_one_reads_no_future():
    torch.manual_seed(0)
    model, plain = WithMemory(SHAPE, 100), Transformer(SHAPE)
    plain.load_state_dict(model.state_dict(), strict=False)
    texts = tokens()
    assert not torch.allclose(model(texts), plain(texts))
    changed = texts.clone()
    changed[:, 6] = (changed[:, 6] + 1) % 12
    torch.testing.assert_close(model(texts)[:, :6], model(changed)[:, :6])
    with torch.no_grad():
        model.memory.table.zero_()
    torch.testing.assert_close(model(texts), plain(texts))
    with pytest.raises(ValueError, match="without a cache"):
        model(texts, model.new_cache(2))


def test_a_memory_stands_before_its_block():
    torch.manual_seed(0)
    model, texts = WithMemory(SHAPE, 100, before=1), tokens()
    seen = []
    model.memory.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    model(texts)
    first = model.layers[0](model.embed(texts), model.rope[:9].float(), None, 0)
    torch.testing.assert_close(seen[0], first)
