"""Where each method of the course was first published, and how long it had been in print.

Sources were looked up one by one: journal and year, or the number on arXiv, whose first four digits are
year and month. "By the lab" means that DeepSeek's own people published it. A first paper is one that we could
find and name; ideas have older roots than that.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

import matplotlib.pyplot as plt

from lessons_lib.show.explained import explained
from lessons_lib.show.style import COLOURS

MODELS = {  # when each came out; V3.2: its first version, V3.2-Exp; V4: its preview
    "V3": 2024 + 11.9 / 12,  # 26 December 2024
    "R1": 2025 + 0.7 / 12,  # around 20 January 2025
    "V3.2": 2025 + 9 / 12,  # 29 September 2025
    "V4": 2026 + 3.8 / 12,  # 24 April 2026
    "V4.1": 2026 + 8.3 / 12,  # September 2026, as reported
}
STORY_MODELS = ("V3", "R1")  # those of the news of January 2025
BREAK = 2014  # the years before are drawn in a narrow strip


@dataclass(frozen=True)
class Origin:
    """A method, its first paper, the lesson that builds it, and the model at which its line ends.

    `model` is the first of MODELS that uses the method, or has another in its place.
    """

    method: str
    part: str
    year: int
    month: int | None  # None where only the year is known
    who: str
    source: str
    lesson: str
    model: str

    @property
    def by_lab(self) -> bool:
        return self.who == "DeepSeek"

    @property
    def date(self) -> float:
        return self.year + ((self.month - 0.5) / 12 if self.month else 0.5)

    @property
    def years_in_print(self) -> float:
        """Years from the first paper to the model at which the line ends; 0 in that model's own report."""
        return max(0.0, MODELS[self.model] - self.date)


def _arxiv(method: str, part: str, number: str, who: str, lesson: str, model: str = "V3") -> Origin:
    when = 2000 + int(number[:2]), int(number[2:4])
    return Origin(method, part, *when, who, f"arXiv:{number}", lesson, model)


ORIGINS = (
    Origin("attention with heads", "I", 2017, None, "Vaswani et al.", "NeurIPS 2017", "01", "V3"),
    _arxiv("keys and values for all heads (MQA)", "I", "1911.02150", "Shazeer", "02"),
    _arxiv("positions as rotations (RoPE)", "I", "2104.09864", "Su et al.", "01"),
    _arxiv("keys and values for groups (GQA)", "I", "2305.13245", "Ainslie et al.", "02"),
    _arxiv("latent attention (MLA)", "I", "2405.04434", "DeepSeek", "03"),
    Origin("mixture of experts", "II", 1991, None, "Jacobs et al.", "Neural Computation 3, 79", "05", "V3"),
    _arxiv("a few experts of many, per token", "II", "1701.06538", "Shazeer et al.", "05"),
    _arxiv("fine and shared experts", "II", "2401.06066", "DeepSeek", "06"),
    _arxiv("balance by a bias", "II", "2408.15664", "DeepSeek", "06"),
    _arxiv("a pipeline, one forward one backward", "III", "1806.03377", "Harlap et al.", "11"),
    _arxiv("pipelines from both ends (Chimera)", "III", "2107.06925", "Li and Hoefler", "11"),
    _arxiv("8-bit formats E4M3 and E5M2", "III", "2209.05433", "Micikevicius et al.", "09"),
    _arxiv("drafts, checked (speculative decoding)", "III", "2211.17192", "Leviathan et al.", "08"),
    _arxiv("zero-bubble pipelines", "III", "2401.10241", "Qi et al.", "11"),
    _arxiv("several tokens as target", "III", "2404.19737", "Gloeckle et al.", "08"),
    _arxiv("FP8 by tiles, at such a size", "III", "2412.19437", "DeepSeek", "10"),
    _arxiv("a forward within a backward (DualPipe)", "III", "2412.19437", "DeepSeek", "11"),
    Origin("REINFORCE", "IV", 1992, None, "Williams", "Machine Learning 8, 229", "13", "R1"),
    _arxiv("a large model teaches a small one", "IV", "1503.02531", "Hinton et al.", "16", "R1"),
    _arxiv("clipped steps (PPO)", "IV", "1707.06347", "Schulman et al.", "13", "R1"),
    _arxiv("a vote over answers", "IV", "2203.11171", "Wang et al.", "17", "R1"),
    _arxiv("learning from one's own right answers", "IV", "2203.14465", "Zelikman et al.", "16", "R1"),
    _arxiv("advantages within a group (GRPO)", "IV", "2402.03300", "DeepSeek", "13", "R1"),
    _arxiv("thinking by rewards alone (R1-Zero)", "IV", "2501.12948", "DeepSeek", "14", "R1"),
    _arxiv("looking at some positions only", "V", "1904.10509", "Child et al.", "18", "V3.2"),
    _arxiv("the student writes, a teacher judges", "V", "2306.13649", "Agarwal et al.", "19", "V4"),
    _arxiv("longer texts (YaRN)", "V", "2309.00071", "Peng et al.", "18"),
    _arxiv("4-bit numbers in blocks (MXFP4)", "V", "2310.10537", "Rouhani et al.", "19", "V4"),
    Origin("steps made even (Muon)", "V", 2024, None, "Jordan et al.", "Muon, 2024", "19", "V4"),
    _arxiv("several streams (hyper-connections)", "V", "2409.19606", "Zhu et al.", "19", "V4"),
    _arxiv("sparse attention, trained (NSA)", "V", "2502.11089", "DeepSeek", "18", "V3.2"),
    Origin("an indexer that chooses (DSA)", "V", 2025, 9, "DeepSeek", "V3.2-Exp's report", "18", "V3.2"),
    _arxiv("streams that only average (mHC)", "V", "2512.24880", "DeepSeek", "19", "V4"),
    _arxiv("a table of n-grams (Engram)", "V", "2601.07372", "DeepSeek", "19", "V4.1"),
    Origin("keys and values squeezed (CSA)", "V", 2026, 4, "DeepSeek", "arXiv:2606.19348", "18", "V4"),
)
STORY = tuple(origin for origin in ORIGINS if origin.model in STORY_MODELS)
SINCE = tuple(origin for origin in ORIGINS if origin.model not in STORY_MODELS)


