"""Treasure hunts: problems whose answer can be checked, and worked traces that search for it.

    d0 r2 d1 r0 d2 r1 r0 x r1 * r2 x ?  <think> d0 r2 cross wait d2 r1 star </think> <answer> d2 ...

Each of a few doors leads to a room, one room holds the star, all of it stands in the prompt. Which door?
Three ideas:
  lookups  a thought is a list of tries, and a try is nothing but lookups in the prompt: door, its room, what
           the room holds; with two lookups the room holds a key, and the key opens a chest;
  traces   half of the corpus's solutions guess at once; the others go on after a cross with a probability,
           and draw each door blindly, but for two shares: no door twice, and d0, d1, d2, ... in order;
  words    a thought is written in either of two languages, which differ in `star`, `cross` and `wait` only.

A problem is held out of training by a hash of the whole of it, stable between processes and machines.
"""

import functools
import hashlib
import itertools
import math
import random
from collections.abc import Iterable
from dataclasses import dataclass

from lessons_lib.arguments import whole_ids
from lessons_lib.config import HuntConfig
from lessons_lib.config.validation import require_types
from lessons_lib.signatures import checked

SPECIALS = ("<pad>", "<eos>", "<think>", "</think>", "<answer>", "</answer>", "<read>")
LANGUAGES = {"english": ("star", "cross", "wait"), "german": ("Stern", "Kreuz", "warte")}
STAR, CROSS, WAIT = range(3)  # places in a language's tuple
MOST_DOORS = 8
KINDS = "drc"  # doors, rooms, and chests where there are two lookups
NAMES = (
    *SPECIALS,
    *("*", "x", "?"),  # what the prompt writes
    *(word for words in LANGUAGES.values() for word in words),
    *(f"{kind}{i}" for kind in KINDS for i in range(MOST_DOORS)),
)
IDS = {name: token for token, name in enumerate(NAMES)}
PAD, EOS, THINK, END_THINK = (IDS[name] for name in SPECIALS[:4])
HELD_OUT_OF = 7  # one problem in so many is held out
FEW = 10_000  # problems that are listed to draw from, instead of drawn one by one


@checked()
def encode(words: Iterable[str]) -> list[int]:
    """Return the ids of words; ValueError names one that is not in the vocabulary."""
    words = list(words)
    for place, word in enumerate(words):
        if word not in IDS:
            raise ValueError(f"{word!r} at place {place} is not among the {len(NAMES)} words of the hunts")
    return [IDS[word] for word in words]


def decode(ids: Iterable[int]) -> list[str]:
    """Return the words of ids (a list or a 1-D tensor)."""
    return [NAMES[i] for i in whole_ids(ids, len(NAMES), "the hunts' vocabulary")]


@dataclass(frozen=True)
class Problem:
    """`links[k][i]` is where place i of kind k leads; `star` is the last kind's place that holds it."""

    links: tuple[tuple[int, ...], ...]
    star: int

    def __post_init__(self) -> None:
        require_types(self)
        places = list(range(self.doors if self.links else 0))
        fits = len(self.links) < len(KINDS) and len(places) <= MOST_DOORS
        fits &= all(type(place) is int for place in (self.star, *itertools.chain(*self.links)))
        if not fits or self.star not in places or any(sorted(link) != places for link in self.links):
            raise ValueError(f"1 or 2 links, orders of at most 8 places, a star at one: not {self!r:.99}")

    @property
    def doors(self) -> int:
        return len(self.links[0])

    def places(self, door: int) -> list[int]:
        """Return the numbers of the places met from `door` on, itself first."""
        if not isinstance(door, int) or door not in range(self.doors):
            raise ValueError(f"there is no door {door!r:.20} among {self.doors}, which count from 0")
        return list(itertools.accumulate(self.links, lambda place, link: link[place], initial=door))

    def path(self, door: int) -> list[str]:
        """Return the names met from `door` on, itself first: `["d3", "r1"]`."""
        return [f"{kind}{place}" for kind, place in zip(KINDS, self.places(door), strict=False)]

    def holds_star(self, door: int) -> bool:
        return self.places(door)[-1] == self.star

    @property
    def answer(self) -> str:
        """The one door that leads to the star."""
        return next(f"d{door}" for door in range(self.doors) if self.holds_star(door))

    @property
    def prompt(self) -> list[str]:
        """Every place with what it leads to, in order, then every end with what it holds."""
        words = []
        for (kind, next_kind), link in zip(zip(KINDS, KINDS[1:], strict=False), self.links, strict=False):
            words += [w for i, j in enumerate(link) for w in (f"{kind}{i}", f"{next_kind}{j}")]
        last = KINDS[len(self.links)]
        words += [w for i in range(self.doors) for w in (f"{last}{i}", "*" if i == self.star else "x")]
        return [*words, "?"]

    @property
    def is_held_out(self) -> bool:
        """Is this problem kept out of all training? Decided by a hash of the whole problem."""
        digest = hashlib.sha256(repr((self.links, self.star)).encode()).digest()
        return int.from_bytes(digest[:4], "big") % HELD_OUT_OF == 0


