"""The verdict on one page: the table of eight claims, empty in lesson 00 and filled in lesson 21.

A row opens into its evidence. `data-rests` names what a sentence rests on: keys of questions and sources,
which stand in the opened part of the row. Everything is read from the run store when it is asked for.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator
from pathlib import Path

from lessons_lib.show.course import BY_NUMBER, LESSONS, NOTEBOOKS
from lessons_lib.show.story.claims import CLAIMS, Claim
from lessons_lib.show.story.evidence import AGAINST, FOR, UNDECIDED, Answer, Findings
from lessons_lib.show.story.questions import ASKED, QUESTIONS
from lessons_lib.show.story.sources import SOURCES, SOURCES_OF
from lessons_lib.show.story.verdicts import BY_CLAIM, Sentence, Verdict, answers_to_all, own_runs
from lessons_lib.show.style import Shown
from lessons_lib.signatures import checked

LAST = LESSONS[-1].stem
SIGNS = {
    "true": "\u25cf",
    "half true": "\u25d0",
    "not by what is published": "\u25cb",
    "no laptop and no paper can tell": "?",
}
HEADS = ("The claim", "Verdict", "One number", "In a sentence")
STATES = {
    FOR: "For the claim",
    AGAINST: "Against it",
    UNDECIDED: "Undecided",
    "missing": "Not run here",
}
CELL = "vertical-align: top; text-align: left; padding: 0.5em 0.6em; border-top: 1px solid #8888"
Answers = dict[str, Answer]


def key_of(claim: str) -> str:
    """Return the name under which the reader's own verdict on a claim is kept."""
    return f"verdict: {claim}"


def own_verdicts() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return {name: (question, options)} for the fields that ask for the reader's own verdicts."""
    return {key_of(claim.name): (f"{claim.said}", tuple(SIGNS)) for claim in CLAIMS}


@checked()
def claims_table(folder: Path = NOTEBOOKS) -> Shown:
    """Return the eight claims with empty verdicts; lessons not in `folder` yet are "to come", unlinked."""
    rows, plain = [], []
    for number, claim in enumerate(CLAIMS, start=1):
        how = f"<b>{claim.verdict.capitalize()}.</b> {html.escape(claim.how)} Lesson "
        where = ", ".join(_link(lesson, folder) for lesson in claim.lessons)
        rows.append(_row(number, claim, "open", "\u2013", f"{how}{where}."))
        plain.append(f"{number}. {claim.said} [{claim.verdict}] {claim.how}")
    heads = (*HEADS[:3], "Can a laptop test it?")
    return Shown({"text/html": _table(rows, heads), "text/plain": "\n".join(plain)})


@checked()
def verdicts_table(found: Findings, own: dict | None = None, folder: Path = NOTEBOOKS) -> Shown:
    """Return the eight claims with our verdicts, each row open to its evidence.

    `own` holds the reader's verdicts by claim, shown beside ours.
    """
    answers = answers_to_all(found, folder)
    rows, plain = [], []
    for number, claim in enumerate(CLAIMS, start=1):
        verdict, said = BY_CLAIM[claim.name], (own or {}).get(claim.name)
        words = "<br>".join(f"{_part(part)}{SIGNS[word]} <b>{word}</b>" for part, word in verdict.words)
        if said:
            words += f"<br><small>yours: {html.escape(said)}</small>"
        counted = f"<b>{html.escape(verdict.number(answers))}</b><br><small>{_said(verdict.counted)}</small>"
        text = " ".join(_said(sentence) for sentence in verdict.says)
        if runs := own_runs(verdict, answers):
            text += f" <i>{html.escape(runs)}</i>"
        text += f"<details><summary>Evidence</summary>{evidence_of(claim, answers, folder)}</details>"
        rows.append(_row(number, claim, words, counted, text))
        plain += list(_plain(number, claim, verdict, answers, said, runs))
    return Shown({"text/html": _table(rows, HEADS), "text/plain": "\n".join(plain)})


def evidence_of(claim: Claim, answers: Answers, folder: Path = NOTEBOOKS) -> str:
    """Return what stands under a claim's row: all for and against it, of one size, and what is quoted."""
    verdict, parts = BY_CLAIM[claim.name], []
    for state, keys in by_state(claim.name, answers).items():
        items = [item(key, answers[key], folder) for key in keys]
        parts.append(f"<p><b>{STATES[state]}</b></p><ul>{''.join(items)}</ul>")
    said = "".join(f"<li>{quoted(key)}</li>" for key in SOURCES_OF[claim.name])
    parts.append(f"<p><b>Quoted</b></p><ul>{said}</ul>")
    parts.append(f"<p><b>Not about methods.</b> {_said(verdict.elsewhere)}</p>")
    parts.append(f"<p><b>What would change our mind.</b> {_said(verdict.change)}</p>")
    return "".join(parts)


