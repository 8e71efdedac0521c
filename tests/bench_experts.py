"""How fast do experts train: our sorted form beside our loop, and whole models beside `transformers`?

  layer       forward and backward of one layer with 64 experts, as in lesson 06: the sorted form at least
              1.5 times as fast as the loop over experts;
  model       a whole training step (forward, backward, clip, AdamW) on the same weights as a
              `DeepseekV3ForCausalLM`, for each of its expert kernels that can keep up: at most 1.05 times
              as long. `batched_mm` copies a matrix for every choice and is shown on 64 tokens only;
  dispatch    the sorted form through the library's dispatch, in a group of one process that sends to
              itself: at least half of its speed without;
  statistics  what the training loop and lesson 06 gather of a step's routing: at most 5 % of the step.

One process, one thread, taking turns; medians of the rounds' ratios.
"""

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from lessons_lib.config import CorpusConfig, ModelConfig, TrainConfig
from lessons_lib.interop import from_hf
from lessons_lib.model import (
    MoE,
    Transformer,
    expert_by_domain,
    load_entropy,
    maximum_violation,
    mutual_information,
    watch_routing,
)
from lessons_lib.parallel import Dispatch, Level, run_processes
from lessons_lib.training.balancing import rebalance

LAYERS = {"64 of 32, 8 each": (128, 32, 8), "64 of 24, 4 each": (96, 24, 4)}  # dim, width, per token
TOKENS = 16 * 96
BATCH, LENGTH, VOCABULARY = 8, 128, 1024
LOWEST = {"layer": 1.5, "model": 1 / 1.05, "dispatch": 0.5}
MOST_GATHERING = 0.05


class Logits(nn.Module):
    """A model of `transformers`, called as ours are."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor) -> Tensor:
        return self.model(tokens, use_cache=False).logits


def layer_step(moe: MoE, x: Tensor) -> Callable[[], None]:
    """Return a function that computes a layer's answer and all of its gradients."""

    def step() -> None:
        moe.zero_grad(set_to_none=True)
        moe(x).square().mean().backward()

    return step


def layer_pair(dim: int, width: int, k: int) -> tuple[Callable, Callable]:
    """Return steps of two equal layers of 64 experts: sorted, and as a loop."""
    config = ModelConfig(
        2, dim, 1, 4, n_routed_experts=64, n_activated_experts=k, moe_inter_dim=width, n_shared_experts=1
    )
    x = torch.randn(TOKENS, dim, generator=torch.Generator().manual_seed(0), requires_grad=True)
    steps = []
    for form in ("grouped", "loop"):
        torch.manual_seed(0)
        steps.append(layer_step(MoE(config, form=form), x))
    return tuple(steps)


def dispatch_seconds(rounds: int) -> tuple[list[float], list[float]]:
    """Time a layer through dispatch, and without, in turn; `run_processes` calls it in a process."""
    steps, seconds = [], ([], [])
    x = torch.randn(TOKENS, 128, generator=torch.Generator().manual_seed(0), requires_grad=True)
    for form in (Dispatch([Level()]), "grouped"):
        config = ModelConfig(2, 128, 1, 4, n_routed_experts=64, n_activated_experts=8, moe_inter_dim=32)
        steps.append(layer_step(MoE(config, form=form), x))
    for _ in range(5 * rounds + 1):
        for step, taken in zip(steps, seconds):
            start = time.perf_counter()
            step()
            taken.append(time.perf_counter() - start)
    return seconds[0][1:], seconds[1][1:]


def build_theirs(kernel: str, **settings):
    """Return a random model of `transformers` of some 10 million parameters, with experts from layer 1 on.

    `settings` stand in for those of its configuration.
    """
    from transformers import DeepseekV3Config, DeepseekV3ForCausalLM

    torch.manual_seed(0)
    shape = dict(
        vocab_size=VOCABULARY,
        hidden_size=256,
        intermediate_size=512,
        num_hidden_layers=6,
        first_k_dense_replace=1,
        num_attention_heads=8,
        num_key_value_heads=8,
        kv_lora_rank=64,
        q_lora_rank=96,
        qk_nope_head_dim=32,
        qk_rope_head_dim=16,
        v_head_dim=32,
        n_routed_experts=16,
        num_experts_per_tok=4,
        n_shared_experts=1,
        moe_intermediate_size=128,
        n_group=1,
        topk_group=1,
        max_position_embeddings=LENGTH,
        bos_token_id=None,
        eos_token_id=None,
    )
    theirs = DeepseekV3ForCausalLM(DeepseekV3Config(**shape | settings))
    theirs.set_experts_implementation(kernel)
    return theirs


