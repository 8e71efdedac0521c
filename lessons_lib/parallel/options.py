"""The command line of `pretrain.py`: what may be asked for, and what so many processes can't have."""

import argparse
import dataclasses
from pathlib import Path
from typing import Any

import torch

from lessons_lib.config import CorpusConfig, ModelConfig, OptimizerConfig, TrainConfig
from lessons_lib.parallel.stage import NAMES

DTYPES = {"float32": torch.float32, "float64": torch.float64}
SMALL: dict[str, Any] = {"dim": 32, "inter_dim": 64, "q_lora_rank": 16, "kv_lora_rank": 16, "n_heads": 2}
SMALL |= {"moe_inter_dim": 16, "qk_nope_head_dim": 8, "qk_rope_head_dim": 8, "v_head_dim": 8}


def settings(size: str, steps: int) -> TrainConfig:
    """Return how the mini model is trained, or for tests a narrower one on shorter texts."""
    model = ModelConfig.mini()
    shape: dict[str, Any] = {"batch_size": 16, "length": 96}
    if size == "small":
        model = dataclasses.replace(model, **SMALL)
        shape = {"batch_size": 8, "length": 24}
    optimizer = OptimizerConfig(learning_rate=4e-3, warmup_steps=5)
    return TrainConfig(
        model, CorpusConfig(), steps, optimizer=optimizer, bias_update_speed=3e-3, mtp_weight=0.3, **shape
    )


def refuse(name: str, config: TrainConfig, world: int, micro_batches: int) -> None:
    """Raise ValueError, with the numbers, for a layout that so many processes can't have."""
    assert isinstance(config.model, ModelConfig)
    units, experts = config.model.n_layers + 1, config.model.routed.n_routed_experts
    if name != "one" and world < 2:
        raise ValueError(f"{name} wants 2 processes or more, and there is 1: start it by torchrun")
    if name in ("pp", "dualpipev"):
        stages = world * (2 if name == "dualpipev" else 1)
        if stages > units:
            raise ValueError(f"{name} on {world} processes has {stages} stages, the model {units} layers")
        if config.batch_size % micro_batches or micro_batches < stages:
            raise ValueError(
                f"{name} with {stages} stages wants as many micro-batches or more, and a number that divides "
                f"the {config.batch_size} texts; got {micro_batches}"
            )
    elif name != "one" and config.batch_size % world:
        raise ValueError(f"{config.batch_size} texts can't be shared evenly by {world} processes")
    if name in ("ep", "fsdp_ep") and (experts % world or (name == "fsdp_ep" and world % 2)):
        raise ValueError(f"{name} can't spread {experts} experts over {world} processes")


def arguments(given: list[str]) -> list[argparse.Namespace]:
    """Return what the command line asks for; `--then` begins another job of the same processes."""
    ends = [i for i, word in enumerate(given) if word == "--then"]
    pieces = zip([-1, *ends], [*ends, len(given)], strict=True)
    return [_one_job(given[begin + 1 : end]) for begin, end in pieces]


def _one_job(given: list[str]) -> argparse.Namespace:
    """Return one job's options; layouts and types may be several, with commas between."""
    parser = argparse.ArgumentParser(prog="python -m lessons_lib.parallel.pretrain")
    add = parser.add_argument
    add("--layout", default="one", help=f"{', '.join(NAMES)}; several with commas between")
    add("--dtype", default="float32", help="float32 or float64, or both with a comma between")
    add("--steps", type=int, default=20)
    add("--seed", type=int, default=0)
    add("--json", type=Path, help="file to write; else the losses are printed")
    add("--model", choices=["mini", "small"], default="mini")
    add("--micro", type=int, default=4, help="micro-batches of a pipeline")
    add("--checkpoint", type=Path, help="folder; training goes on from what is there")
    add("--every", type=int, default=0, help="steps between checkpoints; 0: none is written")
    add("--stop", type=int, default=10**9, help="end before this step, of the --steps that set the rate")
    add("--patience", type=float, default=60.0, help="seconds after which waiting for a rank is an error")
    add("--own-counts", action="store_true", help="broken on purpose: biases by each rank's own texts")
    add("--die-at", type=int, default=-1, help="the last rank kills itself before this step, once")
    args = parser.parse_args(given)
    args.layout, args.dtype = args.layout.split(","), args.dtype.split(",")
    for asked, known in ((args.layout, NAMES), (args.dtype, DTYPES)):
        for name in asked:
            if name not in known:
                parser.error(f"there are {', '.join(known)}; got {name!r}")
    return args
