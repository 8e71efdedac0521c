"""A chain of forms that are one function: boxes in a row, on each link the largest difference found."""

from __future__ import annotations

import math

import matplotlib.pyplot as plt
from matplotlib.patches import FancyBboxPatch

from lessons_lib.show.style import COLOURS


def equality_chain(links: list[tuple[str, str, float]], *, title: str):
    """Return (figure, alt text) for `links` of (from, to, largest difference), each going on from the last.

    Only the bound that a difference stays under is told in words: its last digits differ by machine.
    """
    names = [links[0][0], *(link[1] for link in links)]
    fig, axes = plt.subplots(figsize=(8.2, 1.75))
    for i, name in enumerate(names):
        x = 2.0 * i
        box = FancyBboxPatch((x - 0.62, -0.3), 1.24, 0.6, boxstyle="round,pad=0.03", lw=0)
        box.set_facecolor(COLOURS[0])
        axes.add_patch(box)
        axes.text(x, 0, name, color="white", ha="center", va="center", fontsize=8.5)
    for i, (_, _, difference) in enumerate(links):
        x = 2.0 * i + 1
        axes.text(x, 0, "=", ha="center", va="center", fontsize=17, color=COLOURS[1], fontweight="bold")
        axes.text(
            x, -0.62, f"off by up to\n{_power(difference)}", ha="center", va="center", fontsize=8, color="0.3"
        )
    axes.set(xlim=(-0.8, 2.0 * len(links) + 0.8), ylim=(-0.95, 0.5))
    axes.axis("off")
    axes.set_title(title)
    worst = max(difference for *_, difference in links)
    bound = next(bound for bound in (1e-10, 1e-3, math.inf) if worst <= bound)
    return fig, f"{' = '.join(names)}: boxes in a row, no link off by more than {bound:.0e}."


def _power(difference: float) -> str:
    """Return a difference as a power of ten, rounded up; 0 where nothing differs."""
    return "0" if difference == 0 else f"$10^{{{math.ceil(math.log10(difference))}}}$"
