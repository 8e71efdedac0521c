"""What a maintainer needs to know of a machine on which something went wrong: `python start.py doctor`.

Prints a page of lines that can be pasted into an issue. No name and no path of the person is in it: folders
are described, variables named without their values, and what a program says passes `anonymous`. Nothing is
changed, nothing asks a network, and a part that cannot be told says so and stops nothing.
"""

import ctypes
import getpass
import json
import locale
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
import webbrowser
from pathlib import Path

import start
from start import ROOT, VENV, say

MEMORY_GB = 4  # that the README asks for
LITTLE_DISK_GB = 1  # below it a lesson's runs may find no room
# Variables that lead programs elsewhere, or change what they compute; only of some the value is shown.
TELLING = re.compile(
    r"PYTHON|PIP_|OMP_|MKL_|OPENBLAS|KMP_|ATEN_|TORCH|CUDA|JUPYTER|IPYTHON|MPL|DEEPSEEK_COURSE|CONDA_DEFAULT"
    r"|VIRTUAL_ENV|LANG$|LC_|TMPDIR|BROWSER$|.*_proxy$",
    re.I,
)
SHOWN = re.compile(r"(OMP|MKL|OPENBLAS|KMP|ATEN)_|LANG$|LC_|PYTHONUTF8|PYTHONIOENCODING|MPLBACKEND")
LEADING_ASTRAY = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP")
SYNCED = ("onedrive", "dropbox", "icloud", "google drive", "nextcloud")


def main(arguments, here=False):
    """Print the page; returns 0, whatever it says."""
    if arguments:
        raise start.Trouble(f"doctor takes nothing more, and '{arguments[0]}' is too much.")
    worries = []
    say(f"DeepSeek on a Laptop, {time.strftime('%Y-%m-%d')}: what `python start.py doctor` found")
    inside = look_inside(here)
    parts = [
        ("course", lambda: course(worries)),
        ("system", lambda: system(worries)),
        ("processor", processor),
        ("memory", lambda: memory(worries)),
        ("disk", lambda: disk(worries)),
        ("folder", lambda: folder(worries)),
        ("environment", lambda: environment(here, worries)),
        ("packages", lambda: packages(here)),
        ("threads", lambda: inside["threads"]),
        ("GPU", lambda: gpu(inside)),
        ("kernel", lambda: told(inside, "kernel", worries)),
        ("fonts", lambda: told(inside, "fonts", worries)),
        ("store", lambda: told(inside, "store", worries)),
        ("findings", lambda: inside["findings"]),
        ("browser", browser),
        ("text", text),
        ("variables", lambda: variables(worries)),
    ]
    for name, part in parts:
        say(f"{name:<12} {anonymous(attempt(part))}")
    say("")
    for worry in worries or ["Nothing here looks wrong."]:
        say(anonymous(worry))
    say("These lines name neither you nor your folders: paste them into the issue, with the message.")
    return 0


def attempt(part):
    """What a part says, or that it could not be told."""
    try:
        return part()
    except Exception as error:  # whatever is odd about this machine is what is looked for
        return f"could not be told ({type(error).__name__}: {error})"


def anonymous(words):
    """The words without this person's folders, name and machine."""
    home = os.path.expanduser("~")
    for place, name in ((str(ROOT), "COURSE"), (home, "HOME"), (tempfile.gettempdir(), "TEMP")):
        if len(place) > 1:
            words = words.replace(place, name).replace(place.replace("\\", "/"), name)
    persons = {attempt(getpass.getuser), platform.node(), Path(home).name}
    for person in persons:
        if len(person) > 2 and person.lower() not in ("root", "user", "home", "localhost"):
            words = re.sub(rf"(?i)\b{re.escape(person)}\b", "NAME", words)
    return words


def asked(*command, seconds=10):
    """The first line that a program prints."""
    done = subprocess.run(command, capture_output=True, timeout=seconds, cwd=ROOT)
    lines = done.stdout.decode("utf-8", "replace").strip().splitlines()
    return lines[0] if lines else ""


