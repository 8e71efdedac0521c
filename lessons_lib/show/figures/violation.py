"""Figures about balance: how far the busiest expert is above the mean, beside what chance alone gives.

The even share, violation 0, is no target that anybody reaches: tokens that pick experts at random are
uneven, too, the more the fewer they are. So chance is drawn in every figure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import torch
from torch import Tensor

from lessons_lib.show.drawing import band, mean, smoothed
from lessons_lib.show.explained import explained
from lessons_lib.show.measured import approx
from lessons_lib.show.style import COLOURS, LINES, MARKERS

TICKS = {2.0**n: f"{2**n}" if n >= 0 else f"1/{2**-n}" for n in range(-6, 6)}  # as the axes do, they double


@explained
def violation_over_steps(curves: Mapping[str, Tensor], chance: float, *, title: str, window: int = 20):
    """Return (figure, alt text): maximum violation of each step's batch, on a doubling axis.

    `curves` maps a name to (seeds, steps); a line is the mean over seeds of `window` steps, a band their
    range. `chance` is the violation of batches of the same size whose tokens pick at random.
    """
    fig, axes = plt.subplots(figsize=(6.8, 3.4))
    for i, (name, values) in enumerate(curves.items()):
        shown = smoothed(values.double(), window)
        steps = torch.arange(window, window + shown.shape[1])
        band(axes, steps, shown, color=COLOURS[i], ls=LINES[i], label=name)
    axes.axhline(chance, color="black", ls="-", lw=1)
    axes.text(window, chance, f"picked at random: {chance:.2f}", va="bottom", fontsize=8.5)
    axes.set_yscale("log", base=2)
    low, high = axes.get_ylim()
    _ticks(axes, low, high)
    axes.set(xlabel="step", ylabel="maximum violation\nof a batch (doubling axis)", xlim=(0, None))
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), title="bias step", alignment="left")
    axes.set_title(title)
    ends = "; ".join(f"{name}: {_words(v.double()[:, -50:].mean().item())}" for name, v in curves.items())
    return fig, (
        f"{title}. Maximum violation of a training batch over the steps, by bias step; the mean of the "
        f"last 50 steps: {ends}; picked at random: {chance:.2f}."
    )


@explained
def violation_by_scope(
    scopes: Mapping[str, int],
    curves: Mapping[str, Sequence[Sequence[float]]],
    *,
    title: str,
    controls: Mapping[str, tuple[str, Sequence[float]]] | None = None,
):
    """Return (figure, alt text): maximum violation against the number of tokens counted together.

    `scopes` maps names to tokens, in order. `curves` maps a name to a list per scope of values, one per
    seed; the last is chance, drawn in black. `controls` maps a name to (scope, one value per seed): what was
    measured at that scope alone, drawn as a hollow mark.
    """
    fig, axes = plt.subplots()
    tokens = list(scopes.values())
    for i, (name, values) in enumerate(curves.items()):
        is_chance = i == len(curves) - 1
        look: dict[str, Any] = dict(
            color="black" if is_chance else COLOURS[i], ls="-" if is_chance else LINES[i]
        )
        band(axes, tokens, zip(*values, strict=True), marker=MARKERS[i], label=name, **look)
        means = [mean(of_scope) for of_scope in values]
        above = dict(xytext=(0, 7), ha="center", color=look["color"])
        below = dict(xytext=(-6, -13), ha="center" if is_chance else "right", color=look["color"])
        for n, x in enumerate(tokens):
            is_highest = means[n] == max(mean(of_name[n]) for of_name in curves.values())
            place: dict[str, Any] = above if is_highest else below
            axes.annotate(_short(means[n]), (x, means[n]), textcoords="offset points", fontsize=8, **place)
    controls = controls or {}
    for name, (scope, found) in controls.items():
        x, y = scopes[scope], mean(found)
        axes.plot([x] * len(found), found, "D", ms=9, mfc="none", color="0.35", label=name)
        place = dict(xytext=(9, -3), ha="left", color="0.35")
        axes.annotate(_short(y), (x, y), textcoords="offset points", fontsize=8, **place)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    axes.set_xticks(tokens, [f"{name}\n{n:,} tokens" for name, n in scopes.items()])
    axes.minorticks_off()
    axes.set(xlim=(tokens[0] / 2, 2 * tokens[-1]), ylabel="maximum violation\n(doubling axis)")
    low, high = axes.get_ylim()
    axes.set_ylim(low / 1.4, 1.4 * high)
    _ticks(axes, low / 1.4, 1.4 * high)
    axes.legend(loc="lower left")
    axes.set_title(title)
    *trained, (chance_name, chance) = curves.items()
    told = [f"{name}: {', '.join(_words(mean(v)) for v in values)}" for name, values in trained]
    told.append(f"{chance_name}: {', '.join(_short(mean(v)) for v in chance)}")
    told += [f"{name}, over {scope}: {_words(mean(found))}" for name, (scope, found) in controls.items()]
    return fig, f"{title}. Maximum violation counted over {', '.join(scopes)}. {'; '.join(told)}."


def _ticks(axes, low: float, high: float) -> None:
    ticks = [tick for tick in TICKS if low <= tick <= high]
    axes.set_yticks(ticks, [TICKS[tick] for tick in ticks])
    axes.minorticks_off()


def _short(value: float) -> str:
    return f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def _words(value: float) -> str:
    """Say a measured violation; nearer to 0 a second digit tells more."""
    return approx(value, ".1f" if value >= 1 else ".2f")
