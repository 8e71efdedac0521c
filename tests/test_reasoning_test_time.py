"""pass@k, votes and best-of-n: against an enumeration of all subsets, by their laws, and what they refuse."""

import math
from collections import Counter
from itertools import combinations

import pytest
import torch

from lessons_lib.reasoning import evaluation
from lessons_lib.reasoning.test_time import (
    NO_ANSWER,
    best_of_n,
    judge_with_noise,
    pass_at_k,
    plug_in_pass_at_k,
    until_trusted,
    vote_accuracy,
    winners,
)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def rows():
    """Nine problems of 8 samples: 0, 1, ... 8 of them right, in mixed order."""
    rows = torch.arange(8)[None] < torch.arange(9)[:, None]
    order = torch.rand(9, 8, generator=generator()).argsort(1)
    return rows.gather(1, order)


@pytest.mark.parametrize("k", range(1, 9))
def test_pass_at_k_equals_an_enumeration_of_all_subsets(rows, k):
    by_hand = [sum(map(any, combinations(row, k))) / math.comb(8, k) for row in rows.tolist()]
    torch.testing.assert_close(
        pass_at_k(rows, k), torch.tensor(by_hand, dtype=torch.float64), atol=1e-12, rtol=0
    )


def test_pass_at_k_is_that_of_an_evaluation_for_all_problems_at_once(rows):
    for k in range(1, 9):
        apart = [evaluation.chance_of_right(8, c, k) for c in rows.sum(1).tolist()]
        torch.testing.assert_close(pass_at_k(rows, k), torch.tensor(apart, dtype=torch.float64))


def test_pass_at_k_does_not_overflow_where_binomials_leave_floating_point():
    many = torch.zeros(1, 10_000, dtype=torch.bool)
    many[0, :3] = True
    exact = 1 - math.comb(9_997, 5_000) / math.comb(10_000, 5_000)  # whole numbers of 3,000 digits
    assert pass_at_k(many, 5_000).item() == pytest.approx(exact, rel=1e-10)


def test_pass_at_1_is_the_mean_and_pass_at_n_says_whether_any_is_right(rows):
    torch.testing.assert_close(pass_at_k(rows, 1), rows.double().mean(1))
    assert torch.equal(pass_at_k(rows, 8), rows.any(1).double())


def test_the_estimator_is_unbiased_and_the_plug_in_form_is_too_low():
    """Over all outcomes of n samples with chance p, exactly: no draw, so no tolerance for luck."""
    n, k, p = 6, 4, 0.3
    counts = torch.arange(n + 1)
    outcomes = torch.arange(n)[None] < counts[:, None]
    chances = [math.comb(n, c) * p**c * (1 - p) ** (n - c) for c in counts.tolist()]
    chance = torch.tensor(chances, dtype=torch.float64)
    truth = 1 - (1 - p) ** k
    assert (chance * pass_at_k(outcomes, k)).sum().item() == pytest.approx(truth, abs=1e-12)
    assert (chance * plug_in_pass_at_k(outcomes, k)).sum().item() < truth - 0.03


@pytest.mark.parametrize("k", [0, 9, -1])
def test_k_must_lie_between_1_and_the_number_of_samples(rows, k):
    with pytest.raises(
        ValueError, match=f"k={k} samples cannot be taken from 8|k must be at least 1, got {k}"
    ):
        pass_at_k(rows, k)
    with pytest.raises(ValueError, match="cannot be taken|k must be at least 1"):
        vote_accuracy(rows.long(), torch.zeros(9, dtype=torch.long), k, 2)


def test_winners_are_the_most_frequent_answers():
    answers = torch.randint(-1, 5, (40, 7), generator=generator())
    for row, won in zip(answers.tolist(), winners(answers, 5).tolist(), strict=True):
        votes = Counter(answer for answer in row if answer != NO_ANSWER)
        best = {a for a, n in votes.items() if n == max(votes.values())}
        assert {a for a, w in enumerate(won) if w} == best


def test_what_cannot_be_read_does_not_vote_and_cannot_win():
    nothing, some = torch.full((1, 5), NO_ANSWER), torch.tensor([[NO_ANSWER, NO_ANSWER, NO_ANSWER, 2, 1]])
    assert not winners(nothing, 3).any()
    assert winners(some, 3).tolist() == [[False, True, True]]
    assert vote_accuracy(nothing, torch.tensor([0]), 5, 3).item() == 0


def test_a_tie_counts_its_share():
    answers = torch.tensor([[0, 0, 1, 1, 2]])
    assert [vote_accuracy(answers, torch.tensor([a]), 5, 3).item() for a in range(3)] == [0.5, 0.5, 0]


def test_each_group_of_samples_votes_once_and_the_rest_is_left_over():
    answers = torch.tensor([[1, 1, 0, 2, 2, 2, 1]])  # groups of 3: (1, 1, 0), (2, 2, 2); 1 left over
    assert vote_accuracy(answers, torch.tensor([1]), 3, 3).item() == 0.5
    assert vote_accuracy(answers, torch.tensor([1]), 1, 3).item() == pytest.approx(3 / 7)


