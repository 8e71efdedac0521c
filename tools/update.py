"""Bring the newest version of the course into this folder: `python start.py update`.

Git fetches. What follows is neither `git pull`, which refuses where a notebook was as much as executed,
nor nbgitpuller, which commits, merges notebooks as lines of JSON with their outputs, and drops the course's
change without a word where the reader changed the same line. Here a file that only the course changed is
replaced, and one that only the reader changed is left alone. Where both did, two files are there in the end,
and both are named. Outputs are no change: what was executed and not edited gets the new version.

Before the course's files are touched, what the reader made lies beside them as a copy; a stop in between
leaves the copy. Needs git and nothing else.
"""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import start
from start import ROOT, Trouble, say

NOTHING = "0" * 40  # git's name for the content of a file that is not there
ELSEWHERE = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX"}
UNDER_WAY = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply")


@dataclass(frozen=True)
class Change:
    """A file that the new version changes: git's names of its contents before, after and in this folder."""

    path: str
    old: str
    new: str
    here: str

    @property
    def file(self) -> Path:
        return ROOT / self.path

    @property
    def stays(self) -> bool:
        """Whether the reader's keeps the name where both sides changed the file."""
        return self.path.endswith(".ipynb")


def main(arguments, here=False):
    """Fetch, and bring together; returns the exit status. Needs no environment, so `here` changes nothing."""
    if arguments:
        raise Trouble(f"update takes nothing more, and '{arguments[0]}' is too much.")
    remote, upstream = whence()
    newest = fetch(remote, upstream)
    if newest is None:
        say(f"This is the newest version ({named('HEAD')}).")
        return 0
    before, changes = named("HEAD"), changed(newest)
    theirs = [change for change in changes if is_readers(change)]
    executed = [c for c in changes if c.here not in (c.old, c.new, NOTHING) and c not in theirs]
    told = bring(newest, changes, theirs)
    say(f"From {before} to {named('HEAD')}: {counted(len(changes), 'file')} of the course changed.")
    if executed:
        say(f"{counted(len(executed), 'notebook')} that you had executed, not edited: now the new version.")
    for line in told:
        say(f"  {line}")
    say("`python start.py` opens it, and installs first what else it needs.")
    return 0


# ---- What git knows.


def git(*words, said=None, text=True):
    """What git says to a command, in this folder. Trouble with git's own reason where it fails.

    said: standard input, in bytes.   text: decoded, without the last line end.
    """
    env = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    try:
        done = subprocess.run(
            ["git", "-C", str(ROOT), *words],
            input=said,
            stdin=subprocess.DEVNULL if said is None else None,
            capture_output=True,
            env=env,
        )
    except FileNotFoundError:
        raise Trouble("git is not installed, and update fetches with it: see https://git-scm.com.") from None
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").splitlines()
        reasons = [line for line in lines if line.startswith(("fatal:", "error:"))] or lines or ["no message"]
        reason = reasons[0].partition(": ")[2] or reasons[0]
        raise Trouble(f"git could not {words[0].replace('-', ' ')} ({reason.strip().rstrip('.')}).")
    return os.fsdecode(done.stdout).rstrip("\n") if text else done.stdout


def asked(*words):
    """The same, or None where git says no."""
    try:
        return git(*words)
    except Trouble:
        return None


def whence():
    """The remote and the branch there that this clone follows. Trouble where it can't be brought forward."""
    git("--version")
    top = asked("rev-parse", "--show-toplevel")
    if top is None or not start.same_folder(top, ROOT):
        raise Trouble(
            "this folder is no git clone, so nothing can be fetched into it: download the newest version "
            "into another folder, and copy your notebooks and the folder .runs over."
        )
    for mark in UNDER_WAY:
        if (ROOT / git("rev-parse", "--git-path", mark)).exists():
            raise Trouble(f"a merge or rebase is under way here ({mark}): end it first, see `git status`.")
    branch = asked("symbolic-ref", "-q", "--short", "HEAD")
    if branch is None:
        raise Trouble("this clone is on no branch: go to one first, such as by `git switch main`.")
    remote, upstream = (asked("config", f"branch.{branch}.{word}") for word in ("remote", "merge"))
    if not remote or not upstream:
        raise Trouble(
            f"the branch {branch} follows no other, so there is nothing to fetch: name one by "
            f"`git branch --set-upstream-to=origin/{branch}`."
        )
    return remote, upstream


def fetch(remote, upstream):
    """The newest commit, fetched; None where it is here already. Trouble where the reader has commits."""
    known = asked("rev-parse", "-q", "--verify", "@{upstream}^{commit}")
    say("Fetching the newest version.")
    git("fetch", "--quiet", "--no-tags", remote)
    newest = asked("rev-parse", "-q", "--verify", "@{upstream}^{commit}")
    if newest is None:
        raise Trouble(f"{upstream.removeprefix('refs/heads/')} is no branch of {remote} any more.")
    if asked("merge-base", "--is-ancestor", newest, "HEAD") is not None:
        return None
    own = int(git("rev-list", "--count", "HEAD", "--not", newest, *([known] if known else [])))
    if own:
        raise Trouble(
            f"there {'is 1 commit' if own == 1 else f'are {own} commits'} of your own here, which only you "
            "can bring together with the newest version: see `git merge` or `git rebase`."
        )
    return newest


