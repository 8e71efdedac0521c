"""Figures about reading further than the training went: rotary pairs slowed down, loss by position."""

from __future__ import annotations

import matplotlib.pyplot as plt

from lessons_lib.show.drawing import band, heading
from lessons_lib.show.explained import explained
from lessons_lib.show.style import COLOURS, LINES, MARKERS


@explained
def slowed_pairs(ramp, turns, low: int, high: int, *, title: str):
    """Return (figure, alt text): how much each rotary pair is slowed down, beside its turns in training.

    `ramp` is 0 (not at all) to 1 (by the whole factor) per pair, `turns` the full turns that the pair
    makes within the training length; `low` and `high` are the pairs where the ramp begins and ends.
    """
    fig, (above, below) = plt.subplots(2, 1, figsize=(6.0, 4.2), sharex=True, height_ratios=(1, 1))
    pairs = range(len(ramp))
    seen = [t >= 1 for t in turns]
    for complete, colour, mark in ((True, COLOURS[0], "o"), (False, COLOURS[1], "s")):
        chosen = [i for i in pairs if seen[i] == complete]
        name = "at least one full turn" if complete else "less than one turn"
        above.plot(chosen, [turns[i] for i in chosen], mark, color=colour, ls="none", label=name)
        below.plot(chosen, [ramp[i] for i in chosen], mark, color=colour, ls="none")
    above.axhline(1, color="0.4", lw=1, ls="--")
    above.set_yscale("log")
    above.minorticks_off()
    above.set_yticks([0.1, 1, 10, 100], ["0.1", "1", "10", "100"])
    above.set_ylabel("turns within the\ntraining length")
    above.legend(loc="upper right")
    below.plot(pairs, ramp, color="0.5", lw=1, ls="-", zorder=0)
    below.set(ylabel="share of the\nfull slow-down", xlabel="rotary pair", ylim=(-0.08, 1.12))
    below.set_yticks([0, 0.5, 1], ["0", "half", "all of it"])
    below.set_xticks([0, low, high, len(ramp) - 1])
    for axes in (above, below):
        for edge in (low, high):
            axes.axvline(edge, color="0.75", lw=1, ls=":")
    above.set_title(title)
    return fig, (
        f"For each of {len(ramp)} rotary pairs, its full turns within the training length, falling from "
        f"{turns[0]:.0f} to {turns[-1]:.2f}, and how much it is slowed down: not at all up to pair {low}, "
        f"wholly from pair {high} on, linearly between. {seen.count(False)} pairs make less than one turn."
    )


@explained
def gap_by_position(edges, panels: dict, *, trained: int, title: str):
    """Return (figure, alt text): loss above the floor by position, one panel for each kind of text.

    `edges` are the positions where stretches of text begin and end; `panels` maps a kind of text to
    {name: one list of gaps per seed}, a gap for each stretch; the first panel has every name. `trained` is
    the length of the training.
    """
    fig, axes_of = plt.subplots(1, len(panels), figsize=(7.4, 3.7), sharey=True)
    middles, told = [(a + b) / 2 for a, b in zip(edges, edges[1:])], []
    order = list(next(iter(panels.values())))
    for axes, (kind, models) in zip(axes_of, panels.items()):
        for name, seeds in models.items():
            i = order.index(name)
            look = dict(marker=MARKERS[i], ls=LINES[i], color=COLOURS[i], lw=1.2, label=name)
            means = band(axes, middles, seeds, alpha=0.2, **look)
            told.append(f"{kind}, {name}: ≈{means[0]:.2f} at first, ≈{means[-1]:.2f} at the end")
        axes.axvspan(0, trained, color="0.93", zorder=0)
        axes.text(
            trained / 2, 0.93, "trained", ha="center", color="0.4", transform=axes.get_xaxis_transform()
        )
        axes.set(xlim=(0, edges[-1]), xlabel="position in the text")
        axes.set_xticks(edges)
        axes.set_title(kind, fontsize=10)
    axes_of[0].set_ylabel("loss above the floor,\nnats per token")
    axes_of[0].set_ylim(0, None)
    fig.legend(*axes_of[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(order))
    heading(fig, title)
    return fig, (
        f"{title}. Loss above the entropy floor by position in texts of {edges[-1]} tokens, trained on "
        f"{trained}, mean over seeds with their range. {'; '.join(told)}."
    )
