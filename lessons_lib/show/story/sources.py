"""What papers and other sources say, each under a key by which the page's sentences point at it.

Every line names its source. `Source(..., reported=True)` marks what we have only from third parties: it is
shown as "reported". The numbers of a paper are its authors' own measurements. `SOURCES_OF` says which are
shown under which claim.
"""

from __future__ import annotations

from dataclasses import dataclass

from lessons_lib.show.figures import timeline

MOE = "DeepSeekMoE paper (arXiv:2401.06066)"
V2 = "DeepSeek-V2 paper (arXiv:2405.04434)"
V3 = "DeepSeek-V3 report (arXiv:2412.19437)"
HARDWARE = "DeepSeek's paper on its hardware (arXiv:2505.09343)"
V4 = "DeepSeek-V4 report (arXiv:2606.19348)"
R1 = "R1 report of January 2025 (arXiv:2501.12948v1)"
V3_2 = "DeepSeek-V3.2 report (arXiv:2512.02556)"
R1_REVISED = "R1 report, revised 2026 (arXiv:2501.12948v2)"
V3_PARAMETERS, V3_TOKENS = 37e9, 14.8e12  # at work for a token; V3 report, abstract
V4_PARAMETERS, V4_TOKENS = 49e9, 33e12  # of V4-Pro; V4 report
MORE_OPERATIONS = V4_PARAMETERS * V4_TOKENS / (V3_PARAMETERS * V3_TOKENS)  # the factor 6 is in both
PRE_HOURS, ALL_HOURS = 2.664, 2.788  # million hours of H800; V3 report, Table 1
LLAMA_HOURS = 30.84  # million hours of H100; Meta's model card, reported
STEP_SECONDS, STEP_WAITING = 19.926, 2.06  # of a step of V3's training; hardware paper, Table 4

METHODS, BY_OTHERS, YEARS = timeline.in_print()
LAB = [origin for origin in timeline.STORY if origin.by_lab]
NEW = [origin for origin in LAB if origin.years_in_print < 0.1]
SINCE, SINCE_BY_OTHERS, _ = timeline.in_print(timeline.SINCE)


@dataclass(frozen=True)
class Source:
    """One statement, in our words, and where it stands."""

    says: str
    where: str
    reported: bool = False  # known from third parties only


