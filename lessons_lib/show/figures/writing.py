"""A figure made of text: what a model wrote, and where it was first wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt

from lessons_lib.show.explained import explained
from lessons_lib.show.style import COLOURS

MONO = "DejaVu Sans Mono"  # comes with matplotlib
WRONG, GROUND = COLOURS[1], "#d6e4f7"


@dataclass(frozen=True)
class Written:
    """A text: `given` by us, then `tokens`, of which the first `possible` can occur in the domain."""

    label: str
    given: str
    tokens: Sequence[str]
    possible: int


@explained
def written_texts(groups: Mapping[str, Sequence[Written]], *, title: str, width: int = 64):
    """Return a figure with a row of text per `Written`, grouped under headings.

    What the domain could have written is plain, on a coloured ground; the first token that it could not is
    boxed, and what follows is grey. Rows are cut at `width` characters.
    """
    n_rows = sum(len(rows) for rows in groups.values()) + 1.3 * len(groups)
    fig, axes = plt.subplots(figsize=(7.27, 0.29 * n_rows + 0.5))
    axes.set(xlim=(-13, width + 1), ylim=(n_rows + 0.2, -0.4))
    axes.axis("off")
    line = 0.3
    for name, rows in groups.items():
        axes.text(-13, line, name, weight="bold", va="center")
        line += 1
        for row in rows:
            axes.text(-12.4, line, row.label, va="center", fontsize=9, color="0.25")
            _write(axes, row, line, width)
            line += 1
        line += 0.3
    axes.set_title(title)
    return fig


def _write(axes, row: Written, line: float, width: int) -> None:
    look = dict(family=MONO, fontsize=9, va="center", ha="center")
    column = 0
    for character in row.given:
        axes.text(column, line, character, color="0.45", **look)
        column += 1
    axes.plot([column - 0.5] * 2, [line - 0.4, line + 0.4], color="0.45", ls="-", lw=0.8)
    shown_whole = min(width - column, sum(map(len, row.tokens[: row.possible])))
    ground = plt.Rectangle((column - 0.5, line - 0.45), shown_whole, 0.9, facecolor=GROUND, lw=0, zorder=0)
    axes.add_patch(ground)
    for place, token in enumerate(row.tokens):
        if column + len(token) > width:
            break
        at_fault = place == row.possible
        style = (
            dict(color=WRONG, weight="bold")
            if at_fault
            else {"color": "black" if place < row.possible else "0.55"}
        )
        if at_fault:
            left, size = column - 0.5, len(token)
            axes.add_patch(plt.Rectangle((left, line - 0.45), size, 0.9, fill=False, edgecolor=WRONG, lw=1.2))
        for character in "\u2423" * (token == " ") or token:
            shown = " " if token == " " and not at_fault else character
            axes.text(column, line, shown, **look, **style)
            column += 1
