"""DeepSeek on a Laptop: sets up the course and opens it.

    python start.py                     set up what is missing, then open JupyterLab on lesson 00
    python start.py --port 9000 ...     the same; JupyterLab's own options are passed on
    python start.py --help-all          ... and shown

    python start.py setup               set up and stop
    python start.py repair              compare every installed file with its checksum and put
                                        back those that differ
    python start.py doctor              a page about this computer for whoever helps you, without
                                        your name and folders
    python start.py update              fetch the newest version with git; what you changed stays
                                        yours, and where both changed a file you get both
    python start.py wheels FOLDER       download all packages into FOLDER, for bad Wi-Fi; for others
                                        --for linux,windows,macos --python 3.11..3.14 --with class
    python start.py setup --wheels FOLDER    set up from that folder, without a network

    python start.py run 01-06           run lessons ahead, overnight: their cells then load what
                                        they train; with --from FOLDER what another machine trained

    python start.py classroom FOLDER    make a class's folder with all exercises, for nbgrader; with
                                        --grade 02 collect lesson 02, grade it and write feedback

    python start.py parallel ddp        train lesson 20's model in two processes, laid out as named
                                        (one, ddp, fsdp, ep, fsdp_ep, pp, dualpipev)

    python start.py test                run every check of the course, notebooks from nothing
    python start.py test --warm         the same, with what an earlier test has trained
    python start.py test --deep         the long rest: faults put in on purpose, other processors
    python start.py test --portable     notebooks computed as other processors would, all of them or
                                        those named (06 10); with --quick a cheap one of each part
    python start.py site                the course as web pages, in the folder .site or one named
    python start.py bench               speed of training and decoding beside plain PyTorch
    python start.py mutants             break the library on purpose; a test must notice each time;
                                        with --changed only what differs from the branch main

    python start.py verdict FILE.html   lesson 21's verdict with your runs' numbers, in one file to
                                        send; with --with-my-words what you predicted, too

    python start.py new-lesson 15       begin a lesson that lessons_lib/lessons.toml lists
    python start.py new-lesson --sync   write map, table and links again as that list says

    python start.py release-check       whether this commit can be released: what is missing

    --here    with any of these: use the Python environment that is active now, not .venv

Everything is installed into the folder .venv beside this file, which takes about 1.5 GB; delete
it and all is undone. Needed are Python 3.11 to 3.14, 3 GB of free disk, and Linux, Windows or a
Mac with Apple silicon. The first start downloads some 300 MB, later ones take seconds. On Linux
with an NVIDIA GPU PyTorch brings CUDA along: several GB, and 10 GB of free disk. An interrupted
set-up goes on at the next start, a damaged one is repaired: only what is damaged, and where all
must be built again, the old .venv is kept until the new one works. A .venv that you made
yourself is completed but never removed.
"""

# Only the standard library, and only syntax that Python 3.6 can read: an old Python must get as
# far as saying that it is too old.
import contextlib
import errno
import hashlib
import json
import os
import platform
import re
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV, OLD_VENV, LOCK = ROOT / ".venv", ROOT / ".venv.old", ROOT / ".venv.lock"
FIRST_PAGE = "notebooks/00_start_here.ipynb"
OLDEST, NEWEST = (3, 11), (3, 14)
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
CONSTRAINTS = "constraints.txt"  # the versions of what the requirements need in turn
OLDEST_GLIBC = (2, 28)  # the packages' wheels are manylinux_2_28 or older
DEEPEST = 196  # letters of the longest path below the course's folder, backslash before it included
DISK_GB, DISK_GB_CUDA = 3, 10  # the packages, and pip's downloads on their way
SCRIPTS = {
    "test": "tests/run.py",
    "site": "docs/build.py",
    "bench": "tests/bench.py",
    "mutants": "tests/mutants.py",
    "new-lesson": "tests/new_lesson.py",
    "release-check": "tests/release_check.py",
    "verdict": "lessons_lib/show/story/send.py",
    "run": "tools/run_ahead.py",
    "classroom": "tools/classroom.py",
}
EXTRAS = {"class": "requirements-class.txt", "test": "requirements-dev.txt"}  # for setup --with
# What a script needs besides the lessons' packages; where it isn't listed, what the tests need.
NEEDS = {"verdict": [], "run": [], "classroom": [EXTRAS["class"]]}
TOOLS = {"doctor", "update", "wheels"}  # files of tools/ that run here and now, with nothing installed


class Terminated(KeyboardInterrupt):
    """The system asked start.py to end; ends pip too, as Ctrl-C does."""


class Trouble(Exception):
    """A situation that ends start.py, told in one sentence."""


def say(text):
    print(text, flush=True)


def with_help(sentence):
    """The sentence, and where docs/help.md says more; as it is where the course is not whole."""
    table = ROOT / "lessons_lib" / "helping.py"
    return runpy.run_path(str(table))["with_help"](str(sentence)) if table.is_file() else str(sentence)


# ---- The machine. Tests replace these functions to meet a bad one.


def python_version():
    return tuple(sys.version_info[:2])


def free_bytes(folder):
    return shutil.disk_usage(str(folder)).free


def has_nvidia_gpu():
    """True where PyTorch's CUDA build would be of use: the driver is there."""
    return bool(shutil.which("nvidia-smi")) or Path("/proc/driver/nvidia/version").exists()


