"""Figures of lesson 20: parts are drawn where they are held, differences where they are."""

import matplotlib.pyplot as plt
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from lessons_lib.show.figures import beyond_one_laptop as figures


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def filled(axes, rank):
    """Return {part: height} of the boxes in a rank's colour."""
    boxes = [box for box in axes.patches if isinstance(box, Rectangle)]
    mine = [box for box in boxes if to_hex(box.get_facecolor()) == figures.RANKS[rank]]
    return {round(box.get_x() + 0.42): round(box.get_height(), 1) for box in mine}


def test_parts_are_drawn_where_they_are_held_and_half_where_half_is():
    fig, words = figures.journeys()
    panels = {axes.get_title(): axes for axes in fig.axes}
    n = len(figures.PARTS)
    assert list(panels) == list(figures.WAYS)
    assert filled(panels["ddp"], 1) == dict.fromkeys(range(n), 0.6)
    assert filled(panels["fsdp"], 0) == dict.fromkeys(range(n), 0.3)
    assert [i for i, height in filled(panels["ep"], 0).items() if height == 0.3] == figures.EXPERTS
    assert set(filled(panels["pp"], 0)) == {0, 1, 2, 3} and set(filled(panels["pp"], 1)) == {0, 4, 5, 6}
    assert set(filled(panels["dualpipev"], 0)) | set(filled(panels["dualpipev"], 1)) == set(range(n))
    assert "dualpipev: the stream, twice as often" in words


def test_the_micro_batch_goes_where_the_parts_are():
    fig, _ = figures.journeys(["pp", "dualpipev", "ddp"])
    ways = {axes.get_title(): [int(y) for y in axes.lines[0].get_ydata()] for axes in fig.axes if axes.lines}
    assert ways["pp"] == [0, 0, 0, 0, 1, 1, 1]
    assert ways["dualpipev"] == [0, 0, 1, 1, 1, 1, 0]
    assert ways["ddp"] == [0] * 7


def test_differences_are_drawn_and_equality_at_the_floor():
    curves = {"64 bits": {"ddp": [0.0, 1e-15], "pp": [1e-16, 0.0]}, "broken": {"own": [0.0, 1e-3]}}
    fig, words = figures.differences(curves, title="A title")
    (axes,) = fig.axes
    drawn = [list(line.get_ydata()) for line in axes.lines if line.get_marker() != "None"]
    assert drawn == [[1e-17, 1e-15], [1e-16, 1e-17], [1e-17, 1e-3]]
    assert axes.get_yscale() == "log" and [t.get_text() for t in axes.get_legend().get_texts()] == list(
        curves
    )
    assert "64 bits (ddp, pp)" in words