SOURCES: dict[str, Source] = {
    "story": Source("The news of January 2025, in our words: eight claims.", "lesson 00, section 3"),
    "o1": Source(
        "R1 against o1-1217: 79.8 and 79.2 % on AIME 2024, 71.5 and 75.7 on GPQA Diamond, 49.2 and 48.9 "
        "on SWE-bench Verified. The lab tested its own model; o1's numbers are its maker's.",
        f"{R1}, Table 4",
    ),
    "first paper": Source("The earliest of the lab's papers used here is of January 2024.", MOE),
    "V2 cache": Source(
        "One large model with latent attention and one with all keys and values: a cache of 34.6K and "
        "860.2K numbers per token, 59.0 and 57.5 % on MMLU.",
        f"{V2}, Table 9",
    ),
    "active": Source(
        "671 billion parameters, 37 billion at work for a token; 14.8 trillion tokens.", f"{V3}, abstract"
    ),
    "twice": Source("FP8 multiplies up to twice as fast as BF16.", f"{V3}, section 3.3"),
    "bill": Source(
        "The final run took 2.788 million GPU-hours of H800, of them 2.664 for pre-training; at an assumed "
        "rent of 2 dollars an hour 5.576 million dollars. Earlier research and ablations are left out.",
        f"{V3}, Table 1 and section 1",
    ),
    "llama": Source(
        "Llama 3.1 405B: 30.84 million H100 hours; 38 to 43 % of the chips' peak.",
        "Meta's model card and paper, as quoted by others",
        True,
    ),
    "timeline": Source(
        f"{METHODS} methods of this course went into V3 and R1 or gave way to what did, {BY_OTHERS} first "
        f"published by others, these {YEARS:.1f} years in print in the middle; of the lab's {len(LAB)}, "
        f"{len(NEW)} came with V3 or R1 themselves.",
        "counted from the first papers in lesson 21's timeline",
    ),
    "not in print": Source(
        "Weights, reports, code for inference and, later, kernels are public; training data and training "
        "code are not.",
        "the repositories under github.com/deepseek-ai",
    ),
    "balance": Source(
        "Losses on held-out text with 1 billion parameters: 2.253 balanced by bias, 2.253 by a loss over "
        "the batch, 2.258 by a loss within each text.",
        f"{V3}, section 4.5.3",
    ),
    "drafts kept": Source(
        "The second predicted token is accepted in 85 to 90 % of cases: 1.8 times the tokens a second.",
        f"{V3}, section 5.4.3",
    ),
    "fp8": Source("FP8 against BF16: less than 0.25 % of the loss.", f"{V3}, section 3.3"),
    "diverged": Source(
        "What failed: blocks of 128 x 128 for the activations' gradients diverged, at about 16 billion "
        "parameters after about 300 billion tokens.",
        f"{V3}, appendix B",
    ),
    "cluster": Source("2,048 H800 in nodes of 8.", f"{V3}, section 3.1"),
    "bandwidth": Source(
        "Usable bandwidth: 160 GB/s inside a node, 50 between nodes. A token goes to 4 nodes at most.",
        f"{V3}, sections 2.1.2 and 3.2.2",
    ),
    "use": Source(
        "38.94 % of the BF16 peak in training, attention counted causally.", f"{HARDWARE}, Table 4"
    ),
    "senders": Source("20 of a chip's 132 processors send, in training.", f"{HARDWARE}, section 4"),
    "H800": Source("An H800 has an H100's arithmetic, and NVLink of 400 instead of 900 GB/s.", "press", True),
    "R1 hours": Source(
        "R1's own training took 147 thousand H800 hours, on top of V3; experiments before it, with 30 "
        "billion parameters, ran on A100.",
        f"{R1_REVISED}, supplement B.4.4",
    ),
    "hardware": Source(
        "High-Flyer bought 10,000 A100 in 2021; outsiders' estimates of all hardware are hundreds of "
        "millions of dollars and more, and were disputed.",
        "press and analysts",
        True,
    ),
    "no tensor parallelism": Source(
        "V3 was trained without tensor parallelism, which cuts each matrix over a machine's chips.",
        f"{V3}, section 3.2",
    ),
    "since": Source(
        f"Of {SINCE} methods that this course follows after R1, {SINCE_BY_OTHERS} were first published by "
        "others.",
        "counted from the first papers in lesson 21's timeline",
    ),
    "V3.2 keeps": Source(
        "V3.2's only change of architecture from V3.1 is the indexer, which chooses where latent attention "
        "looks.",
        f"{V3_2}, section 2",
    ),
    "V4 size": Source("V4-Pro: 49 billion parameters at work for a token; 33 trillion tokens.", V4),
    "V4 drops": Source(
        "V4 has neither latent attention nor the node limit; it keeps the balance by a bias, and one extra "
        "predicted token in training.",
        V4,
    ),
    "V4.1": Source(
        "V4.1 writes with another drafting module in place of the extra token's.",
        "readings of arXiv:2609.19969",
        True,
    ),
    "licences": Source(
        "V3 of December 2024: code under MIT, weights under a licence of their own. R1: both under MIT.",
        "READMEs of both repositories",
    ),
    "R1-Zero": Source(
        "R1-Zero, rewards alone: 15.6 to 71.0 % on AIME 2024, 86.7 by a vote over 64. (The revised "
        "report has 77.9 instead of 71.0.)",
        f"{R1}, section 2.2 and Table 2",
    ),
    "base reflects": Source(
        "Reflecting on its own steps is seen in the base model, too, before any reward.",
        "Liu et al. (arXiv:2503.20783), abstract",
    ),
    "students": Source(
        "A model of 32 billion parameters on AIME 2024: 72.6 % taught by R1, 47.0 % by RL of its own.",
        f"{R1}, Table 6",
    ),
    "stages": Source(
        "R1-Zero and R1: 77.9 and 79.8 % on AIME 2024, 88.1 and 78.8 on CNMO 2024, 46.6 and 83.3 on IF-Eval.",
        "R1 in Nature (s41586-025-09422-z), Table 2",
    ),
    "large k": Source(
        "Models after RL win where one try counts, their bases where many do.",
        "Yue et al. (arXiv:2504.13837), abstract",
    ),
    "given up": Source(
        "Rewarding single steps, and tree search, were tried and given up.", f"{R1}, section 4.2"
    ),
    "trust": Source(
        "Where a hint in the question changed the answer, R1's thought admits it in 39 % of cases.",
        "Chen et al., Anthropic, April 2025, as summarised by others",
        True,
    ),
}

SOURCES_OF: dict[str, tuple[str, ...]] = {
    "rival": ("o1", "first paper"),
    "fewer resources": ("bill", "llama", "active", "V2 cache", "twice", "hardware"),
    "known methods": ("timeline", "not in print", "balance", "drafts kept", "fp8", "diverged"),
    "history": ("first paper",),
    "weaker chips": (
        ("H800", "cluster", "bandwidth", "use", "bill", "senders", "no tensor parallelism")
        + ("R1 hours", "hardware")
    ),
    "sputnik": ("timeline",),
    "wakeup call": ("bill", "active", "V4 size"),
    "open and thinking": (
        ("licences", "not in print", "R1-Zero", "stages")
        + ("base reflects", "large k", "students", "given up", "trust")
    ),
}
AFTERWARDS = ("V3.2 keeps", "V4 drops", "V4.1", "since")
