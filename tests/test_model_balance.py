"""Balancing, the statistics of routing, and looking into a model: against plain Python and known cases."""

import math

import pytest
import torch

from lessons_lib.config import ModelConfig
from lessons_lib.model import (
    Transformer,
    auxiliary_loss,
    choose_experts,
    dead_experts,
    expert_by_domain,
    expert_load,
    load_entropy,
    maximum_violation,
    mutual_information,
    routers,
    sequence_wise_loss,
    update_bias,
    watch_routing,
    without_experts,
)

N, E, K = 24, 6, 2


def draw_affinities(seed=0, n=N, dtype=torch.float64):
    return torch.rand(n, E, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def choose(affinities):
    return choose_experts(affinities, torch.zeros(E), K)


def balanced():
    """Affinities of which every expert is among the best two of as many tokens."""
    rows = [[0.9 if e in (t % E, (t + 1) % E) else 0.1 for e in range(E)] for t in range(N)]
    return torch.tensor(rows, dtype=torch.float64)


def slow_loss(affinities, ids):
    """E / (K N) times the tokens of an expert, times its mean share, summed; in Python numbers."""
    n = len(affinities)
    total = 0.0
    for expert in range(E):
        tokens = sum(expert in chosen for chosen in ids.tolist())
        share = sum(row[expert] / sum(row) for row in affinities.tolist()) / n
        total += E / (K * n) * tokens * share
    return total


# ---- the bias


def test_the_bias_moves_by_one_fixed_step_against_the_load():
    bias = torch.tensor([0.5, 0.5, 0.5, -1.0])
    update_bias(bias, torch.tensor([9, 0, 4, 3]), 0.25)  # the mean is 4
    assert bias.tolist() == [0.25, 0.75, 0.5, -0.75]


def test_balanced_load_and_speed_zero_leave_the_bias_where_it_is():
    bias = torch.tensor([0.5, -0.25])
    update_bias(bias, torch.tensor([7, 7]), 0.1)
    update_bias(bias, torch.tensor([14, 0]), 0.0)
    assert bias.tolist() == [0.5, -0.25]


def test_small_differences_of_a_large_load_are_seen():
    """In float32 2^25 and 2^25 + 1 are one number."""
    bias = torch.zeros(2)
    update_bias(bias, torch.tensor([2**25, 2**25 + 2]), 1.0)
    assert bias.tolist() == [1.0, -1.0]


# ---- the losses


@pytest.mark.parametrize("seed", range(3))
def test_the_classic_loss_is_its_formula(seed):
    affinities = draw_affinities(seed)
    affinities[:, 0] *= 3  # one expert is liked by all
    ids = choose(affinities)
    found = auxiliary_loss(affinities, ids, 0.01)
    assert found.item() == pytest.approx(0.01 * slow_loss(affinities, ids), rel=1e-12)


def test_the_classic_loss_is_learned_from_through_the_share_alone():
    affinities = draw_affinities().requires_grad_()
    ids = choose(affinities)
    auxiliary_loss(affinities, ids, 0.5).backward()
    share = affinities.detach().clone().requires_grad_()
    frequency = torch.tensor([(ids == e).sum().item() for e in range(E)]) * E / (K * N)
    (0.5 * ((share / share.sum(1, keepdim=True)).mean(0) * frequency).sum()).backward()
    torch.testing.assert_close(affinities.grad, share.grad, atol=1e-15, rtol=0)


def test_a_step_against_the_classic_loss_makes_the_busiest_expert_less_likely():
    affinities = draw_affinities()
    affinities[:, 4] += 1.0
    affinities.requires_grad_()
    ids = choose(affinities)
    auxiliary_loss(affinities, ids, 1.0).backward()
    assert (affinities.grad[:, 4] > 0).all()
    idlest = expert_load(ids, E).argmin()
    assert (affinities.grad[:, idlest] < 0).all()


@pytest.mark.parametrize("length", [N, N // 2, 6])
def test_the_sequence_wise_loss_is_the_mean_of_the_sequences_own(length):
    affinities = draw_affinities(1)
    pieces = affinities.split(length)
    wanted = sum(slow_loss(piece, choose(piece)) for piece in pieces) / len(pieces)
    found = sequence_wise_loss(affinities, K, length, 0.01)
    assert found.item() == pytest.approx(0.01 * wanted, rel=1e-12)


def test_the_sequence_wise_loss_has_the_gradient_of_its_shares():
    affinities = draw_affinities(2).requires_grad_()
    sequence_wise_loss(affinities, K, N // 2, 1.0).backward()
    other = affinities.detach().clone().requires_grad_()
    (sum(auxiliary_loss(piece, choose(piece), 1.0) for piece in other.split(N // 2)) / 2).backward()
    torch.testing.assert_close(affinities.grad, other.grad, atol=1e-15, rtol=0)


def test_both_losses_are_alpha_and_not_zero_when_all_experts_have_equally_many_tokens():
    affinities = balanced()
    ids = choose(affinities)
    assert maximum_violation(expert_load(ids, E)) == 0
    assert auxiliary_loss(affinities, ids, 0.3).item() == pytest.approx(0.3)
    assert sequence_wise_loss(affinities, K, E, 0.3).item() == pytest.approx(0.3)


def test_balance_over_a_batch_of_unbalanced_sequences_is_seen_by_one_loss_only():
    """Each sequence uses two experts only, all together use all alike."""
    rows = [[0.9 if e // 2 == s else 0.1 for e in range(E)] for s in range(3) for _ in range(8)]
    affinities = torch.tensor(rows, dtype=torch.float64)
    assert auxiliary_loss(affinities, choose(affinities), 1.0).item() == pytest.approx(1.0)
    assert sequence_wise_loss(affinities, K, 8, 1.0).item() == pytest.approx(E / K * 1.8 / 2.2)


# ---- statistics


def test_statistics_of_a_load_worked_out_by_hand():
    load = torch.tensor([[4, 4, 4, 4], [8, 8, 0, 0], [16, 0, 0, 0], [1, 7, 4, 4]])
    assert maximum_violation(load).tolist() == [0.0, 1.0, 3.0, 0.75]
    assert dead_experts(load).tolist() == [0, 2, 3, 0]
    assert load_entropy(load)[:3].tolist() == pytest.approx([2.0, 1.0, 0.0])
    shares = [1 / 16, 7 / 16, 1 / 4, 1 / 4]
    assert load_entropy(load)[3].item() == pytest.approx(-sum(p * math.log2(p) for p in shares))


def test_load_counts_every_choice_and_experts_that_nobody_chose():
    ids = torch.tensor([[0, 3], [3, 1], [3, 0]])
    assert expert_load(ids, 5).tolist() == [2, 1, 0, 3, 0]


def test_table_of_experts_by_domain_counts_each_choice_in_the_row_of_its_token():
    ids, domains = torch.tensor([[0, 3], [3, 1], [3, 0]]), torch.tensor([2, 0, 2])
    assert expert_by_domain(ids, domains, 4, 3).tolist() == [[0, 1, 0, 1], [0, 0, 0, 0], [2, 0, 0, 2]]


def test_mutual_information_of_known_tables():
    assert mutual_information(torch.eye(4) * 5) == pytest.approx(2.0)  # an expert for each domain
    assert mutual_information(torch.outer(torch.arange(1, 4), torch.arange(1, 5))) == pytest.approx(0.0)
    table = torch.tensor([[3, 1], [1, 3]])
    assert mutual_information(table) == pytest.approx(2 * 0.375 * math.log2(1.5) + 2 * 0.125 * math.log2(0.5))


# ---- looking in


def build(**changes):
    torch.manual_seed(0)
    fields = dict(vocab_size=23, dim=16, n_layers=3, n_heads=2, max_seq_len=32, n_dense_layers=1)
    experts = dict(n_routed_experts=E, n_activated_experts=K, moe_inter_dim=8)
    return Transformer(ModelConfig(**fields | experts | changes))


def draw_tokens(seed=1):
    return torch.randint(23, (2, 9), generator=torch.Generator().manual_seed(seed))


def hooks(model):
    return sum(len(module._forward_hooks) for module in model.modules())


def test_watching_collects_what_every_router_decided_pass_by_pass():
    model = build()
    with watch_routing(model) as seen:
        logits = [model(draw_tokens(seed)) for seed in (1, 2)]
    assert {layer: len(passes) for layer, passes in seen.items()} == {1: 2, 2: 2}
    assert seen[1][0].ids.shape == (18, K) and seen[1][0].affinities.shape == (18, E)
    assert not torch.equal(seen[1][0].ids, seen[1][1].ids)
    assert hooks(model) == 0
    assert torch.equal(model(draw_tokens(1)), logits[0])  # watched or not, the same bits
    assert len(seen[1]) == 2  # and nothing more is collected


def test_what_was_watched_can_be_learned_from():
    model = build()
    with watch_routing(model) as seen:
        model(draw_tokens())
    auxiliary_loss(seen[2][0].affinities, seen[2][0].ids, 1.0).backward()
    assert routers(model)[2].weight.grad.abs().max() > 0


def test_an_error_while_watching_leaves_no_hook_behind():
    model = build()
    with pytest.raises(ValueError, match="outside the vocabulary"), watch_routing(model):
        model(draw_tokens() + 23)
    assert hooks(model) == 0


def test_a_dense_model_has_nothing_to_watch():
    plain = Transformer(ModelConfig(vocab_size=23, dim=16, n_layers=1, n_heads=2))
    with watch_routing(plain) as seen:
        plain(draw_tokens())
    assert seen == {} and routers(plain) == {}


@pytest.mark.parametrize("groups", [{}, dict(n_expert_groups=2, n_limited_groups=1)])
def test_removed_experts_are_chosen_by_nobody_and_come_back(groups):
    model, tokens = build(**groups), draw_tokens()
    for router in routers(model).values():
        router.bias[1] = 50.0  # all want it
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with watch_routing(model) as seen:
        whole = model(tokens)
        with without_experts(model, {2: [1]}):
            less = model(tokens)
    one, two = ([expert_load(routing.ids, E)[1].item() for routing in seen[layer]] for layer in (1, 2))
    assert one == [18, 18] and two == [18, 0]
    assert less.isfinite().all() and not torch.equal(whole, less)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert torch.equal(model(tokens), whole)


def test_an_error_within_brings_the_experts_back_too():
    model = build()
    before = routers(model)[1].bias.clone()
    with pytest.raises(KeyError), without_experts(model, {1: [0, 2]}):
        raise KeyError
    assert torch.equal(routers(model)[1].bias, before)


@pytest.mark.parametrize(
    "groups, removed, sentence",
    [
        ({}, {0: [1]}, r"layer 0 has no experts; layers with experts: \[1, 2\]"),
        ({}, {1: [6]}, "layer 1 has experts 0 to 5, got 6"),
        ({}, {1: [-1]}, "layer 1 has experts 0 to 5, got -1"),
        ({}, {2: [0, 1, 2, 3, 4]}, "only 1 experts are left to choose 2 from"),
        (dict(n_expert_groups=2), {1: [0, 1]}, "only 1 experts are left to choose 2 from"),
        (dict(n_expert_groups=3, n_limited_groups=2), {1: [4]}, "scored by two experts, one has 1 left"),
    ],
)
def test_removing_what_cannot_be_removed_is_refused_and_changes_nothing(groups, removed, sentence):
    model = build(**groups)
    with pytest.raises(ValueError, match=sentence), without_experts(model, removed):
        raise AssertionError("not reached")
    assert all(router.bias.isfinite().all() for router in routers(model).values())
