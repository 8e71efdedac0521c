"""Figures that a lesson should not have to spell out: the bill of a training run."""

from __future__ import annotations

import matplotlib.pyplot as plt

from lessons_lib.show.style import COLOURS

UNKNOWN = ("earlier research, ablations", "staff", "data", "hardware, beyond its rent")


def training_bill(dollars: float, *, reported: float, title: str, ruler: float = 12.0):
    """Return (figure, sentence): `dollars` of GPU time as a bar, the other costs as unknown.

    `reported` (dollars) is marked by a line. The unknown costs run over the whole width, hatched
    and with a question mark: no length is claimed. `ruler` is the least width in million dollars.
    """
    if dollars < 0 or reported <= 0:
        raise ValueError(f"a bill has no negative line; got {dollars} and {reported} dollars")
    millions, mark = dollars / 1e6, reported / 1e6
    width = max(ruler, 1.3 * millions)
    fig, axes = plt.subplots(figsize=(6.0, 3.2), layout="constrained")
    axes.barh(0, millions, height=0.62, color=COLOURS[0])
    axes.text(millions + width / 80, 0, f"${millions:,.2f}M", va="center", weight="bold")
    for row in range(1, len(UNKNOWN) + 1):
        axes.barh(row, width, height=0.62, color="white", edgecolor="0.6", hatch="///", lw=0)
        patch = dict(facecolor="white", edgecolor="none", pad=1.5)
        axes.text(width / 2, row, "?  unknown", ha="center", va="center", weight="bold", bbox=patch)
    axes.plot([mark, mark], [-0.75, 0.42], color=COLOURS[1], ls="--", lw=1.6)
    axes.text(mark, -0.85, f"reported: ${mark:.3f}M", color=COLOURS[1], ha="center", fontsize=9)
    axes.set_yticks(range(len(UNKNOWN) + 1), ("GPU time, final run", *UNKNOWN))
    axes.set(xlim=(0, width), ylim=(len(UNKNOWN) + 0.5, -1.25), xlabel="million US dollars")
    axes.tick_params(axis="y", length=0)
    axes.set_title(title)
    return fig, (
        f"GPU time of the final run: ${millions:,.2f} million, beside the reported ${mark:.3f} "
        f"million. Unknown, drawn hatched without a length: {'; '.join(UNKNOWN)}."
    )
