"""Write what a call gave as bytes, and read it again: values alone, nothing that runs when it is read.

Pickle would let the sender have any code run by the reader. Here trees are JSON and tensors safetensors,
which hold numbers and shapes. What is neither a tensor, a number, a word nor a list of such travels as its
kind's name.
"""

import json
import struct
from typing import Any

import torch
from safetensors import torch as safetensors

from lessons_lib.checks.compare import Foreign, kind_of
from lessons_lib.checks.crash import Crash
from lessons_lib.checks.running import Run
from lessons_lib.checks.spots import Spot

LONGEST = 2000  # letters of a message
_DEEPEST, _MOST = 20, 64 * 2**20  # levels of a tree, bytes of an answer


class Unreadable(Exception):
    """What came back is no answer of ours."""


def pack(runs: list[Run], printed: str, trouble: str = "") -> bytes:
    """Return the runs, what was printed meanwhile, and why there was nothing to run."""
    tensors: dict[str, torch.Tensor] = {}
    told = {"runs": [_run(run, tensors) for run in runs], "printed": printed, "trouble": trouble}
    head = json.dumps(told).encode("ascii")
    return struct.pack("!Q", len(head)) + head + safetensors.save(tensors)


def unpack(message: bytes) -> tuple[list[Run], str, str]:
    """Return what `pack` was given. Unreadable if this cannot be its work."""
    if len(message) > _MOST:
        raise Unreadable("what the function returned is too large")
    try:
        (n,) = struct.unpack("!Q", message[:8])
        told = json.loads(message[8 : 8 + n])
        tensors = safetensors.load(message[8 + n :])
        runs = [_read_run(run, tensors) for run in told["runs"]]
        return runs, str(told["printed"])[:10_000], str(told["trouble"])[:LONGEST]
    except Exception as error:  # whatever a foreign text can do to these readers
        raise Unreadable("what came back from the function's process is no answer") from error


def _run(run: Run, tensors: dict[str, torch.Tensor]) -> dict[str, Any]:
    crash = run.error
    spot = crash.spot if crash else None
    return {
        "result": _tree(run.result, tensors, 0),
        "error": crash
        and [crash.kind, crash.message, crash.by_the_call, crash.stub_of, spot and list(vars(spot).values())],
        "changed": run.changed,
        "unused": run.unused,
        "used": run.used,
        "made": None if run.made is None else sorted(run.made),
    }


def _read_run(told: dict[str, Any], tensors: dict[str, torch.Tensor]) -> Run:
    run = Run(_value(told["result"], tensors))
    if told["error"] is not None:
        kind, message, by_the_call, stub_of, spot = told["error"]
        file, line, function, first = spot or ("", 0, "", 0)
        there = Spot(str(file), int(line), str(function)[:LONGEST], int(first)) if spot else None
        stub = None if stub_of is None else str(stub_of)[:LONGEST]
        run.error = Crash(str(kind)[:LONGEST], str(message)[:LONGEST], there, bool(by_the_call), stub)
    run.changed, run.unused = _pair(told["changed"]), _pair(told["unused"])
    run.used = None if told["used"] is None else str(told["used"])[:LONGEST]
    run.made = None if told["made"] is None else frozenset(map(str, told["made"]))
    return run


def _pair(told: Any) -> tuple[str, str] | None:
    return None if told is None else (str(told[0])[:LONGEST], str(told[1])[:LONGEST])


def _tree(value: Any, tensors: dict[str, torch.Tensor], depth: int) -> Any:
    """Return the value as JSON can have it: one key says what it is."""
    if isinstance(value, (tuple, list)) and depth < _DEEPEST:
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [_tree(part, tensors, depth + 1) for part in value]}
    if isinstance(value, torch.Tensor):
        try:
            plain = value.detach().as_subclass(torch.Tensor).cpu().contiguous().clone()
            safetensors.save({"x": plain})  # what it cannot hold, it refuses
        except Exception:
            return {"foreign": f"a tensor of {value.dtype}"}
        tensors[str(len(tensors))] = plain
        return {"tensor": str(len(tensors) - 1)}
    if value is None or type(value) in (bool, float, str) or (type(value) is int and abs(value) < 2**4096):
        return {"plain": value}
    return {"foreign": value.kind if isinstance(value, Foreign) else kind_of(value)}


def _value(told: dict[str, Any], tensors: dict[str, torch.Tensor]) -> Any:
    ((kind, value),) = told.items()
    if kind in ("tuple", "list"):
        parts = [_value(part, tensors) for part in value]
        return tuple(parts) if kind == "tuple" else parts
    if kind == "tensor":
        return tensors[value]
    if kind == "foreign":
        return Foreign(str(value)[:LONGEST])
    if kind != "plain" or not (value is None or type(value) in (bool, int, float, str)):
        raise ValueError(kind)
    return value
