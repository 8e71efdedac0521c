"""Figures about pipelines: who works when on which micro-batch, and what waiting costs.

A row per rank, time to the right. Forwards are dark, backwards light, weights' gradients dotted; a pair's
upper half is the forward. Measured times go into the picture only: the descriptions are compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from lessons_lib.parallel.actions import Action, actions
from lessons_lib.parallel.pipeline import Span, Timeline
from lessons_lib.show.drawing import heading
from lessons_lib.show.explained import explained
from lessons_lib.show.style import COLOURS

LOOKS = {  # colour, hatch, colour of the number
    "F": (COLOURS[0], "", "white"),
    "B": (COLOURS[4], "", "black"),
    "I": (COLOURS[4], "", "black"),
    "W": ("#d7dadd", "....", "black"),
}
WORDS = {"F": "forward", "B": "backward", "I": "backward for the input", "W": "weights' gradient"}
WORDS |= {"up": "lighter: on its way up", "BI": "backward: B, or I alone"}
HEIGHT, LIGHTER = 0.84, 0.62


def _homes(timeline: Timeline) -> dict[tuple[int, int], int]:
    """Return {(stage, micro-batch): the rank where it is}."""
    ranks = enumerate(timeline.spans)
    return {a[1:]: rank for rank, spans in ranks for s in spans for a in actions(s.step)}


def _goes_up(action: Action, rank: int, homes: Mapping[tuple[int, int], int]) -> bool:
    """Say whether this micro-batch moves to the first rank: a V's second arm, DualPipe's other end."""
    after, before = (homes.get((action.stage + k, action.micro), rank) for k in (1, -1))
    return after == rank - 1 or before == rank + 1


def _draw_bars(
    axes: Axes,
    timeline: Timeline,
    *,
    until: float | None = None,
    follow: Sequence[int] | None = None,
    numbers: bool = True,
) -> set[str]:
    """Draw a timeline up to a moment; of a step, micro-batches not in `follow` are pale. Return its kinds."""
    kinds: set[str] = set()
    homes = _homes(timeline)
    end_of_all = timeline.makespan
    for rank, spans in enumerate(timeline.spans):
        ended: dict[int, float] = {}  # micro-batch -> when its last piece here was done
        for span in spans:
            end = span.end if until is None else min(span.end, until)
            if end <= span.start:
                continue
            parts = actions(span.step)
            for place, action in enumerate(parts):
                kinds.add(action.kind)
                colour, hatch, ink = LOOKS[action.kind]
                height = HEIGHT / len(parts)
                corner = (span.start, rank - HEIGHT / 2 + place * height)
                pale = follow is not None and action.micro not in follow
                up = _goes_up(action, rank, homes)
                look: dict[str, Any] = dict(facecolor=colour, hatch=hatch, edgecolor="white", lw=0.6)
                alpha = 0.12 if pale else LIGHTER if up else 1.0
                if up and not pale:
                    kinds.add("up")
                axes.add_patch(Rectangle(corner, end - span.start, height, alpha=alpha, **look))
                room = (end - span.start) / end_of_all  # for the number, in the picture's width
                needed = (0.012, 0.02, 0.03)[min(len(str(action.micro)), 3) - 1]
                again = (
                    follow is not None and ended.get(action.micro) == span.start
                )  # stands on its neighbour
                ended[action.micro] = span.end
                if numbers and not pale and not again and room > (0.01 if follow else needed):
                    size = 5.5 if len(parts) > 1 or room <= needed else 7
                    middle = ((span.start + end) / 2, corner[1] + height / 2)
                    style = "italic" if up else "normal"
                    axes.text(
                        *middle,
                        str(action.micro),
                        ha="center",
                        va="center",
                        color=ink,
                        fontsize=size,
                        style=style,
                    )
    axes.set(xlim=(0, end_of_all), ylim=(len(timeline.spans) - 0.5, -0.5))
    axes.set_yticks(range(len(timeline.spans)), [f"rank {rank}" for rank in range(len(timeline.spans))])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    if until is not None:
        axes.axvline(until, color=COLOURS[1], lw=1.2, ls="-")
    return kinds


def _legend(fig: Figure, kinds: set[str]) -> None:
    names = [kind for kind in "FBIW" if kind in kinds and not (kind == "I" and "B" in kinds)]
    looks: dict[str, dict[str, Any]] = {
        k: dict(facecolor=LOOKS[k][0], hatch=LOOKS[k][1], edgecolor="0.6") for k in names
    }
    if "up" in kinds:
        looks["up"] = dict(facecolor=LOOKS["F"][0], alpha=LIGHTER, edgecolor="0.6")
    words = WORDS | ({"B": WORDS["BI"]} if {"B", "I"} <= kinds else {})
    patches = [Patch(label=words[kind], **look) for kind, look in looks.items()]
    fig.legend(handles=patches, loc="outside lower right", ncols=len(patches))


@explained
def gantts(
    timelines: Mapping[str, Timeline],
    *,
    title: str,
    follow: Sequence[int] | None = None,
    unit: str = "time, in forwards of a rank",
    numbers: bool = True,
) -> tuple[Figure, str]:
    """Return (figure, alt text): timelines one above the other, on one axis of time.

    Of the micro-batches in `follow` the way is drawn as a line, and all others are pale.
    """
    ranks = [len(timeline.spans) for timeline in timelines.values()]
    size = (7.2, 0.9 + sum(0.45 + 0.23 * n for n in ranks))
    fig, grid = plt.subplots(
        len(timelines), 1, figsize=size, squeeze=False, sharex=True, gridspec_kw={"height_ratios": ranks}
    )
    kinds: set[str] = set()
    for axes, (name, timeline) in zip(grid[:, 0], timelines.items(), strict=True):
        kinds |= _draw_bars(axes, timeline, follow=follow, numbers=numbers)
        for micro in follow or ():
            _draw_way(axes, timeline, micro)
        if len(timelines) > 1:
            axes.set_title(name, fontsize=9.5, pad=3)
    longest = max(timeline.makespan for timeline in timelines.values())
    grid[-1, 0].set(xlim=(0, 1.01 * longest), xlabel=unit)
    heading(fig, title)
    _legend(fig, kinds)
    told = f", the way of micro-batch {', '.join(map(str, follow))} drawn in" if follow else ""
    return fig, f"{title}. Who works when: {' above '.join(timelines)}, a row for each rank{told}."


def _draw_way(axes: Axes, timeline: Timeline, micro: int) -> None:
    """Draw a line through a micro-batch's pieces of work, in the order in which they are done."""
    points = [
        ((span.start + span.end) / 2, rank)
        for rank, spans in enumerate(timeline.spans)
        for span in spans
        if any(action.micro == micro and action.kind != "W" for action in actions(span.step))
    ]
    axes.plot(*zip(*sorted(points)), color=COLOURS[1], lw=1.6, ls="-", marker="o", ms=3)