# ---- The course and the machine.


def course(worries):
    version = start.version_in((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        return f"{version}, no git clone"
    commit = asked("git", "rev-parse", "--short", "HEAD")
    done = subprocess.run(["git", "status", "--porcelain"], capture_output=True, timeout=60, cwd=ROOT)
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    code = [line for line in lines if line.endswith(".py") and not line.startswith("??")]
    if code:
        files = "files of code differ" if len(code) > 1 else "file of code differs"
        worries.append(f"{len(code)} {files} from this version's: try with the course's own, too.")
    return f"{version}, commit {commit}, {len(lines)} files changed or added ({len(code)} of code)"


def system(worries):
    try:
        start.check_machine()
    except start.Trouble as trouble:
        worries.append(f"The course needs another machine or Python: {trouble}")
    bits = "64" if start.is_64_bit() else "32"
    libc = ".".join(map(str, start.glibc_version() or ())) if sys.platform == "linux" else ""
    libc = f", glibc {libc}" if libc else ", no glibc" if sys.platform == "linux" else ""
    kind = "Windows' Linux (WSL)" if "microsoft" in platform.release().lower() else platform.system()
    return (
        f"{kind} {platform.release()}, {platform.machine()}{libc}; "
        f"Python {platform.python_version()}, {bits} bits, {platform.python_implementation()}"
    )


def processor():
    name = ""
    if sys.platform == "linux":
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
        found = re.search(r"model name\s*:\s*(.+)", text)
        name = found.group(1) if found else ""
    elif sys.platform == "darwin":
        name = asked("sysctl", "-n", "machdep.cpu.brand_string")
    cores = os.cpu_count() or 0
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else cores
    return f"{name or platform.processor() or 'unknown'}; {cores} cores, {usable} of them to be used here"


def memory(worries):
    total, free = memory_bytes()
    limit = container_limit()
    usable = min(total, limit) if limit else total
    if usable < MEMORY_GB * 0.93e9:  # a machine of 4 GB keeps some for itself
        worries.append(f"{usable / 1e9:.1f} GB of memory are there and {MEMORY_GB} GB are asked for.")
    words = f"{total / 1e9:.1f} GB, {free / 1e9:.1f} GB of them free" if free else f"{total / 1e9:.1f} GB"
    return words + (f"; a container's limit is {limit / 1e9:.1f} GB" if limit and limit < total else "")


def memory_bytes():
    """The machine's memory and what of it is free, 0 where nobody says."""
    if sys.platform == "linux":
        text = Path("/proc/meminfo").read_text(encoding="ascii")
        total, free = (
            int(re.search(rf"{name}:\s*(\d+) kB", text).group(1)) * 1024
            for name in ("MemTotal", "MemAvailable")
        )
        return total, free
    if sys.platform == "win32":

        class Status(ctypes.Structure):
            _fields_ = [("length", ctypes.c_uint32), ("load", ctypes.c_uint32)] + [
                (name, ctypes.c_uint64)
                for name in ("total", "free", "pages", "page", "virtual", "left", "more")
            ]

        status = Status(length=ctypes.sizeof(Status))
        ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))
        return status.total, status.free
    return int(asked("sysctl", "-n", "hw.memsize")), 0


def container_limit():
    """What a container may use of the memory, or None."""
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            return int(Path(file).read_text(encoding="ascii"))
        except (OSError, ValueError):
            continue  # not Linux, another version of it, or "max"
    return None


def disk(worries):
    places = [("course", ROOT), ("temporary files", tempfile.gettempdir()), ("home", os.path.expanduser("~"))]
    found = []
    for name, place in places:
        free = start.free_bytes(place) / 1e9 if os.path.isdir(place) else 0
        found.append(f"{name} {free:.1f} GB free")
        if free < LITTLE_DISK_GB:
            worries.append(f"The disk of {name} has {free:.1f} GB free: make room there.")
    return ", ".join(found)


