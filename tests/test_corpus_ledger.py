"""Ledgers: what is noted, what is asked, and what a reader of so many notes can know."""

import itertools
from collections import Counter

import pytest
import torch

from lessons_lib.config.ledger import IndexerConfig, LedgerConfig, ReaderConfig, SparseConfig, clean
from lessons_lib.corpus.ledger import VOCABULARY, asked_at, best_guess, draw_ledgers, notes_on

SMALL = LedgerConfig(boxes=3, notes=4, right=0.5, values=5, letters=6)


def drawn(n=200, config=SMALL, seed=0):
    return draw_ledgers(n, config, torch.Generator().manual_seed(seed))


def read(tokens, config=SMALL):
    """Return the notes as (value, box) and the questions as (box, value) of a ledger, read from its text."""
    text = VOCABULARY.decode(tokens.tolist())
    end = 1 + 2 * config.boxes * config.notes
    notes, questions = text[1:end], text[end:]
    assert text[0] == "K" and set(questions[::3]) == {"?"}
    return list(zip(notes[::2], notes[1::2])), list(zip(questions[1::3], questions[2::3]))


def test_every_box_has_its_notes_and_is_asked_for_once():
    tokens = drawn()
    assert tokens.shape == (200, SMALL.length) and SMALL.length == 1 + 24 + 9
    for one in tokens:
        notes, questions = read(one)
        named = Counter(box for _, box in notes)
        assert set(named.values()) == {4} and set(named) == {box for box, _ in questions}
        assert len(questions) == 3 and set("".join(named)) <= set("abcdef")
        assert {value for value, _ in [*notes, *((v, b) for b, v in questions)]} <= set("01234")


def test_a_clean_ledgers_notes_are_its_answers():
    config = clean(3, 4, 6)
    for one in drawn(50, config):
        notes, questions = read(one, config)
        assert {(box, value) for value, box in notes} == set(questions)


def test_a_note_is_right_as_often_as_the_configuration_says():
    """0.5, and a fifth of the rest: 0.6; of 24,000 notes the standard deviation is 0.003."""
    ledgers = map(read, drawn(2000))
    right = [value == dict(questions)[box] for notes, questions in ledgers for value, box in notes]
    assert abs(sum(right) / len(right) - 0.6) < 0.016


def test_values_boxes_and_places_are_drawn_evenly():
    tokens = drawn(4000)
    firsts = Counter(read(one)[0][0] for one in tokens)
    boxes, values = Counter(), Counter()
    for (value, box), n in firsts.items():
        boxes[box] += n
        values[value] += n
    assert len(boxes) == 6 and len(values) == 5
    assert max(boxes.values()) < 800 and max(values.values()) < 940  # 5 standard deviations of 4,000 draws


def test_what_is_asked_and_where_its_notes_stand():
    tokens = drawn(20)
    places, found = asked_at(SMALL), notes_on(tokens, SMALL)
    assert found.shape == (20, 3, SMALL.length) and (found.sum(-1) == 4).all()
    for one, where in zip(tokens, found):
        text = VOCABULARY.decode(one.tolist())
        for place, notes in zip(places.tolist(), where):
            assert text[place - 1] == "?" and text[place + 1].isdigit()
            assert {text[i] for i in notes.nonzero().flatten().tolist()} == {text[place]}
    assert torch.equal(notes_on(tokens[:, :-1], SMALL), found[:, :, :-1])


def exact_guess(n, config):
    """How often the most frequent value of n notes is right (of a tie, a share), over all notes."""
    chance = [config.right + (1 - config.right) / config.values] + [(1 - config.right) / config.values] * (
        config.values - 1
    )
    total = 0.0
    for told in itertools.product(range(config.values), repeat=n):
        counts = Counter(told)
        best = [value for value, count in counts.items() if count == max(counts.values())]
        weight = 1.0
        for value in told:
            weight *= chance[value]
        total += weight * (0 in best) / len(best)
    return total


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_the_best_guess_is_that_of_all_notes_there_can_be(n):
    """20,000 draws: a standard deviation of 0.0035."""
    found = best_guess(n, SMALL, torch.Generator().manual_seed(n))
    assert found == pytest.approx(exact_guess(n, SMALL), abs=0.015)
    assert best_guess(99, SMALL, torch.Generator().manual_seed(0)) == best_guess(
        4, SMALL, torch.Generator().manual_seed(0)
    )


@pytest.mark.parametrize(
    "make, sentence",
    [
        (lambda: LedgerConfig(boxes=9), "letters=8 must name boxes=9"),
        (lambda: LedgerConfig(letters=27), "and be at most 26"),
        (lambda: LedgerConfig(values=11), "values=11: a value is one of 10 digits"),
        (lambda: LedgerConfig(right=1.5), "right must be between 0 and 1, got 1.5"),
        (lambda: LedgerConfig(notes=0), "notes must be at least 1, got 0"),
        (lambda: ReaderConfig(ledger=LedgerConfig(notes=20)), "345 tokens does not fit max_seq_len=256"),
        (lambda: ReaderConfig(starts=0), "starts must be at least 1, got 0"),
        (lambda: IndexerConfig(steps=0), "steps must be at least 1, got 0"),
        (lambda: IndexerConfig(target="mean"), "target must be"),
        (lambda: IndexerConfig(asked_weight=0.0), "asked_weight must be above 0 and finite, got 0.0"),
        (lambda: SparseConfig(batch_size=0), "batch_size must be at least 1, got 0"),
    ],
)
def test_impossible_ledgers_are_refused(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()
