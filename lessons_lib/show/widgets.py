"""A picture with sliders: live in Jupyter, a plain picture where widgets do not run.

Its `text/plain` depends on the code alone, never on what a reader did, so nbval can compare it. It
uses `observe`, not `interact`, and no Output widget: nbval captures neither. Put a static figure in
the cell before it, for the reader of a printed page.
"""

from __future__ import annotations

import html
from base64 import b64encode
from collections.abc import Callable

import ipywidgets as W
from matplotlib.figure import Figure

from lessons_lib.show.style import SCREEN_DPI, describe, png
from lessons_lib.signatures import checked


def bundle(made, extra: dict, metadata: dict | None = None):
    """Return a widget's own mime bundle `made` with stable forms of ours beside it."""
    data = made[0] if isinstance(made, tuple) else made
    return dict(data or {}) | extra, metadata or {}


class Explore(W.VBox):
    """A picture with sliders. `draw(**values)` returns (figure, sentence) for the values chosen.

    `controls` are ipywidgets with a `value`, named like `draw`'s arguments; each has a description,
    and Tab and the arrow keys reach and move them. The sentence is the picture's alt text and
    stands below it as text, so that a number in it can be read, heard, copied and tested. What goes
    wrong in the first drawing is raised; later, the last picture stays and a sentence says which
    values could not be drawn, and why. `play` names the slider that a button moves, one step every
    `pace` milliseconds.
    """

    @checked(pace="1..")
    def __init__(self, draw: Callable, *, play: str | None = None, pace: int = 600, **controls):
        wrong = [name for name, control in controls.items() if not hasattr(control, "observe")]
        if wrong or not controls:
            raise TypeError(f"Explore needs a widget for each argument of draw; no widget: {wrong}")
        if play is not None and play not in controls:
            raise ValueError(f"play must name one of the sliders, {', '.join(controls)}; got {play!r:.40}")
        self._draw, self._controls = draw, controls
        picture, words, width = self._picture()
        # Both limits: a narrow window shrinks the picture, a wide one does not stretch it.
        shape = W.Layout(width=width, max_width="100%", height="auto")
        self._image = W.Image(format="png", value=picture, layout=shape)
        self._said = W.HTML(layout=W.Layout(max_width=width))
        self._say(words)
        for control in controls.values():
            control.style.description_width = "11em"
            control.layout.width, control.layout.max_width = "36em", "100%"
            control.observe(self._redraw, names="value")
        rows = [*controls.values(), self._image, self._said]
        if play is not None:
            slider = controls[play]
            limits = {name: getattr(slider, name) for name in ("value", "min", "max", "step")}
            button = W.Play(interval=pace, show_repeat=False, **limits)
            self._link = W.jslink((button, "value"), (slider, "value"))  # in the browser, both ways
            rows.insert(0, button)
        super().__init__(rows)

    @property
    def values(self) -> dict:
        """The controls' present values, by name."""
        return {name: control.value for name, control in self._controls.items()}

    @property
    def sentence(self) -> str:
        """What the picture shows now, in words."""
        return self._words

    def _picture(self) -> tuple[bytes, str, str]:
        made = self._draw(**self.values)
        if not (isinstance(made, tuple) and len(made) == 2 and isinstance(made[0], Figure)):
            raise TypeError(f"draw must return (figure, sentence), not {type(made).__name__}")
        fig, words = made[0], describe(*made)
        width = f"{round(fig.get_figwidth() * SCREEN_DPI)}px"
        return png(fig), words, width

    def _say(self, words: str) -> None:
        self._words = words
        # role=status: a screen reader reads the new sentence aloud when a slider has moved.
        told = 'role="status" aria-live="polite" style="line-height: 1.45"'
        self._said.value = f"<div {told}>{html.escape(words)}</div>"

    def _redraw(self, _change) -> None:
        try:
            picture, words, _ = self._picture()
        except Exception as error:
            at = ", ".join(f"{name} = {value}" for name, value in self.values.items())
            self._say(f"Not drawn for {at}: {error}. The picture is the last one that worked.")
        else:
            self._image.value = picture
            self._say(words)

    def _repr_mimebundle_(self, **kwargs):
        at = ", ".join(f"{name}={value}" for name, value in self.values.items())
        extra = {
            "text/plain": f"[picture with sliders at {at}] {self._words}",
            "image/png": b64encode(self._image.value).decode(),
        }
        about = {"alt": self._words, "width": int(self._image.layout.width.removesuffix("px"))}
        return bundle(super()._repr_mimebundle_(**kwargs), extra, {"image/png": about})
