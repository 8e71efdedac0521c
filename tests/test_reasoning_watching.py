"""A watched run is the run itself, rewards dealt out at random are the same rewards, kinds are told apart."""

import random

import pytest
import torch
from reasoning_helpers import RL, changed
from training_helpers import Counter

from lessons_lib.config import HuntConfig
from lessons_lib.reasoning import learn_to_reason, loop, verify
from lessons_lib.reasoning.hunts import Hunts
from lessons_lib.reasoning.strategies import kind_of, shares_of_kinds
from lessons_lib.reasoning.watching import WatchConfig, watch_learning

WATCH = WatchConfig(RL, every=2, problems=4, samples=2)


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(tmp_path))


def test_looking_changes_nothing_and_always_asks_the_same(store):
    watched, plain = watch_learning(WATCH, 3), learn_to_reason(RL, 3)
    for mine, other in zip(watched.model.parameters(), plain.model.parameters(), strict=True):
        assert torch.equal(mine, other)
    assert watched.history["accuracy"] == plain.history["accuracy"]
    assert [look.step for look in watched.looks] == [0, 2, 4]
    assert {len(look.answers) for look in watched.looks} == {8}
    assert watched.problems == Hunts(RL.hunts[0]).problems(4, 0)
    assert all(problem.is_held_out for problem in watched.problems)
    for look in watched.looks:  # two answers to each problem, in order
        judged = [verify(watched.problems[i // 2], text.split()) for i, text in enumerate(look.answers)]
        assert look.accuracy == sum(v.accuracy for v in judged) / 8


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_watched_run_that_was_stopped_has_seen_all_that_it_would_have(store, monkeypatch, tmp_path, step):
    whole = watch_learning(WATCH, 1, progress=Counter())

    def stop():
        raise KeyboardInterrupt

    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(tmp_path / "other"))
    with pytest.raises(KeyboardInterrupt):
        watch_learning(WATCH, 1, progress=Counter(**{f"step{step}": stop}))
    again = watch_learning(WATCH, 1, progress=Counter())
    assert again.looks == whole.looks and again.history["loss"] == whole.history["loss"]


def test_luck_pays_as_much_as_the_rule_and_to_anybody(store, monkeypatch):
    earned, paid = [], []
    monkeypatch.setattr(loop, "rewards_of", lambda verdicts, config: torch.arange(len(verdicts)).float())
    monkeypatch.setattr(
        loop, "advantages_of", lambda rewards, verdicts, config: earned.append(rewards) or rewards
    )
    monkeypatch.setattr(loop, "update", lambda *given: paid.append(given[3]) or (0.0, 1.0))
    watch_learning(changed(WATCH, reward="luck"))
    assert len(paid) == RL.steps and all(a is b for a, b in zip(earned, paid, strict=True))
    assert all(dealt.sort().values.tolist() == list(range(12)) for dealt in paid)
    assert all(dealt.tolist() != list(range(12)) for dealt in paid) and not torch.equal(paid[0], paid[1])


def test_what_cannot_be_watched_is_refused():
    for fields in (dict(beta=0.1), dict(updates=2)):
        with pytest.raises(ValueError, match="one update without KL"):
            WatchConfig(changed(RL, **fields))
    with pytest.raises(ValueError, match="reward must be"):
        WatchConfig(RL, reward="bribe")


def answer(*doors):
    tries = " wait ".join(f"d{d} r{d} cross" for d in doors)
    return f"<think> {tries} </think> <answer> d0 </answer> <eos>"


@pytest.mark.parametrize(
    "doors, kind",
    [
        ((), "guesses"),
        ((0,), "tries one door"),
        ((0, 1), "in order"),
        ((0, 1, 2, 0), "in order"),  # three doors: from the first again
        ((0, 2), "no door twice"),
        ((1, 2), "no door twice"),
        ((0, 1, 0), "tries a door again"),
        ((2, 2), "tries a door again"),
    ],
)
def test_kinds_are_told_from_the_doors_tried(doors, kind):
    assert kind_of(answer(*doors).split(), 3) == kind


def test_shares_add_up_and_need_answers():
    rng, hunts = random.Random(0), Hunts(HuntConfig(ordered=1.0, systematic=0.0))
    texts = [" ".join(hunts.solution(hunts.problem(rng), rng)) for _ in range(2000)]
    shares = shares_of_kinds(texts)
    assert sum(shares.values()) == pytest.approx(1) and shares["guesses"] == pytest.approx(0.5, abs=0.1)
    assert (
        shares["in order"] == pytest.approx(0.5 * 5 / 6 * 0.75, abs=0.04)
        and shares["tries a door again"] == 0
    )
    with pytest.raises(ValueError, match="no answers"):
        shares_of_kinds([])
