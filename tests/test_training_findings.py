"""Findings are the machine's, predictions are the reader's: nothing of theirs is ever lost."""

import json
import os
import subprocess
import time

import numpy as np
import pytest
import torch
from training_helpers import start_python

from lessons_lib.runs import run_store, small_files
from lessons_lib.show.story import evidence


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def test_a_finding_is_found_again_by_lesson_and_name(store):
    run_store.record_finding("02_sharing", "cache", 192, "bytes", "derived")
    run_store.record_finding("01_gpt", "gap", torch.tensor(0.5), "nats per token", "measured")
    run_store.record_finding("01_gpt", "hours", np.float64(2.5), "h", "quoted")
    found = run_store.finding("01_gpt", "gap")
    assert (found.value, found.unit, found.kind) == (0.5, "nats per token", "measured")
    assert [(f.lesson, f.name) for f in run_store.findings()] == [
        ("01_gpt", "gap"),
        ("01_gpt", "hours"),
        ("02_sharing", "cache"),
    ]


def test_a_lesson_that_was_not_run_has_no_finding(store):
    assert run_store.finding("01_gpt", "gap") is None
    assert run_store.findings() == [] and run_store.predictions() == {}
    assert run_store.prediction("00", "claim") is None


def test_running_a_lesson_again_replaces_its_finding(store):
    for value in (1.0, 2.0):
        run_store.record_finding("01_gpt", "gap", value, "nats", "measured")
    assert [f.value for f in run_store.findings()] == [2.0]


def test_a_lesson_keeps_its_findings_at_once_and_none_of_an_earlier_version(store):
    run_store.record_finding("02_sharing", "cache", 192, "bytes", "derived")
    rows = [("gap", torch.tensor(0.5), "nats", "measured"), ("old", 1, "", "quoted")]
    assert run_store.record_findings("01_gpt", rows) == 2
    assert run_store.record_findings("01_gpt", (row for row in [("new", 2, "", "derived"), *rows[:1]])) == 2
    found = [(f.lesson, f.name, f.value, f.unit, f.kind) for f in run_store.findings()]
    assert found == [
        ("01_gpt", "new", 2, "", "derived"),
        ("01_gpt", "gap", 0.5, "nats", "measured"),
        ("02_sharing", "cache", 192, "bytes", "derived"),
    ]
    assert run_store.record_findings("01_gpt", []) == 0
    assert [f.lesson for f in run_store.findings()] == ["02_sharing"]


BAD_ROWS = {
    "a name twice": ([("a", 1, "", "quoted"), ("a", 2, "", "quoted")], ValueError, "'a' comes twice"),
    "no number": ([("b", 1, "", "quoted"), ("c", None, "", "quoted")], TypeError, "'c' is a NoneType"),
    "no rows": (3, TypeError, "rows must be"),
}


@pytest.mark.parametrize("case", BAD_ROWS)
def test_findings_that_do_not_fit_are_refused_and_what_was_kept_stays(store, case):
    rows, kind, words = BAD_ROWS[case]
    run_store.record_finding("01_gpt", "gap", 0.5, "nats", "measured")
    with pytest.raises(kind, match=words):
        run_store.record_findings("01_gpt", rows)
    assert [f.name for f in run_store.findings()] == ["gap"]


@pytest.mark.parametrize("kind", ["guessed", "", "Measured"])
def test_another_kind_is_refused_with_the_known_ones(store, kind):
    with pytest.raises(ValueError, match=f"got '{kind}'"):
        run_store.record_finding("01_gpt", "gap", 1.0, "nats", kind)


def test_a_value_that_is_neither_number_nor_text_is_refused(store):
    with pytest.raises(TypeError, match="'gap' is a list"):
        run_store.record_finding("01_gpt", "gap", [1.0], "nats", "measured")


def test_a_prediction_is_kept_and_a_changed_one_does_not_replace_it(store):
    run_store.record_prediction("00", "claim 1", "No, never. Größer!")
    run_store.record_prediction("00", "claim 1", "No, never. Größer!")
    run_store.record_prediction("00", "claim 1", "Perhaps.")
    run_store.record_prediction("00", "claim 1", "   ")  # an empty field says nothing
    assert run_store.prediction("00", "claim 1") == "Perhaps."
    assert run_store.predictions() == {"00": {"claim 1": "Perhaps."}}
    kept = json.loads((store / "reader.json").read_text(encoding="utf-8"))["00"]["claim 1"]
    assert [version["text"] for version in kept] == ["No, never. Größer!", "Perhaps."]


