"""Laws of each room, for whatever fits: round trips, sums, equal forms, order that doesn't matter.

Hypothesis draws sizes and numbers, the same for everybody. The laws of precision, config and model stand in
`test_refusals_of_the_model`; what doesn't fit is in `test_spoiled_calls`, all rooms in turn.
"""

import json
import math
import random
import string

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from lessons_lib import interop, parallel, reasoning, show, training
from lessons_lib.config import CorpusConfig, HuntConfig, ModelConfig, OptimizerConfig, TrainConfig
from lessons_lib.corpus import Corpus
from lessons_lib.model import Transformer
from lessons_lib.parallel.actions import actions
from lessons_lib.parallel.schedules import SCHEDULES
from lessons_lib.reasoning import hunts, tasks, test_time
from lessons_lib.runs import Seeds, approx, packing, seed_for, student_t
from lessons_lib.training import cost, windows

quick = settings(max_examples=25, deadline=None, derandomize=True, database=None)
few = settings(quick, max_examples=10)
SEEDS, NUMBERS = st.integers(0, 2**31), st.floats(-1e6, 1e6)


def drawn(seed, *shape):
    """Numbers of a normal distribution, the same for the same seed."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


# ---- corpus

MIXED, LANGUAGES = Corpus(seed=3), Corpus.languages(n=3)


@quick
@given(names=st.lists(st.sampled_from(MIXED._source.vocabulary.names), max_size=30))
def test_every_text_of_the_vocabulary_comes_back_token_by_token(names):
    ids = MIXED.encode("".join(names))
    assert ids == [MIXED.token(name) for name in names] and MIXED.decode(ids) == "".join(names)
    assert MIXED.decode(torch.tensor(ids, dtype=torch.int64)) == "".join(names)


@few
@given(seed=SEEDS, size=st.integers(1, 4), length=st.integers(1, 12), mixed=st.booleans())
def test_a_windows_odds_are_those_of_its_tokens_one_by_one(seed, size, length, mixed):
    corpus = MIXED if mixed else LANGUAGES
    tokens, domains = corpus.batch(size, length, torch.Generator().manual_seed(seed))
    again, _ = corpus.batch(size, length, torch.Generator().manual_seed(seed))
    known = corpus.log_probs(tokens, domains)
    assert torch.equal(tokens, again) and known.shape == (size, length) and known.isfinite().all()
    row, place = seed % size, seed % length
    odds = corpus.next_token_probs(tokens[row, : place + 1], int(domains[row]))
    assert odds.sum().item() == pytest.approx(1) and (odds >= 0).all()
    assert odds[tokens[row, place + 1]].log().item() == pytest.approx(known[row, place].item(), abs=1e-9)
    order = torch.randperm(size)
    assert torch.equal(corpus.log_probs(tokens[order], domains[order]), known[order])


@few
@given(length=st.integers(1, 40), n=st.integers(1, 5))
def test_the_floor_is_the_mean_of_the_domains_and_no_more_than_guessing(length, n):
    corpus = Corpus.languages(n=n)
    floor = corpus.entropy_floor(length)
    assert floor.total == pytest.approx(sum(floor.per_domain.values()) / n)
    assert set(floor.per_domain) == set(corpus.domains) and 0 < floor.total < math.log(10) + 1e-9


# ---- parallel


@quick
@given(seed=SEEDS, nodes=st.integers(1, 3), devices=st.integers(1, 3), size=st.integers(1, 3), data=st.data())
def test_a_plan_holds_every_expert_and_shares_out_all_the_load(seed, nodes, devices, size, data):
    groups = nodes * data.draw(st.integers(1, 2))
    experts, n_devices = groups * devices * size, nodes * devices
    slots_in_all = experts + n_devices * data.draw(st.integers(0, 3))
    load = drawn(seed, 2, experts).abs()
    sizes = (slots_in_all, groups, nodes, n_devices)
    slots, counts = parallel.place_experts(load, *sizes)
    assert (counts >= 1).all() and (counts.sum(1) == slots_in_all).all()
    shared = parallel.device_load(load, slots, n_devices)
    torch.testing.assert_close(shared.sum(1), load.double().sum(1))
    assert torch.equal(parallel.place_experts(4 * load.flip(0), *sizes)[0], slots.flip(0))
    ids = torch.randint(experts, (5, 2), generator=torch.Generator().manual_seed(seed))
    assert torch.equal(slots[0][parallel.to_slots(ids, slots[0])], ids)


@quick
@given(
    name=st.sampled_from(list(SCHEDULES)),
    ranks=st.integers(1, 4),
    more=st.integers(0, 5),
    times=st.lists(st.floats(0.1, 9), min_size=3, max_size=3),
)
def test_a_schedule_does_every_piece_once_and_the_timeline_adds_up(name, ranks, more, times):
    ranks *= 2 if name == "DualPipe" else 1
    micro = 2 * ranks + 2 * more
    try:
        schedule = parallel.make_schedule(name, ranks, micro)
    except ValueError:
        assert name == "interleaved"  # rounds must be equal
        return
    done = [action for steps in schedule for step in steps for action in actions(step)]
    stages = {action.stage for action in done}
    for kinds in ("F", "BI", "BW"):  # forward, the gradient of the input, that of the weights
        made = sorted((a.stage, a.micro) for a in done if a.kind in kinds)
        assert made == [(stage, m) for stage in sorted(stages) for m in range(micro)]
    forward, back, weight = times
    line = parallel.simulate(schedule, parallel.Costs(forward, back, weight))
    twice = parallel.simulate(schedule, parallel.Costs(2 * forward, 2 * back, 2 * weight))
    assert twice.makespan == pytest.approx(2 * line.makespan)
    work = ranks * micro * sum(times)
    assert sum(line.busy) == pytest.approx(work) and min(line.waiting) > -1e-6
    assert line.makespan >= work / ranks - 1e-6 and all(1 <= peak <= 2 * micro for peak in line.peaks)


# ---- runs

PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
TENSORS = st.builds(lambda n, seed: drawn(seed, *n), st.lists(st.integers(0, 3), max_size=3), SEEDS)
NESTED = st.recursive(
    PLAIN | TENSORS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)


def alike(one, other):
    if type(one) is not type(other):
        return False
    if isinstance(one, torch.Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(alike(one[key], other[key]) for key in one)
    return one == other or one != one and other != other


@settings(quick, max_examples=80)
@given(value=NESTED)
def test_what_is_packed_comes_back_as_it_was(value):
    packed, tensors = packing.pack(value)
    assert alike(packing.unpack(json.loads(json.dumps(packed)), tensors), value)


@quick
@given(ours=st.lists(NUMBERS, min_size=2, max_size=6), shift=NUMBERS, data=st.data())
def test_a_difference_turns_its_sign_and_a_shift_of_all_changes_nothing(ours, shift, data):
    theirs = data.draw(st.lists(NUMBERS, min_size=len(ours), max_size=len(ours)))
    one, other = (Seeds(dict(enumerate(values))) for values in (ours, theirs))
    assert one.low <= one.mean + 1e-6 and one.mean <= one.high + 1e-6
    there, back = one.less(other), other.less(one)
    assert there.mean == pytest.approx(-back.mean) and there.low == pytest.approx(-back.high)
    assert there.verdict() == back.verdict()
    again = one.map(lambda x: x + shift).less(other.map(lambda x: x + shift))
    assert again.mean == pytest.approx(there.mean, abs=1e-6)
    assert there.low <= there.mean <= there.high and there.detectable >= 0


@quick
@given(seed=SEEDS, purposes=st.lists(st.text(string.ascii_letters, min_size=1), min_size=2, unique=True))
def test_each_purpose_draws_its_own_numbers_and_always_the_same(seed, purposes):
    seeds = [seed_for(seed, purpose, held_out=held) for purpose in purposes for held in (False, True)]
    assert len(set(seeds)) == len(seeds)
    assert seeds[0] == seed_for(seed, purposes[0]) != seed_for(seed + 1, purposes[0])


@quick
@given(n=st.integers(2, 30), value=NUMBERS)
def test_more_seeds_need_less_and_a_shown_number_can_be_read_again(n, value):
    assert student_t.threshold(n) >= student_t.threshold(n + 1) > 1.95
    assert float(approx.approx(value, ".6e").removeprefix("≈")) == pytest.approx(value, rel=1e-5)


# ---- training


@quick
@given(steps=st.integers(1, 60), warmup=st.integers(0, 70), ratio=st.floats(0, 1), peak=st.floats(1e-6, 1))
def test_the_rate_rises_to_its_peak_and_falls_to_its_share(steps, warmup, ratio, peak):
    optimizer = OptimizerConfig(learning_rate=peak, min_lr_ratio=ratio, warmup_steps=warmup)
    config = TrainConfig(ModelConfig(vocab_size=99, dim=8, n_layers=1, n_heads=1), CorpusConfig(), steps)
    config = config.__class__(**vars(config) | {"optimizer": optimizer})
    rates = [training.learning_rate(step, config) for step in range(steps)]
    assert all(0 <= rate <= peak * (1 + 1e-9) for rate in rates)
    rising, falling = rates[:warmup], rates[warmup:]
    assert rising == sorted(rising) and falling == sorted(falling, reverse=True)
    if len(falling) > 1:
        assert falling[-1] == pytest.approx(peak * ratio)


SIZES = st.fixed_dictionaries(
    {
        "vocab_size": st.integers(2, 30),
        "dim": st.sampled_from([8, 16]),
        "n_layers": st.integers(2, 3),
        "n_heads": st.sampled_from([1, 2]),
        "max_seq_len": st.just(16),
        "tie_embeddings": st.booleans(),
    }
)
LATENT = dict(kv_lora_rank=6, qk_nope_head_dim=4, qk_rope_head_dim=2, v_head_dim=4)
EXPERTS = dict(n_routed_experts=4, n_activated_experts=2, n_shared_experts=1, moe_inter_dim=4)
KINDS = st.sampled_from([{}, LATENT, LATENT | EXPERTS, LATENT | EXPERTS | {"n_dense_layers": 1}])
CONFIGS = st.builds(lambda sizes, kind: ModelConfig(**sizes, **kind), SIZES, KINDS)


@quick
@given(config=CONFIGS, length=st.integers(1, 16))
def test_parameters_are_those_of_the_model_and_work_grows_with_the_text(config, length):
    with torch.device("meta"):
        model = Transformer(config)
    held = {id(p): p.numel() for p in model.parameters()}
    counted = cost.count_parameters(config)
    biases = sum(buffer.numel() for name, buffer in model.named_buffers() if name.endswith("bias"))
    assert counted.total == sum(held.values()) + biases and counted.active <= counted.total
    assert 0 < cost.flops_per_token(config, length).forward < cost.flops_per_token(config, length + 1).forward
    assert cost.kv_bytes_per_token(config) == 2 * cost.kv_numbers_per_token(config)


@few
@given(seed=SEEDS, config=CONFIGS, size=st.integers(1, 3), length=st.integers(2, 9))
def test_losses_are_torchs_and_pieces_are_runs_of_their_windows(seed, config, size, length):
    torch.manual_seed(seed)
    model = Transformer(config).eval()
    tokens = torch.randint(config.vocab_size, (size, length + 1))
    losses = training.token_losses(model, tokens)
    with torch.no_grad():
        right = F.cross_entropy(model(tokens[:, :-1]).transpose(1, 2), tokens[:, 1:], reduction="none")
    torch.testing.assert_close(losses, right, check_dtype=False, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(training.token_losses(model, tokens, length), losses, rtol=1e-4, atol=1e-5)
    context = seed % length
    pieces = windows.cut_pieces(tokens, context, torch.Generator().manual_seed(seed))
    each = max(1, length // (context + 1))
    assert pieces.shape == (size * each, context + 2)
    for i, piece in enumerate(pieces):
        runs = tokens[i // each, 1:].unfold(0, context + 1, 1)
        assert piece[0] == tokens[i // each, 0] and (runs == piece[1:]).all(1).any()


# ---- reasoning


@quick
@given(seed=SEEDS, doors=st.integers(2, 7), lookups=st.integers(1, 2), held_out=st.booleans())
def test_one_door_leads_to_the_star_and_a_trace_is_in_the_form(seed, doors, lookups, held_out):
    hunt = hunts.Hunts(HuntConfig(doors=doors, lookups=lookups, max_tries=doors, go_on=1.0))
    problem = hunt.problem(random.Random(seed), held_out=held_out)
    assert [problem.holds_star(door) for door in range(doors)].count(True) == 1
    assert problem.holds_star(int(problem.answer[1:])) and problem.is_held_out == held_out
    assert hunts.decode(hunts.encode(problem.prompt)) == problem.prompt
    trace = hunt.solution(problem, random.Random(seed))
    parsed, earned = tasks.parse(trace), tasks.verify(problem, trace)
    assert ["<think>", *parsed.thought, "</think>", "<answer>", *parsed.answer, *trace[-2:]] == trace
    assert tasks.is_door(problem, parsed.answer) and earned.format == 1
    assert earned.accuracy == (parsed.answer == (problem.answer,)) and 0 <= earned.language <= 1


@settings(quick, max_examples=100)
@given(words=st.lists(st.sampled_from([*tasks.FORM, "d1", "star", "nonsense"]), max_size=12))
def test_what_is_parsed_is_whole_and_all_else_is_nothing(words):
    problem = hunts.Problem(((1, 0, 2),), 0)
    parsed, earned = tasks.parse(words), tasks.verify(problem, words)
    if parsed is None:
        assert earned.accuracy == earned.format == 0
    else:
        start, end, answer, end_answer, eos = tasks.FORM
        assert [start, *parsed.thought, end, answer, *parsed.answer, end_answer, eos] == words
    assert earned.accuracy <= earned.format <= 1 and tasks.parse_text(" ".join(words)) == parsed


@quick
@given(seed=SEEDS, groups=st.integers(1, 4), size=st.integers(1, 6), shift=st.floats(-9, 9))
def test_advantages_add_up_to_nothing_in_each_group_whatever_is_added(seed, groups, size, shift):
    rewards = drawn(seed, groups, size).double()
    advantages = reasoning.group_advantages(rewards.flatten(), size).view(groups, size)
    assert advantages.sum(1).abs().max() < 1e-9
    again = reasoning.group_advantages((rewards + shift).flatten(), size).view(groups, size)
    torch.testing.assert_close(again, advantages)
    turned = reasoning.group_advantages(rewards.flip(0, 1).flatten(), size).view(groups, size)
    torch.testing.assert_close(turned.flip(0, 1), advantages)


@quick
@given(
    seed=SEEDS,
    answers=st.integers(1, 4),
    length=st.integers(1, 6),
    more=st.integers(0, 3),
    aggregation=st.sampled_from(["grpo", "bnpo", "dapo", "dr_grpo"]),
    level=st.sampled_from(["token", "sequence"]),
)
def test_a_loss_minds_neither_padding_nor_the_order_of_answers(
    seed, answers, length, more, aggregation, level
):
    logps, old = -drawn(seed, answers, length).abs(), -drawn(seed + 1, answers, length).abs()
    advantages = drawn(seed + 2, answers)
    mask = torch.arange(length) < torch.randint(1, length + 1, (answers, 1))
    how = dict(aggregation=aggregation, level=level, max_len=9)
    loss = reasoning.grpo_loss(logps, old, advantages, mask, **how)
    padded = [F.pad(x, (0, more), value=value) for x, value in ((logps, math.nan), (old, 5.0))]
    longer = reasoning.grpo_loss(*padded, advantages, F.pad(mask, (0, more)), **how)
    turned = reasoning.grpo_loss(logps.flip(0), old.flip(0), advantages.flip(0), mask.flip(0), **how)
    torch.testing.assert_close(longer, loss)
    torch.testing.assert_close(turned, loss)
    own = reasoning.grpo_loss(logps, None, advantages, mask, **how)
    torch.testing.assert_close(reasoning.grpo_loss(logps, logps.clone(), advantages, mask, **how), own)
    assert (reasoning.kl_estimate(logps, old) >= -1e-6).all()
    assert (reasoning.kl_estimate(logps, logps.clone()) == 0).all()


@quick
@given(seed=SEEDS, problems=st.integers(1, 4), samples=st.integers(1, 8))
def test_more_samples_never_hurt_where_nobody_must_choose(seed, problems, samples):
    answers = torch.randint(-1, 3, (problems, samples), generator=torch.Generator().manual_seed(seed))
    right = torch.randint(0, 3, (problems,), generator=torch.Generator().manual_seed(seed + 1))
    correct = answers == right[:, None]
    odds = torch.stack([test_time.pass_at_k(correct, k) for k in range(1, samples + 1)])
    share = correct.double().mean(1)
    torch.testing.assert_close(odds[0], share)
    torch.testing.assert_close(odds[-1], correct.any(1).double())
    assert (odds.diff(dim=0) >= -1e-12).all()
    torch.testing.assert_close(test_time.vote_accuracy(answers, right, 1, 3), share)
    torch.testing.assert_close(test_time.best_of_n(correct, drawn(seed, problems, samples), 1), share)
    perfect = test_time.judge_with_noise(correct, answers, 0.0, torch.Generator())
    torch.testing.assert_close(test_time.best_of_n(correct, perfect, samples), odds[-1])


# ---- interop


@few
@given(seed=SEEDS, config=CONFIGS.filter(lambda config: config.kv_lora_rank))  # the others can't be written
def test_a_model_comes_back_from_the_names_of_others_as_it_was(seed, config):
    torch.manual_seed(seed)
    model = Transformer(config).eval()
    weights, theirs = interop.to_hf(model)
    back = interop.from_hf(weights, theirs)
    tokens = torch.randint(config.vocab_size, (2, 7))
    assert torch.equal(back(tokens), model(tokens))
    again, settings_again = interop.to_hf(back)
    assert settings_again == theirs and again.keys() == weights.keys()
    assert all(torch.equal(again[name], weights[name]) for name in weights)


# ---- show


@quick
@given(values=st.lists(NUMBERS, min_size=1, max_size=4), low=NUMBERS, high=NUMBERS)
def test_a_table_is_within_its_bounds_exactly_where_every_value_is(values, low, high):
    inside = all(low <= value <= high for value in values)
    try:
        assert show.within({"row": values}, {"row": (low, high)}) and inside
    except AssertionError:
        assert not inside


@few
@given(config=CONFIGS)
def test_every_configuration_can_be_drawn(config):
    fig = show.model_diagram(config)
    fig = fig if isinstance(fig, Figure) else fig[0]
    words = " ".join(text.get_text() for text in fig.findobj(lambda artist: hasattr(artist, "get_text")))
    assert str(config.dim) in words
