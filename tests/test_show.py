"""What the reader sees: figures with words, pictures that answer, predictions that are kept.

Looks are judged by eye; what can be held here is that nothing is shown without a description, that
nothing a reader does can get into an output that nbval compares, and that the map and the claims
agree with the lessons that exist.
"""

import json
from itertools import combinations

import ipywidgets as W
import matplotlib.pyplot as plt
import pytest
from matplotlib.text import Annotation
from PIL import Image

from lessons_lib import show
from lessons_lib.runs import run_store
from lessons_lib.show import course, predictions, style
from lessons_lib.show import map as drawn_map
from lessons_lib.show.figures import times, training_bill
from lessons_lib.show.story import claims

ALT = "one line that rises from zero to one, in equal steps"
WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(autouse=True)
def styled():
    """Each test starts with the course's style and leaves no figure open."""
    plt.close("all")  # what another file's tests left
    with plt.rc_context():
        show.use_style()
        yield
    left = plt.get_fignums()
    plt.close("all")
    assert not left, "a figure was left open: a notebook would show it twice"


@pytest.fixture
def displayed(monkeypatch):
    """Collect what would appear below a cell, as (data, metadata)."""
    seen = []
    monkeypatch.setattr(style, "display", lambda shown: seen.append(shown._repr_mimebundle_()))
    return seen


@pytest.fixture
def store(tmp_path, monkeypatch):
    """An empty run store of this test's own."""
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(tmp_path))
    return tmp_path


def line(title=""):
    fig, ax = plt.subplots()
    ax.plot([0, 1])
    ax.set_title(title)
    return fig


def lightness(colour):
    """CIE lightness of a #rrggbb colour, 0 to 100: how it prints in grey."""
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    ]
    return 116 * (0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]) ** (1 / 3) - 16


# --- figures


@pytest.mark.parametrize("alt", [None, "", "   ", "a line", "The loss falls to the floor and stays"])
def test_figure_without_a_description_of_its_own_is_refused(alt, displayed):
    """Missing, too short, or (the last) only the title over again, which the picture shows."""
    with pytest.raises(ValueError, match="alt text"):
        show.figure(line("The loss falls\nto the floor and stays"), alt=alt)
    assert not displayed


def test_figure_carries_its_words_wherever_a_page_may_look_for_them(displayed):
    show.figure(line(), alt=ALT + " <and> no more,\n   on two lines")
    (picture, about), (folded, _) = displayed
    words = ALT + " <and> no more, on two lines"
    assert picture["text/plain"] == words  # compared by nbval
    assert about["image/png"]["alt"] == words  # nbconvert
    assert "&lt;and&gt;" in folded["text/html"] and "<and>" not in folded["text/html"]  # JupyterLab


def test_figure_is_shown_660_pixels_wide_and_drawn_sharper(displayed):
    show.figure(line(), alt=ALT)
    assert displayed[0][1]["image/png"]["width"] == 660


def test_same_figure_gives_the_same_bytes():
    """Otherwise each refresh would change every picture in the repository."""
    assert style.png(line()) == style.png(line())


def test_colours_and_lines_can_be_told_apart_in_grey():
    grey = sorted(lightness(colour) for colour in style.COLOURS[:5])
    assert min(b - a for a, b in zip(grey, grey[1:])) > 8  # about a tenth of the way to white
    assert grey[-1] < 75  # a line on white paper
    assert len(set(map(str, style.LINES))) == len(style.LINES)
    assert len(set(style.HATCHES)) == len(style.HATCHES)


# --- pictures with sliders


def draw(height):
    if height > 8:
        raise ValueError("no paper is that high")
    fig, ax = plt.subplots()
    ax.plot([0, height])
    return fig, f"a line that rises from zero to {height} units"


def test_explore_redraws_picture_and_sentence_when_a_slider_moves():
    slider = W.IntSlider(3)
    picture = show.Explore(draw, height=slider)
    before = picture._image.value
    slider.value = 5
    assert picture.values == {"height": 5}
    assert picture.sentence == "a line that rises from zero to 5 units"
    assert picture.sentence in picture._said.value
    assert picture._image.value != before
    slider.value = 3
    assert picture._image.value == before


def test_explore_keeps_the_last_picture_and_says_why_when_drawing_fails():
    slider = W.IntSlider(3)
    picture = show.Explore(draw, height=slider)
    before = picture._image.value
    slider.value = 9
    assert picture._image.value == before
    assert "height = 9" in picture.sentence and "no paper is that high" in picture.sentence
    slider.value = 4  # and it goes on
    assert picture.sentence == "a line that rises from zero to 4 units"


