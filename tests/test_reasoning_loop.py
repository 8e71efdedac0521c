"""Learning by reward: resumed runs, losses in pieces, what is rewarded and what moves."""

import copy
from dataclasses import fields

import pytest
import torch
import torch.nn.functional as F
from reasoning_helpers import BASE, HUNT, LATENT, PLAIN, RL, changed, model_of
from training_helpers import Counter

from lessons_lib.config import HuntConfig
from lessons_lib.reasoning import examine, learn_to_reason, loop, measure_skill, pretrain, sample
from lessons_lib.reasoning import update as updating
from lessons_lib.reasoning.behaviour import behaviour_of
from lessons_lib.reasoning.evaluation import Examination, prompts_of
from lessons_lib.reasoning.hunts import Hunts
from lessons_lib.reasoning.loop import HISTORY, rl_step
from lessons_lib.reasoning.pretraining import batch_of, trace_batches, traces_loss
from lessons_lib.reasoning.tasks import Earned
from lessons_lib.reasoning.update import advantages_of, rewards_of, score, update
from lessons_lib.training.optimizer import make_optimizer

FEW = Hunts(HuntConfig()).problems(12, 0)


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def stop():
    raise KeyboardInterrupt


def same_bits(one, other, clocks=()):
    mine, theirs = one.model.state_dict(), other.model.state_dict()
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)
    for name, values in other.history.items():
        assert name in clocks or one.history[name] == values, name


@pytest.fixture
def lively(monkeypatch):
    """Reward an odd first token: a random model is never right, and all its groups would be dead."""

    def by_parity(problems, rows, wanted):
        return [Earned(row[0] % 2, 1.0, 1.0, True) for row in rows]

    monkeypatch.setattr(loop, "verify_rows", by_parity)


CLOCKS = ("sample_seconds", "verify_seconds", "learn_seconds")


@pytest.mark.parametrize("step", [1, 4, 7, 10])
def test_a_base_that_was_stopped_ends_bit_for_bit_where_it_would_have(store, monkeypatch, step):
    whole = pretrain(BASE, 1, progress=Counter())
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(store / "other"))
    with pytest.raises(KeyboardInterrupt):
        pretrain(BASE, 1, progress=Counter(**{f"step{step}": stop}))
    same_bits(pretrain(BASE, 1, progress=Counter()), whole)
    assert whole.history["check_step"] == [5, 10] and len(whole.history["loss"]) == BASE.steps


@pytest.mark.parametrize("step", [1, 2, 4, 5])
def test_learning_by_reward_that_was_stopped_ends_bit_for_bit_where_it_would_have(
    store, monkeypatch, lively, step
):
    config = changed(RL, updates=2, beta=0.1, eval_every=2, eval_problems=3)
    whole = learn_to_reason(config, 3, progress=Counter())
    assert min(whole.history["grad_norm"]) > 0  # it does learn
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(store / "other"))
    with pytest.raises(KeyboardInterrupt):
        learn_to_reason(config, 3, progress=Counter(**{f"step{step}": stop}))
    again = Counter()
    same_bits(learn_to_reason(config, 3, progress=again), whole, CLOCKS)
    assert again.updates == [step] + [1] * (config.steps - step)
    assert whole.history["step"] == [1, 2, 3, 4, 5] and whole.history["eval_step"] == [2, 4]
    assert set(whole.history) == set(HISTORY)


def test_neither_run_moves_the_programs_own_random_numbers(store):
    before = torch.get_rng_state()
    learn_to_reason(RL, 0, progress=Counter())
    assert torch.equal(before, torch.get_rng_state())


# ---- the base


def test_every_token_weighs_the_same_in_every_batch():
    """A block's losses add up to its sum over tokens; a mean per batch would not."""
    model, (batch, mean_length) = model_of().float(), trace_batches(BASE, 0)
    divisor = BASE.batch_size * mean_length
    in_parts = sum(traces_loss(model, *batch(step), divisor).item() for step in range(8))
    total = 0.0
    for step in range(8):
        tokens, targets = batch(step)
        logps = model(tokens).log_softmax(-1)
        learned = targets != -100
        total -= logps.gather(-1, targets.clamp(min=0)[..., None])[..., 0][learned].sum().item()
    assert in_parts == pytest.approx(total / divisor, rel=1e-5)
    lengths = [int((batch(step)[1] != -100).sum()) / BASE.batch_size for step in range(400)]
    assert mean_length == pytest.approx(sum(lengths) / 400, rel=0.05)
    assert max(lengths) > 1.5 * min(lengths)  # sorted by length: a mean per batch would be another loss


