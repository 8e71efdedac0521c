"""What the checks of lessons 13 and 14 draw: in every single case, what makes a mistake visible.

A wrong answer must not pass because, by luck, nothing was clipped, no group was all equal, no text was
hostile. And the gradients worked out by hand in the oracles, against finite differences.
"""

import random
import re

import pytest
import torch

from lessons_lib.checks import registry
from lessons_lib.checks.policy_gradients.bandit import BANDIT_LOSS
from lessons_lib.checks.policy_gradients.clip import CLIPPED_LOSS
from lessons_lib.checks.policy_gradients.corrected import CORRECTED_DIVERGENCE
from lessons_lib.checks.policy_gradients.leave_one_out import RLOO_ADVANTAGES
from lessons_lib.checks.policy_gradients.mean import MEAN_OVER_ANSWERS
from lessons_lib.checks.policy_gradients.ratio import ANSWER_RATIOS
from lessons_lib.checks.reasoning_rewards.rewards import REWARDS
from lessons_lib.checks.reasoning_rewards.sampled import SAMPLED
from lessons_lib.checks.reasoning_rewards.score import SCORE
from lessons_lib.checks.reasoning_rewards.sums import RIGHT_SUMS
from lessons_lib.checks.report import case_lines


def cases(exercise, n=200):
    return [tuple(exercise.draw(random.Random(seed)).values()) for seed in range(n)]


@pytest.mark.parametrize(
    "exercise", [BANDIT_LOSS, CLIPPED_LOSS, CORRECTED_DIVERGENCE, MEAN_OVER_ANSWERS], ids=lambda e: e.name
)
def test_gradient_by_hand_agrees_with_finite_differences(exercise):
    for case in cases(exercise, 5):
        first, others = case[0].double(), case[1:]
        if exercise is BANDIT_LOSS:  # where all arms are worth the same, the baseline does not move
            others = (*others[:-1], torch.full_like(others[-1], 0.3))
        _, gradient = exercise.oracle(first, *others)
        for at in range(first.numel()):
            step = torch.zeros(first.numel(), dtype=torch.float64)
            step[at] = 1e-5
            up, down = (exercise.oracle(first + s.view(first.shape), *others)[0] for s in (step, -step))
            torch.testing.assert_close((up - down) / 2e-5, gradient.flatten()[at], rtol=0, atol=1e-8)


def test_every_clip_is_left_on_both_sides_by_good_and_by_bad_tokens():
    for logps, old_logps, advantages, clip in cases(CLIPPED_LOSS):
        ratio = (logps - old_logps).exp()
        outside = {
            (r > 1, a > 0) for r, a in zip(ratio.tolist(), advantages.tolist()) if abs(r - 1) > clip + 0.02
        }
        assert len(outside) == 4
        for anything_taken_for_it in (ratio, logps / old_logps, 1 + logps - old_logps, logps - old_logps):
            assert ((anything_taken_for_it - 1).abs() - clip).abs().min() > 1e-3  # or rounding would decide


def test_answers_to_a_question_are_scattered_one_has_no_others_and_none_are_all_paid_alike():
    for rewards, questions in cases(RLOO_ADVANTAGES):
        _, counts = questions.unique(return_counts=True)
        assert sorted(counts.tolist())[:2] == [1, 2] and counts.max() > 2
        assert len(questions.unique_consecutive()) > len(counts)
        groups = [rewards[questions == question] for question in questions.unique()]
        assert all(len(group) == 1 or group.std() > 0 for group in groups)
        assert all(group[0] > 0 for group in groups if len(group) == 1)


def test_ratios_and_distances_have_both_signs_in_every_case():
    for logps, old_logps, ref_logps in cases(CORRECTED_DIVERGENCE):
        for apart in (logps - old_logps, ref_logps - logps):
            assert apart.max() > 0.1 and apart.min() < -0.1


def test_masks_have_padding_and_of_three_answers_one_is_empty():
    for _, mask in cases(MEAN_OVER_ANSWERS):
        assert len(mask) == 2 or not mask.any(1).all()
    for _, _, mask in cases(ANSWER_RATIOS):
        assert (mask.sum(1) >= 2).all() and not mask.all(1).any()


def test_responses_are_out_of_form_in_every_way_and_some_are_right():
    for responses, truth in cases(REWARDS):
        accuracy, form = REWARDS.oracle(responses, truth)
        assert (accuracy.sum(), form.sum(), len(responses)) == (4, 7, 19) and "" in responses
        out = [text for text, fine in zip(responses, form.tolist()) if not fine]
        assert sum(f"<answer> {truth} </answer>" in text for text in out) == 6  # right, and not to be paid


def test_python_would_be_fooled_by_seven_texts_of_every_case_and_stumble_over_five():
    for answers, target in cases(RIGHT_SUMS):
        right = RIGHT_SUMS.oracle(answers, target).tolist()
        fooled, stumbled = 0, 0
        for text, paid in zip(answers, right):
            assert not re.search("[A-Za-z_]{2,}", re.sub("if|else|or so|about", "", text))  # harmless to run
            try:
                fooled += eval(text) == target and not paid
            except SyntaxError:
                stumbled += 1
        assert (fooled, stumbled, sum(right)) == (7, 5, 5)
        assert max(map(len, answers)) > 4300  # more digits than int() reads


def test_prompts_hold_the_end_and_behind_an_answers_end_stands_another():
    for tokens, prompt_length, end in cases(SAMPLED):
        is_end = tokens == end
        assert is_end[:, :prompt_length].any() and (is_end[:, prompt_length:].sum(1) >= 2).any()
        assert not is_end[1, prompt_length:].any()  # one that was cut off


def test_no_temperature_is_1():
    assert all(abs(temperature - 1) > 0.2 for _, _, temperature in cases(SCORE))


@pytest.mark.parametrize(
    "exercise",
    [e for e in registry.exercises().values() if e.lesson in ("13", "14")],
    ids=lambda e: e.name,
)
def test_printed_case_can_be_pasted_and_gives_the_same_right_result(exercise):
    case = exercise.draw(random.Random(1))
    pasted = {"torch": torch}
    exec("\n".join(line.removeprefix("  ") for line in case_lines(case, exercise.show)), pasted)
    again = [pasted[name] for name in case]
    results = (exercise.oracle(*arguments) for arguments in (again, case.values()))
    torch.testing.assert_close(*results, rtol=0, atol=1e-5)
