"""Drafts that one can see: a text as it was written, kept drafts on green, refused ones struck out.

A pass is (drafted, written): the tokens proposed, and the tokens that the pass wrote. Drafts are kept up to
the first that differs; what was written in its place, or behind the last, is the main model's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.patches import Rectangle

from lessons_lib.show.explained import explained
from lessons_lib.show.style import COLOURS

Pass = tuple[Sequence[str], Sequence[str]]  # drafted, written
Text = tuple[Sequence[str], Sequence[Pass]]  # prompt, passes

KEPT, REFUSED = "#9fd8c4", COLOURS[1]
WIDTH, COLUMNS, MONO = 7.27, 84, "DejaVu Sans Mono"
ROW, BETWEEN = 0.22, 0.3  # inches; between two texts, in rows


@explained
def marked(text: Text, n_passes: int | None = None) -> list[tuple[str, str]]:
    """Return (token, mark) for a text after its first `n_passes`: given, own, kept or refused.

    A refused draft stands before what was written in its place.
    """
    prompt, passes = text
    out = [(token, "given") for token in prompt]
    for drafted, written in passes[:n_passes]:
        for i, token in enumerate(written):
            is_kept = i < len(drafted) and drafted[i] == token
            if i < len(drafted) and not is_kept:
                out.append((drafted[i], "refused"))
            out.append((token, "kept" if is_kept else "own"))
    return out


@explained
def tokens_written(text: Text, n_passes: int | None = None) -> int:
    """Return how many tokens a text has gained after its first `n_passes`."""
    return sum(len(written) for _, written in text[1][:n_passes])


@explained
def drafts_seen(texts: Mapping[str, Text], *, title: str, notes: Mapping[str, str] | None = None):
    """Return (figure, alt text): whole texts with their drafts, one below the other.

    `notes` are written below the texts of the same name, say what would have been right. The words leave
    them out, since what a model writes depends on the processor.
    """
    lines = {name: marked(text) for name, text in texts.items()}
    words = f"{title}. {len(texts)} texts; kept drafts on green, refused ones struck out."
    if notes:
        words += " Below each, whether it is right and what would have been."
    return _page(lines, title, notes=notes or {}), words


@explained
def race(text: Text, n_passes: int, *, title: str):
    """Return (figure, alt text): a text after as many passes without drafts, and with them.

    Its numbers carry the sign `≈`, since how many drafts were kept depends on the processor.
    """
    prompt, passes = text
    n_passes = min(n_passes, tokens_written(text))
    alone = [token for _, written in passes for token in written][:n_passes]
    faster = tokens_written(text, n_passes)
    lines = {
        "one by one": [*((token, "given") for token in prompt), *((token, "own") for token in alone)],
        "with drafts": marked(text, n_passes),
    }
    words = f"{title}. After {n_passes} passes: {n_passes} tokens one by one, ≈{faster} with drafts."
    rows = {"one by one": _rows_for(text, drafts=False), "with drafts": _rows_for(text, drafts=True)}
    return _page(lines, title, rows), words


def _rows_for(text: Text, *, drafts: bool) -> int:
    """Return how many rows the finished text takes, which keeps the picture's size while it plays."""
    tokens = marked(text)
    return -(-sum(_width(token) for token, mark in tokens if drafts or mark != "refused") // COLUMNS)


def _width(token: str) -> int:
    return len(_visible(token))


def _visible(token: str) -> str:
    return {"\n": "\u23ce", " ": "\u2423"}.get(token, token)


def _page(
    lines: Mapping[str, Sequence[tuple[str, str]]],
    title: str,
    rows: Mapping[str, int] | None = None,
    notes: Mapping[str, str] | None = None,
):
    spots: list[tuple[float, int, str, str]] = []  # row, column, token, mark
    below: list[tuple[float, str]] = []  # row, note
    labels, row = {}, 0.0
    for name, tokens in lines.items():
        labels[name], first, column = row, row, 0
        for token, mark in tokens:
            if column + _width(token) > COLUMNS:
                row, column = row + 1, 0
            spots.append((row, column, token, mark))
            column += _width(token)
        if note := (notes or {}).get(name):
            row += 1
            below.append((row, note))
        row = max(row + 1, first + (rows or {}).get(name, 0)) + BETWEEN
    fig = plt.figure(figsize=(WIDTH, ROW * (row + 0.4) + 0.75), layout="none")
    height = fig.get_figheight()
    box = (0.115, 0.34 / height, 0.875, (height - 0.72) / height)
    axes = fig.add_axes(box, xlim=(-0.5, COLUMNS - 0.5), ylim=(row - 0.4, -0.7))
    axes.axis("off")
    for name, y in labels.items():
        axes.text(-1.2, y, name, ha="right", va="center", fontsize=8.5, color="0.25")
    for y, x, token, mark in spots:
        _draw(axes, x, y, token, mark)
    for y, note in below:
        axes.text(-0.5, y, note, va="center", fontsize=8.5, color="0.25", style="italic")
    fig.text(0.012, 1 - 0.14 / height, title, fontsize=11, va="center")
    _legend(fig, 0.14 / height, height)
    return fig


def _draw(axes, x: float, y: float, token: str, mark: str) -> None:
    """Draw a token with its first letter at column x."""
    colour = {"given": "0.5", "refused": REFUSED}.get(mark, "black")
    if mark == "kept":
        look: dict[str, Any] = dict(facecolor=KEPT, edgecolor="none")
        axes.add_patch(Rectangle((x - 0.5, y - 0.46), _width(token), 0.92, **look))
    for i, letter in enumerate(_visible(token)):
        axes.text(x + i, y, letter, ha="center", va="center", fontsize=8.5, family=MONO, color=colour)
    if mark == "refused":
        axes.plot([x - 0.5, x + _width(token) - 0.5], [y, y], color=REFUSED, lw=1.0, ls="-")


def _legend(fig, y: float, height: float) -> None:
    """Draw a line that says what the marks mean."""
    axes = fig.add_axes(
        (0.115, y - 0.1 / height, 0.875, 0.2 / height), xlim=(-0.5, COLUMNS - 0.5), ylim=(1, -1)
    )
    axes.axis("off")
    x = 0
    for token, mark, meaning in (
        ("a", "given", "prompt"),
        ("a", "own", "the main model's own"),
        ("a", "kept", "a draft, kept"),
        ("a", "refused", "a draft, refused"),
    ):
        _draw(axes, x, 0, token, mark)
        axes.text(x + 1.3, 0, meaning, va="center", fontsize=8.5, color="0.25")
        x += 6 + round(0.85 * len(meaning))
