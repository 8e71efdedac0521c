"""The ladder of models: how far each falls towards the floor, one staircase per domain."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt

from lessons_lib.show.drawing import band, heading, mean
from lessons_lib.show.explained import explained
from lessons_lib.show.style import COLOURS

PLAIN, TAKEN = "0.82", COLOURS[0]
PATCH = dict(facecolor="white", edgecolor="none", pad=0.8)


# The rungs of lesson 01: what each model sees of the past, and what is said where its step is the last.
SEES = {
    "uniform": "nothing",
    "unigram": "nothing, but knows frequencies",
    "bigram": "1 token",
    "window MLP": "8 tokens",
    "attention": "all tokens",
}
VERDICTS = {
    "unigram": "last gain: frequencies",
    "bigram": "last gain: bigram",
    "window MLP": "last gain: window MLP",
    "attention": "last gain: attention",
}

Gaps = Mapping[str, Sequence[Mapping[str, float]]]  # model -> per seed: domain -> nats above the floor


@explained
def last_steps(gaps: Gaps, worth: float) -> dict[str, tuple[str, float]]:
    """Return, per domain, the last model that gains more than `worth` nats on the one before, and its gain.

    Means over seeds are compared. Domains are sorted by how far up the ladder that model stands, then by
    its gain, largest first.
    """
    means = {m: {d: mean(run[d] for run in runs) for d in next(iter(runs))} for m, runs in gaps.items()}
    names, found = list(means), {}
    for domain in means[names[0]]:
        gains = [(m, means[before][domain] - means[m][domain]) for before, m in zip(names, names[1:])]
        found[domain] = [gain for gain in gains if gain[1] > worth][-1]
    return dict(sorted(found.items(), key=lambda item: (-names.index(item[1][0]), -item[1][1])))


@explained
def staircases(
    gaps: Gaps,
    floors: Mapping[str, float],
    needs: Mapping[str, tuple[str, float]],
    *,
    title: str,
    sees: Mapping[str, str] = SEES,
    verdicts: Mapping[str, str] = VERDICTS,
    columns: int = 3,
):
    """Return (figure, alt text): a panel per domain, in which a bar per model steps down to the floor.

    A bar ends at floor + mean gap, a whisker shows the range of seeds. `floors[domain]` is hatched: no
    model gets in there. The step of `needs[domain]` (see `last_steps`) is an arrow, and the panels stand in
    its order. `sees` says of each model what it sees of the past, `verdicts` what is said of a domain
    whose step it is.
    """
    rows = math.ceil((len(needs) + 1) / columns)
    size = (7.27, 1.95 * rows + 0.3)
    fig, panels = plt.subplots(rows, columns, figsize=size, sharey=True, squeeze=False)
    top = max(floors[d] + max(run[d] for run in runs) for d in needs for runs in gaps.values())
    for axes, (domain, (model, _)) in zip(panels.flat, needs.items()):
        levels = {m: [floors[domain] + run[domain] for run in runs] for m, runs in gaps.items()}
        _staircase(axes, levels, floors[domain], model)
        axes.set_title(domain, fontsize=9.5, weight="bold", pad=5)
        axes.text(1, 1.045, verdicts[model], transform=axes.transAxes, ha="right", fontsize=8)
        axes.set_ylim(0, top + 0.5)
    for axes in panels[:, 0]:
        axes.set_ylabel("nats per token", fontsize=8.5)
    spare = panels.flat[len(needs) :]
    for axes in spare:
        axes.axis("off")
    _explain(spare[0], sees)
    heading(fig, title)
    groups = {m: [d for d, (model, _) in needs.items() if model == m] for m in gaps}
    said = [f"{', '.join(sorted(names))}: {verdicts[m]}" for m, names in groups.items() if names]
    return fig, (
        f"A panel per domain; in each, bars for {', '.join(gaps)} step down towards the hatched floor. "
        f"The last step worth taking is dark. {'; '.join(said)}."
    )


def _staircase(axes, models: Mapping[str, Sequence[float]], floor: float, needed: str) -> None:
    n, before = len(models), math.nan  # of the model to the left
    ends = [-0.6, n - 0.4]
    axes.fill_between(ends, 0, floor, facecolor="0.95", edgecolor="0.7", hatch="////", lw=0)
    for place, (name, values) in enumerate(models.items()):
        paid = mean(values)
        axes.bar(place, max(paid - floor, 0), bottom=floor, width=0.74, color=PLAIN, edgecolor="0.4", lw=0.6)
        if len(values) > 1:
            axes.plot([place, place], [min(values), max(values)], color="black", ls="-", lw=1.2)
        height = max(values)
        if name == needed:
            axes.bar(place, before - paid, bottom=paid, width=0.74, fc="none", ec=TAKEN, ls=":")
            look = dict(arrowstyle="simple,head_length=0.5,head_width=1.1,tail_width=0.45", color=TAKEN)
            axes.annotate("", (place, paid), (place, before), arrowprops=look | dict(shrinkA=0, shrinkB=0))
            axes.text(
                place, before + 0.08, f"\u2212{before - paid:.2f}", ha="center", fontsize=8, weight="bold"
            )
        else:
            axes.text(place, height + 0.08, f"{paid:.2f}", ha="center", fontsize=7.5, color="0.25")
        before = paid
    axes.plot(ends, [floor, floor], color="black", ls="-", lw=1.6)
    axes.set_xlabel(f"floor {floor:.2f}, model {n} ends at {before:.2f}", fontsize=7.5, labelpad=1)
    axes.set_xticks(range(n), range(1, n + 1), fontsize=8)
    axes.tick_params(axis="x", length=0, pad=2)
    axes.set_xlim(*ends)


def _explain(axes, sees: Mapping[str, str]) -> None:
    lines = [f"{place}  {name}: {words}" for place, (name, words) in enumerate(sees.items(), start=1)]
    look = dict(transform=axes.transAxes, va="top")
    texts = [
        axes.text(0, 1.0, "The ladder: what each model sees", fontsize=9, weight="bold", **look),
        axes.text(0, 0.87, "\n".join(lines), fontsize=8.5, linespacing=1.7, **look),
    ]
    for text in texts:
        text.set_in_layout(False)  # else this panel's column would be made wider than the others


@explained
def learning_curves(
    curves: Mapping[str, tuple[Sequence[int], Sequence[Sequence[float]]]],
    floor: float,
    *,
    title: str,
    levels: Mapping[str, float] | None = None,
    top: float | None = None,
    ylabel: str = "floor + gap, nats per token",
):
    """Return a figure of losses over training steps, with the floor as a line nobody crosses.

    `curves[name]` is (steps, one list of losses per seed): the line is their mean, the band their range.
    `levels` are further lines to compare with, in nats per token.
    """
    fig, axes = plt.subplots()
    last = max(max(steps) for steps, _ in curves.values())
    axes.axhspan(0, floor, facecolor="0.93", edgecolor="0.7", hatch="////", lw=0)
    axes.axhline(floor, color="black", ls="-", lw=1.6)
    axes.text(last, floor - 0.06, f"floor {floor:.2f}", ha="right", va="top", fontsize=9, bbox=PATCH)
    for name, level in (levels or {}).items():
        axes.axhline(level, color="0.5", ls=(0, (1, 2)), lw=1.2)
        axes.text(last / 50, level + 0.03, name, va="bottom", fontsize=9, color="0.35")
    for name, (steps, losses) in curves.items():
        band(axes, steps, losses, alpha=0.25, label=name)
    axes.set(xlabel="step", ylabel=ylabel, xlim=(0, last), ylim=(0, top))
    axes.legend(loc="center right", bbox_to_anchor=(1, 0.66))
    axes.set_title(title)
    return fig
