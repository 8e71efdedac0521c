"""The teacher's guide is true of the lessons as they are: cells, exercises, mistakes, times, timetables."""

import functools
import json
import re
import sys

import pytest
from house_rules import ROOT

from lessons_lib.checks.registry import exercises
from lessons_lib.lessons import BY_NUMBER, LESSONS, PARTS

sys.path.insert(0, str(ROOT))
import start

GUIDE = ROOT / "docs" / "teaching"
INDEX = (GUIDE / "index.md").read_text(encoding="utf-8")
FLAT = " ".join(INDEX.split())  # however its lines are broken
PAGES = {path.name: path.read_text(encoding="utf-8") for path in sorted(GUIDE.glob("part_*.md"))}
SECTIONS = {  # of a lesson, on the page of its part
    found[1]: (page, found[2], found[0])
    for page, text in PAGES.items()
    for found in re.finditer(r"^## (\d\d)\. (.*)\n(?:(?!^## ).*\n?)*", text, re.MULTILINE)
}
PART_OF = {name: f"part_{place}.md" for place, name in enumerate(PARTS, 1)}
OF_A_LESSON = (
    "**Time.**",
    "**What it shows.**",
    "**On the board.**",
    "**Where people get stuck.**",
    "**Discuss.**",
    "**Ten minutes.**",
)
SPOKEN = {"half an hour": 30, "an hour": 60}


@functools.cache
def notebook(path):
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


@functools.cache
def cells(number):
    """{cell id: (section, has it an output)} of a lesson."""
    found, section = {}, 0
    for cell in notebook(ROOT / "notebooks" / f"{BY_NUMBER[number].stem}.ipynb"):
        if cell["cell_type"] == "markdown":
            for heading in re.findall(r"^## (\d+)\. ", "".join(cell["source"]), re.MULTILINE):
                section = int(heading)
        found[cell["id"]] = (section, bool(cell.get("outputs")))
    return found


def minutes_to_read(number):
    first = "".join(notebook(ROOT / "notebooks" / f"{BY_NUMBER[number].stem}.ipynb")[0]["source"])
    said = re.search(r"\*\*Takes\*\*\s+(half an hour|an hour|\d+)", first)[1]
    return SPOKEN.get(said) or int(said)


def minutes_of_exercises(number):
    path = ROOT / "exercises" / f"{BY_NUMBER[number].stem}.ipynb"
    if path.exists():
        first = "".join(notebook(path)[0]["source"])
        return int(re.search(r"Together\s+about\s+(\d+)\s+minutes", first)[1])


def asked(words):
    """The lessons that the words behind `start.py run` mean."""
    chosen = []
    for word in words.split():
        first, _, last = word.partition("-")
        ends = (0, 99) if word == "all" else (int(first), int(last or first))
        chosen += [lesson for lesson in LESSONS if ends[0] <= int(lesson.number) <= ends[1]]
    return chosen


def test_each_lesson_has_its_place_on_the_page_of_its_part():
    assert sorted(SECTIONS) == [lesson.number for lesson in LESSONS]
    for lesson in LESSONS:
        page, title, _ = SECTIONS[lesson.number]
        expected = "part_1.md" if not lesson.part and lesson.number == "00" else PART_OF.get(lesson.part)
        assert (page, title) == (expected, lesson.name), lesson.stem
    for key, name in PARTS.items():
        assert PAGES[PART_OF[key]].startswith(f"# Part {key}. {name}\n") and f"({PART_OF[key]})" in INDEX


@pytest.mark.parametrize("number", sorted(SECTIONS))
def test_a_lesson_has_all_that_a_lecturer_needs_in_order(number):
    text = SECTIONS[number][2]
    places = [text.find(mark) for mark in OF_A_LESSON]
    assert -1 not in places and places == sorted(places)
    board, stuck, discuss = (text[places[i] : places[i + 1]] for i in (2, 3, 4))
    assert len(board.split()) > 20 and stuck.count("\n- ") >= 3
    assert len(re.findall(r"^\d\. \*.+?\?\*", discuss, re.MULTILINE | re.DOTALL)) >= 3  # each with an answer


@pytest.mark.parametrize("number", sorted(SECTIONS))
def test_times_are_those_of_the_lesson(number):
    said = re.search(r"\*\*Time\.\*\* (.*)\n", SECTIONS[number][2])[1]
    run = int(BY_NUMBER[number].seconds / 60 + 0.5)
    after = minutes_of_exercises(number)
    told = f"{minutes_to_read(number)} minutes to read, {run or 'under 1'} to run, "
    assert said == told + (f"{after} for the exercises." if after else "no exercises.")


def test_cells_that_are_named_exist_in_that_section_and_show_something():
    named = {
        found for text in [INDEX, *PAGES.values()] for found in re.findall(r"`(\d\d) §(\d+) ([\w-]+)`", text)
    }
    assert len(named) > 100
    for number, section, name in sorted(named):
        assert name in cells(number), (number, name)
        at, shows = cells(number)[name]
        assert at == int(section) and shows, (number, section, name, at)


