"""Which findings bear on which claim of January 2025, and what each answer means: lesson 21's evidence.

A new lesson adds its questions here: the names that it gives to `record_findings`, the rule with its margin
and where that comes from, and a sentence for each answer, without measured numbers.
"""

from __future__ import annotations

from lessons_lib.runs import Seeds
from lessons_lib.runs.approx import approx
from lessons_lib.show.story.evidence import Evidence, above, below, interval, limits, no_worse, not_less
from lessons_lib.show.story.sources import ALL_HOURS, PRE_HOURS, STEP_SECONDS, STEP_WAITING

V3_CACHE, LOAD = "cache per token at V3's size, ", "maximum violation, "
FP8, THOUGHT, STAR = "tiles against BF16, whole runs, ", "after RL, thought ", "wrong by a false star, 5 %: "
BEFORE, AFTER_RL = "pass@1 of the base, mean of 3 seeds", "pass@1 after learning by reward, mean of 3 seeds"
BASE_LENGTH, LENGTH = (
    "length of an answer, base, mean of 3 seeds",
    "length of an answer after, mean of 3 seeds",
)
KNOWN = "thousand bits known, MoE less dense of three times the steps"
PRE_TRAINING = "V3 GPU-hours of pre-training"
GAIN, TENSOR = "gain of 60 mixing matrices, ", "V3 with tensor parallelism, "
POINTS = 100  # shares are told in points of a hundred


def _ends(name: str) -> tuple[str, str]:
    """Return the names under which a lesson keeps the two ends of a difference's interval."""
    return f"{name}, low end", f"{name}, high end"


def _span(low: float, high: float, unit: str = "nats", spec: str = ".3f") -> str:
    return f"95 % interval {approx(low, spec)} to {approx(high, spec, unit)}"


def _points(values: Seeds, control: Seeds | None = None) -> str:
    low, high = (POINTS * end for end in interval(values, control))
    return _span(low, high, "points", ".0f") + f", {len(values)} seeds"


def _percent(*shares: Seeds | float, to: str = " and ") -> str:
    means = (share.mean if isinstance(share, Seeds) else share for share in shares)
    return to.join(f"{approx(POINTS * mean, '.0f')} %" for mean in means)


def _share_of_peak(flops: float, hours: float) -> float:
    """Return the share of an H800's peak, 989.5e12 FLOP/s in BF16 (reported), that these hours imply."""
    return flops / (hours * 3600 * 989.5e12)