def model_pair(trainer: Callable, kernel: str, batch: int, length: int) -> tuple[Callable, Callable]:
    """Return training steps of our model and theirs, on the same weights and the same tokens."""
    theirs = build_theirs(kernel).train()
    ours = from_hf(theirs.state_dict(), theirs.config).train()
    generator = torch.Generator().manual_seed(1)
    batches = [torch.randint(VOCABULARY, (batch, length + 1), generator=generator) for _ in range(4)]
    with torch.no_grad():
        apart = (ours(batches[0][:, :-1]) - Logits(theirs)(batches[0][:, :-1])).abs().max().item()
    assert apart < 1e-3, f"the two models differ by {apart}"
    config = TrainConfig(ours.config, CorpusConfig(), steps=1, length=length, batch_size=batch)
    return trainer(ours, config, batches), trainer(Logits(theirs), config, batches)


def report(label: str, tokens: int, seconds: tuple[list, list], lowest: float | None) -> bool:
    """Print one row; return whether the other side takes at least `lowest` times as long as ours."""
    ratios = sorted(b / a for a, b in zip(*seconds, strict=True))
    ratio, spread = statistics.median(ratios), f"{ratios[0]:.2f} to {ratios[-1]:.2f}"
    speeds = [tokens / statistics.median(s) for s in seconds]
    good = lowest is None or ratio >= lowest
    bound = "" if lowest is None else f"{lowest:>10.2f}   {'ok' if good else 'TOO SLOW'}"
    row = f"{label:<22}{speeds[0]:>12,.0f}{speeds[1]:>12,.0f}{ratio:>8.2f}   {spread:<14}{bound}"
    print(row.rstrip(), flush=True)
    return good


def gathering(rounds: int) -> bool:
    """Time what is gathered of a step's routing against the step; print it, return whether it is little."""
    config = ModelConfig(
        340, 64, 2, 4, n_routed_experts=16, n_activated_experts=2, moe_inter_dim=64, n_shared_experts=1
    )
    train_config = TrainConfig(config, CorpusConfig(), steps=1, bias_update_speed=1e-3)
    torch.manual_seed(0)
    model = Transformer(config)
    tokens = torch.randint(340, (train_config.batch_size, train_config.length))
    domains = torch.arange(train_config.batch_size).repeat_interleave(train_config.length) % 10
    load = torch.zeros(2, 16, dtype=torch.int32)
    steps, gathered = [], []
    for _ in range(5 * rounds):
        start = time.perf_counter()
        with watch_routing(model) as seen:
            logits = model(tokens)
        logits.square().mean().backward()
        middle = time.perf_counter()
        rebalance(model, seen, train_config, load)
        maximum_violation(load), load_entropy(load)
        for (routing,) in seen.values():
            mutual_information(expert_by_domain(routing.ids, domains, 16, 10))
        gathered.append(time.perf_counter() - middle)
        steps.append(middle - start)
    share = statistics.median(gathered) / statistics.median(steps)
    good = share <= MOST_GATHERING
    print(
        f"\nstatistics of routing: {share:.1%} of a step of {1e3 * statistics.median(steps):.0f} ms", end=""
    )
    print(f" (at most {MOST_GATHERING:.0%})   {'ok' if good else 'TOO SLOW'}", flush=True)
    return good


def run(contest: Callable, trainer: Callable, rounds: int) -> bool:
    """Print the tables; return whether all ratios are high enough."""
    print(f"\nexperts, a training step of one layer, {TOKENS} tokens; one thread")
    print(f"{'tokens per second':<22}{'sorted':>12}{'loop':>12}{'ratio':>8}   {'range':<14}{'at least':>10}")
    good = True
    for label, size in LAYERS.items():
        seconds = contest(*layer_pair(*size), rounds=rounds, repeats=5)
        good &= report(label, TOKENS, seconds, LOWEST["layer"])
    (seconds,) = run_processes(dispatch_seconds, rounds, n=1)
    good &= report("dispatch, no dispatch", TOKENS, seconds, LOWEST["dispatch"])
    print("\na training step of a whole model with experts beside transformers, the same weights")
    print(f"{'tokens per second':<22}{'ours':>12}{'theirs':>12}{'ratio':>8}   {'range':<14}{'at least':>10}")
    for kernel in ("grouped_mm", "eager"):
        seconds = contest(*model_pair(trainer, kernel, BATCH, LENGTH), rounds=rounds, repeats=1)
        good &= report(kernel, BATCH * LENGTH, seconds, LOWEST["model"])
    seconds = contest(*model_pair(trainer, "batched_mm", 1, 64), rounds=1, repeats=1)
    report("batched_mm, 64 tokens", 64, seconds, None)
    return good & gathering(rounds)
