"""Advantages and GRPO's loss, against TRL's own method and against loops over answers and tokens.

The loops know no autograd: they write the derivative of each token's term down, so that the clip's flat
parts are judged too. The drawn ratios lie on both sides of both clips, the masks have holes and an empty row.
"""

import itertools
import math
import statistics

import pytest
import torch
from trl import GRPOConfig
from trl.trainer.utils import nanstd
from trl_oracle import trl_loss

from lessons_lib.reasoning import group_advantages, grpo_loss, kl_estimate

NEAR = dict(rtol=1e-9, atol=1e-9)  # float64, the same sums in another order
CLIP = 0.2, 0.3  # not the same, so that exchanged ones show
VARIANTS = list(
    itertools.product(["grpo", "bnpo", "dr_grpo", "dapo"], ["token", "sequence"], [0.0, 0.3], [False, True])
)


def draw(seed=0, rows=6, positions=7):
    """Log-probabilities (new, old, reference), advantages and a mask with holes and one empty row."""
    rng = torch.Generator().manual_seed(seed)
    logps = -3 * torch.rand(rows, positions, generator=rng, dtype=torch.float64) - 0.5
    old = logps + 0.4 * torch.randn(rows, positions, generator=rng, dtype=torch.float64)
    ref = logps + 0.7 * torch.randn(rows, positions, generator=rng, dtype=torch.float64)
    advantages = torch.randn(rows, generator=rng, dtype=torch.float64)
    lengths = torch.randint(2, positions + 1, (rows, 1), generator=rng)
    mask = (torch.arange(positions) < lengths) & (torch.rand(rows, positions, generator=rng) < 0.8)
    mask[1] = False
    return logps.requires_grad_(), old, ref, advantages, mask


def slow_loss(logps, old, ref, advantages, mask, beta, aggregation, level, max_len):
    """The loss and its gradient as Python floats."""
    rows, positions = len(logps), len(logps[0])
    everyone = max(1, sum(map(sum, mask)))
    loss, gradient = 0.0, [[0.0] * positions for _ in range(rows)]
    for i in range(rows):
        sampled = [t for t in range(positions) if mask[i][t]]
        share = {"grpo": rows * len(sampled), "dr_grpo": rows * max_len}.get(aggregation, everyone)
        together = sum(logps[i][t] - old[i][t] for t in sampled) / max(1, len(sampled))
        for t in sampled:
            ratio = math.exp(logps[i][t] - old[i][t] if level == "token" else together)
            if advantages[i] > 0:
                held = ratio > 1 + CLIP[1]
                term = advantages[i] * min(ratio, 1 + CLIP[1])
            else:
                held = ratio < 1 - CLIP[0]
                term = advantages[i] * max(ratio, 1 - CLIP[0])
            loss -= term / share
            # a sequence's ratio moves by 1/n with each of its n tokens
            moves = [t] if level == "token" else sampled
            for u in moves:
                gradient[i][u] -= 0.0 if held else advantages[i] * ratio / len(moves) / share
            gap = ref[i][t] - logps[i][t]
            loss += beta * (math.exp(gap) - gap - 1) / share
            gradient[i][t] += beta * (1 - math.exp(gap)) / share
    return loss, gradient


@pytest.mark.parametrize("aggregation, level, beta, off_policy", VARIANTS)
@pytest.mark.parametrize("seed", range(5))
def test_loss_and_gradient_equal_trls_and_a_loops(aggregation, level, beta, off_policy, seed):
    logps, old, ref, advantages, mask = draw(seed)
    form = dict(beta=beta, ref_logps=ref if beta else None, aggregation=aggregation, level=level, max_len=9)
    given = old if off_policy else None
    loss = grpo_loss(logps, given, advantages, mask, clip_low=CLIP[0], clip_high=CLIP[1], **form)
    (gradient,) = torch.autograd.grad(loss, logps)
    theirs = trl_loss(logps, given, advantages, mask, clip=CLIP, **form)
    (their_gradient,) = torch.autograd.grad(theirs, logps)
    torch.testing.assert_close(loss, theirs, **NEAR)
    torch.testing.assert_close(gradient, their_gradient, **NEAR)

    lists = [x.tolist() for x in (logps, old if off_policy else logps, ref, advantages, mask)]
    slow, slow_gradient = slow_loss(*lists, beta, aggregation, level, max_len=9)
    assert loss.item() == pytest.approx(slow, abs=1e-12)
    torch.testing.assert_close(gradient, torch.tensor(slow_gradient, dtype=torch.float64), **NEAR)