def test_explore_raises_what_goes_wrong_at_first():
    """The author of a lesson must see a traceback; only the reader is spared it."""
    with pytest.raises(ValueError, match="no paper"):
        show.Explore(draw, height=W.IntSlider(9))


def test_explore_refuses_what_is_no_widget_and_what_has_no_words():
    with pytest.raises(TypeError, match="height"):
        show.Explore(draw, height=3)
    with pytest.raises(TypeError, match="figure, sentence"):
        show.Explore(lambda height: None, height=W.IntSlider(3))


def test_explore_output_is_a_picture_where_widgets_do_not_run():
    data, about = show.Explore(draw, height=W.IntSlider(3))._repr_mimebundle_()
    assert data["text/plain"] == ("[picture with sliders at height=3] a line that rises from zero to 3 units")
    assert data["image/png"].startswith("iVBOR")
    words = "a line that rises from zero to 3 units"
    assert about["image/png"] == {"alt": words, "width": 660}
    assert WIDGET in data


def test_explore_picture_shrinks_with_the_window_and_does_not_stretch():
    """A bare W.Image fills the page; a tooltip on it breaks it (ipywidgets 8.1)."""
    image = show.Explore(draw, height=W.IntSlider(3))._image
    assert (image.layout.width, image.layout.max_width) == ("660px", "100%")
    assert image.tooltip is None


# --- predictions


QUESTIONS = {"price": "Cheaper, or <not>?", "speed": "How fast?"}


def versions(store, name):
    content = json.loads((store / "reader.json").read_text(encoding="utf-8"))
    return [entry["text"] for entry in content["00"][name]]


def test_prediction_is_kept_and_earlier_words_stay(store):
    fields = show.Predictions("00", QUESTIONS)
    fields.fields["price"].value = "cheaper"
    assert ">kept<" in fields.notes["price"].value
    fields.fields["price"].value = "much cheaper"
    assert "earlier words too" in fields.notes["price"].value
    fields.fields["price"].value = ""
    assert "nothing is changed" in fields.notes["price"].value
    assert versions(store, "price") == ["cheaper", "much cheaper"]
    assert fields.notes["speed"].value.count("kept") == 0


def test_prediction_fields_are_saved_on_leaving_them_not_at_every_key(store):
    assert not any(f.continuous_update for f in show.Predictions("00", QUESTIONS).fields.values())


def test_prediction_fields_show_what_was_kept_before(store):
    run_store.record_prediction("00", "speed", "very")
    fields = show.Predictions("00", QUESTIONS)
    assert (fields.fields["speed"].value, fields.fields["price"].value) == ("very", "")
    assert "kept before" in fields.notes["speed"].value


def test_prediction_that_could_not_be_written_is_not_called_kept(store, monkeypatch):
    monkeypatch.setattr(predictions.run_store, "record_prediction", lambda *_: None)
    fields = show.Predictions("00", QUESTIONS)
    fields.fields["price"].value = "cheaper"
    assert "NOT kept" in fields.notes["price"].value


def test_output_of_the_prediction_fields_never_holds_what_a_reader_wrote(store):
    """nbval compares it, and a reader's own notebook may be sent to somebody."""
    stable = "text/plain", "text/html"
    empty, _ = show.Predictions("00", QUESTIONS)._repr_mimebundle_()
    run_store.record_prediction("00", "price", "my secret guess")
    filled, _ = show.Predictions("00", QUESTIONS)._repr_mimebundle_()
    assert [empty[form] for form in stable] == [filled[form] for form in stable]
    assert "1. price: Cheaper, or <not>?" in empty["text/plain"]
    assert "&lt;not&gt;" in empty["text/html"]


def test_predict_keeps_words_without_a_widget(store, capsys):
    show.predict("00", "speed", "twice")
    assert capsys.readouterr().out == "speed: kept\n"
    assert run_store.prediction("00", "speed") == "twice"


CHOICE = {"share": ("Which share?", ("a half", "a tenth")), "why": "Why?"}


def test_a_choice_is_kept_when_it_is_made_and_shown_again(store):
    fields = show.Predictions("00", CHOICE)
    assert fields.fields["share"].value is None and list(fields.fields["share"].options) == [
        "a half",
        "a tenth",
    ]
    fields.fields["share"].value = "a tenth"
    assert ">kept<" in fields.notes["share"].value and run_store.prediction("00", "share") == "a tenth"
    again = show.Predictions("00", CHOICE)
    assert again.fields["share"].value == "a tenth" and "kept before" in again.notes["share"].value