def test_mistakes_that_are_named_are_in_the_bank_of_the_lesson():
    bank = {name: (e.lesson, {m.name for m in e.misconceptions}) for name, e in exercises().items()}
    count = 0
    for number, (_, _, text) in SECTIONS.items():
        flat = " ".join(text.split())
        for name, first, second in re.findall(
            r"`(\w+)`,? \*([^*?.]+)\*(?:,? and \*([^*?.]+)\*|,? \*[^*]+\*)?", flat
        ):
            if name in bank:
                lesson, known = bank[name]
                assert lesson == number and {first, second} - {""} <= known, (number, name, first, second)
                count += 1
        ten = flat.split("**Ten minutes.**")[1]
        if minutes_of_exercises(number):
            chosen = re.search(r"`(\w+)`", ten)[1]
            assert bank[chosen][0] == number
            for told in re.findall(r"\*([^*]+)\*", ten.replace("**", "")):
                assert told in bank[chosen][1], (number, told)
    assert count > 50


def test_no_measured_number_is_typed_by_hand():
    for name, text in {**PAGES, "index.md": INDEX}.items():
        prose = re.sub(r"`[^`]*`|\([^)]*\)|\$[^$]*\$", "", text)
        assert "≈" not in text, name
        found = set(re.findall(r"\d+\.\d+", prose)) - {"5.576", "93.3", "1.1", "1.6"}  # quoted, or made up
        assert not found, (name, found)


def timetables():
    for block in re.split(r"^### ", INDEX, flags=re.MULTILINE)[1:]:
        title = block.splitlines()[0]
        for table in re.findall(r"(?:^\|.*\n)+", block, re.MULTILINE):
            rows = [[part.strip() for part in row.strip("|\n").split("|")] for row in table.splitlines()]
            yield title, rows[0], rows[2:]


def test_timetables_add_up_and_name_sections_that_exist():
    seen = []
    for title, head, rows in timetables():
        if head[0] != "from":
            continue
        whole = int(re.search(r"(\d+) (minutes|hours)", title)[1]) * (60 if "hours" in title else 1)
        clock = 0
        for begin, minutes, what, lessons in rows:
            assert begin == f"{clock // 60}:{clock % 60:02d}", (title, what)
            clock += int(minutes)
            for number, section in re.findall(r"(\d\d)(?: §(\d+))?", lessons):
                assert not section or int(section) in {at for at, _ in cells(number).values()}, (
                    number,
                    section,
                )
            for name in re.findall(r"`(\w+)`", what):
                assert exercises()[name].lesson == lessons[:2], (name, lessons)
        assert clock == whole, title
        seen.append(title.split(":")[0])
    assert seen == ["One evening", "One day", "Two days", "Two days"]


def test_what_a_timetable_needs_from_the_store_is_run_ahead():
    slow = {lesson.number for lesson in LESSONS if lesson.seconds >= 100}
    for block in re.split(r"^### ", INDEX, flags=re.MULTILINE)[1:4]:
        ahead = {
            lesson.number for lesson in asked(re.search(r"Ahead: `python start.py run ([^`]+)`", block)[1])
        }
        rows = [row for title, _, rows in timetables() if block.startswith(title) for row in rows]
        taught = {number for row in rows for number in re.findall(r"(\d\d)(?: §\d+)?", row[-1])}
        assert len(taught) > 3 and taught & slow <= ahead, (block[:20], sorted(taught & slow - ahead))


def test_what_a_part_needs_from_the_store_is_run_ahead():
    for lesson in LESSONS:
        ahead = re.search(
            r"\*\*Run ahead\.\*\* `python start.py run ([^`]+)`", PAGES[SECTIONS[lesson.number][0]]
        )[1]
        assert lesson.seconds < 100 or lesson in asked(ahead), lesson.stem


def test_the_semester_has_twelve_weeks_and_leaves_no_lesson_out():
    (rows,) = [rows for title, head, rows in timetables() if head[0] == "week"]
    assert [int(row[0]) for row in rows] == list(range(1, 13))
    lectures = [number for row in rows for number in row[1].split(", ")]
    projects = re.findall(r"Lessons (\d\d), (\d\d) and (\d\d) are projects", FLAT)[0]
    assert sorted([*lectures, *projects]) == [lesson.number for lesson in LESSONS]
    for before, row in zip(rows, rows[1:]):  # handed in a week after its lab
        assert row[3] == before[2]
    labs = {row[2] for row in rows}
    left = set(re.search(r"The exercises of ([\d, and]+) are for", FLAT)[1].replace(" and", ",").split(", "))
    assert labs | left | set(projects) == {n for n in BY_NUMBER if minutes_of_exercises(n)}
    for row in rows:
        for command in re.findall(r"start\.py run ([^`]+)`", row[4]):
            assert {lesson.number for lesson in asked(command)} <= set(row[1].split(", "))


def test_what_running_ahead_takes_is_what_the_list_of_lessons_says():
    said = re.search(r"`python start.py run 01-06`. .*?about (\d+) .*?run all`, about (\d+)", FLAT)
    assert int(said[1]) == round(sum(lesson.seconds for lesson in asked("01-06")) / 60)
    assert int(said[2]) == round(sum(lesson.seconds for lesson in LESSONS) / 60)


def test_commands_and_links_of_the_guide_exist():
    for name, text in {**PAGES, "index.md": INDEX}.items():
        for command in set(re.findall(r"start\.py ([a-z-]+)", text)):
            assert f"start.py {command}" in start.__doc__, (name, command)
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
            assert (GUIDE / target).exists(), (name, target)
    for stem in re.findall(r"`(\d\d_\w+)`", INDEX):
        assert (ROOT / "exercises" / f"{stem}.ipynb").exists()
