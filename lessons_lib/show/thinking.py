"""See it think: one hunt, answered again and again while a model learns, played word by word.

Two sliders, moved by mouse or arrow keys: how long the model has learned, and how much of its answer is
written; a button plays the second. Put `figures.thinking.strip` in the cell before, for print.
"""

from collections.abc import Mapping, Sequence

import ipywidgets as W

from lessons_lib.reasoning.hunts import Problem
from lessons_lib.show.figures.thinking import scene
from lessons_lib.show.widgets import Explore

PACE = 350  # milliseconds for a word


def see_it_think(problem: Problem, said: Mapping[str, Sequence[str]], describe: str = "learned") -> Explore:
    """Return the live view of answers {label: words} to one hunt of one lookup.

    It opens on the first answer with nothing written. ValueError where there is no answer.
    """
    if not said or not all(said.values()):
        raise ValueError("there is nothing to see: each answer needs a word at least")

    def draw(learned: str, written: int):
        return scene(problem, said[learned], written, f"{learned}: one answer, word by word")

    longest = max(map(len, said.values()))
    return Explore(
        draw,
        play="written",
        pace=PACE,
        learned=W.SelectionSlider(options=list(said), description=describe),
        written=W.IntSlider(0, 0, longest, description="words written"),
    )


def as_it_thinks(problem: Problem, words: Sequence[str], done: bool):
    """Return (figure, sentence) of an answer that is still being written, or `done`: for the assistant."""
    title = "Its thought, and what it answers" if done else "Its thought, word by word"
    return scene(problem, words if done else [*words, "..."], len(words), title)
