"""What the model is: norm, rotary embedding, attention, feed-forward, cache, the whole."""

from lessons_lib.model.attention import Attention, attend
from lessons_lib.model.cache import KVCache, LatentCache
from lessons_lib.model.feed_forward import FeedForward
from lessons_lib.model.latent_attention import LatentAttention
from lessons_lib.model.norm import RMSNorm
from lessons_lib.model.rope import apply_rope, rope_frequencies, rope_table
from lessons_lib.model.transformer import Block, Transformer
from lessons_lib.model.window_mlp import WindowMLP
from lessons_lib.model.yarn import yarn_frequencies, yarn_mscale, yarn_ramp

__all__ = [
    "Attention",
    "Block",
    "FeedForward",
    "KVCache",
    "LatentAttention",
    "LatentCache",
    "RMSNorm",
    "Transformer",
    "WindowMLP",
    "apply_rope",
    "attend",
    "rope_frequencies",
    "rope_table",
    "yarn_frequencies",
    "yarn_mscale",
    "yarn_ramp",
]
