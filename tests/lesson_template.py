"""The files of a new lesson, as `new_lesson.py` writes them: they keep every house rule and say nothing yet.

`$number`, `$stem`, `$subject` and `$name` are filled in. A cell is (id, type, source); the first cell of a
lesson gets its heading and its links from the list of lessons.
"""

FIGURE = '''"""Figures about $topic: what is shown, and what would refute it.

Replace this module's words and its one function; a picture of the mechanism comes first.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from lessons_lib.runs import Seeds
from lessons_lib.show.explained import explained
from lessons_lib.show.style import COLOURS, MARKERS


@explained
def by_seed(values: Seeds, expected: float, *, title: str) -> tuple[Figure, str]:
    """Return (figure, alt text): a dot for each seed's value, and a line at what was expected."""
    fig, axes = plt.subplots()
    axes.plot(values.seeds, list(values), MARKERS[0], color=COLOURS[0], label="measured")
    axes.axhline(expected, color=COLOURS[1], ls="--", label="expected")
    axes.set(xlabel="seed", ylabel="value", ylim=(0, None), xticks=values.seeds)
    axes.set_title(title)
    axes.legend()
    return fig, f"{title}. A dot for each of {len(values)} seeds beside a dashed line at what was expected."
'''

LESSON = [
    (
        "title",
        "markdown",
        "**Question.** One sentence, as a reader would ask it.\n\n"
        "**You will** do this and that.\n\n"
        "**You need** lesson 01. **Takes** 30 minutes; the cells run in seconds. **Source:** paper, section.",
    ),
    (
        "setup",
        "folded",
        "import torch\n\n"
        "from lessons_lib import show\n"
        "from lessons_lib.runs import Seeds, make_generator, run_store\n"
        "from lessons_lib.show.figures import $subject as figures\n"
        "from lessons_lib.show.measured import within\n\n"
        "torch.set_num_threads(1)\n"
        "show.use_style()",
    ),
    (
        "predict",
        "markdown",
        "**Predict.** A number or a choice, before any result.\n\n"
        "## 1. By hand\n\nThe idea on a few numbers.",
    ),
    (
        "by-hand",
        "code",
        "x = torch.tensor([1.0, 2.0, 3.0])\n"
        "by_hand = (1 + 4 + 9) / 3\n"
        'print(f"{by_hand:.2f}")\n'
        "assert torch.allclose(x.square().mean(), torch.tensor(by_hand))  # the library's form",
    ),
    ("experiment-idea", "markdown", "## 2. An experiment that could have gone the other way"),
    (
        "experiment",
        "code",
        "def mean_square(seed):\n"
        '    draws = torch.randn(1000, generator=make_generator(seed, "squares"))\n'
        "    return draws.square().mean().item()\n\n\n"
        "values = Seeds({seed: mean_square(seed) for seed in range(3)})\n"
        'assert within({"squares": values}, {"squares": (0.7, 1.3)})\n'
        'print("mean square:", values)',
    ),
    (
        "figure",
        "folded",
        'fig, words = figures.by_seed(values, 1.0, title="Squares of normal numbers average one")\n'
        "show.figure(fig, alt=words)",
    ),
    (
        "limits",
        "markdown",
        "**Limits.** What this can't show.\n\n"
        "**Exercises:** [exercises/$number](../exercises/$stem.ipynb): what they ask.",
    ),
    (
        "recap",
        "markdown",
        "**Back to the question.** The answer.\n\n"
        "**Now you can** do this and that. **In the library:** `lessons_lib.show.figures.$subject`.",
    ),
    (
        "findings",
        "code",
        'found = [("mean square", values.mean, "", "measured")]\n'
        'kept = run_store.record_findings("$stem", found)\n'
        'print("kept for later lessons:", kept, "findings")',
    ),
]

