"""Lesson 21 says what the reader's runs say, and nothing where they say nothing.

On an empty store every row names the lesson to run; on a damaged one nothing ends in a traceback; what a
reader wrote is shown, not interpreted.
"""

import json

import matplotlib.pyplot as plt
import nbformat
import pytest
import refresh
import run
from house_rules import ROOT

from lessons_lib import show
from lessons_lib.runs import findings, run_store
from lessons_lib.show.figures import timeline
from lessons_lib.show.story import evidence, paper_and_laptop, questions, sources, verdicts

NOTEBOOK = ROOT / "notebooks" / f"{show.LESSONS[-1].stem}.ipynb"
ALL = [(claim, asked) for claim, all_of in questions.QUESTIONS.items() for asked in all_of]
NAMED = [asked for _, asked in ALL if asked.names]


@pytest.fixture
def store(tmp_path, monkeypatch):
    """An empty run store of this test's own."""
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(tmp_path / "runs"))
    (tmp_path / "runs").mkdir()
    return tmp_path / "runs"


@pytest.fixture
def written(tmp_path):
    """A folder in which every lesson is written."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    for lesson in show.LESSONS:
        (folder / f"{lesson.stem}.ipynb").touch()
    return folder


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def text(shown):
    return shown.data["text/plain"], shown.data["text/markdown"]


def keep(lesson, name, value):
    run_store.record_finding(lesson, name, value, "", "measured")


# --- one question


LOWER = evidence.Evidence("03", ("a", "b"), evidence.clearly_lower, "yes", "no", "?")


@pytest.mark.parametrize(
    "a, b, answer",
    [
        (-2.0, -1.0, ("for", "yes")),  # an interval below 0
        (1.0, 2.0, ("against", "no")),
        (-1.0, 1.0, ("undecided", "?")),
        (-1.0, 0.0, ("undecided", "?")),
    ],
)
def test_an_answer_is_for_against_or_undecided(a, b, answer, written):
    assert evidence.weigh(LOWER, {("03", "a"): a, ("03", "b"): b}, written) == answer


def test_a_margin_must_be_passed_by_the_whole_interval():
    assert evidence.clearly_lower(-0.3, -0.2, 0.1) is True and evidence.clearly_lower(0.2, 0.3, 0.1) is False
    for low, high in ((-0.3, -0.05), (0.05, 0.3), (-0.02, 0.02)):
        assert evidence.clearly_lower(low, high, 0.1) is None


def test_a_question_with_one_finding_of_two_is_not_answered(written):
    assert evidence.weigh(LOWER, {("03", "a"): 1.0}, written) == ("run", "run lesson 03")
    assert evidence.weigh(LOWER, {("04", "a"): 1.0, ("04", "b"): 2.0}, written) == ("run", "run lesson 03")


@pytest.mark.parametrize("value", ["many", [1], {"x": 1}, float("nan"), float("inf")])
def test_a_finding_that_cannot_be_read_is_named_not_trusted(value, written):
    state, words = evidence.weigh(LOWER, {("03", "a"): value, ("03", "b"): 2.0}, written)
    assert (state, words) == ("again", "what was kept can't be read: run lesson 03 again")


def test_a_lesson_that_is_not_written_is_to_come_whatever_the_store_holds(tmp_path):
    found = {("03", "a"): 1.0, ("03", "b"): 2.0}
    assert evidence.weigh(LOWER, found, tmp_path) == ("to come", "03 (to come)")


# --- the table of questions


def test_every_claim_has_its_place_in_all_tables():
    names = [claim.name for claim in show.CLAIMS]
    assert list(questions.QUESTIONS) == list(sources.SOURCES) == list(sources.UNKNOWABLE) == names


def test_only_claims_that_can_be_tested_have_questions():
    for claim in show.CLAIMS:
        assert bool(questions.QUESTIONS[claim.name]) == (claim.verdict != "cannot")


def test_a_written_lesson_is_asked_by_the_names_of_its_findings():
    """A lesson that joins the course replaces its `later(...)` in questions.py."""
    bare = {asked.lesson for _, asked in ALL if not asked.names}
    assert {x.number for x in show.LESSONS if x.written()} & bare == set()


def test_every_lesson_that_a_claim_names_is_asked():
    for claim in show.CLAIMS:
        if claim.verdict != "cannot":
            asked = {question.lesson for question in questions.QUESTIONS[claim.name]}
            assert set(claim.lessons) <= asked, claim.name


def test_questions_stand_in_lesson_order_and_their_sentences_differ():
    for claim, all_of in questions.QUESTIONS.items():
        assert [asked.lesson for asked in all_of] == sorted(asked.lesson for asked in all_of), claim
    for asked in NAMED:
        assert len({asked.yes, asked.no, asked.unclear}) == 3, asked


@pytest.mark.parametrize("asked", NAMED, ids=lambda asked: f"{asked.lesson} {asked.names[0]}")
def test_no_answer_is_fixed_beforehand(asked, written):
    """Some values give another answer than others do: a question that can only be answered yes is none."""
    grid = [-50.0, -1.0, 0.0, 0.3, 1.0, 6.0, 100.0, 2.788e6, 3.3e24, "a draw", "they win", "they lose"]
    answers = set()
    for first in grid:
        for second in grid:
            found = dict.fromkeys([(asked.lesson, name) for name in asked.names], 1.0)
            for name, value in zip(asked.names, (first, second), strict=False):
                found[asked.lesson, name] = value
            answers.add(evidence.weigh(asked, found, written)[0])
    assert len(answers & set(evidence.FOUND)) >= 2, answers


def test_reported_hours_give_a_third_of_the_peak():
    """6 x 37e9 x 14.8e12 in 2.788 million hours at 989.5 TFLOP/s, by hand: 0.331."""
    assert questions._share(6 * 37e9 * 14.8e12, 2_788_000) == pytest.approx(0.331, abs=5e-4)


# --- the pages


def test_on_an_empty_store_every_row_says_which_lesson_to_run(store, written):
    for claim, all_of in questions.QUESTIONS.items():
        plain, page = text(verdicts.claim_page(claim, evidence.read_findings(), written))
        assert "nothing kept: run lesson 00" in plain and "nothing kept: run lesson 00" in page
        rows = [line for line in plain.splitlines() if line.startswith("  ") and " [" in line]
        assert rows == [f"  {asked.lesson} [run] run lesson {asked.lesson}" for asked in all_of]
    for plain in text(verdicts.lessons_table({}, written)):
        assert "21" not in plain and plain.count("12") >= 1
    _, table = text(verdicts.verdicts_table({}, written))
    for row in table.splitlines()[2:]:
        assert "run lesson 00" in row
        assert "Run lesson" in row.split("|")[4] or "No run can tell." in row


def test_rows_of_unwritten_lessons_are_marked_and_not_linked(store, tmp_path):
    for claim, all_of in questions.QUESTIONS.items():
        plain, page = text(verdicts.claim_page(claim, {}, tmp_path))
        assert plain.count("[to come]") == len(all_of) and "](" not in page


def test_half_a_store_answers_its_half(store, written):
    for kind, size in (("MHA", 3_997_696), ("MLA", 70_272)):
        keep("03_latent_attention", f"cache per token at V3's size, {kind}", size)
    plain, page = text(verdicts.claim_page("fewer resources", evidence.read_findings(), written))
    assert "  03 [for] Memory" in plain and "  05 [run] run lesson 05" in plain
    assert "| [03](03_latent_attention.ipynb) | Memory" in page
    verdict = plain.splitlines()[-1]
    asked = len(questions.QUESTIONS["fewer resources"])
    assert verdict == f"verdict: 1 of {asked} questions answered: 1 for. Run lesson 02, 05, 10, 11, 12."


def test_a_verdict_counts_each_kind_of_answer(store, written):
    more = "thousand bits known, MoE less dense of three times the steps"
    for end, value in (("low", -8.0), ("high", -6.0)):
        keep("05_mixture_of_experts", f"{more}, {end} end", value)
    keep("10_training_in_fp8", "FP8 against BF16 on an H800, at most", 1.7)
    words = verdicts.verdict_of("fewer resources", evidence.read_findings(), written)
    assert words.startswith(
        f"2 of {len(questions.QUESTIONS['fewer resources'])} questions answered: 1 for, 1 against."
    )


def test_a_damaged_file_is_an_empty_one(store, written, capsys):
    (store / "findings.json").write_bytes(b'{"03_latent')
    assert evidence.read_findings() == {}
    assert "damaged" in capsys.readouterr().out
    (store / "reader.json").write_bytes(b"\xff")
    assert "nothing kept: run lesson 00" in text(verdicts.predictions_table(written))[0]


def test_the_lesson_itself_is_in_no_list_of_lessons(store):
    """Otherwise it would print something else when it is run again."""
    keep("21_was_it_a_sputnik_moment", "questions answered", 3)
    assert "21" not in text(verdicts.lessons_table(evidence.read_findings()))[0]


def test_a_readers_latest_words_are_shown_and_not_interpreted(store):
    run_store.record_prediction("00_start_here", "sputnik", "no")
    run_store.record_prediction("00_start_here", "sputnik", "well | <b>no</b>\n[x](y) *ü*")
    pages = verdicts.predictions_table(), verdicts.claim_page("sputnik", {}), verdicts.verdicts_table({})
    for page in pages:
        shown = page.data["text/markdown"]
        assert "well &#124; &#60;b&#62;no&#60;&#47;b&#62; &#91;x&#93;&#40;y&#41; &#42;ü&#42;" in shown
    assert "sputnik: well | <b>no</b> [x](y) *ü*" in text(verdicts.predictions_table())[0]


def test_what_is_known_from_third_parties_is_called_reported(store):
    plain, page = text(verdicts.claim_page("weaker chips", {}))
    assert plain.count("  reported: ") == page.count("| Reported: ") == 2
    for all_of in sources.SOURCES.values():
        for source in all_of:
            assert source.reported == source.where.startswith("press"), source


# --- the two figures


def full(row):
    """Findings for one row of the figure, all of them 2."""
    return dict.fromkeys([(row.lesson, name) for name in row.names], 2.0)


def test_words_of_the_figure_hold_no_measured_number(written):
    row = next(row for row in paper_and_laptop.ROWS if row.names)
    one, other = full(row), dict.fromkeys(full(row), 2.5)
    words = [paper_and_laptop.draw(found, title="t", folder=written)[1] for found in (one, other)]
    assert words[0] == words[1] and f"With both: {row.method}." in words[0]


def test_a_row_without_findings_says_so_in_the_figure(written):
    fig, words = paper_and_laptop.draw({}, title="t", folder=written)
    said = [note.get_text() for axes in fig.axes for note in axes.texts]
    for row in paper_and_laptop.ROWS:
        assert f"run lesson {row.lesson}" in said and f"{row.method} (run lesson {row.lesson})" in words
    assert "With both: none." in words


def test_a_value_off_the_scale_is_not_drawn(written):
    row = paper_and_laptop.ROWS[1]
    value, words = paper_and_laptop.ours_of(row, {(row.lesson, row.names[0]): 1e9}, written)
    assert value is None and "again" in words


def test_methods_stand_in_order_and_have_a_source_and_a_lesson():
    parts = [origin.part for origin in timeline.ORIGINS]
    assert parts == sorted(parts, key=["I", "II", "III", "IV"].index)
    for part in set(parts):
        dates = [origin.date for origin in timeline.ORIGINS if origin.part == part]
        assert dates == sorted(dates), part
    for origin in timeline.ORIGINS:
        assert origin.lesson in {lesson.number for lesson in show.LESSONS} and origin.source


def test_years_in_print_run_to_the_model_that_used_the_method():
    by_name = {origin.method: origin for origin in timeline.ORIGINS}
    assert by_name["keys and values for all heads (MQA)"].years_in_print == pytest.approx(5.1, abs=0.1)
    assert by_name["clipped steps (PPO)"].years_in_print == pytest.approx(7.5, abs=0.1)
    assert by_name["FP8 by tiles, in all of a training"].years_in_print < 0.1
    two = (by_name["clipped steps (PPO)"], by_name["balance by a bias"])
    assert timeline.in_print(two)[:2] == (2, 1) and timeline.in_print(two)[2] == two[0].years_in_print


def test_the_whole_model_is_judged_by_its_prices():
    asked = [q for q in questions.QUESTIONS["fewer resources"] if q.lesson == "12"]
    _, written, hours = asked
    assert [evidence.weigh(written, {("12", written.names[0]): x})[0] for x in (0.35, 0.6)] == [
        "for",
        "against",
    ]
    for pair, state in (((11.6, 11.5), "for"), ((11.6, 5.0), "against"), ((5.0, 11.5), "against")):
        found = dict(zip([("12", name) for name in hours.names], pair, strict=True))
        assert evidence.weigh(hours, found)[0] == state


# --- the notebook, and the reader of the tests


def test_demo_answers_are_whole_and_marked(tmp_path):
    content = json.loads(run.DEMO_READER.read_text(encoding="utf-8"))
    assert findings._is_reader(content)
    assert list(content["00_start_here"]) == [claim.name for claim in show.CLAIMS]
    assert all(words[-1]["text"].startswith("(demo) ") for words in content["00_start_here"].values())
    (tmp_path / "reader.json").write_text("mine")
    run.with_demo_reader(tmp_path)
    assert (tmp_path / "reader.json").read_text() == "mine"


def executed():
    """Execute lesson 21 on the store that the environment names; return what its cells printed, by id."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    problem = refresh.execute(notebook, NOTEBOOK.parent)
    assert problem is None, problem
    return {
        cell.id: "\n".join(o.get("text", "") or o.get("data", {}).get("text/plain", "") for o in cell.outputs)
        for cell in notebook.cells
        if cell.cell_type == "code"
    }


