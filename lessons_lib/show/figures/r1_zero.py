"""Figures of learning by reward: how answers search while it learns, what each try does, what knobs explain.

Each function returns (figure, alt text); the alt texts hold no measured values, which differ between
processors. A quantity has one value for each seed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np

from lessons_lib.show.drawing import band, heading
from lessons_lib.show.explained import explained
from lessons_lib.show.style import COLOURS, HATCHES, LINES, MARKERS

# Of the five kinds of search, in the order of `strategies.KINDS`: from doing nothing to having a method.
FILLS = ("#d9dde3", "#a9b2bd", COLOURS[1], COLOURS[4], COLOURS[2])
Seeds = Sequence[Sequence[float]]


@explained
def searching(
    steps: Sequence[int],
    corpora: Mapping[str, tuple[Mapping[str, Seeds], Seeds, Seeds]],
    blindly: Mapping[int, float],
    title: str,
):
    """Draw {corpus: (kinds, accuracy, length)}, each {kind: seeds by steps}: a column for each corpus.

    Above, the shares of the kinds of search, mean of the seeds, stacked; below, accuracy with a line for each
    of `blindly`, {number of blind tries: how often they are right}, and tokens of an answer, with the band of
    the seeds.
    """
    shape = dict(height_ratios=(1.7, 1, 1))
    fig, panels = plt.subplots(
        3, len(corpora), figsize=(8.2, 6.0), sharex=True, sharey="row", squeeze=False, gridspec_kw=shape
    )
    for column, (name, (kinds, accuracy, length)) in zip(panels.T, corpora.items()):
        shares = [np.mean(seeds, axis=0) for seeds in kinds.values()]
        areas = column[0].stackplot(steps, shares, labels=list(kinds), colors=FILLS, ec="white", lw=0.6)
        for area, hatch in zip(areas, ("", "", HATCHES[1], HATCHES[2], "")):
            area.set_hatch(hatch)
        column[0].set(ylim=(0, 1), xlim=(steps[0], steps[-1]))
        column[0].set_title(f"{name} ({len(accuracy)} seeds)", fontsize=9.5, color="0.25", pad=4)
        band(column[1], steps, accuracy, color=COLOURS[0], ls="-")
        for right in blindly.values():
            column[1].axhline(right, color="0.5", ls="--", lw=1)
        column[1].set_ylim(0, 1)
        band(column[2], steps, length, color=COLOURS[3], ls="-")
        column[2].set_xlabel("step of learning by reward")
    for tries, right in blindly.items():
        panels[1, -1].text(1.01 * steps[-1], right, f"{tries} blind tries", **SMALL, va="center")
    panels[2, 0].set_ylim(bottom=0)  # once all columns, which share it, are drawn
    for axes, what in zip(panels[:, 0], ("share of answers", "right", "tokens")):
        axes.set_ylabel(what)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    fig.legend(handles, labels, ncols=len(labels), loc="outside lower center", fontsize=8.5)
    heading(fig, title)
    return fig, (
        f"Over steps of learning by reward, one column for each of {', '.join(corpora)}. Above, stacked, the "
        f"shares of answers of each kind: {', '.join(labels)}. Below, the share of right answers with a "
        f"dashed line at {' and at '.join(map(str, blindly))} blind tries, and the tokens of an answer."
    )


SMALL = dict(fontsize=8, color="0.35")


@explained
def by_try(
    panels: Mapping[str, Mapping[str, Sequence[Sequence[float]]]],
    title: str,
    reference: Mapping[str, Sequence[float]] | None = None,
    *,
    ylabel: str,
):
    """Draw {panel: {model: seeds by number of the try}}, from the first try on; nan is left out.

    `ylabel` says what of a try, `reference` is one derived line, {its name: values}, drawn in every panel.
    """
    fig, rows = plt.subplots(1, len(panels), figsize=(8.2, 3.3), sharey=True, squeeze=False)
    for axes, (what, models) in zip(rows[0], panels.items()):
        for (name, seeds), colour, line, marker in zip(models.items(), COLOURS, LINES, MARKERS):
            numbers = np.arange(1, len(seeds[0]) + 1)
            band(axes, numbers, seeds, color=colour, ls=line, marker=marker, ms=4.5, label=name)
        for name, values in (reference or {}).items():
            places = np.arange(1, len(values) + 1)
            axes.plot(places, values, color="0.45", ls=":", lw=2, label=name, zorder=5)
        axes.set_xlabel("number of the try in its thought")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_title(what, fontsize=9.5, color="0.25", pad=4)
        axes.legend(fontsize=8.5, loc="upper left")
    rows[0, 0].set_ylabel(ylabel)
    rows[0, 0].set_ylim(bottom=0)  # once all panels, which share it, are drawn
    heading(fig, title)
    lines = "; ".join(f"{what}: {', '.join(models)}" for what, models in panels.items())
    dotted = f" Dotted: {', '.join(reference)}." if reference else ""
    about = f"{ylabel}, against the number of the try in its thought: the mean of the seeds with its band."
    return fig, f"{about} {lines}.{dotted}"


@explained
def knobs(rows: Mapping[str, tuple[Sequence[float], Sequence[float]]], title: str):
    """Draw {model: (predicted, measured)}, one mark per seed: is a dot where its knobs say it should be?"""
    fig, axes = plt.subplots(figsize=(8.2, 0.9 + 0.42 * len(rows)))
    for y, (predicted, measured) in enumerate(rows.values()):
        axes.scatter(predicted, [y + 0.14] * len(predicted), marker="|", s=130, color=COLOURS[1], lw=2.2)
        axes.scatter(measured, [y - 0.14] * len(measured), color=COLOURS[0], s=30)
    axes.scatter([], [], marker="|", s=130, color=COLOURS[1], lw=2.2, label="predicted from the knobs")
    axes.scatter([], [], color=COLOURS[0], s=30, label="measured")
    axes.set_yticks(range(len(rows)), list(rows))
    axes.set(ylim=(len(rows) - 0.5, -0.5), xlim=(0, 1), xlabel="share of right answers")
    axes.grid(axis="x", color="0.9")
    axes.legend(loc="lower left", fontsize=8.5)
    heading(fig, title)
    return fig, (
        f"For each of {', '.join(rows)}: the share of right answers predicted from its knobs, as ticks, and "
        "the share measured, as dots, one of each for every seed."
    )
