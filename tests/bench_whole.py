"""How fast does a whole model write, latent attention and experts, beside the `transformers` library?

The small shape of `bench_experts.py`, whose training step is timed there, on the same weights; one thread.
Both sides write greedily with their own `generate` and must write the same tokens.

  decoding    64 tokens behind a context of 512, at batch 1 and 8; reading the prompt is taken off;
  generation  48 tokens behind 16 at batch 64, the prompt included.

Theirs has the choice of two kernels for the experts and is measured with the one that is quicker here.
"""

import statistics
import time
from collections.abc import Callable

import torch
from bench_experts import VOCABULARY, build_theirs
from bench_transformers import LOWEST, NEW, PROMPT, seconds_after_the_prompt, writers

from lessons_lib.interop import from_hf

KERNELS = ("grouped_mm", "eager")
MANY, SHORT, MORE = 64, 16, 48  # texts, tokens of their prompts, tokens written


def after_the_prompt(write: Callable) -> float:
    """Return the seconds of `NEW` tokens without the prompt's."""
    return seconds_after_the_prompt(write)[1]


def all_of_it(write: Callable) -> float:
    """Return the seconds of a short prompt and `MORE` tokens."""
    start = time.perf_counter()
    write(MORE)
    return time.perf_counter() - start


CONTESTS = {  # batch, prompt, tokens written, what is timed
    "decoding, batch 1": (1, PROMPT, NEW, after_the_prompt),
    "decoding, batch 8": (8, PROMPT, NEW, after_the_prompt),
    "generation, batch 64": (MANY, SHORT, MORE, all_of_it),
}


def run(rounds: int) -> bool:
    """Print one row for each contest; return whether all ratios are high enough."""
    theirs = build_theirs("eager", max_position_embeddings=1024, initializer_range=0.1).eval()
    ours = from_hf(theirs.state_dict(), theirs.config)
    print("\nwriting with experts beside transformers, the same weights and the same tokens; one thread")
    print(f"{'tokens per second':<22}{'ours':>12}{'theirs':>12}{'ratio':>8}   {'range':<12}{'at least':>10}")
    good = True
    for label, (batch, prompt_length, new, clock) in CONTESTS.items():
        generator = torch.Generator().manual_seed(batch)
        prompt = torch.randint(VOCABULARY, (batch, prompt_length), generator=generator)
        write, write_theirs = writers(theirs, ours, prompt)
        warm = {}
        for kernel in KERNELS:
            theirs.set_experts_implementation(kernel)
            assert torch.equal(write(new), write_theirs(new)), f"{kernel}: the two wrote different texts"
            warm[kernel] = clock(write_theirs)
        kernel = min(warm, key=warm.get)
        theirs.set_experts_implementation(kernel)
        seconds = ([], [])
        for turn in range(rounds):  # taking turns, each side first in every second round
            for who in (0, 1) if turn % 2 else (1, 0):
                seconds[who].append(clock((write, write_theirs)[who]))
        ratios = sorted(b / a for a, b in zip(*seconds, strict=True))
        ratio, spread = statistics.median(ratios), f"{ratios[0]:.2f} to {ratios[-1]:.2f}"
        speeds = [batch * new / statistics.median(s) for s in seconds]
        fast = ratio >= LOWEST
        print(
            f"{label:<22}{speeds[0]:>12,.0f}{speeds[1]:>12,.0f}{ratio:>8.2f}   {spread:<12}{LOWEST:>10.1f}   "
            f"{'ok' if fast else 'TOO SLOW'} ({kernel})",
            flush=True,
        )
        good &= fast
    return good
