"""Boxes and arrows on paper: a plan of a diagram, before anything is drawn. Places are in inches.

The residual stream of an opened block runs up at x = STREAM; its parts lie between LEFT and RIGHT.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

STREAM, LEFT, RIGHT = 2.62, 3.62, 7.1  # of the opened block: its stream, and where its boxes lie
Arrow = tuple[tuple[float, float], ...]  # corners of a line; its head is at the last


@dataclass(frozen=True)
class Box:
    """One part: its name (what can be lit), what stands in it, its centre and size."""

    name: str
    text: str
    x: float
    y: float
    width: float = 1.06
    height: float = 0.42
    group: str = ""  # a name under which it is lit together with others
    cached: bool = False  # belongs to what is kept of a token
    tagged: bool = False  # is itself what is kept
    linear: bool = False  # a matrix that may compute in 8 bits

    @property
    def top(self) -> float:
        return self.y + self.height / 2

    @property
    def bottom(self) -> float:
        return self.y - self.height / 2


@dataclass
class Plan:
    """Boxes and arrows, from the bottom up; `height` is how far they reach."""

    height: float
    boxes: list[Box] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)
    starts: dict[str, float] = field(
        default_factory=dict
    )  # heights at which a half of the block reads the stream
    sums: list[float] = field(default_factory=list)  # and at which its answer is added

    def up(self, lower: Box, upper: Box, x: float | None = None) -> None:
        """Draw an arrow from box to box, straight up at `x` (default: the lower one's middle)."""
        x = lower.x if x is None else x
        self.arrows.append(((x, lower.top), (x, upper.bottom)))

    def fan(self, group: str, boxes: Iterable[Box]) -> None:
        """Lead a normalised copy of the stream to each of `boxes`."""
        norm = Box("norm", "norm", LEFT - 0.3, self.height + 0.26, 0.62, 0.3, group)
        self.starts[group] = norm.y
        self.arrows.append(((STREAM, norm.y), (norm.x - norm.width / 2, norm.y)))
        for box in boxes:
            self.arrows.append(((norm.x + norm.width / 2, norm.y), (box.x, norm.y), (box.x, box.bottom)))
        self.boxes += [norm, *boxes]

    def join(self, last: Box) -> None:
        """Add the answer of `last` to the stream, and go on above it."""
        self.arrows.append(((last.x - last.width / 2, last.y), (STREAM + 0.09, last.y)))
        self.sums.append(last.y)
        self.height = last.top + 0.14

    def join_by(self, box: Box, height: float) -> None:
        """Add the answer of `box` to the stream by a way of its own, at `height`."""
        self.arrows.append(((box.x, box.top), (box.x, height), (STREAM + 0.09, height)))
        self.sums.append(height)
        self.height = height + 0.2
