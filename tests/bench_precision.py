"""What does emulating 8 bits cost? A training step beside FP32's, and tiles beside the memory.

training step  the whole step (forward, backward, clip, AdamW) of lesson 10's model, its products in
               FP32, in emulated BF16 and by FP8 recipes, taking turns: at most 2.5 times FP32's;
tiles          bytes of FP32 that `quantize_tiles` reads a second: at least 200 MB;
rounding       one number, by the plain form, the fast form and torch's own type there and back.
"""

import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lessons_lib.config import CorpusConfig, ModelConfig, TrainConfig
from lessons_lib.corpus import build_corpus
from lessons_lib.model import Transformer
from lessons_lib.precision import (
    BF16_OPERANDS,
    E4M3,
    PER_TENSOR,
    UNSCALED,
    cast_fast,
    cast_to,
    quantize_tiles,
    quantized_linear,
    tiles_of,
)
from lessons_lib.training.optimizer import make_optimizer

BATCH, LENGTH = 16, 64  # 1,024 tokens a step
MOST, LEAST_MB = 2.5, 200
LAYERS = {
    "FP32": nn.Linear,
    "BF16, emulated": quantized_linear(BF16_OPERANDS),
    "FP8, tiles of 32": quantized_linear(tiles_of(32)),
    "FP8, tiles of 128": quantized_linear(tiles_of(128)),
    "FP8, per tensor": quantized_linear(PER_TENSOR),
    "FP8, unscaled": quantized_linear(UNSCALED),
}


def trainer(linear: type[nn.Module], config: TrainConfig, batches: list[Tensor]) -> Callable[[], None]:
    """Return a function that takes one whole training step with products by `linear`."""
    torch.manual_seed(0)
    model = Transformer(config.model, linear=linear)
    optimizer = make_optimizer(model, config)
    turn = 0

    def step() -> None:
        nonlocal turn
        tokens = batches[turn % len(batches)]
        turn += 1
        loss = F.cross_entropy(model(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), config.optimizer.grad_clip)
        optimizer.step()

    return step


def seconds_of(call: Callable, repeats: int) -> float:
    """Return the seconds of one call, averaged over `repeats`."""
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - start) / repeats


def bench_steps(rounds: int) -> bool:
    """Print one row for each kind of product; return whether all are quick enough."""
    corpus_config = CorpusConfig("languages")
    corpus = build_corpus(corpus_config)
    model = ModelConfig(corpus.vocab_size, dim=128, n_layers=2, n_heads=4)
    config = TrainConfig(model, corpus_config, steps=1, batch_size=BATCH, length=LENGTH)
    generator = torch.Generator().manual_seed(0)
    batches = [corpus.batch(BATCH, LENGTH, generator)[0] for _ in range(8)]
    steps = {name: trainer(linear, config, batches) for name, linear in LAYERS.items()}
    seconds = {name: [] for name in steps}
    for turn in range(-1, rounds):  # round -1 warms up; the order turns round every time
        for name in sorted(steps, reverse=bool(turn % 2)):
            took = seconds_of(steps[name], 4)
            if turn >= 0:
                seconds[name].append(took)
    print(f"\na training step of dim 128, 2 layers, {BATCH * LENGTH:,} tokens, one thread")
    print(f"{'products in':<22}{'ms a step':>12}{'of FP32':>12}   {'range':<14}{'at most':>8}")
    good = True
    for name, took in seconds.items():
        ratios = sorted(b / a for a, b in zip(seconds["FP32"], took))
        ratio = statistics.median(ratios)
        good &= ratio <= MOST
        spread, verdict = f"{ratios[0]:.2f} to {ratios[-1]:.2f}", "ok" if ratio <= MOST else "TOO SLOW"
        median = 1e3 * statistics.median(took)
        print(f"{name:<22}{median:>12.1f}{ratio:>12.2f}   {spread:<14}{MOST:>8.1f}   {verdict}", flush=True)
    return good


def bench_tiles(rounds: int) -> bool:
    """Print the megabytes that are quantised a second; return whether all are enough."""
    print(f"\n{'quantize_tiles':<22}{'MB/s':>12}{'at least':>12}")
    good = True
    for shape, tile in (((1024, 1024), (1, 128)), ((1024, 1024), (128, 128)), ((1000, 344), (1, 128))):
        x = torch.randn(*shape, generator=torch.Generator().manual_seed(0))
        took = statistics.median(
            seconds_of(lambda x=x, t=tile: quantize_tiles(x, t), 2) for _ in range(rounds)
        )
        speed = x.numel() * 4 / took / 1e6
        good &= speed >= LEAST_MB
        label = f"{shape[0]} x {shape[1]}, {tile[0]} x {tile[1]}"
        print(f"{label:<22}{speed:>12,.0f}{LEAST_MB:>12}   {'ok' if speed >= LEAST_MB else 'TOO SLOW'}")
    return good


def bench_rounding(rounds: int) -> None:
    """Print the nanoseconds that one number takes to be rounded to E4M3."""
    x = torch.randn(1024, 128, generator=torch.Generator().manual_seed(0))
    forms = {
        "plain": lambda: cast_to(x, E4M3),
        "fast": lambda: cast_fast(x, E4M3),
        "torch's type": lambda: x.clamp(-E4M3.largest, E4M3.largest).to(E4M3.dtype).float(),
    }
    print(f"\n{'rounding to E4M3':<22}{'ns each':>12}")
    for name, form in forms.items():
        took = statistics.median(seconds_of(form, 4) for _ in range(rounds))
        print(f"{name:<22}{took / x.numel() * 1e9:>12.1f}")


def run(rounds: int) -> bool:
    """Print all three tables; return whether the step and the tiles are quick enough."""
    good = bench_steps(rounds) & bench_tiles(rounds)
    bench_rounding(rounds)
    return good


if __name__ == "__main__":
    torch.set_num_threads(1)
    run(9)