def reachable(url, seconds=5):
    try:
        urllib.request.urlopen(url, timeout=seconds).close()
        return True
    except (OSError, ValueError):  # refused, unknown, too slow; or a proxy setting that is no URL
        return False


def is_64_bit():
    return sys.maxsize > 2**32


def glibc_version():
    """Of the C library, as numbers; None for another one, which is musl."""
    try:
        return tuple(int(part) for part in os.confstr("CS_GNU_LIBC_VERSION").split()[1].split(".")[:2])
    except (AttributeError, IndexError, OSError, ValueError):
        return None


def windows_cuts_paths():
    """Whether Windows keeps to its old limit of 259 letters for a path."""
    try:
        import winreg

        place = "SYSTEM\\CurrentControlSet\\Control\\FileSystem"
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, place) as key:
            return winreg.QueryValueEx(key, "LongPathsEnabled")[0] != 1
    except ImportError:
        return False  # another system
    except OSError:
        return True


def port_is_free(port):
    with socket.socket() as probe:
        if os.name != "nt":  # where it would let two servers share a port
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except PermissionError:
            if port < 1024 and os.name != "nt":
                raise Trouble(
                    f"only an administrator may use port {port}: name one from 1024 on, such as --port 8888."
                ) from None
            return False
        except OSError:
            return False


def check_machine():
    """Refuse a Python or a processor for which there are no packages."""
    version = python_version()
    if not OLDEST <= version <= NEWEST:
        fault = "old" if version < OLDEST else "new"
        raise Trouble(
            f"Python {version[0]}.{version[1]} is too {fault}: the course needs Python 3.11 to "
            "3.14 from python.org, started for example as `python3.12 start.py`."
        )
    if not is_64_bit():
        raise Trouble(
            "this is a 32-bit Python, for which PyTorch has no packages: install the 64-bit one "
            "from python.org and start with that."
        )
    kind = (sys.platform, platform.machine())
    if kind in (("darwin", "x86_64"), ("win32", "ARM64")):
        raise Trouble(
            f"PyTorch has no packages for this Python ({kind[0]}, {kind[1]}): the README names "
            "other ways to take the course."
        )
    glibc = glibc_version() if sys.platform == "linux" else OLDEST_GLIBC
    if glibc is None:
        raise Trouble(
            "this Linux has musl as its C library (Alpine, for instance), for which PyTorch has no "
            "packages: use one with glibc, such as Debian, Ubuntu or Fedora."
        )
    if glibc < OLDEST_GLIBC:
        raise Trouble(
            f"this Linux is too old: its C library is glibc {glibc[0]}.{glibc[1]}, and PyTorch's "
            "packages need 2.28 or newer (Debian 10, Ubuntu 20.04, RHEL 8)."
        )


def check_writable(folder):
    try:
        tempfile.TemporaryFile(dir=str(folder)).close()
    except OSError as error:
        raise Trouble(
            f"the folder {folder} cannot be written to ({error.strerror}): use one of your own."
        ) from None


def check_disk(folder):
    needed = DISK_GB_CUDA if sys.platform == "linux" and has_nvidia_gpu() else DISK_GB
    free = free_bytes(folder) / 1e9
    if free < needed:
        raise Trouble(
            f"the disk of {folder} has {free:.1f} GB free and {needed} GB are needed: make room, "
            "or use another disk."
        )


def check_length(folder):
    """Refuse a folder below which some paths would be too long for Windows."""
    length, allowed = len(str(folder)), 259 - DEEPEST
    if length > allowed and windows_cuts_paths():
        raise Trouble(
            f"the course's folder has a path of {length} letters, and Windows can take {allowed}: "
            "move it higher, such as to C:\\course, or switch long paths on "
            "(https://pip.pypa.io/warnings/enable-long-paths)."
        )


# ---- What is installed.

# Runs inside the environment in question and prints its packages, what each needs, the first file
# of each that is missing or shorter than its RECORD says (a deleted folder, an interrupted copy;
# longer is what somebody edited), and where lessons_lib is found. With "deep" checksums count too.
LOOK = """
import base64, hashlib, importlib.metadata, importlib.util, json, os, re, sys
packages, needs, damaged = {}, {}, {}

def plain(name):
    return re.sub("[-_.]+", "-", str(name)).lower()

def whole(path, digest, size):
    if size and os.stat(path).st_size < int(size):
        return False
    if sys.argv[1:] == ["deep"] and digest.startswith("sha256="):
        with open(path, "rb") as file:
            found = base64.urlsafe_b64encode(hashlib.file_digest(file, "sha256").digest())
        return found.decode().rstrip("=") == digest[7:]
    return os.path.exists(path)

def first_damaged(found):
    record = found.read_text("RECORD")
    if record is None:
        return "RECORD" if found.read_text("METADATA") else None
    folder = str(found.locate_file(""))
    for row in record.splitlines():
        try:
            path, digest, size = row.rsplit(",", 2)
            if not re.search("[.]pyc$|/(bin|Scripts)/", path):  # made or changed when installed
                if not whole(os.path.join(folder, path.strip('"')), digest, size):
                    return path
        except (OSError, ValueError):
            return row
    return None

for found in importlib.metadata.distributions():
    try:
        name, version, required = found.metadata["Name"], found.version, found.requires or []
    except Exception:
        continue  # its description is gone: it counts as missing
    name = plain(name)
    if name not in packages:
        packages[name] = str(version)
        required = [line for line in required if "extra ==" not in line]
        needs[name] = [plain(re.match("[A-Za-z0-9._-]+", line).group()) for line in required]
        bad = first_damaged(found)
        if bad:
            damaged[name] = bad
library = importlib.util.find_spec("lessons_lib")
print(json.dumps({"prefix": sys.prefix, "packages": packages, "needs": needs, "damaged": damaged,
                  "library": library and library.origin}))
"""