def by_state(claim: str, answers: Answers) -> dict[str, list[str]]:
    """Return {state: keys of a claim's questions} for states that occur; all that is missing is "missing"."""
    states: dict[str, list[str]] = {state: [] for state in STATES}
    for asked in QUESTIONS[claim]:
        state = answers[asked.key].state
        states[state if state in states else "missing"].append(asked.key)
    return {state: keys for state, keys in states.items() if keys}


def _plain(number, claim, verdict: Verdict, answers: Answers, said: str | None, runs: str) -> Iterator[str]:
    """Yield a row as lines: behind each sentence, in brackets, the evidence below that it rests on."""
    words = ", ".join(f"{part}: {word}" if part else word for part, word in verdict.words)
    yield f"{number}. {claim.name}: {words.upper()}" + (f" (yours: {said})" if said else "")
    yield f"   The claim: {claim.said} [story]"
    yield f"   {verdict.number(answers)}: {_resting(verdict.counted)}"
    yield from (f"   {_resting(sentence)}" for sentence in verdict.says)
    if runs:
        yield f"   {runs}"
    for state, keys in by_state(claim.name, answers).items():
        yield f"   {STATES[state]}:"
        yield from (f"   - {line_of(key, answers[key])}" for key in keys)
    yield "   Quoted:"
    yield from (f"   - {line_of_source(key)}" for key in SOURCES_OF[claim.name])
    yield f"   Not about methods: {_resting(verdict.elsewhere)}"
    yield f"   What would change our mind: {_resting(verdict.change)}"


def _resting(sentence: Sentence) -> str:
    return f"{sentence.text} [{', '.join(sentence.rests)}]"


def line_of(key: str, answer: Answer) -> str:
    """Return one answer as a line of plain text: its key, what came, and what was asked."""
    asked = ASKED[key]
    numbers = f" ({answer.numbers}; {asked.kind})" if answer.numbers else ""
    return f"{key}: {asked.lesson} [{answer.state}] {answer.sentence}{numbers} Asked: {asked.ask}"


def line_of_source(key: str) -> str:
    """Return one source as a line of plain text: its key, what it says, and where."""
    source = SOURCES[key]
    return f"{key}: {'Reported: ' if source.reported else ''}{source.says} ({source.where})"


def _table(rows: Iterable[str], heads: tuple[str, ...]) -> str:
    head = "".join(f'<th scope="col" style="{CELL}">{text}</th>' for text in heads)
    return (
        '<table style="border-collapse: collapse; max-width: 60em">'
        "<caption>Eight claims of January 2025</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def _row(number: int, claim: Claim, verdict: str, counted: str, text: str) -> str:
    said = f'<span data-rests="story"><b>{number}. {claim.name}.</b> {html.escape(claim.said)}</span>'
    cells = "".join(f'<td style="{CELL}">{cell}</td>' for cell in (verdict, counted, text))
    return f'<tr><th scope="row" style="{CELL}; font-weight: normal; width: 26%">{said}</th>{cells}</tr>'


def item(key: str, answer: Answer, folder: Path) -> str:
    """Return one answer, its numbers and its question as an item of a list."""
    asked = ASKED[key]
    numbers = f" <b>{html.escape(answer.numbers)}</b>" if answer.numbers else ""
    link = _link(asked.lesson, folder)
    kind = f'<small data-rests="{key}">({asked.kind}, lesson {link})</small>'
    where = f'{kind} <small class="asked" data-rests="{key}">{html.escape(asked.ask)}</small>'
    return f'<li><span data-rests="{key}">{html.escape(answer.sentence)}{numbers}</span> {where}</li>'


def quoted(key: str) -> str:
    """Return one source: what it says, and where."""
    source = SOURCES[key]
    reported = "Reported: " if source.reported else ""
    says, where = html.escape(source.says), html.escape(source.where)
    return f'<span data-rests="{key}">{reported}{says}</span> <small data-rests="{key}">({where})</small>'


def _said(sentence: Sentence) -> str:
    return f'<span data-rests="{"; ".join(sentence.rests)}">{html.escape(sentence.text)}</span>'


def _part(part: str) -> str:
    return f"{part}: " if part else ""


def _link(number: str, folder: Path) -> str:
    lesson = BY_NUMBER[number]
    if not lesson.written(folder):
        return f"{number} (to come)"
    return f'<a href="{lesson.stem}.ipynb">{number}</a>'
