"""Figures of the whole model: how it learned, what each part did, who worked, and hours for utilisation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
from torch import Tensor

from lessons_lib.show.drawing import band, heading
from lessons_lib.show.style import COLOURS, LINES, MARKERS


def learning(history: Mapping[str, Sequence], floor: float, *, title: str, window: int = 20):
    """Return (figure, alt text): a run's training loss, its held-out loss, and the floor below both.

    The words give no loss: trained models differ a little between processors.
    """
    fig, axes = plt.subplots()
    steps, losses = history["step"], history["loss"]
    means = [sum(losses[i : i + window]) / window for i in range(len(losses) - window + 1)]
    axes.plot(steps[window - 1 :], means, color=COLOURS[0], label=f"training, mean of {window} steps")
    held_out: dict[str, Any] = dict(color=COLOURS[1], ls="", marker=MARKERS[0], clip_on=False)
    axes.plot(history["eval_step"], history["eval_loss"], label="held out", **held_out)
    axes.axhline(floor, color="black", lw=1, ls="-")
    axes.text(0, floor, f" floor {floor:.2f}", va="top", fontsize=8.5)
    axes.set(xlabel="step", ylabel="nats per token", xlim=(0, steps[-1]), ylim=(0, None))
    axes.legend(loc="upper right")
    axes.set_title(title)
    return fig, (
        f"{title}. Training loss over {steps[-1]} steps, held-out loss at "
        f"{len(history['eval_step'])} of them, and the floor of {floor:.2f} nats per token below both."
    )


def taken_away(differences: Mapping[str, Sequence[float]], notes: Mapping[str, str], *, title: str):
    """Return (figure, alt text): a row per change, a mark per pair of runs, a dash at the mean.

    `differences` are in nats per token, above 0 where the changed model is worse; `notes` stand at the right
    of each row. The words give neither: both vary between machines.
    """
    fig, axes = plt.subplots(figsize=(7.2, 0.5 * len(differences) + 1.5))
    far = 1.15 * max(abs(value) for seeds in differences.values() for value in seeds)
    for row, (name, seeds) in enumerate(differences.items()):
        mean = sum(seeds) / len(seeds)
        axes.plot([min(seeds), max(seeds)], [row, row], color=COLOURS[0], lw=5, ls="-", alpha=0.2)
        for seed, value in enumerate(seeds):
            axes.plot(value, row, MARKERS[seed], color=COLOURS[seed], ms=6)
        axes.plot([mean, mean], [row - 0.3, row + 0.3], color="0.15", lw=2.5, ls="-")
        axes.text(1.04 * far, row, f"{mean:+.3f}   {notes[name]}", va="center", fontsize=9)
    axes.axvline(0, color="0.4", lw=1, ls="-")
    axes.set_yticks(range(len(differences)), differences)
    axes.tick_params(axis="y", length=0)
    axes.set(xlim=(-far, far), ylim=(len(differences) - 0.5, -0.6))
    axes.set_xlabel("held-out loss against the whole, nats per token: right is worse (a dash: the mean)")
    axes.set_title(title)
    n = len(next(iter(differences.values())))
    return fig, (
        f"{title}. Rows: {'; '.join(differences)}. Each has a mark for each of {n} pairs of runs, a dash for "
        "their mean, and at the right the mean and the time of a step beside that of the whole model."
    )


def loads(sorted_loads: Mapping[str, Sequence[Tensor]], *, title: str):
    """Return (figure, alt text): the experts' loads from the busiest to the idlest, a panel for each layer.

    `sorted_loads` maps a name to loads (runs, experts) for each layer, as multiples of the mean, descending;
    a line is the mean over runs, a band their range. The words give no load.
    """
    n_layers = len(next(iter(sorted_loads.values())))
    fig, panels = plt.subplots(1, n_layers, figsize=(7.0, 3.0), sharey=True)
    for layer, axes in enumerate(panels):
        for i, (name, of_layers) in enumerate(sorted_loads.items()):
            values = of_layers[layer]  # (runs, experts)
            places = range(1, values.shape[1] + 1)
            band(axes, places, values, color=COLOURS[i], ls=LINES[i], marker=".", label=name)
        axes.axhline(1, color="0.4", lw=1, ls="-")
        axes.set(xlabel="experts, busiest first", xticks=[1, *places[3::4]])
        axes.set_title(f"layer {layer + 2}", fontsize=9.5)
    panels[0].set_ylim(0, None)  # shared, so after all lines are drawn
    panels[0].set_ylabel("load, 1: an even share")
    panels[-1].legend(loc="upper right")
    heading(fig, title)
    return fig, (
        f"{title}. Loads of the experts of {n_layers} layers from the busiest to the idlest, as multiples of "
        f"an even share, for {' and '.join(sorted_loads)}; bands are the range of the runs."
    )


def hours_for_utilisation(
    flops: float, peak: float, reported: float, named: Mapping[float, str], *, title: str
):
    """Return (figure, alt text): hours of one chip (in millions) against the utilisation, 10 to 60 percent.

    `named` maps utilisations in percent to what is written beside their mark; `reported` is a line.
    """
    percents = [10 + 0.5 * i for i in range(101)]
    hours = [flops / (peak * percent / 100) / 3600 / 1e6 for percent in percents]
    fig, axes = plt.subplots()
    axes.plot(percents, hours, color=COLOURS[0])
    axes.axhline(reported / 1e6, color=COLOURS[1], ls="--", lw=1.2)
    axes.text(60, reported / 1e6, "reported", color=COLOURS[1], va="bottom", ha="right", fontsize=8.5)
    told = []
    for percent, words in named.items():
        value = flops / (peak * percent / 100) / 3600 / 1e6
        axes.plot(percent, value, MARKERS[0], color=COLOURS[0])
        below: dict[str, Any] = dict(xytext=(-4, -13), textcoords="offset points", ha="right")
        axes.annotate(f"{words}: {value:.1f}", (percent, value), fontsize=8.5, **below)
        told.append(f"{words} {value:.1f}")
    axes.set(
        xlabel="utilisation, % of the peak in BF16", ylabel="million hours", xlim=(10, 60), ylim=(0, None)
    )
    axes.set_title(title)
    return fig, (
        f"{title}. Million hours of one chip against its utilisation, falling as one over it: "
        f"{'; '.join(told)}; reported: {reported / 1e6:.2f}."
    )