def environment(python):
    """The variables for a child: without those that would send pip or Python elsewhere."""
    env = dict(os.environ, PYTHONUTF8="1", PYTHONUNBUFFERED="1")
    elsewhere = ["PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_PYTHON", "PIP_NO_DEPS", "PIP_DRY_RUN"]
    if str(python) != sys.executable or python == venv_python(VENV):  # not --here
        elsewhere += ["PYTHONPATH", "PYTHONHOME"]
        env["PIP_USER"] = "0"
        env["PIP_REQUIRE_VIRTUALENV"] = "1"  # a .venv without pyvenv.cfg is the user's own Python
    for name in elsewhere:
        env.pop(name, None)
    return env


def look(python, deep=False):
    """What `python` has installed, as a dict of prefix, packages, needs, damaged and library.

    deep: compare checksums, which takes a while. Returns None if it does not start.
    """
    try:
        answer = subprocess.run(
            [str(python), "-P", "-c", LOOK] + ["deep"] * deep,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(python),
            timeout=900 if deep else 300,
        )
        return json.loads(answer.stdout.decode("utf-8"))
    except (OSError, ValueError):
        return None
    except subprocess.TimeoutExpired:  # no reason to build anything again
        raise Trouble(
            f"{python} did not answer within minutes: start again when the disk is less busy."
        ) from None


def look_at_venv(deep=False):
    """The same of .venv; None also where another environment answers: its pyvenv.cfg is gone."""
    state = look(venv_python(VENV), deep) if VENV.is_dir() else None
    return state if state and same_folder(state["prefix"], VENV) else None


def same_folder(one, other):
    """Whether two paths lead to the same folder, however it is mounted or linked."""
    try:
        return os.path.samefile(str(one), str(other))
    except OSError:
        return False


def pins(file):
    """The versions that a requirements file and those it includes fix: {package: version}."""
    found = {}
    for line in (ROOT / file).read_text(encoding="utf-8").splitlines():
        line = re.split("[#;]", line)[0].strip()
        if line.startswith("-r "):
            found.update(pins(line[3:].strip()))
        elif "==" in line:
            package, version = line.split("==")
            found[re.sub("[-_.]+", "-", package.strip()).lower()] = version.strip()
    return found


def unmet(file, state):
    """The first thing that a requirements file asks for and that is not there, or None."""
    for package, version in pins(file).items():
        if state["packages"].get(package, "").split("+")[0] != version:  # 2.13.0+cpu is 2.13.0
            return f"{package} {version} is not installed"
    return None


def linked(file, state):
    """Whether lessons_lib is that of this folder, where the file wants it at all."""
    if "-e ." not in (ROOT / file).read_text(encoding="utf-8").splitlines():
        return True
    return bool(state["library"]) and same_folder(Path(state["library"]).parents[1], ROOT)


def version_in(text):
    """The course's version, from the text of its pyproject.toml; "?" where it has none."""
    found = re.search(r'^version *= *"([^"]+)"', text, re.M)
    return found.group(1) if found else "?"


def project():
    """pyproject.toml as a dict."""
    import tomllib  # from Python 3.11 on

    try:
        return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    except ValueError as error:
        raise Trouble(f"pyproject.toml cannot be read ({error}): take the course's own again.") from None


def plain_names(requirements):
    """The packages that lines such as `torch>=2.13` name."""
    return [re.sub("[-_.]+", "-", re.match(r"[\w.-]+", line).group()).lower() for line in requirements]


def needed(files, state):
    """The installed packages that the files and lessons_lib ask for, and all these need in turn."""
    waiting = plain_names(project().get("project", {}).get("dependencies", []))
    for file in files:
        waiting += pins(file)
    found = set()
    while waiting:
        name = waiting.pop()
        if name in state["packages"] and name not in found:
            found.add(name)
            waiting += state["needs"][name]
    return found


def differing(files, state):
    """What changed files of the course ask for and is not so: a list of pip's requirements."""
    wanted = pins(CONSTRAINTS) if (ROOT / CONSTRAINTS).exists() else {}
    found = [
        f"{name}=={wanted[name]}"
        for name in sorted(needed(files, state))
        if name in wanted and state["packages"][name].split("+")[0] != wanted[name]
    ]
    dependencies = plain_names(project().get("project", {}).get("dependencies", []))
    return found + [name for name in dependencies if name not in state["packages"]]


def fingerprint(file):
    """A hash of what decides an installation: requirements, constraints and pyproject.toml."""
    digest = hashlib.sha256()
    for part in (ROOT / file, ROOT / CONSTRAINTS, ROOT / "pyproject.toml"):
        digest.update(part.read_bytes() if part.exists() else b"")
    return digest.hexdigest()


