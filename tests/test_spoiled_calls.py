"""Every argument of a public function, spoiled in many ways: a sentence of ours, never silent or raw.

A call that works is the start; then one argument at a time becomes something that can't be meant. What is
raised must come from a `raise` of the library. What may be meant after all is listed, with the reason.
"""

import dataclasses
import random
import time

import pytest
import torch
from reasoning_helpers import BASE, HUNT, RL, model_of
from spoiling import SPOILED, said_by_us
from training_helpers import TINY

from lessons_lib import corpus as corpora
from lessons_lib import interop, reasoning, training
from lessons_lib.config import ModelConfig
from lessons_lib.corpus.tokenizer import Vocabulary
from lessons_lib.reasoning import (
    behaviour,
    distillation,
    evaluation,
    hunts,
    mixing,
    pretraining,
    skill,
    tasks,
    test_time,
    update,
)
from lessons_lib.runs import Seeds, approx, in_turn, progress, randomness, student_t
from lessons_lib.runs.seeds import Difference
from lessons_lib.training import cost, loop, optimizer, windows

CORPUS = corpora.Corpus(domains=["copy", "facts"])
WINDOWS = windows.held_out_windows(CORPUS, 4, 6)
MODEL, WRITER = loop.first_model(TINY, 0), model_of()
PROBLEM = hunts.Hunts(HUNT).problem(random.Random(0))
TRACES = distillation.curated_traces(HUNT, 3, 0)
ANSWERS, RIGHT = torch.tensor([[0, 1, 1, 2], [2, 2, -1, 0]]), torch.tensor([1, 2])
CORRECT = RIGHT[:, None] == ANSWERS
LOGPS, ADVANTAGES, MASK = -torch.ones(2, 3), torch.ones(2), torch.ones(2, 3).bool()
EARNED = [tasks.Earned(1.0, 1.0, 1.0, True)] * 12
PROMPTS = evaluation.prompts_of([PROBLEM])
HF = interop.to_hf(model_of().float())
OPTIMIZER = optimizer.make_optimizer(MODEL, TINY)
LATENT = ModelConfig(vocab_size=9, dim=8, n_layers=1, n_heads=1)

