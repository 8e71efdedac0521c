"""Lesson 21 says what the reader's runs say, and nothing where they say nothing.

Each question can come out for its claim, against it, undecided and not run; on an empty store the page names
the lessons to run, on a damaged one nothing ends in a traceback. Every sentence of the page points at a
question or a source. What a reader wrote is shown, not interpreted, and travels only where they say so.
"""

import html
import json
import re
from html.parser import HTMLParser

import matplotlib.pyplot as plt
import nbformat
import pytest
import refresh
import run
from house_rules import ROOT

import start
from lessons_lib import show
from lessons_lib.runs import Seeds, findings, run_store
from lessons_lib.runs.findings import Finding
from lessons_lib.show.figures import timeline
from lessons_lib.show.story import (
    appendix,
    evidence,
    foretold,
    page,
    paper_and_laptop,
    questions,
    send,
    sources,
    verdicts,
)

NOTEBOOK = ROOT / "notebooks" / f"{show.LESSONS[-1].stem}.ipynb"
FIRST, LAST = show.LESSONS[0].stem, show.LESSONS[-1].stem


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


def keep(lesson, name, value, kind="measured"):
    run_store.record_finding(lesson, name, value, "", kind)


def finding(lesson, name, value):
    """What a lesson kept, `value` a number, a word or Seeds."""
    if isinstance(value, Seeds):
        return Finding(lesson, name, value.mean, "", "measured", {str(s): x for s, x in value.items()})
    return Finding(lesson, name, value, "", "measured")


def found_for(asked, values):
    return {
        (asked.lesson, name): finding(asked.lesson, name, value)
        for name, value in zip(asked.names, values, strict=True)
    }


def of(*values):
    return Seeds(dict(enumerate(values)))


# --- each question: values that make it for the claim, against it, undecided

LOW, HIGH, MIDDLE = of(0.1, 0.11, 0.12), of(0.9, 0.91, 0.92), of(0.1, 0.9, 0.5)
OUTCOMES = {
    "cache": ((500, 10), (15, 10), (100, 10)),
    "shared cache": ((20, 10), (10, 20), (10, 10)),
    "knowledge": ((4, 8), (-8, -4), (-1, 1)),
    "8 bits": ((1.7,), (1.0,), (1.3,)),
    "waiting": ((0.6,), (1.1,), (0.9,)),
    "equal operations": ((-0.2, -0.1), (0.1, 0.2), (-0.1, 0.1)),
    "equal time": ((0.9,), (1.5,), (1.15,)),
    "writing": ((0.3,), (1.2,), (0.7,)),
    "hours": ((11.6,), (0.9,), (1.5,)),
    "use of the chip": ((11.6, 5.0), (11.6, 11.5), (11.6, 10.0)),
    "latent attention": ((-0.02, 0.01), (0.1, 0.2), (-0.02, 0.1)),
    "absorbing": ((50.0,), (0.9,), (2.0,)),
    "bias": ((0.2, 5.0), (2.0, 5.0), (0.2, 0.5)),
    "finer experts": ((-0.2, -0.1), (0.1, 0.2), (-0.07, 0.04)),
    "second token": ((-0.2, -0.1), (0.1, 0.2), (-0.07, 0.02)),
    "drafts": ((1.4,), (0.9,), (1.1,)),
    "scales": ((3,), (0,), (1,)),
    "fp8 loss": ((of(0.1, 0.11, 0.12),), (of(0.9, 0.91, 0.92),), (of(0.5, -0.04, 0.41),)),
    "group advantages": ((0.99,), (0.3,), (0.7,)),
    "length bias": ((4.3, 4.4), (3.0, 5.0), (4.0, 4.7)),
    "many processes": ((1e-15,), (1e-3,), (1e-9,)),
    "share of the peak": ((3.3e24, 2.664e6, 2.788e6), (3.3e24, 1e7, 1.1e7), (3.3e24, 1.8e6, 1.9e6)),
    "links": ((0.09, 0.0), (0.6, 0.0), (0.3, 0.0)),
    "node limit": ((5.3, 4.0), (5.3, 5.4), (5.3, 5.0)),
    "slow bytes": ((0.26,), (1.0,), (0.7,)),
    "14 bits": ((0.005, 0.002), (0.2, 0.002), (0.03, 0.002)),
    "forecast": ((2.25, 2.42), (0.5, 0.6), (1.8, 1.9)),
    "pipeline": ((15.0,), (0.9,), (1.5,)),
    "tensor parallelism": ((1.0, 0.5), (9.4, 4.2), (3.5, 1.6)),
    "opened elsewhere": ((1e-5,), (1.0,), (1e-2,)),
    "rewards alone": ((LOW, HIGH), (HIGH, LOW), (LOW, MIDDLE)),
    "longer": ((of(10, 11, 12), of(20, 22, 24)), (of(20, 21, 22), of(20, 21, 22)), (LOW, MIDDLE)),
    "method known": ((HIGH,), (LOW,), (MIDDLE,)),
    "method rare": ((HIGH,), (of(0.01, 0.011, 0.012),), (MIDDLE,)),
    "false stars": ((LOW, LOW), (LOW, HIGH), (LOW, MIDDLE)),
    "gamed": ((0.9, 0.9), (1.0, 0.0), (1.0, 0.3)),
    "mixing": ((of(0.0, 0.01, 0.02),), (HIGH,), (MIDDLE,)),
    "taught": ((LOW, HIGH), (HIGH, LOW), (LOW, LOW)),
    "recipe": ((LOW, HIGH), (HIGH, LOW), (HIGH, of(0.8, 0.99, 0.9))),
    "thought": ((LOW, HIGH), (HIGH, LOW), (LOW, LOW)),
    "vote": ((LOW, HIGH), (HIGH, LOW), (LOW, LOW)),
    "forced on": ((HIGH,), (of(-0.6, -0.61, -0.62),), (MIDDLE,)),
    "rules instead": ((LOW, HIGH), (HIGH, HIGH), (LOW, MIDDLE)),
    "many tries": ((LOW, HIGH), (HIGH, HIGH), (LOW, MIDDLE)),
    "sparse attention": ((-0.01, 0.01), (-0.2, -0.1), (-0.1, 0.1)),
    "choosing pays": ((2177.0, 17.0), (2e5, 17.0), (9000.0, 17.0)),
    "choosing saves time": ((6.5,), (0.8,), (1.5,)),
    "even steps": ((0.8,), (30.0,), (4.0,)),
    "kept streams": ((800.0, 1.8), (800.0, 300.0), (800.0, 10.0)),
    "one token": ((12.7,), (0.5,), (1.5,)),
    "4 bits in 8": ((15,), (1,), (4,)),
    "spread": ((32,), (3,), (6,)),
}


