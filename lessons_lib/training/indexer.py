"""Teach an indexer what a trained model looks at, and judge what it chooses (DeepSeek sparse attention).

Two ideas:
  warm-up  the model stays as it is and attends to everything; its indexers alone learn, each from the
           attention of its own layer. V3.2 begins with 1,000 such steps. Its target is all heads' sum, in
           which a head that finds is outvoted by heads that look about; "most" lets every head be heard.
           And a question's row may count more than others, since answers are all that a reader learned;
  judged   by the answers of the model when it looks at the chosen positions alone, by the share of its own
           attention that they hold, and by the notes on the asked box that are among them. The model's own
           attention, read before it is used, is the measure for the second, not for the first.

Source: DeepSeek-V3.2-Exp, section 2.1.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from lessons_lib.config.ledger import IndexerConfig
from lessons_lib.corpus.ledger import asked_at, draw_ledgers, notes_on
from lessons_lib.model import Transformer, attention_inputs, indexer_loss
from lessons_lib.model.sparse_attention import by_attention, by_position, choosing
from lessons_lib.runs import run_store
from lessons_lib.runs.checkpoint import Checkpoint
from lessons_lib.runs.progress import Silent
from lessons_lib.runs.randomness import make_generator, seed_for
from lessons_lib.training.ledger import accuracy, learn_ledgers
from lessons_lib.training.optimizer import descend, make_optimizer

CHOICES = ("window", "untaught", "taught", "own attention")


@dataclass(frozen=True, eq=False)
class Taught:
    """A reader with indexers that were taught; its other weights are those of the dense reader."""

    model: Transformer = field(repr=False)  # in eval mode
    config: IndexerConfig = field(repr=False)
    seed: int
    loss: dict[str, list[float]] = field(repr=False)  # of each layer's indexer, in nats, step by step
    seconds: float = field(repr=False)


@dataclass(frozen=True)
class Judged:
    """What each choice is worth, {choice: {positions kept: value}}, and the answers of the dense reader."""

    dense: float
    right: dict[str, dict[int, float]]  # share of right answers
    mass: dict[str, dict[int, tuple[float, ...]]]  # share of the attention that is held, layer by layer
    asked_mass: dict[str, dict[int, tuple[float, ...]]]  # the same in the rows of the questions
    notes: dict[str, dict[int, float]]  # on the asked box among the kept, in the last layer


@run_store.takes_steps(lambda config: config.steps)
def teach_indexer(config: IndexerConfig, seed: int = 0, *, progress: Any = None) -> Taught:
    """Return the reader of `config` and `seed` with taught indexers: loaded, or taught and stored."""
    return run_store.remember(teach_indexer, config, seed, _teach, progress=progress)


@run_store.takes_steps(lambda config: len(CHOICES) * len(config.judged_at))
def judge_choices(config: IndexerConfig, seed: int = 0, *, progress: Any = None) -> Judged:
    """Return what window, untaught and taught indexer and the model's own attention are worth."""
    return run_store.remember(judge_choices, config, seed, _judge, progress=progress)


def with_indexer(model: Transformer, config: IndexerConfig, seed: int) -> Transformer:
    """Return `model` as a sparse one whose indexers have learned nothing yet, in eval mode."""
    shape = replace(
        model.config,
        index_n_heads=config.index_n_heads,
        index_head_dim=config.index_head_dim,
        index_topk=config.index_topk,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for(seed, "indexer"))
        sparse = Transformer(shape)
    sparse.load_state_dict(model.state_dict(), strict=False)
    return sparse.eval()


def dense_inputs(model: Transformer, tokens: Tensor) -> list[Tensor]:
    """Return what each layer's attention reads, (batch, position, dim), while it looks at everything."""
    with choosing(model, topk=tokens.shape[1]):
        return [x.unflatten(0, tokens.shape) for x in attention_inputs(model, tokens)]


def indexer_losses(
    model: Transformer, tokens: Tensor, target: str = "sum", asked: Tensor | None = None, weight: float = 1.0
) -> list[Tensor]:
    """Return how far each layer's indexer is from its attention on `tokens` (batch, position).

    That attention is all heads' sum, or with the target "most" what any head gives a position most. In its
    mean over rows those of the positions `asked` count `weight` times.
    """
    rope, losses = model.rope[: tokens.shape[1]].float(), []
    for layer, x in zip(model.layers, dense_inputs(model, tokens)):
        attention: Any = layer.attention
        scores, own = attention.index_scores(x, rope), to_learn(attention, x, rope, target)
        loss = indexer_loss(scores, own)
        if asked is not None:  # these rows are in it once
            more = (weight - 1) * len(asked) / tokens.shape[1]
            loss = (loss + more * indexer_loss(scores[:, asked], own[:, :, asked])) / (1 + more)
        losses.append(loss)
    return losses


