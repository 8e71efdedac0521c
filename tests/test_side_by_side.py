"""Tasks side by side: no more than there is room for, in the order that `after` asks for, alone if asked."""

import subprocess
import sys
import threading
import time

import calling
import pytest
from calling import Interrupted, Result
from side_by_side import Task, first_first, side_by_side

from lessons_lib.lessons import LESSONS


class Watched:
    """Makes tasks that take a moment, and notes which others each of them saw running."""

    def __init__(self):
        self.running, self.beside, self.over, self.lock = set(), {}, [], threading.Lock()

    def task(self, name, **settings):
        def run():
            with self.lock:
                self.running.add(name)
                self.beside[name] = set()
                for other in self.running - {name}:
                    self.beside[other].add(name)
                    self.beside[name].add(other)
            time.sleep(0.05)
            with self.lock:
                self.running.discard(name)
                self.over.append(name)
            return Result("x", name)

        return Task(name, run, **settings)


@pytest.mark.parametrize("places", [1, 2])
def test_all_run_and_no_more_at_a_time_than_there_are_places(places):
    watched = Watched()
    names = [result.what for result in side_by_side([watched.task(n) for n in "abcdef"], places)]
    assert sorted(names) == list("abcdef") == sorted(watched.over)
    assert any(watched.beside.values()) == (places == 2)


def test_who_loads_the_runs_of_another_comes_after_it_and_who_wants_to_be_alone_is():
    watched = Watched()
    tasks = [watched.task("d", after=frozenset("ac")), *map(watched.task, "abc")]  # d would be first
    tasks.insert(2, watched.task("e", alone=True))  # whose turn would come beside another
    list(side_by_side(tasks, 2))
    assert watched.beside["e"] == set() and watched.beside["a"]
    assert max(map(watched.over.index, "ac")) < watched.over.index("d")


def test_what_holds_up_most_work_begins_first():
    tasks = [
        Task("short", lambda: None, 1),
        Task("long", lambda: None, 5),
        Task("first", lambda: None, 2),
        Task("second", lambda: None, 4, frozenset({"first"})),
    ]
    assert [task.name for task in first_first(tasks)] == ["first", "long", "second", "short"]


def test_a_name_that_is_not_there_is_no_hindrance_and_a_ring_is_refused():
    watched = Watched()
    assert len(list(side_by_side([watched.task("b", after=frozenset({"gone"}))], 2))) == 1
    ring = [watched.task("a", after=frozenset("b")), watched.task("b", after=frozenset("a"))]
    with pytest.raises(ValueError, match="a, b wait for each other"):
        list(side_by_side(ring, 2))


def test_an_interrupt_ends_what_is_under_way_and_keeps_what_it_came_to(monkeypatch):
    def call():
        code = calling.call([sys.executable, "-c", "import time; time.sleep(60)"], calling.environment("z"))
        assert code != 0
        raise Interrupted(Result("x", "slow"))  # as `run_pytest` does where pytest was interrupted

    def interrupted(*arguments, **more):
        deadline = time.monotonic() + 10
        while not calling.UNDER_WAY and time.monotonic() < deadline:
            time.sleep(0.01)
        raise KeyboardInterrupt

    monkeypatch.setattr("side_by_side.wait", interrupted)
    monkeypatch.setattr(
        calling, "end", lambda process, patience: (process.terminate(), process.wait(timeout=20))
    )
    start = time.monotonic()
    with pytest.raises(Interrupted) as stop:
        list(side_by_side([Task("slow", call)], 2))
    assert [result.what for result in stop.value.results] == ["slow"] and time.monotonic() - start < 30
    assert not calling.UNDER_WAY


def test_what_a_call_prints_aside_comes_whole_when_it_has_ended(tmp_path, capfd):
    (tmp_path / "test_a.py").write_text("def test_one(): print('words')\ndef test_two(): assert False\n")
    found = calling.run_pytest("x", "y", [str(tmp_path)], calling.environment(tmp_path), aside=True)
    assert [case.outcome for case in found.cases] == ["passed", "failed"]
    printed = capfd.readouterr().out
    assert printed.index("side by side") < printed.index("=== x: y") < printed.index("1 failed")


def test_lessons_name_only_earlier_ones_and_the_last_comes_after_all():
    *rest, last = LESSONS
    assert set(last.after) == {lesson.number for lesson in rest}, "it reads the findings of all"


def test_an_interrupt_sent_to_all_ends_in_pytests_own_code(tmp_path):
    """What `run_pytest` takes for Ctrl-C: in a terminal, pytest hears it, too."""
    (tmp_path / "test_a.py").write_text("def test_stop(): raise KeyboardInterrupt\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", str(tmp_path)], capture_output=True, timeout=120
    )
    assert done.returncode == calling.INTERRUPTED
