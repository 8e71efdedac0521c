"""A guessing game against a corpus: type the next symbol, say how sure you are, pay in nats.

A round is 20 symbols of one domain. The player sees what the domain has written so far, guesses the next
symbol, and then sees the right one, as a language model does. What a guess costs is not decided here: the
lesson builds the price and hands it in.
"""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass

import ipywidgets as W
import matplotlib.pyplot as plt

from lessons_lib.show.explained import explained
from lessons_lib.show.style import COLOURS
from lessons_lib.show.widgets import bundle

CONFIDENCES = (
    ("no idea", 0.0),
    ("25 %", 0.25),
    ("50 %", 0.5),
    ("80 %", 0.8),
    ("95 %", 0.95),
    ("99.9 %", 0.999),
)
Guess = tuple[str, float]  # a symbol, and the probability that the player gives it


@dataclass(frozen=True)
class Round:
    """One domain's riddle: what is shown, the symbols to guess, and all symbols that can occur."""

    name: str
    shown: str
    answer: str
    alphabet: str

    def __post_init__(self) -> None:
        strange = sorted(set(self.answer) - set(self.alphabet))
        if not self.answer or strange:
            raise ValueError(f"the answer of {self.name} is empty or has {strange} outside its alphabet")


# Made-up guesses for the rounds of lesson 01, measured on nobody: 20 symbols each, and how sure, by
# LEVELS. They stand here and not in the lesson, where a player would read the answers.
DEMO = {
    "stories": ("the cave. seo fet a ", "9xxx9xxx99?59x288x9x"),
    "recall": ("?b6?c4?h6?g2?c8?e8?b", "x?xx?xx?xx?9x2xx?5x?"),
    "language_2": ("ehafadggcbhhddgggfch", "58852855225289552222"),
}
LEVELS = {"?": 0.0, "2": 0.25, "5": 0.5, "8": 0.8, "9": 0.95, "x": 0.999}  # short names of CONFIDENCES


@explained
def at_least_even(confidence: float, of: Round) -> float:
    """Return `confidence`, but never less than giving all symbols of the round the same probability."""
    return max(confidence, 1 / len(of.alphabet))


@explained
def read_demo(rounds: list[Round], written: dict[str, tuple[str, str]]) -> dict[str, list[Guess]]:
    """Return made-up guesses by round from two strings each: the symbols, and their `LEVELS`."""
    demo = {}
    for current in rounds:
        symbols, sure = written[current.name]
        if not len(symbols) == len(sure) == len(current.answer) or set(symbols) - set(current.alphabet):
            raise ValueError(f"the demo of {current.name} does not fit its {len(current.answer)} symbols")
        levels = [at_least_even(LEVELS[level], current) for level in sure]
        demo[current.name] = list(zip(symbols, levels))
    return demo


@explained
def spell_out(symbols: str) -> str:
    """Return `symbols` as a reader can see them, a space as the word."""
    return symbols.replace(" ", "") + (" and space" if " " in symbols else "")


