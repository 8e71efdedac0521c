"""Lesson 21's pages: which lessons have run, what the reader expected, and a verdict per claim.

Everything is read from the run store when it is asked for, and nothing is trained. A verdict counts answers
and says no more than they do.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from lessons_lib.runs import run_store
from lessons_lib.show.course import LESSONS, NOTEBOOKS
from lessons_lib.show.story.claims import CLAIMS, Claim, links_to
from lessons_lib.show.story.evidence import AGAIN, AGAINST, FOR, RUN, TO_COME, UNDECIDED, Findings, weigh
from lessons_lib.show.story.questions import QUESTIONS
from lessons_lib.show.story.sources import SOURCES, UNKNOWABLE
from lessons_lib.show.style import Shown

FIRST, LAST = LESSONS[0].stem, LESSONS[-1].number
BY_NAME = {claim.name: claim for claim in CLAIMS}
NO_WORDS = "nothing kept: run lesson 00"
SAYS = {FOR: "for", AGAINST: "against", UNDECIDED: "undecided"}


def literal(text: str) -> str:
    """Return a reader's words as Markdown shows them unchanged: on one line, no character has a meaning."""
    plain = " ".join(text.split())
    return "".join(c if c.isalnum() or c in " .,:;'?%-" else f"&#{ord(c)};" for c in plain)


def predicted(claim: Claim) -> str | None:
    """Return the reader's latest words on a claim, or None where lesson 00 has none."""
    return run_store.prediction(FIRST, claim.name)


def lessons_table(found: Findings, folder: Path = NOTEBOOKS) -> Shown:
    """Return the lessons whose findings are read here: kept, to be run, or to come."""
    kept, others = {number for number, _ in found}, [x for x in LESSONS if x.number != LAST]
    states = {
        "findings kept": [x for x in others if x.written(folder) and x.number in kept],
        "run these": [x for x in others if x.written(folder) and x.number not in kept],
        "to come": [x for x in others if not x.written(folder)],
    }
    rows, plain = ["| state | lessons |", "|:--|:--|"], []
    for state, lessons in states.items():
        numbers = tuple(lesson.number for lesson in lessons)
        rows.append(f"| {state} | {links_to(numbers, folder) or 'none'} |")
        plain.append(f"{state}: {', '.join(numbers) or 'none'}")
    return _shown(rows, plain)


def predictions_table(folder: Path = NOTEBOOKS) -> Shown:
    """Return what the reader was asked about each claim, and what they wrote before knowing."""
    rows, plain = ["| | you were asked | you wrote |", "|:--|:--|:--|"], []
    for number, claim in enumerate(CLAIMS, start=1):
        words = predicted(claim)
        shown = literal(words) if words else f"*{NO_WORDS}*"
        rows.append(f"| {number}. {claim.name} | {claim.ask} | {shown} |")
        plain.append(f"{number}. {claim.name}: {' '.join(words.split()) if words else NO_WORDS}")
    return _shown(rows, plain)


def claim_page(name: str, found: Findings, folder: Path = NOTEBOOKS) -> Shown:
    """Return a claim: the reader's prediction, their runs' answers, the sources, what can't be known."""
    claim, words = BY_NAME[name], predicted(BY_NAME[name])
    said = f"“{literal(words)}”" if words else f"*{NO_WORDS}*"
    rows = [
        f"### Claim {CLAIMS.index(claim) + 1}: {name}",
        "",
        f"> {claim.said}",
        "",
        f"**You predicted** ({claim.ask}) {said}",
        "",
    ]
    plain = [claim.said, f"predicted: {' '.join(words.split()) if words else NO_WORDS}"]
    if QUESTIONS[name]:
        rows += ["| lesson | what your runs say | the claim |", "|:--|:--|:--|"]
    for asked in QUESTIONS[name]:
        state, sentence = weigh(asked, found, folder)
        rows.append(
            f"| {links_to((asked.lesson,), folder)} | {_cell(state, sentence)} | {SAYS.get(state, '')} |"
        )
        plain.append(f"  {asked.lesson} [{state}] {sentence}")
    for source in SOURCES[name]:
        if source is SOURCES[name][0]:
            rows += ["", "| what others say, quoted | where |", "|:--|:--|"]
        rows.append(f"| {'Reported: ' if source.reported else ''}{source.says} | {source.where} |")
        plain.append(f"  {'reported' if source.reported else 'quoted'}: {source.says} ({source.where})")
    if not SOURCES[name]:
        rows.append("*What others say:* no paper that we know of argues about this.")
    verdict = verdict_of(name, found, folder)
    rows += ["", f"**Can't be known here.** {UNKNOWABLE[name]}", "", f"**Verdict.** {verdict}"]
    return _shown(rows, [*plain, f"can't be known here: {UNKNOWABLE[name]}", f"verdict: {verdict}"])


def verdict_of(name: str, found: Findings, folder: Path = NOTEBOOKS) -> str:
    """Return the verdict on a claim: how many answers are for it and against it, and which are missing."""
    if not QUESTIONS[name]:
        return "No run can tell."
    weighed = [(asked.lesson, weigh(asked, found, folder)[0]) for asked in QUESTIONS[name]]
    count = Counter(state for _, state in weighed)
    answered = sum(count[state] for state in SAYS)
    parts = [f"{count[state]} {state}" for state in SAYS if count[state]]
    text = (
        f"{answered} of {len(weighed)} questions answered: {', '.join(parts)}."
        if answered
        else "Nothing measured yet."
    )
    for states, said in (({RUN, AGAIN}, "Run lesson {}."), ({TO_COME}, "Missing: {} (to come).")):
        lessons = dict.fromkeys(lesson for lesson, state in weighed if state in states)
        text += f" {said.format(', '.join(lessons))}" if lessons else ""
    return text


def verdicts_table(found: Findings, folder: Path = NOTEBOOKS) -> Shown:
    """Return all claims with the reader's prediction and the verdict side by side."""
    rows, plain = ["| | claim | you predicted | verdict |", "|:--|:--|:--|:--|"], []
    for number, claim in enumerate(CLAIMS, start=1):
        words, verdict = predicted(claim), verdict_of(claim.name, found, folder)
        shown = literal(words) if words else f"*{NO_WORDS}*"
        rows.append(f"| {number} | {claim.name} | {shown} | {verdict} |")
        plain.append(f"{number}. {claim.name}: {verdict}")
    return _shown(rows, plain)


def _cell(state: str, sentence: str) -> str:
    return f"*{sentence}*" if state in (RUN, AGAIN, TO_COME) else sentence


def _shown(rows: list[str], plain: list[str]) -> Shown:
    return Shown({"text/markdown": "\n".join(rows), "text/plain": "\n".join(plain)})