@pytest.mark.parametrize("off_policy", [False, True])
def test_trl_by_default_multiplies_the_divergence_by_the_ratio_as_lesson_13_says(off_policy):
    """On-policy the value is the same, the gradient is not: the ratio is 1 and still has one."""
    fields = GRPOConfig.__dataclass_fields__
    assert fields["use_bias_correction_kl"].default is True and fields["beta"].default == 0.0
    logps, old, ref, advantages, mask = draw()
    given = old if off_policy else None
    form = dict(ref_logps=ref, beta=0.3, aggregation="dapo", level="token", max_len=9)
    plain = grpo_loss(logps, given, advantages, mask, clip_low=CLIP[0], clip_high=CLIP[1], **form)
    theirs = trl_loss(logps, given, advantages, mask, clip=CLIP, bias_correction=True, **form)
    ratio = (logps - (old if off_policy else logps.detach())).exp()
    more = 0.3 * ((ratio - 1) * kl_estimate(logps, ref) * mask).sum() / mask.sum()
    torch.testing.assert_close(theirs, plain + more, **NEAR)
    both = theirs, plain + more, plain
    slope, ours, without = (torch.autograd.grad(loss, logps, retain_graph=True)[0] for loss in both)
    torch.testing.assert_close(slope, ours, **NEAR)
    assert (abs(more.item()) > 1e-3) == off_policy and (slope - without).norm() > 1e-3


def test_the_drawn_ratios_lie_on_both_sides_of_both_clips():
    sides = set()
    for seed in range(5):
        logps, old, _, advantages, mask = draw(seed)
        assert not mask[1].any() and (mask[:, 1:] & ~mask[:, :-1]).any(), "no empty row or no hole"
        for level in "token", "sequence":
            ratios = (logps - old).where(mask, 0.0)
            if level == "sequence":
                ratios = (ratios.sum(1) / mask.sum(1).clamp(min=1))[:, None].expand_as(ratios)
            for ratio, sign in zip(
                ratios.exp()[mask].tolist(), (advantages[:, None] > 0).expand_as(mask)[mask]
            ):
                sides.add((level, ratio < 0.8, ratio > 1.3, bool(sign)))
    assert len(sides) == 2 * 3 * 2


@pytest.mark.parametrize("aggregation, level, beta, off_policy", VARIANTS)
@pytest.mark.parametrize("garbage", [math.nan, math.inf, -math.inf, 1e9])
def test_what_stands_outside_the_mask_changes_nothing(aggregation, level, beta, off_policy, garbage):
    logps, old, ref, advantages, mask = draw()
    form = dict(beta=beta, aggregation=aggregation, level=level, max_len=9)
    clean = grpo_loss(logps, old if off_policy else None, advantages, mask, ref_logps=ref, **form)
    (expected,) = torch.autograd.grad(clean, logps)
    dirty = logps.detach().masked_fill(~mask, garbage).requires_grad_()
    old, ref = old.masked_fill(~mask, -garbage), ref.masked_fill(~mask, garbage)
    loss = grpo_loss(dirty, old if off_policy else None, advantages, mask, ref_logps=ref, **form)
    (gradient,) = torch.autograd.grad(loss, dirty)
    assert torch.equal(loss, clean) and torch.equal(gradient, expected)
    assert (gradient[~mask] == 0).all()


@pytest.mark.parametrize("aggregation, level, beta, off_policy", VARIANTS)
def test_a_batch_of_empty_answers_has_loss_and_gradient_zero(aggregation, level, beta, off_policy):
    logps, old, ref, advantages, mask = draw()
    form = dict(beta=beta, ref_logps=ref, aggregation=aggregation, level=level, max_len=9)
    loss = grpo_loss(logps, old if off_policy else None, advantages, torch.zeros_like(mask), **form)
    (gradient,) = torch.autograd.grad(loss, logps)
    assert loss == 0 and (gradient == 0).all()


def test_masks_may_be_numbers_and_only_logps_has_a_gradient():
    logps, old, ref, advantages, mask = draw()
    others = [x.clone().requires_grad_() for x in (old, advantages, ref)]
    form = dict(beta=0.3, ref_logps=others[2])
    loss = grpo_loss(logps, others[0], others[1], mask.float(), **form)
    assert torch.equal(loss, grpo_loss(logps, old, advantages, mask, beta=0.3, ref_logps=ref))
    loss.backward()
    assert all(x.grad is None for x in others) and logps.grad.abs().sum() > 0
    # without old log-probabilities the same numbers, given by hand, are the same thing
    same = grpo_loss(logps, logps.detach(), advantages, mask)
    torch.testing.assert_close(grpo_loss(logps, None, advantages, mask), same, rtol=0, atol=0)


def test_on_policy_the_loss_of_a_centred_group_is_zero_but_its_gradient_is_not():
    logps, _, _, _, _ = draw()
    mask = torch.ones_like(logps, dtype=torch.bool)
    advantages = group_advantages(torch.tensor([1.0, 0, 0, 1, 1, 0], dtype=torch.float64), 6)
    loss = grpo_loss(logps, None, advantages, mask)
    (gradient,) = torch.autograd.grad(loss, logps)
    assert abs(loss.item()) < 1e-15
    # the whole gradient: each token of an answer is pushed by the answer's advantage
    torch.testing.assert_close(gradient, -(advantages / logps.numel())[:, None].expand_as(logps))