FEWER = (
    Evidence(
        "cache",
        "03",
        "derived",
        "Memory: at V3's size, is the latent cache at least 24.9 times smaller than one of separate heads? "
        "(24.9: V2 paper, Table 9. Against: not even a half.)",
        (V3_CACHE + "MHA", V3_CACHE + "MLA"),
        lambda heads, latent: limits(heads / latent, 24.9, 2),
        lambda heads, latent: f"{heads / latent:.1f} times",
        "At V3's size the latent cache is smaller by more than the paper's factor.",
        "At V3's size the latent cache is not even half of that of separate heads.",
        "At V3's size the latent cache is smaller, by less than the paper's factor.",
    ),
    Evidence(
        "shared cache",
        "03",
        "derived",
        "Memory: is it also smaller than that of one set of keys and values for all heads (MQA), known "
        "since 2019? (Equal within a tenth counts as undecided.)",
        (V3_CACHE + "MQA", V3_CACHE + "MLA"),
        lambda shared, latent: limits(shared / latent, 1.1, 0.9),
        lambda shared, latent: f"{latent / shared:.2f} times MQA's",
        "The latent cache is smaller than MQA's, too.",
        "The latent cache is larger than MQA's: what it buys is quality, not the smallest memory.",
        "The latent cache is as large as MQA's.",
    ),
    Evidence(
        "knowledge",
        "05",
        "measured",
        "Knowledge: do experts know more by heart than a dense block given three times their steps? (Clear:"
        " an interval without 0.)",
        _ends(KNOWN),
        lambda low, high: above((low, high)),
        lambda low, high: _span(low, high, "thousand bits", ".1f"),
        "Experts know clearly more by heart than a dense block of equal work given three times their steps.",
        "Experts know clearly less by heart than a dense block given three times their steps.",
        "Whether experts know more than a dense block of three times the steps, these seeds can't tell.",
    ),
    Evidence(
        "8 bits",
        "10",
        "derived",
        "Bits: by V3's shape, is more than half of what 8 bits can bring left (over 1.5 times, of 2)? (2: V3 "
        "report, section 3.3. Against: under a tenth.)",
        ("FP8 against BF16 on an H800, at most",),
        lambda times: limits(times, 1.5, 1.1),
        lambda times: f"{times:.2f} times, if products take all the time",
        "By V3's shape most products are in 8 bits, and over half of the possible gain is left.",
        "By V3's shape 8 bits bring next to nothing.",
        "By V3's shape 8 bits bring less than half of what they could.",
    ),
    Evidence(
        "waiting",
        "11",
        "derived",
        "Waiting: where chips talk as long as they compute, does doing a forward and a backward at once "
        "save a quarter of the step? (A quarter: half of what hiding everything could save.)",
        ("step of DualPipeV against 1F1B at 1 to 1",),
        lambda step: limits(step, 0.75, 1.0),
        lambda step: f"{POINTS * (1 - step):.0f} % of the step saved",
        "Pairs save over a quarter of the step of a plain schedule that hides nothing.",
        "Pairs save nothing against a plain schedule that hides nothing.",
        "Pairs save something, but no quarter of the step.",
    ),
    Evidence(
        "equal operations",
        "12",
        "measured",
        "All together, this small: for equal operations, is the whole model's loss lower than a plain "
        "GPT's? (Clear: an interval without 0.)",
        _ends("gap, whole less plain of equal operations"),
        lambda low, high: below((low, high)),
        _span,
        "For equal operations the whole model ends clearly lower than a plain GPT.",
        "For equal operations the plain GPT ends clearly lower: at this size the whole model is dear to "
        "train.",
        "For equal operations these seeds show no difference between the whole model and a plain GPT.",
    ),
    Evidence(
        "equal time",
        "12",
        "measured",
        "And for equal time: is a step of the whole model as fast as the plain GPT's? (Within a tenth; a "
        "step that takes over a fifth longer counts against. A clock of this machine.)",
        ("step of the whole to one of the plain GPT",),
        lambda times: limits(times, 1.1, 1.2),
        lambda times: f"{approx(times, '.1f')} times as long",
        "On this machine a step of the whole model is as fast as the plain GPT's.",
        "On this machine a step of the whole model takes clearly longer than the plain GPT's.",
        "On this machine a step of the whole model is a little slower than the plain GPT's.",
    ),
    Evidence(
        "writing",
        "12",
        "measured",
        "Writing: behind 32,768 tokens, with drafts, does the whole model read at most half of a plain "
        "GPT's bytes? (Bytes counted; the share of drafts kept is measured.)",
        ("bytes to write a token at 32,768, whole to plain, with drafts",),
        lambda share: limits(share, 0.5, 1.0),
        lambda share: f"{approx(share, '.2f')} of the plain GPT's bytes",
        "Behind a long text the whole model reads under half of the plain GPT's bytes for a token.",
        "Behind a long text the whole model saves no bytes.",
        "Behind a long text the whole model saves some bytes, no half.",
    ),
    Evidence(
        "hours",
        "12",
        "derived",
        "Hours: did V3's pre-training take less than half of the hours of Llama 3.1 405B? (A half: chips "
        "and counting differ by less. Hours as published, or reported.)",
        ("Llama 3.1 405B against V3, hours",),
        lambda times: limits(times, 2.0, 1.0),
        lambda times: (
            f"{times:.1f} times the hours of V3's pre-training, {times * PRE_HOURS / ALL_HOURS:.1f} times all"
        ),
        "Llama 3.1 405B took many times the hours of V3.",
        "Llama 3.1 405B took no more hours than V3.",
        "Llama 3.1 405B took more hours than V3, by less than chips and counting differ.",
    ),
    Evidence(
        "use of the chip",
        "12",
        "derived",
        "And was a chip's hour of pre-training used better, by over a quarter? (A quarter: what counting "
        "attention or not changes. As well within a tenth counts against.)",
        ("Llama 3.1 405B against V3, hours", "Llama 3.1 405B against V3, FLOPs"),
        lambda hours, flops: limits(hours / flops, 1.25, 1.1),
        lambda hours, flops: f"{hours:.1f} times the hours, {flops:.1f} times the operations",
        "V3 did clearly more operations in an hour.",
        "V3 did about as many operations in an hour as Llama 3.1 405B: fewer operations were asked for.",
        "V3 did a little more in an hour than Llama 3.1 405B.",
    ),
)

