"""Figures about latent attention: how vectors flow through it, and what stays in the cache."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
from matplotlib.patches import FancyBboxPatch, Rectangle

from lessons_lib.show.style import COLOURS, HATCHES

# name -> (x, y, text, kind)
BOXES = {
    "h": (0.0, 1.0, "hidden\nstate h", "plain"),
    "cq": (2.3, 2.35, "query\nlatent", "plain"),
    "q": (4.7, 2.75, "queries q\nof each head", "head"),
    "qr": (4.7, 1.95, "rotary queries\nof each head", "turned"),
    "kr": (2.3, 1.0, "ONE rotary\nkey k^R", "cached turned"),
    "c": (2.3, -0.35, "latent c", "cached"),
    "k": (4.7, 0.25, "keys k\nof each head", "head"),
    "v": (4.7, -0.75, "values v\nof each head", "head"),
    "s": (7.2, 1.5, "scores", "plain"),
    "o": (9.3, 0.0, "output", "plain"),
}
ARROWS = ["h cq", "cq q", "cq qr", "h kr", "h c", "c k", "c v", "q s", "qr s", "kr s", "k s", "s o", "v o"]


def latent_flow():
    """Return (figure, alt text): which vector of latent attention is made from which."""
    fig, axes = plt.subplots(figsize=(8.0, 3.3))
    for pair in ARROWS:
        (x0, y0, *_), (x1, y1, *_) = (BOXES[name] for name in pair.split())
        arrow = dict(arrowstyle="-|>", color="0.45", lw=1.1, shrinkA=0, shrinkB=0)
        axes.annotate("", (x1 - 0.78, y1), (x0 + 0.78, y0), arrowprops=arrow)
    for x, y, text, kind in BOXES.values():
        cached = "cached" in kind
        box = FancyBboxPatch((x - 0.75, y - 0.29), 1.5, 0.58, boxstyle="round,pad=0.03", lw=1.2)
        box.set(facecolor=COLOURS[0] if cached else "white", edgecolor=COLOURS[0] if cached else "0.45")
        axes.add_patch(box)
        shown = text.replace("k^R", "$k^R$")
        axes.text(x, y, shown, color="white" if cached else "0.1", ha="center", va="center", fontsize=8)
        if "turned" in kind:
            axes.text(x + 0.72, y + 0.37, "turned", fontsize=7, color=COLOURS[1], ha="right")
    axes.text(2.3, -1.22, "dark: cached, once for all heads", fontsize=8.5, color=COLOURS[0], ha="center")
    axes.set(xlim=(-0.9, 10.2), ylim=(-1.4, 3.25))
    axes.axis("off")
    return fig, (
        "Boxes and arrows. From the hidden state come the query latent, one rotary key and the latent. The "
        "query latent gives each head a query and a rotary query; the latent gives each head keys and "
        "values. Rotary key and latent are cached, once for all heads."
    )


def numbers_per_token(rows: dict[str, dict[str, int]], *, title: str):
    """Return (figure, alt text): one square for each number that a layer keeps of one token.

    `rows` maps a kind of attention to its parts, a name and a count each.
    """
    fig, axes = plt.subplots(figsize=(8.0, 0.52 * len(rows) + 0.75))
    looks = dict(zip(dict.fromkeys(name for parts in rows.values() for name in parts), range(9)))
    for y, (kind, parts) in enumerate(rows.items()):
        x = 0
        for name, count in parts.items():
            look: dict[str, Any] = dict(
                facecolor=COLOURS[looks[name]], hatch=HATCHES[looks[name]], edgecolor="white", lw=0.8
            )
            for _ in range(count):
                axes.add_patch(Rectangle((x, y), 0.9, 0.62, **look))
                x += 1
        axes.text(x + 0.6, y + 0.3, f"{x}", va="center", fontsize=9)
        axes.text(-0.8, y + 0.3, kind, va="center", ha="right", fontsize=9)
    for name, i in looks.items():
        axes.add_patch(
            Rectangle((0, 0), 0, 0, facecolor=COLOURS[i], hatch=HATCHES[i], ec="white", label=name)
        )
    longest = max(sum(parts.values()) for parts in rows.values())
    axes.set(xlim=(-0.13 * longest, 1.08 * longest), ylim=(len(rows) - 0.2, -0.3))
    axes.axis("off")
    axes.legend(loc="lower right", ncols=len(looks), fontsize=8)
    axes.set_title(title)
    told = "; ".join(
        f"{kind}: {', '.join(f'{n} of {name}' for name, n in parts.items())}" for kind, parts in rows.items()
    )
    return fig, f"{title}. A square for each number that one layer keeps of one token. {told}."
