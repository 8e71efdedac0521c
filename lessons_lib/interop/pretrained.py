"""A whole model as a folder that `transformers` opens without a network.

  model.safetensors       the weights under the names of a checkpoint, MTP modules among them
  config.json             the shape; generation_config.json: no token ends a text by itself, as here
  tokenizer.json          characters to ids (and tokenizer_config.json)
  README.md               the model card: what it is, how it was trained, how to open it

`AutoModelForCausalLM.from_pretrained(folder)` gives equal logits; `from_hf` reads the weights back, bit for
bit. A folder is written whole or not at all, and never over something that is there.
"""

import json
import os
import shutil
import tempfile
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from lessons_lib.corpus import Corpus
from lessons_lib.corpus.tokenizer import Vocabulary
from lessons_lib.interop.huggingface import to_hf
from lessons_lib.interop.model_card import model_card
from lessons_lib.interop.tokenizer import names_of, tokenizer_files
from lessons_lib.model import Transformer
from lessons_lib.signatures import checked

WEIGHTS, CONFIG = "model.safetensors", "config.json"


@checked()
def save_pretrained(
    model: Transformer,
    folder: str | os.PathLike[str],
    *,
    tokenizer: Corpus | Vocabulary | None = None,
    trained: str = "",
) -> Path:
    """Write `model` as a folder for `transformers` and return its path.

    `tokenizer` is a corpus or a vocabulary, None: the course's, where the model has as many tokens; a model
    with another vocabulary is then written without one. `trained`, Markdown, tells in the model card how the
    model was trained. Raises ValueError for a model that `transformers` does not know, FileExistsError where
    something is there already, and OSError where nothing can be written; then nothing is left behind.
    """
    folder = Path(folder)
    _refuse_what_is_there(folder)
    weights, config = to_hf(model)
    dtype = model.embed.weight.dtype
    config = {**config, "dtype": str(dtype).removeprefix("torch.")}
    names = names_of(tokenizer, model.config.vocab_size)
    files: dict[str, bytes] = {
        CONFIG: _json(config),
        "generation_config.json": _json({"pad_token_id": 0, "eos_token_id": None, "bos_token_id": None}),
        "README.md": model_card(model, trained, has_tokenizer=names is not None).encode(),
        WEIGHTS: safetensors.torch.save(_contiguous(weights), metadata={"format": "pt"}),
    }
    if names is not None:
        files |= {k: _json(v) for k, v in tokenizer_files(names, model.config.max_seq_len).items()}
    _write_whole(folder, files)
    return folder


@checked()
def load_pretrained(folder: str | os.PathLike[str]) -> tuple[dict[str, Tensor], dict]:
    """Return what `from_hf` takes, weights and configuration, from a folder with one file of weights.

    Raises FileNotFoundError where one of its two files is missing, ValueError where one is damaged.
    """
    folder = Path(folder)
    for name in (WEIGHTS, CONFIG):
        if not (folder / name).is_file():
            held = sorted(path.name for path in folder.glob("*"))[:5]
            raise FileNotFoundError(f"{folder} holds no {name}, only {', '.join(held) or 'nothing'}")
    try:
        weights = safetensors.torch.load_file(folder / WEIGHTS)
    except safetensors.SafetensorError as error:
        raise ValueError(f"{folder / WEIGHTS} is damaged or no file of weights ({error})") from None
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{folder / CONFIG} is damaged ({error})") from None
    if not isinstance(config, dict):
        raise ValueError(f"{folder / CONFIG} holds no configuration, but a {type(config).__name__}")
    return weights, config


def _refuse_what_is_there(folder: Path) -> None:
    if folder.is_dir():
        if held := sorted(path.name for path in folder.iterdir()):
            raise FileExistsError(
                f"{folder} already holds {len(held)} files or folders, {held[0]!r} among them; choose a new "
                "or an empty folder"
            )
    elif folder.exists() or folder.is_symlink():
        raise FileExistsError(f"{folder} is a file; choose another name for the folder")


def _write_whole(folder: Path, files: dict[str, bytes]) -> None:
    """Write all files into a folder beside it, which then gets its name."""
    size = sum(map(len, files.values()))
    beside = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        beside.chmod(0o755)  # as an ordinary folder; a temporary one is its owner's alone
        for name, content in files.items():
            (beside / name).write_bytes(content)
        if folder.is_dir():
            folder.rmdir()  # empty, or the error says that it no longer is
        beside.rename(folder)
    except OSError as error:
        if beside is not None:
            shutil.rmtree(beside, ignore_errors=True)
        why = error.strerror or error
        raise OSError(f"could not write {size / 1e6:.1f} MB to {folder}: {why}; nothing was kept") from error


def _json(content: dict) -> bytes:
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def _contiguous(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.to(torch.device("cpu")).contiguous() for name, tensor in weights.items()}
