"""Pictures that change, in a real browser: sliders of nine lessons, what is typed in 12.

Each stands in a cell of one notebook, with made-up weights in place of a trained model's: what is tested is
the slide. Skipped where there is no Chromium, like `test_browser.py`.
"""

import json
import time

import pytest
from test_browser import IDLE, RUN_LIMIT, SCROLL, opened, run_all, wait_until

pytestmark = pytest.mark.browser

HEAD = "import ipywidgets as W\nimport torch\nfrom lessons_lib import show\nshow.use_style()\n"
ATTENTION = """
from lessons_lib.show.figures.looking_back import heads_look
weights = torch.rand(3, 4, 12, 12).tril()
weights = weights / weights.sum(-1, keepdim=True)
def look(asking):
    return heads_look(list("K7a1b4c?a7?b"), weights, asking, [1], title=f"From position {asking}")
show.Explore(look, asking=W.IntSlider(3, min=1, max=11, description="question"))
"""
MATRIX = """
from lessons_lib.show.figures.absorbing import matrix_slides
def slide(moved, held):
    return matrix_slides(moved / 4, held, latent=128, key=64)
held = W.SelectionSlider(options=[1, 64, 32_768], value=32_768, description="remembered tokens")
show.Explore(slide, held=held, moved=W.IntSlider(0, min=0, max=4, description="move the matrix"))
"""
BILL = """
def draw(rent):
    return show.training_bill({"training": 1e6}, rent, title=f"At {rent} dollars an hour")
show.Explore(draw, rent=W.FloatSlider(2, min=0.5, max=6, step=0.25, description="dollars per hour"))
"""
WHO = """
from lessons_lib.show.figures.who_takes import who_takes
taken = torch.randint(0, 3, (3, 12))  # (texts, tokens): the expert that takes each
texts = [list("0+1+3+4=8;9+"), list("a red cow at"), list("(([]){()})[]")]
def takes(expert):
    rank = (taken == expert).long()
    return who_takes(["sums", "story", "brackets"], texts, rank, title=f"What expert {expert} takes")
show.Explore(takes, expert=W.IntSlider(0, min=0, max=2, description="expert"))
"""
DRAFTS = """
from lessons_lib.show.figures.drafts import race
text = list("prompt "), [([], ["a"])] + [(["b"], ["b", "c"]), (["x"], ["d"])] * 9
def after(passes):
    return race(text, passes, title="made up")
show.Explore(after, play="passes", passes=W.IntSlider(0, min=0, max=20, description="passes"))
"""
TYPED = """
from lessons_lib.show.figures.drafts import drafts_seen
def answer(begin):
    passes = [((), ("x",)), (("y",), ("y", "z"))]
    return drafts_seen({begin[:1]: (list(begin), passes)}, title=f"After {begin}")
show.Explore(answer, begin=W.Text("A1+2=", description="begin with", continuous_update=False))
"""
OUTLIER = """
from lessons_lib.show.figures.outliers import one_token
def draw(power):
    x = torch.arange(1.0, 129)
    x[5] *= 2.0**power
    per_tile = x.unflatten(0, (4, 32)).amax(1).repeat_interleave(32)
    floors = {"one scale": x.max().expand(128) / 2**10, "tiles": per_tile / 2**10}
    return one_token(x, floors, title=f"A channel {2**power:,} times larger")
show.Explore(draw, power=W.IntSlider(12, min=0, max=20, description="power of two"))
"""
GROUP = """
from lessons_lib.show.figures.one_group import Group, scene
groups = [Group([0.6, 0.3, 0.1], [0, 2, 0, 1], [0.0, 1.0, 1.0, 0.0], 0.5, [-0.1, -0.1, 0.2])] * 2
def watch(moment):
    return scene(groups, moment, "ABC", "made up")
show.Explore(watch, play="moment", moment=W.IntSlider(2, min=0, max=9, description="moment"))
"""
DIAL = """
from lessons_lib.reasoning.hunts import Problem
from lessons_lib.show.thinking import see_it_think
said = {
    "no thought": "<think> </think> <answer> d5 </answer> <eos>".split(),
    "until a star": "<think> d0 r2 cross wait d2 r1 star </think> <answer> d2 </answer> <eos>".split(),
}
see_it_think(Problem(((2, 0, 1, 4, 5, 3),), 1), said, "who, and how")
"""
PICKS = """
from lessons_lib.show.figures.reading_further import picks
notes, own = torch.arange(40) % 5 == 0, torch.rand(40)
def asked(question, kept):
    best = torch.arange(40) >= 40 - kept
    return picks(own, {"window": best}, notes, title=f"Question {question}, {kept} kept")
kept = W.SelectionSlider(options=[4, 8, 16], value=8, description="positions kept")
show.Explore(asked, play="question", kept=kept, question=W.IntSlider(0, max=7, description="question"))
"""
# cell, and what the sentence says before and after two steps to the right of the last slider
SLIDES = {
    "attention, lesson 01": (ATTENTION, "from position 3, 1", "from position 5, 4"),
    "the key matrix, lesson 04": (MATRIX, "the matrix at every token", "brackets move, no score changes"),
    "who takes which letter, lesson 06": (WHO, "What expert 0 takes", "What expert 2 takes"),
    "drafts, lesson 08": (DRAFTS, "After 0 passes: 0 tokens", "2 tokens one by one, ≈3 with drafts"),
    "the outlier, lesson 10": (OUTLIER, "A channel 4,096 times", "A channel 16,384 times"),
    "one group, lesson 13": (GROUP, "is compared with 0.50", "together they push A -0.10"),
    "how long to think, lesson 17": (DIAL, "Nothing is written yet", "thought has ended after 0 tries"),
    "what is picked, lesson 18": (PICKS, "Question 0, 8 kept", "Question 2, 8 kept"),
    "the bill, lesson 00": (BILL, "at $2.00 an hour", "at $2.50 an hour"),
}


