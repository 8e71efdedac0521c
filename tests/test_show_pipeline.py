"""Figures of pipelines: what is drawn, and what the words say."""

import matplotlib.pyplot as plt
import pytest
from matplotlib.patches import Rectangle

from lessons_lib.parallel import make_schedule, simulate
from lessons_lib.parallel.actions import Pair
from lessons_lib.show.figures import pipeline, waiting


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def made(name="1F1B", ranks=4, micro_batches=8):
    return simulate(make_schedule(name, ranks, micro_batches))


def bars(axes):
    """Return (start, end, rank, height, alpha) of every bar, rounded."""
    found = []
    for bar in axes.patches:
        assert isinstance(bar, Rectangle)
        rank = round(bar.get_y() + pipeline.HEIGHT / 2 if bar.get_height() > 0.5 else bar.get_y() + 0.42)
        found.append((bar.get_x(), bar.get_x() + bar.get_width(), rank, bar.get_height(), bar.get_alpha()))
    return found


def test_every_piece_of_work_has_its_bar_where_the_simulator_put_it():
    timeline = made()
    fig, words = pipeline.gantts({"1F1B": timeline}, title="t")
    expected = [(span.start, span.end, rank) for rank, of in enumerate(timeline.spans) for span in of]
    assert sorted(bar[:3] for bar in bars(fig.axes[0])) == sorted(expected)
    assert words == "t. Who works when: 1F1B, a row for each rank."
    assert fig.axes[0].yaxis_inverted()  # rank 0 on top


def test_a_pair_is_two_bars_of_half_the_height_with_the_forward_above():
    fig, _ = pipeline.gantts({"DualPipe": made("DualPipe")}, title="t")
    halves = [bar for bar in fig.axes[0].patches if bar.get_height() < 0.5]
    assert halves and len(halves) % 2 == 0
    above, below = halves[:2]
    assert above.get_y() < below.get_y() and above.get_facecolor() != below.get_facecolor()


def test_the_second_arm_of_a_v_is_lighter():
    fig, _ = pipeline.gantts({"ZBV": made("ZBV", 2, 4)}, title="t")
    assert {alpha for *_, alpha in bars(fig.axes[0])} == {pipeline.LIGHTER, 1.0}
    assert "lighter: on its way up" in [text.get_text() for text in fig.legends[0].texts]
    fig, _ = pipeline.gantts({"1F1B": made()}, title="t")
    assert {alpha for *_, alpha in bars(fig.axes[0])} == {1.0}
    assert not any("way up" in text.get_text() for text in fig.legends[0].texts)


def test_of_neighbouring_pieces_of_a_followed_micro_batch_the_first_carries_its_number():
    fig, _ = pipeline.gantts({"DualPipe": made("DualPipe", 8, 20)}, title="t", follow=[10])
    followed = [bar for bar in fig.axes[0].patches if bar.get_alpha() != 0.12]
    rank_of = [round(bar.get_y() + bar.get_height() / 2) for bar in followed]
    ends = {(rank, bar.get_x() + bar.get_width()) for rank, bar in zip(rank_of, followed, strict=True)}
    firsts = [(r, b.get_x()) for r, b in zip(rank_of, followed, strict=True) if (r, b.get_x()) not in ends]
    texts = [text for text in fig.axes[0].texts if text.get_text() == "10"]
    assert len(texts) == len(firsts) < len(followed)


def test_the_legend_says_where_a_backward_is_only_that_for_the_input():
    both, whole = made("ZB1P"), made()
    fig, _ = pipeline.gantts({"1F1B": whole, "ZB1P": both}, title="t")
    assert "backward: B, or I alone" in [text.get_text() for text in fig.legends[0].texts]
    fig, _ = pipeline.gantts({"1F1B": whole}, title="t")
    assert "backward" in [text.get_text() for text in fig.legends[0].texts]


def test_only_the_followed_micro_batch_is_dark_and_has_a_line():
    fig, words = pipeline.gantts({"1F1B": made()}, title="t", follow=[3])
    dark = [bar for bar in bars(fig.axes[0]) if bar[-1] == 1.0]
    assert len(dark) == 8 and words.endswith("the way of micro-batch 3 drawn in.")
    (line,) = fig.axes[0].lines
    assert list(line.get_ydata()) == [0, 1, 2, 3, 3, 2, 1, 0]


def test_a_moment_shows_what_is_begun_and_says_who_does_what():
    fig, words = pipeline.moment(made(), 5.5)
    assert max(end for _, end, *_ in bars(fig.axes[0])) == 5.5
    assert words == (
        "At time 5.5, 1 of 4 ranks work. rank 0: waiting; rank 1: waiting; rank 2: waiting; "
        "rank 3: backward of 0."
    )
    assert pipeline.moment(made(), 33)[1].endswith(
        "rank 0: nothing; rank 1: nothing; rank 2: nothing; rank 3: nothing."
    )
    assert bars(pipeline.moment(made(), 0)[0].axes[0]) == []
    dual = made("DualPipe")
    pair = next(span for span in dual.spans[0] if isinstance(span.step, Pair))
    both = f"rank 0: forward of {pair.step.forward.micro} and backward of {pair.step.backward.micro};"
    assert both in pipeline.moment(dual, pair.start)[1]


def test_a_strip_has_a_picture_for_each_moment():
    fig, words = pipeline.strip(made(), (2, 16, 33), title="t")
    assert [axes.get_title() for axes in fig.axes] == [
        "time 2: 3 of 4 at work",
        "time 16: 4 of 4 at work",
        "time 33: 0 of 4 at work",
        "",  # two in a row: the fourth place stays empty
    ]
    assert "at time 16, 4 of 4 ranks work" in words


def test_a_dot_stands_on_each_line_that_is_asked_for_and_names_stand_at_the_lines_ends():
    times = {"a": [0.0, 2.0, 4.0], "b": [1.0, 2.0, 3.0], "c": [9.0, 9.0, 9.0]}
    fig, words = waiting.makespans([0.0, 0.5, 1.0], times, at=1, dots={"a": 0.25, "b": 1.0}, title="t")
    *_, at, dot, other = fig.axes[0].lines
    assert list(at.get_xdata()) == [1, 1] and (dot.get_xdata()[0], dot.get_ydata()[0]) == (0.25, 1.0)
    assert (other.get_xdata()[0], other.get_ydata()[0]) == (1.0, 3.0)
    names = {text.get_text(): text.get_position()[1] for text in fig.axes[0].texts[:3]}
    assert names["c"] == 9.0 and names["b"] == 3.0 and names["a"] == 4.0
    assert words.endswith("a 0 to 4; b 1 to 3; c 9 to 9.")
    assert waiting._between([0.0, 0.5], [1.0, 2.0], 0.0) == 1.0


def test_the_parts_of_a_step_follow_each_other():
    fig, words = waiting.parts_of_a_step({"work": 3.0, "rest": 1.0}, title="t", unit="seconds")
    assert [(bar.get_x(), bar.get_width()) for bar in fig.axes[0].patches] == [(0, 3), (3, 1)]
    assert words == "t. In seconds: work 3, rest 1."