class GuessingGame(W.VBox):
    """Rounds of guessing, by keyboard: arrow keys say how sure, Tab leads to the box, Enter guesses.

    `price(guess, confidence, truth, n_symbols)` returns nats. `finished` holds the guesses of the
    rounds played to their end, by name: what the cells below read.
    """

    def __init__(self, rounds: list[Round], price: Callable[[str, float, str, int], float]):
        if not rounds:
            raise ValueError("a game needs at least one round")
        self.rounds, self.price = list(rounds), price
        self.guesses: dict[str, list[Guess]] = {r.name: [] for r in self.rounds}
        self._box = W.Text(
            description="next symbol", placeholder="one symbol, then Enter", continuous_update=False
        )
        self._sure = W.SelectionSlider(options=CONFIDENCES, value=0.5, description="how sure")
        for control in (self._box, self._sure):
            control.style.description_width, control.layout.width = "8em", "26em"
        self._said = W.HTML()
        self._box.observe(self._typed, names="value")
        self._say("")
        super().__init__([self._said, self._sure, self._box])

    @property
    def finished(self) -> dict[str, list[Guess]]:
        """The guesses of the rounds that are complete, by name."""
        return {r.name: self.guesses[r.name] for r in self.rounds if self._left(r) == 0}

    def guess(self, symbol: str, confidence: float) -> str:
        """Take one guess in the present round; return what happened, in words."""
        current = self._current()
        if current is None:
            return "All rounds are played. Run the next cell to see where you stand."
        if len(symbol) != 1 or symbol not in current.alphabet:
            return f"{symbol!r} is not among the symbols: type one of them."
        truth = current.answer[len(self.guesses[current.name])]
        confidence = at_least_even(confidence, current)
        self.guesses[current.name].append((symbol, confidence))
        nats = self.price(symbol, confidence, truth, len(current.alphabet))
        right = "right" if symbol == truth else f"no, {truth!r}"
        return f"{symbol!r}: {right}. That cost {nats:.2f} nats."

    def _left(self, of: Round) -> int:
        return len(of.answer) - len(self.guesses[of.name])

    def _current(self) -> Round | None:
        return next((r for r in self.rounds if self._left(r)), None)

    def _typed(self, change) -> None:
        typed = change["new"]
        if typed:  # a space is a symbol, so nothing is stripped
            self._box.value = ""
            self._say(self.guess(typed, self._sure.value))

    def _say(self, last: str) -> None:
        current = self._current() or self.rounds[-1]
        known = len(self.guesses[current.name])
        number = self.rounds.index(current) + 1
        place = f"symbol {known + 1} of {len(current.answer)}"
        head = f"Round {number} of {len(self.rounds)}, {current.name}: {place}."
        if not self._left(current):
            head = "The game is over."
        text = html.escape(current.shown + current.answer[:known])
        symbols = f"It uses these {len(current.alphabet)} symbols: {spell_out(current.alphabet)}"
        self._said.value = (
            f'<div role="status" aria-live="polite"><b>{head}</b> {html.escape(last)}<br>'
            f"{html.escape(symbols)}</div>"
            f'<pre style="font-size: 120%; white-space: pre-wrap; margin: 0.4em 0"><b>{text}</b>_</pre>'
        )

    def _repr_mimebundle_(self, **kwargs):
        names = ", ".join(r.name for r in self.rounds)
        words = f"[guessing game: {len(self.rounds)} rounds of {len(self.rounds[0].answer)} symbols: {names}]"
        page = f"<p>{words} Run this cell in Jupyter to play.</p>"
        return bundle(super()._repr_mimebundle_(**kwargs), {"text/plain": words, "text/html": page})


@dataclass(frozen=True)
class Standing:
    """Where a player's guesses stand in one round, in nats per symbol."""

    paid: float  # by the player
    rules: float  # by the rules themselves, for the same symbols
    floor: float  # by the rules, in the long run
    uniform: float  # with all symbols of the alphabet alike
    who: str = "you"  # whose guesses these are


@explained
def against_the_floor(standings: dict[str, Standing]):
    """Return (figure, alt text): where a player stands between the floor and knowing nothing, per domain."""
    fig, axes = plt.subplots(figsize=(6.6, 0.75 * len(standings) + 1.3))
    for row, nats in enumerate(standings.values()):
        axes.barh(row, nats.floor, height=0.5, facecolor="0.93", edgecolor="0.6", hatch="////", lw=0)
        axes.plot([nats.floor] * 2, [row - 0.25, row + 0.25], color="black", ls="-", lw=1.8)
        axes.plot([nats.floor, nats.uniform], [row, row], color="0.75", ls="-", lw=1, zorder=0)
        axes.plot(nats.rules, row, "|", color=COLOURS[1], ms=15, mew=2.2)
        axes.plot(nats.uniform, row, "x", color="0.3", ms=8, mew=1.8)
        axes.plot(nats.paid, row, "o", color=COLOURS[0], ms=9)
        axes.text(nats.paid, row - 0.34, f"{nats.who} {nats.paid:.2f}", ha="center", fontsize=8.5)
    axes.plot([], [], ls="-", lw=1.8, color="black", label="floor, in the long run")
    axes.plot([], [], "|", ls="none", color=COLOURS[1], ms=12, mew=2.2, label="the rules, same symbols")
    axes.plot([], [], "x", ls="none", color="0.3", ms=8, mew=1.8, label="all symbols alike")
    axes.set_yticks(range(len(standings)), standings)
    axes.tick_params(axis="y", length=0)
    axes.set(xlabel="nats per symbol", xlim=(0, None), ylim=(len(standings) - 0.4, -0.7))
    axes.legend(loc="upper center", bbox_to_anchor=(0.45, -0.3), ncols=3, columnspacing=1.2)
    axes.set_title("Guessing puts a person on the same axis as a model")
    said = "; ".join(
        f"{name}: floor {n.floor:.2f}, {n.who} {n.paid:.2f}, all alike {n.uniform:.2f}"
        for name, n in standings.items()
    )
    return fig, f"Nats per symbol on one axis for each domain. {said}."
