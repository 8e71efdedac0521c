"""Figures of a telephone book: every seed is drawn, wrong numbers are struck out."""

import matplotlib.pyplot as plt
import pytest

from lessons_lib.show.figures import telephone_book


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


CURVES = {"dense": {10.0: [4.0, 6.0], 5.0: [3.0, 4.0]}, "experts": {10.0: [9.0, 9.5]}}


def test_lines_go_through_the_means_in_the_order_of_sizes():
    fig, words = telephone_book.bits_known(CURVES, title="t")
    diagonal, line, *dashes = fig.axes[0].lines
    assert list(diagonal.get_xdata()) == list(diagonal.get_ydata())
    assert list(line.get_xdata()) == [5, 10] and list(line.get_ydata()) == [3.5, 5]
    assert [list(dash.get_ydata()) for dash in dashes[:2]] == [[3, 4], [4, 6]]
    assert fig.axes[0].get_xlim()[1] > 10 and words.endswith("for each seed: dense, experts.")


def test_words_of_bits_do_not_depend_on_what_training_gave():
    other = {name: {x: [2.0, 1.0] for x in of} for name, of in CURVES.items()}
    assert telephone_book.bits_known(CURVES, title="t")[1] == telephone_book.bits_known(other, title="t")[1]


def test_a_page_strikes_out_wrong_numbers_alone():
    lines = [("abc", "123", "123"), ("abd", "444", "445"), ("xyz", "000", "000")]
    fig, words = telephone_book.page(lines, title="t", columns=2)
    axes = fig.axes[0]
    written = {text.get_text(): text for text in axes.texts}
    assert list(written) == ["abc", "123", "abd", "445", "xyz", "000"]
    assert written["445"].get_weight() == "bold" and written["123"].get_weight() != "bold"
    assert len(axes.lines) == 1 and list(axes.lines[0].get_ydata()) == [1, 1]
    assert [written[name].get_position() for name in ("abc", "abd", "xyz")] == [(0, 0), (0, 1), (1, 0)]
    assert "A page of 3 names" in words and "445" not in words


def test_a_dot_stands_behind_names_that_asked():
    lines = [("abc", "123", "123"), ("abd", "444", "445"), ("xyz", "000", "000")]
    fig, words = telephone_book.page(lines, title="t", columns=2, asked=[True, False, True])
    dots = [line for line in fig.axes[0].lines if line.get_marker() == "o"]
    assert [list(dot.get_ydata()) for dot in dots] == [[0], [0]]
    assert [dot.get_xdata()[0] > column for dot, column in zip(dots, (0, 1))] == [True, True]
    assert "dot behind each name" in words and "dot" not in telephone_book.page(lines, title="t")[1]
    with pytest.raises(ValueError, match="2 values for 3 lines"):
        telephone_book.page(lines, title="t", asked=[True, False])


def test_readers_of_one_kind_have_one_colour_and_a_single_book_no_line():
    curves = {"MoE": {1.0: [1.0], 2.0: [1.5]}, "dense, a": {1.0: [0.5], 2.0: [0.6]}, "dense, b": {2.0: [0.7]}}
    fig, _ = telephone_book.bits_known(curves, title="t")
    lines = {line.get_label(): line for line in fig.axes[0].lines if line.get_label() in curves}
    moe, first, second = (lines[name] for name in curves)
    assert first.get_color() == second.get_color() != moe.get_color()
    assert (
        second.get_linestyle() == "None" != first.get_linestyle()
        and first.get_marker() != second.get_marker()
    )
