"""R1's stages and students: what traces are let through, what is learned from, and in what order."""

import random
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from lessons_lib.config import (
    BaseConfig,
    HuntConfig,
    R1Config,
    StageConfig,
    StudentConfig,
    TracesConfig,
)
from lessons_lib.config.r1 import STAGES, WAYS
from lessons_lib.config.reasoning import REASONER
from lessons_lib.model import Transformer
from lessons_lib.reasoning import distillation, evaluation, r1, students
from lessons_lib.reasoning.distillation import (
    Trace,
    accepted_traces,
    accepts,
    curated_traces,
    fine_tune,
    is_readable,
)
from lessons_lib.reasoning.hunts import Hunts, Problem, decode, encode
from lessons_lib.reasoning.mixing import mixes_languages, mixing_of
from lessons_lib.reasoning.r1 import mark, stage
from lessons_lib.reasoning.students import teach
from lessons_lib.runs.checkpoint import Checkpoint
from lessons_lib.runs.progress import Silent

TINY_MODEL = replace(
    REASONER, dim=16, n_layers=1, n_heads=2, inter_dim=16, kv_lora_rank=8, qk_nope_head_dim=4, v_head_dim=4
)
BOTH = (HuntConfig(german=0.5, mixed=0.5), HuntConfig(lookups=2, german=0.5, mixed=0.5))
TUNED = TracesConfig(steps=2, batch_size=8)
TINY = R1Config(
    base=BaseConfig(hunts=BOTH, model=TINY_MODEL, steps=2, batch_size=8, check_every=2),
    tasks=BOTH,
    curated=12,
    cold_start=TUNED,
    rl_steps=1,
    asked=8,
    samples=2,
    tuning=TUNED,
    last_steps=2,
    judged=8,
)
OTHER = replace(TINY.base, steps=3)  # what a student may have read
PROBLEM = Problem(((2, 0, 1),), star=1)  # d0 r2, d1 r0, d2 r1: the star is behind d2


@pytest.fixture(autouse=True)
def own_store(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(tmp_path))


def response(text: str) -> tuple[str, ...]:
    return tuple(text.split())


RIGHT = response("<think> d0 r2 cross wait d2 r1 star </think> <answer> d2 </answer> <eos>")


def test_a_trace_is_accepted_if_it_is_right_thought_through_and_in_one_language():
    assert accepts(Trace(PROBLEM, RIGHT))
    wrong = {
        "the answer": "<think> d0 r2 cross </think> <answer> d0 </answer> <eos>",
        "no thought": "<think> </think> <answer> d2 </answer> <eos>",
        "two languages": "<think> d0 r2 Kreuz wait d2 r1 star </think> <answer> d2 </answer> <eos>",
        "another language": "<think> d2 r1 Stern </think> <answer> d2 </answer> <eos>",
        "the form": "<think> d2 r1 star </think> <answer> d2 </answer>",
    }
    for what, text in wrong.items():
        assert not accepts(Trace(PROBLEM, response(text))), what


def test_mixing_means_words_of_both_languages():
    assert not mixes_languages(RIGHT)
    assert not mixes_languages(response("<think> </think> <answer> d2 </answer> <eos>"))
    assert not mixes_languages(response("<think> d2 r1 Stern </think> <answer> d2 </answer> <eos>"))
    assert mixes_languages(response("<think> d0 r2 Kreuz wait d2 r1 star"))  # also where the form is broken


def test_a_readable_answer_may_be_wrong_but_has_a_thought_the_form_and_one_language():
    wrong = response("<think> d0 r2 cross </think> <answer> d0 </answer> <eos>")
    assert is_readable(Trace(PROBLEM, wrong)) and not accepts(Trace(PROBLEM, wrong))
    for text in ("<think> </think> <answer> d2 </answer> <eos>", "<think> d2 r1 star", "<think> d2 r1 Stern"):
        closed = text if "</think>" in text else f"{text} </think> <answer> d2 </answer>"
        assert not is_readable(Trace(PROBLEM, response(closed)))


def test_mixing_is_counted_by_neighbouring_words_and_by_thought():
    texts = [
        "<think> d0 r2 Kreuz wait d2 r1 star </think> <answer> d2 </answer> <eos>",  # one change of two
        "<think> d0 r2 cross wait d1 r0 cross wait d2 r1 star </think> <answer> d2 </answer> <eos>",  # none
        "<think> d2 r1 Stern </think> <answer> d2 </answer> <eos>",  # no pair
        "<think> </think> <answer> d2 </answer> <eos>",  # no thought
    ]
    found = mixing_of(texts)
    assert (found.pairs, found.thoughts) == (6, 3)
    assert found.switches == 1 / 6 and found.english == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert mixing_of(texts, "german").english == pytest.approx(1 - found.english)
    none = mixing_of(texts[3:])
    assert (none.switches, none.english, none.pairs, none.thoughts) == (0, 1, 0, 0)


