"""Figures about a telephone book learned by heart: how much of it is known, and a page that loses numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt

from lessons_lib.show.drawing import mean
from lessons_lib.show.explained import explained
from lessons_lib.show.style import COLOURS, LINES, MARKERS

Line = tuple[str, str, str]  # name, right number, number told


@explained
def bits_known(curves: Mapping[str, Mapping[float, Sequence[float]]], *, title: str):
    """Return (figure, alt text): bits in a book against bits known, a dash for each seed.

    `curves` maps a kind of model to {thousand bits in the book: thousand bits known, for each seed}; one
    that read books of a single size is a mark without a line. Names that begin alike, up to a comma, have one
    colour.
    """
    fig, axes = plt.subplots(figsize=(6.4, 3.9))
    most = 1.06 * max(x for of in curves.values() for x in of)
    top = 1.35 * max(value for of in curves.values() for values in of.values() for value in values)
    axes.plot([0, top], [0, top], color="0.4", lw=1, ls="-")
    axes.text(0.3 * top, 0.35 * top, "everything", rotation=40, color="0.4", fontsize=9, ha="center")
    kinds = list(dict.fromkeys(name.partition(",")[0] for name in curves))
    for i, (name, of) in enumerate(curves.items()):
        x, colour = sorted(of), COLOURS[kinds.index(name.partition(",")[0])]
        line: dict[str, Any] = dict(
            color=colour, marker=MARKERS[i], ls=LINES[i] if len(x) > 1 else "none", ms=6
        )
        axes.plot(x, [mean(of[size]) for size in x], label=name, **line)
        for size in x:
            axes.plot([size] * len(of[size]), of[size], "_", color=colour, ms=13)
    axes.set(xlim=(0, most), ylim=(0, top), xlabel="thousand bits in the book", ylabel="thousand bits known")
    axes.legend(loc="upper left")
    axes.set_title(title)
    return fig, (
        f"{title}. Thousand bits known against thousand bits in the book, beside the diagonal on which "
        f"everything is known, a dash for each seed: {', '.join(curves)}."
    )


@explained
def page(lines: Sequence[Line], *, title: str, columns: int = 6, asked: Sequence[bool] = ()):
    """Return (figure, alt text): names with the numbers told, column after column; wrong ones are struck out.

    A wrong number stands in bold on a grey ground, the right one is not shown. `asked` says of each line
    whether it asked the expert that is missing: a dot stands behind its name.
    """
    if asked and len(asked) != len(lines):
        raise ValueError(f"asked has {len(asked)} values for {len(lines)} lines")
    rows = -(-len(lines) // columns)
    fig, axes = plt.subplots(figsize=(6.8, 0.235 * rows + 0.55))
    for i, (name, right, told) in enumerate(lines):
        x, y = divmod(i, rows)
        is_wrong = told != right
        axes.text(x, y, name, family="DejaVu Sans Mono", fontsize=9.5, va="center", color="0.15")
        if asked and asked[i]:
            axes.plot(x + 0.31, y, "o", ms=3.5, color="0.15")
        look: dict[str, Any] = dict(color=COLOURS[1], weight="bold") if is_wrong else dict(color="0.15")
        axes.text(x + 0.4, y, told, family="DejaVu Sans Mono", fontsize=9.5, va="center", **look)
        if is_wrong:
            axes.plot([x + 0.37, x + 0.76], [y, y], color=COLOURS[1], lw=1.2, ls="-")
            axes.axhspan(y - 0.45, y + 0.45, (x + 0.36) / columns, (x + 0.78) / columns, color="0.88", lw=0)
    axes.set(xlim=(0, columns), ylim=(rows - 0.4, -0.6))
    axes.axis("off")
    axes.set_title(title)
    dots = ", a dot behind each name that asked the missing expert" if any(asked) else ""
    return fig, f"{title}. A page of {len(lines)} names with the numbers told, wrong ones struck out{dots}."