@functools.cache
def every_problem(doors: int, lookups: int, held_out: bool) -> list[Problem]:
    """Return all problems of a size on one side of the split."""
    orders = list(itertools.permutations(range(doors)))
    pairs = itertools.product(itertools.product(orders, repeat=lookups), range(doors))
    problems = (Problem(links, star) for links, star in pairs)
    return [problem for problem in problems if problem.is_held_out == held_out]


class Hunts:
    """Problems and traces as `config` describes them; all randomness comes from the `rng` given."""

    @checked()
    def __init__(self, config: HuntConfig) -> None:
        self.config = config

    @checked()
    def problem(self, rng: random.Random, *, held_out: bool = False) -> Problem:
        """Draw a problem of the training side, or of the side that is held out."""
        doors, lookups = self.config.doors, self.config.lookups
        while True:
            links = tuple(tuple(rng.sample(range(doors), doors)) for _ in range(lookups))
            problem = Problem(links, rng.randrange(doors))
            if problem.is_held_out == held_out:
                return problem

    @checked(count="0..")
    def problems(self, count: int, seed: int, *, held_out: bool = True) -> list[Problem]:
        """Return `count` problems, decided by `seed` alone; where few exist, none comes twice before all."""
        rng = random.Random(f"problems {seed} {held_out}")
        if math.factorial(self.config.doors) ** self.config.lookups * self.config.doors > FEW:
            return [self.problem(rng, held_out=held_out) for _ in range(count)]
        every = every_problem(self.config.doors, self.config.lookups, held_out)
        rounds = [rng.sample(every, len(every)) for _ in range(-(-count // len(every)))]
        return [problem for drawn in rounds for problem in drawn][:count]

    @checked()
    def solution(self, problem: Problem, rng: random.Random) -> list[str]:
        """Write a worked trace for `problem` as the corpus does: a blind guess, or a search."""
        config = self.config
        door, thought = rng.randrange(problem.doors), []
        if rng.random() >= config.direct:
            say = self._speaker(rng)
            kind = rng.random()
            systematic, ordered = kind < config.systematic, 0 <= kind - config.systematic < config.ordered
            tried: set[int] = set()
            for n in range(config.max_tries):
                door = n % problem.doors if ordered else door
                tried.add(door)
                hit = problem.holds_star(door)
                thought += [*problem.path(door), say(STAR if hit else CROSS)]
                if hit or n + 1 == config.max_tries or rng.random() >= config.go_on:
                    break
                thought.append(say(WAIT))
                left = [d for d in range(problem.doors) if not systematic or d not in tried]
                door = rng.choice(left or range(problem.doors))
        return ["<think>", *thought, "</think>", "<answer>", f"d{door}", "</answer>", "<eos>"]

    @checked()
    def practice(self, problem: Problem, rng: random.Random) -> list[str]:
        """Write reading practice: blindly drawn doors, each read to its end, and no search."""
        say, words = self._speaker(rng), []
        for _ in range(self.config.practice_reads):
            door = rng.randrange(problem.doors)
            words += [*problem.path(door), say(STAR if problem.holds_star(door) else CROSS)]
        return [*words, "<eos>"]

    @checked()
    def example(self, rng: random.Random) -> tuple[list[str], list[str]]:
        """Return (prompt, what follows) of one line; where it is practice, `<read>` takes the `?`'s place."""
        problem = self.problem(rng)
        if rng.random() < self.config.practice:
            return [*problem.prompt[:-1], "<read>"], self.practice(problem, rng)
        return problem.prompt, self.solution(problem, rng)

    def _speaker(self, rng: random.Random):
        """Return a function from a place in a language's tuple to a word, for one thought."""
        config, draw = self.config, rng.random()
        if draw < config.mixed:
            return lambda place: rng.choice(list(LANGUAGES.values()))[place]
        german = draw < config.mixed + (1 - config.mixed) * config.german
        words = LANGUAGES["german" if german else "english"]
        return lambda place: words[place]
