"""Which findings bear on which claim of January 2025, and what each answer means: lesson 21's table.

A new lesson adds its questions here: the names that it gives to `record_finding`, a threshold that no
processor's rounding crosses, and a sentence for each answer, without measured numbers. `later(...)` keeps
the place of a lesson whose findings have no names yet.
"""

from __future__ import annotations

from lessons_lib.show.story.evidence import Evidence, clearly_lower


def _share(flops: float, hours: float) -> float:
    """Return the share of an H800's peak, 989.5e12 FLOP/s in BF16 (reported), that these hours imply."""
    return flops / (hours * 3600 * 989.5e12)


def _interval(name: str) -> tuple[str, str]:
    """Return the names under which a lesson keeps the two ends of a difference's interval."""
    return f"{name}, low end", f"{name}, high end"


V3_CACHE = "cache per token at V3's size, "
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
            _interval("thousand bits known, MoE less dense of three times the steps"),
            lambda low, high: clearly_lower(-high, -low),
            "Knowledge: experts know clearly more by heart than a dense block given three times their steps.",
            "Knowledge: experts know clearly less by heart than a dense block given three times their steps.",
            "Knowledge: whether experts know more than a dense block of three times the steps is open.",
        ),
        Evidence(
            "10",
            ("FP8 against BF16 on an H800, at most",),
            lambda bound: bound > 1.5,
            "Bits: by V3's shape, FP8 makes training over 1.5 times as fast, if products take all the time.",
            "Bits: by V3's shape, FP8 can't even make training 1.5 times as fast.",
        ),
        Evidence(
            "11",
            ("step of DualPipeV against 1F1B at 1 to 1",),
            lambda times: times < 2 / 3,
            "Waiting: at V3's traffic, pairs save over a third of the step of a 1F1B that hides nothing.",
            "Waiting: at V3's traffic, pairs save no third of the step of a 1F1B that hides nothing.",
        ),
        Evidence(
            "12",
            ("main run above the floor",),
            lambda gap: gap < 0.3,
            "All together: latent attention, experts, two tokens and FP8 in one model, near the floor.",
            "All together: latent attention, experts, two tokens and FP8 in one model, far from the floor.",
        ),
        Evidence(
            "12",
            ("bytes to write a token at 32,768, whole to plain, with drafts",),
            lambda share: share < 0.5,
            "Writing: behind 32,768 tokens the miniature reads under half of a plain GPT's bytes a token.",
            "Writing: behind 32,768 tokens the miniature does not save half of a plain GPT's bytes a token.",
        ),
        Evidence(
            "12",
            ("Llama 3.1 405B against V3, hours", "Llama 3.1 405B against V3, FLOPs"),
            lambda hours, flops: 0.9 < hours / flops < 1.1,
            "Hours: V3's saving against Llama 3.1 405B is active parameters, not more operations per hour.",
            "Hours: V3's saving against Llama 3.1 405B is not active parameters alone.",
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
            _interval("gap, fine, scale 4 less coarse"),
            lambda low, high: clearly_lower(low, high, 0.1),
            "Finer experts, turned up: clearly nearer to the floor.",
            "Finer experts, turned up: clearly further from the floor.",
            "Finer experts, turned up: no gain that this toy could show.",
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
            _interval("gap, whole less plain of equal operations"),
            clearly_lower,
            "All together, this small: for equal operations clearly nearer to the floor than a plain GPT.",
            "All together, this small: for equal operations clearly further from the floor than a plain GPT.",
            "All together, this small: for equal operations no difference from a plain GPT was shown.",
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
        Evidence(
            "07",
            ("nodes touched by a token, free", "nodes touched by a token, at most 4"),
            lambda free, limited: limited < 0.8 * free,
            "Links: experts from at most four machines take over 20 % of the letters off the slow links.",
            "Links: experts from at most four machines do not take 20 % of the letters off the slow links.",
        ),
        Evidence(
            "07",
            ("bytes over slow links, all measures",),
            lambda share: share < 0.3,
            "Links: grouping, a limit and 8 bits leave less than 30 % of the bytes there.",
            "Links: grouping, a limit and 8 bits leave more than 30 % of the bytes there.",
        ),
        Evidence(
            "11",
            ("H800 slower than H100, all in sight", "H800 slower than H100, hidden in pairs"),
            lambda sight, hidden: hidden < 0.01 and sight < 0.15,
            "Links: slower ones cost under 15 % of V3's time where they are in sight, and nothing if hidden.",
            "Links: slower ones cost 15 % of V3's time or more, or they can't be hidden.",
        ),
        Evidence(
            "12",
            ("V3's hours with Llama 3's utilisation, most", "the same, attention counted, least"),
            lambda most, least: 2.664 / 1.25 < most and least < 2.664 * 1.25,
            "Hours: by Llama 3's utilisation, V3's pre-training takes those reported, within a quarter.",
            "Hours: by Llama 3's utilisation, V3's pre-training takes others than those reported.",
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
            "14",
            ("answers in order after, 25 % in the corpus, mean of 3 seeds",),
            lambda share: share > 0.5,
            "Rewards alone: models find a method, where one thinker of the corpus in four used it.",
            "Rewards alone: models find no method, though one thinker of the corpus in four used one.",
        ),
        Evidence(
            "14",
            ("answers in order after, 5 % in the corpus, mean of 3 seeds",),
            lambda share: share > 0.4,
            "Rewards alone: models find a method even where one thinker of the corpus in twenty used it.",
            "Rewards alone: models find no method where one thinker of the corpus in twenty used it.",
        ),
        Evidence(
            "15",
            ("a gamed run: reward paid, mean of 8 seeds", "a gamed run: truly right, mean of 8 seeds"),
            lambda paid, right: paid < 0.9 or right > 0.5,
            "Rewards alone: a toy learns its task even from a verifier with a hole.",
            "Rewards alone: by a verifier with a hole a toy is paid in full, and is hardly ever right.",
        ),
        Evidence(
            "16",
            ("student, RL of its own", "student, taught by traces"),
            lambda alone, taught: None if abs(taught - alone) < 0.05 else taught > alone,
            "A student learns more from its teacher's answers than from rewards of its own.",
            "A student learns less from its teacher's answers than from rewards of its own.",
            "A student learns as much from its teacher's answers as from rewards of its own.",
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
