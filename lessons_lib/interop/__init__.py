"""How it meets the world: weights and configurations as the `transformers` library writes them."""

from lessons_lib.interop.huggingface import from_hf, to_hf

__all__ = ["from_hf", "to_hf"]
