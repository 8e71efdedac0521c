"""How fast does our model write beside the `transformers` library's, on the same weights?

Two sizes of DeepSeek-V3's architecture, all layers dense, context 512, batch 1 and 8, one thread. Both
sides write greedily with their own `generate`; reading the prompt is timed apart and taken off. Both
cache the latent; `transformers` rebuilds every head's keys and values from it at each step, we do not.
They must write the same tokens.
"""

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from lessons_lib.interop import from_hf

PROMPT, NEW = 512, 64  # tokens
LOWEST = 1.8
SIZES = {
    "tiny": dict(dim=96, inter=256, layers=3, heads=4, kv_rank=32, q_rank=None, nope=16, rope=16, value=16),
    "small": dict(dim=256, inter=512, layers=6, heads=8, kv_rank=64, q_rank=96, nope=32, rope=16, value=32),
}


def build_pair(size: dict):
    """Return a random model of `transformers`, and ours with its weights."""
    from transformers import DeepseekV3Config, DeepseekV3ForCausalLM

    torch.manual_seed(0)
    config = DeepseekV3Config(
        vocab_size=1024,
        hidden_size=size["dim"],
        intermediate_size=size["inter"],
        num_hidden_layers=size["layers"],
        first_k_dense_replace=size["layers"],
        num_attention_heads=size["heads"],
        num_key_value_heads=size["heads"],
        kv_lora_rank=size["kv_rank"],
        q_lora_rank=size["q_rank"],
        qk_nope_head_dim=size["nope"],
        qk_rope_head_dim=size["rope"],
        v_head_dim=size["value"],
        max_position_embeddings=1024,
        initializer_range=0.1,  # far from uniform, so that no two tokens are equally good
        bos_token_id=None,
        eos_token_id=None,
    )
    theirs = DeepseekV3ForCausalLM(config).eval()
    return theirs, from_hf(theirs.state_dict(), config)


def writers(theirs, ours, prompt: Tensor) -> tuple[Callable, Callable]:
    """Return both sides' functions from a number of new tokens to the text."""
    mask = torch.ones_like(prompt)

    def write_theirs(n: int) -> Tensor:
        settings = dict(do_sample=False, max_new_tokens=n, min_new_tokens=n, pad_token_id=0)
        return theirs.generate(prompt, attention_mask=mask, **settings)

    return lambda n: ours.generate(prompt, n), write_theirs


def seconds_after_the_prompt(write: Callable) -> tuple[float, float]:
    """Return the seconds of reading the prompt (and one token), and of `NEW` tokens after it."""
    start = time.perf_counter()
    write(1)
    read = time.perf_counter()
    write(NEW + 1)
    return read - start, (time.perf_counter() - read) - (read - start)


def run(rounds: int) -> bool:
    """Print one row for each size and batch; return whether all ratios are high enough."""
    print(f"\nwriting beside transformers, {PROMPT} tokens of context, one thread; the same tokens")
    print(f"{'tokens per second':<22}{'ours':>12}{'theirs':>12}{'ratio':>8}   {'range':<12}{'at least':>10}")
    good = True
    for name, size in SIZES.items():
        theirs, ours = build_pair(size)
        for batch in (1, 8):
            prompt = torch.randint(1024, (batch, PROMPT), generator=torch.Generator().manual_seed(batch))
            both = writers(theirs, ours, prompt)
            assert torch.equal(both[0](NEW), both[1](NEW)), "the two wrote different texts"
            seconds, reading = ([], []), ([], [])
            for turn in range(rounds):  # interleaved, each side first in every second round
                for who in (0, 1) if turn % 2 else (1, 0):
                    read, wrote = seconds_after_the_prompt(both[who])
                    reading[who].append(read), seconds[who].append(wrote)
            ratios = sorted(b / a for a, b in zip(*seconds, strict=True))
            ratio, spread = statistics.median(ratios), f"{ratios[0]:.2f} to {ratios[-1]:.2f}"
            speeds = [batch * NEW / statistics.median(s) for s in seconds]
            label, verdict = f"{name}, batch {batch}", "ok" if ratio >= LOWEST else "TOO SLOW"
            print(
                f"{label:<22}{speeds[0]:>12,.0f}{speeds[1]:>12,.0f}{ratio:>8.2f}   {spread:<12}"
                f"{LOWEST:>10.1f}   {verdict}",
                flush=True,
            )
            read = [1e3 * statistics.median(r) for r in reading]
            print(f"{'':<22}reading the prompt: {read[0]:.0f} ms against {read[1]:.0f} ms")
            good &= ratio >= LOWEST
    return good
