"""What the model is: norm, rotary embedding, attention, feed-forward, cache, the whole."""

from lessons_lib.model.attention import Attention, attend
from lessons_lib.model.cache import KVCache
from lessons_lib.model.feed_forward import FeedForward
from lessons_lib.model.norm import RMSNorm
from lessons_lib.model.rope import apply_rope, rope_table
from lessons_lib.model.transformer import Block, Transformer
from lessons_lib.model.window_mlp import WindowMLP

__all__ = [
    "Attention",
    "Block",
    "FeedForward",
    "KVCache",
    "RMSNorm",
    "Transformer",
    "WindowMLP",
    "apply_rope",
    "attend",
    "rope_table",
]