def test_every_question_stands_in_the_table_of_outcomes():
    assert set(OUTCOMES) == set(questions.ASKED)


@pytest.mark.parametrize("key", OUTCOMES)
def test_a_question_can_come_out_in_four_ways(key, written):
    """One that can only be answered yes is none."""
    asked = questions.ASKED[key]
    assert evidence.weigh(asked, {}, written).state == "run"
    for values, state in zip(OUTCOMES[key], ("for", "against", "undecided"), strict=True):
        answer = evidence.weigh(asked, found_for(asked, values), written)
        sentence = dict(zip(evidence.FOUND, (asked.yes, asked.no, asked.unclear), strict=True))[state]
        assert answer[:2] == (state, sentence), (values, answer)
        assert any(c.isdigit() for c in answer.numbers)
    assert len({asked.yes, asked.no, asked.unclear}) == 3


@pytest.mark.parametrize("key", OUTCOMES)
def test_a_question_says_its_rule_or_margin_behind_it_in_brackets(key):
    ask = questions.ASKED[key].ask
    assert "? (" in ask and ask.endswith(")"), ask


@pytest.mark.parametrize("key", OUTCOMES)
def test_measured_numbers_are_shown_behind_the_sign_and_derived_ones_plainly(key, written):
    asked = questions.ASKED[key]
    numbers = evidence.weigh(asked, found_for(asked, OUTCOMES[key][0]), written).numbers
    if asked.kind == "measured":
        assert "\N{ALMOST EQUAL TO}" in numbers


# --- one question


LOWER = questions.ASKED["second token"]


def test_a_question_with_one_finding_of_two_is_not_answered(written):
    half = dict(list(found_for(LOWER, (-1.0, -0.5)).items())[:1])
    assert evidence.weigh(LOWER, half, written)[:2] == ("run", "not run: lesson 08")
    other = {("04", name): one for (_, name), one in found_for(LOWER, (-1.0, -0.5)).items()}
    assert evidence.weigh(LOWER, other, written).state == "run"