class Reader(torch.nn.Module):
    """Answers every lookup right, but for the words that it is told to get wrong."""

    def __init__(self, wrong=()):
        super().__init__()
        self.wrong = torch.tensor(wrong, dtype=torch.int64)

    def forward(self, tokens):
        following = torch.cat([tokens[:, 1:], self.last[:, None]], 1)
        following = torch.where(torch.isin(following, self.wrong), 0, following)
        return F.one_hot(following, 40).float()


@pytest.mark.parametrize(("wrong", "expected"), [("", (1, 1, 1)), ("star", (1, 0, 1)), ("cross", (1, 1, 0))])
def test_stars_and_crosses_are_counted_apart(wrong, expected, monkeypatch):
    from lessons_lib.reasoning.hunts import IDS

    reader = Reader([IDS[wrong]] if wrong else [])
    reader.last = torch.full((50,), IDS["wait"])
    skill = measure_skill(reader, HUNT, 50)
    assert (skill.places, skill.stars, skill.crosses) == expected
    assert skill.weakest == min(expected) and skill.ready == (min(expected) == 1)


def test_unread_rooms_close_the_gate():
    from lessons_lib.reasoning.hunts import IDS

    reader = Reader([IDS["r0"]])
    reader.last = torch.full((50,), IDS["wait"])
    skill = measure_skill(reader, HUNT, 50)
    assert 0.4 < skill.places < 0.9 and not skill.ready and skill.stars == skill.crosses == 1


# ---- rewards and advantages

VERDICTS = [Earned(1, 1, 0.5, True), Earned(0, 1, 1, False), Earned(0, 0, 0, True), Earned(1, 1, 0, True)]


def test_accuracy_format_and_language_are_weighed_apart():
    config = changed(RL, accuracy_weight=1.0, format_weight=0.1, language_weight=0.4)
    assert rewards_of(VERDICTS, config).tolist() == pytest.approx([1.3, 0.5, 0.0, 1.1])
    assert rewards_of(VERDICTS, changed(config, language_weight=0.0)).tolist() == pytest.approx(
        [1.1, 0.1, 0.0, 1.1]
    )


def test_advantages_by_group_as_they_are_or_of_right_answers_only():
    config, rewards = changed(RL, group_size=2), torch.tensor([1.1, 0.1, 0.0, 1.1])
    std = 1 / 2**0.5
    expected = [0.5 / (std + 1e-4), -0.5 / (std + 1e-4)]
    assert advantages_of(rewards, VERDICTS, config)[:2].tolist() == pytest.approx(expected)
    plain = advantages_of(rewards, VERDICTS, changed(config, normalize_std=False))
    assert plain.tolist() == pytest.approx([0.5, -0.5, -0.55, 0.55])
    assert advantages_of(rewards, VERDICTS, changed(config, advantage="reward")).equal(rewards)
    assert advantages_of(rewards, VERDICTS, changed(config, advantage="correct")).tolist() == [1, 0, 0, 1]


# ---- one step


def rollout_of(model, config, seed=0):
    prompts = prompts_of(Hunts(HUNT).problems(config.problems, seed))
    generator = torch.Generator().manual_seed(seed)
    return sample(
        model,
        prompts,
        config.group_size,
        max_new=config.max_new,
        temperature=config.temperature,
        generator=generator,
    )


