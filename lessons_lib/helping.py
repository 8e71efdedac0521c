"""Which part of docs/help.md belongs to what start.py and the run store say.

Only syntax and modules of Python 3.6, and nothing of ours: start.py reads it before anything is installed.
"""

import os
import re

# The one setting for public addresses, such as https://github.com/OWNER/NAME; the variable COURSE_REPOSITORY
# goes before it. Without either, help is named by its file, and the site has no links to the repository.
REPOSITORY = ""
PAGE = "docs/help.md"

# An anchor of the page, and what is said where it helps; the first pattern that is found counts.
HELP = (
    ("python-version", r"Python \d+\.\d+ is too (old|new)"),
    ("no-space", r"GB are needed|is full: make room|No space left|\(Errno 28\)"),
    ("not-writable", r"cannot be written to|the folder .* cannot be made"),
    ("windows-paths", r"Windows can take|too long for Windows"),
    ("slow-machine", r"did not answer within minutes"),
    ("port-in-use", r"may use port|are all in use"),
    ("in-use", r"another start\.py|close the programs"),
    ("memory", r"the memory ran out"),
    ("network", r"certificate of its own|proxy asks for|a login page|download broke off|is out of order"),
    ("wheels-dont-match", r"^the folder .* has no .* for this computer"),
    ("offline", r"no package server answers"),
    ("torch-wont-install", r"32-bit Python|has no packages for this Python|musl|this Linux is too old"),
    ("torch-wont-install", r"the package server has no|Visual C\+\+"),
    ("damaged-environment", r"cannot be imported|pyproject\.toml cannot be read|not of start\.py's making"),
    ("set-up-fails", r"pip did not succeed|pip finished, but|pip cannot install into"),
    ("set-up-fails", r"virtual environments|could not be made"),
    ("stopped", r"the next start goes on from here"),
    ("update", r"is no git clone|under way here|is on no branch|follows no other|is no branch of"),
    ("update", r"commits? of your own|of the new version's|git is not installed|^git could not"),
    ("store-outdated", r"^The run .* is made anew: the one kept was"),
    ("store-damaged", r"^The stored run |is damaged and cannot be read|was damaged: it is kept as"),
    ("store-elsewhere", r"^Runs are kept in |runs have nowhere to go"),
    ("nothing-kept", r"could not be kept|could not be written|cannot be opened"),
)


def repository() -> str:
    """Return the public address of the repository, or nothing."""
    return os.environ.get("COURSE_REPOSITORY", REPOSITORY).rstrip("/")


def anchor_for(sentence: str) -> str:
    """Return the part of the page that belongs to a sentence, or nothing."""
    return next((anchor for anchor, pattern in HELP if re.search(pattern, sentence)), "")


def link(anchor: str) -> str:
    """Return where a part of the page is read: its public address, or its file."""
    return "/".join(filter(None, [repository() and repository() + "/blob/main", PAGE])) + "#" + anchor


def with_help(sentence: str) -> str:
    """Return the sentence with a link to what helps, where something does."""
    anchor = anchor_for(sentence)
    return "{} (help: {}).".format(sentence.rstrip("."), link(anchor)) if anchor else sentence
