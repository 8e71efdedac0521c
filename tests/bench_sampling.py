"""How fast are many answers sampled beside the `transformers` library's `generate`, on the same weights?

A model of the reasoning base's size in DeepSeek-V3's shape (latent attention, experts), written by `to_hf`;
64 answers at temperature 1, 16 to each of 4 prompts as long as a treasure hunt's, all to the full length,
so that dropping finished rows, of which `generate` has nothing like, does not count. One thread. Before, both
write greedily, and must write the same tokens.
"""

import dataclasses
import json
import random
import statistics
import tempfile
import time
from pathlib import Path

import safetensors.torch
import torch

from lessons_lib.config import REASONER, HuntConfig
from lessons_lib.interop import to_hf
from lessons_lib.model import Transformer
from lessons_lib.reasoning import sample
from lessons_lib.reasoning.evaluation import prompts_of
from lessons_lib.reasoning.hunts import Hunts

GROUP, BATCH, NEW = 16, 64, 60
NEVER = -1  # no token ends a row
LOWEST = 2.0
WITH_EXPERTS = dataclasses.replace(
    REASONER,
    n_dense_layers=1,
    n_routed_experts=8,
    n_activated_experts=2,
    n_shared_experts=1,
    moe_inter_dim=32,
)


def build_pair():
    """Return our random model, and the library's with its weights."""
    from transformers import DeepseekV3ForCausalLM

    torch.manual_seed(0)
    ours = Transformer(WITH_EXPERTS).eval()
    with tempfile.TemporaryDirectory() as folder:
        weights, config = to_hf(ours)
        safetensors.torch.save_file(weights, Path(folder, "model.safetensors"), {"format": "pt"})
        Path(folder, "config.json").write_text(json.dumps({"model_type": "deepseek_v3", **config}))
        theirs = DeepseekV3ForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    return ours, theirs


def run(rounds: int) -> bool:
    """Print one row; return whether the ratio is high enough."""
    ours, theirs = build_pair()
    corpus = Hunts(HuntConfig())
    prompts = prompts_of([corpus.problem(random.Random(i)) for i in range(BATCH // GROUP)])
    repeated = prompts.repeat_interleave(GROUP, 0)

    def write_theirs(tokens, **settings):
        lengths = dict(max_new_tokens=NEW, min_new_tokens=NEW, pad_token_id=0, eos_token_id=None)
        return theirs.generate(tokens, attention_mask=torch.ones_like(tokens), **lengths, **settings)

    greedy = sample(ours, prompts, max_new=NEW, temperature=0.0, stop=NEVER).tokens
    assert torch.equal(greedy, write_theirs(prompts, do_sample=False)[:, prompts.shape[1] :]), "other texts"
    sides = (
        lambda: sample(ours, prompts, GROUP, max_new=NEW, stop=NEVER),
        lambda: write_theirs(repeated, do_sample=True, temperature=1.0, top_k=0, top_p=1.0),
    )
    seconds = ([], [])
    for turn in range(-1, rounds):  # interleaved; turn -1 warms up
        for who in (0, 1) if turn % 2 else (1, 0):
            start = time.perf_counter()
            sides[who]()
            if turn >= 0:
                seconds[who].append(time.perf_counter() - start)
    ratios = sorted(b / a for a, b in zip(*seconds))
    ratio, spread = statistics.median(ratios), f"{ratios[0]:.2f} to {ratios[-1]:.2f}"
    speeds = [BATCH * NEW / statistics.median(s) for s in seconds]
    print("\nsampling beside transformers, the reasoning base's size with experts, one thread")
    print(f"{'tokens per second':<22}{'ours':>12}{'theirs':>12}{'ratio':>8}   {'range':<12}{'at least':>10}")
    print(
        f"{f'batch {BATCH}':<22}{speeds[0]:>12,.0f}{speeds[1]:>12,.0f}{ratio:>8.2f}   {spread:<12}"
        f"{LOWEST:>10.1f}   {'ok' if ratio >= LOWEST else 'TOO SLOW'}",
        flush=True,
    )
    return ratio >= LOWEST
