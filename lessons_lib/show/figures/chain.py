"""A chain of forms that are one function: boxes in a row, on each link the largest difference found."""

from __future__ import annotations

import math

import matplotlib.pyplot as plt
from matplotlib.patches import FancyBboxPatch

from lessons_lib.show.drawing import PALE
from lessons_lib.show.explained import explained
from lessons_lib.show.style import COLOURS


@explained
def equality_chain(links: list[tuple[str, str, float]], *, title: str):
    """Return (figure, alt text) for `links` of (from, to, largest difference), each going on from the last.

    Only the bound that a difference stays under is told in words: its last digits differ by machine.
    """
    names = [links[0][0], *(link[1] for link in links)]
    fig, axes = plt.subplots(figsize=(7.27, 1.6))
    for i, name in enumerate(names):
        x = 2.0 * i
        box = FancyBboxPatch((x - 0.66, -0.26), 1.32, 0.52, boxstyle="round,pad=0,rounding_size=0.08", lw=1.2)
        box.set(facecolor=PALE, edgecolor=COLOURS[0])
        axes.add_patch(box)
        axes.text(x, 0, name, ha="center", va="center", fontsize=10)
    for i, (_, _, difference) in enumerate(links):
        x = 2.0 * i + 1
        axes.text(x, -0.02, "=", ha="center", va="center", fontsize=20, color=COLOURS[1], fontweight="bold")
        words = f"off by up to\n{_power(difference)}"
        axes.text(x, -0.66, words, ha="center", va="center", fontsize=9, color="0.2")
    axes.set(xlim=(-0.75, 2.0 * len(links) + 0.75), ylim=(-0.95, 0.4))
    axes.axis("off")
    axes.set_title(title)
    worst = max(difference for *_, difference in links)
    bound = next(bound for bound in (1e-10, 1e-6, 1e-3, math.inf) if worst <= bound)
    return fig, f"{' = '.join(names)}: boxes in a row, no link off by more than {bound:.0e}."


def _power(difference: float) -> str:
    """Return a difference as a power of ten, rounded up; 0 where nothing differs."""
    return "0" if difference == 0 else f"$10^{{{math.ceil(math.log10(difference))}}}$"
