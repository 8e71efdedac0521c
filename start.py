"""DeepSeek on a Laptop: sets up the course and opens it.

    python start.py                     set up what is missing, then open JupyterLab on lesson 00
    python start.py --port 9000 ...     the same; JupyterLab's own options are passed on
    python start.py --help-all          ... and shown

    python start.py setup               set up and stop
    python start.py wheels FOLDER       download all packages into FOLDER: for bad Wi-Fi, once, on
                                        a computer and a Python of the same kind
    python start.py setup --wheels FOLDER    set up from that folder, without a network

    python start.py test                run every check of the course, notebooks from nothing
    python start.py test --warm         the same, with what an earlier test has trained
    python start.py test --deep         the long rest: faults put in on purpose, other processors
    python start.py test --portable     notebooks computed as other processors would, all of them or
                                        those named (06 10); with --quick a cheap one of each part
    python start.py bench               speed of training and decoding beside plain PyTorch
    python start.py mutants             break the library on purpose; a test must notice each time;
                                        with --changed only what differs from the branch main

    python start.py new-lesson 15       begin a lesson that lessons_lib/lessons.toml lists
    python start.py new-lesson --sync   write map, table and links again as that list says

    --here    with any of these: use the Python environment that is active now, not .venv

Everything is installed into the folder .venv beside this file, which takes about 1.5 GB; delete
it and all is undone. Needed are Python 3.11 to 3.14, 3 GB of free disk, and Linux, Windows or a
Mac with Apple silicon. The first start downloads some 300 MB, later ones take seconds. On Linux
with an NVIDIA GPU PyTorch brings CUDA along: several GB, and 10 GB of free disk. An interrupted
set-up goes on at the next start, a damaged one is repaired.
"""

# Only the standard library, and only syntax that Python 3.6 can read: an old Python must get as
# far as saying that it is too old.
import hashlib
import json
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent
FIRST_PAGE = "notebooks/00_start_here.ipynb"
OLDEST, NEWEST = (3, 11), (3, 14)
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
CONSTRAINTS = "constraints.txt"  # the versions of what the requirements need in turn
DISK_GB, DISK_GB_CUDA = 3, 10  # the packages, and pip's downloads on their way
SCRIPTS = {
    "test": "tests/run.py",
    "bench": "tests/bench.py",
    "mutants": "tests/mutants.py",
    "new-lesson": "tests/new_lesson.py",
}


class Trouble(Exception):
    """A situation that ends start.py, told in one sentence."""


def say(text):
    print(text, flush=True)


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


