"""The checker against the bank of `wrong_answers/`, and against everything else readers do.

The bank's entries are judged on the checker's own fresh cases, whose shapes and numbers no test fixes;
so a test that passes once and fails once has found something. What is checked: wrong answers are refused
with the hint of their own misconception, right ones accepted however they are written, faults named in
the order in which a person would debug, and nothing of the reader's notebook is left disturbed.
"""

import importlib
import os
import random
import re
import signal
import sys
import threading
import time
from pathlib import Path

import pytest
import torch
from wrong_answers import BANK

from lessons_lib import checks
from lessons_lib.checks import limits, registry
from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.compare import find_value_fault
from lessons_lib.checks.limits import run_limited
from lessons_lib.checks.report import Caught
from lessons_lib.checks.sharing.size import CACHE_BYTES
from lessons_lib.checks.small_gpt.norm import RMS_NORM
from lessons_lib.checks.small_gpt.sampling import SAMPLE

for path in sorted(Path(__file__).with_name("wrong_answers").glob("[a-z]*.py")):
    importlib.import_module(f"wrong_answers.{path.stem}")

faults = sys.modules["wrong_answers.faults"]
EXERCISES = list(registry.exercises().values())
WRONG = [entry for entry in BANK if entry.misconception]
REFUSED = [entry for entry in BANK if entry.words is not None]
RIGHT = [entry for entry in BANK if not entry.misconception and entry.words is None]
MISCONCEPTIONS = [(exercise, m) for exercise in EXERCISES for m in exercise.misconceptions]


def judge(exercise, attempt, **limits):
    """Return the verdict and all its lines as one text."""
    verdict = exercise.judge(attempt, **limits)
    return verdict, "\n".join(verdict.lines)


# --- the bank


@pytest.mark.parametrize("entry", WRONG, ids=str)
def test_wrong_answer_is_refused_with_the_hint_of_its_misconception(entry):
    verdict, text = judge(entry.exercise, entry.attempt)
    assert verdict.kind in ("wrong value", "wrong shape"), text
    assert verdict.misconception == entry.misconception, text
    hints = {m.name: m.hint for m in entry.exercise.misconceptions}
    assert verdict.lines[-1] == f"Hint: {hints[entry.misconception]}"


def test_query_heads_counted_and_values_forgotten_do_not_make_a_right_number_of_bytes():
    """With twice as many query heads as sets, 2 x sets = heads: then two mistakes would cancel."""
    drawn = [CACHE_BYTES.draw(random.Random(seed)) for seed in range(200)]
    assert all(case["n_heads"] != 2 * case["n_kv_heads"] for case in drawn)


@pytest.mark.parametrize("entry", REFUSED, ids=str)
def test_wrong_answer_that_no_known_mistake_explains_is_refused_in_these_words(entry):
    verdict, text = judge(entry.exercise, entry.attempt)
    assert verdict.kind != "correct" and verdict.diagnosis != "known", text
    assert entry.words in text, text


@pytest.mark.parametrize("entry", RIGHT, ids=str)
def test_right_answer_is_accepted_however_it_is_written(entry):
    verdict, text = judge(entry.exercise, entry.attempt)
    assert verdict.kind == "correct", text


def test_lessons_01_and_02_know_the_twelve_misconceptions_that_readers_are_known_for():
    known = {(exercise.name, mistake.name) for exercise, mistake in MISCONCEPTIONS}
    assert known >= {
        ("window_attention", "mask shows the next position"),
        ("window_attention", "scale missing"),
        ("window_attention", "softmax over the wrong axis"),
        ("append_to_cache", "wrong side"),
        ("append_to_cache", "not advanced"),
        ("cached_step", "position not offset"),
        ("split_heads", "wrong reshape"),
        ("share_heads", "repeat for repeat_interleave"),
        ("loss_without_padding", "mean over padding"),
        ("rms_norm", "norm over the wrong axis"),
        ("rotate_halves", "neighbours paired"),
        ("sample", "logits as probabilities"),
    }


