"""Check of language consistency: the wanted language's share of a thought's language words, by counting.

In every case there is a thought in one language, in the other, in both, one that says a word twice, and
one that has no language words at all.
"""

import random
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception

LANGUAGES = (("star", "cross", "wait"), ("Stern", "Kreuz", "warte"), ("astro", "cruz", "espera"))
Words = tuple[str, ...]


def _draw(rng: random.Random) -> dict[str, Any]:
    wanted, other = rng.sample(LANGUAGES, 2)

    def thought(n_wanted: int, n_other: int) -> str:
        """Two names to each language word, as in a search; names are words of no language."""
        said = [rng.choice(wanted) for _ in range(n_wanted)] + [rng.choice(other) for _ in range(n_other)]
        rng.shuffle(said)
        return " ".join(f"d{rng.randrange(8)} r{rng.randrange(8)} {word}" for word in said)

    twice, once = rng.choice(wanted), rng.choice(other)
    texts = [
        thought(rng.randint(1, 3), 0),
        thought(0, rng.randint(1, 2)),
        thought(2, 1),
        thought(1, rng.randint(2, 3)),
        f"d1 r3 {twice} d{rng.randrange(8)} r2 {twice} d4 r0 {once}",
        f"d{rng.randrange(8)} r{rng.randrange(8)} d{rng.randrange(8)}",
    ]
    rng.shuffle(texts)
    return {"thoughts": tuple(texts), "wanted": wanted, "other": other}


def _each(rule: Callable[[int, int, int], float], count: Callable = list) -> Callable[..., Tensor]:
    """Return what applies `rule(wanted words, other words, all words)` to each thought."""

    def share(thoughts: tuple[str, ...], wanted: Words, other: Words) -> Tensor:
        shares = []
        for text in thoughts:
            words = count(text.split())
            ours, theirs = (sum(word in language for word in words) for language in (wanted, other))
            shares.append(float(rule(ours, theirs, len(words))))
        return torch.tensor(shares, dtype=torch.float64)

    return share


def _share(ours: int, theirs: int, n: int) -> float:
    return ours / (ours + theirs) if ours + theirs else 1.0


LANGUAGE_REWARD = Exercise(
    "language_reward",
    _draw,
    _each(_share),
    (
        Misconception(
            "a share of all words",
            "Names of doors and rooms belong to no language, and yet they lower your share (or raise it). A "
            "model that earns by this would look behind fewer doors.",
            (
                _each(lambda ours, theirs, n: ours / n),
                _each(lambda ours, theirs, n: ours / n if ours + theirs else 1),
                _each(lambda ours, theirs, n: 1 - theirs / n),
            ),
        ),
        Misconception(
            "nothing said is a fault",
            "A thought without a language word has mixed nothing, and should lose nothing for it.",
            (
                _each(lambda ours, theirs, n: ours / max(1, ours + theirs)),
                _each(lambda ours, theirs, n: ours / (ours + theirs) if ours + theirs else float("nan")),
                _each(lambda ours, theirs, n: ours / (ours + theirs) if ours + theirs else 0.5),
            ),
        ),
        Misconception(
            "all or nothing",
            "Yours knows only 0 and 1. A model that mixes a little should already earn more than one that "
            "mixes much.",
            (
                _each(lambda ours, theirs, n: theirs == 0),
                _each(lambda ours, theirs, n: ours > theirs or theirs == 0),
            ),
        ),
        Misconception(
            "the other language rewarded",
            "A thought all in the wanted language should earn the most. What does yours give it?",
            (
                _each(lambda ours, theirs, n: theirs / (ours + theirs) if ours + theirs else 1),
                _each(lambda ours, theirs, n: theirs / max(1, ours + theirs)),
            ),
        ),
        Misconception(
            "each word counted once",
            "A word that is said twice is two words. Yours counts which words occur, not how often.",
            (_each(_share, set),),
        ),
        Misconception(
            "counted, not shared",
            "Your reward grows with every word of the language, so the longest thought would earn most. A "
            "share is at most 1.",
            (
                _each(lambda ours, theirs, n: ours),
                _each(lambda ours, theirs, n: ours - theirs),
                _each(lambda ours, theirs, n: ours if ours + theirs else 1),
            ),
        ),
    ),
    lesson="16",
    edges={
        "one thought": lambda c: {"thoughts": c["thoughts"][:1]},
        "one word": lambda c: {"thoughts": (c["wanted"][0], c["other"][0], "d0")},
        "a word inside another": lambda c: {
            "thoughts": (f"{c['wanted'][0]}let d0 {c['wanted'][1]} {c['other'][0]}",)
        },
        "names alone": lambda c: {"thoughts": ("d0 r1", "r2")},
        "the other way round": lambda c: {"wanted": c["other"], "other": c["wanted"]},
        "a long thought": lambda c: {"thoughts": (" ".join(c["thoughts"] * 20),)},
    },
    show={name: repr for name in ("thoughts", "wanted", "other")},
)
