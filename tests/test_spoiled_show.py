"""What lessons call of `show` and `parallel`, spoiled: a sentence of ours, never silent or raw.

As in `test_spoiled_calls`, one argument at a time becomes something that can't be meant.
"""

import ast
from pathlib import Path

import ipywidgets
import matplotlib.pyplot as plt
import pytest
import torch
from spoiling import SPOILED, said_by_us

from lessons_lib import parallel, show
from lessons_lib.config import ModelConfig
from lessons_lib.show.assistant import Assistant, Task
from lessons_lib.show.explained import explained

SLOTS, _ = parallel.place_experts(torch.arange(8).view(2, 4), 8, 2, 1, 2)
CONFIG = ModelConfig(vocab_size=9, dim=8, n_layers=1, n_heads=1)
STEP = parallel.ExpertStep(CONFIG)
WORDS = "A line that rises from left to right, one dot a day."


def picture():
    fig, axes = plt.subplots()
    axes.set_title("It rises")
    return fig


def explore(value=1):
    return picture(), WORDS


# function -> a call that works
CALLS = {
    show.within: dict(table={"a": [1.0, 2.0]}, bounds={"a": (0.0, 3.0)}),
    show.figure: dict(fig=picture(), alt=WORDS),
    show.Explore: dict(draw=explore, play=None, value=ipywidgets.IntSlider()),
    show.Predictions: dict(lesson="00_start_here", questions={"a": "How many?", "b": ("Which?", ("x", "y"))}),
    show.predict: dict(lesson="00_start_here", name="a", text="three"),
    show.you_said: dict(lesson="00_start_here", name="a", came="four"),
    show.model_diagram: dict(config=CONFIG, lit="attention", title="One block"),
    show.training_bill: dict(hours={"main": 3.0}, rent=2.0, title="A bill"),
    show.course_map: dict(folder=show.map.NOTEBOOKS),
    show.map_in_words: dict(folder=show.map.NOTEBOOKS),
    show.claims_table: dict(folder=show.map.NOTEBOOKS),
    parallel.place_experts: dict(load=torch.ones(2, 4), n_replicas=8, n_groups=2, n_nodes=1, n_devices=2),
    parallel.device_load: dict(load=torch.ones(2, 4), slots=SLOTS, n_devices=2),
    parallel.to_slots: dict(ids=torch.tensor([[0, 3], [1, 2]]), slots=SLOTS[0]),
    parallel.make_schedule: dict(name="ZBV", ranks=2, micro_batches=4),
    parallel.Costs: dict(forward=1.0, input=1.0, weight=1.0, pair=2.0, send=0.0),
    parallel.Costs().with_traffic: dict(ratio=1.0),
    parallel.simulate: dict(schedule=parallel.make_schedule("1F1B", 2, 2), costs=parallel.Costs()),
    parallel.ExpertStep: dict(
        config=CONFIG, seed=0, nodes=1, shares=(1, 1), dispatch="bf16", combine="bf16", double=False, lost=1
    ),
    parallel.expert_step: dict(job=STEP, tokens=torch.tensor([[1, 2, 3]])),
    parallel.expert_steps: dict(jobs=[STEP], tokens=torch.tensor([[1, 2, 3]])),
    parallel.whole_gradients: dict(parts=parallel.expert_steps([STEP], torch.tensor([[1, 2, 3]]))),
    Assistant: dict(
        task=Task(str, str, lambda words: ("", ""), lambda problem, words: "right"),
        writers={"a": lambda problem, budget: iter("ab")},
        budgets={"short": 3},
        proposals=["one"],
        pause=0.0,
    ),
    show.approx: dict(value=1.0, spec=".2f", unit="nats"),
}

