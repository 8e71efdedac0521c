"""The judge itself: what it takes for right, what it says where no known mistake fits, what it survives."""

import importlib
import random
import re
import sys
import time
from functools import partial

import pytest
import torch

from lessons_lib import checks
from lessons_lib.checks import cases, frozen, registry, report
from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.compare import as_asked, numbers, same
from lessons_lib.checks.crash import Crash
from lessons_lib.checks.exercise import value_of
from lessons_lib.checks.fp8_training.from_codes import GRADIENT_FROM_CODES
from lessons_lib.checks.gradients import with_gradient
from lessons_lib.checks.probing import without_effect
from lessons_lib.checks.running import Rules, run_cases
from lessons_lib.checks.small_gpt.norm import RMS_NORM

EXERCISES = list(registry.exercises().values())


def trial(oracle=lambda x, k: x * k, misconceptions=(), **more):
    def draw(rng):
        rows, columns = rng.randint(1, 4), rng.randint(2, 3)
        x = torch.tensor([[rng.uniform(1, 2) for _ in range(columns)] for _ in range(rows)])
        return {"x": x, "k": rng.randint(2, 5)}

    return Exercise("trial", draw, oracle, misconceptions, **more)


def judged(exercise, attempt, **more):
    verdict = exercise.judge(attempt, **more)
    return verdict, "\n".join(verdict.lines)


# --- cases


FEWER = {"sample": 10, "accept_or_replace": 6, "count_model": 16}


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.name)
def test_forty_cases_are_tried_and_every_argument_varies(exercise):
    def seen(value):
        return str(value.tolist()) if isinstance(value, torch.Tensor) else repr(value)

    drawn = exercise.draw_cases()
    assert len(drawn) == exercise.draws and (exercise.draws == 40 or exercise.name in FEWER)
    assert not [name for name in drawn[0] if len({seen(case[name]) for case in drawn}) < 2]


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.name)
def test_every_extreme_has_a_right_result(exercise):
    assert len(exercise.edges) >= 2
    for name, case in cases.extreme_cases(exercise).items():
        parts = numbers(exercise.oracle(*case.values()))
        hidden = [part == -torch.inf for part in parts]  # the score of a position that comes later
        assert parts and all((part.isfinite() | of).all() for part, of in zip(parts, hidden)), name
        assert all(part.isfinite().any() for part in parts if part.numel()), name


def test_an_extreme_that_draws_never_hold_is_tried_and_named():
    exercise = trial(edges={"a single zero": lambda c: {"x": torch.zeros(1, 1)}})
    verdict, text = judged(exercise, lambda x, k: x * k if x.numel() > 1 else x - 1)
    assert verdict.kind == "wrong value" and "To see it again (a single zero):" in text
    assert verdict.diagnosis == "extreme" and "What is special here: a single zero." in text


def test_an_extreme_that_changes_no_argument_is_a_fault_of_ours():
    with pytest.raises(RuntimeError, match="changes what is no argument"):
        trial(edges={"typo": lambda c: {"X": 0}}).judge(lambda x, k: x * k)


def test_the_smallest_wrong_case_is_shown():
    for _ in range(5):
        _, text = judged(trial(), lambda x, k: x.exp() + k)
        assert re.search(r"x = torch.tensor\(\[\[[^\]]*\]\]\)", text), text  # one row: no case is smaller


# --- what is right


@pytest.mark.parametrize("got", [2, 2.0, torch.tensor(2.0), torch.tensor([2.0]), torch.tensor(2)])
def test_one_number_may_come_in_every_form(got):
    exercise = Exercise("two", lambda rng: {"x": rng.random()}, lambda x: torch.tensor(2.0), ())
    if isinstance(got, torch.Tensor) and not got.is_floating_point():
        assert exercise.judge(lambda x: got).kind == "wrong type"  # asked for, a float may be divided
    else:
        assert exercise.judge(lambda x: got).kind == "correct"


