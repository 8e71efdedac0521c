"""The progress bar of every long cell."""

import itertools

from lessons_lib.runs.progress import DRAWINGS, progress


def test_a_bar_is_drawn_a_bounded_number_of_times_however_slow_the_steps(monkeypatch, capsys):
    """Each drawing sends messages from the kernel, and thousands of them get lost."""
    clock = itertools.count(0.0, 20.0)  # between any two looks at it 20 seconds have passed
    monkeypatch.setattr("tqdm.std.time", lambda: next(clock))
    with progress(10_000, "a run") as bar:
        for _ in range(10_000):
            bar.update(1)
    drawn = capsys.readouterr().err.count("\r")
    assert DRAWINGS <= drawn <= DRAWINGS + 3  # the first and the last beside them
