"""Two ways to spend tokens: answers side by side, or one after a longer thought, each token a box."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.patches import Rectangle

from lessons_lib.reasoning.behaviour import WORDS
from lessons_lib.reasoning.hunts import CROSS, STAR, WAIT, Problem
from lessons_lib.show.drawing import heading
from lessons_lib.show.explained import explained
from lessons_lib.show.figures.thinking import CROSS_INK, GLYPHS, STAR_INK, claim, outcome
from lessons_lib.show.style import COLOURS

TOKEN, FORM, GO_ON = "#cfd8e6", "#eceef1", COLOURS[4]  # a lookup's word, the form's, `wait`


@explained
def tokens_spent(problem: Problem, said: Mapping[str, Sequence[Sequence[str]]], title: str):
    """Draw {way: answers, each as words} as rows of tokens, one box each; return (figure, alt text).

    The answers of a way stand in their own rows, one below the other, with what the verifier says; a way's
    name tells its tokens. Stars and crosses are as the thoughts say, true or not.
    """
    rows = [(way, words) for way, answers in said.items() for words in answers]
    longest = max(len(words) for _, words in rows)
    fig, axes = plt.subplots(figsize=(8.2, 0.75 + 0.24 * len(rows) + 0.34 * len(said)), layout="none")
    fig.subplots_adjust(left=0.01, right=0.99, bottom=0.02, top=1 - 0.36 / fig.get_figheight())
    axes.axis("off")
    y = 0.0
    for way, answers in said.items():
        total = sum(map(len, answers))
        axes.text(0, y, f"{way}: {total} tokens", fontsize=9.5, weight="bold", color="0.25", va="center")
        y += 1.1
        for words in answers:
            _row_of_tokens(axes, y, words)
            right, sentence = outcome(problem, words)
            mark = ("✓ " if right else "✗ ") + sentence.split(", it is")[0].replace(" in the right form", "")
            ink = STAR_INK if right else CROSS_INK
            axes.text(len(words) + 0.5, y, mark, fontsize=8.3, va="center", color=ink)
            y += 1.0
        y += 0.35
    axes.set(xlim=(-0.3, longest + 13), ylim=(y - 0.5, -0.9))
    heading(fig, title)
    return fig, (
        f"{title}. Each answer is a row of boxes, one for a token; stars, crosses and waits are marked, and "
        f"the answer's verdict stands behind it. {'; '.join(said)}. The star is behind {problem.answer}."
    )


def _row_of_tokens(axes, y: float, words: Sequence[str]) -> None:
    """Draw one answer as boxes from the left."""
    for place, word in enumerate(words):
        kind = claim(word)
        face = FORM if word[0] == "<" else GO_ON if word in WORDS[WAIT] else TOKEN
        face = {STAR: "#d3efe9", CROSS: "#fbe3d6"}.get(kind if kind is not None else -1, face)
        axes.add_patch(Rectangle((place + 0.05, y - 0.38), 0.9, 0.76, fc=face, ec="0.6", lw=0.5))
        if kind is not None:
            ink = STAR_INK if kind == STAR else CROSS_INK
            axes.text(place + 0.5, y, GLYPHS[kind], fontsize=8, ha="center", va="center", color=ink)
