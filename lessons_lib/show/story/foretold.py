"""What the reader predicted, beside what came: all at once, and how often a choice was right.

Words are shown as they were written and not judged. A choice is judged by the findings of the lesson that
answers it; guessing is right once in as many options as there were, which is what the count is held against.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lessons_lib.runs import Seeds, run_store
from lessons_lib.runs.approx import approx
from lessons_lib.show.course import LESSONS
from lessons_lib.show.story.claims import CLAIMS
from lessons_lib.show.story.evidence import Findings, values_of
from lessons_lib.show.story.page import SIGNS, key_of
from lessons_lib.show.story.questions import BASE_LENGTH, LENGTH, PRE_TRAINING, _share_of_peak
from lessons_lib.show.story.verdicts import BY_CLAIM
from lessons_lib.show.style import Shown
from lessons_lib.signatures import checked

FIRST, LAST = LESSONS[0].stem, LESSONS[-1].stem
CLEARLY_WORSE = 0.05  # nats, as lesson 00 asks
Came = tuple[str | None, str]  # the right option, if it is known, and what came in words


@dataclass(frozen=True)
class Answering:
    """Which lesson's findings answer a choice, and how."""

    lesson: str
    names: tuple[str, ...]
    came: Callable[..., Came]


def _notes(added: float) -> Came:
    words = f"a quarter, for {approx(added)} nats"
    return ("a quarter", words) if added <= CLEARLY_WORSE else (None, f"a quarter costs {approx(added)} nats")


def _peak(flops: float, hours: float) -> Came:  # pre-training's FLOPs, so pre-training's hours
    share = 100 * _share_of_peak(flops, hours)
    nearest = min((10, 35, 80), key=lambda x: abs(x - share))
    return f"{nearest} percent", f"{share:.1f} % derived, by pre-training's hours; 38.94 published"


def _length(base: Seeds, after: Seeds) -> Came:
    times = after.mean / base.mean
    option = "over half as long again" if times > 1.5 else "a little longer" if times > 1.05 else "no"
    return option, f"{option}: {approx(times, '.1f')} times"


ANSWERS: Mapping[str, Answering] = {
    "fewer resources": Answering("03", ("loss added at 48 numbers, one latent",), _notes),
    "weaker chips": Answering("00", ("V3 training", PRE_TRAINING), _peak),
    "open and thinking": Answering("14", (BASE_LENGTH, LENGTH), _length),
}


def came_of(claim: str, found: Findings) -> Came:
    """Return (right option, words) of one choice; (None, which lesson to run) where nothing can be said."""
    asked = ANSWERS[claim]
    values = values_of(asked.names, asked.lesson, found)
    if values is None:
        return None, f"not run: lesson {asked.lesson}"
    try:
        return asked.came(*values)
    except (TypeError, ValueError, ArithmeticError, AttributeError):
        return None, f"what was kept can't be read: run lesson {asked.lesson} again"


def score(found: Findings) -> tuple[int, int, float]:
    """Return (choices that were right, choices made that have an answer, how many guessing gets right)."""
    right = made = 0
    by_luck = 0.0
    for claim in CLAIMS:
        said = run_store.prediction(FIRST, claim.name)
        if not claim.options or not said:
            continue
        option, _ = came_of(claim.name, found)
        if option is not None:
            made, by_luck = made + 1, by_luck + 1 / len(claim.options)
            right += said.removeprefix("(demo) ") == option
    return right, made, by_luck


def own_by_claim() -> dict[str, str]:
    """Return the reader's own verdicts by claim, those that were given."""
    own = {claim.name: run_store.prediction(LAST, key_of(claim.name)) for claim in CLAIMS}
    return {name: " ".join(said.split()) for name, said in own.items() if said}


def agreement() -> tuple[int, int]:
    """Return (own verdicts that are ours, or half of ours, too; own verdicts given)."""
    own = {name: said.removeprefix("(demo) ") for name, said in own_by_claim().items()}
    own = {name: said for name, said in own.items() if said in SIGNS}
    ours = {name: [word for _, word in BY_CLAIM[name].words] for name in own}
    return sum(said in ours[name] for name, said in own.items()), len(own)


@checked()
def predictions_table(found: Findings) -> Shown:
    """Return all eight: what was asked, what the reader said, what came."""
    rows, plain = [], []
    for number, claim in enumerate(CLAIMS, start=1):
        said = " ".join((run_store.prediction(FIRST, claim.name) or "nothing yet").split())
        came = came_of(claim.name, found)[1] if claim.options else "see the verdict"
        cells = (f"{number}. {claim.name}", claim.ask, said, came)
        rows.append("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>")
        plain.append(f"{number}. {claim.name}: {said} | {came}")
    heads = "".join(
        f'<th scope="col">{head}</th>' for head in ("", "you were asked", "you said", "what came")
    )
    right, made, by_luck = score(found)
    same, given = agreement()
    told = f"{right} of {made} choices were right; by guessing it would be {by_luck:.1f}."
    if given:
        told += f" Of your {given} verdicts, {same} are ours, too."
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table><p>{told}</p>"
    return Shown({"text/html": table, "text/plain": "\n".join([*plain, told])})