@pytest.mark.parametrize("value", ["many", float("nan"), float("inf")])
def test_a_finding_that_cannot_be_read_is_named_not_trusted(value, written):
    answer = evidence.weigh(LOWER, found_for(LOWER, (value, -0.5)), written)
    assert answer == ("again", "what was kept can't be read: run lesson 08 again", "")


def test_a_mean_without_its_seeds_is_not_judged(written):
    """What an older version of a lesson kept: the reader is told which lesson to run again."""
    asked = questions.ASKED["rewards alone"]
    answer = evidence.weigh(asked, found_for(asked, (0.3, 0.98)), written)
    assert answer[:2] == ("again", "kept by an older lesson, without its seeds: run lesson 14 again")


def test_a_lesson_that_is_not_written_is_to_come_whatever_the_store_holds(tmp_path):
    assert evidence.weigh(LOWER, found_for(LOWER, (-1.0, -0.5)), tmp_path).state == "to come"


def test_seeds_are_kept_one_by_one(store):
    keep("14_r1_zero", "a", of(0.1, 0.2, 0.6))
    [kept] = run_store.findings()
    assert kept.value == pytest.approx(0.3) and kept.seeds.values == (0.1, 0.2, 0.6)
    keep("14_r1_zero", "b", 1.0)
    assert run_store.finding("14_r1_zero", "b").seeds is None
    content = json.loads((store / "findings.json").read_text())
    assert "by_seed" not in content["14_r1_zero"]["b"]  # an older checkout can read it
    with pytest.raises(ValueError, match="finite"):
        keep("14_r1_zero", "c", of(1.0, float("nan")))


@pytest.mark.parametrize("singles", [{}, {"x": 1.0}, {"0": "many"}, [1.0]])
def test_damaged_seeds_are_a_damaged_file(singles, store, capsys):
    keep("14_r1_zero", "a", of(0.1, 0.2))
    content = json.loads((store / "findings.json").read_text())
    content["14_r1_zero"]["a"]["by_seed"] = singles
    (store / "findings.json").write_text(json.dumps(content))
    assert evidence.read_findings() == {} and "damaged" in capsys.readouterr().out


# --- the tables


def test_every_claim_has_its_place_in_all_tables():
    names = [claim.name for claim in show.CLAIMS]
    assert list(questions.QUESTIONS) == list(sources.SOURCES_OF) == list(verdicts.BY_CLAIM) == names


def test_only_claims_that_can_be_tested_have_questions():
    for claim in show.CLAIMS:
        assert bool(questions.QUESTIONS[claim.name]) == (claim.verdict != "cannot")


def test_every_lesson_that_a_claim_names_is_asked():
    for claim in show.CLAIMS:
        if claim.verdict != "cannot":
            asked = {question.lesson for question in questions.QUESTIONS[claim.name]}
            assert set(claim.lessons) <= asked, claim.name


def test_all_four_verdicts_are_given_and_said_in_the_prose():
    given = [word for verdict in verdicts.OUR_VERDICTS for _, word in verdict.words]
    assert set(given) == set(verdicts.VERDICTS) == set(page.SIGNS)
    assert [given.count(word) for word in verdicts.VERDICTS] == [2, 4, 1, 4]  # as the lesson counts them


def test_hours_of_pre_training_and_all_hours_give_two_shares_of_the_peak(written):
    """6 x 37e9 x 14.8e12 FLOPs at 989.5 TFLOP/s, by hand: 0.346 in 2.664 million hours, 0.331 in 2.788."""
    asked = questions.ASKED["share of the peak"]
    answer = evidence.weigh(asked, found_for(asked, (6 * 37e9 * 14.8e12, 2_664_000, 2_788_000)), written)
    assert answer.numbers == "34.6 % of the peak by pre-training's hours, 33.1 % by all"
    came = foretold.came_of("weaker chips", found_for(asked, (6 * 37e9 * 14.8e12, 2_664_000, 2_788_000)))
    assert came == ("35 percent", "34.6 % derived, by pre-training's hours; 38.94 published")


def test_llamas_hours_are_told_against_both_of_v3s(written):
    """30.84 over 2.664 and over 2.788, by hand: 11.6 and 11.1."""
    asked = questions.ASKED["hours"]
    answer = evidence.weigh(asked, found_for(asked, (30.84 / 2.664,)), written)
    assert answer.numbers == "11.6 times the hours of V3's pre-training, 11.1 times all"
    assert "11.1 times the hours if all of V3's count" in verdicts.BY_CLAIM["fewer resources"].counted.text


