"""Absorption as a slide: the key matrix leaves the remembered tokens and goes to the query, once for all."""

from __future__ import annotations

import matplotlib.pyplot as plt
from matplotlib.patches import FancyBboxPatch, Rectangle

from lessons_lib.show.explained import explained
from lessons_lib.show.style import COLOURS

INK, LIT, CACHED = COLOURS[0], COLOURS[1], COLOURS[2]
QUERY, FIRST, STEP, DRAWN = 0.95, 2.35, 0.72, 7  # inches: the query's column, the first token's, how many


@explained
def products(held: int, latent: int, key: int, absorbed: bool) -> tuple[int, int]:
    """Return (products by the matrix, products of the scores) for one query of one head and `held` tokens."""
    by_matrix, wide = latent * key, latent if absorbed else key
    return (1 if absorbed else held) * by_matrix, held * wide


@explained
def matrix_slides(moved: float, held: int, *, latent: int, key: int):
    """Return (figure, alt text): the key matrix between every remembered token, 0, and the query, 1.

    `latent` and `key` are widths. Beneath stand the products that one query of one head costs, as a bar: the
    matrix's hatched, the scores' plain; the dotted frame is the dearer of both forms.
    """
    if not 0 <= moved <= 1 or held < 1:
        raise ValueError(f"moved must lie in 0 to 1 and held be 1 or more, got {moved} and {held}")
    fig, axes = plt.subplots(figsize=(7.27, 4.1))
    places = [FIRST + STEP * i for i in range(DRAWN)]
    there, gone = moved == 0, moved == 1
    _box(axes, QUERY, 2.35, f"query\n{key}", INK)
    for i, x in enumerate(places):
        last = i == DRAWN - 1 and held > DRAWN
        if i >= held:
            continue
        _box(axes, x, 0.55, "..." if last else f"latent\n{latent}", CACHED, 0.62)
        if there:
            _box(axes, x, 2.35, "..." if last else f"key\n{key}", INK, 0.62)
            _line(axes, (x, 0.78), (x, 1.22))
            _line(axes, (x, 1.68), (x, 2.12))
        if not gone:
            _box(axes, x + moved * (QUERY - x), 1.45, "$W^{UK}$", LIT, 0.56)
    if gone:
        _box(axes, QUERY, 1.45, "$W^{UK\\top}$", LIT, 0.56)
        _line(axes, (QUERY, 2.12), (QUERY, 1.68))
        _line(axes, (QUERY, 1.22), (QUERY, 0.8))
        _box(axes, QUERY, 0.55, f"query\n{latent}", INK)
    if gone or there:  # the query meets every latent below, or every key above
        y, end = (0.16, 0.33) if gone else (2.75, 2.57)
        _line(axes, (QUERY, y), (places[min(held, DRAWN) - 1], y), "-")
        for x in (QUERY, *places[:held]):
            _line(axes, (x, y), (x, end), "-")
    by_matrix, scores = products(held, latent, key, absorbed=gone)
    state = (
        "the matrix at the query: one product" if gone else f"the matrix at every token: {held:,} products"
    )
    if not gone and not there:
        state = "on the way: brackets move, no score changes"
    remembered = f"{held:,} remembered token" + "s" * (held > 1)
    counted = f"matrix {by_matrix:,} + scores {scores:,} = {by_matrix + scores:,} multiplications"
    axes.text(0.3, -0.12, f"{remembered}, {state}", va="center", fontsize=10)
    most = max(sum(products(held, latent, key, form)) for form in (False, True))
    full, left = 6.75, 0.3
    axes.add_patch(Rectangle((left, -0.66), full, 0.3, facecolor="none", edgecolor="0.6", lw=0.8, ls=":"))
    for count, colour, hatch in ((by_matrix, LIT, "///"), (scores, INK, "")):
        long = full * count / most
        axes.add_patch(
            Rectangle((left, -0.66), long, 0.3, facecolor=colour, hatch=hatch, edgecolor="white", lw=0)
        )
        left += long
    axes.text(0.3, -0.87, counted, va="center", fontsize=10, weight="bold")
    axes.set(xlim=(0.2, 7.2), ylim=(-1.05, 3.0))
    axes.axis("off")
    axes.set_title("Absorbed, the matrix acts once" if gone else "Rebuilt, the matrix acts on every token")
    return fig, f"{remembered}, {state}. For one query of one head: {counted}."


def _box(axes, x: float, y: float, text: str, colour: str, width: float = 0.8) -> None:
    shape = FancyBboxPatch((x - width / 2, y - 0.22), width, 0.44, boxstyle="round,pad=0,rounding_size=0.05")
    shape.set(facecolor=colour, edgecolor="white", lw=1, zorder=3)
    axes.add_patch(shape)
    axes.text(x, y, text, color="white", ha="center", va="center", fontsize=8.5, linespacing=1.05, zorder=4)


def _line(axes, start, end, style: str = "-|>") -> None:
    look = dict(arrowstyle=style, color="0.35", lw=1.2, shrinkA=0, shrinkB=0)
    axes.annotate("", end, start, arrowprops=look, zorder=1)