METHODS = (
    Evidence(
        "latent attention",
        "03",
        "measured",
        "Latent attention, trained from the start: does it lose less than 0.03 nats against separate heads?"
        " (0.03: about what lesson 01's GPT has left above the floor.)",
        _ends("gap, MLA-32 less MHA"),
        lambda low, high: no_worse((low, high), 0.03),
        _span,
        "Latent attention, trained from the start, loses less than 0.03 nats against separate heads.",
        "Latent attention, trained from the start, loses more than 0.03 nats against separate heads.",
        "Whether latent attention loses 0.03 nats against separate heads, these seeds can't tell.",
    ),
    Evidence(
        "absorbing",
        "04",
        "measured",
        "Absorbed keys: at 32k tokens, over 5 times as fast as rebuilding them? (5: a tenth of what the "
        "count of operations promises, since a clock is noisy. Against: no faster.)",
        ("absorbed faster than rebuilt at 32k tokens",),
        lambda times: limits(times, 5, 1),
        lambda times: f"{approx(times, '.0f')} times as fast",
        "Absorbed keys are over 5 times as fast as rebuilt ones at 32k tokens.",
        "Absorbed keys are no faster than rebuilt ones at 32k tokens.",
        "Absorbed keys are faster than rebuilt ones at 32k tokens, by less than 5 times.",
    ),
    Evidence(
        "bias",
        "06",
        "measured",
        "Balance by a bias: does the busiest expert stay under twice the mean load, where it is above "
        "without? (Twice: from there a device waits as long as it works.)",
        (LOAD + "bias", LOAD + "none"),
        lambda bias, none: limits(bias, 1.0, 1.0) if none > 1 else None,
        lambda bias, none: f"{approx(1 + bias, '.1f')} against {approx(1 + none, '.1f')} times the mean load",
        "A bias keeps the busiest expert under twice the mean load, where it is above without.",
        "A bias does not keep the busiest expert under twice the mean load.",
        "There was nothing to balance.",
    ),
    Evidence(
        "finer experts",
        "06",
        "measured",
        "Finer experts, turned up: a loss lower by over 0.03 nats than coarse ones? (0.03: as for latent "
        "attention.)",
        _ends("gap, fine, scale 4 less coarse"),
        lambda low, high: below((low, high), 0.03),
        _span,
        "Finer experts end clearly lower than coarse ones.",
        "Finer experts end clearly higher than coarse ones.",
        "Finer experts brought no gain that this toy could show.",
    ),
    Evidence(
        "second token",
        "08",
        "measured",
        "A second token as target: does the model learn more from the same text, by over 0.05 nats? (0.05: "
        "lesson 00's measure of clearly worse.)",
        _ends("gap, with the module less without"),
        lambda low, high: below((low, high), 0.05),
        _span,
        "With a second token as target the model learns clearly more from the same text.",
        "With a second token as target the model learns clearly less from the same text.",
        "Whether a second token as target teaches the model more, three pairs leave open.",
    ),
    Evidence(
        "drafts",
        "08",
        "measured",
        "Checked drafts: is writing faster by over a fifth in the easiest of ten domains? (The best of ten,"
        " so an upper end. Against: no faster even there. A clock of this machine.)",
        ("speed-up, 8 layers, highest domain",),
        lambda times: limits(times, 1.2, 1.0),
        lambda times: f"{approx(times, '.2f')} times, the best of ten domains",
        "Checked drafts write over a fifth faster where text is easiest.",
        "Checked drafts write no faster, even where text is easiest.",
        "Checked drafts write a little faster where text is easiest.",
    ),
    Evidence(
        "scales",
        "10",
        "measured",
        "8 bits: do runs without scales get stuck in every seed, where those with scales learn? (All three, "
        "as lesson 10 says what stuck is. Against: none.)",
        ("seeds in which unscaled E4M3 gets stuck",),
        lambda stuck: limits(stuck, 3, 0),
        lambda stuck: f"{approx(stuck, '.0f')} of 3 seeds stuck without scales",
        "Without scales every run in 8 bits gets stuck; with them all learn.",
        "Scales were not needed.",
        "Without scales some runs in 8 bits get stuck.",
    ),
    Evidence(
        "fp8 loss",
        "10",
        "measured",
        "8 bits against BF16: is the loss of whole runs at most 0.25 % higher? (0.25 %: V3 report, section "
        "3.3. Pairs of runs, all shown; never the size of their mean.)",
        (FP8 + "mean of 3 seeds",),
        lambda pairs: no_worse(interval(pairs), 0.25),
        lambda pairs: (
            f"pairs {', '.join(approx(x, '+.2f') for x in pairs)} %; {_span(*interval(pairs), '%', '+.2f')}"
        ),
        "8 bits cost at most the report's 0.25 % of the loss, in these pairs.",
        "8 bits cost more than the report's 0.25 % of the loss, in these pairs.",
        "Whether the report's 0.25 % holds, three pairs of whole runs can't tell.",
    ),
    Evidence(
        "group advantages",
        "13",
        "measured",
        "GRPO: does right or wrong alone teach a toy its text, in every seed? (For: at least .9 in the "
        "worst of five; against: under .5 there.)",
        ("right text after training, smallest of 5 seeds",),
        lambda chance: limits(chance, 0.9, 0.5),
        lambda chance: f"{approx(chance, '.2f')} in the worst of 5 seeds",
        "Right or wrong alone teach a toy its text, in every seed.",
        "Right or wrong alone do not teach a toy its text in every seed.",
        "Right or wrong alone teach a toy its text, but not well in every seed.",
    ),
    Evidence(
        "length bias",
        "13",
        "measured",
        "GRPO as first published: does it leave the lengths of right and wrong texts alike, within a half "
        "token? (A token and more apart counts against: Dr. GRPO's objection.)",
        ("length of right texts with 1/n, median", "length of wrong texts with 1/n, median"),
        lambda right, wrong: limits(abs(wrong - right), 0.5, 1.0),
        lambda right, wrong: f"{approx(right, '.1f')} and {approx(wrong, '.1f')} tokens",
        "GRPO as first published leaves the lengths of right and wrong texts alike.",
        "GRPO as first published draws wrong texts out, as its critics say.",
        "GRPO as first published moves lengths a little.",
    ),
    Evidence(
        "many processes",
        "20",
        "measured",
        "Many chips: is a training that is split over two processes, in six layouts, the same training? "
        "(Losses of twelve steps within 1e-12, by 64-bit rounding; 1e-6 apart counts against: a mistake.)",
        ("layouts apart from one process, 64 bits",),
        lambda apart: limits(apart, 1e-12, 1e-6),
        lambda apart: f"losses at most {approx(apart, '.0e')} nats apart",
        "Split over two processes, in each of six layouts, it is the same training.",
        "Split over two processes it is another training.",
        "Split over two processes it is nearly the same training.",
    ),
)