def test_the_next_large_model_took_three_times_the_operations():
    """49e9 x 33e12 over 37e9 x 14.8e12, by hand: 2.95."""
    assert sources.MORE_OPERATIONS == pytest.approx(2.953, abs=1e-3)


# --- every sentence points at something


def all_sentences():
    for verdict in verdicts.OUR_VERDICTS:
        for sentence in (verdict.counted, *verdict.says, verdict.elsewhere, verdict.change):
            yield verdict.claim, sentence


def test_every_sentence_of_a_verdict_rests_on_a_question_or_a_source():
    known = set(questions.ASKED) | set(sources.SOURCES)
    assert len(known) == len(questions.ASKED) + len(sources.SOURCES)  # no key means two things
    for claim, sentence in all_sentences():
        assert sentence.rests and set(sentence.rests) <= known, (claim, sentence.text)


def test_what_a_verdict_takes_for_granted_stands_among_its_reasons():
    for verdict in verdicts.OUR_VERDICTS:
        asked = {one.key for one in questions.QUESTIONS[verdict.claim]}
        rests = {key for sentence in verdict.says for key in sentence.rests} & set(questions.ASKED)
        assert set(verdict.expects) <= asked and rests <= set(verdict.expects), verdict.claim


def test_every_source_is_used_and_says_where_it_stands():
    shown = {key for keys in sources.SOURCES_OF.values() for key in keys} | set(sources.AFTERWARDS)
    assert shown | {"story"} == set(sources.SOURCES)
    for source in sources.SOURCES.values():
        assert source.says.strip() and source.where.strip()
    reported = {key for key, source in sources.SOURCES.items() if source.reported}
    assert reported == {"llama", "H800", "hardware", "V4.1", "trust"}


class Walk(HTMLParser):
    """Collects every run of text with the nearest `data-rests` around it."""

    VOID = {"br", "img", "meta"}

    def __init__(self):
        super().__init__()
        self.around, self.texts, self.rests = [], [], set()

    def handle_starttag(self, tag, attributes):
        if tag not in self.VOID:
            rests = dict(attributes).get("data-rests")
            self.around.append((tag, rests))
            self.rests |= set(rests.split("; ")) if rests else set()

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.around.pop()[0] == tag, f"</{tag}> closes nothing"

    def handle_data(self, data):
        rests = [rest for _, rest in self.around if rest]
        self.texts.append((" ".join(data.split()), rests[-1] if rests else None))


FRAME = {  # what the page says of itself
    *page.HEADS,
    *page.STATES.values(),
    *page.SIGNS,
    *("Eight claims of January 2025", "Evidence", "Quoted", "Not about methods.", "Your runs came out so."),
    "What would change our mind.",
    *(f"{part}: {page.SIGNS[word]}" for verdict in verdicts.OUR_VERDICTS for part, word in verdict.words),
}


def test_every_sentence_of_the_page_is_walked_through(written):
    known = set(questions.ASKED) | set(sources.SOURCES)
    shown = set()
    for found in (whole_store(), whole_store("undecided"), {}):
        answers = verdicts.answers_to_all(found, written)
        own = {text for verdict in verdicts.OUR_VERDICTS for text in (verdict.number(answers),)}
        own |= {verdicts.own_runs(verdict, answers) for verdict in verdicts.OUR_VERDICTS}
        walk = Walk()
        walk.feed(page.verdicts_table(found, None, written).data["text/html"])
        walk.feed(appendix.afterwards(found, written).data["text/html"])
        assert walk.rests <= known and not walk.around
        said = {text for text, rests in walk.texts if len(text.split()) > 2 and not rests}
        assert said <= FRAME | own, said - FRAME - own
        shown |= walk.rests
    assert shown == known  # no question and no source that the page leaves out
    for claim, keys in sources.SOURCES_OF.items():  # what a row rests on can be read in the row
        inside = set(keys) | {asked.key for asked in questions.QUESTIONS[claim]} | {"story"}
        for sentence in [one for of_claim, one in all_sentences() if of_claim == claim]:
            assert set(sentence.rests) <= inside, (claim, sentence.text)


# --- the pages