def test_lessons_03_and_04_know_the_misconceptions_that_latent_attention_is_known_for():
    known = {(exercise.name, mistake.name) for exercise, mistake in MISCONCEPTIONS}
    assert known >= {
        ("make_memory", "latent cached before its norm"),
        ("make_memory", "rotary key from the latent"),
        ("make_memory", "no RoPE at all"),
        ("make_memory", "halves for neighbours"),
        ("make_memory", "parts in the wrong order"),
        ("shared_as_latent", "all keys, then all values"),
        ("shared_as_latent", "copies in the latent"),
        ("latent_scores", "parts scaled apart"),
        ("latent_scores", "no RoPE at all"),
        ("latent_scores", "RoPE on the whole head"),
        ("latent_scores", "halves for neighbours"),
        ("latent_scores", "query cut in the wrong order"),
        ("latent_cache_bytes", "full keys and values cached"),
        ("latent_cache_bytes", "a rotary key per head"),
        ("latent_cache_bytes", "one layer only"),
        ("absorb_query", "wrong axis"),
        ("attend_to_latents", "scale of the absorbed width"),
        ("attend_to_latents", "no mask"),
        ("attend_to_latents", "mask from the first position"),
        ("attend_to_latents", "rotary part in the value"),
        ("count_products", "only new tokens rebuilt"),
    }


def test_lessons_05_to_07_know_what_goes_wrong_with_experts():
    known = {(exercise.name, mistake.name) for exercise, mistake in MISCONCEPTIONS}
    assert known >= {
        ("route", "weights not normalised"),
        ("route_to_one", "top-1 normalised"),
        ("ask_experts", "answers not weighted"),
        ("ask_experts", "overwritten, not added"),
        ("ask_experts", "order lost after the sort"),
        ("load_shares", "share of tokens"),
        ("device_loss", "f differentiable"),
        ("device_loss", "without the factor E / K"),
        ("route_with_bias", "bias in the weights"),
        ("route_with_bias", "softmax for sigmoid"),
        ("route_with_bias", "normalised before selection"),
        ("route_with_bias", "route_scale forgotten"),
        ("add_up_experts", "shared experts gated"),
        ("add_up_experts", "route_scale on the shared experts"),
        ("move_bias", "wrong sign"),
        ("move_bias", "proportional step"),
        ("move_bias", "never moved"),
        ("move_bias", "each sequence by itself"),
        ("padded_sequence_loss", "padding counted"),
        ("choose_on_nodes", "masked with 0"),
        ("choose_on_nodes", "node score by max"),
    }


def test_lessons_09_and_10_know_what_goes_wrong_in_eight_bits():
    known = {(exercise.name, mistake.name) for exercise, mistake in MISCONCEPTIONS}
    assert known >= {
        ("decode_e4m3", "sign bit ignored"),
        ("decode_e4m3", "hidden one forgotten"),
        ("decode_e4m3", "exponent bias off by one"),
        ("round_by_chance", "rounded to the nearest"),
        ("round_by_chance", "chances exchanged"),
        ("round_by_chance", "448 and 57344 exchanged"),
        ("mx_tiles", "scale inverted"),
        ("mx_tiles", "amax of the whole tensor"),
        ("mx_tiles", "tiles along the wrong axis"),
        ("mx_tiles", "no guard for a zero tile"),
        ("mx_tiles", "scale too small"),
        ("power_scale", "rounded down"),
        ("add_up", "accumulating in FP8"),
        ("multiply_by_blocks", "mean of the tile scales"),
        ("multiply_by_blocks", "accumulating in FP8"),
        ("gradient_from_codes", "not rounded again"),
        ("master_steps", "master weights in FP8"),
    }


