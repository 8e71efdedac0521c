"""Train the mini-DeepSeek under one layout, or several in turn: the course's script for many GPUs.

    python -m lessons_lib.parallel.pretrain --steps 20
    torchrun --standalone --nproc_per_node=2 -m lessons_lib.parallel.pretrain --layout ddp,fsdp --json FILE

Layouts but `one` want two processes or more; on two, `one` is trained by rank 0 alone. gloo on a processor,
NCCL where every process has a GPU of its own. The JSON of one layout is an object, of several a list of them:
  layout, dtype, seed, world_size, torch
  losses            of every step, main loss in nats
  parameters        held by each rank, numbers; optimizer_bytes: Adam's moments
  bytes_sent        of each rank and step, {kind of call: bytes} (counted by `post.py`)
  seconds           of each step, on rank 0
  loads             of each step, {layer: tokens of each expert in the whole batch}
A killed rank: `torchrun --max-restarts=1` and `--checkpoint FOLDER --every 10`, with the environment's
TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1, since torchrun else gives the new round the old one's addresses.
"""

import argparse
import contextlib
import itertools
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
from lessons_lib.parallel.post import Post
from lessons_lib.parallel.stage import Job, Name, local
from lessons_lib.runs.randomness import seed_for
from lessons_lib.training.optimizer import learning_rate, make_optimizer, set_learning_rate
from lessons_lib.training.windows import training_batches


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
    told: dict[str, Any] = {"losses": [], "bytes_sent": [], "seconds": [], "loads": [], "begin": begin}
    for step in range(begin, min(args.steps, args.stop)):
        first_life = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") == "0"
        if step == args.die_at and first_life and layout.rank == layout.world - 1:
            os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
        tokens, start = batch(step).to(device), time.perf_counter()
        with Post() as post, _told_in_a_sentence(post, layout, step):
            optimizer.zero_grad()
            told["losses"].append(layout.backward(tokens))
            layout.clip(config.optimizer.grad_clip)
            set_learning_rate(optimizer, learning_rate(step, config))
            optimizer.step()
            told["loads"].append(layout.rebalance(config.bias_update_speed))
        told["seconds"].append(time.perf_counter() - start)
        told["bytes_sent"].append(dict(post.sent))
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
        "losses": first["losses"],
        "parameters": [rank["parameters"] for rank in told],
        "optimizer_bytes": [rank["optimizer_bytes"] for rank in told],
        "bytes_sent": [rank["bytes_sent"] for rank in told],
        "seconds": first["seconds"],
        "loads": loads,
    }


def main() -> None:
    """Join the other processes, if there are any; train; write what the ranks tell."""
    args = arguments()
    rank, world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    try:
        for name in args.layout:
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
        limit = timedelta(seconds=args.patience)
        dist.init_process_group("nccl" if on_gpu else "gloo", timeout=limit)
    found = []
    for name, dtype in itertools.product(args.layout, args.dtype):
        alone = world == 1 or name == "one"
        told = train_layout(name, dtype, args, device) if rank == 0 or not alone else {}
        every: list[Any] = [told]
        if world > 1:
            every = [None] * world
            dist.all_gather_object(every, told)
        found.append(report(name, dtype, args, every[:1] if alone else every))
        if rank == 0:
            losses = found[-1]["losses"]
            print(f"{name} {dtype} on {world}: {len(losses)} steps, last loss ≈{losses[-1]:.4f}", flush=True)
    if rank == 0 and args.json:
        args.json.write_text(json.dumps(found if len(found) > 1 else found[0]))
    if world > 1:
        dist.destroy_process_group()


def _end_with(parent: int) -> None:
    """End this process when torchrun is gone, even in the middle of a message that will never come."""
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)


if __name__ == "__main__":
    main()
