"""Who is chosen and with which weight, against plain Python that ranks one token's experts at a time.

Biases here are clearly negative, so that a masked group that counts as 0 would win, and they are large
beside the affinities, so that a bias that gets into a weight is seen.
"""

import math

import pytest
import torch

from lessons_lib.config import ModelConfig
from lessons_lib.model import Router, affinities, choose_experts

FIELDS = dict(vocab_size=11, dim=8, n_layers=2, n_heads=2)
EXPERTS = dict(n_routed_experts=12, n_activated_experts=3, moe_inter_dim=4)
GROUPS = dict(n_expert_groups=4, n_limited_groups=2)


def build(**changes):
    torch.manual_seed(0)
    router = Router(ModelConfig(**FIELDS | EXPERTS | changes))
    router.bias += torch.randn(12) * 0.3 - 2.0
    return router


def draw(n=50, seed=1, dtype=torch.float32):
    return torch.randn(n, 8, generator=torch.Generator().manual_seed(seed)).to(dtype)


def slow_choice(scores, bias, k, n_groups=1, n_limited=1, of_group="top2"):
    """The set of experts of one token, by sorting Python lists."""
    biased = [s + b for s, b in zip(scores.tolist(), bias.tolist(), strict=True)]
    size = len(biased) // n_groups
    members = [list(range(g * size, (g + 1) * size)) for g in range(n_groups)]
    best = 2 if of_group == "top2" else 1
    worth = [sum(sorted((biased[e] for e in group), reverse=True)[:best]) for group in members]
    kept = sorted(range(n_groups), key=lambda g: -worth[g])[:n_limited]
    allowed = [e for g in kept for e in members[g]]
    return set(sorted(allowed, key=lambda e: -biased[e])[:k])


def test_affinities_are_one_sigmoid_per_expert_or_a_softmax_over_all():
    x, weight = draw(), torch.randn(12, 8, generator=torch.Generator().manual_seed(2))
    logits = torch.stack([torch.stack([token @ row for row in weight]) for token in x])
    torch.testing.assert_close(affinities(x, weight), 1 / (1 + torch.exp(-logits)))
    share = torch.exp(logits) / torch.exp(logits).sum(1, keepdim=True)
    torch.testing.assert_close(affinities(x, weight, "softmax"), share)


def test_affinities_of_narrow_types_are_computed_in_float32():
    x, weight = draw(dtype=torch.bfloat16), torch.randn(12, 8).to(torch.bfloat16)
    scores = affinities(x, weight)
    assert scores.dtype == torch.float32
    assert torch.equal(scores, affinities(x.float(), weight.float()))


@pytest.mark.parametrize("of_group", ["top2", "max"])
@pytest.mark.parametrize("groups", [(1, 1), (4, 2), (3, 1), (2, 2), (6, 4)])
@pytest.mark.parametrize("shift", [-2.0, 0.0, 2.0])
def test_the_chosen_are_those_of_a_sorted_list(groups, of_group, shift):
    rng = torch.Generator().manual_seed(3)
    scores = torch.rand(60, 12, generator=rng)
    bias = torch.randn(12, generator=rng) * 0.3 + shift
    ids = choose_experts(scores, bias, 2, *groups, of_group)
    assert ids.shape == (60, 2) and ids.dtype == torch.int64
    for token in range(60):
        assert set(ids[token].tolist()) == slow_choice(scores[token], bias, 2, *groups, of_group)


def test_a_token_goes_to_so_many_groups_at_most_and_without_the_limit_to_more():
    rng = torch.Generator().manual_seed(4)
    scores, bias = torch.rand(200, 12, generator=rng), torch.full((12,), -3.0)

    def most_groups(limit):
        of_group = choose_experts(scores, bias, 3, 4, limit) // 3
        return max(len(set(row)) for row in of_group.tolist())

    assert [most_groups(limit) for limit in (1, 2, 3, 4)] == [1, 2, 3, 3]


def test_a_group_counts_as_its_best_two_experts_not_as_its_best():
    scores = torch.tensor([[0.9, 0.0, 0.6, 0.5]])  # two groups: 0.9 against 1.1
    none = torch.zeros(4)
    assert set(choose_experts(scores, none, 2, 2, 1, "top2")[0].tolist()) == {2, 3}
    assert set(choose_experts(scores, none, 2, 2, 1, "max")[0].tolist()) == {0, 1}


def test_the_bias_takes_part_in_the_score_of_a_group():
    scores, bias = torch.tensor([[0.9, 0.8, 0.6, 0.5]]), torch.tensor([0.0, -1.0, 0.0, 0.0])
    assert set(choose_experts(scores, bias, 2, 2, 1)[0].tolist()) == {2, 3}


