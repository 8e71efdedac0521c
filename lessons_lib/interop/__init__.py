"""How it meets the world: weights and configurations as the `transformers` library writes them."""

from lessons_lib.interop.huggingface import from_hf, to_hf
from lessons_lib.interop.pretrained import load_pretrained, save_pretrained

__all__ = ["from_hf", "load_pretrained", "save_pretrained", "to_hf"]
