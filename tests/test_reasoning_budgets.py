"""Budgets of thought: what they change in the logits, and what a model writes under them."""

import math
from dataclasses import replace

import pytest
import torch

from lessons_lib.config import BaseConfig, HuntConfig, RLConfig
from lessons_lib.model import Transformer
from lessons_lib.reasoning.behaviour import thought_of
from lessons_lib.reasoning.budgets import Budget
from lessons_lib.reasoning.evaluation import prompts_of
from lessons_lib.reasoning.hunts import END_THINK, IDS, Hunts, decode, encode
from lessons_lib.reasoning.sampling import Rollout, sample
from lessons_lib.reasoning.scaling import (
    SamplesConfig,
    answer,
    draw_samples,
    held_out_problems,
    read_answer,
)
from lessons_lib.reasoning.test_time import NO_ANSWER

VOCABULARY = len(IDS)


def edited(budget, written):
    """Return the logits (vocabulary,) after `budget` has changed zeros behind the words `written`."""
    history = torch.tensor([encode(written.split())], dtype=torch.long).view(1, -1)
    return budget.edit(torch.zeros(1, VOCABULARY), history.shape[1], history)[0]


def may_end(budget, written):
    return edited(budget, written)[END_THINK].item() > -math.inf


def must_end(budget, written):
    logits = edited(budget, written)
    return logits.isfinite().nonzero().flatten().tolist() == [END_THINK]


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return Transformer(BaseConfig().model).eval()  # untrained: it writes anything


@pytest.fixture(scope="module")
def problems():
    return Hunts(HuntConfig()).problems(12, seed=3)


def test_a_thought_is_ended_by_force_after_so_many_tokens_and_not_before():
    budget = Budget(most=3)
    assert not must_end(budget, "<think>") and not must_end(budget, "<think> d0 r1")
    assert must_end(budget, "<think> d0 r1 cross") and must_end(budget, "<think> d0 r1 cross wait")


def test_a_budget_of_0_allows_no_thought():
    assert must_end(Budget(most=0), "<think>")


def test_nothing_is_changed_once_the_thought_is_over():
    for budget in (Budget(most=0), Budget(waits=9), Budget(waits=9, forced="blindly")):
        after = edited(budget, "<think> d0 r1 cross </think> <answer>")
        assert torch.equal(after, torch.zeros(VOCABULARY))


def test_after_a_miss_the_end_is_suppressed_while_waits_are_left():
    budget = Budget(waits=2)
    assert not may_end(budget, "<think> d0 r1 cross")
    assert not may_end(budget, "<think> d0 r1 Kreuz warte d1 r2 Kreuz")
    assert may_end(budget, "<think> d0 r1 cross wait d1 r2 cross wait d3 r0 cross")  # two are written


def test_a_found_star_may_be_kept_unless_forcing_is_blind():
    star = "<think> d0 r1 star"
    assert may_end(Budget(waits=2), star) and may_end(Budget(waits=2, forced="from the start"), star)
    assert not may_end(Budget(waits=2, forced="blindly"), star)


def test_only_from_the_start_forbids_a_guess_without_a_thought():
    assert may_end(Budget(waits=2), "<think>")
    assert not may_end(Budget(waits=2, forced="from the start"), "<think>")


def test_the_most_wins_over_the_least():
    assert must_end(Budget(most=3, waits=5), "<think> d0 r1 cross")


def test_no_budget_changes_nothing_and_wrong_ones_are_refused():
    assert Budget().edit is None
    with pytest.raises(ValueError, match="most must be at least 0, got -1"):
        Budget(most=-1)
    with pytest.raises(
        ValueError, match='forced must be "blindly", "after a miss" or "from the start", got .always.'
    ):
        Budget(waits=1, forced="always")


def test_thoughts_of_a_model_are_as_long_as_their_budget_at_most(model, problems):
    """The first token is free, so rows that do not begin with <think> are looked at as well."""
    generator = torch.Generator().manual_seed(0)
    rollout = sample(
        model, prompts_of(problems), 4, max_new=30, generator=generator, edit=Budget(most=5).edit
    )
    for row in rollout.rows():
        words = decode(row)
        assert len(thought_of(words)) <= 5
        assert "</think>" in words or len(words) <= 6  # ended, or over before


def test_samples_hold_the_answers_that_the_responses_name(model, problems):
    generator = torch.Generator().manual_seed(0)
    found = answer(model, problems, Budget(most=2), 3, 20, generator)
    assert found.answers.shape == found.lengths.shape == (12, 3)
    assert found.right.tolist() == [int(p.answer[1:]) for p in problems]
    assert torch.equal(found.correct, found.answers == found.right[:, None])
    assert (found.lengths <= 20).all() and (found.lengths >= 1).all()


