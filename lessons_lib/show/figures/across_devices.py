"""Figures about experts on many devices: the way of one token, nodes touched, bytes sent, devices at work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from lessons_lib.show.explained import explained
from lessons_lib.show.style import COLOURS, HATCHES

ROW, FAR = 1.5, 6.2  # from node to node in the column on the right; where that column begins
KINDS = (
    ("the token's home", COLOURS[1], ""),
    ("has an expert of it", COLOURS[0], ""),
    ("hands it on", "#fbd9c3", "///"),
    ("", "white", ""),
)


@explained
def token_journey(
    experts: Sequence[int],
    *,
    home: int = 1,
    node_first: bool = True,
    n_nodes: int = 8,
    per_node: int = 8,
    each: int = 4,
) -> tuple[Figure, str]:
    """Return (figure, alt text): nodes of `per_node` devices with `each` experts, and one token's letters.

    The token lives on device `home` of node 0. `node_first`: one letter to each node, there to the device at
    home's place, from which it is handed on; otherwise one letter for each of its `experts`.
    """
    fig, axes = plt.subplots(figsize=(7.27, 4.6))
    goals = sorted({expert // each for expert in experts})  # devices, numbered through
    nodes = sorted({device // per_node for device in goals})
    stops = [node * per_node + home for node in nodes] if node_first else goals
    sent = stops if node_first else [expert // each for expert in experts]
    crossing = [device for device in sent if device >= per_node]
    bottom = ROW * (n_nodes - 2)
    for node in range(n_nodes):
        _node(axes, node, n_nodes, per_node)
    for device in range(n_nodes * per_node):
        x, y = _place(device, n_nodes, per_node)
        kind = next((i for i, some in enumerate(([home], goals, stops)) if device in some), 3)
        look: dict[str, Any] = dict(zip(("facecolor", "hatch"), KINDS[kind][1:]), edgecolor="0.6", lw=0.8)
        axes.add_patch(Rectangle((x - 0.36, y - 0.36), 0.72, 0.72, zorder=2, **look))
    lanes = [device for device in stops if device >= per_node]
    for device in lanes:  # the further right, the higher its lane above the node's devices
        lane = sum(other // per_node == device // per_node and other < device for other in lanes)
        _slow_letter(axes, home, device, lane, crossing.count(device), n_nodes, per_node)
    for device in goals:  # inside a node: from home itself, or from the device that hands on
        start = device // per_node * per_node + home
        if device != start and (node_first or device < per_node):
            _fast_letter(axes, start, device, n_nodes, per_node)
    _key(axes, bottom + 1.35, KINDS[: 3 if node_first else 2])
    axes.set(xlim=(-0.75, FAR + per_node + 1.3), ylim=(bottom + 2.6, -1.05), aspect="equal")
    axes.axis("off")
    how = "one for each node" if node_first else "one for each expert"
    axes.set_title(f"{len(crossing)} letters cross the slow links, {how}")
    return fig, (
        f"{n_nodes} nodes of {per_node} devices. A token on device {home} of node 0 has experts on "
        f"{len(goals)} devices of {len(nodes)} nodes ({', '.join(map(str, nodes))}). "
        f"{len(crossing)} letters cross the slow links between nodes, {how}."
    )


def _place(device: int, n_nodes: int, per_node: int) -> tuple[float, float]:
    """Return the middle of a device: node 0 stands on the left, two in a row, the others on the right."""
    node, inside = divmod(device, per_node)
    if node == 0:
        return inside % 2, ROW * (n_nodes - 2) / 2 + inside // 2 - (per_node // 2 - 1) / 2
    return FAR + inside, ROW * (node - 1)


def _node(axes, node: int, n_nodes: int, per_node: int) -> None:
    """Draw a node's frame, and its name."""
    (left, top), (right, low) = (_place(node * per_node + i, n_nodes, per_node) for i in (0, per_node - 1))
    size = right - left + 1.0, low - top + 1.0
    axes.add_patch(Rectangle((left - 0.5, top - 0.5), *size, facecolor="none", edgecolor="0.35", lw=1.2))
    at = (left - 0.5, top - 0.75) if node == 0 else (right + 0.65, top)
    axes.text(*at, f"node {node}", fontsize=9, va="center")


def _slow_letter(axes, home: int, end: int, lane: int, copies: int, n_nodes: int, per_node: int) -> None:
    """Draw a letter between nodes: straight to the column, then above the devices, and down to its own."""
    (x0, y0), (x, y) = (_place(device, n_nodes, per_node) for device in (home, end))
    height = y - 0.58 - 0.11 * lane
    way = [(x0 + 0.36, y0), (FAR - 1.0, height), (x, height)]
    axes.plot(*zip(*way), color=COLOURS[1], lw=1.6, ls="-", zorder=3, solid_joinstyle="round")
    look = dict(arrowstyle="-|>", color=COLOURS[1], lw=1.6, shrinkA=0, shrinkB=0, mutation_scale=9)
    axes.annotate("", (x, y - 0.3), (x, height), arrowprops=look, zorder=3)
    if copies > 1:
        axes.text(x, y, f"x{copies}", fontsize=8.5, ha="center", va="center", color="white", zorder=4)