def test_a_longer_thought_mixes_more_by_the_old_count_and_not_by_neighbours():
    rng = random.Random(0)
    long, short = (
        [f"<think> {' '.join(rng.choice(['cross', 'Kreuz']) for _ in range(n))}" for _ in range(2000)]
        for n in (8, 2)
    )
    shares = [sum(mixes_languages(text.split()) for text in texts) / 2000 for texts in (long, short)]
    assert shares[0] > 0.98 and shares[1] == pytest.approx(0.5, abs=0.05)
    assert mixing_of(long).switches == pytest.approx(mixing_of(short).switches, abs=0.05)


def test_marks_count_what_an_answer_shows(monkeypatch):
    said = [
        "<think> d0 r2 Kreuz wait d1 r0 cross </think> <answer> d1 </answer> <eos>",
        "<think> d0 r2 cross wait d1 r0 cross </think> <answer> d1 </answer> <eos>",
        "<think> d2 r1 star </think> <answer> d2 </answer> <eos>",
        "<think> </think> <answer> d0 </answer> <eos>",
    ]
    found = SimpleNamespace(problems=[PROBLEM], answers=said, accuracy=0.25, format=1.0, length=9.0)
    monkeypatch.setattr(r1, "examine", lambda *asked, **settings: found)
    marks = mark(Transformer(TINY_MODEL), replace(HuntConfig(), doors=3), 1)
    assert (marks.accuracy, marks.readable, marks.ordered) == (0.25, 0.5, 0.5)
    assert marks.switches == 1 / 4 and marks.english == pytest.approx((2 / 3 + 1 + 1) / 3)


@pytest.mark.parametrize("hunt", [*BOTH, replace(BOTH[0], systematic=0.0, ordered=0.25)])
def test_curated_traces_are_good_ones_for_training_problems(hunt):
    traces = curated_traces(hunt, 50, seed=1)
    assert len(traces) == 50 and traces == curated_traces(hunt, 50, seed=1)
    assert traces != curated_traces(hunt, 50, seed=2)
    for trace in traces:
        assert accepts(trace) and not trace.problem.is_held_out
        doors = [word for word in trace.response[: trace.response.index("</think>")] if word.startswith("d")]
        assert len(doors) == len(set(doors))  # no door is tried twice


def test_accepted_traces_hold_no_duplicates_and_nothing_wrong(monkeypatch):
    hunt = replace(HuntConfig(), doors=3)
    written = [f"<think> d{i} r0 star </think> <answer> d{i} </answer> <eos>" for i in (0, 0, 1, 2)]

    class Written:
        def __init__(self, model, prompts, samples, **settings):
            self.problems = len(prompts)

        def rows(self):
            return [encode(text.split()) for text in written] * self.problems

    monkeypatch.setattr(evaluation, "sample", Written)
    traces = accepted_traces(Transformer(TINY_MODEL), hunt, 6, 4, seed=0)
    asked = Hunts(hunt).problems(6, 0, held_out=False)
    assert [trace.problem for trace in traces] == list(dict.fromkeys(asked))
    assert all(trace.response[-3] == trace.problem.answer for trace in traces)


def test_tuning_learns_the_responses_and_leaves_the_start_as_it_was(tmp_path):
    torch.manual_seed(0)
    start = Transformer(TINY_MODEL)
    before = {name: weight.clone() for name, weight in start.state_dict().items()}
    traces = curated_traces(BOTH[0], 4, seed=0)
    fast = replace(TracesConfig().optimizer, learning_rate=1e-2)
    often = TracesConfig(steps=60, batch_size=4, optimizer=fast)
    tuned = fine_tune(start, traces, often, 0, Silent(), Checkpoint(tmp_path / "one", {}))
    losses = tuned.losses
    assert losses[-1] < 0.7 * losses[0]
    assert all(torch.equal(weight, before[name]) for name, weight in start.state_dict().items())
    again = fine_tune(start, traces, often, 0, Silent(), Checkpoint(tmp_path / "two", {}))
    assert again.losses == losses and not tuned.model.training