CHIPS = (
    Evidence(
        "share of the peak",
        "00",
        "derived",
        "Hours: do those of pre-training imply a share of the chips' peak that is usual, 30 to 45 %? (Llama "
        "3: 38 to 43 %, reported. Above all or under a tenth would count against; 989.5 TFLOP/s reported.)",
        ("V3 training", PRE_TRAINING, "V3 GPU-hours"),
        lambda flops, hours, of_all: limits(abs(_share_of_peak(flops, hours) - 0.375), 0.075, 0.275),
        lambda flops, hours, of_all: (
            f"{POINTS * _share_of_peak(flops, hours):.1f} % of the peak by pre-training's hours, "
            f"{POINTS * _share_of_peak(flops, of_all):.1f} % by all"
        ),
        "The published hours imply a usual share of the chips' peak.",
        "The published hours imply a share of the chips' peak that nobody reaches, or that all exceed.",
        "The published hours imply an unusual share of the chips' peak.",
    ),
    Evidence(
        "links",
        "11",
        "derived",
        "Links: with everything in sight, would V3's training be slower on H800 than on H100 by less than a"
        " fifth? (A fifth: 54 days would be 65. Against: a half.)",
        ("H800 slower than H100, all in sight", "H800 slower than H100, hidden in pairs"),
        lambda sight, hidden: limits(max(sight, hidden), 0.2, 0.5),
        lambda sight, hidden: f"about {POINTS * sight:.1f} % by an estimate, if nothing is hidden",
        "The slower links would cost V3's training under a fifth in sight, and less where pairs hide them.",
        "The slower links would cost V3's training half of its time or more.",
        "The slower links would cost V3's training between a fifth and a half.",
    ),
    Evidence(
        "node limit",
        "07",
        "measured",
        "Links: does a limit of four machines a token take a tenth of the letters off the slow links? "
        "(Against: none.)",
        ("nodes touched by a token, free", "nodes touched by a token, at most 4"),
        lambda free, limited: limits(limited / free, 0.9, 1.0),
        lambda free, limited: (
            f"{approx(free, '.1f')} machines a token, {approx(limited, '.1f')} with the limit"
        ),
        "The node limit takes over a tenth of the letters off the slow links.",
        "The node limit takes no letters off the slow links.",
        "The node limit takes less than a tenth of the letters off the slow links.",
    ),
    Evidence(
        "slow bytes",
        "07",
        "derived",
        "Links: do grouping, the limit and 8 bits leave at most half of the bytes on the way there? (Half: "
        "8 bits alone do that to 16. Against: all.)",
        ("bytes over slow links, all measures",),
        lambda share: limits(share, 0.5, 1.0),
        lambda share: f"{approx(POINTS * share, '.0f')} % left",
        "On the way there, grouping, the limit and 8 bits leave under half of the bytes on the slow links.",
        "On the way there, grouping, the limit and 8 bits leave all bytes on the slow links.",
        "On the way there, grouping, the limit and 8 bits leave over half of the bytes on the slow links.",
    ),
    Evidence(
        "14 bits",
        "09",
        "measured",
        "8 bits: does the chip's sum of about 14 bits do without help in software? (A sum of one sign, "
        "16,384 long: off by 1 % or less; over 5 %, about the rounding of one E4M3 number, counts against.)",
        (
            "error of sums of 16,384, same sign, 14 bits",
            "error of sums of 16,384, same sign, 14 bits, promoted",
        ),
        lambda alone, promoted: limits(alone, 0.01, 0.05),
        lambda alone, promoted: (
            f"off by {approx(POINTS * alone, '.2g')} %, promoted {approx(POINTS * promoted, '.2g')} %"
        ),
        "The chip's sums need no help.",
        "The chip's long sums of one sign drift far off, and software must add every 128 products up itself.",
        "The chip's long sums drift somewhat.",
    ),
    Evidence(
        "forecast",
        "12",
        "derived",
        "Hours: by Llama 3's reported use of its chips, do V3's 2.664 million come out within a quarter? (A "
        "quarter: what counting attention or not changes. Against: half or double.)",
        ("V3's hours with Llama 3's utilisation, most", "the same, attention counted, least"),
        lambda most, least: limits(max(abs(2.664 / x - 1) for x in (most, least)), 0.25, 1.0),
        lambda most, least: f"{least:.2f} and {most:.2f} million hours",
        "By Llama 3's reported use of its chips V3's hours come out within a quarter.",
        "By Llama 3's reported use of its chips V3's hours come out at half or double.",
        "By Llama 3's reported use of its chips V3's hours come out over a quarter off.",
    ),
    Evidence(
        "pipeline",
        "20",
        "measured",
        "Links: does a pipeline send less in a step than slices of everything (FSDP) do, by more than the "
        "links are slower? (2.25 times: 900 against 400 GB/s, reported. Against: no less.)",
        ("sent a step by FSDP against a pipeline",),
        lambda times: limits(times, 900 / 400, 1.0),
        lambda times: f"{approx(times, '.0f')} times the bytes by FSDP, a small model on two processes",
        "A pipeline sends less than FSDP by more than the H800's links are slower.",
        "A pipeline sends as much as FSDP.",
        "A pipeline sends less than FSDP, by less than the H800's links are slower.",
    ),
    Evidence(
        "tensor parallelism",
        "20",
        "derived",
        "Links: would tensor parallelism over an H800's links take at most a tenth of V3's step? (A tenth: "
        f"what the step waits anyway, {STEP_WAITING} of {STEP_SECONDS} s, hardware paper, Table 4. Against: "
        "a quarter.)",
        (TENSOR + "H800", TENSOR + "H100"),
        lambda weaker, stronger: limits(weaker / STEP_SECONDS, STEP_WAITING / STEP_SECONDS, 0.25),
        lambda weaker, stronger: (
            f"{weaker:.1f} s, of a step of {STEP_SECONDS:.1f}; over an H100's links {stronger:.1f} s"
        ),
        "Tensor parallelism would take little of V3's step, even over an H800's links.",
        "Over an H800's links tensor parallelism would take a large part of V3's step.",
        "Over an H800's links tensor parallelism would take more of V3's step than waiting does.",
    ),
)

