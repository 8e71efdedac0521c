"""What time buys: accuracy against the number of samples, the tokens written, and a verifier's errors.

A point is a mean over problems and seeds; its bar reaches from the lowest seed less that seed's standard
error over its problems to the highest seed plus its own. Words beside the figures hold no measured value:
learning by reward ends a little differently on another processor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import matplotlib.pyplot as plt
from torch import Tensor

from lessons_lib.show.drawing import band, heading
from lessons_lib.show.explained import explained
from lessons_lib.show.style import COLOURS, LINES

LOOKS = tuple(zip(COLOURS, LINES, "osD^vP", strict=True))


@dataclass(frozen=True)
class Point:
    """One way of answering: tokens for a problem, accuracy, and the ends of its bar."""

    tokens: float
    accuracy: float
    low: float
    high: float
    by_seed: tuple[float, ...] = field(default=(), compare=False)  # the accuracy of each seed


@explained
def point(tokens: Sequence[float], accuracies: Sequence[Tensor]) -> Point:
    """Return the Point of one way of answering, from each seed's tokens and accuracies (problems,)."""
    means = [a.double().mean().item() for a in accuracies]
    errors = [a.double().std().item() / len(a) ** 0.5 for a in accuracies]
    low = min(mean - error for mean, error in zip(means, errors, strict=True))
    high = max(mean + error for mean, error in zip(means, errors, strict=True))
    mean_tokens, mean = sum(tokens) / len(tokens), sum(means) / len(means)
    return Point(mean_tokens, mean, max(low, 0.0), min(high, 1.0), tuple(means))


@explained
def against_samples(
    curves: Mapping[str, tuple[Sequence[int], Sequence[Sequence[float]]]],
    *,
    title: str,
    ylabel: str,
    chance: float | None = None,
):
    """Return (figure, alt text): a line and a band (lowest to highest seed) for each name, over k samples.

    `curves[name]` is (ks, one list of values for each seed); `chance`, if given, is drawn as a named line.
    """
    fig, axes = plt.subplots()
    _curves(axes, curves, chance)
    all_ks = sorted({k for ks, _ in curves.values() for k in ks})
    axes.set_xscale("log", base=2)
    axes.set_xticks(all_ks, [str(k) for k in all_ks])
    axes.set(xlabel="samples of each problem (log scale)", ylabel=ylabel, ylim=(0, 1.05))
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    axes.set_title(title)
    what = ylabel[0].upper() + ylabel[1:]
    return fig, (
        f"{title}. {what} against the number of samples from {all_ks[0]} to {all_ks[-1]}, "
        f"a line with a band over the seeds for each of: {'; '.join(curves)}"
        f"{'; and a line for a blind guess' if chance is not None else ''}."
    )


@explained
def against_errors(
    panels: Mapping[str, Mapping[str, tuple[Sequence[float], Sequence[Sequence[float]]]]],
    *,
    title: str,
    chance: float,
):
    """Return (figure, alt text): accuracy against a verifier's noise, a panel for each kind of noise.

    `panels[kind][chooser]` is (noises, one list of values for each seed).
    """
    fig, grid = plt.subplots(1, len(panels), figsize=(8.2, 3.5), sharey=True, squeeze=False)
    for axes, (kind, curves) in zip(grid[0], panels.items(), strict=True):
        _curves(axes, curves, chance)
        axes.set(xlabel="standard deviation of the verifier's noise", ylim=(0, 1.03))
        axes.set_title(kind, fontsize=10)
    grid[0][0].set_ylabel("share of problems answered rightly")
    handles, labels = grid[0][0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    heading(fig, title)
    said = "; ".join(f"{kind}: {', '.join(of)}" for kind, of in panels.items())
    return fig, (
        f"{title}. A panel for each kind of noise, the share of right answers against how much the verifier "
        f"errs, a line with a band over the seeds for each way to choose. {said}. A line marks a blind guess."
    )


def _curves(
    axes, curves: Mapping[str, tuple[Sequence[float], Sequence[Sequence[float]]]], chance: float | None
) -> None:
    """Draw a line and its band for each name, and the line of a blind guess where it is given."""
    for place, (name, (x, seeds)) in enumerate(curves.items()):
        colour, style, mark = LOOKS[place]
        band(axes, x, seeds, alpha=0.18, color=colour, ls=style, marker=mark, ms=5, label=name)
    if chance is not None:
        _chance(axes, chance)


@explained
def against_tokens(
    panels: Mapping[str, Mapping[str, Sequence[Point]]], *, title: str, chance: float | None = None
):
    """Return (figure, alt text): accuracy against tokens spent for a problem, a panel for each model.

    `panels[model][method]` are the method's points in order of effort. Methods have the same look in all
    panels; `chance`, where all panels share it, is drawn as a line.
    """
    methods = list(dict.fromkeys(name for of in panels.values() for name in of))
    fig, grid = plt.subplots(1, len(panels), figsize=(8.2, 4.0), sharey=True, squeeze=False)
    for axes, (model, of) in zip(grid[0], panels.items(), strict=True):
        for name, points in of.items():
            colour, style, mark = LOOKS[methods.index(name)]
            x, y = [p.tokens for p in points], [p.accuracy for p in points]
            bars = [[p.accuracy - p.low for p in points], [p.high - p.accuracy for p in points]]
            axes.errorbar(
                x,
                y,
                yerr=bars,
                label=name,
                color=colour,
                ls=style,
                marker=mark,
                ms=4.5,
                lw=1.5,
                elinewidth=0.9,
                capsize=2,
            )
        if chance is not None:
            _chance(axes, chance)
        axes.set_xscale("log", base=2)
        ticks = (8, 16, 32, 64, 128, 256, 512, 1024)
        largest = max(p.tokens for points in of.values() for p in points)
        axes.set_xticks([t for t in ticks if t < 1.5 * largest], minor=False)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0f}")
        axes.set(xlabel="tokens for a problem (log scale)", ylim=(0, 1.03))
        axes.set_title(model, fontsize=10)
    grid[0][0].set_ylabel("share of problems answered rightly")
    handles, labels = [], []
    for axes in grid[0]:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            if label not in labels:
                handles.append(handle)
                labels.append(label)
    fig.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 4))
    heading(fig, title)
    said = "; ".join(f"{model}: {', '.join(of)}" for model, of in panels.items())
    return fig, (
        f"{title}. Panels of accuracy against tokens written for a problem, on a scale that doubles, points "
        f"with bars over problems and seeds. {said}."
        f"{' A line marks a blind guess.' if chance is not None else ''}"
    )


def _chance(axes, chance: float) -> None:
    axes.axhline(chance, color="0.55", ls=(0, (1, 2)), lw=1.2)
    axes.annotate(
        "blind guess", (1, chance), (-3, 3), xycoords=("axes fraction", "data"), textcoords="offset points",
        ha="right", fontsize=8, color="0.35",
    )  # fmt: skip