@torch.no_grad()
def to_learn(attention: Any, x: Tensor, rope: Tensor, target: str) -> Tensor:
    """Return each head's attention to x (b, t, D), as (b, h, t, s); with "most" that of any, (b, 1, t, s)."""
    own = attention.own_weights(x, rope)
    return own.amax(dim=1, keepdim=True) if target == "most" else own


@torch.no_grad()
def chosen(model: Transformer, tokens: Tensor, chooser: Any, topk: int) -> list[Tensor]:
    """Return what each layer keeps, (batch, position, position) bool, on the model's dense pass.

    `chooser` is one of `model.sparse_attention`, or None for the model's indexers.
    """
    rope, kept = model.rope[: tokens.shape[1]].float(), []
    for layer, x in zip(model.layers, dense_inputs(model, tokens)):
        attention: Any = layer.attention
        scores = attention.index_scores(x, rope) if chooser is None else chooser(attention, x, rope, x)
        best = scores.topk(min(topk, scores.shape[-1]), dim=-1).indices
        mask = torch.zeros_like(scores, dtype=torch.bool).scatter(-1, best, True)
        kept.append(mask & (scores > -torch.inf))
    return kept


@torch.no_grad()
def own_attention(model: Transformer, tokens: Tensor) -> list[Tensor]:
    """Return each layer's dense attention, averaged over heads, (batch, position, position)."""
    rope = model.rope[: tokens.shape[1]].float()
    pairs = zip(model.layers, dense_inputs(model, tokens))
    return [layer.attention.own_weights(x, rope).mean(dim=1) for layer, x in pairs]  # type: ignore[operator, union-attr]


def held_out_ledgers(config: IndexerConfig) -> Tensor:
    """Return the ledgers that choices are judged on, (judged_on, length): the same for every seed."""
    generator = make_generator(0, "ledgers", held_out=True)
    return draw_ledgers(config.judged_on, config.reader.ledger, generator)


def _teach(config: IndexerConfig, seed: int, progress: Any, checkpoint: Checkpoint) -> Taught:
    reader = learn_ledgers(config.reader, seed, progress=Silent())
    model = with_indexer(reader.model, config, seed).requires_grad_(False)
    for layer in model.layers:
        layer.attention.indexer.requires_grad_(True)  # type: ignore[union-attr]
    optimizer = make_optimizer(model, config)
    loss: dict[str, list[float]] = {f"layer {i + 1}": [] for i in range(len(model.layers))}
    rows = asked_at(config.reader.ledger)
    steps = checkpoint.steps(
        config.steps, config.checkpoint_every, progress, model=model, optimizer=optimizer, loss=loss
    )
    for step in steps:
        generator = make_generator(seed, f"ledgers for the indexer {step}")
        tokens = draw_ledgers(config.batch_size, config.reader.ledger, generator)
        losses = indexer_losses(model, tokens[:, :-1], config.target, rows, config.asked_weight)
        descend(model, optimizer, torch.stack(losses).sum(), step, config)
        for found, value in zip(loss.values(), losses):
            found.append(value.item())
    return Taught(model.requires_grad_(True).eval(), config, seed, loss, steps.seconds)


def _judge(config: IndexerConfig, seed: int, progress: Any, _: Checkpoint) -> Judged:
    taught = teach_indexer(config, seed, progress=Silent()).model
    untaught = with_indexer(learn_ledgers(config.reader, seed, progress=Silent()).model, config, seed)
    who: dict[str, tuple[Any, Any]] = {
        "window": (taught, by_position),
        "untaught": (untaught, None),
        "taught": (taught, None),
        "own attention": (taught, by_attention),
    }
    ledger, tokens = config.reader.ledger, held_out_ledgers(config)
    some, rows = tokens[:16, :-1], asked_at(ledger)
    about = notes_on(some, ledger)  # (16, boxes, position)
    weights = own_attention(taught, some)
    right: dict[str, dict[int, float]] = {name: {} for name in who}
    notes: dict[str, dict[int, float]] = {name: {} for name in who}
    mass: dict[str, dict[int, tuple[float, ...]]] = {name: {} for name in who}
    asked: dict[str, dict[int, tuple[float, ...]]] = {name: {} for name in who}
    for k in config.judged_at:
        for name, (model, chooser) in who.items():
            with choosing(model, chooser, topk=k):
                right[name][k] = accuracy(model, tokens, ledger)
            kept = chosen(model, some, chooser, k)
            held = [(w * keep).sum(dim=-1) for w, keep in zip(weights, kept)]
            mass[name][k] = tuple(one[:, k:].mean().item() for one in held)
            asked[name][k] = tuple(one[:, rows].mean().item() for one in held)
            notes[name][k] = (kept[-1][:, rows] & about).sum(dim=-1).float().mean().item()
            progress.update(1)
    with choosing(taught, topk=ledger.length):
        dense = accuracy(taught, tokens, ledger)
    return Judged(dense, right, mass, asked, notes)
