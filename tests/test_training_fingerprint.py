"""Which changes to the code make a stored run outdated: those that can change a number, and no others."""

import shutil
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from lessons_lib.runs import fingerprint as module
from lessons_lib.runs.fingerprint import fingerprint, hash_of_code

LIBRARY = Path(module.__file__).resolve().parents[1]

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
            'from ..config import WIDTH\ndef attend():\n\n  """Attend."""\n\n  return   WIDTH  # all\n',
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
    for name in ("show", "checks", "config.presets", "config.validation"):
        assert not any(module.startswith(f"lessons_lib.{name}") for module in found)
    kept = {name for name in found if name.startswith("lessons_lib.runs.")}
    assert kept <= {"lessons_lib.runs.randomness", "lessons_lib.runs.disturbance"}


RUNS = {"training.loop", "reasoning.pretraining", "reasoning.loop", "reasoning.r1"}


@pytest.mark.parametrize(
    "file, outdated",
    [
        ("corpus/stories.py", {"training.loop"}),
        ("show/figures/reasoning.py", set()),
        ("config/presets.py", set()),
        ("reasoning/behaviour.py", {"reasoning.r1"}),  # whose marks hold a count of repeats
        ("reasoning/evaluation.py", {"reasoning.loop", "reasoning.r1"}),
        ("runs/run_store.py", set()),
        ("runs/randomness.py", RUNS),
    ],
)
def test_an_edit_leaves_all_runs_valid_that_do_not_depend_on_it(tmp_path, file, outdated):
    """Every `train` reaches all of the corpus, whichever it asks for."""
    edited = shutil.copytree(LIBRARY, tmp_path / "lessons_lib", ignore=shutil.ignore_patterns("__pycache__"))
    with (edited / file).open("a", encoding="utf-8") as text:
        text.write("\nEDITED = 1\n")
    taken = {name: fingerprint(f"lessons_lib.{name}", LIBRARY) for name in RUNS}
    assert all(len(found) > 20 for found in taken.values())
    changed = {name for name in RUNS if fingerprint(f"lessons_lib.{name}", edited) != taken[name]}
    assert changed == outdated


# ---- the same under every Python

TELLING = '''"""Doc."""
import math  # of course


def f(x, *, name="a  b"):
    """Say."""
    text = f"{x!r:>{len(name)}} é {name + f'{x}'} {{}}" "and more"
    if x > "a" < name:
        return (text,
                r"\\d")

    f"{x}"
    return f"""two
  lines {x}"""
'''


def test_the_hash_of_a_module_is_the_same_under_every_python():
    """Written down under 3.11; the tests of every other version compare with it."""
    assert hash_of_code(TELLING) == "64b185e87e2786f4"


@pytest.mark.parametrize(
    "old, new",
    [
        ("a  b", "a b"),  # within a string blanks count
        (" é", "  é"),
        ("  lines", " lines"),
        ("{x!r", "{x!s"),
        ('> "a"', '> "b"'),  # behind signs that look like the marks of a block
        ("    return f", "        return f"),  # into the branch
        ("(text,", "(text, 1,"),
    ],
)
def test_what_changes_a_string_or_a_block_changes_the_hash(old, new):
    assert TELLING.count(old) == 1
    assert hash_of_code(TELLING.replace(old, new)) != hash_of_code(TELLING)


def test_layout_comments_and_docstrings_do_not_change_the_hash():
    other = TELLING.replace("  # of course", "").replace('"""Say."""', '"""Tell\n    it."""')
    other = other.replace("(text,\n                ", "(text, ").replace("\n\n\ndef", "\ndef")
    assert other.count("\n") == TELLING.count("\n") - 2
    assert hash_of_code(other) == hash_of_code(TELLING)


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13", "3.14"])
def test_another_python_on_this_machine_takes_the_same_fingerprint(version):
    """It needs nothing but the standard library, so a Python without torch can be asked as well."""
    python = shutil.which(f"python{version}")
    code = (
        "import importlib.util as u, pathlib, sys\n"
        f"spec = u.spec_from_file_location('alone', {str(module.__file__)!r})\n"
        "sys.modules['alone'] = alone = u.module_from_spec(spec)\n"
        "spec.loader.exec_module(alone)\n"
        f"print(alone.fingerprint('lessons_lib.training.loop', pathlib.Path({str(LIBRARY)!r})))\n"
    )
    found = python and subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=300)
    if not found or found.returncode == 127:  # 127: a mere name in place of a Python
        pytest.skip(f"no Python {version} on this machine")
    assert found.stdout.strip() == str(fingerprint("lessons_lib.training.loop", LIBRARY))