def test_words_that_are_no_option_stay_kept_and_choose_nothing(store):
    run_store.record_prediction("00", "share", "hard to say")
    assert show.Predictions("00", CHOICE).fields["share"].value is None
    assert run_store.prediction("00", "share") == "hard to say"


def test_options_are_listed_where_widgets_do_not_run(store):
    data, _ = show.Predictions("00", CHOICE)._repr_mimebundle_()
    assert data["text/plain"].startswith(
        "[a field under each question]\n1. share: Which share? (a half | a tenth)"
    )
    assert "2. why: Why?" in data["text/plain"] and "(a half | a tenth)" in data["text/html"]
    only, _ = show.Predictions("00", {"share": CHOICE["share"]})._repr_mimebundle_()
    assert only["text/plain"].startswith("[buttons under each question]")


def test_what_was_said_stands_beside_what_came(store):
    nothing = show.you_said("00_start_here", "share", "a quarter")
    assert repr(nothing) == "You said: nothing yet: lesson 00 asks for it\nHere is what came: a quarter"
    run_store.record_prediction("00_start_here", "share", "a <b>half</b>\nor so")
    said = show.you_said("00_start_here", "share", "a quarter & more")
    assert repr(said) == "You said: a <b>half</b> or so\nHere is what came: a quarter & more"
    page = said._repr_mimebundle_()[0]["text/html"]
    assert "a &lt;b&gt;half&lt;/b&gt; or so" in page and "a quarter &amp; more" in page


def test_predictions_without_questions_are_refused():
    with pytest.raises(ValueError, match="at least one"):
        show.Predictions("00", {})


# --- the course, its claims and its map


def test_list_of_lessons_names_the_notebooks_that_exist():
    """A lesson under another name would be marked "to come" for ever."""
    known = {f"{lesson.stem}.ipynb" for lesson in show.LESSONS}
    assert {path.name for path in course.NOTEBOOKS.glob("[0-9][0-9]_*.ipynb")} <= known


def test_eight_claims_lead_to_lessons_and_use_all_three_verdicts():
    assert len(show.CLAIMS) == len({claim.name for claim in show.CLAIMS}) == 8
    assert {claim.verdict for claim in show.CLAIMS} == set(claims.VERDICTS)
    assert [len(claim.options) > 1 for claim in show.CLAIMS].count(True) == 3  # asked in lesson 00
    for claim in show.CLAIMS:
        assert claim.lessons and set(claim.lessons) <= set(course.BY_NUMBER), claim.name


def test_claims_link_the_lessons_that_exist_and_only_those(tmp_path):
    (tmp_path / "12_mini_deepseek.ipynb").touch()
    data, _ = show.claims_table(tmp_path)._repr_mimebundle_()
    rows = data["text/html"].split("<tr>")[2:]
    assert len(rows) == 8
    assert '<a href="12_mini_deepseek.ipynb">12</a>, 14 (to come), 15 (to come)' in rows[7]
    assert "21 (to come)." in rows[0]
    assert data["text/html"].count("href=") == sum("12" in c.lessons for c in show.CLAIMS)


def test_map_tells_written_lessons_from_those_to_come_without_colour(tmp_path):
    (tmp_path / "01_a_small_gpt.ipynb").touch()
    fig, words = show.course_map(tmp_path)
    solid = [box for box in fig.axes[0].patches if box.get_linestyle() in ("-", "solid")]
    plt.close(fig)
    assert len(solid) == 1
    assert words.endswith("Written: 01.")


def test_a_map_of_lessons_that_are_all_written_speaks_of_none_to_come(tmp_path):
    for lesson in show.LESSONS:
        (tmp_path / f"{lesson.stem}.ipynb").touch()
    fig, words = show.course_map(tmp_path)
    said = " ".join(text.get_text() for text in fig.axes[0].texts)
    plt.close(fig)
    assert "dashed" not in said and "Written" not in words


def test_every_name_on_the_map_fits_its_box():
    """Long names would run over the frame; bold ones, as all are in the end, are wider."""
    fig, axes = drawn_map._paper()
    for lesson in show.LESSONS:
        before = len(axes.texts)
        drawn_map._box(axes, lesson, is_written=True)
        frame = axes.patches[-1].get_window_extent()
        for text in axes.texts[before:]:
            inside = text.get_window_extent()
            assert frame.x0 < inside.x0 and inside.x1 < frame.x1, lesson.short
            assert frame.y0 < inside.y0 and inside.y1 < frame.y1, lesson.short
    plt.close(fig)


