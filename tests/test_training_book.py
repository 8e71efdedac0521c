"""A telephone book learned by heart: what is in it, what is read when, how knowledge is counted."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from training_helpers import Counter

from lessons_lib.config import ModelConfig
from lessons_lib.config.book import BookConfig
from lessons_lib.corpus.telephone_book import BITS_PER_LINE, bits_of, in_words, telephone_book
from lessons_lib.model import auxiliary_loss, watch_routing
from lessons_lib.runs import make_generator
from lessons_lib.training import make_optimizer
from lessons_lib.training.telephone_book import (
    book_of,
    first_reader,
    knows,
    learn_book,
    lines_of_step,
    nats_per_digit,
    numbers_told,
    read_lines,
)

SHAPE = dict(vocab_size=36, dim=16, n_layers=2, n_heads=2, max_seq_len=8)
DENSE = BookConfig(ModelConfig(**SHAPE, inter_dim=32), entries=12, steps=60, batch_size=16)
EXPERTS = BookConfig(
    ModelConfig(**SHAPE, n_routed_experts=4, n_activated_experts=2, moe_inter_dim=16, score_func="softmax"),
    entries=12,
    steps=3,
    batch_size=16,
    aux_alpha=0.5,
)


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(tmp_path / "runs"))


def assert_same_weights(one, other):
    for (name, ours), theirs in zip(one.named_parameters(), other.parameters(), strict=True):
        assert torch.equal(ours, theirs), name


def book(entries, seed=0):
    return telephone_book(entries, torch.Generator().manual_seed(seed))


def test_no_name_stands_twice_and_names_are_letters_and_numbers_digits():
    found = book(5000)
    assert found.shape == (5000, 6) and len(found[:, :3].unique(dim=0)) == 5000
    assert found[:, :3].aminmax() == (0, 25) and found[:, 3:].aminmax() == (26, 35)
    assert len(book(26**3)[:, :3].unique(dim=0)) == 26**3  # every name there is


def test_numbers_are_drawn_evenly_and_say_nothing_about_names():
    found = book(10_000)
    for place in range(3, 6):
        counts = found[:, place].bincount(minlength=36)[26:]
        assert (counts - 1000).abs().max() < 150  # five standard deviations of 30
    assert not torch.equal(book(50), book(50, seed=1))


@pytest.mark.parametrize("entries", [0, 26**3 + 1])
def test_a_book_of_no_names_or_of_too_many_is_refused(entries):
    with pytest.raises(ValueError, match="a book has 1 to 17,576 names"):
        book(entries)


def test_a_line_in_words():
    assert in_words(torch.tensor([0, 1, 25, 26, 27, 35])) == "abz 019"
    assert in_words(torch.tensor([35, 26, 27])) == "901" and in_words(torch.tensor([36, -1])) == "??"


def test_bits_are_what_is_saved_of_guessing_blindly():
    assert BITS_PER_LINE == pytest.approx(math.log2(1000))
    assert bits_of(0.0, 7) == pytest.approx(7 * math.log2(1000))
    assert bits_of(math.log(10), 7) == pytest.approx(0.0)
    assert bits_of(math.log(5), 1) == pytest.approx(3.0)  # half of the digits ruled out: a bit for each


def test_the_book_is_read_whole_again_and_again_each_time_in_another_order():
    read = torch.cat([lines_of_step(DENSE, 3, step) for step in range(9)])  # 144 lines: twelve readings
    readings = read.view(12, 12)
    assert (readings.sort(dim=1).values == torch.arange(12)).all()
    assert len(readings.unique(dim=0)) == 12
    assert not torch.equal(lines_of_step(DENSE, 4, 0), lines_of_step(DENSE, 3, 0))


def test_only_digits_are_learned_from():
    lines = book(4)
    logits = torch.zeros(4, 5, 36)
    assert nats_per_digit(logits, lines).item() == pytest.approx(math.log(36))
    right = logits.scatter(2, lines[:, 1:, None], 100.0)
    right[:, :2] = torch.randn(4, 2, 36)  # the name's own letters
    assert nats_per_digit(right, lines).item() == pytest.approx(0.0, abs=1e-6)
    logits[:, 2, 26:] = 50.0  # the first digit: one of ten
    assert nats_per_digit(logits, lines).item() == pytest.approx((math.log(10) + 2 * math.log(36)) / 3)


def test_a_step_adds_the_balance_loss_averaged_over_the_layers():
    lines = book_of(EXPERTS, 0)
    ours, by_hand = first_reader(EXPERTS, 0), first_reader(EXPERTS, 0)
    read_lines(ours, make_optimizer(ours, EXPERTS), lines, 0, EXPERTS)
    optimizer = make_optimizer(by_hand, EXPERTS)
    with watch_routing(by_hand) as seen:
        logits = by_hand(lines[:, :-1])
    loss = F.cross_entropy(logits[:, 2:].reshape(-1, 36), lines[:, 3:].reshape(-1))
    for (routing,) in seen.values():
        loss = loss + auxiliary_loss(routing.affinities, routing.ids, 0.5) / 2
    loss.backward()
    torch.nn.utils.clip_grad_norm_(by_hand.parameters(), 1.0)
    optimizer.param_groups[0]["lr"] = optimizer.param_groups[1]["lr"] = 1e-2 / 20  # the first of the warm-up
    optimizer.step()
    assert_same_weights(ours, by_hand)


def test_a_short_book_is_learned_and_known_is_what_is_told():
    found = learn_book(replace(DENSE, steps=300), 3, progress=Counter())
    lines = book_of(DENSE, 3)
    assert found.known.all() and found.bits > 0.95 * 12 * BITS_PER_LINE
    assert torch.equal(numbers_told(found.model, lines), lines[:, 3:])
    lines[5, 4] = 26 + (lines[5, 4] - 25) % 10  # another digit stands there now
    assert knows(found.model, lines).tolist() == [i != 5 for i in range(12)]


def test_a_number_counts_as_known_only_where_the_model_writes_it_by_itself():
    model = first_reader(DENSE, 0).eval()
    lines = book_of(DENSE, 0)
    told = lines[:, :3]
    for _ in range(3):
        told = torch.cat([told, model(told)[:, -1:].argmax(-1)], dim=1)
    assert torch.equal(numbers_told(model, lines), told[:, 3:])


def test_a_run_is_its_configuration_and_its_seed():
    first, again = (learn_book(EXPERTS, 1, progress=Counter()) for _ in range(2))
    other = learn_book(EXPERTS, 2, progress=Counter())
    assert_same_weights(first.model, again.model)
    assert first.bits != other.bits
    assert torch.equal(book_of(EXPERTS, 1), telephone_book(12, make_generator(1, "telephone book")))
    with torch.no_grad():
        lines = book_of(EXPERTS, 1)
        nats = nats_per_digit(first.model(lines[:, :-1]), lines).item()
    assert first.bits == pytest.approx(bits_of(nats, 12), abs=1e-4)


def test_an_interrupted_reading_goes_on_where_it_stopped():
    def stop():
        raise KeyboardInterrupt

    whole = learn_book(EXPERTS, 5, progress=Counter())
    longer = replace(EXPERTS, checkpoint_every=1)
    with pytest.raises(KeyboardInterrupt):
        learn_book(longer, 5, progress=Counter(step2=stop))
    assert_same_weights(learn_book(longer, 5, progress=Counter()).model, whole.model)


@pytest.mark.parametrize(
    "changes, words",
    [
        (dict(entries=26**3 + 1), "17,576 names of three letters, not entries=17,577"),
        (dict(model=replace(DENSE.model, vocab_size=35)), "a line has 6 of 36 symbols"),
        (dict(model=replace(DENSE.model, max_seq_len=5)), "the model takes 5 of 36"),
        (dict(aux_alpha=0.1), "balances experts, but the model has none"),
        (dict(aux_alpha=-1.0), "aux_alpha"),
        (dict(entries=0), "entries"),
    ],
)
def test_impossible_books_are_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        replace(DENSE, **changes)
