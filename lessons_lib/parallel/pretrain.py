"""Train the mini-DeepSeek under one layout, or several in turn: the course's script for many GPUs.

    python -m lessons_lib.parallel.pretrain --steps 20
    torchrun --standalone --nproc_per_node=2 -m lessons_lib.parallel.pretrain --layout ddp,fsdp --json FILE

Layouts but `one` want two processes or more; on two, `one` is trained by rank 0 alone. gloo on a processor,
NCCL where every process has a GPU of its own. `--then` and more options: another job of the same processes.
The JSON of one layout is an object, of several a list of them:
  layout, dtype, seed, world_size, torch
  losses            of every step, main loss in nats
  parameters        held by each rank, numbers; optimizer_bytes: Adam's moments
  bytes_sent        of each rank and step, {kind of call: bytes} (counted by `post.py`)
  rows              of each rank and step, tokens to experts elsewhere (dispatch) and back (combine)
  loopback          of each step, bytes that the machine sent to itself meanwhile, or null
  seconds           of each step, on rank 0
  loads             of each step, {layer: tokens of each expert in the whole batch}
A killed rank: `torchrun --max-restarts=1` and `--checkpoint FOLDER --every 10`, with the environment's
TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1, since torchrun else gives the new round the old one's addresses.
"""

import argparse
import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch.distributed.tensor import DTensor

from lessons_lib.config import ModelConfig
from lessons_lib.corpus import build_corpus
from lessons_lib.model import Transformer
from lessons_lib.parallel.keeping import keep, resume
from lessons_lib.parallel.layouts import Layout
from lessons_lib.parallel.options import DTYPES, arguments, refuse, settings
from lessons_lib.parallel.post import Post, loopback
from lessons_lib.parallel.stage import Job, Name, local
from lessons_lib.runs.randomness import seed_for
from lessons_lib.training.optimizer import learning_rate, make_optimizer, set_learning_rate
from lessons_lib.training.windows import training_batches

OF_RANKS = ("parameters", "optimizer_bytes", "bytes_sent", "rows")
OF_STEPS = ("losses", "bytes_sent", "rows", "seconds", "loopback")


def train_layout(name: Name, dtype: str, args: argparse.Namespace, device: torch.device) -> dict[str, Any]:
    """Train `args.steps` steps and return what this rank has to tell; see the module's docstring."""
    config = settings(args.model, args.steps)
    assert isinstance(config.model, ModelConfig)
    job = Job(config.model, config.batch_size, config.length, config.mtp_weight, args.micro, args.own_counts)
    torch.manual_seed(seed_for(args.seed, "weights"))
    model = Transformer(config.model).to(device, DTYPES[dtype])
    layout = Layout(name, job, model, device)
    optimizer = make_optimizer(layout.held, config)
    for group in list(optimizer.param_groups):  # the fused step takes one kind of tensor at a time
        kinds = [[p for p in group["params"] if isinstance(p, DTensor) is kind] for kind in (False, True)]
        if all(kinds):
            group["params"] = kinds[0]
            optimizer.add_param_group(group | {"params": kinds[1]})
    batch = training_batches(build_corpus(config.corpus), config, args.seed)
    begin = resume(layout, optimizer, args.checkpoint) if args.checkpoint else 0
    told: dict[str, Any] = {name: [] for name in (*OF_STEPS, "loads")} | {"begin": begin}
    for step in range(begin, min(args.steps, args.stop)):
        first_life = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") == "0"
        if step == args.die_at and first_life and layout.rank == layout.world - 1:
            os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
        tokens, start, on_wire = batch(step).to(device), time.perf_counter(), loopback()
        with Post() as post, _told_in_a_sentence(post, layout, step):
            optimizer.zero_grad()
            told["losses"].append(layout.backward(tokens))
            layout.clip(config.optimizer.grad_clip)
            set_learning_rate(optimizer, learning_rate(step, config))
            optimizer.step()
            told["loads"].append(layout.rebalance(config.bias_update_speed))
        told["seconds"].append(time.perf_counter() - start)
        told["bytes_sent"].append(dict(post.sent))
        told["rows"].append(dict(layout.level.rows))
        layout.level.rows.clear()
        told["loopback"].append(None if on_wire is None else (loopback() or 0) - on_wire)
        if args.checkpoint and args.every and (step + 1) % args.every == 0:
            keep(layout, optimizer, args.checkpoint, step + 1)
    moments = [t for s in optimizer.state.values() for t in s.values() if t.ndim]
    told["parameters"] = sum(local(p).numel() for p in layout.held.parameters())
    told["optimizer_bytes"] = sum(local(t).numel() * t.element_size() for t in moments)
    return told


@contextlib.contextmanager
def _told_in_a_sentence(post: Post, layout: Layout, step: int) -> Iterator[None]:
    """Turn the error of who waited too long for another rank into a sentence with rank and call."""
    try:
        yield
    except RuntimeError as error:
        if "Timed out" not in str(error) and "timeout" not in str(error).lower():
            raise
        raise TimeoutError(f"rank {layout.rank} waited in vain in {post.last}, step {step}") from error


def report(name: str, dtype: str, args: argparse.Namespace, told: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the JSON of a layout from what its ranks have told."""
    first = told[0]
    loads = [{k: v for rank in told for k, v in rank["loads"][i].items()} for i in range(len(first["loads"]))]
    return {
        "layout": name,
        "dtype": dtype,
        "seed": args.seed,
        "world_size": len(told),
        "torch": torch.__version__,
        "begin": first["begin"],
        "loads": loads,
        **{name: first[name] for name in ("losses", "seconds", "loopback")},
        **{name: [rank[name] for rank in told] for name in OF_RANKS},
    }


def main() -> None:
    """Join the other processes, if there are any; train; write what the ranks tell."""
    jobs = arguments(sys.argv[1:])
    runs = [(job, name, dtype) for job in jobs for name in job.layout for dtype in job.dtype]
    rank, world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    try:
        for args, name, _ in runs:
            refuse(name, settings(args.model, args.steps), world, args.micro)
    except ValueError as error:
        sys.exit(f"pretrain: {error}" if rank == 0 else 2)
    torch.set_num_threads(1)
    local_rank, on_gpu = int(os.environ.get("LOCAL_RANK", 0)), torch.cuda.device_count() >= world
    device = torch.device("cuda", local_rank) if on_gpu else torch.device("cpu")
    if on_gpu:
        torch.cuda.set_device(device)
    if world > 1:
        threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
        limit = timedelta(seconds=max(job.patience for job in jobs))
        dist.init_process_group("nccl" if on_gpu else "gloo", timeout=limit)
    found = []
    for args, name, dtype in runs:
        alone = world == 1 or name == "one"
        told = train_layout(name, dtype, args, device) if rank == 0 or not alone else {}
        every: list[Any] = [told]
        if world > 1:
            every = [None] * world
            dist.all_gather_object(every, told)
        found.append(report(name, dtype, args, every[:1] if alone else every))
        if rank == 0:
            losses, broken = found[-1]["losses"], ", biases by own counts" * args.own_counts
            told_of = f"{name} {dtype} on {world}{broken}"
            print(f"{told_of}: {len(losses)} steps, last loss ≈{losses[-1]:.4f}", flush=True)
    for job in jobs if rank == 0 else ():
        if job.json:
            job.json.write_text(json.dumps(found if len(found) > 1 else found[0]))
    if world > 1:
        dist.destroy_process_group()


def _end_with(parent: int) -> None:
    """End this process when torchrun is gone, even in the middle of a message that will never come."""
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)


if __name__ == "__main__":
    main()
