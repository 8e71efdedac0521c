"""Check of rejection sampling: which answers become traces to learn from, one after the other by a loop.

Every case has an answer that is refused for one reason alone, for each reason there is, beside one that
is kept; the kept one's text once more, for the same problem and for another; and a second text for it.
"""

import random
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception

ENGLISH, GERMAN = ("star", "cross", "wait"), ("Stern", "Kreuz", "warte")


def _text(rng: random.Random, door: str, said: str, words: tuple[str, ...] = ENGLISH) -> str:
    """Write a thought that misses once and ends at `door`, and the answer `said`."""
    star, cross, wait = words
    missed = rng.choice([f"d{i}" for i in range(10) if f"d{i}" != door])
    first, second = rng.sample(range(10), 2)
    tries = f"{missed} r{first} {cross} {wait} {door} r{second} {star}"
    return f"<think> {tries} </think> <answer> {said} </answer> <eos>"


def _draw(rng: random.Random) -> dict[str, Any]:
    doors = [f"d{i}" for i in rng.sample(range(10), 5)]
    right = (doors[0], doors[0], doors[1], doors[2])  # the first two problems have the same answer
    one, other = right[0], doors[4]
    good = _text(rng, one, one)
    mixed = ENGLISH[:2] + GERMAN[2:] if rng.random() < 0.5 else GERMAN[:2] + ENGLISH[2:]
    rows = [
        (0, good),
        (0, good),  # a duplicate
        (1, good),  # none: it answers another problem
        (0, f"<think> {one} r{rng.randrange(10)} star </think> <answer> {one} </answer> <eos>"),
        (2, _text(rng, right[2], right[2])),
        (3, _text(rng, right[3], right[3])),  # this problem is held out
        (0, _text(rng, one, other)),  # wrong, though the thought is right
        (0, _text(rng, one, one, GERMAN)),
        (1, _text(rng, one, one, mixed)),
        (2, _text(rng, right[2], right[2]).removesuffix(" <eos>")),
        (1, f"<think> </think> <answer> {one} </answer> <eos>"),
    ]
    rng.shuffle(rows)
    numbers = rng.sample(range(4), 4)  # so that the last problem is not always the held-out one
    by_number = sorted(zip(numbers, right, strict=True))
    return {
        "problems": tuple(numbers[problem] for problem, _ in rows),
        "texts": tuple(text for _, text in rows),
        "right": tuple(door for _, door in by_number),
        "held_out": (numbers[3],),
    }


def _ends(case: dict[str, Any], end: str, thought: str = "{0} r1 star") -> tuple[str, ...]:
    """Return a text for each problem that ends so, with its right door in place of {0}."""
    doors = (case["right"][problem] for problem in case["problems"])
    return tuple(f"<think> {thought} </think> {end}".format(door) for door in doors)


def _keep(
    *,
    answer: bool = True,
    form: bool = True,
    thought: bool = True,
    language: Callable[[list[str]], bool] = lambda words: set(words).isdisjoint(GERMAN),
    once: Callable[[int, str], Any] | None = lambda problem, text: (problem, text),
    training: bool = True,
) -> Callable[..., Tensor]:
    """Return rejection sampling with one of its conditions (or none) left out or changed."""

    def keep(
        problems: tuple[int, ...], texts: tuple[str, ...], right: tuple[str, ...], held_out: tuple[int, ...]
    ) -> Tensor:
        seen, kept = set(), []
        for problem, text in zip(problems, texts, strict=True):
            words = text.split()
            given = words[words.index("<answer>") + 1 : words.index("</answer>")]
            fine = (
                (not answer or given == [right[problem]])
                and (not form or words[-2:] == ["</answer>", "<eos>"])
                and (not thought or words[1] != "</think>")
                and language(words)
                and (not training or problem not in held_out)
            )
            key = once(problem, text) if once else None
            kept.append(int(fine and (once is None or key not in seen)))
            if fine:
                seen.add(key)
        return torch.tensor(kept)

    return keep


def _not_mixed(words: list[str]) -> bool:
    return not (any(word in GERMAN for word in words) and any(word in ENGLISH for word in words))


ACCEPTED = Exercise(
    "accepted",
    _draw,
    _keep(),
    (
        Misconception(
            "the rejected are distilled",
            "You keep traces whose answer is wrong. Who learns from them learns to be wrong in good form.",
            (_keep(answer=False),),
        ),
        Misconception(
            "duplicates kept",
            "One text stands twice among the traces of a problem. Easy problems, answered alike again and "
            "again, would soon be most of what is learned.",
            (_keep(once=None),),
        ),
        Misconception(
            "same text, other problem",
            "You drop a text because another problem has the same one. A trace is a problem and a text: this "
            "one teaches something else there.",
            (_keep(once=lambda problem, text: text),),
        ),
        Misconception(
            "one trace for each problem",
            "Once a problem has a trace, yours takes no second one, though its text may be a different one.",
            (_keep(once=lambda problem, text: problem),),
        ),
        Misconception(
            "held-out problems learned",
            "Yours hands out traces of problems that are meant for the examination. What would a score on "
            "them be worth afterwards?",
            (_keep(training=False),),
        ),
        Misconception(
            "languages mixed",
            "Some thought that you keep is not written in English, or not all of it.",
            (_keep(language=lambda words: True), _keep(language=_not_mixed)),
        ),
        Misconception(
            "an unfinished text kept",
            "You keep a text that was cut off. A student of it would never learn where to stop.",
            (_keep(form=False),),
        ),
        Misconception(
            "guesses kept",
            "A lucky guess is right, too. What would it teach somebody who is to learn to think?",
            (_keep(thought=False),),
        ),
    ),
    lesson="16",
    edges={
        "nothing is held out": lambda c: {"held_out": ()},
        "everything is held out": lambda c: {"held_out": tuple(range(len(c["right"])))},
        "one text": lambda c: {n: c[n][:1] for n in ("problems", "texts")},
        "the right door stands elsewhere": lambda c: {"texts": _ends(c, "{0} <answer> d99 </answer> <eos>")},
        "two doors in the answer": lambda c: {"texts": _ends(c, "<answer> {0} d99 </answer> <eos>")},
        "more behind the answer": lambda c: {"texts": _ends(c, "<answer> {0} </answer> {0} <eos>")},
        "a thought of one word": lambda c: {
            "texts": _ends(c, "<answer> {0} </answer> <eos>", thought="star")
        },
        "another last word": lambda c: {"texts": _ends(c, "<answer> {0} </answer> end")},
        "always the same text": lambda c: {n: c[n][:1] * 4 for n in ("problems", "texts")},
        "every text twice": lambda c: {n: c[n] * 2 for n in ("problems", "texts")},
    },
    show={name: repr for name in ("problems", "texts", "right", "held_out")},
)