def whole_store(way=None):
    """Findings that bring every question out as the verdicts expect it, or all of them in one `way`."""
    expected = {key: state for verdict in verdicts.OUR_VERDICTS for key, state in verdict.expects.items()}
    found = {}
    for key, asked in questions.ASKED.items():
        state = way or expected.get(key, "for")
        found |= {
            one: kept
            for one, kept in found_for(asked, OUTCOMES[key][evidence.FOUND.index(state)]).items()
            if way or one not in found or key in expected
        }
    return found


def test_a_person_who_gets_the_page_as_text_can_follow_every_sentence(written):
    """Behind each sentence stand the keys of what it rests on, and in the same row what they say, whole."""
    for found in (whole_store(), {}):
        answers = verdicts.answers_to_all(found, written)
        text = page.verdicts_table(found, None, written).data["text/plain"]
        for number, claim in enumerate(show.CLAIMS, start=1):
            row = text.split(f"{number}. {claim.name}: ")[1].split(f"\n{number + 1}. ")[0]
            lines = [line.strip() for line in row.splitlines()]
            told = {line[2:].split(": ")[0] for line in lines if line.startswith("- ")}
            verdict = verdicts.BY_CLAIM[claim.name]
            for sentence in (verdict.counted, *verdict.says, verdict.elsewhere, verdict.change):
                assert f"{sentence.text} [{', '.join(sentence.rests)}]" in row
                assert set(sentence.rests) <= told | {"story"}, (claim.name, sentence.text)
            for asked in questions.QUESTIONS[claim.name]:
                answer = answers[asked.key]
                assert f"{asked.key}: {asked.lesson} [{answer.state}] {answer.sentence}" in row
                assert answer.numbers in row and asked.ask in row
            for key in sources.SOURCES_OF[claim.name]:
                assert f"{sources.SOURCES[key].says} ({sources.SOURCES[key].where})" in row
            assert claim.said in row


def test_findings_for_and_against_stand_on_the_page_in_one_size(written):
    table = page.verdicts_table(whole_store(), None, written).data["text/html"]
    for state in ("For the claim", "Against it", "Undecided"):
        assert f"<p><b>{state}</b></p>" in table
    for key in ("equal operations", "mixing", "method rare", "length bias"):
        assert html.escape(questions.ASKED[key].no) in table


def test_runs_that_came_out_otherwise_are_told_beside_the_verdict(written):
    answers = verdicts.answers_to_all(whole_store("undecided"), written)
    told = verdicts.own_runs(verdicts.BY_CLAIM["fewer resources"], answers)
    assert told.startswith("Your runs came out otherwise (use of the chip, equal operations")
    assert verdicts.own_runs(verdicts.BY_CLAIM["history"], answers) == ""


def test_on_an_empty_store_the_page_names_the_lessons_to_run(store, written):
    shown = page.verdicts_table(evidence.read_findings(), None, written).data
    for asked in questions.ASKED.values():
        if asked not in questions.AFTER:
            assert f"not run: lesson {asked.lesson}" in shown["text/plain"]
    assert "[for]" not in shown["text/plain"] and "\N{ALMOST EQUAL TO}" not in shown["text/plain"]
    assert "Not all of it has run here: lesson 12." in shown["text/plain"]
    assert "0 for, 0 against, 0 undecided" in appendix.counts({}, written).data["text/plain"]
    assert appendix.lessons_not_run({}, written)[0] == [x.number for x in show.LESSONS[:-1]]


def test_half_a_store_answers_its_half(store, written):
    for kind, size in (("MHA", 3_997_696), ("MQA", 31_232), ("MLA", 70_272)):
        keep("03_latent_attention", f"cache per token at V3's size, {kind}", size, "derived")
    shown = page.verdicts_table(evidence.read_findings(), None, written).data
    assert "03 [for] At V3's size the latent cache is smaller" in shown["text/plain"]
    assert "(56.9 times; derived)" in shown["text/plain"]
    assert "05 [run] not run: lesson 05" in shown["text/plain"]
    assert "Not run here" in shown["text/html"]
    to_run, to_come = appendix.lessons_not_run(evidence.read_findings(), written)
    assert "03" not in to_run and "05" in to_run and not to_come


def test_lessons_to_come_are_marked_and_not_linked(store, tmp_path):
    shown = page.verdicts_table({}, None, tmp_path).data
    assert "href" not in shown["text/html"] and "is to come" in shown["text/plain"]
    assert appendix.lessons_not_run({}, tmp_path) == ([], [x.number for x in show.LESSONS[:-1]])


