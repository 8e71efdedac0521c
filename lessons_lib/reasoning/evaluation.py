"""How often a model is right and how long it writes: counted on held-out problems.

pass@k is the chance that at least one of k samples is right, estimated without bias from n samples of which
c are right: 1 - C(n - c, k) / C(n, k) (Chen et al., arXiv:2107.03374).

What the answers' thoughts did is counted afterwards, in `behaviour.py`: a run that is judged here does not
depend on how that is counted.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import comb

import torch

from lessons_lib.config import HuntConfig
from lessons_lib.model import Transformer
from lessons_lib.reasoning.hunts import Hunts, Problem, decode, encode
from lessons_lib.reasoning.sampling import Edit, Rollout, sample
from lessons_lib.reasoning.tasks import Earned, verify
from lessons_lib.runs.randomness import make_generator
from lessons_lib.signatures import checked


@dataclass(frozen=True, eq=False)
class Examination:
    """Samples judged; `right` is (problems, samples) of 0 and 1, as lists."""

    right: list[list[int]] = field(repr=False)
    length: float  # mean tokens of an answer, <eos> included
    format: float  # share in the right form
    thinks: float  # share with a thought that is not empty
    language: float  # mean share of the wanted language
    entropy: float  # nats per token
    problems: list[Problem] = field(repr=False)
    answers: list[str] = field(repr=False)  # every sample as text, groups in order
    lengths: list[int] = field(repr=False)  # of every sample

    @property
    def accuracy(self) -> float:
        """pass@1: the share of right answers."""
        return sum(map(sum, self.right)) / sum(map(len, self.right))

    @property
    def responses(self) -> list[str]:
        """The first answer to each problem."""
        return self.answers[:: len(self.answers) // len(self.problems)]

    @checked(k="1..")
    def pass_at(self, k: int) -> float:
        """Return pass@k, estimated without bias from the samples of each problem."""
        return sum(chance_of_right(len(row), sum(row), k) for row in self.right) / len(self.right)


@checked(n="1..", c="0..", k="1..")
def chance_of_right(n: int, c: int, k: int) -> float:
    """Return the chance that k of n samples, c of them right, hold a right one."""
    if k > n or c > n:
        raise ValueError(f"pass@k needs k <= n and c <= n samples, got k={k}, c={c}, n={n}")
    return 1 - comb(n - c, k) / comb(n, k)


@checked(problems="1..")
def prompts_of(problems: Sequence[Problem]) -> torch.Tensor:
    """Return the prompts of problems of one kind, (problems, P) int64."""
    sizes = sorted({(problem.doors, len(problem.links)) for problem in problems})
    if len(sizes) > 1:
        raise ValueError(f"problems must be of one kind, got (doors, lookups) {', '.join(map(str, sizes))}")
    return torch.tensor([encode(problem.prompt) for problem in problems])


@checked(problems="1..", samples="1..", at_once="1..")
def rollouts(
    model: Transformer, problems: Sequence[Problem], samples: int, at_once: int, **settings
) -> Iterator[tuple[Sequence[Problem], Rollout]]:
    """Let `model` answer problems of one kind, `at_once` at a time; settings are those of `Sampler`."""
    for start in range(0, len(problems), at_once):
        some = problems[start : start + at_once]
        yield some, sample(model, prompts_of(some), samples, **settings)


@checked(problems="1..", rows="1..")
def verify_rows(problems: Sequence[Problem], rows: list[list[int]], wanted: str) -> list[Earned]:
    """Judge every row; as many neighbouring rows belong to each problem."""
    if len(rows) % len(problems):
        raise ValueError(f"{len(rows)} rows are not equally many for each of {len(problems)} problems")
    group = len(rows) // len(problems)
    return [verify(problems[i // group], decode(row), wanted) for i, row in enumerate(rows)]


@checked(n_problems="1..", samples="1..", max_new="1..", temperature="0..", at_once="1..")
def examine(
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
) -> Examination:
    """Judge `samples` answers to each of `n_problems` held-out problems, `at_once` problems at a time."""
    problems = Hunts(hunt).problems(n_problems, seed)
    generator = make_generator(seed, "evaluation", held_out=True)
    verdicts, answers, lengths, nats = [], [], [], 0.0
    settings = dict(max_new=max_new, temperature=temperature, generator=generator, edit=edit)
    for some, rollout in rollouts(model, problems, samples, at_once, **settings):
        rows = rollout.rows()
        verdicts += verify_rows(some, rows, wanted)
        lengths += rollout.lengths.tolist()
        nats += rollout.entropies.sum().item()
        answers += [" ".join(decode(row)) for row in rows]
    right = [int(verdict.accuracy) for verdict in verdicts]
    n = len(verdicts)
    return Examination(
        [right[i : i + samples] for i in range(0, n, samples)],
        length=sum(lengths) / n,
        format=sum(v.format for v in verdicts) / n,
        thinks=sum(v.thinks for v in verdicts) / n,
        language=sum(v.language for v in verdicts) / n,
        entropy=nats / sum(lengths),
        problems=problems,
        answers=answers,
        lengths=lengths,
    )
