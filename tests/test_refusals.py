"""What was once answered with a silent wrong number is refused in one sentence with the numbers."""

import dataclasses
import random

import pytest
import torch
from reasoning_helpers import HUNT, RL, model_of
from training_helpers import TINY

from lessons_lib.config import HuntConfig
from lessons_lib.corpus import Corpus
from lessons_lib.corpus.tokenizer import Vocabulary
from lessons_lib.reasoning import group_advantages, grpo_loss, kl_estimate, sample, verify
from lessons_lib.reasoning.behaviour import Behaviour
from lessons_lib.reasoning.evaluation import chance_of_right, prompts_of, verify_rows
from lessons_lib.reasoning.hunts import Hunts, Problem, decode, encode
from lessons_lib.reasoning.tasks import Earned, language_share
from lessons_lib.reasoning.test_time import (
    best_of_n,
    judge_with_noise,
    pass_at_k,
    plug_in_pass_at_k,
    vote_accuracy,
    winners,
)
from lessons_lib.reasoning.update import advantages_of, score
from lessons_lib.runs.randomness import make_generator
from lessons_lib.training import Windows, held_out_windows, make_optimizer, score_windows, set_learning_rate
from lessons_lib.training.cost import gpu_hours, rule_of_six
from lessons_lib.training.loop import first_model

V = torch.zeros(2, 3)
YES = torch.ones(2, 4, dtype=torch.bool)
ASKED = torch.zeros(2, 4, dtype=torch.int64)
PROBLEM = Problem(((1, 0, 2),), 2)
LARGER = Problem(((1, 0, 2, 3),), 2)
CORPUS = Corpus(domains=["copy", "facts"])


def grpo(**changes):
    given = dict(logps=V, old_logps=V, advantages=torch.ones(2), mask=torch.ones(2, 3).bool())
    return grpo_loss(**given | changes)