EXERCISES = [
    (
        "title",
        "markdown",
        "# Exercises $number. $name\n\n"
        "One function to write, on [lesson $number](../../notebooks/$stem.ipynb). About 10 minutes.\n\n"
        "**How it works.** Every function stands alone: skip what you like. Replace the line\n"
        "`raise NotImplementedError(...)`, run the cell, then the one below: it tries your function on\n"
        "fresh random numbers and says what is wrong first, and on which. Check as often as you like.\n"
        "Loops and all of torch are fine, writing into an argument is not, unless the text says\n"
        "otherwise.\n\n"
        "**Handing in.** On your own there is nothing to hand in;\n"
        "[worked answers](../solutions/$stem.ipynb) are there for afterwards. In a class:\n"
        "save, and give the file to your teacher under the name it has. Leave the cells that begin\n"
        "with *Graded* as they are.",
    ),
    (
        "setup",
        "code",
        "import torch\n\nfrom lessons_lib.checks import check_$exercise\n\ntorch.set_num_threads(1)",
    ),
    ("sample-text", "markdown", "## 1. The mean of the squares (write)\n\n*Example.* Of 1, 2 and 3: 4.67."),
    (
        "sample",
        "solution",
        'def $exercise(x):\n    """Return the mean of the squares of x (n,), a number."""\n'
        "    ### BEGIN SOLUTION\n    return x.square().mean()\n    ### END SOLUTION",
    ),
    ("sample-check", "code", "check_$exercise($exercise)"),
    (
        "sample-graded",
        "graded",
        "# Graded: 1 point for a right $exercise. There is nothing to write here.\n"
        "### BEGIN HIDDEN TESTS\nfrom lessons_lib.checks import passes_$exercise\n\n"
        "assert passes_$exercise($exercise)\n### END HIDDEN TESTS",
    ),
]

CHECKS = '"""Checks for the exercises of lesson $number: $topic."""\n'

CHECK = '''"""Check of the mean of squares, against a sum in a loop."""

import random
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.checker import Exercise, Misconception
from lessons_lib.checks.draws import tenths


def _draw(rng: random.Random) -> dict[str, Any]:
    return {"x": tenths(rng, rng.randint(2, 6))}


def _by_loop(x: Tensor) -> Tensor:
    return torch.tensor(sum(value * value for value in x.tolist()) / len(x))


SAMPLE = Exercise(
    "$exercise",
    _draw,
    _by_loop,
    (
        Misconception(
            "the sum",
            "Twice as many numbers of the same size: should the result double?",
            (lambda x: x.square().sum(),),
        ),
        Misconception(
            "the square of the mean",
            "What becomes of 1 and -1? Which comes first, the square or the mean?",
            (lambda x: x.mean().square(),),
        ),
    ),
    lesson="$number",
)
'''

BANK = '''"""Lesson $number: answers to `$exercise`."""

from lessons_lib.checks.$subject.sample import SAMPLE
from wrong_answers import right, wrong


@right(SAMPLE)
def with_powers(x):
    return (x**2).mean()


@right(SAMPLE)
def with_a_product(x):
    return x @ x / x.numel()


@wrong(SAMPLE, "the sum")
def not_divided(x):
    return (x**2).sum()


@wrong(SAMPLE, "the sum")
def product_alone(x):
    return x @ x


@wrong(SAMPLE, "the square of the mean")
def mean_first(x):
    return x.mean() ** 2


@wrong(SAMPLE, "the square of the mean")
def sum_first(x):
    return (x.sum() / len(x)).square()
'''

LEFT = """
Lesson $number is there, and says nothing yet. What is left, in this order:
  1. Write notebooks/$stem.ipynb, lessons_lib/show/figures/$subject.py,
     exercises/solutions/$stem.ipynb, lessons_lib/checks/$subject/ and
     tests/wrong_answers/$subject.py in place of the template, then run both notebooks:
     python tests/refresh.py notebooks/$stem.ipynb exercises/solutions/$stem.ipynb
     and python exercises/release.py $stem.ipynb
  2. notebooks/glossary.md: a row for each term that it introduces (a test asks for one).
  3. lessons_lib/lessons.toml: what it introduces, and the seconds that it takes.
  4. lessons_lib/show/story/questions.py: what its findings say about the claims (a test asks where a
     claim names the lesson), and a row in paper_and_laptop.py where a paper has a number of that kind.
  5. tests/mutants.toml: faults of its library code.
  6. Lessons whose outputs name it are run again, on a store that holds all findings:
     python tests/refresh.py --store .runs-test/lessons notebooks/$first.ipynb notebooks/$last.ipynb
`python start.py new-lesson --sync` writes map, README's table and links again, whenever you like."""
