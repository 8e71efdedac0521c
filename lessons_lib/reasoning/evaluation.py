"""How often a model is right, how long it writes, and how it searches: counted on held-out problems.

pass@k is the chance that at least one of k samples is right, estimated without bias from n samples of which
c are right: 1 - C(n - c, k) / C(n, k) (Chen et al., arXiv:2107.03374).

What a thought does is counted as well. A *try* names a door and reads on from it, and after a `wait` comes
the next. No line of the corpus does otherwise, so tries that begin without a door, or without a `wait`, are
counted apart.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from math import comb

import torch

from lessons_lib.config import HuntConfig
from lessons_lib.model import Transformer
from lessons_lib.reasoning.hunts import CROSS, LANGUAGES, STAR, WAIT, Hunts, Problem, decode, encode
from lessons_lib.reasoning.sampling import Edit, Rollout, sample
from lessons_lib.reasoning.tasks import Verdict, is_door, judge
from lessons_lib.runs.randomness import make_generator

WORDS = {place: {words[place] for words in LANGUAGES.values()} for place in (STAR, CROSS, WAIT)}
ENDS = WORDS[STAR] | WORDS[CROSS] | WORDS[WAIT]  # of a try


@dataclass
class Behaviour:
    """What one thought did, or the sums over many."""

    thoughts: int = 0  # that are not empty
    tries: int = 0
    waitless: int = 0  # tries, but for a thought's first, that begin without a `wait`
    read_right: int = 0  # tries whose every name and content is true
    repeats: int = 0  # tries of a door that the thought has tried already
    hits: int = 0  # tries that end with the star, as the thought itself says
    stops_after_hit: int = 0
    misses: int = 0
    stops_after_miss: int = 0
    doorless: int = 0  # thoughts in which a try begins with another name than a door's

    def __add__(self, other: "Behaviour") -> "Behaviour":
        return Behaviour(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def share(self, part: str, whole: str) -> float:
        """Return one count over another; nan where the other is 0."""
        return getattr(self, part) / getattr(self, whole) if getattr(self, whole) else float("nan")


def watch(problem: Problem, thought: Sequence[str]) -> Behaviour:
    """Count what one thought did."""
    tries, waited = tries_of(thought)
    if not tries:
        return Behaviour(thoughts=int(bool(thought)))
    found = Behaviour(thoughts=1, tries=len(tries), waitless=len(tries) - 1 - waited)
    seen: set[str] = set()
    for n, words in enumerate(tries):
        is_last = n + 1 == len(tries)
        said_star = words[-1] in WORDS[STAR]
        found.hits += said_star
        found.stops_after_hit += said_star and is_last
        found.misses += not said_star
        found.stops_after_miss += not said_star and is_last
        door = words[0]
        if not is_door(problem, [door]):
            found.doorless = 1
            continue
        found.repeats += door in seen
        seen.add(door)
        content = WORDS[STAR if problem.holds_star(int(door[1:])) else CROSS]
        found.read_right += words[:-1] == problem.path(int(door[1:])) and words[-1] in content
    return found


def tries_of(thought: Sequence[str]) -> tuple[list[list[str]], int]:
    """Cut a thought where it waits and behind every star or cross; return the tries and how many waited."""
    tries: list[list[str]] = [[]]
    waited, wait = 0, False
    for word in thought:
        if word in WORDS[WAIT]:
            wait = True
        elif not tries[-1]:
            waited += wait and len(tries) > 1
            wait = False
        if word not in WORDS[WAIT]:
            tries[-1].append(word)
        if tries[-1] and word in ENDS:
            tries.append([])
    return tries[:-1] if not tries[-1] else tries, waited


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Samples judged; `right` is (problems, samples) of 0 and 1, as lists."""

    right: list[list[int]] = field(repr=False)
    length: float  # mean tokens of an answer, <eos> included
    format: float  # share in the right form
    thinks: float  # share with a thought that is not empty
    language: float  # mean share of the wanted language
    entropy: float  # nats per token
    behaviour: Behaviour = field(repr=False)
    responses: list[str] = field(repr=False)  # the first sample of each problem, as text
    lengths: list[int] = field(repr=False)  # of every sample, groups in order

    @property
    def accuracy(self) -> float:
        """pass@1: the share of right answers."""
        return sum(map(sum, self.right)) / sum(map(len, self.right))

    def pass_at(self, k: int) -> float:
        """Return pass@k, estimated without bias from the samples of each problem."""
        return sum(pass_at_k(len(row), sum(row), k) for row in self.right) / len(self.right)