def test_a_damaged_file_is_an_empty_one(store, written, capsys):
    (store / "findings.json").write_bytes(b'{"03_latent')
    assert evidence.read_findings() == {}
    assert "damaged" in capsys.readouterr().out
    (store / "reader.json").write_bytes(b"\xff")
    assert "nothing yet" in foretold.predictions_table({}).data["text/plain"]


def test_both_tables_have_the_same_eight_rows(written):
    empty = page.claims_table(written).data["text/html"]
    filled = page.verdicts_table({}, None, written).data["text/html"]
    for number, claim in enumerate(show.CLAIMS, start=1):
        row = f'<span data-rests="story"><b>{number}. {claim.name}.</b> {html.escape(claim.said)}</span>'
        assert row in empty and row in filled
    assert not any(sign in empty for sign in page.SIGNS.values() if sign != "?")


# --- what the reader wrote


def test_a_readers_latest_words_are_shown_and_not_interpreted(store):
    run_store.record_prediction(FIRST, "sputnik", "no")
    run_store.record_prediction(FIRST, "sputnik", "well | <b>no</b>\n[x](y) *\u00fc*")
    run_store.record_prediction(LAST, page.key_of("sputnik"), "<i>true</i>")
    shown = foretold.predictions_table({}).data
    assert "well | &lt;b&gt;no&lt;/b&gt; [x](y) *\u00fc*" in shown["text/html"]
    assert "sputnik: well | <b>no</b> [x](y) *\u00fc*" in shown["text/plain"]
    table = page.verdicts_table({}, foretold.own_by_claim()).data["text/html"]
    assert "yours: &lt;i&gt;true&lt;/i&gt;" in table


def test_choices_are_held_against_guessing(store, written):
    found = whole_store()
    found["03", "loss added at 48 numbers, one latent"] = finding("03", "x", 0.007)
    for claim, option in (("fewer resources", "a quarter"), ("weaker chips", "80 percent")):
        run_store.record_prediction(FIRST, claim, option)
    right, made, by_luck = foretold.score(found)
    assert (right, made) == (1, 2) and by_luck == pytest.approx(1 / 5 + 1 / 3)
    assert foretold.score({}) == (0, 0, 0.0)
    run_store.record_prediction(FIRST, "open and thinking", "over half as long again")
    assert foretold.score(found)[:2] == (2, 3)
    assert foretold.came_of("fewer resources", {}) == (None, "not run: lesson 03")
    assert foretold.came_of("weaker chips", found)[0] == "35 percent"


def test_own_verdicts_are_compared_with_ours(store):
    for claim, word in (("rival", "half true"), ("history", "true"), ("open and thinking", "true")):
        run_store.record_prediction(LAST, page.key_of(claim), word)
    assert foretold.agreement() == (2, 3)


# --- the page that travels


def test_the_page_that_travels_needs_nothing_else_and_has_no_words_of_the_reader(store, tmp_path):
    run_store.record_prediction(FIRST, "sputnik", "my own words")
    run_store.record_prediction(LAST, page.key_of("rival"), "true")
    assert send.main([str(tmp_path / "v.html")]) == 0
    text = (tmp_path / "v.html").read_text(encoding="utf-8")
    assert "my own words" not in text and "yours:" not in text
    assert ".ipynb" not in text and "<script" not in text and 'src="data:image/png' in text
    links = {part.split('"')[0] for part in text.split('href="')[1:]}
    assert links and all(link.startswith("https://arxiv.org/abs/") for link in links)
    assert str(ROOT) not in text and str(store) not in text
    assert send.main([str(tmp_path / "v.html"), "--with-my-words"]) == 0
    text = (tmp_path / "v.html").read_text(encoding="utf-8")
    assert "my own words" in text and "yours: true" in text


def test_the_page_can_be_read_without_eyes_or_colours():
    """Language, title, one heading, headed rows and columns, words for the picture, tags that close."""
    text = send.whole_page(whole_store())
    assert '<html lang="en">' in text and "<title>" in text and text.count("<h1>") == 1
    assert text.count('scope="col"') == 4 and text.count('scope="row"') == 8 and "<caption>" in text
    assert len(text.split('alt="')[1].split('"')[0].split()) > 20
    for verdict in verdicts.OUR_VERDICTS:
        assert all(f"<b>{word}</b>" in text for _, word in verdict.words)
    walk = Walk()
    walk.feed(text.split("<body>")[1].split("</body>")[0])
    assert walk.around == []


