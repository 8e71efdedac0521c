"""A model cut into stages learns the same: in one process here, in several below.

A rank alone (ZBV and DualPipeV on one rank have two stages) needs no other process, so most is tried there.
"""

import pytest
import torch
import torch.nn.functional as F

from lessons_lib.config import ModelConfig
from lessons_lib.model import Transformer
from lessons_lib.parallel import make_schedule, simulate, step_in_pipeline
from lessons_lib.parallel.actions import Action, Pair
from lessons_lib.parallel.put_off import PutOff, compute
from lessons_lib.parallel.running import Rank
from lessons_lib.parallel.stages import keep_stages, layers_of, stage_forward

WIDTHS = dict(kv_lora_rank=16, qk_nope_head_dim=8, qk_rope_head_dim=8, v_head_dim=8, moe_inter_dim=16)
EXPERTS = dict(n_dense_layers=1, n_routed_experts=6, n_activated_experts=2, n_shared_experts=1)


def config(n_layers, **other):
    return ModelConfig(
        vocab_size=30, dim=24, n_layers=n_layers, n_heads=2, inter_dim=40, **WIDTHS, **EXPERTS, **other
    )


def made(n_layers, dtype=torch.float64, linear=torch.nn.Linear, seed=0):
    """Return a model of the course: latent attention, experts shared and routed, its weights seeded."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Transformer(config(n_layers), linear=linear).to(dtype)


def texts(n=8, length=13):
    return torch.randint(30, (n, length), generator=torch.Generator().manual_seed(1))


def loss_of(model, tokens):
    return F.cross_entropy(model(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten())


def gradients(model, tokens, micro_batches=1):
    """Return {name: gradient} of the mean loss, in one process, micro-batch after micro-batch."""
    model.zero_grad()
    for piece in tokens.unflatten(0, (micro_batches, -1)):
        (loss_of(model, piece) / micro_batches).backward()
    return {name: weight.grad.clone() for name, weight in model.named_parameters()}


def furthest(found, expected):
    """Return the largest difference of two gradients' numbers; both must have the same names."""
    assert found.keys() == expected.keys()
    return max((found[name] - grad).abs().max().item() for name, grad in expected.items())


def alone(name, micro_batches):
    """Return one rank that holds all stages, and the model's plain gradients."""
    put_off, schedule = PutOff(), make_schedule(name, 1, micro_batches)
    model = made(2, linear=put_off.linear)
    pieces = texts().unflatten(0, (micro_batches, -1))
    return Rank(model, schedule, pieces, put_off, 0), gradients(made(2), texts(), micro_batches)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_layers_that_put_gradients_off_compute_what_plain_ones_do(dtype):
    plain, ours = made(2, dtype), made(2, dtype, linear=PutOff().linear)
    expected, found = gradients(plain, texts()), gradients(ours, texts())
    assert torch.equal(plain(texts()), ours(texts()))
    assert furthest(found, expected) < (1e-6 if dtype == torch.float32 else 1e-15)


def test_only_matrices_of_layers_are_put_off_and_come_with_the_jobs():
    put_off = PutOff()
    model = made(2, linear=put_off.linear)
    expected = gradients(made(2), texts())
    with put_off.collecting() as jobs:
        loss_of(model, texts()).backward()
    late = {name for name, weight in model.named_parameters() if weight.grad is None}
    early = {"embed.weight", "norm.weight", "head.weight", "layers.1.ffn.router.weight"}
    assert not late & early and {"layers.0.attention.wo.weight", "layers.1.ffn.experts.w13"} <= late
    assert len(late) == len(jobs)
    compute(jobs)
    assert jobs == [] and furthest({n: w.grad for n, w in model.named_parameters()}, expected) < 1e-15


def test_nothing_is_put_off_after_a_backward_that_failed():
    put_off = PutOff()
    with pytest.raises(ZeroDivisionError), put_off.collecting():
        raise ZeroDivisionError
    assert furthest(gradients(made(2, linear=put_off.linear), texts()), gradients(made(2), texts())) < 1e-15


def test_stages_one_after_the_other_are_the_model():
    model, x = made(4), texts()
    expected = model(x)
    for stage in range(4):
        x = stage_forward(model, stage, 4, x)
    assert torch.equal(x, expected)


def test_each_parameter_has_one_stage():
    whole = {name: weight.numel() for name, weight in made(4).named_parameters()}
    found = {}
    for stage in range(2):
        part = made(4)
        keep_stages(part, {stage}, 2)
        kept = {name: weight.numel() for name, weight in part.named_parameters()}
        assert not found.keys() & kept.keys()
        found |= kept
    assert found == whole


def test_models_that_can_not_be_cut_are_refused():
    assert layers_of(config(6), 1, 3) == range(2, 4)
    with pytest.raises(ValueError, match="4 layers can't be cut into 3 equal stages"):
        layers_of(config(4), 0, 3)
    for other in ({"n_mtp_layers": 1}, {"tie_embeddings": True}):
        with pytest.raises(ValueError, match="share the embedding"):
            layers_of(config(4, **other), 0, 2)