def test_lessons_13_and_14_know_what_goes_wrong_with_rewards():
    known = {(exercise.name, mistake.name) for exercise, mistake in MISCONCEPTIONS}
    assert known >= {
        ("bandit_loss", "sign flipped"),
        ("bandit_loss", "baseline carries a gradient"),
        ("rloo_advantages", "own reward in the mean"),
        ("rloo_advantages", "over the whole batch"),
        ("rloo_advantages", "an only answer divided by zero"),
        ("clipped_loss", "clip inverted for negative advantages"),
        ("clipped_loss", "ratio as a difference"),
        ("clipped_loss", "old log-probabilities of the current model"),
        ("corrected_divergence", "no ratio"),
        ("corrected_divergence", "ratio without a gradient"),
        ("corrected_divergence", "roles exchanged"),
        ("mean_over_answers", "mask ignored"),
        ("answer_ratios", "not divided by the length"),
        ("rewards", "format paid for what cannot be read"),
        ("right_sums", "run as code"),
        ("sampled", "prompt tokens in the loss"),
        ("score", "temperature missing"),
        ("tags_in_order", "each tag once, in any order"),
        ("repeats_above_chance", "the star among the doors tried"),
    }


def test_lesson_17_knows_what_goes_wrong_at_test_time():
    known = {(exercise.name, mistake.name) for exercise, mistake in MISCONCEPTIONS}
    assert known >= {
        ("pass_at_k", "plug-in"),
        ("chance_of_pass", "temperature 0"),
        ("vote", "the unreadable vote"),
        ("best_of_n", "by length"),
        ("right_when_cut", "an unfinished text is right"),
        ("next_token_in_budget", "the wait beats the limit"),
        ("verdicts", "by eval"),
    }


def test_lessons_08_and_12_know_what_goes_wrong_with_drafts_and_bills():
    known = {(exercise.name, mistake.name) for exercise, mistake in MISCONCEPTIONS}
    assert known >= {
        ("mtp_targets", "label equal to the input"),
        ("mtp_targets", "shift by one too many"),
        ("mtp_loss", "last positions for first"),
        ("mtp_loss", "labels wrapped round"),
        ("mtp_loss", "divided by what is added up"),
        ("mtp_logits", "embedding not shared"),
        ("accept_or_replace", "accepted by argmax"),
        ("accept_or_replace", "ratio inverted"),
        ("accept_or_replace", "replaced from the target"),
        ("speculative_step", "cache not rolled back"),
        ("speculative_step", "bonus token forgotten"),
        ("count_model", "all experts at work"),
        ("training_hours", "FP8 peak for everything"),
        ("forecast_hours", "derived from the run itself"),
    }


def test_lesson_16_knows_what_goes_wrong_when_traces_are_learned():
    known = {(exercise.name, mistake.name) for exercise, mistake in MISCONCEPTIONS}
    assert known >= {
        ("accepted", "the rejected are distilled"),
        ("accepted", "duplicates kept"),
        ("accepted", "held-out problems learned"),
        ("response_loss", "the prompt learned"),
        ("response_loss", "padding learned"),
        ("response_loss", "no shift"),
        ("language_reward", "a share of all words"),
        ("translate", "the teacher's ids"),
        ("held_out_score", "training problems counted"),
        ("held_out_score", "training problems alone"),
    }


def test_lesson_18_knows_what_goes_wrong_with_yarn():
    known = {(exercise.name, mistake.name) for exercise, mistake in MISCONCEPTIONS}
    assert known >= {
        ("ramp_of_turns", "ramp inverted"),
        ("slow_pairs", "factor multiplied"),
        ("yarn_scores", "mscale once"),
    }


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)
def test_hints_differ_are_short_and_hold_no_code(exercise):
    hints = [m.hint for m in exercise.misconceptions]
    assert len(set(hints)) == len(hints)
    for hint in hints:
        assert len(hint.split()) <= 50, hint
        code = r"\w+\.\w+\(|dim\s*=|tril|triu|repeat_interleave|unsqueeze|masked_fill|\*\*|="
        assert not re.search(code, hint.replace("i = 1", "")), hint


def test_misconception_that_fits_only_some_cases_gets_no_hint():
    calls = []

    def now_and_then(x, weight, eps):
        calls.append(x)
        result = torch.nn.functional.rms_norm(x, x.shape[-1:], weight, eps)
        return result if len(calls) % 2 else x * weight / (x.square().mean() + eps).sqrt()

    verdict, text = judge(RMS_NORM, now_and_then)
    assert verdict.kind == "wrong value" and verdict.misconception is None
    assert verdict.diagnosis == "two results" and text.count("Hint") == 1