# function -> a call that works; arguments by name, in the order of the function
CALLS = {
    corpora.Corpus: dict(seed=1, domains=("copy",)),
    corpora.Corpus.languages: dict(n=2, seed=1),
    CORPUS.encode: dict(text="abc"),
    CORPUS.decode: dict(ids=[1, 2]),
    CORPUS.token: dict(name="a"),
    CORPUS.batch: dict(size=2, length=3, generator=torch.Generator()),
    CORPUS.log_probs: dict(tokens=WINDOWS.tokens, domain_ids=WINDOWS.domain_ids),
    CORPUS.next_token_probs: dict(prefix_tokens=torch.tensor(CORPUS.encode("Ca")), domain_id=0),
    CORPUS.entropy_floor: dict(length=4),
    corpora.build_corpus: dict(config=TINY.corpus),
    Vocabulary().tokens: dict(names=["a", "b"]),
    randomness.make_generator: dict(seed=1, purpose="a", held_out=True),
    randomness.seed_for: dict(seed=1, purpose="a", held_out=True),
    in_turn: dict(works={"a": int}, rounds=1, warmup=1),
    progress: dict(total=3, desc="a"),
    Seeds: dict(by_seed={0: 1.0}),
    Seeds({0: 1.0}).map: dict(function=abs),
    Seeds({0: 1.0}).words: dict(digits=2),
    Seeds({0: 1.0}).less: dict(other=Seeds({0: 2.0})),
    Difference(Seeds({0: 1.0, 1: 2.0})).verdict: dict(margin=0.5),
    Difference(Seeds({0: 1.0, 1: 2.0})).words: dict(digits=2),
    student_t.threshold: dict(n=3),
    student_t.shift: dict(n=3),
    approx.approx: dict(value=1.0),
    loop.first_model: dict(config=TINY, seed=1),
    loop.build_model: dict(config=TINY),
    training.token_losses: dict(model=MODEL, tokens=WINDOWS.tokens, context=2),
    training.score_windows: dict(model=MODEL, windows=WINDOWS, context=2),
    training.evaluate: dict(model=MODEL, corpus=CORPUS, windows=2, length=5, seed=1, context=3),
    training.held_out_windows: dict(corpus=CORPUS, windows=2, length=5, seed=1),
    training.pool_windows: dict(corpus=CORPUS, config=dataclasses.replace(TINY, pool=3), seed=1),
    training.training_batches: dict(corpus=CORPUS, config=TINY, seed=1),
    windows.cut_pieces: dict(tokens=WINDOWS.tokens, context=2, generator=torch.Generator()),
    training.make_optimizer: dict(model=MODEL, config=TINY),
    training.learning_rate: dict(step=1, config=TINY),
    training.set_learning_rate: dict(optimizer=OPTIMIZER, rate=0.1),
    training.stepper: dict(config=TINY, seed=1),
    cost.count_parameters: dict(config=LATENT),
    cost.flops_per_token: dict(config=LATENT, length=4, mtp=True),
    cost.rule_of_six: dict(active=1.0, tokens=2.0),
    cost.kv_numbers_per_token: dict(config=LATENT),
    cost.kv_bytes_per_token: dict(config=LATENT, bytes_per_number=2),
    cost.gpu_hours: dict(flops=1.0, peak=2.0, utilisation=0.5),
    cost.utilisation: dict(flops=1.0, hours=2.0, peak=0.5),
    hunts.encode: dict(words=["d0", "r1"]),
    hunts.decode: dict(ids=[1, 2]),
    hunts.Hunts: dict(config=HUNT),
    hunts.Hunts(HUNT).problem: dict(rng=random.Random(0), held_out=True),
    hunts.Hunts(HUNT).problems: dict(count=2, seed=1, held_out=True),
    hunts.Hunts(HUNT).solution: dict(problem=PROBLEM, rng=random.Random(0)),
    hunts.Hunts(HUNT).example: dict(rng=random.Random(0)),
    reasoning.group_advantages: dict(rewards=torch.ones(4), group_size=2, normalize_std=True, eps=0.1),
    reasoning.kl_estimate: dict(logps=LOGPS, ref_logps=LOGPS, kind="k2"),
    reasoning.grpo_loss: dict(
        logps=LOGPS,
        old_logps=LOGPS,
        advantages=ADVANTAGES,
        mask=MASK,
        ref_logps=LOGPS,
        beta=0.1,
        clip_low=0.2,
        clip_high=0.2,
        aggregation="dr_grpo",
        level="token",
        max_len=3,
    ),
    evaluation.chance_of_right: dict(n=4, c=2, k=1),
    evaluation.prompts_of: dict(problems=[PROBLEM]),
    evaluation.verify_rows: dict(problems=[PROBLEM], rows=[[1]], wanted="english"),
    evaluation.examine: dict(
        model=WRITER,
        hunt=HUNT,
        n_problems=1,
        samples=1,
        seed=1,
        max_new=2,
        temperature=1.0,
        edit=lambda logits, step, history: logits,
        wanted="german",
        at_once=1,
    ),
    skill.measure_skill: dict(model=WRITER, hunt=HUNT, n_problems=2, seed=1),
    tasks.parse: dict(words=["a"]),
    tasks.is_right: dict(problem=PROBLEM, answer=["d0"]),
    tasks.is_door: dict(problem=PROBLEM, answer=["d0"]),
    tasks.language_share: dict(thought=["star"], wanted="german"),
    tasks.verify: dict(problem=PROBLEM, words=["a"], wanted="english"),
    behaviour.watch: dict(problem=PROBLEM, thought=["d0", "r0", "star"]),
    behaviour.tries_of: dict(thought=["d0"]),
    behaviour.thought_of: dict(words=["<think>"]),
    behaviour.Behaviour().share: dict(part="tries", whole="misses"),
    distillation.curated_traces: dict(hunt=HUNT, count=2, seed=1),
    distillation.written_traces: dict(hunt=HUNT, count=2, rng=random.Random(0)),
    distillation.accepted_traces: dict(model=WRITER, hunt=HUNT, problems=1, samples=1, seed=1, max_new=2),
    distillation.accepts: dict(trace=TRACES[0], wanted="german"),
    distillation.is_readable: dict(trace=TRACES[0], wanted="german"),
    mixing.mixes_languages: dict(words=["star"]),
    mixing.languages_in: dict(words=["star"]),
    distillation.refuse_held_out: dict(traces=TRACES),
    pretraining.batch_of: dict(examples=[(["d0"], ["r1", "<eos>"])]),
    pretraining.trace_batches: dict(config=BASE, seed=1),
    reasoning.sample: dict(
        model=WRITER,
        prompts=PROMPTS,
        group_size=2,
        max_new=2,
        temperature=1.0,
        generator=torch.Generator(),
        edit=lambda logits, step, history: logits,
        stop=1,
    ),
    update.rewards_of: dict(verdicts=EARNED, config=RL),
    update.advantages_of: dict(rewards=torch.ones(12), verdicts=EARNED, config=RL),
    update.score: dict(
        model=WRITER,
        prompts=PROMPTS,
        tokens=torch.ones(2, 3).long(),
        temperature=0.5,
        of_row=torch.tensor([0, 0]),
    ),
    test_time.pass_at_k: dict(correct=CORRECT, k=2),
    test_time.plug_in_pass_at_k: dict(correct=CORRECT, k=2),
    test_time.winners: dict(answers=ANSWERS, n_answers=3),
    test_time.vote_accuracy: dict(answers=ANSWERS, right=RIGHT, k=2, n_answers=3),
    test_time.until_trusted: dict(correct=CORRECT, lengths=ANSWERS.clamp(min=0) + 1, trusted=CORRECT, most=2),
    test_time.judge_with_noise: dict(
        correct=CORRECT, answers=ANSWERS, noise=0.5, generator=torch.Generator(), fixed=True
    ),
    test_time.best_of_n: dict(correct=CORRECT, scores=torch.rand(2, 4), n=2),
    interop.from_hf: dict(state_dict=HF[0], config=HF[1]),
    interop.to_hf: dict(model=WRITER),
}
# What may be meant after all: any whole number is a seed, any text a text, a kind's other values are values.
WORDS = {"text", "purpose", "desc"}
SWITCHES = {"held_out", "mtp", "normalize_std", "fixed"}
BETWEEN = {"active", "tokens", "flops", "peak", "hours", "rate", "eps", "beta", "clip_low", "clip_high"} | {
    *("temperature", "noise", "margin")  # numbers for which 1.5 is one more
}
LEFT_OUT = {"domains", "context", "edit", "generator", "old_logps", "margin", "ref_logps", "max_len"}
ROWS = {("tokens", "names"), ("encode", "words")}  # a text, or nothing at all, is a row of names


