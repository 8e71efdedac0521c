"""Our verdict on each of the eight claims: one number, a sentence or two, and what would change our mind.

Every sentence points at the questions (`questions.ASKED`) and sources (`sources.SOURCES`) that it rests on. A
verdict also says which answers it expects from the reader's own runs: where they came out otherwise, the page
says so beside the verdict, and where they are missing, which lesson to run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lessons_lib.show.course import NOTEBOOKS
from lessons_lib.show.story.evidence import AGAINST, FOR, FOUND, UNDECIDED, Answer, Findings, weigh
from lessons_lib.show.story.questions import ASKED
from lessons_lib.show.story.sources import (
    ALL_HOURS,
    BY_OTHERS,
    LAB,
    LLAMA_HOURS,
    METHODS,
    MORE_OPERATIONS,
    NEW,
    YEARS,
)

TRUE, HALF = "true", "half true"
NOT, NOBODY = "not by what is published", "no laptop and no paper can tell"
VERDICTS = (TRUE, HALF, NOT, NOBODY)
Answers = dict[str, Answer]


@dataclass(frozen=True)
class Sentence:
    """One sentence of the page, and the keys of what it rests on."""

    text: str
    rests: tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """What we say of one claim; `words` are pairs of a part of the claim, or "", and the verdict on it."""

    claim: str
    words: tuple[tuple[str, str], ...]
    number: Callable[[Answers], str]
    counted: Sentence  # what the number is
    says: tuple[Sentence, ...]
    elsewhere: Sentence  # what of the claim is no method, and where to ask
    change: Sentence  # what would change our mind
    expects: dict[str, str]  # key of a question -> the answer that the sentences take for granted


def _fixed(text: str) -> Callable[[Answers], str]:
    return lambda answers: text


def _numbers(*keys: str) -> Callable[[Answers], str]:
    """Return what gives the numbers of these questions, or which lesson is missing for them."""

    def write(answers: Answers) -> str:
        first = [answers[key].numbers.partition(";")[0] or answers[key].sentence for key in keys]
        return "; ".join(dict.fromkeys(first))

    return write


OUR_VERDICTS = (
    Verdict(
        "rival",
        (("", HALF),),
        _fixed("79.8 and 79.2 %"),
        Sentence("of AIME 2024 solved by R1 and o1-1217, quoted", ("o1",)),
        (
            Sentence(
                "Level with o1-1217 on AIME 2024 (79.8 against 79.2 %) and on SWE-bench Verified (49.2 "
                "against 48.9), behind it on GPQA Diamond (71.5 against 75.7); each was tested by its maker.",
                ("o1",),
            ),
            Sentence(
                "Its methods did not come suddenly: parts were in print from January 2024 on. The "
                "result, and what markets made of it, may have.",
                ("first paper",),
            ),
        ),
        Sentence("Share prices and the App Store's chart: ask an exchange, and Apple.", ("story",)),
        Sentence("One test that both sit, run by somebody else.", ("o1",)),
        {},
    ),
    Verdict(
        "fewer resources",
        (("", HALF),),
        _numbers("use of the chip"),
        Sentence(
            "Llama 3.1 405B against V3's pre-training, derived; "
            f"{LLAMA_HOURS / ALL_HOURS:.1f} times the hours if all of V3's count",
            ("use of the chip", "hours", "llama", "bill", "active"),
        ),
        (
            Sentence(
                "The sum of 5.576 million dollars is right as a product and partial as a bill: one final "
                "run, machines as rent, no research, no people.",
                ("bill",),
            ),
            Sentence(
                "What was saved is parameters at work, 37 billion against Llama's 405, not a better use "
                "of the chip; and at our size the whole model is dear to train and cheap to write with. "
                "Whether the two are equally good is not compared here.",
                ("use of the chip", "active", "equal operations", "equal time", "writing"),
            ),
        ),
        Sentence("What rivals spent, and what all of it cost here: ask auditors.", ("bill", "hardware")),
        Sentence("An audited bill of everything, beside a rival's of equal quality.", ("bill",)),
        {
            "hours": FOR,
            "use of the chip": AGAINST,
            "equal operations": AGAINST,
            "equal time": AGAINST,
            "writing": FOR,
        },
    ),
    Verdict(
        "known methods",
        (("no secret in the methods", TRUE), ("the market overreacted", NOBODY)),
        _fixed(f"{BY_OTHERS} of {METHODS}"),
        Sentence("methods in or behind V3 and R1 first published by others, counted", ("timeline",)),
        (
            Sentence(
                f"In print: {len(LAB) - len(NEW)} of the lab's own {len(LAB)} methods were out for "
                f"months; {len(NEW)} came with V3 and R1. What is not in print is data, training code, "
                "practice.",
                ("timeline", "not in print"),
            ),
            Sentence(
                "Rebuilt from the papers, most of them do here what is claimed. GRPO as first published "
                "makes wrong answers longer, as its critics say; what finer experts and a second token "
                "teach, and whether 8 bits cost under 0.25 %, our runs can't decide.",
                (
                    *("bias", "absorbing", "latent attention", "scales", "group advantages"),
                    *("many processes", "length bias", "finer experts", "second token", "fp8 loss"),
                ),
            ),
            Sentence("What a share is worth is no method, so that half stays open.", ("story",)),
        ),
        Sentence("Whether the market overreacted: ask those who know what a share is worth.", ("story",)),
        Sentence("A method that others, given the papers, can't make work.", ("timeline", "not in print")),
        {
            "bias": FOR,
            "absorbing": FOR,
            "latent attention": FOR,
            "scales": FOR,
            "group advantages": FOR,
            "many processes": FOR,
            "length bias": AGAINST,
            "finer experts": UNDECIDED,
            "second token": UNDECIDED,
            "fp8 loss": UNDECIDED,
        },
    ),
    Verdict(
        "history",
        (("", NOBODY),),
        _fixed("January 2024"),
        Sentence("the first of the lab's papers used here", ("first paper",)),
        (
            Sentence(
                "No question for a laptop: who founded what, and when, a register tells. No measurement here "
                "hangs on it.",
                ("story", "first paper"),
            ),
        ),
        Sentence("Founder, fund and year: ask a company register and the press.", ("story",)),
        Sentence("An entry in that register.", ("story",)),
        {},
    ),
    Verdict(
        "weaker chips",
        (("", HALF),),
        _numbers("links"),
        Sentence("longer training of V3 on H800 than on H100, derived", ("links",)),
        (
            Sentence(
                "Weaker in the links (400 against 900 GB/s, reported), not in arithmetic. By an estimate from"
                " published speeds those links would cost V3's training little in sight, and nothing where "
                "pairs hide them wholly.",
                ("H800", "links"),
            ),
            Sentence(
                "What the cut costs is layouts that need fast links, such as tensor parallelism. The "
                "limit on where tokens go, and 20 of a chip's 132 processors kept for sending, are there "
                "because of the network between machines, which is no faster with H100. Sums in 8 bits "
                "need software's help on either.",
                (
                    *("node limit", "slow bytes", "senders", "pipeline", "tensor parallelism"),
                    *("no tensor parallelism", "14 bits"),
                ),
            ),
        ),
        Sentence(
            "That better chips were not needed at all: what was bought and owned, A100 included, ask the "
            "firm, "
            "and customs.",
            ("hardware", "R1 hours"),
        ),
        Sentence("The same training, timed on H100.", ("links", "use")),
        {
            "links": FOR,
            "node limit": FOR,
            "slow bytes": FOR,
            "pipeline": FOR,
            "tensor parallelism": AGAINST,
            "14 bits": AGAINST,
        },
    ),
    Verdict(
        "sputnik",
        (("a leap by unknown science", NOT), ("a shock; regulation, timing", NOBODY)),
        _fixed(f"{YEARS:.1f} years"),
        Sentence(
            f"in print before V3 or R1: the middle one of the {BY_OTHERS} methods of others, counted",
            ("timeline",),
        ),
        (
            Sentence(
                "If the word means a leap by unknown science: no, most methods are others', half of them "
                f"over {int(YEARS)} years old. Whether anyone could foresee the result, no paper tells.",
                ("timeline",),
            ),
            Sentence("If it means a shock that wakes a country, no paper tells.", ("story",)),
        ),
        Sentence(
            "How people felt, what regulation does, who timed what: ask historians and politicians.",
            ("story",),
        ),
        Sentence("A part without which V3 or R1 falls apart, and which no earlier paper has.", ("timeline",)),
        {},
    ),
    Verdict(
        "wakeup call",
        (("", NOBODY),),
        _fixed(f"{MORE_OPERATIONS:.1f} times"),
        Sentence(
            "as many operations for the lab's next large model, V4-Pro, as for V3: parameters at work times "
            "tokens, derived (a better model: this says nothing of similar results)",
            ("active", "V4 size"),
        ),
        (
            Sentence(
                "What an industry does with a cheaper method is its choice, and spending is not "
                "published; the lab's next large model took more operations, not fewer.",
                ("active", "V4 size"),
            ),
        ),
        Sentence("Spending: ask annual reports.", ("story",)),
        Sentence("Years of spending, beside the quality that it bought.", ("bill",)),
        {},
    ),
    Verdict(
        "open and thinking",
        (("open", HALF), ("thinking", TRUE)),
        _numbers("rewards alone", "longer"),
        Sentence("right, and tokens an answer, before and after rewards alone", ("rewards alone", "longer")),
        (
            Sentence(
                "Open to use and change: weights, reports, code to run them, and later kernels, are out. "
                "Not open: training data and training code, so nobody else can repeat its training "
                "exactly.",
                ("licences", "not in print", "opened elsewhere"),
            ),
            Sentence(
                "Thinking: rewards alone made a tiny model, which looks for a star behind doors, think "
                "longer and find it more often, and a whole thought bought accuracy. The price is tokens "
                "and, where texts that search well also mix two languages, mixed languages; three rules "
                "while it writes did as much as the training. A method that the base hardly had was not "
                "found. Forced to think on, it reports stars that aren't there; whether rewards alone "
                "bring that, too, three seeds can't tell.",
                (
                    *("rewards alone", "longer", "thought", "mixing"),
                    *("false stars", "method rare", "rules instead"),
                ),
            ),
        ),
        Sentence(
            "Whether a thought that reads well is the reason for the answer: ask those who test for it.",
            ("trust",),
        ),
        Sentence(
            "Open: data and code that give R1 again. Thinking: a gain that goes away with more seeds.",
            ("not in print", "rewards alone"),
        ),
        {
            "opened elsewhere": FOR,
            "rewards alone": FOR,
            "longer": FOR,
            "thought": FOR,
            "mixing": AGAINST,
            "method rare": AGAINST,
            "false stars": UNDECIDED,
            "rules instead": AGAINST,
        },
    ),
)
BY_CLAIM = {verdict.claim: verdict for verdict in OUR_VERDICTS}


def answers_to_all(found: Findings, folder: Path = NOTEBOOKS) -> Answers:
    """Return the answer to every question of the course, by its key."""
    return {key: weigh(asked, found, folder) for key, asked in ASKED.items()}


def own_runs(verdict: Verdict, answers: Answers) -> str:
    """Return how the reader's own runs stand to a verdict, in a sentence; "" where it rests on none."""
    if not verdict.expects:
        return ""
    otherwise = [
        key for key, state in verdict.expects.items() if answers[key].state not in (state, *_MISSING)
    ]
    missing = sorted({ASKED[key].lesson for key in verdict.expects if answers[key].state in _MISSING})
    if otherwise:
        return f"Your runs came out otherwise ({', '.join(otherwise)}): weigh it yourself."
    if missing:
        return f"Not all of it has run here: lesson {', '.join(missing)}."
    return "Your runs came out so."


_MISSING = ("run", "again", "to come")
assert not set(_MISSING) & set(FOUND)
