"""Experts of a DeepSeek-V3 model, between `transformers` and us: their configuration and their names.

Two layouts of the weights are read: a checkpoint on disk has three matrices per expert, a model of
`transformers` 5 in memory has two stacks per layer, `gate_up_proj` (E, 2 I, dim), gate rows first, and
`down_proj` (E, dim, I), which are ours. The names per expert are written, since every version reads them.
The router's bias is a buffer there as here, and stays in float32. Without shared experts `transformers` has
matrices without rows for them, and we have none.
Letters: E experts, I width of an expert.
"""

import itertools
import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from lessons_lib.config import ModelConfig

# transformers 5.23, DeepseekV3Config
EXPERT_DEFAULTS = {
    "first_k_dense_replace": 3,
    "n_routed_experts": 256,
    "num_experts_per_tok": 8,
    "n_shared_experts": 1,
    "n_group": 8,
    "topk_group": 4,
    "moe_intermediate_size": 2048,
    "norm_topk_prob": True,
    "routed_scaling_factor": 2.5,
}
# older files say which router they mean; transformers knows only this one and does not look
ROUTER = {"scoring_func": "sigmoid", "topk_method": "noaux_tc", "moe_layer_freq": 1}

# ours -> theirs, inside a layer and with the last part of the name
EXPERT_NAMES = {
    "ffn.router.weight": "mlp.gate.weight",
    "ffn.router.bias": "mlp.gate.e_score_correction_bias",
    "ffn.experts.w13": "mlp.experts.gate_up_proj",
    "ffn.experts.w2": "mlp.experts.down_proj",
    "ffn.shared.w1.weight": "mlp.shared_experts.gate_proj.weight",
    "ffn.shared.w2.weight": "mlp.shared_experts.down_proj.weight",
    "ffn.shared.w3.weight": "mlp.shared_experts.up_proj.weight",
}
ONE_EXPERT = re.compile(r"(.+\.mlp\.experts)\.(\d+)\.(gate|up|down)_proj\.weight")


def experts_from_hf(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return our fields about experts from a configuration without gaps; none where all layers are dense."""
    n_dense = config["first_k_dense_replace"] or 0
    if n_dense >= config["num_hidden_layers"]:
        return {}
    for key, wanted in ROUTER.items():
        if config.get(key, wanted) != wanted:
            raise ValueError(f"{key} must be {wanted!r} in a deepseek_v3 model, got {config[key]!r}")
    return {
        "n_dense_layers": n_dense,
        "n_routed_experts": config.get("num_local_experts", config["n_routed_experts"]),  # two names
        "n_activated_experts": config["num_experts_per_tok"],
        "n_shared_experts": config["n_shared_experts"] or 0,
        "n_expert_groups": config["n_group"] or 1,
        "n_limited_groups": config["topk_group"] or 1,
        "moe_inter_dim": config["moe_intermediate_size"],
        "norm_topk": bool(config["norm_topk_prob"]),
        "route_scale": float(config["routed_scaling_factor"]),
    }


def experts_to_hf(config: ModelConfig) -> dict[str, Any]:
    """Return what `transformers` reads about experts; ValueError for a router that V3 does not have."""
    if config.n_routed_experts is None:
        return {"first_k_dense_replace": config.n_layers}
    if config.score_func != "sigmoid":
        raise ValueError(f'a deepseek_v3 model has score_func="sigmoid", this one {config.score_func!r}')
    if config.group_score != "top2" and config.n_limited_groups < config.n_expert_groups:
        raise ValueError(f'a deepseek_v3 model has group_score="top2", this one {config.group_score!r}')
    return {
        "first_k_dense_replace": config.n_dense_layers,
        "n_routed_experts": config.n_routed_experts,
        "num_experts_per_tok": config.n_activated_experts,
        "n_shared_experts": config.n_shared_experts,
        "n_group": config.n_expert_groups,
        "topk_group": config.n_limited_groups,
        "moe_intermediate_size": config.moe_inter_dim,
        "norm_topk_prob": config.norm_topk,
        "routed_scaling_factor": config.route_scale,
        **ROUTER,
    }


def stack_experts(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a state dict with the matrices of single experts stacked, (E, out, in); the rest as it is.

    Raises ValueError, naming them, where a matrix is missing or has another shape than its neighbours.
    """
    single: dict[str, dict[tuple[str, int], Tensor]] = {}  # "model.layers.3.mlp.experts" -> its matrices
    rest = {}
    for key, tensor in state_dict.items():
        if found := ONE_EXPERT.fullmatch(key):
            single.setdefault(found[1], {})[found[3], int(found[2])] = tensor
        elif tensor.numel() or ".shared_experts." not in key:
            rest[key] = tensor
    for layer, matrices in single.items():
        n = 1 + max(expert for _, expert in matrices)
        wanted = ((kind, expert) for kind in ("gate", "up", "down") for expert in range(n))
        missing = ((kind, expert) for kind, expert in wanted if (kind, expert) not in matrices)
        some = [f"{layer}.{expert}.{kind}_proj.weight" for kind, expert in itertools.islice(missing, 8)]
        if some:
            raise ValueError(f"the state dict does not fit the configuration; missing: {', '.join(some)}")
        gate, up, down = (_stack(layer, kind, matrices, n) for kind in ("gate", "up", "down"))
        if gate.shape != up.shape:
            raise ValueError(f"{layer}: gate_proj is {tuple(gate.shape)}, up_proj {tuple(up.shape)}")
        rest[f"{layer}.gate_up_proj"] = torch.cat([gate, up], dim=1)
        rest[f"{layer}.down_proj"] = down
    return rest


def _stack(layer: str, kind: str, matrices: dict[tuple[str, int], Tensor], n: int) -> Tensor:
    of_kind = [matrices[kind, expert] for expert in range(n)]
    shapes = {tuple(matrix.shape) for matrix in of_kind}
    if len(shapes) > 1:
        raise ValueError(f"{layer}: {kind}_proj has several shapes, {', '.join(map(str, sorted(shapes)))}")
    return torch.stack(of_kind)


def split_experts(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a state dict with every expert's matrices under names of their own; the rest as it is."""
    apart = {}
    for key, tensor in state_dict.items():
        layer, _, kind = key.rpartition(".")
        if kind == "gate_up_proj":
            for expert, (gate, up) in enumerate(matrix.chunk(2) for matrix in tensor):
                apart[f"{layer}.{expert}.gate_proj.weight"] = gate.clone()
                apart[f"{layer}.{expert}.up_proj.weight"] = up.clone()
        elif layer.endswith(".experts") and kind == "down_proj":
            for expert, down in enumerate(tensor):
                apart[f"{layer}.{expert}.down_proj.weight"] = down.clone()
        else:
            apart[key] = tensor
    return apart
