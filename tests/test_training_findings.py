"""Findings are the machine's, predictions are the reader's: nothing of theirs is ever lost."""

import json
import subprocess

import numpy as np
import pytest
import torch
from training_helpers import start_python

from lessons_lib.runs import findings, run_store
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


@pytest.mark.parametrize("kind", ["guessed", "", "Measured"])
def test_another_kind_is_refused_with_the_known_ones(store, kind):
    with pytest.raises(ValueError, match=f"measured, derived or quoted, not '{kind}'"):
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


def test_a_number_of_today_is_not_taken_for_the_former_one(former_store):
    right = {("16", "right"): "15_the_r1_recipe", ("17", "right"): "16_test_time_scaling"}
    assert evidence.read_findings() == right


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

    monkeypatch.setattr(findings.os, "replace", full)
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
    monkeypatch.setattr(findings, "PATIENCE", 0.1)
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