@pytest.mark.parametrize("name", ["ZBV", "DualPipeV"])
def test_one_rank_with_two_stages_gives_the_plain_gradients(name):
    rank, expected = alone(name, 4)
    rank.step()
    assert furthest({n: w.grad for n, w in rank.model.named_parameters()}, expected) < 1e-15
    assert rank.loss == pytest.approx(loss_of(made(2), texts()).item(), abs=1e-12)
    assert rank.sent == 0 and not rank._letters and not rank._kept and not rank._jobs


@pytest.mark.parametrize("name", ["ZBV", "DualPipeV"])
def test_a_rank_holds_what_the_simulator_says(name):
    rank, _ = alone(name, 8)
    rank.step()
    assert [rank.held] == simulate(make_schedule(name, 1, 8)).peaks


def test_a_rank_holds_what_a_late_gradient_of_weights_needs():
    steps = [
        Action(kind, 0, micro) for kind, micro in [("F", 0), ("I", 0), ("F", 1), ("W", 0), ("I", 1), ("W", 1)]
    ]
    put_off = PutOff()
    rank = Rank(made(2, linear=put_off.linear), [steps], texts().unflatten(0, (2, -1)), put_off, 0)
    rank.step()
    assert [rank.held] == simulate([steps]).peaks == [2]
    assert (
        furthest({n: w.grad for n, w in rank.model.named_parameters()}, gradients(made(2), texts(), 2))
        < 1e-15
    )


def test_a_rank_does_its_list_in_order():
    rank, _ = alone("DualPipeV", 4)
    rank.step()
    assert [span.step for span in rank.spans] == make_schedule("DualPipeV", 1, 4)[0]
    assert any(isinstance(span.step, Pair) for span in rank.spans)
    assert all(a.start <= a.end <= b.start for a, b in zip(rank.spans, rank.spans[1:]))


def test_no_two_messages_have_the_same_number():
    rank, _ = alone("ZBV", 8)
    tags = [rank._tag(kind, stage, micro) for kind in "FB" for stage in range(2) for micro in range(8)]
    assert len(set(tags)) == len(tags) and rank._tag("I", 1, 3) == rank._tag("B", 1, 3)


def test_batches_that_do_not_fit_the_schedule_are_refused():
    model, schedule = made(2), make_schedule("1F1B", 2, 4)
    with pytest.raises(ValueError, match="the schedule has 4 micro-batches, asked for were 8"):
        step_in_pipeline(schedule, model, texts(), 8)
    with pytest.raises(ValueError, match="6 texts can't be dealt out to 4 micro-batches equally"):
        step_in_pipeline(schedule, model, texts(6), 4)
    with pytest.raises(ValueError, match="3 layers can't be cut into 2 equal stages"):
        step_in_pipeline(schedule, made(3), texts(), 4)
    with pytest.raises(TypeError, match="tokens must hold whole numbers"):
        step_in_pipeline(schedule, model, texts().double(), 4)


def equal_to_one_process(name, ranks, n_layers, dtype=torch.float64):
    """Run a schedule in processes; assert loss, gradients, what was held and what each rank has and sent."""
    model, schedule = made(n_layers, dtype), make_schedule(name, ranks, 8)
    ran = step_in_pipeline(schedule, model, texts(), 8)
    assert furthest(ran.gradients, gradients(model, texts(), 8)) < (1e-15 if dtype == torch.float64 else 1e-6)
    if dtype == torch.float64:
        assert furthest(ran.gradients, gradients(model, texts())) < 1e-9  # the whole batch at once
    assert ran.loss == pytest.approx(loss_of(model, texts()).item(), abs=1e-6)
    assert ran.held == simulate(schedule).peaks
    total = sum(weight.numel() for weight in model.parameters())
    assert sum(ran.parameters) == total * (2 if name == "DualPipe" else 1)
    assert sum(ran.sent) > 0
    for rank, spans in enumerate(ran.timeline.spans):
        assert [span.step for span in spans] == schedule[rank]
    assert min(spans[0].start for spans in ran.timeline.spans) == 0
    return ran


def test_1f1b_on_two_processes_equals_one():
    ran = equal_to_one_process("1F1B", 2, 2)
    activations = 8 * 12 * 24 * 8  # texts, positions, width, bytes: once forward, once back
    assert ran.sent == [activations, activations]


def test_dualpipev_on_two_processes_equals_one():
    equal_to_one_process("DualPipeV", 2, 4)


@pytest.mark.deep
@pytest.mark.parametrize(
    ("name", "ranks", "n_layers"),
    [
        *[("GPipe", 2, 4), ("interleaved", 2, 4), ("ZB1P", 2, 2), ("ZBV", 2, 4), ("DualPipe", 2, 2)],
        *[("1F1B", 3, 3), ("1F1B", 4, 4), ("interleaved", 4, 8), ("ZBV", 3, 6), ("DualPipe", 4, 4)],
        ("DualPipeV", 4, 8),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_schedule_on_two_to_four_processes_equals_one(name, ranks, n_layers, dtype):
    equal_to_one_process(name, ranks, n_layers, dtype)