@explained
def place(date: float) -> float:
    """Return where a date stands on the axis: years after BREAK to scale, 1991 to 1993 just before it."""
    return date if date > BREAK else BREAK - 2.2 + 0.8 * (date - 1991)


@explained
def in_print(origins: tuple[Origin, ...] = STORY) -> tuple[int, int, float]:
    """Return (methods, those first published by others, the median of these others' years in print)."""
    others = [origin for origin in origins if not origin.by_lab]
    return len(origins), len(others), median(origin.years_in_print for origin in others)


@explained
def timeline(*, title: str, origins: tuple[Origin, ...] = ORIGINS):
    """Return (figure, alt text): a row per method, from its first paper to its model."""
    fig, axes = plt.subplots(figsize=(8.6, 0.215 * len(origins) + 0.9))
    for row, origin in enumerate(origins):
        end = max(MODELS[origin.model], origin.date)
        colour, marker = (COLOURS[1], "s") if origin.by_lab else (COLOURS[0], "o")
        axes.plot([place(origin.date), end], [row, row], color=colour, lw=1.1, alpha=0.55, ls="-", zorder=1)
        axes.plot(
            place(origin.date), row, marker, color=colour, mfc="white" if origin.by_lab else colour, ms=6
        )
        axes.plot(end, row, "|", color=colour, ms=7, mew=1.3)
        text = f"{origin.who}, {origin.source} \N{RIGHTWARDS ARROW} {origin.model}"
        axes.text(2027.05, row, text, fontsize=7.5, va="center", color=colour)
        if row and origin.part != origins[row - 1].part:
            axes.axhline(row - 0.5, color="0.8", lw=0.8, ls="-")
    axes.axvline(BREAK - 0.05, color="0.6", lw=1, ls=(0, (1, 2)))
    axes.axvline(MODELS["V3"], color="black", lw=1.1, ls="-", zorder=0)
    axes.text(MODELS["V3"], -0.75, "V3, R1", ha="right", fontsize=8)
    for model in MODELS:
        if model not in STORY_MODELS:
            axes.axvline(MODELS[model], color="0.75", lw=0.8, ls="-", zorder=0)
    axes.text(MODELS["V3.2"], -0.75, "V3.2, V4, V4.1", ha="left", fontsize=8)
    years = [1991, *range(2016, 2027, 2)]
    axes.set_xticks(
        [place(year + 0.5 * (year < BREAK)) for year in years], [f"'{year % 100:02d}" for year in years]
    )
    axes.set_yticks(range(len(origins)), [f"{o.method}  {o.lesson}" for o in origins], fontsize=8)
    axes.tick_params(axis="y", length=0)
    axes.set(xlim=(BREAK - 2.3, 2026.9), ylim=(len(origins) - 0.4, -0.9), xlabel="first paper")
    axes.plot([], [], "o", color=COLOURS[0], ls="none", label="others")
    axes.plot([], [], "s", color=COLOURS[1], mfc="white", ls="none", label="DeepSeek")
    axes.legend(loc="lower left", bbox_to_anchor=(0.2, 0.0), fontsize=8)
    axes.set_title(title)
    listed = "; ".join(f"{o.method} {o.year}, {o.who}, to {o.model}" for o in origins)
    return fig, f"A row for each method, from its first paper to the lab's model named behind it. {listed}."
