"""Figures made of text: what a model wrote, and where it was most wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt

from lessons_lib.show.drawing import heading
from lessons_lib.show.style import COLOURS

MONO = "DejaVu Sans Mono"  # comes with matplotlib
WRONG = COLOURS[1]


@dataclass(frozen=True)
class Written:
    """A text: `given` by us, then `tokens`, of which the first `possible` can occur in the domain."""

    label: str
    given: str
    tokens: Sequence[str]
    possible: int


def written_texts(groups: Mapping[str, Sequence[Written]], *, title: str, width: int = 76):
    """Return a figure with a row of text per `Written`, grouped under headings.

    What the domain could have written is plain; the first token that it could not is boxed, and what
    follows is grey. Rows are cut at `width` characters.
    """
    n_rows = sum(len(rows) for rows in groups.values()) + 1.3 * len(groups)
    fig, axes = plt.subplots(figsize=(9.2, 0.27 * n_rows + 0.5))
    axes.set(xlim=(-13, width + 1), ylim=(n_rows + 0.2, -0.4))
    axes.axis("off")
    line = 0.3
    for name, rows in groups.items():
        axes.text(-13, line, name, weight="bold", va="center")
        line += 1
        for row in rows:
            axes.text(-12.4, line, row.label, va="center", fontsize=8.5, color="0.25")
            _write(axes, row, line, width)
            line += 1
        line += 0.3
    axes.set_title(title)
    return fig


def _write(axes, row: Written, line: float, width: int) -> None:
    look = dict(family=MONO, fontsize=8.5, va="center", ha="center")
    column = 0
    for character in row.given:
        axes.text(column, line, character, color="0.45", **look)
        column += 1
    axes.plot([column - 0.5] * 2, [line - 0.4, line + 0.4], color="0.45", ls="-", lw=0.8)
    for place, token in enumerate(row.tokens):
        if column + len(token) > width:
            break
        at_fault = place == row.possible
        style = (
            dict(color=WRONG, weight="bold")
            if at_fault
            else {"color": "black" if place < row.possible else "0.65"}
        )
        if at_fault:
            left, size = column - 0.5, len(token)
            axes.add_patch(plt.Rectangle((left, line - 0.45), size, 0.9, fill=False, edgecolor=WRONG, lw=1.2))
        for character in "\u2423" * (token == " ") or token:
            shown = " " if token == " " and not at_fault else character
            axes.text(column, line, shown, **look, **style)
            column += 1


@dataclass(frozen=True)
class Mistake:
    """A token that cost a model much more than it had to."""

    domain: str
    context: str  # the end of what the model had read
    came: str
    allowed: Mapping[str, float]  # the rules' own probabilities of the next token
    expected: Mapping[str, float]  # the model's


def mistakes(cases: Sequence[Mistake], *, title: str, symbols: int = 5):
    """Return a figure with a row per mistake: the text on the left, both probabilities of `symbols`.

    The token that came stands first among the bars.
    """
    fig, rows = plt.subplots(
        len(cases), 2, figsize=(9.2, 1.15 * len(cases) + 0.4), width_ratios=(2.3, 1), squeeze=False
    )
    for (left, right), case in zip(rows, cases, strict=True):
        left.axis("off")
        text = case.context + "_"
        lines = [text[start : start + 74] for start in range(0, len(text), 74)]
        true, ours = case.allowed.get(case.came, 0.0), case.expected[case.came]
        said = f"came {_name(case.came)}, probability {_odd(true)} by the rules, {_odd(ours)} by the model"
        left.text(0, 0.95, case.domain, weight="bold", va="top", transform=left.transAxes)
        left.text(0.18, 0.95, said, va="top", color="0.25", transform=left.transAxes)
        look = dict(family=MONO, fontsize=9.5, va="top", transform=left.transAxes)
        left.text(0, 0.66, "\n".join(lines), **look).set_in_layout(False)
        _odds(right, case, symbols)
    handles = [
        plt.Rectangle((0, 0), 1, 1, facecolor="white", edgecolor="black", hatch="////"),
        plt.Rectangle((0, 0), 1, 1, facecolor=COLOURS[0]),
    ]
    fig.legend(handles, ("by the rules", "by the model"), loc="upper right", ncols=2, fontsize=8.5)
    heading(fig, title)
    return fig


def _name(token: str) -> str:
    return {" ": "space", "\n": "newline"}.get(token, token)


def _odd(probability: float) -> str:
    """Write a probability so that a small one does not look like none: two digits that count."""
    return f"{probability:.2f}" if probability >= 0.1 or not probability else f"{probability:.2g}"


def _odds(axes, case: Mistake, symbols: int) -> None:
    order = sorted(case.expected, key=lambda s: -max(case.expected[s], case.allowed.get(s, 0.0)))
    order = [case.came, *(s for s in order if s != case.came)][:symbols]
    for place, symbol in enumerate(order):
        true, ours = case.allowed.get(symbol, 0.0), case.expected[symbol]
        axes.bar(place - 0.2, true, 0.38, facecolor="white", edgecolor="black", hatch="////", lw=0.7)
        axes.bar(place + 0.2, ours, 0.38, facecolor=COLOURS[0])
    axes.set_xticks(range(len(order)), [_name(s) for s in order], family=MONO, fontsize=8.5)
    axes.get_xticklabels()[0].set_weight("bold")
    axes.set(ylim=(0, 1.08), yticks=(0, 1))
    axes.tick_params(axis="x", length=0)


def looks(tokens: Sequence[str], weights: Sequence[float], target: Sequence[int], *, title: str):
    """Return a figure of a text, the last token asking: a bar under each token for the weight it gets.

    The tokens at `target`, where a model that knows the rule would look, are boxed.
    """
    n = len(tokens)
    fig, axes = plt.subplots(figsize=(9.2, 1.9))
    axes.bar(range(n), weights, width=0.8, color=COLOURS[0])
    for place, token in enumerate(tokens):
        box = dict(boxstyle="square,pad=0.15", fc="white", ec=WRONG, lw=1.4) if place in target else None
        weight = "bold" if place in target or place == n - 1 else "normal"
        axes.text(
            place, -0.13, token, family=MONO, fontsize=8, ha="center", va="center", weight=weight, bbox=box
        )
    axes.annotate(
        "asks",
        (n - 1, -0.2),
        (n - 1, -0.42),
        ha="center",
        fontsize=8,
        arrowprops=dict(arrowstyle="-", lw=0.8),
    )
    axes.spines["bottom"].set_visible(False)
    axes.spines["left"].set_bounds(0, 1)
    axes.set(xlim=(-0.8, n - 0.2), ylim=(-0.45, 1.05), xticks=(), yticks=(0, 0.5, 1), ylabel="weight")
    axes.set_title(title)
    return fig