def test_no_door_is_named_twice_where_that_is_forbidden_and_the_answer_is_free():
    budget = Budget(again=False)
    said = edited(budget, "<think> d0 r1 cross wait d5 r1 cross wait")
    forbidden = {name for name, token in IDS.items() if said[token] == -math.inf}
    assert forbidden == {"d0", "d5"}
    assert edited(budget, "<think> d0 r1 cross </think> <answer>").isfinite().all()
    assert Budget(again=True).edit is None and budget.edit is not None


def test_a_model_that_may_not_repeat_names_no_door_twice(model, problems):
    rollout = sample(model, prompts_of(problems), 8, max_new=20, edit=Budget(again=False).edit)
    thoughts = [thought_of(decode(row)) for row in rollout.rows()]
    doors = [[word for word in thought if word[0] == "d"] for thought in thoughts]
    assert all(len(named) == len(set(named)) for named in doors) and max(map(len, doors)) > 2


def test_it_is_told_which_thoughts_end_in_a_star(model, problems, monkeypatch):
    said = ["<think> d1 r2 star </think> <answer> d1 </answer> <eos>", "<think> star wait </think> <eos>"]
    rows = [encode(said[i % 2].split()) for i in range(2 * len(problems))]
    size = max(map(len, rows))
    tokens = torch.tensor([row + [0] * (size - len(row)) for row in rows])
    mask = torch.arange(size) < torch.tensor([[len(row)] for row in rows])
    made = Rollout(tokens, tokens, mask, tokens.float(), tokens.float())
    monkeypatch.setattr("lessons_lib.reasoning.scaling.rollouts", lambda *_, **__: [(problems, made)])
    found = answer(model, problems, Budget(), 2, 20, torch.Generator())
    assert found.starred.tolist() == [[True, False]] * len(problems)
    assert found.answers.tolist() == [[1, NO_ANSWER]] * len(problems)


def test_a_task_that_the_run_has_not_is_refused(tiny):
    with pytest.raises(ValueError, match="below the 1 hunts of rl, got 1"):
        replace(tiny, task=1)
    with pytest.raises(ValueError, match="task"):
        replace(tiny, task=-1)


def test_each_of_several_hunts_can_be_asked(tiny):
    hunts = HuntConfig(doors=4), HuntConfig()
    both = replace(tiny, rl=replace(tiny.rl, base=replace(tiny.rl.base, hunts=hunts)))
    assert [held_out_problems(replace(both, task=task), 0)[0].doors for task in (0, 1)] == [4, 6]


def test_an_answer_is_read_from_the_right_form_only(problems):
    text = "<think> d0 r1 </think> <answer> d4 </answer> <eos>"
    assert read_answer(problems[0], text.split()) == 4
    for wrong in (text.replace("<eos>", ""), text.replace("d4", "d4 d4"), text.replace("d4", "d7"), "d4"):
        assert read_answer(problems[0], wrong.split()) == NO_ANSWER


@pytest.fixture(scope="module")
def tiny():
    """A base of two steps and one step of learning by reward: nothing is learned, everything is stored."""
    base = BaseConfig(steps=2, batch_size=4, check_every=2)
    rl = RLConfig(base, steps=1, problems=2, group_size=2, max_new=12)
    budgets = (Budget(), Budget(most=0))
    return SamplesConfig(rl, trained=False, budgets=budgets, problems=40, samples=2, max_new=12)


def test_no_problem_that_is_asked_can_occur_in_training(tiny):
    """Neither side draws the other's: asked problems are held out, those that are trained on never are."""
    asked = [p for seed in range(3) for p in held_out_problems(tiny, seed)]
    hunts = Hunts(tiny.rl.hunts[0])
    trained_on = {p for seed in range(3) for p in hunts.problems(1000, seed, held_out=False)}
    assert all(problem.is_held_out for problem in asked)
    assert not trained_on & set(asked) and not any(p.is_held_out for p in trained_on)


def test_base_and_trained_model_are_asked_the_same_and_a_second_call_loads(tiny):
    base = draw_samples(tiny, 5)
    trained = draw_samples(replace(tiny, trained=True), 5)
    assert len(base) == 2 and base[0].answers.shape == (40, 2)
    assert all(torch.equal(found.right, base[0].right) for found in (*base, *trained))
    again = draw_samples(tiny, 5)
    assert all(torch.equal(a.answers, b.answers) for a, b in zip(again, base, strict=True))
    assert not torch.equal(draw_samples(tiny, 6)[0].right, base[0].right)  # another seed, other problems
