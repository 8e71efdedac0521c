"""What the training loop does for experts: count their tokens, and balance them as `TrainConfig` says.

`bias_update_speed` moves every router's bias after each step by the load of the whole batch. `aux_alpha` and
`seq_alpha` add a loss each, averaged over the layers that have experts, so that one value means the same for
models of any depth. All three may be on at once, and all are off by default. An MTP module that learns has
experts as well: they are balanced like the others, but `load` counts the layers of the main model alone.
"""

import torch
from torch import Tensor

from lessons_lib.config import ModelConfig, TrainConfig
from lessons_lib.model import (
    Routing,
    Transformer,
    auxiliary_loss,
    expert_load,
    routers,
    sequence_wise_loss,
    update_bias,
)
from lessons_lib.signatures import checked


@checked()
def empty_load(config: TrainConfig) -> Tensor | None:
    """Return room for the load of every step, (steps, expert layers, experts) int32; None without experts."""
    model = config.model
    if not isinstance(model, ModelConfig) or model.n_routed_experts is None:
        return None
    return torch.zeros(config.steps, len(model.expert_layers), model.n_routed_experts, dtype=torch.int32)


def balance_losses(seen: dict[int, list[Routing]], length: int, config: TrainConfig) -> Tensor | None:
    """Return the balance losses of a pass over sequences of `length`, a scalar; None: none is asked for.

    A module of depth k sees k tokens less of each sequence.
    """
    if not (config.aux_alpha or config.seq_alpha):
        return None
    model = config.model
    assert isinstance(model, ModelConfig)  # or nothing would be balanced
    losses = []
    for layer, (routing,) in seen.items():
        if config.aux_alpha:
            losses.append(auxiliary_loss(routing.affinities, routing.ids, config.aux_alpha))
        if config.seq_alpha:
            k = routing.ids.shape[1]
            read = length - max(0, layer - model.n_layers + 1)
            losses.append(sequence_wise_loss(routing.affinities, k, read, config.seq_alpha))
    return torch.stack(losses).sum() / len(seen)


def rebalance(model: Transformer, seen: dict[int, list[Routing]], config: TrainConfig, load: Tensor) -> None:
    """Move the biases of all that was `seen` by its load, and keep that of the main model's layers.

    `load` (expert layers, experts) is filled in.
    """
    found = routers(model, mtp=True)
    for row, (layer, (routing,)) in enumerate(seen.items()):
        counted = expert_load(routing.ids, load.shape[1])
        if row < len(load):
            load[row] = counted
        if config.bias_update_speed:
            update_bias(found[layer].bias, counted, config.bias_update_speed)