def _fast_letter(axes, start: int, end: int, n_nodes: int, per_node: int) -> None:
    """Draw a letter inside a node, which takes the fast links: below its devices; dashed."""
    (x0, y0), (x, y) = (_place(device, n_nodes, per_node) for device in (start, end))
    look: dict[str, Any] = dict(color=COLOURS[2], lw=1.6, ls="--", zorder=3)
    head = dict(arrowstyle="-|>", color=COLOURS[2], lw=1.6, shrinkA=0, shrinkB=0, mutation_scale=9)
    if y0 == y:
        axes.plot([x0, x0, x], [y0 + 0.36, y0 + 0.62, y0 + 0.62], **look)
        axes.annotate("", (x, y + 0.3), (x, y0 + 0.62), arrowprops=head, zorder=3)
    else:  # node 0 is two wide: down its middle
        axes.plot([x0 - 0.36, 0.5, 0.5], [y0, y0, y], **look)
        axes.annotate("", (x + (0.3 if x < 0.5 else -0.3), y), (0.5, y), arrowprops=head, zorder=3)


def _key(axes, y: float, kinds: Sequence[tuple[str, str, str]]) -> None:
    """Say below the nodes what colours and lines mean."""
    for x, (text, face, hatch) in zip((-0.36, 4.3, 9.2), kinds):
        axes.add_patch(
            Rectangle((x, y - 0.25), 0.5, 0.5, facecolor=face, hatch=hatch, edgecolor="0.6", lw=0.8)
        )
        axes.text(x + 0.68, y, text, va="center", fontsize=9)
    for x, text, colour, style in (
        (-0.36, "slow link", COLOURS[1], "-"),
        (4.3, "fast link", COLOURS[2], "--"),
    ):
        axes.plot([x, x + 0.5], [y + 0.85] * 2, color=colour, lw=1.6, ls=style)
        axes.text(x + 0.68, y + 0.85, text, va="center", fontsize=9)


@explained
def nodes_touched(shares: Mapping[str, Sequence[float]], *, title: str) -> tuple[Figure, str]:
    """Return (figure, alt text): what share of the tokens touches 1, 2, ... nodes, a bar for each name."""
    fig, axes = plt.subplots(figsize=(6.6, 3.0))
    width = 0.8 / len(shares)
    for i, (name, row) in enumerate(shares.items()):
        x = [n + 1 + (i - (len(shares) - 1) / 2) * width for n in range(len(row))]
        axes.bar(x, [100 * share for share in row], width, color=COLOURS[i], hatch=HATCHES[i], label=name)
        mean = sum((n + 1) * share for n, share in enumerate(row))
        axes.axvline(mean, color=COLOURS[i], ls=":", lw=1.4)
        axes.text(mean + 0.05, 103, f"mean {mean:.2f}", fontsize=8.5, color=COLOURS[i])
    axes.set(xlabel="nodes that a token touches", ylabel="% of the tokens", ylim=(0, 112))
    axes.legend(loc="center left", bbox_to_anchor=(0.0, 0.6))
    axes.set_title(title)
    return fig, f"{title}. Bars of how many nodes a token touches: {', '.join(shares)}; dotted lines: means."


@explained
def bars(values: Mapping[str, float], *, label: str, title: str, digits: int = 0) -> tuple[Figure, str]:
    """Return (figure, alt text): a lying bar for each value, with the value beside it."""
    fig, axes = plt.subplots(figsize=(6.8, 0.42 * len(values) + 1.0))
    for i, value in enumerate(values.values()):
        axes.barh(i, value, 0.62, color=COLOURS[0])
        axes.text(value, i, f" {value:.{digits}f}", va="center")
    axes.set_yticks(range(len(values)), values)
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    axes.set(xlabel=label, xlim=(0, 1.15 * max(values.values())))
    axes.set_title(title)
    return fig, f"{title}. Bars of {label}: {', '.join(values)}."


@explained
def devices_at_work(load: Tensor, slots: Tensor, n_devices: int, *, title: str = "") -> tuple[Figure, str]:
    """Return (figure, alt text): what each device has to do, over the mean, the busiest expert's part marked.

    `load` (E,) is what each expert has to do, `slots` (S,) the expert in each slot, device by device.
    """
    counts = torch.bincount(slots, minlength=len(load))
    share = (load.double() / counts)[slots] / load.double().sum() * n_devices  # (S,)
    hot = int(load.argmax())
    work = share.view(n_devices, -1).sum(1).numpy()
    of_hot = (share * (slots == hot)).view(n_devices, -1).sum(1).numpy()
    fig, axes = plt.subplots(figsize=(7.0, 3.0))
    axes.bar(range(n_devices), of_hot, 0.85, color=COLOURS[1], hatch=HATCHES[1], label="busiest expert")
    axes.bar(range(n_devices), work - of_hot, 0.85, bottom=of_hot, color=COLOURS[0], label="other experts")
    axes.axhline(1, color="0.3", lw=1, ls="-")
    axes.text(n_devices - 0.4, 1.04, "mean", ha="left", fontsize=8.5)
    worst = float(work.max())
    axes.set(xlabel="device", ylabel="work, times the mean", ylim=(0, max(1.6, 1.12 * worst)))
    axes.set_xlim(-0.8, n_devices + 1.2)
    axes.legend(loc="upper right", ncols=2)
    axes.set_title(title or f"The busiest of {n_devices} devices works {worst:.2f} times the mean")
    return fig, (
        f"A bar of work for each of {n_devices} devices with {len(slots)} slots: the busiest has "
        f"{worst:.2f} times the mean. The busiest expert has {int(counts[hot])} of the slots."
    )
