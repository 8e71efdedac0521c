"""The references of the exercises of lessons 08 and 12, against laws and against figures known elsewhere.

A reference that is wrong would refuse right answers, or teach a mistake; the bank of answers agrees with it
by hand-written functions, and here it is held against something else: the output of speculative decoding is
the target, the released V3 has 671 billion parameters, a forecast does not know what it forecasts.
"""

import copy
import random

import pytest
import torch
import torch.nn.functional as F

from lessons_lib.checks import TinyCache, TinyModel
from lessons_lib.checks.several_tokens.accept import ACCEPT
from lessons_lib.checks.several_tokens.loss import MTP_LOSS
from lessons_lib.checks.several_tokens.module import MTP_LOGITS, mix_earlier
from lessons_lib.checks.several_tokens.step import SPECULATIVE_STEP
from lessons_lib.checks.several_tokens.targets import MTP_TARGETS
from lessons_lib.checks.the_bill.forecast import FORECAST
from lessons_lib.checks.the_bill.hours import TRAINING_HOURS
from lessons_lib.checks.the_bill.parameters import COUNT_MODEL
from lessons_lib.checks.the_bill.what_if import WHAT_IF
from lessons_lib.config import ModelConfig
from lessons_lib.model import Transformer, mtp_loss
from lessons_lib.model.speculative import accept_draft
from lessons_lib.training import cost

SEEDS = range(50)


def cases(exercise):
    """Return 50 cases, always the same."""
    return [exercise.draw(random.Random(seed)) for seed in SEEDS]


# --- what a module reads, predicts and pays


def test_targets_are_those_of_the_example_in_the_text():
    read, label = MTP_TARGETS.oracle(torch.tensor([[5, 6, 7, 8]]), 1)
    assert read.tolist() == [[6, 7]] and label.tolist() == [[7, 8]]


def test_what_one_module_predicts_the_next_one_reads():
    for case in cases(MTP_TARGETS):
        _, label = MTP_TARGETS.oracle(**case)
        read, _ = MTP_TARGETS.oracle(case["tokens"], case["k"] + 1)
        assert torch.equal(read, label[:, :-1])


def test_loss_is_the_library_s():
    for case in cases(MTP_LOSS):
        cut = [rows[:, : rows.shape[1] - k].double() for k, rows in enumerate(case["logits"], 1)]
        expected = case["weight"] * mtp_loss(cut, case["tokens"])
        torch.testing.assert_close(MTP_LOSS.oracle(**case), expected, rtol=1e-10, atol=0)


def test_loss_of_even_guesses_is_short_of_a_full_mean_by_the_positions_without_a_label():
    """All logits 0: each term is ln V, and of D T of them only (T - 1) + ... + (T - D) are there."""
    logits, tokens = torch.zeros(3, 2, 6, 4), torch.zeros(2, 7, dtype=torch.int64)
    expected = torch.tensor(4.0).log().item() * (5 + 4 + 3) / (3 * 6)
    assert MTP_LOSS.oracle(logits, tokens, 1.0).item() == pytest.approx(expected)


# --- one module, and what it teaches


def module(table, hidden, read, projection, block, *, embedding=None):
    pair = [F.rms_norm(x, x.shape[-1:], eps=1e-6) for x in (hidden, (embedding or table.__getitem__)(read))]
    return block(torch.cat(pair, -1) @ projection.T) @ table.T


def test_gradients_of_the_reference_are_those_of_differences():
    case = cases(MTP_LOGITS)[0]
    case |= {name: case[name].double() for name in ("table", "hidden", "projection")}
    _, *gradients = MTP_LOGITS.oracle(*case.values())
    for name, gradient in zip(("table", "hidden"), gradients, strict=True):
        step = torch.zeros_like(case[name])
        step.view(-1)[1] = 1e-6
        up, down = (
            MTP_LOGITS.oracle(*(case | {name: case[name] + s}).values())[0].sum() for s in (step, -step)
        )
        torch.testing.assert_close((up - down) / 2e-6, gradient.view(-1)[1], rtol=1e-5, atol=1e-6)


