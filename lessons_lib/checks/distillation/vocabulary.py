"""Check of a trace handed from a teacher to a student with another vocabulary, word by word.

Both know equally many words, `<unk>` among them, in different orders; each knows a few that the other does
not, and every trace has at least one that the student does not know.
"""

import random
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception

COMMON = ("<eos>", "<think>", "</think>", "<answer>", "</answer>", "star", "cross", "wait", "d0", "d1", "r0")
TEACHERS, STUDENTS = ("Stern", "Kreuz", "warte"), ("astro", "cruz", "espera")
UNKNOWN = "<unk>"
Names = tuple[str, ...]


def _draw(rng: random.Random) -> dict[str, Any]:
    known, n_foreign = rng.sample(COMMON, rng.randint(5, 8)), rng.randint(1, 2)
    foreign = rng.sample(TEACHERS, n_foreign)
    teacher = _mixed(rng, [*known, *foreign])
    while (student := _mixed(rng, [*known, *rng.sample(STUDENTS, n_foreign)])) == teacher:
        pass
    words = [
        *rng.sample(known, 4),
        *(rng.choice(known) for _ in range(rng.randint(1, 4))),
        rng.choice(foreign),
    ]
    rng.shuffle(words)
    ids = torch.tensor([teacher.index(word) for word in words])
    return {"ids": ids, "teacher": teacher, "student": student}


def _mixed(rng: random.Random, words: list[str]) -> Names:
    """Return the words and <unk> in any order, <unk> neither first nor last."""
    rng.shuffle(words)
    words.insert(rng.randint(1, len(words) - 1), UNKNOWN)
    return tuple(words)


def _by_words(unknown: Callable[[int, Names, Names], int | None]) -> Callable[..., Tensor]:
    """Return a translation by words; `unknown(id, teacher, student)` is asked where a word is missing."""

    def translate(ids: Tensor, teacher: Names, student: Names) -> Tensor:
        found = []
        for token in ids.tolist():
            word = teacher[token]
            found.append(student.index(word) if word in student else unknown(token, teacher, student))
        return torch.tensor([token for token in found if token is not None])

    return translate


def _backwards(unknown_of: Callable[[Names, Names], Names]) -> Callable[..., Tensor]:
    """Read the teacher's ids with the student's list and look the words up in the teacher's."""

    def translate(ids: Tensor, teacher: Names, student: Names) -> Tensor:
        other = unknown_of(teacher, student).index(UNKNOWN)
        words = [student[token] for token in ids.tolist()]
        return torch.tensor([teacher.index(word) if word in teacher else other for word in words])

    return translate


TRANSLATE = Exercise(
    "translate",
    _draw,
    _by_words(lambda token, teacher, student: student.index(UNKNOWN)),
    (
        Misconception(
            "the teacher's ids",
            "You hand on the teacher's numbers. To this student they name other words: it would learn "
            "nonsense, and the loss would still fall.",
            (lambda ids, teacher, student: ids,),
        ),
        Misconception(
            "translated backwards",
            "Who reads, and who writes? Yours takes the teacher's numbers for the student's.",
            (
                _backwards(lambda teacher, student: teacher),
                _backwards(lambda teacher, student: student),
            ),
        ),
        Misconception(
            "unknown words dropped",
            "Your trace is shorter than the teacher's wherever the student does not know a word. The reader "
            "should see that something stood there.",
            (_by_words(lambda token, teacher, student: None),),
        ),
        Misconception(
            "another word for an unknown one",
            "Where the student does not know a word, you let it read one that it knows and that was never "
            "written. How does its vocabulary say that it knows no better?",
            (
                _by_words(lambda token, teacher, student: 0),
                _by_words(lambda token, teacher, student: token),
                _by_words(lambda token, teacher, student: len(student) - 1),
                _by_words(lambda token, teacher, student: teacher.index(UNKNOWN)),
            ),
        ),
        Misconception(
            "no id at all",
            "For a word that it does not know the student gets a number that is nobody's: it would crash, or "
            "read whatever stands last.",
            (
                _by_words(lambda token, teacher, student: -1),
                _by_words(lambda token, teacher, student: len(student)),
            ),
        ),
    ),
    lesson="16",
    edges={
        "one word": lambda c: {"ids": c["ids"][:1]},
        "all words": lambda c: {"ids": torch.arange(len(c["teacher"]))},
        "the same vocabulary": lambda c: {"student": c["teacher"]},
        "nothing known": lambda c: {"student": ("<unk>", "x", "y")},
        "one word again and again": lambda c: {"ids": c["ids"][:1].repeat(5)},
    },
    show={"teacher": repr, "student": repr},
)