OPEN = (
    Evidence(
        "opened elsewhere",
        "12",
        "measured",
        "Open: does another library read our weights and compute the same? (Logits within a thousandth; a "
        "tenth counts against.)",
        ("logits of transformers, furthest from ours",),
        lambda apart: limits(apart, 1e-3, 1e-1),
        lambda apart: f"logits at most {approx(apart, '.0e')} apart",
        "Another library opens our weights and computes the same.",
        "Another library opens our weights and computes something else.",
        "Another library opens our weights and computes nearly the same.",
    ),
    Evidence(
        "rewards alone",
        "14",
        "measured",
        "Thinking: do rewards for right answers alone raise accuracy, by over 20 points? (20: well under "
        "the report's 55.4.)",
        (BEFORE, AFTER_RL),
        lambda before, after: above(interval(after, before), 0.2),
        lambda before, after: f"{_percent(before, after, to=' to ')}; {_points(after, before)}",
        "Rewards alone raise accuracy by far more than 20 points.",
        "Rewards alone lower accuracy.",
        "Rewards alone change accuracy by no more than 20 points, as far as these seeds tell.",
    ),
    Evidence(
        "longer",
        "14",
        "measured",
        "Thinking: do answers grow by over a half, where nobody pays for length? (A half: the choice of "
        "lesson 00.)",
        (BASE_LENGTH, LENGTH),
        lambda base, after: (
            above(interval(after, base.map(lambda x: 1.5 * x)))
            if isinstance(base, Seeds)
            else above(interval(after, base))
        ),
        lambda base, after: f"{approx(base.mean, '.1f')} to {approx(after.mean, '.1f')} tokens",
        "Answers grow by over a half, and nobody paid for length.",
        "Answers grow by less than a half.",
        "Whether answers grow by a half, these seeds can't tell.",
    ),
    Evidence(
        "method known",
        "14",
        "measured",
        "Thinking: does a method spread that one searcher of the corpus in four had? (Above that quarter: "
        "clear.)",
        ("answers in order after, 25 % in the corpus, mean of 3 seeds",),
        lambda share: above(interval(share, level=0.25)),
        lambda share: f"{_percent(share)} of the answers use it",
        "A method that a quarter of the corpus's searchers had spreads to most answers.",
        "A method that a quarter of the corpus's searchers had dies out.",
        "Whether a method that a quarter of the searchers had spreads, these seeds can't tell.",
    ),
    Evidence(
        "method rare",
        "14",
        "measured",
        "Thinking: does it also spread from one in twenty, so that rewards make what the base hardly has? "
        "(Above 5 %.)",
        ("answers in order after, 5 % in the corpus, mean of 3 seeds",),
        lambda share: above(interval(share, level=0.05)),
        lambda share: f"{_percent(share)} of the answers use it",
        "Rewards spread even a method that one searcher in twenty had.",
        "Rewards do not invent a method: what one searcher in twenty had is not found.",
        "Whether rewards spread what one searcher in twenty had, these seeds can't tell.",
    ),
    Evidence(
        "false stars",
        "14",
        "measured",
        "Thinking: does the thought stay true? (A model that has no method: answers made wrong by a star "
        "that isn't there, not clearly more than before, within 5 points.)",
        (STAR + "base", STAR + "after"),
        lambda base, after: no_worse(interval(after, base), 0.05),
        lambda base, after: f"{_percent(base, after, to=' to ')} of the answers",
        "Learning by reward makes up hardly any stars that aren't there.",
        "Learning by reward makes thoughts up: stars are told of that aren't there.",
        "Learning by reward made some stars up; how many more than before, these seeds can't tell.",
    ),
    Evidence(
        "gamed",
        "15",
        "measured",
        "Thinking: does a toy learn its task from a verifier with a hole? (For: truly right in half of the "
        "texts; against: in a tenth or less.)",
        ("a gamed run: reward paid, mean of 8 seeds", "a gamed run: truly right, mean of 8 seeds"),
        lambda paid, right: limits(right, 0.5, 0.1),
        lambda paid, right: f"paid {approx(paid, '.2f')} a text, truly right {_percent(right)}",
        "Even a verifier with a hole teaches the task.",
        "A verifier with a hole pays in full, and is hardly ever given a right answer.",
        "A verifier with a hole teaches part of the task.",
    ),
    Evidence(
        "mixing",
        "16",
        "measured",
        "Thinking: does the language stay as it was, though nobody pays for it? (Where good search and "
        "mixing came along together; neighbours that change language, within 5 points.)",
        ("neighbours that change language, R1-Zero less base, together",),
        lambda more: no_worse(interval(more), 0.05),
        lambda more: _points(more),
        "Rewards leave the language of thoughts as it was.",
        "Rewards bring mixed languages along, which nobody paid for.",
        "Whether rewards mix languages, these seeds can't tell.",
    ),
    Evidence(
        "taught",
        "16",
        "measured",
        "Students: does one taught by traces beat one with rewards of its own, by half of the report's 25.6"
        " points? (R1 report, Table 6; our student is as large as its teacher.)",
        ("student, RL of its own", "student, taught by traces"),
        lambda alone, taught: above(interval(taught, alone), 0.128),
        lambda alone, taught: _points(taught, alone),
        "A student taught by traces is far ahead of one with rewards of its own.",
        "A student taught by traces is far behind one with rewards of its own.",
        "A student taught by traces and one with rewards of its own end close to each other.",
    ),
    Evidence(
        "recipe",
        "16",
        "measured",
        "R1's four stages: do they keep the accuracy of rewards alone? (Clear: an interval without 0.)",
        ("right answers, R1-Zero", "right answers, last RL"),
        lambda alone, recipe: above(interval(recipe, alone)),
        lambda alone, recipe: _points(recipe, alone),
        "R1's stages end clearly more accurate than rewards alone.",
        "R1's stages end clearly less accurate than rewards alone: readable thoughts have a price here.",
        "R1's stages and rewards alone end within what these seeds can tell apart.",
    ),
    Evidence(
        "thought",
        "17",
        "measured",
        "Time: do whole thoughts solve over 20 points more than none? (20: well above a standard error.)",
        (THOUGHT + "cut to nothing", THOUGHT + "as long as it likes"),
        lambda none, whole: above(interval(whole, none), 0.2),
        lambda none, whole: _percent(none, whole, to=" to "),
        "Whole thoughts solve far more of the problems than none.",
        "Whole thoughts solve far fewer of the problems than none.",
        "Whole thoughts and none solve about as many of the problems.",
    ),
    Evidence(
        "vote",
        "17",
        "measured",
        "Time: does a vote of 64 solve over 7.8 points more than one answer, without training? (7.8: half "
        "of R1-Zero's gain on AIME 2024, R1 report, Table 2.)",
        ("base, one answer", "base, vote of 64"),
        lambda one, vote: above(interval(vote, one), 0.078),
        lambda one, vote: _percent(one, vote, to=" to "),
        "A vote solves far more of the problems, without any training.",
        "A vote solves far fewer of the problems.",
        "A vote and one answer solve about as many of the problems.",
    ),
    Evidence(
        "forced on",
        "17",
        "measured",
        "Time: is longer better by itself, when the model must go on whatever it has found? (5 points "
        "either way.)",
        ("after RL, blind waits, gain or loss",),
        lambda gain: above(interval(gain), 0.05),
        lambda gain: _points(gain),
        "Forced to go on blindly, the model gets better.",
        "Forced to go on blindly, the model gets worse: longer is not better by itself.",
        "Forced to go on blindly, the model gets neither better nor worse.",
    ),
    Evidence(
        "rules instead",
        "17",
        "measured",
        "Time: is the model after RL better than its base held to three rules while it writes, by 5 points? "
        "(Both at about 20 tokens. Not 5 points better counts against.)",
        ("base, forced, no door twice", THOUGHT + "as long as it likes"),
        lambda rules, after: not_less(interval(after, rules), 0.05),
        lambda rules, after: _percent(rules, after),
        "The model after RL is far better than its base held to three rules while it writes.",
        "Three rules at decoding, and no training, do as much for the base as RL.",
        "Whether RL beats three rules at decoding, these seeds can't tell.",
    ),
    Evidence(
        "many tries",
        "17",
        "measured",
        "With 16 tries each, does the model after RL still solve more than its base, by 5 points? (Within 5"
        " counts against: then the base could do it, too. Six doors help every guesser.)",
        ("base, pass@16", "after RL, pass@16"),
        lambda base, after: not_less(interval(after, base), 0.05),
        lambda base, after: _percent(base, after),
        "With 16 tries each, the model after RL still solves more than its base.",
        "With 16 tries each, the base has caught up with the model after RL.",
        "With 16 tries each, these seeds can't tell whether the base has caught up.",
    ),
)

