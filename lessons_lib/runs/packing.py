"""Turn a result into JSON and tensors, and back: what a file can hold without `pickle`.

Plain values stay as they are. What JSON does not know is written as an object with one `$` key: a tensor
(by its name in the safetensors file), an array, a tuple, a dictionary with other keys than text, nan and
the infinities, a dataclass, and a model (its class, its configuration, its weights). Reading creates
only dataclasses and models whose classes are already imported; nothing stored is ever executed.
"""

import dataclasses
import math
import sys
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


def pack(value: Any) -> tuple[Any, dict[str, Tensor]]:
    """Return (what JSON can hold, the tensors it names); TypeError for what cannot be stored."""
    tensors: dict[str, Tensor] = {}

    def keep(tensor: Tensor, where: str) -> str:
        name = where or "value"
        while name in tensors:
            name += "'"
        tensors[name] = tensor.detach().cpu().clone().contiguous()
        return name

    def walk(value: Any, where: str) -> Any:
        if isinstance(value, np.generic):
            value = value.item()
        if value is None or isinstance(value, bool | int | str):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else {"$float": repr(value)}
        if isinstance(value, Tensor):
            return {"$tensor": keep(value, where)}
        if isinstance(value, np.ndarray):
            return {"$array": keep(torch.from_numpy(np.ascontiguousarray(value)), where)}
        if isinstance(value, list | tuple):
            items = [walk(item, _inside(where, i)) for i, item in enumerate(value)]
            return items if type(value) is list else {"$tuple": items}
        if isinstance(value, dict):
            if all(isinstance(key, str) and not key.startswith("$") for key in value):
                return {key: walk(item, _inside(where, key)) for key, item in value.items()}
            pairs = [[walk(k, where), walk(v, _inside(where, k))] for k, v in value.items()]
            return {"$dict": pairs}
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value) if f.init}
            packed = {name: walk(item, _inside(where, name)) for name, item in fields.items()}
            return {"$class": _path(value), "fields": packed}
        if isinstance(value, nn.Module) and hasattr(value, "config"):
            names = {k: keep(t, _inside(where, k)) for k, t in value.state_dict().items()}
            return {"$model": _path(value), "config": walk(value.config, where), "weights": names}
        raise TypeError(
            f"a run can hold numbers, text, tensors, lists, dictionaries, dataclasses and models with a "
            f"`config`, but {where or 'the result'} is a {type(value).__name__}"
        )

    return walk(value, ""), tensors


def unpack(packed: Any, tensors: dict[str, Tensor]) -> Any:
    """Return the value that `pack` was given; models come back in eval mode."""

    def walk(packed: Any) -> Any:
        if isinstance(packed, list):
            return [walk(item) for item in packed]
        if not isinstance(packed, dict):
            return packed
        match packed:
            case {"$float": text}:
                return float(text)
            case {"$tensor": name}:
                return tensors[name].clone()
            case {"$array": name}:
                return tensors[name].numpy().copy()
            case {"$tuple": items}:
                return tuple(walk(item) for item in items)
            case {"$dict": pairs}:
                return {walk(key): walk(item) for key, item in pairs}
            case {"$class": path, "fields": fields}:
                return _find(path)(**walk(fields))
            case {"$model": path, "config": config, "weights": names}:
                with torch.random.fork_rng(devices=[]):  # a model draws its first weights: not ours
                    model = _find(path)(walk(config))
                model.load_state_dict({key: tensors[name] for key, name in names.items()})
                return model.eval()
        return {key: walk(item) for key, item in packed.items()}

    return walk(packed)


def _inside(where: str, key: object) -> str:
    return f"{where}.{key}" if where else str(key)


def _path(value: object) -> str:
    return f"{type(value).__module__}:{type(value).__qualname__}"


def _find(path: str) -> type:
    """Return the class named "module:Class", of a module that is imported already."""
    module, name = path.split(":")
    found = getattr(sys.modules.get(module), name, None)
    if not isinstance(found, type) or not (dataclasses.is_dataclass(found) or issubclass(found, nn.Module)):
        raise ValueError(f"{path} is not a dataclass or model that is known here")
    return found