def test_a_page_replaces_only_a_page(store, tmp_path, capsys):
    mine = tmp_path / "thesis.html"
    mine.write_text("years of work")
    assert send.main([str(mine)]) == 1 and mine.read_text() == "years of work"
    assert send.main([str(tmp_path / "verdict.pdf")]) == 1
    assert send.main([str(tmp_path / "nowhere" / "v.html")]) == 1
    said = capsys.readouterr().err
    assert "is no verdict page" in said and "ends in .html" in said and "no folder" in said


def test_the_button_says_what_it_did(store, tmp_path):
    button = send.VerdictFile()
    button.name.value = str(tmp_path / "v.html")
    button.button.click()
    assert "none of your words are in it" in button.note.value
    button.name.value = "v.pdf"
    button.button.click()
    assert "not written" in button.note.value


def test_the_command_needs_no_more_than_the_lessons(monkeypatch):
    asked = []
    monkeypatch.setattr(start, "check_machine", lambda: None)
    monkeypatch.setattr(start, "prepare", lambda here, dev: asked.append(dev) or "python")
    monkeypatch.setattr(start, "run", lambda line: asked.append(line[1:]) or 0)
    assert start.obey(["verdict", "v.html"]) == 0
    assert asked == [[], [start.ROOT / "lessons_lib/show/story/send.py", "v.html"]]
    assert (start.ROOT / start.SCRIPTS["verdict"]).is_file()


# --- the two figures


def full(row, value=2.0):
    """Findings for one row of the figure."""
    values = (
        of(value, value + 0.1, value - 0.1)
        if row.axis in (paper_and_laptop.LOST, paper_and_laptop.GAINED)
        else value
    )
    scaled = values.map(lambda x: x / 10) if row.axis == paper_and_laptop.GAINED else values
    scaled = 0.5 if row.axis == paper_and_laptop.KEPT else scaled
    return {(row.lesson, name): finding(row.lesson, name, scaled) for name in row.names}


@pytest.mark.parametrize("row", paper_and_laptop.ROWS, ids=lambda row: row.method)
def test_words_of_the_figure_tell_its_values_and_measured_ones_behind_the_sign(row, written):
    words = [
        paper_and_laptop.draw(found, title="t", folder=written)[1] for found in (full(row), full(row, 2.5))
    ]
    told = [text.split("Only the paper's")[0].split(f"{row.method} (")[1] for text in words]
    assert told[0].startswith(f"paper {row.paper[0]:.3g}") and "; here " in told[0]
    if row.axis == paper_and_laptop.SHAPES:
        assert "\N{ALMOST EQUAL TO}" not in told[0]
    else:
        hidden = [re.sub("\N{ALMOST EQUAL TO}[-+.0-9]+", "", text) for text in words]
        assert hidden[0] == hidden[1] and "\N{ALMOST EQUAL TO}" in told[0]


def test_every_seed_is_a_dot_and_the_interval_a_bar(written):
    row = next(row for row in paper_and_laptop.ROWS if row.axis == paper_and_laptop.LOST)
    pairs = of(0.5, -0.04, 0.41)
    found = {(row.lesson, row.names[0]): finding(row.lesson, row.names[0], pairs)}
    ours, words = paper_and_laptop.ours_of(row, found, written)
    low, high = evidence.interval(pairs)
    assert words == "" and ours.dots == (0.5, -0.04, 0.41) and (ours.low, ours.high) == (low, high)
    bare = {(row.lesson, row.names[0]): finding(row.lesson, row.names[0], 0.29)}
    assert paper_and_laptop.ours_of(row, bare, written)[1] == "kept without its seeds: run lesson 10 again"


def test_a_row_without_findings_says_so_in_the_figure(written):
    fig, words = paper_and_laptop.draw({}, title="t", folder=written)
    said = [note.get_text() for axes in fig.axes for note in axes.texts]
    for row in paper_and_laptop.ROWS:
        assert (
            f"not run: lesson {row.lesson}" in said
            and f"; not run: lesson {row.lesson})" in words.split(row.method)[1]
        )
    assert "With both: none." in words