AFTER = (
    Evidence(
        "sparse attention",
        "18",
        "measured",
        "Afterwards: does a taught indexer with 64 of 248 positions answer as well as looking at "
        "everything? (Within 5 points.)",
        _ends("taught indexer with 64 positions less everything"),
        lambda low, high: no_worse((-high, -low), 0.05),
        lambda low, high: _span(POINTS * low, POINTS * high, "points", ".1f"),
        "A taught indexer answers as well from a quarter of the positions.",
        "A taught indexer loses over 5 points with a quarter of the positions.",
        "Whether a taught indexer loses anything, these seeds can't tell.",
    ),
    Evidence(
        "choosing pays",
        "18",
        "derived",
        "Afterwards: by V3.2's shape, does choosing cost less than looking at everything within the 4,096 "
        "positions that V3 was trained on? (V3 report, section 4.2. Against: not below 128k, its longest.)",
        ("V3.2: positions from which choosing is cheaper", "V3.2: most that choosing can save"),
        lambda crossing, most: limits(crossing, 4096, 131_072),
        lambda crossing, most: f"cheaper from {crossing:,.0f} positions on, at most {most:.0f} times",
        "By V3.2's shape choosing pays for short texts already.",
        "By V3.2's shape choosing pays for no text that V3 could read.",
        "By V3.2's shape choosing pays for long texts only.",
    ),
    Evidence(
        "choosing saves time",
        "18",
        "measured",
        "Afterwards: with 32,768 positions held, is a token over twice as fast with 256 chosen? (Twice, "
        "since a clock is noisy. Against: no faster. One layer on this machine.)",
        ("everything against 256 chosen at 32k, one token",),
        lambda times: limits(times, 2, 1),
        lambda times: f"{approx(times, '.1f')} times as fast",
        "Choosing makes a token behind a long text over twice as fast.",
        "Choosing makes a token behind a long text no faster.",
        "Choosing makes a token behind a long text a little faster.",
    ),
    Evidence(
        "even steps",
        "19",
        "measured",
        "Afterwards: is Muon, written from its formula, torch's own, within 2 % of a step? (2 %: torch "
        "computes it in BF16, whose numbers are rounded by up to 0.4 %, five rounds long. Against: 10 %.)",
        ("a step of Muon from torch's own",),
        lambda apart: limits(apart, 2, 10),
        lambda apart: f"{approx(apart, '.1f')} % of the way apart after three steps",
        "Muon, written from its formula, takes torch's steps.",
        "Muon, written from its formula, takes other steps than torch's.",
        "Muon, written from its formula, takes nearly torch's steps.",
    ),
    Evidence(
        "kept streams",
        "19",
        "derived",
        "Afterwards: do 60 mixing matrices that only average stay under a gain of 2, where free ones pass "
        "100? (mHC's paper: about 1.6 and 3,000. Against: over 100, too.)",
        (GAIN + "free", GAIN + "Sinkhorn 20"),
        lambda free, kept: limits(kept, 2, 100) if free > 100 else None,
        lambda free, kept: f"{approx(free, '.0f')} times free, {approx(kept, '.1f')} kept",
        "Sixty matrices that only average multiply up to little, sixty free ones to hundreds.",
        "Sixty matrices that should only average explode as free ones do.",
        "Sixty matrices that only average were not shown to be tamer than free ones.",
    ),
    Evidence(
        "one token",
        "19",
        "derived",
        "Afterwards: is one drawn token, in place of the teacher's whole distribution, a noisy teacher? (For:"
        " noise over twice the signal, a student 90 % right; against: less noise than signal. V4 report, "
        "5.1.2, says so.)",
        ("one token's noise to the whole answer's signal, student 90 % right",),
        lambda ratio: limits(ratio, 2, 1),
        lambda ratio: f"noise {ratio:.1f} times the signal",
        "One drawn token is mostly noise where the whole distribution has none.",
        "One drawn token is more signal than noise.",
        "One drawn token is about as much noise as signal.",
    ),
    Evidence(
        "4 bits in 8",
        "19",
        "derived",
        "Afterwards: do V4's 4-bit codes fit V3's 8-bit numbers exactly, with room for scales that differ? "
        "(V4 report, 5.2.1. For: 8 powers of two, half of E4M3's 16; against: one, so equal scales only.)",
        ("powers of two by which all E2M1 codes are exact in E4M3",),
        lambda powers: limits(powers, 8, 1),
        lambda powers: f"exact for {powers:.0f} powers of two in a row",
        "V4's 4-bit codes fit V3's 8-bit numbers exactly, with room for scales that differ.",
        "V4's 4-bit codes fit V3's 8-bit numbers only where all scales are equal.",
        "V4's 4-bit codes fit V3's 8-bit numbers with little room for scales that differ.",
    ),
    Evidence(
        "spread",
        "19",
        "measured",
        "Afterwards: did others take balancing by a bias up? (Families of models in `transformers` with it: "
        "over 10 for, three times the lab's own; 3 and fewer, the lab's own by lesson 19, against.)",
        ("model families in transformers with balancing by a bias",),
        lambda families: limits(families, 10, 3),
        lambda families: f"{approx(families, '.0f')} families",
        "Balancing by a bias stands in the code of many families of models, few of them DeepSeek's.",
        "Balancing by a bias stands in no code but DeepSeek's own.",
        "Balancing by a bias stands in the code of a few families beside DeepSeek's.",
    ),
)

QUESTIONS: dict[str, tuple[Evidence, ...]] = {
    "rival": (),
    "fewer resources": FEWER,
    "known methods": METHODS,
    "history": (),
    "weaker chips": CHIPS,
    "sputnik": (),
    "wakeup call": (),
    "open and thinking": OPEN,
}
ASKED = {one.key: one for all_of in (*QUESTIONS.values(), AFTER) for one in all_of}
