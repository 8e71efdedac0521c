"""The course's one block diagram: a model drawn from its configuration, with the part in question lit."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.patches import Circle, FancyBboxPatch

from lessons_lib.config import ModelConfig
from lessons_lib.show.drawing import PALE
from lessons_lib.show.figures.boxes import RIGHT, STREAM, Box, Plan
from lessons_lib.show.figures.model_parts import parts
from lessons_lib.show.style import COLOURS
from lessons_lib.signatures import checked

INK, LIT, SOFT, GLOW = COLOURS[0], COLOURS[1], "0.45", "#fbd9c3"
WIDTH = 7.27  # inches: 800 pixels


@checked()
def model_diagram(config: ModelConfig, lit: str | Collection[str] = (), title: str | None = None):
    """Return (figure, alt text): the model of `config`, and beside it one of its blocks opened.

    `lit` names the parts that are drawn bold on a coloured ground: a box ("keys", "latent", "router", "MTP"),
    or several together: "attention", "feed-forward", "experts", "cache" (what is kept of a token, which then
    says "cached"), "linear" (the matrices that may compute in 8 bits). Widths come from the configuration.
    Where "MTP" alone is lit, the opened block is the module's. A part that this model does not have raises
    ValueError with the names of those it has.
    """
    trunk, block = parts(config)
    wanted = {lit} if isinstance(lit, str) else set(lit)
    boxes = trunk.boxes + block.boxes
    known = {name for box in boxes for name in _names(box)}
    if unknown := wanted - known:
        raise ValueError(f"no {', '.join(sorted(unknown))} in this model; it has {', '.join(sorted(known))}")
    fig = plt.figure(figsize=(WIDTH, block.height + 0.35), layout="none")
    axes = fig.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(0, block.height + 0.35))
    axes.axis("off")
    frame = FancyBboxPatch(
        (2.12, 0.12), RIGHT - 1.98, block.height - 0.24, boxstyle="round,pad=0,rounding_size=0.1"
    )
    axes.add_patch(frame)
    frame.set(facecolor="white", edgecolor=SOFT, lw=1, ls=(0, (4, 2)))
    inside = "MTP" if wanted == {"MTP"} else "block"  # a module's block is one like the others
    opened = next(box for box in reversed(trunk.boxes) if box.name.startswith(inside))
    for corner, end in ((opened.top, block.height - 0.2), (opened.bottom, 0.2)):
        axes.plot((opened.x + opened.width / 2, 2.12), (corner, end), color=SOFT, lw=0.8, ls=(0, (4, 2)))
    _arrow(axes, ((STREAM, 0.12), (STREAM, block.height - 0.02)), lw=2.2)
    stream = f"residual stream, {config.dim:,} numbers a token"
    axes.text(
        STREAM - 0.17,
        block.height / 2,
        stream,
        rotation=90,
        ha="center",
        va="center",
        fontsize=8,
        color="0.25",
    )
    for plan in (trunk, block):
        for arrow in plan.arrows:
            _arrow(axes, arrow)
    for height in block.sums:
        axes.add_patch(Circle((STREAM, height), 0.09, facecolor="white", edgecolor=INK, lw=1.2, zorder=4))
        axes.text(STREAM, height, "+", ha="center", va="center_baseline", fontsize=9, zorder=5)
    for half, height in block.starts.items():
        axes.text(RIGHT - 0.06, height - 0.13, half, ha="right", va="center", style="italic", color="0.25")
    for box in boxes:
        _box(axes, box, bool(wanted & _names(box)), "cache" in wanted and box.tagged)
    axes.text(0.95, 0.24, "token", ha="center", va="center", fontsize=8.5)
    ends = [(0.95, "scores of the next token")]
    if config.n_mtp_layers:
        ends = [(0.5, "next token"), (1.36, "the one after")]
        look: dict[str, Any] = dict(rotation=90, ha="center", va="center", fontsize=7, color="0.25", zorder=3)
        patch = dict(facecolor="white", edgecolor="none", pad=0.6)
        axes.text(1.86, block.height / 2, "next token's embedding", bbox=patch, **look)
    for x, text in ends:
        axes.text(x, block.height - 0.22, text, ha="center", va="center", fontsize=8.5)
    axes.text(0.06, block.height + 0.17, title or _title(config), fontsize=11, va="center")
    return fig, _words(config, trunk, block, wanted)


def _names(box: Box) -> set[str]:
    """Return all names under which a box is lit."""
    more = {"cache": box.cached, "linear": box.linear, "feed-forward": box.group == "experts"}
    return {box.name, box.group or box.name} | {name for name, holds in more.items() if holds}


def _arrow(axes, points, lw: float = 1.1) -> None:
    axes.plot(*zip(*points), color=INK, lw=lw, ls="-", zorder=1, solid_capstyle="butt")
    look = dict(arrowstyle="-|>", color=INK, lw=lw, shrinkA=0, shrinkB=0, mutation_scale=7 + lw)
    axes.annotate("", points[-1], points[-2], arrowprops=look, zorder=2)


def _box(axes, box: Box, lit: bool, cached: bool) -> None:
    corner = box.x - box.width / 2, box.bottom
    shape = FancyBboxPatch(corner, box.width, box.height, boxstyle="round,pad=0,rounding_size=0.05", zorder=3)
    shape.set(facecolor=GLOW if lit else PALE, edgecolor=LIT if lit else INK, lw=2.2 if lit else 0.9)
    axes.add_patch(shape)
    look = dict(ha="center", va="center", linespacing=1.1, zorder=4, weight="bold" if lit else "normal")
    axes.text(box.x, box.y, box.text, fontsize=7.9, **look)
    if cached:
        tag = dict(boxstyle="round,pad=0.15", fc=LIT, ec="none")
        where = corner[0] + box.width - 0.06, box.top + 0.02
        axes.text(*where, "cached", fontsize=6.8, color="white", ha="right", va="center", bbox=tag, zorder=6)


def _title(config: ModelConfig) -> str:
    blocks = f"{config.n_layers} blocks add to" if config.n_layers > 1 else "One block adds to"
    return f"{blocks} a stream of {config.dim:,} numbers; one block is opened on the right"


def _words(config: ModelConfig, trunk: Plan, block: Plan, wanted: set[str]) -> str:
    def told(boxes):
        return "; ".join(
            box.text.replace("\n", " ")
            for box in boxes
            if box.text not in ("norm", "…") and box.name != "RoPE"
        )

    lit = f" Lit: {', '.join(sorted(wanted))}." if wanted else ""
    opened = "the module's block" if wanted == {"MTP"} else "one block"
    turned = "queries and keys" if config.kv_lora_rank is None else "a part of the queries and the rotary key"
    return (
        f"Block diagram. A column from token to scores: {told(trunk.boxes)}. Beside it {opened}, which adds "
        f"two answers to the residual stream of {config.dim:,} numbers: {told(block.boxes)}. "
        f"RoPE turns {turned}.{lit}"
    )
