"""One group of answers as a picture: what each moment adds, and that it is said in words too."""

import matplotlib.pyplot as plt
import pytest
from matplotlib.colors import to_hex

from lessons_lib.show.figures.one_group import MOMENTS, Group, scene
from lessons_lib.show.style import COLOURS

FIRST = Group([0.75, 0.25], [0, 1, 1, 0], [0.0, 1.0, 1.0, 0.0], 0.5, [-0.25, 0.25])
SECOND = Group([0.5, 0.5], [1, 1, 0, 1], [1.0, 0.0, 0.0, 1.0], 0.25, [-0.1, 0.1])
GROUPS = [FIRST, SECOND]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def drawn(moment, **settings):
    fig, words = scene(GROUPS, moment, "AB", "t", **settings)
    return *fig.axes, words


def arrows(axes):
    return [note for note in axes.texts if getattr(note, "arrow_patch", None)]


def test_each_moment_adds_one_thing_and_says_it():
    said = []
    for stage in range(len(MOMENTS)):
        _, answers, push, _, words = drawn(len(MOMENTS) + stage)
        said.append(words)
        dots = [line for line in answers.lines if line.get_marker() == "o"]
        lines = [line for line in answers.lines if line.get_linestyle() == "--"]
        assert (len(dots), len(lines), len(arrows(answers)), len(push.patches)) == (
            4 * (stage >= 1),
            1 * (stage >= 2),
            4 * (stage >= 3),
            2 * (stage >= 4),
        )
    assert said == [
        "Group 2: the policy (A 0.50, B 0.50) draws BBAB.",
        "Group 2: BBAB are paid 1, 0, 0, 1.",
        "Group 2: each reward is compared with 0.25.",
        "Group 2: the advantages are B +0.75, B -0.25, A -0.25, B +0.75.",
        "Group 2: advantages B +0.75, B -0.25, A -0.25, B +0.75; together they push A -0.10, B +0.10.",
    ]


def test_an_arrow_reaches_from_the_baseline_to_the_reward_in_its_arms_colour():
    _, answers, *_ = drawn(3)
    found = [(arrow.xyann[1], arrow.xy[1]) for arrow in arrows(answers)]
    assert found == [(0.5, 0.0), (0.5, 1.0), (0.5, 1.0), (0.5, 0.0)]
    inks = [to_hex(arrow.arrow_patch.get_edgecolor()) for arrow in arrows(answers)]
    assert inks == [COLOURS[arm] for arm in FIRST.arms]


def test_a_reward_at_the_baseline_has_no_arrow():
    group = Group([0.5, 0.5], [0, 1], [1.0, 1.0], 1.0, [0.0, 0.0])
    fig, words = scene([group], 4, "AB", "t")
    assert not arrows(fig.axes[1])
    assert words.endswith("advantages A +0.00, B +0.00; together they push A +0.00, B +0.00.")


def test_policies_are_drawn_up_to_the_present_group_or_for_print_all_of_them():
    def columns(moment, **settings):
        course = drawn(moment, **settings)[3]
        bars = [bar for bar in course.patches if bar.get_width() < 0.95]  # not the frame
        return sorted({round(bar.get_x() + bar.get_width() / 2, 6) for bar in bars})

    assert columns(4) == [1] and columns(5) == [1, 2] and columns(4, ahead=True) == [1, 2]
    assert drawn(4, ahead=True)[-1].endswith("the policy of all 2 groups; the last is A 0.50, B 0.50.")


def test_bars_of_a_push_stand_at_their_arms_with_their_sign():
    _, _, push, _, _ = drawn(4)
    assert [bar.get_height() for bar in push.patches] == [-0.25, 0.25]
    assert {"-0.25", "+0.25"} <= {text.get_text() for text in push.texts}
