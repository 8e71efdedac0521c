"""Distil two specialists into one student: on their text or its own, from one token or the whole answer.

Three ideas:
  specialists  one base goes two ways: each copy is trained on one half of the languages alone, and
               forgets the other half;
  text         the student learns from texts that a specialist wrote, or from its own, which a specialist
               only judges (on-policy);
  signal       from the written token alone, or from the distance of the two distributions at each place.

On the student's own text, "token" is the sampled estimator of the reverse KL's gradient: unbiased, noisy.

Source: DeepSeek-V4, arXiv:2606.19348, section 5.1.2; GKD: arXiv:2306.13649.
"""

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from lessons_lib.arguments import choice, takes
from lessons_lib.config.muon import RaceConfig
from lessons_lib.config.specialists import DistilConfig, Signal, SpecialistsConfig
from lessons_lib.corpus import Corpus, build_corpus
from lessons_lib.model import Transformer
from lessons_lib.runs import run_store
from lessons_lib.runs.checkpoint import Checkpoint
from lessons_lib.runs.progress import Silent
from lessons_lib.runs.randomness import make_generator
from lessons_lib.training.evaluate import score_windows
from lessons_lib.training.loop import first_model
from lessons_lib.training.muon import optimizers_of, race_step
from lessons_lib.training.optimizer import descend, make_optimizer
from lessons_lib.training.windows import held_out_windows, training_batches

JUDGED_ON = 256  # texts


@dataclass(frozen=True, eq=False)
class Specialists:
    """A base and the two that went on from it, all in eval mode."""

    base: Transformer = field(repr=False)
    pair: tuple[Transformer, Transformer] = field(repr=False)
    seconds: float


@dataclass(frozen=True, eq=False)
class Distilled:
    """A student, and how far it is from the languages and from its teachers, in nats per token."""

    model: Transformer = field(repr=False)  # in eval mode
    gap: float  # held-out loss above the languages' own
    apart: float  # KL from the student to its specialists, on its own text
    seconds: float


@run_store.takes_steps(lambda config: config.base.train.steps + 2 * config.specialist.train.steps)
def train_specialists(config: SpecialistsConfig, seed: int = 0, *, progress: Any = None) -> Specialists:
    """Return base and specialists of `config` and `seed`: loaded, or trained and stored."""
    return run_store.remember(train_specialists, config, seed, _specialists, progress=progress)


@run_store.takes_steps(lambda config: config.steps)
def distil(config: DistilConfig, seed: int = 0, *, progress: Any = None) -> Distilled:
    """Return the student of `config` and `seed`: loaded from the run store, or taught and stored."""
    return run_store.remember(distil, config, seed, _distil, progress=progress)


