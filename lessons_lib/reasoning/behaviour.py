"""What thoughts did: how many tries, read right or not, repeated, stopped or given up; counted, not judged.

A *try* names a door and reads on from it, and after a `wait` comes the next. No line of the corpus does
otherwise, so tries that begin without a door, or without a `wait`, are counted apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from lessons_lib.arguments import choice
from lessons_lib.reasoning.evaluation import Examination
from lessons_lib.reasoning.hunts import CROSS, LANGUAGES, STAR, WAIT, Problem
from lessons_lib.reasoning.tasks import is_door
from lessons_lib.signatures import checked

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

    @checked()
    def share(self, part: str, whole: str) -> float:
        """Return one count over another; nan where the other is 0."""
        choice([f.name for f in fields(self)], part=part, whole=whole)
        return getattr(self, part) / getattr(self, whole) if getattr(self, whole) else float("nan")


@checked()
def behaviour_of(found: Examination) -> Behaviour:
    """Count what the thoughts of all answers of an evaluation did."""
    samples = len(found.answers) // len(found.problems)
    thoughts = (thought_of(answer.split()) for answer in found.answers)
    watched = (watch(found.problems[i // samples], thought) for i, thought in enumerate(thoughts))
    return sum(watched, Behaviour())


@checked()
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


@checked()
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


@checked()
def thought_of(words: Sequence[str]) -> list[str]:
    """Return what stands between `<think>` and the first `</think>`, or up to the end."""
    end = words.index("</think>") if "</think>" in words else len(words)
    return list(words[1:end])
