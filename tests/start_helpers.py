"""What both files of tests of start.py need."""

import base64
import hashlib
import importlib.util
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


def make_wheel(folder, name, version="1.0", needs=(), padding=0, tag="py3-none-any"):
    """A package with one small module, as pip wants it, and `padding` bytes that cannot be packed."""
    info = f"{name}-{version}.dist-info"
    required = "".join(f"Requires-Dist: {other}\n" for other in needs)
    files = {
        f"{name}/__init__.py": f"NAME = '{name}'\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{required}",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    record = f"{info}/RECORD,,\n"
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
        record += f"{path},sha256={digest},{len(text)}\n"
    files[f"{info}/RECORD"] = record
    with zipfile.ZipFile(folder / f"{name}-{version}-{tag}.whl", "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
        if padding:
            wheel.writestr(f"{name}/padding", os.urandom(padding))


def load(folder):
    """The start.py of a course folder as a module."""
    spec = importlib.util.spec_from_file_location("start_under_test", folder / "start.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where its tools look for it
    spec.loader.exec_module(module)
    return module


def start(folder, *arguments):
    """Run a course's start.py as a reader does."""
    return subprocess.run(
        [sys.executable, "start.py", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=dict(os.environ, PYTHONUTF8="1"),
        timeout=120,
    )


def assert_one_sentence(text, *parts):
    """stderr holds one sentence of start.py's, and it says `parts`."""
    assert text.startswith("start.py: ") and text.endswith(".\n"), text
    assert text.count("\n") == 1 and not re.search(r"[.!?] +[A-Z]", text), text
    for part in parts:
        assert part in text, text
