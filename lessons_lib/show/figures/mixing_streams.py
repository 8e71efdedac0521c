"""Figures about what many layers multiply up to, which codes fit another format, and when things came out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from torch import Tensor

from lessons_lib.show.drawing import heading
from lessons_lib.show.explained import explained
from lessons_lib.show.style import COLOURS, LINES, MARKERS


@explained
def products(rows: Mapping[str, Mapping[int, Tensor]], *, title: str) -> tuple[Figure, str]:
    """Return (figure, alt text): a row for each way, {way: {layers: matrix}}, numbers written in."""
    columns = list(next(iter(rows.values())))
    fig, grid = plt.subplots(len(rows), len(columns), figsize=(7.4, 1.9 * len(rows)), squeeze=False)
    words = []
    for line, (way, by_depth) in zip(grid, rows.items()):
        for axes, (depth, matrix) in zip(line, by_depth.items()):
            axes.imshow(matrix, cmap="PuOr_r", vmin=-2, vmax=2)
            for i, row in enumerate(matrix.tolist()):
                for j, value in enumerate(row):
                    dark = abs(value) > 1.2
                    text = f"{value:.2f}" if abs(value) < 10 else f"{value:.0f}"
                    axes.text(
                        j, i, text, ha="center", va="center", fontsize=7, color="white" if dark else "0.1"
                    )
            axes.set(xticks=[], yticks=[], xlabel=f"{depth} layer{'s' if depth > 1 else ''}")
        line[0].set_ylabel(way, fontsize=9)
        words.append(f"{way}: largest entry ≈{matrix.abs().max().item():.2g} after {depth} layers")
    heading(fig, title)
    return fig, f"{title}. {'; '.join(words)}."


@explained
def gains(ways: Mapping[str, Mapping[int, float]], *, title: str) -> tuple[Figure, str]:
    """Return (figure, alt text): how much a signal can grow by depth, {way: {layers: times}}, log scale."""
    fig, axes = plt.subplots(figsize=(7.0, 3.2))
    words = []
    for i, (way, by_depth) in enumerate(ways.items()):
        look: dict[str, Any] = dict(color=COLOURS[i], ls=LINES[i], marker=MARKERS[i], ms=5)
        axes.plot(list(by_depth), list(by_depth.values()), label=way, **look)
        words.append(f"{way} ≈{list(by_depth.values())[-1]:.3g}")
    axes.set(yscale="log", xlabel="layers", ylabel="gain, times (log scale)")
    axes.legend(fontsize=8.5)
    heading(fig, title)
    return fig, f"{title}. After the last layer: {', '.join(words)} times."


@explained
def codes_that_fit(
    codes: Sequence[float], exponents: Sequence[int], exact: Tensor, *, title: str
) -> tuple[Figure, str]:
    """Return (figure, alt text): a dot where a code times a power of two is a number of the other format.

    `exact` (codes, exponents) bool; crosses are numbers that would be rounded.
    """
    fig, axes = plt.subplots(figsize=(7.2, 2.9))
    for fits, mark, colour, name in ((True, "o", COLOURS[0], "exact"), (False, "x", COLOURS[1], "rounded")):
        where = (exact == fits).nonzero()
        places = [exponents[j] for j in where[:, 1].tolist()]
        axes.plot(places, where[:, 0].tolist(), mark, color=colour, ms=5, label=name)
    axes.set_yticks(range(len(codes)), [f"{code:g}" for code in codes])
    axes.set(xlabel="exponent k of the power of two", ylabel="code of E2M1")
    axes.legend(fontsize=8.5, ncols=2, loc="lower left", bbox_to_anchor=(0, 0.97), borderpad=0)
    heading(fig, title)
    whole = [k for k, fits in zip(exponents, exact.all(dim=0).tolist()) if fits]
    return fig, f"{title}. All codes are exact for k from {whole[0]} to {whole[-1]}, {len(whole)} in a row."


@explained
def timeline(events: Sequence[tuple[float, str, bool]], *, title: str) -> tuple[Figure, str]:
    """Return (figure, alt text): what came out when, (year with fraction, words, reported only) in order."""
    fig, axes = plt.subplots(figsize=(7.4, 0.27 * len(events) + 0.9))
    axes.axvline(0, color="0.5", lw=1.2, ls="-")
    for row, (_, words, reported) in enumerate(events):
        axes.plot(0, row, "o", color=COLOURS[0], mfc="white" if reported else COLOURS[0], ms=6)
        axes.text(0.02, row, words, va="center", fontsize=8.5)
    years = [int(when) for when, _, _ in events]
    for row, year in enumerate(years):
        if row == 0 or years[row - 1] != year:
            axes.text(-0.02, row, str(year), ha="right", va="center", fontsize=9.5, weight="bold")
    axes.set(xlim=(-0.12, 1), ylim=(len(events) - 0.4, -0.6))
    axes.axis("off")
    heading(fig, title)
    told = sum(reported for _, _, reported in events)
    return (
        fig,
        f"{title}. {len(events)} releases from {years[0]} to {years[-1]}, {told} as reported (hollow).",
    )
