"""What papers and other sources say about the claims, and what nobody can know from here.

Every line names its source. `Source(..., reported=True)` marks what we have only from third parties: it is
shown as "reported". The numbers of a paper are its authors' own measurements.
"""

from __future__ import annotations

from dataclasses import dataclass

V2 = "DeepSeek-V2 paper (arXiv:2405.04434)"
V3 = "DeepSeek-V3 report (arXiv:2412.19437)"
R1 = "R1 report of January 2025 (arXiv:2501.12948v1)"
R1_REVISED = "R1 report, revised 2026 (arXiv:2501.12948v2)"


@dataclass(frozen=True)
class Source:
    """One statement, in our words, and where it stands."""

    says: str
    where: str
    reported: bool = False  # known from third parties only


SOURCES: dict[str, tuple[Source, ...]] = {
    "rival": (
        Source(
            "R1 against o1-1217: 79.8 and 79.2 % on AIME 2024, 71.5 and 75.7 on GPQA Diamond, 49.2 and 48.9 "
            "on SWE-bench Verified. The lab tested its own model; o1's numbers are its maker's.",
            f"{R1}, Table 4",
        ),
    ),
    "fewer resources": (
        Source(
            "One large model with latent attention and one with all keys and values: a cache of 34.6K and "
            "860.2K numbers per token, 59.0 and 57.5 % on MMLU.",
            f"{V2}, Table 9",
        ),
        Source("671 billion parameters, 37 billion at work for a token.", f"{V3}, abstract"),
        Source("FP8 multiplies up to twice as fast as BF16.", f"{V3}, section 3.3"),
        Source(
            "The final run took 2.788 million GPU-hours of H800; earlier research and ablations left out.",
            f"{V3}, Table 1 and section 1",
        ),
    ),
    "known methods": (
        Source(
            "Losses on held-out text with 1 billion parameters: 2.253 balanced by bias, 2.253 by a loss over "
            "the batch, 2.258 by a loss within each text.",
            f"{V3}, section 4.5.3",
        ),
        Source(
            "The second predicted token is accepted in 85 to 90 % of cases: 1.8 times the tokens a second.",
            f"{V3}, section 5.4.3",
        ),
        Source("FP8 against BF16: less than 0.25 % of the loss.", f"{V3}, section 3.3"),
        Source(
            "What failed: blocks of 128 x 128 for the activations' gradients diverged, at about 16 billion "
            "parameters after about 300 billion tokens.",
            f"{V3}, appendix B",
        ),
    ),
    "history": (),
    "weaker chips": (
        Source("2,048 H800 in nodes of 8.", f"{V3}, section 3.1"),
        Source(
            "Usable bandwidth: 160 GB/s inside a node, 50 between nodes. A token goes to 4 nodes at most.",
            f"{V3}, sections 2.1.2 and 3.2.2",
        ),
        Source("An H800 has an H100's arithmetic, and NVLink of 400 instead of 900 GB/s.", "press", True),
        Source(
            "R1's own training took 147 thousand H800 hours, on top of V3; experiments before it, with 30 "
            "billion parameters, ran on A100.",
            f"{R1_REVISED}, supplement B.4.4",
        ),
        Source(
            "High-Flyer bought 10,000 A100 in 2021; outsiders' estimates of all hardware are hundreds of "
            "millions of dollars and more, and were disputed.",
            "press and analysts",
            True,
        ),
    ),
    "sputnik": (),
    "wakeup call": (
        Source(
            "The sum of 5.576 million dollars prices GPU-hours of one run at an assumed rent.",
            f"{V3}, Table 1 and section 1",
        ),
    ),
    "open and thinking": (
        Source(
            "V3 of December 2024: code under MIT, weights under a licence of their own. R1: both under MIT.",
            "READMEs of both repositories",
        ),
        Source(
            "R1-Zero, rewards alone: 15.6 to 71.0 % on AIME 2024, 86.7 by a vote over 64. (The revised "
            "report has 77.9 instead of 71.0.)",
            f"{R1}, section 2.2 and Table 2",
        ),
        Source(
            "Reflecting on its own steps is seen in the base model, too, before any reward.",
            "Liu et al. (arXiv:2503.20783), abstract",
        ),
        Source(
            "A model of 32 billion parameters on AIME 2024: 72.6 % taught by R1, 47.0 % by RL of its own.",
            f"{R1}, Table 6",
        ),
        Source("Rewarding single steps, and tree search, were tried and given up.", f"{R1}, section 4.2"),
    ),
}

UNKNOWABLE = {
    "rival": "Share prices and downloads. Whether users found it as good is theirs to say.",
    "fewer resources": "Whether savings that hold one by one also add up at full size; what rivals spent.",
    "known methods": "What rivals knew and did not print. Whether the market overreacted.",
    "history": "Who founded what, and when, is looked up, not computed. It changes no measurement here.",
    "weaker chips": "What was bought, owned and spent in all; how the same lab would have done with H100s.",
    "sputnik": "A word for how people felt. No run of a model can confirm or refute it.",
    "wakeup call": "What an industry will do with a cheaper method: spend less, or train more.",
    "open and thinking": "The training data and training code, which were not published; whether thoughts "
    "that read well are the reasons for the answers.",
}