def test_one_number_in_two_axes_or_a_truth_value_is_none():
    assert as_asked(torch.ones(1, 1), torch.tensor(1.0)).shape == (1, 1)
    assert as_asked(True, torch.tensor(1.0)) is True
    assert as_asked([1.0, torch.ones(1)], (torch.tensor(1.0),) * 2)[1].shape == ()


def test_small_results_are_compared_by_their_own_size():
    small = torch.tensor([3e-3, 1e-4], dtype=torch.float64)
    assert not same(small + 2e-5, small) and same(small * (1 + 1e-6), small)
    assert not same(small * 1.001, small, absolute=0.0)
    assert same((torch.tensor(9.0), small + 2e-5), (torch.tensor(9.0), small))  # a gradient by its loss's


def test_infinity_is_only_infinity():
    inf = torch.tensor([torch.inf])
    assert same(inf, inf) and not same(torch.zeros(1), inf) and not same(inf, -inf)


# --- diagnoses

ADD = trial(
    misconceptions=(
        Misconception("added", "hint of added", (lambda x, k: x + k,)),
        Misconception("squared", "hint of squared", (lambda x, k: x * k * k,)),
    )
)


def parts(x, k, *, half=False, minus=False):
    return (x * k * (0.5 if half else 1.0) * (-1 if minus else 1)).double()


TWO = trial(
    misconceptions=(
        Misconception("half", "hint of half", (partial(parts, half=True),)),
        Misconception("minus", "hint of minus", (partial(parts, minus=True),)),
    )
)
SUM = trial(lambda x, k: (x * k).sum(1))
LOSS = trial(
    lambda x, k: ((x * k).sum(), torch.full_like(x, float(k))),
    observe=with_gradient,
    returns=("loss", "x.grad"),
)
WORDS = Exercise(
    "words",
    lambda rng: {
        "texts": [rng.choice(("ab", "a", "b", "abc", "cab")) for _ in range(9)],
        "k": rng.randint(1, 9),
    },
    lambda texts, k: torch.tensor([int("ab" in text) for text in texts]),
    (),
)
PAIR = trial(oracle=lambda x, k: (x * k, x + k), returns=("product", "sum"))


def test_two_known_mistakes_at_once_get_both_hints():
    verdict, text = judged(TWO, lambda x, k: x * k * -0.5)
    assert verdict.diagnosis == "two at once" and verdict.misconception == "half and minus"
    assert "  1. hint of half" in text and "  2. hint of minus" in text