@pytest.mark.parametrize("score_func", ["sigmoid", "softmax"])
@pytest.mark.parametrize("groups", [{}, GROUPS])
def test_weights_are_affinities_without_bias_divided_by_their_sum_and_scaled(score_func, groups):
    router, x = build(score_func=score_func, route_scale=2.5, **groups), draw()
    routing = router(x)
    scores = affinities(x, router.weight, score_func)
    torch.testing.assert_close(routing.affinities, scores)
    limits = tuple(groups.values()) or (1, 1)
    for token in range(len(x)):
        ids = routing.ids[token].tolist()
        assert set(ids) == slow_choice(scores[token], router.bias, 3, *limits)
        wanted = [2.5 * scores[token, e] / sum(scores[token, i] for i in ids) for e in ids]
        torch.testing.assert_close(routing.weights[token], torch.stack(wanted))
    torch.testing.assert_close(routing.weights.sum(1), torch.full((50,), 2.5))


def test_without_normalising_the_weights_are_affinities_and_still_scaled():
    router, x = build(norm_topk=False, route_scale=2.5), draw()
    routing = router(x)
    torch.testing.assert_close(routing.weights, 2.5 * routing.affinities.gather(1, routing.ids))


def test_affinities_that_are_all_zero_do_not_make_a_weight_that_is_no_number():
    router = build()
    with torch.no_grad():
        router.weight.fill_(-100.0)
    routing = router(torch.ones(2, 8))
    assert routing.affinities.eq(0).all() and routing.weights.eq(0).all()


def test_the_bias_is_a_buffer_without_gradient_in_float32_whatever_the_model_becomes():
    router = build()
    assert [name for name, _ in router.named_parameters()] == ["weight"]
    assert list(router.state_dict()) == ["weight", "bias"]
    fine = torch.full((12,), 1.001)  # what BF16 would round away
    router.bias.copy_(fine)
    for dtype in (torch.bfloat16, torch.float64):
        router.to(dtype)
        assert router.weight.dtype == dtype and torch.equal(router.bias, fine)
    router(draw(dtype=torch.float64)).weights.pow(2).sum().backward()
    assert router.bias.grad is None and router.weight.grad.abs().max() > 0


@pytest.mark.parametrize("score_func", ["sigmoid", "softmax"])
def test_one_expert_per_token_with_normalised_weights_teaches_the_router_nothing(score_func):
    """Its weight is a / a = 1: nothing to learn from; unnormalised it is a."""
    x, gradients = draw(), []
    for norm_topk in (True, False):
        router = build(n_activated_experts=1, norm_topk=norm_topk, score_func=score_func)
        answers = torch.randn(50, 1, generator=torch.Generator().manual_seed(5))
        (router(x).weights * answers).sum().backward()
        gradients.append(router.weight.grad.abs().max().item())
    assert gradients[0] < 1e-5 < 0.1 < gradients[1]


@pytest.mark.parametrize(
    "changes, sentence",
    [
        (dict(n_routed_experts=None), "n_routed_experts is not given"),
        (dict(n_activated_experts=None), "needs n_activated_experts and moe_inter_dim"),
        (dict(n_activated_experts=0), "n_activated_experts must be at least 1, got 0"),
        (dict(n_activated_experts=13), "n_activated_experts=13 cannot be chosen from 12 experts"),
        (GROUPS | dict(n_activated_experts=7), "n_activated_experts=7 cannot be chosen from 6 experts"),
        (dict(moe_inter_dim=0), "moe_inter_dim must be at least 1, got 0"),
        (dict(n_dense_layers=2), "n_dense_layers=2 of n_layers=2 leave no layer for experts"),
        (dict(n_dense_layers=-1), "n_dense_layers must be at least 0, got -1"),
        (dict(n_shared_experts=-1), "n_shared_experts must be at least 0, got -1"),
        (dict(n_expert_groups=5), "12 experts do not split into n_expert_groups=5"),
        (dict(n_limited_groups=2), "n_limited_groups=2 of only 1"),
        (dict(n_limited_groups=0), "n_limited_groups must be at least 1, got 0"),
        (dict(n_expert_groups=12, n_limited_groups=4), "12 groups of 1 expert"),
        (dict(score_func="tanh"), "got 'tanh'"),
        (dict(group_score="mean"), "got 'mean'"),
        (dict(route_scale=0.0), "route_scale must be above 0 and finite, got 0.0"),
        (dict(route_scale=math.nan), "route_scale must be above 0 and finite, got nan"),
    ],
)
def test_impossible_experts_are_refused(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        ModelConfig(**FIELDS | EXPERTS | changes)


def test_layers_with_experts_come_after_the_dense_ones():
    assert list(ModelConfig(**FIELDS).expert_layers) == []
    assert list(ModelConfig(**FIELDS | EXPERTS).expert_layers) == [0, 1]
    assert list(ModelConfig(**FIELDS | EXPERTS, n_dense_layers=1).expert_layers) == [1]
    assert len(ModelConfig.deepseek_v3().expert_layers) == 58