def may_be_meant(function, name, label):
    """Say whether a spoiled value is a value after all."""
    return (
        (name == "seed" and label == "-1")
        or (name in WORDS and label == "a word")
        or (name in SWITCHES and label == "True")
        or (name in BETWEEN and label == "1.5")
        or (name in LEFT_OUT and label == "None")
        or ((function, name) in ROWS and label in ("a word", "no tensor"))
        or (function == "approx")  # whatever is one number
        or (name == "old_logps" and label == "complex")  # refused, but in torch's own words
        or (label in ("a function", "a class") and name in ("function", "edit", "model"))  # the reader's own
    )


@pytest.mark.parametrize("function", CALLS, ids=lambda function: function.__qualname__)
def test_a_spoiled_argument_is_refused_by_us_at_once(function):
    call, short = CALLS[function], function.__qualname__.rpartition(".")[2]
    function(**call)
    for name in call:
        for label, value in SPOILED.items():
            if may_be_meant(short, name, label):
                continue
            began = time.process_time()
            try:
                function(**call | {name: value})
            except Exception as error:
                assert said_by_us(error), f"{name} = {label}: a raw {type(error).__name__}: {error}"
                assert "\n" not in str(error) and len(str(error)) > 15
            else:
                pytest.fail(f"{name} = {label} was taken in silence")
            assert time.process_time() - began < 1, f"{name} = {label}"


def test_there_are_more_than_a_thousand_such_calls():
    assert sum(len(call) * len(SPOILED) for call in CALLS.values()) > 4000
