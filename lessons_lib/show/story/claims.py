"""The news story of January 2025 that the course answers, as eight claims in our own words.

Lesson 00 shows them and asks for three predictions, lesson 21 for the others, and comes back to all. `name`
is the key under which a prediction is kept: never change one.
"""

from __future__ import annotations

from dataclasses import dataclass

VERDICTS = ("can test", "partly", "cannot")


@dataclass(frozen=True)
class Claim:
    """One claim: what was said, how far a laptop can test it, how, and in which lessons."""

    name: str
    said: str
    verdict: str
    how: str
    lessons: tuple[str, ...]
    ask: str  # what the reader is asked to predict
    options: tuple[str, ...] = ()  # where lesson 00 asks, what may be chosen; a later lesson answers


CLAIMS = (
    Claim(
        "rival",
        "A Chinese start-up suddenly rivals the American AI giants. Markets moved; its assistant "
        "led the App Store.",
        "cannot",
        "Share prices and download charts are not on your disk.",
        ("21",),
        "What would a rival have to show you before you believe it?",
    ),
    Claim(
        "fewer resources",
        "It got there with fewer resources. Perhaps huge data centres and special chips are not "
        "the only way.",
        "partly",
        "Each saving can be measured in miniature: memory, computation, bits, waiting. Whether "
        "they add up at full size cannot.",
        ("03", "05", "10", "11", "12"),
        "While it writes, a model keeps notes, some hundreds of numbers for each token that it has read. How "
        "far can the notes shrink before it writes clearly worse, by more than 0.05 nats of loss a token "
        "(lesson 01 explains the unit)?",
        ("they can't be cut", "a half", "a quarter", "an eighth", "a sixteenth"),
    ),
    Claim(
        "known methods",
        "There is no secret technology: known methods, open to others, were used effectively "
        "(Stacy Rasgon, Bernstein). The market overreacted.",
        "can test",
        "Every method is built from its paper and measured against what it replaced. The market "
        "stays outside.",
        ("03", "04", "06", "08", "10", "13"),
        "Will the methods, rebuilt from the papers, really give what the papers say?",
    ),
    Claim(
        "history",
        "Founded in Hangzhou in 2023, first model the same year, led by Liang Wenfeng, co-founder "
        "of the hedge fund High-Flyer.",
        "cannot",
        "This is history: look it up, do not compute it.",
        ("21",),
        "Does it matter for the science who pays? What would you look up first?",
    ),
    Claim(
        "weaker chips",
        "High-Flyer reportedly held a large cluster of A100 chips; DeepSeek says that recent "
        "models used the weaker H800. So the best chips are not strictly needed.",
        "partly",
        "The arithmetic of the published hours and the tricks for slow links can be tested. What "
        "was bought and spent cannot.",
        ("00", "07", "09", "11", "12", "20"),
        "What share of the chips' peak speed do the published hours imply?",
        ("10 percent", "35 percent", "80 percent"),
    ),
    Claim(
        "sputnik",
        'Marc Andreessen: a "Sputnik moment". He and others warn of overregulation; some, like '
        "Gregory Allen (CSIS), see political timing.",
        "cannot",
        "A judgement about politics. We come back to it with the evidence of all lessons.",
        ("21",),
        "After 20 lessons, would you use the word Sputnik? What would change your mind?",
    ),
    Claim(
        "wakeup call",
        'Donald Trump: it could mean spending less for similar results; a "wakeup call" for '
        "industry in the USA.",
        "cannot",
        "What an industry will do with a cheaper method is not an experiment that you can run.",
        ("21",),
        "If training gets ten times cheaper, is less spent on it, or more?",
    ),
    Claim(
        "open and thinking",
        "The models are open to use and change. Nvidia called R1 a prime example of test-time "
        "scaling: answers improve through a train of thought.",
        "can test",
        "In mechanism: we open our weights in another library, train a model to think by reward "
        "alone, and let it think longer.",
        ("12", "14", "15", "16", "17"),
        "Will a tiny model begin to think longer by itself if only right answers are rewarded?",
        ("no", "a little longer", "over half as long again"),
    ),
)