@explained
def doing(spans: Sequence[Span], moment: float) -> str:
    """Return what a rank does at a moment, in words."""
    for span in spans:
        if span.start <= moment < span.end:
            each = [f"{WORDS[a.kind]} of {a.micro}" for a in actions(span.step)]
            return " and ".join(each)
    return "nothing" if moment >= spans[-1].end else "waiting"


@explained
def moment(timeline: Timeline, at: float, *, title: str = "") -> tuple[Figure, str]:
    """Return (figure, sentence): the timeline up to a moment, and who does what at it."""
    fig, axes = plt.subplots(figsize=(7.2, 0.9 + 0.36 * len(timeline.spans)))
    _draw_bars(axes, timeline, until=at)
    now = [doing(spans, at) for spans in timeline.spans]
    busy = sum(words not in ("nothing", "waiting") for words in now)
    axes.set_xlabel("time, in forwards of a rank")
    axes.set_title(title or f"At time {at:g}, {busy} of {len(now)} ranks work")
    said = "; ".join(f"rank {rank}: {words}" for rank, words in enumerate(now))
    return fig, f"At time {at:g}, {busy} of {len(now)} ranks work. {said}."


@explained
def strip(timeline: Timeline, moments: Sequence[float], *, title: str) -> tuple[Figure, str]:
    """Return (figure, alt text): the timeline at several moments, two pictures in a row."""
    rows, ranks = -(-len(moments) // 2), len(timeline.spans)
    size = (7.27, 0.4 + rows * (0.5 + 0.17 * ranks))
    fig, grid = plt.subplots(rows, 2, figsize=size, squeeze=False, sharex=True, sharey=True)
    told = []
    for axes, at in zip(grid.flat, moments):
        _draw_bars(axes, timeline, until=at, numbers=False)
        busy = sum(doing(spans, at) not in ("nothing", "waiting") for spans in timeline.spans)
        axes.set_title(f"time {at:g}: {busy} of {ranks} at work", fontsize=9.5, pad=3)
        axes.set_xticks([])
        told.append(f"at time {at:g}, {busy} of {ranks} ranks work")
    for axes in list(grid.flat)[len(moments) :]:
        axes.axis("off")
    heading(fig, title)
    return fig, f"{title}. A pipeline that fills and empties: {'; '.join(told)}."
