"""The questions of lesson 20's last claim: are the models open, and do they get better by thinking?"""

from __future__ import annotations

from lessons_lib.show.evidence import Evidence

THOUGHT = "after RL, thought "

OPEN_AND_THINKING = (
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
        "15",
        ("student, RL of its own", "student, taught by traces"),
        lambda alone, taught: None if abs(taught - alone) < 0.05 else taught > alone,
        "A small model learns more from a large one's answers than from rewards of its own.",
        "A small model learns less from a large one's answers than from rewards of its own.",
        "A small model learns as much from a large one's answers as from rewards of its own.",
    ),
    Evidence(
        "16",
        (THOUGHT + "cut to nothing", THOUGHT + "as long as it likes"),
        lambda none, whole: None if abs(whole - none) < 0.2 else whole > none,
        "Thinking longer: whole thoughts solve at least 20 % more of the problems than no thought.",
        "Thinking longer: whole thoughts solve at least 20 % fewer of the problems than no thought.",
        "Thinking longer: whole thoughts and none differ by less than 20 % of the problems.",
    ),
    Evidence(
        "16",
        ("base, one answer", "base, vote of 64"),
        lambda one, vote: None if abs(vote - one) < 0.2 else vote > one,
        "Thinking more often: a vote solves at least 20 % more of the problems, without any training.",
        "Thinking more often: a vote solves at least 20 % fewer of the problems.",
        "Thinking more often: a vote and one answer differ by less than 20 % of the problems.",
    ),
    Evidence(
        "16",
        ("after RL, blind waits, gain or loss",),
        lambda gain: None if abs(gain) < 0.05 else gain > 0,
        "Forced to go on, whatever it has found, the model gets better.",
        "Forced to go on, whatever it has found, the model gets worse: longer is not better by itself.",
        "Forced to go on, whatever it has found, the model gets neither better nor worse.",
    ),
    Evidence(
        "16",
        ("base, pass@16", "after RL, pass@16"),
        lambda base, trained: None if abs(trained - base) < 0.05 else trained > base,
        "With 16 tries each, the model after RL still solves more than its base.",
        "With 16 tries each, the base solves more than the model after RL.",
        "With 16 tries each, the base has caught up: what RL adds is in dispute.",
    ),
)