def folder(worries):
    path = str(ROOT)
    length, allowed = len(path), 259 - start.DEEPEST
    if length > allowed and start.windows_cuts_paths():
        worries.append(
            f"The course's path has {length} letters, and Windows takes {allowed}: move it higher."
        )
    synced = [name for name in SYNCED if name in path.lower()]
    if synced:
        worries.append(
            f"The course lies in a folder that {synced[0]} copies elsewhere: move it out of there."
        )
    try:
        start.check_writable(ROOT)
        writable = "can be written to"
    except start.Trouble:
        writable = "cannot be written to"
        worries.append("The course's folder cannot be written to: use one of your own.")
    blanks = "with blanks" if " " in path else "without blanks"
    letters = "only plain letters" if path.isascii() else "letters beyond a to z"
    return f"path of {length} letters, {blanks}, {letters}; {writable}"


# ---- The environment, as start.py sees it.


def python_of(here):
    return sys.executable if here or not VENV.is_dir() else start.venv_python(VENV)


def environment(here, worries):
    files = ["requirements.txt"]
    if here or not VENV.is_dir():
        state, whose = start.look(sys.executable), "the active one"
        fault = "it does not answer" if state is None else start.unmet(files[0], state)
    else:
        fault = (start.diagnose(files, start.look_at_venv()) or (None, None))[1]
        whose = ".venv, made by start.py" if start.is_ours() else ".venv, not made by start.py"
    if fault:
        worries.append(f"The environment is not in order ({fault}): `python start.py setup`.")
    return f"{whose}; {fault or 'in order'}"


def packages(here):
    state = start.look(python_of(here))
    if state is None:
        return "none can be seen"
    found = []
    for name, wanted in start.pins("requirements.txt").items():
        version = state["packages"].get(name, "missing")
        found.append(f"{name} {version}" + (f" (not {wanted})" if version.split("+")[0] != wanted else ""))
    return ", ".join(found)


def look_inside(here):
    """What only the environment itself can tell, as a dict of words; empty entries where it doesn't start."""
    env = dict(start.environment(python_of(here)), JUPYTER_PREFER_ENV_PATH="1")
    try:
        done = subprocess.run(
            [str(python_of(here)), "-P", str(ROOT / "tools" / "doctor_inside.py")],
            capture_output=True,
            env=env,
            cwd=ROOT,
            timeout=300,
        )
        return json.loads(done.stdout.decode("utf-8").splitlines()[-1])
    except (OSError, ValueError, IndexError, subprocess.TimeoutExpired):
        none = "could not be told: the environment does not start"
        return dict.fromkeys(("threads", "kernel", "fonts", "store", "findings", "GPU"), none)


def told(inside, name, worries):
    """What the environment said of itself; behind a bar stands what to do about it."""
    words, _, worry = inside[name].partition("|")
    if worry:
        worries.append(worry)
    return words


def gpu(inside):
    driver = "an NVIDIA driver is there" if start.has_nvidia_gpu() else "no NVIDIA driver"
    return f"{driver}; {inside['GPU']} (the lessons use none)"


# ---- What the reader has around it.


def browser():
    try:
        opens = Path(getattr(webbrowser.get(), "name", type(webbrowser.get()).__name__)).name
    except webbrowser.Error:
        opens = "none"
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for path in map(shutil.which, names) if path), None)
    version = asked(found, "--version", seconds=30) if found else "not there"
    return f"links open with {opens}; Chromium for the tests: {version}"


def text():
    terminal = getattr(sys.stdout, "encoding", None) or "none"
    files = locale.getpreferredencoding(False)
    return f"terminal {terminal}, files {files}, names {sys.getfilesystemencoding()}"


def variables(worries):
    found = []
    for name in sorted(name for name in os.environ if TELLING.match(name)):
        value = os.environ[name]
        if name in LEADING_ASTRAY and value:
            worries.append(f"The variable {name} leads Python elsewhere: try without it.")
        shown = SHOWN.match(name) and re.fullmatch(r"[\w.:@-]{1,20}", value)
        found.append(f"{name}={value}" if shown else f"{name} is set")
    return ", ".join(found) or "none that matters"