def written(path):
    """Write a notebook of one code cell for each slide, and one in which a reader types."""
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    made = dict(cell_type="code", metadata={}, execution_count=None, outputs=[])
    sources = [*(source for source, *_ in SLIDES.values()), TYPED]
    cells = [made | dict(id=f"slide-{i}", source=HEAD + source) for i, source in enumerate(sources)]
    path.write_text(json.dumps(dict(cells=cells, metadata=kernel, nbformat=4, nbformat_minor=5)))


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A notebook with all slides, run."""
    folder = tmp_path_factory.mktemp("slides")
    notebook = folder / "notebooks" / "slides.ipynb"
    with opened(folder, notebook.name, "slides", lambda: written(notebook)) as page:
        run_all(page)
        yield page


@pytest.mark.parametrize("name", SLIDES)
def test_a_slider_moved_by_keyboard_changes_picture_and_sentence(page, name):
    _, before, after = SLIDES[name]
    index = list(SLIDES).index(name)
    page.evaluate(SCROLL, index)
    cell = page.locator(".jp-Notebook .jp-CodeCell").nth(index)
    handle, sentence = cell.locator(".noUi-handle").last, cell.locator("[role=status]").first
    picture = cell.locator("img").first
    handle.wait_for()
    assert before in sentence.inner_text()
    drawn = picture.get_attribute("src")
    handle.focus()
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    deadline = time.monotonic() + RUN_LIMIT
    while after not in sentence.inner_text():
        assert time.monotonic() < deadline, f"the sentence is still {sentence.inner_text()!r}"
        time.sleep(0.2)
    page.wait_for_function(IDLE)
    assert picture.get_attribute("src") != drawn and page.errors == []


def test_drafts_are_written_by_themselves_when_played_and_stop(page):
    index = list(SLIDES).index("drafts, lesson 08")
    page.evaluate(SCROLL, index)
    cell = page.locator(".jp-Notebook .jp-CodeCell").nth(index)
    play, sentence = cell.locator(".widget-play button").first, cell.locator("[role=status]").first
    play.focus()
    page.keyboard.press("Enter")
    wait_until(lambda: "After 5 passes" in sentence.inner_text(), "three more passes")
    page.keyboard.press("Enter")
    time.sleep(1.5)
    stopped = sentence.inner_text()
    time.sleep(1.5)
    assert sentence.inner_text() == stopped and page.errors == []


def test_what_is_typed_is_drawn_at_enter(page):
    page.evaluate(SCROLL, len(SLIDES))
    cell = page.locator(".jp-Notebook .jp-CodeCell").nth(len(SLIDES))
    box, sentence, picture = cell.locator("input"), cell.locator("[role=status]"), cell.locator("img").first
    box.first.wait_for()
    assert "After A1+2=" in sentence.first.inner_text()
    drawn = picture.get_attribute("src")
    box.first.fill("Cabcde|")
    box.first.press("Enter")
    wait_until(lambda: "After Cabcde|" in sentence.first.inner_text(), "what was typed")
    page.wait_for_function(IDLE)
    assert picture.get_attribute("src") != drawn and page.errors == []
