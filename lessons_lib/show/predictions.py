"""Fields that keep what the reader expects, a choice or their own words, until a later lesson answers.

Nothing is graded. Words are kept in the run store (`reader.json`) at Enter or on leaving a field;
changed ones are added, earlier ones stay. What a reader wrote never gets into an output: the list
that is shown where widgets do not run, and `text/plain`, depend on the questions alone.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

import ipywidgets as W

from lessons_lib.runs import run_store
from lessons_lib.show.style import Shown
from lessons_lib.show.widgets import bundle
from lessons_lib.signatures import checked

Question = str | tuple[str, Sequence[str]]  # a sentence, or a sentence and what may be chosen


@checked()
def predict(lesson: str, name: str, text: str) -> None:
    """Keep a prediction without a field; for pages where widgets do not run. Says what it did."""
    print(f"{name}: {_keep(lesson, name, text)}")


@checked()
def you_said(lesson: str, name: str, came: str) -> Shown:
    """Return what the reader predicted under `name` in `lesson`, and beside it what `came`.

    A number in `came` that was measured is shown by `approx`, and bounded in the same cell.
    """
    said = run_store.prediction(lesson, name) or f"nothing yet: lesson {lesson[:2]} asks for it"
    said = " ".join(said.split())
    rows = [("You said", said), ("Here is what came", came)]
    line = "<br>".join(f"<b>{head}:</b> {html.escape(text)}" for head, text in rows)
    look = "border-left: 4px solid #c2410c; padding: 0.3em 0 0.3em 0.8em; line-height: 1.5"
    plain = "\n".join(f"{head}: {text}" for head, text in rows)
    return Shown({"text/plain": plain, "text/html": f'<div style="{look}">{line}</div>'})


def _keep(lesson: str, name: str, text: str) -> str:
    """Give the words to the run store and return what became of them, in a few words."""
    before = run_store.prediction(lesson, name)
    if not text.strip():
        return "empty, so nothing is changed" if before else "nothing written yet"
    run_store.record_prediction(lesson, name, text)
    if run_store.prediction(lesson, name) != text:  # asked, because a full disk must not look kept
        return "NOT kept: the folder of runs could not be written"
    return "kept" if before in (None, text) else "kept, your earlier words too"


class Predictions(W.VBox):
    """One field for each question, kept under `lesson` and the question's name.

    `questions` maps names, the keys in the run store, to a sentence, answered in the reader's words, or
    to a sentence and options, of which one is chosen by a button. Fields show what was kept before. Tab
    goes from field to field; leaving one, Enter or a choice keeps the answer and says so.
    """

    @checked()
    def __init__(self, lesson: str, questions: Mapping[str, Question]):
        if not questions:
            raise ValueError("Predictions needs at least one question, got none")
        self._lesson = lesson
        self._questions = {
            n: (q, ()) if isinstance(q, str) else (q[0], tuple(q[1])) for n, q in questions.items()
        }
        self.fields: dict[str, W.Text | W.ToggleButtons] = {}
        self.notes: dict[str, W.HTML] = {}
        rows = [self._row(number, name) for number, name in enumerate(self._questions, 1)]
        super().__init__(rows, layout=W.Layout(max_width="56em"))

    def _row(self, number: int, name: str) -> W.VBox:
        question, options = self._questions[name]
        kept = run_store.prediction(self._lesson, name)
        if options:
            field = W.ToggleButtons(options=options, value=kept if kept in options else None)
            field.style.button_width = "auto"
        else:
            field = W.Text(
                value=kept or "",
                placeholder="your words, then Enter",
                tooltip=question,  # becomes the field's title, which a screen reader reads
                continuous_update=False,  # at Enter or on leaving the field, not at every key
                layout=W.Layout(width="auto", flex="1 1 auto"),
            )
        self.fields[name] = field
        self.notes[name] = W.HTML(layout=W.Layout(min_width="6em"))
        self._note(name, "kept before" if kept else "")
        field.observe(lambda change: self._note(name, self._save(name, change.new)), names="value")
        head = f"<b>{number}. {html.escape(name)}:</b> {html.escape(question)}"
        asked = W.HTML(f'<div style="line-height: 1.45; margin-top: 0.6em">{head}</div>')
        return W.VBox([asked, W.HBox([field, self.notes[name]])])

    def _save(self, name: str, text: str) -> str:
        return _keep(self._lesson, name, text)

    def _note(self, name: str, words: str) -> None:
        # role=status: a screen reader says "kept" as well.
        self.notes[name].value = f'<span role="status" aria-live="polite">{words}</span>'

    def _repr_mimebundle_(self, **kwargs):
        asked = [
            f"{name}: {question}" + f" ({' | '.join(options)})" * bool(options)
            for name, (question, options) in self._questions.items()
        ]
        plain = [f"{number}. {question}" for number, question in enumerate(asked, 1)]
        items = "".join(f"<li>{html.escape(question)}</li>" for question in asked)
        chosen = {bool(options) for _, options in self._questions.values()}
        kinds = (
            {True: "buttons", False: "a field for your words"}[chosen.pop()]
            if len(chosen) == 1
            else "a field"
        )
        extra = {
            "text/plain": f"[{kinds} under each question]\n" + "\n".join(plain),
            "text/html": f"<ol>{items}</ol>",
        }
        return bundle(super()._repr_mimebundle_(**kwargs), extra)