def named(commit):
    """A version in words: its number and git's short name."""
    text = asked("show", f"{commit}:pyproject.toml") or ""
    return f"{start.version_in(text)}, {git('rev-parse', '--short', commit)}"


def changed(newest):
    """All files that differ between this version and the newest."""
    words = git("diff-tree", "-r", "-z", "--no-renames", "HEAD", newest).split("\0")
    pairs = [(head.split(), path) for head, path in zip(words[0::2], words[1::2], strict=False)]
    paths = {path for _, path in pairs}
    for path in paths:
        in_the_way = [ROOT / path] if (ROOT / path).is_dir() else []
        parents = [p for p in Path(path).parents if p.as_posix() not in paths]
        in_the_way += [ROOT / p for p in parents if (ROOT / p).exists() and not (ROOT / p).is_dir()]
        if in_the_way:
            raise Trouble(f"{in_the_way[0]} is in the way of the new version's {path}: rename it first.")
    present = [path for path in sorted(paths) if (ROOT / path).is_file()]
    hashes = git("hash-object", "--stdin-paths", said=os.fsencode("".join(f"{p}\n" for p in present)))
    here = dict(zip(present, hashes.split(), strict=True))
    return [Change(path, head[2], head[3], here.get(path, NOTHING)) for head, path in pairs]


# ---- What is the reader's.


def content(name):
    """The content that git knows by this name, in bytes."""
    return b"" if name == NOTHING else git("cat-file", "blob", name, text=False)


def written(data):
    """What somebody wrote into a notebook: its cells, without outputs, counts and settings."""
    try:
        return [
            (cell["cell_type"], "".join(cell["source"]).rstrip(), cell.get("attachments"))
            for cell in json.loads(data)["cells"]
        ]
    except (ValueError, KeyError, TypeError, RecursionError):  # no notebook: it counts as it is
        return data


def is_readers(change):
    """Whether this folder's file is one that the reader changed or made."""
    if change.here in (change.old, change.new, NOTHING):
        return False
    if not change.path.endswith(".ipynb"):
        return True
    here = written(change.file.read_bytes())
    return all(here != written(content(name)) for name in (change.old, change.new))


# ---- Bringing together.


def bring(newest, changes, theirs):
    """Go to the newest version with the reader's files kept; returns a line for each file of both."""
    copies = {change: free_name(change.path + ".yours") for change in theirs}
    for change, copy in copies.items():
        shutil.copy2(change.file, ROOT / copy)
    asked("update-index", "-q", "--refresh")
    touched = git("diff-files", "--name-only", "-z").split("\0")  # other line ends count as well, to git
    dirty = [c for c in changes if c.here != NOTHING and (c.here != c.old or c.path in touched)]
    try:
        for change in dirty:
            git("reset", "--quiet", "HEAD", "--", change.path)
            change.file.unlink()
        known = [change.path for change in dirty if change.old != NOTHING]
        if known:
            git("checkout", "--quiet", "HEAD", "--", *known)
        git("reset", "--quiet", "--keep", newest)
    except BaseException:
        for change, copy in copies.items():
            os.replace(ROOT / copy, change.file)
        raise
    return [settle(change, copy) for change, copy in copies.items()]


def settle(change, copy):
    """Give the two versions of a file their names; returns a line that tells both."""
    if change.new == NOTHING:
        os.replace(ROOT / copy, change.file)
        return f"{change.path} is no part of the course any more; yours stays"
    if not change.stays:
        return f"{change.path} is the new version; yours is {copy}"
    beside = name_for_new(change)
    os.replace(change.file, ROOT / beside)
    os.replace(ROOT / copy, change.file)
    return f"{change.path} is as you left it; the new version is {beside}"


def name_for_new(change):
    """Where the new version of a notebook goes: beside the reader's, over that of an earlier update."""
    folder, _, name = change.path.rpartition("/")
    beside = f"{folder}/new_{name}".lstrip("/")
    if (ROOT / beside).is_file() and written((ROOT / beside).read_bytes()) == written(content(change.old)):
        return beside
    return free_name(beside)


def free_name(path):
    """The path, or the first like it that nobody has."""
    number, free = 1, path
    while os.path.lexists(ROOT / free):
        number += 1
        stem, dot, end = path.rpartition(".")
        free = f"{stem}-{number}{dot}{end}"
    return free


def counted(number, what):
    return f"{number} {what}{'s' if number != 1 else ''}"
