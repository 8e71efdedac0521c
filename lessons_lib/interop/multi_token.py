"""MTP modules of a DeepSeek-V3 checkpoint: names, the order of columns, and what is stored twice.

In a checkpoint module k is layer n_layers + k: a decoder layer with `enorm`, `hnorm`, `eh_proj` and
`shared_head.norm` besides, and copies of the model's embedding and head. The copies are written, since
released files have them, and compared when read. `eh_proj` takes the embedding first and the state second;
the report and we have it the other way round, so its two halves of columns are exchanged.
A model of `transformers` has no such modules; its `MtpModel` reads them from the same file, and always with
experts: those of a model without experts are ours alone.
"""

import re
from collections.abc import Mapping

import torch
from torch import Tensor

# ours -> theirs, inside a module; its block is an ordinary layer
IN_MODULE = {
    "hidden_norm": "hnorm",
    "embedding_norm": "enorm",
    "join": "eh_proj",
    "norm": "shared_head.norm",
}
COPIES = {"embed_tokens.weight": "model.embed_tokens.weight", "shared_head.head.weight": "lm_head.weight"}


def as_layer(name: str, n_layers: int) -> str:
    """Return our name "mtp.<k>..." as if the module were a layer; other names as they are."""
    found = re.fullmatch(r"mtp\.(\d+)\.(?:block\.)?(.+)", name)
    return f"layers.{n_layers + int(found[1])}.{found[2]}" if found else name


def behind(n_layers: int, modules: int) -> tuple[str, ...]:
    """Return how the names of the modules' weights begin."""
    return tuple(f"model.layers.{n_layers + i}." for i in range(modules))


def modules_held(state_dict: Mapping[str, Tensor], n_layers: int, announced: int) -> int:
    """Return how many modules to expect: those announced, or none where no weight of theirs is there.

    A model of `transformers` announces one by default and has none; copies alone make no module.
    """
    starts, copies = behind(n_layers, announced), tuple(COPIES)
    return announced if any(k.startswith(starts) and not k.endswith(copies) for k in state_dict) else 0


def without_copies(state_dict: Mapping[str, Tensor], n_layers: int, announced: int) -> dict[str, Tensor]:
    """Return the weights without the modules' copies; ValueError for one that is no copy."""
    rest = dict(state_dict)
    for start in behind(n_layers, announced):
        for name, original in COPIES.items():
            copy, held = rest.pop(start + name, None), state_dict.get(original)
            if copy is not None and held is not None and not torch.equal(copy, held):
                raise ValueError(f"{start + name} differs from {original}, which an MTP module shares")
    return rest


def with_copies(state_dict: Mapping[str, Tensor], n_layers: int, modules: int) -> dict[str, Tensor]:
    """Return the weights with the copies that a checkpoint holds for its modules."""
    held = {name: state_dict[original] for name, original in COPIES.items() if original in state_dict}
    copies = {
        start + name: tensor.clone() for start in behind(n_layers, modules) for name, tensor in held.items()
    }
    return {**state_dict, **copies}


def exchange_halves(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights with the halves of columns of every `eh_proj` exchanged, either way."""
    return {
        key: torch.cat(tensor.chunk(2, dim=1)[::-1], dim=1) if key.endswith(".eh_proj.weight") else tensor
        for key, tensor in state_dict.items()
    }