TEXTS = {"alt", "title", "name", "text", "came"}
HUGE = "10**400"  # no float: Python says so before we can
AS_WELL = {  # what may be meant after all
    ("place_experts", "n_nodes"): {HUGE},  # divides no number of groups: then the plan is global
    ("within", "table"): {"a dict"},  # of other names: that is what it asserts
    ("within", "bounds"): {"a dict"},
    ("predict", "lesson"): {"a word"},
    ("you_said", "lesson"): {"a word"},
    ("Predictions", "lesson"): {"a word"},
    ("Predictions", "questions"): {"a dict"},
    ("Explore", "play"): {"None"},
    ("Explore", "draw"): {"a function", "a class"},  # the reader's own
    ("model_diagram", "title"): {"None"},
    ("model_diagram", "lit"): {"a dict"},
    ("training_bill", "rent"): {"1.5"},
    ("course_map", "folder"): {"None"},
    ("Costs", "pair"): {"None", "1.5"},
    ("with_traffic", "ratio"): {"1.5"},
    ("approx", "value"): {"-1", "-1.5", "1.5", "nan", "-inf", "one number", "half"},
    ("approx", "unit"): {"a word"},
    ("ExpertStep", "lost"): {"None"},
    ("ExpertStep", "double"): {"True"},
    ("Assistant", "writers"): {"a dict"},
    ("Assistant", "proposals"): {"a number's list", "a mixed list"},
    ("Assistant", "pause"): {"1.5"},
    ("Assistant", "budgets"): {"a dict"},
    **{("Costs", name): {"1.5"} for name in ("forward", "input", "weight", "send")},
}


@pytest.mark.parametrize("function", CALLS, ids=lambda function: function.__qualname__)
def test_a_spoiled_argument_is_refused_by_us(function, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(tmp_path))
    call, short = CALLS[function], function.__qualname__.rpartition(".")[2]
    faults = []
    for name in call:
        for label, value in SPOILED.items():
            if label in AS_WELL.get((short, name), ()) or (name in TEXTS and label == "a word"):
                continue
            try:
                function(**call | {name: value})
            except Exception as error:
                if not (said_by_us(error) and "\n" not in str(error)):
                    faults.append(f"{name} = {label}: a raw {type(error).__name__}: {str(error):.60}")
            else:
                faults.append(f"{name} = {label} was taken in silence")
    plt.close("all")
    assert not faults


@explained
def bars(values: dict[str, list[float]], rows: int = 2) -> str:
    """Draw something, and look at what is drawn only then."""
    figure, axes = plt.subplots()
    axes.bar(range(rows), next(iter(values.values())))
    if rows > 3:
        raise ValueError(f"rows must be at most 3, got {rows}")
    return "drawn"


@pytest.mark.parametrize(
    "arguments, kind, words",
    [
        (
            {"values": None},
            TypeError,
            "bars: values must be a dict from text to a list of",
        ),
        ({"values": {"a": object()}}, TypeError, "bars: values must be a dict"),
        ({"values": {"a": [1.0, 2.0]}, "rows": "2"}, TypeError, "bars: rows must be a whole number, got '2'"),
        ({"values": {}}, ValueError, "bars can't draw this: StopIteration, no word"),
        ({"values": {"a": [1.0, 2.0, 3.0]}}, ValueError, "bars can't draw this: ValueError, shape mismatch"),
        ({"values": {"a": [1.0] * 4}, "rows": 4}, ValueError, "bars can't draw this: ValueError, rows"),
    ],
)
def test_a_figure_that_cannot_be_drawn_says_why_and_leaves_none_behind(arguments, kind, words):
    plt.close("all")
    with pytest.raises(kind) as caught:
        bars(**arguments)
    assert str(caught.value).startswith(words) and "\n" not in str(caught.value)
    assert said_by_us(caught.value) and not plt.get_fignums()
    assert bars({"a": [1.0, 2.0]}) == "drawn" and len(plt.get_fignums()) == 1
    plt.close("all")


FIGURES = sorted(Path(show.__file__).with_name("figures").glob("[a-z]*.py"))


@pytest.mark.parametrize("path", FIGURES, ids=lambda path: path.stem)
def test_every_figure_explains_itself_or_checks_what_it_gets(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    public = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name[0] != "_"]
    assert not [node.name for node in public if not node.decorator_list]