# --- the order of faults


def changing(*answers):
    """Return a norm that answers one call after the other as `answers` do, and then as the last of them."""
    left = list(answers)
    return lambda *arguments: (left.pop(0) if len(left) > 1 else left[0])(*arguments)


def too_long(x, weight, eps):
    return faults.norm(x, weight, eps).repeat(1, 1, 2)


def test_one_wrong_case_in_forty_is_found():
    verdict, _ = judge(RMS_NORM, changing(*[faults.norm] * 39, faults.always_the_same, faults.norm))
    assert verdict.kind == "wrong value"


def test_wrong_shape_in_a_later_case_is_named_before_a_wrong_value_in_an_earlier_one():
    verdict, _ = judge(RMS_NORM, changing(faults.always_the_same, faults.norm, faults.norm, too_long))
    assert verdict.kind == "wrong shape"


def test_crash_in_a_later_case_is_named_before_a_wrong_shape_in_an_earlier_one():
    verdict, _ = judge(RMS_NORM, changing(too_long, faults.norm, faults.norm, faults.divides_by_zero))
    assert verdict.kind == "crashed"


@pytest.mark.filterwarnings("error")  # such as a coroutine that nobody awaited
@pytest.mark.parametrize("fault", faults.FAULTS, ids=str)
def test_wrong_answer_of_the_coarser_kind_is_named_by_what_comes_first(fault):
    slow = fault.kind == "too slow"
    verdict, text = judge(RMS_NORM, fault.attempt, **({"limit": 0.1, "grace": 5} if slow else {}))
    assert verdict.kind == fault.kind, text
    assert fault.words in text
    assert verdict.misconception is None


@pytest.mark.filterwarnings("ignore:this is not worth")  # `judge` shows warnings, only `check` hides them
@pytest.mark.parametrize("attempt", faults.ODD_BUT_RIGHT, ids=lambda a: getattr(a, "__name__", "object"))
def test_odd_but_right_answer_is_accepted(attempt):
    verdict, text = judge(RMS_NORM, attempt)
    assert verdict.kind == "correct", text


def test_sampling_from_the_global_generator_is_named():
    def forgets_the_generator(logits, temperature, generator):
        return torch.multinomial((logits / temperature).softmax(-1), 1).squeeze(-1)

    assert judge(SAMPLE, forgets_the_generator)[0].kind == "changed the seed"


def test_sampling_without_chance_of_its_own_is_named():
    def same_numbers_each_time(logits, temperature, generator):
        own = torch.Generator().manual_seed(3)
        return torch.multinomial((logits / temperature).softmax(-1), 1, generator=own).squeeze(-1)

    verdict, text = judge(SAMPLE, same_numbers_each_time)
    assert verdict.kind == "wrong value" and "generator" in text


def test_token_outside_the_vocabulary_is_a_wrong_value():
    def one_too_high(logits, temperature, generator):
        probs = (logits / temperature).softmax(-1)
        return 1 + torch.multinomial(probs, 1, generator=generator).squeeze(-1)

    verdict, text = judge(SAMPLE, one_too_high)
    assert verdict.kind == "wrong value" and "there are only the tokens 0 to" in text


def test_first_wrong_value_is_named_with_both_numbers():
    got, expected = torch.tensor([[1.0, 2.0], [3.0, 4.5]]), torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert find_value_fault(got, expected, ("x",)) == ("wrong value", "x[1, 1] is 4.5, and should be 4")
    assert find_value_fault(7, 6, ("bytes",)) == ("wrong value", "bytes is 7, and should be 6")
    assert find_value_fault(expected + 1e-6, expected, ("x",)) is None


