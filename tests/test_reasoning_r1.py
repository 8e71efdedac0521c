"""R1's stages and students: what traces are let through, what is learned from, and in what order."""

from dataclasses import replace

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
from lessons_lib.config.r1 import STAGES, STUDENT, WAYS
from lessons_lib.config.reasoning import REASONER
from lessons_lib.model import Transformer
from lessons_lib.reasoning import distillation, evaluation, r1, students
from lessons_lib.reasoning.distillation import (
    Trace,
    accepted_traces,
    accepts,
    curated_traces,
    fine_tune,
    mixes_languages,
)
from lessons_lib.reasoning.hunts import Hunts, Problem, decode, encode
from lessons_lib.reasoning.r1 import stage
from lessons_lib.reasoning.students import teach
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


@pytest.mark.parametrize("hunt", BOTH)
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
    traces = accepted_traces(None, hunt, 6, 4, seed=0)
    asked = Hunts(hunt).problems(6, 0, held_out=False)
    assert [trace.problem for trace in traces] == list(dict.fromkeys(asked))
    assert all(trace.response[-3] == trace.problem.answer for trace in traces)


def test_tuning_learns_the_responses_and_leaves_the_start_as_it_was():
    torch.manual_seed(0)
    start = Transformer(TINY_MODEL)
    before = {name: weight.clone() for name, weight in start.state_dict().items()}
    traces = curated_traces(BOTH[0], 4, seed=0)
    fast = replace(TracesConfig().optimizer, learning_rate=1e-2)
    often = TracesConfig(steps=60, batch_size=4, optimizer=fast)
    tuned, losses = fine_tune(start, traces, often, 0, Silent())
    assert losses[-1] < 0.7 * losses[0]
    assert all(torch.equal(weight, before[name]) for name, weight in start.state_dict().items())
    again, same = fine_tune(start, traces, often, 0, Silent())
    assert same == losses and not tuned.training


def test_tuning_refuses_held_out_problems_and_no_traces():
    start = Transformer(TINY_MODEL)
    problem = Hunts(BOTH[0]).problems(1, 0, held_out=True)[0]
    with pytest.raises(ValueError, match="1 of 1 traces answer held-out problems"):
        fine_tune(start, [Trace(problem, RIGHT)], TUNED, 0, Silent())
    with pytest.raises(ValueError, match="no traces to tune on"):
        fine_tune(start, [], TUNED, 0, Silent())


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
    taught = teach(StudentConfig(way, TINY, TINY_MODEL, base_steps=2, rl_steps=1, traces=TUNED), seed=0)
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


def test_the_student_has_a_quarter_of_the_parameters():
    sizes = [sum(p.numel() for p in Transformer(config).parameters()) for config in (STUDENT, REASONER)]
    assert 0.2 < sizes[0] / sizes[1] < 0.3


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
    ],
)
def test_impossible_configurations_are_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def test_students_of_a_seed_start_from_the_same_weights():
    ways = [
        StudentConfig(way, TINY, TINY_MODEL, base_steps=2, rl_steps=1, traces=TUNED)
        for way in ("reward", "corpus")
    ]
    reward, corpus = (teach(config, seed=0) for config in ways)
    assert reward.before == corpus.before
    assert students.student_base(ways[0]) == students.student_base(ways[1])


def test_a_student_reads_its_teachers_corpus_with_a_model_of_its_own():
    config = StudentConfig("traces")
    base = students.student_base(config)
    assert base.model == config.model != config.plan.base.model
    assert base.hunts == config.plan.base.hunts and base.steps == config.base_steps
    learned = {"traces": config.traces.steps, "corpus": config.traces.steps, "reward": config.rl_steps}
    for way in WAYS:
        assert teach.total_steps(replace(config, way=way)) == base.steps + learned[way]


@pytest.mark.parametrize("way", WAYS)
def test_steps_of_a_student_count_its_reading_and_its_learning(way, monkeypatch):
    accept_all(monkeypatch)
    config = StudentConfig(way, TINY, TINY_MODEL, base_steps=2, rl_steps=1, traces=replace(TUNED, steps=3))
    steps = []

    class Counter:
        def update(self, n=1):
            steps.append(n)

    teach(config, seed=0, progress=Counter())
    assert sum(steps) == teach.total_steps(config) == 2 + (1 if way == "reward" else 3)