@pytest.mark.parametrize(
    "exercise, attempt, sort, words",
    [
        (trial(), lambda x, k: -x * k, "sign", "result has the right size and the wrong sign"),
        (trial(), lambda x, k: 3 * x * k, "factor", "is 3 times what it should be"),
        (trial(), lambda x, k: x, "factor", "too small by a factor: k"),
        (trial(), lambda x, k: x * k * k**0.5, "factor", "too large by a factor: the root of k"),
        (trial(), lambda x, k: x * k + 1, "amount", "every number of result is too large by 1"),
        (trial(), lambda x, k: (x * k).T, "transposed", "it is transposed"),
        (PAIR, lambda x, k: (x + k, x * k), "swapped", "product and sum are both right"),
        (PAIR, lambda x, k: (x * k, -x - k), "sign", "sum has the right size and the wrong sign"),
        (trial(), lambda x, k: torch.cat([x[:1] * k, x[1:]]), "place", "result[0] is right in every"),
        (trial(), lambda x, k: x * k if k == 3 else x.exp(), "condition", "right exactly where k is 3"),
        (
            trial(),
            lambda x, k: x * k if len(x) == x.shape[1] else x.exp(),
            "condition",
            "x.shape[0] equals x.shape[1]",
        ),
        (trial(), lambda x, k: x.exp(), "no effect", "stays the same whatever k is"),
        (trial(), lambda x, k: (x * k).flip(-1), "order", "in reverse order"),
        (trial(), lambda x, k: (x * k).sort(-1).values.flip(-1), "order", "in another order than asked for"),
        (trial(), lambda x, k: (x * k).flatten(), "order", "they lie in another shape"),
        (trial(), lambda x, k: (x * k).unsqueeze(0), "order", "an axis of size 1 too many or too few"),
        (trial(), lambda x, k: (x * k).sum(1), "place", "is what is asked for, but added up over its axis 1"),
        (SUM, lambda x, k: x * k, "place", "would be right added up over its axis 1"),
        (trial(), lambda x, k: (x * k)[:, :-1], "place", "the end is missing (along axis 1)"),
        (trial(), lambda x, k: torch.cat([x * k, x], 1), "place", "what follows is too much"),
        (trial(), lambda x, k: torch.cat([x[:, :1], x[:, 1:] * k], 1), "place", "but for result[:, 0]"),
        (trial(), lambda x, k: 1 - x * k, "function", "result is 1 minus what it should be"),
        (trial(), lambda x, k: (x * k).log(), "function", "the logarithm of what it should be"),
        (trial(), lambda x, k: torch.full_like(x, 7), "always", "result is 7 in every case"),
        (LOSS, lambda x, k: (x.detach() * k).sum(), "gradient", "no gradient comes back to x"),
        (LOSS, lambda x, k: x.sum() * k + x.square().sum() - x.detach().square().sum(), "gradient", "held"),
        (WORDS, lambda texts, k: torch.tensor([int("a" in t) for t in texts]), "one-sided", "is 1 wherever"),
        (WORDS, lambda texts, k: torch.tensor([int(t == "ab") for t in texts]), "one-sided", "is 0 wherever"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_wrong_answer_that_nobody_foresaw_is_described(exercise, attempt, sort, words):
    verdict, text = judged(exercise, attempt)
    assert verdict.diagnosis == sort and words in text, (verdict.diagnosis, text)
    assert verdict.misconception is None


def test_parts_that_are_not_exchanged_are_not_said_to_be():
    assert judged(PAIR, lambda x, k: (x + k, x + k))[0].diagnosis != "swapped"


def test_a_condition_holds_in_right_cases_and_no_others():
    always = judged(trial(), lambda x, k: x * k if k == 3 and x.sum() * 100 % 2 < 1 else x.exp())
    assert always[0].diagnosis != "condition"


def test_an_argument_that_matters_now_and_then_has_an_effect():
    for _ in range(5):
        assert judged(trial(), lambda x, k: x.exp() * (2 if k == 5 else 1))[0].diagnosis != "no effect"
    pairs = [(torch.ones(1), torch.ones(1))] * 5
    assert without_effect(trial(), {"k": [*pairs, (torch.ones(1), torch.zeros(1))]}) is None
    assert without_effect(trial(), {"k": pairs}) is not None


def test_what_fits_only_some_cases_is_not_said():
    calls = []

    def moody(x, k):
        calls.append(k)
        return x * k * (2 + len(calls) % 7)

    assert judged(trial(), moody)[0].diagnosis == "two results"  # and no factor is named


def test_a_condition_that_held_by_chance_is_not_told():
    calls = iter(range(10_000))

    def wrong_where_k_is_not_3_at_first(x, k):
        return x * k if k == 3 or next(calls) >= 40 else x.exp()

    verdict, text = judged(trial(), wrong_where_k_is_not_3_at_first)
    assert verdict.kind == "wrong value" and "exactly where" not in text


def test_a_hint_needs_twenty_cases_that_fit():
    def nearly_added(x, k):
        return x + k if k < 4 else x - k  # in every other case

    assert judged(ADD, lambda x, k: x + k)[0].misconception == "added"
    for _ in range(5):
        assert judged(ADD, nearly_added)[0].misconception is None


def test_a_mistake_of_ours_that_cannot_be_computed_equals_nothing():
    def broken(x, k):
        raise ValueError

    assert value_of(broken, {"x": 1, "k": 2}) is None
    exercise = trial(misconceptions=(Misconception("broken", "hint", (broken,)),))
    assert exercise.judge(lambda x, k: x).misconception is None


# --- by hand


@pytest.mark.parametrize(
    "forbidden, attempt",
    [
        ("mul", lambda x, k: x.mul(k)),
        ("eval", lambda x, k: eval("x * k", {"x": x, "k": k})),
        ("torch.float64", lambda x, k: (x.to(torch.float64) * k).float()),
        ("lessons_lib", lambda x, k: importlib.import_module("lessons_lib.model").apply_rope and x * k),
    ],
    ids=["function of torch", "builtin", "type", "import alone"],
)
def test_what_the_text_rules_out_is_seen_under_any_name(forbidden, attempt):
    verdict, text = judged(trial(forbidden=(forbidden,)), attempt)
    if forbidden == "lessons_lib":
        assert verdict.kind == "correct"  # to look at it is not to use it
    else:
        assert verdict.kind == "not by hand" and f"it uses {forbidden}" in text


def test_what_is_made_once_by_chance_is_no_fault():
    twice = iter(range(1000))

    def once_by_another_way(x, k):
        return (x * k * 3) / 3 if next(twice) == 0 else x * k

    exercise = trial(unmade=lambda x, k: {"three of them": x * k * 3}, unmade_hint="fewer")
    assert exercise.judge(once_by_another_way).kind == "correct"
    verdict, text = judged(exercise, lambda x, k: (x * k * 3).T.reshape(-1).reshape(x.T.shape).T / 3)
    assert verdict.kind == "not by hand" and "it makes three of them" in text and "Hint: fewer" in text


def test_watchers_are_gone_afterwards():
    before = sys.getprofile()
    runs = []
    run_cases(lambda x, k: x.mul(k), [{"x": torch.ones(1), "k": 1}], Rules((), ("mul",)), runs)
    assert runs[0].used == "mul" and sys.getprofile() is before


# --- what it survives


class Unspeakable(Exception):
    def __str__(self):
        return 1  # type: ignore[return-value]

    __repr__ = __str__


def test_exception_without_words_is_named_by_its_type(capsys):
    def raises(x, weight, eps):
        raise Unspeakable

    checks.check_rms_norm(raises)
    assert "rms_norm: crashed. Unspeakable\n" in capsys.readouterr().out
    assert judged(RMS_NORM, Unspeakable())[1].endswith("this is Unspeakable")


def test_what_is_kept_of_an_exception_without_words():
    assert Crash.of(Unspeakable()).message == ""
    assert Crash.of(ValueError()).message == "" and Crash.of(ValueError("a\nb")).message == "a"


def test_check_without_or_with_too_much_to_check_says_how_it_is_called(capsys):
    assert checks.check_rms_norm() is None
    assert checks.check_rms_norm(len, len) is None
    line = "rms_norm: wrong type. Hand over your function and nothing else: check_rms_norm(rms_norm)\n"
    assert capsys.readouterr().out == 2 * line
    assert checks.passes_rms_norm() is False


def test_screen_that_is_closed_or_knows_few_letters_is_no_reason_to_fail(monkeypatch, capsys):
    class Narrow:
        def __init__(self):
            self.said = ""

        def write(self, text):
            text.encode("ascii")
            self.said += text

    narrow = Narrow()
    monkeypatch.setattr(sys, "stdout", narrow)
    report.say(["≈ one"])
    assert narrow.said == "\\u2248 one\n"
    closed = open("/dev/null" if sys.platform != "win32" else "NUL", "w")
    closed.close()
    monkeypatch.setattr(sys, "stdout", closed)
    monkeypatch.setattr(sys, "__stdout__", closed)
    checks.check_rms_norm(lambda x, weight, eps: x)


def test_function_that_closes_the_screen_is_judged_and_heard():
    def closes(x, weight, eps):
        print("before")
        sys.stdout.close()
        return x / (x.square().mean(-1, keepdim=True) + eps).sqrt() * weight

    verdict, printed = RMS_NORM._judge_quietly(closes, 5)
    assert verdict.kind == "correct" and printed.startswith("before\n")


def test_a_default_of_float64_changes_nothing():
    def right(g, codes, scales, length):
        from lessons_lib.precision import dequantize_tiles, round_tiles

        x = dequantize_tiles(codes, scales, (1, length))
        return round_tiles(g, (length, 1)).T @ round_tiles(x, (length, 1))

    torch.set_default_dtype(torch.float64)
    try:
        start = time.process_time()
        verdict, text = judged(GRADIENT_FROM_CODES, right)
        assert verdict.kind == "correct", text
        assert time.process_time() - start < 4 and torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


def test_function_is_called_in_float32_and_the_notebook_keeps_its_default():
    torch.set_default_dtype(torch.float64)
    try:
        verdict, _ = judged(trial(), lambda x, k: x * k if torch.ones(1).dtype == torch.float32 else k)
        assert verdict.kind == "correct"
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


def test_random_numbers_of_numpy_are_the_caller_s_too():
    numpy = pytest.importorskip("numpy")
    numpy.random.seed(3)
    expected = numpy.random.rand()
    numpy.random.seed(3)
    verdict, _ = judged(trial(), lambda x, k: x * k + 0 * numpy.random.rand())
    assert verdict.kind == "correct"  # nobody handed over a generator to draw from
    assert numpy.random.rand() == expected


def test_list_that_is_written_into_is_noticed():
    exercise = Exercise("total", lambda rng: {"x": [rng.random(), 1]}, lambda x: torch.tensor(sum(x)), ())

    def pops(x):
        return x.pop() + x.pop()

    verdict, text = judged(exercise, pops)
    assert verdict.kind == "changed its inputs" and "argument x" in text


def test_rng_of_the_cases_is_fresh():
    assert random.Random(0).random() == random.Random(0).random()
    assert str(RMS_NORM.draw_cases()) != str(RMS_NORM.draw_cases())


def test_exit_of_a_notebook_is_a_crash_and_ends_nothing(monkeypatch):
    class Shell:
        asked = False

        def ask_exit(self):
            self.asked = True

    shell = Shell()
    monkeypatch.setitem(sys.modules, "IPython", type("IPython", (), {"get_ipython": lambda: shell}))
    verdict, text = judged(trial(), lambda x, k: shell.ask_exit())
    assert verdict.kind == "crashed" and text.startswith("SystemExit") and not shell.asked
    shell.ask_exit()
    assert shell.asked  # afterwards it is the notebook's again


# --- a kernel that nothing in Python can stop


FROZEN = """
import faulthandler, sys, time
from lessons_lib.checks import frozen
frozen.AFTER = 0.3
from lessons_lib.checks.small_gpt.norm import RMS_NORM

def rms_norm(x, weight, eps):
    return 7 ** 10**9

RMS_NORM.judge(rms_norm, limit=0.2, grace=0.2)
"""


def test_call_that_holds_python_ends_the_process_and_the_next_check_tells(tmp_path, monkeypatch, capsys):
    import subprocess
    import tempfile

    (tmp_path / "cell.py").write_text(FROZEN)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("TEMP", str(tmp_path))
    start = time.monotonic()
    done = subprocess.run([sys.executable, str(tmp_path / "cell.py")], capture_output=True, timeout=120)
    assert done.returncode != 0 and time.monotonic() - start < 60  # importing torch on a busy machine
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    checks.check_rms_norm(lambda x, weight, eps: x)
    told = capsys.readouterr().out
    assert re.search(r"had to end the kernel: line 8 of the cell with rms_norm kept Python", told), told
    checks.check_rms_norm(lambda x, weight, eps: x)
    assert "had to end" not in capsys.readouterr().out  # said once


def test_check_in_time_leaves_no_watchdog_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(frozen, "AFTER", 0.0)
    assert RMS_NORM.judge(lambda x, weight, eps: x, limit=1.0, grace=0.0).kind == "wrong value"
    assert not list(tmp_path.iterdir())
    time.sleep(2.7)  # it would end this process
