"""Treasure hunts in plain words: told to a reader, read from what a reader types, written by a model.

A reader types six rooms and the star's room, `2 0 1 4 5 3 1` or as a sentence with these numbers in this
order. Whatever else is typed gets a kind answer that says what this model knows, and nothing that is typed
is ever run as code.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from lessons_lib.model import Transformer
from lessons_lib.reasoning.budgets import Budget
from lessons_lib.reasoning.evaluation import prompts_of
from lessons_lib.reasoning.hunts import NAMES, Problem
from lessons_lib.reasoning.sampling import Sampler
from lessons_lib.reasoning.tasks import is_door, is_right, parse

LONGEST = 300  # characters of what is typed
MAX_NEW = 70  # words of an answer
KNOWN = (
    "I am a very small model and know one thing only: treasure hunts. Tell me to which room each of {doors} "
    "doors leads and which room holds the star, as {count} numbers: {example}."
)
EXAMPLE = (2, 0, 1, 4, 5, 3)


class NotAHunt(ValueError):
    """What was typed is no treasure hunt; the message is meant for the one who typed it."""


def tell(problem: Problem) -> str:
    """Return a hunt of one lookup as two sentences."""
    rooms = ", ".join(map(str, problem.links[0]))
    last = problem.doors - 1
    return f"Doors 0 to {last} lead to rooms {rooms}. The star is in room {problem.star}. Which door?"


def understand(text: str, doors: int = 6) -> Problem:
    """Return the hunt that `text` describes; NotAHunt, with a kind explanation, where it is none."""
    text = re.sub(r"(?i)doors? 0 (?:to|-) \d+", " ", text[: LONGEST + 1])
    numbers = [int(digits) for digits in re.findall(r"(?<![\w.])\d{1,3}(?![\w.]*\w)", text)]
    example = " ".join(map(str, (*EXAMPLE[:doors], 1)))
    known = KNOWN.format(doors=doors, count=doors + 1, example=example)
    if len(text) > LONGEST or not numbers:
        raise NotAHunt(f"That is not a hunt I could search. {known}")
    if len(numbers) != doors + 1:
        raise NotAHunt(f"I count {len(numbers)} in that where I need {doors + 1} numbers. {known}")
    *rooms, star = numbers
    if sorted(rooms) != list(range(doors)):
        raise NotAHunt(
            f"Each of the rooms 0 to {doors - 1} needs exactly one door; yours are {rooms}. {known}"
        )
    if star >= doors:
        raise NotAHunt(f"There is no room {star}: they are numbered from 0 to {doors - 1}. {known}")
    return Problem((tuple(rooms),), star)


@dataclass(frozen=True)
class Writer:
    """A model that answers word by word; every answer draws on from `generator`."""

    model: Transformer
    generator: torch.Generator

    def __call__(self, problem: Problem, budget: Budget) -> Iterator[str]:
        prompts = prompts_of([problem])
        sampler = Sampler(self.model, prompts, max_new=MAX_NEW, generator=self.generator, edit=budget.edit)
        for _, new in sampler:
            yield NAMES[int(new)]


def split(words: Sequence[str]) -> tuple[str, str]:
    """Return (thought, rest) of what a model has written so far, without the marks of the form."""
    words = [word for word in words if word not in ("<think>", "<eos>", "<answer>", "</answer>")]
    end = words.index("</think>") if "</think>" in words else len(words)
    return " ".join(words[:end]), " ".join(word for word in words[end:] if word != "</think>")


def verdict(problem: Problem, words: Sequence[str]) -> str:
    """Return what the verifier says: it reads the answer alone, and never the thought."""
    parsed = parse(words)
    if parsed is None or not is_door(problem, parsed.answer):
        return "no answer that could be read"
    if is_right(problem, parsed.answer):
        return "right"
    return f"wrong, it is {problem.answer}"