REFUSED = {
    "a reference of another shape": (lambda: kl_estimate(V, V[0]), ValueError, "(2, 3); got (3,)"),
    "an id from the end": (lambda: decode([-1]), ValueError, "id -1 at position 0"),
    "an id with a fraction": (lambda: decode([1.9]), TypeError, "id 1.9 at position 0 is no whole number"),
    "a letter with a fraction": (lambda: CORPUS.decode([1.9]), TypeError, "id 1.9"),
    "no letter": (lambda: Vocabulary().decode(torch.tensor(3)), TypeError, "shape ()"),
    "fewer right than none": (lambda: chance_of_right(10, -1, 1), ValueError, "c must be at least 0, got -1"),
    "more right than there are": (lambda: chance_of_right(4, 5, 1), ValueError, "c=5, n=4"),
    "half a sample": (lambda: chance_of_right(4, 2, 1.5), TypeError, "k must be a whole number, got 1.5"),
    "a loss without a place": (
        lambda: grpo(logps=V[0]),
        ValueError,
        "logps must have shape (answers, positions)",
    ),
    "old ones of another shape": (lambda: grpo(old_logps=V[:1]), ValueError, "(2, 3); got (1, 3)"),
    "an advantage too few": (lambda: grpo(advantages=torch.ones(1)), ValueError, "answers 1, but it is 2"),
    "an advantage of nan": (
        lambda: grpo(advantages=torch.tensor([1.0, float("nan")])),
        ValueError,
        "advantages must be finite, got nan",
    ),
    "a clip that float32 cannot hold": (
        lambda: grpo(clip_high=1e308),
        ValueError,
        "below 1e+300 in size, got 1e+308",
    ),
    "a clip below 0": (lambda: grpo(clip_low=-0.1), ValueError, "clip_low must be at least 0, got -0.1"),
    "a beta below 0": (lambda: grpo(beta=-1.0, ref_logps=V), ValueError, "beta must be at least 0, got -1.0"),
    "a reward of nan": (lambda: group_advantages([1.0, float("inf")], 2), ValueError, "finite, got inf"),
    "no eps": (lambda: group_advantages(torch.ones(4), 2, eps=0.0), ValueError, "eps must be above 0"),
    "a group of 1.5": (lambda: group_advantages(torch.ones(3), 1.5), TypeError, "group_size must be a whole"),
    "counts for a mask": (
        lambda: pass_at_k(torch.tensor([[3, 0]]), 1),
        ValueError,
        "True or False, or 1 and 0",
    ),
    "no draws": (lambda: plug_in_pass_at_k(YES, 0), ValueError, "k must be at least 1"),
    "an answer too large": (lambda: winners(ASKED + 5, 5), ValueError, "from -1 to 4, got 5 to 5"),
    "an answer below none": (lambda: winners(ASKED - 2, 5), ValueError, "from -1 to 4, got -2 to -2"),
    "nobody's right answer": (
        lambda: vote_accuracy(ASKED, torch.tensor([0, -1]), 2, 5),
        ValueError,
        "from 0 to 4, got -1 to 0",
    ),
    "right ones of fewer problems": (
        lambda: vote_accuracy(ASKED, torch.tensor([0]), 2, 5),
        ValueError,
        "problems 1, but it is 2",
    ),
    "noise below 0": (
        lambda: judge_with_noise(YES, ASKED, -1.0, torch.Generator()),
        ValueError,
        "noise must be at least 0",
    ),
    "a seed for a generator": (lambda: judge_with_noise(YES, ASKED, 1.0, 0), TypeError, "a Generator, got 0"),
    "a score of nan": (
        lambda: best_of_n(YES, torch.full((2, 4), float("nan")), 2),
        ValueError,
        "a score is nan",
    ),
    "scores of fewer": (lambda: best_of_n(YES, torch.zeros(2, 3), 2), ValueError, "samples 3, but it is 4"),
    "an unknown language": (lambda: language_share(["star"], "french"), ValueError, '"english" or "german"'),
    "also of what cannot be read": (lambda: verify(PROBLEM, ["?"], "french"), ValueError, "got 'french'"),
    "a text for words": (lambda: verify(PROBLEM, "<think>"), TypeError, "words must be a sequence of text"),
    "rows of nobody": (
        lambda: verify_rows([PROBLEM, PROBLEM], [[1]] * 3, "english"),
        ValueError,
        "3 rows are not equally many for each of 2 problems",
    ),
    "two kinds of problems": (lambda: prompts_of([PROBLEM, LARGER]), ValueError, "(3, 1), (4, 1)"),
    "a star nowhere": (lambda: Problem(((0, 1),), 2), ValueError, "star=2"),
    "links that are a number": (lambda: Problem(5, 0), ValueError, "links must be a tuple of tuples"),
    "links that are one row": (lambda: Problem((1, 0), 0), ValueError, "got (1, 0)"),
    "a place that is a word": (lambda: Problem((("0", 1),), 0), ValueError, "'0'"),
    "a star between places": (lambda: Problem(((1, 0),), 0.5), ValueError, "0.5"),
    "no links at all": (lambda: Problem((), 0), ValueError, "1 or 2 links"),
    "nine doors": (lambda: Problem((tuple(range(9)),), 0), ValueError, "of at most 8"),
    "more than all searchers": (
        lambda: HuntConfig(systematic=0.6, ordered=0.5),
        ValueError,
        "got 0.6 and 0.5",
    ),
    "two doors to one room": (lambda: Problem(((0, 0),), 1), ValueError, "links=((0, 0),)"),
    "a door from the end": (lambda: PROBLEM.path(-1), ValueError, "no door -1 among 3"),
    "a door too many": (lambda: PROBLEM.holds_star(3), ValueError, "no door 3 among 3"),
    "a word in a list": (
        lambda: encode([["d0"]]),
        TypeError,
        "words must be an iterable of text, got list [['d0']]",
    ),
    "words that are no list": (lambda: encode(3), TypeError, "words must be an iterable of text, got 3"),
    "a seed for a random": (lambda: Hunts(HUNT).problem(0), TypeError, "rng must be a Random, got 0"),
    "fewer problems than none": (lambda: Hunts(HUNT).problems(-1, 0), ValueError, "count must be at least 0"),
    "an unknown count": (lambda: Behaviour().share("steps", "tries"), ValueError, "got 'steps'"),
    "verdicts of others": (
        lambda: advantages_of(torch.ones(3), [Earned(1.0, 1.0, 1.0, True)] * 2, RL),
        ValueError,
        "3 rewards are not those of 2 verdicts",
    ),
    "no answers to a prompt": (
        lambda: sample(model_of(), torch.ones(1, 2).long(), 0),
        ValueError,
        "group_size must be at least 1, got 0",
    ),
    "prompts of numbers": (
        lambda: sample(model_of(), torch.ones(1, 2)),
        TypeError,
        "prompts must hold whole",
    ),
    "an answer to nobody": (
        lambda: score(
            model_of(), torch.ones(1, 2).long(), torch.ones(2, 2).long(), of_row=torch.tensor([0, 1])
        ),
        ValueError,
        "2 answers to 1 prompts",
    ),
    "cold scores": (
        lambda: score(model_of(), torch.ones(1, 2).long(), torch.ones(1, 2).long(), 0.0),
        ValueError,
        "temperature must be above 0, got 0.0",
    ),
    "a seed of 1.0": (
        lambda: make_generator(1.0, "weights"),
        TypeError,
        "seed must be a whole number, got 1.0",
    ),
    "no windows": (lambda: held_out_windows(CORPUS, 0, 5), ValueError, "windows must be at least 1, got 0"),
    "half a window": (lambda: held_out_windows(CORPUS, 2, 2.5), TypeError, "length must be a whole number"),
    "log-probabilities of others": (
        lambda: dataclasses.replace(held_out_windows(CORPUS, 3, 5), log_probs=torch.zeros(3, 4)),
        ValueError,
        "log_probs must have shape (3, 5), got (3, 4)",
    ),
    "domains of others": (
        lambda: Windows(torch.zeros(2, 3).long(), torch.tensor([0, 2]), ("a", "b"), None),
        ValueError,
        "domain ids must be in 0..1, got 0 to 2",
    ),
    "a context below 0": (
        lambda: score_windows(first_model(TINY, 0), held_out_windows(CORPUS, 3, 5), -1),
        ValueError,
        "context must be at least 0, got -1",
    ),
    "uphill": (
        lambda: set_learning_rate(make_optimizer(first_model(TINY, 0), TINY), -0.1),
        ValueError,
        "rate must be at least 0, got -0.1",
    ),
    "operations below none": (
        lambda: rule_of_six(-1.0, 2.0),
        ValueError,
        "active must be at least 0, got -1",
    ),
    "use of nan": (
        lambda: gpu_hours(1.0, 1.0, float("nan")),
        ValueError,
        "utilisation must be finite, got nan",
    ),
    "a domain with a fraction": (
        lambda: CORPUS.next_token_probs(CORPUS.encode("Ca"), 0.9),
        TypeError,
        "domain_id must be a whole number, got 0.9",
    ),
    "a prefix of numbers": (
        lambda: CORPUS.next_token_probs(torch.tensor([1.5]), 0),
        TypeError,
        "ids must be whole numbers in one row, got torch.float32",
    ),
    "a number for a text": (lambda: CORPUS.encode(7), TypeError, "text must be text, got 7"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_meant_is_refused_in_one_sentence(case):
    call, kind, words = REFUSED[case]
    with pytest.raises(kind) as caught:
        call()
    assert words in str(caught.value) and "\n" not in str(caught.value), caught.value


def test_what_looks_odd_and_can_be_meant_is_not_refused():
    assert chance_of_right(4, 0, 4) == 0 and chance_of_right(1, 1, 1) == 1
    assert group_advantages([True, False], 2).tolist() == pytest.approx([0.7070, -0.7070], abs=1e-3)
    assert decode(torch.tensor([0, 1])) == ["<pad>", "<eos>"] and encode([]) == []
    assert grpo(clip_high=float("inf")).isfinite() and grpo(mask=torch.ones(2, 3)).isfinite()
    assert kl_estimate(V[0], V[0]).tolist() == [0.0, 0.0, 0.0]
    assert plug_in_pass_at_k(YES, 9).tolist() == [1.0, 1.0]  # drawn with return, so k may be larger
    assert CORPUS.decode(i for i in CORPUS.encode("copy")) == "copy"
    assert Hunts(HUNT).problem(random.Random(0)).doors == 3


@pytest.mark.parametrize("level", ["token", "sequence"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("apart", [100.0, 1000.0, -100.0])
def test_a_ratio_that_runs_over_is_held_by_the_clip_and_never_nan(apart, dtype, level):
    logps = torch.full((3, 2), apart, dtype=dtype, requires_grad=True)
    advantages = torch.tensor([1.0, 0.0, -1.0])
    old, mask = torch.zeros(3, 2, dtype=dtype), torch.ones(3, 2).bool()
    for row, learned in enumerate(advantages):
        one = slice(row, row + 1)
        loss = grpo_loss(logps[one], old[one], advantages[one], mask[one], level=level)
        (gradient,) = torch.autograd.grad(loss, logps)
        assert not loss.isnan() and not gradient.isnan().any()
        if learned == 0 or (learned > 0) == (
            apart > 0
        ):  # clipped on the side to which it is pushed, or no push
            assert (gradient == 0).all()
            held = 1.2 if apart > 0 else 0.8
            assert loss.item() == pytest.approx(-held * learned.item(), rel=1e-2)
        elif learned < 0 and apart > 0:  # pulled back with all its might, which a loop then names
            assert loss == float("inf") or dtype == torch.float64