def test_right_logits_from_a_copy_of_the_embedding_are_refused():
    def copied(table, *others):
        own = torch.nn.Embedding(*table.shape)  # draws numbers, as layers do when they are built
        own.weight.data.copy_(table)
        return module(table, *others, embedding=own)

    assert MTP_LOGITS.judge(module).kind == "correct"
    verdict = MTP_LOGITS.judge(copied)
    assert (verdict.kind, verdict.misconception) == ("wrong value", "embedding not shared")
    assert verdict.lines[0].startswith("table.grad[")


@pytest.mark.parametrize("returned", [None, 3, [1.0], torch.ones(2), torch.ones(1, 2, 3, dtype=torch.int64)])
def test_what_are_no_logits_is_named_by_its_type_or_shape(returned):
    verdict = MTP_LOGITS.judge(lambda *arguments: returned)
    assert verdict.kind in ("wrong type", "wrong shape") and verdict.lines[0].startswith("logits should")


def test_writing_into_the_shared_matrix_is_named():
    def writes(table, hidden, read, projection, block):
        result = module(table, hidden, read, projection, block)
        table.mul_(2)
        return result.detach()

    verdict = MTP_LOGITS.judge(writes)
    assert verdict.kind == "changed its inputs" and "argument table" in verdict.lines[0]


def test_the_stand_in_for_a_block_sees_no_later_position():
    x = torch.randn(1, 4, 2, generator=torch.Generator().manual_seed(0))
    later = x.clone()
    later[:, 2:] += 1
    assert torch.equal(mix_earlier(x)[:, :2], mix_earlier(later)[:, :2])


# --- drafts


def test_what_is_written_is_distributed_as_the_target():
    """The theorem of speculative decoding: draft times the matrix of the rule is the target, exactly."""
    for case in cases(ACCEPT):
        written = case["draft"].double() @ ACCEPT.oracle(**case)
        torch.testing.assert_close(written, case["target"].double(), rtol=0, atol=1e-7)


def test_as_many_drafts_stand_as_the_distributions_have_in_common():
    for case in cases(ACCEPT):
        stand = case["draft"].double() @ ACCEPT.oracle(**case).diag()
        common = torch.minimum(case["draft"], case["target"]).double().sum()
        torch.testing.assert_close(stand, common, rtol=0, atol=1e-7)


def test_rule_is_the_library_s():
    """`accept_draft` asks for two choices: between rejecting and keeping, then among what is missing."""
    for case in cases(ACCEPT):
        q, p, expected = case["draft"].double(), case["target"].double(), ACCEPT.oracle(**case)
        for d in range(len(q)):
            asked = []
            accept_draft(
                [d], q[None], torch.stack([p, p]), lambda weights, asked=asked: asked.append(weights) or 0
            )
            (rejected, kept), missing = asked
            row = F.one_hot(torch.tensor(d), len(q)) * kept
            if rejected > 1e-6:
                row = row + rejected * missing / missing.sum()
            torch.testing.assert_close(row.double(), expected[d], rtol=0, atol=1e-6)


def test_no_best_token_is_left_to_chance():
    for seed in range(300):
        case = ACCEPT.draw(random.Random(seed))
        for weights in (case["target"], case["target"] - case["draft"]):
            first, second = weights.topk(2).values
            assert first - second > 0.05 and first > 0.05


def test_token_that_does_not_exist_is_a_wrong_value():
    def beyond(drafted, draft, target, generator):
        return drafted + 1

    verdict = ACCEPT.judge(beyond)
    assert verdict.kind == "wrong value" and "there are only the tokens 0 to" in verdict.lines[0]


