"""What stands below the table of verdicts: what has not run, how many answers there are, what came since."""

from __future__ import annotations

from pathlib import Path

from lessons_lib.show.course import LESSONS, NOTEBOOKS
from lessons_lib.show.story.evidence import AGAINST, FOR, UNDECIDED, Findings
from lessons_lib.show.story.page import item, line_of, line_of_source, quoted
from lessons_lib.show.story.questions import AFTER, ASKED
from lessons_lib.show.story.sources import AFTERWARDS, SOURCES
from lessons_lib.show.story.verdicts import answers_to_all
from lessons_lib.show.style import Shown
from lessons_lib.signatures import checked


def lessons_not_run(found: Findings, folder: Path = NOTEBOOKS) -> tuple[list[str], list[str]]:
    """Return (lessons to run, lessons to come) of all but the last: those without findings in this store."""
    missing = [lesson for lesson in LESSONS[:-1] if lesson.number not in {number for number, _ in found}]
    return (
        [lesson.number for lesson in missing if lesson.written(folder)],
        [lesson.number for lesson in missing if not lesson.written(folder)],
    )


@checked()
def counts(found: Findings, folder: Path = NOTEBOOKS) -> Shown:
    """Return how many questions of each kind came out how; a count is no verdict."""
    answers = answers_to_all(found, folder)
    rows, plain = [], []
    for kind in ("measured", "derived"):
        states = [answers[key].state for key, asked in ASKED.items() if asked.kind == kind]
        known = {state: states.count(state) for state in (FOR, AGAINST, UNDECIDED)}
        known["not run here"] = len(states) - sum(known.values())
        told = ", ".join(f"{count} {state}" for state, count in known.items())
        rows.append(f"<tr><th scope='row'>{kind}</th><td>{len(states)}</td><td>{told}</td></tr>")
        plain.append(f"{kind}: {len(states)} questions, {told}")
    rows.append(f"<tr><th scope='row'>quoted</th><td>{len(SOURCES)}</td><td>statements of others</td></tr>")
    plain.append(f"quoted: {len(SOURCES)} statements of others")
    return Shown({"text/html": f"<table>{''.join(rows)}</table>", "text/plain": "\n".join(plain)})


@checked()
def afterwards(found: Findings, folder: Path = NOTEBOOKS) -> Shown:
    """Return what came of the methods since: what the lab dropped, and what later lessons found."""
    answers = answers_to_all(found, folder)
    items = [f"<li>{quoted(key)}</li>" for key in AFTERWARDS]
    items += [item(asked.key, answers[asked.key], folder) for asked in AFTER]
    plain = [line_of_source(key) for key in AFTERWARDS]
    plain += [line_of(asked.key, answers[asked.key]) for asked in AFTER]
    return Shown({"text/html": f"<ul>{''.join(items)}</ul>", "text/plain": "\n".join(plain)})