# --- fresh cases


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)
def test_cases_are_fresh_each_time_and_their_shapes_vary(exercise):
    def shapes(case):
        return tuple(tuple(v.shape) if isinstance(v, torch.Tensor) else v for v in case.values())

    draws = [exercise.draw_cases() for _ in range(10)]  # few sizes are drawn; five draws hold them not always
    assert len({str(draw) for draw in draws}) == 10
    assert len({shapes(case) for draw in draws for case in draw}) >= 4


def test_cases_in_which_a_mistake_would_look_right_or_like_another_are_drawn_again():
    """Twice a number, its square, and the number plus 2 agree at 2: useless cases."""

    def draw(rng):
        return {"x": torch.tensor(float(rng.choice((2, 2, 2, 2, 2, 3))))}

    mistakes = (
        Misconception("square", "hint", (lambda x: x * x,)),
        Misconception("plus 2", "hint", (lambda x: x + 2,)),
    )
    exercise = Exercise("twice", draw, lambda x: 2 * x, mistakes)
    for _ in range(50):
        assert exercise.judge(lambda x: x + 2).misconception == "plus 2"


def test_printed_case_can_be_pasted_and_shows_the_same_numbers():
    def wrong(x, weight, eps):
        return x * weight

    verdict, text = judge(RMS_NORM, wrong)
    pasted = {"torch": torch}
    for line in verdict.lines:
        if re.match(r"  \w+ = ", line):
            exec(line.strip(), pasted)
    arguments = [pasted[name] for name in ("x", "weight", "eps")]
    index, got, expected = re.search(r"result(\[.*?\]) is (\S+), and should be (\S+)", text).groups()
    assert f"{eval('r' + index, {'r': wrong(*arguments)}).item():.4g}" == got
    assert f"{eval('r' + index, {'r': RMS_NORM.oracle(*arguments)}).item():.4g}" == expected


# --- nothing is left disturbed, nothing escapes


@pytest.mark.parametrize("fault", faults.FAULTS, ids=str)
def test_check_prints_returns_none_and_never_raises(fault, capfd, monkeypatch):
    monkeypatch.setattr("lessons_lib.checks.checker.CHECK_SECONDS", 0.3)
    assert checks.check_rms_norm(fault.attempt) is None
    out, err = capfd.readouterr()
    assert f"rms_norm: {fault.kind}" in out and not err
    assert "Traceback" not in out and __file__ not in out
    assert len(out) < 5000


@pytest.mark.parametrize("fault", faults.FAULTS, ids=str)
def test_passes_is_silent_and_false_for_every_fault(fault, capfd, recwarn, monkeypatch):
    monkeypatch.setattr("lessons_lib.checks.checker.GRADE_SECONDS", 0.3)
    assert checks.passes_rms_norm(fault.attempt) is False
    assert capfd.readouterr() == ("", "") and not recwarn.list


def test_passes_is_silent_and_true_for_an_answer_that_prints_and_warns(capfd, recwarn):
    assert checks.passes_rms_norm(faults.that_prints_and_warns) is True
    assert capfd.readouterr() == ("", "") and not recwarn.list


def test_check_shows_what_the_function_printed_before_the_verdict(capsys):
    checks.check_rms_norm(faults.that_prints_and_warns)
    first, *middle, last = capsys.readouterr().out.splitlines()
    assert first == "Your function printed:" and last == "rms_norm: correct"
    assert "mean square" in middle[0] and len(middle) <= 21


def test_random_numbers_and_default_type_of_the_notebook_are_left_alone():
    torch.manual_seed(5)
    random.seed(5)
    expected = torch.rand(3), random.random()
    torch.manual_seed(5)
    random.seed(5)
    for attempt in (faults.sets_the_seed, faults.draws_globally, faults.divides_by_zero, faults.norm):
        RMS_NORM.judge(attempt)
    RMS_NORM.judge(faults.with_the_gradient_switched_off_for_good)
    assert torch.equal(torch.rand(3), expected[0]) and random.random() == expected[1]
    assert torch.get_default_dtype() == torch.float32 and torch.is_grad_enabled()


def still_runs(function):
    """Tell whether any thread is inside `function`; other tests' threads may come and go."""
    stacks = list(sys._current_frames().values())
    while stacks:
        if any(frame.f_code is function.__code__ for frame in stacks):
            return True
        stacks = [frame.f_back for frame in stacks if frame.f_back]
    return False


