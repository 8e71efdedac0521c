"""A thought as a picture: the doors of a hunt, the one that is tried lit, and what the thought reads there.

`scene` is one moment of one answer, `strip` several answers one below the other, for print. The truth stands
in grey beneath each door, as the prompt tells it; what the thought says stands in the door. So a star that
isn't there can be seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.patches import FancyBboxPatch

from lessons_lib.reasoning.behaviour import WORDS, thought_of, tries_of
from lessons_lib.reasoning.hunts import CROSS, STAR, WAIT, Problem
from lessons_lib.reasoning.mixing import LANGUAGE_OF
from lessons_lib.reasoning.tasks import is_door, is_right, parse
from lessons_lib.show.drawing import heading
from lessons_lib.show.explained import explained
from lessons_lib.show.style import COLOURS

STAR_INK, CROSS_INK, LIT, SEEN, GERMAN = COLOURS[2], COLOURS[1], "#ffe08a", "#eef1f6", "#fbe9bf"
GLYPHS = {STAR: "★", CROSS: "✗"}
WORDS_IN_A_LINE, LINES = 17, 4  # of the answer, as it stands below the doors
MOST_TRIES = 12  # drawn of a thought in a strip


@explained
def outcome(problem: Problem, words: Sequence[str]) -> tuple[bool, str]:
    """Return (is it right?, a sentence) for a whole answer, as the verifier sees it."""
    parsed = parse(words)
    if parsed is None or not is_door(problem, parsed.answer):
        return False, "no answer in the right form: wrong"
    if is_right(problem, parsed.answer):
        return True, f"answers {parsed.answer[0]}: right"
    return False, f"answers {parsed.answer[0]}: wrong, it is {problem.answer}"


@explained
def claim(word: str) -> int | None:
    """Return STAR or CROSS where a word says so in any language, else None."""
    return next((kind for kind in (STAR, CROSS) if word in WORDS[kind]), None)


@explained
def frame(axes, corner: tuple[float, float], size: tuple[float, float], rounding: float, face: str, *, heavy):
    """Draw a rounded box, with a dark frame where it is `heavy`."""
    style = f"round,pad=0,rounding_size={rounding}"
    ink, width = ("0.05", 2.2) if heavy else ("0.6", 0.9)
    axes.add_patch(FancyBboxPatch(corner, *size, boxstyle=style, fc=face, ec=ink, lw=width))


@explained
def scene(problem: Problem, words: Sequence[str], written: int, title: str):
    """Draw an answer of `words` to a hunt of one lookup after `written` of them; (figure, sentence)."""
    said = list(words[:written])
    tries, _ = tries_of(thought_of(said))
    thinks = "</think>" not in said and bool(said)
    fig, axes = plt.subplots(figsize=(8.2, 3.5), layout="none")
    fig.subplots_adjust(left=0.01, right=0.99, bottom=0.01, top=0.91)
    axes.set(xlim=(-0.6, problem.doors - 0.4), ylim=(-2.75, 1.3))
    axes.axis("off")
    for door in range(problem.doors):
        of_door = [(n, words) for n, words in enumerate(tries, 1) if words[0] == f"d{door}"]
        lit = thinks and bool(tries) and tries[-1][0] == f"d{door}"
        _door(axes, problem, door, of_door, lit, said)
    _text(axes, said)
    done = written >= len(words)
    if done:
        right, sentence = outcome(problem, words)
        mark = ("✓ " if right else "✗ ") + sentence
        axes.text(-0.5, -2.62, mark, fontsize=11, weight="bold", color=STAR_INK if right else CROSS_INK)
    heading(fig, title)
    return fig, _in_words(problem, tries, said, done, words)


def _door(axes, problem: Problem, door: int, of_door, lit: bool, said: Sequence[str]) -> None:
    """Draw one door: its name, the numbers of its tries, what the last one read; the truth below."""
    chosen = "<answer>" in said and said[said.index("<answer>") + 1 :][:1] == [f"d{door}"]
    face = LIT if lit else SEEN if of_door else "white"
    frame(axes, (door - 0.38, 0), (0.76, 1.15), 0.06, face, heavy=chosen)
    axes.text(door - 0.3, 0.92, f"d{door}", fontsize=10, weight="bold", va="center")
    numbers = ", ".join(str(n) for n, _ in of_door)
    axes.text(door + 0.33, 0.92, numbers, fontsize=8, va="center", ha="right", color="0.35")
    if of_door:
        read = of_door[-1][1][1:]
        if read:
            axes.text(door - 0.28, 0.42, read[0], fontsize=10, va="center")
        kind = claim(read[-1]) if read else None
        if kind is not None:
            ink = STAR_INK if kind == STAR else CROSS_INK
            axes.text(door + 0.14, 0.4, GLYPHS[kind], fontsize=20, va="center", ha="center", color=ink)
    room = problem.path(door)[-1]
    truth = GLYPHS[STAR if problem.holds_star(door) else CROSS]
    axes.text(door, -0.28, f"prompt: {room} {truth}", fontsize=8.5, ha="center", va="center", color="0.5")


def _text(axes, said: Sequence[str]) -> None:
    """Write the answer so far below the doors, its last lines if it is long."""
    left, right = axes.get_xlim()
    lines = [said[i : i + WORDS_IN_A_LINE] for i in range(0, len(said), WORDS_IN_A_LINE)][-LINES:]
    for row, line in enumerate(lines):
        for column, word in enumerate(line):
            kind = claim(word)
            ink = STAR_INK if kind == STAR else CROSS_INK if kind == CROSS else "0.15"
            ink = COLOURS[3] if word in WORDS[WAIT] else "0.55" if word[0] == "<" else ink
            place = left + 0.1 + column * (right - left - 0.1) / WORDS_IN_A_LINE
            style = dict(family="DejaVu Sans Mono", fontsize=7.4, va="center")
            axes.text(place, -0.8 - 0.42 * row, word.replace("answer", "ans"), color=ink, **style)


def _in_words(problem: Problem, tries, said: Sequence[str], done: bool, words: Sequence[str]) -> str:
    """Say a moment in one sentence, for those who don't see it."""
    if not said:
        star = f"The star is behind {problem.answer}, as the prompt says: {' '.join(problem.prompt)}."
        return f"{star} Nothing is written yet."
    if done:
        return f"It has written {' '.join(words)}. It {outcome(problem, words)[1]}."
    if "</think>" in said:
        return f"Its thought has ended after {len(tries)} tries."
    if not tries:
        return "Its thought has begun, nothing is tried yet."
    door, *read = tries[-1]
    return f"Try {len(tries)} of its thought is {door}" + (f": it reads {' '.join(read)}." if read else ".")