def pass_at_k(n: int, c: int, k: int) -> float:
    """Return the chance that k of n samples, c of them right, hold a right one."""
    if not 1 <= k <= n:
        raise ValueError(f"pass@k needs 1 <= k <= n samples, got k={k}, n={n}")
    return 1 - comb(n - c, k) / comb(n, k)


def prompts_of(problems: Sequence[Problem]) -> torch.Tensor:
    """Return the prompts of problems of one kind, (problems, P) int64."""
    return torch.tensor([encode(problem.prompt) for problem in problems])


def rollouts(
    model: Transformer, problems: Sequence[Problem], samples: int, at_once: int, **settings
) -> Iterator[tuple[Sequence[Problem], Rollout]]:
    """Let `model` answer problems of one kind, `at_once` at a time; settings are those of `Sampler`."""
    for start in range(0, len(problems), at_once):
        some = problems[start : start + at_once]
        yield some, sample(model, prompts_of(some), samples, **settings)


def judge_rows(problems: Sequence[Problem], rows: list[list[int]], wanted: str) -> list[Verdict]:
    """Judge every row; as many neighbouring rows belong to each problem."""
    group = len(rows) // len(problems)
    return [judge(problems[i // group], decode(row), wanted) for i, row in enumerate(rows)]


def evaluate(
    model: Transformer,
    hunt: HuntConfig,
    n_problems: int = 512,
    samples: int = 8,
    *,
    seed: int = 0,
    max_new: int = 60,
    temperature: float = 1.0,
    edit: Edit | None = None,
    wanted: str = "english",
    at_once: int = 64,
) -> Evaluation:
    """Judge `samples` answers to each of `n_problems` held-out problems, `at_once` problems at a time."""
    problems = Hunts(hunt).problems(n_problems, seed)
    generator = make_generator(seed, "evaluation", held_out=True)
    verdicts, behaviour, responses, lengths, nats = [], Behaviour(), [], [], 0.0
    settings = dict(max_new=max_new, temperature=temperature, generator=generator, edit=edit)
    for some, rollout in rollouts(model, problems, samples, at_once, **settings):
        rows = rollout.rows()
        verdicts += judge_rows(some, rows, wanted)
        lengths += rollout.lengths.tolist()
        nats += rollout.entropies.sum().item()
        words = [decode(row) for row in rows]
        behaviour = sum((watch(some[i // samples], thought_of(w)) for i, w in enumerate(words)), behaviour)
        responses += [" ".join(w) for w in words[::samples]]
    right = [int(verdict.accuracy) for verdict in verdicts]
    n = len(verdicts)
    return Evaluation(
        [right[i : i + samples] for i in range(0, n, samples)],
        length=sum(lengths) / n,
        format=sum(v.format for v in verdicts) / n,
        thinks=sum(v.thinks for v in verdicts) / n,
        language=sum(v.language for v in verdicts) / n,
        entropy=nats / sum(lengths),
        behaviour=behaviour,
        responses=responses,
        lengths=lengths,
    )


def thought_of(words: Sequence[str]) -> list[str]:
    """Return what stands between `<think>` and the first `</think>`, or up to the end."""
    end = words.index("</think>") if "</think>" in words else len(words)
    return list(words[1:end])