def test_a_value_off_the_scale_is_not_drawn(written):
    row = next(row for row in paper_and_laptop.ROWS if row.lesson == "05")
    found = {(row.lesson, row.names[0]): finding("05", row.names[0], 1e9)}
    value, words = paper_and_laptop.ours_of(row, found, written)
    assert value is None and "again" in words


def test_methods_stand_in_order_and_have_a_source_and_a_lesson():
    parts = [origin.part for origin in timeline.ORIGINS]
    assert parts == sorted(parts, key=["I", "II", "III", "IV", "V"].index)
    for part in set(parts):
        dates = [origin.date for origin in timeline.ORIGINS if origin.part == part]
        assert dates == sorted(dates), part
    for origin in timeline.ORIGINS:
        assert origin.lesson in {lesson.number for lesson in show.LESSONS} and origin.source
        part = next(lesson.part for lesson in show.LESSONS if lesson.number == origin.lesson)
        assert origin.part == part and origin.date < timeline.MODELS[origin.model] + 0.1, origin.method


def test_methods_of_the_story_are_counted_apart_from_those_that_came_since():
    assert len(timeline.STORY) + len(timeline.SINCE) == len(timeline.ORIGINS)
    assert {origin.model for origin in timeline.STORY} == {"V3", "R1"}
    assert timeline.in_print() == timeline.in_print(timeline.STORY) and timeline.in_print()[:2] == (25, 18)
    assert timeline.in_print(timeline.SINCE)[:2] == (10, 5)
    assert {origin.lesson for origin in timeline.SINCE} == {"18", "19"}
    fig, words = timeline.timeline(title="t")
    drawn = [text.get_text() for text in fig.axes[0].texts]
    for origin in timeline.ORIGINS:
        arrow = f"{origin.who}, {origin.source} \N{RIGHTWARDS ARROW} {origin.model}"
        assert arrow in drawn and f"{origin.method} {origin.year}, {origin.who}, to {origin.model}" in words


def test_years_in_print_run_to_the_model_that_used_the_method():
    by_name = {origin.method: origin for origin in timeline.ORIGINS}
    assert by_name["keys and values for all heads (MQA)"].years_in_print == pytest.approx(5.1, abs=0.1)
    assert by_name["clipped steps (PPO)"].years_in_print == pytest.approx(7.5, abs=0.1)
    assert by_name["FP8 by tiles, at such a size"].years_in_print < 0.1
    two = (by_name["clipped steps (PPO)"], by_name["balance by a bias"])
    assert timeline.in_print(two)[:2] == (2, 1) and timeline.in_print(two)[2] == two[0].years_in_print


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
    assert "by hand: run" in said["by-hand"] and "not run: lesson 03" in said["library"]
    for all_of in questions.QUESTIONS.values():
        for asked in all_of:
            answer = evidence.weigh(asked, {})
            assert f"{asked.lesson} [{answer.state}] {answer.sentence}" in said["verdicts"]
    assert said["predictions"].count("nothing yet") == 8 and "0 of 0 choices" in said["predictions"]
    assert "not run here: 00, 01, 02" in said["not-run"]
    assert "measured" in said["count"] and " 0 for, 0 against, 0 undecided" in said["count"]
    assert "With both: none." in said["beside-figure"]


def test_the_lesson_runs_on_findings_that_were_tampered_with(store):
    """Whole as JSON, but a word where a number was, a list, and a lesson that nobody knows."""
    lesson, content = "03_latent_attention", {}
    for kind, value in (("MHA", "many"), ("MLA", None)):
        name = f"cache per token at V3's size, {kind}"
        content[name] = {"lesson": lesson, "name": name, "value": value, "unit": "bytes", "kind": "derived"}
    (store / "findings.json").write_text(json.dumps({lesson: content}))
    keep("10_training_in_fp8", "FP8 against BF16 on an H800, at most", 1.7)
    for end in ("low", "high"):
        keep("05_mixture_of_experts", f"{questions.KNOWN}, {end} end", "they lose")
    keep("14_r1_zero", questions.BEFORE, 0.3)
    keep("14_r1_zero", questions.AFTER_RL, 0.9)
    keep("99_unknown", "x", 1)
    said = executed()["verdicts"]
    assert "not run: lesson 03" in said and "10 [for]" in said
    assert "05 [again] what was kept can't be read" in said
    assert "14 [again] kept by an older lesson, without its seeds" in said
