"""Can the model read? The atomic step of a thought, measured before any reward is paid.

A held-out problem and a thought of several tries are put in front of the model, and at every lookup its
best guess is compared with the truth: the place that a door leads to, the star and the cross. Stars are one
in six, so they are counted apart: always saying "cross" would be right five times in six.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from lessons_lib.config import HuntConfig
from lessons_lib.reasoning.hunts import IDS, LANGUAGES, Hunts, encode
from lessons_lib.signatures import checked

GATE = 0.95  # learning by reward starts where every kind of lookup is at least so reliable
TRIES = 4  # of a thought that is put in front of the model


@dataclass(frozen=True)
class Skill:
    """Shares of lookups that are read right."""

    places: float  # where a door (or room) leads
    stars: float  # the star, where it is there
    crosses: float

    @property
    def weakest(self) -> float:
        return min(self.places, self.stars, self.crosses)

    @property
    def ready(self) -> bool:
        return self.weakest >= GATE


@torch.inference_mode()
@checked(n_problems="1..")
def measure_skill(
    model: Callable[[Tensor], Tensor], hunt: HuntConfig, n_problems: int = 256, seed: int = 0
) -> Skill:
    """Measure reading on `n_problems` held-out problems, with `TRIES` doors of each."""
    hunts, rng = Hunts(hunt), random.Random(f"skill {seed}")
    words = LANGUAGES["german" if hunt.german == 1 and hunt.mixed == 0 else "english"]
    star, cross, wait = words
    texts = []
    for problem in hunts.problems(n_problems, seed):
        thought = []
        for _ in range(TRIES):
            door = rng.randrange(problem.doors)
            thought += [*problem.path(door), star if problem.holds_star(door) else cross, wait]
        texts.append(encode([*problem.prompt, "<think>", *thought]))
    tokens = torch.tensor(texts)  # (problems, length)
    best = _best(model(tokens[:, :-1]), hunt.mixed > 0)
    truth = tokens[:, 1:]
    stride, first = hunt.lookups + 3, hunt.prompt_length  # of a try; place of the first door in `truth`
    tries = torch.arange(TRIES) * stride + first
    places = torch.cat([tries + k for k in range(1, hunt.lookups + 1)])
    contents = tries + hunt.lookups + 1
    right_place = (best == truth)[:, places].float().mean().item()
    is_star = truth[:, contents] == IDS[star]
    right = (best == truth)[:, contents]
    return Skill(right_place, right[is_star].float().mean().item(), right[~is_star].float().mean().item())


def _best(logits: Tensor, any_language: bool) -> Tensor:
    """Return the best next token; where languages are mixed, words of the second count as the first's."""
    if not any_language:
        return logits.argmax(-1)
    probs = logits.softmax(-1)
    for mine, other in zip(*LANGUAGES.values(), strict=True):
        probs[..., IDS[mine]] += probs[..., IDS[other]]
        probs[..., IDS[other]] = 0
    return probs.argmax(-1)