# --- lessons that were renamed: 15 became 16, 16 became 17, 20 became 21

RECIPE, TEST_TIME, LAST = "16_the_r1_recipe", "17_test_time_scaling", "21_was_it_a_sputnik_moment"


@pytest.fixture
def former_store(store):
    """A store as it was made under the former numbers, written with the functions of then."""
    for lesson in ("15_the_r1_recipe", "16_test_time_scaling"):
        run_store.record_finding(lesson, "right", lesson, "", "measured")
    run_store.record_prediction("20_was_it_a_sputnik_moment", "verdict", "partly true")
    return store


def test_what_was_kept_under_a_former_name_is_found_under_the_present_one(former_store):
    assert run_store.finding(RECIPE, "right").value == "15_the_r1_recipe"
    assert run_store.finding(TEST_TIME, "right").value == "16_test_time_scaling"
    assert [f.lesson for f in run_store.findings()] == [RECIPE, TEST_TIME]
    assert run_store.prediction(LAST, "verdict") == "partly true"
    assert run_store.predictions() == {LAST: {"verdict": "partly true"}}
    assert run_store.finding("15_the_r1_recipe", "right") == run_store.finding(RECIPE, "right")
    assert run_store.prediction("20_was_it_a_sputnik_moment", "verdict") == "partly true"


def test_a_lesson_kept_at_once_forgets_what_it_found_under_its_former_name(former_store):
    run_store.record_findings(RECIPE, [("wrong", "new", "", "measured")])
    assert [(f.lesson, f.name) for f in run_store.findings()] == [(RECIPE, "wrong"), (TEST_TIME, "right")]


def test_a_number_of_today_is_not_taken_for_the_former_one(former_store):
    right = {("16", "right"): "15_the_r1_recipe", ("17", "right"): "16_test_time_scaling"}
    assert {name: finding.value for name, finding in evidence.read_findings().items()} == right


def test_where_both_names_hold_words_the_present_one_wins_and_nothing_is_lost(former_store):
    before = json.loads((former_store / "reader.json").read_text(encoding="utf-8"))
    run_store.record_finding(RECIPE, "right", "new", "", "measured")
    run_store.record_finding("15_the_r1_recipe", "right", "old copy, run again", "", "measured")
    run_store.record_prediction(LAST, "verdict", "true")
    run_store.record_prediction(LAST, "price", "right")
    assert run_store.finding(RECIPE, "right").value == "new"
    assert run_store.predictions() == {LAST: {"verdict": "true", "price": "right"}}
    after = json.loads((former_store / "reader.json").read_text(encoding="utf-8"))
    assert {name: after[name] for name in before} == before


@pytest.mark.parametrize("content", [b"{ broken", b"[]", b'{"00": 3}', b'{"00": {"a": []}}', b"\xff\xfe"])
def test_a_damaged_reader_file_is_kept_before_a_new_one_is_begun(store, capsys, content):
    store.mkdir()
    (store / "reader.json").write_bytes(content)
    assert run_store.predictions() == {}
    assert "damaged" in capsys.readouterr().out
    assert (store / "reader.json").read_bytes() == content  # reading alone moves nothing
    run_store.record_prediction("00", "claim", "new words")
    said = capsys.readouterr().out
    (kept,) = store.glob("reader-damaged-*.json")
    assert kept.read_bytes() == content and kept.name in said and said.count("\n") == 1
    assert run_store.prediction("00", "claim") == "new words"


def test_a_damaged_findings_file_is_named_and_begun_anew(store, capsys):
    store.mkdir()
    (store / "findings.json").write_text('{"01": {"gap": {"value": 3}}}')
    run_store.record_finding("01", "gap", 1.0, "nats", "measured")
    assert "damaged" in capsys.readouterr().out
    assert run_store.finding("01", "gap").value == 1.0


def test_what_cannot_be_written_costs_a_sentence(store, monkeypatch, capsys):
    run_store.record_prediction("00", "claim", "first")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(small_files.os, "replace", full)
    run_store.record_prediction("00", "claim", "second")
    assert "No space left on device" in capsys.readouterr().out
    assert run_store.prediction("00", "claim") == "first"
    assert sorted(p.name for p in store.iterdir() if "lock" not in p.name) == ["reader.json"]


