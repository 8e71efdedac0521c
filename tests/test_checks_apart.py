"""Functions of texts are judged in a process of their own: nothing that they do freezes the notebook.

They come as a notebook's cells make them, in a module that cannot be imported.
"""

import linecache
import re
import textwrap
import threading
import time

import pytest
import torch

from lessons_lib.checks import apart, packing
from lessons_lib.checks.checker import Exercise
from lessons_lib.checks.reasoning_rewards import fixed
from lessons_lib.checks.reasoning_rewards.rewards import REWARDS
from lessons_lib.checks.reasoning_rewards.sums import RIGHT_SUMS
from lessons_lib.checks.test_time import verdict as of_verdicts

CELLS = 0


def cell(source, name="f"):
    """Run a cell as a notebook does and return the function that it defines."""
    global CELLS
    CELLS += 1
    file, source = f"/tmp/ipykernel_1/{CELLS}.py", textwrap.dedent(source).lstrip("\n")
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    room = {"__name__": "__main__", "__builtins__": __builtins__}
    exec(compile(source, file, "exec"), room)
    return room[name]


def draw(rng):
    return {"text": "".join(rng.choice("ab ") for _ in range(rng.randint(2, 9))), "n": rng.randint(1, 4)}


def trial(**more):
    return Exercise("trial", draw, lambda text, n: torch.tensor([len(text) * n, n]), (), apart=True, **more)


def judged(function, **limits):
    verdict = trial().judge(function, **limits)
    return verdict.kind, "\n".join(verdict.lines)


RIGHT = {
    "with a module, a constant and a helper": """
        import torch as T
        import re
        TWO = 2
        pattern = re.compile(".")
        def letters(text):
            return len(pattern.findall(text)) * TWO // TWO
        def f(text, n):
            return T.tensor([letters(text) * n, n])
        """,
    "with a name from a module": """
        from torch import tensor
        from functools import partial
        double = partial(int.__mul__, 1)
        def f(text, n):
            return tensor([double(len(text) * n), n])
        """,
    "that calls itself": """
        import torch
        def length(text):
            return 1 + length(text[1:]) if text else 0
        def f(text, n):
            return torch.tensor([length(text) * n, n])
        """,
    "with a class of the notebook": """
        import torch
        class Counter:
            step = 1
            def __init__(self, text):
                self.text = text
            def count(self):
                return sum(self.step for _ in self.text)
        def f(text, n):
            return torch.tensor([Counter(text).count() * n, n])
        """,
    "made inside a function": """
        import torch
        def maker(extra):
            def inner(text, n, *, more=0):
                return torch.tensor([len(text) * n + extra + more, n])
            return inner
        f = maker(0)
        """,
    "that needs defaults": """
        import torch
        def f(text, n, unit=1, *, zero=0):
            return torch.tensor([len(text) * n * unit + zero, n])
        """,
    "that imports inside": """
        def f(text, n):
            import torch
            return torch.tensor([len(text) * n, n])
        """,
}


@pytest.mark.parametrize("source", RIGHT.values(), ids=RIGHT)
def test_right_function_of_a_notebook_is_right_elsewhere_too(source):
    function = cell(source)
    assert judged(function) == ("correct", "")
    assert apart._kept  # it was not judged here


FREEZES = {
    "a regular expression gone wild": ('re.match(r"((a+)+)+c", "a" * 5000)', 4),
    "a power without end": ("7 ** 10**9", 4),
    "a loop": ("any(iter(int, 1))", 4),
}


@pytest.mark.parametrize("line, number", FREEZES.values(), ids=FREEZES)
def test_what_holds_python_itself_is_ended_in_time_and_its_line_named(line, number):
    function = cell(f"""
        import re
        def f(text, n):
            text = text + ""
            n = 1

            return {line}
        """)
    judged(cell(RIGHT["that needs defaults"]))  # the process is there
    start = time.monotonic()
    kind, text = judged(function, limit=0.5)
    assert kind == "too slow" and time.monotonic() - start < 10
    assert "in line 5 of f:  return " in text, text
    assert judged(cell(RIGHT["that needs defaults"])) == ("correct", "")


def test_function_apart_that_got_no_processor_is_waited_for():
    function = cell("""
        import time, torch
        def f(text, n):
            time.sleep(0.04)  # as if others computed meanwhile; there are 40 cases
            return torch.tensor([len(text) * n, n])
        """)
    assert judged(function, limit=1.0) == ("correct", "")
    assert apart._kept


