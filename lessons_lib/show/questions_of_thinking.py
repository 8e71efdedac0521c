"""The questions of lesson 20's last claim: are the models open, and do they get better by thinking?"""

from __future__ import annotations

from lessons_lib.show.evidence import Evidence, later

THOUGHT = "after RL, thought "

OPEN_AND_THINKING = (
    later("12"),
    later("14"),
    later("15"),
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