@pytest.mark.parametrize("aggregation", ["grpo", "bnpo", "dr_grpo", "dapo"])
@pytest.mark.parametrize("fields", [{}, {"updates": 2}, {"beta": 0.3}], ids=["plain", "off-policy", "kl"])
def test_pieces_give_the_gradient_of_the_whole(aggregation, fields, monkeypatch):
    """Sorted pieces, and answers without an advantage left out, against one piece with all of them."""
    config = changed(RL, aggregation=aggregation, temperature=0.7, **fields)
    model, reference = model_of(), model_of(seed=1) if fields.get("beta") else None
    rollout = rollout_of(model, config)
    advantages = torch.randn(12, generator=torch.Generator().manual_seed(0)).double()
    advantages[3:6] = 0.0
    gradients = []
    for chunks in (4, 1):
        monkeypatch.setattr(updating, "CHUNKS", chunks)
        one = copy.deepcopy(model)
        loss, _ = update(one, torch.optim.SGD(one.parameters(), 0.0), rollout, advantages, config, reference)
        gradients.append((loss, [p.grad for p in one.parameters()]))
    assert gradients[0][0] == pytest.approx(gradients[1][0], abs=1e-12)
    for mine, whole in zip(gradients[0][1], gradients[1][1]):
        torch.testing.assert_close(mine, whole, atol=1e-12, rtol=1e-9)
    prompts = rollout.prompts.repeat_interleave(config.group_size, 0)
    logps = score(model, prompts, rollout.tokens, 0.7)
    ref = None if reference is None else score(reference, prompts, rollout.tokens, 0.7)
    whole = updating.grpo_loss(
        logps,
        rollout.logps if config.updates > 1 else None,
        advantages,
        rollout.mask,
        ref_logps=ref,
        beta=config.beta,
        aggregation=aggregation,
        max_len=config.max_new,
    )
    assert gradients[0][0] == pytest.approx(whole.item(), abs=1e-12)


def test_scores_are_those_of_the_distribution_that_was_sampled():
    config = changed(RL, temperature=0.7)
    model = model_of()
    rollout = rollout_of(model, config)
    prompts = rollout.prompts.repeat_interleave(config.group_size, 0)
    with torch.no_grad():
        found = score(model, prompts, rollout.tokens, 0.7)
    torch.testing.assert_close(found[rollout.mask], rollout.logps[rollout.mask], atol=1e-10, rtol=0)


def unshared_score(model, prompts, tokens, temperature):
    """The whole text of every answer in one pass, its prompt read again."""
    text = torch.cat([prompts, tokens], dim=1)
    logits = model(text[:, :-1])[:, prompts.shape[1] - 1 :]
    return (logits / temperature).log_softmax(-1).gather(-1, tokens[:, :, None])[..., 0]


@pytest.mark.parametrize("of_row", [[0, 0, 0, 1, 1, 1], [2, 0, 2, 1, 0, 2], [0, 1, 2], None])
@pytest.mark.parametrize("config", [LATENT, PLAIN, changed(PLAIN, n_kv_heads=1)], ids=["MLA", "MHA", "MQA"])
@pytest.mark.parametrize("n", [1, 2, 9])
def test_a_prompt_read_once_gives_the_scores_and_gradients_of_one_read_for_every_answer(config, of_row, n):
    generator, model = torch.Generator().manual_seed(0), model_of(config)
    prompts = torch.randint(40, (3, 7), generator=generator)
    rows = torch.arange(3) if of_row is None else torch.tensor(of_row)
    tokens = torch.randint(40, (len(rows), n), generator=generator)
    weight, results, read = torch.randn(len(rows), n, generator=generator), [], []
    hook = model.register_forward_pre_hook(lambda module, args: read.append(args[0].numel()))
    given = None if of_row is None else rows
    for logps in (
        score(model, prompts, tokens, 0.7, given),
        unshared_score(model, prompts[rows], tokens, 0.7),
    ):
        model.zero_grad()
        (logps * weight).sum().backward()
        results.append([logps, *(p.grad.clone() for p in model.parameters())])
    hook.remove()
    assert sum(read[:-1]) == 3 * 7 + len(rows) * (n - 1)  # tokens that went through the model
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, atol=1e-12, rtol=1e-9)


def test_pieces_of_a_step_read_each_of_their_prompts_once():
    model, config = model_of(), changed(RL, problems=2, group_size=8)
    rollout, read = rollout_of(model, config), []
    model.register_forward_pre_hook(lambda module, args: read.append(tuple(args[0].shape)))
    update(model, torch.optim.SGD(model.parameters(), 0.0), rollout, torch.ones(16).double(), config)
    prompts = [rows for rows, length in read if length == rollout.prompts.shape[1]]
    assert prompts and max(prompts) <= 2


