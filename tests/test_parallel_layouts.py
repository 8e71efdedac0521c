"""One training script in seven layouts: the losses of one process, what each rank holds and sends."""

import functools
import itertools
import json
import math
import os
import shutil
import subprocess
import sys
import time

import pytest
import torch

from lessons_lib.config import ModelConfig
from lessons_lib.corpus import build_corpus
from lessons_lib.model import Transformer, watch_routing
from lessons_lib.parallel.launching import _first_complaint, command, environment, launch
from lessons_lib.parallel.options import arguments, refuse, settings
from lessons_lib.parallel.stage import NAMES, Job, Stage, Whole, stage_shapes
from lessons_lib.runs.randomness import seed_for
from lessons_lib.training.windows import training_batches

OTHERS = NAMES[1:]
CLOSE = 1e-12  # of losses near 4 in float64, whose steps are 9e-16 there


@functools.cache
def together(n=2, seed=0, layouts=NAMES, steps=12, more=()):
    """Return {layout: JSON} of layouts trained in float64 by the same processes, one after the other."""
    options = ["--layout", ",".join(layouts), "--dtype", "float64", "--model", "small", "--seed", str(seed)]
    return {f["layout"]: f for f in launch(*options, "--steps", str(steps), *more, n=n)}


def apart(one, other):
    assert len(one["losses"]) == len(other["losses"]) > 0
    return max(abs(a - b) for a, b in zip(one["losses"], other["losses"], strict=True))


def sent(found, rank, kind, step=5):
    return found["bytes_sent"][rank][step].get(kind, 0)


@pytest.mark.parametrize("name", OTHERS)
def test_a_layout_has_the_losses_of_one_process(name):
    one, other = together()["one"], together()[name]
    assert one["losses"][-1] < one["losses"][0] - 0.1  # something is learned
    assert apart(one, other) < CLOSE
    assert one["loads"] == other["loads"]  # and every token went to the same experts


