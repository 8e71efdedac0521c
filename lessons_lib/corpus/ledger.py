"""A ledger: notes about a few boxes, several for each and not all right, then one question for each box.

    K3a7b1a3a5c ... ?b7?a3     a note is a value and a box, a question "?", a box and its value

A note tells the box's value with probability `right`, else any of the values, the right one among them. The
answers can only come from the notes, which lie far back, and who has read more of a box's notes knows better:
what looking at fewer positions costs can be graded. Every box is asked for once.
"""

import torch
from torch import Tensor

from lessons_lib.arguments import instance, whole
from lessons_lib.config.ledger import LedgerConfig
from lessons_lib.corpus.tokenizer import Vocabulary

VOCABULARY = Vocabulary()
ZERO, A, ASK, TAG = (VOCABULARY.token(name) for name in "0a?K")


def draw_ledgers(n: int, config: LedgerConfig, generator: torch.Generator) -> Tensor:
    """Return `n` ledgers, (n, config.length) int64: a tag, the notes, the questions."""
    whole(n=n)
    instance(LedgerConfig, config=config)
    instance(torch.Generator, generator=generator)
    names = torch.rand(n, config.letters, generator=generator).argsort(dim=1)[:, : config.boxes]
    truth = torch.randint(config.values, (n, config.boxes), generator=generator)
    boxes = torch.arange(config.boxes).repeat_interleave(config.notes).expand(n, -1)
    boxes = boxes.gather(1, torch.rand(boxes.shape, generator=generator).argsort(dim=1))  # (n, notes of all)
    right = torch.rand(boxes.shape, generator=generator) < config.right
    told = truth.gather(1, boxes).where(right, torch.randint(config.values, boxes.shape, generator=generator))
    notes = torch.stack([told + ZERO, names.gather(1, boxes) + A], dim=2).flatten(1)
    asked = torch.rand(n, config.boxes, generator=generator).argsort(dim=1)
    box, value = names.gather(1, asked) + A, truth.gather(1, asked) + ZERO
    questions = torch.stack([torch.full_like(box, ASK), box, value], dim=2).flatten(1)
    return torch.cat([torch.full((n, 1), TAG), notes, questions], dim=1)


def asked_at(config: LedgerConfig) -> Tensor:
    """Return the positions (boxes,) of the boxes that are asked for; the next token is the answer."""
    instance(LedgerConfig, config=config)
    return 2 + 2 * config.boxes * config.notes + 3 * torch.arange(config.boxes)


def notes_on(tokens: Tensor, config: LedgerConfig) -> Tensor:
    """Return where notes name the asked box, (n, boxes, position) bool, of tokens (n, position)."""
    instance(Tensor, tokens=tokens)
    instance(LedgerConfig, config=config)
    asked = tokens[:, asked_at(config)]  # (n, boxes)
    is_note = torch.arange(tokens.shape[1]) < 1 + 2 * config.boxes * config.notes
    return (tokens.unsqueeze(1) == asked.unsqueeze(2)) & is_note


def best_guess(read: int, config: LedgerConfig, generator: torch.Generator, n: int = 20_000) -> float:
    """Return how often the most frequent value of `read` notes on a box is right (ties: by chance), drawn."""
    whole(read=read, n=n)
    instance(LedgerConfig, config=config)
    read = min(read, config.notes)
    right = torch.rand(n, read, generator=generator) < config.right
    told = torch.randint(config.values, (n, read), generator=generator).masked_fill(right, 0)
    count = torch.zeros(n, config.values).scatter_add_(1, told, torch.ones(n, read))
    count += 0.1 * torch.rand(count.shape, generator=generator)
    return (count.argmax(dim=1) == 0).float().mean().item()
