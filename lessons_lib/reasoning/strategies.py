"""How was a thought searched? Every answer is of one kind, told from the doors that it tries."""

from collections.abc import Iterable, Sequence
from typing import Literal, get_args

from lessons_lib.reasoning.behaviour import thought_of, tries_of
from lessons_lib.signatures import checked

Kind = Literal["guesses", "tries one door", "tries a door again", "no door twice", "in order"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@checked(doors="1..8")
def kind_of(words: Sequence[str], doors: int = 6) -> Kind:
    """Return the kind of one answer, given as its words.

    In order means d0, d1, d2, ..., and from d0 again behind the last door; it takes two tries or more to
    tell, as it does for a door tried again. Two doors drawn blindly may be in order by chance.
    """
    thought = thought_of(words)
    tried = [words[0] for words in tries_of(thought)[0]]
    if not tried:
        return "guesses"
    if len(tried) == 1:
        return "tries one door"
    if tried == [f"d{i % doors}" for i in range(len(tried))]:
        return "in order"
    return "no door twice" if len(set(tried)) == len(tried) else "tries a door again"


@checked()
def shares_of_kinds(answers: Iterable[str], doors: int = 6) -> dict[Kind, float]:
    """Return the share of each kind among answers, given as texts."""
    kinds = [kind_of(answer.split(), doors) for answer in answers]
    if not kinds:
        raise ValueError("no answers: there are no shares of nothing")
    return {kind: kinds.count(kind) / len(kinds) for kind in KINDS}