def venv_python(folder):
    return Path(folder) / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def read_marker():
    """What the set-ups so far wrote into .venv; empty if there is no such file.

    made: start.py made this .venv, and may remove it.   tried: its packages were imported once.
    requirements: the fingerprint of each file that was installed; none in an interrupted set-up.
    packages: what these needed.   odd: packages that look damaged however often they are installed.
    """
    try:
        marker = json.loads((VENV / "course.json").read_text(encoding="utf-8"))
        return marker if isinstance(marker, dict) else {}
    except (OSError, ValueError):
        return {}


def write_marker(**changes):
    marker = dict({"made": is_ours()}, **read_marker())
    marker.update(changes)
    unfinished = VENV / "course.json.new"
    unfinished.write_text(json.dumps(marker, indent=1), encoding="utf-8")
    os.replace(str(unfinished), str(VENV / "course.json"))


def mark_installed(files, state):
    """Note in .venv that these files' packages are in place, but not tried yet."""
    known = dict(read_marker().get("requirements", {}), **{file: fingerprint(file) for file in files})
    packages = {name: state["packages"][name] for name in needed(known, state)}
    write_marker(requirements=known, packages=packages, tried=False)


def is_ours():
    """Whether start.py made .venv: nothing else is ever removed."""
    if VENV.is_symlink() or not VENV.is_dir():
        return False
    begun = set(os.listdir(str(VENV))) <= {"course.json.new"}
    return begun or read_marker().get("made", bool(read_marker()))


def diagnose(files, state):
    """What is wrong with .venv: (remedy, words, pip's requirements) or None.

    The remedies: build, mend (install the same again), link (lessons_lib), install, try (import).
    state: what look_at_venv found.
    """
    marker = read_marker()
    if not os.path.lexists(str(VENV)):
        return "build", "it is not there", []
    if state is None:
        gone = VENV.is_dir() and not (VENV / "pyvenv.cfg").exists()
        return "build", "pyvenv.cfg is missing" if gone else "its Python does not start", []
    fault = lacking(files, state, marker)
    if fault and fault[0] != "try" and ("pip" not in state["packages"] or "pip" in state["damaged"]):
        return "build", f"{fault[1]}, and pip is missing", []
    return fault


def lacking(files, state, marker):
    """The same of a .venv whose Python starts."""
    packages, known = state["packages"], marker.get("requirements", {})
    count = set(marker.get("packages", {})) or needed(files, state)
    damaged = sorted(set(state["damaged"]) & count - set(marker.get("odd", [])))
    if damaged:
        again = [f"{name}=={packages[name]}" for name in damaged]
        return "mend", f"files of {damaged[0]} are missing or damaged", again
    if marker.get("made") and not known:
        return "install", "the last set-up was interrupted", []
    lost = sorted(set(marker.get("packages", {})) - set(packages))
    if lost:
        return "install", f"{lost[0]} is missing", []
    for file in files:
        if unmet(file, state):
            fresh = known and file not in known
            return "install", f"{file} is not installed yet" if fresh else unmet(file, state), []
        if file in known and known[file] != fingerprint(file) and differing(files, state):
            change = differing(files, state)
            return "install", f"{file} has changed: {change[0].replace('==', ' ')} is not installed", change
    if not all(linked(file, state) for file in files):
        return "link", "lessons_lib is not linked to this folder", []
    if not marker.get("tried", True):
        return "try", "its packages were never imported", []
    return None


# ---- Installing.


# What a child said and what the reader is told. The first pattern that is found counts, so the
# cause stands before what follows from it. {1} is the pattern's first group, {disk} the fullest of
# the disks that pip writes to, {wheels} the folder of packages.
SENTENCES = [
    (
        r"No space left on device|Errno 28\b|WinError 112\b",
        "{disk} is full: make room there and start again (TMPDIR may name another place for "
        "downloads on their way).",
    ),
    (
        r"externally-managed-environment|No module named pip|Could not find an activated virtualenv",
        "pip cannot install into the active Python: start without --here.",
    ),
    (
        r"ended by signal 9\b|status 137\b|MemoryError|Cannot allocate memory",
        "the memory ran out and the system ended pip: close other programs and start again.",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED",
        "something on the way answers in the package server's name with a certificate of its own: "
        "log in to this network in a browser, or, in a company, let PIP_CERT name the file of its "
        "certificate, and start again.",
    ),
    (
        r"407 Proxy Auth|answers with status 407",
        "this network's proxy asks for a name and a password: set HTTPS_PROXY to "
        "http://name:password@host:port and start again.",
    ),
    (
        r"DO NOT MATCH THE HASHES|incomplete-download|IncompleteRead|Connection broken:",
        "a download broke off or was changed on its way: start again, and in another network if it "
        "fails each time.",
    ),
    (
        r"answers with status (5\d\d)",
        "the package server is out of order (status {1}): start again in a while.",
    ),
    (
        r"answers with a page without packages",
        "a login page answers in place of the package server: log in to this network in a browser "
        "and start again.",
    ),
    (
        r"Long Path support",
        "a path became too long for Windows: move the course higher, such as to C:\\course, or "
        "switch long paths on (https://pip.pypa.io/warnings/enable-long-paths).",
    ),
    (
        r"FOLDER No matching distribution found for (\S+)",
        "the folder {wheels} has no {1} for this computer and Python: fill it with `start.py "
        "wheels` on the same kind of both.",
    ),
    (
        r"Retrying \(|Max retries exceeded|[Tt]imed out|name resolution",
        "no package server answers: connect to the internet and start again, or set up from a "
        "folder of packages (see --help).",
    ),
    (
        r"No matching distribution found for (\S+)",
        "the package server has no {1} for this computer and Python: take the newest version of "
        "the course, or a Python from 3.11 to 3.14 from python.org.",
    ),
    (
        r"Visual C\+\+ Redistributable|WinError (?:126|127|1114)\b|DLL load failed",
        "PyTorch needs Microsoft's Visual C++ runtime: install "
        "https://aka.ms/vs/17/release/vc_redist.x64.exe and start again.",
    ),
    (
        r"version `(GLIBC\w*?_[\d.]+)' not found",
        "this Linux is too old for the packages (its C library lacks {1}): use a newer one.",
    ),
]