def port_is_free(port):
    with socket.socket() as probe:
        if os.name != "nt":  # where it would let two servers share a port
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            return True
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
    kind = (sys.platform, platform.machine())
    if kind in (("darwin", "x86_64"), ("win32", "ARM64")):
        raise Trouble(
            f"PyTorch has no packages for this Python ({kind[0]}, {kind[1]}): the README names "
            "other ways to take the course."
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


# ---- What is installed.

# Runs inside the environment in question and prints its packages, those of them whose modules are
# not all there (a deleted folder, an interrupted copy), and where lessons_lib is found.
LOOK = """
import importlib.metadata, importlib.util, json, re
packages, damaged = {}, []
for found in importlib.metadata.distributions():
    name = re.sub("[-_.]+", "-", str(found.metadata["Name"])).lower()
    if name in packages:
        continue
    packages[name] = str(found.version)
    record = found.read_text("RECORD")
    modules = re.findall("^([^/,]+(?:/__init__)?[.]py),", record or "", re.M)
    complete = all(found.locate_file(module).exists() for module in modules)
    if not complete or (record is None and found.read_text("METADATA")):
        damaged.append(name)
library = importlib.util.find_spec("lessons_lib")
print(json.dumps([packages, damaged, library and library.origin]))
"""


def look(python):
    """What `python` has installed: [packages, damaged, lessons_lib's file]; None if it fails."""
    try:
        answer = subprocess.run(
            [str(python), "-P", "-c", LOOK],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=120,
        )
        return json.loads(answer.stdout.decode("utf-8"))
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None


def pins(file):
    """The versions that a requirements file and those it includes fix: {package: version}."""
    found = {}
    for line in (ROOT / file).read_text(encoding="utf-8").splitlines():
        line = line.split("#")[0].strip()
        if line.startswith("-r "):
            found.update(pins(line[3:].strip()))
        elif "==" in line:
            package, version = line.split("==")
            found[re.sub("[-_.]+", "-", package.strip()).lower()] = version.strip()
    return found


def unmet(file, state):
    """The first thing that a requirements file asks for and that is not there, or None."""
    packages, _, library = state
    for package, version in pins(file).items():
        if packages.get(package, "").split("+")[0] != version:  # 2.13.0+cpu is 2.13.0
            return f"{package} {version} is not installed"
    if "-e ." in (ROOT / file).read_text(encoding="utf-8").splitlines():
        if not library or ROOT not in Path(library).resolve().parents:
            return "lessons_lib is not linked to this folder"
    return None


def fingerprint(file):
    """A hash of what decides an installation: requirements, constraints and pyproject.toml."""
    digest = hashlib.sha256()
    for part in (ROOT / file, ROOT / CONSTRAINTS, ROOT / "pyproject.toml"):
        digest.update(part.read_bytes() if part.exists() else b"")
    return digest.hexdigest()


def venv_python(folder):
    return Path(folder) / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def read_marker():
    """What the last finished set-up wrote into .venv; empty if there is none."""
    try:
        marker = json.loads((ROOT / ".venv" / "course.json").read_text(encoding="utf-8"))
        return marker if isinstance(marker, dict) else {}
    except (OSError, ValueError):
        return {}


def write_marker(files, packages):
    marker = read_marker()
    marker["folder"], marker["packages"] = str(ROOT), packages
    marker.setdefault("requirements", {}).update({file: fingerprint(file) for file in files})
    unfinished = ROOT / ".venv" / "course.json.new"
    unfinished.write_text(json.dumps(marker, indent=1), encoding="utf-8")
    os.replace(str(unfinished), str(ROOT / ".venv" / "course.json"))


def diagnose(files, state):
    """What is wrong with .venv, and whether it must be built again: (words or None, bool)."""
    marker = read_marker()
    if state is None:
        return "its Python does not start", True
    packages, damaged, _ = state
    if damaged:
        return f"files of {damaged[0]} are missing", True
    if marker and marker.get("folder") != str(ROOT):
        return "the course was moved or copied here", True
    if not marker:
        return "the last set-up was interrupted", "pip" not in packages
    lost = [package for package in marker.get("packages", {}) if package not in packages]
    if lost:
        return f"{lost[0]} is missing", "pip" in lost
    for file in files:
        known = marker.get("requirements", {}).get(file)
        if known != fingerprint(file):
            return f"{file} {'has changed' if known else 'is not installed yet'}", False
        if unmet(file, state):
            return unmet(file, state), False
    return None, False


# ---- Installing.


def explain(lines, wheels):
    """The failure behind pip's output, as one sentence."""
    text = "\n".join(lines)
    missing = re.search(r"No matching distribution found for (\S+)", text)
    if re.search(r"No space left on device|Errno 28\b|WinError 112\b", text):
        return "the disk became full while pip was installing: make room and start again."
    if "externally-managed-environment" in text or "No module named pip" in text:
        return "pip cannot install into the active Python: start without --here."
    if wheels and missing:
        return (
            f"the folder {wheels} has no {missing.group(1)} for this computer and Python: fill it "
            "with `start.py wheels` on the same kind of both."
        )
    if re.search(r"Retrying \(|Max retries exceeded|[Tt]imed out|name resolution", text):
        return (
            "no package server answers: connect to the internet and start again, or set up from a "
            "folder of packages (see --help)."
        )
    errors = [line[6:].strip() for line in lines if line.startswith("ERROR:")] or lines[-1:]
    return f"pip did not succeed ({' '.join(errors[:1])[:300].rstrip('.')})."


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
        env=dict(os.environ, PYTHONUTF8="1", PYTHONUNBUFFERED="1"),
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
        if child.poll() is None:  # after Ctrl-C
            child.terminate()
            child.wait()
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


def install(python, files, packages, wheels):
    """Install requirements files and look whether they are met; returns the new state."""
    requirements = [word for file in files for word in ("-r", str(ROOT / file))] + constraints()
    pip(python, ["install", *requirements, *([] if wheels else torch_source(packages))], wheels)
    state = look(python)
    for file in files:
        lack = unmet(file, state) if state else "its Python does not start"
        if lack:
            raise Trouble(f"pip finished, but {lack}: remove .venv and start again.")
    return state


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


def remove_venv():
    try:
        if (ROOT / ".venv").is_dir():
            shutil.rmtree(str(ROOT / ".venv"))
        else:
            (ROOT / ".venv").unlink()
    except OSError as error:
        raise Trouble(
            f"the damaged .venv cannot be removed ({error.strerror}): close the programs that use "
            "it and start again."
        ) from None


def prepare(here=False, dev=False, wheels=None):
    """Make sure that everything is installed; returns the Python to go on with.

    here: use the active environment.   dev: what the tests need as well.
    wheels: a folder to install from, without a network.
    """
    files = ["requirements.txt"] + (["requirements-dev.txt"] if dev else [])
    begun = time.monotonic()
    if here:
        state = look(sys.executable)
        if state is None or any(unmet(file, state) for file in files):
            check_writable(ROOT)  # lessons_lib is linked from here
            say(f"Setting up the active environment, {sys.prefix}.")
            install(sys.executable, files, state[0] if state else {}, wheels)
            say(f"Set up in {time.monotonic() - begun:.0f} s.")
        return sys.executable

    python = venv_python(ROOT / ".venv")
    there = os.path.lexists(str(ROOT / ".venv"))
    state = look(python) if there else None
    fault, rebuild = diagnose(files, state) if there else ("it is not there", True)
    if not fault:
        return python
    check_writable(ROOT)
    if not there:
        say("First start: everything is installed into the folder .venv.")
    elif rebuild:
        say(f"The environment .venv is damaged ({fault}): it is built again.")
    else:
        say(f"The environment .venv is incomplete ({fault}): it is completed.")
    if rebuild:
        if there:
            remove_venv()
        check_disk(ROOT)
        say("Making .venv with Python {}.{}.".format(*python_version()))
        create_venv(ROOT / ".venv")
    say(f"Fetching packages from {wheels}." if wheels else "Fetching packages.")
    state = install(python, files, state[0] if state else {}, wheels)
    write_marker(files, state[0])
    say(f"Set up in {time.monotonic() - begun:.0f} s.")
    return python


def download_wheels(folder):
    """Fill `folder` with what a set-up without a network needs, for this kind of computer."""
    import tomllib  # from Python 3.11 on

    folder = Path(folder).expanduser().resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Trouble(f"the folder {folder} cannot be made ({error.strerror}).") from None
    check_writable(folder)
    check_disk(folder)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [f"{package}=={version}" for package, version in pins("requirements.txt").items()]
    wanted += project["build-system"]["requires"]  # builds lessons_lib on the other computer
    with tempfile.TemporaryDirectory() as scratch:
        create_venv(scratch)
        options = ["--only-binary", ":all:", "--dest", str(folder), *constraints(), *torch_source({})]
        pip(venv_python(scratch), ["download", *options, *wanted])
    wheels = list(folder.glob("*.whl"))
    size = sum(wheel.stat().st_size for wheel in wheels) / 1e6
    kind = "Python {}.{}, {} {}".format(*python_version(), platform.system(), platform.machine())
    say(f"{len(wheels)} packages, {size:.0f} MB, for {kind}. On the other computer:")
    say(f'python start.py setup --wheels "{folder}"')


# ---- Running.


def run(command):
    """Run a program in the course's folder, in the foreground; returns its exit status."""
    # the kernel of a notebook must be that of this environment, whatever others the user has
    env = dict(os.environ, JUPYTER_PREFER_ENV_PATH="1")
    child = subprocess.Popen([str(part) for part in command], cwd=str(ROOT), env=env)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    while True:
        try:
            status = child.wait()
            return status if status >= 0 else 128 - status  # ended by a signal, as shells put it
        except KeyboardInterrupt:
            pass  # the program got the Ctrl-C too, and ends in its own way


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


def take_wheels(arguments):
    """Remove `--wheels FOLDER` from the arguments of setup; returns the folder or None."""
    words, folder = list(arguments), None
    while words:
        option, _, value = words.pop(0).partition("=")
        if option != "--wheels":
            raise Trouble(f"setup knows --wheels FOLDER and --here, not '{option}'.")
        folder = value or (words.pop(0) if words else "")
        if not Path(folder).expanduser().is_dir() or not folder:
            raise Trouble(f"--wheels needs a folder of packages, and '{folder}' is none.")
    return Path(folder).expanduser().resolve() if folder else None


def obey(arguments):
    """Do what the command line says; returns the exit status."""
    if "--help" in arguments or "-h" in arguments:
        say(__doc__.rstrip())
        return 0
    check_machine()
    here = "--here" in arguments
    arguments = [word for word in arguments if word != "--here"]
    command = arguments.pop(0) if arguments and not arguments[0].startswith("-") else "open"
    if command == "open":
        line = jupyter_command(prepare(here), arguments)
        say("Starting JupyterLab; Ctrl-C in this window ends it.")
        return run(line)
    if command == "setup":
        prepare(here, wheels=take_wheels(arguments))
        say("Ready: `python start.py` opens the course.")
        return 0
    if command == "wheels":
        if len(arguments) != 1:
            raise Trouble("wheels needs one folder: `python start.py wheels FOLDER`.")
        download_wheels(arguments[0])
        return 0
    if command in SCRIPTS:
        return run([prepare(here, dev=True), ROOT / SCRIPTS[command], *arguments])
    known = ", ".join(["setup", "wheels", *SCRIPTS])
    raise Trouble(f"'{command}' is no command: there are {known} (see --help).")


def main(arguments):
    try:
        return obey(list(arguments))
    except Trouble as trouble:
        print(f"start.py: {trouble}", file=sys.stderr)
    except KeyboardInterrupt:
        print("start.py: stopped; the next start goes on from here.", file=sys.stderr)
        return 130
    except OSError as error:  # a disk filled in between, a folder gone: as the system puts it
        print(f"start.py: {str(error).rstrip('.')}.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a folder's name that the terminal cannot print
            stream.reconfigure(errors="replace")
    sys.exit(main(sys.argv[1:]))