@explained
def strip(problem: Problem, said: Mapping[str, Sequence[str]], title: str):
    """Draw answers {label: words} to one hunt as rows: every door tried, star or cross, right or wrong."""
    fig, axes = plt.subplots(figsize=(8.2, 1.15 + 0.36 * len(said)), layout="none")
    fig.subplots_adjust(left=0.01, right=0.99, bottom=0.02, top=1 - 0.36 / fig.get_figheight())
    axes.set(xlim=(-3.5, MOST_TRIES + 3.9), ylim=(len(said) - 0.35, -1.6))
    axes.axis("off")
    pairs = zip(problem.prompt[::2], problem.prompt[1::2], strict=False)
    axes.text(-3.45, -1.2, "prompt:  " + "  ".join(map(" ".join, pairs)) + "  ?", fontsize=8.3, color="0.35")
    for row, (label, words) in enumerate(said.items()):
        size = 9 if len(label) < 20 else 8
        axes.text(-3.45, row, label, fontsize=size, va="center", weight="bold", color="0.25")
        tries, _ = tries_of(thought_of(words))
        if not tries:
            axes.text(0.1, row, "no thought", fontsize=8.5, va="center", color="0.5", style="italic")
        for place, read in enumerate(tries[:MOST_TRIES]):
            _box(axes, problem, place, row, read)
        if len(tries) > MOST_TRIES:
            axes.text(MOST_TRIES + 0.02, row, "…", fontsize=9, va="center")
        right, sentence = outcome(problem, words)
        short = sentence.split(", it is")[0].replace(" in the right form", "")
        mark = ("✓ " if right else "✗ ") + short
        ink = STAR_INK if right else CROSS_INK
        axes.text(MOST_TRIES + 0.35, row, mark, fontsize=8.8, va="center", weight="bold", color=ink)
    heading(fig, title)
    return fig, (
        f"One row for each of {', '.join(said)}: the doors that the thought tries, in order, each with the "
        f"star or cross that it reads there, then the answer, right or wrong. The prompt stands above: "
        f"{' '.join(problem.prompt)}. A star with a dark frame isn't there."
    )


def _box(axes, problem: Problem, place: int, row: int, read: Sequence[str]) -> None:
    """Draw one try of a strip: the door, and what it is said to hold ("de": in German); framed if false."""
    kind = claim(read[-1])
    ink = {STAR: STAR_INK, CROSS: CROSS_INK}.get(kind if kind is not None else -1, "0.4")
    real = is_door(problem, read[:1]) and problem.holds_star(int(read[0][1:]))
    false = kind == STAR and not real
    is_german = LANGUAGE_OF.get(read[-1]) == "german"
    face = GERMAN if is_german else "white"
    frame(axes, (place + 0.04, row - 0.34), (0.9, 0.68), 0.1, face, heavy=false)
    axes.text(place + 0.1, row, read[0], fontsize=8.5, va="center")
    if is_german:
        axes.text(place + 0.49, row + 0.43, "de", fontsize=6, va="center", ha="center", color="0.3")
    if kind is not None:
        axes.text(place + 0.7, row, GLYPHS[kind], fontsize=11, va="center", ha="center", color=ink)
