"""The course works with the network unreachable: its library, a lesson, and the comparison of outputs.

Where the system lets us, the whole run has no network at all but the loopback that Jupyter's kernels
speak over (`unshare`, Linux); elsewhere Python's own sockets refuse every other address.
"""

import os
import shutil
import subprocess
import sys

from house_rules import ROOT, lessons, library
from run import with_demo_reader

LIB = ROOT / "lessons_lib"

# Loaded by every Python process of the run, kernels too: see `sitecustomize` in Python's site module.
GUARD = """
import socket
_connect, _lookup = socket.socket.connect, socket.getaddrinfo
def _refuse(address):
    host = address[0] if isinstance(address, tuple) else "localhost"
    if host not in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "", None):
        raise OSError(f"the network is unreachable in this test: {address}")
def connect(self, address):
    _refuse(address)
    return _connect(self, address)
def getaddrinfo(host, *rest, **named):
    _refuse((host,))
    return _lookup(host, *rest, **named)
socket.socket.connect, socket.getaddrinfo = connect, getaddrinfo
"""


def without_network(command, folder):
    """Run a command offline in the repository; return the finished process."""
    (folder / "sitecustomize.py").write_text(GUARD)
    env = os.environ | {"PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    if shutil.which("unshare") and shutil.which("ip"):
        probe = ["unshare", "-rn", "sh", "-c", "ip link set lo up"]
        if subprocess.run(probe, capture_output=True, timeout=300).returncode == 0:
            command = ["unshare", "-rn", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *command]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=600)


def test_the_guard_really_cuts_the_network(tmp_path):
    code = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=5)"
    done = without_network([sys.executable, "-c", code], tmp_path)
    assert done.returncode != 0 and "unreachable" in done.stderr


def test_a_lesson_runs_offline_and_prints_what_is_committed(tmp_path, monkeypatch):
    first, store = lessons()[0], tmp_path / "runs"
    store.mkdir()
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(with_demo_reader(store)))  # it shows a choice
    arguments = ["--nbval", "--nbval-current-env", "-p", "no:cacheprovider", "--nbval-cell-timeout=300", "-q"]
    done = without_network([sys.executable, "-m", "pytest", *arguments, str(first)], tmp_path)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


def test_every_room_is_imported_offline(tmp_path):
    code = "".join(f"import lessons_lib.{room}\n" for room in library.ROOMS if (LIB / room).exists())
    done = without_network([sys.executable, "-c", code], tmp_path)
    assert code and done.returncode == 0, done.stderr