def soon_stops(*functions):
    """Tell whether no thread runs one of `functions` any more, at once or within five seconds."""
    patience = time.monotonic() + 5  # a stopped thread ends soon after, not at once on a busy machine
    while any(map(still_runs, functions)) and time.monotonic() < patience:
        time.sleep(0.05)
    return not any(map(still_runs, functions))


def test_stopped_code_leaves_no_thread_and_no_trace_function_behind():
    attempts = (faults.never_ends, faults.swallows_every_error, faults.swallows_and_goes_on_waiting)
    sys.setswitchinterval(0.005)  # Python's own
    for attempt in attempts:
        ending = run_limited(lambda attempt=attempt: attempt(torch.ones(1), 1, 1), limit=0.1, grace=5)
        assert ending.late and not ending.running
    assert soon_stops(*attempts)
    assert sys.getswitchinterval() == 0.005 and sys.gettrace() is threading.gettrace()


def test_endless_loop_is_stopped_soon_after_its_limit():
    start = time.perf_counter()
    assert RMS_NORM.judge(faults.never_ends, limit=0.2).kind == "too slow"
    assert time.perf_counter() - start < 2  # a busy machine may take its time to wake us


def test_answer_that_gets_no_processor_is_waited_for():
    """One that sleeps stands for one that waits its turn while others compute."""

    def waits_its_turn(x, weight, eps):
        time.sleep(0.04)  # in all of 40 cases and then the extremes
        return RMS_NORM.oracle(x, weight, eps).float()

    start = time.perf_counter()
    assert RMS_NORM.judge(waits_its_turn, limit=1.0).kind == "correct"
    assert time.perf_counter() - start > 1.6


def test_what_has_computed_for_its_limit_is_not_waited_for():
    """On a busy machine the clock runs on; what counts is the time in which this process has computed."""
    start, over = time.perf_counter(), threading.Event()
    assert not limits._ends_on_a_busy_machine(over, start, time.process_time() - 20, limit=10)
    assert time.perf_counter() - start < 5
    threading.Timer(0.1, over.set).start()  # has computed for nothing yet, and ends in time
    assert limits._ends_on_a_busy_machine(over, start, time.process_time(), limit=10)


def test_long_call_is_too_slow_after_two_and_a_half_times_the_limit():
    start = time.perf_counter()
    assert RMS_NORM.judge(lambda x, weight, eps: time.sleep(2.0), limit=0.4).kind == "too slow"
    assert 0.9 < time.perf_counter() - start < 4  # it ends by itself after 2


def test_endless_printing_does_not_fill_memory():
    caught = Caught()
    for _ in range(100_000):
        assert caught.write("still here\n") == 11
    assert len(caught.getvalue()) < 20_000


def test_what_cannot_be_stopped_is_given_up_and_said():
    go_on = threading.Event()

    def waits(x, weight, eps):
        go_on.wait(20)  # one call into C: no Python line in which an exception could be raised

    verdict, text = judge(RMS_NORM, waits, limit=0.1, grace=0.3)
    go_on.set()
    assert verdict.kind == "too slow" and "nothing could stop it" in text and "Restart the kernel" in text


@pytest.mark.skipif(os.name == "nt", reason="a test cannot press the stop button of Windows")
def test_stop_button_stops_the_reader_s_code_and_the_cell():
    button = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    button.start()
    with pytest.raises(KeyboardInterrupt):
        RMS_NORM.judge(faults.never_ends, limit=20)
    button.join()
    assert soon_stops(faults.never_ends)


def test_fault_of_the_checker_itself_is_not_blamed_on_the_reader(monkeypatch, capsys):
    def broken(*arguments):
        raise RuntimeError("a bug of ours")

    monkeypatch.setattr("lessons_lib.checks.checker.find_type_fault", broken)
    assert checks.check_rms_norm(faults.norm) is None
    assert "the check itself failed" in capsys.readouterr().out