def test_drawing_without_the_generator_is_named():
    def forgets(drafted, draft, target, generator):
        return torch.multinomial(target, len(drafted), replacement=True)

    assert ACCEPT.judge(forgets).kind == "changed the seed"


# --- one step


def plain(model, text, n):
    """Write n tokens one by one, each time from a text read anew."""
    for _ in range(n):
        best = copy.deepcopy(model)(torch.tensor([text]), TinyCache())[0, -1].argmax()
        text = [*text, int(best)]
    return text


def test_reference_writes_what_plain_decoding_writes_and_holds_all_but_the_newest_token():
    for case in cases(SPECULATIVE_STEP):
        written, held, passes = SPECULATIVE_STEP.oracle(**case)
        text = [*case["cache"].tokens, case["last"]]
        assert plain(case["model"], text, len(written)) == [*text, *written.tolist()]
        assert held.tolist() == [*text, *written.tolist()][:-1] and passes == 1


def test_cases_accept_none_some_and_all_drafts():
    left = {len(c["drafted"]) + 1 - len(SPECULATIVE_STEP.oracle(**c)[0]) for c in cases(SPECULATIVE_STEP)}
    assert left >= {0, 1, 2}


def test_tokens_left_in_the_cache_and_spare_passes_are_seen():
    def step(model, cache, last, drafted, forget=True, again=0):
        before = cache.length
        own = model(torch.cat([torch.tensor([last]), drafted])[None], cache)[0].argmax(-1)
        n = int((own[:-1] == drafted).int().cumprod(0).sum())
        if forget:
            cache.rewind(before + 1 + n)
        for _ in range(again):
            model(torch.tensor([[0]]), TinyCache())
        return own[: n + 1]

    assert SPECULATIVE_STEP.judge(step).kind == "correct"
    verdict = SPECULATIVE_STEP.judge(lambda *case: step(*case, forget=False))
    assert verdict.misconception == "cache not rolled back" and "cache.tokens" in verdict.lines[0]
    verdict = SPECULATIVE_STEP.judge(lambda *case: step(*case, again=1))
    assert verdict.lines[0] == "passes is 2, and should be 1"


def test_tiny_model_reads_at_once_as_it_reads_one_by_one_and_depends_on_every_token():
    text, model = [3, 1, 4, 1, 5], TinyModel(6, seed=2)
    at_once = model(torch.tensor([text]), TinyCache())
    cache = TinyCache()
    one_by_one = torch.cat([model(torch.tensor([[token]]), cache) for token in text], 1)
    assert torch.equal(at_once, one_by_one) and model.passes == 6 and cache.tokens == text
    changed = [model(torch.tensor([[*text[:i], 0, *text[i + 1 :]]]), TinyCache())[0, -1] for i in range(5)]
    assert sum(not torch.equal(row, at_once[0, -1]) for row in changed) >= 3  # one in six agrees by chance


def test_tiny_model_names_the_shape_that_it_takes():
    with pytest.raises(ValueError, match=r"shape \(1, new\), and have \(2,\)"):
        TinyModel(5, seed=8)(torch.tensor([1, 2]), TinyCache())


def test_tiny_cache_keeps_the_first_and_refuses_what_it_does_not_hold():
    cache = TinyCache([3, 1, 4])
    cache.rewind(2)
    assert cache.tokens == [3, 1] and cache.length == 2
    with pytest.raises(ValueError, match="holds 2 tokens and cannot be rewound to 3"):
        cache.rewind(3)
    assert eval(repr(cache)).tokens == cache.tokens and repr(TinyModel(5, seed=8)) == "TinyModel(5, seed=8)"


# --- the bill


def test_count_is_that_of_a_transformer_less_its_norms_and_biases():
    for case in cases(COUNT_MODEL)[:5]:
        config = case["config"]
        with torch.device("meta"):
            model = Transformer(config)
        sizes = {n: p.numel() for n, p in model.named_parameters() if p.ndim > 1}
        attention = sum(n for name, n in sizes.items() if ".attention." in name) // config.n_layers
        assert COUNT_MODEL.oracle(config, attention)[0] == sum(sizes.values())


