"""How good a model is on windows that it never saw, in nats per token, and how far from the limit.

The *gap* is the mean, over the same windows, of what the model paid minus what the process itself would
have paid for each token. Loss minus entropy floor has the same mean, but carries the luck of the draw: a
sample that is hard for everybody raises the loss and leaves the gap alone.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lessons_lib.corpus import Corpus
from lessons_lib.signatures import checked
from lessons_lib.training.windows import Windows, held_out_windows

AT_ONCE = 3072  # tokens scored in one forward pass; twice as many leave the cache and take a quarter longer


@dataclass(frozen=True)
class Evaluation:
    """Means in nats per scored token; a domain of which no window was drawn has nan."""

    total: float
    per_domain: dict[str, float]
    gap: float | None  # None where the process is unknown (a reader's own text)
    gap_per_domain: dict[str, float] | None


@torch.no_grad()
@checked(tokens="whole size window", context="0..")
def token_losses(model: nn.Module, tokens: Tensor, context: int | None = None) -> Tensor:
    """Return -log p (size, length), float64, in nats, of each next token in windows (size, length + 1).

    With `context`, each token is predicted from token 0 (the domain's tag) and at most `context` tokens
    before it, and from nothing else: every such piece of text is a forward pass of its own.
    """
    tag, stream = tokens[:, :1], tokens[:, 1:]
    size, length = stream.shape
    was_training = model.training
    model.eval()
    try:
        if context is None or context >= length:
            return _losses(model, tokens)
        start = _losses(model, tokens[:, : context + 1])  # here there are no more than `context` before
        pieces = stream.unfold(1, context + 1, 1).flatten(0, 1)  # (size * (length - context), context + 1)
        pieces = torch.cat([tag.repeat_interleave(length - context, 0), pieces], 1)
        return torch.cat([start, _losses(model, pieces)[:, -1].view(size, -1)], 1)
    finally:
        model.train(was_training)


def _losses(model: nn.Module, tokens: Tensor) -> Tensor:
    losses = []
    for some in tokens.split(max(1, AT_ONCE // tokens.shape[1])):
        logits = model(some[:, :-1]).double()  # (some, length, vocabulary)
        losses.append(F.cross_entropy(logits.transpose(1, 2), some[:, 1:], reduction="none"))
    return torch.cat(losses)


@checked(context="0..")
def score_windows(model: nn.Module, windows: Windows, context: int | None = None) -> Evaluation:
    """Return the model's loss, and its gap to the process, on `windows`: in all and per domain."""
    losses = token_losses(model, windows.tokens, context).mean(1)  # (size,)
    total, per_domain = _means(losses, windows)
    if windows.log_probs is None:
        return Evaluation(total, per_domain, None, None)
    return Evaluation(total, per_domain, *_means(losses + windows.log_probs.mean(1), windows))


@checked(windows="1..", length="1..", context="0..")
def evaluate(
    model: nn.Module,
    corpus: Corpus,
    *,
    windows: int,
    length: int,
    seed: int = 0,
    context: int | None = None,
) -> Evaluation:
    """Score `model` on `windows` held-out windows of `length` tokens; the same ones for equal `seed`.

    The windows come from a stream of seeds that training never uses. For `context` see `token_losses`.
    """
    return score_windows(model, held_out_windows(corpus, windows, length, seed), context)


def _means(values: Tensor, windows: Windows) -> tuple[float, dict[str, float]]:
    """Return the mean of `values` (size,) over all windows, and over those of each domain."""
    per_domain = {}
    for i, name in enumerate(windows.domains):
        mine = values[windows.domain_ids == i]
        per_domain[name] = mine.mean().item() if len(mine) else math.nan
    return values.mean().item(), per_domain
