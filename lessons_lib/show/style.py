"""One look for every figure of the course, and words for those who do not see it.

`use_style()` sets size, colours and line styles; `figure(fig, alt=...)` ends a cell that draws.
Its output holds the picture and its description, as `text/plain` and as `alt` metadata. Converters
use the metadata; JupyterLab 4.6 drops it when it makes the `<img>`, so a folded line, "figure in
words", stands below the picture. nbval skips PNGs and compares text: it notices a figure whose
description has changed.
"""

from __future__ import annotations

import html
import io
from base64 import b64encode
from typing import Any

import matplotlib.pyplot as plt
from cycler import cycler
from IPython.display import display
from matplotlib.figure import Figure

from lessons_lib.signatures import checked

SIZE = (6.0, 3.2)  # inches
SCREEN_DPI, PIXEL_DPI = 110, 165  # shown 660 pixels wide, drawn with 1.5 times as many

# No two of the first five are equally dark, so a grey print tells them apart; bars and lines have
# a hatch and a line style besides.
COLOURS = ("#14305c", "#c2410c", "#22a590", "#6b34a3", "#e2a52b", "#8f969e")
LINES = ("-", "--", "-.", ":", (0, (7, 2, 1, 2, 1, 2)), (0, (1, 3)))
MARKERS = ("o", "s", "^", "D", "v", "P")
HATCHES = ("", "///", "...", "xxx", "\\\\\\", "---")

STYLE: dict[Any, Any] = {
    "figure.figsize": SIZE,
    "figure.dpi": SCREEN_DPI,
    "figure.constrained_layout.use": True,
    "figure.facecolor": "white",
    "axes.prop_cycle": cycler(color=COLOURS) + cycler(linestyle=LINES),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.labelsize": 9.5,
    "axes.axisbelow": True,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.8,
    "hatch.linewidth": 0.7,
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same text widths everywhere
    "font.size": 9.5,
}


class Shown:
    """Something to display: a dictionary of its forms by mime type, and metadata of each."""

    def __init__(self, data: dict[str, str], metadata: dict | None = None):
        self.data, self.metadata = data, metadata or {}

    def __repr__(self) -> str:
        return self.data["text/plain"]

    def _repr_mimebundle_(self, **_):
        return self.data, self.metadata


def use_style() -> None:
    """Give all figures of this kernel the course's look; called in each lesson's setup cell."""
    plt.rcParams.update(STYLE)


def png(fig, description: str | None = None) -> bytes:
    """Return `fig` as PNG, with a description in it if asked, and close it.

    There is no date and no version in it: the same figure gives the same bytes.
    """
    buffer = io.BytesIO()
    notes: dict[str, str | None] = {"Software": None}
    if description:
        notes["Description"] = description
    fig.savefig(buffer, format="png", dpi=PIXEL_DPI, metadata=notes)
    plt.close(fig)
    return buffer.getvalue()


def describe(fig, alt: str | None) -> str:
    """Return `alt` on one line; ValueError when it is missing, a few words, or a title again."""
    words = " ".join((alt or "").split())
    titles = {axes.get_title(side) for axes in fig.axes for side in ("left", "center", "right")}
    if len(words.split()) < 6 or words in {" ".join(title.split()) for title in titles}:
        plt.close(fig)
        raise ValueError(
            "A figure needs alt text, a sentence or two that say what is drawn and what it shows; "
            f"this has {words!r}."
        )
    return words


@checked()
def figure(fig: Figure, alt: str | None = None) -> None:
    """Show `fig` with its description `alt`, and close it; the last line of a cell that draws.

    Numbers in `alt` are compared when the notebook is checked: round them as if you printed them.
    Raises ValueError when `alt` is missing, only a few words, or the title over again.
    """
    words = describe(fig, alt)
    width = round(fig.get_figwidth() * SCREEN_DPI)
    picture = {"image/png": b64encode(png(fig)).decode(), "text/plain": words}
    display(Shown(picture, {"image/png": {"alt": words, "width": width}}))
    folded = f"<details><summary><small>figure in words</small></summary>{html.escape(words)}"
    display(Shown({"text/html": folded + "</details>", "text/plain": "[figure in words]"}))
