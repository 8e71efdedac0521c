"""Train a reader on while it looks at chosen positions alone: the second stage of DeepSeek sparse attention.

Two losses, each with weights of its own:
  answers   move all weights but the indexers': no gradient passes through a choice;
  KL        moves the indexers alone, for what they read is cut off from the rest. V3.2 takes it among the
            kept positions, so a position that is left out can no longer be missed; the warm-up's form, over
            all positions, costs a look at everything.

Source: DeepSeek-V3.2-Exp, section 2.1.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lessons_lib.config.ledger import SparseConfig
from lessons_lib.corpus.ledger import draw_ledgers
from lessons_lib.model import Transformer, indexer_loss
from lessons_lib.runs import run_store
from lessons_lib.runs.checkpoint import Checkpoint
from lessons_lib.runs.progress import Silent
from lessons_lib.runs.randomness import make_generator
from lessons_lib.training.indexer import teach_indexer, to_learn
from lessons_lib.training.ledger import answers
from lessons_lib.training.optimizer import descend, make_optimizer


@dataclass(frozen=True, eq=False)
class Sparse:
    """A reader that has learned to read what its indexers choose."""

    model: Transformer = field(repr=False)  # in eval mode
    config: SparseConfig = field(repr=False)
    seed: int


@run_store.takes_steps(lambda config: config.steps)
def train_sparse(config: SparseConfig, seed: int = 0, *, progress: Any = None) -> Sparse:
    """Return the reader of `config` and `seed`, trained on sparsely: loaded, or trained and stored."""
    return run_store.remember(train_sparse, config, seed, _train, progress=progress)


def sparse_losses(model: Transformer, tokens: Tensor, config: SparseConfig) -> tuple[Tensor, Tensor]:
    """Return the loss of the answers in whole ledgers (n, length), and the indexers' KL, layer by layer."""
    inputs: list[Tensor] = []
    sparse: list[Any] = [layer.attention for layer in model.layers]
    hooks = [a.register_forward_pre_hook(lambda _, given: inputs.append(given[0].detach())) for a in sparse]
    try:
        logits, values = answers(model, tokens, config.indexer.reader.ledger)
    finally:
        for hook in hooks:
            hook.remove()
    rope, losses = model.rope[: tokens.shape[1] - 1].float(), []
    for attention, x in zip(sparse, inputs):
        scores, own = attention.index_scores(x, rope), to_learn(attention, x, rope, config.indexer.target)
        losses.append(indexer_loss(scores, own, _kept(scores, attention.topk) if config.among_kept else None))
    return F.cross_entropy(logits.flatten(0, 1), values.flatten()), torch.stack(losses)


def _kept(scores: Tensor, topk: int) -> Tensor:
    best = scores.detach().topk(topk, dim=-1).indices
    return torch.zeros_like(scores, dtype=torch.bool).scatter(-1, best, True) & (scores > -torch.inf)


def _train(config: SparseConfig, seed: int, progress: Any, _: Checkpoint) -> Sparse:
    model = teach_indexer(config.indexer, seed, progress=Silent()).model.train()
    weights: tuple[list[Any], list[Any]] = [], []
    for name, weight in model.named_parameters():
        weights[".indexer." in name].append(weight)
    reader, indexers = map(nn.ParameterList, weights)
    plans = {reader: config, indexers: replace(config, optimizer=config.index_optimizer)}
    optimizers = {part: make_optimizer(part, plan) for part, plan in plans.items()}
    for step in range(config.steps):
        generator = make_generator(seed, f"ledgers read sparsely {step}")
        tokens = draw_ledgers(config.batch_size, config.indexer.reader.ledger, generator)
        missed, apart = sparse_losses(model, tokens, config)
        for part, loss in ((reader, missed), (indexers, apart.sum())):
            descend(part, optimizers[part], loss, step, plans[part])
        progress.update(1)
    return Sparse(model.eval(), config, seed)