def test_what_waits_for_ever_is_ended_after_two_and_a_half_times_its_limit():
    judged(cell(RIGHT["that needs defaults"]))  # the process is there
    process = apart._kept[0].popen
    function = cell("import time\ndef f(text, n):\n    time.sleep(100)")
    start = time.monotonic()
    kind, text = judged(function, limit=0.4)
    assert kind == "too slow" and time.monotonic() - start > 0.9
    assert process.returncode == 1  # it ended itself; who waits for it would have killed it 5 s later
    assert "in line 2 of f:  time.sleep(100)" in text, text


def test_process_is_kept_and_made_anew_after_an_end():
    right = cell(RIGHT["that needs defaults"])
    judged(right)
    first = apart._kept[0].popen.pid
    judged(right)
    assert apart._kept[0].popen.pid == first
    judged(cell("def f(text, n):\n    while True:\n        pass"), limit=0.3)
    judged(right)
    assert apart._kept[0].popen.pid != first


def test_function_that_ends_its_process_is_said_to():
    kind, text = judged(cell("import os\ndef f(text, n):\n    os._exit(3)"))
    assert kind == "crashed" and "ended the process that it ran in" in text


def test_crash_elsewhere_names_its_line_and_its_words():
    kind, text = judged(cell("def f(text, n):\n    x = 1\n    return text / n"))
    assert kind == "crashed" and text.startswith("TypeError: unsupported operand")
    assert "in line 3 of f:  return text / n" in text


def test_untouched_function_is_not_started():
    assert judged(cell("def f(text, n):\n    raise NotImplementedError('write')"))[0] == "not started"


def test_what_comes_back_is_named_by_its_type():
    kind, text = judged(cell("def f(text, n):\n    yield text"))
    assert kind == "wrong type" and "is a generator" in text
    kind, text = judged(cell("def f(text, n):\n    return {text}"))
    assert kind == "wrong type" and "is a set" in text


def test_what_it_prints_comes_back_and_what_it_reads_is_nothing():
    function = cell("""
        import torch
        def f(text, n):
            print("seen:", n)
            try:
                input()
            except EOFError:
                pass
            return torch.tensor([len(text) * n, n])
        """)
    verdict, printed = trial()._judge_quietly(function, 5)
    assert verdict.kind == "correct" and re.match(r"seen: \d", printed)


def test_what_cannot_travel_is_judged_here():
    lock = threading.Lock()

    def guarded(text, n):
        with lock:
            return torch.tensor([len(text) * n, n])

    with pytest.raises(packing.Unpackable):
        packing.pack(guarded)
    assert judged(guarded) == ("correct", "")


def test_forbidden_call_is_seen_elsewhere_too():
    function = cell("import torch\ndef f(text, n):\n    return torch.tensor([len(text) * eval(str(n)), n])")
    assert trial(forbidden=("eval",)).judge(function).kind == "not by hand"


def test_pattern_that_froze_the_kernel_is_too_slow():
    function = cell(r"""
        import re, torch
        def right_sums(answers, target):
            out = []
            for text in answers:
                if re.match(r"^((\d+)+ [+-] )+(\d+)$", text):
                    out.append(0.0)
                else:
                    out.append(0.0)
            return torch.tensor(out)
        """, "right_sums")  # fmt: skip
    verdict = RIGHT_SUMS.judge(function, limit=1.0)
    assert verdict.kind == "too slow"
    assert any("in line 4 of right_sums" in line for line in verdict.lines), verdict.lines


@pytest.mark.parametrize(
    "made, in_form",
    [(fixed.responses, None), (fixed.sums, None), (of_verdicts._fixed, None)],
    ids=["rewards", "right_sums", "verdicts"],
)
def test_there_are_forty_fixed_texts_and_both_verdicts_among_them(made, in_form):
    texts = [text for group in made(7).values() for text in group]
    assert len(texts) >= 40
    exercise = {fixed.responses: REWARDS, fixed.sums: RIGHT_SUMS}.get(made, of_verdicts.VERDICTS)
    right = exercise.oracle(tuple(texts), 7)
    paid = (right[0] if isinstance(right, tuple) else right).sum()
    assert 5 <= paid <= len(texts) - 5


def test_phrases_of_the_fixed_texts_stand_in_the_exercises():
    from house_rules import ROOT

    r1, scaling = "14_r1_zero", "17_test_time_scaling"
    lesson = {fixed.responses: r1, fixed.sums: r1, of_verdicts._fixed: scaling}
    for made, name in lesson.items():
        text = (ROOT / "exercises" / f"{name}.ipynb").read_text(encoding="utf-8").lower()
        text = re.sub(r'\\n",\s*"', " ", text).replace("`", "").replace("*", "")
        for phrase in made(7):
            assert phrase.lower() in text, phrase


def test_nothing_of_the_child_is_left():
    judged(cell(RIGHT["that needs defaults"]))
    process = apart._kept[0].popen
    apart.forget()
    assert process.poll() is not None and not apart._kept
