"""A folder of packages for computers without a network: `python start.py wheels FOLDER`.

    --for linux,windows,macos   the other computers' systems; left out: this one's. There is linux-arm, too
    --python 3.11..3.14         their Pythons, also as 3.12,3.14; left out: this one
    --with class,test           also what `classroom` needs, and what `test` does

pip chooses wheels for another system well, but asks this one which packages are needed there at all. So each
wheel's own list of needs is read here, for the system and the Python in question, and pip fetches what the
list names, in the versions of `constraints.txt`, without looking further.

`manifest.json` in the folder says what it is for; `setup --wheels FOLDER` reads it before it begins, and says
in one sentence where folder and computer do not match. Filling a folder again adds to it.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import tempfile
import time
from pathlib import Path

import start
from start import EXTRAS, Trouble, say

MANIFEST = "manifest.json"
# What a system is called by Python, and which tags its wheels may carry.
LINUX = ["2_28", "2_27", "2_26", "2_24", "2_17", "2014", "2_12", "2010", "2_5", "1"]
SYSTEMS = {
    "linux": ("Linux", "x86_64", [f"manylinux{'_' * ('_' in tag)}{tag}_x86_64" for tag in LINUX]),
    "linux-arm": ("Linux", "aarch64", [f"manylinux{'_' * ('_' in tag)}{tag}_aarch64" for tag in LINUX[:6]]),
    "windows": ("Windows", "AMD64", ["win_amd64"]),
    "macos": ("Darwin", "arm64", ["macosx_14_0_arm64"]),
}

# Runs where pip is, and prints what the named wheels need in the environments given, as one list.
NEEDS = """
import email.parser, json, sys, zipfile
from pip._vendor.packaging.requirements import Requirement
asked, environments = json.loads(sys.argv[1]), json.loads(sys.argv[2])
needs = []
for file, extras in asked:
    with zipfile.ZipFile(file) as wheel:
        (name,) = [n for n in wheel.namelist() if n.count("/") == 1 and n.endswith(".dist-info/METADATA")]
        told = email.parser.Parser().parsestr(wheel.read(name).decode("utf-8"))
    for line in told.get_all("Requires-Dist") or []:
        required = Requirement(line)
        places = [dict(e, extra=extra) for e in environments for extra in ["", *extras]]
        if required.marker is None or any(map(required.marker.evaluate, places)):
            needs.append([required.name, sorted(required.extras), str(required.specifier)])
print(json.dumps(needs))
"""


class Options(argparse.ArgumentParser):
    def error(self, message):
        raise Trouble(f"wheels needs one folder: `python start.py wheels FOLDER` ({message}).")


def main(arguments, here=False):
    """Fill a folder; returns the exit status."""
    options = Options(prog="start.py wheels", add_help=False)
    options.add_argument("folder")
    options.add_argument("--for", dest="systems", default=system_here())
    options.add_argument("--python", default="{}.{}".format(*start.python_version()))
    options.add_argument("--with", dest="extras", default="")
    asked = options.parse_intermixed_args(arguments)
    systems = listed(asked.systems, SYSTEMS, "--for")
    extras = listed(asked.extras, EXTRAS, "--with")
    pythons = versions(asked.python)
    fill(Path(asked.folder).expanduser().resolve(), [(s, p) for s in systems for p in pythons], extras)
    return 0


def listed(words, known, option):
    """The words between commas, each one that is known."""
    chosen = [word for word in words.split(",") if word]
    for word in chosen:
        if word not in known:
            raise Trouble(f"{option} knows {', '.join(known)}, and not '{word}'.")
    return sorted(set(chosen))


def versions(words):
    """Pythons such as 3.12,3.14 and 3.11..3.14 as a list of texts."""
    found = set()
    for word in words.split(","):
        match = re.fullmatch(r"3\.(\d+)(?:\.\.3\.(\d+))?", word)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
        if not start.OLDEST[1] <= first <= last <= start.NEWEST[1]:
            raise Trouble(f"--python knows 3.11 to 3.14, written 3.12,3.14 or 3.11..3.14, and not '{word}'.")
        found |= set(range(first, last + 1))
    return [f"3.{minor}" for minor in sorted(found)]


def system_here():
    """This computer's system, by its name here."""
    this = (platform.system(), platform.machine())
    return next(
        (name for name, (system, machine, _) in SYSTEMS.items() if (system, machine) == this), "other"
    )