def sentence(lines, wheels=None):
    """The sentence for what a child said; None if it is not among the known ones."""
    text = "\n".join(lines)
    if wheels:
        text = text.replace("No matching distribution", "FOLDER No matching distribution")
    for pattern, words in SENTENCES:
        found = re.search(pattern, text)
        if found:
            disk = fullest_disk() if "{disk}" in words else ""
            return words.format(found.group(), *found.groups(), disk=disk, wheels=wheels)
    return None


def fullest_disk():
    """Of those on which pip works, in words."""
    folders = [ROOT, Path(tempfile.gettempdir()), Path(os.path.expanduser("~"))]
    sizes = {folder: free_bytes(folder) for folder in folders if folder.is_dir()}
    folder = min(sizes, key=sizes.get)
    return f"the disk of {folder}, with {sizes[folder] / 1e9:.1f} GB free,"


def explain(lines, wheels):
    """The failure behind pip's output, as one sentence."""
    text = "\n".join(lines)
    known = sentence([*lines, *probe(text)] if not wheels else lines, wheels)
    errors = [line[6:].strip() for line in lines if line.startswith("ERROR:")] or lines[-2:]
    return known or f"pip did not succeed ({' '.join(errors[:1])[:300].rstrip('.')})."


def default_index():
    """The package server that pip asks where none is set, as pip itself has it; empty if it doesn't say."""
    code = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"
    said = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return said.stdout.decode("utf-8", "replace").strip()


def probe(text):
    """What the package server answers, in a list, where pip only says that it found nothing."""
    asked = re.search(r"\(from versions: none\)[^~]*found for ([\w.-]+)", text)
    if not asked or "Retrying (" in text or "Looking in links" in text:
        return []
    index = re.search(r"Looking in indexes: ([^\s,]+)", text)
    url = (index.group(1) if index else default_index()).rstrip("/") + f"/{asked.group(1)}/"
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            page = answer.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        return [f"the server answers with status {error.code}"]
    except (OSError, ValueError) as error:
        return [str(error)]
    return (
        [] if re.search(r"[.]whl|[.]tar[.]gz", page) else ["the server answers with a page without packages"]
    )


