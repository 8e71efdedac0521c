"""Which changes to the code make a stored run outdated: those that can change a number, and no others."""

import sys
import uuid

import pytest

from lessons_lib.runs.fingerprint import fingerprint

FILES = {
    "__init__.py": "",
    "config.py": "WIDTH = 3\n",
    "model/__init__.py": "from .attention import attend\nfrom .experts import route as choose\n",
    "model/attention.py": "from ..config import WIDTH\n\n\ndef attend():\n    return WIDTH\n",
    "model/experts.py": "def route():\n    return 1\n",
    "show/__init__.py": "def draw():\n    return 2\n",
    "training/__init__.py": "from .loop import train\n",
    "training/loop.py": (
        '"""The loop."""\nimport math\nfrom {root}.model import attend\nfrom .optimizer import step\n\n\n'
        'def train():\n    """Train."""\n    # slowly\n    return attend() + step()\n'
    ),
    "training/optimizer.py": "def step():\n    from {root} import late\n    return late\n",
    "late.py": "VALUE = 4\n",
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Give a function: the fingerprint of a small library's training.loop, with some files changed."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def taken(**changes):
        root = f"library_{uuid.uuid4().hex}"  # a new name each time, because sources are read once
        for name, text in {**FILES, **changes}.items():
            path = tmp_path / root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace("{root}", root), encoding="utf-8")
        __import__(root)
        found = fingerprint(f"{root}.training.loop")
        del sys.modules[root]
        return {name.removeprefix(f"{root}."): code for name, code in found.items()}

    return taken


def values(found):
    """The hashes without that of the loop, which names its library and so differs between two of them."""
    return {name: code for name, code in found.items() if name not in ("training.loop", "training.optimizer")}


def test_it_follows_imports_to_where_a_name_is_defined(package):
    assert set(package()) == {
        "config",
        "late",  # imported inside a function
        "model.attention",  # through the package that passes it on; experts is passed on too, but unused
        "training.loop",
        "training.optimizer",
    }


@pytest.mark.parametrize(
    "changed, text",
    [
        ("config.py", "WIDTH = 4\n"),
        ("model/attention.py", "from ..config import WIDTH\n\n\ndef attend():\n    return -WIDTH\n"),
        ("late.py", "VALUE = 5\n"),
    ],
)
def test_a_change_of_code_is_seen_in_its_module(package, changed, text):
    before, after = values(package()), values(package(**{changed: text}))
    different = {name for name in before if before[name] != after[name]}
    assert different == {changed.removesuffix(".py").replace("/", ".")}


@pytest.mark.parametrize(
    "changed, text",
    [
        ("config.py", '"""Sizes."""\n\n# chosen by hand\nWIDTH = 3  # wide\n'),
        (
            "model/attention.py",
            'from ..config import WIDTH\n\n\ndef attend():\n    """Attend."""\n    return (\n WIDTH\n    )\n',
        ),
        ("show/__init__.py", "def draw():\n    return 99\n"),
        ("model/experts.py", "def route():\n    return 99\n"),
        (
            "model/__init__.py",
            '"""Rooms."""\nfrom .experts import route as choose\nfrom .attention import attend\n',
        ),
    ],
)
def test_comments_layout_and_what_the_run_does_not_use_are_not_seen(package, changed, text):
    assert values(package()) == values(package(**{changed: text}))


def test_a_docstring_that_was_all_there_was_leaves_sound_code(package):
    assert package(**{"late.py": 'def f():\n    """Nothing."""\n\n\nVALUE = 4\n'})["late"]


def test_training_depends_on_corpus_model_and_loop_but_not_on_pictures_checks_or_the_store():
    found = set(fingerprint("lessons_lib.training.loop"))
    for name in ("config.model", "corpus.corpus", "model.attention", "training.loop", "training.optimizer"):
        assert f"lessons_lib.{name}" in found
    for name in ("show", "checks", "training.run_store", "training.storage", "training.seeds"):
        assert not any(module.startswith(f"lessons_lib.{name}") for module in found)