def test_two_kernels_that_write_at_once_lose_nothing(store):
    code = (
        "from lessons_lib.runs import run_store\n"
        "for i in range(60):\n"
        "    run_store.record_finding('01', f'NAME {i}', i, 'steps', 'measured')\n"
        "    run_store.record_prediction('00', f'NAME {i}', 'words')\n"
    )
    processes = [start_python(code.replace("NAME", name), store) for name in "ab"]
    for process in processes:
        assert process.communicate(timeout=120) == ("", "") and process.returncode == 0
    assert len(run_store.findings()) == 120 and len(run_store.predictions()["00"]) == 120


def test_a_lock_that_is_not_given_back_costs_a_sentence(store, monkeypatch, capsys):
    monkeypatch.setattr(small_files, "PATIENCE", 0.1)
    run_store.record_finding("01", "gap", 1.0, "nats", "measured")
    code = (
        "import sys, time\nfrom filelock import FileLock\n"
        f"with FileLock({str(store / '.findings.json.lock')!r}):\n"
        "    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    process = start_python(code, store, stdin=subprocess.PIPE)
    assert process.stdout.readline() == "held\n"
    run_store.record_finding("01", "gap", 2.0, "nats", "measured")
    assert "could not be written" in capsys.readouterr().out
    process.communicate("")
    assert run_store.finding("01", "gap").value == 1.0


ODD = {
    "no lesson": (("", "a", 1, "u", "measured"), ValueError, "lesson must not be blank"),
    "a number for a lesson": ((1, "a", 1, "u", "measured"), TypeError, "lesson must be text, got 1"),
    "no name": (("01", " ", 1, "u", "measured"), ValueError, "name must not be blank"),
    "none for a unit": (("01", "a", 1, None, "measured"), TypeError, "unit must be text, got None"),
    "nan": (("01", "a", float("nan"), "u", "measured"), ValueError, "finite number, but 'a' is nan"),
    "infinite": (("01", "a", torch.tensor(float("-inf")), "u", "measured"), ValueError, "'a' is -inf"),
    "endless": (("01", "a", 10**5000, "u", "measured"), ValueError, "must be below"),
    "several": (("01", "a", torch.ones(2), "u", "measured"), TypeError, "'a' is a Tensor"),
    "several of numpy": (("01", "a", np.ones(2), "u", "measured"), TypeError, "'a' is a ndarray"),
    "complex": (("01", "a", 1j, "u", "measured"), TypeError, "'a' is a complex"),
    "none": (("01", "a", None, "u", "measured"), TypeError, "'a' is a NoneType"),
    "half a character": (("01", "a", "\ud83d", "u", "quoted"), ValueError, "half a character"),
    "kinds": (("01", "a", 1, "u", ["measured"]), TypeError, "kind must be"),
}


@pytest.mark.parametrize("case", ODD)
def test_a_finding_of_odd_arguments_is_refused_and_nothing_is_written(store, case):
    arguments, kind, words = ODD[case]
    with pytest.raises(kind) as caught:
        run_store.record_finding(*arguments)
    assert words in str(caught.value) and "\n" not in str(caught.value)
    assert not list(store.glob("*.json"))


def test_a_prediction_that_no_file_can_hold_is_refused(store):
    with pytest.raises(ValueError, match="half a character"):
        run_store.record_prediction("01", "a", "\ud83d")
    with pytest.raises(TypeError, match="text must be text, got 3"):
        run_store.record_prediction("01", "a", 3)


FINDING = {"lesson": "01", "name": "a", "value": 1, "unit": "", "kind": "measured"}


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "null",
        json.dumps({"01": {"a": FINDING | {"value": None}}}),
        json.dumps({"01": {"a": FINDING | {"value": [1]}}}),
        json.dumps({"01": {"a": FINDING | {"unit": None}}}),
        json.dumps({"01": {"a": FINDING | {"kind": "guessed"}}}),
        json.dumps({"01": None}),
    ],
)
def test_nested_and_null_findings_are_damaged(store, text, capsys):
    run_store.record_finding("01", "a", 1, "", "measured")
    (store / "findings.json").write_text(text)
    assert run_store.findings() == [] and "is damaged" in capsys.readouterr().out
    run_store.record_finding("01", "b", 2, "", "measured")
    assert "was damaged: it is kept as" in capsys.readouterr().out
    assert [f.value for f in run_store.findings()] == [2]


def test_what_a_killed_kernel_left_of_a_file_is_swept_up(store):
    run_store.record_finding("01", "a", 1, "", "measured")
    left = store / ".half-1"
    left.write_text("{")
    os.utime(left, (time.time() - 4000,) * 2)
    run_store.record_finding("01", "a", 2, "", "measured")
    assert not left.exists()