def test_count_of_deepseek_v3_is_the_known_one():
    """671,026,419,200 and 37,552,297,472 with norms and biases, which are left out here."""
    config = ModelConfig.deepseek_v3()
    norms = (2 * config.n_layers + 1) * config.dim
    biases = config.n_routed_experts * len(config.expert_layers)
    total, active = COUNT_MODEL.oracle(config, 187_107_328)
    assert total == 671_026_419_200 - norms - biases
    assert active == 37_552_297_472 - norms - biases


def test_hours_of_deepseek_v3_follow_from_the_utilisation_that_they_imply():
    """6 x 37e9 x 14.8e12 operations in 2,664,000 hours at 989.5 TFLOP/s: 34.6 %, all counted as BF16."""
    v3 = [torch.tensor([x]) for x in (37.0, 14_800.0, 0.0)]
    hours = TRAINING_HOURS.oracle(*v3, 989.5, 0.34622798645)
    torch.testing.assert_close(hours, torch.tensor([2_664_000.0], dtype=torch.float64), rtol=1e-6, atol=0)


def test_hours_and_utilisation_are_the_library_s():
    for case in cases(TRAINING_HOURS):
        flops = cost.rule_of_six(case["active"][0].item() * 1e9, case["tokens"][0].item() * 1e9)
        bf16 = cost.gpu_hours(flops, case["bf16_peak"] * 1e12, case["utilisation"])
        expected = bf16 * (1 - case["fp8_share"][0].item() / 2)
        assert TRAINING_HOURS.oracle(**case)[0].item() == pytest.approx(expected)
    for case in cases(FORECAST):
        n, d, hours, peak = (case[name][0].item() for name in ("active", "tokens", "hours", "peak"))
        expected = cost.utilisation(cost.rule_of_six(n * 1e9, d * 1e9), hours, peak * 1e12)
        assert FORECAST.oracle(**case)[0][0].item() == pytest.approx(expected)


def test_all_in_fp8_takes_half_of_the_hours():
    for case in cases(TRAINING_HOURS):
        none, whole = (torch.full_like(case["fp8_share"], x) for x in (0.0, 1.0))
        bf16, fp8 = (TRAINING_HOURS.oracle(**case | {"fp8_share": x}) for x in (none, whole))
        torch.testing.assert_close(fp8, bf16 / 2)


def test_forecast_of_a_run_does_not_know_its_hours():
    for case in cases(FORECAST):
        longer = case["hours"].clone()
        longer[0] *= 3
        _, before = FORECAST.oracle(**case)
        _, after = FORECAST.oracle(**case | {"hours": longer})
        assert before[0] == after[0] and (before[1:] != after[1:]).all()


def test_where_all_runs_use_their_chips_alike_the_forecast_is_the_truth():
    for case in cases(FORECAST):
        hours = 6e6 * case["active"].double() * case["tokens"] / (0.4 * 3600 * case["peak"])
        utilisation, forecast = FORECAST.oracle(**case | {"hours": hours})
        torch.testing.assert_close(utilisation, torch.full_like(utilisation, 0.4))
        torch.testing.assert_close(forecast, hours)


def test_a_chip_that_is_no_faster_costs_what_its_price_says():
    for case in cases(WHAT_IF):
        now, then = WHAT_IF.oracle(**case | {"faster": 1.0})
        torch.testing.assert_close(then / now, torch.tensor(case["other_price"] / case["price"]).double())
        _, at_best = WHAT_IF.oracle(**case | {"faster": 1e12})
        computing = (case["hours"].double() * (1 - case["share"].double())).sum()
        torch.testing.assert_close(at_best, case["other_price"] * computing, rtol=1e-6, atol=0)
