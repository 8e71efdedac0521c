"""Muon: singular values evened, torch's own steps, and a race in which only the hidden matrices differ."""

from dataclasses import replace

import pytest
import torch
from training_helpers import Counter

from lessons_lib.config import CorpusConfig, ModelConfig, OptimizerConfig, TrainConfig
from lessons_lib.config.muon import RaceConfig
from lessons_lib.model import Transformer
from lessons_lib.training.loop import train
from lessons_lib.training.muon import COEFFICIENTS, Muon, newton_schulz, optimizers_of, race

SHAPE = ModelConfig(vocab_size=106, dim=8, n_layers=2, n_heads=2, inter_dim=12, max_seq_len=12)
TRAIN = TrainConfig(
    SHAPE,
    CorpusConfig("languages", n=2),
    steps=6,
    batch_size=4,
    length=12,
    optimizer=OptimizerConfig(1e-2, warmup_steps=2),
    eval_windows=8,
)
RACE = RaceConfig(TRAIN, "Muon", 4e-2)


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(tmp_path / "runs"))


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("shape", [(5, 9), (9, 5), (6, 6)])
def test_singular_values_follow_the_polynomial_and_vectors_stay(shape):
    g = drawn(*shape)
    u, s, vt = torch.linalg.svd(g, full_matrices=False)
    x = s / s.norm()
    a, b, c = COEFFICIENTS
    for _ in range(5):
        x = a * x + b * x**3 + c * x**5
    torch.testing.assert_close(newton_schulz(g), u @ torch.diag(x) @ vt, rtol=1e-6, atol=1e-6)
    assert torch.linalg.svdvals(newton_schulz(g)).max() < 1.25


def test_a_stack_is_evened_matrix_by_matrix_and_no_rounds_only_shrink():
    stack = drawn(3, 4, 7) * torch.tensor([1.0, 10.0, 0.1])[:, None, None]
    for one, evened in zip(stack, newton_schulz(stack)):
        torch.testing.assert_close(newton_schulz(one), evened)
    torch.testing.assert_close(newton_schulz(stack, 0)[1], stack[1] / stack[1].norm(), rtol=1e-6, atol=1e-6)


def test_it_moves_as_torchs_own_within_the_rounding_of_bf16():
    # torch iterates in BF16: 8 bits, five rounds; the scale .2 is what `match_rms_adamw` takes
    ours, theirs = (torch.nn.Parameter(drawn(16, 40).float()) for _ in range(2))
    start = ours.detach().clone()
    mine = Muon([ours], 0.02, rms=0.2)
    other = torch.optim.Muon([theirs], lr=0.02, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    for step in range(3):
        ours.grad = theirs.grad = drawn(16, 40, seed=step + 1).float()
        mine.step()
        other.step()
    moved = (theirs - start).norm()
    assert (ours - theirs).norm() < 0.02 * moved and (ours - start).norm() > 0.9 * moved


def test_a_step_has_the_size_that_its_scale_says_and_the_weight_decays():
    weight = torch.nn.Parameter(torch.zeros(16, 40))
    weight.grad = drawn(16, 40).float()
    Muon([weight], 0.5).step()
    rms = weight.detach().square().mean().sqrt().item()
    assert 0.7 < rms / (0.5 * 0.18) < 1.2  # all singular values 1 would be exactly 1
    decayed = torch.nn.Parameter(torch.ones(2, 3))
    decayed.grad = torch.zeros(2, 3)
    Muon([decayed], 0.5, weight_decay=0.1).step()
    torch.testing.assert_close(decayed.detach(), torch.full((2, 3), 0.95))


def test_what_is_no_matrix_or_has_no_gradient():
    with pytest.raises(ValueError, match=r"moves matrices, got a parameter of shape \(3,\)"):
        Muon([torch.nn.Parameter(torch.zeros(3))])
    still = torch.nn.Parameter(torch.ones(2, 2))
    Muon([still]).step()
    assert torch.equal(still, torch.ones(2, 2))


def test_every_parameter_has_one_optimizer_and_the_rest_its_own_rate():
    model = Transformer(SHAPE)
    for kind in ("Muon", "AdamW"):
        groups = [g for one in optimizers_of(model, replace(RACE, optimizer=kind)) for g in one.param_groups]
        found = [id(p) for group in groups for p in group["params"]]
        assert sorted(found) == sorted(id(p) for p in model.parameters())
        share = {id(p): group["share"] for group in groups for p in group["params"]}
        decay = {id(p): group["weight_decay"] for group in groups for p in group["params"]}
        assert share[id(model.embed.weight)] == share[id(model.norm.weight)] == 4
        assert share[id(model.layers[0].ffn.w2.weight)] == 1
        assert decay[id(model.norm.weight)] == 0 and decay[id(model.head.weight)] == 0.1


def test_adamw_with_one_rate_is_the_courses_own_training():
    own = train(TRAIN, 3, progress=Counter())
    raced = race(RaceConfig(TRAIN, "AdamW", 1e-2), 3, progress=Counter())
    assert raced.gap == pytest.approx(own.gap, rel=1e-5)
    assert race(RACE, 3, progress=Counter()).gap != pytest.approx(own.gap, rel=1e-3)


@pytest.mark.parametrize("change", [dict(eval_every=2)])
def test_what_a_race_does_not_do_is_refused(change):
    with pytest.raises(ValueError, match="no evaluation on the way"):
        RaceConfig(replace(TRAIN, **change), "Muon", 1e-2)


@pytest.mark.deep
def test_at_600_steps_muon_has_lost_most_of_its_lead():
    # lesson 19 stops at 280 steps; here is what its limits say of 600, with the lesson's sizes and rates
    shape = ModelConfig(vocab_size=106, dim=64, n_layers=2, n_heads=4, inter_dim=184, max_seq_len=64)
    corpus = CorpusConfig("languages", n=4)
    gaps = {}
    for kind, rate, rest in (("AdamW", 5e-3, 16e-2), ("Muon", 2e-2, 8e-2)):
        for steps in (200, 600):
            plan = TrainConfig(
                shape,
                corpus,
                steps,
                length=64,
                optimizer=OptimizerConfig(rate, warmup_steps=steps // 10),
                eval_windows=256,
            )
            gaps[kind, steps] = race(RaceConfig(plan, kind, rest), 24, progress=Counter()).gap
    lead = {steps: gaps["AdamW", steps] - gaps["Muon", steps] for steps in (200, 600)}
    assert lead[200] > 0.03 and abs(lead[600]) < 0.5 * lead[200]
