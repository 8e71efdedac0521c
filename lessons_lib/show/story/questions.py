"""Which findings bear on which claim of January 2025, and what each answer means: lesson 21's table.

A new lesson adds its questions here: the names that it gives to `record_finding`, a threshold that no
processor's rounding crosses, and a sentence for each answer, without measured numbers. `later(...)` keeps
the place of a lesson whose findings have no names yet.
"""

from __future__ import annotations

from lessons_lib.show.story.evidence import Evidence, clearly_lower, later


def _share(flops: float, hours: float) -> float:
    """Return the share of an H800's peak, 989.5e12 FLOP/s in BF16 (reported), that these hours imply."""
    return flops / (hours * 3600 * 989.5e12)


def _interval(name: str) -> tuple[str, str]:
    """Return the names under which a lesson keeps the two ends of a difference's interval."""
    return f"{name}, low end", f"{name}, high end"


V3_CACHE = "cache per token at V3's size, "
PARTS_12 = ("MLA", "experts")
LOSS_10 = "tiles against BF16, "
THOUGHT = "after RL, thought "

QUESTIONS: dict[str, tuple[Evidence, ...]] = {
    "rival": (),
    "fewer resources": (
        Evidence(
            "02",
            (V3_CACHE + "MHA", V3_CACHE + "MQA"),
            lambda mha, mqa: mha > 100 * mqa,
            "Memory: at V3's sizes one set of keys and values for all heads caches over 100 times less.",
            "Memory: at V3's sizes one set of keys and values for all heads does not save 100 times.",
        ),
        Evidence(
            "03",
            (V3_CACHE + "MHA", V3_CACHE + "MLA"),
            lambda mha, mla: mha > 50 * mla,
            "Memory: at V3's sizes a latent cache is over 50 times smaller than that of separate heads.",
            "Memory: at V3's sizes a latent cache is not 50 times smaller than that of separate heads.",
        ),
        Evidence(
            "05",
            _interval("gap, MoE less dense, equal steps"),
            clearly_lower,
            "Computation: at equal steps and equal work per token, experts come clearly nearer to the floor.",
            "Computation: at equal steps and equal work per token, experts end clearly further from it.",
            "Computation: at equal steps, three seeds can't tell experts from one dense block.",
        ),
        Evidence(
            "05",
            _interval("gap, MoE less dense, equal time"),
            lambda low, high: clearly_lower(low, high, 0.05),
            "Computation: in equal time on this processor they win clearly, too, by over 0.05 nats.",
            "Computation: in equal time on this processor they lose clearly, by over 0.05 nats.",
            "Computation: in equal time on this processor three seeds show no difference of 0.05 nats.",
        ),
        Evidence(
            "10",
            ("FP8 against BF16 on an H800, at most",),
            lambda bound: bound > 1.5,
            "Bits: by V3's shape, FP8 makes training over 1.5 times as fast, if products take all the time.",
            "Bits: by V3's shape, FP8 can't even make training 1.5 times as fast.",
        ),
        later("11"),
        Evidence(
            "12",
            ("main run above the floor",),
            lambda gap: gap < 0.3,
            "All together: latent attention, experts, two tokens and FP8 in one model, near the floor.",
            "All together: latent attention, experts, two tokens and FP8 in one model, far from the floor.",
        ),
    ),
    "known methods": (
        Evidence(
            "03",
            _interval("gap, MLA-32 less MHA"),
            lambda low, high: clearly_lower(low, high, 0.03),
            "Latent attention: a loss clearly lower than that of all keys and values, by over 0.03 nats.",
            "Latent attention: a loss clearly higher than that of all keys and values, by over 0.03 nats.",
            "Latent attention: three seeds show no difference of 0.03 nats from all keys and values.",
        ),
        Evidence(
            "04",
            ("absorbed faster than rebuilt at 32k tokens",),
            lambda times: times > 5,
            "Absorbed keys: at 32k tokens more than 5 times as fast as rebuilding them.",
            "Absorbed keys: at 32k tokens not even 5 times as fast as rebuilding them.",
        ),
        Evidence(
            "06",
            ("maximum violation, bias", "maximum violation, none"),
            lambda bias, none: 5 * bias < none,
            "Balance by bias: the busiest expert's excess is less than a fifth of what it is without.",
            "Balance by bias: the busiest expert keeps more than a fifth of its excess.",
        ),
        Evidence(
            "06",
            _interval("gap, fine less coarse"),
            lambda low, high: clearly_lower(low, high, 0.1),
            "Finer experts: clearly nearer to the floor.",
            "Finer experts: clearly further from the floor.",
            "Finer experts: no gain that this toy could show.",
        ),
        Evidence(
            "08",
            _interval("gap, with the module less without"),
            lambda low, high: clearly_lower(low, high, 0.05),
            "A second token as target: the model learns clearly more from the same text, by over 0.05 nats.",
            "A second token as target: the model learns clearly less from the same text, by over 0.05 nats.",
            "A second token as target: three seeds show no difference of 0.05 nats.",
        ),
        Evidence(
            "08",
            ("passes, highest domain",),
            lambda passes: passes < 0.75,
            "Checked drafts: over a quarter of the passes saved, where text is predictable.",
            "Checked drafts: under a quarter of the passes saved, even where text is predictable.",
        ),
        Evidence(
            "10",
            ("seeds in which unscaled E4M3 gets stuck", LOSS_10 + "furthest of 3 seeds"),
            lambda stuck, furthest: stuck > 0 and abs(furthest) < 3,
            "FP8 with a scale per tile ends within 3 % of BF16's loss; without scales, runs get stuck.",
            "FP8: scales were not needed, or tiles did not end within 3 % of BF16's loss.",
        ),
        Evidence(
            "10",
            (LOSS_10 + "furthest of 3 seeds", "the report's loss error against BF16, at most"),
            lambda furthest, reported: None if abs(furthest) < 3 else abs(furthest) <= reported,
            "FP8 within the report's bound.",
            "FP8 outside of the report's bound.",
            "FP8: whether the report's 0.25 % holds, three pairs of runs are too few to say.",
        ),
        Evidence(
            "12",
            tuple(f"no {part}: loss against the whole, mean of 3 seeds" for part in PARTS_12),
            lambda *worse: max(worse) > 0.1,
            "All together, after 200 steps: without latent attention or experts the loss is clearly worse.",
            "All together, after 200 steps: without latent attention or experts the loss is no worse.",
        ),
        Evidence(
            "13",
            ("right text after training, smallest of 5 seeds",),
            lambda chance: chance > 0.9,
            "Group advantages: right or wrong alone teach a toy its text, in every seed.",
            "Group advantages: right or wrong alone do not teach a toy its text in every seed.",
        ),
        Evidence(
            "13",
            ("length of right texts with 1/n, median", "length of wrong texts with 1/n, median"),
            lambda right, wrong: None if abs(wrong - right) < 0.5 else wrong > right,
            "GRPO's mean per text draws wrong texts out, as its critics (Dr. GRPO) say.",
            "GRPO's mean per text makes wrong texts shorter, which its critics do not say.",
            "GRPO's mean per text changes lengths too little to see.",
        ),
    ),
    "history": (),
    "weaker chips": (
        Evidence(
            "00",
            ("V3 training", "V3 GPU-hours"),
            lambda flops, hours: 0.3 < _share(flops, hours) < 0.4,
            "Hours: they imply 30 to 40 % of the chips' BF16 peak of 989.5 TFLOP/s (the peak is reported).",
            "Hours: they don't imply 30 to 40 % of the chips' BF16 peak of 989.5 TFLOP/s (reported).",
        ),
        later("07"),
        later("11"),
        Evidence(
            "12",
            ("V3 at 20 % of the peak", "V3 at 50 % of the peak"),
            lambda most, least: least < 2.664 < most,
            "Hours: those of V3's pre-training lie between what 20 and 50 % of the chips' peak would take.",
            "Hours: those of V3's pre-training do not lie between what 20 and 50 % of the peak would take.",
        ),
    ),
    "sputnik": (),
    "wakeup call": (),
    "open and thinking": (
        Evidence(
            "12",
            ("logits of transformers, furthest from ours",),
            lambda apart: apart < 1e-2,
            "Open: another library opens our weights, and computes the same.",
            "Open: another library opens our weights, and computes something else.",
        ),
        Evidence(
            "14",
            ("pass@1 of the base, mean of 3 seeds", "pass@1 after learning by reward, mean of 3 seeds"),
            lambda base, trained: None if abs(trained - base) < 0.2 else trained > base,
            "Rewards alone: at least 20 % more of the problems solved than before.",
            "Rewards alone: at least 20 % fewer of the problems solved than before.",
            "Rewards alone: less than 20 % more or fewer of the problems solved.",
        ),
        Evidence(
            "14",
            ("length of an answer, base, mean of 3 seeds", "length of an answer after, mean of 3 seeds"),
            lambda base, trained: trained > 1.5 * base,
            "Rewards alone: answers grow by over a half, and nobody paid for length.",
            "Rewards alone: answers do not grow by a half.",
        ),
        Evidence(
            "16",
            ("student, RL of its own", "student, taught by traces"),
            lambda alone, taught: None if abs(taught - alone) < 0.05 else taught > alone,
            "A small model learns more from a large one's answers than from rewards of its own.",
            "A small model learns less from a large one's answers than from rewards of its own.",
            "A small model learns as much from a large one's answers as from rewards of its own.",
        ),
        Evidence(
            "17",
            (THOUGHT + "cut to nothing", THOUGHT + "as long as it likes"),
            lambda none, whole: None if abs(whole - none) < 0.2 else whole > none,
            "Thinking longer: whole thoughts solve at least 20 % more of the problems than no thought.",
            "Thinking longer: whole thoughts solve at least 20 % fewer of the problems than no thought.",
            "Thinking longer: whole thoughts and none differ by less than 20 % of the problems.",
        ),
        Evidence(
            "17",
            ("base, one answer", "base, vote of 64"),
            lambda one, vote: None if abs(vote - one) < 0.2 else vote > one,
            "Thinking more often: a vote solves at least 20 % more of the problems, without any training.",
            "Thinking more often: a vote solves at least 20 % fewer of the problems.",
            "Thinking more often: a vote and one answer differ by less than 20 % of the problems.",
        ),
        Evidence(
            "17",
            ("after RL, blind waits, gain or loss",),
            lambda gain: None if abs(gain) < 0.05 else gain > 0,
            "Forced to go on, whatever it has found, the model gets better.",
            "Forced to go on, whatever it has found, the model gets worse: longer is not better by itself.",
            "Forced to go on, whatever it has found, the model gets neither better nor worse.",
        ),
        Evidence(
            "17",
            ("base, pass@16", "after RL, pass@16"),
            lambda base, trained: None if abs(trained - base) < 0.05 else trained > base,
            "With 16 tries each, the model after RL still solves more than its base.",
            "With 16 tries each, the base solves more than the model after RL.",
            "With 16 tries each, the base has caught up: what RL adds is in dispute.",
        ),
    ),
}