@pytest.mark.parametrize("step", [1, 99, 100, 130])
def test_tuning_that_was_stopped_ends_bit_for_bit_where_it_would_have(step, tmp_path):
    torch.manual_seed(0)
    start, traces = Transformer(TINY_MODEL), curated_traces(BOTH[0], 9, seed=0)
    config = TracesConfig(steps=130, batch_size=2)

    class Stops(Silent):
        done = 0

        def update(self, n=1):
            self.done += n
            if self.done == step:
                raise KeyboardInterrupt

    whole = fine_tune(start, traces, config, 7, Silent(), Checkpoint(tmp_path / "whole", {}))
    luck = torch.get_rng_state()
    stopped = Checkpoint(tmp_path / "stopped", {})
    with pytest.raises(KeyboardInterrupt):
        fine_tune(start, traces, config, 7, Stops(), stopped)
    assert [path.name for path in tmp_path.glob("stopped*")] == [f"stopped.step{step:08d}"]
    again = fine_tune(start, traces, config, 7, Silent(), stopped)
    assert again.losses == whole.losses and len(whole.losses) == 130
    for mine, theirs in zip(again.model.parameters(), whole.model.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    assert torch.equal(torch.get_rng_state(), luck)


def test_a_stage_that_was_stopped_while_it_was_tuned_goes_on_from_there(monkeypatch, tmp_path):
    """Also a student's; that nothing is asked of the tuning twice shows in the progress."""
    config, taken = StageConfig("cold start", TINY), []

    class Counter:
        def update(self, n=1):
            taken.append(n)
            if stop_at and sum(taken) == stop_at:
                raise KeyboardInterrupt

    stop_at = TINY.base.steps + TINY.cold_start.steps - 1
    with pytest.raises(KeyboardInterrupt):
        stage(config, 5, progress=Counter())
    stop_at, before, taken = 0, sum(taken), []
    gone_on = stage(config, 5, progress=Counter())
    assert taken == [TINY.base.steps, TINY.cold_start.steps - 1, 1] and before == sum(taken) - 1
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(tmp_path / "another"))
    at_once = stage(config, 5, progress=Silent())
    assert gone_on.history == at_once.history and gone_on.marks == at_once.marks


def test_tuning_refuses_held_out_problems_and_no_traces(tmp_path):
    checkpoint = Checkpoint(tmp_path / "run", {})
    start = Transformer(TINY_MODEL)
    problem = Hunts(BOTH[0]).problems(1, 0, held_out=True)[0]
    with pytest.raises(ValueError, match="1 of 1 traces answer held-out problems"):
        fine_tune(start, [Trace(problem, RIGHT)], TUNED, 0, Silent(), checkpoint)
    with pytest.raises(ValueError, match="no traces to tune on"):
        fine_tune(start, [], TUNED, 0, Silent(), checkpoint)


def problem_of(prompt: list[str]) -> Problem:
    """Read a problem back from its prompt: `? ` ends it, and the last six pairs say what ends hold."""
    pairs = list(zip(prompt[:-1:2], prompt[1:-1:2], strict=True))
    doors = sum(name.startswith("d") for name, _ in pairs)
    links = [
        tuple(int(to[1:]) for _, to in pairs[i : i + doors]) for i in range(0, len(pairs) - doors, doors)
    ]
    star = next(int(name[1:]) for name, holds in pairs if holds == "*")
    return Problem(tuple(links), star)


@pytest.fixture
def learned_from(monkeypatch):
    """Give the set of problems of every text that a model reads while gradients are on."""
    seen: set[Problem] = set()
    forward = Transformer.forward

    def watched(self, tokens, cache=None):
        if torch.is_grad_enabled() and not torch.is_inference_mode_enabled():
            for row in tokens.tolist():
                words = decode(row)
                end = next(i for i, word in enumerate(words) if word in ("?", "<read>"))
                seen.add(problem_of(words[: end + 1]))
        return forward(self, tokens, cache)

    monkeypatch.setattr(Transformer, "forward", watched)
    return seen


def accept_all(monkeypatch):
    """An untrained model is never right: let all its answers through, so that the stages have traces."""
    monkeypatch.setattr(distillation, "accepts", lambda trace: True)


@pytest.mark.parametrize("name", STAGES)
def test_no_stage_ever_learns_from_a_held_out_problem(name, learned_from, monkeypatch):
    accept_all(monkeypatch)
    found = stage(StageConfig(name, TINY), seed=0)
    assert len(learned_from) > 10
    assert not any(problem.is_held_out for problem in learned_from)
    assert len(found.marks) == 2 and all(0 <= marks.accuracy <= 1 for marks in found.marks)


@pytest.mark.parametrize("way", WAYS)
def test_no_student_ever_learns_from_a_held_out_problem(way, learned_from, monkeypatch):
    accept_all(monkeypatch)
    taught = teach(StudentConfig(way, TINY, rl_steps=1, traces=TUNED), seed=0)
    assert len(learned_from) > 10
    assert not any(problem.is_held_out for problem in learned_from)
    assert taught.seconds > 0


def test_the_watch_over_problems_would_see_one(learned_from):
    problem = Hunts(BOTH[1]).problems(1, 0, held_out=True)[0]
    Transformer(TINY_MODEL)(distillation.batch_of([(problem.prompt, list(RIGHT))])[0])
    assert learned_from == {problem}


