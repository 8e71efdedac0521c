"""A conversation as data and as a page: what can be asked, one question with its answer, and its HTML."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Turn:
    """One question and what came of it."""

    asked: str
    who: str = ""
    words: list[str] = field(default_factory=list)
    verdict: str = ""  # by the verifier, or what else ended the turn
    judged: bool = False  # is it the verifier's?


@dataclass(frozen=True)
class Task:
    """What the assistant can talk about, as functions.

    `understand(text)` returns a problem or raises ValueError with a kind sentence; `tell(problem)` puts it
    into words; `split(words)` returns (thought, answer); `verdict(problem, words)` judges. `draw(problem,
    words, done)`, where there is one, returns (figure, sentence): the answer as far as it is written.
    """

    understand: Callable[[str], Any]
    tell: Callable[[Any], str]
    split: Callable[[Sequence[str]], tuple[str, str]]
    verdict: Callable[[Any, Sequence[str]], str]
    draw: Callable[[Any, Sequence[str], bool], tuple[Any, str]] | None = None


def transcript(turn: Turn, task: Task) -> str:
    """Return one turn as HTML: the question, the thought in grey, the answer, the verdict."""
    thought, answer = task.split(turn.words)
    lines = [f"<b>You:</b> {html.escape(turn.asked)}"]
    if turn.words:
        lines.append(
            f'<span style="color: #555"><i>{html.escape(turn.who)} thinks:</i> {html.escape(thought)}</span>'
        )
    if answer:
        lines.append(f"<b>{html.escape(turn.who)}:</b> {html.escape(answer)}")
    if turn.verdict:
        lines.append(f"<i>{'Verifier' if turn.judged else 'Assistant'}:</i> {html.escape(turn.verdict)}")
    return f'<p style="margin: 0.5em 0">{"<br>".join(lines)}</p>'