def test_the_lesson_runs_on_an_empty_store(store):
    said = executed()
    assert "by hand: run" in said["by-hand"] and "run lesson 03" in said["library"]
    for claim, cell in (("fewer resources", "fewer-resources"), ("known methods", "known-methods")):
        for asked in questions.QUESTIONS[claim]:
            state, words = evidence.weigh(asked, {})
            assert f"  {asked.lesson} [{state}] {words}" in said[cell]
    assert said["predictions"].count("run lesson 00") == 8
    assert f"questions answered: 0 of {len(ALL)}" in said["count"]
    assert said["exact"] == "" and "With both: none." in said["beside"]


def test_the_lesson_runs_on_findings_that_were_tampered_with(store):
    """Whole as JSON, but a word where a number was, a list, and a lesson that nobody knows."""
    lesson, content = "03_latent_attention", {}
    for kind, value in (("MHA", "many"), ("MLA", None)):
        name = f"cache per token at V3's size, {kind}"
        content[name] = {"lesson": lesson, "name": name, "value": value, "unit": "bytes", "kind": "derived"}
    (store / "findings.json").write_text(json.dumps({lesson: content}))
    keep("10_training_in_fp8", "FP8 against BF16 on an H800, at most", 1.7)
    for end in ("low", "high"):
        name = f"thousand bits known, MoE less dense of three times the steps, {end} end"
        keep("05_mixture_of_experts", name, "they lose")
    keep("99_unknown", "x", 1)
    said = executed()
    assert "run lesson 03" in said["fewer-resources"] and "10 [for]" in said["fewer-resources"]
    assert "05 [again] what was kept can't be read" in said["fewer-resources"]