def test_votes_of_weight_count_what_they_weigh():
    answers = torch.randint(-1, 4, (60, 7), generator=generator(3))
    weights = torch.randint(0, 4, (60, 7), generator=generator(4)).double()
    for row, weight, won in zip(answers.tolist(), weights.tolist(), winners(answers, 4, weights).tolist()):
        total = Counter()
        for answer, w in zip(row, weight):
            total[answer] += w * (answer != NO_ANSWER)
        most = max(total.values())
        assert {a for a, w in enumerate(won) if w} == {a for a, w in total.items() if w == most > 0}
    right = torch.zeros(60, dtype=torch.long)
    plain = vote_accuracy(answers, right, 3, 4)
    assert torch.equal(vote_accuracy(answers, right, 3, 4, torch.ones(60, 7)), plain)
    assert torch.equal(vote_accuracy(answers, right, 3, 4, torch.full((60, 7), 0.5)), plain)


def test_each_group_votes_with_its_own_weights():
    answers, weights = torch.tensor([[0, 1, 1, 0]]), torch.tensor([[3.0, 1.0, 1.0, 2.0]])
    assert vote_accuracy(answers, torch.tensor([0]), 2, 2, weights).item() == 1
    assert vote_accuracy(answers, torch.tensor([1]), 4, 2, weights).item() == 0


def test_a_vote_of_weight_0_is_no_vote():
    answers, weights = torch.tensor([[0, 0, 1]]), torch.tensor([[0.0, 0.0, 1.0]])
    assert winners(answers, 2, weights).tolist() == [[False, True]]
    assert not winners(answers, 2, torch.zeros(1, 3)).any()


@pytest.mark.parametrize(
    "weights, said",
    [
        (torch.ones(1, 2), "has votes 2, but it is 3 in answers"),
        (torch.tensor([[1.0, -1.0, 1.0]]), "0 or more"),
        (torch.tensor([[1.0, float("nan"), 1.0]]), "0 or more"),
        (torch.tensor([[1.0, float("inf"), 1.0]]), "finite"),
    ],
)
def test_weights_that_mean_nothing_are_refused(weights, said):
    with pytest.raises(ValueError, match=said):
        winners(torch.tensor([[0, 0, 1]]), 2, weights)


def test_asking_until_trusted_takes_the_first_trusted_and_pays_for_all_before():
    trusted = torch.tensor([[0, 0, 1, 1, 0, 0], [1, 1, 1, 0, 0, 1]], dtype=torch.bool)
    correct = torch.tensor([[1, 1, 0, 1, 1, 0], [1, 0, 0, 0, 0, 1]], dtype=torch.bool)
    lengths = torch.tensor([[1, 2, 4, 8, 16, 32], [1, 2, 4, 8, 16, 32]])
    right, tokens = until_trusted(correct, lengths, trusted, 3)
    assert right.tolist() == [(0 + 1) / 2, (1 + 1) / 2]  # groups of three: the third, the first; the rest
    assert tokens.tolist() == [(7 + 8) / 2, (1 + 56) / 2]
    nobody = torch.zeros_like(trusted)
    right, tokens = until_trusted(correct, lengths, nobody, 2)  # the last one is taken
    torch.testing.assert_close(right, torch.tensor([2 / 3, 1 / 3], dtype=torch.float64))
    assert tokens.tolist() == [21, 21]
    right, tokens = until_trusted(correct, lengths, trusted, 1)
    assert torch.equal(right, correct.double().mean(1)) and torch.equal(tokens, lengths.double().mean(1))


def test_a_verifier_without_noise_makes_best_of_n_equal_pass_at_n(rows):
    answers = torch.where(rows, 0, 1)
    scores = judge_with_noise(rows, answers, 0.0, generator())
    torch.testing.assert_close(best_of_n(rows, scores, 8), pass_at_k(rows, 8))


def test_best_of_1_needs_no_verifier(rows):
    scores = judge_with_noise(rows, torch.where(rows, 0, 1), 5.0, generator())
    torch.testing.assert_close(best_of_n(rows, scores, 1), rows.double().mean(1))


def test_fixed_noise_misjudges_the_same_answer_every_time_and_fresh_noise_does_not():
    answers = torch.tensor([[3, 1, 3, 3], [3, 0, 1, 2]])
    correct = answers == 1
    scores = judge_with_noise(correct, answers, 1.0, generator(), fixed=True)
    assert scores[0, 0] == scores[0, 2] == scores[0, 3] != scores[1, 0]
    assert len(judge_with_noise(correct, answers, 1.0, generator()).unique()) == 8


def test_more_samples_cure_fresh_noise_and_feed_fixed_noise():
    """6 answers, 60 % right: with fixed errors the worst misjudged answer is sure to turn up."""
    draws = torch.rand(2_000, 32, generator=generator())
    answers = torch.where(draws < 0.6, 0, 1 + (draws * 1e6).long() % 5)
    correct = answers == 0
    fresh = judge_with_noise(correct, answers, 1.0, generator(1))
    fixed = judge_with_noise(correct, answers, 1.0, generator(1), fixed=True)
    few, many = (best_of_n(correct, fresh, n).mean().item() for n in (1, 32))
    assert many > few + 0.2
    assert best_of_n(correct, fixed, 32).mean().item() < best_of_n(correct, fixed, 4).mean().item() - 0.05


def test_what_cannot_be_read_is_never_chosen_and_alone_is_wrong():
    answers, correct = torch.tensor([[NO_ANSWER, 4], [NO_ANSWER, NO_ANSWER]]), torch.ones(2, 2).bool()
    scores = judge_with_noise(correct, answers, 3.0, generator())
    assert torch.isinf(scores).tolist() == [[True, False], [True, True]]
    assert best_of_n(correct, scores, 2).tolist() == [1, 0]
