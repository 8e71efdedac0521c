"""The stopwatch: who is called when, and what is counted, by a clock that only the works move."""

from lessons_lib.runs import in_turn


class Machine:
    """A clock that stands still but for the works, and a list of who was called."""

    def __init__(self):
        self.now, self.called = 0.0, []

    def work(self, name, seconds):
        def do():
            self.called.append(name)
            self.now += seconds

        return do

    def clock(self):
        return self.now


def test_every_round_begins_with_the_next_one_and_the_warm_up_is_not_counted():
    machine = Machine()
    works = {name: machine.work(name, seconds) for name, seconds in (("a", 1), ("b", 2), ("c", 4))}
    seconds = in_turn(works, rounds=4, warmup=2, clock=machine.clock)
    assert seconds == {"a": [1] * 4, "b": [2] * 4, "c": [4] * 4} and list(seconds) == ["a", "b", "c"]
    assert "".join(machine.called) == "abcabc" + "abc" + "bca" + "cab" + "abc"


def test_what_goes_before_is_called_each_time_and_not_counted():
    machine = Machine()
    wash = machine.work("-", 100)
    seconds = in_turn({"a": machine.work("a", 1)}, rounds=2, before=wash, clock=machine.clock)
    assert seconds == {"a": [1, 1]} and "".join(machine.called) == "a-a-a"


def test_seconds_of_different_rounds_stay_apart():
    machine, lengths = Machine(), iter([9, 3, 1, 2])

    def work():
        machine.now += next(lengths)

    assert in_turn({"a": work}, rounds=3, clock=machine.clock) == {"a": [3, 1, 2]}


def test_real_seconds_are_measured_unless_asked_otherwise():
    seconds = in_turn({"a": lambda: sum(range(20_000))}, rounds=3)["a"]
    assert len(seconds) == 3 and all(0 < s < 10 for s in seconds)
    assert in_turn({}, rounds=2) == {}