def test_advantages_equal_a_loop_over_groups_and_trls_formula():
    rewards = torch.randn(24, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    for size in 2, 3, 4, 8, 24:
        for normalize in True, False:
            expected = []
            for start in range(0, 24, size):
                group = rewards[start : start + size].tolist()
                spread = statistics.stdev(group) + 0.01 if normalize else 1.0
                expected += [(reward - statistics.mean(group)) / spread for reward in group]
            advantages = group_advantages(rewards, size, normalize, eps=0.01)
            torch.testing.assert_close(advantages, torch.tensor(expected, dtype=torch.float64), **NEAR)
        groups = rewards.view(-1, size)
        theirs = (groups - groups.nanmean(1, keepdim=True)) / (nanstd(groups, 1, keepdim=True) + 1e-4)
        # their n / (n - 1) is a float32, with 2^-24 of error before the root
        torch.testing.assert_close(group_advantages(rewards, size), theirs.flatten(), rtol=2**-24, atol=0)


def test_equal_rewards_and_groups_of_one_have_no_advantage():
    for normalize in True, False:
        assert group_advantages(torch.full((8,), 1.0), 4, normalize).tolist() == [0] * 8
        assert group_advantages(torch.tensor([3.0, -1.0]), 1, normalize).tolist() == [0, 0]
    # the mean of these differs from each by a rounding error, which must not become an advantage of 1
    assert group_advantages(torch.full((14,), 0.1), 7).abs().max() < 1e-3


def test_rewards_may_be_truths_or_whole_numbers_and_keep_their_precision():
    right = torch.tensor([True, False, False, True])
    expected = group_advantages(right.float(), 4)
    assert expected.dtype == torch.float32 and expected[0] > 0
    assert torch.equal(group_advantages(right, 4), expected)
    assert torch.equal(group_advantages([1, 0, 0, 1], 4), expected)
    assert group_advantages(right.double(), 2).dtype == torch.float64


def test_estimates_average_to_the_divergence_and_their_gradients_to_what_the_docstring_says():
    rng = torch.Generator().manual_seed(4)
    scores = torch.randn(6, generator=rng, dtype=torch.float64, requires_grad=True)
    ref = torch.randn(6, generator=rng, dtype=torch.float64).log_softmax(0)
    logps = scores.log_softmax(0)
    p = logps.exp().detach()  # sampled from the model, each of the six as often as it says
    divergence = (logps.exp() * (logps - ref)).sum()
    other = (ref.exp() * (ref - logps)).sum()
    towards = {
        "k1": torch.zeros(6, dtype=torch.float64),
        "k2": torch.autograd.grad(divergence, scores, retain_graph=True)[0],
        "k3": torch.autograd.grad(other, scores, retain_graph=True)[0],
    }
    for kind, expected in towards.items():
        mean = (p * kl_estimate(logps, ref, kind)).sum()
        (gradient,) = torch.autograd.grad(mean, scores, retain_graph=True)
        torch.testing.assert_close(gradient, expected, **NEAR)
        if kind != "k2":
            torch.testing.assert_close(mean, divergence, **NEAR)
    assert (kl_estimate(logps, ref, "k3") >= 0).all() and (kl_estimate(logps, ref, "k1") < 0).any()
    near = ref + 1e-3 * (logps.detach() - ref)
    torch.testing.assert_close(kl_estimate(near, ref, "k2"), kl_estimate(near, ref), rtol=1e-2, atol=0)


def refusal(**changes):
    logps, old, ref, advantages, mask = draw()
    given = dict(logps=logps, old_logps=old, advantages=advantages, mask=mask) | changes
    with pytest.raises(ValueError) as caught:
        grpo_loss(**given)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_errors_are_one_sentence_with_the_numbers():
    cut = draw()[0][:, :3]
    assert '"grpo", "bnpo", "dr_grpo" or "dapo", got \'mean\'' in refusal(aggregation="mean")
    assert 'level must be "token" or "sequence", got \'answer\'' in refusal(level="answer")
    assert "max_len" in refusal(aggregation="dr_grpo") and "got 0" in refusal(
        aggregation="dr_grpo", max_len=0
    )
    assert "beta is 0.1, which needs ref_logps" in refusal(beta=0.1)
    assert "(6, 7); got (6, 3)" in refusal(old_logps=cut) and "mask" in refusal(mask=cut)
    assert "ref_logps" in refusal(ref_logps=cut, beta=0.1)
    assert "shape (answers,), got (6, 7)" in refusal(advantages=draw()[0]) and "6 in logps" in refusal(
        advantages=draw()[3][:4]
    )
    assert "got (6,)" in refusal(logps=draw()[3]) and "0 in logps" in refusal(logps=draw()[0][:0])
    for rewards, size, said in (
        (torch.zeros(10), 4, "10 rewards"),
        (torch.zeros(4), 0, "group_size must be at least 1, got 0"),
    ):
        with pytest.raises(ValueError, match=said):
            group_advantages(rewards, size)
    with pytest.raises(ValueError, match=r"got \(2, 4\)"):
        group_advantages(torch.zeros(2, 4), 4)
    with pytest.raises(ValueError, match="got 'k4'"):
        kl_estimate(cut, cut, "k4")
