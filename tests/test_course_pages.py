"""Pages that repeat the list of lessons say the same as the list, whichever lessons are written."""

import json
from pathlib import Path

import course_pages
import pytest

from lessons_lib.lessons import BY_NUMBER, LESSONS

README = f"Before.\n\n{course_pages.BEGIN}\nold\n{course_pages.END}\n\nAfter.\n"


@pytest.fixture
def shelf(tmp_path):
    """A repository in which some lessons are written, with the text of their cells."""

    def make(**texts):
        for number, cells in texts.items():
            path = tmp_path / "notebooks" / f"{BY_NUMBER[number[1:]].stem}.ipynb"
            path.parent.mkdir(exist_ok=True)
            cells = [{"cell_type": "markdown", "source": text.splitlines(True)} for text in cells]
            path.write_text(json.dumps({"cells": cells}), encoding="utf-8")
        (tmp_path / "README.md").write_text(README, encoding="utf-8")
        return tmp_path

    return make


def cells(root, number):
    content = json.loads((root / "notebooks" / f"{BY_NUMBER[number].stem}.ipynb").read_text(encoding="utf-8"))
    return ["".join(cell["source"]) for cell in content["cells"]]


def test_a_first_cell_gets_its_question_and_its_neighbours(shelf):
    root = shelf(x05=["# 05. Old?\n\n**Question.** Why?\n\n**Back:** nowhere | **Next:**\nx"], x06=["A."])
    (root / "exercises").mkdir()
    (root / "exercises" / "05_mixture_of_experts.ipynb").touch()
    course_pages.write(root)
    assert cells(root, "05") == [
        "# 05. Can a model know more without computing more?\n\n**Question.** Why?\n\n"
        "**Previous:** 04. Absorbing the projections (to come) |\n"
        "**Next:** [06. Tiny, balanced experts](06_deepseek_moe.ipynb) |\n"
        "**Exercises:** [05](../exercises/05_mixture_of_experts.ipynb)"
    ]


def test_behind_a_neighbour_to_come_stands_the_nearest_written_lesson(shelf):
    root = shelf(x01=[""], x02=[""], x05=[""], x08=[""], x09=[""])
    assert course_pages.neighbours(BY_NUMBER["05"], root) == (
        "**Previous:** 04. Absorbing the projections (to come), before it "
        "[02. Sharing keys and values](02_sharing_keys_and_values.ipynb) |\n"
        "**Next:** 06. Tiny, balanced experts (to come), then "
        "[08. Several tokens at once](08_predicting_several_tokens.ipynb)"
    )


def test_the_first_and_the_last_lesson_have_one_neighbour(shelf):
    root = shelf(x00=[""], x01=[""])
    assert course_pages.neighbours(LESSONS[0], root) == "**Next:** [01. A small GPT](01_a_small_gpt.ipynb)"
    assert "Next" not in course_pages.neighbours(LESSONS[-1], root)


def test_marks_of_lessons_that_are_written_become_links_and_others_stay(shelf):
    text = "See lesson 07 (to come), 15. Is my run broken? (to come) and lesson 99 (to come)."
    root = shelf(x01=["", text], x07=[""])
    course_pages.write(root)
    assert cells(root, "01")[1] == (
        "See [lesson 07](07_experts_across_devices.ipynb), 15. Is my run broken? (to come) "
        "and lesson 99 (to come)."
    )
    shelf(x15=[""])
    course_pages.write(root)
    assert "[15. Is my run broken?](15_is_my_run_broken.ipynb) and lesson 99" in cells(root, "01")[1]


def test_the_table_links_what_is_written_and_names_each_part_once(shelf):
    root = shelf(x00=[""], x02=[""])
    course_pages.write(root)
    text = (root / "README.md").read_text(encoding="utf-8")
    assert text.startswith("Before.\n") and text.endswith("\n\nAfter.\n") and "old" not in text
    rows = course_pages.readme_table(root / "notebooks").splitlines()
    assert len(rows) == len(LESSONS) + 2 and "\n".join(rows) in text
    assert rows[3].startswith("| I Attention that remembers less | 01 How good") and "to come" in rows[3]
    link = "[02](notebooks/02_sharing_keys_and_values.ipynb)"
    assert rows[4] == f"| | {link} Does every head need its own memory? | here |"


def test_what_is_written_once_is_up_to_date_and_a_changed_link_is_not(shelf):
    root = shelf(x00=["# 00. X\n\nWords."], x01=["Words."])
    assert {path.name[:2] for path in course_pages.out_of_date(root)} == {"RE", "00", "01"}
    course_pages.write(root)
    before = {path: path.read_bytes() for path in root.rglob("*.*")}
    assert course_pages.out_of_date(root) == {} and course_pages.write(root) == []
    path = root / "notebooks" / "00_start_here.ipynb"
    path.write_text(path.read_text(encoding="utf-8").replace("(01_a", "(02_a"), encoding="utf-8")
    assert course_pages.write(root) == [path]
    assert {path: path.read_bytes() for path in root.rglob("*.*")} == before


def test_a_readme_without_its_marks_is_named(shelf):
    root = shelf(x00=[""])
    (root / "README.md").write_text("No table.\n", encoding="utf-8")
    with pytest.raises(ValueError, match="README.md has lost the lines"):
        course_pages.write(root)


def test_readmes_picture_is_the_one_that_lesson_14_shows():
    """After its outputs were made again: `python start.py new-lesson --sync`."""
    notebooks = Path(course_pages.__file__).parents[1] / "notebooks"
    readme = (notebooks.parent / "README.md").read_text(encoding="utf-8")
    assert "notebooks/images/it_learns_to_search.png" in readme
    picture = (notebooks / "images" / "it_learns_to_search.png").read_bytes()
    assert picture == course_pages.moment(notebooks) and picture.startswith(b"\x89PNG")