# ---- Filling.


def fill(folder, targets, extras):
    """Download what a set-up without a network needs, for each system and Python."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Trouble(f"the folder {folder} cannot be made ({error.strerror}).") from None
    start.check_writable(folder)
    start.check_disk(folder)
    with tempfile.TemporaryDirectory() as scratch:
        start.create_venv(scratch)
        python = start.venv_python(scratch)
        for number, (system, version) in enumerate(targets, 1):
            say(f"For {in_words(system, [version])} ({number} of {len(targets)}).")
            fetch(python, folder, system, version, files_of(extras))
    wheels = sorted(folder.glob("*.whl"))
    write_manifest(folder, targets, extras, wheels)
    size = sum(wheel.stat().st_size for wheel in wheels) / 1e6
    say(f"{len(wheels)} packages, {size:.0f} MB, for {all_in_words(targets)}. On the other computer:")
    say(f'python start.py setup --wheels "{folder}"' + (f" --with {','.join(extras)}" if extras else ""))


def files_of(extras):
    return ["requirements.txt", *[EXTRAS[extra] for extra in extras]]


def fetch(python, folder, system, version, files):
    """Download all packages for one system and Python: the wanted ones, then what these need, and so on."""
    fixed = start.pins(start.CONSTRAINTS) if (start.ROOT / start.CONSTRAINTS).exists() else {}
    wanted = {name: (f"=={number}", set()) for file in files for name, number in start.pins(file).items()}
    for line in start.project()["build-system"]["requires"]:  # builds lessons_lib on the other computer
        (name,) = start.plain_names([line])
        wanted.setdefault(name, (re.sub(r"^[\w.-]+", "", line), set()))
    fetched = {}
    while True:
        new = {name: spec for name, (spec, _) in wanted.items() if name not in fetched}
        if new:
            lines = [f"{n}=={fixed[n]}" if n in fixed else n + spec for n, spec in sorted(new.items())]
            fetched.update(download(python, folder, system, version, lines))
        asked = [(str(fetched[name]), sorted(more)) for name, (_, more) in wanted.items()]
        before = {name: set(more) for name, (_, more) in wanted.items()}
        for name, more, spec in needs(python, asked, system, version):
            (plain,) = start.plain_names([name])
            wanted.setdefault(plain, (spec, set()))[1].update(more)
        if {name: more for name, (_, more) in wanted.items()} == before:
            return


def download(python, folder, system, version, lines):
    """Download these requirements and nothing else; returns {package: its wheel}."""
    native = (system, version) == (system_here(), "{}.{}".format(*start.python_version()))
    options = ["--no-deps", "--only-binary", ":all:", *start.constraints()]
    if not native:
        options += ["--implementation", "cp", "--python-version", version]
        options += [word for tag in SYSTEMS[system][2] for word in ("--platform", tag)]
    if any(line.startswith("torch==") for line in lines):
        options += start.torch_source({}) if native else torch_source(system)
    with tempfile.TemporaryDirectory(dir=str(folder), prefix=".fetching-") as scratch:
        start.pip(python, ["download", *options, "--dest", scratch, *lines])
        found = {}
        for wheel in Path(scratch).glob("*.whl"):
            os.replace(str(wheel), str(folder / wheel.name))
            found[start.plain_names([wheel.name.split("-")[0]])[0]] = folder / wheel.name
    return found


def torch_source(system):
    """pip's options for another Linux: PyTorch's builds for processors, where their server answers."""
    there = system.startswith("linux") and start.reachable(start.CPU_INDEX + "/torch/")
    return ["--extra-index-url", start.CPU_INDEX] if there else []


def needs(python, asked, system, version):
    """What the wheels need on that system and Python, whatever its last number: (name, extras, versions)."""
    name, machine, _ = SYSTEMS[system] if system in SYSTEMS else (platform.system(), platform.machine(), None)
    environment = {
        "sys_platform": {"Linux": "linux", "Windows": "win32", "Darwin": "darwin"}.get(name, ""),
        "platform_system": name,
        "platform_machine": machine,
        "os_name": "nt" if name == "Windows" else "posix",
        "python_version": version,
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_version": "",
    }
    patches = [f"{version}.{patch}" for patch in (0, 99)]
    places = [dict(environment, python_full_version=p, implementation_version=p) for p in patches]
    command = [str(python), "-c", NEEDS, json.dumps(asked), json.dumps(places)]
    done = subprocess.run(command, stdout=subprocess.PIPE, env=start.environment(python), check=True)
    return json.loads(done.stdout.decode("utf-8"))


# ---- The manifest.


def write_manifest(folder, targets, extras, wheels):
    """Say what the folder is for; what it was for before stays, where the course wants the same packages."""
    former = read_manifest(folder) or {}
    known = former["targets"] if former.get("pins") == pinned() else {}
    for system, version in targets:
        name = f"{system} {version}"
        known[name] = sorted({*known.get(name, []), *extras})
    manifest = {
        "made": time.strftime("%Y-%m-%d"),
        "course": start.version_in((start.ROOT / "pyproject.toml").read_text(encoding="utf-8")),
        "targets": dict(sorted(known.items())),
        "pins": pinned(),
        "files": {wheel.name: wheel.stat().st_size for wheel in wheels},
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def pinned():
    return start.pins("requirements.txt")


def read_manifest(folder):
    """What the folder says of itself; None where it says nothing."""
    try:
        told = json.loads((Path(folder) / MANIFEST).read_text(encoding="utf-8"))
        if all(isinstance(told[part], dict) for part in ("targets", "pins", "files")):
            return told
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        pass
    raise Trouble(f"{MANIFEST} in {folder} cannot be read: copy or fill the folder again.")


def check(folder, extras):
    """Refuse, in one sentence, a folder of packages that does not match this computer or this course."""
    told = read_manifest(folder)
    if told is None:
        return  # filled by hand, or by an older version
    system, version = system_here(), "{}.{}".format(*start.python_version())
    holds = told["targets"].get(f"{system} {version}")
    if holds is None:
        targets = [tuple(name.split()) for name in told["targets"]]
        raise Trouble(
            f"{folder} is for {all_in_words(targets)}, and this is {in_words(system, [version])}: fill it by "
            f"`start.py wheels FOLDER --for {system} --python {version}`."
        )
    wanted = pinned()
    other = [name for name in wanted if told["pins"].get(name) != wanted[name]]
    if other:
        has = f"{other[0]} {told['pins'].get(other[0], '(none)')}"
        raise Trouble(
            f"{folder} was filled by version {told.get('course', '?')} of the course, with {has}, and this "
            f"one needs {wanted[other[0]]}: fill it again."
        )
    missing = [extra for extra in extras if extra not in holds]
    if missing:
        raise Trouble(f"{folder} has no packages for '{missing[0]}': fill it with --with {missing[0]}.")
    lost = [name for name, size in told["files"].items() if size_of(Path(folder) / name) != size]
    if lost:
        raise Trouble(
            f"{len(lost)} of {len(told['files'])} packages in {folder} are missing or cut off ({lost[0]}): "
            "copy the folder again."
        )


def size_of(file):
    return file.stat().st_size if file.exists() else None


def in_words(system, pythons):
    return f"{system} with Python {', '.join(pythons)}"


def all_in_words(targets):
    """Such as: linux with Python 3.11, 3.12; windows with Python 3.12."""
    systems = sorted({system for system, _ in targets})
    return "; ".join(in_words(s, [p for system, p in targets if system == s]) for s in systems)
