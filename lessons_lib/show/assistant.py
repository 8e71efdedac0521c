"""A chat with a small model: type a problem, watch it think word by word, stop it, hear the verifier.

The answer is written in a task on the kernel's own event loop, one word at a time; between two words the
kernel reads its messages, so that the stop button is heard while the model thinks. No Output widget.
Below the conversation the answer that is being written is drawn, as `Task.draw` sees it.

What is asked, how it is read and who answers is handed in, so the logic can be tested without a browser.
"""

from __future__ import annotations

import asyncio
import html
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import ipywidgets as W

from lessons_lib.show.conversation import Task, Turn, transcript
from lessons_lib.show.style import png
from lessons_lib.show.widgets import bundle
from lessons_lib.signatures import checked

TURNS = 12  # of the conversation that are kept on the page
PAUSE = 0.08  # seconds between two words: slow enough to be read
PICTURE = 660  # pixels wide
GRACE = 0.5  # seconds after Enter in which newly typed text may still arrive
THINKING, STOPPED = "thinking ...", "you stopped it"


class Assistant(W.VBox):
    """The chat. `writers` by name, `budgets` by label, `proposals` are problems to choose from.

    `writers[name](problem, budget)` yields words. By keyboard: Tab moves on, Enter in the box asks, Space
    presses a button, the arrow keys move the slider.
    """

    @checked(pause="0..60")
    def __init__(
        self,
        task: Task,
        writers: dict[str, Callable[[Any, Any], Iterator[str]]],
        budgets: dict[str, Any],
        proposals: Sequence[Any],
        *,
        pause: float = PAUSE,
    ):
        if not writers or not budgets or not proposals:
            raise ValueError("an assistant needs a writer, a budget and a problem to propose at least")
        self.task, self.writers, self.proposals, self.pause = task, writers, list(proposals), pause
        self.turns: list[Turn] = []
        self._proposed = 0
        self._running: asyncio.Task | bool | None = None
        self._stopped = self._entered = False
        self._box = W.Text(description="problem", value=task.tell(self.proposals[0]), continuous_update=False)
        self._who = W.Dropdown(options=list(writers), value=list(writers)[-1], description="who answers")
        self.budgets = dict(budgets)
        self._budget = W.SelectionSlider(
            options=list(budgets), value=list(budgets)[-1], description="may think"
        )
        for control in (self._box, self._who, self._budget):
            control.style.description_width = "8em"
            control.layout.width, control.layout.max_width = "44em", "100%"
        self._ask, self._stop = W.Button(description="Ask"), W.Button(description="Stop", disabled=True)
        self._other = W.Button(description="Another problem", layout=W.Layout(width="12em"))
        self._chat, self._status = W.HTML(), W.HTML()
        shape = W.Layout(width=f"{PICTURE}px", max_width="100%", height="auto", display="none")
        self._picture, self._seen = W.Image(format="png", layout=shape), W.HTML()
        self._ask.on_click(lambda _: self.ask(self._box.value))
        self._stop.on_click(lambda _: self.stop())
        self._other.on_click(lambda _: self.propose())
        self._box.on_msg(self._message)
        self._box.observe(lambda _: self._enter(), names="value")
        self._say("Type a problem or take this one, then press Enter.")
        buttons = W.HBox([self._ask, self._stop, self._other])
        live = [self._picture, self._seen] if task.draw else []
        super().__init__([self._chat, *live, self._box, self._who, self._budget, buttons, self._status])

    @property
    def busy(self) -> bool:
        """Is an answer being written?"""
        return self._running is not None

    def propose(self) -> None:
        """Put the next of the proposed problems into the box."""
        self._proposed = (self._proposed + 1) % len(self.proposals)
        self._box.value = self.task.tell(self.proposals[self._proposed])

    def ask(self, text: str) -> None:
        """Begin to answer `text`, or say kindly why not; one answer at a time."""
        if self.busy:
            return self._say("One answer at a time: let it finish, or press Stop.")
        turn = Turn(text.strip() or "(nothing)")
        self.turns = [*self.turns, turn][-TURNS:]
        try:
            problem = self.task.understand(text)
        except ValueError as kind:
            turn.verdict = str(kind)
            return self._finish(str(kind))
        turn.who, self._stopped = self._who.value, False
        self._ask.disabled, self._stop.disabled = True, False
        self._say(THINKING)
        work = self._answer(turn, problem, self.budgets[self._budget.value])
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # no event loop: not in a notebook, so nobody could press Stop
            self._running = True
            asyncio.run(work)
        else:
            self._running = loop.create_task(work)

    def stop(self) -> None:
        """Stop the answer that is being written, before its next word."""
        self._stopped = self.busy

    async def _answer(self, turn: Turn, problem: Any, budget: Any) -> None:
        try:
            for word in self.writers[turn.who](problem, budget):
                turn.words.append(word)
                self._draw()
                self._see(problem, turn.words)
                await asyncio.sleep(self.pause)  # here the kernel hears the stop button
                if self._stopped:
                    break
            turn.judged = not self._stopped
            turn.verdict = self.task.verdict(problem, turn.words) if turn.judged else STOPPED
            self._see(problem, turn.words, done=turn.judged)
        except Exception as error:  # it must not vanish in a task that nobody waits for
            turn.verdict = f"this went wrong: {type(error).__name__}: {error}"
        finally:
            self._running = None
            self._finish(f"{turn.verdict} ({len(turn.words)} words)")

    def _finish(self, said: str) -> None:
        self._ask.disabled, self._stop.disabled = False, True
        self._draw()
        self._say(said)

    def _message(self, _widget, content, _buffers) -> None:
        """Hear that Enter was pressed; the browser sends what was newly typed right after that."""
        if content.get("event") != "submit":
            return
        self._entered = True
        try:
            asyncio.get_running_loop().call_later(GRACE, self._enter)  # nothing new was typed
        except RuntimeError:
            self._enter()

    def _enter(self) -> None:
        if self._entered:  # leaving the box by Tab sends what was typed, too, and asks nothing
            self._entered = False
            self.ask(self._box.value)

    def _say(self, words: str) -> None:
        self._status.value = f'<div role="status" aria-live="polite">{html.escape(words)}</div>'

    def _draw(self) -> None:
        turns = "".join(transcript(turn, self.task) for turn in self.turns)
        self._chat.value = f'<div role="log" aria-live="off" style="line-height: 1.45">{turns}</div>'

    def _see(self, problem: Any, words: Sequence[str], *, done: bool = False) -> None:
        """Draw the answer as far as it is written; its sentence stands below, for those who don't see it."""
        if self.task.draw is None:
            return
        fig, sentence = self.task.draw(problem, words, done)
        self._picture.value, self._picture.layout.display = png(fig), None
        self._seen.value = f'<div class="seen">{html.escape(sentence)}</div>'

    def _repr_mimebundle_(self, **kwargs):
        words = f"[chat with {' or '.join(self.writers)}: a problem, its thought word by word, a verdict]"
        page = f"<p>{html.escape(words)} Run this cell in Jupyter to talk to it.</p>"
        return bundle(super()._repr_mimebundle_(**kwargs), {"text/plain": words, "text/html": page})
