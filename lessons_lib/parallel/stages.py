"""A model cut into stages of equally many layers.

The first stage embeds, the last has norm and head. Parameters keep their names, so that gradients of stages
and of the whole model can be laid side by side. Left out: tied embeddings and modules that predict further
ahead, whose embedding two stages would share.
"""

from torch import Tensor, nn

from lessons_lib.config import ModelConfig
from lessons_lib.model import Transformer


def layers_of(config: ModelConfig, stage: int, stages: int) -> range:
    """Return the layers of a stage; ValueError for a model that can't be cut into equal stages like this."""
    if config.n_layers % stages:
        raise ValueError(f"{config.n_layers} layers can't be cut into {stages} equal stages")
    if config.n_mtp_layers or config.tie_embeddings:
        raise ValueError("two stages would share the embedding: no MTP and no tied embeddings, please")
    each = config.n_layers // stages
    return range(stage * each, (stage + 1) * each)


def keep_stages(model: Transformer, mine: set[int], stages: int) -> None:
    """Take from a model all parameters that are not of these stages; the names of the others stay."""
    kept = {layer for stage in mine for layer in layers_of(model.config, stage, stages)}
    for layer in set(range(model.config.n_layers)) - kept:
        model.layers[layer] = nn.Identity()
    if 0 not in mine:
        model.embed = None  # type: ignore[assignment]
    if stages - 1 not in mine:
        model.norm = model.head = None  # type: ignore[assignment]


def stage_forward(model: Transformer, stage: int, stages: int, x: Tensor) -> Tensor:
    """Return what a stage hands on, (N, T, D); the first reads tokens (N, T), the last gives logits."""
    x = model.embed(x) if stage == 0 else x
    rope = model._angles(x, None)
    for layer in layers_of(model.config, stage, stages):
        x = model.layers[layer](x, rope, None, layer)
    return model.head(model.norm(x)) if stage == stages - 1 else x