def test_what_did_better_becomes_likelier():
    model, config = model_of(), changed(RL, optimizer=changed(RL.optimizer, learning_rate=1e-3))
    rollout = rollout_of(model, config)
    advantages = torch.zeros(12).double()
    advantages[0], advantages[1] = 1.0, -1.0
    prompts = rollout.prompts.repeat_interleave(config.group_size, 0)

    def likely():
        with torch.no_grad():
            return (score(model, prompts, rollout.tokens) * rollout.mask).sum(1)

    before = likely()
    update(model, make_optimizer(model, config), rollout, advantages, config)
    after = likely()
    assert after[0] > before[0] and after[1] < before[1]


def test_groups_that_agree_move_nothing():
    model, config = model_of(), RL
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    rollout = rollout_of(model, config)
    loss, norm = update(model, make_optimizer(model, config), rollout, torch.zeros(12).double(), config)
    assert loss == norm == 0.0
    assert all(torch.equal(before[name], weight) for name, weight in model.state_dict().items())


def test_the_start_stays_as_it_is_and_is_what_learning_starts_from(store):
    base = pretrain(BASE, 2, progress=Counter())
    slow = changed(RL, optimizer=changed(RL.optimizer, learning_rate=1e-12))
    reasoner = learn_to_reason(slow, 2, progress=Counter())
    for name, weight in base.model.state_dict().items():
        torch.testing.assert_close(reasoner.model.state_dict()[name], weight, atol=1e-8, rtol=0)
    again = pretrain(BASE, 2, progress=Counter())
    same_bits(again, base)


def test_tasks_take_turns_and_a_step_depends_on_its_number_alone():
    config = changed(RL, tasks=(HUNT, changed(HUNT, lookups=2)))
    model = model_of(LATENT).float()
    noted = []
    for step in (0, 1, 0):
        one = copy.deepcopy(model)
        noted.append(rl_step(one, make_optimizer(one, config), config, 0, step))
    untimed = [{k: v for k, v in n.items() if k not in CLOCKS} for n in noted]
    assert untimed[0] == untimed[2] != untimed[1]
    seen = []
    model.register_forward_pre_hook(lambda module, args: seen.append(args[0].shape[1]))
    for step in (0, 1):
        rl_step(model, make_optimizer(model, config), config, 0, step)
    assert {13, 19} <= set(seen)  # prompts of one lookup and of two


def test_an_evaluation_is_of_held_out_problems_and_repeats_itself():
    model = model_of().float()
    found = examine(model, HUNT, 6, 3, max_new=10, at_once=4)
    again = examine(model, HUNT, 6, 3, max_new=10, at_once=4)
    for f in fields(found):
        assert getattr(found, f.name) == getattr(again, f.name), f.name
    assert len(found.right) == 6 and len(found.lengths) == len(found.answers) == 18
    assert found.length == pytest.approx(sum(found.lengths) / 18)
    assert found.pass_at(1) == pytest.approx(found.accuracy)


def test_behaviour_is_counted_over_every_answer_with_its_own_problem():
    said = "<think> {0} wait {0} </think> <answer> d0 </answer> <eos>"
    answers = [said.format(" ".join([*problem.path(0), "star"])) for problem in FEW for _ in range(2)]
    numbers = dict(length=1.0, format=1.0, thinks=1.0, language=1.0, entropy=0.0)
    found = Examination([[1, 1]] * len(FEW), **numbers, problems=FEW, answers=answers, lengths=[])
    counted = behaviour_of(found)
    starred = sum(problem.holds_star(0) for problem in FEW)
    assert 0 < starred < len(FEW)
    assert (counted.thoughts, counted.tries, counted.repeats) == (24, 48, 24)
    assert counted.read_right == 4 * starred  # the rest says star where there is a cross
    assert found.responses == answers[::2]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"advantage": "mean"}, "advantage must be"),
        ({"group_size": 1}, "group of 1 has no mean"),
        ({"temperature": 0.0}, "temperature must be above 0"),
        ({"steps": 0}, "steps must be at least 1"),
    ],
)
def test_impossible_settings_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        changed(RL, **fields)


def test_a_batch_of_traces_is_a_supervised_batch():
    corpus = Hunts(HUNT)
    tokens, targets = batch_of([(p.prompt, ["<think>", "<eos>"]) for p in corpus.problems(4, 0)])
    assert tokens.shape == targets.shape == (4, 14)
