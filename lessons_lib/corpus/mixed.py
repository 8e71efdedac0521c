"""The mixed corpus: which domains there are, and how large each is. All sizes stand here."""

from collections.abc import Iterable
from typing import get_args

from lessons_lib.config.training import DomainName
from lessons_lib.signatures import checked

from .arithmetic import Arithmetic
from .brackets import Brackets
from .copying import Copy, Periodic
from .facts import Facts
from .languages import languages
from .process import Domain
from .recall import Recall
from .stories import Stories
from .tokenizer import Vocabulary

NAMES: tuple[str, ...] = get_args(DomainName)
LANGUAGES = NAMES[:3]
# name -> the tag, the kind, its sizes
RULES = {
    "arithmetic": ("A", Arithmetic, {"addends": 4}),
    "brackets": ("B", Brackets, {"depth": 4}),
    "copy": ("C", Copy, {"letters": 26, "word": 16}),
    "recall": ("K", Recall, {"keys": 8}),
    "periodic": ("P", Periodic, {"letters": 8, "shortest": 4, "longest": 9, "run": 36}),
    "stories": ("S", Stories, {}),
    "facts": ("F", Facts, {"facts": 64}),
}


@checked(seed="0..")
def build_domains(vocabulary: Vocabulary, seed: int, names: Iterable[str] = NAMES) -> list[Domain]:
    """Return the domains called `names`, in that order.

    What a domain is like depends on `seed` and its name only, never on which others are there.
    """
    wanted = list(names)
    built: dict[str, Domain] = {}
    if set(wanted) & set(LANGUAGES):
        for language in languages(vocabulary, LANGUAGES, "XYZ", symbols=8, seed=seed):
            built[language.name] = language
    for name in wanted:
        if name not in built:
            tag, kind, sizes = RULES[name]
            if kind is Facts:
                sizes = {**sizes, "seed": seed}
            built[name] = kind(vocabulary, name, tag, **sizes)
    return [built[name] for name in wanted]