def owner(languages: Tensor, n: int) -> Tensor:
    """Return which specialist knows each of `languages` (batch,) of `n`: the first half or the second."""
    return (languages >= n // 2).long()


@takes(tokens="whole batch position", languages="whole batch")
@torch.no_grad()
def specialists_say(
    pair: tuple[Transformer, Transformer], tokens: Tensor, languages: Tensor, n: int
) -> Tensor:
    """Return each text's own specialist's logits (batch, position, vocabulary) on `tokens`."""
    both = torch.stack([one(tokens) for one in pair])
    return both[owner(languages, n), torch.arange(len(tokens))]


@takes(tags="whole batch 1", languages="whole batch")
def specialists_write(
    pair: tuple[Transformer, Transformer],
    tags: Tensor,
    languages: Tensor,
    length: int,
    generator: torch.Generator,
    n: int,
) -> Tensor:
    """Return a text behind each tag by its own specialist, (batch, length + 1)."""
    texts = torch.empty(len(tags), length + 1, dtype=torch.int64)
    for k, model in enumerate(pair):
        mine = owner(languages, n) == k
        if mine.any():
            texts[mine] = model.generate(tags[mine], length, temperature=1.0, generator=generator)
    return texts


@takes(
    student="float batch position symbols",
    teacher="float batch position symbols",
    written="whole batch position",
)
def signal_loss(student: Tensor, teacher: Tensor, written: Tensor, signal: Signal, on_policy: bool) -> Tensor:
    """Return the loss of a student's logits, a scalar in nats per token, whose gradient it follows.

    "token" on a specialist's text is imitation; on the student's own it is the sampled estimator, whose
    value is not a KL, only its gradient's mean.
    """
    choice(("token", "forward", "reverse"), signal=signal)
    log_p, log_q = student.log_softmax(-1), teacher.log_softmax(-1)
    if signal == "forward":
        return (log_q.exp() * (log_q - log_p)).sum(-1).mean()
    if signal == "reverse":
        return (log_p.exp() * (log_p - log_q)).sum(-1).mean()
    mine, theirs = (x.gather(-1, written[..., None]) for x in (log_p, log_q))
    return -((theirs - mine).detach() * mine).mean() if on_policy else -mine.mean()


def _specialists(config: SpecialistsConfig, seed: int, progress: Any, _: Checkpoint) -> Specialists:
    corpus, train = build_corpus(config.base.train.corpus), config.base.train
    n, began = len(corpus.domains), time.process_time()
    with torch.random.fork_rng(devices=[]):
        base: Any = first_model(train, seed)
    _follow(base, config.base, training_batches(corpus, train, seed), progress)
    pair: list[Any] = []
    for k in (0, 1):
        one, texts = copy.deepcopy(base), config.specialist.train
        generator = make_generator(seed, f"texts of specialist {k}")
        tokens, languages = corpus.batch(3 * texts.steps * texts.batch_size, texts.length, generator)
        batches = tokens[owner(languages, n) == k].split(texts.batch_size)
        _follow(one, config.specialist, batches.__getitem__, progress)
        pair.append(one.eval())
    return Specialists(base.eval(), (pair[0], pair[1]), time.process_time() - began)


def _follow(model: nn.Module, config: RaceConfig, batch: Callable[[int], Tensor], progress: Any) -> None:
    optimizers = optimizers_of(model, config)
    for step in range(config.train.steps):
        race_step(model, optimizers, batch(step), step, config)
        progress.update(1)


def _distil(config: DistilConfig, seed: int, progress: Any, checkpoint: Checkpoint) -> Distilled:
    found = train_specialists(config.specialists, seed, progress=Silent())
    train = config.specialists.base.train
    corpus = build_corpus(train.corpus)
    n, length = len(corpus.domains), train.length
    student = copy.deepcopy(found.base).train()
    optimizer = make_optimizer(student, config)
    steps = checkpoint.steps(
        config.steps, config.checkpoint_every, progress, model=student, optimizer=optimizer
    )
    for step in steps:
        generator = make_generator(seed, f"text {step} of distillation")
        starts, languages = corpus.batch(config.batch_size, 1, generator)
        tags = starts[:, :1]
        if config.text == "own":
            texts = student.generate(tags, length, temperature=1.0, generator=generator)
        else:
            texts = specialists_write(found.pair, tags, languages, length, generator, n)
        theirs = specialists_say(found.pair, texts[:, :-1], languages, n)
        loss = signal_loss(student(texts[:, :-1]), theirs, texts[:, 1:], config.signal, config.text == "own")
        descend(student, optimizer, loss, step, config)
    held_out = held_out_windows(corpus, JUDGED_ON, length)
    gap = score_windows(student.eval(), held_out).gap
    assert gap is not None  # the process of a built corpus is known
    return Distilled(student, gap, apart(student, found.pair, corpus, length), steps.seconds)


@torch.no_grad()
def apart(student: Transformer, pair: tuple[Transformer, Transformer], corpus: Corpus, length: int) -> float:
    """Return the KL from `student` to its specialists on texts that it writes, in nats per token."""
    generator = make_generator(0, "texts to judge a student", held_out=True)
    starts, languages = corpus.batch(JUDGED_ON, 1, generator)
    texts = student.generate(starts[:, :1], length, temperature=1.0, generator=generator)
    theirs = specialists_say(pair, texts[:, :-1], languages, len(corpus.domains))
    return signal_loss(student(texts[:, :-1]), theirs, texts[:, 1:], "reverse", True).item()
