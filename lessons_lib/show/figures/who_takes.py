"""One expert and the tokens that it takes, letter by letter, in texts of several domains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.patches import Rectangle
from torch import Tensor

from lessons_lib.arguments import takes
from lessons_lib.show.style import COLOURS


@takes(rank="whole texts tokens")
def who_takes(names: Sequence[str], texts: Sequence[Sequence[str]], rank: Tensor, *, title: str):
    """Return (figure, alt text): a line for each text, the tokens that go to the expert on a coloured ground.

    `texts` hold the tokens as written; `rank` (texts, tokens) says as which of a token's choices the expert
    was taken: 0 not at all, 1 first (white on dark), 2 and more later (dark on light).
    """
    width = rank.shape[1]
    fig, axes = plt.subplots(figsize=(7.27, 0.215 * len(names) + 0.6))
    for y, (name, text) in enumerate(zip(names, texts, strict=True)):
        axes.text(-0.8, y, name, ha="right", va="center", fontsize=8.5)
        for x, (letter, place) in enumerate(zip(text, rank[y].tolist(), strict=True)):
            if place:
                ground = COLOURS[0] if place == 1 else "#c9d3e6"
                axes.add_patch(Rectangle((x - 0.5, y - 0.46), 1, 0.92, facecolor=ground, edgecolor="none"))
            look: dict[str, Any] = dict(
                color="white" if place == 1 else "0.15", weight="bold" if place else "normal"
            )
            axes.text(x, y, letter, ha="center", va="center", fontsize=8.5, family="DejaVu Sans Mono", **look)
    axes.set(xlim=(-9, width), ylim=(len(names) - 0.3, -0.8))
    axes.axis("off")
    axes.set_title(title)
    taken = 100 * (rank > 0).double().mean().item()
    axes.text(
        width, -0.85, f"{taken:.0f} % of these tokens", ha="right", va="bottom", fontsize=8.5, color="0.4"
    )
    return fig, f"{title}. {len(names)} texts of {width} tokens; those that the expert takes are marked."
