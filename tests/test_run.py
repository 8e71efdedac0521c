"""tests/run.py chooses, stops and reports as it says; comparing itself is test_notebooks_regression.py's."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
import report
import run
from calling import DISTURB, OTHER_CPU, Case, Interrupted, Result, environment

TESTS = Path(__file__).parent
GOOD = Result("lint", "ruff check", [Case("ruff check", "passed", 1.0)], 1.0)
CELLS = [Case(f"01.ipynb, cell {n} (c{n}): x", "passed", float(n), is_cell=True) for n in range(7)]
BAD = Result("notebooks", "01.ipynb", [*CELLS, Case("01.ipynb, cell 7 (loss): y", "failed", 0.5, True)], 30.0)


def stages(*arguments):
    return run.read_options(list(arguments)).stages


def test_three_depths_have_their_stages():
    assert stages() == stages("--warm") == list(run.STAGES.values())
    assert stages("--deep") == [run.mutants, run.deep_tests, run.portable]
    assert not set(stages("--deep")) & set(stages()), "deep is the rest, and not the same again"
    assert stages("--portable") == [run.portable]
    assert stages("--portable", "--quick") == [run.portable_quick]


ROOT = TESTS.parent
CALLS = [
    (path.name, words)
    for path in [*ROOT.glob(".ci/run"), *sorted(ROOT.glob(".github/workflows/*.yml"))]
    for words in re.findall(
        r"^\s*(?:- run: )?python3? (?:start.py test|tests/run.py)\b([^\n|>2]*)",
        path.read_text(encoding="utf-8"),
        re.M,
    )
]


@pytest.mark.parametrize("file, words", CALLS)
def test_what_the_workflows_ask_for_exists(file, words):
    assert run.read_options(words.split()).stages


def test_the_workflows_are_of_three_depths():
    asked = {file: [words.split() for name, words in CALLS if name == file] for file, _ in CALLS}
    assert [] in asked["run"] and ["--portable", "--quick"] in asked["run"]
    assert ["--warm"] in asked["tests.yml"] and ["--deep"] in asked["nightly.yml"]


def test_lessons_are_named_by_numbers_in_two_ways():
    assert run.read_options(["--portable", "06", "--lesson", "10"]).lessons == ["06", "10"]
    named = run.read_options(["01"])
    assert named.stages == [run.notebooks, run.exercises] and named.warm
    assert [path.name[:2] for path in run.notebooks_in("notebooks", ["10", "06"])] == ["06", "10"]


@pytest.mark.parametrize(
    "line, words",
    [
        ("--portable 99", "no lesson 99"),
        ("--quick", "belongs to --portable"),
        ("--portable --quick 01", "without named lessons"),
        ("--deep 01", "of all lessons"),
        ("--deep --warm", "not allowed"),
        ("--deep --only lint", "--only chooses"),
    ],
)
def test_options_that_make_no_sense_are_refused(line, words, capsys):
    with pytest.raises(SystemExit):
        run.read_options(line.split())
    assert words in capsys.readouterr().err


def test_quick_takes_the_cheapest_written_lesson_of_each_part_each_in_an_arithmetic(tmp_path):
    paths = [tmp_path / f"{n}_x.ipynb" for n in ("00", "01", "03", "05", "12", "10", "13")]
    chosen = run.quick_choice(paths)
    assert [path.name[:2] for path, _ in chosen] == ["00", "03", "05", "10", "13"]
    by_number = {path.name[:2]: name for path, name in chosen}
    assert by_number["05"] == "other CPU", "the dearest loads what it trained in the usual arithmetic"
    assert set(by_number.values()) == set(run.ARITHMETIC)


@pytest.fixture
def compared(monkeypatch, tmp_path):
    """Every call that would compare a notebook: (stage, number, store, arithmetic, whether it was empty)."""
    calls, one_at_a_time = [], threading.Lock()

    def compare(stage, path, env, cell_limit, limit=None, aside=False):
        store = Path(env["DEEPSEEK_COURSE_RUNS"])
        odd = {key: env[key] for key in (*OTHER_CPU, DISTURB) if key in env}
        with one_at_a_time:
            kept = (store / "kept").exists()
            (store / "kept").touch()
            calls.append((stage, path.name[:2], store.name, odd, kept))
        return Result(stage, path.name, seconds=1.0)

    monkeypatch.setattr(run, "compare_notebook", compare)
    monkeypatch.setattr(run, "STORES", tmp_path / "stores")
    return calls


def do(*arguments):
    options = run.read_options(list(arguments))
    return [result for stage in options.stages for result in stage(options)]


def test_portable_computes_in_three_arithmetics_each_on_a_store_of_its_own(compared):
    do("--portable", "09")
    assert [call[:4] for call in compared[::2]] == [
        ("other CPU", "09", "portable-other-CPU", OTHER_CPU),
        ("disturbed 1", "09", "portable-disturbed-1", {DISTURB: "1"}),
        ("disturbed 2", "09", "portable-disturbed-2", {DISTURB: "2"}),
    ]
    assert [call[:4] for call in compared[1::2]] == [call[:4] for call in compared[::2]], (
        "its solutions likewise"
    )


def test_a_whole_portable_run_starts_empty_and_a_named_lesson_goes_on(compared):
    do("--portable", "09")
    do("--portable", "09")
    assert [call[4] for call in compared] == [False, True] * 3 + [True, True] * 3
    compared.clear()
    do("--portable")
    first = {call[2]: call[4] for call in reversed(compared)}
    assert not any(first.values())


def test_warm_goes_on_and_a_whole_test_starts_empty(compared):
    for warm in (False, True, False):
        compared.clear()
        do("--only", "notebooks", *["--warm"] * warm)
        assert compared[0][4] == warm and {call[2] for call in compared} == {"lessons"}


def test_warm_begins_without_findings_and_a_named_lesson_keeps_them(compared):
    findings = run.STORES / "lessons" / "findings.json"
    findings.parent.mkdir(parents=True)
    for arguments, stay in ((["--lesson", "21"], True), (["--only", "notebooks", "--warm"], False)):
        findings.write_text("{}", encoding="utf-8")
        do(*arguments)
        assert findings.exists() == stay


def test_a_check_computes_plainly_whatever_the_caller_asked_for(monkeypatch, tmp_path):
    monkeypatch.setenv(DISTURB, "1")
    monkeypatch.setenv("MKL_CBWR", "COMPATIBLE")
    env = environment(tmp_path)
    assert not {DISTURB, *OTHER_CPU} & set(env)
    assert environment(tmp_path, **{DISTURB: "2"})[DISTURB] == "2"


def test_the_summary_names_failures_and_the_slowest_cells_and_ends_in_the_count(capsys):
    assert report.summary([GOOD, BAD], seconds=90) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "1.5 minutes" in lines, "by the clock, however long the calls took that ran side by side"
    assert "  notebooks: 01.ipynb, cell 7 (loss): y" in lines
    at = lines.index("The slowest cells:")
    assert [line.split()[0] for line in lines[at + 1 : at + 6]] == ["6", "5", "4", "3", "2"]
    assert lines[at + 6] == ""
    assert lines[-1] == "8 passed, 1 failed"
    assert report.summary([GOOD]) == 0
    assert report.summary([]) == 1, "a suite that ran nothing is not green"


def test_the_junit_file_says_the_same(tmp_path):
    report.write_junit([GOOD, BAD], tmp_path / "new" / "report.xml")
    suites = list(ElementTree.parse(tmp_path / "new" / "report.xml").getroot())
    assert [suite.get("name") for suite in suites] == ["lint: ruff check", "notebooks: 01.ipynb"]
    assert (suites[1].get("tests"), suites[1].get("failures")) == ("8", "1")
    failed = [case.get("name") for case in suites[1] if case.find("failure") is not None]
    assert failed == ["01.ipynb, cell 7 (loss): y"]


def test_after_an_interrupt_what_was_done_is_told_and_written(monkeypatch, tmp_path, capsys):
    def first(options):
        yield GOOD

    def second(options):
        yield Result("library", "a", [Case("a", "passed")])
        raise Interrupted(Result("library", "b", [Case("b", "passed")]))

    monkeypatch.setattr(run, "STAGES", {"lint": first, "library": second, "structure": first})
    monkeypatch.setattr(run, "STORES", tmp_path)
    monkeypatch.setattr(run, "is_installed_from_here", lambda: True)
    monkeypatch.setattr(sys, "argv", ["run.py"])
    before = signal.getsignal(signal.SIGINT)
    try:
        assert run.main() == 130
    finally:
        signal.signal(signal.SIGINT, before)
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("Interrupted") for line in lines) and lines[-1] == "3 passed, 0 failed"
    assert len(list(ElementTree.parse(tmp_path / "report.xml").getroot())) == 3


@pytest.mark.skipif(os.name == "nt", reason="Windows has no interrupt for one process")
def test_ctrl_c_in_a_call_of_pytest_keeps_the_tests_that_were_over(tmp_path):
    """The interrupt reaches run.py alone here; from a terminal it reaches pytest as well."""
    (tmp_path / "test_a.py").write_text(
        "import pathlib, time\n"
        "def test_over(): pass\n"
        f"def test_under_way(): pathlib.Path({str(tmp_path / 'now')!r}).touch(); time.sleep(60)\n"
    )
    program = (
        "import signal, calling\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"try: calling.run_pytest('x', 'y', [{str(tmp_path)!r}], calling.environment('z'))\n"
        "except calling.Interrupted as stop: print('kept', [c.name for c in stop.results[0].cases])\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=TESTS, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    while not (tmp_path / "now").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert "kept" in output and "test_over" in output.split("kept")[1]


def test_deep_tests_wait_until_they_are_asked_for(pytestconfig, tmp_path):
    """Skipped, so that the summary counts them, and run by `-m deep`."""
    (tmp_path / "conftest.py").write_text((TESTS / "conftest.py").read_text(encoding="utf-8"))
    (tmp_path / "torch.py").write_text("def set_num_threads(n): pass\n")  # the real one takes seconds
    (tmp_path / "test_a.py").write_text("import pytest\n@pytest.mark.deep\ndef test_long(): pass\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    command += ["-c", str(pytestconfig.inipath), "--rootdir", str(tmp_path)]
    for more, words in (([], "1 skipped"), (["-m", "deep"], "1 passed")):
        done = subprocess.run([*command, *more], capture_output=True, text=True, cwd=tmp_path, timeout=300)
        assert words in done.stdout, done.stdout
