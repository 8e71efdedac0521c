"""The bill of a training run: GPU-hours that were counted, at a rent, and what was never published."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt

from lessons_lib.show.style import COLOURS
from lessons_lib.signatures import checked

UNKNOWN = ("earlier research and ablations", "staff", "data", "hardware, beyond its rent")


@checked(rent="0..")
def training_bill(hours: Mapping[str, float], rent: float, *, title: str):
    """Return (figure, sentence): a bar of GPU-hours for each stage, its dollars at `rent` an hour beside it.

    Only hours have a length. What was not published is named below the bars: it has none.
    """
    if rent < 0 or not hours or min(hours.values()) < 0:
        raise ValueError(f"a bill has no negative line and at least one; got {dict(hours)} at {rent}")
    fig, axes = plt.subplots(figsize=(7.2, 2.9))
    for row, spent in enumerate(hours.values()):
        axes.barh(row, spent / 1e6, height=0.6, color=COLOURS[0])
        said = f"{spent:,.0f} hours x \\${rent:.2f} = \\${spent * rent / 1e6:,.3f}M"
        inside = spent > 0.5 * max(hours.values())
        where: dict[str, Any] = dict(
            ha="right" if inside else "left", color="white" if inside else "black", va="center"
        )
        axes.text(spent / 1e6 + (-0.03 if inside else 0.03), row, said, **where)
    total = sum(hours.values())
    axes.set_yticks(range(len(hours)), hours)
    longest = max(hours.values()) / 1e6
    axes.set(xlim=(0, longest * 1.04), ylim=(len(hours) + 1.3, -0.5), xlabel="million GPU-hours")
    words = f"in all {total:,.0f} hours, \\${total * rent / 1e6:,.3f}M"
    axes.text(0, len(hours) - 0.1, words, weight="bold", va="center")
    missing = "Not published, so not drawn: " + ", ".join(UNKNOWN[:2]) + ",\n" + ", ".join(UNKNOWN[2:]) + "."
    axes.text(0, len(hours) + 0.75, missing, va="center", color="0.25", linespacing=1.3)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_title(title)
    lines = "; ".join(
        f"{stage}, {spent:,.0f} hours, ${spent * rent / 1e6:,.3f}M" for stage, spent in hours.items()
    )
    return fig, (
        f"Bars of GPU-hours, at ${rent:.2f} an hour: {lines}; in all {total:,.0f} hours, "
        f"${total * rent / 1e6:,.3f}M. Not published, so without a bar: {', '.join(UNKNOWN)}."
    )