def test_what_ranks_hold_adds_up_to_the_model():
    found, model = together(), Transformer(settings("small", 1).model)
    numbers = sum(p.numel() for p in model.parameters())
    experts = sum(p.numel() for n, p in model.named_parameters() if ".experts." in n)
    embedding = model.embed.weight.numel()
    assert found["one"]["parameters"] == [numbers] and found["ddp"]["parameters"] == [numbers] * 2
    assert sum(found["fsdp"]["parameters"]) == sum(found["fsdp_ep"]["parameters"]) == numbers
    assert found["ep"]["parameters"] == [numbers - experts // 2] * 2
    assert sum(found["pp"]["parameters"]) == numbers + embedding  # both ends have it
    assert sum(found["dualpipev"]["parameters"]) == numbers  # both ends are one rank's
    for each in found.values():  # two moments of 8 bytes
        assert each["optimizer_bytes"] == [16 * held for held in each["parameters"]]


def travelled(found, rank, model, step=5):
    """Return the bytes of an all-to-all on 2 ranks by the tokens that travelled, in 8-byte numbers."""
    rows, k = found["rows"][rank][step], model.routed.n_activated_experts
    there, back = rows["dispatch"] // 2, rows["combine"] // 2  # each in both passes
    ids, weights = 4 * k * there, 8 * k * (there + back)  # whose gradients come back
    counts = 8 * 3  # of three routers, to the other rank: how many are to come
    return 8 * model.dim * (rows["dispatch"] + rows["combine"]) + ids + weights + counts


def test_tokens_travel_once_for_every_rank_that_has_an_expert_of_theirs():
    """The first step's routing, from one process that has all weights and no layout."""
    config = settings("small", 12)
    torch.manual_seed(seed_for(0, "weights"))
    model = Transformer(config.model).double()
    tokens = training_batches(build_corpus(config.corpus), config, 0)(0)
    half = config.model.routed.n_routed_experts // 2
    for rank, own in enumerate(tokens.chunk(2)):
        with watch_routing(model, mtp=True) as seen:
            Whole(model, 0.3)(own)
        ids = [routing.ids for calls in seen.values() for routing in calls]
        go = sum(int(((i // half) != rank).any(-1).sum()) for i in ids)
        assert go > 0 and len(ids) == 3
        for name in ("ep", "fsdp_ep"):
            assert together()[name]["rows"][rank][0]["dispatch"] == 2 * go
            assert together()[name]["rows"][1 - rank][0]["combine"] == 2 * go


def test_the_post_is_what_arithmetic_says():
    found, config = together(), settings("small", 1)
    numbers, n_loads = found["one"]["parameters"][0], 8 * 16 * 3  # int64 counts, experts, routers
    few = 8 + 8  # the length of the gradient, and the loss
    assert found["one"]["bytes_sent"][0][5] == {}
    for rank in range(2):
        # half of twice: with 2 ranks an all-reduce sends the tensor once
        assert sent(found["ddp"], rank, "all_reduce") == 8 * numbers + few + n_loads
        assert sent(found["fsdp"], rank, "reduce_scatter") == 8 * numbers // 2
        # slices come twice: for the forward, and again for the backward but for what is kept
        assert 8 * numbers // 2 <= sent(found["fsdp"], rank, "all_gather") <= 8 * numbers
        stream = 8 * config.batch_size * config.length * config.model.dim
        assert sent(found["pp"], rank, "send") == stream  # there, or back
        assert sent(found["pp"], rank, "all_reduce") == few + 8 * config.model.vocab_size * config.model.dim
        assert sent(found["dualpipev"], rank, "send") in (stream, 2 * stream)
        experts = sum(p.numel() for n, p in Transformer(config.model).named_parameters() if ".experts." in n)
        assert sent(found["ep"], rank, "all_reduce") == 8 * (numbers - experts) + few + n_loads
        assert sent(found["fsdp_ep"], rank, "reduce_scatter") == 8 * (numbers - experts) // 2
        slices = sent(found["fsdp"], rank, "all_gather") - sent(found["fsdp_ep"], rank, "all_gather")
        assert slices == 2 * 8 * experts // 2  # fetched twice, and here not at all
        for name in ("ep", "fsdp_ep"):
            assert sent(found[name], rank, "all_to_all") == travelled(found[name], rank, config.model)
    # the V turns on rank 1: rank 0 hands on once and sends gradients back once, so does rank 1
    assert sum(sent(found["dualpipev"], r, "send") for r in range(2)) == 4 * stream


@pytest.mark.deep
@pytest.mark.skipif(not shutil.which("unshare"), reason="no loopback device of one's own")
def test_what_is_counted_is_what_the_loopback_device_sends(tmp_path):
    """In a network of its own, where nobody else sends; gloo's reduce-scatter costs an all-reduce there."""
    options = ["--layout", ",".join(OTHERS), "--steps", "6", "--json", str(tmp_path / "found.json")]
    alone = ["unshare", "--map-root-user", "--net", "sh", "-c", 'ip link set lo up && exec "$0" "$@"']
    line = [*alone, *command(2), *options]
    done = subprocess.run(line, env=environment(), capture_output=True, text=True, timeout=600)
    if "unshare" in done.stderr or "ip:" in done.stderr:
        pytest.skip(done.stderr.strip()[-200:])
    assert done.returncode == 0, done.stderr[-2000:]
    for found in json.loads((tmp_path / "found.json").read_text()):
        steps = range(1, 6)  # at the first, connections are made
        wire = sum(found["loopback"][step] for step in steps)
        kinds = [found["bytes_sent"][rank][step] for rank in range(2) for step in steps]
        counted = sum(sum(k.values()) + k.get("reduce_scatter", 0) for k in kinds)
        print(f"{found['layout']}: {wire / counted:.4f} of what is counted")
        assert 1 <= wire / counted < 1.03, found["layout"]


def test_biases_by_each_ranks_own_counts_are_noticed():
    whole, own = together(), together(layouts=("one", "ddp"), more=("--own-counts",))
    assert apart(whole["one"], own["one"]) == 0  # one process has no others' counts
    assert apart(whole["one"], own["ddp"]) > 1e-6


def test_a_stage_has_its_layers_and_all_stages_have_the_model():
    model = Transformer(ModelConfig.mini())
    for n in (1, 2, 3, 4):
        stages = [Stage(model, i, n) for i in range(n)]
        layers = list(itertools.chain.from_iterable(stage.layers for stage in stages))
        assert layers == ["0", "1", "2"]
        held = {id(p) for stage in stages for p in stage.parameters()}
        assert held == {id(p) for p in model.parameters()}
        tokens = torch.randint(106, (2, 11))
        x = tokens[:, :-1]
        for stage in stages:
            x = stage(x, tokens) if stage.last else stage(x)
        for ours, theirs in zip(x, model.all_logits(tokens[:, :-1]), strict=True):
            torch.testing.assert_close(ours, theirs)


def test_shapes_handed_to_torch_are_those_of_a_micro_batch():
    model = Transformer(ModelConfig.mini())
    first, last = Stage(model, 0, 2), Stage(model, 1, 2)
    job = Job(model.config, 16, 96, 0.3, 4)
    assert stage_shapes(first, job)["input_args"].shape == (4, 96)
    assert stage_shapes(first, job)["output_args"].shape == (4, 96, 96)
    assert [o.shape[1] for o in stage_shapes(last, job)["output_args"]] == [96, 95]


def test_the_loss_is_of_the_main_head_and_what_is_learned_from_has_mtp():
    model = Transformer(ModelConfig.mini())
    tokens = torch.randint(106, (2, 11))
    (with_mtp, main), (without, same) = Whole(model, 0.3)(tokens), Whole(model, 0.0)(tokens)
    assert main == same == without and with_mtp > main and not main.requires_grad


REFUSED = {
    "one process": ("ddp", 1, 4, "ddp wants 2 processes or more, and there is 1"),
    "too few layers": ("dualpipev", 4, 8, "dualpipev on 4 processes has 8 stages, the model 4 layers"),
    "too few micro-batches": ("dualpipev", 2, 2, "dualpipev with 4 stages wants as many micro-batches"),
    "uneven micro-batches": ("pp", 2, 3, "divides the 16 texts; got 3"),
    "uneven texts": ("fsdp", 3, 4, "16 texts can't be shared evenly by 3 processes"),
    "experts": ("ep", 32, 4, "16 texts can't be shared evenly by 32"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_layout_that_cannot_be_is_refused_in_one_sentence(case):
    name, world, micro, sentence = REFUSED[case]
    with pytest.raises(ValueError, match=sentence):
        refuse(name, settings("mini", 1), world, micro)
    refuse(name, settings("mini", 1), 2, 4)  # and not where it can be


def test_a_refusal_comes_back_to_the_notebook_as_its_sentence():
    with pytest.raises(RuntimeError, match="^pretrain: ddp wants 2 processes or more"):
        launch("--layout", "ddp", n=1)


def test_another_job_of_the_same_processes_begins_at_then():
    first, second = arguments(["--layout", "one,ddp", "--steps", "3", "--then", "--own-counts"])
    assert (first.layout, first.steps, first.own_counts) == (["one", "ddp"], 3, False)
    assert (second.layout, second.steps, second.own_counts) == (["one"], 20, True)


def test_a_lost_connection_is_an_echo_and_who_complains_is_named():
    log = "[rank1]: RuntimeError: Connection closed by peer\n[rank0]: TimeoutError: rank 0 waited in vain\n"
    assert _first_complaint(log) == "TimeoutError: rank 0 waited in vain"
    assert _first_complaint("nothing of ours") == "a rank ended without a word, as if killed"


def ranks_of(process):
    """Return the processes of the program that a torchrun has started."""
    text = subprocess.run(["ps", "-eo", "pid,ppid"], capture_output=True, text=True, timeout=60).stdout
    return [
        int(p) for p, parent in (line.split() for line in text.splitlines()[1:]) if int(parent) == process
    ]


CALLER = """
import signal

from lessons_lib.parallel.launching import launch
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell in the background has it ignored
launch("--layout", "ddp", "--steps", "100000", "--model", "small")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals")
def test_the_stop_button_ends_all_ranks_within_five_seconds():
    caller = subprocess.Popen([sys.executable, "-c", CALLER], env=environment(), stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not (
        ranks := [r for t in ranks_of(caller.pid) for r in ranks_of(t)]
    ):
        time.sleep(0.2)
    time.sleep(1)
    assert len(ranks := [r for t in ranks_of(caller.pid) for r in ranks_of(t)]) == 2
    caller.send_signal(2)  # what the stop button sends
    start = time.monotonic()
    caller.wait(30)
    while any(os.path.exists(f"/proc/{rank}") for rank in ranks) and time.monotonic() < start + 30:
        time.sleep(0.1)
    assert time.monotonic() - start < 5


def test_torchrun_is_started_on_this_machine_alone_with_one_thread_a_process():
    assert "--standalone" in command(2) and "--local-addr=127.0.0.1" in command(2)
    assert environment()["OMP_NUM_THREADS"] == environment()["TORCH_DISABLE_SHARE_RDZV_TCP_STORE"] == "1"


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n", [2, 4])
def test_layouts_processes_and_seeds(n, seed):
    layouts = NAMES if n == 2 else NAMES[:-1]  # 8 stages are more than the model has layers
    found = together(n=n, seed=seed, layouts=layouts, steps=20)
    for name in layouts[1:]:
        assert apart(found["one"], found[name]) < CLOSE, name
        assert found["one"]["loads"] == found[name]["loads"], name


@pytest.mark.deep
@pytest.mark.parametrize("before", NAMES)
def test_a_checkpoint_goes_on_under_every_layout(before, tmp_path):
    whole = together(steps=20)["one"]
    shared = ["--dtype", "float64", "--model", "small", "--steps", "20", "--checkpoint", str(tmp_path)]
    goes_on = [word for after in NAMES for word in ("--then", "--layout", after, *shared)]
    for found in launch("--layout", before, "--stop", "10", "--every", "10", *shared, *goes_on)[1:]:
        assert found["begin"] == 10
        assert apart({"losses": whole["losses"][10:]}, found) < CLOSE, found["layout"]


@pytest.mark.deep
@pytest.mark.skipif(sys.platform == "win32", reason="no such signal")
@pytest.mark.parametrize("again", range(5))
def test_a_killed_rank_and_all_go_on_from_the_checkpoint(again, tmp_path):
    whole = together(steps=20)["one"]
    shared = ["--dtype", "float64", "--model", "small", "--steps", "20", "--every", "10"]
    (found,) = launch(
        "--layout", "fsdp", *shared, "--checkpoint", str(tmp_path), "--die-at", "13", restarts=1
    )
    assert found["begin"] == 10 and math.isclose(found["losses"][-1], whole["losses"][-1], abs_tol=CLOSE)