def pip(python, arguments, wheels=None):
    """Run pip, show a line per package, and turn a failure into one sentence.

    python: of the environment to install into.
    arguments: pip's, from its command on.
    wheels: the folder to install from, without a network; None for the package server.
    """
    command = [str(python), "-m", "pip", "--no-input", "--disable-pip-version-check"]
    command += arguments[:1] + ["--progress-bar", "off"] + arguments[1:]
    if wheels:
        command += ["--no-index", "--find-links", str(wheels)]
    begun = time.monotonic()
    lines, heard, finished = [], [begun], threading.Event()

    def clock():  # a sign of life during a long download
        while not finished.wait(1):
            if time.monotonic() - heard[0] > 15:
                heard[0] = time.monotonic()
                say(f"    ... {heard[0] - begun:.0f} s")

    child = subprocess.Popen(
        command,
        cwd=str(ROOT),  # where `-e .` is
        env=environment(python),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    threading.Thread(target=clock, daemon=True).start()
    try:
        for raw in child.stdout:
            lines.append(raw.decode("utf-8", "replace").rstrip())
            if pip_line(lines[-1]):
                heard[0] = time.monotonic()
                say(pip_line(lines[-1]))
        status = child.wait()
    finally:
        finished.set()
        if child.poll() is None:  # after Ctrl-C or SIGTERM
            child.terminate()
            child.wait()
    if status < 0:
        lines.append(f"pip was ended by signal {-status}")
    elif status:
        lines.append(f"pip ended with status {status}")
    if status:
        raise Trouble(explain(lines, wheels))


def pip_line(line):
    """What a reader is shown for a line of pip's; empty for most."""
    found = re.match(r"Collecting ([\w.-]+(?:==[\w.+]+)?)", line)
    found = found or re.match(r"Processing .*?([\w.]+-[\w.+]+)-\S+whl", line)
    if found:
        return "  " + found.group(1)
    found = re.match(r"\s*Downloading .* \(([\d.]+ [MG]B)\)", line)
    if found:
        return f"    downloading {found.group(1)}"
    if "Retrying (" in line:
        return "    no answer, trying again"
    if line.startswith("Installing collected packages:"):
        count = line.count(",") + 1
        return f"Putting {count} {'packages' if count > 1 else 'package'} in place."
    return ""


def torch_source(packages):
    """pip's options for the right build of PyTorch; asks only when one must be fetched."""
    wanted = pins("requirements.txt").get("torch")
    if sys.platform != "linux" or has_nvidia_gpu() or not wanted:
        return []
    if packages.get("torch", "").split("+")[0] == wanted:
        return []
    if reachable(CPU_INDEX + "/torch/"):
        # 2.13.0+cpu counts as newer than 2.13.0, so pip prefers it
        return ["--extra-index-url", CPU_INDEX]
    say("PyTorch's index of CPU builds does not answer; torch comes from the usual index.")
    return []


def constraints():
    """pip's options that fix the version of every package, also of those that others need."""
    return ["-c", str(ROOT / CONSTRAINTS)] if (ROOT / CONSTRAINTS).exists() else []


def install(python, files, packages, wheels, more=()):
    """Install requirements files and look whether they are met; returns the new state."""
    requirements = [word for file in files for word in ("-r", str(ROOT / file))]
    requirements += [*more, *constraints()]
    pip(python, ["install", *requirements, *([] if wheels else torch_source(packages))], wheels)
    state = look(python)
    for file in files:
        lack = unmet(file, state) if state else "its Python does not start"
        if lack:
            raise Trouble(f"pip finished, but {lack}: see where `pip config list` sends packages.")
    return state


def link(python, packages):
    """Link lessons_lib to this folder; without a network where what builds it is installed."""
    builders = plain_names(project().get("build-system", {}).get("requires", []))
    isolation = [] if not set(builders) <= set(packages) else ["--no-build-isolation"]
    pip(python, ["install", "--no-deps", *isolation, "-e", "."])


def try_imports(python):
    """Import what the lessons import, as their first cells will; returns what fails, or ""."""
    modules = [package.replace("-", "_") for package in pins("requirements.txt")]
    if "-e ." in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines():
        modules.append("lessons_lib")
    tried = subprocess.run(
        [str(python), "-P", "-c", "import " + ", ".join(modules)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        env=environment(python),
    )
    if tried.returncode == 0:
        return ""
    lines = tried.stdout.decode("utf-8", "replace").strip().splitlines()
    if tried.returncode < 0:
        lines.append(f"Python was ended by signal {-tried.returncode}")
    cause = " ".join(lines[-1:])[:300].rstrip(".")
    return (
        sentence(lines) or f"the packages are there but cannot be imported ({cause}): try `start.py repair`."
    )


def create_venv(folder):
    """Make a virtual environment, from this Python's own base if it is in one itself."""
    base = getattr(sys, "_base_executable", None) or sys.executable
    made = subprocess.run([base, "-m", "venv", str(folder)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    text = made.stdout.decode("utf-8", "replace").strip()
    if made.returncode and ("ensurepip" in text or "No module named venv" in text):
        raise Trouble(
            "this Python cannot make virtual environments: install its venv package (on Debian "
            "and Ubuntu `sudo apt install python3-venv`) and start again."
        )
    if made.returncode:
        cause = text[-300:].splitlines()[-1:] or ["no message"]
        raise Trouble(f"the folder .venv could not be made ({cause[0].rstrip('.')}).")


def remove(folder):
    """Remove an environment that start.py made."""
    try:
        shutil.rmtree(str(folder))
    except OSError as error:
        raise Trouble(
            f"{folder} cannot be removed ({error.strerror}): close the programs that use it and start again."
        ) from None


@contextlib.contextmanager
def alone():
    """Keep another start.py from setting up the same folder at the same time."""
    file = open(str(LOCK), "a+")
    with file:
        try:
            if os.name == "nt":
                import msvcrt

                file.seek(1000)  # a byte that nobody reads
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EACCES, errno.EDEADLK):
                file.seek(0)
                raise Trouble(
                    f"another start.py (process {file.read(20).strip()}) is setting the course up "
                    "at this moment: wait until it has finished, then start again."
                ) from None
            # a file system that knows no locks
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        yield


@contextlib.contextmanager
def old_venv_kept():
    """Bring an old .venv back if the block fails, and remove it if the block succeeds."""
    try:
        yield
    except BaseException:
        if OLD_VENV.exists():
            if VENV.exists():
                remove(VENV)
            OLD_VENV.rename(VENV)
        raise
    shutil.rmtree(str(OLD_VENV), ignore_errors=True)  # what is in use goes at the next start


def build(words):
    """Make a new .venv, without packages; one that is there is put aside first."""
    there = os.path.lexists(str(VENV))
    if there and not is_ours():
        raise Trouble(
            f"the folder .venv is not of start.py's making and cannot be used ({words}): rename "
            "or remove it yourself, then start again."
        )
    check_length(ROOT)
    check_disk(ROOT)
    if there and OLD_VENV.exists():  # a rebuild was interrupted before
        remove(VENV)
    elif there:
        try:
            VENV.rename(OLD_VENV)
        except OSError as error:
            raise Trouble(
                f"the damaged .venv cannot be put aside ({error.strerror}): close the programs "
                "that use it and start again."
            ) from None
    say("Making .venv with Python {}.{}.".format(*python_version()))
    VENV.mkdir()
    write_marker(made=True)
    create_venv(VENV)


def set_up(files, wheels=None, deep=False):
    """Apply one remedy after the other until .venv lacks nothing."""
    python, done = venv_python(VENV), []
    while True:
        state = look_at_venv(deep)
        fault = diagnose(files, state)
        if fault is None:
            return
        if fault in done:
            raise Trouble(f"pip finished, but {fault[1]}: see where `pip config list` sends packages.")
        remedy, words, names = fault
        if not done:
            announce(remedy, words)
        done.append(fault)
        if remedy == "build":
            build(words)
            state = look_at_venv()  # of which only pip is there
        if remedy in ("build", "install"):
            say(f"Fetching packages from {wheels}." if wheels else "Fetching packages.")
            packages = state["packages"] if state else {}
            mark_installed(files, install(python, files, packages, wheels, names))
        elif remedy == "mend":
            others = {
                name: state["packages"][name] for name in set(state["packages"]) - set(state["damaged"])
            }
            source = [] if wheels else torch_source(others)
            pip(python, ["install", "--no-deps", "--ignore-installed", *names, *source], wheels)
            mended = {name.split("==")[0] for name in names}
            after = look_at_venv(deep)
            if read_marker():
                write_marker(odd=sorted(mended & set(after["damaged"] if after else [])), tried=False)
        elif remedy == "link":
            link(python, state["packages"])
        else:
            say("Importing the packages once.")
            failure = try_imports(python)
            if failure:
                raise Trouble(failure)
            write_marker(tried=True)


def announce(remedy, words):
    if not os.path.lexists(str(VENV)):
        say("First start: everything is installed into the folder .venv.")
    elif remedy == "build":
        say(f"The environment .venv is damaged ({words}): it is built again.")
    elif remedy == "mend":
        say(f"The environment .venv is damaged ({words}): they are installed again.")
    else:
        say(f"The environment .venv is incomplete ({words}): it is completed.")


def prepare_active(files, wheels):
    """Set up the environment that is active now; returns its Python."""
    state = look(sys.executable)
    if state is None or not all(unmet(file, state) is None and linked(file, state) for file in files):
        begun = time.monotonic()
        check_writable(ROOT)  # lessons_lib is linked from here
        say(f"Setting up the active environment, {sys.prefix}.")
        install(sys.executable, files, state["packages"] if state else {}, wheels)
        failure = try_imports(sys.executable)
        if failure:
            raise Trouble(failure)
        say(f"Set up in {time.monotonic() - begun:.0f} s.")
    return sys.executable


def prepare(here=False, more=(), wheels=None, opening=False, deep=False):
    """Make sure that everything is installed; returns the Python to go on with.

    here: use the active environment.   more: requirements files besides the lessons' own.
    wheels: a folder to install from, without a network.
    opening: go on without what cannot be completed, if all that the lessons import is there.
    deep: compare checksums and import everything, even if nothing seems wrong.
    """
    files = ["requirements.txt", *more]
    if here:
        return prepare_active(files, wheels)
    python = venv_python(VENV)
    if diagnose(files, look_at_venv(deep)) is None and not OLD_VENV.exists() and not deep:
        return python
    check_writable(ROOT)
    with alone():
        begun = time.monotonic()
        try:
            with old_venv_kept():
                set_up(files, wheels, deep)
                if deep and try_imports(python):
                    raise Trouble(try_imports(python))
        except Trouble as trouble:
            if not opening or look_at_venv() is None or try_imports(python):
                raise
            say(f"This did not succeed: {with_help(trouble)}")
            say("All that the lessons import is there, so the course opens without it.")
            return python
        say(f"Set up in {time.monotonic() - begun:.0f} s.")
    return python


# ---- Running.


def run(command):
    """Run a program in the course's folder, in the foreground; returns its exit status."""
    # the kernel of a notebook must be that of this environment, whatever others the user has
    env = dict(os.environ, JUPYTER_PREFER_ENV_PATH="1", **home())
    # a character that the terminal cannot print becomes a question mark, not an error
    env.setdefault("PYTHONIOENCODING", ":replace")
    if str(command[0]) != sys.executable:  # .venv's Python: no modules of another one
        for name in ("PYTHONPATH", "PYTHONHOME"):
            env.pop(name, None)
    child = subprocess.Popen([str(part) for part in command], cwd=str(ROOT), env=env)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    while True:
        try:
            status = child.wait()
            return status if status >= 0 else 128 - status  # ended by a signal, as shells put it
        except KeyboardInterrupt:
            pass  # the program got the Ctrl-C too, and ends in its own way


def home():
    """Variables that give the programs a folder for their settings where the user's is of no use."""
    try:
        tempfile.TemporaryFile(dir=os.path.expanduser("~")).close()
        return {}
    except OSError:
        pass
    try:
        folder = ROOT / ".jupyter"
        folder.mkdir(exist_ok=True)
        tempfile.TemporaryFile(dir=str(folder)).close()
    except OSError:
        folder = Path(tempfile.mkdtemp())
    say(f"The home folder cannot be written to: settings are kept in {folder}.")
    return {"USERPROFILE" if os.name == "nt" else "HOME": str(folder)}


def choose_port(asked):
    """The first free port from the asked one on, saying so when it is another."""
    if not re.match(r"\d{1,5}$", asked) or int(asked) > 65535:
        raise Trouble(f"a port is a number from 0 to 65535, not '{asked}'.")
    ports = range(int(asked), min(int(asked) + 50, 65536))
    free = next((port for port in ports if port_is_free(port)), None)
    if free is None:
        raise Trouble(f"the ports {ports[0]} to {ports[-1]} are all in use: name another.")
    if free != ports[0]:
        say(f"Port {asked} is in use: JupyterLab takes {free}.")
    return free


def jupyter_command(python, arguments):
    """JupyterLab's command line: our settings, then the reader's options, then a free port."""
    command = [python, "-m", "jupyterlab", f"--ServerApp.root_dir={ROOT}"]
    # no pop-up about news, and no asking a server for newer versions
    command.append("--LabApp.news_url=None")
    command.append("--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate")
    if (ROOT / FIRST_PAGE).exists():
        command.append("--LabApp.default_url=/lab/tree/" + FIRST_PAGE)
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # a container; JupyterLab refuses otherwise
        command.append("--allow-root")
    rest, asked, words = [], "8888", list(arguments)
    while words:
        option, equals, value = words.pop(0).partition("=")
        if option in ("--port", "--ServerApp.port"):
            asked = value or (words.pop(0) if words else "")
        elif option != "--allow-root":
            rest.append(option + equals + value)
    if any(word.startswith("--sock") for word in rest):  # a socket file in place of a port
        return command + rest
    return command + rest + [f"--port={choose_port(asked)}"]


def parallel_command(python, arguments):
    """Return how lesson 20's script is started; the first argument is the layout, more are its own."""
    if not arguments or arguments[0].startswith("-"):
        raise Trouble("parallel needs a layout: `python start.py parallel ddp`.")
    script = ["-m", "lessons_lib.parallel.pretrain", "--layout", *arguments]
    if arguments[0] == "one":
        return [python, *script]
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if sys.platform == "win32":
        os.environ.setdefault("USE_LIBUV", "0")  # which torch's wheels for Windows lack
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--local-addr=127.0.0.1"]
    return [python, *torchrun, "--nproc-per-node=2", *script]


def tool(name):
    """The module tools/NAME.py; it finds this one under the name `start`."""
    import importlib.util

    sys.modules["start"] = sys.modules[__name__]
    spec = importlib.util.spec_from_file_location("start_" + name, str(ROOT / "tools" / (name + ".py")))
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look
    spec.loader.exec_module(module)
    return module


def take_wheels(arguments):
    """The folder behind --wheels, or None, and what stands behind --with, from the arguments of setup."""
    words, folder, extras = list(arguments), None, []
    while words:
        option, equals, value = words.pop(0).partition("=")
        value = value if equals else (words.pop(0) if words else "")
        if option == "--with":
            extras += value.split(",")
            if not set(extras) <= set(EXTRAS):
                raise Trouble(f"--with knows {' and '.join(EXTRAS)}, and not '{value}'.")
        elif option == "--wheels":
            if not value or not Path(value).expanduser().is_dir():
                raise Trouble(f"--wheels needs a folder of packages, and '{value}' is none.")
            folder = Path(value).expanduser().resolve()
        else:
            raise Trouble(f"setup knows --wheels FOLDER, --with and --here, not '{option}'.")
    return folder, extras


def obey(arguments):
    """Do what the command line says; returns the exit status."""
    if "--help" in arguments or "-h" in arguments:
        say(__doc__.rstrip())
        return 0
    here = "--here" in arguments
    arguments = [word for word in arguments if word != "--here"]
    command = arguments.pop(0) if arguments and not arguments[0].startswith("-") else "open"
    if command != "doctor" or python_version() < OLDEST:  # who tells what is wrong with a machine
        check_machine()
    if command == "open":
        line = jupyter_command(prepare(here, opening=True), arguments)
        say("Starting JupyterLab; Ctrl-C in this window ends it.")
        return run(line)
    if command == "setup":
        wheels, extras = take_wheels(arguments)
        if wheels:
            tool("wheels").check(wheels, extras)
        prepare(here, [EXTRAS[extra] for extra in extras], wheels)
        say("Ready: `python start.py` opens the course.")
        return 0
    if command == "repair":
        if arguments or here:
            raise Trouble("repair takes nothing more: it looks after the folder .venv.")
        say("Comparing every installed file with its checksum.")
        prepare(deep=True)
        say("Nothing is damaged any more: `python start.py` opens the course.")
        return 0
    if command in TOOLS:
        return tool(command).main(arguments, here)
    if command == "parallel":
        return run(parallel_command(prepare(here), arguments))
    if command in SCRIPTS:
        python = prepare(here, NEEDS.get(command, [EXTRAS["test"]]))
        return run([python, ROOT / SCRIPTS[command], *arguments])
    known = ", ".join(["setup", "repair", *sorted(TOOLS), "parallel", *SCRIPTS])
    raise Trouble(f"'{command}' is no command: there are {known} (see --help).")


def terminated(*_):
    raise Terminated


def main(arguments):
    try:
        return obey(list(arguments))
    except Trouble as trouble:
        print(f"start.py: {with_help(trouble)}", file=sys.stderr)
    except KeyboardInterrupt as stop:
        sentence = with_help("stopped; the next start goes on from here.")
        print(f"start.py: {sentence}", file=sys.stderr)
        return 143 if isinstance(stop, Terminated) else 130
    except OSError as error:  # a disk filled in between, a folder gone: as the system puts it
        sentence = with_help(str(error).rstrip(".") + ".")
        print(f"start.py: {sentence}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a folder's name that the terminal cannot print
            stream.reconfigure(errors="replace")
    signal.signal(signal.SIGTERM, terminated)
    sys.exit(main(sys.argv[1:]))
