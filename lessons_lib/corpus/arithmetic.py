"""Sums of one-digit numbers with the work shown: the problem, the thinking, the answer.

    3+5+9=<think>3+5=8;8+9=17;</think><answer>17</answer><eos>

The problem is random, the rest follows. A longer problem takes more thinking, so solutions differ in
length: the first domain in which a model spends tokens in order to get an answer right.
"""

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from lessons_lib.signatures import checked

from .items import GAP, ItemDomain
from .process import Odds, Script, certain, literal, surprise, uniform
from .tokenizer import DIGITS, Vocabulary, split


class Arithmetic(ItemDomain):
    """Sums of two up to `addends` digits below `base`; how many is drawn first, all equally likely."""

    @checked()
    def __init__(self, vocabulary: Vocabulary, name: str, tag: str, addends: int, base: int = 10) -> None:
        if not (2 <= addends <= 4 and 1 <= base <= 10):
            raise ValueError(
                f"addends={addends} must be 2 to 4 and base={base} 1 to 10: "
                "all problems are written out once, and more would not fit"
            )
        self.name, self.tag = name, tag
        self.addends, self.digits = addends, DIGITS[:base]
        by_size = [
            [vocabulary.encode(write(p)) for p in itertools.product(self.digits, repeat=count)]
            for count in range(2, addends + 1)
        ]
        self._length_odds: dict[int, float] = {}
        for problems in by_size:
            for tokens in problems:
                odds = self._length_odds.get(len(tokens), 0.0)
                self._length_odds[len(tokens)] = odds + 1 / (len(problems) * len(by_size))
        width = max(self._length_odds)
        self.written_out = torch.tensor(
            [tokens + [GAP] * (width - len(tokens)) for problems in by_size for tokens in problems]
        )
        self.sizes = torch.tensor([len(problems) for problems in by_size])
        self.offsets = self.sizes.cumsum(0) - self.sizes  # where the problems of each size begin

    def item(self) -> Script:
        problem: list[str] = []
        sign = "+"
        while sign == "+":
            problem.append((yield uniform(self.digits)))
            sign = yield self.sign_odds(len(problem))
        yield from literal(split(solution(problem)))

    def sign_odds(self, digits: int) -> Odds:
        """Return the odds of what follows when so many digits stand there: more, or the end."""
        if digits == 1:
            return certain("+")
        if digits == self.addends:
            return certain("=")
        end = 1 / (self.addends - digits + 1)  # one of the sizes that are still possible
        return {"=": end, "+": 1 - end}

    def sample_items(self, count: int, generator: torch.Generator) -> Tensor:
        size = torch.randint(len(self.sizes), (count,), generator=generator)
        # the largest size is a multiple of the others, so the remainder is uniform too
        ticket = torch.randint(int(self.sizes[-1]), (count,), generator=generator)
        return self.written_out[self.offsets[size] + ticket % self.sizes[size]]

    def surprise(self) -> list[float]:
        nats, reached = [], 1.0  # reached: the probability that the problem gets this far
        for digits in range(1, self.addends + 1):
            odds = self.sign_odds(digits)
            nats += [reached * math.log(len(self.digits)), reached * surprise(odds)]
            reached *= odds.get("+", 0.0)
        return nats

    def length_odds(self) -> dict[int, float]:
        return self._length_odds


@checked(problem="1..")
def solution(problem: str | Sequence[str]) -> str:
    """Return what follows the equals sign: one addition a step, then the answer."""
    steps, total = [], int(problem[0])
    for digit in problem[1:]:
        steps.append(f"{total}+{digit}={total + int(digit)};")
        total += int(digit)
    return f"<think>{''.join(steps)}</think><answer>{total}</answer><eos>"


@checked(problem="1..")
def write(problem: str | Sequence[str]) -> str:
    """Return a whole item: the problem and its solution."""
    return "+".join(problem) + "=" + solution(problem)
