"""Figures about what rounding costs: outliers that share a scale, and sums with few bits.

Bands reach from the smallest to the largest seed.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
from torch.nn.functional import max_pool2d

from lessons_lib.show.drawing import band, heading, mean
from lessons_lib.show.explained import explained
from lessons_lib.show.measured import approx
from lessons_lib.show.style import COLOURS, LINES, MARKERS


@explained
def errors_by_outlier(
    factors, errors: dict[str, list[list[float]]], *, title: str, marks: dict[float, str] | None = None
):
    """Return (figure, alt text): error of the ordinary numbers against how large the outliers are.

    `errors` maps a name to a list for each factor, with one relative error (1 is all) for each seed.
    `marks` are factors at which a line with a name stands.
    """
    fig, axes = plt.subplots(figsize=(6.6, 3.8))
    _bands(axes, factors, {n: [[100 * e for e in seeds] for seeds in of] for n, of in errors.items()})
    axes.set_xscale("log")
    axes.minorticks_off()
    axes.set(ylim=(0, 108), xlabel="outliers are so many times the typical number (log)")
    axes.set_ylabel("error of the other numbers, %")
    axes.axhline(100, color="0.6", lw=1, ls=":")
    axes.text(factors[0], 101, "all lost", color="0.4", fontsize=8.5)
    for factor, name in (marks or {}).items():
        axes.axvline(factor, color="0.35", lw=1.2, ls="-", zorder=0)
        axes.text(factor, 86, f"{name} ", ha="right", va="center", fontsize=8.5, color="0.25")
    axes.set_title(title)
    axes.set_xticks(factors, [f"{factor:,.0f}" for factor in factors])
    fig.legend(loc="outside lower center", ncols=2)
    at = {"1": 0, "1,000": list(factors).index(1e3), f"{factors[-1]:,.0f}": -1}
    told = "; ".join(
        f"{name}: " + ", ".join(f"{approx(100 * mean(of[i]), '.0f')} % at {words}" for words, i in at.items())
        for name, of in errors.items()
    )
    told += "".join(f". A line at {x:,.0f}: {' '.join(name.split())}" for x, name in (marks or {}).items())
    return fig, f"{title}. Error of the numbers that are no outliers, by the outliers' factor: {told}."


@explained
def lost_numbers(maps: dict, *, title: str):
    """Return (figure, alt text): where numbers became 0; `maps` has booleans (rows, columns).

    A single row of a map of hundreds would be a hair: what is lost is drawn thicker there, and that is said.
    """
    fig, panels = plt.subplots(1, len(maps), figsize=(7.6, 2.5))
    told = []
    for axes, (name, lost) in zip(panels, maps.items()):
        share = lost.double().mean().item()
        thick = 2 * (len(lost) // 160) + 1  # rows; odd, so that the mark stays centred on its row
        seen = max_pool2d(lost.double()[None], (thick, 1), stride=1, padding=(thick // 2, 0))[0]
        axes.imshow(seen.tolist(), cmap="Greys", vmin=0, vmax=1, aspect="auto", interpolation="antialiased")
        axes.set(xticks=[0, lost.shape[1]], yticks=[0, lost.shape[0]])
        axes.set_title(f"{name}: {100 * share:.1f} % lost", fontsize=9.5)
        axes.set_xlabel("channel")
        for side in ("top", "right"):
            axes.spines[side].set_visible(True)
        told.append(f"{name} {approx(100 * share, '.1f')} %")
    panels[0].set_ylabel("token")
    drawn = f"\n(what is lost is drawn {thick} tokens high, so that a single row can be seen)"
    heading(fig, title + drawn if thick > 1 else title, x=0.02, fontsize=10.5)
    return (
        fig,
        f"{title}. Maps of one matrix, dark where a number became 0: {', '.join(told)} of all numbers.",
    )


@explained
def sums_by_length(lengths, errors: dict[str, dict[str, list[list[float]]]], *, title: str):
    """Return (figure, alt text): relative error of sums against their length, a panel for each kind of data.

    `errors` maps the kind of data to names, and a name to a list for each length, one error for each seed.
    """
    fig, panels = plt.subplots(1, len(errors), figsize=(7.6, 3.3), sharey=True)
    told = []
    for axes, (kind, of_kind) in zip(panels, errors.items()):
        _bands(axes, lengths, {n: [[100 * e for e in seeds] for seeds in of] for n, of in of_kind.items()})
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.set_xticks(lengths, [f"{n:,}" if n < 1000 else f"{n // 1024}k" for n in lengths])
        axes.minorticks_off()
        axes.set(xlabel=f"products in a sum, {kind}")
        for name, of in of_kind.items():
            start, end = (approx(100 * mean(seeds), ".2g") for seeds in (of[0], of[-1]))
            told.append(f"{kind}, {name}: {start} % to {end} %")
    panels[0].set_ylabel("relative error of the sums, %")
    panels[0].yaxis.set_major_formatter("{x:g}")
    panels[0].legend(loc="center left", bbox_to_anchor=(0.0, 0.42))
    heading(fig, title, x=0.02)
    return fig, (
        f"{title}. From {lengths[0]:,} to {lengths[-1]:,} products, both axes logarithmic: {'; '.join(told)}."
    )


def _bands(axes, x, lines: dict[str, list[list[float]]]) -> None:
    """Draw the mean of the seeds as a line, and from the smallest to the largest as a band."""
    for i, (name, of) in enumerate(lines.items()):
        look = dict(color=COLOURS[i], marker=MARKERS[i], ls=LINES[i], lw=1.4, ms=5, label=name)
        band(axes, x, zip(*of, strict=True), alpha=0.2, **look)
