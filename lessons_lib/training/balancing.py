"""What the training loop does for experts: count their tokens, and balance them as `TrainConfig` says.

`bias_update_speed` moves every router's bias after each step by the load of the whole batch. `aux_alpha` and
`seq_alpha` add a loss each, averaged over the layers that have experts, so that one value means the same for
models of any depth. All three may be on at once, and all are off by default.
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


def empty_load(config: TrainConfig) -> Tensor | None:
    """Return room for the load of every step, (steps, expert layers, experts) int32; None without experts."""
    model = config.model
    if not isinstance(model, ModelConfig) or model.n_routed_experts is None:
        return None
    return torch.zeros(config.steps, len(model.expert_layers), model.n_routed_experts, dtype=torch.int32)


def balance_losses(seen: dict[int, list[Routing]], length: int, config: TrainConfig) -> Tensor | None:
    """Return the balance losses of a pass over sequences of `length`, a scalar; None: none is asked for."""
    if not (config.aux_alpha or config.seq_alpha):
        return None
    losses = []
    for (routing,) in seen.values():
        if config.aux_alpha:
            losses.append(auxiliary_loss(routing.affinities, routing.ids, config.aux_alpha))
        if config.seq_alpha:
            k = routing.ids.shape[1]
            losses.append(sequence_wise_loss(routing.affinities, k, length, config.seq_alpha))
    return torch.stack(losses).sum() / len(seen)


def rebalance(model: Transformer, seen: dict[int, list[Routing]], config: TrainConfig, load: Tensor) -> None:
    """Count the tokens of every expert into load (expert layers, experts), and move the biases by it."""
    for row, (layer, router) in enumerate(routers(model).items()):
        (routing,) = seen[layer]
        load[row] = expert_load(routing.ids, load.shape[1])
        if config.bias_update_speed:
            update_bias(router.bias, load[row], config.bias_update_speed)