def test_every_lesson_has_its_box_and_arrows_join_all_of_them():
    """Arrows are drawn by hand: one that ends in the void, or a box that none meets, has lost its lesson."""
    fig, axes = drawn_map._paper()
    boxes = []
    for lesson in show.LESSONS:
        drawn_map._box(axes, lesson, is_written=True)
        boxes.append(axes.patches[-1].get_bbox().padded(1e-6))
    for one, other in combinations(boxes, 2):
        assert not one.overlaps(other)
    drawn_map._arrows(axes)
    heads = [note.xy for note in axes.texts if isinstance(note, Annotation)]
    ends = [end for line in axes.lines for end in (line.get_xydata()[0], line.get_xydata()[-1])]
    plt.close(fig)
    for head in heads:
        assert any(box.contains(*head) for box in boxes), f"an arrow ends in the void at {head}"
    for lesson, box in zip(show.LESSONS, boxes):
        assert any(box.contains(*end) for end in ends), f"no arrow meets lesson {lesson.number}"


def test_a_row_that_is_full_is_named():
    crowd = [lesson for lesson in show.LESSONS if lesson.part == "IV"]
    with pytest.raises(ValueError, match="part IV has 6 lessons"):
        drawn_map.centres((*show.LESSONS[:-1], crowd[0], show.LESSONS[-1]))


def test_picture_of_the_map_is_that_of_the_lessons_that_exist():
    """README shows it. After adding a lesson: `python start.py new-lesson --sync`."""
    with Image.open(course.NOTEBOOKS / "images" / "course_map.png") as picture:
        assert picture.info["Description"] == show.map_in_words()


# --- the bill


HOURS = {"pre": 3e6, "post": 1e6}


def test_bill_draws_hours_to_scale_and_the_unknown_not_at_all():
    fig, words = show.training_bill(HOURS, 2.0, title="8 million")
    bars, labels = fig.axes[0].patches, [text.get_text() for text in fig.axes[0].texts]
    plt.close(fig)
    assert [bar.get_width() for bar in bars] == pytest.approx([3.0, 1.0])
    assert labels[0] == "3,000,000 hours x \\$2.00 = \\$6.000M" and labels[1].endswith("\\$2.000M")
    assert labels[2] == "in all 4,000,000 hours, \\$8.000M"
    assert all(name in labels[3].replace("\n", " ") and name in words for name in training_bill.UNKNOWN)
    assert "pre, 3,000,000 hours, $6.000M" in words and "in all 4,000,000 hours, $8.000M" in words


def test_bill_keeps_its_bars_whatever_the_rent():
    widths = []
    for rent in (0.5, 6.0):
        fig, _ = show.training_bill(HOURS, rent, title="t")
        widths.append([bar.get_width() for bar in fig.axes[0].patches])
        plt.close(fig)
    assert widths[0] == widths[1]


@pytest.mark.parametrize(("hours", "rent"), [({"pre": -1}, 2), ({"pre": 1}, -1), ({}, 2)])
def test_a_bill_without_lines_or_with_a_negative_one_is_refused(hours, rent):
    with pytest.raises(ValueError, match="negative line and at least one|rent must be at least 0"):
        show.training_bill(hours, rent, title="less than nothing")


# --- times on one line


def test_times_are_told_in_the_largest_unit_that_fits():
    told = [times.in_words(s) for s in (0.0034, 1.4, 90, 7200, 54.2 * 86400, times.YEAR, 304 * times.YEAR)]
    assert told == [
        "3.4 milliseconds",
        "1.4 seconds",
        "1.5 minutes",
        "2.0 hours",
        "54 days",
        "1.0 years",
        "304 years",
    ]
    assert times.in_words(470_166 * times.YEAR) == "470,166 years"


def test_the_line_of_times_is_logarithmic_and_names_each_once():
    fig = times.time_line({"late": 1e9, "early": 2.0, "mine": 1e13}, lit="mine", title="t")
    axes = fig.axes[0]
    places = [line.get_xdata()[0] for line in axes.lines if len(line.get_xdata()) == 1]
    texts = {t.get_text().split("\n")[0]: t for t in axes.texts}
    plt.close(fig)
    assert (
        axes.get_xscale() == "log" and places == [2.0, 1e9, 1e13] and set(texts) == {"late", "early", "mine"}
    )
    assert texts["mine"].get_weight() == "bold" and texts["late"].get_weight() == "normal"
    low, high = axes.get_xlim()
    assert low < 1 and high > 1e13


@pytest.mark.parametrize(("given", "lit"), [({"a": 1.0}, "b"), ({"a": 0.0}, "a")])
def test_a_line_without_the_lit_time_or_with_none_is_refused(given, lit):
    with pytest.raises(ValueError, match="one of them"):
        times.time_line(given, lit, title="t")
