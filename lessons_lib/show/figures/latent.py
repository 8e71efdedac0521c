"""Figures about latent attention: what is made from what, what a cache holds, what fewer numbers cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.patches import FancyBboxPatch

from lessons_lib.config import ModelConfig
from lessons_lib.runs import Seeds
from lessons_lib.show.drawing import PALE, band
from lessons_lib.show.explained import explained
from lessons_lib.show.style import COLOURS, LINES, MARKERS

# name -> (x, y, width, text, kind); inches, from the bottom up
BOXES = {
    "h": (3.75, 0.3, 1.5, "hidden state h", "plain"),
    "cq": (1.65, 1.2, 1.5, "query latent", "plain"),
    "kr": (3.75, 1.2, 1.25, "ONE rotary key ↻", "cached turned"),
    "c": (5.9, 1.2, 1.25, "latent c", "cached"),
    "q": (0.85, 2.1, 1.45, "queries", "plain"),
    "qr": (2.45, 2.1, 1.45, "rotary queries ↻", "turned"),
    "k": (5.1, 2.1, 1.45, "keys", "plain"),
    "v": (6.7, 2.1, 1.45, "values", "plain"),
    "s": (2.98, 2.95, 5.7, "scores with every remembered token: the sum of both parts → softmax", "plain"),
    "m": (3.75, 3.62, 7.25, "mean of the values with these weights, each head its own", "plain"),
    "o": (3.75, 4.35, 1.5, "output", "plain"),
}
ARROWS = {  # from, to -> the matrix that makes one from the other, in DeepSeek's code
    "h cq": "wq_a, norm", "cq q": "wq_b", "cq qr": "wq_b", "h kr": "wkv_a", "h c": "wkv_a, norm",
    "c k": "wkv_b", "c v": "wkv_b", "q s": "", "qr s": "", "kr s": "", "k s": "", "s m": "weights", "v m": "",
    "m o": "wo",
}  # fmt: skip
REMEMBERED = "kr", "c", "k", "v"  # there is one of each for every token so far: drawn as stacks
TALL, ONE_LINE = 0.23, 0.15  # half of a box's height, with its width written in and without


@explained
def latent_flow(toy: ModelConfig, real: ModelConfig, *, names: tuple[str, str], title: str):
    """Return (figure, alt text): what latent attention makes from what, with the widths of two models.

    Numbers below a box are the widths for one token: `toy`'s, then `real`'s, which `names` call by name.
    """
    fig, axes = plt.subplots(figsize=(7.5, 5.0))
    heights = {name: TALL if all(_widths(name, toy, real)) else ONE_LINE for name in BOXES}
    for pair, matrix in ARROWS.items():
        below, above = pair.split()
        (x0, y0, *_), (x1, y1, wide, *_) = BOXES[below], BOXES[above]
        start = y0 + heights[below], y1 - heights[above]
        x1 = min(max(x0, x1 - wide / 2 + 0.2), x1 + wide / 2 - 0.2) if wide > 2 else x1  # straight up
        arrow = dict(arrowstyle="-|>", color="0.4", lw=1.2, shrinkA=0, shrinkB=0)
        axes.annotate("", (x1, start[1]), (x0, start[0]), arrowprops=arrow)
        patch = dict(facecolor="white", edgecolor="none", pad=0.6)
        place = (x0 + x1) / 2, sum(start) / 2
        axes.text(*place, matrix, fontsize=8, ha="center", va="center", bbox=patch)
    for name, (x, y, wide, text, kind) in BOXES.items():
        cached, turned, tall = "cached" in kind, "turned" in kind, heights[name]
        for behind in (0.12, 0.06, 0.0) if name in REMEMBERED else (0.0,):
            corner = x - wide / 2 + behind, y - tall + behind
            box = FancyBboxPatch(corner, wide, 2 * tall, boxstyle="round,pad=0,rounding_size=0.05")
            box.set(lw=2.2 if turned and not behind else 1.2, facecolor=COLOURS[0] if cached else PALE)
            box.set(edgecolor="white" if cached and behind else COLOURS[1] if turned else COLOURS[0])
            axes.add_patch(box)
        look: dict[str, Any] = dict(color="white" if cached else "0.1", ha="center", va="center")
        widths = _widths(name, toy, real)
        axes.text(x, y + (0.09 if all(widths) else 0), text, fontsize=9, **look)
        if all(widths):
            axes.text(x, y - 0.1, " | ".join(widths), fontsize=8.5, **look)
    axes.text(0.1, 0.82, "the new token asks", fontsize=9, style="italic")
    axes.text(7.5, 0.66, "one of each for every token so far", fontsize=9, style="italic", ha="right")
    axes.text(0.1, 0.47, f"numbers: {names[0]} | {names[1]}", fontsize=9)
    axes.text(0.1, 0.27, "dark: cached, once for all heads", fontsize=9, color=COLOURS[0])
    axes.text(0.1, 0.07, "↻: turned by the place", fontsize=9, color=COLOURS[1])
    axes.set(xlim=(0, 7.6), ylim=(0, 4.65))
    axes.axis("off")
    axes.set_title(title)
    kept = [f"{config.latent.kv_lora_rank} + {config.latent.qk_rope_head_dim}" for config in (toy, real)]
    return fig, (
        "Boxes and arrows, from the bottom up. From the hidden state come the query latent, one rotary key "
        "and the latent, both latents through a norm. Keys, values, latent and rotary key are stacks: "
        "one for every token so far; the new token asks. The query latent gives each head a query and a "
        "rotary query; the latent gives each head key and value. Cached, once for all heads, are latent and "
        f"rotary key: {names[0]} {kept[0]} "
        f"numbers, {names[1]} {kept[1]}. Turned by the place are the rotary queries and the rotary key. "
        "Scores and a softmax make weights, by which each head takes the mean of its values; then the output."
    )


def _widths(name: str, toy: ModelConfig, real: ModelConfig) -> list[str]:
    return [_width(name, config) for config in (toy, real)]


def _width(name: str, config: ModelConfig) -> str:
    """Return how wide a box is for one token: "48", or "4 × 24" where each head has its own."""
    shape, heads = config.latent, config.n_heads
    each = {"q": shape.qk_nope_head_dim, "qr": shape.qk_rope_head_dim, "k": shape.qk_nope_head_dim}
    each |= {"v": shape.v_head_dim}
    once = {"h": config.dim, "cq": shape.q_lora_rank, "c": shape.kv_lora_rank, "kr": shape.qk_rope_head_dim}
    once |= {"o": config.dim}
    if name in each:
        return f"{heads} × {each[name]}"
    return f"{once[name]:,}" if once.get(name) else ""


@explained
def spectra(left: Mapping[str, Sequence[Sequence[float]]], *, part: float, title: str):
    """Return (figure, alt text): what is lost of a cache's numbers when few directions are kept; log axis.

    `left` maps a name to one curve for each layer: the share lost with 1, 2, ... directions. A dashed line
    stands at `part`.
    """
    fig, axes = plt.subplots(figsize=(6.6, 3.3))
    for i, (name, curves) in enumerate(left.items()):
        for layer, curve in enumerate(curves):
            label = name if layer == 0 else None
            axes.plot(range(1, len(curve) + 1), curve, color=COLOURS[i], ls=LINES[i], lw=1.5, label=label)
    axes.axhline(part, color="0.5", lw=1, ls="-")
    axes.text(1, part * 1.15, f"{part:.0%} lost", color="0.35", fontsize=8.5, va="bottom")
    axes.set_yscale("log")
    axes.set(ylim=(1e-4, 1), xlim=(0, None), xlabel="directions kept", ylabel="share lost, log scale")
    axes.minorticks_off()
    axes.legend(loc="upper right")
    axes.set_title(title)
    names = "; ".join(left)
    return fig, f"Share of the squares lost against directions kept, a line for each layer: {names}."


@explained
def loss_by_numbers(kinds: Mapping[str, Mapping[int, Seeds]], *, title: str):
    """Return (figure, alt text): loss added by a smaller cache, against the numbers it keeps of a token.

    `kinds` maps a name to {numbers: nats per token added, by seed}. The axis of numbers is logarithmic.
    """
    fig, axes = plt.subplots(figsize=(7.2, 3.7))
    for i, (name, points) in enumerate(kinds.items()):
        sizes = sorted(points)
        look = dict(color=COLOURS[i], ls=LINES[i], marker=MARKERS[i], ms=6, label=name)
        band(axes, sizes, [list(row) for row in zip(*(points[size] for size in sizes))], alpha=0.2, **look)
    ticks = sorted({size for points in kinds.values() for size in points})
    axes.set_xscale("log", base=2)
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.axhline(0, color="0.5", lw=0.8, ls="-", zorder=0)
    axes.set(xlabel="numbers kept of a token in a layer, log scale", ylabel="nats per token added")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    axes.set_title(title)
    told = "; ".join(
        f"{name}: " + ", ".join(f"{size} numbers {points[size].words(2)}" for size in sorted(points))
        for name, points in kinds.items()
    )
    return fig, f"Nats per token added, mean and range of seeds, nothing trained. {told}."
