"""Exercises register themselves: their names are served, refused and missed as readers need it.

And the bank is complete: tests fail for an exercise that it lacks, and for answers to what is no exercise.
"""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest
from house_rules import ROOT
from wrong_answers import BANK

from lessons_lib import checks
from lessons_lib.checks import registry
from lessons_lib.checks.checker import Exercise
from lessons_lib.checks.small_gpt import norm

SUBJECTS = {e.draw.__module__.split(".")[2]: e.lesson for e in registry.exercises().values()}
BANKS = sorted(p.stem for p in Path(__file__).with_name("wrong_answers").glob("[a-z]*.py"))

for subject in BANKS:
    importlib.import_module(f"wrong_answers.{subject}")


def draw(rng):
    return {"x": rng.random()}


def trial(name, lesson):
    return Exercise(name, draw, lambda x: x, (), lesson=lesson)


@pytest.fixture
def made(monkeypatch):
    """A registry in which a test may put what it likes."""
    monkeypatch.setattr(registry, "_MADE", dict(registry.exercises()))


# --- names


def test_both_names_of_every_exercise_are_served_and_offered():
    for exercise in registry.exercises().values():
        assert getattr(checks, f"check_{exercise.name}") == exercise.check
        assert getattr(checks, f"passes_{exercise.name}") == exercise.passes
        assert {f"check_{exercise.name}", f"passes_{exercise.name}"} <= set(dir(checks))


def test_exercises_stand_in_the_order_of_the_lessons():
    lessons = [exercise.lesson for exercise in registry.exercises().values()]
    assert lessons == sorted(lessons) and {"01", "17"} <= set(lessons)


def test_unknown_name_is_refused_with_a_near_one():
    with pytest.raises(AttributeError, match="there is no check_rms_nrom; did you mean check_rms_norm?"):
        _ = checks.check_rms_nrom
    with pytest.raises(ImportError, match="there is no passes_rms_nrom; did you mean passes_rms_norm?"):
        from lessons_lib.checks import passes_rms_nrom  # noqa: F401
    with pytest.raises(AttributeError, match="there is no check_zzzzzzzzzz$"):
        _ = checks.check_zzzzzzzzzz
    assert not hasattr(checks, "check_nothing") and not hasattr(checks, "tolerance")


def test_new_exercise_is_served_as_soon_as_it_is_made(made):
    exercise = trial("twice", "06")
    assert checks.check_twice == exercise.check and "passes_twice" in dir(checks)


def test_trial_without_a_lesson_is_offered_to_nobody(made):
    trial("twice", None)
    assert not hasattr(checks, "check_twice")


def test_second_exercise_of_a_name_is_refused_in_a_sentence(made):
    words = "test_checks_registry calls an exercise 'rms_norm', as lessons_lib.checks.small_gpt.norm does"
    with pytest.raises(ValueError, match=words):
        trial("rms_norm", "01")
    assert registry.exercises()["rms_norm"] is norm.RMS_NORM


def test_module_loaded_anew_may_make_its_exercises_anew(made):
    source = Path(norm.__file__).read_text(encoding="utf-8")
    again = {"__name__": norm.__name__}
    exec(compile(source, norm.__file__, "exec"), again)
    assert registry.exercises()["rms_norm"] is again["RMS_NORM"] is not norm.RMS_NORM


def test_lesson_that_does_not_exist_is_refused(made):
    with pytest.raises(ValueError, match="twice: there is no lesson '77' in lessons.toml"):
        trial("twice", "77")


def test_every_module_of_the_room_is_found_without_a_list():
    """In a process of its own: the import of the room alone makes no exercise, a name makes all."""
    code = """
import sys
from lessons_lib import checks
from lessons_lib.checks import registry
assert not registry._MADE and "lessons_lib.checks.checker" not in sys.modules
checks.check_rms_norm
print(*sorted(m for m in sys.modules if m.startswith("lessons_lib.checks.")), len(registry._MADE), sep="\\n")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=300
    )
    *modules, n = done.stdout.split()
    files = (ROOT / "lessons_lib" / "checks").glob("*/*.py")
    names = {f"lessons_lib.checks.{p.parent.name}.{p.stem}".removesuffix(".__init__") for p in files}
    assert names <= set(modules) and int(n) == len(registry.exercises())


# --- the bank


@pytest.mark.parametrize("exercise", registry.exercises().values(), ids=lambda exercise: exercise.name)
def test_bank_has_two_right_answers_and_two_with_each_misconception(exercise):
    for misconception in (None, *(m.name for m in exercise.misconceptions)):
        have = [
            e for e in BANK if e.exercise is exercise and e.words is None and e.misconception == misconception
        ]
        written = len({entry.attempt.__code__.co_code for entry in have})  # differently
        assert written >= 2, f"{exercise.name}: {misconception or 'right'} stands there {written} times"


def test_bank_answers_no_exercise_but_those_of_the_course_in_the_file_of_their_subject():
    known = registry.exercises()
    for entry in BANK:
        assert known.get(entry.exercise.name) is entry.exercise, f"{entry}: there is no such exercise"
        assert entry.misconception in (None, *(m.name for m in entry.exercise.misconceptions)), str(entry)
        subject = entry.exercise.draw.__module__.split(".")[2]
        assert entry.attempt.__module__ == f"wrong_answers.{subject}", f"{entry} belongs to {subject}.py"


def test_bank_has_a_file_for_each_subject_and_a_subject_one_lesson():
    assert set(BANKS) == {*SUBJECTS, "faults"}  # those are what may happen to any answer
    for exercise in registry.exercises().values():
        assert exercise.lesson == SUBJECTS[exercise.draw.__module__.split(".")[2]]