def test_rejection_sampling_tunes_the_base_on_what_the_first_rl_wrote(monkeypatch):
    accept_all(monkeypatch)
    starts, writers = [], []
    tune, write = r1.fine_tune, r1.accepted_traces
    monkeypatch.setattr(r1, "fine_tune", lambda start, *rest: starts.append(start) or tune(start, *rest))
    monkeypatch.setattr(
        r1, "accepted_traces", lambda model, *rest: writers.append(model) or write(model, *rest)
    )
    stage(StageConfig("rejection sampling", TINY), seed=3)
    base = r1.pretrain(TINY.base, 3).model
    first = stage(StageConfig("first RL", TINY), seed=3).model

    def same(a, b):
        return all(torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True))

    assert len(starts) == 2 and all(same(start, base) for start in starts)
    assert len(writers) == 2 and all(same(writer, first) for writer in writers)  # one for each task
    assert not same(first, base)


def test_the_language_reward_comes_with_the_first_rl_and_all_tasks_with_the_last():
    assert TINY.rl("R1-Zero").language_weight == 0
    assert TINY.rl("first RL").language_weight == TINY.rl("last RL").language_weight > 0
    assert len(TINY.rl("first RL").hunts) == 1 and len(TINY.rl("last RL").hunts) == 2


def test_steps_of_a_stage_count_those_it_rests_on(monkeypatch):
    accept_all(monkeypatch)

    class Counter:
        n = 0

        def update(self, n=1):
            self.n += n

    for fresh_seed, name in enumerate(STAGES):
        counter = Counter()
        stage(StageConfig(name, TINY), seed=10 + fresh_seed, progress=counter)
        assert counter.n == stage.total_steps(StageConfig(name, TINY)), name
        again = Counter()
        stage(StageConfig(name, TINY), seed=10 + fresh_seed, progress=again)
        assert again.n == counter.n  # a loaded one fills the bar as well


@pytest.mark.parametrize(
    "make, said",
    [
        (lambda: StageConfig("second RL"), 'name must be "R1-Zero", "cold start".* got .second RL.'),
        (lambda: StudentConfig("prayer"), 'way must be "traces", "reward" or "corpus", got .prayer.'),
        (lambda: R1Config().rl("cold start"), "has no RL"),
        (lambda: TracesConfig(steps=0), "steps"),
        (lambda: StudentConfig("traces", teacher=-1), "teacher"),
    ],
)
def test_impossible_configurations_are_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def test_more_of_the_corpus_has_all_its_hunts_in_equal_shares():
    base = replace(TINY.base, hunts=(HuntConfig(doors=3), HuntConfig(doors=4)))
    traces = students.corpus_traces(base, 7, seed=0)
    assert [trace.problem.doors for trace in traces] == [3] * 4 + [4] * 3
    assert traces == students.corpus_traces(base, 7, seed=0) != students.corpus_traces(base, 7, seed=1)


def test_a_student_is_taught_by_the_teacher_that_is_named(monkeypatch):
    accept_all(monkeypatch)
    asked, stages = [], students.stage
    monkeypatch.setattr(
        students, "stage", lambda c, seed, **more: asked.append(seed) or stages(c, seed, **more)
    )
    config = StudentConfig("traces", TINY, teacher=4, rl_steps=1, traces=TUNED)
    teach(config, seed=1)
    assert asked == [4]


def test_students_of_a_seed_start_from_the_same_weights():
    ways = [StudentConfig(way, TINY, rl_steps=1, traces=TUNED) for way in ("reward", "corpus")]
    reward, corpus = (teach(config, seed=0) for config in ways)
    assert reward.before == corpus.before


def test_a_student_reads_what_its_teacher_read_or_a_corpus_of_its_own():
    assert StudentConfig("traces", TINY).start == TINY.base
    config = StudentConfig("traces", TINY, OTHER)
    assert config.start == OTHER
    learned = {"traces": config.traces.steps, "corpus": config.traces.steps, "reward": config.rl_steps}
    for way in WAYS:
        assert teach.total_steps(replace(config, way=way)) == OTHER.steps + learned[way]


@pytest.mark.parametrize("way", WAYS)
def test_steps_of_a_student_count_its_reading_and_its_learning(way, monkeypatch):
    accept_all(monkeypatch)
    config = StudentConfig(way, TINY, OTHER, rl_steps=1, traces=replace(TUNED, steps=3))
    steps = []

    class Counter:
        def update(self, n=1):
            steps.append(n)

    teach(config, seed=0, progress=Counter())
    assert sum(steps) == teach.total_steps(config) == 3 + (1 if way == "reward" else 3)
