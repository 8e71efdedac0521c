"""The list of lessons: whole as it stands, and refused in one sentence where it is not."""

import importlib
import tomllib

import pytest

from lessons_lib.lessons import LESSONS, LIST, PARTS, current, read_lessons

TEXT = LIST.read_text(encoding="utf-8")


def test_the_list_is_that_of_its_file():
    rows = tomllib.loads(TEXT)
    assert [lesson.stem for lesson in LESSONS] == [row["stem"] for row in rows["lesson"]]
    assert PARTS == rows["parts"]
    assert [lesson.number for lesson in LESSONS] == [f"{n:02d}" for n in range(len(LESSONS))]


def test_a_name_is_written_on_one_line():
    assert {lesson.name for lesson in LESSONS} >= {"Latent attention", "Is my run broken?"}


@pytest.mark.parametrize(
    "old, new, fault",
    [
        ('part = "III"', 'part = "VII"', "08_.* belongs to part 'VII'; there are I, II, III, IV, V"),
        ('part = "I"', 'part = ""', "01_a_small_gpt belongs to part ''"),
        ('part = "II"', 'part = "III"', "06_deepseek_moe belongs to part II, which is over before it"),
        ("02_sharing", "01_sharing", "the number 01 stands twice"),
        ("02_sharing", "04_sharing", "04_sharing_keys_and_values stands where lesson 02 should"),
        ("02_sharing", "2_sharing", "is not a stem"),
        ("seconds = 240", "minutes = 4", "'01_a_small_gpt' has an unknown field 'minutes'"),
        ("seconds = 240\n", "", "'01_a_small_gpt' lacks the field 'seconds'"),
        ("15_the_r1_recipe", "16_test_time_scaling", "'16_test_time_scaling' leads to more than one"),
        ("15_the_r1_recipe", "00_start_here", "'00_start_here' leads to more than one"),
    ],
)
def test_a_list_at_fault_is_refused_in_one_sentence(old, new, fault, tmp_path):
    assert old in TEXT
    path = tmp_path / "lessons.toml"
    path.write_text(TEXT.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ValueError, match=fault) as caught:
        read_lessons(path)
    assert str(caught.value).startswith("lessons.toml: ") and "\n" not in str(caught.value)


def test_a_former_name_leads_to_the_present_one_and_others_to_themselves():
    assert current("15_the_r1_recipe") == "16_the_r1_recipe"
    assert current("17_sparse_attention") == "18_reading_further"
    assert current("16_the_r1_recipe") == "16_the_r1_recipe" and current("mine") == "mine"


@pytest.mark.parametrize("lesson", [x for x in LESSONS if x.written()], ids=lambda lesson: lesson.number)
def test_what_a_written_lesson_introduces_is_there(lesson):
    """A module that was renamed would be forbidden to nobody."""
    rooms = "config corpus interop model parallel precision reasoning runs training".split()
    for name in lesson.introduces:
        if name.startswith("lessons_lib."):
            importlib.import_module(name)
        else:
            assert any(hasattr(importlib.import_module(f"lessons_lib.{room}"), name) for room in rooms), name
